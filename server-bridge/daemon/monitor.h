/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who watches messages go by. */
#pragma once

#include "daemon/deliver.h"

/* In all; of them, those of guests; and of one guest: see struct user. */
#define MONITORS_MAX           8
#define MONITORS_GUESTS_MAX    6
#define MONITORS_PER_GUEST_MAX 3

/*
 * A new monitor for this program's user; *ret_far_end is the caller's, to be given away. It ends
 * when the last copy of the far end is closed. MAILSLOT_LIMIT.
 */
__attribute__((warn_unused_result)) int monitor_new(struct peer *peer, int *ret_far_end);

/* Ends all, at the end of the daemon. */
void monitor_free_all(struct host *host);

/* Whether anybody watches: callers ask first, so that it costs nothing otherwise. */
static inline bool monitor_watched(const struct host *host)
{
    return host->n_monitors;
}

/*
 * What became of a message; to be called only if monitor_watched(). `slot` is NULL if there is none
 * of that name. Results: enum net_deliver_result, enum mailslot_result, or a negative errno.
 */
void monitor_tell_net(struct host *host, const struct net_message *message, const struct slot *slot,
                      int result);
void monitor_tell_local(struct host *host, const struct deliver_target *target, const void *data,
                        size_t size, const struct slot *slot, const struct charge *charge,
                        int result);

/*
 * A message to the network, whose end comes later: a copy of what there is to tell. NULL: nobody
 * watches, or there is no memory. monitor_note_tell() tells it and frees the copy; NULL is fine.
 */
struct monitor_note;
struct monitor_note *monitor_note_new(struct host *host, const struct net_request *request,
                                      const struct charge *charge);
void monitor_note_tell(struct host *host, struct monitor_note *note, int result);
