/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network as the daemon's core sees it: messages to other hosts and from them */
#pragma once

#include "net/netbios/interfaces.h"
#include "net/policy.h"
#include "net/transport.h"

#include <systemd/sd-event.h>

/* Copied by net_new(). Begin with NET_CONFIG_DEFAULT: a zero is not a default for every field. */
struct net_config
{
    const char *computer;     /* 1-15 characters; NULL: the host name up to the first dot */
    const char *workgroup;    /* NULL: "WORKGROUP" */
    const char *const *names; /* further own names, "NAME" or "NAME#20" (suffix in hex) */
    size_t n_names;
    const char *const *groups; /* further groups that we are in, as names */
    size_t n_groups;
    const char *scope;               /* "label.label"; NULL: the empty scope */
    const char *node_type;           /* "B", "P", "M", "H"; NULL: H with WINS servers, else B */
    const char *const *wins_servers; /* IPv4 addresses, the first is asked first */
    size_t n_wins_servers;
    const char *const *peers; /* "ADDRESS" or "ADDRESS/GROUP": gets the group's messages, too */
    size_t n_peers;
    struct policy_config policy;
    const char *nmbd_socket;       /* NULL: Samba's usual one; "": never look for nmbd */
    bool no_name_service;          /* port 137 is left alone */
    uint16_t datagram_port;        /* 0: 138 */
    uint16_t name_port;            /* 0: 137 */
    uint16_t peer_port;            /* where datagrams are sent to; 0: datagram_port */
    uint16_t peer_name_port;       /* where questions are sent to; 0: name_port */
    const char *const *interfaces; /* names or own IPv4 addresses; none: all that can broadcast */
    size_t n_interfaces;
    const char *codepage; /* NULL: CP850 */
    int datagram_fd;      /* an open UDP socket (socket activation), or -1 */
    int name_fd;          /* the same for the name service */
    bool disabled;        /* no socket at all: own names and local copies only */
};

#define NET_CONFIG_DEFAULT                                                                         \
    (struct net_config)                                                                            \
    {                                                                                              \
        .datagram_fd = -1, .name_fd = -1                                                           \
    }

struct net_sink
{
    void *userdata;
    /*
     * Takes a message for a local slot. Returns a code of enum net_deliver_result or a negative
     * errno; both are only counted for messages from the network. Must not free the net.
     */
    int (*deliver)(void *userdata, const struct net_message *message);
    /* A line for the log: a decision that a person may want to know of. May be NULL. */
    void (*log)(void *userdata, const char *text);
    /* The same for what somebody should do something about. NULL: as log. */
    void (*warn)(void *userdata, const char *text);
    /*
     * What is counted is added to these, which the caller owns, so that they can go on with another
     * net; they outlive the net. NULL: the net has its own, from 0.
     */
    struct net_counters *counters;
};

enum net_state
{
    NET_STATE_OWN_SOCKETS, /* on the LAN, possibly with no interface at the moment */
    NET_STATE_BESIDE_NMBD, /* Samba's nmbd has the ports and the names; it hands on the rest */
    NET_STATE_LOCAL_ONLY,  /* the port could not be had: see error, reason and fix */
};

/* "own sockets", "beside nmbd", "local only". */
const char *net_state_name(enum net_state state);

#define NET_NAMES_MAX 24
#define NET_WINS_MAX  8
#define NET_PEERS_MAX 64

struct net_status_name
{
    char name[80]; /* "NAME<00>" for people */
    bool group;
    const char *state; /* "unclaimed", "claiming", "held", "refused", "nmbd's", "left to nmbd" */
    struct in_addr refuser;
};

struct net_status_wins
{
    struct in_addr address;
    bool answers, current;
};

struct net_status_peer
{
    struct in_addr address;
    char group[80];
};

/* Strings belong to the net and live as long as it does. */
struct net_status
{
    enum net_state state;
    int error;          /* errno, 0 unless the state is NET_STATE_LOCAL_ONLY */
    const char *reason; /* a sentence in plain English, or NULL */
    const char *fix;    /* a command line that helps, or NULL */
    const char *computer;
    const char *workgroup;
    const char *codepage;
    uint16_t datagram_port; /* in use, or wanted */
    uint16_t name_port;
    bool name_service;               /* we hold names and answer for them */
    const char *name_service_reason; /* why not, or NULL */
    const char *node_type;           /* "B", "P", "M", "H" */
    const char *node_problem;        /* no WINS server for a type that asks them, or NULL */
    struct net_status_name names[NET_NAMES_MAX];
    size_t n_names;
    struct net_status_wins wins[NET_WINS_MAX];
    size_t n_wins;
    struct net_status_peer peers[NET_PEERS_MAX];
    size_t n_peers;
    size_t n_cached; /* names of others that are known at the moment */
    struct interface interfaces[INTERFACES_MAX];
    size_t n_interfaces;
    struct net_counters counters;
};

struct net;

/*
 * Validates the names, opens the socket and listens on `event`. A port that can not be had is no
 * error: see net_status(). Takes the descriptors over, on success only. -EINVAL: a setting is
 * wrong, and *ret_invalid (may be NULL) says which, as a static string: "computer_name",
 * "workgroup", "names", "groups", "scope", "node_type", "wins_servers", "peers", "codepage",
 * "allow_networks", "receive_slots", "send_slots", "datagram_fd", "name_fd". One thread.
 */
int net_new(struct net **ret_net, sd_event *event, const struct net_config *config,
            const struct net_sink *sink, const char **ret_invalid)
    __attribute__((warn_unused_result));
struct net *net_free(struct net *net);

/*
 * Sends to "*", a domain or a computer (semantics N15-N17), or to an IPv4 address or DNS name
 * (beyond Windows, N18). A name that nobody has asked for lately is looked up first, which takes
 * up to seconds; nothing else waits for it. Returns 0 if `done` (may be NULL) has
 * been or will be called exactly once, a negative errno if it never will. A message to the own
 * group reaches the own slot of that name exactly once through the sink, network or not (D10); one
 * to the own computer goes only there (Q6).
 */
int net_send(struct net *net, const struct net_request *request, net_done_fn done, void *userdata)
    __attribute__((warn_unused_result));

/*
 * Between the two the messages sent may wait, so that the transport can carry several at a time.
 * The release has to come before the event loop turns; again is once, and a release alone does
 * nothing.
 */
void net_hold(struct net *net);
void net_release(struct net *net);

/* A snapshot. */
void net_status(struct net *net, struct net_status *ret_status);
