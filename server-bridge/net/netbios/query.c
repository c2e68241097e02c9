/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions of ours: who has a name, and which name an address has */

/*
 * A question is a small machine. It has the ways of its node type before it (the neighbours, the
 * servers), takes the first one that leads to anybody, asks there three times, and goes on to the
 * next server or way when nobody has answered. Its deadline is the only thing that ever wakes it.
 *
 * Anybody on the LAN can send answers. What a forger has to hit is the random id, the name, the
 * time, and either one exact address or, for a broadcast, the local subnet; and only the addresses
 * that can be a host's are taken from an answer. A server's address may be forged from anywhere, so
 * its answer must have come to the random port that the question left from, too.
 *
 * The done functions are called last, when the question is no longer in any list: they may ask
 * again. So nothing here keeps a pointer to a question across such a call, and one call of
 * queries_tick() leaves alone what was asked during it, even if it is called again in there.
 */

#include "net/netbios/query.h"

#include "net/netbios/address_cache.h"
#include "net/netbios/query_answer.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

/* RFC 1002 6: BCAST_REQ_RETRY_COUNT and _TIMEOUT; wire.md 1.7: NameSrvQueryCount and _Timeout. */
#define ASK_TIMES              3
#define BROADCAST_TIMEOUT_USEC UINT64_C(250000)
#define WINS_TIMEOUT_USEC      UINT64_C(1500000)
#define STATUS_TIMEOUT_USEC    UINT64_C(250000)

#define SECOND_USEC      UINT64_C(1000000)
#define WACK_MAX_SECONDS 60 /* wire.md 1.9: cap it */

#define CACHE_ENTRIES_MAX   1024
#define CACHE_LIFETIME_USEC (600 * SECOND_USEC) /* wire.md 1.7: CacheTimeout */

enum query_kind
{
    QUERY_NAME,
    QUERY_ADDRESS,
    QUERY_KINDS,
};

enum query_way
{
    WAY_NONE, /* nobody to ask */
    WAY_BROADCAST,
    WAY_WINS,
    WAY_STATUS,
};

#define WAYS_MAX 2

/* wire.md 1.6. */
static const enum query_way query_ways[][WAYS_MAX] = {
    [NODE_AUTO] = {WAY_NONE, WAY_NONE},   [NODE_B] = {WAY_BROADCAST, WAY_NONE},
    [NODE_P] = {WAY_WINS, WAY_NONE},      [NODE_M] = {WAY_BROADCAST, WAY_WINS},
    [NODE_H] = {WAY_WINS, WAY_BROADCAST},
};

struct query_waiter
{
    query_done_fn done;           /* of a name */
    query_name_done_fn name_done; /* of an address */
    void *userdata;
    uint32_t user;
};

struct query
{
    enum query_kind kind;
    struct netbios_name name; /* "*" for an address */
    struct in_addr address;
    uint32_t user;   /* who asked first */
    uint64_t number; /* counts up */
    uint16_t id;
    size_t n_ways; /* of query_ways[] that have been taken */
    enum query_way way;
    unsigned int n_sent; /* on this way, or to this server */
    size_t wins;         /* the server that is being asked */
    size_t n_wins;       /* servers that have had their turn or have it now */
    bool prolonged;
    uint64_t deadline_usec;
    size_t n_waiters;
    struct query_waiter waiters[QUERIES_WAITERS_MAX];
    struct query *prev, *next;
};

struct queries
{
    struct ns_config config;
    const struct ns_link *link;
    const struct interfaces *interfaces;
    struct net_counters *counters;
    struct cache *cache;
    struct address_cache addresses;
    struct query *open; /* utlist */
    size_t n_open[QUERY_KINDS];
    uint64_t n_asked;
    bool ticking;
    bool closing;
};

int queries_new(struct queries **ret_queries, const struct ns_config *config,
                const struct ns_link *link, const struct interfaces *interfaces,
                struct net_counters *counters)
{
    struct queries *queries = calloc(1, sizeof(*queries));
    int r;

    if (!queries)
    {
        return -ENOMEM;
    }
    r = cache_new(&queries->cache, CACHE_ENTRIES_MAX, CACHE_LIFETIME_USEC);
    if (r < 0)
    {
        free(queries);
        return r;
    }
    queries->config = *config;
    queries->link = link;
    queries->interfaces = interfaces;
    queries->counters = counters;
    *ret_queries = queries;
    return 0;
}

/* Takes the question out of the list, and tells all who wait; either result may be NULL. */
static void query_end(struct queries *queries, struct query *query,
                      const struct resolution *resolution, const struct netbios_name *name)
{
    DL_DELETE(queries->open, query);
    queries->n_open[query->kind]--;
    queries->counters
        ->values[resolution || name ? NET_COUNTER_QUERIES_RESOLVED : NET_COUNTER_QUERIES_FAILED]++;
    for (size_t i = 0; i < query->n_waiters; i++)
    {
        const struct query_waiter *waiter = &query->waiters[i];

        if (query->kind == QUERY_NAME)
        {
            waiter->done(waiter->userdata, resolution);
        }
        else
        {
            waiter->name_done(waiter->userdata, name);
        }
    }
    free(query);
}

struct queries *queries_free(struct queries *queries)
{
    if (queries)
    {
        queries->closing = true;
        while (queries->open)
        {
            query_end(queries, queries->open, NULL, NULL);
        }
        cache_free(queries->cache);
        free(queries);
    }
    return NULL;
}

/* Asks once on the way that the question is on. */
static void query_send(struct queries *queries, struct query *query, uint64_t now_usec)
{
    const struct ns_link *link = queries->link;
    const struct ns_message message = {
        .id = query->id,
        .opcode = NS_QUERY,
        .recursion_desired = query->way != WAY_STATUS,
        .broadcast = query->way == WAY_BROADCAST,
        .name = query->name,
        .type = query->way == WAY_STATUS ? NS_TYPE_NBSTAT : NS_TYPE_NB,
    };

    query->n_sent++;
    switch (query->way)
    {
    case WAY_NONE:
        break;
    case WAY_BROADCAST:
        query->deadline_usec = now_usec + BROADCAST_TIMEOUT_USEC;
        for (size_t i = 0; i < queries->interfaces->n; i++)
        {
            link->broadcast(link->userdata, &queries->interfaces->list[i], &message);
        }
        break;
    case WAY_WINS:
        query->deadline_usec = now_usec + WINS_TIMEOUT_USEC;
        link->unicast(link->userdata, queries->config.wins[query->wins], 0, &message);
        break;
    case WAY_STATUS:
        query->deadline_usec = now_usec + STATUS_TIMEOUT_USEC;
        link->unicast(link->userdata, query->address, 0, &message);
        break;
    }
}

/* Whoever keeps account of the servers is told before anybody can ask the next question. */
static void query_heard(struct queries *queries, const struct query *query, bool answered,
                        uint64_t now_usec)
{
    const struct ns_link *link = queries->link;

    if (query->way == WAY_WINS && link->wins_heard)
    {
        link->wins_heard(link->userdata, query->wins, answered, now_usec);
    }
}

/* A new id for whoever is asked next: who was asked before can not answer in his place. */
static void query_ask(struct queries *queries, struct query *query, uint64_t now_usec)
{
    query->id = ns_random_id();
    query->n_sent = 0;
    query_send(queries, query, now_usec);
}

/* Takes the next way on which there is anybody. False: none is left. */
static bool query_next_way(struct queries *queries, struct query *query, uint64_t now_usec)
{
    const enum query_way *ways = query_ways[queries->config.node];

    query->way = WAY_NONE;
    while (query->kind == QUERY_NAME && query->n_ways < WAYS_MAX)
    {
        enum query_way way = ways[query->n_ways++];

        if ((way == WAY_BROADCAST && interfaces_broadcast(queries->interfaces)) ||
            (way == WAY_WINS && queries->config.n_wins > 0))
        {
            query->way = way;
            query->n_wins = 1;
            query_ask(queries, query, now_usec);
            return true;
        }
    }
    return false;
}

/* The same with the next server, if it is on the way to servers. */
static bool query_next_server(struct queries *queries, struct query *query, uint64_t now_usec)
{
    if (query->way != WAY_WINS || query->n_wins >= queries->config.n_wins)
    {
        return query_next_way(queries, query, now_usec);
    }
    query->wins = (query->wins + 1) % queries->config.n_wins;
    query->n_wins++;
    query_ask(queries, query, now_usec);
    return true;
}

/* The deadline has come. */
static void query_due(struct queries *queries, struct query *query, uint64_t now_usec)
{
    if (query->way != WAY_NONE && query->n_sent < ASK_TIMES)
    {
        query_send(queries, query, now_usec);
        return;
    }
    query_heard(queries, query, false, now_usec);
    if (!query_next_server(queries, query, now_usec))
    {
        if (query->kind == QUERY_ADDRESS)
        {
            address_cache_put(&queries->addresses, query->user, query->address, NULL, now_usec);
        }
        query_end(queries, query, NULL, NULL);
    }
}

static struct query *query_find(struct queries *queries, enum query_kind kind,
                                const struct netbios_name *name, struct in_addr address)
{
    struct query *query;

    DL_FOREACH(queries->open, query)
    {
        if (query->kind == kind && netbios_name_equal(&query->name, name) &&
            query->address.s_addr == address.s_addr)
        {
            return query;
        }
    }
    return NULL;
}

static bool queries_have_room(const struct queries *queries, enum query_kind kind, uint32_t user)
{
    const struct query *query;
    size_t n = 0;

    DL_FOREACH(queries->open, query)
    {
        n += query->kind == kind && query->user == user;
    }
    return queries->n_open[kind] < QUERIES_MAX && (user == 0 || n < QUERIES_USER_MAX);
}

static bool query_has_room(const struct query *query, uint32_t user)
{
    size_t n = 0;

    for (size_t i = 0; i < query->n_waiters; i++)
    {
        n += query->waiters[i].user == user;
    }
    return query->n_waiters < QUERIES_WAITERS_MAX && (user == 0 || n < QUERIES_WAITERS_USER_MAX);
}

/* Joins the open question, or opens one: *ret_opened says which. */
static int query_open(struct queries *queries, enum query_kind kind,
                      const struct netbios_name *name, struct in_addr address,
                      const struct query_waiter *waiter, struct query **ret_opened)
{
    struct query *query = query_find(queries, kind, name, address);
    struct query *opened = NULL;

    if (queries->closing)
    {
        return -ESHUTDOWN;
    }
    if (query ? !query_has_room(query, waiter->user)
              : !queries_have_room(queries, kind, waiter->user))
    {
        return -ENOBUFS;
    }
    if (!query)
    {
        query = opened = calloc(1, sizeof(*query));
        if (!query)
        {
            return -ENOMEM;
        }
        query->kind = kind;
        query->name = *name;
        query->address = address;
        query->user = waiter->user;
        query->number = queries->n_asked++;
        DL_APPEND(queries->open, query);
        queries->n_open[kind]++;
        queries->counters->values[NET_COUNTER_QUERIES]++;
    }
    query->waiters[query->n_waiters++] = *waiter;
    *ret_opened = opened;
    return 0;
}

int queries_name(struct queries *queries, uint32_t user, const struct netbios_name *name,
                 int wins_first, uint64_t now_usec, query_done_fn done, void *userdata)
{
    struct query_waiter waiter = {.done = done, .userdata = userdata, .user = user};
    struct resolution known;
    struct query *opened;
    int r;

    if (!queries->closing && cache_get(queries->cache, name, now_usec, &known))
    {
        done(userdata, &known);
        return 0;
    }
    r = query_open(queries, QUERY_NAME, name, (struct in_addr){}, &waiter, &opened);
    if (r < 0 || !opened)
    {
        return r;
    }
    if (wins_first >= 0 && (size_t)wins_first < queries->config.n_wins)
    {
        opened->wins = (size_t)wins_first;
    }
    if (!query_next_way(queries, opened, now_usec))
    {
        /* Ends in queries_tick(): a caller that asks again and again must not recurse. */
        opened->deadline_usec = now_usec;
    }
    return 0;
}

int queries_address(struct queries *queries, uint32_t user, struct in_addr address,
                    uint64_t now_usec, query_name_done_fn done, void *userdata)
{
    struct query_waiter waiter = {.name_done = done, .userdata = userdata, .user = user};
    struct netbios_name wildcard = netbios_name_wildcard();
    const struct address_cache_entry *known;
    struct query *opened;
    int r;

    known = queries->closing ? NULL : address_cache_get(&queries->addresses, address, now_usec);
    if (known)
    {
        struct netbios_name name = known->name;

        done(userdata, known->told ? &name : NULL);
        return 0;
    }
    r = query_open(queries, QUERY_ADDRESS, &wildcard, address, &waiter, &opened);
    if (r < 0 || !opened)
    {
        return r;
    }
    opened->way = WAY_STATUS;
    query_ask(queries, opened, now_usec);
    return 0;
}

/* Whether it comes from somebody who was asked this question. */
static bool query_is_answer(const struct queries *queries, const struct query *query,
                            const struct ns_message *message, const struct ns_arrival *arrival)
{
    if (query->id != message->id || !netbios_name_equal(&query->name, &message->name))
    {
        return false;
    }
    switch (query->way)
    {
    case WAY_NONE:
        break;
    case WAY_BROADCAST:
        return arrival->local_subnet;
    case WAY_WINS:
        return arrival->question &&
               arrival->from.s_addr == queries->config.wins[query->wins].s_addr;
    case WAY_STATUS:
        return arrival->from.s_addr == query->address.s_addr;
    }
    return false;
}

/* A server asks for patience. False: nobody else may. */
static bool query_wack(struct query *query, const struct ns_message *message, uint64_t now_usec)
{
    uint32_t seconds = message->ttl < WACK_MAX_SECONDS ? message->ttl : WACK_MAX_SECONDS;
    uint64_t deadline_usec = now_usec + seconds * SECOND_USEC;

    if (query->way != WAY_WINS)
    {
        return false;
    }
    if (!query->prolonged && deadline_usec > query->deadline_usec)
    {
        query->deadline_usec = deadline_usec;
    }
    query->prolonged = true;
    return true;
}

/* A server can not give the name. */
static void query_negative(struct queries *queries, struct query *query, enum ns_rcode rcode,
                           uint64_t now_usec)
{
    bool goes_on;

    if (rcode == NS_RCODE_NAME)
    {
        query_heard(queries, query, true, now_usec);
        goes_on = query_next_way(queries, query, now_usec);
    }
    else
    {
        goes_on = query_next_server(queries, query, now_usec);
    }
    if (!goes_on)
    {
        query_end(queries, query, NULL, NULL);
    }
}

/* An answer by somebody who was asked. False: it says nothing. */
static bool query_answer(struct queries *queries, struct query *query,
                         const struct ns_message *message, struct in_addr from, uint64_t now_usec)
{
    enum ns_type asked = query->way == WAY_STATUS ? NS_TYPE_NBSTAT : NS_TYPE_NB;
    bool negative = message->rcode != NS_RCODE_OK;
    struct resolution resolution;

    if (message->type != asked && !(negative && message->type == NS_TYPE_NULL))
    {
        return false;
    }
    if (query->way == WAY_STATUS)
    {
        const struct netbios_name *name = negative ? NULL : query_answer_computer(message);

        address_cache_put(&queries->addresses, query->user, query->address, name, now_usec);
        query_end(queries, query, NULL, name);
        return true;
    }
    if (negative)
    {
        /* Neighbours that lack the name are silent (wire.md 1.7). */
        if (query->way != WAY_WINS)
        {
            return false;
        }
        query_negative(queries, query, message->rcode, now_usec);
        return true;
    }
    if (!query_answer_read(queries->interfaces, message, from, query->way == WAY_BROADCAST,
                           &resolution))
    {
        return false;
    }
    cache_put(queries->cache, query->user, &query->name, &resolution, now_usec);
    query_heard(queries, query, true, now_usec);
    query_end(queries, query, &resolution, NULL);
    return true;
}

bool queries_response(struct queries *queries, const struct ns_message *message,
                      const struct ns_arrival *arrival, uint64_t now_usec)
{
    struct query *query;

    if (!message->response || (message->opcode != NS_QUERY && message->opcode != NS_WACK))
    {
        return false;
    }
    DL_FOREACH(queries->open, query)
    {
        if (query_is_answer(queries, query, message, arrival))
        {
            return message->opcode == NS_WACK
                       ? query_wack(query, message, now_usec)
                       : query_answer(queries, query, message, arrival->from, now_usec);
        }
    }
    return false;
}

/* A question that is due; asked before number `end`. */
static struct query *query_find_due(struct queries *queries, uint64_t now_usec, uint64_t end)
{
    struct query *query;

    DL_FOREACH(queries->open, query)
    {
        if (query->deadline_usec <= now_usec && query->number < end)
        {
            return query;
        }
    }
    return NULL;
}

uint64_t queries_tick(struct queries *queries, uint64_t now_usec)
{
    uint64_t end = queries->n_asked, next_usec = NS_NEVER;
    struct query *query;

    if (!queries->ticking)
    {
        queries->ticking = true;
        cache_expire(queries->cache, now_usec);
        while ((query = query_find_due(queries, now_usec, end)))
        {
            query_due(queries, query, now_usec);
        }
        queries->ticking = false;
    }
    DL_FOREACH(queries->open, query)
    {
        if (query->deadline_usec < next_usec)
        {
            next_usec = query->deadline_usec;
        }
    }
    return next_usec;
}

void queries_flush(struct queries *queries)
{
    cache_flush(queries->cache);
    queries->addresses = (struct address_cache){};
}

size_t queries_cached(const struct queries *queries)
{
    return cache_count(queries->cache);
}
