/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring of records: pure functions over a private copy of the state and the ring's memory.
 * Internal to queue/. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queue/layout.h"

/* Bytes that a message of `size` bytes takes; may exceed every quota. */
uint64_t queue_ring_need(uint32_t size);

/* The cap of a drained queue; depends only on the quota (a multiple of 4096). */
uint32_t queue_ring_cap_first(uint32_t quota);

/* The smallest cap above `cap` that holds `bytes`; `bytes` is at most the quota. */
uint32_t queue_ring_cap_next(uint32_t cap, uint32_t quota, uint64_t bytes);

/* Whether the numbers are possible at all. All functions below need a valid state, and memory of
 * at least state->cap bytes. */
bool queue_ring_valid(const struct queue_state *state, uint32_t quota);

/* Raises the cap; memory has `cap` bytes. Writes only above the old cap. false: the state does not
 * allow it (it was not made by us), nothing done. */
bool queue_ring_grow(struct queue_state *state, uint8_t *memory, uint32_t cap);

/* Appends a record; the caller has made sure that queue_ring_need(size) bytes are free. Writes
 * only to free space. */
void queue_ring_put(struct queue_state *state, uint8_t *memory, const void *data, uint32_t size);

/* Size of the oldest record of a ring that has one. false: that is no possible record. */
bool queue_ring_next(const struct queue_state *state, const uint8_t *memory, uint32_t *ret_size);

/* Copies the first `bytes` of the oldest message; at most what queue_ring_next() returned. */
void queue_ring_copy(const struct queue_state *state, const uint8_t *memory, void *buffer,
                     uint32_t bytes);

/* Removes the oldest record, whose size queue_ring_next() returned. A drained ring goes back to
 * offset 0 and to the first cap of that quota. Touches no ring memory. */
void queue_ring_drop(struct queue_state *state, uint32_t size, uint32_t quota);
