/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a target means before anybody is asked (semantics D2-D4, N15-N18) */
#pragma once

#include "net/netbios/interfaces.h"
#include "net/netbios/own.h"
#include "net/netbios/peers.h"

enum route_kind
{
    ROUTE_LOCAL,   /* this host only, no network (semantics Q6) */
    ROUTE_GROUP,   /* a group that is known: ours, or one with static peers */
    ROUTE_NAME,    /* a NetBIOS name: the name service must tell */
    ROUTE_ADDRESS, /* an IPv4 address, whose name is to be asked for */
    ROUTE_DNS,     /* can only be a DNS name */
};

struct route
{
    enum route_kind kind;
    struct netbios_name destination; /* LOCAL, GROUP, NAME */
    struct in_addr address;          /* ADDRESS */
    bool here;                       /* LOCAL; GROUP: this host is a member */
};

/* Codes of this module. */
enum
{
    RESOLVE_OK,
    RESOLVE_BAD_TARGET, /* can not name anything */
};

/*
 * "*" is the own workgroup. Own names are this host, own groups ROUTE_GROUP; the own workgroup goes
 * before a computer of the same name, as the neighbours are meant as well. Addresses of this host
 * are ROUTE_LOCAL. "NAME#1d" is the name with that suffix (beyond Windows). A target that fits
 * both, NetBIOS and DNS, is a NetBIOS name first.
 */
int resolve_target(const struct own_names *own, const struct peers *peers,
                   const struct interfaces *interfaces, struct codepage *codepage,
                   const char *target, struct route *ret_route) __attribute__((warn_unused_result));
