/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mailslot's messages in memory shared by everyone who has the slot open.
 *
 * All functions may be called by several threads at once, except queue_free(). A struct queue does
 * not survive fork(): the child maps the queue itself.
 *
 * Messages are copied without any lock. A fault in the caller's buffer leaves the queue as it was;
 * who goes on after one (a handler that jumps out) calls queue_abandon() in the same thread.
 *
 * What functions return is enum mailslot_result or a negative errno. Besides what is listed there:
 *   MAILSLOT_CLOSED  queue_close() was called; what was unread is gone (semantics L1)
 *   MAILSLOT_BUSY    a program that has been stopped (SIGSTOP, a debugger) in the few instructions
 *                    under the lock has not gone on for a second (lock.h); nothing was done
 *   -EIO             the shared memory makes no sense; nothing was done, and it will not get better
 *   -ENOMEM          no address space for a queue that has grown; nothing was done
 * Outputs are written only where the text says so; buffers only as far as they are named, but a
 * buffer may hold bytes of a message that another reader has taken. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/mailslot.h"

struct queue;

#define QUEUE_TIMEOUT_FOREVER UINT32_MAX
#define QUEUE_NO_MESSAGE      UINT32_MAX
/* The greatest message there can be, whatever the quota (row P6). */
#define QUEUE_MESSAGE_MAX (256u << 20)

struct queue_config
{
    uint32_t max_message;  /* bytes, 0 = any */
    uint32_t quota;        /* bytes for messages, rounded up to 4096; at most 1 GiB */
    uint32_t read_timeout; /* ms, or QUEUE_TIMEOUT_FOREVER */
};

struct queue_info
{
    uint32_t max_message, quota, read_timeout; /* as in queue_config, the quota rounded */
    uint32_t next_size;                        /* bytes, QUEUE_NO_MESSAGE if none */
    uint32_t count;
    uint64_t bytes;                       /* of the quota: with those that are just being written */
    uint64_t pushed, popped;              /* messages since creation */
    uint64_t refused_full, refused_large; /* pushes that returned these codes */
    bool closed;
};

/* Makes an empty queue. The caller owns both fds (close-on-exec); the memory is not yet allocated.
 * -EINVAL: quota above 1 GiB. */
int queue_create(const struct queue_config *config, int *ret_memfd, int *ret_wake_fd)
    __attribute__((warn_unused_result));

/* Maps a queue that queue_create() made, here or in another process: trusts nothing in it. Takes
 * wake_fd on success; memfd stays the caller's, and is not needed any more. -EINVAL: memfd not
 * sealed, or not what queue_create() made; -EPROTO: not a queue; MAILSLOT_VERSION: of another
 * version. */
int queue_map(struct queue **ret, int memfd, int wake_fd) __attribute__((warn_unused_result));

/* Unmaps; the messages stay (semantics L7, L8). Accepts NULL, returns NULL. */
struct queue *queue_free(struct queue *queue);

/* Appends one message of 0 bytes or more (semantics P2-P6, P10). Wakes sleepers.
 * MAILSLOT_TOO_LARGE, or MAILSLOT_FULL: 8 bytes + size rounded up to 8 do not fit in what is left
 * of the quota; more than the whole quota, up to QUEUE_MESSAGE_MAX, fits if there is nothing else.
 * Both are counted. */
int queue_push(struct queue *queue, const void *data, uint32_t size)
    __attribute__((warn_unused_result));

/* Takes the oldest message (semantics R1, R3). *ret_size = its size.
 * MAILSLOT_BUFFER_TOO_SMALL: the message stays, *ret_size = its size (R2). MAILSLOT_EMPTY. */
int queue_pop(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size)
    __attribute__((warn_unused_result));

/* As queue_pop(), but MAILSLOT_EMPTY also means: queue_fd() was made unreadable, and becomes
 * readable at the next push or close (or spuriously). Whoever polls it calls this before each
 * poll. */
int queue_pop_or_arm(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size)
    __attribute__((warn_unused_result));

/* As queue_pop(), but sleeps while there is no message, until a time of CLOCK_MONOTONIC in ns
 * (negative: for ever): MAILSLOT_TIMEOUT. MAILSLOT_CANCELLED: *cancelled is not 0, and who set it
 * has called queue_stir(). It may be NULL. */
int queue_pop_wait(struct queue *queue, void *buffer, uint32_t capacity, int64_t until,
                   const uint32_t *cancelled, uint32_t *ret_size)
    __attribute__((warn_unused_result));

/* Makes everyone who sleeps on this queue look again. */
void queue_stir(struct queue *queue);

/* Copies up to capacity bytes of the oldest message and leaves it. *ret_size = its whole size,
 * *ret_count = messages queued. MAILSLOT_EMPTY. */
int queue_peek(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size,
               uint32_t *ret_count) __attribute__((warn_unused_result));

/* Semantics I1-I3, I7. Takes no lock as a rule, so programs may poll it. A closed queue is no
 * error: closed is set, and no messages are reported. */
int queue_info(struct queue *queue, struct queue_info *ret) __attribute__((warn_unused_result));

/* The descriptor, owned by the queue: poll for POLLIN after queue_pop_or_arm(). Do not read it. */
int queue_fd(const struct queue *queue);

/* The slot's read timeout in ms, for everyone's following reads (semantics I10). Never wait. */
void queue_set_read_timeout(struct queue *queue, uint32_t ms);
uint32_t queue_read_timeout(const struct queue *queue);

/* A few bytes kept with the slot, the same for everyone; they change as a whole.
 * MAILSLOT_TOO_LARGE beyond QUEUE_NOTE_MAX. *ret_size = size of the note, 0 if none was set; at
 * most capacity bytes are copied. Reading takes no lock; MAILSLOT_BUSY: it is being changed all the
 * time. `data` must be memory that does not fault. */
#define QUEUE_NOTE_MAX 65532u
int queue_set_note(struct queue *queue, const void *data, uint32_t size)
    __attribute__((warn_unused_result));
int queue_note(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size)
    __attribute__((warn_unused_result));

/* For a process that may not wait for others: MAILSLOT_BUSY comes at once. */
void queue_set_impatient(struct queue *queue);

/* Closes the queue for everyone, gives its memory back and wakes all sleepers. Needs no lock and
 * never waits, whatever the lock's holder does. For whoever keeps the slot's handles. */
void queue_close(struct queue *queue);

/* Ends what this thread was doing with any queue when it jumped out of a fault. */
void queue_abandon(void);
