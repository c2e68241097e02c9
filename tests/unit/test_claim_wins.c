/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/claim with WINS servers (RFC 1002 5.1.2-5.1.4, MS-NBTE 3.1.4, wire.md 1.6, 1.7)
 */

#include "claim_support.h"

#define WINS_1 "10.9.0.1"
#define WINS_2 "10.9.0.2"
#define LOCAL  "10.1.0.9"
#define HOUR   (3600 * SECOND)

/* RFC 1002 4.2.2, wire.md 1.7: unicast to the server, node type, 3 days wished for. */
static void test_registration(void **state)
{
    static const struct
    {
        enum node_type node;
        uint16_t flags;
    } rows[] = {{NODE_P, 0x2000}, {NODE_H, 0x6000}};

    (void)state;
    for (size_t i = 0; i < 2; i++)
    {
        struct bench *bench = bench_new(rows[i].node, 2);

        bench_interfaces(bench, 1);
        claims_set_interfaces(bench->claims, bench->now);
        assert_int_equal(bench->n_sent, 2);
        for (size_t k = 0; k < 2; k++)
        {
            const struct ns_message *message = &bench->sent[k].message;

            assert_unicast(&bench->sent[k], 0x2900, WINS_1);
            assert_int_equal(bench->sent[k].port, 0);
            assert_true(netbios_name_equal(&message->name, &bench->own.list[k].name));
            assert_int_equal(message->ttl, 0x3f480);
            assert_int_equal(message->n_addresses, 1);
            assert_int_equal(message->addresses[0].flags, rows[i].flags | (k ? 0x8000 : 0));
            assert_int_equal(message->addresses[0].address.s_addr, ip("10.1.0.2").s_addr);
        }
        assert_int_equal(bench->own.list[1].state, OWN_CLAIMING);
        assert_true(bench_wins(bench, NS_RCODE_OK, 7200));
        assert_int_equal(bench->own.list[1].state, OWN_HELD);
        assert_int_equal(bench->own.list[0].state, OWN_CLAIMING);
        bench_free(bench);
    }
}

/* 3 tries 1.5 s apart with one id (MS-NBTE 3.1.2), then the next server; the claims go there. */
static void test_failover(void **state)
{
    struct bench *bench = bench_start(NODE_P, 2, 1);
    struct claims_wins wins[NS_WINS_MAX];
    struct ns_message late;

    (void)state;
    bench_pass(bench, 4499 * MS);
    assert_int_equal(bench->n_sent, 3);
    for (size_t i = 0; i < 3; i++)
    {
        assert_unicast(&bench->sent[i], 0x2900, WINS_1);
        assert_int_equal(bench->sent[i].when, START + i * 1500 * MS);
        assert_int_equal(bench->sent[i].message.id, bench->sent[0].message.id);
    }
    late = response_to(&bench->sent[0].message, NS_RCODE_ACTIVE, 0);
    bench_pass(bench, MS);
    assert_int_equal(bench->n_sent, 4);
    assert_unicast(bench_last(bench), 0x2900, WINS_2);
    assert_int_equal(claims_wins_current(bench->claims), 0);
    assert_false(bench_answer(bench, &late, WINS_1)); /* it is not asked any more */
    assert_true(bench_wins(bench, NS_RCODE_OK, 7200));
    assert_int_equal(bench_state(bench), OWN_HELD);
    assert_int_equal(claims_wins_current(bench->claims), 1);
    assert_int_equal(claims_wins_status(bench->claims, wins), 2);
    assert_int_equal(wins[0].address.s_addr, ip(WINS_1).s_addr);
    assert_false(wins[0].answers || wins[0].current);
    assert_true(wins[1].answers && wins[1].current);
    bench_free(bench);
}

/* All are silent: P asks again after 60 s, and takes what it gets. */
static void test_all_silent(void **state)
{
    struct bench *bench = bench_start(NODE_P, 2, 1);

    (void)state;
    bench_pass(bench, 9 * SECOND);
    assert_int_equal(bench->n_sent, 6);
    bench_pass(bench, 60 * SECOND - 1);
    assert_int_equal(bench->n_sent, 6);
    assert_int_equal(bench_state(bench), OWN_CLAIMING);
    bench_pass(bench, 1);
    assert_int_equal(bench->n_sent, 7);
    assert_unicast(bench_last(bench), 0x2900, WINS_1);
    assert_true(bench_wins(bench, NS_RCODE_OK, 7200));
    assert_int_equal(bench_state(bench), OWN_HELD);
    bench_free(bench);
}

/* wire.md 1.6: H falls back to broadcasts, and uses WINS when it is there again. */
static void test_h_falls_back(void **state)
{
    struct bench *bench = bench_start(NODE_H, 1, 1);

    (void)state;
    bench_pass(bench, 4499 * MS);
    assert_int_equal(bench->n_sent, 3);
    bench_pass(bench, MS);
    assert_int_equal(bench->n_sent, 4);
    assert_broadcast(bench_last(bench), 0x2910, 1);
    assert_int_equal(bench_last(bench)->message.addresses[0].flags, 0x6000);
    bench_pass(bench, 750 * MS);
    assert_int_equal(bench->n_sent, 7);
    assert_broadcast(bench_last(bench), 0x2810, 1);
    assert_int_equal(bench_state(bench), OWN_HELD);
    bench_pass(bench, 59250 * MS);
    assert_int_equal(bench->n_sent, 8);
    assert_unicast(bench_last(bench), 0x2900, WINS_1);
    assert_int_equal(bench_state(bench), OWN_HELD);
    assert_true(bench_wins(bench, NS_RCODE_OK, 7200));
    bench_pass(bench, 3599 * SECOND);
    assert_int_equal(bench->n_sent, 8);
    bench_pass(bench, SECOND);
    assert_unicast(bench_last(bench), 0x4000, WINS_1);
    bench_free(bench);
}

/* RFC 1002 5.1.3: M broadcasts first, then registers; with silent servers the broadcast counts. */
static void test_m_node(void **state)
{
    struct bench *bench = bench_start(NODE_M, 1, 1);

    (void)state;
    bench_pass(bench, 749 * MS);
    assert_int_equal(bench->n_sent, 3);
    assert_broadcast(bench_last(bench), 0x2910, 1);
    bench_pass(bench, MS);
    assert_int_equal(bench->n_sent, 5);
    assert_broadcast(&bench->sent[3], 0x2810, 1);
    assert_unicast(&bench->sent[4], 0x2900, WINS_1);
    assert_int_equal(bench->sent[4].message.addresses[0].flags, 0x4000);
    assert_int_equal(bench_state(bench), OWN_CLAIMING);
    bench_pass(bench, 4500 * MS);
    assert_int_equal(bench_state(bench), OWN_HELD);
    bench_pass(bench, 60 * SECOND);
    assert_unicast(bench_last(bench), 0x2900, WINS_1);
    assert_true(bench_wins(bench, NS_RCODE_ACTIVE, 0));
    assert_int_equal(bench_state(bench), OWN_REFUSED);
    bench_free(bench);
}

/* Without any server H and M are as B, and P gets nothing but loops nowhere. */
static void test_no_servers(void **state)
{
    static const struct
    {
        enum node_type node;
        enum own_state state;
        size_t n_sent;
    } rows[] = {{NODE_H, OWN_HELD, 4}, {NODE_M, OWN_HELD, 4}, {NODE_P, OWN_CLAIMING, 0}};
    struct claims_wins wins[NS_WINS_MAX];

    (void)state;
    for (size_t i = 0; i < 3; i++)
    {
        struct bench *bench = bench_start(rows[i].node, 0, 1);

        bench_pass(bench, 200 * SECOND);
        assert_int_equal(bench_state(bench), rows[i].state);
        assert_int_equal(bench->n_sent, rows[i].n_sent);
        assert_int_equal(claims_wins_current(bench->claims), -1);
        assert_int_equal(claims_wins_status(bench->claims, wins), 0);
        bench_free(bench);
    }
}

/* B does not ask the servers that it has. */
static void test_b_node(void **state)
{
    struct bench *bench = bench_start(NODE_B, 2, 1);

    (void)state;
    bench_pass(bench, 200 * SECOND);
    assert_int_equal(bench->n_sent, 4);
    assert_int_equal(claims_wins_current(bench->claims), -1);
    bench_free(bench);
}

/* Half of the granted TTL, not under 30 s, not over 20 h; 0 is for ever: once a day. */
static void test_refresh_time(void **state)
{
    static const struct
    {
        uint32_t ttl;
        uint64_t delay;
    } rows[] = {
        {1, 30 * SECOND},    {59, 30 * SECOND},       {61, 30500 * MS},         {120, 60 * SECOND},
        {259200, 20 * HOUR}, {UINT32_MAX, 20 * HOUR}, {143998, 71999 * SECOND}, {0, 24 * HOUR},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        struct bench *bench = bench_start(NODE_P, 1, 1);

        assert_true(bench_wins(bench, NS_RCODE_OK, rows[i].ttl));
        assert_int_equal(claims_tick(bench->claims, bench->now), START + rows[i].delay);
        bench_pass(bench, rows[i].delay - 1);
        assert_int_equal(bench->n_sent, 1);
        bench_pass(bench, 1);
        assert_int_equal(bench->n_sent, 2);
        assert_unicast(bench_last(bench), 0x4000, WINS_1);
        assert_int_equal(bench_last(bench)->message.ttl, 0x3f480);
        assert_int_not_equal(bench_last(bench)->message.id, bench->sent[0].message.id);
        /* nmbd answers AD80, too (wire.md 1.7); the new TTL counts. */
        assert_true(bench_wins(bench, NS_RCODE_OK, 200));
        assert_int_equal(claims_tick(bench->claims, bench->now), bench->now + 100 * SECOND);
        assert_int_equal(bench_state(bench), OWN_HELD);
        bench_free(bench);
    }
}

/* A refresh that is denied: the name has gone to somebody else (RFC 1002 5.1.4). */
static void test_refresh_denied(void **state)
{
    struct bench *bench = bench_start(NODE_P, 1, 1);

    (void)state;
    assert_true(bench_wins(bench, NS_RCODE_OK, 120));
    bench_pass(bench, 60 * SECOND);
    assert_unicast(bench_last(bench), 0x4000, WINS_1);
    assert_true(bench_wins(bench, NS_RCODE_REFUSED, 0));
    assert_int_equal(bench_state(bench), OWN_REFUSED);
    assert_int_equal(bench->counters.values[NET_COUNTER_NAME_REFUSED], 1);
    bench_pass(bench, 299 * SECOND);
    assert_int_equal(bench->n_sent, 2);
    bench_pass(bench, SECOND);
    assert_unicast(bench_last(bench), 0x2900, WINS_1);
    bench_free(bench);
}

/* A silent server loses its names to the next one: registered there, not refreshed. */
static void test_refresh_failover(void **state)
{
    struct bench *bench = bench_start(NODE_P, 2, 1);

    (void)state;
    assert_true(bench_wins(bench, NS_RCODE_OK, 120));
    bench_pass(bench, 60 * SECOND);
    bench_pass(bench, 4499 * MS);
    assert_int_equal(bench->n_sent, 4);
    assert_unicast(bench_last(bench), 0x4000, WINS_1);
    bench_pass(bench, MS);
    assert_unicast(bench_last(bench), 0x2900, WINS_2);
    assert_int_equal(bench_state(bench), OWN_HELD);
    assert_true(bench_wins(bench, NS_RCODE_OK, 120));
    bench_pass(bench, 60 * SECOND);
    assert_unicast(bench_last(bench), 0x4000, WINS_2);
    assert_int_equal(bench_state(bench), OWN_HELD);
    bench_free(bench);
}

/* All servers die later: the name stays ours. */
static void test_refresh_silent(void **state)
{
    struct bench *bench = bench_start(NODE_P, 1, 1);

    (void)state;
    assert_true(bench_wins(bench, NS_RCODE_OK, 120));
    bench_pass(bench, 200 * SECOND);
    assert_int_equal(bench_state(bench), OWN_HELD);
    assert_unicast(bench_last(bench), 0x2900, WINS_1);
    bench_free(bench);
}

/* The first server gets a chance every 10 minutes, with one name; then all move back. */
static void test_preferred_again(void **state)
{
    struct bench *bench = bench_new(NODE_P, 2);
    struct ns_message responses[2];
    size_t before;

    (void)state;
    bench_interfaces(bench, 1);
    claims_set_interfaces(bench->claims, bench->now);
    bench_pass(bench, 4500 * MS);
    assert_int_equal(bench->n_sent, 8);
    for (size_t i = 0; i < 2; i++)
    {
        assert_unicast(&bench->sent[6 + i], 0x2900, WINS_2);
        responses[i] = response_to(&bench->sent[6 + i].message, NS_RCODE_OK, 0);
        assert_true(bench_answer(bench, &responses[i], WINS_2));
    }
    /* Still silent: both names stay where they are, and their refresh is as late as it was. */
    bench_pass(bench, 599 * SECOND);
    assert_int_equal(bench->n_sent, 8);
    bench_pass(bench, 6 * SECOND);
    assert_int_equal(bench->n_sent, 11);
    assert_unicast(bench_last(bench), 0x2900, WINS_1);
    assert_int_equal(claims_wins_current(bench->claims), 1);
    assert_int_equal(bench->own.list[0].state, OWN_HELD);
    before = bench->n_sent;
    bench_pass(bench, 594 * SECOND);
    assert_int_equal(bench->n_sent, before);
    bench_pass(bench, SECOND);
    assert_int_equal(bench->n_sent, before + 1);
    assert_unicast(bench_last(bench), 0x2900, WINS_1);
    /* Now it answers. */
    assert_true(bench_wins(bench, NS_RCODE_OK, 0));
    assert_int_equal(claims_wins_current(bench->claims), 0);
    bench_pass(bench, 0);
    assert_int_equal(bench->n_sent, before + 2);
    assert_unicast(bench_last(bench), 0x2900, WINS_1);
    assert_false(
        netbios_name_equal(&bench_last(bench)->message.name, &bench->sent[before].message.name));
    assert_true(bench_wins(bench, NS_RCODE_OK, 0));
    bench_pass(bench, 20 * HOUR);
    assert_int_equal(bench->n_sent, before + 2);
    bench_free(bench);
}

static void assert_servers(struct bench *bench, bool first, bool second, int current)
{
    struct claims_wins status[NS_WINS_MAX];

    assert_int_equal(claims_wins_status(bench->claims, status), 2);
    assert_int_equal(status[0].answers, first);
    assert_int_equal(status[1].answers, second);
    assert_int_equal(claims_wins_current(bench->claims), current);
    assert_true(status[current].current && !status[!current].current);
}

/* What questions learn counts as what registrations do, and the first server is tried as after one.
 */
static void test_heard_by_questions(void **state)
{
    struct bench *bench = bench_start(NODE_P, 2, 1);
    size_t before;

    (void)state;
    assert_true(bench_wins(bench, NS_RCODE_OK, 0));
    assert_servers(bench, true, false, 0);
    claims_wins_heard(bench->claims, 1, true, bench->now);
    assert_servers(bench, true, true, 0);
    claims_wins_heard(bench->claims, 0, false, bench->now);
    assert_servers(bench, false, true, 0);
    claims_wins_heard(bench->claims, 1, true, bench->now);
    assert_servers(bench, false, true, 1);
    claims_wins_heard(bench->claims, 2, true, bench->now);
    assert_servers(bench, false, true, 1);
    before = bench->n_sent;
    bench_pass(bench, 599 * SECOND);
    assert_int_equal(bench->n_sent, before);
    bench_pass(bench, SECOND);
    assert_int_equal(bench->n_sent, before + 1);
    assert_unicast(bench_last(bench), 0x2900, WINS_1);
    assert_true(bench_wins(bench, NS_RCODE_OK, 0));
    assert_servers(bench, true, true, 0);
    /* A question finds the first one back before its trial. */
    claims_wins_heard(bench->claims, 0, false, bench->now);
    claims_wins_heard(bench->claims, 1, true, bench->now);
    assert_servers(bench, false, true, 1);
    claims_wins_heard(bench->claims, 0, true, bench->now);
    assert_servers(bench, true, true, 0);
    before = bench->n_sent;
    bench_pass(bench, 11 * 60 * SECOND);
    assert_int_equal(bench->n_sent, before);
    bench_free(bench);
}

/* The trial of a server that is still silent leaves the registration elsewhere as it was. */
static void test_trial_keeps_home(void **state)
{
    struct bench *bench = bench_start(NODE_P, 2, 1);

    (void)state;
    bench_pass(bench, 4500 * MS);
    assert_unicast(bench_last(bench), 0x2900, WINS_2);
    assert_true(bench_wins(bench, NS_RCODE_OK, 3000));
    bench_pass(bench, 1499 * SECOND);
    assert_int_equal(bench->n_sent, 4 + 2 * 3);
    bench_pass(bench, SECOND);
    assert_unicast(bench_last(bench), 0x4000, WINS_2);
    assert_true(bench_wins(bench, NS_RCODE_OK, 3000));
    bench_pass(bench, 300 * SECOND);
    assert_unicast(bench_last(bench), 0x2900, WINS_1);
    /* Released in the middle of a trial: where it is registered. */
    claims_release(bench->claims);
    assert_unicast(bench_last(bench), 0x3000, WINS_2);
    bench_free(bench);
}

/* RFC 1002 4.2.16, wire.md 1.9: a WACK prolongs the wait by its TTL, 60 s at most, once. */
static void test_wack(void **state)
{
    static const struct
    {
        uint32_t ttl, seconds;
    } rows[] = {{0, 0}, {10, 10}, {60, 60}, {61, 60}, {UINT32_MAX, 60}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        struct bench *bench = bench_start(NODE_P, 1, 1);
        struct ns_message wack = response_to(&bench->sent[0].message, NS_RCODE_OK, rows[i].ttl);

        wack.opcode = NS_WACK;
        assert_false(bench_answer(bench, &wack, WINS_2));
        assert_true(bench_answer(bench, &wack, WINS_1));
        assert_true(bench_answer(bench, &wack, WINS_1));
        bench_pass(bench, rows[i].seconds * SECOND + 1499 * MS);
        assert_int_equal(bench->n_sent, 1);
        assert_int_equal(bench_state(bench), OWN_CLAIMING);
        bench_pass(bench, MS);
        assert_int_equal(bench->n_sent, 2);
        assert_true(bench_answer(bench, &wack, WINS_1));
        bench_pass(bench, 1500 * MS);
        assert_int_equal(bench->n_sent, 3);
        assert_true(bench_wins(bench, NS_RCODE_OK, 7200));
        assert_int_equal(bench_state(bench), OWN_HELD);
        bench_free(bench);
    }
}

/* wire.md 1.9: only the server that was asked, with id and name; and only while it is asked. */
static void test_false_answers(void **state)
{
    struct bench *bench = bench_start(NODE_P, 2, 1);
    struct ns_message good = response_to(&bench->sent[0].message, NS_RCODE_OK, 7200), bad = good;

    (void)state;
    assert_false(bench_answer(bench, &good, LOCAL));
    assert_false(bench_answer(bench, &good, WINS_2));
    bad.id++;
    assert_false(bench_answer(bench, &bad, WINS_1));
    bad = good;
    bad.name = name_of("OTHER", 0);
    assert_false(bench_answer(bench, &bad, WINS_1));
    bad = good;
    bad.opcode = NS_RELEASE;
    assert_false(bench_answer(bench, &bad, WINS_1));
    bad = good;
    bad.rcode = NS_RCODE_ACTIVE;
    assert_false(bench_answer(bench, &bad, LOCAL));
    assert_int_equal(bench_state(bench), OWN_CLAIMING);
    assert_true(bench_answer(bench, &good, WINS_1));
    /* A conflict demand after it, unasked (CVE-2000-0673). */
    bad.rcode = NS_RCODE_CONFLICT;
    assert_false(bench_answer(bench, &bad, WINS_1));
    assert_int_equal(bench_state(bench), OWN_HELD);
    bench_free(bench);
}

/* What the rcode of a server means: refused, or that this server can not. */
static void test_rcodes(void **state)
{
    static const struct
    {
        enum ns_rcode rcode;
        bool refused;
    } rows[] = {
        {NS_RCODE_FORMAT, false},      {NS_RCODE_SERVER, false}, {NS_RCODE_NAME, true},
        {NS_RCODE_UNSUPPORTED, false}, {NS_RCODE_REFUSED, true}, {NS_RCODE_ACTIVE, true},
        {NS_RCODE_CONFLICT, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        struct bench *bench = bench_start(NODE_P, 2, 1);

        assert_true(bench_wins(bench, rows[i].rcode, 0));
        bench_pass(bench, 0);
        assert_int_equal(bench_state(bench), rows[i].refused ? OWN_REFUSED : OWN_CLAIMING);
        assert_int_equal(bench->n_sent, rows[i].refused ? 1 : 2);
        if (!rows[i].refused)
        {
            assert_unicast(bench_last(bench), 0x2900, WINS_2);
        }
        bench_free(bench);
    }
}

/* RFC 1002 4.2.7: RA=0 asks us to challenge the owner; that is taken as a refusal. */
static void test_challenge(void **state)
{
    struct bench *bench = bench_start(NODE_P, 1, 1);
    struct ns_message response = response_to(&bench->sent[0].message, NS_RCODE_OK, 7200);

    (void)state;
    response.recursion_available = false;
    assert_true(bench_answer(bench, &response, WINS_1));
    assert_int_equal(bench_state(bench), OWN_REFUSED);
    bench_free(bench);
}

/* RFC 1001 10.2: P nodes neither hear claims by broadcast nor release so; 3000 to the server. */
static void test_release(void **state)
{
    static const struct
    {
        enum node_type node;
        bool broadcast;
    } rows[] = {{NODE_P, false}, {NODE_H, true}};

    (void)state;
    for (size_t i = 0; i < 2; i++)
    {
        struct bench *bench = bench_start(rows[i].node, 1, 1);
        struct ns_message response;

        assert_true(bench_wins(bench, NS_RCODE_OK, 7200));
        bench->n_sent = 0;
        claims_release(bench->claims);
        assert_int_equal(bench->n_sent, rows[i].broadcast ? 2 : 1);
        if (rows[i].broadcast)
        {
            assert_broadcast(&bench->sent[0], 0x3010, 1);
        }
        assert_unicast(bench_last(bench), 0x3000, WINS_1);
        assert_int_equal(bench_last(bench)->message.ttl, 0);
        assert_int_equal(bench_state(bench), OWN_UNCLAIMED);
        /* Its answer (B400) is one to a question of ours, once. */
        response = response_to(&bench_last(bench)->message, NS_RCODE_OK, 0);
        assert_false(bench_answer(bench, &response, WINS_1));
        response.opcode = NS_RELEASE;
        assert_false(bench_answer(bench, &response, LOCAL));
        assert_true(bench_answer(bench, &response, WINS_1));
        assert_false(bench_answer(bench, &response, WINS_1));
        assert_int_equal(bench_state(bench), OWN_UNCLAIMED);
        bench_pass(bench, 10 * HOUR);
        assert_int_equal(bench->n_sent, rows[i].broadcast ? 2 : 1);
        bench_free(bench);
    }
}

/* RFC 1001 10.2 again: a P node does not defend against broadcasts, but against unicasts. */
static void test_defence_of_p(void **state)
{
    struct bench *bench = bench_start(NODE_P, 1, 1);
    struct ns_arrival arrival = {.from = ip(LOCAL), .port = 137, .interface_index = 1};
    struct ns_message request = bench->sent[0].message;

    (void)state;
    assert_true(bench_wins(bench, NS_RCODE_OK, 7200));
    request.addresses[0].address = ip(LOCAL);
    request.broadcast = true;
    claims_request(bench->claims, &request, &arrival);
    assert_int_equal(bench->n_sent, 1);
    request.broadcast = false;
    claims_request(bench->claims, &request, &arrival);
    assert_int_equal(bench->n_sent, 2);
    assert_unicast(bench_last(bench), 0xad86, LOCAL);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registration),
        cmocka_unit_test(test_failover),
        cmocka_unit_test(test_all_silent),
        cmocka_unit_test(test_h_falls_back),
        cmocka_unit_test(test_m_node),
        cmocka_unit_test(test_no_servers),
        cmocka_unit_test(test_b_node),
        cmocka_unit_test(test_refresh_time),
        cmocka_unit_test(test_refresh_denied),
        cmocka_unit_test(test_refresh_failover),
        cmocka_unit_test(test_refresh_silent),
        cmocka_unit_test(test_preferred_again),
        cmocka_unit_test(test_trial_keeps_home),
        cmocka_unit_test(test_heard_by_questions),
        cmocka_unit_test(test_wack),
        cmocka_unit_test(test_false_answers),
        cmocka_unit_test(test_rcodes),
        cmocka_unit_test(test_challenge),
        cmocka_unit_test(test_release),
        cmocka_unit_test(test_defence_of_p),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
