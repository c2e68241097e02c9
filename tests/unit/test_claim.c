/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/claim: broadcast claims, defence, release (RFC 1002 5.1.1, wire.md 1.7, 1.9) */

#include "claim_support.h"

#define LOCAL   "10.1.0.9"
#define FOREIGN "198.51.100.1"

/* RFC 1002 5.1.1.1: three requests 250 ms apart, then the overwrite demand, and the name is ours.
 */
static void test_broadcast_claim(void **state)
{
    static const unsigned int flags[] = {0x2910, 0x2910, 0x2910, 0x2810};
    struct bench *bench = bench_start(NODE_B, 0, 1);

    (void)state;
    assert_int_equal(bench->n_sent, 1);
    for (size_t i = 0; i < 4; i++)
    {
        const struct sent *sent = &bench->sent[i];

        assert_int_equal(bench->n_sent, i + 1);
        assert_broadcast(sent, flags[i], 1);
        assert_int_equal(sent->when, START + i * 250 * MS);
        assert_int_equal(sent->message.id, bench->sent[0].message.id);
        assert_true(netbios_name_equal(&sent->message.name, &bench->own.list[0].name));
        assert_int_equal(sent->message.type, NS_TYPE_NB);
        assert_int_equal(sent->message.ttl, 0);
        assert_int_equal(sent->message.n_addresses, 1);
        assert_int_equal(sent->message.addresses[0].flags, 0);
        assert_int_equal(sent->message.addresses[0].address.s_addr, ip("10.1.0.2").s_addr);
        assert_int_equal(bench_state(bench), i < 3 ? OWN_CLAIMING : OWN_HELD);
        bench_pass(bench, 249 * MS);
        assert_int_equal(bench->n_sent, i + 1);
        bench_pass(bench, MS);
    }
    assert_int_equal(bench->n_sent, 4);
    assert_int_equal(claims_tick(bench->claims, bench->now), NS_NEVER);
    bench_free(bench);
}

/* MS-NBTE 3.1.4: every name on every interface, each with its own address; group bit. */
static void test_all_names_all_interfaces(void **state)
{
    struct bench *bench = bench_new(NODE_B, 0);
    unsigned int seen = 0;

    (void)state;
    bench_interfaces(bench, 2);
    claims_set_interfaces(bench->claims, bench->now);
    assert_int_equal(bench->n_sent, 4);
    for (size_t i = 0; i < 4; i++)
    {
        const struct sent *sent = &bench->sent[i];
        bool group = netbios_name_equal(&sent->message.name, &bench->own.list[1].name);

        assert_broadcast(sent, 0x2910, sent->interface_index);
        assert_int_equal(ntohl(sent->message.addresses[0].address.s_addr),
                         0x0a000002 | sent->interface_index << 16);
        assert_int_equal(sent->message.addresses[0].flags, group ? 0x8000 : 0);
        seen |= 1U << (sent->interface_index * 2 + group);
    }
    assert_int_equal(seen, 0x3c);
    bench_pass(bench, SECOND);
    assert_int_equal(bench->n_sent, 16);
    assert_int_equal(bench->own.list[0].state, OWN_HELD);
    assert_int_equal(bench->own.list[1].state, OWN_HELD);
    bench_free(bench);
}

/* Any negative answer to the open question refuses (RFC 1002 4.2.6), and all of it ends. */
static void test_refused(void **state)
{
    static const enum ns_rcode rcodes[] = {NS_RCODE_ACTIVE, NS_RCODE_REFUSED, NS_RCODE_CONFLICT,
                                           NS_RCODE_SERVER};

    (void)state;
    for (size_t i = 0; i < sizeof(rcodes) / sizeof(rcodes[0]); i++)
    {
        struct bench *bench = bench_start(NODE_B, 0, 2);
        struct ns_message response = response_to(&bench->sent[0].message, rcodes[i], 0);

        bench_pass(bench, 700 * MS);
        assert_int_equal(bench->n_sent, 6);
        assert_true(bench_answer(bench, &response, LOCAL));
        assert_int_equal(bench_state(bench), OWN_REFUSED);
        assert_int_equal(bench->own.list[0].refuser.s_addr, ip(LOCAL).s_addr);
        assert_int_equal(bench->counters.values[NET_COUNTER_NAME_REFUSED], 1);
        assert_false(bench_answer(bench, &response, LOCAL));
        bench_pass(bench, 10 * SECOND);
        assert_int_equal(bench->n_sent, 6);
        bench_free(bench);
    }
}

/* wire.md 1.9, CVE-2000-0673: what nobody asked for, or who was not asked, changes nothing. */
static void test_false_answers(void **state)
{
    struct bench *bench = bench_start(NODE_B, 0, 1);
    struct ns_message good = response_to(&bench->sent[0].message, NS_RCODE_ACTIVE, 0), bad;

    (void)state;
    assert_false(bench_answer(bench, &good, FOREIGN));
    assert_false(bench_answer(bench, &good, "10.1.0.2")); /* our own address */
    bad = good;
    bad.id ^= 1;
    assert_false(bench_answer(bench, &bad, LOCAL));
    bad = good;
    bad.name = bench->own.list[1].name;
    assert_false(bench_answer(bench, &bad, LOCAL));
    bad.name = name_of("OTHER", 0);
    assert_false(bench_answer(bench, &bad, LOCAL));
    bad = good;
    bad.response = false;
    assert_false(bench_answer(bench, &bad, LOCAL));
    bad = good;
    bad.rcode = NS_RCODE_OK;
    assert_false(bench_answer(bench, &bad, LOCAL));
    bad = good;
    bad.opcode = NS_QUERY;
    assert_false(bench_answer(bench, &bad, LOCAL));
    bad.opcode = NS_RELEASE;
    assert_false(bench_answer(bench, &bad, LOCAL));
    bad.opcode = NS_WACK;
    bad.ttl = UINT32_MAX;
    assert_false(bench_answer(bench, &bad, LOCAL));
    assert_int_equal(bench_state(bench), OWN_CLAIMING);
    bench_pass(bench, 750 * MS);
    assert_int_equal(bench_state(bench), OWN_HELD);
    /* The question is closed: a conflict demand comes too late, even with its id. */
    assert_false(bench_answer(bench, &good, LOCAL));
    good.rcode = NS_RCODE_CONFLICT;
    assert_false(bench_answer(bench, &good, LOCAL));
    assert_int_equal(bench_state(bench), OWN_HELD);
    assert_int_equal(bench->counters.values[NET_COUNTER_NAME_REFUSED], 0);
    bench_free(bench);
}

/* A refused name is tried again every 5 minutes; the neighbour may have left. */
static void test_refused_again(void **state)
{
    struct bench *bench = bench_start(NODE_B, 0, 1);
    struct ns_message response = response_to(&bench->sent[0].message, NS_RCODE_ACTIVE, 0);

    (void)state;
    assert_true(bench_answer(bench, &response, LOCAL));
    bench_pass(bench, 300 * SECOND - 1);
    assert_int_equal(bench->n_sent, 1);
    bench_pass(bench, 1);
    assert_int_equal(bench->n_sent, 2);
    assert_broadcast(bench_last(bench), 0x2910, 1);
    assert_int_equal(bench_state(bench), OWN_REFUSED);
    response = response_to(&bench_last(bench)->message, NS_RCODE_ACTIVE, 0);
    assert_true(bench_answer(bench, &response, LOCAL));
    assert_int_equal(bench->counters.values[NET_COUNTER_NAME_REFUSED], 1);
    bench_pass(bench, 301 * SECOND);
    assert_int_equal(bench->n_sent, 6);
    assert_broadcast(bench_last(bench), 0x2810, 1);
    assert_int_equal(bench_state(bench), OWN_HELD);
    assert_int_equal(bench->own.list[0].refuser.s_addr, 0);
    bench_free(bench);
}

/* No interface: names wait. One comes, another one later, all go (MS-NBTE 3.1.4). */
static void test_interfaces_come_and_go(void **state)
{
    struct bench *bench = bench_start(NODE_B, 0, 0);

    (void)state;
    assert_int_equal(bench->n_sent, 0);
    assert_int_equal(bench_state(bench), OWN_UNCLAIMED);
    assert_int_equal(claims_tick(bench->claims, bench->now), NS_NEVER);
    bench_interfaces(bench, 1);
    claims_set_interfaces(bench->claims, bench->now);
    assert_int_equal(bench_state(bench), OWN_CLAIMING);
    bench_pass(bench, SECOND);
    assert_int_equal(bench->n_sent, 4);
    /* The second one is claimed on alone, and the name stays ours meanwhile. */
    bench_interfaces(bench, 2);
    claims_set_interfaces(bench->claims, bench->now);
    assert_int_equal(bench_state(bench), OWN_HELD);
    bench_pass(bench, SECOND);
    assert_int_equal(bench->n_sent, 8);
    for (size_t i = 4; i < 8; i++)
    {
        assert_int_equal(bench->sent[i].interface_index, 2);
    }
    /* Nothing has changed. */
    claims_set_interfaces(bench->claims, bench->now);
    /* The first one goes. */
    bench->interfaces.list[0] = bench->interfaces.list[1];
    bench->interfaces.n = 1;
    claims_set_interfaces(bench->claims, bench->now);
    assert_int_equal(bench_state(bench), OWN_HELD);
    bench_pass(bench, SECOND);
    assert_int_equal(bench->n_sent, 8);
    /* Another address: another network, perhaps. */
    bench->interfaces.list[0].address = ip("10.77.0.2");
    claims_set_interfaces(bench->claims, bench->now);
    assert_int_equal(bench_state(bench), OWN_CLAIMING);
    assert_int_equal(bench->n_sent, 9);
    assert_int_equal(bench_last(bench)->message.addresses[0].address.s_addr,
                     ip("10.77.0.2").s_addr);
    bench->interfaces.n = 0;
    claims_set_interfaces(bench->claims, bench->now);
    assert_int_equal(bench_state(bench), OWN_UNCLAIMED);
    bench_pass(bench, 600 * SECOND);
    assert_int_equal(bench->n_sent, 9);
    bench_free(bench);
}

/* The name was refused in one network; in another one it may be free. */
static void test_refused_elsewhere(void **state)
{
    struct bench *bench = bench_start(NODE_B, 0, 1);
    struct ns_message response = response_to(&bench->sent[0].message, NS_RCODE_ACTIVE, 0);

    (void)state;
    assert_true(bench_answer(bench, &response, LOCAL));
    claims_set_interfaces(bench->claims, bench->now); /* nothing has changed */
    assert_int_equal(bench_state(bench), OWN_REFUSED);
    assert_int_equal(bench->n_sent, 1);
    bench->interfaces.list[0].index = 5;
    claims_set_interfaces(bench->claims, bench->now);
    assert_int_equal(bench_state(bench), OWN_CLAIMING);
    bench_pass(bench, SECOND);
    assert_int_equal(bench->n_sent, 5);
    assert_int_equal(bench_state(bench), OWN_HELD);
    bench_free(bench);
}

/* All that can be: 24 names on 64 interfaces, and a table that is full stays so. */
static void test_bounds(void **state)
{
    struct bench *bench = bench_new(NODE_B, 0);

    (void)state;
    for (bench->own.n = 0; bench->own.n < OWN_NAMES_MAX; bench->own.n++)
    {
        char chars[2] = {(char)('A' + bench->own.n), 0};

        bench->own.list[bench->own.n] = (struct own_name){.name = name_of(chars, 0)};
    }
    for (uint32_t round = 0; round < 3; round++)
    {
        bench_interfaces(bench, INTERFACES_MAX);
        for (size_t i = 0; i < INTERFACES_MAX; i++)
        {
            bench->interfaces.list[i].index += round * 32;
        }
        bench->n_sent = 0;
        claims_set_interfaces(bench->claims, bench->now);
        assert_int_equal(bench->n_sent, OWN_NAMES_MAX * INTERFACES_MAX);
    }
    bench_free(bench);
}

static struct ns_message request_of(const char *chars, enum ns_opcode opcode, uint16_t flags)
{
    struct ns_message request = {
        .id = 0x4242,
        .opcode = opcode,
        .recursion_desired = true,
        .broadcast = true,
        .name = name_of(chars, 0),
        .type = NS_TYPE_NB,
        .n_addresses = 1,
    };

    request.addresses[0].flags = flags;
    request.addresses[0].address = ip(LOCAL);
    return request;
}

/* RFC 1002 5.1.1.5, wire.md 1.7: all four cases, and what is no claim. */
static void test_defence(void **state)
{
    static const struct
    {
        const char *name;
        enum ns_opcode opcode;
        uint16_t flags;
        bool refused;
    } rows[] = {
        {"HOSTA", NS_REGISTRATION, 0x0000, true},
        {"HOSTA", NS_REGISTRATION, 0xe000, true},
        {"LABGRP", NS_REGISTRATION, 0x6000, true},
        {"LABGRP", NS_REGISTRATION, 0x8000, false},
        {"HOSTA", NS_MULTIHOMED, 0x6000, true},
        {"HOSTA", NS_REFRESH, 0x2000, true},
        {"HOSTA", NS_REFRESH_ALTERNATIVE, 0x4000, true},
        {"HOSTA", NS_RELEASE, 0x0000, false},
        {"HOSTA", NS_QUERY, 0x0000, false},
        {"HOSTA", NS_WACK, 0x0000, false},
        {"OTHER", NS_REGISTRATION, 0x0000, false},
    };
    struct ns_arrival arrival = {
        .from = ip("10.1.0.7"), .port = 1137, .interface_index = 1, .local_subnet = true};
    struct bench *bench = bench_new(NODE_B, 0);
    uint64_t defended = 0;

    (void)state;
    bench_interfaces(bench, 1);
    claims_set_interfaces(bench->claims, bench->now);
    bench_pass(bench, SECOND);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        struct ns_message request = request_of(rows[i].name, rows[i].opcode, rows[i].flags);
        const struct sent *sent = &bench->sent[0];

        bench->n_sent = 0;
        claims_request(bench->claims, &request, &arrival);
        assert_int_equal(bench->n_sent, rows[i].refused);
        if (rows[i].refused)
        {
            defended++;
            assert_unicast(sent, 0xad86, "10.1.0.7");
            assert_true(sent->reply);
            assert_int_equal(sent->port, 1137);
            assert_int_equal(sent->message.id, 0x4242);
            assert_true(netbios_name_equal(&sent->message.name, &request.name));
            assert_int_equal(sent->message.n_addresses, 1);
            assert_int_equal(sent->message.addresses[0].flags, rows[i].flags);
            assert_int_equal(sent->message.addresses[0].address.s_addr, ip(LOCAL).s_addr);
        }
        assert_int_equal(bench->counters.values[NET_COUNTER_NAME_DEFENDED], defended);
    }
    assert_int_equal(bench->own.list[0].state, OWN_HELD);
    assert_int_equal(bench->own.list[1].state, OWN_HELD);
    bench_free(bench);
}

/* Not our own requests, no response, nothing without an address, no name in conflict. */
static void test_no_defence(void **state)
{
    struct ns_message request = request_of("HOSTA", NS_REGISTRATION, 0), other;
    struct ns_arrival arrival = {.from = ip(LOCAL), .port = 137, .interface_index = 1},
                      own = {
                          .from = ip("10.1.0.2"), .port = 137, .interface_index = 1, .own = true};
    struct bench *bench = bench_start(NODE_B, 0, 1);

    (void)state;
    bench_pass(bench, SECOND);
    bench->n_sent = 0;
    claims_request(bench->claims, &request, &own);
    other = request;
    other.addresses[0].address = ip("10.1.0.2");
    claims_request(bench->claims, &other, &arrival);
    other = request;
    other.n_addresses = 0;
    claims_request(bench->claims, &other, &arrival);
    other = request;
    other.response = true;
    claims_request(bench->claims, &other, &arrival);
    assert_int_equal(bench->n_sent, 0);
    bench->own.list[0].state = OWN_REFUSED;
    claims_request(bench->claims, &request, &arrival);
    assert_int_equal(bench->n_sent, 0);
    bench->own.list[0].state = OWN_HELD;
    claims_request(bench->claims, &request, &arrival);
    assert_int_equal(bench->n_sent, 1);
    bench_free(bench);
}

/* Two claim at the same time: the lower address defends, so that only one of them wins. */
static void test_claims_at_once(void **state)
{
    static const struct
    {
        const char *other;
        unsigned int interface_index;
        bool refused;
    } rows[] = {{"10.1.0.3", 1, true},  {"10.1.0.1", 1, false}, {"10.2.0.3", 2, true},
                {"10.2.0.1", 2, false}, {"10.1.0.3", 0, false}, {"10.1.0.3", 7, false}};
    struct bench *bench = bench_start(NODE_B, 0, 2);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        struct ns_message request = request_of("HOSTA", NS_REGISTRATION, 0);
        struct ns_arrival arrival = {
            .from = ip(rows[i].other), .port = 137, .interface_index = rows[i].interface_index};

        request.addresses[0].address = arrival.from;
        bench->n_sent = 0;
        claims_request(bench->claims, &request, &arrival);
        assert_int_equal(bench->n_sent, rows[i].refused);
    }
    assert_int_equal(bench_state(bench), OWN_CLAIMING);
    bench_free(bench);
}

/* RFC 1002 4.2.9: one release on each interface, of what is held only; then all may start again. */
static void test_release(void **state)
{
    struct bench *bench = bench_new(NODE_B, 0);
    struct ns_message response;

    (void)state;
    bench_interfaces(bench, 2);
    claims_set_interfaces(bench->claims, bench->now);
    response = response_to(&bench->sent[0].message, NS_RCODE_ACTIVE, 0);
    assert_true(bench_answer(bench, &response, LOCAL));
    assert_int_equal(bench->own.list[OWN_COMPUTER].state, OWN_REFUSED);
    bench_pass(bench, SECOND);
    bench->n_sent = 0;
    claims_release(bench->claims);
    assert_int_equal(bench->n_sent, 2);
    for (unsigned int i = 0; i < 2; i++)
    {
        const struct sent *sent = &bench->sent[i];

        assert_broadcast(sent, 0x3010, i + 1);
        assert_true(netbios_name_equal(&sent->message.name, &bench->own.list[1].name));
        assert_int_equal(sent->message.addresses[0].flags, 0x8000);
        assert_int_equal(ntohl(sent->message.addresses[0].address.s_addr), 0x0a000002 | (i + 1)
                                                                                            << 16);
    }
    for (size_t i = 0; i < 2; i++)
    {
        assert_int_equal(bench->own.list[i].state, OWN_UNCLAIMED);
    }
    claims_release(bench->claims);
    bench_pass(bench, 600 * SECOND);
    assert_int_equal(bench->n_sent, 2);
    claims_set_interfaces(bench->claims, bench->now);
    assert_int_equal(bench->n_sent, 6);
    bench_pass(bench, SECOND);
    assert_int_equal(bench->own.list[OWN_COMPUTER].state, OWN_HELD);
    bench_free(bench);
}

/* A claim that is still open is given up without a word. */
static void test_release_while_claiming(void **state)
{
    struct bench *bench = bench_start(NODE_B, 0, 1);

    (void)state;
    claims_release(bench->claims);
    bench_pass(bench, 10 * SECOND);
    assert_int_equal(bench->n_sent, 1);
    assert_int_equal(bench_state(bench), OWN_UNCLAIMED);
    bench_free(bench);
}

/* wire.md 1.9: ids can not be guessed. Of 64 equal ones there would be no explanation. */
static void test_random_ids(void **state)
{
    uint16_t first = ns_random_id(), differences = 0;

    (void)state;
    for (int i = 0; i < 64; i++)
    {
        differences |= first ^ ns_random_id();
    }
    assert_int_not_equal(differences & 0xff, 0);
    assert_int_not_equal(differences >> 8, 0);
    assert_null(claims_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broadcast_claim),
        cmocka_unit_test(test_all_names_all_interfaces),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_false_answers),
        cmocka_unit_test(test_refused_again),
        cmocka_unit_test(test_interfaces_come_and_go),
        cmocka_unit_test(test_refused_elsewhere),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_defence),
        cmocka_unit_test(test_no_defence),
        cmocka_unit_test(test_claims_at_once),
        cmocka_unit_test(test_release),
        cmocka_unit_test(test_release_while_claiming),
        cmocka_unit_test(test_random_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
