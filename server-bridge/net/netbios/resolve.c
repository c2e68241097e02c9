/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a target name leads: to this host, to a group, to one computer */

#include "net/netbios/resolve.h"

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

int resolve_target(const struct own_names *own, struct codepage *codepage, const char *target,
                   struct route *ret_route)
{
    char oem[NETBIOS_NAME_CHARS_MAX];
    struct netbios_name name;
    size_t size;

    if (strcmp(target, "*") == 0)
    {
        *ret_route = (struct route){.kind = ROUTE_GROUP, .destination = own->workgroup};
        return RESOLVE_OK;
    }
    if (is_nonsense(target))
    {
        return RESOLVE_BAD_TARGET;
    }
    /* Too long or not in the code page: no NetBIOS name, but perhaps a DNS name one day. */
    if (codepage_encode(codepage, target, strlen(target), oem, sizeof(oem), &size) ||
        netbios_name_make(&name, oem, size, NETBIOS_SUFFIX_HOST))
    {
        return RESOLVE_UNRESOLVED;
    }
    /* Before the computer: with both names equal, the neighbours are meant as well. */
    if (netbios_name_equal(&name, &own->workgroup))
    {
        *ret_route = (struct route){.kind = ROUTE_GROUP, .destination = name};
        return RESOLVE_OK;
    }
    if (netbios_name_equal(&name, &own->computer))
    {
        *ret_route = (struct route){.kind = ROUTE_LOCAL, .destination = name};
        return RESOLVE_OK;
    }
    for (size_t i = 0; i < own->n_extra; i++)
    {
        /* Targets have no suffix: HOST#20 is reached as HOST as well. */
        if (memcmp(name.bytes, own->extra[i].bytes, NETBIOS_NAME_CHARS_MAX) == 0)
        {
            *ret_route = (struct route){.kind = ROUTE_LOCAL, .destination = own->extra[i]};
            return RESOLVE_OK;
        }
    }
    return RESOLVE_UNRESOLVED;
}
