/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What claim.c and claim_messages.c share: each name at each place */
#pragma once

#include "net/netbios/claim.h"
#include "net/netbios/claim_wins.h"

enum broadcast_state
{
    BROADCAST_IDLE,
    BROADCAST_ASKING,
    BROADCAST_DONE,
};

struct claim
{
    enum broadcast_state broadcast;
    uint8_t sent;
    uint16_t id;
    uint64_t due;
    struct wins_record wins;
    bool got; /* the name is ours here */
};

struct place
{
    struct interface interface;
    struct claim claims[OWN_NAMES_MAX]; /* as own->list */
};

struct claims
{
    struct own_names *own;
    const struct interfaces *interfaces;
    struct net_counters *counters;
    struct ns_link link;
    enum node_type node;
    struct wins wins;
    bool released;
    uint64_t retry_due[OWN_NAMES_MAX]; /* of refused names */
    size_t n_places;
    struct place places[INTERFACES_MAX];
};

/* Makes the name HELD if all its first claims have come to an end and one was a success. */
void claims_settle(struct claims *claims, size_t name);

/* Somebody else has it: ends all its claims, and has it tried again later. */
void claims_refuse(struct claims *claims, size_t name, struct in_addr refuser, uint64_t now_usec);
