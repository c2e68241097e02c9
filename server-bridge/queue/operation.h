/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One operation on a queue: with the lock, or as a look without it. Internal to queue/. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queue/layout.h"
#include "queue/map.h"
#include "queue/queue.h"

struct queue
{
    struct queue_map map;
    int wake_fd;
    bool impatient;
};

struct operation
{
    struct queue *queue;
    uint32_t generation;
    uint32_t pages; /* for which the pool was entered */
    uint8_t *pool;
    bool appended;            /* there is a new message: operation_unlock() wakes who sleeps */
    struct queue_state state; /* private: changed at will, and kept by operation_commit() */
};

bool queue_is_closed(const struct queue *queue);

/* Takes the lock. On success large messages that are complete have been appended, and there is a
 * valid, settled state and the pool as far as that reaches. MAILSLOT_CLOSED, MAILSLOT_BUSY, -EIO,
 * -ENOMEM: nothing is held. */
int operation_begin(struct operation *operation, struct queue *queue)
    __attribute__((warn_unused_result));

/* The pool as far as page `top`, which may be more than there is: -EIO, -ENOMEM. */
int operation_reach(struct operation *operation, uint64_t top) __attribute__((warn_unused_result));

void operation_commit(struct operation *operation);

/* Gives the lock back, and then wakes who sleeps if `wake`. The pool stays until the second one. */
void operation_unlock(struct operation *operation, bool wake);
void operation_leave(struct operation *operation);
void operation_end(struct operation *operation, bool wake); /* both */

/* Takes a look without the lock: the state as it was at one moment. The same codes as
 * operation_begin(); what it gives must not be committed. Ended by operation_leave(). */
int operation_look(struct operation *operation, struct queue *queue)
    __attribute__((warn_unused_result));

/* Is the oldest message of that look still the oldest, and the queue open? false also when others
 * do not stop changing it. */
bool operation_still(const struct operation *look);

/* The lock is held: notes in `wake` that a reader will sleep on that word, or poll (the bit of
 * that), and returns what it is now. */
uint32_t operation_arm(struct operation *operation, uint32_t how);

/* The lock is held: looks after large messages that are being written (push.c). Appends those that
 * are complete, and frees the pages of writers that have died, or also of those that have not
 * begun. true: there is a new message. To be committed. */
enum operation_sweep
{
    OPERATION_SWEEP_DONE,
    OPERATION_SWEEP_DEAD,
    OPERATION_SWEEP_ALL,
};
bool claim_is_done(const struct queue_claim *claim);
bool operation_sweep(struct operation *operation, enum operation_sweep how);

/* Wakes those whom a value of `wake` says, and clears it if it has not changed. */
void queue_wake(struct queue *queue, uint32_t seen);
