/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mailslot's messages in shared memory: every operation, and what happens when its caller dies.
 *
 * State. The header holds two copies of the state; the lowest bit of `generation` selects the
 * valid one. An operation under the lock copies payload to free ring space, fills the other copy
 * and commits by storing generation + 1. A push that must grow the ring commits the growth first,
 * by itself: the bigger ring's free space overlaps the old one's live bytes. A holder killed
 *   - before the commit has changed nothing: its message was never queued, or is still queued;
 *   - after it has done everything that others can see.
 * So whoever recovers only has to release the lock. What may be left is memory: a popper killed
 * between the commit that resets the cap and the discard leaves pages behind that the next
 * growth reuses.
 *
 * Sleep. `wake` is WAITING when somebody may be asleep on the eventfd. It is changed only under
 * the lock. The eventfd is a level: it is drained only by a reader that found the queue empty under
 * the lock, so one sleeper cannot take another's signal. That reader sets WAITING first and
 * drains then; killed between the two, it leaves a readable eventfd: a spurious wake-up. The writer
 * sets SIGNALED under the lock but signals after unlocking, so that the woken reader does not run
 * into the lock. If it is killed in between (or after the commit and before SIGNALED) the sleepers
 * sleep beside a message: that is why queue_recover() signals for every dead process, holder or
 * not. It leaves `wake` alone, since it has no lock: a signal too many is harmless, a wrong
 * SIGNALED is not.
 *
 * Looking. What can be said from the state alone (how many messages, how large is the next) needs
 * no lock: the valid copy is only written again after the generation has moved on, so a copy taken
 * while the generation stood still is whole. That is what programs poll.
 *
 * Close. `closed` is one word outside the state that only ever becomes 1, stored without the
 * lock: closing must work whoever holds it, and a holder that goes on afterwards cannot undo it.
 * The ring's pages are discarded under the holder's hands. A pop looks at `closed` after
 * copying and before it returns the bytes, so it never returns zeros for a message; a push may
 * dirty some pages again, which go when the last process unmaps. A reader that arms looks again
 * after draining, and passes on the signal that it may have taken from others.
 *
 * Threads. TerminateThread and SuspendThread are signals in Wine: with all signals blocked they
 * arrive when the lock is released. Threads of one process also take a private mutex: it keeps a
 * mapping in its place while it is used, even if a hostile process unlocks the shared lock.
 *
 * Trust. Only the private copies of quota and maximum size are used; the state is copied and
 * checked once per operation. Others can make us return garbage messages or QUEUE_CORRUPT. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "queue/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "queue/layout.h"
#include "queue/lock.h"
#include "queue/map.h"
#include "queue/ring.h"
#include "queue/wake.h"

#define QUEUE_PATIENCE_MS 500
#define QUEUE_GLANCES     8 /* before a look without the lock becomes one with it */

struct queue
{
    struct queue_map map;
    pthread_mutex_t mutex;
    int eventfd;
    uint32_t holder;
    uint32_t patience;
    bool (*signal)(int eventfd); /* see queue_set_signal() */
    bool foul;
};

/* One operation under the lock */
struct queue_visit
{
    sigset_t signals;
    uint32_t generation;
    struct queue_state state;
};

static void state_load(const volatile struct queue_state *shared, struct queue_state *ret)
{
    *ret = (struct queue_state){
        .head = shared->head,
        .used = shared->used,
        .cap = shared->cap,
        .count = shared->count,
        .pushed = shared->pushed,
        .popped = shared->popped,
        .refused_full = shared->refused_full,
        .refused_large = shared->refused_large,
        .next_size = shared->next_size,
    };
}

static void state_store(volatile struct queue_state *shared, const struct queue_state *state)
{
    shared->head = state->head;
    shared->used = state->used;
    shared->cap = state->cap;
    shared->count = state->count;
    shared->pushed = state->pushed;
    shared->popped = state->popped;
    shared->refused_full = state->refused_full;
    shared->refused_large = state->refused_large;
    shared->next_size = state->next_size;
}

static bool is_closed(const struct queue *queue)
{
    return __atomic_load_n(&queue->map.header->closed, __ATOMIC_SEQ_CST) != 0;
}

static void signal_sleepers(struct queue *queue)
{
    if (!queue->foul && !queue_wake(queue->eventfd, queue->signal))
        queue->foul = true;
}

/* Gives the locks back; signals sleepers only then (see above). */
static void visit_leave(struct queue *queue, struct queue_visit *visit, bool signal)
{
    queue_lock_drop(queue->map.header, queue->holder);
    pthread_mutex_unlock(&queue->mutex);
    if (signal)
        signal_sleepers(queue);
    pthread_sigmask(SIG_SETMASK, &visit->signals, NULL);
}

/* On success the caller has the lock, a valid state and a ring that is mapped as far as that. */
static int visit_enter(struct queue *queue, struct queue_visit *visit)
{
    struct queue_header *header = queue->map.header;
    sigset_t all;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &visit->signals);
    pthread_mutex_lock(&queue->mutex);

    if (is_closed(queue))
        r = QUEUE_CLOSED;
    else if (queue_lock_take(header, queue->holder,
                             __atomic_load_n(&queue->patience, __ATOMIC_RELAXED)))
        r = is_closed(queue) ? QUEUE_CLOSED : QUEUE_STUCK;
    else
    {
        visit->generation = __atomic_load_n(&header->generation, __ATOMIC_ACQUIRE);
        state_load(&header->state[visit->generation & 1], &visit->state);
        if (queue_ring_valid(&visit->state, queue->map.quota))
            r = queue_map_fit(&queue->map, visit->state.cap);
        else
            r = QUEUE_CORRUPT;
        /* Failing to shrink is no reason to fail. */
        if (!r || (r < 0 && queue->map.mapped > visit->state.cap))
            return 0;
        queue_lock_drop(header, queue->holder);
    }
    pthread_mutex_unlock(&queue->mutex);
    pthread_sigmask(SIG_SETMASK, &visit->signals, NULL);
    return r;
}

static void visit_commit(struct queue *queue, struct queue_visit *visit)
{
    struct queue_header *header = queue->map.header;

    visit->generation++;
    state_store(&header->state[visit->generation & 1], &visit->state);
    __atomic_store_n(&header->generation, visit->generation, __ATOMIC_RELEASE);
}

int queue_create(const struct queue_config *config, int *ret_memfd, int *ret_eventfd)
{
    uint32_t quota = config->quota;
    int memfd, fd, r;

    if (quota > QUEUE_LAYOUT_QUOTA_MAX)
        return -EINVAL;
    quota = (quota + QUEUE_LAYOUT_PAGE - 1) & ~(QUEUE_LAYOUT_PAGE - 1);
    if (!quota)
        quota = QUEUE_LAYOUT_PAGE;

    r = queue_map_create(quota, config->max_message, config->read_timeout, &memfd);
    if (r)
        return r;
    fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
    {
        r = -errno;
        close(memfd);
        return r;
    }
    *ret_memfd = memfd;
    *ret_eventfd = fd;
    return 0;
}

int queue_map(struct queue **ret, int memfd, int eventfd, uint32_t holder_id)
{
    struct queue *queue;
    struct stat st;
    int flags, r;

    if (!holder_id || holder_id > QUEUE_HOLDER_MAX)
        return -EINVAL;
    flags = fcntl(eventfd, F_GETFL);
    if (flags < 0)
        return -errno;
    if (!(flags & O_NONBLOCK))
        return -EINVAL;
    if (fstat(eventfd, &st) || (st.st_mode & S_IFMT))
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
    pthread_mutex_init(&queue->mutex, NULL);
    queue->eventfd = eventfd;
    queue->holder = holder_id;
    queue->patience = QUEUE_PATIENCE_MS;
    *ret = queue;
    return 0;
}

struct queue *queue_free(struct queue *queue)
{
    if (queue)
    {
        queue_map_deinit(&queue->map);
        close(queue->eventfd);
        pthread_mutex_destroy(&queue->mutex);
        free(queue);
    }
    return NULL;
}

/* Makes room for `need` more bytes, growing the ring if the quota allows. */
static int push_reserve(struct queue *queue, struct queue_visit *visit, uint64_t need)
{
    struct queue_state grown = visit->state;
    uint32_t cap;
    int r;

    if (grown.used + need > queue->map.quota)
        return QUEUE_FULL;
    if (grown.used + need <= grown.cap)
        return 0;

    cap = queue_ring_cap_next(grown.cap, queue->map.quota, grown.used + need);
    r = queue_map_fit(&queue->map, cap);
    if (r)
        return r;
    if (!queue_ring_grow(&grown, queue->map.ring, cap))
        return QUEUE_CORRUPT;
    visit->state = grown;
    visit_commit(queue, visit);
    return 0;
}

int queue_push(struct queue *queue, const void *data, uint32_t size)
{
    struct queue_visit visit;
    uint32_t *wake = &queue->map.header->wake;
    bool signal = false;
    int r;

    r = visit_enter(queue, &visit);
    if (r)
        return r;

    if (queue->map.max_message && size > queue->map.max_message)
        r = QUEUE_TOO_LARGE;
    else
        r = push_reserve(queue, &visit, queue_ring_need(size));

    if (!r)
    {
        if (!visit.state.count)
            visit.state.next_size = size;
        queue_ring_put(&visit.state, queue->map.ring, data, size);
        visit.state.pushed++;
        visit_commit(queue, &visit);
        signal = __atomic_load_n(wake, __ATOMIC_RELAXED) == QUEUE_LAYOUT_WAKE_WAITING;
        if (signal)
            __atomic_store_n(wake, QUEUE_LAYOUT_WAKE_SIGNALED, __ATOMIC_RELAXED);
    }
    else if (r == QUEUE_TOO_LARGE)
    {
        visit.state.refused_large++;
        visit_commit(queue, &visit);
    }
    else if (r == QUEUE_FULL)
    {
        visit.state.refused_full++;
        visit_commit(queue, &visit);
    }
    visit_leave(queue, &visit, signal);
    return r;
}

static int pop_locked(struct queue *queue, struct queue_visit *visit, void *buffer,
                      uint32_t capacity, uint32_t *ret_size)
{
    struct queue_state *state = &visit->state;
    uint32_t size, cap = state->cap;

    if (!queue_ring_next(state, queue->map.ring, &size))
        return is_closed(queue) ? QUEUE_CLOSED : QUEUE_CORRUPT;
    if (size > capacity)
    {
        *ret_size = size;
        return QUEUE_BUFFER_TOO_SMALL;
    }
    queue_ring_copy(state, queue->map.ring, buffer, size);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (is_closed(queue))
        return QUEUE_CLOSED;

    queue_ring_drop(state, size, queue->map.quota);
    /* A record that cannot be is found out by the next pop. */
    if (!state->count || !queue_ring_next(state, queue->map.ring, &state->next_size))
        state->next_size = 0;
    state->popped++;
    visit_commit(queue, visit);
    /* The own mapping shrinks at the next visit. */
    if (state->cap < cap)
        queue_map_discard(&queue->map, state->cap, cap);
    *ret_size = size;
    return 0;
}

/* Returns true if the caller has to signal sleepers after all. */
static bool arm_locked(struct queue *queue)
{
    __atomic_store_n(&queue->map.header->wake, QUEUE_LAYOUT_WAKE_WAITING, __ATOMIC_SEQ_CST);
    queue_wake_drain(queue->eventfd);
    return is_closed(queue);
}

static int pop(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size, bool arm)
{
    struct queue_visit visit;
    bool signal = false;
    int r;

    r = visit_enter(queue, &visit);
    if (r)
        return r;

    if (visit.state.count)
        r = pop_locked(queue, &visit, buffer, capacity, ret_size);
    else
    {
        signal = arm && arm_locked(queue);
        r = signal ? QUEUE_CLOSED : QUEUE_EMPTY;
    }
    visit_leave(queue, &visit, signal);
    return r;
}

/*
 * The state as it is at one moment, without the lock. Fails when others are too busy, and while
 * the own mapping is a large one: a visit may make it small again.
 */
static bool state_glance(const struct queue *queue, struct queue_state *ret)
{
    struct queue_header *header = queue->map.header;

    if (__atomic_load_n(&queue->map.mapped, __ATOMIC_RELAXED) > QUEUE_LAYOUT_CAP_FIRST)
        return false;

    for (int attempt = 0; attempt < QUEUE_GLANCES; attempt++)
    {
        uint32_t generation = __atomic_load_n(&header->generation, __ATOMIC_ACQUIRE);

        state_load(&header->state[generation & 1], ret);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&header->generation, __ATOMIC_RELAXED) == generation)
            return queue_ring_valid(ret, queue->map.quota);
    }
    return false;
}

int queue_pop(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size)
{
    struct queue_state state;

    if (!is_closed(queue) && state_glance(queue, &state) && !state.count)
        return QUEUE_EMPTY;
    return pop(queue, buffer, capacity, ret_size, false);
}

int queue_pop_or_arm(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size)
{
    return pop(queue, buffer, capacity, ret_size, true);
}

int queue_peek(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size,
               uint32_t *ret_count)
{
    struct queue_visit visit;
    uint32_t size;
    int r;

    r = visit_enter(queue, &visit);
    if (r)
        return r;

    if (!visit.state.count)
        r = QUEUE_EMPTY;
    else if (!queue_ring_next(&visit.state, queue->map.ring, &size))
        r = is_closed(queue) ? QUEUE_CLOSED : QUEUE_CORRUPT;
    else
    {
        queue_ring_copy(&visit.state, queue->map.ring, buffer, size < capacity ? size : capacity);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (is_closed(queue))
            r = QUEUE_CLOSED;
        else
        {
            *ret_size = size;
            *ret_count = visit.state.count;
        }
    }
    visit_leave(queue, &visit, false);
    return r;
}

static void info_fill(const struct queue *queue, const struct queue_state *state,
                      struct queue_info *info)
{
    info->max_message = queue->map.max_message;
    info->quota = queue->map.quota;
    info->read_timeout = queue_read_timeout(queue);
    info->pushed = state->pushed;
    info->popped = state->popped;
    info->refused_full = state->refused_full;
    info->refused_large = state->refused_large;
}

int queue_info(struct queue *queue, struct queue_info *ret)
{
    struct queue_info info = {.next_size = QUEUE_NO_MESSAGE};
    struct queue_state state;
    struct queue_visit visit;
    int r = 0;

    if (!state_glance(queue, &state))
    {
        r = visit_enter(queue, &visit);
        if (r && r != QUEUE_CLOSED)
            return r;
        if (!r)
            visit_leave(queue, &visit, false);
        state = visit.state;
    }
    if (r == QUEUE_CLOSED || is_closed(queue))
    {
        uint32_t current = __atomic_load_n(&queue->map.header->generation, __ATOMIC_ACQUIRE) & 1;

        /* Counters, which bound nothing */
        state_load(&queue->map.header->state[current], &state);
        info.closed = true;
    }
    else
    {
        info.count = state.count;
        info.bytes = state.used;
        if (state.count)
            info.next_size = state.next_size;
    }
    info_fill(queue, &state, &info);
    *ret = info;
    return 0;
}

int queue_set_note(struct queue *queue, const void *data, uint32_t size)
{
    struct queue_header *header = queue->map.header;
    struct queue_note *notes;
    struct queue_visit visit;
    uint32_t next;
    int r;

    if (size > QUEUE_LAYOUT_NOTE_MAX)
        return QUEUE_TOO_LARGE;
    r = queue_map_notes(&queue->map, &notes);
    if (r)
        return r;
    r = visit_enter(queue, &visit);
    if (!r)
    {
        next = __atomic_load_n(&header->note_generation, __ATOMIC_RELAXED) + 1;
        notes[next & 1].size = size;
        memcpy(notes[next & 1].bytes, data, size);
        __atomic_store_n(&header->note_generation, next, __ATOMIC_RELEASE);
        visit_leave(queue, &visit, false);
    }
    queue_map_unmap_notes(notes);
    return r;
}

/* As state_glance(): the current copy is only written again after the generation has moved on. */
int queue_note(struct queue *queue, void *buffer, uint32_t capacity, uint32_t *ret_size)
{
    const struct queue_header *header = queue->map.header;
    struct queue_note *notes;
    int r;

    if (is_closed(queue))
        return QUEUE_CLOSED;
    r = queue_map_notes(&queue->map, &notes);
    if (r)
        return r;
    r = QUEUE_STUCK;
    for (int attempt = 0; attempt < QUEUE_GLANCES && r == QUEUE_STUCK; attempt++)
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
    return queue->eventfd;
}

int queue_memfd(const struct queue *queue)
{
    return queue->map.memfd;
}

void queue_set_read_timeout(struct queue *queue, uint32_t ms)
{
    __atomic_store_n(&queue->map.header->read_timeout, ms, __ATOMIC_RELAXED);
}

uint32_t queue_read_timeout(const struct queue *queue)
{
    return __atomic_load_n(&queue->map.header->read_timeout, __ATOMIC_RELAXED);
}

void queue_set_patience(struct queue *queue, uint32_t ms)
{
    __atomic_store_n(&queue->patience, ms, __ATOMIC_RELAXED);
}

void queue_set_signal(struct queue *queue, bool (*signal)(int eventfd))
{
    queue->signal = signal;
}

bool queue_is_foul(const struct queue *queue)
{
    return queue->foul;
}

void queue_close(struct queue *queue)
{
    __atomic_store_n(&queue->map.header->closed, 1, __ATOMIC_SEQ_CST);
    queue_map_discard(&queue->map, 0, queue->map.quota);
    signal_sleepers(queue);
}

void queue_recover(struct queue *queue, uint32_t dead_holder)
{
    if (dead_holder && dead_holder <= QUEUE_HOLDER_MAX)
        queue_lock_break(queue->map.header, dead_holder);
    signal_sleepers(queue);
}

uint32_t queue_holder(const struct queue *queue)
{
    return queue_lock_holder(queue->map.header);
}
