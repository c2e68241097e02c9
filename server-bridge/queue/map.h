/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue's memfd and this process's mappings of it. Internal to queue/. */

#pragma once

#include <stdint.h>

#include "queue/layout.h"

struct queue_map
{
    struct queue_header *header; /* its own mapping: never moves, others sleep on words in it */
    uint8_t *ring;
    uint32_t mapped;      /* bytes of ring */
    uint32_t quota;       /* private, validated copy */
    uint32_t max_message; /* private copy, 0 = any */
    int memfd;
};

/* Makes a memfd of header + quota, sealed against resizing, sparse. The caller owns *ret_memfd.
 * quota is a multiple of 4096 up to QUEUE_LAYOUT_QUOTA_MAX. */
int queue_map_create(uint32_t quota, uint32_t max_message, uint32_t read_timeout, int *ret_memfd)
    __attribute__((warn_unused_result));

/* Checks seals, size and header and maps header and first ring. Takes memfd on success.
 * -EINVAL: not a memfd, or one that could shrink; -EPROTO: not a queue of this version. */
int queue_map_init(struct queue_map *map, int memfd) __attribute__((warn_unused_result));

/* Unmaps and closes. */
void queue_map_deinit(struct queue_map *map);

/* Makes the mapping of the ring exactly `cap` bytes (a multiple of 4096, at most the quota); it
 * may move. The caller makes sure that no other thread uses the ring. On failure nothing has
 * changed. */
int queue_map_fit(struct queue_map *map, uint32_t cap) __attribute__((warn_unused_result));

/* Maps both notes; queue_map_unmap_notes() ends that. */
int queue_map_notes(const struct queue_map *map, struct queue_note **ret)
    __attribute__((warn_unused_result));
void queue_map_unmap_notes(struct queue_note *notes);

/* Gives the memory of ring bytes [from, to) back to the system; they read as zero afterwards. */
void queue_map_discard(const struct queue_map *map, uint32_t from, uint32_t to);
