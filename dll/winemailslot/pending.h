/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asynchronous reads that wait for a message. */
#pragma once

#include "winemailslot/reader.h"

/*
 * Leaves an asynchronous read to the waiting thread. STATUS_PENDING; or what became of it at once:
 * STATUS_SUCCESS after complete_inline(), an error that is only to be returned.
 */
NTSTATUS pending_read(struct file *file, struct read_request *request);

/*
 * Ends the pending reads of this thread (0: any) and this status block (NULL: any) with
 * STATUS_CANCELLED (R17, R18). Was there one?
 */
bool pending_cancel(struct file *file, ULONG thread_id, const IO_STATUS_BLOCK *io);

/* The calling thread ends: its pending reads do, too. */
void pending_thread_ends(void);

/* Another thread of this process has been ended. A thread of another process matches nothing. */
void pending_thread_ended(ULONG thread_id);

/* Whether any read pends in this process. */
bool pending_any(void);

/* The handle to wait on instead of this file's own, or NULL when its own will do (R10, F13). */
HANDLE pending_wait_handle(struct file *file);
