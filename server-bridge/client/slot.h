/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One end of a mailslot as the client library keeps it. */
#pragma once

#include "client/connection.h"
#include "queue/queue.h"

/* A slot's queue, mapped once however many ends of it this process has. */
struct shared_queue
{
    struct queue *queue;
    uint64_t slot; /* its id */
    unsigned int references;
    struct shared_queue *prev, *next; /* in mailslot_client.queues; client lock */
};

struct mailslot
{
    struct mailslot_client *client;
    struct control_slot identity;
    char *host; /* "" for a local one */
    char *name;
    struct queue *queue; /* of `shared`; NULL for a remote one, and for another user's */
    struct shared_queue *shared;
    int lease;                 /* -1 when the caller owns it */
    int64_t quiet_until;       /* remote: client_clock() up to which messages need no reply, */
    uint32_t quiet_size;       /* how large they may be, */
    uint32_t quiet_connection; /* and on which connection: mailslot_client.connections */
};

/* Writes to one without a queue: send.c. */
__attribute__((warn_unused_result)) int slot_send(struct mailslot *slot, const void *data,
                                                  uint32_t size);
