/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a security descriptor lets other users do: S1, C11, and the order of entries. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/access.h"

#define WRITE       0x2u
#define APPEND      0x4u
#define READ        0x1u
#define ALL         0x10000000u
#define GENERIC_W   0x40000000u
#define GENERIC_R   0x80000000u
#define NONE        0u
#define ALLOW       0
#define DENY        1
#define SELF_DACL   0x8004
#define SELF_NODACL 0x8000

struct bytes
{
    uint8_t data[4096];
    size_t size;
};

static void put(struct bytes *bytes, uint32_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes->data[bytes->size++] = value >> (8 * i);
}

static void start(struct bytes *bytes, uint16_t control)
{
    bytes->size = 0;
    put(bytes, 1, 2);
    put(bytes, control, 2);
    put(bytes, 0, 4);
    put(bytes, 0, 4);
    put(bytes, 0, 4);
    put(bytes, 20, 4);
    put(bytes, 2, 2);
    put(bytes, 8, 2); /* of the list: add() raises both */
    put(bytes, 0, 4);
}

/* One entry for S-1-`authority`-`first`[-`second`] */
static void add(struct bytes *bytes, uint8_t type, uint8_t flags, uint32_t mask, uint8_t authority,
                unsigned int n, uint32_t first, uint32_t second)
{
    size_t before = bytes->size;

    put(bytes, type, 1);
    put(bytes, flags, 1);
    put(bytes, 16 + 4 * n, 2);
    put(bytes, mask, 4);
    put(bytes, 1, 1);
    put(bytes, n, 1);
    put(bytes, 0, 4);
    put(bytes, 0, 1);
    put(bytes, authority, 1);
    put(bytes, first, 4);
    if (n > 1)
        put(bytes, second, 4);
    bytes->data[22] += bytes->size - before; /* less than 256 here */
    bytes->data[24]++;
}

#define EVERYONE    1, 1, 0, 0
#define LOCAL       2, 1, 0, 0
#define NETWORK     5, 1, 2, 0
#define INTERACTIVE 5, 1, 4, 0
#define ANONYMOUS   5, 1, 7, 0
#define AUTH_USERS  5, 1, 11, 0
#define SYSTEM      5, 1, 18, 0
#define ADMINS      5, 2, 32, 544
#define USERS       5, 2, 32, 545
#define SOMEBODY    5, 2, 21, 1000

/* In memory of its exact size, so that the sanitizer sees a byte too many. */
static bool ask(const struct bytes *bytes)
{
    uint8_t *exact = calloc(1, bytes->size ? bytes->size : 1);
    bool answer;

    memcpy(exact, bytes->data, bytes->size);
    answer = access_others_may_write(exact, bytes->size);
    free(exact);
    return answer;
}

/* S1, C11: without a descriptor, or without a DACL in it, only the creator; NULL: everybody. */
static void test_defaults(void **state)
{
    struct bytes bytes = {.size = 0};

    (void)state;
    assert_false(ask(&bytes));
    start(&bytes, SELF_NODACL);
    add(&bytes, ALLOW, 0, ALL, EVERYONE);
    assert_false(ask(&bytes));
    start(&bytes, SELF_DACL);
    assert_false(ask(&bytes)); /* present and empty */
    bytes.data[16] = 0;        /* present and NULL */
    assert_true(ask(&bytes));
    bytes.size = 20;
    assert_true(ask(&bytes));
    start(&bytes, 0x0004); /* not self-relative: would hold addresses */
    add(&bytes, ALLOW, 0, ALL, EVERYONE);
    assert_false(ask(&bytes));
}

static bool one(uint8_t type, uint8_t flags, uint32_t mask, uint8_t authority, unsigned int n,
                uint32_t first, uint32_t second)
{
    struct bytes bytes;

    start(&bytes, SELF_DACL);
    add(&bytes, type, flags, mask, authority, n, first, second);
    return ask(&bytes);
}

/* Who is meant by "other users", and which rights let one write */
static void test_who_and_what(void **state)
{
    (void)state;
    assert_true(one(ALLOW, 0, ALL, EVERYONE));
    assert_true(one(ALLOW, 0, WRITE, LOCAL));
    assert_true(one(ALLOW, 0, WRITE, INTERACTIVE));
    assert_true(one(ALLOW, 0, WRITE, AUTH_USERS));
    assert_true(one(ALLOW, 0, WRITE, USERS));
    assert_false(one(ALLOW, 0, ALL, NETWORK));
    assert_false(one(ALLOW, 0, ALL, ANONYMOUS));
    assert_false(one(ALLOW, 0, ALL, SYSTEM));
    assert_false(one(ALLOW, 0, ALL, ADMINS));
    assert_false(one(ALLOW, 0, ALL, SOMEBODY));
    assert_false(one(ALLOW, 0, ALL, 5, 2, 33, 545));
    assert_false(one(ALLOW, 0, ALL, 1, 2, 0, 0));

    assert_true(one(ALLOW, 0, GENERIC_W, EVERYONE));
    assert_true(one(ALLOW, 0, APPEND, EVERYONE));
    assert_false(one(ALLOW, 0, GENERIC_R | READ | 0x1f0000, EVERYONE));
    assert_false(one(ALLOW, 0, NONE, EVERYONE));
    assert_false(one(ALLOW, 8, ALL, EVERYONE)); /* for what is inside only */
    assert_false(one(DENY, 0, ALL, EVERYONE));
    assert_false(one(5, 0, ALL, EVERYONE)); /* forms that mailslots do not have */
    assert_false(one(9, 0, ALL, EVERYONE));
    assert_false(one(17, 0, ALL, EVERYONE));
}

/* The first entry that decides a right decides it for good. */
static void test_order(void **state)
{
    struct bytes bytes;

    (void)state;
    start(&bytes, SELF_DACL);
    add(&bytes, DENY, 0, WRITE, EVERYONE);
    add(&bytes, ALLOW, 0, ALL, EVERYONE);
    assert_false(ask(&bytes));
    start(&bytes, SELF_DACL);
    add(&bytes, ALLOW, 0, ALL, USERS);
    add(&bytes, DENY, 0, ALL, EVERYONE);
    assert_true(ask(&bytes));
    start(&bytes, SELF_DACL);
    add(&bytes, DENY, 0, READ, EVERYONE);
    add(&bytes, DENY, 0, ALL, SOMEBODY);
    add(&bytes, DENY, 0, ALL, NETWORK);
    add(&bytes, DENY, 8, ALL, EVERYONE);
    add(&bytes, ALLOW, 0, GENERIC_W, AUTH_USERS);
    assert_true(ask(&bytes));
    start(&bytes, SELF_DACL);
    add(&bytes, ALLOW, 0, WRITE, EVERYONE);
    add(&bytes, DENY, 0, APPEND, EVERYONE); /* half of GENERIC_WRITE is not all of it */
    assert_false(ask(&bytes));
    for (uint8_t type = 6; type <= 12; type += 2) /* a denial that is not understood denies */
    {
        start(&bytes, SELF_DACL);
        add(&bytes, type, 0, ALL, SOMEBODY);
        add(&bytes, ALLOW, 0, ALL, EVERYONE);
        assert_int_equal(ask(&bytes), type == 8);
    }
}

static void example(struct bytes *bytes)
{
    start(bytes, SELF_DACL);
    add(bytes, ALLOW, 0, ALL, SOMEBODY);
    add(bytes, DENY, 0, ALL, NETWORK);
    add(bytes, ALLOW, 0, GENERIC_W, EVERYONE);
}

/* Cut off anywhere: no. Numbers that point elsewhere: no. */
static void test_broken(void **state)
{
    static const struct
    {
        size_t at;
        uint8_t value;
    } changes[] = {
        {0, 2},  {0, 0},  {3, 0},    {16, 4}, {16, 19}, {16, 21}, {16, 22}, {17, 1},    {19, 255},
        {20, 1}, {20, 5}, {22, 0},   {22, 7}, {22, 40}, {23, 9},  {24, 4},  {25, 0xff}, {30, 0},
        {30, 3}, {30, 5}, {30, 255}, {31, 1}, {36, 0},  {36, 2},  {37, 16}, {37, 3},    {37, 255},
    };
    struct bytes bytes;

    (void)state;
    example(&bytes);
    assert_true(ask(&bytes));
    while (bytes.size--)
        assert_false(ask(&bytes));
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
    {
        example(&bytes);
        bytes.data[changes[i].at] = changes[i].value;
        if (ask(&bytes))
            fail_msg("byte %zu = %u", changes[i].at, changes[i].value);
    }
}

/* Anything at all: an answer, and no byte outside. */
static void test_any(void **state)
{
    uint64_t random = 88172645463325252ull;
    struct bytes bytes;
    int yes = 0;

    (void)state;
    for (int i = 0; i < 200000; i++)
    {
        example(&bytes);
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        for (unsigned int k = 0; k < (random & 7); k++)
            bytes.data[(random >> (8 * k)) % bytes.size] = random >> (5 * k + 3);
        if (i % 3 == 0)
            bytes.size = random % (bytes.size + 1);
        yes += ask(&bytes);
    }
    assert_in_range(yes, 1, 199999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_who_and_what),
        cmocka_unit_test(test_order),    cmocka_unit_test(test_broken),
        cmocka_unit_test(test_any),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
