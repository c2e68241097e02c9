/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/name: names, their encoding, scopes (RFC 1001 14, RFC 1002 4.1, wire.md 1.2) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/name.h"

#include <stdlib.h>
#include <string.h>

static const struct netbios_scope NO_SCOPE;

/* wire.md 1.2: upper-case, padded with spaces, suffix last. */
static void test_make(void **state)
{
    struct netbios_name name;

    (void)state;
    assert_int_equal(netbios_name_make(&name, "HostB", 5, 0x20), NETBIOS_NAME_OK);
    assert_memory_equal(name.bytes, "HOSTB          \x20", 16);
    assert_int_equal(netbios_name_length(&name), 5);
    assert_int_equal(netbios_name_make(&name, "abcdefghijklmno", 15, 0), NETBIOS_NAME_OK);
    assert_memory_equal(name.bytes, "ABCDEFGHIJKLMNO", 16);
}

static void test_make_invalid(void **state)
{
    static const char *const invalid[] = {
        "", "abcdefghijklmnop", "*", "*abc", "a ", "a\\b", "a/b", "a\nb", "a\x7f"};
    struct netbios_name name, before;

    (void)state;
    memset(&name, 0x55, sizeof(name));
    before = name;
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
    {
        assert_int_equal(netbios_name_make(&name, invalid[i], strlen(invalid[i]), 0),
                         NETBIOS_NAME_INVALID);
        assert_memory_equal(&name, &before, sizeof(name));
    }
}

/* wire.md 1.2: HOSTB<00> and the wildcard with its zero bytes. */
static void test_encode(void **state)
{
    struct netbios_name name, back, wildcard = netbios_name_wildcard();
    size_t scope, taken;
    uint8_t bytes[NETBIOS_NAME_ENCODED_MAX];

    (void)state;
    assert_int_equal(netbios_name_make(&name, "HOSTB", 5, 0), NETBIOS_NAME_OK);
    assert_int_equal(netbios_name_encode(&name, &NO_SCOPE, bytes), 34);
    assert_memory_equal(bytes,
                        "\x20"
                        "EIEPFDFEECCACACACACACACACACACAAA",
                        34);
    assert_int_equal(netbios_name_decode(bytes, 34, &back, &scope, &taken), NETBIOS_NAME_OK);
    assert_true(netbios_name_equal(&name, &back));
    assert_int_equal(scope, 0);
    assert_int_equal(taken, 34);

    assert_int_equal(netbios_name_encode(&wildcard, &NO_SCOPE, bytes), 34);
    assert_memory_equal(bytes,
                        "\x20"
                        "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                        34);
    assert_int_equal(netbios_name_decode(bytes, 34, &back, &scope, &taken), NETBIOS_NAME_OK);
    assert_true(netbios_name_is_wildcard(&back));
    assert_false(netbios_name_is_wildcard(&name));
}

/* wire.md 1.2: scope labels of at most 63, altogether at most 255 bytes. */
static void test_decode_scope(void **state)
{
    struct netbios_name name;
    size_t scope, taken, at = 33;
    uint8_t bytes[400];

    (void)state;
    name = netbios_name_wildcard();
    assert_int_equal(netbios_name_encode(&name, &NO_SCOPE, bytes), 34);
    memcpy(bytes + 33, "\3lab\5local\0", 11);
    assert_int_equal(netbios_name_decode(bytes, 44, &name, &scope, &taken), NETBIOS_NAME_OK);
    assert_int_equal(scope, 10);
    assert_int_equal(taken, 44);

    /* 33 + 3 * 64 + 29 + 1 = 255, and one more. */
    for (int i = 0; i < 3; i++, at += 64)
    {
        bytes[at] = 63;
        memset(bytes + at + 1, 'x', 63);
    }
    bytes[at] = 28;
    memset(bytes + at + 1, 'x', 40);
    bytes[at + 29] = 0;
    assert_int_equal(netbios_name_decode(bytes, 400, &name, &scope, &taken), NETBIOS_NAME_OK);
    assert_int_equal(taken, 255);
    bytes[at] = 29;
    bytes[at + 29] = 'x';
    bytes[at + 30] = 0;
    assert_int_equal(netbios_name_decode(bytes, 400, &name, &scope, &taken), NETBIOS_NAME_BROKEN);
}

/* wire.md 1.9: every broken form, and every truncation. */
static void test_decode_broken(void **state)
{
    static const uint8_t first[] = {0x00, 0x1f, 0x21, 0x3f, 0x40, 0xc0, 0xff};
    static const char half[] = {'A' - 1, 'P' + 1, 'a', 0, '\xff'};
    struct netbios_name name, untouched;
    uint8_t good[NETBIOS_NAME_ENCODED_MAX], bytes[34];
    size_t scope, taken;

    (void)state;
    name = netbios_name_wildcard();
    assert_int_equal(netbios_name_encode(&name, &NO_SCOPE, good), 34);
    memset(&name, 0x55, sizeof(name));
    untouched = name;
    for (size_t i = 0; i < sizeof(first); i++)
    {
        memcpy(bytes, good, 34);
        bytes[0] = first[i];
        assert_int_equal(netbios_name_decode(bytes, 34, &name, &scope, &taken),
                         NETBIOS_NAME_BROKEN);
    }
    for (size_t i = 0; i < sizeof(half); i++)
    {
        for (size_t at = 1; at < 33; at++)
        {
            memcpy(bytes, good, 34);
            bytes[at] = (uint8_t)half[i];
            assert_int_equal(netbios_name_decode(bytes, 34, &name, &scope, &taken),
                             NETBIOS_NAME_BROKEN);
        }
    }
    for (size_t size = 0; size < 34; size++)
    {
        assert_int_equal(netbios_name_decode(good, size, &name, &scope, &taken),
                         NETBIOS_NAME_BROKEN);
    }
    /* A pointer, the reserved types, and a label beyond the end. */
    for (unsigned int type = 0x3f; type <= 0xff; type += 0x40)
    {
        memcpy(bytes, good, 34);
        bytes[33] = (uint8_t)type;
        assert_int_equal(netbios_name_decode(bytes, 34, &name, &scope, &taken),
                         NETBIOS_NAME_BROKEN);
    }
    assert_memory_equal(&name, &untouched, sizeof(name));
}

/* RFC 1001 9, 14.1: labels with their lengths, upper-case on the wire. */
static void test_scope_make(void **state)
{
    static const char *const invalid[] = {".", ".a", "a.", "a..b", "a.b.", "lab.."};
    struct netbios_scope scope, before;

    (void)state;
    assert_int_equal(netbios_scope_make(&scope, ""), NETBIOS_NAME_OK);
    assert_int_equal(scope.size, 0);
    assert_int_equal(netbios_scope_make(&scope, "x"), NETBIOS_NAME_OK);
    assert_int_equal(scope.size, 2);
    assert_memory_equal(scope.labels, "\1X", 2);
    assert_int_equal(netbios_scope_make(&scope, "Lab.local-7.\xe4"), NETBIOS_NAME_OK);
    assert_int_equal(scope.size, 14);
    assert_memory_equal(scope.labels, "\3LAB\7LOCAL-7\1\xe4", 14);
    before = scope;
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
    {
        assert_int_equal(netbios_scope_make(&scope, invalid[i]), NETBIOS_NAME_INVALID);
        assert_memory_equal(&scope, &before, sizeof(scope));
    }
}

/* wire.md 1.2: a label has at most 63 bytes; half-bytes, scope and all lengths at most 255. */
static void test_scope_limits(void **state)
{
    struct netbios_name name = netbios_name_wildcard(), back;
    struct netbios_scope scope;
    uint8_t bytes[NETBIOS_NAME_ENCODED_MAX];
    size_t scope_size, taken;
    char text[300];

    (void)state;
    memset(text, 'y', sizeof(text));
    text[63] = 0;
    assert_int_equal(netbios_scope_make(&scope, text), NETBIOS_NAME_OK);
    assert_int_equal(scope.size, 64);
    text[63] = 'y';
    text[64] = 0;
    assert_int_equal(netbios_scope_make(&scope, text), NETBIOS_NAME_INVALID);
    /* Three labels of 63 and one of 28 take 221 bytes; 33 before and 1 behind make 255. */
    text[63] = text[127] = text[191] = '.';
    text[64] = 'y';
    text[220] = 0;
    assert_int_equal(netbios_scope_make(&scope, text), NETBIOS_NAME_OK);
    assert_int_equal(scope.size, 221);
    assert_int_equal(netbios_name_encode(&name, &scope, bytes), 255);
    assert_int_equal(netbios_name_decode(bytes, 255, &back, &scope_size, &taken), NETBIOS_NAME_OK);
    assert_int_equal(scope_size, 221);
    assert_int_equal(taken, 255);
    assert_true(netbios_scope_matches(&scope, bytes + 33, scope_size));
    text[220] = 'y';
    text[221] = 0;
    assert_int_equal(netbios_scope_make(&scope, text), NETBIOS_NAME_INVALID);
    /* As many labels as there can be: 110 of two bytes, and not 111. */
    for (size_t i = 0; i < 222; i++)
    {
        text[i] = i % 2 ? '.' : 'z';
    }
    text[219] = 0;
    assert_int_equal(netbios_scope_make(&scope, text), NETBIOS_NAME_OK);
    assert_int_equal(scope.size, 220);
    text[219] = '.';
    text[221] = 0;
    assert_int_equal(netbios_scope_make(&scope, text), NETBIOS_NAME_INVALID);
}

/* Letters of ASCII in any case; label bounds count, and so does every byte. */
static void test_scope_matches(void **state)
{
    struct netbios_scope scope;

    (void)state;
    assert_int_equal(netbios_scope_make(&scope, "lab.A@["), NETBIOS_NAME_OK);
    assert_true(netbios_scope_matches(&scope, (const uint8_t *)"\3LAB\3A@[", 8));
    assert_true(netbios_scope_matches(&scope, (const uint8_t *)"\3lAb\3a@[", 8));
    assert_false(netbios_scope_matches(&scope, (const uint8_t *)"\3lab\3a`[", 8));
    assert_false(netbios_scope_matches(&scope, (const uint8_t *)"\3lab\3a@{", 8));
    assert_false(netbios_scope_matches(&scope, (const uint8_t *)"\3lac\3a@[", 8));
    assert_false(netbios_scope_matches(&scope, (const uint8_t *)"\7lab\3a@[", 8));
    assert_false(netbios_scope_matches(&scope, (const uint8_t *)"\3lab", 4));
    assert_false(netbios_scope_matches(&scope, NULL, 0));
    assert_true(netbios_scope_matches(&NO_SCOPE, NULL, 0));
    assert_false(netbios_scope_matches(&NO_SCOPE, (const uint8_t *)"\1a", 2));
}

/* A name in a scope comes back, from its exact size and from no smaller one. */
static void test_scope_round_trip(void **state)
{
    static const char *const scopes[] = {"", "a", "lab.local", "A.b.C.d.E", "NetBIOS.example.org"};
    uint8_t bytes[NETBIOS_NAME_ENCODED_MAX];
    struct netbios_name name, back;

    (void)state;
    assert_int_equal(netbios_name_make(&name, "HOSTB", 5, 0x20), NETBIOS_NAME_OK);
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
    {
        struct netbios_scope scope;
        size_t size, scope_size, taken;

        assert_int_equal(netbios_scope_make(&scope, scopes[i]), NETBIOS_NAME_OK);
        assert_int_equal(scope.size, *scopes[i] ? strlen(scopes[i]) + 1 : 0);
        size = netbios_name_encode(&name, &scope, bytes);
        assert_int_equal(size, 34 + scope.size);
        for (size_t cut = 0; cut <= size; cut++)
        {
            /* On the heap at its exact size, so that the sanitizer sees any byte too far. */
            uint8_t *exact = malloc(cut + 1);

            memcpy(exact + 1, bytes, cut);
            assert_int_equal(netbios_name_decode(exact + 1, cut, &back, &scope_size, &taken),
                             cut < size ? NETBIOS_NAME_BROKEN : NETBIOS_NAME_OK);
            free(exact);
        }
        assert_true(netbios_name_equal(&name, &back));
        assert_int_equal(taken, size);
        assert_true(netbios_scope_matches(&scope, bytes + 33, scope_size));
    }
}

/* Log injection: nothing but printable ASCII comes out. */
static void test_print(void **state)
{
    struct netbios_name name = {.bytes = "\x1b[2J\r\n\"<a\\\xff%n\x1d"};
    char text[NETBIOS_NAME_PRINT_SIZE];

    (void)state;
    name.bytes[13] = name.bytes[14] = ' ';
    name.bytes[15] = 0x1d;
    netbios_name_print(&name, text);
    assert_string_equal(text, "\\x1B[2J\\x0D\\x0A\\x22\\x3Ca\\x5C\\xFF%n<1d>");
    memset(name.bytes, 0xff, 16);
    netbios_name_print(&name, text);
    assert_int_equal(strlen(text), NETBIOS_NAME_PRINT_SIZE - 1);
    name = netbios_name_wildcard();
    netbios_name_print(&name, text);
    assert_string_equal(text, "*<00>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make),
        cmocka_unit_test(test_make_invalid),
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_decode_scope),
        cmocka_unit_test(test_decode_broken),
        cmocka_unit_test(test_scope_make),
        cmocka_unit_test(test_scope_limits),
        cmocka_unit_test(test_scope_matches),
        cmocka_unit_test(test_scope_round_trip),
        cmocka_unit_test(test_print),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
