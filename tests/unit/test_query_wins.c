/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/query: servers and node types (wire.md 1.6, 1.7, 1.9; RFC 1002 5.1.2, 5.1.3) */

#include "query_support.h"

/* wire.md 1.7: to servers by unicast, 0100, 3 × 1.5 s each (MS-NBTE 3.1.2), in turn, then P fails.
 */
static void test_p_failover(void **state)
{
    struct fixture *f = *state;

    start(f, NODE_P, 3);
    ask_from(f, "HOST", 1, &f->a);
    for (size_t i = 0; i < 9; i++)
    {
        static const char *const turn[] = {"10.9.0.2", "10.9.0.3", "10.9.0.1"};

        assert_int_equal(f->n_sent, i + 1);
        assert_false(f->sent[i].broadcast);
        assert_int_equal(f->sent[i].to.s_addr, ip(turn[i / 3]).s_addr);
        assert_true(f->sent[i].message.recursion_desired && !f->sent[i].message.broadcast);
        assert_int_equal(f->sent[i].message.type, NS_TYPE_NB);
        assert_int_equal(f->a.called, 0);
        assert_int_equal(step(f), 1500 * MS);
    }
    assert_int_equal(f->n_sent, 9);
    assert_nobody(&f->a);
    assert_true(is_idle(f));
}

static void assert_heard(struct fixture *f, size_t n, size_t server, bool answered)
{
    assert_int_equal(f->n_heard, n);
    assert_int_equal(f->heard[n - 1].server, server);
    assert_int_equal(f->heard[n - 1].answered, answered);
}

/* MS-NBTE 3.1.8: which servers were silent or answered, "no" counts; trouble is neither. */
static void test_wins_heard(void **state)
{
    struct fixture *f = *state;
    struct ns_message answer;

    start(f, NODE_H, 2);
    ask(f, "HOST", &f->a);
    step(f);
    step(f);
    assert_int_equal(f->n_heard, 0);
    step(f);
    assert_heard(f, 1, 0, false);
    answer = answer_to(f, 0, "192.168.1.9");
    assert_true(respond(f, &answer, "10.9.0.2"));
    assert_heard(f, 2, 1, true);
    assert_unique(&f->a, "192.168.1.9");
    ask(f, "TROUBLE", &f->b);
    answer = negative_to(f, NS_RCODE_SERVER);
    assert_true(respond(f, &answer, "10.9.0.1"));
    assert_int_equal(f->n_heard, 2);
    answer = negative_to(f, NS_RCODE_NAME);
    assert_true(respond(f, &answer, "10.9.0.2"));
    assert_heard(f, 3, 1, true);
    /* The neighbours' silence is none of a server. */
    step(f);
    step(f);
    step(f);
    assert_nobody(&f->b);
    assert_int_equal(f->n_heard, 3);
}

/* An index that is none begins with the first. */
static void test_wins_first(void **state)
{
    struct fixture *f = *state;

    start(f, NODE_P, 2);
    ask_from(f, "A", -1, &f->a);
    assert_int_equal(last_sent(f)->to.s_addr, ip("10.9.0.1").s_addr);
    ask_from(f, "B", 2, &f->b);
    assert_int_equal(last_sent(f)->to.s_addr, ip("10.9.0.1").s_addr);
}

/* wire.md 1.9: only the server that is being asked; the one before has had its time. */
static void test_wins_forged(void **state)
{
    struct fixture *f = *state;
    struct ns_message answer, late;

    start(f, NODE_P, 2);
    ask(f, "HOST", &f->a);
    answer = late = answer_to(f, 0, "192.168.1.9");
    assert_false(respond(f, &answer, "10.77.0.9"));
    assert_false(respond(f, &answer, "10.9.0.2"));
    answer.id ^= 0x8000;
    assert_false(respond(f, &answer, "10.9.0.1"));
    step(f);
    step(f);
    step(f);
    assert_int_equal(last_sent(f)->to.s_addr, ip("10.9.0.2").s_addr);
    /* A new id, so that the first server can not know it. */
    assert_int_not_equal(last_sent(f)->message.id, late.id);
    assert_false(respond(f, &late, "10.9.0.1"));
    answer = answer_to(f, 0, "192.168.1.9");
    assert_false(respond(f, &answer, "10.9.0.1"));
    assert_int_equal(f->a.called, 0);
    assert_true(respond(f, &answer, "10.9.0.2"));
    assert_unique(&f->a, "192.168.1.9");
}

/* RFC 1002 5.1.2: a server that says "no" has answered, the others are not asked. */
static void test_p_negative(void **state)
{
    struct fixture *f = *state;
    struct ns_message negative;

    start(f, NODE_P, 2);
    ask(f, "HOST", &f->a);
    negative = negative_to(f, NS_RCODE_NAME);
    assert_false(respond(f, &negative, "10.77.0.66"));
    assert_int_equal(f->a.called, 0);
    assert_true(respond(f, &negative, "10.9.0.1"));
    assert_nobody(&f->a);
    assert_int_equal(f->n_sent, 1);
    /* Not cached: asked again, it is sent again. */
    assert_int_equal(queries_cached(f->queries), 0);
    ask(f, "HOST", &f->b);
    assert_int_equal(f->n_sent, 2);
}

/* A server in trouble (SRV_ERR, RFS_ERR, …) has not said that nobody has the name. */
static void test_p_server_error(void **state)
{
    struct fixture *f = *state;
    struct ns_message negative;

    start(f, NODE_P, 2);
    ask(f, "HOST", &f->a);
    negative = negative_to(f, NS_RCODE_SERVER);
    assert_true(respond(f, &negative, "10.9.0.1"));
    assert_int_equal(f->a.called, 0);
    assert_int_equal(f->n_sent, 2);
    assert_int_equal(last_sent(f)->to.s_addr, ip("10.9.0.2").s_addr);
    negative = negative_to(f, NS_RCODE_REFUSED);
    assert_true(respond(f, &negative, "10.9.0.2"));
    assert_nobody(&f->a);
}

/* wire.md 1.6: H asks the servers, then the neighbours; at once when a server says "no". */
static void test_h_order(void **state)
{
    struct fixture *f = *state;
    struct ns_message message;

    start(f, NODE_H, 2);
    ask(f, "HOST", &f->a);
    assert_int_equal(last_sent(f)->to.s_addr, ip("10.9.0.1").s_addr);
    message = negative_to(f, NS_RCODE_NAME);
    assert_true(respond(f, &message, "10.9.0.1"));
    assert_int_equal(f->n_sent, 2);
    assert_true(last_sent(f)->broadcast);
    assert_int_not_equal(last_sent(f)->message.id, message.id);
    message = answer_to(f, 0, "10.77.0.9");
    assert_true(respond(f, &message, "10.77.0.9"));
    assert_unique(&f->a, "10.77.0.9");
}

/* wire.md 1.7: an H node with dead servers: 3 × 1.5 s each, then 3 × 250 ms. */
static void test_h_silence(void **state)
{
    struct fixture *f = *state;
    uint64_t begin;

    start(f, NODE_H, 2);
    begin = f->now;
    ask(f, "HOST", &f->a);
    while (f->a.called == 0)
    {
        step(f);
    }
    assert_nobody(&f->a);
    assert_int_equal(f->now - begin, 2 * 3 * 1500 * MS + 3 * 250 * MS);
    assert_int_equal(f->n_sent, 9);
    for (size_t i = 0; i < 9; i++)
    {
        assert_int_equal(f->sent[i].broadcast, i >= 6);
    }
}

/* wire.md 1.6: M asks the neighbours, then the servers. */
static void test_m_order(void **state)
{
    struct fixture *f = *state;

    start(f, NODE_M, 1);
    ask(f, "HOST", &f->a);
    while (f->a.called == 0)
    {
        step(f);
    }
    assert_nobody(&f->a);
    assert_int_equal(f->n_sent, 6);
    for (size_t i = 0; i < 6; i++)
    {
        assert_int_equal(f->sent[i].broadcast, i < 3);
    }
}

/* B never asks a server, even if there is one. */
static void test_b_order(void **state)
{
    struct fixture *f = *state;

    start(f, NODE_B, 1);
    ask(f, "HOST", &f->a);
    while (f->a.called == 0)
    {
        step(f);
    }
    assert_int_equal(f->n_sent, 3);
    assert_true(f->sent[0].broadcast && f->sent[1].broadcast && f->sent[2].broadcast);
}

/* wire.md 1.7: WINS says 255.255.255.255 (Windows) or 0.0.0.0 (nmbd) of a normal group. */
static void test_wins_group_is_broadcast(void **state)
{
    static const char *const everybody[] = {"255.255.255.255", "0.0.0.0", "10.77.0.255"};
    struct fixture *f = *state;

    start(f, NODE_H, 1);
    for (size_t i = 0; i < 3; i++)
    {
        struct ns_message answer;

        f->a = (struct asked){};
        ask(f, "DOMAIN", &f->a);
        answer = answer_to(f, NS_FLAG_GROUP | 0x6000, everybody[i]);
        assert_true(respond(f, &answer, "10.9.0.1"));
        assert_true(f->a.found && f->a.resolution.group && f->a.resolution.broadcast);
        assert_int_equal(f->a.resolution.n, 0);
        queries_flush(f->queries);
    }
    assert_int_equal(counted(f, NET_COUNTER_QUERIES_RESOLVED), 3);
}

/* wire.md 1.5: of a <1C> group WINS lists the members, up to 25; bad ones are left out. */
static void test_wins_members(void **state)
{
    struct fixture *f = *state;
    struct ns_message answer;

    start(f, NODE_P, 1);
    ask(f, "DOMAIN", &f->a);
    answer = answer_to(f, NS_FLAG_GROUP, "192.168.1.1");
    answer.n_addresses = NS_ADDRESSES_MAX;
    for (size_t i = 0; i < NS_ADDRESSES_MAX; i++)
    {
        answer.addresses[i].flags = NS_FLAG_GROUP;
        answer.addresses[i].address.s_addr = htonl(0xc0a80101 + (uint32_t)i);
    }
    answer.addresses[3].address = ip("0.0.0.0");
    answer.addresses[4].address = ip("224.0.0.1");
    answer.addresses[5].address = answer.addresses[6].address;
    assert_true(respond(f, &answer, "10.9.0.1"));
    assert_true(f->a.found && f->a.resolution.group);
    assert_false(f->a.resolution.broadcast);
    assert_int_equal(f->a.resolution.n, NS_ADDRESSES_MAX - 3);
    assert_int_equal(f->a.resolution.addresses[3].s_addr, answer.addresses[6].address.s_addr);
}

/* A server that lists nothing usable has not answered: the question goes on. */
static void test_wins_unusable(void **state)
{
    struct fixture *f = *state;
    struct ns_message answer;

    start(f, NODE_P, 1);
    ask(f, "HOST", &f->a);
    answer = answer_to(f, 0, "255.255.255.255"); /* a unique name */
    assert_false(respond(f, &answer, "10.9.0.1"));
    answer = answer_to(f, NS_FLAG_GROUP, "127.0.0.1");
    assert_false(respond(f, &answer, "10.9.0.1"));
    assert_int_equal(f->a.called, 0);
    assert_int_equal(step(f), 1500 * MS);
    assert_int_equal(f->n_sent, 2);
}

/* wire.md 1.9: WACK prolongs by its TTL, 60 s at most, and once. */
static void test_wack(void **state)
{
    struct fixture *f = *state;
    struct ns_message wack;

    start(f, NODE_P, 1);
    ask(f, "HOST", &f->a);
    wack = wack_to(f, UINT32_MAX);
    assert_false(respond(f, &wack, "10.9.0.2"));
    f->now += SECOND;
    assert_true(respond(f, &wack, "10.9.0.1"));
    assert_int_equal(queries_tick(f->queries, f->now), f->now + 60 * SECOND);
    /* The second one and what follows are taken, and change nothing. */
    f->now += 30 * SECOND;
    assert_true(respond(f, &wack, "10.9.0.1"));
    assert_int_equal(step(f), 30 * SECOND);
    assert_int_equal(f->n_sent, 2);
    assert_true(respond(f, &wack, "10.9.0.1"));
    assert_int_equal(step(f), 1500 * MS);
    assert_int_equal(step(f), 1500 * MS);
    assert_nobody(&f->a);
}

static void test_wack_then_answer(void **state)
{
    struct fixture *f = *state;
    struct ns_message wack, answer;

    start(f, NODE_P, 1);
    ask(f, "HOST", &f->a);
    wack = wack_to(f, 10);
    answer = answer_to(f, 0, "192.168.1.9");
    assert_true(respond(f, &wack, "10.9.0.1"));
    f->now += 9 * SECOND;
    assert_int_equal(queries_tick(f->queries, f->now), f->now + SECOND);
    assert_true(respond(f, &answer, "10.9.0.1"));
    assert_unique(&f->a, "192.168.1.9");
}

/* A TTL of 0 does not make the wait shorter. */
static void test_wack_zero(void **state)
{
    struct fixture *f = *state;
    struct ns_message wack;

    start(f, NODE_P, 1);
    ask(f, "HOST", &f->a);
    wack = wack_to(f, 0);
    assert_true(respond(f, &wack, "10.9.0.1"));
    assert_int_equal(queries_tick(f->queries, f->now), f->now + 1500 * MS);
    assert_int_equal(f->n_sent, 1);
}

/* Nobody to ask: ends in the next tick, not inside queries_name(). */
static void test_nobody_to_ask(void **state)
{
    struct fixture *f = *state;

    start(f, NODE_P, 0);
    ask(f, "HOST", &f->a);
    assert_int_equal(f->a.called, 0);
    (void)queries_tick(f->queries, f->now);
    assert_nobody(&f->a);
    assert_int_equal(f->n_sent, 0);
    assert_true(is_idle(f));
}

/* A way without anybody is left out: H without interfaces or servers, M without interfaces. */
static void test_ways_left_out(void **state)
{
    struct fixture *f = *state;

    start(f, NODE_H, 1);
    f->interfaces.n = 0;
    ask(f, "HOST", &f->a);
    assert_int_equal(f->n_sent, 1);
    assert_int_equal(step(f) + step(f) + step(f), 4500 * MS);
    assert_nobody(&f->a);

    queries_free(f->queries);
    start(f, NODE_H, 0);
    ask(f, "HOST", &f->b);
    assert_true(last_sent(f)->broadcast);

    queries_free(f->queries);
    start(f, NODE_M, 1);
    f->interfaces.n = 0;
    ask(f, "HOST", &f->b);
    assert_false(last_sent(f)->broadcast);
}

/* wire.md 1.9: a forger from afar must hit the random port as well; 137 is known to everybody. */
static void test_answer_to_other_port(void **state)
{
    struct fixture *f = *state;
    struct ns_arrival arrival = {.from = {htonl(0x0a090001)}, .port = 137};
    struct ns_message message;

    start(f, NODE_P, 1);
    ask(f, "HOSTB", &f->a);
    message = answer_to(f, 0, "10.66.6.6");
    assert_false(queries_response(f->queries, &message, &arrival, f->now));
    assert_int_equal(f->a.called, 0);
    arrival.question = true;
    assert_true(queries_response(f->queries, &message, &arrival, f->now));
    assert_unique(&f->a, "10.66.6.6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answer_to_other_port),
        TEST(test_p_failover),
        TEST(test_wins_heard),
        TEST(test_wins_first),
        TEST(test_wins_forged),
        TEST(test_p_negative),
        TEST(test_p_server_error),
        TEST(test_h_order),
        TEST(test_h_silence),
        TEST(test_m_order),
        TEST(test_b_order),
        TEST(test_wins_group_is_broadcast),
        TEST(test_wins_members),
        TEST(test_wins_unusable),
        TEST(test_wack),
        TEST(test_wack_then_answer),
        TEST(test_wack_zero),
        TEST(test_nobody_to_ask),
        TEST(test_ways_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
