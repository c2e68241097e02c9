/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slot names: which are valid, and which are the same. */
#include "daemon/fold.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "control/protocol.h"

/*
 * Windows programs may use any UTF-16, lone surrogates included; the Windows side sends such names
 * as generalised UTF-8. So this decodes leniently, never fails, and keeps what it cannot read.
 */

bool fold_valid(const char *name, size_t size)
{
    if (!size || size > CONTROL_NAME_MAX || memchr(name, 0, size))
        return false;
    if (name[0] == '\\' || name[size - 1] == '\\')
        return false;
    return !memmem(name, size, "\\\\", 2);
}

/* Bytes of the sequence at `bytes`, and its code point; 1 and the byte itself if it is none. */
static size_t fold_decode(const uint8_t *bytes, size_t size, uint32_t *ret_point, bool *ret_valid)
{
    size_t length = bytes[0] < 0x80 ? 1 : bytes[0] >> 5 == 6 ? 2 : bytes[0] >> 4 == 14 ? 3 : 0;
    uint32_t point = bytes[0];

    *ret_valid = length == 1;
    *ret_point = point;
    if (length < 2 || length > size)
        return 1;
    point = bytes[0] & (0xff >> (length + 1));
    for (size_t i = 1; i < length; i++)
    {
        if (bytes[i] >> 6 != 2)
            return 1;
        point = point << 6 | (bytes[i] & 0x3f);
    }
    if (point < (length == 2 ? 0x80u : 0x800u))
        return 1;
    *ret_valid = true;
    *ret_point = point;
    return length;
}

static size_t fold_encode(uint8_t *bytes, uint32_t point)
{
    if (point < 0x80)
    {
        bytes[0] = point;
        return 1;
    }
    if (point < 0x800)
    {
        bytes[0] = 0xc0 | point >> 6;
        bytes[1] = 0x80 | (point & 0x3f);
        return 2;
    }
    bytes[0] = 0xe0 | point >> 12;
    bytes[1] = 0x80 | (point >> 6 & 0x3f);
    bytes[2] = 0x80 | (point & 0x3f);
    return 3;
}

/* glibc's own table through a locale of our own: the daemon's environment must not matter. */
static uint32_t fold_upper(uint32_t point)
{
    static locale_t locale;
    wint_t upper;

    if (point < 0x80)
        return point >= 'a' && point <= 'z' ? point - 32 : point;
    if (!locale)
        locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    if (!locale || (point >= 0xd800 && point < 0xe000))
        return point;
    upper = towupper_l(point, locale);
    /* NT maps within one UTF-16 unit, and never a letter beyond ASCII onto an ASCII one. */
    return upper < 0x10000 && upper >= 0x80 ? upper : point;
}

char *fold_key(const char *name, size_t size)
{
    const uint8_t *in = (const uint8_t *)name;
    uint8_t *key = malloc(size * 3 + 1), *out = key;

    if (!key)
        return NULL;
    for (size_t i = 0; i < size;)
    {
        uint32_t point;
        bool valid;
        size_t length = fold_decode(in + i, size - i, &point, &valid);

        if (valid)
            out += fold_encode(out, fold_upper(point));
        else
            *out++ = in[i];
        i += length;
    }
    *out = 0;
    return (char *)key;
}
