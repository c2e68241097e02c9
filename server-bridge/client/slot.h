/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One end of a mailslot as the client library keeps it. */
#pragma once

#include "client/connection.h"
#include "queue/queue.h"

struct mailslot
{
    struct mailslot_client *client;
    struct control_slot identity;
    char *host; /* "" for a local one */
    char *name;
    struct queue *queue; /* NULL for a remote one, and for another user's */
    int watch;           /* the daemon's end of the lease: kept so that a new daemon can watch it */
    int lease;           /* -1 when the caller owns it */
    int64_t quiet_until; /* remote: client_clock() up to which messages need no reply */
    uint32_t quiet_size; /* and how large they may be; both under the client's lock */
    struct mailslot *prev, *next;
};

/* Shows one slot to a daemon that has just come (back). Client lock held. */
__attribute__((warn_unused_result)) int slot_restore(struct mailslot *slot,
                                                     struct client_call *call);

/* Writes to one without a queue: send.c. */
__attribute__((warn_unused_result)) int slot_send(struct mailslot *slot, const void *data,
                                                  uint32_t size);
