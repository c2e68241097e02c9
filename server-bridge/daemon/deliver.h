/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages that pass through the daemon: from the network, to the network, to a named slot. */
#pragma once

#include <stddef.h>

#include "daemon/host.h"

/* Not NUL-terminated. host: "." this machine only, "*" the own workgroup, else a name. */
struct deliver_target
{
    const char *host;
    size_t host_size;
    const char *name;
    size_t name_size;
    struct lease *lease; /* through which it comes; NULL: by host and name alone */
};

/* For how long after a message that got through the next ones may go without a reply, ms. */
#define DELIVER_QUIET_MS 1000

/*
 * One message from a client. Returns enum mailslot_result or a negative errno. CONTROL_PENDING: the
 * name is being looked up; *ret_answer is then one end of a socket pair, for the caller to give
 * away, through which the result will come. `charge` pays for what waits: MAILSLOT_LIMIT.
 */
__attribute__((warn_unused_result)) int deliver_send(struct host *host,
                                                     const struct deliver_target *target,
                                                     const void *data, size_t size,
                                                     struct charge *charge, int *ret_answer);

/* The net's sink: one message for a local slot. Returns enum net_deliver_result. */
int deliver_from_net(void *userdata, const struct net_message *message);
