/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon as a whole: what the rooms share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "daemon/config.h"
#include "daemon/registry.h"
#include "net/net.h"

struct monitor;
struct peer;
struct reload;

struct host
{
    const struct config *config;
    sd_event *event;
    struct registry *registry;
    struct net *net;
    struct net_counters net_counters; /* since the start, whatever net it was */
    struct reload *reload;            /* NULL: the options can not be read again */
    struct peer *peers;               /* utlist */
    unsigned int n_peers;
    struct monitor *monitors; /* utlist: monitor.h */
    unsigned int n_monitors;
    sd_event_source *listener;
    sd_event_source *idle;
    uint64_t refused_logged; /* when it was, µs of CLOCK_MONOTONIC; 0: never */
    int spare;        /* a descriptor to give up when there are no more: see host_on_connection */
    uint64_t started; /* µs, CLOCK_REALTIME */
    struct
    {
        uint64_t requests;
        uint64_t protocol_errors;
        uint64_t refused_peers;
    } counters;
    unsigned int n_reloads;
    bool starting; /* no idle check before the first client */
};

/*
 * Builds registry and net. `listener` is a listening socket that the host takes over on success.
 * -EINVAL: *ret_invalid names the option that the net refuses.
 */
__attribute__((warn_unused_result)) int host_init(struct host *host, const struct config *config,
                                                  int listener, const char **ret_invalid);
void host_deinit(struct host *host);

/* Runs until SIGTERM, SIGINT, or idleness. */
__attribute__((warn_unused_result)) int host_run(struct host *host);

/* Starts or stops the idle timer, after anything that may have changed it. */
void host_check_idle(struct host *host);
