/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one table from the client library's results to NTSTATUS. */
#include "winemailslot/status.h"

#include "client/mailslot.h"

static const NTSTATUS status_table[] = {
    [MAILSLOT_OK] = STATUS_SUCCESS,
    [MAILSLOT_EMPTY] = STATUS_IO_TIMEOUT,                  /* R4 */
    [MAILSLOT_FULL] = STATUS_QUOTA_EXCEEDED,               /* ours: Windows has no quota */
    [MAILSLOT_TOO_LARGE] = STATUS_INVALID_PARAMETER,       /* P4, safe choice of 7.2 */
    [MAILSLOT_CLOSED] = STATUS_FILE_FORCED_CLOSED,         /* P8 */
    [MAILSLOT_BUFFER_TOO_SMALL] = STATUS_BUFFER_TOO_SMALL, /* R2 */
    [MAILSLOT_EXISTS] = STATUS_OBJECT_NAME_COLLISION,      /* C5 */
    [MAILSLOT_NOT_FOUND] = STATUS_OBJECT_NAME_NOT_FOUND,   /* O2 */
    [MAILSLOT_BAD_NAME] = STATUS_OBJECT_NAME_INVALID,      /* N9, N10, 7.2 */
    [MAILSLOT_LIMIT] = STATUS_INSUFFICIENT_RESOURCES,
    [MAILSLOT_UNRESOLVED] = STATUS_BAD_NETWORK_PATH, /* Q3 */
    [MAILSLOT_NOT_LEASE] = STATUS_OBJECT_TYPE_MISMATCH,
    [MAILSLOT_DENIED] = STATUS_ACCESS_DENIED,
    [MAILSLOT_NO_DAEMON] = STATUS_DEVICE_NOT_CONNECTED,
    [MAILSLOT_VERSION] = STATUS_REVISION_MISMATCH,
    [MAILSLOT_TIMEOUT] = STATUS_IO_TIMEOUT,  /* R6 */
    [MAILSLOT_CANCELLED] = STATUS_CANCELLED, /* R17 */
    [MAILSLOT_BUSY] = STATUS_DEVICE_BUSY,
};

_Static_assert(sizeof(status_table) / sizeof(*status_table) == MAILSLOT_RESULTS, "every result");

NTSTATUS status_from_result(int result)
{
    if (result < 0)
        return STATUS_UNEXPECTED_IO_ERROR;
    return result < MAILSLOT_RESULTS ? status_table[result] : STATUS_UNEXPECTED_IO_ERROR;
}
