/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The own names on the network: claimed, refreshed, released, defended (RFC 1002 5.1) */
#pragma once

#include "net/netbios/ns_link.h"
#include "net/netbios/own.h"

#include "net/transport.h"

struct claims;

/* One WINS server, for the status. */
struct claims_wins
{
    struct in_addr address;
    bool answers; /* it answered the last request or question that it got */
    bool current; /* the one that is asked first */
};

/*
 * `own` is borrowed, its states are written here; so are `counters` and the interfaces. Nothing is
 * sent before claims_set_interfaces(). -ENOMEM. One thread, as all that follow.
 */
int claims_new(struct claims **ret_claims, struct own_names *own, const struct ns_config *config,
               const struct ns_link *link, const struct interfaces *interfaces,
               struct net_counters *counters) __attribute__((warn_unused_result));
struct claims *claims_free(struct claims *claims);

/*
 * The interfaces have changed, or are there for the first time: every name is claimed on every
 * address that is new, by broadcast (three requests 250 ms apart, then the overwrite demand: RFC
 * 1002 5.1.1.1) and at WINS, as the node type has it. With no interface at all, names wait.
 */
void claims_set_interfaces(struct claims *claims, uint64_t now_usec);

/*
 * Takes a registration, WACK or release response. False: not the answer to a question of ours (id,
 * name, and the address it was asked of; broadcasts may be refused by the local subnets only), and
 * nothing has changed: unasked conflicts are ignored (CVE-2000-0673, wire.md 1.9).
 */
bool claims_response(struct claims *claims, const struct ns_message *message,
                     const struct ns_arrival *arrival, uint64_t now_usec);

/*
 * Somebody registers or refreshes a name: a unique claim for a name that we hold, or a group claim
 * for a unique one of ours, is refused with AD86, echoing the claimant's flags and address (RFC
 * 1002 5.1.1.5). Group claims for a group and our own requests are met with silence. Releases
 * by others are none of our business. While a name is still being claimed by broadcast, only the
 * host with the lower address refuses the other one. A P node does not hear broadcasts.
 */
void claims_request(struct claims *claims, const struct ns_message *message,
                    const struct ns_arrival *arrival);

/*
 * Does what is due: retries, the end of a claim, WINS failover, refresh. Returns when next, µs, or
 * NS_NEVER. What was returned before does not hold after claims_set_interfaces() or an accepted
 * claims_response(): call it again then.
 */
uint64_t claims_tick(struct claims *claims, uint64_t now_usec);

/*
 * A server has answered a question that was not of the claims, or was silent to it (struct ns_link,
 * wins_heard()). As with a registration, the current server changes when it was silent and another
 * one answers, or when the first one does. Call claims_tick() afterwards.
 */
void claims_wins_heard(struct claims *claims, size_t server, bool answered, uint64_t now_usec);

/*
 * Gives up all names that we hold: one release by broadcast on each interface, one to WINS. Nothing
 * more is sent until claims_set_interfaces() claims them again.
 */
void claims_release(struct claims *claims);

/* Returns how many there are. */
size_t claims_wins_status(const struct claims *claims, struct claims_wins ret_wins[NS_WINS_MAX]);

/* The WINS server to ask first now, for queries: its index in ns_config, or -1. */
int claims_wins_current(const struct claims *claims);
