/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/cache (wire.md 1.7: CacheTimeout; 1.8, 1.9: recent senders, bounded tables) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "net/netbios/cache.h"

#define SECOND   UINT64_C(1000000)
#define LIFETIME (600 * SECOND) /* CacheTimeout of Windows, wire.md 1.7 */
#define MAX      8

static struct netbios_name name_of(const char *chars)
{
    struct netbios_name name;

    assert_int_equal(netbios_name_make(&name, chars, strlen(chars), 0), NETBIOS_NAME_OK);
    return name;
}

static struct netbios_name name_number(unsigned int number)
{
    char chars[16];

    snprintf(chars, sizeof(chars), "N%u", number);
    return name_of(chars);
}

static struct in_addr ip(uint32_t host)
{
    return (struct in_addr){htonl(host)};
}

static struct resolution unique_at(uint32_t host)
{
    return (struct resolution){.n = 1, .addresses = {ip(host)}};
}

/* Whether the cache knows exactly this unique address. */
static void assert_address(struct cache *cache, const char *chars, uint64_t now, uint32_t host)
{
    struct netbios_name name = name_of(chars);
    struct resolution found;

    assert_true(cache_get(cache, &name, now, &found));
    assert_false(found.group);
    assert_int_equal(found.n, 1);
    assert_int_equal(ntohl(found.addresses[0].s_addr), host);
}

static bool knows(struct cache *cache, const char *chars, uint64_t now)
{
    struct netbios_name name = name_of(chars);
    struct resolution found;

    return cache_get(cache, &name, now, &found);
}

static int set_up(void **state)
{
    return cache_new((struct cache **)state, MAX, LIFETIME);
}

static int tear_down(void **state)
{
    *state = cache_free(*state);
    return 0;
}

/* wire.md 1.7: what was resolved is known for 600 s, not longer. */
static void test_lifetime(void **state)
{
    struct netbios_name name = name_of("HOST");
    struct resolution resolution = unique_at(0x0a4d0001);

    assert_false(knows(*state, "HOST", SECOND));
    cache_put(*state, 0, &name, &resolution, SECOND);
    assert_address(*state, "HOST", SECOND + LIFETIME - 1, 0x0a4d0001);
    assert_false(knows(*state, "HOST", SECOND + LIFETIME));
    assert_int_equal(cache_count(*state), 0);
}

/* Being asked does not prolong; being entered again does, and replaces. */
static void test_replaced(void **state)
{
    struct netbios_name name = name_of("HOST");
    struct resolution first = unique_at(0x0a4d0001), second = unique_at(0x0a4d0002);

    cache_put(*state, 0, &name, &first, 0);
    cache_put(*state, 0, &name, &second, LIFETIME - 1);
    assert_int_equal(cache_count(*state), 1);
    assert_address(*state, "HOST", 2 * LIFETIME - 2, 0x0a4d0002);
    assert_false(knows(*state, "HOST", 2 * LIFETIME - 1));
}

/* All 16 bytes are compared: a suffix makes another name (wire.md 1.2). */
static void test_suffix(void **state)
{
    struct netbios_name host = name_of("HOST"), server = host;
    struct resolution resolution = unique_at(0x0a4d0001), found;

    server.bytes[15] = 0x20;
    cache_put(*state, 0, &host, &resolution, 0);
    assert_false(cache_get(*state, &server, 1, &found));
    assert_true(cache_get(*state, &host, 1, &found));
}

/* A group and its members come back as they were (wire.md 1.5, <1C>). */
static void test_group(void **state)
{
    struct netbios_name name = name_of("DOMAIN");
    struct resolution group = {.group = true, .n = CACHE_ADDRESSES_MAX}, found;

    for (size_t i = 0; i < group.n; i++)
    {
        group.addresses[i] = ip(0x0a000001 + (uint32_t)i);
    }
    cache_put(*state, 0, &name, &group, 0);
    assert_true(cache_get(*state, &name, 1, &found));
    assert_true(found.group);
    assert_false(found.broadcast);
    assert_int_equal(found.n, CACHE_ADDRESSES_MAX);
    assert_memory_equal(found.addresses, group.addresses, sizeof(group.addresses));
}

/* wire.md 1.9, bounded tables: in a full one, the entry that ends first goes, and only that. */
static void test_full(void **state)
{
    struct resolution resolution = unique_at(0x0a4d0001);
    struct netbios_name name;

    for (unsigned int i = 0; i < MAX; i++)
    {
        name = name_number(i);
        cache_put(*state, 0, &name, &resolution, i);
    }
    /* N0 was entered first, but ends last now. */
    name = name_number(0);
    cache_put(*state, 0, &name, &resolution, MAX);
    name = name_of("ONE-TOO-MANY");
    cache_put(*state, 0, &name, &resolution, MAX + 1);
    assert_int_equal(cache_count(*state), MAX);
    assert_true(knows(*state, "N0", MAX + 1));
    assert_false(knows(*state, "N1", MAX + 1));
    assert_true(knows(*state, "N2", MAX + 1));
    assert_true(knows(*state, "ONE-TOO-MANY", MAX + 1));
}

/* Issue 5, section 3: who asks for many names makes us forget his own, a quarter of all. */
static void test_full_of_one_user(void **state)
{
    struct resolution resolution = unique_at(0x0a4d0001);
    struct netbios_name name = name_of("OTHER");

    cache_put(*state, 1001, &name, &resolution, 0);
    for (unsigned int i = 0; i < 2 * MAX; i++)
    {
        name = name_number(i);
        cache_put(*state, 1000, &name, &resolution, i);
    }
    assert_int_equal(cache_count(*state), 1 + MAX / 4);
    assert_true(knows(*state, "OTHER", 2 * MAX));
    assert_true(knows(*state, "N15", 2 * MAX));
    assert_true(knows(*state, "N14", 2 * MAX));
    assert_false(knows(*state, "N13", 2 * MAX));
}

/* A name that is there needs no room: nothing goes. */
static void test_full_replace(void **state)
{
    struct resolution resolution = unique_at(0x0a4d0001);
    struct netbios_name name;

    for (unsigned int i = 0; i < 2 * MAX; i++)
    {
        name = name_number(i % MAX);
        cache_put(*state, 0, &name, &resolution, i);
    }
    assert_int_equal(cache_count(*state), MAX);
    assert_true(knows(*state, "N0", 2 * MAX));
}

/* wire.md 1.9: a flood of names, learnt and put; the table stays bounded and keeps the newest. */
static void test_flood(void **state)
{
    struct resolution resolution = unique_at(0x0a4d0001), found;

    for (unsigned int i = 0; i < 100000; i++)
    {
        struct netbios_name name = name_number(i);

        if (i % 2)
        {
            cache_put(*state, 0, &name, &resolution, i);
        }
        else
        {
            cache_learn(*state, &name, ip(i), i);
        }
        assert_true(cache_count(*state) <= MAX);
        assert_true(cache_get(*state, &name, i, &found));
    }
}

/* wire.md 1.8, CVE-2000-1079: a datagram never moves a name that is known to another address. */
static void test_learn_never_overrides(void **state)
{
    struct netbios_name host = name_of("HOST"), group = name_of("DOMAIN"), many = name_of("MANY");
    struct resolution resolved = unique_at(0x0a4d0001), found;
    struct resolution domain = {.group = true, .broadcast = true};
    struct netbios_name lonely = name_of("LONELY");
    struct resolution one_member = {.group = true, .n = 1, .addresses = {ip(0x0a4d0001)}};
    struct resolution two = {.n = 2, .addresses = {ip(0x0a4d0001), ip(0x0a4d0002)}};

    cache_put(*state, 0, &host, &resolved, 0);
    cache_put(*state, 0, &group, &domain, 0);
    cache_put(*state, 0, &many, &two, 0);
    cache_put(*state, 0, &lonely, &one_member, 0);
    cache_learn(*state, &host, ip(0x0a4d0066), 1);
    cache_learn(*state, &lonely, ip(0x0a4d0001), 1);
    cache_learn(*state, &group, ip(0x0a4d0066), 1);
    cache_learn(*state, &many, ip(0x0a4d0001), 1);
    assert_address(*state, "HOST", 2, 0x0a4d0001);
    assert_true(cache_get(*state, &group, 2, &found));
    assert_true(found.group && found.broadcast);
    assert_true(cache_get(*state, &many, 2, &found));
    assert_int_equal(found.n, 2);
    assert_true(cache_get(*state, &lonely, 2, &found));
    assert_true(found.group);
    /* The attempts have not prolonged anything either. */
    assert_false(knows(*state, "HOST", LIFETIME));
    assert_false(knows(*state, "DOMAIN", LIFETIME));
}

/* wire.md 1.8: the same sender again prolongs; another one may have the name once it has ended. */
static void test_learn(void **state)
{
    struct netbios_name name = name_of("TORTURE_TEST");

    cache_learn(*state, &name, ip(0x0a4d0001), 0);
    assert_address(*state, "TORTURE_TEST", 1, 0x0a4d0001);
    cache_learn(*state, &name, ip(0x0a4d0001), LIFETIME / 2);
    assert_address(*state, "TORTURE_TEST", LIFETIME, 0x0a4d0001);
    cache_learn(*state, &name, ip(0x0a4d0002), LIFETIME);
    assert_address(*state, "TORTURE_TEST", LIFETIME, 0x0a4d0001);
    cache_learn(*state, &name, ip(0x0a4d0002), LIFETIME + LIFETIME / 2);
    assert_address(*state, "TORTURE_TEST", LIFETIME + LIFETIME / 2, 0x0a4d0002);
}

static void test_expire_and_flush(void **state)
{
    struct resolution resolution = unique_at(0x0a4d0001);
    struct netbios_name a = name_of("A"), b = name_of("B");

    cache_put(*state, 0, &a, &resolution, 0);
    cache_put(*state, 0, &b, &resolution, SECOND);
    cache_expire(*state, LIFETIME);
    assert_int_equal(cache_count(*state), 1);
    assert_true(knows(*state, "B", LIFETIME));
    cache_flush(*state);
    assert_int_equal(cache_count(*state), 0);
    assert_false(knows(*state, "B", LIFETIME));
    cache_put(*state, 0, &a, &resolution, LIFETIME);
    assert_true(knows(*state, "A", LIFETIME));
}

/* The result is not touched when there is none. */
static void test_miss_keeps_result(void **state)
{
    struct netbios_name name = name_of("NOBODY");
    struct resolution found = {.n = 7};

    assert_false(cache_get(*state, &name, 0, &found));
    assert_int_equal(found.n, 7);
    assert_null(cache_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lifetime, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_suffix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_group, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_of_one_user, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_replace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_flood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_learn_never_overrides, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_learn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_expire_and_flush, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_miss_keeps_result, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
