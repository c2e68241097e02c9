/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which name an address told us lately */

/*
 * A program that writes to an address writes again. Hosts answer only so many node status requests
 * a second, and those behind a router often none at all (wire.md 1.9): without this each message
 * would wait for the answer, or for the end of three tries.
 */

#include "net/netbios/address_cache.h"

#define TOLD_USEC   UINT64_C(60000000)
#define SILENT_USEC UINT64_C(10000000)

/* `user` 0: of all entries, free ones included. */
static struct address_cache_entry *address_cache_first_to_end(struct address_cache *cache,
                                                              uint32_t user)
{
    struct address_cache_entry *first = NULL;

    for (size_t i = 0; i < ADDRESS_CACHE_MAX; i++)
    {
        struct address_cache_entry *entry = &cache->entries[i];

        if ((user == 0 || entry->user == user) && (!first || entry->end_usec < first->end_usec))
        {
            first = entry;
        }
    }
    return first;
}

/* The address' own entry, or the one that is given up for it. */
static struct address_cache_entry *address_cache_choose(struct address_cache *cache, uint32_t user,
                                                        struct in_addr address)
{
    size_t n = 0;

    for (size_t i = 0; i < ADDRESS_CACHE_MAX; i++)
    {
        if (cache->entries[i].address.s_addr == address.s_addr)
        {
            return &cache->entries[i];
        }
        n += cache->entries[i].user == user;
    }
    return address_cache_first_to_end(cache, n < ADDRESS_CACHE_USER_MAX ? 0 : user);
}

void address_cache_put(struct address_cache *cache, uint32_t user, struct in_addr address,
                       const struct netbios_name *name, uint64_t now_usec)
{
    struct address_cache_entry *entry = address_cache_choose(cache, user, address);

    *entry = (struct address_cache_entry){
        .address = address,
        .user = user,
        .told = name,
        .end_usec = now_usec + (name ? TOLD_USEC : SILENT_USEC),
    };
    if (name)
    {
        entry->name = *name;
    }
}

const struct address_cache_entry *address_cache_get(const struct address_cache *cache,
                                                    struct in_addr address, uint64_t now_usec)
{
    for (size_t i = 0; i < ADDRESS_CACHE_MAX; i++)
    {
        const struct address_cache_entry *entry = &cache->entries[i];

        if (entry->address.s_addr == address.s_addr && now_usec < entry->end_usec)
        {
            return entry;
        }
    }
    return NULL;
}
