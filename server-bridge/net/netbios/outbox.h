/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams on their way out: at once, or several with one system call */
#pragma once

#include "net/netbios/socket.h"
#include "net/transport.h"

struct outbox;

/*
 * Counts what leaves (SENT_DATAGRAMS, SENT_UNICAST) and what the kernel refuses (SEND_FAILED).
 * The counters are borrowed. One thread.
 */
int outbox_new(struct outbox **ret_outbox, struct net_counters *counters)
    __attribute__((warn_unused_result));
struct outbox *outbox_free(struct outbox *outbox); /* what still waits is lost */

/* From now on datagrams wait for outbox_release(). Again is once. */
void outbox_hold(struct outbox *outbox);

/* Sends what waits, those to one address in their order; what is put in from now on does not wait.
 */
void outbox_release(struct outbox *outbox);

/* Sends what waits; others may wait again. What was put in before leaves before what follows. */
void outbox_flush(struct outbox *outbox);

/*
 * Sends a datagram through `fd`, or lets it wait (it is copied). Only those to one address keep
 * their order while they wait. 0, or a negative errno of one that did not wait. While the kernel
 * has no room the call lasts longer, up to 100 ms; -EAGAIN: that was not enough.
 */
int outbox_put(struct outbox *outbox, int fd, const struct datagram_way *way, const void *bytes,
               size_t size) __attribute__((warn_unused_result));
