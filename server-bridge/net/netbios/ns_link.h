/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the name service share: how they send, and where a message came from */
#pragma once

#include "net/netbios/interfaces.h"
#include "net/netbios/node.h"
#include "net/netbios/ns_message.h"

#define NS_WINS_MAX 8

struct ns_arrival;

/*
 * The parts keep no sockets and no timers: they are told of messages and of the time, send through
 * this, and say when they want to be called again. So each runs in a test without a network.
 * Failures to send are counted behind it; every message may get lost anyway.
 */
struct ns_link
{
    void *userdata;
    /* To the interface's broadcast address, port 137. */
    void (*broadcast)(void *userdata, const struct interface *interface,
                      const struct ns_message *message);
    /* `port` in host order; 0: the name service's, 137. */
    void (*unicast)(void *userdata, struct in_addr to, uint16_t port,
                    const struct ns_message *message);
    /* To the sender of a request, from the own address that he knows: the one he sent it to. */
    void (*reply)(void *userdata, const struct ns_arrival *request,
                  const struct ns_message *message);
    /*
     * What the questions learn of a WINS server, by its index in ns_config: it has answered one, or
     * was silent to the end. May be NULL.
     */
    void (*wins_heard)(void *userdata, size_t server, bool answered, uint64_t now_usec);
};

struct ns_arrival
{
    struct in_addr from;
    struct in_addr to; /* the own address that it was sent to; 0: unknown, or by broadcast */
    uint16_t port;     /* host order */
    unsigned int interface_index;
    bool question;     /* it came to the port for questions, which nobody else knows */
    bool local_subnet; /* `from` is in the subnet of one of our interfaces */
    bool own;          /* `from` is one of our addresses */
};

struct ns_config
{
    enum node_type node; /* not NODE_AUTO */
    struct in_addr wins[NS_WINS_MAX];
    size_t n_wins;
};

/* "Not before something else happens", as an answer to when. */
#define NS_NEVER UINT64_MAX

/* Random, so that an answer can not be guessed (wire.md 1.9). */
uint16_t ns_random_id(void);
