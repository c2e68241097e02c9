/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring of records: where bytes go, and how the ring grows.
 *
 * Growing must be committed with one store, so it may write only to space that is free before and
 * after: a wrapped ring moves its lower part [0, tail) to just behind the old end. That needs
 * new cap - old cap >= tail. The caps therefore double only up to half of the quota and then go
 * to the whole quota at once; a quota between one and two first caps starts with half of it.
 *
 * The state's numbers come from shared memory. queue_ring_valid() makes them safe to compute with;
 * the record sizes are bounded by queue_ring_next(). */

#include "queue/ring.h"

#include <string.h>

#define RING_RECORD ((uint32_t)sizeof(struct queue_record))

uint64_t queue_ring_need(uint32_t size)
{
    return RING_RECORD + (((uint64_t)size + 7) & ~(uint64_t)7);
}

uint32_t queue_ring_cap_first(uint32_t quota)
{
    uint32_t half = quota / 2 & ~(QUEUE_LAYOUT_PAGE - 1);

    if (quota <= QUEUE_LAYOUT_CAP_FIRST)
        return quota;
    return half < QUEUE_LAYOUT_CAP_FIRST ? half : QUEUE_LAYOUT_CAP_FIRST;
}

uint32_t queue_ring_cap_next(uint32_t cap, uint32_t quota, uint64_t bytes)
{
    do
        cap = cap <= quota / 4 ? cap * 2 : quota;
    while (cap < bytes && cap < quota);
    return cap;
}

bool queue_ring_valid(const struct queue_state *state, uint32_t quota)
{
    return state->cap >= QUEUE_LAYOUT_PAGE && state->cap <= quota &&
           state->cap % QUEUE_LAYOUT_PAGE == 0 && state->head < state->cap &&
           state->head % 8 == 0 && state->used <= state->cap && state->used % 8 == 0 &&
           state->count <= state->used / RING_RECORD && !state->count == !state->used;
}

/* head and used are valid, offset is at most used: no overflow below 2 GiB */
static uint32_t ring_position(const struct queue_state *state, uint32_t offset)
{
    uint32_t position = state->head + offset;

    return position >= state->cap ? position - state->cap : position;
}

bool queue_ring_grow(struct queue_state *state, uint8_t *memory, uint32_t cap)
{
    uint32_t end = state->head + state->used;
    uint32_t lower = end > state->cap ? end - state->cap : 0;

    if (cap <= state->cap || lower > cap - state->cap)
        return false;
    memcpy(memory + state->cap, memory, lower);
    state->cap = cap;
    return true;
}

void queue_ring_put(struct queue_state *state, uint8_t *memory, const void *data, uint32_t size)
{
    struct queue_record record = {size, size ^ QUEUE_LAYOUT_MAGIC};
    uint32_t position = ring_position(state, state->used);
    uint32_t first;

    memcpy(memory + position, &record, sizeof(record));
    position = ring_position(state, state->used + RING_RECORD);
    first = state->cap - position < size ? state->cap - position : size;
    if (first)
        memcpy(memory + position, data, first);
    if (size > first)
        memcpy(memory, (const uint8_t *)data + first, size - first);
    state->used += (uint32_t)queue_ring_need(size);
    state->count++;
}

bool queue_ring_next(const struct queue_state *state, const uint8_t *memory, uint32_t *ret_size)
{
    const volatile struct queue_record *record =
        (const volatile struct queue_record *)(memory + state->head);
    uint32_t size = record->size, check = record->check;
    uint64_t need = queue_ring_need(size);

    /* The last record ends where the used part ends; others leave room for those behind them. */
    if (check != (size ^ QUEUE_LAYOUT_MAGIC) || need > state->used ||
        (state->used - need) / RING_RECORD < state->count - 1 ||
        (state->count == 1 && need != state->used))
        return false;
    *ret_size = size;
    return true;
}

void queue_ring_copy(const struct queue_state *state, const uint8_t *memory, void *buffer,
                     uint32_t bytes)
{
    uint32_t position = ring_position(state, RING_RECORD);
    uint32_t first = state->cap - position < bytes ? state->cap - position : bytes;

    if (first)
        memcpy(buffer, memory + position, first);
    if (bytes > first)
        memcpy((uint8_t *)buffer + first, memory, bytes - first);
}

void queue_ring_drop(struct queue_state *state, uint32_t size, uint32_t quota)
{
    uint32_t need = (uint32_t)queue_ring_need(size);

    state->head = ring_position(state, need);
    state->used -= need;
    state->count--;
    if (!state->count)
    {
        state->head = 0;
        state->cap = queue_ring_cap_first(quota);
    }
}
