/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams seen in the last two seconds, so that a copy is dropped */

/*
 * Copies are normal: Samba's nmbd handles every broadcast twice, a host on two cables is heard
 * twice, and Linux hands us our own broadcasts. The table is a set of small buckets; a key lives in
 * one bucket only, chosen by a hash that nobody outside can predict, and a full bucket forgets its
 * oldest key. So memory and time are constant, whatever a sender forges.
 *
 * The id alone does not tell copies from new datagrams: it has 16 bits, and a busy sender
 * comes round to it within the two seconds. A digest of what the datagram says makes the
 * difference. It need not resist forgery, for the source address can be forged as easily, but it
 * runs over every datagram that comes in and so takes eight bytes at a time.
 */

#include "net/netbios/dedupe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BUCKETS     1024 /* power of two */
#define BUCKET_SIZE 8

/* Odd 64-bit constants with well mixed bits: the golden ratio, and one of our own drawing. */
#define MIX_A UINT64_C(0x9e3779b97f4a7c15)
#define MIX_B UINT64_C(0xd6c1f3a5b2947e8b)

struct dedupe_entry
{
    uint64_t key;
    uint32_t digest;
    uint64_t expires_usec; /* 0: never used */
};

struct dedupe
{
    uint64_t seeds[2];
    struct dedupe_entry entries[BUCKETS][BUCKET_SIZE];
};

static uint64_t dedupe_pack(const struct dedupe_key *key)
{
    return (uint64_t)key->source.s_addr << 32 | (uint64_t)(uint8_t)key->type << 16 | key->id;
}

static size_t dedupe_bucket(const struct dedupe *dedupe, const struct dedupe_key *key)
{
    /* Multiply and fold for each part; the multipliers are odd and secret. */
    uint64_t h = dedupe_pack(key) * (dedupe->seeds[0] | 1);

    h = (h ^ h >> 32 ^ key->digest) * (dedupe->seeds[1] | 1);
    return (size_t)(h >> 40) & (BUCKETS - 1);
}

static uint64_t mix(uint64_t h, const uint8_t *bytes, size_t size)
{
    uint64_t word;

    for (; size >= sizeof(word); bytes += sizeof(word), size -= sizeof(word))
    {
        memcpy(&word, bytes, sizeof(word));
        h = (h ^ word) * MIX_A;
        /* A product carries upwards only, so the high bits come back down. */
        h ^= h >> 32;
    }
    if (size)
    {
        word = 0;
        memcpy(&word, bytes, size);
        h = (h ^ word) * MIX_A;
        h ^= h >> 32;
    }
    return h;
}

uint32_t dedupe_digest(const struct datagram *datagram)
{
    /* The size tells apart data that differ in zero bytes at the end only. */
    uint64_t h = mix(datagram->user_data_size, datagram->destination.bytes, NETBIOS_NAME_SIZE);

    h = mix(h, datagram->user_data, datagram->user_data_size) * MIX_B;
    return (uint32_t)(h >> 32);
}

int dedupe_new(struct dedupe **ret_dedupe)
{
    struct dedupe *dedupe = calloc(1, sizeof(*dedupe));

    if (!dedupe)
    {
        return -ENOMEM;
    }
    if (getrandom(dedupe->seeds, sizeof(dedupe->seeds), 0) != sizeof(dedupe->seeds))
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
    const struct dedupe_entry *bucket = dedupe->entries[dedupe_bucket(dedupe, key)];

    for (size_t i = 0; i < BUCKET_SIZE; i++)
    {
        if (bucket[i].key == packed && bucket[i].digest == key->digest &&
            bucket[i].expires_usec > now_usec)
        {
            return true;
        }
    }
    return false;
}

bool dedupe_enter(struct dedupe *dedupe, const struct dedupe_key *key, uint64_t now_usec)
{
    uint64_t packed = dedupe_pack(key);
    struct dedupe_entry *bucket = dedupe->entries[dedupe_bucket(dedupe, key)];
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
    oldest->digest = key->digest;
    oldest->expires_usec = now_usec + DEDUPE_WINDOW_USEC;
    return false;
}
