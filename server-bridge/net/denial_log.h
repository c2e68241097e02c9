/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which denials were logged already: each is said once */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What is denied, and what tells one denial from another. */
enum denial
{
    DENIAL_INTERFACE,   /* its index */
    DENIAL_SOURCE,      /* of a datagram: its address, as for all of these */
    DENIAL_RATE,        /* of datagrams */
    DENIAL_RECEIVE,     /* the slot */
    DENIAL_SEND,        /* the slot */
    DENIAL_NAME_SOURCE, /* of a request of the name service */
    DENIAL_NAME_RATE,
    DENIAL_NAME_STATUS, /* the rate of node status requests */
    DENIALS,
};

#define DENIAL_LOG_KEYS_MAX 64 /* lines of one kind within an hour */

enum denial_log_worth
{
    DENIAL_LOG_NOTHING,
    DENIAL_LOG_LINE, /* say it */
    DENIAL_LOG_MORE, /* say denial_log_more(): from now on there is no room for more lines */
};

struct denial_log;

int denial_log_new(struct denial_log **ret_log) __attribute__((warn_unused_result));
struct denial_log *denial_log_free(struct denial_log *log);

/*
 * Whether this denial is worth a log line: once for each kind and key, and again not before an
 * hour. The kinds do not take each other's room. No allocation, and no time that grows with the
 * number of denials.
 */
enum denial_log_worth denial_log_once(struct denial_log *log, enum denial kind, const void *key,
                                      size_t size, uint64_t now_usec);

/* A static sentence. */
const char *denial_log_more(enum denial kind);
