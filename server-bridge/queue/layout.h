/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bytes of a queue's shared memory, the same for 32- and 64-bit processes.
 *
 * File of the memfd: one header page, `quota` bytes of ring, two notes. Every member may be written
 * by any process that maps the queue: read it once into a local and bound it there. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#define QUEUE_LAYOUT_MAGIC       0x51534d57u /* "WMSQ" */
#define QUEUE_LAYOUT_VERSION     2u
#define QUEUE_LAYOUT_HEADER_SIZE 4096u
#define QUEUE_LAYOUT_PAGE        4096u
#define QUEUE_LAYOUT_QUOTA_MAX   (1u << 30)
/* Header and first ring together are at most 128 KiB of address space. */
#define QUEUE_LAYOUT_CAP_FIRST (124u * 1024u)

/* Values of queue_header.wake: nobody has ever slept; somebody may be asleep, so that the next push
 * signals the eventfd; signalled since then. */
#define QUEUE_LAYOUT_WAKE_IDLE     0u
#define QUEUE_LAYOUT_WAKE_WAITING  1u
#define QUEUE_LAYOUT_WAKE_SIGNALED 2u

/* One of the two copies of what a push or pop changes. The tail is (head + used) % cap. */
struct queue_state
{
    uint32_t head;  /* offset of the oldest record, below cap, a multiple of 8 */
    uint32_t used;  /* bytes of records */
    uint32_t cap;   /* bytes of ring in use now: a multiple of 4096, at most the quota */
    uint32_t count; /* records */
    uint64_t pushed;
    uint64_t popped;
    uint64_t refused_full;
    uint64_t refused_large;
    uint32_t next_size; /* of the oldest message, for readers without the lock */
    uint32_t reserved0;
    uint64_t reserved1;
};

/* In front of every message; 8-aligned, so that it never wraps. */
struct queue_record
{
    uint32_t size;  /* payload bytes, before padding to a multiple of 8 */
    uint32_t check; /* size ^ QUEUE_LAYOUT_MAGIC: tells a record from stray bytes, no security */
};

/* Behind the ring: two copies of bytes that belong to the slot and mean nothing here (its security
 * descriptor). The lowest bit of note_generation selects the current one. Mapped only when used. */
#define QUEUE_LAYOUT_NOTE_SIZE 65536u
#define QUEUE_LAYOUT_NOTE_MAX  (QUEUE_LAYOUT_NOTE_SIZE - 4)
#define QUEUE_LAYOUT_NOTES     (2 * QUEUE_LAYOUT_NOTE_SIZE)

struct queue_note
{
    uint32_t size;
    uint8_t bytes[QUEUE_LAYOUT_NOTE_MAX];
};

struct queue_header
{
    /* Written once, before the memfd is handed out */
    uint32_t magic;
    uint32_t version;
    uint32_t header_size;
    uint32_t quota;
    uint32_t max_message;
    uint32_t reserved0[11];
    /* Changed with single stores, without the lock */
    uint32_t read_timeout;
    uint32_t closed; /* 0 or 1, never goes back */
    uint32_t reserved1[14];
    /* The lock (see lock.c) and what only its holder changes */
    uint32_t lock;
    uint32_t turn;       /* counts acquisitions: progress, for waiters to see */
    uint32_t generation; /* counts commits; its lowest bit selects the current state */
    uint32_t wake;
    uint32_t note_generation;
    uint32_t reserved2[11];
    struct queue_state state[2];
    uint8_t reserved3[QUEUE_LAYOUT_HEADER_SIZE - 320];
};

_Static_assert(sizeof(struct queue_record) == 8, "record");
_Static_assert(sizeof(struct queue_state) == 64, "state");
_Static_assert(offsetof(struct queue_state, count) == 12, "state.count");
_Static_assert(offsetof(struct queue_state, pushed) == 16, "state.pushed");
_Static_assert(offsetof(struct queue_state, refused_large) == 40, "state.refused_large");
_Static_assert(offsetof(struct queue_state, next_size) == 48, "state.next_size");
_Static_assert(sizeof(struct queue_header) == QUEUE_LAYOUT_HEADER_SIZE, "header");
_Static_assert(offsetof(struct queue_header, max_message) == 16, "header.max_message");
_Static_assert(offsetof(struct queue_header, read_timeout) == 64, "header.read_timeout");
_Static_assert(offsetof(struct queue_header, closed) == 68, "header.closed");
_Static_assert(offsetof(struct queue_header, lock) == 128, "header.lock");
_Static_assert(offsetof(struct queue_header, turn) == 132, "header.turn");
_Static_assert(offsetof(struct queue_header, generation) == 136, "header.generation");
_Static_assert(offsetof(struct queue_header, wake) == 140, "header.wake");
_Static_assert(offsetof(struct queue_header, state) == 192, "header.state");
_Static_assert(offsetof(struct queue_header, reserved3) == 320, "header.reserved3");
_Static_assert(sizeof(struct queue_note) == QUEUE_LAYOUT_NOTE_SIZE, "note");
