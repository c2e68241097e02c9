/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Results in words. */
#include <string.h>

#include "client/mailslot.h"

static const char *const strerror_texts[] = {
    [MAILSLOT_OK] = "done",
    [MAILSLOT_EMPTY] = "there is no message",
    [MAILSLOT_FULL] = "the slot is full: its reader has to read first",
    [MAILSLOT_TOO_LARGE] = "the message is too large",
    [MAILSLOT_CLOSED] = "the slot's owner has closed it",
    [MAILSLOT_BUFFER_TOO_SMALL] = "the buffer is too small for the next message",
    [MAILSLOT_EXISTS] = "a slot of this name exists already",
    [MAILSLOT_NOT_FOUND] = "there is no slot of this name",
    [MAILSLOT_BAD_NAME] = "this is no valid slot name",
    [MAILSLOT_LIMIT] = "this process has as many slots as it may have",
    [MAILSLOT_UNRESOLVED] = "no computer or domain of this name answers",
    [MAILSLOT_NOT_LEASE] = "this descriptor is no mailslot",
    [MAILSLOT_DENIED] = "not allowed on this end of the slot",
    [MAILSLOT_NO_DAEMON] = "mailslotd does not run",
    [MAILSLOT_VERSION] = "mailslotd is of another version",
    [MAILSLOT_TIMEOUT] = "no message came in time",
    [MAILSLOT_CANCELLED] = "the read was cancelled",
    [MAILSLOT_BUSY] =
        "a program that uses the slot has been stopped in the middle of a write or read",
};

_Static_assert(sizeof(strerror_texts) / sizeof(*strerror_texts) == MAILSLOT_RESULTS,
               "a text for each result");

const char *mailslot_strerror(int result)
{
    if (result < 0)
        return strerrordesc_np(-result) ? strerrordesc_np(-result) : "unknown error";
    return result < MAILSLOT_RESULTS ? strerror_texts[result] : "unknown result";
}
