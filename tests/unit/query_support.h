/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the tests of netbios/query: a link that records, a clock, answers to what was sent */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "net/netbios/query.h"

#define MS     UINT64_C(1000)
#define SECOND UINT64_C(1000000)

#define SENT_MAX  4096
#define HEARD_MAX 4096

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

/* What the link was told of a server. */
struct heard
{
    size_t server;
    bool answered;
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
    size_t n_heard;
    struct heard heard[HEARD_MAX];
    struct asked a, b;
    /* For callbacks that ask again. */
    unsigned int left;
    int result;
};

static inline struct in_addr ip(const char *text)
{
    struct in_addr address;

    assert_int_equal(inet_pton(AF_INET, text, &address), 1);
    return address;
}

static inline struct netbios_name name_of(const char *chars)
{
    struct netbios_name name;

    assert_int_equal(netbios_name_make(&name, chars, strlen(chars), 0), NETBIOS_NAME_OK);
    return name;
}

static inline void record(struct fixture *f, struct in_addr to, bool broadcast,
                          const struct ns_message *message)
{
    assert_true(f->n_sent < SENT_MAX);
    f->sent[f->n_sent++] = (struct sent){to, broadcast, *message};
}

static inline void link_broadcast(void *userdata, const struct interface *interface,
                                  const struct ns_message *message)
{
    record(userdata, interface->broadcast, true, message);
}

static inline void link_unicast(void *userdata, struct in_addr to, uint16_t port,
                                const struct ns_message *message)
{
    /* The name service's port (RFC 1002 5.1: requests go to 137). */
    assert_int_equal(port, 0);
    record(userdata, to, false, message);
}

static inline void link_wins_heard(void *userdata, size_t server, bool answered, uint64_t now_usec)
{
    struct fixture *f = userdata;

    assert_int_equal(now_usec, f->now);
    assert_true(f->n_heard < HEARD_MAX);
    f->heard[f->n_heard++] = (struct heard){server, answered};
}

static inline void add_interface(struct fixture *f, const char *address, const char *broadcast)
{
    f->interfaces.list[f->interfaces.n++] = (struct interface){
        .index = (unsigned int)f->interfaces.n + 1,
        .address = ip(address),
        .netmask = ip("255.255.255.0"),
        .broadcast = ip(broadcast),
    };
}

/* One interface, 10.77.0.1/24, and servers 10.9.0.1, 10.9.0.2, … */
static inline void start(struct fixture *f, enum node_type node, size_t n_wins)
{
    f->config = (struct ns_config){.node = node, .n_wins = n_wins};
    for (size_t i = 0; i < n_wins; i++)
    {
        f->config.wins[i].s_addr = htonl(0x0a090001 + (uint32_t)i);
    }
    /* Questions answer nobody. */
    f->link = (struct ns_link){f, link_broadcast, link_unicast, NULL, link_wins_heard};
    f->now = 5 * SECOND;
    add_interface(f, "10.77.0.1", "10.77.0.255");
    assert_int_equal(queries_new(&f->queries, &f->config, &f->link, &f->interfaces, &f->counters),
                     0);
}

static inline int set_up(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    return *state ? 0 : -1;
}

static inline int tear_down(void **state)
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

static inline void on_done(void *userdata, const struct resolution *resolution)
{
    struct asked *asked = userdata;

    asked->called++;
    asked->found = resolution;
    if (resolution)
    {
        asked->resolution = *resolution;
    }
}

static inline void on_name(void *userdata, const struct netbios_name *name)
{
    struct asked *asked = userdata;

    asked->called++;
    asked->found = name;
    if (name)
    {
        asked->name = *name;
    }
}

static inline void ask_from(struct fixture *f, const char *chars, int wins_first,
                            struct asked *asked)
{
    struct netbios_name name = name_of(chars);

    assert_int_equal(queries_name(f->queries, 0, &name, wins_first, f->now, on_done, asked), 0);
}

static inline void ask(struct fixture *f, const char *chars, struct asked *asked)
{
    ask_from(f, chars, -1, asked);
}

static inline void ask_address(struct fixture *f, const char *address, struct asked *asked)
{
    assert_int_equal(queries_address(f->queries, 0, ip(address), f->now, on_name, asked), 0);
}

/* Goes to the next moment at which something is due, and returns the time until then. */
static inline uint64_t step(struct fixture *f)
{
    uint64_t next = queries_tick(f->queries, f->now), waited;

    assert_true(next != NS_NEVER && next >= f->now);
    waited = next - f->now;
    f->now = next;
    (void)queries_tick(f->queries, f->now);
    return waited;
}

static inline bool is_idle(struct fixture *f)
{
    return queries_tick(f->queries, f->now) == NS_NEVER;
}

static inline const struct sent *last_sent(const struct fixture *f)
{
    assert_true(f->n_sent > 0);
    return &f->sent[f->n_sent - 1];
}

/* A positive answer to what was sent last, with one address. */
static inline struct ns_message answer_to(const struct fixture *f, uint16_t flags,
                                          const char *address)
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

static inline struct ns_message negative_to(const struct fixture *f, enum ns_rcode rcode)
{
    struct ns_message message = answer_to(f, 0, "0.0.0.0");

    message.rcode = rcode;
    message.type = NS_TYPE_NULL; /* as nmbd does, wire.md 1.7 */
    message.n_addresses = 0;
    return message;
}

static inline struct ns_message wack_to(const struct fixture *f, uint32_t seconds)
{
    struct ns_message message = negative_to(f, NS_RCODE_OK);

    message.opcode = NS_WACK;
    message.type = NS_TYPE_NB;
    message.ttl = seconds;
    return message;
}

static inline bool respond(struct fixture *f, const struct ns_message *message, const char *from)
{
    struct ns_arrival arrival = {.from = ip(from), .port = 137, .question = true};

    for (size_t i = 0; i < f->interfaces.n; i++)
    {
        const struct interface *interface = &f->interfaces.list[i];

        arrival.local_subnet |=
            ((arrival.from.s_addr ^ interface->address.s_addr) & interface->netmask.s_addr) == 0;
    }
    return queries_response(f->queries, message, &arrival, f->now);
}

static inline void assert_unique(const struct asked *asked, const char *address)
{
    assert_int_equal(asked->called, 1);
    assert_true(asked->found);
    assert_false(asked->resolution.group || asked->resolution.broadcast);
    assert_int_equal(asked->resolution.n, 1);
    assert_int_equal(asked->resolution.addresses[0].s_addr, ip(address).s_addr);
}

static inline void assert_nobody(const struct asked *asked)
{
    assert_int_equal(asked->called, 1);
    assert_false(asked->found);
}

static inline uint64_t counted(const struct fixture *f, enum net_counter counter)
{
    return f->counters.values[counter];
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
