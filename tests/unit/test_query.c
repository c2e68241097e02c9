/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/query (wire.md 1.5-1.7, 1.9; RFC 1002 5.1.1-5.1.3, 6): names and addresses */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/netbios/query.h"

#define MS     UINT64_C(1000)
#define SECOND UINT64_C(1000000)

#define SENT_MAX 512

/* Without ns_link.c; the order makes every id differ from the one before. */
__attribute__((weak)) uint16_t ns_random_id(void)
{
    static uint16_t last = 0x1233;

    return ++last;
}

struct sent
{
    struct in_addr to; /* the broadcast address, if it is one */
    bool broadcast;
    struct ns_message message;
};

struct asked
{
    unsigned int called;
    bool found;
    struct resolution resolution;
    struct netbios_name name;
};

struct fixture
{
    struct ns_config config;
    struct ns_link link;
    struct interfaces interfaces;
    struct net_counters counters;
    struct queries *queries;
    uint64_t now;
    size_t n_sent;
    struct sent sent[SENT_MAX];
    struct asked a, b;
    /* For callbacks that ask again. */
    unsigned int left;
    int result;
};

static struct in_addr ip(const char *text)
{
    struct in_addr address;

    assert_int_equal(inet_pton(AF_INET, text, &address), 1);
    return address;
}

static struct netbios_name name_of(const char *chars)
{
    struct netbios_name name;

    assert_int_equal(netbios_name_make(&name, chars, strlen(chars), 0), NETBIOS_NAME_OK);
    return name;
}

static void record(struct fixture *f, struct in_addr to, bool broadcast,
                   const struct ns_message *message)
{
    assert_true(f->n_sent < SENT_MAX);
    f->sent[f->n_sent++] = (struct sent){to, broadcast, *message};
}

static void link_broadcast(void *userdata, const struct interface *interface,
                           const struct ns_message *message)
{
    record(userdata, interface->broadcast, true, message);
}

static void link_unicast(void *userdata, struct in_addr to, uint16_t port,
                         const struct ns_message *message)
{
    /* The name service's port (RFC 1002 5.1: requests go to 137). */
    assert_int_equal(port, 0);
    record(userdata, to, false, message);
}

static void add_interface(struct fixture *f, const char *address, const char *broadcast)
{
    f->interfaces.list[f->interfaces.n++] = (struct interface){
        .index = (unsigned int)f->interfaces.n + 1,
        .address = ip(address),
        .netmask = ip("255.255.255.0"),
        .broadcast = ip(broadcast),
    };
}

/* One interface, 10.77.0.1/24, and servers 10.9.0.1, 10.9.0.2, … */
static void start(struct fixture *f, enum node_type node, size_t n_wins)
{
    f->config = (struct ns_config){.node = node, .n_wins = n_wins};
    for (size_t i = 0; i < n_wins; i++)
    {
        f->config.wins[i].s_addr = htonl(0x0a090001 + (uint32_t)i);
    }
    f->link = (struct ns_link){f, link_broadcast, link_unicast};
    f->now = 5 * SECOND;
    add_interface(f, "10.77.0.1", "10.77.0.255");
    assert_int_equal(queries_new(&f->queries, &f->config, &f->link, &f->interfaces, &f->counters),
                     0);
}

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    queries_free(f->queries);
    /* Every question that was asked has ended, one way or the other. */
    assert_int_equal(f->counters.values[NET_COUNTER_QUERIES],
                     f->counters.values[NET_COUNTER_QUERIES_RESOLVED] +
                         f->counters.values[NET_COUNTER_QUERIES_FAILED]);
    free(f);
    return 0;
}

static void on_done(void *userdata, const struct resolution *resolution)
{
    struct asked *asked = userdata;

    asked->called++;
    asked->found = resolution;
    if (resolution)
    {
        asked->resolution = *resolution;
    }
}

static void on_name(void *userdata, const struct netbios_name *name)
{
    struct asked *asked = userdata;

    asked->called++;
    asked->found = name;
    if (name)
    {
        asked->name = *name;
    }
}

static void ask_from(struct fixture *f, const char *chars, int wins_first, struct asked *asked)
{
    struct netbios_name name = name_of(chars);

    assert_int_equal(queries_name(f->queries, &name, wins_first, f->now, on_done, asked), 0);
}

static void ask(struct fixture *f, const char *chars, struct asked *asked)
{
    ask_from(f, chars, -1, asked);
}

static void ask_address(struct fixture *f, const char *address, struct asked *asked)
{
    assert_int_equal(queries_address(f->queries, ip(address), f->now, on_name, asked), 0);
}

/* Goes to the next moment at which something is due, and returns the time until then. */
static uint64_t step(struct fixture *f)
{
    uint64_t next = queries_tick(f->queries, f->now), waited;

    assert_true(next != NS_NEVER && next >= f->now);
    waited = next - f->now;
    f->now = next;
    (void)queries_tick(f->queries, f->now);
    return waited;
}

static bool is_idle(struct fixture *f)
{
    return queries_tick(f->queries, f->now) == NS_NEVER;
}

static const struct sent *last_sent(const struct fixture *f)
{
    assert_true(f->n_sent > 0);
    return &f->sent[f->n_sent - 1];
}

/* A positive answer to what was sent last, with one address. */
static struct ns_message answer_to(const struct fixture *f, uint16_t flags, const char *address)
{
    return (struct ns_message){
        .id = last_sent(f)->message.id,
        .response = true,
        .opcode = NS_QUERY,
        .authoritative = true,
        .name = last_sent(f)->message.name,
        .type = NS_TYPE_NB,
        .ttl = 259200,
        .n_addresses = 1,
        .addresses = {{flags, ip(address)}},
    };
}

static struct ns_message negative_to(const struct fixture *f, enum ns_rcode rcode)
{
    struct ns_message message = answer_to(f, 0, "0.0.0.0");

    message.rcode = rcode;
    message.type = NS_TYPE_NULL; /* as nmbd does, wire.md 1.7 */
    message.n_addresses = 0;
    return message;
}

static struct ns_message wack_to(const struct fixture *f, uint32_t seconds)
{
    struct ns_message message = negative_to(f, NS_RCODE_OK);

    message.opcode = NS_WACK;
    message.type = NS_TYPE_NB;
    message.ttl = seconds;
    return message;
}

static bool respond(struct fixture *f, const struct ns_message *message, const char *from)
{
    struct ns_arrival arrival = {.from = ip(from), .port = 137};

    for (size_t i = 0; i < f->interfaces.n; i++)
    {
        const struct interface *interface = &f->interfaces.list[i];

        arrival.local_subnet |=
            ((arrival.from.s_addr ^ interface->address.s_addr) & interface->netmask.s_addr) == 0;
    }
    return queries_response(f->queries, message, &arrival, f->now);
}

static void assert_unique(const struct asked *asked, const char *address)
{
    assert_int_equal(asked->called, 1);
    assert_true(asked->found);
    assert_false(asked->resolution.group || asked->resolution.broadcast);
    assert_int_equal(asked->resolution.n, 1);
    assert_int_equal(asked->resolution.addresses[0].s_addr, ip(address).s_addr);
}

static void assert_nobody(const struct asked *asked)
{
    assert_int_equal(asked->called, 1);
    assert_false(asked->found);
}

static uint64_t counted(const struct fixture *f, enum net_counter counter)
{
    return f->counters.values[counter];
}

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

/* Several questions for one name are one; 64 may wait, the next is refused. */
static void test_coalescing(void **state)
{
    struct fixture *f = *state;
    struct asked asked[QUERIES_WAITERS_MAX] = {};
    struct netbios_name name = name_of("HOST");
    struct ns_message answer;

    start(f, NODE_B, 0);
    for (size_t i = 0; i < QUERIES_WAITERS_MAX; i++)
    {
        ask(f, "HOST", &asked[i]);
    }
    assert_int_equal(queries_name(f->queries, &name, -1, f->now, on_done, &f->a), -ENOBUFS);
    assert_int_equal(f->n_sent, 1);
    assert_int_equal(counted(f, NET_COUNTER_QUERIES), 1);
    answer = answer_to(f, 0, "10.77.0.9");
    assert_true(respond(f, &answer, "10.77.0.9"));
    for (size_t i = 0; i < QUERIES_WAITERS_MAX; i++)
    {
        assert_unique(&asked[i], "10.77.0.9");
    }
    assert_int_equal(f->a.called, 0);
}

/* 64 questions at a time; names and addresses do not take each other's room. */
static void test_limit(void **state)
{
    struct fixture *f = *state;
    struct asked asked = {}, addresses = {};
    struct netbios_name name;
    char chars[16];

    start(f, NODE_B, 0);
    for (unsigned int i = 0; i < QUERIES_MAX; i++)
    {
        snprintf(chars, sizeof(chars), "N%u", i);
        ask(f, chars, &asked);
        snprintf(chars, sizeof(chars), "10.77.1.%u", i);
        ask_address(f, chars, &addresses);
    }
    name = name_of("ONE-TOO-MANY");
    assert_int_equal(queries_name(f->queries, &name, -1, f->now, on_done, &f->a), -ENOBUFS);
    assert_int_equal(queries_address(f->queries, ip("10.77.2.1"), f->now, on_name, &f->a),
                     -ENOBUFS);
    /* One more for an open question is no further question. */
    ask(f, "N0", &asked);
    step(f);
    step(f);
    step(f);
    assert_int_equal(asked.called, QUERIES_MAX + 1);
    assert_int_equal(addresses.called, QUERIES_MAX);
    assert_true(is_idle(f));
    ask(f, "ONE-TOO-MANY", &f->a);
    assert_int_equal(f->a.called, 0);
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

/* Asks for the same name again, `left` times. */
static void on_done_again(void *userdata, const struct resolution *resolution)
{
    struct fixture *f = userdata;
    struct netbios_name name = name_of("HOST");

    on_done(&f->a, resolution);
    if (f->left > 0)
    {
        f->left--;
        f->result = queries_name(f->queries, &name, -1, f->now, on_done_again, f);
    }
}

/* done() asks again when nobody was found: a new question, which one tick does not run through. */
static void test_again_after_failure(void **state)
{
    struct fixture *f = *state;
    struct netbios_name name = name_of("HOST");

    start(f, NODE_B, 0);
    f->left = 2;
    for (size_t i = 0; i < 2; i++)
    {
        assert_int_equal(queries_name(f->queries, &name, -1, f->now, on_done_again, f), 0);
    }
    f->now += SECOND;
    (void)queries_tick(f->queries, f->now);
    f->now += SECOND;
    (void)queries_tick(f->queries, f->now);
    f->now += SECOND;
    (void)queries_tick(f->queries, f->now);
    /* Both have asked again; together that is one question more. */
    assert_int_equal(f->a.called, 2);
    assert_int_equal(f->left, 0);
    assert_int_equal(f->result, 0);
    assert_int_equal(counted(f, NET_COUNTER_QUERIES), 2);
    assert_int_equal(f->n_sent, 4);
    assert_int_not_equal(f->sent[3].message.id, f->sent[2].message.id);
    assert_int_equal(step(f), 250 * MS);
}

/* The same where nobody can be asked: no recursion, no endless tick. */
static void test_again_with_nobody_to_ask(void **state)
{
    struct fixture *f = *state;
    struct netbios_name name = name_of("HOST");

    start(f, NODE_P, 0);
    f->left = UINT32_MAX;
    assert_int_equal(queries_name(f->queries, &name, -1, f->now, on_done_again, f), 0);
    for (unsigned int i = 1; i <= 10; i++)
    {
        assert_int_equal(queries_tick(f->queries, f->now), f->now);
        assert_int_equal(f->a.called, i);
    }
    f->left = 0;
    assert_int_equal(queries_tick(f->queries, f->now), NS_NEVER);
}

static void on_done_again_and_tick(void *userdata, const struct resolution *resolution)
{
    struct fixture *f = userdata;
    struct netbios_name name = name_of("HOST");

    on_done(&f->a, resolution);
    if (f->left > 0)
    {
        f->left--;
        f->result = queries_name(f->queries, &name, -1, f->now, on_done_again_and_tick, f);
        assert_int_equal(queries_tick(f->queries, f->now), f->now);
    }
}

/* As a caller does that sets its timer after each question: still no recursion. */
static void test_again_with_tick(void **state)
{
    struct fixture *f = *state;
    struct netbios_name name = name_of("HOST");

    start(f, NODE_P, 0);
    f->left = 5;
    assert_int_equal(queries_name(f->queries, &name, -1, f->now, on_done_again_and_tick, f), 0);
    for (unsigned int i = 1; i <= 5; i++)
    {
        assert_int_equal(queries_tick(f->queries, f->now), f->now);
        assert_int_equal(f->a.called, i);
    }
    assert_int_equal(queries_tick(f->queries, f->now), NS_NEVER);
    assert_int_equal(f->a.called, 6);
}

/* done() asks for what has just been found: answered inside, from the cache. */
static void test_again_after_success(void **state)
{
    struct fixture *f = *state;
    struct netbios_name name = name_of("HOST");
    struct ns_message answer;

    start(f, NODE_B, 0);
    f->left = 3;
    assert_int_equal(queries_name(f->queries, &name, -1, f->now, on_done_again, f), 0);
    ask(f, "HOST", &f->b);
    answer = answer_to(f, 0, "10.77.0.9");
    assert_true(respond(f, &answer, "10.77.0.9"));
    assert_int_equal(f->a.called, 4);
    assert_unique(&f->b, "10.77.0.9");
    assert_int_equal(f->n_sent, 1);
}

/* Calls everything that it may call. */
static void on_done_everything(void *userdata, const struct resolution *resolution)
{
    struct fixture *f = userdata;
    struct netbios_name other = name_of("OTHER");
    struct ns_message answer = answer_to(f, 0, "10.77.0.66");

    on_done(&f->a, resolution);
    queries_flush(f->queries);
    f->result = queries_name(f->queries, &other, -1, f->now, on_done, &f->b);
    /* Its own question is over. */
    assert_false(respond(f, &answer, "10.77.0.66"));
    assert_int_equal(queries_address(f->queries, ip("10.77.0.5"), f->now, on_name, &f->b), 0);
    assert_int_equal(queries_tick(f->queries, f->now), f->now + 250 * MS);
}

static void test_done_calls_everything(void **state)
{
    struct fixture *f = *state;
    struct netbios_name name = name_of("HOST");
    struct ns_message answer;

    start(f, NODE_B, 0);
    assert_int_equal(queries_name(f->queries, &name, -1, f->now, on_done_everything, f), 0);
    answer = answer_to(f, 0, "10.77.0.9");
    assert_true(respond(f, &answer, "10.77.0.9"));
    assert_unique(&f->a, "10.77.0.9");
    assert_int_equal(f->result, 0);
    assert_int_equal(f->n_sent, 3);
    assert_int_equal(f->b.called, 0);
}

/* Nobody waits forever: what is open when all ends hears of it, and can not ask again. */
static void test_free_while_open(void **state)
{
    struct fixture *f = *state;
    struct netbios_name name = name_of("HOST");
    struct asked address = {};

    start(f, NODE_H, 1);
    f->left = 1;
    assert_int_equal(queries_name(f->queries, &name, -1, f->now, on_done_again, f), 0);
    ask(f, "OTHER", &f->b);
    ask_address(f, "10.77.0.9", &address);
    f->queries = queries_free(f->queries);
    assert_null(f->queries);
    assert_nobody(&f->a);
    assert_nobody(&f->b);
    assert_nobody(&address);
    assert_int_equal(f->result, -ESHUTDOWN);
    assert_null(queries_free(NULL));
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

    ask_address(f, "10.77.0.9", &f->b);
    message = negative_to(f, NS_RCODE_NAME);
    assert_true(respond(f, &message, "10.77.0.9"));
    assert_nobody(&f->b);

    ask_address(f, "10.77.0.9", &c);
    message = status_to(f);
    message.n_node_names = 3;
    assert_true(respond(f, &message, "10.77.0.9"));
    assert_nobody(&c);

    /* wire.md 1.9: the name "*" would reach everybody there; it can not be a computer's. */
    ask_address(f, "10.77.0.9", &d);
    message = status_to(f);
    message.n_node_names = 1;
    message.node_names[0] = (struct ns_node_name){netbios_name_wildcard(), NS_FLAG_ACTIVE};
    assert_true(respond(f, &message, "10.77.0.9"));
    assert_nobody(&d);
    assert_int_equal(counted(f, NET_COUNTER_QUERIES_FAILED), 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
        TEST(test_p_failover),
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
        TEST(test_coalescing),
        TEST(test_limit),
        TEST(test_two_names),
        TEST(test_again_after_failure),
        TEST(test_again_with_nobody_to_ask),
        TEST(test_again_with_tick),
        TEST(test_again_after_success),
        TEST(test_done_calls_everything),
        TEST(test_free_while_open),
        TEST(test_late_tick),
        TEST(test_flush),
        TEST(test_address),
        TEST(test_address_forged),
        TEST(test_two_addresses),
        TEST(test_address_does_not_tell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
