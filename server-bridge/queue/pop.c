/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading from a queue: copied first, taken then. See queue.c. */

#include "queue/operation.h"

#include <errno.h>

#include "queue/lock.h"
#include "queue/pages.h"
#include "queue/wake.h"

/* So often may others be faster. Each time is a message that somebody got: only somebody who is up
 * to no good makes it so many. */
#define POP_ATTEMPTS 100000

/* All has been read: begins anew at the beginning of the pool, unless a writer is at work there. */
static void pop_rewind(struct operation *operation)
{
    struct queue_state *state = &operation->state;

    if (state->claims[0] | state->claims[1])
        operation->appended |= operation_sweep(operation, OPERATION_SWEEP_DEAD);
    if (state->claims[0] | state->claims[1] || state->count)
        return;
    state->used = 0;
    pages_rewind(state);
}

/* A reader found nothing: gives memory back that much larger contents had. Not at once when all has
 * been read, or a queue of few large messages would get it from the system for each. */
static void pop_discard(struct queue *queue)
{
    struct operation operation;
    struct queue_state *state = &operation.state;

    if (operation_begin(&operation, queue))
        return;
    if (!state->count)
        pop_rewind(&operation);
    if (!state->count && state->backed && state->top <= QUEUE_LAYOUT_FIRST_PAGES)
    {
        state->backed = 0;
        operation_commit(&operation);
        queue_map_discard(operation.pool, QUEUE_LAYOUT_FIRST_PAGES, operation.pages);
    }
    else if (operation.appended)
        operation_commit(&operation);
    operation_end(&operation, false);
    queue_map_leave(&queue->map, 0); /* what is mapped may be too large now */
}

/* Takes the message that was copied, if it still is the oldest. false: it is not. */
static bool pop_take(const struct operation *look, struct queue *queue, int *ret)
{
    struct operation operation;
    struct queue_state *state = &operation.state;
    bool still;

    *ret = operation_begin(&operation, queue);
    if (*ret)
        return true;
    still = state->popped == look->state.popped && state->count;
    if (still)
    {
        if (queue_is_closed(queue))
            *ret = MAILSLOT_CLOSED;
        else if (!pages_drop(state, operation.pool))
            *ret = -EIO;
        else
        {
            if (!state->count)
                pop_rewind(&operation);
            operation_commit(&operation);
        }
    }
    operation_end(&operation, false);
    return still;
}

int queue_pop(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size)
{
    struct operation look;
    bool copied = false;
    uint32_t size;
    int r;

    for (int attempt = 0; attempt < POP_ATTEMPTS; attempt++)
    {
        r = operation_look(&look, queue);
        if (r)
            return r;
        size = look.state.next_size;
        if (!look.state.count)
            r = MAILSLOT_EMPTY;
        else if (size > capacity)
            r = MAILSLOT_BUFFER_TOO_SMALL;
        else
            copied = pages_copy(&look.state, look.pool, buffer, size);
        operation_leave(&look);
        if (!r && copied && !pop_take(&look, queue, &r))
            continue;
        if (!r && !copied)
        {
            if (!operation_still(&look) && !queue_is_closed(queue))
                continue;
            r = queue_is_closed(queue) ? MAILSLOT_CLOSED : -EIO;
        }
        if (!r || r == MAILSLOT_BUFFER_TOO_SMALL)
            *ret_size = size;
        if (r == MAILSLOT_EMPTY && look.state.backed)
            pop_discard(queue);
        return r;
    }
    return MAILSLOT_BUSY;
}

int queue_peek(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size,
               uint32_t *ret_count)
{
    struct operation look;
    uint32_t size;
    bool copied;
    int r;

    for (int attempt = 0; attempt < POP_ATTEMPTS; attempt++)
    {
        r = operation_look(&look, queue);
        if (r)
            return r;
        size = look.state.next_size;
        copied = look.state.count &&
                 pages_copy(&look.state, look.pool, buffer, size < capacity ? size : capacity);
        operation_leave(&look);
        if (!look.state.count)
            return MAILSLOT_EMPTY;
        if (queue_is_closed(queue))
            return MAILSLOT_CLOSED;
        if (!operation_still(&look))
            continue;
        if (!copied)
            return -EIO;
        *ret_size = size;
        *ret_count = look.state.count;
        return 0;
    }
    return MAILSLOT_BUSY;
}

/* --- waiting for a message ------------------------------------------------------------------- */

/* Notes that this reader waits. MAILSLOT_EMPTY: it may; 0: there is a message after all. */
static int pop_arm(struct queue *queue, uint32_t how, uint32_t *ret_wake, uint64_t *ret_pushed)
{
    struct operation operation;
    int r;

    r = operation_begin(&operation, queue);
    if (r)
        return r;
    if (!operation.state.count)
    {
        *ret_wake = operation_arm(&operation, how);
        *ret_pushed = operation.state.pushed;
        r = MAILSLOT_EMPTY;
    }
    operation_end(&operation, false);
    return r == MAILSLOT_EMPTY && queue_is_closed(queue) ? MAILSLOT_CLOSED : r;
}

int queue_pop_or_arm(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size)
{
    for (;;)
    {
        struct operation look;
        uint64_t pushed = 0;
        uint32_t wake = 0;
        int r;

        r = queue_pop(queue, buffer, capacity, ret_size);
        if (r != MAILSLOT_EMPTY)
            return r;
        r = pop_arm(queue, QUEUE_LAYOUT_WAKE_POLLS, &wake, &pushed);
        if (!r)
            continue;
        if (r != MAILSLOT_EMPTY)
            return r;
        wake_fd_set(queue->wake_fd, false);
        r = operation_look(&look, queue);
        if (!r)
            operation_leave(&look);
        if (!r && look.state.pushed == pushed)
            return MAILSLOT_EMPTY;
        /* What was just taken away was for somebody, perhaps for others. */
        wake_fd_set(queue->wake_fd, true);
        if (r)
            return r;
    }
}

int queue_pop_wait(struct queue *queue, void *buffer, uint32_t capacity, int64_t until,
                   const uint32_t *cancelled, uint32_t *ret_size)
{
    uint32_t *word = &queue->map.header->wake;

    for (;;)
    {
        uint64_t pushed = 0;
        uint32_t wake = 0;
        int r;

        r = queue_pop(queue, buffer, capacity, ret_size);
        if (r != MAILSLOT_EMPTY)
            return r;
        r = pop_arm(queue, QUEUE_LAYOUT_WAKE_SLEEPS, &wake, &pushed);
        if (!r)
            continue;
        if (r != MAILSLOT_EMPTY)
            return r;
        if (cancelled && __atomic_load_n(cancelled, __ATOMIC_SEQ_CST))
            return MAILSLOT_CANCELLED;
        if (lock_sleep(word, wake, until) == -ETIMEDOUT)
            return MAILSLOT_TIMEOUT;
    }
}
