/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Chains of pages: what a message takes, that nothing is lost or used twice, impossible states */

#include "queue_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "queue/layout.h"
#include "queue/pages.h"

enum
{
    POOL_PAGES = 6000, /* several groups */
    LIMIT = 8000
};

static uint8_t *pool;

static void test_need(void **unused)
{
    (void)unused;
    assert_int_equal(pages_need(0), 8);
    assert_int_equal(pages_need(1), 16);
    assert_int_equal(pages_need(8), 16);
    assert_int_equal(pages_need(9), 24);
    assert_true(pages_need(UINT32_MAX) == (1ull << 32) + 8);
    /* one alone, whatever the quota; and the quota twice */
    assert_true(pages_of_pool(4096) > QUEUE_LAYOUT_ALONE_MAX / 4096);
    assert_true(pages_of_pool(1u << 30) > 2 * ((1u << 30) / 4096));
}

/* As queue_push() does it. */
static void put(struct queue_state *state, const uint8_t *message, uint32_t size)
{
    struct queue_extent pages;

    assert_true(pages_settle(state, pool));
    assert_true(pages_top_after(state, size) <= POOL_PAGES);
    if (size <= QUEUE_LAYOUT_INLINE_MAX)
    {
        assert_true(pages_append(state, pool, size, message, NULL));
        return;
    }
    assert_true(pages_allot(state, pool, size, &pages));
    assert_true(pages_fill(state, pool, &pages, message, size));
    assert_true(pages_append(state, pool, size, NULL, &pages));
}

static void take(struct queue_state *state, uint32_t n)
{
    static uint8_t message[LIMIT];
    uint32_t size = state->next_size;

    assert_true(size <= LIMIT);
    assert_true(pages_settle(state, pool));
    assert_true(pages_copy(state, pool, message, size));
    assert_true(support_check(message, size, n, LIMIT));
    assert_true(pages_drop(state, pool));
    assert_true(pages_valid(state, POOL_PAGES));
}

/* Pages do not get lost: after any number of messages no more are in use than at the worst. */
static void test_circulation(void **unused)
{
    static uint8_t message[LIMIT];
    struct queue_state state = {0};
    uint32_t first = 0, next = 0, top = 0;
    uint64_t seed = 4711;

    (void)unused;
    pages_rewind(&state);
    for (int round = 0; round < 60; round++)
    {
        uint32_t many = 1 + support_random(&seed) % 1500;

        while (state.count < many)
        {
            put(&state, message, support_fill(message, next, LIMIT));
            next++;
        }
        while (state.count > support_random(&seed) % 50)
            take(&state, first++);
        if (round == 30)
            top = state.top;
        assert_int_equal(state.count, next - first);
    }
    assert_true(top > 1000);
    assert_true(state.top <= top + 700); /* the worst may still come */
    while (state.count)
        take(&state, first++);
    assert_int_equal(state.used, 0);
    assert_true(pages_settle(&state, pool));
    /* all that was ever used is free, but the page of the stream and those of the links */
    assert_int_equal(state.free_pages,
                     state.top - 1 - (state.top + QUEUE_LAYOUT_GROUP - 1) / QUEUE_LAYOUT_GROUP);
}

/* What an operation writes before it is committed does not harm the state before it. */
static void test_uncommitted(void **unused)
{
    static uint8_t message[LIMIT];
    struct queue_state state = {0}, dead;
    uint32_t first = 0, next = 0;
    uint64_t seed = 815;

    (void)unused;
    pages_rewind(&state);
    for (int i = 0; i < 20000; i++)
    {
        bool push = !state.count || support_random(&seed) % 20 < (i / 500 % 2 ? 9 : 11);

        /* somebody dies first, having done either */
        dead = state;
        if (support_random(&seed) % 2 && dead.count)
        {
            assert_true(pages_settle(&dead, pool));
            assert_true(pages_drop(&dead, pool));
        }
        else
        {
            memset(message, 0xdd, sizeof(message));
            put(&dead, message, support_random(&seed) % LIMIT);
        }
        if (push)
        {
            put(&state, message, support_fill(message, next, LIMIT));
            next++;
        }
        else
            take(&state, first++);
    }
    while (state.count)
        take(&state, first++);
    assert_int_equal(first, next);
}

static void test_invalid_states(void **unused)
{
    struct queue_state good = {.count = 1, .used = 16}, bad;

    (void)unused;
    pages_rewind(&good);
    assert_true(pages_valid(&good, POOL_PAGES));
#define BAD(member, value)                                                                         \
    do                                                                                             \
    {                                                                                              \
        bad = good;                                                                                \
        bad.member = (value);                                                                      \
        assert_false(pages_valid(&bad, POOL_PAGES));                                               \
    } while (0)
    BAD(top, 0);
    BAD(top, 1);
    BAD(top, POOL_PAGES + 1);
    BAD(top, UINT32_MAX);
    BAD(backed, POOL_PAGES + 1);
    BAD(head_page, 0);
    BAD(head_page, 2);
    BAD(tail_page, 1024);
    BAD(tail_page, UINT32_MAX);
    BAD(head_offset, 4097);
    BAD(head_offset, 4);
    BAD(tail_offset, UINT32_MAX - 7);
    BAD(free_page, 1);
    BAD(free_pages, 1);
    BAD(stale_first, 1);
    BAD(stale_last, 1);
    BAD(used, UINT64_MAX);
    BAD(count, 3);
    BAD(count, UINT32_MAX);
#undef BAD
}

/* Links and records that lead nowhere end the walk; nothing is touched outside. */
static void test_impossible_links(void **unused)
{
    static const uint32_t bad[] = {0, 1024, 2048, POOL_PAGES, 0x7fffffff, UINT32_MAX};
    static uint8_t message[LIMIT];
    struct queue_state state = {0}, broken;
    static uint32_t saved[QUEUE_LAYOUT_GROUP];
    uint32_t *links = (uint32_t *)pool;

    (void)unused;
    pages_rewind(&state);
    for (uint32_t n = 0; n < 20; n++)
        put(&state, message, support_fill(message, n, LIMIT));
    for (uint32_t page = 1; page < state.top; page++)
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        {
            memcpy(saved, links, sizeof(saved));
            links[page] = bad[i];
            broken = state;
            while (broken.count && broken.next_size <= LIMIT &&
                   pages_copy(&broken, pool, message, broken.next_size) &&
                   pages_drop(&broken, pool) && pages_settle(&broken, pool))
                ;
            memcpy(links, saved, sizeof(saved));
        }
    for (uint32_t n = 0; n < 20; n++)
        take(&state, n);
}

static int setup(void **unused)
{
    (void)unused;
    pool = aligned_alloc(4096, (size_t)POOL_PAGES * 4096);
    memset(pool, 0, (size_t)POOL_PAGES * 4096);
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    free(pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_need),
        cmocka_unit_test(test_circulation),
        cmocka_unit_test(test_uncommitted),
        cmocka_unit_test(test_invalid_states),
        cmocka_unit_test(test_impossible_links),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
