/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams seen in the last two seconds, so that a copy is dropped (wire.md 1.7, semantics D9) */
#pragma once

#include "net/netbios/datagram.h"

#include <stdbool.h>

#define DEDUPE_WINDOW_USEC UINT64_C(2000000)

struct dedupe_key
{
    struct in_addr source; /* of the UDP packet, not what the datagram claims */
    enum datagram_type type;
    uint16_t id;
    /*
     * Of destination and user data: a busy sender comes round to an id within 2 s (65536 of them
     * at 32,768/s), and those are no duplicates.
     */
    uint32_t digest;
};

/* The digest of a datagram; fast, not secret: who can forge the rest can forge it as well. */
uint32_t dedupe_digest(const struct datagram *datagram);

struct dedupe;

int dedupe_new(struct dedupe **ret_dedupe) __attribute__((warn_unused_result));
struct dedupe *dedupe_free(struct dedupe *dedupe);

/*
 * Enters the key and says whether it was there already, entered less than 2 s before `now_usec`
 * (any clock that does not go back). A repeated key keeps its first time: a sender that comes round
 * to the same id is heard again. The table never grows; when it overflows, the oldest are
 * forgotten.
 */
bool dedupe_enter(struct dedupe *dedupe, const struct dedupe_key *key, uint64_t now_usec);

/* Whether the key was entered less than 2 s ago; enters nothing. */
bool dedupe_contains(const struct dedupe *dedupe, const struct dedupe_key *key, uint64_t now_usec);
