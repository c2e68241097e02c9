/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claims without a network: a link that records, and a clock that is turned by hand */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/claim.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define MS     UINT64_C(1000)
#define SECOND UINT64_C(1000000)
#define START  (100 * SECOND)

#define SENT_MAX 4096

struct sent
{
    bool broadcast;
    unsigned int interface_index; /* of a broadcast */
    struct in_addr to;            /* of a unicast */
    bool reply;                   /* a unicast from the address that was asked */
    uint16_t port;
    uint64_t when;
    struct ns_message message;
};

struct bench
{
    struct own_names own;
    struct ns_config config;
    struct interfaces interfaces;
    struct net_counters counters;
    struct claims *claims;
    uint64_t now;
    size_t n_sent;
    struct sent sent[SENT_MAX];
};

static inline struct in_addr ip(const char *text)
{
    struct in_addr address;

    assert_int_equal(inet_pton(AF_INET, text, &address), 1);
    return address;
}

static inline struct netbios_name name_of(const char *chars, uint8_t suffix)
{
    struct netbios_name name;

    assert_int_equal(netbios_name_make(&name, chars, strlen(chars), suffix), NETBIOS_NAME_OK);
    return name;
}

static inline struct sent *bench_next(struct bench *bench)
{
    struct sent *sent;

    assert_true(bench->n_sent < SENT_MAX);
    sent = &bench->sent[bench->n_sent++];
    *sent = (struct sent){.when = bench->now};
    return sent;
}

static inline void bench_broadcast(void *userdata, const struct interface *interface,
                                   const struct ns_message *message)
{
    struct sent *sent = bench_next(userdata);

    sent->broadcast = true;
    sent->interface_index = interface->index;
    sent->message = *message;
}

static inline void bench_unicast(void *userdata, struct in_addr to, uint16_t port,
                                 const struct ns_message *message)
{
    struct sent *sent = bench_next(userdata);

    sent->to = to;
    sent->port = port;
    sent->message = *message;
}

static inline void bench_reply(void *userdata, const struct ns_arrival *request,
                               const struct ns_message *message)
{
    bench_unicast(userdata, request->from, request->port, message);
    ((struct bench *)userdata)->sent[((struct bench *)userdata)->n_sent - 1].reply = true;
}

/* 10.<index>.0.2/24; n of them. */
static inline void bench_interfaces(struct bench *bench, size_t n)
{
    interfaces_init(&bench->interfaces, NULL, 0);
    for (unsigned int i = 1; i <= n; i++)
    {
        bench->interfaces.list[bench->interfaces.n++] = (struct interface){
            .index = i,
            .address = {htonl(0x0a000002 | i << 16)},
            .netmask = {htonl(0xffffff00)},
            .broadcast = {htonl(0x0a0000ff | i << 16)},
        };
    }
}

/* HOSTA<00> and LABGRP<00>; WINS servers are 10.9.0.1, 10.9.0.2, …. Nothing is claimed yet. */
static inline struct bench *bench_new(enum node_type node, size_t n_wins)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct ns_link link = {bench, bench_broadcast, bench_unicast, bench_reply, NULL};

    assert_non_null(bench);
    bench->now = START;
    bench->own.n = 2;
    bench->own.list[OWN_COMPUTER] = (struct own_name){.name = name_of("HOSTA", 0)};
    bench->own.list[OWN_WORKGROUP] = (struct own_name){.name = name_of("LABGRP", 0), .group = true};
    bench->config.node = node;
    bench->config.n_wins = n_wins;
    for (size_t i = 0; i < n_wins; i++)
    {
        bench->config.wins[i].s_addr = htonl(0x0a090001 + (uint32_t)i);
    }
    bench_interfaces(bench, 0);
    assert_int_equal(claims_new(&bench->claims, &bench->own, &bench->config, &link,
                                &bench->interfaces, &bench->counters),
                     0);
    return bench;
}

/* With only COMPUTER, on n interfaces, claims under way. */
static inline struct bench *bench_start(enum node_type node, size_t n_wins, size_t n_interfaces)
{
    struct bench *bench = bench_new(node, n_wins);

    bench->own.n = 1;
    bench_interfaces(bench, n_interfaces);
    claims_set_interfaces(bench->claims, bench->now);
    return bench;
}

static inline void bench_free(struct bench *bench)
{
    assert_null(claims_free(bench->claims));
    free(bench);
}

/* Lets time pass, calling when it was asked for. */
static inline void bench_pass(struct bench *bench, uint64_t usec)
{
    uint64_t end = bench->now + usec, due = claims_tick(bench->claims, bench->now);

    for (int i = 0; due <= end; i++)
    {
        assert_true(i < 100000);
        assert_true(due > bench->now);
        bench->now = due;
        due = claims_tick(bench->claims, bench->now);
    }
    bench->now = end;
}

static inline enum own_state bench_state(const struct bench *bench)
{
    return bench->own.list[OWN_COMPUTER].state;
}

/* The second word of the header, as wire.md 1.7 gives it. */
static inline unsigned int flags_of(const struct ns_message *message)
{
    return (unsigned int)message->response << 15 | (unsigned int)message->opcode << 11 |
           (unsigned int)message->authoritative << 10 | (unsigned int)message->truncated << 9 |
           (unsigned int)message->recursion_desired << 8 |
           (unsigned int)message->recursion_available << 7 | (unsigned int)message->broadcast << 4 |
           (unsigned int)message->rcode;
}

static inline const struct sent *bench_last(const struct bench *bench)
{
    assert_true(bench->n_sent > 0);
    return &bench->sent[bench->n_sent - 1];
}

static inline void assert_broadcast(const struct sent *sent, unsigned int flags,
                                    unsigned int interface_index)
{
    assert_true(sent->broadcast);
    assert_int_equal(flags_of(&sent->message), flags);
    assert_int_equal(sent->interface_index, interface_index);
}

static inline void assert_unicast(const struct sent *sent, unsigned int flags, const char *to)
{
    assert_false(sent->broadcast);
    assert_int_equal(flags_of(&sent->message), flags);
    assert_int_equal(sent->to.s_addr, ip(to).s_addr);
}

/* A response to a request, as registrations are answered: AD80 with the rcode. */
static inline struct ns_message response_to(const struct ns_message *request, enum ns_rcode rcode,
                                            uint32_t ttl)
{
    struct ns_message response = *request;

    response.response = true;
    response.opcode = NS_REGISTRATION;
    response.broadcast = false;
    response.authoritative = response.recursion_desired = response.recursion_available = true;
    response.rcode = rcode;
    response.ttl = ttl;
    return response;
}

/* From the subnet of an interface, or from elsewhere. */
static inline bool bench_answer(struct bench *bench, const struct ns_message *message,
                                const char *from)
{
    struct ns_arrival arrival = {.from = ip(from), .port = 137};

    for (size_t i = 0; i < bench->interfaces.n; i++)
    {
        const struct interface *interface = &bench->interfaces.list[i];

        arrival.own |= interface->address.s_addr == arrival.from.s_addr;
        if ((arrival.from.s_addr & interface->netmask.s_addr) ==
            (interface->address.s_addr & interface->netmask.s_addr))
        {
            arrival.local_subnet = true;
            arrival.interface_index = interface->index;
        }
    }
    return claims_response(bench->claims, message, &arrival, bench->now);
}

/* The server that got the last request answers it. */
static inline bool bench_wins(struct bench *bench, enum ns_rcode rcode, uint32_t ttl)
{
    const struct sent *last = bench_last(bench);
    struct ns_message response = response_to(&last->message, rcode, ttl);
    struct ns_arrival arrival = {.from = last->to, .port = 137};

    return claims_response(bench->claims, &response, &arrival, bench->now);
}
