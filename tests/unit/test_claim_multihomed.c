/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/claim: a host with several addresses at a WINS server */

#include "claim_support.h"

#define WINS_1 "10.9.0.1"

/* MS-NBTE 2.2.2: one multi-homed registration for each address, for unique names only. */
static void test_multihomed(void **state)
{
    struct bench *bench = bench_new(NODE_P, 1);
    struct ns_message responses[4];

    (void)state;
    bench_interfaces(bench, 2);
    claims_set_interfaces(bench->claims, bench->now);
    assert_int_equal(bench->n_sent, 4);
    for (size_t i = 0; i < 4; i++)
    {
        bool group = i >= 2;

        assert_unicast(&bench->sent[i], group ? 0x2900 : 0x7900, WINS_1);
        assert_int_equal(bench->sent[i].message.n_addresses, 1);
        assert_int_equal(ntohl(bench->sent[i].message.addresses[0].address.s_addr),
                         0x0a000002 | (i % 2 + 1) << 16);
        responses[i] = response_to(&bench->sent[i].message, NS_RCODE_OK, 7200);
    }
    assert_true(bench_answer(bench, &responses[0], WINS_1));
    /* The server asks the first address before it takes the second: it has to be answered. */
    assert_int_equal(bench_state(bench), OWN_HELD);
    assert_true(bench_answer(bench, &responses[1], WINS_1));
    assert_int_equal(bench_state(bench), OWN_HELD);
    bench_free(bench);
}

/* RFC 1002 5.1.2.4: what we do not hold any more is released at the server, address by address. */
static void test_multihomed_release(void **state)
{
    struct bench *bench = bench_new(NODE_P, 1);
    struct ns_message responses[4];
    size_t before;

    (void)state;
    bench_interfaces(bench, 2);
    claims_set_interfaces(bench->claims, bench->now);
    for (size_t i = 0; i < 4; i++)
    {
        responses[i] = response_to(&bench->sent[i].message, NS_RCODE_OK, 7200);
    }
    for (size_t i = 0; i < 4; i++)
    {
        assert_true(bench_answer(bench, &responses[i], WINS_1));
    }
    /* The second interface goes: both names leave the server with its address only. */
    before = bench->n_sent;
    bench_interfaces(bench, 1);
    claims_set_interfaces(bench->claims, bench->now);
    assert_int_equal(bench->n_sent, before + 2);
    for (size_t i = before; i < before + 2; i++)
    {
        assert_int_equal(bench->sent[i].message.opcode, NS_RELEASE);
        assert_int_equal(ntohl(bench->sent[i].message.addresses[0].address.s_addr), 0x0a020002);
    }
    assert_int_equal(bench_state(bench), OWN_HELD);
    bench_free(bench);
}

/* The server takes one address, and refuses the other: neither stays. */
static void test_multihomed_refused(void **state)
{
    struct bench *bench = bench_new(NODE_P, 1);
    struct ns_message granted, refused;

    (void)state;
    bench_interfaces(bench, 2);
    claims_set_interfaces(bench->claims, bench->now);
    granted = response_to(&bench->sent[0].message, NS_RCODE_OK, 7200);
    refused = response_to(&bench->sent[1].message, NS_RCODE_ACTIVE, 0);
    assert_true(bench_answer(bench, &granted, WINS_1));
    assert_true(bench_answer(bench, &refused, WINS_1));
    assert_int_equal(bench_state(bench), OWN_REFUSED);
    assert_int_equal(bench_last(bench)->message.opcode, NS_RELEASE);
    assert_int_equal(ntohl(bench_last(bench)->message.addresses[0].address.s_addr), 0x0a010002);
    bench_free(bench);
}

/* On a tunnel nobody can be asked by broadcast: only a server's word makes a name ours there. */
static void test_tunnel(void **state)
{
    static const enum node_type nodes[] = {NODE_P, NODE_M, NODE_H};

    (void)state;
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
    {
        struct bench *bench = bench_new(nodes[i], 1);

        bench->own.n = 1;
        bench_interfaces(bench, 1);
        bench->interfaces.list[0].broadcast.s_addr = htonl(INADDR_ANY);
        claims_set_interfaces(bench->claims, bench->now);
        bench_pass(bench, 30 * SECOND);
        assert_int_equal(bench_state(bench), OWN_CLAIMING);
        assert_int_equal(bench->n_sent, 3);
        assert_unicast(bench_last(bench), 0x2900, WINS_1);
        bench_pass(bench, 35 * SECOND); /* a minute later it is asked again */
        assert_true(bench_wins(bench, NS_RCODE_OK, 7200));
        assert_int_equal(bench_state(bench), OWN_HELD);
        bench_free(bench);
    }
}

/* A B node has nobody to ask there, and nobody asks it. */
static void test_tunnel_of_b(void **state)
{
    struct bench *bench = bench_new(NODE_B, 0);

    (void)state;
    bench_interfaces(bench, 1);
    bench->interfaces.list[0].broadcast.s_addr = htonl(INADDR_ANY);
    claims_set_interfaces(bench->claims, bench->now);
    bench_pass(bench, 30 * SECOND);
    assert_int_equal(bench_state(bench), OWN_UNCLAIMED);
    assert_int_equal(bench->n_sent, 0);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multihomed),         cmocka_unit_test(test_multihomed_release),
        cmocka_unit_test(test_multihomed_refused), cmocka_unit_test(test_tunnel),
        cmocka_unit_test(test_tunnel_of_b),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
