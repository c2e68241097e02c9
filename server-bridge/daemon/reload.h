/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the configuration again while the daemon runs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "daemon/host.h"

/* Lines for people; what has no room is left out. It fits into a packet (control/protocol.h). */
#define RELOAD_REPORT_MAX 16384

struct reload_report
{
    char text[RELOAD_REPORT_MAX];
    size_t size;
    unsigned int n_left_out; /* lines; the log has them */
};

struct reload;

/*
 * From now on SIGHUP and CONTROL_RELOAD read the options from `source` again, which is borrowed.
 * `config` is what host->config points to: reload_now() replaces what is in it. SIGHUP must be
 * blocked. To be freed before the host.
 */
__attribute__((warn_unused_result)) int reload_new(struct reload **ret, struct host *host,
                                                   const struct config_source *source,
                                                   struct config *config);
struct reload *reload_free(struct reload *reload);

/* Reads again; the report is in the log, too. -EINVAL: what is new is bad, the old options stay. */
__attribute__((warn_unused_result)) int reload_now(struct reload *reload,
                                                   struct reload_report *ret_report);

/* Whether the program at the other end of this connection may ask for it: root, or our own user. */
bool reload_allowed(int socket);
