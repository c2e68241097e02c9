/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The SMB inside a mailslot datagram: a class 2 mailslot write */

/*
 * One SMB_COM_TRANSACTION request carries one message. Everything has a fixed place up to the
 * mailslot's name; then come the name with its NUL, padding to a multiple of four (only Windows'
 * redirector pads, its browser service and Samba do not), and the data. A frame holds 512 bytes, so
 *
 *     32 header + 1 + 34 words + 2 ByteCount + 10 "\MAILSLOT\" + n + 1 NUL  = 80 + n
 *
 * rounded up to a multiple of four leave 432 - round_up_4(n) bytes for data (semantics Z2). The
 * well-known limit of 424 is this for names of 5 to 8 characters; Win32 documents it for all names
 * (Z1), so that a short name does not win four bytes.
 */

#include "net/netbios/transaction.h"

#include <stdbool.h>
#include <string.h>

/* MS-CIFS 2.2.3.1 and 2.2.4.33.1, little-endian, offsets from the start of the SMB. */
#define OFFSET_MAGIC            0
#define OFFSET_COMMAND          4
#define OFFSET_FLAGS            9
#define OFFSET_FLAGS2           10
#define OFFSET_PID_LOW          26
#define OFFSET_WORD_COUNT       32
#define OFFSET_TOTAL_DATA_COUNT 35
#define OFFSET_MAX_PARAMETERS   37
#define OFFSET_TRANS_FLAGS      43
#define OFFSET_PARAMETER_OFFSET 53
#define OFFSET_DATA_COUNT       55
#define OFFSET_DATA_OFFSET      57
#define OFFSET_SETUP_COUNT      59
#define OFFSET_OPCODE           61
#define OFFSET_PRIORITY         63
#define OFFSET_CLASS            65
#define OFFSET_BYTE_COUNT       67
#define OFFSET_NAME             69

#define COMMAND_TRANSACTION 0x25
#define WORD_COUNT          17
#define SETUP_COUNT         3
#define OPCODE_WRITE        1

/* What the redirector fills in (MS-MAIL section 4, semantics D6); receivers ignore it. */
#define FLAGS_CANONICAL         0x18
#define FLAGS2_VALUE            0x0004
#define PID_VALUE               0xfeff
#define MAX_PARAMETERS_CLIENT   2
#define TRANS_FLAGS_NO_RESPONSE 0x0002
#define CLASS_UNRELIABLE        2

static const uint8_t MAGIC[4] = {0xff, 'S', 'M', 'B'};
static const char PREFIX[] = "\\MAILSLOT\\";
#define PREFIX_SIZE (sizeof(PREFIX) - 1)

static uint16_t read_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static void write_le16(uint8_t *p, size_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

static size_t round_up_4(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

/* Of ASCII only: strncasecmp() would ask the locale. */
static bool has_prefix(const uint8_t *p)
{
    for (size_t i = 0; i < PREFIX_SIZE; i++)
    {
        uint8_t c = p[i] >= 'a' && p[i] <= 'z' ? (uint8_t)(p[i] - 'a' + 'A') : p[i];

        if (c != (uint8_t)PREFIX[i])
        {
            return false;
        }
    }
    return true;
}

static int transaction_check_fixed(const uint8_t *p, size_t size)
{
    if (size < OFFSET_NAME)
    {
        return TRANSACTION_SHORT;
    }
    if (memcmp(p + OFFSET_MAGIC, MAGIC, sizeof(MAGIC)) != 0)
    {
        return TRANSACTION_BAD_MAGIC;
    }
    if (p[OFFSET_COMMAND] != COMMAND_TRANSACTION)
    {
        return TRANSACTION_BAD_COMMAND;
    }
    if (p[OFFSET_WORD_COUNT] != WORD_COUNT)
    {
        return TRANSACTION_BAD_WORD_COUNT;
    }
    if (p[OFFSET_SETUP_COUNT] != SETUP_COUNT)
    {
        return TRANSACTION_BAD_SETUP;
    }
    if (read_le16(p + OFFSET_OPCODE) != OPCODE_WRITE)
    {
        return TRANSACTION_BAD_OPCODE;
    }
    return TRANSACTION_OK;
}

int transaction_read(const void *bytes, size_t size, struct transaction *ret_transaction)
{
    const uint8_t *p = bytes;
    size_t data_offset, data_size, name_end;
    const uint8_t *nul;
    int r;

    r = transaction_check_fixed(p, size);
    if (r)
    {
        return r;
    }
    data_offset = read_le16(p + OFFSET_DATA_OFFSET);
    data_size = read_le16(p + OFFSET_DATA_COUNT);
    if (data_size != read_le16(p + OFFSET_TOTAL_DATA_COUNT))
    {
        return TRANSACTION_BAD_DATA_COUNT;
    }
    /* size_t: the sum of two 16-bit fields does not wrap. */
    if (data_offset + data_size > size)
    {
        return TRANSACTION_BAD_DATA_BOUND;
    }
    if (data_offset <= OFFSET_NAME)
    {
        return TRANSACTION_BAD_NAME_BOUND;
    }
    /* data_offset <= size now, so the NUL is looked for only where name and padding can be. */
    nul = memchr(p + OFFSET_NAME, 0, data_offset - OFFSET_NAME);
    if (!nul)
    {
        return TRANSACTION_BAD_NAME_BOUND;
    }
    name_end = (size_t)(nul - p);
    if (name_end <= OFFSET_NAME + PREFIX_SIZE || !has_prefix(p + OFFSET_NAME))
    {
        return TRANSACTION_NOT_MAILSLOT;
    }
    *ret_transaction = (struct transaction){
        .name = (const char *)p + OFFSET_NAME + PREFIX_SIZE,
        .name_size = name_end - OFFSET_NAME - PREFIX_SIZE,
        .data = p + data_offset,
        .data_size = data_size,
    };
    return TRANSACTION_OK;
}

int transaction_write(const struct transaction *transaction, uint8_t ret_bytes[static 512],
                      size_t *ret_size)
{
    const struct transaction *t = transaction;
    uint8_t *p = ret_bytes;
    size_t data_offset;

    if (t->name_size == 0 || memchr(t->name, 0, t->name_size))
    {
        return TRANSACTION_BAD_NAME;
    }
    if (t->data_size > TRANSACTION_DATA_MAX)
    {
        return TRANSACTION_DATA_TOO_LARGE;
    }
    if (t->name_size > TRANSACTION_SIZE_MAX)
    {
        return TRANSACTION_FRAME_TOO_LARGE;
    }
    data_offset = round_up_4(OFFSET_NAME + PREFIX_SIZE + t->name_size + 1);
    if (data_offset + t->data_size > TRANSACTION_SIZE_MAX)
    {
        return TRANSACTION_FRAME_TOO_LARGE;
    }
    memset(p, 0, data_offset);
    memcpy(p + OFFSET_MAGIC, MAGIC, sizeof(MAGIC));
    p[OFFSET_COMMAND] = COMMAND_TRANSACTION;
    p[OFFSET_FLAGS] = FLAGS_CANONICAL;
    write_le16(p + OFFSET_FLAGS2, FLAGS2_VALUE);
    write_le16(p + OFFSET_PID_LOW, PID_VALUE);
    p[OFFSET_WORD_COUNT] = WORD_COUNT;
    write_le16(p + OFFSET_TOTAL_DATA_COUNT, t->data_size);
    write_le16(p + OFFSET_MAX_PARAMETERS, MAX_PARAMETERS_CLIENT);
    write_le16(p + OFFSET_TRANS_FLAGS, TRANS_FLAGS_NO_RESPONSE);
    write_le16(p + OFFSET_PARAMETER_OFFSET, data_offset);
    write_le16(p + OFFSET_DATA_COUNT, t->data_size);
    write_le16(p + OFFSET_DATA_OFFSET, data_offset);
    p[OFFSET_SETUP_COUNT] = SETUP_COUNT;
    write_le16(p + OFFSET_OPCODE, OPCODE_WRITE);
    write_le16(p + OFFSET_PRIORITY, 0);
    write_le16(p + OFFSET_CLASS, CLASS_UNRELIABLE);
    write_le16(p + OFFSET_BYTE_COUNT, data_offset - OFFSET_NAME + t->data_size);
    memcpy(p + OFFSET_NAME, PREFIX, PREFIX_SIZE);
    memcpy(p + OFFSET_NAME + PREFIX_SIZE, t->name, t->name_size);
    if (t->data_size > 0)
    {
        memcpy(p + data_offset, t->data, t->data_size);
    }
    *ret_size = data_offset + t->data_size;
    return TRANSACTION_OK;
}
