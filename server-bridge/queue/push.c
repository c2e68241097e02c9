/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing to a queue: at once, or into pages that are claimed first. See queue.c.
 *
 * A claim is a large message that is being copied. Its word says who does that:
 *   thread id                 that thread; the kernel makes it LOCK_ORPHAN when the thread ends
 *   LOCK_ORPHAN               nobody: it ended while it copied
 *   LOCK_ORPHAN + ticket      nobody yet: its writer is about to begin, or ended just before that
 *   the same with CLAIM_DONE  nobody any more: the message is complete
 * Whoever takes the lock next appends what is complete: the writer, as a rule. Whoever empties the
 * queue frees what the dead have claimed, and whoever finds it full what nobody has begun with,
 * too. So between the two locks of a large write there is no moment at which a death would leave
 * pages to nobody, and none at which a stop would be in somebody's way. The ticket tells a claim
 * from the next one in its place, for a writer that comes late. */

#include "queue/operation.h"

#include <errno.h>
#include <string.h>

#include "queue/lock.h"
#include "queue/pages.h"

#define CLAIM_DONE   0x20000000u
#define CLAIM_TICKET 0x1fffffffu

/* So often may a claim be freed before it is ours: only somebody who is up to no good does it. */
#define PUSH_ATTEMPTS 1000

static bool claim_swap(uint32_t *word, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static uint32_t claim_ticket(uint32_t generation)
{
    uint32_t ticket = generation & CLAIM_TICKET;

    return LOCK_ORPHAN | (ticket ? ticket : CLAIM_TICKET);
}

static uint64_t claim_bit(uint32_t index)
{
    return UINT64_C(1) << index % 64;
}

bool claim_is_done(const struct queue_claim *claim)
{
    return __atomic_load_n(&claim->word, __ATOMIC_ACQUIRE) & CLAIM_DONE;
}

/* Appends the message of a claim that is complete, and forgets the claim. */
static int claim_append(struct operation *operation, uint32_t index)
{
    struct queue_claim claim = operation->queue->map.header->claims[index];
    struct queue_state *state = &operation->state;
    int r;

    r = operation_reach(operation, pages_top_after(state, sizeof(claim.pages)));
    if (r)
        return r;
    state->claims[index / 64] &= ~claim_bit(index);
    return pages_append(state, operation->pool, claim.size, NULL, &claim.pages) ? 0 : -EIO;
}

static bool claim_possible(const struct operation *operation, const struct queue_claim *claim)
{
    const struct queue_state *state = &operation->state;

    return claim->size > QUEUE_LAYOUT_INLINE_MAX && claim->size <= QUEUE_MESSAGE_MAX &&
           pages_need(claim->size) <= state->used && claim->pages.first < state->top &&
           claim->pages.last < state->top;
}

/* Returns whether that added a message. */
static bool claim_settle(struct operation *operation, uint32_t index, enum operation_sweep how)
{
    struct queue_claim *shared = &operation->queue->map.header->claims[index];
    uint32_t word = __atomic_load_n(&shared->word, __ATOMIC_ACQUIRE);
    struct queue_state *state = &operation->state;
    struct queue_claim claim;
    bool dead;

    if (!(word & LOCK_ORPHAN))
        return false;
    claim = *(volatile struct queue_claim *)shared;
    if (!claim_possible(operation, &claim))
    {
        state->claims[index / 64] &= ~claim_bit(index);
        return false;
    }
    if (word & CLAIM_DONE) /* from now on the writer may not take it back */
        return claim_swap(&shared->word, word, LOCK_ORPHAN | CLAIM_DONE) &&
               claim_append(operation, index) == 0;
    dead = !(word & CLAIM_TICKET);
    if (how == OPERATION_SWEEP_DONE || (how == OPERATION_SWEEP_DEAD && !dead) ||
        !claim_swap(&shared->word, word, LOCK_ORPHAN))
        return false;
    state->claims[index / 64] &= ~claim_bit(index);
    pages_free(state, operation->pool, &claim.pages, claim.size);
    return false;
}

bool operation_sweep(struct operation *operation, enum operation_sweep how)
{
    bool appended = false;

    for (uint32_t i = 0; i < QUEUE_LAYOUT_CLAIMS / 64; i++)
        for (uint64_t left = operation->state.claims[i]; left; left &= left - 1)
            if (claim_settle(operation, i * 64 + (uint32_t)__builtin_ctzll(left), how))
                appended = true;
    return appended;
}

/* Can a message of that size go in now? */
static int push_admit(struct operation *operation, uint32_t size)
{
    const struct queue *queue = operation->queue;
    struct queue_state *state = &operation->state;
    uint64_t need = pages_need(size);

    if (queue->map.max_message && size > queue->map.max_message)
        return MAILSLOT_TOO_LARGE;
    if (state->used + need > queue->map.quota)
        (void)operation_sweep(operation, OPERATION_SWEEP_ALL);
    if (state->used + need <= queue->map.quota || (!state->used && size <= QUEUE_MESSAGE_MAX))
        return 0;
    return MAILSLOT_FULL;
}

static void push_count_refusal(struct operation *operation, int r)
{
    if (r == MAILSLOT_TOO_LARGE)
        operation->state.refused_large++;
    else if (r == MAILSLOT_FULL)
        operation->state.refused_full++;
    else
        return;
    operation_commit(operation);
}

static int push_small(struct queue *queue, const void *data, uint32_t size)
{
    struct operation operation;
    uint8_t copy[QUEUE_LAYOUT_INLINE_MAX];
    int r;

    if (size)
        memcpy(copy, data, size);
    r = operation_begin(&operation, queue);
    if (r)
        return r;
    r = push_admit(&operation, size);
    if (!r)
        r = operation_reach(&operation, pages_top_after(&operation.state, size));
    if (!r && !pages_append(&operation.state, operation.pool, size, copy, NULL))
        r = -EIO;
    if (!r)
        operation_commit(&operation);
    else
        push_count_refusal(&operation, r);
    operation_end(&operation, !r);
    return r;
}

/* Makes a claim, and leaves the operation entered, without the lock. MAILSLOT_BUSY: all claims are
 * in use by writers that live. */
static int push_claim(struct operation *operation, struct queue *queue, uint32_t size,
                      uint32_t *ret_index)
{
    struct queue_state *state = &operation->state;
    struct queue_claim claim = {.size = size};
    uint32_t index = 0;
    int r;

    r = operation_begin(operation, queue);
    if (r)
        return r;
    if (!~state->claims[0] && !~state->claims[1])
        (void)operation_sweep(operation, OPERATION_SWEEP_ALL);
    while (index < QUEUE_LAYOUT_CLAIMS && state->claims[index / 64] & claim_bit(index))
        index++;
    r = index < QUEUE_LAYOUT_CLAIMS ? 0 : MAILSLOT_BUSY;
    if (!r)
        r = push_admit(operation, size);
    if (!r)
        r = operation_reach(operation, pages_top_after(state, size));
    if (!r && !pages_allot(state, operation->pool, size, &claim.pages))
        r = -EIO;
    if (r)
    {
        push_count_refusal(operation, r);
        operation_end(operation, false);
        return r;
    }
    claim.word = claim_ticket(operation->generation);
    queue->map.header->claims[index] = claim;
    state->claims[index / 64] |= claim_bit(index);
    operation_commit(operation);
    operation_unlock(operation, false);
    *ret_index = index;
    return 0;
}

/* The claim is complete: has it appended, as everyone does who takes the lock. */
static int push_finish(struct queue *queue, uint32_t index, uint32_t done)
{
    uint32_t *word = &queue->map.header->claims[index].word;
    struct operation operation;
    int r;

    r = operation_begin(&operation, queue);
    if (r == MAILSLOT_CLOSED)
        return r;
    if (!r)
        operation_end(&operation, false);
    /* If there was no lock or no memory for it, it must not appear later. */
    return claim_swap(word, done, LOCK_ORPHAN) ? (r ? r : -ENOMEM) : 0;
}

static int push_large(struct queue *queue, const void *data, uint32_t size)
{
    struct operation operation;
    struct queue_extent pages;
    struct queue_claim *claim;
    uint32_t index, ticket;
    bool filled;
    int r;

    for (int attempt = 0;; attempt++)
    {
        if (attempt == PUSH_ATTEMPTS)
            return MAILSLOT_BUSY;
        r = push_claim(&operation, queue, size, &index);
        if (r)
            return r;
        claim = &queue->map.header->claims[index];
        ticket = claim_ticket(operation.generation - 1); /* before it was committed */
        pages = claim->pages;
        if (lock_claim(&claim->word, ticket))
            break;
        operation_leave(&operation); /* somebody needed the room before it was ours */
    }
    filled = pages.first < operation.state.top &&
             pages_fill(&operation.state, operation.pool, &pages, data, size);
    operation_leave(&operation);
    lock_unclaim(filled ? ticket | CLAIM_DONE : LOCK_ORPHAN);
    if (!filled)
        return queue_is_closed(queue) ? MAILSLOT_CLOSED : -EIO;
    return push_finish(queue, index, ticket | CLAIM_DONE);
}

int queue_push(struct queue *queue, const void *data, uint32_t size)
{
    return size > QUEUE_LAYOUT_INLINE_MAX ? push_large(queue, data, size)
                                          : push_small(queue, data, size);
}
