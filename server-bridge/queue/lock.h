/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lock between the processes that map a queue. Internal to queue/. */

#pragma once

#include <stdint.h>

#include "queue/layout.h"

#define QUEUE_LOCK_HOLDER_MASK 0x7fffffffu
#define QUEUE_LOCK_WAITERS     0x80000000u

enum
{
    QUEUE_LOCK_STUCK = 1
};

/* Takes the lock for `holder` (1..QUEUE_LOCK_HOLDER_MASK). The caller has blocked all signals.
 * QUEUE_LOCK_STUCK: the same holder kept it for patience_ms without a turn, or ten times that has
 * passed in all; nothing is held then. Time in which the caller itself was stopped does not count.
 */
int queue_lock_take(struct queue_header *header, uint32_t holder, uint32_t patience_ms)
    __attribute__((warn_unused_result));

/* Releases the lock and wakes one waiter if there are any. Does nothing if `holder` has it not. */
void queue_lock_drop(struct queue_header *header, uint32_t holder);

/* Releases the lock if `dead` has it, and wakes all waiters in any case: `dead` may have been the
 * one that was woken last. Never waits. */
void queue_lock_break(struct queue_header *header, uint32_t dead);

/* The holder now, 0 for none; only a hint. */
uint32_t queue_lock_holder(const struct queue_header *header);
