/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the end of an operation reaches the program: status block, event, APC, completion port. */
#pragma once

#include "winemailslot/file.h"

struct completion
{
    HANDLE event;
    PIO_APC_ROUTINE apc;
    void *context; /* of the APC, or the value for the port */
    IO_STATUS_BLOCK *io;
};

/* Clears what the operation will signal, as NT does when it starts. Fails for a handle that is no
 * event. */
NTSTATUS complete_begin(const struct completion *completion);

/*
 * The operation ended well at once, in the requesting thread. Returns STATUS_SUCCESS. (An error at
 * once is only returned: nothing is written, signalled or queued, R2, R4, R5.)
 */
NTSTATUS complete_inline(struct file *file, const struct completion *completion, ULONG_PTR bytes);

/* An operation that had returned STATUS_PENDING ended: first its status block ... */
void complete_pended_status(const struct completion *completion, NTSTATUS status, ULONG_PTR bytes);

/* ... then event, APC (to `thread`), port. */
void complete_pended_notify(struct file *file, const struct completion *completion, HANDLE thread,
                            NTSTATUS status, ULONG_PTR bytes);
