/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The NetBIOS transport's own state: for the files that make it up, nobody else */
#pragma once

#include "net/denial_log.h"
#include "net/netbios/cache.h"
#include "net/netbios/claim.h"
#include "net/netbios/codepage.h"
#include "net/netbios/dedupe.h"
#include "net/netbios/dns.h"
#include "net/netbios/lan.h"
#include "net/netbios/netbios.h"
#include "net/netbios/own.h"
#include "net/netbios/peers.h"
#include "net/netbios/query.h"

/* Far longer than a Windows frame can carry; a name in UTF-8 takes at most three bytes each. */
#define SLOT_SIZE_MAX 4096

struct sending;

struct netbios
{
    sd_event *event;
    struct transport_sink up;
    struct lan *lan;
    struct interfaces interfaces;
    struct interfaces_watch *watch;
    char no_interface[512]; /* the reason, as the last one asked */
    bool no_interface_said;
    uint16_t peer_port;
    uint16_t peer_name_port;
    char **filter;
    size_t n_filter;

    char computer[NETBIOS_NAME_PRINT_SIZE];
    char workgroup[NETBIOS_NAME_PRINT_SIZE];
    struct own_names own;
    struct netbios_scope scope;
    struct codepage *codepage;
    struct peers peers;

    /* The name service. There are no claims while port 137 is not ours. */
    struct ns_config ns;
    struct ns_link link;
    struct claims *claims;
    struct queries *queries;
    struct cache *senders;
    struct dns *dns;
    sd_event_source *timer;

    /* Datagrams. */
    uint16_t next_id;
    struct netbios_name last_destination; /* of a datagram */
    struct dedupe *seen;
    struct dedupe *sent;
    struct sending *sending; /* utlist: waiting for a name */
    size_t n_sending;
    bool closing; /* what still waits is given up, whatever is known of it */
    char slot[SLOT_SIZE_MAX * 3];
};

/* The time of the current wakeup; before the first one, the clock. */
uint64_t netbios_now(struct netbios *netbios);

static inline void netbios_count(struct netbios *netbios, enum net_counter counter)
{
    netbios->up.counters->values[counter]++;
}

/* A name's 15 characters in UTF-8; in the form for logs if the code page lacks them. */
void netbios_name_text(struct netbios *netbios, const struct netbios_name *name,
                       char ret_text[static NETBIOS_NAME_PRINT_SIZE]);

/* Whether the sender is an address of ours, or in a subnet of ours. */
bool netbios_is_local(const struct netbios *netbios, struct in_addr address);

/* --- receive.c --- */

/*
 * Whether a denial is worth a line of its own, which the caller then logs: what the line takes is
 * looked up for those only, and not at the rate at which strangers are denied.
 */
bool netbios_denied(struct netbios *netbios, enum denial kind, const void *key, size_t key_size,
                    uint64_t now_usec) __attribute__((warn_unused_result));
void netbios_log(struct netbios *netbios, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether the interface is one that is listened to; says once for each that it is not. */
bool netbios_may_arrive(struct netbios *netbios, unsigned int interface_index, uint64_t now_usec);

/* --- name_service.c --- */

/* Makes queries and the table of senders. */
int name_service_new(struct netbios *netbios) __attribute__((warn_unused_result));

/* Ends everything that is open and releases the names. */
void name_service_free(struct netbios *netbios);

/* Port 137 has become ours or was lost: claims the names, or forgets that we did. */
void name_service_mode(struct netbios *netbios);

/* The interfaces have changed. */
void name_service_interfaces(struct netbios *netbios);

/* Sets the timer anew; after anything that may have asked a question. */
void name_service_schedule(struct netbios *netbios);

/* One message of UDP 137, or an answer to a question. */
void name_service_receive(struct netbios *netbios, const void *bytes, size_t size,
                          const struct datagram_arrival *arrival);

/* --- send.c --- */

/* As transport_ops.send. */
int send_request(struct netbios *netbios, const struct net_request *request,
                 const struct net_sender *sender) __attribute__((warn_unused_result));

/* Ends what still waits with NET_UNRESOLVED. */
void send_end_all(struct netbios *netbios);
