/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which NT names mean mailslots, and what they say. */
#include "winemailslot/names.h"

#include "winemailslot/guard.h"
#include "winemailslot/handles.h"

struct text /* a part of a name */
{
    const WCHAR *at;
    ULONG length; /* UTF-16 units */
};

static WCHAR name_upper(WCHAR unit)
{
    return unit >= 'a' && unit <= 'z' ? unit - 32 : unit;
}

/* Takes `prefix` (upper case, ASCII) off the front. */
static bool name_skip(struct text *text, const char *prefix)
{
    ULONG n = 0;

    for (; prefix[n]; n++)
        if (n >= text->length || name_upper(text->at[n]) != (WCHAR)prefix[n])
            return false;
    text->at += n;
    text->length -= n;
    return true;
}

/* "MAILSLOT" at the end, or followed by a backslash that is taken off, too. */
static bool name_skip_mailslot(struct text *text)
{
    struct text rest = *text;

    if (!name_skip(&rest, "MAILSLOT"))
        return false;
    if (rest.length && rest.at[0] != '\\')
        return false;
    if (rest.length)
    {
        rest.at++;
        rest.length--;
    }
    *text = rest;
    return true;
}

/* "host\MAILSLOT\name" */
static enum name_kind name_split_remote(struct text *text, struct text *ret_host)
{
    struct text rest = *text;

    ret_host->at = rest.at;
    ret_host->length = 0;
    while (rest.length && rest.at[0] != '\\')
    {
        rest.at++;
        rest.length--;
        ret_host->length++;
    }
    if (!ret_host->length || !name_skip(&rest, "\\") || !name_skip_mailslot(&rest) || !rest.length)
        return NAME_OTHER;
    *text = rest;
    return NAME_REMOTE;
}

static enum name_kind name_classify(struct text *text, struct text *ret_host)
{
    if (name_skip(text, "\\??\\") || name_skip(text, "\\DOSDEVICES\\") ||
        name_skip(text, "\\GLOBAL??\\"))
    {
        name_skip(text, "GLOBAL\\");
        if (name_skip_mailslot(text))
            return text->length ? NAME_LOCAL : NAME_DEVICE;
        if (name_skip(text, "UNC\\"))
            return name_split_remote(text, ret_host);
        if (!name_skip(text, "GLOBALROOT"))
            return NAME_OTHER;
    }
    if (!name_skip(text, "\\DEVICE\\"))
        return NAME_OTHER;
    if (name_skip_mailslot(text))
        return text->length ? NAME_LOCAL : NAME_DEVICE;
    if (name_skip(text, "MUP\\"))
        return name_split_remote(text, ret_host);
    return NAME_OTHER;
}

/* One code point of UTF-16 as generalised UTF-8; returns the units read. */
static ULONG name_encode(const WCHAR *units, ULONG left, char **out)
{
    uint32_t point = units[0];
    ULONG used = 1;
    char *o = *out;

    if (point >= 0xd800 && point < 0xdc00 && left > 1 && units[1] >= 0xdc00 && units[1] < 0xe000)
    {
        point = 0x10000 + ((point - 0xd800) << 10) + (units[1] - 0xdc00);
        used = 2;
    }
    if (point < 0x80)
        *o++ = point;
    else if (point < 0x800)
    {
        *o++ = 0xc0 | point >> 6;
        *o++ = 0x80 | (point & 0x3f);
    }
    else
    {
        if (point >= 0x10000)
        {
            *o++ = 0xf0 | point >> 18;
            *o++ = 0x80 | (point >> 12 & 0x3f);
        }
        else
            *o++ = 0xe0 | point >> 12;
        *o++ = 0x80 | (point >> 6 & 0x3f);
        *o++ = 0x80 | (point & 0x3f);
    }
    *out = o;
    return used;
}

static ULONG name_to_utf8(const struct text *text, char *bytes)
{
    char *out = bytes;

    for (ULONG i = 0; i < text->length;)
        i += name_encode(text->at + i, text->length - i, &out);
    return out - bytes;
}

ULONG name_to_utf16(const char *text, ULONG size, WCHAR *units, ULONG capacity)
{
    const uint8_t *in = (const uint8_t *)text;
    ULONG n = 0;

    for (ULONG i = 0; i < size;)
    {
        ULONG length = in[i] < 0x80 ? 1 : in[i] < 0xe0 ? 2 : in[i] < 0xf0 ? 3 : 4;
        uint32_t point = length == 1 ? in[i] : in[i] & (0xff >> (length + 1));

        for (ULONG k = 1; k < length && i + k < size; k++)
            point = point << 6 | (in[i + k] & 0x3f);
        i += length;
        if (point >= 0x10000)
        {
            if (n < capacity)
                units[n] = 0xd800 + ((point - 0x10000) >> 10 & 0x3ff);
            n++;
            point = 0xdc00 + (point & 0x3ff);
        }
        if (n < capacity)
            units[n] = point;
        n++;
    }
    return n;
}

bool name_readable(const OBJECT_ATTRIBUTES *attributes)
{
    const UNICODE_STRING *name;

    if (!guard_readable(attributes, sizeof(*attributes)))
        return false;
    name = attributes->ObjectName;
    if (!name)
        return true;
    return guard_readable(name, sizeof(*name)) &&
           (!name->Buffer || guard_readable(name->Buffer, name->Length));
}

NTSTATUS name_parse(const OBJECT_ATTRIBUTES *attributes, struct name *ret)
{
    struct text text, host = {NULL, 0};

    ret->kind = NAME_OTHER;
    ret->host = ret->name = NULL;
    ret->host_size = ret->name_size = 0;
    if (!attributes)
        return STATUS_SUCCESS;
    if (!name_readable(attributes))
        return STATUS_ACCESS_VIOLATION;
    if (!attributes->ObjectName || !attributes->ObjectName->Buffer)
        return STATUS_SUCCESS;
    text.at = attributes->ObjectName->Buffer;
    text.length = attributes->ObjectName->Length / sizeof(WCHAR);
    if (attributes->RootDirectory)
    {
        struct file *root = handles_peek(attributes->RootDirectory);

        if (!root || root->kind != FILE_DEVICE)
            return STATUS_SUCCESS;
        ret->kind = text.length ? NAME_LOCAL : NAME_DEVICE;
    }
    else
        ret->kind = name_classify(&text, &host);
    if (ret->kind != NAME_OTHER && !layer_ready())
        ret->kind = NAME_OTHER;
    if (ret->kind != NAME_LOCAL && ret->kind != NAME_REMOTE)
        return STATUS_SUCCESS;

    ret->host = layer_alloc((text.length + host.length) * 3 + 1);
    if (!ret->host)
        return STATUS_NO_MEMORY;
    ret->host_size = name_to_utf8(&host, ret->host);
    ret->name = ret->host + ret->host_size;
    ret->name_size = name_to_utf8(&text, ret->name);
    return STATUS_SUCCESS;
}

void name_free(struct name *name)
{
    if (name->host)
        layer_free(name->host);
}
