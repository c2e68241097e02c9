/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bytes of a queue's shared memory, the same for 32- and 64-bit processes.
 *
 * File of the memfd: one header page, two notes, the pool of pages. Every member may be written by
 * any process that maps the queue: read it once into a local and bound it there. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#define QUEUE_LAYOUT_MAGIC       0x51534d57u /* "WMSQ" */
#define QUEUE_LAYOUT_VERSION     3u
#define QUEUE_LAYOUT_HEADER_SIZE 4096u
#define QUEUE_LAYOUT_PAGE        4096u
#define QUEUE_LAYOUT_QUOTA_MAX   (1u << 30)
/* A single message may be so large although the quota is smaller, if nothing else is queued. */
#define QUEUE_LAYOUT_ALONE_MAX (256u << 20)
/* Longer messages have pages of their own, and are copied without the lock. */
#define QUEUE_LAYOUT_INLINE_MAX 4096u

/* The pool: groups of 1024 pages, of which the first holds the links of all: for each page the one
 * that follows it in its chain. */
#define QUEUE_LAYOUT_GROUP 1024u
/* Header and first pages together are 128 KiB of address space. */
#define QUEUE_LAYOUT_FIRST_PAGES 31u

/* Bits of queue_header.wake: somebody may be asleep on this word; somebody may poll the queue's
 * descriptor. The rest counts, so that a word that was seen is known again. */
#define QUEUE_LAYOUT_WAKE_SLEEPS 1u
#define QUEUE_LAYOUT_WAKE_POLLS  2u
#define QUEUE_LAYOUT_WAKE_STEP   4u

#define QUEUE_LAYOUT_CLAIMS 128u

/* One of the two copies of all that an operation changes. Messages are one stream of records, from
 * head to tail, in a chain of pages; an offset may be 4096: then the chain's next page follows. */
struct queue_state
{
    uint32_t head_page, head_offset;
    uint32_t tail_page, tail_offset;
    uint32_t top;                     /* pages from here on have never been used */
    uint32_t free_page, free_pages;   /* a chain of so many */
    uint32_t stale_first, stale_last; /* a chain to be freed by the next operation; 0: none */
    uint32_t count;                   /* messages */
    uint32_t next_size;               /* of the oldest one */
    uint32_t backed;                  /* pages up to here may have memory; 0: only the first ones */
    uint64_t used;                    /* bytes of quota, with those that are claimed */
    uint64_t pushed;
    uint64_t popped;
    uint64_t refused_full;
    uint64_t refused_large;
    uint64_t claims[QUEUE_LAYOUT_CLAIMS / 64]; /* which are in use */
    uint64_t reserved1[3];
};

/* In front of every message in the stream; 8-aligned, so that it never crosses pages. */
struct queue_record
{
    uint32_t size;  /* payload bytes, before padding to a multiple of 8 */
    uint32_t check; /* size ^ QUEUE_LAYOUT_MAGIC: tells a record from stray bytes, no security */
};

/* Behind the record of a message that has pages of its own */
struct queue_extent
{
    uint32_t first, last;
};

/* A message that is being copied into pages of its own: see claim.h. */
struct queue_claim
{
    uint32_t word;
    uint32_t size;
    struct queue_extent pages;
};

/* Two copies of bytes that belong to the slot and mean nothing here (its security descriptor). The
 * lowest bit of note_generation selects the current one. Mapped only when used. */
#define QUEUE_LAYOUT_NOTE_SIZE 65536u
#define QUEUE_LAYOUT_NOTE_MAX  (QUEUE_LAYOUT_NOTE_SIZE - 4)
#define QUEUE_LAYOUT_POOL      (QUEUE_LAYOUT_HEADER_SIZE + 2 * QUEUE_LAYOUT_NOTE_SIZE)

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
    uint32_t generation; /* counts commits; its lowest bit selects the current state */
    uint32_t wake;
    uint32_t note_generation;
    uint32_t reserved2[12];
    struct queue_state state[2];
    struct queue_claim claims[QUEUE_LAYOUT_CLAIMS];
    uint8_t reserved3[QUEUE_LAYOUT_HEADER_SIZE - 448 - QUEUE_LAYOUT_CLAIMS * 16];
};

_Static_assert(sizeof(struct queue_record) == 8, "record");
_Static_assert(sizeof(struct queue_claim) == 16, "claim");
_Static_assert(sizeof(struct queue_state) == 128, "state");
_Static_assert(offsetof(struct queue_state, used) == 48, "state.used");
_Static_assert(offsetof(struct queue_state, claims) == 88, "state.claims");
_Static_assert(sizeof(struct queue_header) == QUEUE_LAYOUT_HEADER_SIZE, "header");
_Static_assert(offsetof(struct queue_header, max_message) == 16, "header.max_message");
_Static_assert(offsetof(struct queue_header, read_timeout) == 64, "header.read_timeout");
_Static_assert(offsetof(struct queue_header, closed) == 68, "header.closed");
_Static_assert(offsetof(struct queue_header, lock) == 128, "header.lock");
_Static_assert(offsetof(struct queue_header, generation) == 132, "header.generation");
_Static_assert(offsetof(struct queue_header, wake) == 136, "header.wake");
_Static_assert(offsetof(struct queue_header, state) == 192, "header.state");
_Static_assert(offsetof(struct queue_header, claims) == 448, "header.claims");
_Static_assert(sizeof(struct queue_note) == QUEUE_LAYOUT_NOTE_SIZE, "note");
