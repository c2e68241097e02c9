/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which name an address told us lately */
#pragma once

#include "net/netbios/name.h"

#include <netinet/in.h>

#define ADDRESS_CACHE_MAX 64

/* A plain value, all zero at first. */
struct address_cache
{
    size_t next; /* the entry that is written over next */
    struct address_cache_entry
    {
        struct in_addr address;
        bool told;
        struct netbios_name name;
        uint64_t end_usec;
    } entries[ADDRESS_CACHE_MAX];
};

/* Remembers what the address told for 60 s; `name` NULL, that it told nothing, for 10 s. */
void address_cache_put(struct address_cache *cache, struct in_addr address,
                       const struct netbios_name *name, uint64_t now_usec);

/* The entry of the address, or NULL: it has to be asked. Valid until the next put. */
const struct address_cache_entry *address_cache_get(const struct address_cache *cache,
                                                    struct in_addr address, uint64_t now_usec);
