/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Synchronous reads: each sleeps in its own thread. */
#pragma once

#include "winemailslot/complete.h"

struct read_request
{
    void *buffer;
    ULONG size;
    ULONG timeout; /* ms, MAILSLOT_FOREVER */
    struct completion completion;
    ULONG done; /* bytes of a read that has ended at once */
};

/*
 * Sleeps in the calling thread until there is a message for it: *ret_bytes then. Nothing is written
 * to the status block. Behind asynchronous reads that came first (R15).
 */
NTSTATUS reader_read(struct file *file, const struct read_request *request, ULONG *ret_bytes);

/* Ends the reads of this thread (0: any) with this status block (NULL: any). Was there one? */
bool reader_cancel(struct file *file, ULONG thread_id, const IO_STATUS_BLOCK *io);

/* The last handle is gone (R18): all end; those of threads that are gone are cleared away. */
void reader_cancel_all(struct file *file);

/* Whether there ever was a synchronous read that slept. */
bool reader_any(void);

/* CancelSynchronousIo: the read of that thread, on whatever file. Was there one? */
bool reader_cancel_thread(ULONG thread_id);
