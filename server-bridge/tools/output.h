/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How mailslotctl prints what comes from others. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Text for people. What is no UTF-8, or could move the cursor, colour the screen or turn the
 * direction of writing, is shown as \xNN. Returns how many columns it took, about.
 */
size_t output_text(FILE *out, const char *text, size_t size);

/* Lines of 16 bytes: offset, hexadecimal, and what of it is ASCII. */
void output_hex(FILE *out, const void *data, size_t size);

/*
 * A JSON document and a line feed on standard output, in ASCII; takes the reference. In one line,
 * and written at once, if it is one of many. false: out of memory, or nobody reads.
 */
__attribute__((warn_unused_result)) bool output_json(json_t *document, bool line);

/* Each of these returns a new reference; NULL: no memory. */

/* "time": UTC with microseconds, as ISO 8601 has it. `usec`: since 1970. */
json_t *output_time(uint64_t usec);

/* A string, with \xNN for what is no UTF-8. */
json_t *output_string(const char *text, size_t size);

/* The bytes in hexadecimal, two digits each. */
json_t *output_hex_string(const void *data, size_t size);

/* A message: "size", "text" (null if it is no UTF-8) and "hex" into `object`. */
void output_message(json_t *object, const void *data, size_t size);
