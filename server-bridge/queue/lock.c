/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Locks between processes that the kernel opens when their holder dies.
 *
 * One futex word. Each thread has told the kernel of a list of the robust mutexes that it holds
 * (glibc does so for every thread). Its head has a field for a lock that is just being taken or
 * given back, `list_op_pending`: when the thread ends in any way, the kernel looks at that word,
 * too, and if it holds the thread's id makes it FUTEX_OWNER_DIED and wakes a waiter. That field
 * alone is used here, for the whole of the critical section, so that no list node lies in memory
 * that others can write. There is one such field: a thread has one lock or one claim.
 *
 * So a lock is left by its holder or by the kernel, never by a guess of others. A holder that
 * lives but has been stopped is waited for, in slices: the one wake of an unlock can be lost with a
 * waiter that is killed just after receiving it. Only slices in which nothing moved count, and not
 * the clock: of a time in which the waiter itself stood still, no more than one slice counts.
 *
 * Wine suspends a thread by a signal, whose handler sleeps. A thread that got it under the lock
 * would leave all others waiting, so lock_defer_signal() comes before that handler: a thread that
 * is under the lock notes the signal, goes on, and sends it to itself when it has let go. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "queue/lock.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOCK_SPINS    100 /* pause instructions: a few microseconds at most */
#define LOCK_SLICE_MS 50

/* What the futex system call of this word size takes, whatever time_t is. */
struct lock_timespec
{
    long seconds;
    long nanoseconds;
};

/* Which threads hold a lock now, by their ids, for lock_on_signal(). Threads whose ids share a
 * place share it in peace: the worst is that a signal is not put off. */
#define LOCK_SLOTS 1024

static struct lock_slot
{
    uint32_t id;
    uint32_t deferred; /* a signal has come meanwhile */
} lock_slots[LOCK_SLOTS];

static void (*lock_next_handler)(int, siginfo_t *, void *);
static int lock_signal; /* 0: none is put off */

/* In the thread's static block: reaching it must not allocate, as TerminateThread may come then. */
static __thread struct
{
    struct robust_list_head *head;
    struct lock_slot *slot;
    uint32_t *claim;
    uint32_t id;
} lock_thread __attribute__((tls_model("initial-exec")));

static pthread_once_t lock_once = PTHREAD_ONCE_INIT;

/* The child of a fork() is another thread for the kernel. */
static void lock_forget_thread(void)
{
    lock_thread.head = NULL;
    lock_thread.claim = NULL;
}

static void lock_watch_forks(void)
{
    pthread_atfork(NULL, NULL, lock_forget_thread);
}

static __attribute__((noinline)) void lock_meet_thread(void)
{
    /* For a C library that tells the kernel of no list */
    static __thread struct robust_list_head own __attribute__((tls_model("initial-exec")));
    struct robust_list_head *head = NULL;
    size_t size;

    pthread_once(&lock_once, lock_watch_forks);
    lock_thread.id = (uint32_t)syscall(SYS_gettid);
    lock_thread.slot = &lock_slots[lock_thread.id % LOCK_SLOTS];
    if (syscall(SYS_get_robust_list, 0, &head, &size) || !head)
    {
        own.list.next = &own.list;
        (void)syscall(SYS_set_robust_list, &own, sizeof(own));
        head = &own;
    }
    lock_thread.head = head;
}

/* The kernel reads it when this thread ends: only the order of this thread's own steps counts. */
static inline void lock_pend(uint32_t *word)
{
    struct robust_list_head *head = lock_thread.head;
    char *entry = (char *)word;

    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    *(struct robust_list *volatile *)&head->list_op_pending =
        word ? (struct robust_list *)(void *)(entry - head->futex_offset) : NULL;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Between these two the signal is put off; the thread then gets it at once. */
static inline void lock_enter(void)
{
    lock_thread.slot->id = lock_thread.id;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void lock_leave(void)
{
    struct lock_slot *slot = lock_thread.slot;

    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    *(volatile uint32_t *)&slot->id = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (__builtin_expect(*(volatile uint32_t *)&slot->deferred, 0))
    {
        slot->deferred = 0;
        syscall(SYS_tgkill, getpid(), lock_thread.id, lock_signal);
    }
}

/* The calling thread's id, without the C library: it has an errno, and the signal may come while
 * the registers by which it finds that are a Windows program's. */
static inline uint32_t lock_raw_id(void)
{
    long id = SYS_gettid;

#if defined(__x86_64__)
    __asm__ volatile("syscall" : "+a"(id) : : "rcx", "r11", "memory");
#elif defined(__i386__)
    __asm__ volatile("int $0x80" : "+a"(id) : : "memory");
#else
    id = syscall(SYS_gettid);
#endif
    return (uint32_t)id;
}

/* For the same reason nothing here may use thread-local memory, as a stack protector does. */
__attribute__((no_stack_protector)) static void lock_on_signal(int number, siginfo_t *info,
                                                               void *context)
{
    uint32_t id = lock_raw_id();
    struct lock_slot *slot = &lock_slots[id % LOCK_SLOTS];

    if (*(volatile uint32_t *)&slot->id == id)
        *(volatile uint32_t *)&slot->deferred = 1;
    else
        lock_next_handler(number, info, context);
}

void lock_defer_signal(int number)
{
    struct sigaction action;

    if (lock_signal || sigaction(number, NULL, &action) || !(action.sa_flags & SA_SIGINFO))
        return;
    lock_next_handler = action.sa_sigaction;
    lock_signal = number;
    action.sa_sigaction = lock_on_signal;
    (void)sigaction(number, &action, NULL);
}

static void lock_pause(void)
{
#if defined(__i386__) || defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static inline bool lock_swap(uint32_t *word, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

int lock_sleep(uint32_t *word, uint32_t value, int64_t until)
{
    struct lock_timespec time = {(long)(until / 1000000000), (long)(until % 1000000000)};
    int before = errno, r;

    r = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, value, until < 0 ? NULL : &time, NULL,
                FUTEX_BITSET_MATCH_ANY)
            ? -errno
            : 0;
    errno = before;
    return r;
}

static void lock_wake(uint32_t *word, int waiters)
{
    int before = errno;

    syscall(SYS_futex, word, FUTEX_WAKE, waiters, NULL, NULL, 0);
    errno = before;
}

void lock_wake_all(uint32_t *word)
{
    lock_wake(word, INT_MAX);
}

static int64_t lock_slice_end(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec + LOCK_SLICE_MS * INT64_C(1000000);
}

/* false: the time is over. */
static bool lock_take_slowly(uint32_t *lock, const uint32_t *moves, uint32_t patience_ms,
                             bool *ret_orphan)
{
    uint32_t seen = 0, seen_moves = 0, waited = 0;

    for (int i = 0; i < LOCK_SPINS; i++)
    {
        lock_pause();
        if (!__atomic_load_n(lock, __ATOMIC_RELAXED) && lock_swap(lock, 0, lock_thread.id))
            return true;
    }
    for (;;)
    {
        uint32_t word = __atomic_load_n(lock, __ATOMIC_RELAXED);
        uint32_t moved = __atomic_load_n(moves, __ATOMIC_RELAXED);

        if (!(word & LOCK_THREAD))
        {
            /* Others may still be waiting: whoever has waited takes the lock with the bit set. */
            if (lock_swap(lock, word, lock_thread.id | LOCK_WAITERS))
            {
                *ret_orphan = word & LOCK_ORPHAN;
                return true;
            }
            continue;
        }
        if (moved != seen_moves || (word & LOCK_THREAD) != seen)
        {
            seen = word & LOCK_THREAD;
            seen_moves = moved;
            waited = 0;
        }
        if (waited >= patience_ms)
            return false;
        if (!(word & LOCK_WAITERS) && !lock_swap(lock, word, word | LOCK_WAITERS))
            continue;
        lock_leave();
        if (lock_sleep(lock, word | LOCK_WAITERS, lock_slice_end()) == -ETIMEDOUT)
            waited += LOCK_SLICE_MS;
        lock_enter();
    }
}

bool lock_take(uint32_t *lock, const uint32_t *moves, uint32_t patience_ms, bool *ret_orphan)
{
    if (__builtin_expect(!lock_thread.head, 0))
        lock_meet_thread();
    *ret_orphan = false;
    lock_enter();
    lock_pend(lock);
    if (lock_swap(lock, 0, lock_thread.id) ||
        lock_take_slowly(lock, moves, patience_ms, ret_orphan))
        return true;
    lock_pend(NULL);
    lock_leave();
    return false;
}

void lock_drop(uint32_t *lock)
{
    uint32_t word = lock_thread.id;

    /* Fails while the holder stays the same only when a waiter sets its bit, which happens once. */
    while (!__atomic_compare_exchange_n(lock, &word, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        if ((word & LOCK_THREAD) != lock_thread.id)
            break;
    if ((word & LOCK_WAITERS) && (word & LOCK_THREAD) == lock_thread.id)
        lock_wake(lock, 1);
    lock_pend(NULL);
    lock_leave();
}

bool lock_claim(uint32_t *word, uint32_t from)
{
    lock_thread.claim = word;
    lock_pend(word);
    if (lock_swap(word, from, lock_thread.id))
        return true;
    lock_pend(NULL);
    lock_thread.claim = NULL;
    return false;
}

void lock_unclaim(uint32_t to)
{
    if (lock_thread.claim)
        (void)lock_swap(lock_thread.claim, lock_thread.id, to);
    lock_pend(NULL);
    lock_thread.claim = NULL;
}
