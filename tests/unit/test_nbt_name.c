/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/name, own and resolve (RFC 1001 14, wire.md 1.2, semantics N15-N18, D2-D4, Q3)
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/own.h"
#include "net/netbios/resolve.h"

#include <errno.h>
#include <string.h>

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
    uint8_t bytes[34];

    (void)state;
    assert_int_equal(netbios_name_make(&name, "HOSTB", 5, 0), NETBIOS_NAME_OK);
    netbios_name_encode(&name, bytes);
    assert_memory_equal(bytes,
                        "\x20"
                        "EIEPFDFEECCACACACACACACACACACAAA",
                        34);
    assert_int_equal(netbios_name_decode(bytes, 34, &back, &scope, &taken), NETBIOS_NAME_OK);
    assert_true(netbios_name_equal(&name, &back));
    assert_int_equal(scope, 0);
    assert_int_equal(taken, 34);

    netbios_name_encode(&wildcard, bytes);
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
    netbios_name_encode(&name, bytes);
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
    uint8_t good[34], bytes[34];
    size_t scope, taken;

    (void)state;
    name = netbios_name_wildcard();
    netbios_name_encode(&name, good);
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

static void test_host_name(void **state)
{
    char computer[OWN_COMPUTER_SIZE];

    (void)state;
    own_computer_from_host("desk-7.example.org", computer);
    assert_string_equal(computer, "DESK-7");
    own_computer_from_host("averyveryverylonghostname", computer);
    assert_string_equal(computer, "AVERYVERYVERYLO");
    own_computer_from_host("", computer);
    assert_string_equal(computer, "LOCALHOST");
    own_computer_from_host(".example.org", computer);
    assert_string_equal(computer, "LOCALHOST");
}

static void test_own_settings(void **state)
{
    static const char *const bad[] = {"#1c", "A#", "A#1", "A#1cc", "A#zz", "ABCDEFGHIJKLMNOP"};
    struct codepage *codepage;
    struct own_names own;

    (void)state;
    assert_int_equal(codepage_new(&codepage, NULL), 0);
    assert_int_equal(own_init(&own, codepage, "ABCDEFGHIJKLMNOP", "W", NULL, 0), OWN_BAD_COMPUTER);
    assert_int_equal(own_init(&own, codepage, "", "W", NULL, 0), OWN_BAD_COMPUTER);
    assert_int_equal(own_init(&own, codepage, "A", "*", NULL, 0), OWN_BAD_WORKGROUP);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    {
        assert_int_equal(own_init(&own, codepage, "A", "W", &bad[i], 1), OWN_BAD_EXTRA);
    }
    codepage_free(codepage);
}

/* semantics N16-N18, D2-D4, Q3 */
static void test_resolve(void **state)
{
    static const char *const extra[] = {"files", "dom#1c"};
    static const struct
    {
        const char *target;
        int code;
        enum route_kind kind;
        const char *destination;
    } rows[] = {
        {"*", RESOLVE_OK, ROUTE_GROUP, "LABGRP<00>"},
        {"labgrp", RESOLVE_OK, ROUTE_GROUP, "LABGRP<00>"},
        {"HostA", RESOLVE_OK, ROUTE_LOCAL, "HOSTA<00>"},
        {"FILES", RESOLVE_OK, ROUTE_LOCAL, "FILES<00>"},
        {"dom", RESOLVE_OK, ROUTE_LOCAL, "DOM<1c>"},
        {"HOSTB", RESOLVE_UNRESOLVED, 0, NULL},
        {"10.1.2.3", RESOLVE_UNRESOLVED, 0, NULL},
        {"server.example.org", RESOLVE_UNRESOLVED, 0, NULL},
        {"\xd0\x9f", RESOLVE_UNRESOLVED, 0, NULL},
        {"", RESOLVE_BAD_TARGET, 0, NULL},
        {"**", RESOLVE_BAD_TARGET, 0, NULL},
        {"a\\b", RESOLVE_BAD_TARGET, 0, NULL},
        {"a\nb", RESOLVE_BAD_TARGET, 0, NULL},
    };
    struct codepage *codepage;
    struct own_names own;

    (void)state;
    assert_int_equal(codepage_new(&codepage, NULL), 0);
    assert_int_equal(own_init(&own, codepage, "hosta", "labgrp", extra, 2), OWN_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        struct route route;
        char text[NETBIOS_NAME_PRINT_SIZE];

        assert_int_equal(resolve_target(&own, codepage, rows[i].target, &route), rows[i].code);
        if (rows[i].code == RESOLVE_OK)
        {
            netbios_name_print(&route.destination, text);
            assert_string_equal(text, rows[i].destination);
            assert_int_equal(route.kind, rows[i].kind);
        }
    }
    own_deinit(&own);
    codepage_free(codepage);
}

/* wire.md 1.5: type is not tied to the name; all 16 bytes count; type 0x12 and "*" are everybody's.
 */
static void test_destination(void **state)
{
    static const char *const extra[] = {"dom#1c"};
    static const struct
    {
        enum datagram_type type;
        const char *name;
        uint8_t suffix;
        bool ours;
    } rows[] = {
        {DATAGRAM_DIRECT_UNIQUE, "HOSTA", 0x00, true},
        {DATAGRAM_DIRECT_GROUP, "HOSTA", 0x00, true},
        {DATAGRAM_DIRECT_UNIQUE, "LABGRP", 0x00, true},
        {DATAGRAM_DIRECT_GROUP, "LABGRP", 0x00, true},
        {DATAGRAM_DIRECT_GROUP, "DOM", 0x1c, true},
        {DATAGRAM_BROADCAST, "HOSTB", 0x00, true},
        {DATAGRAM_DIRECT_UNIQUE, "HOSTA", 0x20, false},
        {DATAGRAM_DIRECT_GROUP, "LABGRP", 0x1d, false},
        {DATAGRAM_DIRECT_GROUP, "DOM", 0x00, false},
        {DATAGRAM_DIRECT_GROUP, "OTHER", 0x00, false},
    };
    struct codepage *codepage;
    struct datagram datagram = {};
    struct own_names own;

    (void)state;
    assert_int_equal(codepage_new(&codepage, NULL), 0);
    assert_int_equal(own_init(&own, codepage, "hosta", "labgrp", extra, 1), OWN_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        datagram.type = rows[i].type;
        assert_int_equal(netbios_name_make(&datagram.destination, rows[i].name,
                                           strlen(rows[i].name), rows[i].suffix),
                         NETBIOS_NAME_OK);
        assert_int_equal(own_is_destination(&own, &datagram), rows[i].ours);
    }
    datagram.type = DATAGRAM_DIRECT_UNIQUE;
    datagram.destination = netbios_name_wildcard();
    assert_true(own_is_destination(&own, &datagram));
    own_deinit(&own);
    codepage_free(codepage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make),          cmocka_unit_test(test_make_invalid),
        cmocka_unit_test(test_encode),        cmocka_unit_test(test_decode_scope),
        cmocka_unit_test(test_decode_broken), cmocka_unit_test(test_print),
        cmocka_unit_test(test_host_name),     cmocka_unit_test(test_own_settings),
        cmocka_unit_test(test_resolve),       cmocka_unit_test(test_destination),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
