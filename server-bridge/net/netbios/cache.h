/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names that were resolved lately, and names that others used as theirs lately */
#pragma once

#include "net/netbios/name.h"

#include <netinet/in.h>

#define CACHE_ADDRESSES_MAX 32

/* What a name means. */
struct resolution
{
    bool group;
    bool broadcast; /* a group that is reached by broadcast: the list is empty */
    size_t n;
    struct in_addr addresses[CACHE_ADDRESSES_MAX];
};

/*
 * Adds an address to the list, once: a member that is listed twice would get every message twice.
 * What the list can not hold is left out.
 */
void resolution_add(struct resolution *resolution, struct in_addr address);

/*
 * One bounded table from names to what they mean; when it is full, the entry that ends first goes.
 * Two of them exist: answers to our own questions (600 s, the CacheTimeout of Windows), and the
 * senders of datagrams (60 s), which is asked only when a real resolution failed and never
 * overrides one (CVE-2000-1079, wire.md 1.8).
 */
struct cache;

/* `max_entries` is at least 1. -ENOMEM; -EIO: no random numbers. One thread, as all that follow. */
int cache_new(struct cache **ret_cache, size_t max_entries, uint64_t lifetime_usec)
    __attribute__((warn_unused_result));
struct cache *cache_free(struct cache *cache);

/*
 * Enters or replaces. Of the entries of one `user` (see struct net_request) there is room for a
 * quarter: then it is one of them that makes room. The lifetime begins at `now_usec` (any clock
 * that does not go back, the same in all calls). Without memory nothing is kept: it is only a
 * cache.
 */
void cache_put(struct cache *cache, uint32_t user, const struct netbios_name *name,
               const struct resolution *resolution, uint64_t now_usec);

/*
 * As cache_put() for one address. An entry that is there is only overwritten by the same address:
 * its lifetime begins again, all else waits until it has ended.
 */
void cache_learn(struct cache *cache, const struct netbios_name *name, struct in_addr address,
                 uint64_t now_usec);

/* False: unknown, or too old. */
bool cache_get(struct cache *cache, const struct netbios_name *name, uint64_t now_usec,
               struct resolution *ret_resolution);

/* Drops what has ended. The others do so on the way; this is for an exact count. */
void cache_expire(struct cache *cache, uint64_t now_usec);

void cache_flush(struct cache *cache);

/* Entries, as of the last call with a time. */
size_t cache_count(const struct cache *cache);
