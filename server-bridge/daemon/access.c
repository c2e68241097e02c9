/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a slot's security descriptor lets other users of this machine do. */
#include "daemon/access.h"

#include <stdint.h>

/*
 * To Windows programs under Wine every Unix user looks the same, so a descriptor cannot name one of
 * them. What it can name are groups that every local user is in on Windows; entries for these count
 * for all others than the owner, entries for anybody else for none of them. A local user is no
 * network logon: entries for NETWORK (S-1-5-2), which often deny, do not apply.
 *
 * As Windows does: no DACL (or no descriptor) is the default one of the creator's token, which lets
 * in the creator alone (S1, C11); an empty DACL lets in nobody, a DACL that is there and NULL
 * everybody; entries count in their order, and the first that decides a right decides it for good.
 *
 * The bytes come from memory of a user who may mean harm: each is read once, at an offset that was
 * checked, and anything odd means no.
 */

/* [MS-DTYP] 2.4.6: the descriptor, 2.4.5: the ACL, 2.4.4: entries, 2.4.2: SIDs */
enum
{
    DESCRIPTOR_SIZE = 20,
    DESCRIPTOR_REVISION = 1,
    DESCRIPTOR_CONTROL = 2,
    DESCRIPTOR_DACL = 16,
    CONTROL_DACL_PRESENT = 0x0004,
    CONTROL_SELF_RELATIVE = 0x8000,
    ACL_HEADER_SIZE = 8,
    ACL_REVISION_MIN = 2,
    ACL_REVISION_MAX = 4,
    ACE_HEADER_SIZE = 4,
    ACE_SID = 8,
    ACE_INHERIT_ONLY = 0x08,
    SID_HEADER_SIZE = 8,
    SID_PARTS_MAX = 15,
};

enum ace_type
{
    ACE_ALLOWED = 0,
    ACE_DENIED = 1,
    ACE_DENIED_OBJECT = 6,
    ACE_DENIED_CALLBACK = 10,
    ACE_DENIED_CALLBACK_OBJECT = 12,
};

#define RIGHT_WRITE_DATA    0x00000002u
#define RIGHT_APPEND_DATA   0x00000004u
#define RIGHT_GENERIC_ALL   0x10000000u
#define RIGHT_GENERIC_WRITE 0x40000000u

struct access_sid
{
    uint8_t authority;
    uint8_t n_parts;
    uint32_t parts[2];
};

static const struct access_sid access_others[] = {
    {1, 1, {0}},       /* Everyone */
    {2, 1, {0}},       /* LOCAL */
    {5, 1, {4}},       /* INTERACTIVE */
    {5, 1, {11}},      /* Authenticated Users */
    {5, 2, {32, 545}}, /* BUILTIN\Users */
};

static uint32_t access_16(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t access_32(const uint8_t *bytes)
{
    return access_16(bytes) | access_16(bytes + 2) << 16;
}

/* -1: no SID. 1: one that stands for the others. */
static int access_read_sid(const uint8_t *sid, size_t size)
{
    uint8_t n_parts;

    if (size < SID_HEADER_SIZE || sid[0] != 1)
        return -1;
    n_parts = sid[1];
    if (n_parts > SID_PARTS_MAX || size - SID_HEADER_SIZE < n_parts * sizeof(uint32_t))
        return -1;
    /* Six bytes, the last one first in weight; those that count here are small. */
    for (int i = 2; i < 7; i++)
        if (sid[i])
            return 0;
    for (size_t i = 0; i < sizeof(access_others) / sizeof(*access_others); i++)
    {
        const struct access_sid *other = &access_others[i];
        bool same = sid[7] == other->authority && n_parts == other->n_parts;

        for (int k = 0; same && k < n_parts; k++)
            same = access_32(sid + SID_HEADER_SIZE + 4 * k) == other->parts[k];
        if (same)
            return 1;
    }
    return 0;
}

static uint32_t access_rights(uint32_t mask)
{
    uint32_t rights = mask & (RIGHT_WRITE_DATA | RIGHT_APPEND_DATA);

    if (mask & (RIGHT_GENERIC_WRITE | RIGHT_GENERIC_ALL))
        rights = RIGHT_WRITE_DATA | RIGHT_APPEND_DATA;
    return rights;
}

/* Rights that the entries have decided on so far. */
struct access_decision
{
    uint32_t allowed, denied;
};

/* false: an entry that cannot be read. */
static bool access_read_entry(const uint8_t *entry, size_t size, struct access_decision *decision)
{
    uint32_t open = (RIGHT_WRITE_DATA | RIGHT_APPEND_DATA) & ~decision->allowed & ~decision->denied;
    int sid;

    if (entry[1] & ACE_INHERIT_ONLY) /* for objects in this one: a slot has none */
        return true;
    switch (entry[0])
    {
    case ACE_ALLOWED:
    case ACE_DENIED:
        break;
    case ACE_DENIED_OBJECT:
    case ACE_DENIED_CALLBACK:
    case ACE_DENIED_CALLBACK_OBJECT:
        decision->denied |= open; /* whom it means under which condition is not known here */
        return true;
    default:
        return true;
    }
    if (size < ACE_SID)
        return false;
    sid = access_read_sid(entry + ACE_SID, size - ACE_SID);
    if (sid < 0)
        return false;
    if (sid == 0)
        return true;
    open &= access_rights(access_32(entry + 4));
    if (entry[0] == ACE_ALLOWED)
        decision->allowed |= open;
    else
        decision->denied |= open;
    return true;
}

static bool access_read_acl(const uint8_t *acl, size_t size)
{
    struct access_decision decision = {0};
    size_t end, at = ACL_HEADER_SIZE;
    uint32_t count;

    if (size < ACL_HEADER_SIZE || acl[0] < ACL_REVISION_MIN || acl[0] > ACL_REVISION_MAX)
        return false;
    end = access_16(acl + 2);
    count = access_16(acl + 4);
    if (end < ACL_HEADER_SIZE || end > size)
        return false;
    while (count--)
    {
        size_t entry;

        if (end - at < ACE_HEADER_SIZE)
            return false;
        entry = access_16(acl + at + 2);
        if (entry < ACE_HEADER_SIZE || entry % 4 || entry > end - at ||
            !access_read_entry(acl + at, entry, &decision))
            return false;
        at += entry;
    }
    /* Which right a program will ask for is not known: none may be denied, one must be given. */
    return decision.allowed && !decision.denied;
}

bool access_others_may_write(const void *descriptor, size_t size)
{
    const uint8_t *bytes = descriptor;
    uint32_t control, dacl;

    if (size < DESCRIPTOR_SIZE || bytes[0] != DESCRIPTOR_REVISION)
        return false;
    control = access_16(bytes + DESCRIPTOR_CONTROL);
    if (!(control & CONTROL_SELF_RELATIVE) || !(control & CONTROL_DACL_PRESENT))
        return false;
    dacl = access_32(bytes + DESCRIPTOR_DACL);
    if (!dacl)
        return true;
    if (dacl < DESCRIPTOR_SIZE || dacl % 4 || dacl > size)
        return false;
    return access_read_acl(bytes + dacl, size - dacl);
}
