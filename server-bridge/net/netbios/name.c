/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetBIOS names: 16 bytes, and their encoded form in datagrams */

#include "net/netbios/name.h"

#include <stdio.h>
#include <string.h>

/* RFC 1001 14.1, first level: each half-byte becomes one of the letters 'A'..'P'. */
#define HALF_BYTE_BASE 'A'
#define HALF_BYTES     (2 * NETBIOS_NAME_SIZE)

/* RFC 1002 4.1: the two high bits of a label's length byte; only 00 is a label. */
#define LABEL_TYPE_MASK 0xc0
#define LABEL_CHARS_MAX 63

_Static_assert(NETBIOS_NAME_ENCODED_SIZE == 1 + HALF_BYTES + 1, "length, half-bytes, root");
_Static_assert(NETBIOS_NAME_PRINT_SIZE == 65, "the size in the header's prototype");

static uint8_t upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
}

int netbios_name_make(struct netbios_name *ret_name, const char *chars, size_t size, uint8_t suffix)
{
    struct netbios_name name;

    if (size < 1 || size > NETBIOS_NAME_CHARS_MAX || chars[0] == '*' || chars[size - 1] == ' ')
    {
        return NETBIOS_NAME_INVALID;
    }
    memset(name.bytes, ' ', NETBIOS_NAME_CHARS_MAX);
    name.bytes[NETBIOS_NAME_CHARS_MAX] = suffix;
    for (size_t i = 0; i < size; i++)
    {
        uint8_t c = (uint8_t)chars[i];

        if (c < 0x20 || c == 0x7f || c == '\\' || c == '/')
        {
            return NETBIOS_NAME_INVALID;
        }
        name.bytes[i] = upper(c);
    }
    *ret_name = name;
    return NETBIOS_NAME_OK;
}

int netbios_scope_make(struct netbios_scope *ret_scope, const char *text)
{
    struct netbios_scope scope = {};

    while (*text)
    {
        size_t length = strcspn(text, ".");

        if (length < 1 || length > LABEL_CHARS_MAX ||
            scope.size + 1 + length > NETBIOS_SCOPE_LABELS_MAX)
        {
            return NETBIOS_NAME_INVALID;
        }
        scope.labels[scope.size++] = (uint8_t)length;
        for (size_t i = 0; i < length; i++)
        {
            scope.labels[scope.size++] = upper((uint8_t)text[i]);
        }
        text += length;
        /* A dot must have a label behind it. */
        if (*text == '.' && *++text == 0)
        {
            return NETBIOS_NAME_INVALID;
        }
    }
    *ret_scope = scope;
    return NETBIOS_NAME_OK;
}

bool netbios_scope_matches(const struct netbios_scope *scope, const uint8_t *labels, size_t size)
{
    if (size != scope->size)
    {
        return false;
    }
    /* Length bytes are at most 63 and so never taken for letters. */
    for (size_t i = 0; i < size; i++)
    {
        if (upper(labels[i]) != upper(scope->labels[i]))
        {
            return false;
        }
    }
    return true;
}

struct netbios_name netbios_name_wildcard(void)
{
    return (struct netbios_name){.bytes = {'*'}};
}

bool netbios_name_is_wildcard(const struct netbios_name *name)
{
    struct netbios_name wildcard = netbios_name_wildcard();

    return netbios_name_equal(name, &wildcard);
}

bool netbios_name_equal(const struct netbios_name *a, const struct netbios_name *b)
{
    return memcmp(a->bytes, b->bytes, NETBIOS_NAME_SIZE) == 0;
}

size_t netbios_name_length(const struct netbios_name *name)
{
    uint8_t padding = netbios_name_is_wildcard(name) ? 0 : ' ';
    size_t length = NETBIOS_NAME_CHARS_MAX;

    while (length > 0 && name->bytes[length - 1] == padding)
    {
        length--;
    }
    return length;
}

size_t netbios_name_encode(const struct netbios_name *name, const struct netbios_scope *scope,
                           uint8_t ret_bytes[static NETBIOS_NAME_ENCODED_MAX])
{
    uint8_t *p = ret_bytes;

    *p++ = HALF_BYTES;
    for (size_t i = 0; i < NETBIOS_NAME_SIZE; i++)
    {
        *p++ = (uint8_t)(HALF_BYTE_BASE + (name->bytes[i] >> 4));
        *p++ = (uint8_t)(HALF_BYTE_BASE + (name->bytes[i] & 0x0f));
    }
    memcpy(p, scope->labels, scope->size);
    p[scope->size] = 0;
    return NETBIOS_NAME_ENCODED_SIZE + scope->size;
}

int netbios_name_decode(const void *bytes, size_t size, struct netbios_name *ret_name,
                        size_t *ret_scope_size, size_t *ret_taken)
{
    const uint8_t *p = bytes;
    struct netbios_name name = {};
    size_t at = 1 + HALF_BYTES;

    if (size < NETBIOS_NAME_ENCODED_SIZE || p[0] != HALF_BYTES)
    {
        return NETBIOS_NAME_BROKEN;
    }
    for (size_t i = 0; i < HALF_BYTES; i++)
    {
        /* Unsigned, so that characters below 'A' wrap and fail as well. */
        uint8_t half = (uint8_t)(p[1 + i] - HALF_BYTE_BASE);

        if (half > 0x0f)
        {
            return NETBIOS_NAME_BROKEN;
        }
        name.bytes[i / 2] = (uint8_t)(name.bytes[i / 2] << 4 | half);
    }
    while (at < size && p[at] != 0)
    {
        if (p[at] & LABEL_TYPE_MASK)
        {
            return NETBIOS_NAME_BROKEN;
        }
        at += 1u + p[at];
        /* The root label counts as well. */
        if (at + 1 > NETBIOS_SCOPE_MAX)
        {
            return NETBIOS_NAME_BROKEN;
        }
    }
    if (at >= size)
    {
        return NETBIOS_NAME_BROKEN;
    }
    *ret_name = name;
    *ret_scope_size = at - (1 + HALF_BYTES);
    *ret_taken = at + 1;
    return NETBIOS_NAME_OK;
}

void netbios_name_print(const struct netbios_name *name, char ret_text[static 65])
{
    size_t length = netbios_name_length(name);
    char *out = ret_text;

    for (size_t i = 0; i < length; i++)
    {
        uint8_t c = name->bytes[i];

        if (c < 0x20 || c > 0x7e || c == '\\' || c == '"' || c == '<')
        {
            out += sprintf(out, "\\x%02X", c);
        }
        else
        {
            *out++ = (char)c;
        }
    }
    sprintf(out, "<%02x>", name->bytes[NETBIOS_NAME_CHARS_MAX]);
}
