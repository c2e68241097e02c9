/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads tests/data/golden.txt and bad_inputs.txt: genuine and hostile payloads in hexadecimal */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vector
{
    char name[64];
    unsigned int port; /* bad_inputs.txt only */
    uint8_t bytes[65536];
    size_t size;
    bool abbreviated; /* "first bytes...(N bytes)": size is the number of bytes given */
};

/* $srcdir is set by automake's test driver; by hand, run from the top of the tree. */
static inline FILE *vector_open(const char *file)
{
    const char *top = getenv("srcdir");
    char path[4096];
    FILE *f;

    snprintf(path, sizeof(path), "%s/tests/data/%s", top ? top : ".", file);
    f = fopen(path, "r");
    if (!f)
    {
        fail_msg("cannot open %s", path);
    }
    return f;
}

static inline void vector_parse_hex(struct vector *vector, const char *hex)
{
    unsigned int byte;

    vector->size = 0;
    while (sscanf(hex, "%2x", &byte) == 1)
    {
        vector->bytes[vector->size++] = (uint8_t)byte;
        hex += 2;
    }
    vector->abbreviated = strncmp(hex, "...", 3) == 0;
    assert_true(vector->abbreviated || *hex == '\n' || *hex == 0);
}

/* False at the end of the file. */
static inline bool vector_read(FILE *f, bool with_port, struct vector *ret_vector)
{
    static char line[140000];
    int at = 0;

    if (!fgets(line, sizeof(line), f))
    {
        return false;
    }
    if (with_port)
    {
        assert_int_equal(sscanf(line, "%u %63s %n", &ret_vector->port, ret_vector->name, &at), 2);
    }
    else
    {
        assert_int_equal(sscanf(line, "%63s %n", ret_vector->name, &at), 1);
    }
    vector_parse_hex(ret_vector, line + at);
    return true;
}

/* What vector_find() has found. */
static struct vector vector;

/* The line of this name in golden.txt. */
static inline void vector_find(const char *name)
{
    FILE *f = vector_open("golden.txt");
    bool found = false;

    while (!found && vector_read(f, false, &vector))
    {
        found = strcmp(vector.name, name) == 0;
    }
    fclose(f);
    if (!found)
    {
        fail_msg("no golden vector %s", name);
    }
}
