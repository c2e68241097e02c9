/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How mailslotctl prints what comes from others. */
#include "tools/output.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * Names and messages may come from anybody on the network, and a terminal obeys what is printed on
 * it. So nothing that is not a visible character of one direction gets through.
 */

/* Length of the UTF-8 sequence at `text`, and its character; 0 if there is none (RFC 3629 4). */
static size_t output_decode(const unsigned char *text, size_t size, uint32_t *ret)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = text[0] < 0x80             ? 1
                    : (text[0] & 0xe0) == 0xc0 ? 2
                    : (text[0] & 0xf0) == 0xe0 ? 3
                    : (text[0] & 0xf8) == 0xf0 ? 4
                                               : 0;
    uint32_t c;

    if (!length || length > size)
        return 0;
    c = length == 1 ? text[0] : text[0] & (0x7f >> length);
    for (size_t i = 1; i < length; i++)
    {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (text[i] & 0x3f);
    }
    if (c < smallest[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *ret = c;
    return length;
}

static bool output_is_visible(uint32_t c)
{
    static const uint32_t hidden[][2] = {
        {0, 0x1f},        /* control characters */
        {0x7f, 0x9f},     /* and more of them */
        {0x61c, 0x61c},   /* direction of writing, as are the next ones */
        {0x200b, 0x200f}, /* and no width */
        {0x2028, 0x202e}, /* line and paragraph separators */
        {0x2060, 0x206f}, {0xfeff, 0xfeff},
        {0xfff9, 0xfffb}, {0xe0000, 0xe0fff}, /* invisible tags */
    };

    for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
        if (c >= hidden[i][0] && c <= hidden[i][1])
            return false;
    return true;
}

size_t output_text(FILE *out, const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t columns = 0, length;
    uint32_t c;

    for (size_t i = 0; i < size; i += length)
    {
        length = output_decode(bytes + i, size - i, &c);
        if (length && output_is_visible(c))
        {
            fwrite(bytes + i, 1, length, out);
            columns++;
            continue;
        }
        length = length ? length : 1;
        for (size_t k = 0; k < length; k++)
            columns += fprintf(out, "\\x%02x", bytes[i + k]);
    }
    return columns;
}

void output_hex(FILE *out, const void *data, size_t size)
{
    const unsigned char *bytes = data;

    for (size_t line = 0; line < size; line += 16)
    {
        fprintf(out, "  %04zx ", line);
        for (size_t i = line; i < line + 16; i++)
            if (i < size)
                fprintf(out, " %02x", bytes[i]);
            else
                fputs("   ", out);
        fputs("  ", out);
        for (size_t i = line; i < size && i < line + 16; i++)
            fputc(bytes[i] >= ' ' && bytes[i] < 0x7f ? bytes[i] : '.', out);
        fputc('\n', out);
    }
}

bool output_json(json_t *document, bool line)
{
    size_t flags = JSON_ENSURE_ASCII | (line ? JSON_COMPACT : JSON_INDENT(2));
    bool done = document && json_dumpf(document, stdout, flags) == 0;

    json_decref(document);
    return putchar('\n') != EOF && (!line || fflush(stdout) == 0) && done;
}

json_t *output_time(uint64_t usec)
{
    time_t seconds = (time_t)(usec / 1000000);
    char text[64], day[32];
    struct tm tm;

    if (!gmtime_r(&seconds, &tm) || !strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm))
        return json_null();
    snprintf(text, sizeof(text), "%s.%06uZ", day, (unsigned int)(usec % 1000000));
    return json_string(text);
}

json_t *output_string(const char *text, size_t size)
{
    char *escaped = NULL;
    size_t escaped_size = 0, length;
    json_t *value = json_stringn(text, size);
    uint32_t c;
    FILE *out;

    if (value)
        return value;
    out = open_memstream(&escaped, &escaped_size);
    if (!out)
        return json_null();
    for (size_t i = 0; i < size; i += length)
    {
        length = output_decode((const unsigned char *)text + i, size - i, &c);
        if (length)
            fwrite(text + i, 1, length, out);
        else
            fprintf(out, "\\x%02x", (unsigned char)text[i]);
        length = length ? length : 1;
    }
    fclose(out);
    value = escaped ? json_stringn(escaped, escaped_size) : NULL;
    free(escaped);
    return value ? value : json_null();
}

json_t *output_hex_string(const void *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = data;
    char *text = malloc(2 * size + 1);
    json_t *value;

    if (!text)
        return json_null();
    for (size_t i = 0; i < size; i++)
    {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    value = json_stringn(text, 2 * size);
    free(text);
    return value ? value : json_null();
}

void output_message(json_t *object, const void *data, size_t size)
{
    json_t *text = json_stringn(data, size);

    json_object_set_new(object, "size", json_integer((json_int_t)size));
    json_object_set_new(object, "text", text ? text : json_null());
    json_object_set_new(object, "hex", output_hex_string(data, size));
}
