/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Static unicast peers: hosts that get a group's messages though no broadcast reaches them */
#pragma once

#include "net/netbios/own.h"

#define PEERS_MAX_STATIC 64

struct static_peer
{
    struct in_addr address;
    struct netbios_name group;
};

/* A plain value. */
struct peers
{
    size_t n;
    struct static_peer list[PEERS_MAX_STATIC];
};

/* Codes of this module. */
enum
{
    PEERS_OK,
    PEERS_INVALID, /* not "ADDRESS" or "ADDRESS/GROUP", or too many */
};

/*
 * "10.1.2.3/SALES" sends what goes to the group SALES to 10.1.2.3 as well (wire.md 3.1, the pattern
 * of Samba's remote announce); without a group it is our own workgroup. The same peer twice is one.
 */
int peers_parse(struct peers *ret_peers, struct codepage *codepage,
                const struct netbios_name *workgroup, const char *const *texts, size_t n_texts)
    __attribute__((warn_unused_result));

bool peers_has_group(const struct peers *peers, const struct netbios_name *group);
