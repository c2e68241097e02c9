/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the chat's datagrams say. */
#include "chat.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/*
 * A datagram is one line of UTF-8, so that scripts can make and read them:
 *
 *     wmschat1 TAB NUMBER TAB NICK TAB COMPUTER TAB TO TAB TEXT
 *
 * NUMBER is different in every message, which tells a copy from a repetition. Anything else that
 * comes is shown as a text of nobody: `mailslotctl send` reaches it, too.
 */
#define TEXT_MAGIC  "wmschat1"
#define TEXT_FIELDS 6
#define TEXT_RECENT 64 /* messages; copies come within milliseconds */

/* Characters that move the cursor, turn the writing direction round or are no characters. */
static BOOL text_is_harmful(WCHAR c)
{
    return c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           c >= 0xfff0;
}

void chat_clean(WCHAR *out, DWORD capacity, const WCHAR *text)
{
    DWORD n = 0;

    for (; *text && n + 1 < capacity; text++)
    {
        BOOL pair = IS_SURROGATE_PAIR(text[0], text[1]);

        if (pair && n + 2 >= capacity)
            break;
        if (pair)
            out[n++] = *text++;
        else if (IS_HIGH_SURROGATE(*text) || IS_LOW_SURROGATE(*text) || text_is_harmful(*text))
        {
            out[n++] = 0x00b7; /* a dot in the middle of the line */
            continue;
        }
        out[n++] = *text;
    }
    out[n] = 0;
}

static DWORD text_to_utf8(const WCHAR *text, DWORD units, char *bytes, DWORD capacity)
{
    if (!units || !capacity)
        return 0;
    return (DWORD)WideCharToMultiByte(CP_UTF8, 0, text, (int)units, bytes, (int)capacity, NULL,
                                      NULL);
}

static DWORD text_character_units(const WCHAR *text)
{
    return IS_SURROGATE_PAIR(text[0], text[1]) ? 2 : 1;
}

/* How much of the text fits; ends with a word if the last third has an end of one. */
static DWORD text_fitting(const WCHAR *text, DWORD room)
{
    DWORD units = 0, word = 0, size = 0;
    char character[8];

    while (text[units])
    {
        DWORD step = text_character_units(text + units);

        size += text_to_utf8(text + units, step, character, sizeof(character));
        if (size > room)
            return word > units * 2 / 3 ? word : units;
        units += step;
        if (text[units - 1] == ' ')
            word = units;
    }
    return units;
}

DWORD chat_encode(const struct chat_message *from, DWORD session, DWORD number, const WCHAR *text,
                  char *bytes, DWORD *ret_used)
{
    char head[CHAT_MESSAGE_MAX], nick[3 * CHAT_NAME_MAX + 1] = "", host[3 * CHAT_NAME_MAX + 1] = "",
                                                          to[3 * CHAT_NAME_MAX + 1] = "";
    DWORD size, used;

    /* At most 8 + 16 + 3 * 45 + 5 bytes: more than half of the room is the text's. */
    text_to_utf8(from->nick, (DWORD)lstrlenW(from->nick), nick, sizeof(nick) - 1);
    text_to_utf8(from->host, (DWORD)lstrlenW(from->host), host, sizeof(host) - 1);
    text_to_utf8(from->to, (DWORD)lstrlenW(from->to), to, sizeof(to) - 1);
    size = (DWORD)snprintf(head, sizeof(head), TEXT_MAGIC "\t%08lx%08lx\t%s\t%s\t%s\t", session,
                           number, nick, host, to);
    used = text_fitting(text, CHAT_MESSAGE_MAX - size);
    memcpy(bytes, head, size);
    size += text_to_utf8(text, used, bytes + size, CHAT_MESSAGE_MAX - size);
    *ret_used = used;
    return size;
}

/* Takes the bytes apart at the tabs; the last field has the rest. Returns how many there are. */
static int text_split(const char *bytes, DWORD size, const char **fields, DWORD *sizes)
{
    int n = 0;

    fields[0] = bytes;
    for (DWORD i = 0; i < size && n < TEXT_FIELDS - 1; i++)
    {
        if (bytes[i] != '\t')
            continue;
        sizes[n] = (DWORD)(bytes + i - fields[n]);
        fields[++n] = bytes + i + 1;
    }
    sizes[n] = (DWORD)(bytes + size - fields[n]);
    return n + 1;
}

/* Invalid UTF-8 becomes U+FFFD, and so a dot. */
static void text_from_utf8(const char *bytes, DWORD size, WCHAR *out, DWORD capacity)
{
    WCHAR text[CHAT_MESSAGE_MAX + 1];
    int units = 0;

    if (size)
        units = MultiByteToWideChar(CP_UTF8, 0, bytes, (int)size, text, CHAT_MESSAGE_MAX);
    for (int i = 0; i < units; i++)
        if (!text[i])
            text[i] = 1; /* a zero byte is no end */
    text[units] = 0;
    chat_clean(out, capacity, text);
}

static BOOL text_is_chat(const char *bytes, DWORD size, const char **fields, DWORD *sizes)
{
    return text_split(bytes, size, fields, sizes) == TEXT_FIELDS &&
           sizes[0] == sizeof(TEXT_MAGIC) - 1 && !memcmp(fields[0], TEXT_MAGIC, sizes[0]) &&
           sizes[2];
}

void chat_decode(const char *bytes, DWORD size, struct chat_message *ret)
{
    const char *fields[TEXT_FIELDS];
    DWORD sizes[TEXT_FIELDS];

    memset(ret, 0, sizeof(*ret));
    if (size > CHAT_MESSAGE_MAX)
        size = CHAT_MESSAGE_MAX;
    if (!text_is_chat(bytes, size, fields, sizes))
    {
        text_from_utf8(bytes, size, ret->text, ARRAYSIZE(ret->text));
        return;
    }
    text_from_utf8(fields[2], sizes[2], ret->nick, ARRAYSIZE(ret->nick));
    text_from_utf8(fields[3], sizes[3], ret->host, ARRAYSIZE(ret->host));
    text_from_utf8(fields[4], sizes[4], ret->to, ARRAYSIZE(ret->to));
    text_from_utf8(fields[5], sizes[5], ret->text, ARRAYSIZE(ret->text));
}

/* The whole datagram counts: a forged number cannot suppress another's message. */
BOOL chat_seen(const char *bytes, DWORD size)
{
    static uint64_t recent[TEXT_RECENT];
    static DWORD next;
    const char *fields[TEXT_FIELDS];
    DWORD sizes[TEXT_FIELDS];
    uint64_t hash = 14695981039346656037u; /* FNV-1a */

    if (!text_is_chat(bytes, size, fields, sizes))
        return FALSE;
    for (DWORD i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211u;
    for (DWORD i = 0; i < TEXT_RECENT; i++)
        if (recent[i] == hash)
            return TRUE;
    recent[next++ % TEXT_RECENT] = hash;
    return FALSE;
}
