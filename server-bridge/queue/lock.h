/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Locks between processes that the kernel opens when their holder dies. Internal to queue/. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A free word is 0. A held one has the holder's thread id, a word whose holder died has
 * LOCK_ORPHAN, each with LOCK_WAITERS when somebody sleeps on it. These are the kernel's. */
#define LOCK_WAITERS 0x80000000u
#define LOCK_ORPHAN  0x40000000u
#define LOCK_THREAD  0x3fffffffu

/* How long the holder of a lock may stand still before others give up: row P1 has no number. It
 * holds the lock for some 100 instructions, so that a SIGSTOP or a debugger meets a thread that
 * does nothing but write and read small messages there once in three times, one that also does
 * other work accordingly less often. */
#define LOCK_PATIENCE_MS 1000u

/* Takes the lock. false: its holder has not moved for patience_ms; nothing is held then. `moves` is
 * a word that the holders change. *ret_orphan: the last holder died with it. One lock per thread at
 * a time, and no claim with it. */
bool lock_take(uint32_t *lock, const uint32_t *moves, uint32_t patience_ms, bool *ret_orphan)
    __attribute__((warn_unused_result));

/* Releases it and wakes one waiter if there are any. Does nothing to a lock that somebody else has
 * meanwhile, as only a hostile process can arrange. */
void lock_drop(uint32_t *lock);

/* Makes `word` the calling thread's if it is `from`, which must have LOCK_ORPHAN: when the thread
 * dies the kernel makes it LOCK_ORPHAN again. false: it is not `from` any more. */
bool lock_claim(uint32_t *word, uint32_t from) __attribute__((warn_unused_result));

/* Gives the claim of the calling thread back, if it has one, by making it `to`. */
void lock_unclaim(uint32_t to);

/* Sleeps while *word is `value`, until the time (CLOCK_MONOTONIC, ns; negative: for ever), a wake
 * or a signal. 0 or a negative errno: -ETIMEDOUT, -EINTR, -EAGAIN. */
int lock_sleep(uint32_t *word, uint32_t value, int64_t until);
void lock_wake_all(uint32_t *word);

/* Puts this signal off while the thread that gets it holds a lock, which is for some 100
 * instructions. It must have a handler already, of the kind with SA_SIGINFO. Once in a process. */
void lock_defer_signal(int number);
