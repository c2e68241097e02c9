/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers to questions for our names: name queries and node status (RFC 1002 5.1.2, 4.2.18) */
#pragma once

#include "net/netbios/ns_link.h"
#include "net/netbios/own.h"

/*
 * Makes the answer to a query or node status request, if it gets one: false means silence. A name
 * query is answered for names that we hold, with the address that it came in on first and our other
 * ones behind it (multi-homed hosts); TTL and flags as wire.md 1.7. Broadcast and unicast queries
 * for names that we lack are met with silence, as are all broadcasts at a P node (RFC 1001 10.2).
 * The wildcard "*" is answered as the computer's name would be, once that is held (wire.md 2.5).
 * Node status is answered for "*" and for names that we hold, to the local subnets only: it is five
 * times as long as the question (wire.md 1.9). The caller limits how often.
 */
bool answer_query(const struct own_names *own, const struct interfaces *interfaces,
                  enum node_type node, const struct ns_message *query,
                  const struct ns_arrival *arrival, struct ns_message *ret_answer);
