/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slot and computer names: UTF-8 inside the daemon, OEM code page on the wire (semantics N20) */
#pragma once

#include <stddef.h>

#define CODEPAGE_DEFAULT "CP850"

/* Codes of this module. */
enum
{
    CODEPAGE_OK,
    CODEPAGE_NOT_REPRESENTABLE, /* a character that the other side does not have */
    CODEPAGE_NO_SPACE,          /* the result does not fit the caller's buffer */
};

/* Not for use by two threads at once. */
struct codepage;

/*
 * Opens the conversions to and from the code page `name` (as iconv spells it; NULL is the default:
 * CP850, or pure ASCII where the C library's converters are not installed).
 * -EINVAL: unknown, or not a superset of ASCII (UTF-16, EBCDIC): such names can not be on the wire.
 */
int codepage_new(struct codepage **ret_codepage, const char *name)
    __attribute__((warn_unused_result));
struct codepage *codepage_free(struct codepage *codepage);

/* The code page in use, for status. */
const char *codepage_name(const struct codepage *codepage);

/*
 * Converts `size` bytes of UTF-8 (or WTF-8: a lone surrogate is not representable) to the code page
 * and back. At most `capacity` bytes are written, no NUL is added. Nothing is approximated: a
 * changed name would reach another slot. On a code the content of the buffer is undefined.
 */
int codepage_encode(struct codepage *codepage, const char *utf8, size_t size, char *ret_oem,
                    size_t capacity, size_t *ret_size) __attribute__((warn_unused_result));
/*
 * The same for names that differ in no case on the wire, as those of computers and groups: capital
 * letters as far as the code page has them, whatever the locale is.
 */
int codepage_encode_upper(struct codepage *codepage, const char *utf8, size_t size, char *ret_oem,
                          size_t capacity, size_t *ret_size) __attribute__((warn_unused_result));
int codepage_decode(struct codepage *codepage, const char *oem, size_t size, char *ret_utf8,
                    size_t capacity, size_t *ret_size) __attribute__((warn_unused_result));
