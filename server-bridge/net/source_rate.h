/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How often an address may be heard */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define SOURCE_RATE_SOURCES_MAX   1024 /* senders that are watched at the same time */
#define SOURCE_RATE_BURST_SECONDS 4

struct source_rate;

/* `rate`: datagrams a second from one address; 0: no limit. */
int source_rate_new(struct source_rate **ret_rates, uint32_t rate)
    __attribute__((warn_unused_result));
struct source_rate *source_rate_free(struct source_rate *rates);

/*
 * Counts one datagram of this source and says whether it is within the rate: a bucket that holds
 * SOURCE_RATE_BURST_SECONDS of the rate. When the table is full, the source that was quiet longest
 * is forgotten. Amortised constant time, no allocation.
 */
bool source_rate_take(struct source_rate *rates, struct in_addr address, uint64_t now_usec);
