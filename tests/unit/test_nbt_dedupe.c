/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/dedupe (wire.md 1.7: key and window of 2 s, semantics D9) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/dedupe.h"

#define SECOND UINT64_C(1000000)

static struct dedupe_key key_of(uint32_t source, enum datagram_type type, uint16_t id)
{
    return (struct dedupe_key){{htonl(source)}, type, id};
}

static int set_up(void **state)
{
    return dedupe_new((struct dedupe **)state);
}

static int tear_down(void **state)
{
    *state = dedupe_free(*state);
    return 0;
}

static void test_window(void **state)
{
    struct dedupe_key key = key_of(0x0a4d0001, DATAGRAM_DIRECT_GROUP, 7);
    uint64_t now = 5 * SECOND;

    assert_false(dedupe_contains(*state, &key, now));
    assert_false(dedupe_enter(*state, &key, now));
    assert_true(dedupe_contains(*state, &key, now));
    assert_true(dedupe_enter(*state, &key, now + 1));
    assert_true(dedupe_enter(*state, &key, now + 2 * SECOND - 1));
    /* The copies did not make the window longer. */
    assert_false(dedupe_enter(*state, &key, now + 2 * SECOND));
    assert_true(dedupe_enter(*state, &key, now + 2 * SECOND));
}

static void test_key(void **state)
{
    struct dedupe_key key = key_of(0x0a4d0001, DATAGRAM_DIRECT_GROUP, 7), other;

    assert_false(dedupe_enter(*state, &key, SECOND));
    other = key_of(0x0a4d0002, DATAGRAM_DIRECT_GROUP, 7);
    assert_false(dedupe_enter(*state, &other, SECOND));
    other = key_of(0x0a4d0001, DATAGRAM_DIRECT_UNIQUE, 7);
    assert_false(dedupe_enter(*state, &other, SECOND));
    other = key_of(0x0a4d0001, DATAGRAM_DIRECT_GROUP, 8);
    assert_false(dedupe_enter(*state, &other, SECOND));
    assert_true(dedupe_enter(*state, &key, SECOND));
}

/* A source of 0.0.0.0 with id 0 in an untouched table, at time 0. */
static void test_zero(void **state)
{
    struct dedupe_key key = key_of(0, 0, 0);

    assert_false(dedupe_contains(*state, &key, 0));
    assert_false(dedupe_enter(*state, &key, 0));
    assert_true(dedupe_enter(*state, &key, 0));
}

/* A flood of forged keys forgets old ones and keeps the newest; memory is fixed. */
static void test_flood(void **state)
{
    struct dedupe_key key;

    for (uint32_t i = 0; i < 200000; i++)
    {
        key = key_of(0xc0a80000 + i / 65536, DATAGRAM_DIRECT_GROUP, (uint16_t)i);
        assert_false(dedupe_enter(*state, &key, SECOND + i));
        assert_true(dedupe_contains(*state, &key, SECOND + i));
    }
}

/* A burst, then the copy of each message: no copy gets through. Far below what buckets hold. */
static void test_burst(void **state)
{
    struct dedupe_key key;

    for (int round = 0; round < 2; round++)
    {
        for (uint16_t id = 0; id < 256; id++)
        {
            key = key_of(0x0a4d0001, DATAGRAM_DIRECT_GROUP, id);
            if (round == 0)
            {
                assert_false(dedupe_enter(*state, &key, SECOND));
            }
            else if (!dedupe_enter(*state, &key, SECOND + 1))
            {
                fail_msg("id %u was forgotten", id);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_window, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_zero, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_flood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_burst, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
