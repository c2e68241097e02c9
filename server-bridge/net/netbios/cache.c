/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names that were resolved lately, and names that others used as theirs lately */

/*
 * Every entry of one table lives equally long, so a list in the order of entering is also one in
 * the order of ending: what has ended, and what has to make room, is always at its head. Senders
 * choose the names, so they are hashed behind a secret: nobody can aim them at one chain.
 */

/* A table that can not grow drops the new entry, not the process. */
#define HASH_NONFATAL_OOM 1

#include "net/netbios/cache.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uthash.h>
#include <utlist.h>

#define USER_SHARE 4

struct cache_key
{
    uint64_t secret;
    struct netbios_name name;
};

_Static_assert(sizeof(struct cache_key) == 8 + NETBIOS_NAME_SIZE, "hashed bytewise: no padding");

struct cache_entry
{
    struct cache_key key;
    uint32_t user;
    struct resolution resolution;
    uint64_t end_usec;
    struct cache_entry *prev, *next; /* the one that ends first is the head */
    UT_hash_handle hh;
};

struct cache
{
    uint64_t secret;
    size_t max_entries;
    uint64_t lifetime_usec;
    struct cache_entry *by_name;
    struct cache_entry *by_end;
};

void resolution_add(struct resolution *resolution, struct in_addr address)
{
    for (size_t i = 0; i < resolution->n; i++)
    {
        if (resolution->addresses[i].s_addr == address.s_addr)
        {
            return;
        }
    }
    if (resolution->n < CACHE_ADDRESSES_MAX)
    {
        resolution->addresses[resolution->n++] = address;
    }
}

int cache_new(struct cache **ret_cache, size_t max_entries, uint64_t lifetime_usec)
{
    struct cache *cache = calloc(1, sizeof(*cache));

    assert(max_entries > 0);
    if (!cache)
    {
        return -ENOMEM;
    }
    if (getrandom(&cache->secret, sizeof(cache->secret), 0) != sizeof(cache->secret))
    {
        free(cache);
        return -EIO;
    }
    cache->max_entries = max_entries;
    cache->lifetime_usec = lifetime_usec;
    *ret_cache = cache;
    return 0;
}

struct cache *cache_free(struct cache *cache)
{
    if (cache)
    {
        cache_flush(cache);
        free(cache);
    }
    return NULL;
}

static void cache_remove(struct cache *cache, struct cache_entry *entry)
{
    assert(cache->by_name); /* what is in the list is in the table */
    HASH_DELETE(hh, cache->by_name, entry);
    DL_DELETE(cache->by_end, entry);
    free(entry);
}

void cache_flush(struct cache *cache)
{
    struct cache_entry *entry, *next;

    HASH_CLEAR(hh, cache->by_name);
    DL_FOREACH_SAFE(cache->by_end, entry, next)
    {
        free(entry);
    }
    cache->by_end = NULL;
}

size_t cache_count(const struct cache *cache)
{
    return HASH_COUNT(cache->by_name);
}

void cache_expire(struct cache *cache, uint64_t now_usec)
{
    while (cache->by_end && cache->by_end->end_usec <= now_usec)
    {
        cache_remove(cache, cache->by_end);
    }
}

static struct cache_key key_of(const struct cache *cache, const struct netbios_name *name)
{
    return (struct cache_key){.secret = cache->secret, .name = *name};
}

/* Only what has not ended. */
static struct cache_entry *cache_find(struct cache *cache, const struct netbios_name *name,
                                      uint64_t now_usec)
{
    struct cache_key key = key_of(cache, name);
    struct cache_entry *entry;

    cache_expire(cache, now_usec);
    HASH_FIND(hh, cache->by_name, &key, sizeof(key), entry);
    return entry;
}

static void cache_make_room(struct cache *cache, uint32_t user)
{
    struct cache_entry *entry, *first = NULL;
    size_t n = 0;

    DL_FOREACH(cache->by_end, entry)
    {
        if (user && entry->user == user)
        {
            first = first ? first : entry;
            n++;
        }
    }
    if (first && n >= cache->max_entries / USER_SHARE)
    {
        cache_remove(cache, first);
    }
    else if (cache_count(cache) >= cache->max_entries)
    {
        cache_remove(cache, cache->by_end);
    }
}

static struct cache_entry *cache_add(struct cache *cache, uint32_t user,
                                     const struct netbios_name *name)
{
    struct cache_entry *entry;

    cache_make_room(cache, user);
    entry = calloc(1, sizeof(*entry));
    if (!entry)
    {
        return NULL;
    }
    entry->key = key_of(cache, name);
    HASH_ADD(hh, cache->by_name, key, sizeof(entry->key), entry);
    if (!entry->hh.tbl)
    {
        free(entry);
        return NULL;
    }
    DL_APPEND(cache->by_end, entry);
    return entry;
}

static void cache_prolong(struct cache *cache, struct cache_entry *entry, uint64_t now_usec)
{
    entry->end_usec = now_usec + cache->lifetime_usec;
    DL_DELETE(cache->by_end, entry);
    DL_APPEND(cache->by_end, entry);
}

void cache_put(struct cache *cache, uint32_t user, const struct netbios_name *name,
               const struct resolution *resolution, uint64_t now_usec)
{
    struct cache_entry *entry = cache_find(cache, name, now_usec);

    if (!entry)
    {
        entry = cache_add(cache, user, name);
    }
    if (entry)
    {
        entry->user = user;
        entry->resolution = *resolution;
        cache_prolong(cache, entry, now_usec);
    }
}

void cache_learn(struct cache *cache, const struct netbios_name *name, struct in_addr address,
                 uint64_t now_usec)
{
    struct resolution learnt = {.n = 1, .addresses = {address}};
    const struct cache_entry *entry = cache_find(cache, name, now_usec);

    if (entry && (entry->resolution.group || entry->resolution.n != 1 ||
                  entry->resolution.addresses[0].s_addr != address.s_addr))
    {
        return;
    }
    cache_put(cache, 0, name, &learnt, now_usec);
}

bool cache_get(struct cache *cache, const struct netbios_name *name, uint64_t now_usec,
               struct resolution *ret_resolution)
{
    const struct cache_entry *entry = cache_find(cache, name, now_usec);

    if (!entry)
    {
        return false;
    }
    *ret_resolution = entry->resolution;
    return true;
}
