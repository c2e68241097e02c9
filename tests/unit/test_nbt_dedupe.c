/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/dedupe (wire.md 1.7: key and window of 2 s, semantics D9) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/dedupe.h"

#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000)

static struct dedupe_key key_of(uint32_t source, enum datagram_type type, uint16_t id)
{
    return (struct dedupe_key){{htonl(source)}, type, id, 0x12345678};
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
    /* The same id again, with other contents: the sender has come round. */
    other = key;
    other.digest ^= 1;
    assert_false(dedupe_contains(*state, &other, SECOND));
    assert_false(dedupe_enter(*state, &other, SECOND));
    other.digest = key.digest ^ 0x80000000;
    assert_false(dedupe_enter(*state, &other, SECOND));
    assert_true(dedupe_enter(*state, &other, SECOND));
    assert_true(dedupe_enter(*state, &key, SECOND));
    /* So many that they share buckets. */
    for (uint32_t i = 0; i < 4000; i++)
    {
        other.digest = i;
        assert_false(dedupe_enter(*state, &other, SECOND));
    }
}

/* The digest is one of what the datagram says to whom, and of nothing that a copy may change. */
static void test_digest(void **state)
{
    struct datagram d = {.type = DATAGRAM_DIRECT_GROUP, .id = 7}, copy;
    uint8_t data[513], *exact;
    uint32_t digest;

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
    {
        data[i] = (uint8_t)(i * 7);
    }
    assert_int_equal(netbios_name_make(&d.source, "A", 1, 0), NETBIOS_NAME_OK);
    assert_int_equal(netbios_name_make(&d.destination, "B", 1, 0), NETBIOS_NAME_OK);
    for (size_t size = 0; size <= 512; size++)
    {
        d.user_data = data;
        d.user_data_size = size;
        digest = dedupe_digest(&d);
        /* A copy elsewhere in memory, at an odd address and at its exact size. */
        copy = d;
        exact = malloc(size + 1);
        memcpy(exact + 1, data, size);
        copy.user_data = exact + 1;
        assert_int_equal(dedupe_digest(&copy), digest);
        if (size > 0)
        {
            /* One bit of one byte, each time another. */
            exact[1 + size * 5 / 7] ^= (uint8_t)(1 << size % 8);
            assert_int_not_equal(dedupe_digest(&copy), digest);
            exact[size] = data[size - 1] ^ 0x80;
            assert_int_not_equal(dedupe_digest(&copy), digest);
            copy.user_data = data;
            copy.user_data_size = size - 1;
            assert_int_not_equal(dedupe_digest(&copy), digest);
        }
        free(exact);
        copy = d;
        copy.destination.bytes[15] = 0x1c;
        assert_int_not_equal(dedupe_digest(&copy), digest);
        copy.destination = d.source;
        assert_int_not_equal(dedupe_digest(&copy), digest);
    }
    /* Zero bytes count as well. */
    memset(data, 0, sizeof(data));
    d.user_data_size = 8;
    digest = dedupe_digest(&d);
    for (d.user_data_size = 9; d.user_data_size <= 512; d.user_data_size++)
    {
        uint32_t shorter = digest;

        digest = dedupe_digest(&d);
        assert_int_not_equal(digest, shorter);
    }
    d.user_data = NULL;
    d.user_data_size = 0;
    assert_int_not_equal(dedupe_digest(&d), digest);
}

static int compare_digests(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

/* Messages that count upwards: of 20,000 digests of 32 bits, 0.05 pairs meet by chance. */
static void test_digest_spread(void **state)
{
    static uint32_t digests[20000];
    struct datagram d = {.type = DATAGRAM_DIRECT_GROUP};
    uint8_t data[100] = {};
    size_t n = sizeof(digests) / sizeof(digests[0]), same = 0;

    (void)state;
    d.destination = netbios_name_wildcard();
    d.user_data = data;
    d.user_data_size = sizeof(data);
    for (size_t i = 0; i < n; i++)
    {
        data[70] = (uint8_t)i;
        data[71] = (uint8_t)(i >> 8);
        digests[i] = dedupe_digest(&d);
    }
    qsort(digests, n, sizeof(digests[0]), compare_digests);
    for (size_t i = 1; i < n; i++)
    {
        same += digests[i] == digests[i - 1];
    }
    assert_true(same <= 2);
}

/* The same id and source with other data is no copy, through the whole range of ids. */
static void test_wrap(void **state)
{
    struct datagram d = {.type = DATAGRAM_DIRECT_GROUP};
    struct dedupe_key key = key_of(0x0a4d0001, DATAGRAM_DIRECT_GROUP, 0);
    uint8_t data[64] = {};

    d.destination = netbios_name_wildcard();
    d.user_data = data;
    d.user_data_size = sizeof(data);
    for (uint32_t i = 0; i < 3 * 65536; i++)
    {
        memcpy(data, &i, sizeof(i));
        key.id = (uint16_t)i;
        key.digest = dedupe_digest(&d);
        assert_false(dedupe_enter(*state, &key, SECOND + i));
        assert_true(dedupe_enter(*state, &key, SECOND + i));
    }
}

/* A source of 0.0.0.0 with id 0 in an untouched table, at time 0. */
static void test_zero(void **state)
{
    struct dedupe_key key = {};

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
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_digest_spread),
        cmocka_unit_test_setup_teardown(test_wrap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_zero, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_flood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_burst, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
