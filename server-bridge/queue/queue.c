/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mailslot's messages in shared memory: every operation, and what happens when its caller dies.
 *
 * State. The header holds two copies of the state; the lowest bit of `generation` selects the
 * valid one. An operation under the lock writes to what is free (pages.c), fills the other copy and
 * commits by storing generation + 1. Whoever is killed before that has changed nothing, whoever is
 * killed after it has done everything. So a lock whose holder has died (lock.c) is simply taken:
 * there is nothing to repair.
 *
 * Copying is done without the lock, as it may take long, fault, or be stopped in the middle:
 *   - a reader copies first and takes the message then. It sees the state as it was at one moment
 *     (glance), copies the oldest message, takes the lock, and drops the message if it still is
 *     the oldest. If not, it had copied rubbish, and begins again. A reader that dies, stops or
 *     faults while it copies has therefore taken nothing, and is in nobody's way.
 *   - a writer of a small message copies it to its own stack first, and from there to the queue
 *     under the lock: some 100 ns.
 *   - a writer of a large message claims pages for it (claim.c), copies, and appends a record that
 *     names them. Messages are in the order in which they were complete (P10). Until then the
 *     message does not exist; others write and read as if it were not there, except that its bytes
 *     count. When the writer dies the kernel says so in the claim, and who needs the room, or finds
 *     the queue empty, frees the pages.
 *
 * Sleep. `wake` says whether somebody may be asleep: on that word, or polling the descriptor. It is
 * set by a reader that found the queue empty under the lock. A writer looks at it under the lock,
 * and wakes after it has let go, so that the woken reader does not run into the lock, and nobody is
 * suspended in a system call while it holds the lock. It changes the word before the wake, so that
 * a reader that has noted that it waits and is not asleep yet does not fall asleep beside the
 * message; and clears what it saw after the wake, if nobody has set it anew. So a writer killed
 * before its wake leaves the word set: the next push wakes. For a process that ended in this place
 * the daemon stirs the queues it could write to. A thread that TerminateThread ends just there
 * leaves its reader asleep beside the message until the next push.
 *
 * Close. `closed` is one word outside the state that only ever becomes 1, stored without the
 * lock: closing must work whoever holds it, and a holder that goes on afterwards cannot undo it.
 * The pool is discarded under the holder's hands. A reader looks at `closed` after copying and
 * before it returns the bytes, so it never returns zeros for a message; a writer may dirty some
 * pages again, which go when the last process unmaps. A reader that goes to sleep looks again after
 * it has set `wake`.
 *
 * Trust. Only the private copies of quota and maximum size are used; the state is copied and
 * checked once per operation, and mappings stay where they are while they are used, even if a
 * hostile process opens the lock. Others can make us return garbage messages or -EIO. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "queue/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue/lock.h"
#include "queue/operation.h"
#include "queue/wake.h"

#define NOTE_LOOKS 8

int queue_create(const struct queue_config *config, int *ret_memfd, int *ret_wake_fd)
{
    uint32_t quota = config->quota;
    int memfd, r;

    if (quota > QUEUE_LAYOUT_QUOTA_MAX)
        return -EINVAL;
    quota = (quota + QUEUE_LAYOUT_PAGE - 1) & ~(QUEUE_LAYOUT_PAGE - 1);
    if (!quota)
        quota = QUEUE_LAYOUT_PAGE;

    r = queue_map_create(quota, config->max_message, config->read_timeout, &memfd);
    if (r)
        return r;
    r = wake_fd_new(ret_wake_fd);
    if (r)
        close(memfd);
    else
        *ret_memfd = memfd;
    return r;
}

int queue_map(struct queue **ret, int memfd, int wake_fd)
{
    struct queue *queue;
    int r;

    if (!wake_fd_valid(wake_fd))
        return -EINVAL;
    queue = calloc(1, sizeof(*queue));
    if (!queue)
        return -ENOMEM;
    r = queue_map_init(&queue->map, memfd);
    if (r)
    {
        free(queue);
        return r;
    }
    queue->wake_fd = wake_fd;
    *ret = queue;
    return 0;
}

struct queue *queue_free(struct queue *queue)
{
    if (queue)
    {
        queue_map_deinit(&queue->map);
        close(queue->wake_fd);
        free(queue);
    }
    return NULL;
}

int queue_info(struct queue *queue, struct queue_info *ret)
{
    struct queue_info info = {.next_size = QUEUE_NO_MESSAGE};
    struct operation look = {0};
    int r;

    r = operation_look(&look, queue);
    if (r && r != MAILSLOT_CLOSED)
        return r;
    if (!r)
    {
        operation_leave(&look);
        info.count = look.state.count;
        info.bytes = look.state.used;
        if (look.state.count)
            info.next_size = look.state.next_size;
    }
    else
    {
        uint32_t current = __atomic_load_n(&queue->map.header->generation, __ATOMIC_ACQUIRE) & 1;

        /* Counters, which bound nothing */
        look.state = queue->map.header->state[current];
        info.closed = true;
    }
    info.max_message = queue->map.max_message;
    info.quota = queue->map.quota;
    info.read_timeout = queue_read_timeout(queue);
    info.pushed = look.state.pushed;
    info.popped = look.state.popped;
    info.refused_full = look.state.refused_full;
    info.refused_large = look.state.refused_large;
    *ret = info;
    return 0;
}

/* As with the state: the current copy is only written again after the generation has moved on. */
int queue_set_note(struct queue *queue, const void *data, uint32_t size)
{
    struct queue_header *header = queue->map.header;
    struct operation operation;
    struct queue_note *notes;
    uint32_t next;
    int r;

    if (size > QUEUE_LAYOUT_NOTE_MAX)
        return MAILSLOT_TOO_LARGE;
    r = queue_map_notes(&queue->map, &notes);
    if (r)
        return r;
    r = operation_begin(&operation, queue);
    if (!r)
    {
        next = __atomic_load_n(&header->note_generation, __ATOMIC_RELAXED) + 1;
        notes[next & 1].size = size;
        memcpy(notes[next & 1].bytes, data, size);
        __atomic_store_n(&header->note_generation, next, __ATOMIC_RELEASE);
        operation_end(&operation, false);
    }
    queue_map_unmap_notes(notes);
    return r;
}

int queue_note(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size)
{
    const struct queue_header *header = queue->map.header;
    struct queue_note *notes;
    int r;

    if (queue_is_closed(queue))
        return MAILSLOT_CLOSED;
    r = queue_map_notes(&queue->map, &notes);
    if (r)
        return r;
    r = MAILSLOT_BUSY;
    for (int look = 0; look < NOTE_LOOKS && r == MAILSLOT_BUSY; look++)
    {
        uint32_t generation = __atomic_load_n(&header->note_generation, __ATOMIC_ACQUIRE);
        const struct queue_note *note = &notes[generation & 1];
        uint32_t size = __atomic_load_n(&note->size, __ATOMIC_RELAXED);

        if (size > QUEUE_LAYOUT_NOTE_MAX)
            size = 0;
        memcpy(buffer, note->bytes, size < capacity ? size : capacity);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&header->note_generation, __ATOMIC_RELAXED) != generation)
            continue;
        *ret_size = size;
        r = 0;
    }
    queue_map_unmap_notes(notes);
    return r;
}

int queue_fd(const struct queue *queue)
{
    return queue->wake_fd;
}

void queue_set_read_timeout(struct queue *queue, uint32_t ms)
{
    __atomic_store_n(&queue->map.header->read_timeout, ms, __ATOMIC_RELAXED);
}

uint32_t queue_read_timeout(const struct queue *queue)
{
    return __atomic_load_n(&queue->map.header->read_timeout, __ATOMIC_RELAXED);
}

void queue_set_impatient(struct queue *queue)
{
    queue->impatient = true;
}

void queue_close(struct queue *queue)
{
    struct queue_map *map = &queue->map;
    const struct queue_header *header = map->header;
    uint32_t generation, top;
    uint8_t *pool;

    __atomic_store_n(&map->header->closed, 1, __ATOMIC_SEQ_CST);
    generation = __atomic_load_n(&header->generation, __ATOMIC_ACQUIRE);
    top = *(const volatile uint32_t *)&header->state[generation & 1].top;
    top = top < map->pages ? top : map->pages;
    if (queue_map_enter(map, top, &pool) == 0)
    {
        queue_map_discard(pool, 0, top);
        queue_map_leave(map, top);
    }
    queue_stir(queue);
}

void queue_abandon(void)
{
    lock_unclaim(LOCK_ORPHAN);
    queue_map_abandon();
}
