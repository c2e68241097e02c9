/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue's memfd and this process's mappings of it. Internal to queue/. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queue/layout.h"

#define QUEUE_MAP_LEVELS 16

struct queue_map
{
    struct queue_header *header;
    uint8_t *levels[QUEUE_MAP_LEVELS]; /* the pool, each twice as long as the one before */
    bool grown;                        /* there are levels above the first */
    uint32_t users;                    /* threads that may be using a level above the first */
    uint32_t pages;                    /* of the whole pool */
    uint32_t quota;                    /* private, validated copy */
    uint32_t max_message;              /* private copy, 0 = any */
};

/* Makes a memfd for that quota, sealed against resizing, sparse. The caller owns *ret_memfd. quota
 * is a multiple of 4096 up to QUEUE_LAYOUT_QUOTA_MAX. */
int queue_map_create(uint32_t quota, uint32_t max_message, uint32_t read_timeout, int *ret_memfd)
    __attribute__((warn_unused_result));

/* Checks seals, size and header and maps header and first pages. memfd stays the caller's.
 * MAILSLOT_VERSION: of another version; -EINVAL: not a memfd, or one that could shrink; -EPROTO:
 * not a queue. */
int queue_map_init(struct queue_map *map, int memfd) __attribute__((warn_unused_result));
void queue_map_deinit(struct queue_map *map);

/* Of the next two: for what the first level is not enough for. */
int map_enter_level(struct queue_map *map, uint32_t pages, uint8_t **ret)
    __attribute__((warn_unused_result));
void map_leave_level(struct queue_map *map, uint32_t pages);

/* The pool, mapped for at least so many pages (of those that it has). It stays where it is until
 * queue_map_leave(), which must follow with the same number, whatever other threads do; that also
 * unmaps what was larger than is needed now. -ENOMEM. */
static inline int queue_map_enter(struct queue_map *map, uint32_t pages, uint8_t **ret)
{
    *ret = map->levels[0];
    return pages <= QUEUE_LAYOUT_FIRST_PAGES ? 0 : map_enter_level(map, pages, ret);
}

static inline void queue_map_leave(struct queue_map *map, uint32_t pages)
{
    if (pages > QUEUE_LAYOUT_FIRST_PAGES || __atomic_load_n(&map->grown, __ATOMIC_RELAXED))
        map_leave_level(map, pages);
}

/* Leaves what this thread has entered, and jumped out of. */
void queue_map_abandon(void);

/* Gives the memory of pages [from, to) of the pool back to the system; they read as zero
 * afterwards. Both within what `pool` was entered for. */
void queue_map_discard(uint8_t *pool, uint32_t from, uint32_t to);

/* Maps both notes; queue_map_unmap_notes() ends that. */
int queue_map_notes(const struct queue_map *map, struct queue_note **ret)
    __attribute__((warn_unused_result));
void queue_map_unmap_notes(struct queue_note *notes);
