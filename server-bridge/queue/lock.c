/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lock between the processes that map a queue.
 *
 * One futex word: the holder's id, and a bit that says that somebody waits. The kernel's robust
 * futexes are not used: their list belongs to the thread's libc, differs between 32 and 64 bit, and
 * names thread ids that mean nothing in another pid namespace. Instead the daemon, which knows
 * when a client has died, breaks the lock by the id it gave to that client.
 *
 * A waiter cannot tell a slow holder from a dead one, so it watches for turns: if nobody took the
 * lock for a while it gives up and its caller asks the daemon. Waits are cut into slices, because
 * the one wake of an unlock can be lost with a waiter that is killed just after receiving it. And
 * of the time between two looks no more than a slice counts: when it was longer the waiter itself
 * did not run (stopped, a paused machine, too many others), and the holder perhaps neither. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "queue/lock.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOCK_SPINS       100 /* pause instructions: a few microseconds at most */
#define LOCK_SLICE_MS    50
#define LOCK_TOTAL_TIMES 10

/* What the futex system call of this word size takes, whatever time_t is. */
struct lock_timespec
{
    long seconds;
    long nanoseconds;
};

static void lock_pause(void)
{
#if defined(__i386__) || defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static uint64_t lock_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool lock_swap(uint32_t *word, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void lock_sleep(uint32_t *word, uint32_t value, uint64_t ms)
{
    struct lock_timespec timeout = {0, (long)ms * 1000000};

    syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
}

static void lock_wake(uint32_t *word, int waiters)
{
    syscall(SYS_futex, word, FUTEX_WAKE, waiters, NULL, NULL, 0);
}

static int lock_take_slowly(struct queue_header *header, uint32_t holder, uint32_t patience_ms)
{
    uint64_t last = lock_now_ms(), waited = 0, in_all = 0;
    uint32_t seen_turn = __atomic_load_n(&header->turn, __ATOMIC_RELAXED);
    uint32_t seen_holder = 0;

    for (;;)
    {
        uint32_t word = __atomic_load_n(&header->lock, __ATOMIC_RELAXED);
        uint32_t turn = __atomic_load_n(&header->turn, __ATOMIC_RELAXED);
        uint64_t now, passed, left;

        /* Others may still be waiting: whoever has waited takes the lock with the bit set. */
        if (!(word & QUEUE_LOCK_HOLDER_MASK) &&
            lock_swap(&header->lock, word, holder | QUEUE_LOCK_WAITERS))
            return 0;

        now = lock_now_ms();
        passed = now - last < LOCK_SLICE_MS ? now - last : LOCK_SLICE_MS;
        last = now;
        waited += passed;
        in_all += passed;
        if (turn != seen_turn || (word & QUEUE_LOCK_HOLDER_MASK) != seen_holder)
        {
            seen_turn = turn;
            seen_holder = word & QUEUE_LOCK_HOLDER_MASK;
            waited = 0;
        }
        if (waited >= patience_ms || in_all >= (uint64_t)patience_ms * LOCK_TOTAL_TIMES)
            return QUEUE_LOCK_STUCK;

        if (!(word & QUEUE_LOCK_HOLDER_MASK) ||
            (!(word & QUEUE_LOCK_WAITERS) &&
             !lock_swap(&header->lock, word, word | QUEUE_LOCK_WAITERS)))
            continue;
        left = patience_ms - waited;
        lock_sleep(&header->lock, word | QUEUE_LOCK_WAITERS,
                   left < LOCK_SLICE_MS ? left : LOCK_SLICE_MS);
    }
}

int queue_lock_take(struct queue_header *header, uint32_t holder, uint32_t patience_ms)
{
    bool taken = lock_swap(&header->lock, 0, holder);

    for (int i = 0; !taken && i < LOCK_SPINS; i++)
    {
        lock_pause();
        if (!__atomic_load_n(&header->lock, __ATOMIC_RELAXED))
            taken = lock_swap(&header->lock, 0, holder);
    }
    if (!taken)
    {
        int r = lock_take_slowly(header, holder, patience_ms);

        if (r)
            return r;
    }
    __atomic_store_n(&header->turn, __atomic_load_n(&header->turn, __ATOMIC_RELAXED) + 1,
                     __ATOMIC_RELAXED);
    return 0;
}

void queue_lock_drop(struct queue_header *header, uint32_t holder)
{
    uint32_t word = holder;

    /* Fails while the holder stays the same only when a waiter sets its bit, which happens once. */
    while (!__atomic_compare_exchange_n(&header->lock, &word, 0, false, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
        if ((word & QUEUE_LOCK_HOLDER_MASK) != holder)
            return;
    if (word & QUEUE_LOCK_WAITERS)
        lock_wake(&header->lock, 1);
}

void queue_lock_break(struct queue_header *header, uint32_t dead)
{
    uint32_t word = dead;

    while (!__atomic_compare_exchange_n(&header->lock, &word, 0, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
        if ((word & QUEUE_LOCK_HOLDER_MASK) != dead)
            break;
    lock_wake(&header->lock, INT_MAX);
}

uint32_t queue_lock_holder(const struct queue_header *header)
{
    return __atomic_load_n(&header->lock, __ATOMIC_RELAXED) & QUEUE_LOCK_HOLDER_MASK;
}
