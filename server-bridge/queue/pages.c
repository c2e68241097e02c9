/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages in chains of pages: where bytes go.
 *
 * The stream of records is a chain of pages, to which the tail adds and from which the head takes.
 * A large message has a chain of its own, and its record says which. For each page the pool has the
 * number of the one that follows it.
 *
 * An operation is committed with one store later, so it may write only what the committed state
 * does not use: pages that are free, and the link of a chain's last page. That gives the rules
 *   - pages are taken from the front of the free chain, whose links stay as they are, and new ones
 *     come before them in the chain that is made;
 *   - a chain is freed by linking its last page to the free ones. The stream's first pages are in a
 *     chain with the rest, so they are only noted as stale: once that is committed nothing needs
 *     the link from the last stale page to the head, and the next operation frees them.
 *
 * All numbers come from shared memory: the state's are checked by pages_valid(), each link when it
 * is followed. Walks are as long as the sizes say, and end with them. */

#include "queue/pages.h"

#include <string.h>

#define PAGE          QUEUE_LAYOUT_PAGE
#define RECORD        ((uint32_t)sizeof(struct queue_record))
#define EXTENT        ((uint32_t)sizeof(struct queue_extent))
#define CHECK_LARGE   0x4c000000u /* in the check of a message with pages of its own */
#define FIRST_OF_POOL 1u          /* page 0 has links */

uint64_t pages_need(uint32_t size)
{
    return RECORD + (((uint64_t)size + 7) & ~(uint64_t)7);
}

/* With the pages of links that lie between */
static uint64_t pages_with_links(uint64_t pages)
{
    return pages + pages / (QUEUE_LAYOUT_GROUP - 1) + 2;
}

uint32_t pages_of_pool(uint32_t quota)
{
    /* A large message wastes less than a page, and is longer than one; and one alone. */
    uint64_t data = 2 * (uint64_t)(quota / PAGE) + 2;

    if (data < QUEUE_LAYOUT_ALONE_MAX / PAGE + 2)
        data = QUEUE_LAYOUT_ALONE_MAX / PAGE + 2;
    return (uint32_t)pages_with_links(data + QUEUE_LAYOUT_FIRST_PAGES);
}

void pages_rewind(struct queue_state *state)
{
    if (state->top > QUEUE_LAYOUT_FIRST_PAGES && state->top > state->backed)
        state->backed = state->top;
    state->head_page = state->tail_page = FIRST_OF_POOL;
    state->head_offset = state->tail_offset = 0;
    state->top = FIRST_OF_POOL + 1;
    state->free_page = state->free_pages = 0;
    state->stale_first = state->stale_last = 0;
}

static bool is_data(uint32_t page, uint32_t top)
{
    return page < top && page % QUEUE_LAYOUT_GROUP != 0;
}

static bool offset_valid(uint32_t offset)
{
    return offset <= PAGE && offset % 8 == 0;
}

bool pages_valid(const struct queue_state *state, uint32_t pages)
{
    return state->top > FIRST_OF_POOL && state->top <= pages && state->backed <= pages &&
           is_data(state->head_page, state->top) && is_data(state->tail_page, state->top) &&
           offset_valid(state->head_offset) && offset_valid(state->tail_offset) &&
           state->free_pages < state->top && !state->free_pages == !state->free_page &&
           (!state->free_page || is_data(state->free_page, state->top)) &&
           !state->stale_first == !state->stale_last &&
           (!state->stale_first ||
            (is_data(state->stale_first, state->top) && is_data(state->stale_last, state->top))) &&
           state->count <= state->used / RECORD && state->used <= (uint64_t)pages * PAGE;
}

static uint32_t *link_of(uint8_t *pool, uint32_t page)
{
    uint32_t *links = (uint32_t *)(pool + (size_t)(page - page % QUEUE_LAYOUT_GROUP) * PAGE);

    return links + page % QUEUE_LAYOUT_GROUP;
}

/* 0: no page. */
static uint32_t next_of(uint8_t *pool, uint32_t page, uint32_t top)
{
    uint32_t next = __atomic_load_n(link_of(pool, page), __ATOMIC_RELAXED);

    return is_data(next, top) ? next : 0;
}

static void link_pages(uint8_t *pool, uint32_t page, uint32_t next)
{
    __atomic_store_n(link_of(pool, page), next, __ATOMIC_RELAXED);
}

/* The first of the new pages, and how many of them: the rest comes from the free ones. */
static uint32_t fresh_pages(const struct queue_state *state, uint32_t pages)
{
    return pages > state->free_pages ? pages - state->free_pages : 0;
}

static uint64_t top_with(const struct queue_state *state, uint32_t fresh)
{
    uint64_t top = state->top;

    while (fresh)
    {
        /* Up to the next page of links, of which the loop skips one at a time */
        uint64_t room = QUEUE_LAYOUT_GROUP - top % QUEUE_LAYOUT_GROUP;

        if (top % QUEUE_LAYOUT_GROUP == 0)
            top++, room--;
        room = room < fresh ? room : fresh;
        top += room;
        fresh -= (uint32_t)room;
    }
    return top;
}

static bool chain_take(struct queue_state *state, uint8_t *pool, uint32_t pages,
                       struct queue_extent *ret)
{
    uint32_t fresh = fresh_pages(state, pages), old = pages - fresh, last = 0;
    uint32_t free_page = state->free_page;

    ret->first = 0;
    for (; fresh; fresh--)
    {
        if (state->top % QUEUE_LAYOUT_GROUP == 0)
            state->top++;
        if (last)
            link_pages(pool, last, state->top);
        else
            ret->first = state->top;
        last = state->top++;
    }
    if (old && last)
        link_pages(pool, last, free_page);
    if (!ret->first)
        ret->first = free_page;
    for (; old; old--)
    {
        if (!is_data(free_page, state->top))
            return false;
        last = free_page; /* its link is what it would be made */
        free_page = --state->free_pages ? next_of(pool, free_page, state->top) : 0;
    }
    state->free_page = free_page;
    ret->last = last;
    return !state->free_pages == !free_page;
}

/* pages: of the chain first..last */
static void chain_free(struct queue_state *state, uint8_t *pool, uint32_t first, uint32_t last,
                       uint32_t pages)
{
    link_pages(pool, last, state->free_page);
    state->free_page = first;
    state->free_pages += pages;
}

bool pages_settle(struct queue_state *state, uint8_t *pool)
{
    uint32_t page = state->stale_first, pages = 1;

    if (!page)
        return true;
    for (; page != state->stale_last; pages++)
    {
        page = next_of(pool, page, state->top);
        if (!page || pages > QUEUE_LAYOUT_FIRST_PAGES)
            return false;
    }
    chain_free(state, pool, state->stale_first, state->stale_last, pages);
    state->stale_first = state->stale_last = 0;
    return true;
}

static uint32_t pages_of_large(uint32_t size)
{
    return (uint32_t)(((uint64_t)size + PAGE - 1) / PAGE);
}

/* Pages that the stream needs for so many more bytes */
static uint32_t pages_of_tail(const struct queue_state *state, uint32_t bytes)
{
    uint32_t room = PAGE - state->tail_offset;

    return bytes > room ? (bytes - room + PAGE - 1) / PAGE : 0;
}

uint64_t pages_top_after(const struct queue_state *state, uint32_t size)
{
    uint32_t pages = size > QUEUE_LAYOUT_INLINE_MAX
                         ? pages_of_large(size)
                         : pages_of_tail(state, (uint32_t)pages_need(size));

    return top_with(state, fresh_pages(state, pages));
}

bool pages_allot(struct queue_state *state, uint8_t *pool, uint32_t size, struct queue_extent *ret)
{
    state->used += pages_need(size);
    return chain_take(state, pool, pages_of_large(size), ret);
}

void pages_free(struct queue_state *state, uint8_t *pool, const struct queue_extent *pages,
                uint32_t size)
{
    state->used -= pages_need(size);
    chain_free(state, pool, pages->first, pages->last, pages_of_large(size));
}

/* --- the stream ------------------------------------------------------------------------------ */

struct place
{
    uint32_t page, offset;
};

/* At the end of a page: goes to the next. */
static inline bool place_settle(uint8_t *pool, struct place *place, uint32_t top)
{
    if (place->offset < PAGE)
        return true;
    place->page = next_of(pool, place->page, top);
    place->offset = 0;
    return place->page != 0;
}

static uint8_t *place_at(uint8_t *pool, const struct place *place)
{
    return pool + (size_t)place->page * PAGE + place->offset;
}

/* Moves `bytes` between the stream and a buffer; one of `from` and `to` is NULL, both: skips. */
static bool place_move(uint8_t *pool, struct place *place, uint32_t top, const uint8_t *from,
                       uint8_t *to, uint32_t bytes)
{
    while (bytes)
    {
        uint32_t room;

        if (!place_settle(pool, place, top))
            return false;
        room = PAGE - place->offset;
        room = room < bytes ? room : bytes;
        if (from)
            memcpy(place_at(pool, place), from, room), from += room;
        else if (to)
            memcpy(to, place_at(pool, place), room), to += room;
        place->offset += room;
        bytes -= room;
    }
    return true;
}

/* The same with two words, which are always in one page. */
static inline bool place_put(uint8_t *pool, struct place *place, uint32_t top, uint32_t first,
                             uint32_t second)
{
    uint32_t *words;

    if (!place_settle(pool, place, top))
        return false;
    words = (uint32_t *)place_at(pool, place);
    words[0] = first;
    words[1] = second;
    place->offset += RECORD;
    return true;
}

static inline bool place_get(uint8_t *pool, struct place *place, uint32_t top, uint32_t *ret_first,
                             uint32_t *ret_second)
{
    const volatile uint32_t *words;

    if (!place_settle(pool, place, top))
        return false;
    words = (const volatile uint32_t *)place_at(pool, place);
    *ret_first = words[0];
    *ret_second = words[1];
    place->offset += RECORD;
    return true;
}

static uint32_t padding_of(uint32_t size)
{
    return -size & 7;
}

bool pages_append(struct queue_state *state, uint8_t *pool, uint32_t size, const void *data,
                  const struct queue_extent *pages)
{
    uint32_t bytes = pages ? EXTENT : size;
    uint32_t check = size ^ QUEUE_LAYOUT_MAGIC ^ (pages ? CHECK_LARGE : 0);
    uint32_t more = pages_of_tail(state, RECORD + bytes + padding_of(bytes));
    struct place place = {state->tail_page, state->tail_offset};
    struct queue_extent chain;

    if (more)
    {
        if (!chain_take(state, pool, more, &chain))
            return false;
        link_pages(pool, state->tail_page, chain.first);
    }
    if (!place_put(pool, &place, state->top, size, check) ||
        !(pages ? place_put(pool, &place, state->top, pages->first, pages->last)
                : place_move(pool, &place, state->top, data, NULL, size)))
        return false;
    state->tail_page = place.page;
    state->tail_offset = place.offset + padding_of(bytes); /* within the page: it is 8-aligned */
    if (!pages)
        state->used += pages_need(size);
    if (!state->count++)
        state->next_size = size;
    state->pushed++;
    return true;
}

/* Reads the record at a place and moves behind it. */
static bool record_read(uint8_t *pool, struct place *place, uint32_t top, uint32_t *ret_size,
                        struct queue_extent *ret_pages)
{
    uint32_t size, check;

    if (!place_get(pool, place, top, &size, &check))
        return false;
    *ret_size = size;
    *ret_pages = (struct queue_extent){0, 0};
    check ^= size ^ QUEUE_LAYOUT_MAGIC;
    if (size <= QUEUE_LAYOUT_INLINE_MAX)
        return check == 0;
    return check == CHECK_LARGE &&
           place_get(pool, place, top, &ret_pages->first, &ret_pages->last) &&
           is_data(ret_pages->first, top) && is_data(ret_pages->last, top);
}

/* Pages that follow each other are one piece. */
static bool chain_move(const struct queue_state *state, uint8_t *pool, uint32_t page,
                       const uint8_t *from, uint8_t *to, uint32_t bytes)
{
    while (bytes)
    {
        uint32_t first = page, room = PAGE;
        uint8_t *at;

        if (!page)
            return false;
        page = next_of(pool, page, state->top);
        for (; room < bytes && page == first + room / PAGE; room += PAGE)
            page = next_of(pool, page, state->top);
        room = room < bytes ? room : bytes;
        at = pool + (size_t)first * PAGE;
        if (from)
            memcpy(at, from, room), from += room;
        else
            memcpy(to, at, room), to += room;
        bytes -= room;
    }
    return true;
}

bool pages_fill(const struct queue_state *state, uint8_t *pool, const struct queue_extent *pages,
                const void *data, uint32_t size)
{
    return chain_move(state, pool, pages->first, data, NULL, size);
}

bool pages_copy(const struct queue_state *state, uint8_t *pool, void *buffer, uint32_t bytes)
{
    struct place place = {state->head_page, state->head_offset};
    struct queue_extent pages;
    uint32_t size;

    if (!record_read(pool, &place, state->top, &size, &pages) || size != state->next_size)
        return false;
    if (pages.first)
        return chain_move(state, pool, pages.first, NULL, buffer, bytes);
    return place_move(pool, &place, state->top, NULL, buffer, bytes);
}

bool pages_drop(struct queue_state *state, uint8_t *pool)
{
    struct place place = {state->head_page, state->head_offset};
    struct queue_extent pages;
    uint32_t size;

    if (!record_read(pool, &place, state->top, &size, &pages) || size != state->next_size ||
        state->used < pages_need(size) || !state->count)
        return false;
    if (pages.first)
        chain_free(state, pool, pages.first, pages.last, pages_of_large(size));
    else if (!place_move(pool, &place, state->top, NULL, NULL, size))
        return false;
    else
        place.offset += padding_of(size);

    state->used -= pages_need(size);
    state->count--;
    state->popped++;
    /* What the next record needs is there already: then the head may as well be in its page. */
    if (state->count && !place_settle(pool, &place, state->top))
        return false;
    if (place.page != state->head_page)
    {
        uint32_t last = state->head_page, next = 0;

        for (int i = 0; i < 3 && last && next != place.page; i++)
        {
            if (next)
                last = next;
            next = next_of(pool, last, state->top);
        }
        if (next != place.page)
            return false;
        state->stale_first = state->head_page;
        state->stale_last = last;
    }
    state->head_page = place.page;
    state->head_offset = place.offset;
    if (!state->count)
    {
        state->next_size = 0;
        return place.page == state->tail_page && place.offset == state->tail_offset;
    }
    /* A record that cannot be is found out by the next pop. */
    if (!record_read(pool, &place, state->top, &state->next_size, &pages))
        state->next_size = 0;
    return true;
}
