/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams seen in the last two seconds, so that a copy is dropped */

/*
 * Copies are normal: Samba's nmbd handles every broadcast twice, a host on two cables is heard
 * twice, and Linux hands us our own broadcasts. The table is a set of small buckets; a key lives in
 * one bucket only, chosen by a hash that nobody outside can predict, and a full bucket forgets its
 * oldest key. So memory and time are constant, whatever a sender forges.
 */

#include "net/netbios/dedupe.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define BUCKETS     1024 /* power of two */
#define BUCKET_SIZE 8

struct dedupe_entry
{
    uint64_t key;
    uint64_t expires_usec; /* 0: never used */
};

struct dedupe
{
    uint64_t seed;
    struct dedupe_entry entries[BUCKETS][BUCKET_SIZE];
};

static uint64_t dedupe_pack(const struct dedupe_key *key)
{
    return (uint64_t)key->source.s_addr << 32 | (uint64_t)(uint8_t)key->type << 16 | key->id;
}

static size_t dedupe_bucket(const struct dedupe *dedupe, uint64_t key)
{
    /* Multiply and fold, twice: enough to spread, and the seed is odd and secret. */
    uint64_t h = (key ^ dedupe->seed >> 1) * (dedupe->seed | 1);

    h ^= h >> 32;
    h *= UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(h >> 40) & (BUCKETS - 1);
}

int dedupe_new(struct dedupe **ret_dedupe)
{
    struct dedupe *dedupe = calloc(1, sizeof(*dedupe));

    if (!dedupe)
    {
        return -ENOMEM;
    }
    if (getrandom(&dedupe->seed, sizeof(dedupe->seed), 0) != sizeof(dedupe->seed))
    {
        free(dedupe);
        return -EIO;
    }
    *ret_dedupe = dedupe;
    return 0;
}

struct dedupe *dedupe_free(struct dedupe *dedupe)
{
    free(dedupe);
    return NULL;
}

bool dedupe_contains(const struct dedupe *dedupe, const struct dedupe_key *key, uint64_t now_usec)
{
    uint64_t packed = dedupe_pack(key);
    const struct dedupe_entry *bucket = dedupe->entries[dedupe_bucket(dedupe, packed)];

    for (size_t i = 0; i < BUCKET_SIZE; i++)
    {
        if (bucket[i].key == packed && bucket[i].expires_usec > now_usec)
        {
            return true;
        }
    }
    return false;
}

bool dedupe_enter(struct dedupe *dedupe, const struct dedupe_key *key, uint64_t now_usec)
{
    uint64_t packed = dedupe_pack(key);
    struct dedupe_entry *bucket = dedupe->entries[dedupe_bucket(dedupe, packed)];
    struct dedupe_entry *oldest = bucket;

    if (dedupe_contains(dedupe, key, now_usec))
    {
        return true;
    }
    for (size_t i = 1; i < BUCKET_SIZE; i++)
    {
        if (bucket[i].expires_usec < oldest->expires_usec)
        {
            oldest = &bucket[i];
        }
    }
    oldest->key = packed;
    oldest->expires_usec = now_usec + DEDUPE_WINDOW_USEC;
    return false;
}
