/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The SMB inside a mailslot datagram: a class 2 mailslot write (MS-MAIL 2.2.1) */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TRANSACTION_SIZE_MAX 512 /* the whole request, semantics Z2 */
#define TRANSACTION_DATA_MAX 424 /* the documented limit, semantics Z1, Q4 */

/* Codes of this module. The first group says why bytes are not a mailslot write. */
enum transaction_result
{
    TRANSACTION_OK,
    TRANSACTION_SHORT,          /* smaller than the fixed part */
    TRANSACTION_BAD_MAGIC,      /* not an SMB */
    TRANSACTION_BAD_COMMAND,    /* another SMB command */
    TRANSACTION_BAD_WORD_COUNT, /* not 17 */
    TRANSACTION_BAD_SETUP,      /* not 3 setup words */
    TRANSACTION_BAD_OPCODE,     /* not a mailslot write */
    TRANSACTION_BAD_NAME_BOUND, /* name without NUL, or data begin inside the name */
    TRANSACTION_BAD_DATA_BOUND, /* data end behind the datagram */
    TRANSACTION_BAD_DATA_COUNT, /* DataCount is not TotalDataCount: a part of a transaction */
    TRANSACTION_NOT_MAILSLOT,   /* the name is not \MAILSLOT\ and something */
    /* Why a message can not be written. */
    TRANSACTION_BAD_NAME,        /* empty name, or a NUL in it */
    TRANSACTION_DATA_TOO_LARGE,  /* more than 424 bytes of data (Z1, Q4) */
    TRANSACTION_FRAME_TOO_LARGE, /* name + padding + data exceed the 512-byte frame (Z2) */
};

struct transaction
{
    const char *name; /* OEM code page, what follows \MAILSLOT\, not terminated; borrowed */
    size_t name_size;
    const uint8_t *data; /* borrowed */
    size_t data_size;
};

/*
 * Reads the user data of a datagram. Header fields other than magic and command are ignored, as are
 * flags, timeout, priority, class and ByteCount (MS-MAIL 3.2.5.1, semantics D7); aligned and
 * unaligned data are accepted, as is any size that is consistent (wire.md 1.4, 1.9). Returns a
 * code.
 */
int transaction_read(const void *bytes, size_t size, struct transaction *ret_transaction)
    __attribute__((warn_unused_result));

/*
 * Writes a message in the form of the Windows redirector (MS-MAIL section 4, byte for byte). Data
 * may be NULL if data_size is 0. Returns a code of the second group; the 424 rule is checked first.
 */
int transaction_write(const struct transaction *transaction, uint8_t ret_bytes[static 512],
                      size_t *ret_size) __attribute__((warn_unused_result));
