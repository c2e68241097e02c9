/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A host on loopback that keeps the last message it got */
#pragma once

#include "net_support.h"

#include <string.h>
#include <unistd.h>

static uint32_t source_rate; /* of the next host_start() */

struct host
{
    sd_event *event;
    struct net *net;
    uint16_t port;
    unsigned int delivered;
    char slot[64];
    char data[512];
    size_t size;
    char source_name[64];
    struct in_addr source;
    bool from_network;
    int answer;
};

static inline int on_deliver(void *userdata, const struct net_message *message)
{
    struct host *host = userdata;

    host->delivered++;
    assert_true(message->slot_size < sizeof(host->slot) && message->size <= sizeof(host->data));
    memcpy(host->slot, message->slot, message->slot_size);
    host->slot[message->slot_size] = 0;
    if (message->size)
    {
        memcpy(host->data, message->data, message->size);
    }
    host->size = message->size;
    strncpy(host->source_name, message->source_name, sizeof(host->source_name) - 1);
    host->source = message->source;
    host->from_network = message->from_network;
    return host->answer;
}

/* peer_port 0: to itself */
static inline void host_start(struct host *host, const char *computer,
                              const char *const *interfaces, uint16_t peer_port)
{
    struct net_config config = NET_CONFIG_DEFAULT;
    struct net_sink sink = {.userdata = host, .deliver = on_deliver};

    *host = (struct host){};
    assert_int_equal(sd_event_new(&host->event), 0);
    config.computer = computer;
    config.workgroup = "labgrp";
    config.interfaces = interfaces;
    config.n_interfaces = 1;
    config.datagram_fd = bind_any(&host->port);
    config.no_name_service = true;
    config.name_port = 39137; /* where nobody is asked in vain */
    config.nmbd_socket = "";
    config.peer_port = peer_port;
    config.policy.source_rate = source_rate;
    assert_int_equal(net_new(&host->net, host->event, &config, &sink, NULL), 0);
}

static inline void host_stop(struct host *host)
{
    host->net = net_free(host->net);
    host->event = sd_event_unref(host->event);
}

static inline unsigned int host_run(struct host *host)
{
    unsigned int wakeups = 0;

    while (sd_event_run(host->event, 0) > 0)
    {
        wakeups++;
    }
    return wakeups;
}

static inline uint64_t counter(struct host *host, enum net_counter which)
{
    static struct net_status status;

    net_status(host->net, &status);
    return status.counters.values[which];
}
