/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How often an address may be heard */

/*
 * The watched senders are a fixed set of entries that are always in the hash table and always in a
 * list ordered by their last datagram. A new sender takes the entry at the quiet end, so a flood of
 * forged addresses costs neither memory nor time, and a forgotten sender that comes back begins
 * with a full bucket: forging can give somebody a rate too high, but never shut anybody out. The
 * key holds a number that nobody outside knows, so that collisions can not be chosen either.
 */

/* Entries are all entered when the table is made: running out of memory is noticed there. */
#define HASH_NONFATAL_OOM          1
#define uthash_nonfatal_oom(entry) ((entry)->lost = true)

#include "net/source_rate.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <uthash.h>
#include <utlist.h>

#define SECOND_USEC UINT64_C(1000000)

struct source
{
    uint64_t key;    /* see source_key() */
    uint64_t tokens; /* datagrams in millionths */
    uint64_t filled_usec;
    bool lost; /* not in the hash table: out of memory */
    UT_hash_handle hh;
    struct source *prev, *next;
};

struct source_rate
{
    uint32_t rate;
    uint64_t secret;
    struct source *by_key;
    struct source *quiet; /* utlist, the one that was quiet longest first */
    struct source entries[SOURCE_RATE_SOURCES_MAX];
};

/* An address, or a larger number for an entry that no sender has taken yet. */
static uint64_t source_key(const struct source_rate *rates, uint64_t number)
{
    return number ^ rates->secret;
}

/* The sender's entry, now the last of the list. */
static struct source *source_get(struct source_rate *rates, struct in_addr address,
                                 uint64_t now_usec)
{
    uint64_t key = source_key(rates, address.s_addr);
    struct source *source;

    HASH_FIND(hh, rates->by_key, &key, sizeof(key), source);
    if (!source)
    {
        source = rates->quiet;
        HASH_DELETE(hh, rates->by_key, source);
        source->key = key;
        source->tokens = rates->rate * SECOND_USEC * SOURCE_RATE_BURST_SECONDS;
        source->filled_usec = now_usec;
        HASH_ADD(hh, rates->by_key, key, sizeof(source->key), source);
    }
    DL_DELETE(rates->quiet, source);
    DL_APPEND(rates->quiet, source);
    return source;
}

bool source_rate_take(struct source_rate *rates, struct in_addr address, uint64_t now_usec)
{
    uint64_t full = rates->rate * SECOND_USEC * SOURCE_RATE_BURST_SECONDS;
    struct source *source;
    uint64_t passed;

    if (rates->rate == 0)
    {
        return true;
    }
    source = source_get(rates, address, now_usec);
    /* A clock that went back refills nothing. */
    passed = now_usec > source->filled_usec ? now_usec - source->filled_usec : 0;
    source->filled_usec = now_usec;
    if (passed >= SOURCE_RATE_BURST_SECONDS * SECOND_USEC ||
        full - source->tokens <= passed * rates->rate)
    {
        source->tokens = full;
    }
    else
    {
        source->tokens += passed * rates->rate;
    }
    if (source->tokens < SECOND_USEC)
    {
        return false;
    }
    source->tokens -= SECOND_USEC;
    return true;
}

static int source_rate_init(struct source_rate *rates, uint32_t rate)
{
    if (getrandom(&rates->secret, sizeof(rates->secret), 0) != sizeof(rates->secret))
    {
        return -EIO;
    }
    rates->rate = rate;
    for (size_t i = 0; i < SOURCE_RATE_SOURCES_MAX; i++)
    {
        struct source *source = &rates->entries[i];

        source->key = source_key(rates, UINT64_C(1) << 32 | i);
        HASH_ADD(hh, rates->by_key, key, sizeof(source->key), source);
        if (source->lost)
        {
            return -ENOMEM;
        }
        DL_APPEND(rates->quiet, source);
    }
    /* From now on the number of entries stays the same, and so shall the table. */
    rates->by_key->hh.tbl->noexpand = 1;
    return 0;
}

int source_rate_new(struct source_rate **ret_rates, uint32_t rate)
{
    struct source_rate *rates = calloc(1, sizeof(*rates));
    int r;

    if (!rates)
    {
        return -ENOMEM;
    }
    r = source_rate_init(rates, rate);
    if (r < 0)
    {
        source_rate_free(rates);
        return r;
    }
    *ret_rates = rates;
    return 0;
}

struct source_rate *source_rate_free(struct source_rate *rates)
{
    if (!rates)
    {
        return NULL;
    }
    HASH_CLEAR(hh, rates->by_key);
    free(rates);
    return NULL;
}
