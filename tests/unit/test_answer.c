/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/answer (RFC 1002 4.2.13, 4.2.18, 5.1.2; wire.md 1.7, 1.9) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/answer.h"

#include <arpa/inet.h>
#include <string.h>

static struct own_names own;
static struct interfaces interfaces;
static struct ns_message answer;

static struct netbios_name name_of(const char *chars, uint8_t suffix)
{
    struct netbios_name name;

    assert_int_equal(netbios_name_make(&name, chars, strlen(chars), suffix), NETBIOS_NAME_OK);
    return name;
}

/* HOSTA<00>, LABGRP<00> and HOSTA<20> are held, TAKEN<00> and SOON<00> are not; 10.1-3.0.2. */
static int set_up(void **state)
{
    (void)state;
    own = (struct own_names){.n = 5};
    own.list[0] = (struct own_name){.name = name_of("HOSTA", 0), .state = OWN_HELD};
    own.list[1] = (struct own_name){.name = name_of("LABGRP", 0), .group = true, .state = OWN_HELD};
    own.list[2] = (struct own_name){.name = name_of("TAKEN", 0), .state = OWN_REFUSED};
    own.list[3] = (struct own_name){.name = name_of("SOON", 0), .state = OWN_CLAIMING};
    own.list[4] = (struct own_name){.name = name_of("HOSTA", 0x20), .state = OWN_HELD};
    interfaces_init(&interfaces, NULL, 0);
    for (unsigned int i = 1; i <= 3; i++)
    {
        interfaces.list[interfaces.n++] = (struct interface){
            .index = i,
            .address = {htonl(0x0a000002 | i << 16)},
            .broadcast = {htonl(0x0a0000ff | i << 16)},
        };
    }
    memset(&answer, 0xa5, sizeof(answer));
    return 0;
}

static struct ns_message query_for(struct netbios_name name, enum ns_type type)
{
    return (struct ns_message){.id = 0x168a,
                               .recursion_desired = type == NS_TYPE_NB,
                               .broadcast = type == NS_TYPE_NB,
                               .name = name,
                               .type = type};
}

static bool ask(const struct ns_message *query, unsigned int interface_index, enum node_type node)
{
    struct ns_arrival arrival = {.from = {htonl(0x0a020009)},
                                 .port = 4321,
                                 .interface_index = interface_index,
                                 .local_subnet = true};

    return answer_query(&own, &interfaces, node, query, &arrival, &answer);
}

/* wire.md 1.7: 8580 with RD from the query, 300000 s, B node flags; the arrival's address first. */
static void test_name_query(void **state)
{
    static const struct
    {
        unsigned int arrival;
        uint32_t order[3];
    } rows[] = {{0, {1, 2, 3}}, {1, {1, 2, 3}}, {2, {2, 1, 3}}, {3, {3, 1, 2}}, {9, {1, 2, 3}}};
    struct ns_message query = query_for(name_of("HOSTA", 0), NS_TYPE_NB);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        assert_true(ask(&query, rows[i].arrival, NODE_B));
        assert_int_equal(answer.id, 0x168a);
        assert_true(answer.response && answer.authoritative && answer.recursion_available);
        assert_true(answer.recursion_desired && !answer.broadcast && !answer.truncated);
        assert_int_equal(answer.opcode, NS_QUERY);
        assert_int_equal(answer.rcode, NS_RCODE_OK);
        assert_int_equal(answer.type, NS_TYPE_NB);
        assert_int_equal(answer.ttl, 300000);
        assert_true(netbios_name_equal(&answer.name, &query.name));
        assert_int_equal(answer.n_node_names, 0);
        assert_int_equal(answer.n_addresses, 3);
        for (size_t k = 0; k < 3; k++)
        {
            assert_int_equal(answer.addresses[k].flags, 0);
            assert_int_equal(ntohl(answer.addresses[k].address.s_addr),
                             0x0a000002 | rows[i].order[k] << 16);
        }
    }
    query.recursion_desired = query.broadcast = false;
    assert_true(ask(&query, 1, NODE_B));
    assert_false(answer.recursion_desired);
}

/* NB_FLAGS: group bit and node type (wire.md 1.7). End nodes answer for their groups. */
static void test_flags(void **state)
{
    static const struct
    {
        enum node_type node;
        uint16_t flags;
    } rows[] = {{NODE_B, 0}, {NODE_P, 0x2000}, {NODE_M, 0x4000}, {NODE_H, 0x6000}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        struct ns_message query = query_for(name_of("HOSTA", 0), NS_TYPE_NB);

        query.broadcast = false;
        assert_true(ask(&query, 1, rows[i].node));
        assert_int_equal(answer.addresses[0].flags, rows[i].flags);
        query.name = name_of("LABGRP", 0);
        assert_true(ask(&query, 1, rows[i].node));
        assert_int_equal(answer.addresses[0].flags, 0x8000 | rows[i].flags);
    }
}

/* wire.md 2.5: `nmblookup '*'` finds us once COMPUTER<00> is ours, by broadcast and unicast. */
static void test_wildcard_name_query(void **state)
{
    struct ns_message query = query_for(netbios_name_wildcard(), NS_TYPE_NB);

    (void)state;
    for (size_t i = 0; i < 2; i++)
    {
        query.broadcast = i;
        assert_true(ask(&query, 2, NODE_B));
        assert_int_equal(answer.type, NS_TYPE_NB);
        assert_true(netbios_name_is_wildcard(&answer.name));
        assert_int_equal(answer.n_addresses, 3);
        assert_int_equal(answer.addresses[0].flags, 0);
        assert_int_equal(ntohl(answer.addresses[0].address.s_addr), 0x0a020002);
    }
    assert_false(ask(&query, 2, NODE_P));
    for (enum own_state held = OWN_UNCLAIMED; held <= OWN_REFUSED; held++)
    {
        own.list[OWN_COMPUTER].state = held;
        assert_int_equal(ask(&query, 2, NODE_B), held == OWN_HELD);
    }
    own.n = 0;
    assert_false(ask(&query, 2, NODE_B));
}

/* Silence, and nothing is written: by broadcast and unicast (wire.md 1.7). */
static void test_silence(void **state)
{
    const struct netbios_name silent[] = {
        name_of("OTHER", 0),
        name_of("HOSTA", 3),
        name_of("TAKEN", 0),
        name_of("SOON", 0),
    };
    struct ns_message query, before = answer;

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(silent) / sizeof(silent[0]); i++)
    {
        query = query_for(silent[i / 2], NS_TYPE_NB);
        query.broadcast = i % 2;
        assert_false(ask(&query, 1, NODE_B));
    }
    query = query_for(name_of("HOSTA", 0), NS_TYPE_NB);
    query.response = true;
    assert_false(ask(&query, 1, NODE_B));
    query = query_for(name_of("HOSTA", 0), NS_TYPE_NB);
    query.opcode = NS_RELEASE;
    assert_false(ask(&query, 1, NODE_B));
    query = query_for(name_of("HOSTA", 0), NS_TYPE_NULL);
    assert_false(ask(&query, 1, NODE_B));
    interfaces.n = 0;
    query = query_for(name_of("HOSTA", 0), NS_TYPE_NB);
    assert_false(ask(&query, 1, NODE_B));
    assert_memory_equal(&answer, &before, sizeof(answer));
}

/* RFC 1001 10.2: P nodes take no part in broadcasts; M and H do. */
static void test_broadcast_to_p(void **state)
{
    struct ns_message query = query_for(name_of("HOSTA", 0), NS_TYPE_NB);

    (void)state;
    assert_false(ask(&query, 1, NODE_P));
    assert_true(ask(&query, 1, NODE_M));
    assert_true(ask(&query, 1, NODE_H));
}

/* More interfaces than a message has room for: the arrival's is still the first. */
static void test_many_addresses(void **state)
{
    struct ns_message query = query_for(name_of("HOSTA", 0), NS_TYPE_NB);

    (void)state;
    for (interfaces.n = 0; interfaces.n < INTERFACES_MAX; interfaces.n++)
    {
        interfaces.list[interfaces.n] = (struct interface){
            .index = (unsigned int)interfaces.n + 1,
            .address = {htonl(0x0a000000 + (uint32_t)interfaces.n)},
            .broadcast = {htonl(0x0a0000ff)},
        };
    }
    assert_true(ask(&query, INTERFACES_MAX, NODE_B));
    assert_int_equal(answer.n_addresses, NS_ADDRESSES_MAX);
    assert_int_equal(ntohl(answer.addresses[0].address.s_addr), 0x0a000000 + INTERFACES_MAX - 1);
    assert_int_equal(ntohl(answer.addresses[1].address.s_addr), 0x0a000000);
}

/* A tunnel's address is of use to WINS and those beyond it, not to a B node's neighbours. */
static void test_tunnel(void **state)
{
    struct ns_message query = query_for(name_of("HOSTA", 0), NS_TYPE_NB);

    (void)state;
    query.broadcast = false;
    interfaces.list[1].broadcast.s_addr = htonl(INADDR_ANY);
    assert_true(ask(&query, 1, NODE_B));
    assert_int_equal(answer.n_addresses, 2);
    assert_int_equal(ntohl(answer.addresses[1].address.s_addr), 0x0a030002);
    assert_true(ask(&query, 2, NODE_B));
    assert_int_equal(answer.n_addresses, 3);
    assert_int_equal(ntohl(answer.addresses[0].address.s_addr), 0x0a020002);
    assert_true(ask(&query, 1, NODE_H));
    assert_int_equal(answer.n_addresses, 3);
}

/* wire.md 1.7: node status, 8400, the names held, ACTIVE. Names in conflict are not listed. */
static void test_node_status(void **state)
{
    const struct netbios_name asked[] = {netbios_name_wildcard(), name_of("HOSTA", 0x20),
                                         name_of("LABGRP", 0)};

    (void)state;
    for (size_t i = 0; i < 3; i++)
    {
        struct ns_message query = query_for(asked[i], NS_TYPE_NBSTAT);

        assert_true(ask(&query, 1, NODE_H));
        assert_true(answer.response && answer.authoritative && !answer.recursion_available);
        assert_false(answer.recursion_desired);
        assert_int_equal(answer.id, 0x168a);
        assert_int_equal(answer.type, NS_TYPE_NBSTAT);
        assert_int_equal(answer.ttl, 0);
        assert_true(netbios_name_equal(&answer.name, &asked[i]));
        assert_int_equal(answer.n_addresses, 0);
        assert_int_equal(answer.n_node_names, 3);
        assert_true(netbios_name_equal(&answer.node_names[0].name, &own.list[0].name));
        assert_int_equal(answer.node_names[0].flags, 0x6400);
        assert_true(netbios_name_equal(&answer.node_names[1].name, &own.list[1].name));
        assert_int_equal(answer.node_names[1].flags, 0xe400);
        assert_true(netbios_name_equal(&answer.node_names[2].name, &own.list[4].name));
        assert_int_equal(answer.node_names[2].flags, 0x6400);
    }
}

/* wire.md 1.9: to the local subnets only, and for names that we hold. */
static void test_node_status_silence(void **state)
{
    struct ns_message query = query_for(netbios_name_wildcard(), NS_TYPE_NBSTAT);
    struct ns_arrival foreign = {.from = {htonl(0xc6336401)}, .port = 137, .interface_index = 1};

    (void)state;
    assert_false(answer_query(&own, &interfaces, NODE_B, &query, &foreign, &answer));
    query.name = name_of("HOSTA", 0);
    assert_false(answer_query(&own, &interfaces, NODE_B, &query, &foreign, &answer));
    query.name = name_of("TAKEN", 0);
    assert_false(ask(&query, 1, NODE_B));
    query.name = name_of("OTHER", 0);
    assert_false(ask(&query, 1, NODE_B));
    /* A name query of the same sender is no amplification: it is answered. */
    query = query_for(name_of("HOSTA", 0), NS_TYPE_NB);
    assert_true(answer_query(&own, &interfaces, NODE_B, &query, &foreign, &answer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_name_query, set_up),
        cmocka_unit_test_setup(test_flags, set_up),
        cmocka_unit_test_setup(test_wildcard_name_query, set_up),
        cmocka_unit_test_setup(test_silence, set_up),
        cmocka_unit_test_setup(test_broadcast_to_p, set_up),
        cmocka_unit_test_setup(test_many_addresses, set_up),
        cmocka_unit_test_setup(test_tunnel, set_up),
        cmocka_unit_test_setup(test_node_status, set_up),
        cmocka_unit_test_setup(test_node_status_silence, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
