/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mailslot's messages in memory shared by everyone who has the slot open.
 *
 * All functions may be called by several threads at once, except queue_free(). A struct queue does
 * not survive fork(): the child maps the queue itself, with a holder id of its own.
 *
 * Every function that takes the queue's lock blocks all signals meanwhile. The caller's buffers
 * must therefore be plain, present memory: a fault in them would kill the process instead of
 * reaching a handler, so probe or bounce whatever a Windows program passed in.
 *
 * Such functions may also return, besides what is listed there:
 *   QUEUE_CLOSED   queue_close() was called; what was unread is gone (semantics L1)
 *   QUEUE_STUCK    the lock's holder does not let go (see queue_set_patience()); nothing was done.
 *                  Ask the daemon whether queue_holder() is dead, then try again.
 *   QUEUE_CORRUPT  the shared memory makes no sense; nothing was done, and it will not get better
 *   -ENOMEM        no address space for a queue that has grown; nothing was done
 * Outputs are written only where the text says so; buffers only as far as they are named. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

struct queue;

enum
{
    QUEUE_EMPTY = 1,
    QUEUE_FULL,
    QUEUE_TOO_LARGE, /* longer than the slot's maximum message size */
    QUEUE_CLOSED,
    QUEUE_BUFFER_TOO_SMALL,
    QUEUE_CORRUPT,
    QUEUE_STUCK
};

#define QUEUE_TIMEOUT_FOREVER UINT32_MAX
#define QUEUE_NO_MESSAGE      UINT32_MAX
#define QUEUE_HOLDER_MAX      0x7fffffffu

struct queue_config
{
    uint32_t max_message;  /* bytes, 0 = any */
    uint32_t quota;        /* bytes of ring, rounded up to 4096; at most 1 GiB */
    uint32_t read_timeout; /* ms, or QUEUE_TIMEOUT_FOREVER */
};

struct queue_info
{
    uint32_t max_message, quota, read_timeout; /* as in queue_config, the quota rounded */
    uint32_t next_size;                        /* bytes, QUEUE_NO_MESSAGE if none */
    uint32_t count;
    uint64_t bytes;                       /* of ring used; at most the quota */
    uint64_t pushed, popped;              /* messages since creation */
    uint64_t refused_full, refused_large; /* pushes that returned these codes */
    bool closed;
};

/* Makes an empty queue. The caller owns both fds (close-on-exec); the memory is not yet allocated.
 * -EINVAL: quota above 1 GiB. */
int queue_create(const struct queue_config *config, int *ret_memfd, int *ret_eventfd)
    __attribute__((warn_unused_result));

/* Maps a queue that queue_create() made, here or in another process: trusts nothing in it. Takes
 * both fds on success. holder_id names this process to the others in the lock: 1..QUEUE_HOLDER_MAX,
 * given by the daemon, one per process. -EINVAL: bad holder id, memfd not sealed, or an eventfd
 * that blocks; -EPROTO: not a queue of this version. */
int queue_map(struct queue **ret, int memfd, int eventfd, uint32_t holder_id)
    __attribute__((warn_unused_result));

/* Unmaps, closes both fds; the messages stay (semantics L7, L8). Accepts NULL, returns NULL. */
struct queue *queue_free(struct queue *queue);

/* Appends one message of 0 bytes or more (semantics P2-P6, P10). Wakes sleepers.
 * QUEUE_TOO_LARGE, or QUEUE_FULL: 8 bytes + size rounded up to 8 do not fit in what is left of the
 * quota, or never would. Both are counted. */
int queue_push(struct queue *queue, const void *data, uint32_t size)
    __attribute__((warn_unused_result));

/* Takes the oldest message (semantics R1, R3). *ret_size = its size.
 * QUEUE_BUFFER_TOO_SMALL: the message stays, *ret_size = its size (R2). QUEUE_EMPTY. */
int queue_pop(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size)
    __attribute__((warn_unused_result));

/* As queue_pop(), but QUEUE_EMPTY also means: queue_fd() was made unreadable, and becomes readable
 * at the next push or close (or spuriously). Whoever sleeps on the fd calls this before each sleep.
 */
int queue_pop_or_arm(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size)
    __attribute__((warn_unused_result));

/* Copies up to capacity bytes of the oldest message and leaves it. *ret_size = its whole size,
 * *ret_count = messages queued. QUEUE_EMPTY. */
int queue_peek(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size,
               uint32_t *ret_count) __attribute__((warn_unused_result));

/* Semantics I1-I3, I7. Takes no lock as a rule, so programs may poll it. A closed queue is no
 * error: closed is set, and no messages are reported. */
int queue_info(struct queue *queue, struct queue_info *ret) __attribute__((warn_unused_result));

/* The eventfd, owned by the queue: poll for POLLIN after queue_pop_or_arm(). Do not read it. */
int queue_fd(const struct queue *queue);

/* The memfd, owned by the queue; to be handed to a restarted daemon. */
int queue_memfd(const struct queue *queue);

/* The slot's read timeout in ms, for everyone's following reads (semantics I10). Never wait. */
void queue_set_read_timeout(struct queue *queue, uint32_t ms);
uint32_t queue_read_timeout(const struct queue *queue);

/* A few bytes kept with the slot, the same for everyone; they change as a whole. QUEUE_TOO_LARGE
 * beyond QUEUE_NOTE_MAX. *ret_size = size of the note, 0 if none was set; at most capacity bytes
 * are copied. Reading takes no lock; QUEUE_STUCK: it is being changed all the time. */
#define QUEUE_NOTE_MAX 65532u
int queue_set_note(struct queue *queue, const void *data, uint32_t size)
    __attribute__((warn_unused_result));
int queue_note(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size)
    __attribute__((warn_unused_result));

/* How long this process waits for a lock holder that makes no progress: 500 ms at first, 0 = not
 * at all; at most ten times as long if others keep taking turns. */
void queue_set_patience(struct queue *queue, uint32_t ms);

/* How sleepers are woken, for who cannot trust those that share the eventfd: `signal` must make it
 * readable without waiting, or return false; then it is not tried again and the queue is foul: its
 * readers may sleep beside a message. NULL: a plain write. To be set before the queue is used. */
void queue_set_signal(struct queue *queue, bool (*signal)(int eventfd));
bool queue_is_foul(const struct queue *queue);

/* Closes the queue for everyone, gives its memory back and wakes all sleepers. Needs no lock and
 * never waits, whatever the lock's holder does. For the daemon. */
void queue_close(struct queue *queue);

/* To be called by the daemon for every queue that a dead process had mapped: releases the lock if
 * it died with it, and wakes everyone it may have failed to wake. Never waits. Harmless if it held
 * nothing; must not be called for a process that lives. */
void queue_recover(struct queue *queue, uint32_t dead_holder);

/* Who holds the lock now, 0 = nobody. Only a hint: it may have changed already. */
uint32_t queue_holder(const struct queue *queue);
