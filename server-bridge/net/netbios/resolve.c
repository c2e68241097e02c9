/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a target means before anybody is asked */

#include "net/netbios/resolve.h"

#include "net/netbios/dns.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_nonsense(const char *target)
{
    for (const char *p = target; *p; p++)
    {
        if ((unsigned char)*p < 0x20 || *p == '\\' || *p == '/')
        {
            return true;
        }
    }
    return *target == 0 || *target == '*';
}

/* The first `size` bytes decide. */
static const struct own_name *own_search(const struct own_names *own,
                                         const struct netbios_name *name, size_t size, bool group)
{
    for (size_t i = 0; i < own->n; i++)
    {
        const struct own_name *entry = &own->list[i];

        if (entry->group == group && memcmp(entry->name.bytes, name->bytes, size) == 0)
        {
            return entry;
        }
    }
    return NULL;
}

static bool is_loopback(struct in_addr address)
{
    return ntohl(address.s_addr) >> 24 == 127;
}

/* Windows' targets have no suffix: then the own name HOST#20 is reached as HOST as well. */
static void resolve_name(const struct own_names *own, const struct peers *peers,
                         const struct netbios_name *name, bool suffix, struct route *ret_route)
{
    const struct own_name *group = own_search(own, name, NETBIOS_NAME_SIZE, true);
    const struct own_name *unique =
        own_search(own, name, suffix ? NETBIOS_NAME_SIZE : NETBIOS_NAME_CHARS_MAX, false);

    *ret_route = (struct route){.kind = ROUTE_NAME, .destination = *name};
    if (group)
    {
        ret_route->kind = ROUTE_GROUP;
        ret_route->here = true;
    }
    else if (unique && unique->state != OWN_REFUSED)
    {
        ret_route->kind = ROUTE_LOCAL;
        ret_route->destination = unique->name;
        ret_route->here = true;
    }
    else if (peers_has_group(peers, name))
    {
        ret_route->kind = ROUTE_GROUP;
    }
}

int resolve_target(const struct own_names *own, const struct peers *peers,
                   const struct interfaces *interfaces, struct codepage *codepage,
                   const char *target, struct route *ret_route)
{
    char oem[NETBIOS_NAME_CHARS_MAX];
    struct netbios_name name;
    struct in_addr address;
    size_t size;

    if (strcmp(target, "*") == 0)
    {
        *ret_route = (struct route){
            .kind = ROUTE_GROUP,
            .destination = own->list[OWN_WORKGROUP].name,
            .here = true,
        };
        return RESOLVE_OK;
    }
    if (is_nonsense(target))
    {
        return RESOLVE_BAD_TARGET;
    }
    if (inet_pton(AF_INET, target, &address) == 1)
    {
        bool here = is_loopback(address) || interfaces_is_here(interfaces, address);

        /* Not a way round the groups to everybody at once. */
        if (!here && !interfaces_is_host(interfaces, address))
        {
            return RESOLVE_BAD_TARGET;
        }
        *ret_route = (struct route){
            .kind = here ? ROUTE_LOCAL : ROUTE_ADDRESS,
            .destination = own->list[OWN_COMPUTER].name,
            .address = address,
            .here = here,
        };
        return RESOLVE_OK;
    }
    /* Beyond Windows, as Samba's tools write it: SALES#1d is the name with that suffix. */
    if (strchr(target, '#') && own_parse(&name, codepage, target) == OWN_OK)
    {
        resolve_name(own, peers, &name, true, ret_route);
        return RESOLVE_OK;
    }
    if (codepage_encode_upper(codepage, target, strlen(target), oem, sizeof(oem), &size) == 0 &&
        netbios_name_make(&name, oem, size, NETBIOS_SUFFIX_HOST) == 0)
    {
        resolve_name(own, peers, &name, false, ret_route);
        return RESOLVE_OK;
    }
    if (strlen(target) > DNS_NAME_MAX)
    {
        return RESOLVE_BAD_TARGET;
    }
    *ret_route = (struct route){.kind = ROUTE_DNS};
    return RESOLVE_OK;
}
