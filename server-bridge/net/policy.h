/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may send what to whom: source networks, slots, how often */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy_config
{
    const char *const *networks; /* "local", "all", "none", "10.1.0.0/16"; n 0: "local" */
    size_t n_networks;
    const char *const *receive_slots; /* shell patterns, any case; "!x" takes away; none: all */
    size_t n_receive_slots;
    const char *const *send_slots; /* as receive_slots */
    size_t n_send_slots;
    uint32_t source_rate; /* datagrams a second from one address; 0: no limit */
};

struct policy;
struct denial_log; /* net/denial_log.h */

/* -EINVAL and *ret_invalid: "allow_networks", "receive_slots", "send_slots". Copies all. */
int policy_new(struct policy **ret_policy, const struct policy_config *config,
               const char **ret_invalid) __attribute__((warn_unused_result));
struct policy *policy_free(struct policy *policy);

/* Adds one address that is allowed as well (a static peer, a WINS server). Bounded; -ENOBUFS. */
int policy_allow(struct policy *policy, struct in_addr address) __attribute__((warn_unused_result));

/* Whether this source may reach us; `local` says that it is in a subnet of ours. */
bool policy_source(const struct policy *policy, struct in_addr source, bool local);

/*
 * Whether a slot (UTF-8, not terminated, any case) may be reached from the network, or sent to. One
 * pattern without "!" has to fit, if there is any such, and none with "!". A name that is longer
 * than any frame fits "*" only, and every pattern with "!".
 */
bool policy_receive(const struct policy *policy, const char *slot, size_t size);
bool policy_send(const struct policy *policy, const char *slot, size_t size);

/*
 * Counts one datagram of this source and says whether it is within the rate, as source_rate_take()
 * does.
 */
bool policy_rate(struct policy *policy, struct in_addr source, uint64_t now_usec);

/* The same for node status requests: ten a second. */
bool policy_status_rate(struct policy *policy, struct in_addr source, uint64_t now_usec);

/* Where it is remembered which denials were logged; lives as long as the policy. */
struct denial_log *policy_denials(struct policy *policy);
