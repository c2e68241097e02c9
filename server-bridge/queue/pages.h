/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages in chains of pages: pure functions over a private copy of the state and the pool's
 * memory. Internal to queue/. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queue/layout.h"

/* Bytes of quota that a message of `size` bytes takes; may exceed every quota. */
uint64_t pages_need(uint32_t size);

/* Pages of the pool of a queue with that quota: as many as can ever be needed. */
uint32_t pages_of_pool(uint32_t quota);

/* An empty stream at the pool's beginning, and nothing else in use. Leaves the counters. */
void pages_rewind(struct queue_state *state);

/* Whether the numbers are possible at all. All functions below need a valid state, and memory of at
 * least state->top pages. Those that return bool return false when the links in memory make no
 * sense (they were not made by us); what they changed in the state is to be forgotten then. */
bool pages_valid(const struct queue_state *state, uint32_t pages);

/* Does what earlier operations had to leave to the next one. */
bool pages_settle(struct queue_state *state, uint8_t *pool);

/* state->top as it will be when a message of so many bytes has been put in (large: when it has been
 * given pages); may exceed the pool. Settled state. */
uint64_t pages_top_after(const struct queue_state *state, uint32_t size);

/* Takes the pages for a large message out of the free ones, which counts as used from now on;
 * memory has pages_top_after(size). */
bool pages_allot(struct queue_state *state, uint8_t *pool, uint32_t size, struct queue_extent *ret);

/* Gives back pages that pages_allot() gave for that size, which must be within the state's top. */
void pages_free(struct queue_state *state, uint8_t *pool, const struct queue_extent *pages,
                uint32_t size);

/* Appends a message of up to QUEUE_LAYOUT_INLINE_MAX bytes, or a large one that is in its pages
 * (`data` NULL). Memory has pages_top_after(size, or 8 for a large one). */
bool pages_append(struct queue_state *state, uint8_t *pool, uint32_t size, const void *data,
                  const struct queue_extent *pages);

/* Copies bytes between a message's own pages and a buffer. Needs no lock: with one that others
 * change meanwhile the bytes are rubbish, nothing worse. */
bool pages_fill(const struct queue_state *state, uint8_t *pool, const struct queue_extent *pages,
                const void *data, uint32_t size);

/* Copies the first `bytes` of the oldest message (state->next_size). Likewise. */
bool pages_copy(const struct queue_state *state, uint8_t *pool, void *buffer, uint32_t bytes);

/* Removes the oldest message and finds the size of the next one. */
bool pages_drop(struct queue_state *state, uint8_t *pool);
