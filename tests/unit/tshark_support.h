/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All packets of a test through one tshark, which prints a line for each (wire.md 2.3) */
#pragma once

#include "net/netbios/name.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tshark
{
    char directory[32];
    FILE *hex;   /* the packets, until they are read */
    FILE *lines; /* what it says of them */
};

static inline bool tshark_have(const char *program)
{
    char command[128];

    snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", program);
    return system(command) == 0;
}

/* Skips the test if the programs are missing. */
static inline void tshark_begin(struct tshark *tshark)
{
    char path[64];

    if (!tshark_have("tshark") || !tshark_have("text2pcap"))
    {
        print_message("skipped: no tshark or text2pcap here\n");
        skip();
    }
    strcpy(tshark->directory, "/tmp/test_tshark.XXXXXX");
    assert_non_null(mkdtemp(tshark->directory));
    snprintf(path, sizeof(path), "%s/hex", tshark->directory);
    tshark->hex = fopen(path, "w");
    assert_non_null(tshark->hex);
}

/* As od -Ax -tx1 would print it: an offset of 0 begins a new packet for text2pcap. */
static inline void tshark_add(struct tshark *tshark, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
    {
        if (i % 16 == 0)
        {
            fprintf(tshark->hex, "%s%06zx", i ? "\n" : "", i);
        }
        fprintf(tshark->hex, " %02x", bytes[i]);
    }
    fprintf(tshark->hex, "\n%06zx\n", size);
}

/* `fields` is "-e field -e field"; packets that do not fit the filter give no line. */
static inline void tshark_run(struct tshark *tshark, const char *dissector, const char *filter,
                              const char *fields)
{
    char command[2048];

    assert_int_equal(fclose(tshark->hex), 0);
    snprintf(command, sizeof(command),
             "cd %s && text2pcap -q -u 10138,10138 hex pcap 2>/dev/null && tshark -r pcap "
             "-d udp.port==10138,%s -Y '%s' -T fields -E 'separator=|' %s 2>/dev/null",
             tshark->directory, dissector, filter, fields);
    tshark->lines = popen(command, "r");
    assert_non_null(tshark->lines);
}

/* Takes out what it explains of a suffix, as in "HOSTA<00> (Workstation/Redirector)". */
static inline void tshark_strip(char *line)
{
    char *begin, *end;

    while ((begin = strstr(line, " (")) && (end = strchr(begin, ')')))
    {
        memmove(begin, end + 1, strlen(end + 1) + 1);
    }
}

static inline void tshark_expect(struct tshark *tshark, const char *expected)
{
    static char line[8192];

    if (!fgets(line, sizeof(line), tshark->lines))
    {
        fail_msg("no line for: %s", expected);
    }
    line[strcspn(line, "\n")] = 0;
    tshark_strip(line);
    assert_string_equal(line, expected);
}

static inline void tshark_end(struct tshark *tshark)
{
    char command[64], line[16];

    assert_null(fgets(line, sizeof(line), tshark->lines));
    assert_int_equal(pclose(tshark->lines), 0);
    snprintf(command, sizeof(command), "rm -r %s", tshark->directory);
    assert_int_equal(system(command), 0);
}

/* A name as tshark prints it, with a scope "A.B" or "". */
static inline const char *tshark_name(const struct netbios_name *name, const char *scope,
                                      char ret_text[static 400])
{
    size_t length = 15;
    char *out = ret_text;

    while (length > 0 && name->bytes[length - 1] == ' ')
    {
        length--;
    }
    for (size_t i = 0; i < length; i++)
    {
        uint8_t c = name->bytes[i];

        out += sprintf(out, c >= 0x20 && c <= 0x7e ? "%c" : "<%02x>", c);
    }
    sprintf(out, "<%02x>%s%s", name->bytes[15], *scope ? "." : "", scope);
    return ret_text;
}
