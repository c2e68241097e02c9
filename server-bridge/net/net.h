/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network as the daemon's core sees it: messages to other hosts and from them */
#pragma once

#include "net/netbios/interfaces.h"
#include "net/transport.h"

#include <systemd/sd-event.h>

/* Copied by net_new(). Begin with NET_CONFIG_DEFAULT: a zero is not a default for every field. */
struct net_config
{
    const char *computer;     /* 1-15 characters; NULL: the host name up to the first dot */
    const char *workgroup;    /* NULL: "WORKGROUP" */
    const char *const *names; /* further own names, "NAME" or "NAME#1c" (suffix in hex) */
    size_t n_names;
    uint16_t datagram_port;        /* 0: 138 */
    uint16_t name_port;            /* 0: 137; only named in advice until there is a name service */
    uint16_t peer_port;            /* where datagrams are sent to; 0: datagram_port */
    const char *const *interfaces; /* names or own IPv4 addresses; none: all that can broadcast */
    size_t n_interfaces;
    const char *codepage; /* NULL: CP850 */
    int datagram_fd;      /* an open UDP socket (socket activation), or -1 */
    bool disabled;        /* no socket at all: own names and local copies only */
};

#define NET_CONFIG_DEFAULT                                                                         \
    (struct net_config)                                                                            \
    {                                                                                              \
        .datagram_fd = -1                                                                          \
    }

struct net_sink
{
    void *userdata;
    /*
     * Takes a message for a local slot. Returns a code of enum net_deliver_result or a negative
     * errno; both are only counted for messages from the network. Must not free the net.
     */
    int (*deliver)(void *userdata, const struct net_message *message);
};

enum net_state
{
    NET_STATE_OWN_SOCKETS, /* on the LAN, possibly with no interface at the moment */
    NET_STATE_LOCAL_ONLY,  /* the port could not be had: see error, reason and fix */
};

/* Strings belong to the net and live as long as it does. */
struct net_status
{
    enum net_state state;
    int error;          /* errno, 0 if the state is NET_STATE_OWN_SOCKETS */
    const char *reason; /* a sentence in plain English, or NULL */
    const char *fix;    /* a command line that helps, or NULL */
    const char *computer;
    const char *workgroup;
    const char *codepage;
    uint16_t datagram_port; /* in use, or wanted */
    struct interface interfaces[INTERFACES_MAX];
    size_t n_interfaces;
    struct net_counters counters;
};

struct net;

/*
 * The result of a send: NET_OK or another code of enum net_result, or a negative errno. May be
 * called before net_send() returns. Must not free the net.
 */
typedef void (*net_done_fn)(void *userdata, int result);

/*
 * Validates the names, opens the socket and listens on `event`. A port that can not be had is no
 * error: see net_status(). Takes datagram_fd over, on success only. -EINVAL: a setting is wrong,
 * and *ret_invalid (may be NULL) says which, as a static string: "computer", "workgroup", "names",
 * "codepage", "datagram_fd". One thread.
 */
int net_new(struct net **ret_net, sd_event *event, const struct net_config *config,
            const struct net_sink *sink, const char **ret_invalid)
    __attribute__((warn_unused_result));
struct net *net_free(struct net *net);

/*
 * Sends to "*", a domain or a computer (semantics N15-N17). Returns 0 if `done` (may be NULL) has
 * been or will be called exactly once, a negative errno if it never will. A message to the own
 * group reaches the own slot of that name exactly once through the sink, network or not (D10); one
 * to the own computer goes only there (Q6).
 */
int net_send(struct net *net, const struct net_request *request, net_done_fn done, void *userdata)
    __attribute__((warn_unused_result));

/* A snapshot; looks at the interfaces anew if the last look is 1 s old. */
void net_status(struct net *net, struct net_status *ret_status);
