/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: the SMB of a mailslot message (MS-MAIL 2.2.1, wire.md 1.3, 1.4) */

#include "target.h"

#include <stdbool.h>

#include "net/netbios/transaction.h"

/* A message that was read and fits into a Windows frame is the same after writing and reading it.
 */
static void target_round_trip(const struct transaction *message)
{
    uint8_t frame[TRANSACTION_SIZE_MAX];
    struct transaction again;
    size_t size = 0;
    int r = transaction_write(message, frame, &size);

    /* Z1 comes before Z2; the name was read as far as its NUL, so it is never a bad one. */
    if (message->data_size > TRANSACTION_DATA_MAX)
    {
        TARGET_CHECK(r == TRANSACTION_DATA_TOO_LARGE);
        return;
    }
    /* Z2: 432 - round_up_4(name) bytes, that is 80 + n + padding in front of the data. */
    if ((80 + message->name_size + 3) / 4 * 4 + message->data_size > TRANSACTION_SIZE_MAX)
    {
        TARGET_CHECK(r == TRANSACTION_FRAME_TOO_LARGE);
        return;
    }
    TARGET_CHECK(r == TRANSACTION_OK);
    TARGET_CHECK(size <= sizeof(frame));
    TARGET_CHECK(transaction_read(frame, size, &again) == TRANSACTION_OK);
    TARGET_CHECK(again.name_size == message->name_size);
    TARGET_CHECK(memcmp(again.name, message->name, message->name_size) == 0);
    TARGET_CHECK(again.data_size == message->data_size);
    TARGET_CHECK(memcmp(again.data, message->data, message->data_size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct transaction UNTOUCHED = {.name_size = 4711};
    struct transaction message = UNTOUCHED;
    const uint8_t *name, *end = bytes + size;
    int r = transaction_read(bytes, size, &message);

    TARGET_CHECK(r >= TRANSACTION_OK && r <= TRANSACTION_NOT_MAILSLOT);
    if (r)
    {
        TARGET_CHECK(memcmp(&message, &UNTOUCHED, sizeof(message)) == 0);
        return 0;
    }
    name = (const uint8_t *)message.name;
    TARGET_CHECK(message.name_size > 0);
    TARGET_CHECK(name > bytes && name < end && message.name_size < (size_t)(end - name));
    TARGET_CHECK(!memchr(name, 0, message.name_size));
    TARGET_CHECK(name[message.name_size] == 0);
    /* The data begin behind the name's NUL and end inside. */
    TARGET_CHECK(message.data > name + message.name_size && message.data <= end);
    TARGET_CHECK(message.data_size <= (size_t)(end - message.data));
    target_round_trip(&message);
    return 0;
}
