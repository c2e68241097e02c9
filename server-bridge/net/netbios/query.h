/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions of ours: who has a name, and which name an address has (RFC 1002 5.1.2, 5.1.4) */
#pragma once

#include "net/netbios/cache.h"
#include "net/netbios/ns_link.h"

#include "net/transport.h"

/* Names asked for at the same time, and as many addresses; those that wait for one answer. */
#define QUERIES_MAX         512
#define QUERIES_WAITERS_MAX 256

/* Of them, those of one user: nobody keeps the others from asking, or from a certain name. */
#define QUERIES_USER_MAX         128
#define QUERIES_WAITERS_USER_MAX 64

struct queries;

/*
 * `resolution` is NULL if nobody has the name; valid during the call only. Called exactly once,
 * from any function below, and may call all of them but queries_free(). In queries_free() new
 * questions are refused.
 */
typedef void (*query_done_fn)(void *userdata, const struct resolution *resolution);

/* `name` is NULL if the address does not tell. */
typedef void (*query_name_done_fn)(void *userdata, const struct netbios_name *name);

/* The configuration is copied; link, interfaces and counters are borrowed. One thread. */
int queries_new(struct queries **ret_queries, const struct ns_config *config,
                const struct ns_link *link, const struct interfaces *interfaces,
                struct net_counters *counters) __attribute__((warn_unused_result));

/* Questions that are still open end with NULL. */
struct queries *queries_free(struct queries *queries);

/*
 * Asks for a name, in the order of the node type (wire.md 1.6): B and M by broadcast (3 times, 250
 * ms apart, RFC 1002 6), P and H at the WINS servers in turn, beginning with `wins_first` (1.5 s,
 * 3 times each, NameSrvQueryTimeout), M and H then the other way. What the cache knows is answered
 * before it returns; several questions for one name become one. A group that WINS answers with
 * 255.255.255.255 or 0.0.0.0 is one for broadcast (wire.md 1.7), and so is every group that was
 * found by broadcast. Each server's answer, and its silence to all 3, is told to the link's
 * wins_heard().
 * `user`: see struct net_request. Call queries_tick() afterwards: it has something new to wait for.
 * Returns 0, or -ENOBUFS (too many questions, or waiters for this one), -ENOMEM, -ESHUTDOWN (inside
 * queries_free()): done() will not be called.
 */
int queries_name(struct queries *queries, uint32_t user, const struct netbios_name *name,
                 int wins_first, uint64_t now_usec, query_done_fn done, void *userdata)
    __attribute__((warn_unused_result));

/*
 * Asks an address for its unique <00> name with a node status request: 3 times, 250 ms apart.
 * Returns and limits as queries_name(). What it told is known for 60 s, its silence for 10 s; then
 * done() is called before this returns.
 */
int queries_address(struct queries *queries, uint32_t user, struct in_addr address,
                    uint64_t now_usec, query_name_done_fn done, void *userdata)
    __attribute__((warn_unused_result));

/*
 * Takes a query or node status response. False: not an answer to an open question (id, name, type,
 * and the address asked; answers to a broadcast must come from the local subnets, those of a server
 * to the port for questions), such as a
 * second answer to the same one. WACK prolongs the wait, by 60 s at most and once. REDIRECT is
 * ignored. A server that does not have the name ends the turn of all servers; one that reports
 * trouble of its own only ends its own turn.
 */
bool queries_response(struct queries *queries, const struct ns_message *message,
                      const struct ns_arrival *arrival, uint64_t now_usec);

/*
 * Repeats, moves on, gives up. Returns when to be called next, µs (`now_usec` or before: at once),
 * or NS_NEVER. In a done() that is called by it, it only tells when.
 */
uint64_t queries_tick(struct queries *queries, uint64_t now_usec);

/* Forgets what was learnt: the interfaces have changed. Open questions stay open. */
void queries_flush(struct queries *queries);

/* How many names are known, as of the last call with a time. */
size_t queries_cached(const struct queries *queries);
