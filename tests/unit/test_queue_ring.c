/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring's arithmetic: caps, wrapping, growing, refusing impossible states */

#include "queue_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "queue/ring.h"

static void test_caps(void **unused)
{
    (void)unused;
    for (uint32_t pages = 1; pages <= 1u << 18; pages += pages < 4096 ? 1 : 977)
    {
        uint32_t quota = pages * 4096, cap = queue_ring_cap_first(quota);

        assert_true(cap >= 4096 && cap <= 124 * 1024 && cap <= quota && cap % 4096 == 0);
        while (cap < quota)
        {
            uint32_t next = queue_ring_cap_next(cap, quota, cap + 1);

            assert_true(next <= quota && next % 4096 == 0);
            /* room behind the old end for any wrapped part */
            assert_true(next - cap >= cap);
            cap = next;
        }
        assert_int_equal(queue_ring_cap_next(queue_ring_cap_first(quota), quota, quota), quota);
    }
    assert_int_equal(queue_ring_cap_first(16 << 20), 124 * 1024);
}

static void test_need(void **unused)
{
    (void)unused;
    assert_int_equal(queue_ring_need(0), 8);
    assert_int_equal(queue_ring_need(1), 16);
    assert_int_equal(queue_ring_need(8), 16);
    assert_int_equal(queue_ring_need(9), 24);
    assert_true(queue_ring_need(UINT32_MAX) == (1ull << 32) + 8);
}

/* From every position of a 4 KiB ring: fill, grow to 8 KiB, append; order and bytes stay. */
static void test_grow_everywhere(void **unused)
{
    enum
    {
        quota = 256 * 1024
    };
    uint8_t *memory = aligned_alloc(4096, 3 * 4096);
    uint8_t buffer[512];

    (void)unused;
    for (uint32_t head = 0; head < 4096; head += 8)
    {
        struct queue_state state = {.head = head, .cap = 4096};
        uint32_t n = 0, popped = 0, size;

        memset(memory, 0xee, 3 * 4096);
        for (;; n++)
        {
            size = support_fill(buffer, n, 500);
            if (state.used + queue_ring_need(size) > state.cap)
                break;
            queue_ring_put(&state, memory, buffer, size);
        }
        assert_true(queue_ring_valid(&state, quota));
        assert_true(queue_ring_grow(&state, memory, 8192));
        assert_true(queue_ring_valid(&state, quota));
        for (;; n++)
        {
            size = support_fill(buffer, n, 500);
            if (state.used + queue_ring_need(size) > state.cap)
                break;
            queue_ring_put(&state, memory, buffer, size);
        }
        for (uint32_t i = 8192; i < 3 * 4096; i++)
            assert_int_equal(memory[i], 0xee);
        while (state.count)
        {
            assert_true(queue_ring_next(&state, memory, &size));
            queue_ring_copy(&state, memory, buffer, size);
            assert_true(support_check(buffer, size, popped++, 500));
            queue_ring_drop(&state, size, quota);
        }
        assert_int_equal(popped, n);
        assert_int_equal(state.head, 0);
        assert_int_equal(state.cap, 124 * 1024);
    }
    free(memory);
}

static void test_grow_refused(void **unused)
{
    /* full, wrapped by 4096 bytes, and only 4096 more: no; 4104 wrapped: would overlap */
    struct queue_state fits = {.head = 4096, .used = 8192, .cap = 8192, .count = 1};
    struct queue_state overlaps = {.head = 4104, .used = 8192, .cap = 8192, .count = 1};
    struct queue_state before = overlaps;
    uint8_t *memory = calloc(1, 12288);

    (void)unused;
    assert_true(queue_ring_grow(&fits, memory, 12288));
    assert_false(queue_ring_grow(&overlaps, memory, 12288));
    assert_memory_equal(&overlaps, &before, sizeof(before));
    assert_false(queue_ring_grow(&overlaps, memory, 8192));
    free(memory);
}

static void test_invalid_states(void **unused)
{
    const struct queue_state good = {.head = 8, .used = 16, .cap = 8192, .count = 1};
    struct queue_state bad;

    (void)unused;
    assert_true(queue_ring_valid(&good, 8192));
#define BAD(member, value)                                                                         \
    do                                                                                             \
    {                                                                                              \
        bad = good;                                                                                \
        bad.member = (value);                                                                      \
        assert_false(queue_ring_valid(&bad, 8192));                                                \
    } while (0)
    BAD(cap, 0);
    BAD(cap, 4095);
    BAD(cap, 8191);
    BAD(cap, 12288);
    BAD(cap, UINT32_MAX - 4095);
    BAD(head, 8192);
    BAD(head, 9);
    BAD(head, UINT32_MAX - 7);
    BAD(used, 8200);
    BAD(used, 17);
    BAD(used, UINT32_MAX - 7);
    BAD(used, 0);
    BAD(count, 0);
    BAD(count, 3);
    BAD(count, UINT32_MAX);
#undef BAD
}

static void test_impossible_records(void **unused)
{
    static const uint32_t sizes[] = {9, 16, 4088, 4096, 0x7fffffff, 0xfffffff0, UINT32_MAX};
    struct queue_state state = {.cap = 4096};
    uint8_t *memory = aligned_alloc(4096, 4096);
    struct queue_record record;
    uint32_t size = 77;

    (void)unused;
    memset(memory, 0, 4096);
    queue_ring_put(&state, memory, "12345678", 8);
    assert_true(queue_ring_next(&state, memory, &size));
    assert_int_equal(size, 8);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
    {
        record = (struct queue_record){sizes[i], sizes[i] ^ QUEUE_LAYOUT_MAGIC};
        memcpy(memory, &record, sizeof(record));
        assert_false(queue_ring_next(&state, memory, &size));
    }
    /* shorter than what the state says is used by the only record */
    record = (struct queue_record){0, QUEUE_LAYOUT_MAGIC};
    memcpy(memory, &record, sizeof(record));
    assert_false(queue_ring_next(&state, memory, &size));
    record = (struct queue_record){8, 8};
    memcpy(memory, &record, sizeof(record));
    assert_false(queue_ring_next(&state, memory, &size));
    /* leaves no room for the records that must follow */
    record = (struct queue_record){8, 8 ^ QUEUE_LAYOUT_MAGIC};
    memcpy(memory, &record, sizeof(record));
    state.count = 2;
    assert_false(queue_ring_next(&state, memory, &size));
    /* the first of two is longer than all that is used */
    state.used = 32;
    record = (struct queue_record){40, 40 ^ QUEUE_LAYOUT_MAGIC};
    memcpy(memory, &record, sizeof(record));
    assert_false(queue_ring_next(&state, memory, &size));
    assert_int_equal(size, 8);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_need),
        cmocka_unit_test(test_grow_everywhere),
        cmocka_unit_test(test_grow_refused),
        cmocka_unit_test(test_invalid_states),
        cmocka_unit_test(test_impossible_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
