/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One operation on a queue: with the lock, or as a look without it. See queue.c. */

#include "queue/operation.h"

#include <errno.h>
#include <stddef.h>

#include "queue/lock.h"
#include "queue/pages.h"
#include "queue/wake.h"

#define LOOKS 8 /* before a look without the lock becomes one with it */

/* In wide pieces. What comes of it is looked at only then: nothing is read twice. */
static inline void state_copy(struct queue_state *to, const struct queue_state *from)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __builtin_memcpy(to, from, offsetof(struct queue_state, reserved1));
    __asm__ volatile("" : : "r"(to) : "memory");
}

bool queue_is_closed(const struct queue *queue)
{
    return __atomic_load_n(&queue->map.header->closed, __ATOMIC_SEQ_CST) != 0;
}

/* Checks the state that was loaded and enters the pool. */
static int operation_enter(struct operation *operation)
{
    struct queue *queue = operation->queue;

    if (!pages_valid(&operation->state, queue->map.pages))
        return queue_is_closed(queue) ? MAILSLOT_CLOSED : -EIO;
    operation->pages = operation->state.top > operation->state.backed ? operation->state.top
                                                                      : operation->state.backed;
    return queue_map_enter(&queue->map, operation->pages, &operation->pool);
}

void operation_leave(struct operation *operation)
{
    queue_map_leave(&operation->queue->map, operation->pages);
}

int operation_begin(struct operation *operation, struct queue *queue)
{
    struct queue_header *header = queue->map.header;
    bool orphan;
    int r;

    if (queue_is_closed(queue))
        return MAILSLOT_CLOSED;
    if (!lock_take(&header->lock, &header->generation, queue->impatient ? 0 : LOCK_PATIENCE_MS,
                   &orphan))
        return queue_is_closed(queue) ? MAILSLOT_CLOSED : MAILSLOT_BUSY;
    operation->queue = queue;
    operation->generation = __atomic_load_n(&header->generation, __ATOMIC_ACQUIRE);
    state_copy(&operation->state, &header->state[operation->generation & 1]);
    r = operation_enter(operation);
    if (!r && !pages_settle(&operation->state, operation->pool))
    {
        operation_leave(operation);
        r = queue_is_closed(queue) ? MAILSLOT_CLOSED : -EIO;
    }
    if (r)
    {
        lock_drop(&header->lock);
        return r;
    }
    operation->appended = false;
    if (operation->state.claims[0] | operation->state.claims[1])
        operation->appended = operation_sweep(operation, OPERATION_SWEEP_DONE);
    if (operation->appended)
        operation_commit(operation);
    return 0;
}

int operation_reach(struct operation *operation, uint64_t top)
{
    struct queue_map *map = &operation->queue->map;
    uint32_t pages;
    uint8_t *pool;
    int r;

    if (top <= operation->pages)
        return 0;
    if (top > map->pages)
        return -EIO;
    pages = (uint32_t)top;
    r = queue_map_enter(map, pages, &pool);
    if (r)
        return r;
    queue_map_leave(map, operation->pages);
    operation->pages = pages;
    operation->pool = pool;
    return 0;
}

void operation_commit(struct operation *operation)
{
    struct queue_header *header = operation->queue->map.header;

    operation->generation++;
    state_copy(&header->state[operation->generation & 1], &operation->state);
    __atomic_store_n(&header->generation, operation->generation, __ATOMIC_RELEASE);
}

void operation_unlock(struct operation *operation, bool wake)
{
    struct queue *queue = operation->queue;
    uint32_t seen = wake || operation->appended
                        ? __atomic_load_n(&queue->map.header->wake, __ATOMIC_RELAXED)
                        : 0;

    lock_drop(&queue->map.header->lock);
    if (seen & (QUEUE_LAYOUT_WAKE_SLEEPS | QUEUE_LAYOUT_WAKE_POLLS))
        queue_wake(queue, seen);
}

void operation_end(struct operation *operation, bool wake)
{
    operation_unlock(operation, wake);
    operation_leave(operation);
}

/* Is there a large message that is complete, but in no state yet? */
static bool look_is_behind(const struct operation *look)
{
    const struct queue_header *header = look->queue->map.header;

    for (uint32_t i = 0; i < QUEUE_LAYOUT_CLAIMS / 64; i++)
        for (uint64_t left = look->state.claims[i]; left; left &= left - 1)
            if (claim_is_done(&header->claims[i * 64 + (uint32_t)__builtin_ctzll(left)]))
                return true;
    return false;
}

int operation_look(struct operation *operation, struct queue *queue)
{
    struct queue_header *header = queue->map.header;
    int r;

    operation->queue = queue;
    for (int look = 0; look < LOOKS; look++)
    {
        if (queue_is_closed(queue))
            return MAILSLOT_CLOSED;
        operation->generation = __atomic_load_n(&header->generation, __ATOMIC_ACQUIRE);
        state_copy(&operation->state, &header->state[operation->generation & 1]);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&header->generation, __ATOMIC_RELAXED) != operation->generation)
            continue;
        if (look_is_behind(operation))
            break;
        return operation_enter(operation);
    }
    /* Others are too busy, or have left something to do. */
    r = operation_begin(operation, queue);
    if (!r)
        operation_unlock(operation, false);
    return r;
}

bool operation_still(const struct operation *look)
{
    const struct queue_header *header = look->queue->map.header;

    for (int look_again = 0; look_again < LOOKS * LOOKS; look_again++)
    {
        uint32_t generation;
        uint64_t popped;

        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        generation = __atomic_load_n(&header->generation, __ATOMIC_ACQUIRE);
        popped = *(const volatile uint64_t *)&header->state[generation & 1].popped;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (popped != look->state.popped || queue_is_closed(look->queue))
            return false;
        if (__atomic_load_n(&header->generation, __ATOMIC_RELAXED) == generation)
            return true;
    }
    return false;
}

uint32_t operation_arm(struct operation *operation, uint32_t how)
{
    uint32_t *word = &operation->queue->map.header->wake;
    /* It changes even if the bit is set: who has seen it before is perhaps about to clear it. */
    uint32_t wake = (__atomic_load_n(word, __ATOMIC_RELAXED) + QUEUE_LAYOUT_WAKE_STEP) | how;

    __atomic_store_n(word, wake, __ATOMIC_SEQ_CST);
    return wake;
}

void queue_wake(struct queue *queue, uint32_t seen)
{
    uint32_t *word = &queue->map.header->wake;
    uint32_t next = seen + QUEUE_LAYOUT_WAKE_STEP;
    uint32_t none = next & ~(QUEUE_LAYOUT_WAKE_SLEEPS | QUEUE_LAYOUT_WAKE_POLLS);
    uint32_t word_was = seen;
    /* Who has noted that it waits, but is not asleep yet, must find the word changed: the wake
     * would be over before it sleeps. If others have changed it since, they have noted that anew.
     */
    bool ours = __atomic_compare_exchange_n(word, &word_was, next, false, __ATOMIC_SEQ_CST,
                                            __ATOMIC_RELAXED);

    if (seen & QUEUE_LAYOUT_WAKE_POLLS)
        wake_fd_set(queue->wake_fd, true);
    if (seen & QUEUE_LAYOUT_WAKE_SLEEPS)
        lock_wake_all(word);
    if (ours)
        (void)__atomic_compare_exchange_n(word, &next, none, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED);
}

void queue_stir(struct queue *queue)
{
    uint32_t *word = &queue->map.header->wake;
    /* Who is about to sleep on the word finds it changed. */
    uint32_t seen = __atomic_add_fetch(word, QUEUE_LAYOUT_WAKE_STEP, __ATOMIC_SEQ_CST);

    queue_wake(queue, seen | QUEUE_LAYOUT_WAKE_SLEEPS | QUEUE_LAYOUT_WAKE_POLLS);
}
