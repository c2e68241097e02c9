/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which name an address told us lately */
#pragma once

#include "net/netbios/name.h"

#include <netinet/in.h>

#define ADDRESS_CACHE_MAX      256
#define ADDRESS_CACHE_USER_MAX 64 /* that one user has asked for */

/* A plain value, all zero at first. */
struct address_cache
{
    struct address_cache_entry
    {
        struct in_addr address;
        uint32_t user; /* see struct net_request */
        bool told;
        struct netbios_name name;
        uint64_t end_usec;
    } entries[ADDRESS_CACHE_MAX];
};

/*
 * Remembers what the address told for 60 s; `name` NULL, that it told nothing, for 10 s. When
 * there is no room, or none for what this user asks for, what ends first of it all is forgotten.
 */
void address_cache_put(struct address_cache *cache, uint32_t user, struct in_addr address,
                       const struct netbios_name *name, uint64_t now_usec);

/* The entry of the address, or NULL: it has to be asked. Valid until the next put. */
const struct address_cache_entry *address_cache_get(const struct address_cache *cache,
                                                    struct in_addr address, uint64_t now_usec);
