/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/query: neighbours and addresses (wire.md 1.5-1.7, 1.9; RFC 1002 5.1.1, 6) */

#include "query_support.h"

/* RFC 1002 6: 3 times, 250 ms apart; then as long again for the last answers; then nobody. */
static void test_broadcast_times(void **state)
{
    struct fixture *f = *state;
    const struct ns_message *message = &f->sent[0].message;

    start(f, NODE_B, 0);
    ask(f, "HOST", &f->a);
    assert_int_equal(f->n_sent, 1);
    assert_true(f->sent[0].broadcast);
    /* wire.md 1.7: flags 0110. */
    assert_true(message->broadcast && message->recursion_desired && !message->response);
    assert_int_equal(message->opcode, NS_QUERY);
    assert_int_equal(message->type, NS_TYPE_NB);
    assert_int_equal(step(f), 250 * MS);
    assert_int_equal(f->n_sent, 2);
    assert_int_equal(step(f), 250 * MS);
    assert_int_equal(f->n_sent, 3);
    assert_int_equal(f->a.called, 0);
    assert_int_equal(step(f), 250 * MS);
    assert_int_equal(f->n_sent, 3);
    assert_nobody(&f->a);
    assert_memory_equal(&f->sent[0].message, &f->sent[1].message, sizeof(*message));
    assert_memory_equal(&f->sent[0].message, &f->sent[2].message, sizeof(*message));
    assert_true(is_idle(f));
    assert_int_equal(counted(f, NET_COUNTER_QUERIES), 1);
    assert_int_equal(counted(f, NET_COUNTER_QUERIES_FAILED), 1);
}

/* MS-NBTE 3.1.4 (wire.md 1.6): on all interfaces; it is one question, with one id. */
static void test_broadcast_interfaces(void **state)
{
    struct fixture *f = *state;
    struct ns_message answer;

    start(f, NODE_B, 0);
    add_interface(f, "10.78.0.1", "10.78.0.255");
    ask(f, "HOST", &f->a);
    assert_int_equal(f->n_sent, 2);
    assert_int_equal(f->sent[0].to.s_addr, ip("10.77.0.255").s_addr);
    assert_int_equal(f->sent[1].to.s_addr, ip("10.78.0.255").s_addr);
    assert_int_equal(f->sent[0].message.id, f->sent[1].message.id);
    /* The second subnet counts as local, too. */
    answer = answer_to(f, 0, "10.78.0.9");
    assert_true(respond(f, &answer, "10.78.0.9"));
    assert_unique(&f->a, "10.78.0.9");
}

/* wire.md 1.5: a unique answer is one address; it ends the question and is cached for 600 s. */
static void test_unique(void **state)
{
    struct fixture *f = *state;
    struct ns_message answer;

    start(f, NODE_B, 0);
    ask(f, "HOST", &f->a);
    answer = answer_to(f, 0, "10.77.0.9");
    assert_true(respond(f, &answer, "10.77.0.9"));
    assert_unique(&f->a, "10.77.0.9");
    assert_true(is_idle(f));
    assert_int_equal(counted(f, NET_COUNTER_QUERIES_RESOLVED), 1);
    /* nmbd answers twice (wire.md 1.7): the second is nobody's, and harmless. */
    answer.addresses[0].address = ip("10.77.0.66");
    assert_false(respond(f, &answer, "10.77.0.9"));
    assert_int_equal(f->a.called, 1);

    f->now += 600 * SECOND - 1;
    ask(f, "HOST", &f->b);
    assert_unique(&f->b, "10.77.0.9");
    assert_int_equal(f->n_sent, 1);
    assert_int_equal(counted(f, NET_COUNTER_QUERIES), 1);
    f->now++;
    assert_true(is_idle(f));
    assert_int_equal(queries_cached(f->queries), 0);
    ask(f, "HOST", &f->b);
    assert_int_equal(f->n_sent, 2);
    assert_int_equal(f->b.called, 1);
}

/* Multi-homed hosts list all their addresses; each is taken once. */
static void test_multihomed(void **state)
{
    struct fixture *f = *state;
    struct ns_message answer;

    start(f, NODE_B, 0);
    ask(f, "HOST", &f->a);
    answer = answer_to(f, 0, "10.77.0.9");
    answer.n_addresses = 4;
    answer.addresses[1].address = ip("192.168.5.9");
    answer.addresses[2].address = ip("10.77.0.9");
    answer.addresses[3].address = ip("192.168.6.9");
    assert_true(respond(f, &answer, "10.77.0.9"));
    assert_int_equal(f->a.resolution.n, 3);
    assert_int_equal(f->a.resolution.addresses[0].s_addr, ip("10.77.0.9").s_addr);
    assert_int_equal(f->a.resolution.addresses[2].s_addr, ip("192.168.6.9").s_addr);
}

/* wire.md 1.5, 1.7: neighbours answer for a group with their own address; it is for broadcast. */
static void test_group(void **state)
{
    struct fixture *f = *state;
    struct ns_message answer;

    start(f, NODE_B, 0);
    ask(f, "LABGRP", &f->a);
    answer = answer_to(f, NS_FLAG_GROUP, "10.77.0.9");
    assert_true(respond(f, &answer, "10.77.0.9"));
    assert_true(f->a.found && f->a.resolution.group && f->a.resolution.broadcast);
    assert_int_equal(f->a.resolution.n, 0);
    /* Another member's answer. */
    answer.addresses[0].address = ip("10.77.0.10");
    assert_false(respond(f, &answer, "10.77.0.10"));
}

/* wire.md 1.9, forged answers: id, name, subnet, type, opcode, direction must all be right. */
static void test_broadcast_forged(void **state)
{
    struct fixture *f = *state;
    struct ns_message good, bad;

    start(f, NODE_B, 0);
    ask(f, "HOST", &f->a);
    good = answer_to(f, 0, "10.77.0.9");

    bad = good;
    bad.id ^= 1;
    assert_false(respond(f, &bad, "10.77.0.9"));
    bad = good;
    bad.name = name_of("OTHER");
    assert_false(respond(f, &bad, "10.77.0.9"));
    bad = good;
    bad.name.bytes[15] = 0x20;
    assert_false(respond(f, &bad, "10.77.0.9"));
    bad = good;
    bad.type = NS_TYPE_NBSTAT;
    assert_false(respond(f, &bad, "10.77.0.9"));
    bad = good;
    bad.type = NS_TYPE_NULL;
    assert_false(respond(f, &bad, "10.77.0.9"));
    bad = good;
    bad.response = false;
    assert_false(respond(f, &bad, "10.77.0.9"));
    bad = good;
    bad.opcode = NS_REGISTRATION;
    assert_false(respond(f, &bad, "10.77.0.9"));
    bad = good;
    bad.n_addresses = 0;
    bad.addresses[0].flags = NS_FLAG_GROUP; /* left over: there is no such address */
    assert_false(respond(f, &bad, "10.77.0.9"));
    assert_false(respond(f, &good, "10.99.0.9")); /* a foreign subnet */
    bad = wack_to(f, 60);
    assert_false(respond(f, &bad, "10.77.0.9"));
    assert_int_equal(f->a.called, 0);

    /* Nothing of it has changed the question. */
    assert_int_equal(step(f), 250 * MS);
    assert_true(respond(f, &good, "10.77.0.9"));
    assert_unique(&f->a, "10.77.0.9");
}

/* wire.md 1.7: who lacks a name is silent; a "no" by anybody must not hide it. */
static void test_broadcast_negative(void **state)
{
    struct fixture *f = *state;
    struct ns_message negative, answer;

    start(f, NODE_B, 0);
    ask(f, "HOST", &f->a);
    negative = negative_to(f, NS_RCODE_NAME);
    assert_false(respond(f, &negative, "10.77.0.66"));
    negative.type = NS_TYPE_NB;
    assert_false(respond(f, &negative, "10.77.0.66"));
    assert_int_equal(f->a.called, 0);
    answer = answer_to(f, 0, "10.77.0.9");
    assert_true(respond(f, &answer, "10.77.0.9"));
    assert_unique(&f->a, "10.77.0.9");
}

/* wire.md 1.9: an answer can not aim our messages at everybody, or at ourselves. */
static void test_addresses_of_no_host(void **state)
{
    static const char *const bad[] = {"0.0.0.0",   "0.1.2.3",   "255.255.255.255", "10.77.0.255",
                                      "224.0.0.1", "239.9.9.9", "127.0.0.1",       "127.9.9.9"};
    struct fixture *f = *state;
    struct ns_message answer;

    start(f, NODE_B, 0);
    ask(f, "HOST", &f->a);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
    {
        answer = answer_to(f, 0, bad[i]);
        assert_false(respond(f, &answer, "10.77.0.66"));
    }
    /* Beside a good one they are left out. */
    answer = answer_to(f, 0, "10.77.0.9");
    answer.n_addresses = 1 + sizeof(bad) / sizeof(*bad);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
    {
        answer.addresses[1 + i].address = ip(bad[i]);
    }
    assert_true(respond(f, &answer, "10.77.0.66"));
    assert_unique(&f->a, "10.77.0.9");
}

/* On a loopback interface, which takes part only if it is named, everybody is at 127. */
static void test_loopback(void **state)
{
    struct fixture *f = *state;
    struct ns_message answer;

    start(f, NODE_B, 0);
    add_interface(f, "127.0.0.1", "127.255.255.255");
    f->interfaces.list[1].netmask = ip("255.0.0.0");
    ask(f, "HOST", &f->a);
    answer = answer_to(f, 0, "127.0.0.2");
    assert_false(respond(f, &answer, "10.77.0.66"));
    assert_true(respond(f, &answer, "127.0.0.2"));
    assert_unique(&f->a, "127.0.0.2");
}

/* Two questions at a time do not get each other's answers. */
static void test_two_names(void **state)
{
    struct fixture *f = *state;
    struct ns_message to_a, to_b;

    start(f, NODE_B, 0);
    ask(f, "A", &f->a);
    to_a = answer_to(f, 0, "10.77.0.10");
    ask(f, "B", &f->b);
    to_b = answer_to(f, 0, "10.77.0.11");
    assert_int_not_equal(to_a.id, to_b.id);
    assert_true(respond(f, &to_b, "10.77.0.11"));
    assert_int_equal(f->a.called, 0);
    assert_true(respond(f, &to_a, "10.77.0.10"));
    assert_unique(&f->a, "10.77.0.10");
    assert_unique(&f->b, "10.77.0.11");
}

/* A late tick (the host was suspended) asks once, not as often as it could have. */
static void test_late_tick(void **state)
{
    struct fixture *f = *state;

    start(f, NODE_B, 0);
    ask(f, "HOST", &f->a);
    f->now += 3600 * SECOND;
    assert_int_equal(queries_tick(f->queries, f->now), f->now + 250 * MS);
    assert_int_equal(f->n_sent, 2);
    assert_int_equal(f->a.called, 0);
}

/* The interfaces have changed: known names are asked for again, open questions stay. */
static void test_flush(void **state)
{
    struct fixture *f = *state;
    struct ns_message answer;

    start(f, NODE_B, 0);
    ask(f, "HOST", &f->a);
    answer = answer_to(f, 0, "10.77.0.9");
    assert_true(respond(f, &answer, "10.77.0.9"));
    assert_int_equal(queries_cached(f->queries), 1);
    ask(f, "OTHER", &f->b);
    queries_flush(f->queries);
    assert_int_equal(queries_cached(f->queries), 0);
    add_interface(f, "10.78.0.1", "10.78.0.255");
    step(f);
    assert_int_equal(f->n_sent, 4); /* the second time on both */
    f->a = (struct asked){};
    ask(f, "HOST", &f->a);
    assert_int_equal(f->a.called, 0);
}

static struct ns_message status_to(const struct fixture *f)
{
    struct ns_message message = answer_to(f, 0, "0.0.0.0");
    const struct ns_node_name names[] = {
        {name_of("LABGRP"), NS_FLAG_GROUP | NS_FLAG_ACTIVE},
        {name_of("SERVER"), NS_FLAG_ACTIVE},
        {name_of("GONE"), 0x6000},
        {name_of("HOST"), NS_FLAG_ACTIVE},
        {name_of("SECOND"), NS_FLAG_ACTIVE},
    };

    message.type = NS_TYPE_NBSTAT;
    message.n_addresses = 0;
    message.n_node_names = 5;
    memcpy(message.node_names, names, sizeof(names));
    message.node_names[1].name.bytes[15] = 0x20;
    return message;
}

/* RFC 1002 4.2.17: "*" asked of the address; the first unique, active <00> name counts. */
static void test_address(void **state)
{
    struct fixture *f = *state;
    struct netbios_name host = name_of("HOST");
    struct ns_message status;

    start(f, NODE_P, 1);
    ask_address(f, "192.168.1.9", &f->a);
    ask_address(f, "192.168.1.9", &f->b);
    assert_int_equal(f->n_sent, 1);
    assert_int_equal(last_sent(f)->to.s_addr, ip("192.168.1.9").s_addr);
    assert_false(last_sent(f)->broadcast);
    /* wire.md 1.7: flags 0000. */
    assert_false(last_sent(f)->message.recursion_desired || last_sent(f)->message.broadcast);
    assert_int_equal(last_sent(f)->message.type, NS_TYPE_NBSTAT);
    assert_true(netbios_name_is_wildcard(&last_sent(f)->message.name));
    status = status_to(f);
    assert_true(respond(f, &status, "192.168.1.9"));
    assert_int_equal(f->a.called, 1);
    assert_true(f->a.found);
    assert_true(netbios_name_equal(&f->a.name, &host));
    assert_true(f->b.found);
    assert_false(respond(f, &status, "192.168.1.9"));
    assert_int_equal(counted(f, NET_COUNTER_QUERIES), 1);
    assert_int_equal(counted(f, NET_COUNTER_QUERIES_RESOLVED), 1);
}

/* wire.md 1.9: only from the address asked, with our id; an answer for names is none. */
static void test_address_forged(void **state)
{
    struct fixture *f = *state;
    struct ns_message good, bad;

    start(f, NODE_B, 0);
    ask_address(f, "10.77.0.9", &f->a);
    good = status_to(f);
    assert_false(respond(f, &good, "10.77.0.66"));
    bad = good;
    bad.id ^= 1;
    assert_false(respond(f, &bad, "10.77.0.9"));
    bad = good;
    bad.name = name_of("HOST");
    assert_false(respond(f, &bad, "10.77.0.9"));
    bad = answer_to(f, 0, "10.77.0.66");
    assert_false(respond(f, &bad, "10.77.0.9"));
    bad = wack_to(f, 60);
    assert_false(respond(f, &bad, "10.77.0.9"));
    assert_int_equal(f->a.called, 0);
    assert_true(respond(f, &good, "10.77.0.9"));
    assert_true(f->a.found);
}

/* Two addresses at a time: each its own, though both are asked for "*". */
static void test_two_addresses(void **state)
{
    struct fixture *f = *state;
    struct ns_message status;

    start(f, NODE_B, 0);
    ask_address(f, "10.77.0.9", &f->a);
    status = status_to(f);
    ask_address(f, "10.77.0.10", &f->b);
    assert_false(respond(f, &status, "10.77.0.10"));
    assert_true(respond(f, &status, "10.77.0.9"));
    assert_true(f->a.found);
    assert_int_equal(f->b.called, 0);
}

/* 3 × 250 ms of silence, a negative answer, or no such name: it does not tell. */
static void test_address_does_not_tell(void **state)
{
    struct fixture *f = *state;
    struct asked c = {}, d = {};
    struct ns_message message;

    start(f, NODE_B, 0);
    ask_address(f, "10.77.0.9", &f->a);
    assert_int_equal(step(f), 250 * MS);
    assert_int_equal(step(f), 250 * MS);
    assert_int_equal(f->n_sent, 3);
    assert_int_equal(f->a.called, 0);
    assert_int_equal(step(f), 250 * MS);
    assert_nobody(&f->a);
    assert_int_equal(f->n_sent, 3);

    ask_address(f, "10.77.0.10", &f->b);
    message = negative_to(f, NS_RCODE_NAME);
    assert_true(respond(f, &message, "10.77.0.10"));
    assert_nobody(&f->b);

    ask_address(f, "10.77.0.11", &c);
    message = status_to(f);
    message.n_node_names = 3;
    assert_true(respond(f, &message, "10.77.0.11"));
    assert_nobody(&c);

    /* wire.md 1.9: the name "*" would reach everybody there; it can not be a computer's. */
    ask_address(f, "10.77.0.12", &d);
    message = status_to(f);
    message.n_node_names = 1;
    message.node_names[0] = (struct ns_node_name){netbios_name_wildcard(), NS_FLAG_ACTIVE};
    assert_true(respond(f, &message, "10.77.0.12"));
    assert_nobody(&d);
    assert_int_equal(counted(f, NET_COUNTER_QUERIES_FAILED), 4);
}

/*
 * wire.md 1.9: node status is rate-limited, and refused to other subnets. So an address that told
 * is asked again after 60 s only, a silent one after 10 s, and both when the interfaces change.
 */
static void test_address_known(void **state)
{
    struct fixture *f = *state;
    struct asked again[4] = {};
    struct ns_message message;

    start(f, NODE_B, 0);
    ask_address(f, "10.77.0.9", &f->a);
    message = status_to(f);
    assert_true(respond(f, &message, "10.77.0.9"));
    assert_true(f->a.found);
    f->now += 60 * SECOND - 1;
    ask_address(f, "10.77.0.9", &again[0]);
    assert_int_equal(again[0].called, 1);
    assert_true(netbios_name_equal(&again[0].name, &f->a.name));
    assert_int_equal(f->n_sent, 1);
    f->now++;
    ask_address(f, "10.77.0.9", &again[1]);
    assert_int_equal(again[1].called, 0);
    assert_int_equal(f->n_sent, 2);

    for (int i = 0; i < 3; i++)
    {
        (void)step(f);
    }
    assert_nobody(&again[1]);
    f->now += 10 * SECOND - 1;
    ask_address(f, "10.77.0.9", &again[2]);
    assert_nobody(&again[2]);
    assert_int_equal(f->n_sent, 4);
    queries_flush(f->queries);
    ask_address(f, "10.77.0.9", &again[3]);
    assert_int_equal(again[3].called, 0);
    assert_int_equal(f->n_sent, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_broadcast_times),
        TEST(test_broadcast_interfaces),
        TEST(test_unique),
        TEST(test_multihomed),
        TEST(test_group),
        TEST(test_broadcast_forged),
        TEST(test_broadcast_negative),
        TEST(test_addresses_of_no_host),
        TEST(test_loopback),
        TEST(test_two_names),
        TEST(test_late_tick),
        TEST(test_flush),
        TEST(test_address),
        TEST(test_address_forged),
        TEST(test_two_addresses),
        TEST(test_address_does_not_tell),
        TEST(test_address_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
