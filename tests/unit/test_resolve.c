/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of resolve.c and peers.c: what a target means (D3, D4, N15-N18, Q6; wire.md 1.5, 3.1) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/resolve.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static struct codepage *codepage;
static struct own_names own;
static struct peers peers;
static struct interfaces interfaces;

static struct in_addr ip(const char *text)
{
    struct in_addr address;

    assert_int_equal(inet_pton(AF_INET, text, &address), 1);
    return address;
}

static int setup(void **state)
{
    static const char *const names[] = {"ALIAS", "FILES#20"};
    static const char *const groups[] = {"SALES", "LABGRP#1c"};
    static const char *const peer_texts[] = {"10.9.0.1", "10.9.0.2/REMOTE", "10.9.0.1"};
    struct own_config config = {"HOSTA", "LABGRP", names, 2, groups, 2};

    (void)state;
    assert_int_equal(codepage_new(&codepage, NULL), 0);
    assert_int_equal(own_init(&own, codepage, &config), OWN_OK);
    assert_int_equal(peers_parse(&peers, codepage, &own.list[OWN_WORKGROUP].name, peer_texts, 3),
                     PEERS_OK);
    interfaces = (struct interfaces){.n = 1};
    strcpy(interfaces.list[0].name, "eth0");
    interfaces.list[0].index = 2;
    interfaces.list[0].address = ip("10.77.0.1");
    interfaces.list[0].netmask = ip("255.255.255.0");
    interfaces.list[0].broadcast = ip("10.77.0.255");
    interfaces.n_own = 1;
    interfaces.own[0] = ip("10.9.9.9");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    codepage = codepage_free(codepage);
    return 0;
}

struct row
{
    const char *target;
    int result;
    enum route_kind kind;
    const char *name; /* 15 characters without padding, then the suffix; NULL: not looked at */
    bool here;
};

static void check(const struct row *row)
{
    struct route route = {};
    char text[NETBIOS_NAME_PRINT_SIZE];

    assert_int_equal(resolve_target(&own, &peers, &interfaces, codepage, row->target, &route),
                     row->result);
    if (row->result != RESOLVE_OK)
    {
        return;
    }
    assert_int_equal(route.kind, row->kind);
    assert_int_equal(route.here, row->here);
    if (row->name)
    {
        netbios_name_print(&route.destination, text);
        assert_string_equal(text, row->name);
    }
}

static void test_targets(void **state)
{
    static const struct row rows[] = {
        {"*", RESOLVE_OK, ROUTE_GROUP, "LABGRP<00>", true},        /* N17, D3 */
        {"labgrp", RESOLVE_OK, ROUTE_GROUP, "LABGRP<00>", true},   /* N16 */
        {"Sales", RESOLVE_OK, ROUTE_GROUP, "SALES<00>", true},     /* D3: another own group */
        {"hosta", RESOLVE_OK, ROUTE_LOCAL, "HOSTA<00>", true},     /* Q6 */
        {"alias", RESOLVE_OK, ROUTE_LOCAL, "ALIAS<00>", true},     /* Q6 */
        {"files", RESOLVE_OK, ROUTE_LOCAL, "FILES<20>", true},     /* a target has no suffix */
        {"remote", RESOLVE_OK, ROUTE_GROUP, "REMOTE<00>", false},  /* wire.md 3.1 */
        {"hostb", RESOLVE_OK, ROUTE_NAME, "HOSTB<00>", false},     /* N15, D4: to be asked */
        {"10.1.2.3", RESOLVE_OK, ROUTE_ADDRESS, NULL, false},      /* beyond N18 */
        {"10.77.0.1", RESOLVE_OK, ROUTE_LOCAL, "HOSTA<00>", true}, /* our own address */
        {"127.0.0.1", RESOLVE_OK, ROUTE_LOCAL, "HOSTA<00>", true}, /* this host as well */
        {"10.9.9.9", RESOLVE_OK, ROUTE_LOCAL, "HOSTA<00>", true},  /* of an interface not listed */
        {"pc1.lab", RESOLVE_OK, ROUTE_NAME, "PC1.LAB<00>", false}, /* NetBIOS first, then DNS */
        {"a-very-long-host.example", RESOLVE_OK, ROUTE_DNS, NULL, false},
        {"sales#1d", RESOLVE_OK, ROUTE_NAME, "SALES<1d>", false}, /* with a suffix it is another */
        {"files#20", RESOLVE_OK, ROUTE_LOCAL, "FILES<20>", true},
        {"hosta#1d", RESOLVE_OK, ROUTE_NAME, "HOSTA<1d>", false},
        {"labgrp#1c", RESOLVE_OK, ROUTE_GROUP, "LABGRP<1c>", true},
        {"a#b", RESOLVE_OK, ROUTE_NAME, "A#B<00>", false}, /* a name with that character */
        {"", RESOLVE_BAD_TARGET, 0, NULL, false},
        {"*x", RESOLVE_BAD_TARGET, 0, NULL, false},
        {"a\\b", RESOLVE_BAD_TARGET, 0, NULL, false},
        {"a/b", RESOLVE_BAD_TARGET, 0, NULL, false},
        {"a\nb", RESOLVE_BAD_TARGET, 0, NULL, false},
        /* N18: an address is a computer's; these would reach everybody (wire.md 1.9). */
        {"255.255.255.255", RESOLVE_BAD_TARGET, 0, NULL, false},
        {"10.77.0.255", RESOLVE_BAD_TARGET, 0, NULL, false},
        {"224.0.0.1", RESOLVE_BAD_TARGET, 0, NULL, false},
        {"0.0.0.0", RESOLVE_BAD_TARGET, 0, NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        check(&rows[i]);
    }
}

/* A DNS name has at most 253 characters (RFC 1035 2.3.4). */
static void test_longest(void **state)
{
    struct row row = {.result = RESOLVE_OK, .kind = ROUTE_DNS};
    char target[256];

    (void)state;
    memset(target, 'a', sizeof(target));
    target[253] = 0;
    row.target = target;
    check(&row);
    target[253] = 'a';
    target[254] = 0;
    row.result = RESOLVE_BAD_TARGET;
    check(&row);
}

/* A name of ours that somebody else holds is his: messages go to him (D4). */
static void test_refused(void **state)
{
    struct row row = {"hosta", RESOLVE_OK, ROUTE_NAME, "HOSTA<00>", false};

    (void)state;
    own.list[OWN_COMPUTER].state = OWN_REFUSED;
    check(&row);
    own.list[OWN_COMPUTER].state = OWN_HELD;
}

static void test_peers(void **state)
{
    static const char *const bad[] = {"",           "host",           "10.1.2",   "10.1.2.3/",
                                      "10.1.2.3/*", "0.0.0.0",        "/SALES",   "10.1.2.3/a/b",
                                      "1000.1.2.3", "10.1.2.3.4.5/x", " 10.1.2.3"};
    const char *many[PEERS_MAX_STATIC + 1];
    char texts[PEERS_MAX_STATIC + 1][32];
    struct peers parsed = {.n = 77};

    (void)state;
    /* The same peer twice is one. */
    assert_int_equal(peers.n, 2);
    assert_int_equal(peers.list[0].address.s_addr, ip("10.9.0.1").s_addr);
    assert_true(netbios_name_equal(&peers.list[0].group, &own.list[OWN_WORKGROUP].name));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    {
        assert_int_equal(peers_parse(&parsed, codepage, &own.list[OWN_WORKGROUP].name, &bad[i], 1),
                         PEERS_INVALID);
        assert_int_equal(parsed.n, 77);
    }
    for (int i = 0; i <= PEERS_MAX_STATIC; i++)
    {
        snprintf(texts[i], sizeof(texts[i]), "10.8.0.%d", i + 1);
        many[i] = texts[i];
    }
    assert_int_equal(
        peers_parse(&parsed, codepage, &own.list[OWN_WORKGROUP].name, many, PEERS_MAX_STATIC + 1),
        PEERS_INVALID);
    assert_int_equal(
        peers_parse(&parsed, codepage, &own.list[OWN_WORKGROUP].name, many, PEERS_MAX_STATIC),
        PEERS_OK);
    assert_int_equal(parsed.n, PEERS_MAX_STATIC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_peers),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
