/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetBIOS names: 16 bytes, and their encoded form in datagrams (RFC 1001 14, RFC 1002 4.1) */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETBIOS_NAME_SIZE         16
#define NETBIOS_NAME_CHARS_MAX    15
#define NETBIOS_NAME_ENCODED_SIZE 34 /* without scope: length, 32 half-bytes, root label */
#define NETBIOS_SCOPE_MAX         255
#define NETBIOS_SCOPE_LABELS_MAX  221 /* 255 less half-bytes, their length, the root label */
#define NETBIOS_NAME_ENCODED_MAX  (NETBIOS_NAME_ENCODED_SIZE + NETBIOS_SCOPE_LABELS_MAX)
#define NETBIOS_NAME_PRINT_SIZE   (15 * 4 + 4 + 1)

enum netbios_name_suffix
{
    NETBIOS_SUFFIX_HOST = 0x00, /* COMPUTER<00> unique, and WORKGROUP<00> group (MS-MAIL 3.2.3) */
    NETBIOS_SUFFIX_INTERNET_GROUP = 0x1c, /* WINS lists its members, 25 at most (wire.md 1.5) */
};

/* Codes of this module. */
enum
{
    NETBIOS_NAME_OK,
    NETBIOS_NAME_INVALID, /* the characters can not be a name */
    NETBIOS_NAME_BROKEN,  /* the encoded bytes do not hold a name */
};

/* Compared bytewise over all 16 bytes, the suffix is the last. */
struct netbios_name
{
    uint8_t bytes[NETBIOS_NAME_SIZE];
};

/*
 * Makes a name of 1 to 15 characters in the OEM code page: ASCII letters become upper-case, padded
 * with spaces. NETBIOS_NAME_INVALID: empty, too long, begins with '*' (MS-NBTE 2.2.1), ends with a
 * space, or holds a control character, '\' or '/' (it could never be named in a UNC path).
 */
int netbios_name_make(struct netbios_name *ret_name, const char *chars, size_t size, uint8_t suffix)
    __attribute__((warn_unused_result));

/*
 * A NetBIOS scope (RFC 1001 9) as it stands on the wire behind the 32 half-bytes: labels with their
 * length bytes, without the root label. Size 0 is the empty scope, which nearly everybody uses.
 */
struct netbios_scope
{
    uint8_t labels[NETBIOS_SCOPE_LABELS_MAX];
    size_t size;
};

/* From "label.label", or "". NETBIOS_NAME_INVALID: a label is empty, over 63 bytes, or too many. */
int netbios_scope_make(struct netbios_scope *ret_scope, const char *text)
    __attribute__((warn_unused_result));

/* Whether encoded labels are this scope; ASCII letters in any case. */
bool netbios_scope_matches(const struct netbios_scope *scope, const uint8_t *labels, size_t size);

/* The name "*": 0x2A and 15 zero bytes, not spaces (RFC 1001 17.2). */
struct netbios_name netbios_name_wildcard(void);

bool netbios_name_is_wildcard(const struct netbios_name *name);
bool netbios_name_equal(const struct netbios_name *a, const struct netbios_name *b);

/* Length of the 15 characters without the padding at the end. */
size_t netbios_name_length(const struct netbios_name *name);

/* Second level encoding. Returns the size: 34 bytes and those of the scope. */
size_t netbios_name_encode(const struct netbios_name *name, const struct netbios_scope *scope,
                           uint8_t ret_bytes[static NETBIOS_NAME_ENCODED_MAX]);

/*
 * Reads an encoded name at the start of `bytes`. Scope labels are checked; they stand at bytes + 33
 * and take ret_scope_size bytes with their length bytes: 0 is the empty scope.
 * NETBIOS_NAME_BROKEN: truncated, first length not 32, half-byte outside 'A'..'P', a label pointer
 * (forbidden in datagrams, RFC 1002 4.1), or more than 255 bytes altogether.
 */
int netbios_name_decode(const void *bytes, size_t size, struct netbios_name *ret_name,
                        size_t *ret_scope_size, size_t *ret_taken)
    __attribute__((warn_unused_result));

/* For logs: `NAME<00>`; bytes outside printable ASCII, and '\', '"', '<', as \xNN. Terminated. */
void netbios_name_print(const struct netbios_name *name, char ret_text[static 65]);
