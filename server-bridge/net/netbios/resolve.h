/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a target name leads: to this host, to a group, to one computer (semantics D2-D4) */
#pragma once

#include "net/netbios/own.h"

enum route_kind
{
    ROUTE_LOCAL, /* this host only, no network (semantics Q6) */
    ROUTE_GROUP, /* broadcast, and a copy for this host's own slot (D10) */
};

struct route
{
    enum route_kind kind;
    struct netbios_name destination;
};

/* Codes of this module. */
enum
{
    RESOLVE_OK,
    RESOLVE_UNRESOLVED, /* nobody of that name is known */
    RESOLVE_BAD_TARGET, /* can not name anything */
};

/*
 * Resolves what is known without asking anybody: "*" and the own workgroup are the group, the own
 * computer and the further own names are this host. RESOLVE_UNRESOLVED for all others: this is
 * where the name service (cache, WINS, broadcast query, addresses) comes in.
 */
int resolve_target(const struct own_names *own, struct codepage *codepage, const char *target,
                   struct route *ret_route) __attribute__((warn_unused_result));
