/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads that wait: asynchronous ones in a list, synchronous ones in their own threads. */
#pragma once

#include "winemailslot/complete.h"

struct read_request
{
    void *buffer;
    ULONG size;
    ULONG timeout; /* ms, MAILSLOT_FOREVER */
    struct completion completion;
};

/*
 * Leaves an asynchronous read to the waiting thread. STATUS_PENDING; or what became of it at once:
 * STATUS_SUCCESS after complete_inline(), an error that is only to be returned.
 */
NTSTATUS pending_read(struct file *file, const struct read_request *request);

/* A read that sleeps in the calling thread. *ret_bytes on success. */
NTSTATUS pending_read_here(struct file *file, const struct read_request *request, ULONG *ret_bytes);

/* The last handle is gone (R18): all reads end with STATUS_CANCELLED. */
void pending_cancel_all(struct file *file);

/*
 * CancelIo and its like: ends reads of this thread (0: any) and this status block (NULL: any).
 * Synchronous readers only when `synchronous`. Returns whether there was one.
 */
bool pending_cancel(struct file *file, ULONG thread_id, const IO_STATUS_BLOCK *io,
                    bool synchronous);

/* CancelSynchronousIo: the synchronous read of that thread. */
bool pending_cancel_synchronous(ULONG thread_id);

/* The calling thread ends: its pending reads do, too. */
void pending_thread_ends(void);

/* The handle to wait on instead of this file's own, or NULL when its own will do (R10, F13). */
HANDLE pending_wait_handle(struct file *file);
