/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NtReadFile and NtWriteFile: messages (rows R, X, P). */
#include "client/mailslot.h"
#include "winemailslot/handles.h"
#include "winemailslot/pending.h"
#include "winemailslot/status.h"
#include "winemailslot/trace.h"
#include "winemailslot/unix.h"

/* A message without waiting. MAILSLOT_EMPTY also when asynchronous reads wait before this one. */
static int read_now(struct file *file, const struct read_request *request, ULONG *ret_bytes,
                    NTSTATUS *ret_fault)
{
    IO_STATUS_BLOCK *block = request->completion.io;
    struct unix_io io = {.slot = file->slot,
                         .buffer = UNIX_ADDRESS(request->buffer),
                         .size = request->size,
                         .status_block = UNIX_ADDRESS(block),
                         .status_size = sizeof(*block),
                         .result = -1};

    if (file->n_pending)
    {
        *ret_fault = unix_probe(block, sizeof(*block), NULL, 0);
        return MAILSLOT_EMPTY;
    }
    *ret_fault = unix_call(UNIX_READ, &io);
    *ret_bytes = io.done;
    return io.result;
}

static ULONG read_timeout(struct file *file)
{
    struct unix_info info = {.slot = file->slot, .result = -1};

    unix_call(UNIX_INFO, &info);
    return info.result ? 0 : info.read_timeout;
}

/*
 * `waits`: the caller sleeps until the read ends in any case, so it may sleep right here, without
 * the waiting thread and its two context switches.
 */
static NTSTATUS read_message(struct file *file, struct read_request *request, bool waits)
{
    ULONG bytes = 0;
    NTSTATUS status;
    int result;

    status = complete_begin(&request->completion);
    if (status)
        return status;
    result = read_now(file, request, &bytes, &status);
    if (status)
        return status;
    if (result && result != MAILSLOT_EMPTY)
        return status_from_result(result);
    if (result == MAILSLOT_EMPTY)
    {
        request->timeout = read_timeout(file);
        if (!request->timeout)
            return STATUS_IO_TIMEOUT; /* R4, R5 */
        if (!waits)
            return pending_read(file, request);
        status = reader_read(file, request, &bytes);
        if (status)
            return status;
    }
    request->done = bytes;
    return complete_inline(file, &request->completion, bytes);
}

/* `caller`: who called NtReadFile. */
static __attribute__((noinline)) NTSTATUS read_file(const struct handle_view *view,
                                                    struct read_request *request, bool offset,
                                                    const void *caller)
{
    const struct completion *completion = &request->completion;
    struct file *file = view->file;
    bool waits;

    if (!(view->access & FILE_READ_DATA))
        return STATUS_ACCESS_DENIED; /* X1, Q7 */
    if (file->kind != FILE_SERVER)
        return STATUS_INVALID_PARAMETER; /* X2, Q7 */
    if (completion->apc && file->port)
        return STATUS_INVALID_PARAMETER; /* NT: one or the other */
    /*
     * ReadFile without OVERLAPPED on an asynchronous handle (all of CreateMailslot's, C2) calls
     * with neither event, APC, context nor offset, and then waits for the handle.
     */
    waits = file_is_synchronous(file) ||
            (!completion->event && !completion->apc && !completion->context && !offset &&
             layer_in_kernelbase(caller));
    return read_message(file, request, waits);
}

NTSTATUS NTAPI layer_NtReadFile(HANDLE handle, HANDLE event, PIO_APC_ROUTINE apc, void *context,
                                IO_STATUS_BLOCK *io, void *buffer, ULONG size,
                                LARGE_INTEGER *offset, ULONG *key)
{
    struct handle_view view;

    /* First of all, and with nothing prepared: most reads are of files, pipes and sockets. */
    if (!handles_is_foreign(handle) && handles_find(handle, &view))
    {
        struct read_request request = {
            .buffer = buffer,
            .size = size,
            .completion = {.event = event, .apc = apc, .context = context, .io = io},
        };
        NTSTATUS status = read_file(&view, &request, offset, __builtin_return_address(0));

        trace_io("read", handle, size, status, request.done, io);
        file_put(view.file);
        return status;
    }
    return NtReadFile(handle, event, apc, context, io, buffer, size, offset, key);
}

static NTSTATUS write_message(struct file *file, const struct completion *completion,
                              const void *buffer, ULONG size)
{
    struct unix_io io = {.slot = file->slot,
                         .buffer = UNIX_ADDRESS(buffer),
                         .size = size,
                         .status_block = UNIX_ADDRESS(completion->io),
                         .status_size = sizeof(*completion->io),
                         .result = -1};
    NTSTATUS status;

    if (!file->slot)
        return STATUS_FILE_FORCED_CLOSED; /* P8: opened elsewhere, and closed before we saw it */
    status = complete_begin(completion);
    if (status)
        return status;
    status = unix_call(UNIX_WRITE, &io);
    if (status)
        return status;
    if (io.result)
    {
        /* Too large for the way, or nobody there: the same answer on the network (Q3, Q4, Z4) */
        if (file->kind == FILE_REMOTE &&
            (io.result == MAILSLOT_TOO_LARGE || io.result == MAILSLOT_BAD_NAME))
            return STATUS_BAD_NETWORK_PATH;
        return status_from_result(io.result);
    }
    return complete_inline(file, completion, size);
}

static __attribute__((noinline)) NTSTATUS write_file(const struct handle_view *view,
                                                     const struct completion *completion,
                                                     const void *buffer, ULONG size)
{
    struct file *file = view->file;

    if (!(view->access & (FILE_WRITE_DATA | FILE_APPEND_DATA)))
        return STATUS_ACCESS_DENIED; /* X3, P9 */
    if (file->kind != FILE_WRITER && file->kind != FILE_REMOTE)
        return STATUS_INVALID_PARAMETER; /* X4 */
    if (completion->apc && file->port)
        return STATUS_INVALID_PARAMETER; /* as for reads */
    return write_message(file, completion, buffer, size);
}

NTSTATUS NTAPI layer_NtWriteFile(HANDLE handle, HANDLE event, PIO_APC_ROUTINE apc, void *context,
                                 IO_STATUS_BLOCK *io, const void *buffer, ULONG size,
                                 LARGE_INTEGER *offset, ULONG *key)
{
    struct handle_view view;

    if (!handles_is_foreign(handle) && handles_find(handle, &view))
    {
        struct completion completion = {.event = event, .apc = apc, .context = context, .io = io};
        NTSTATUS status = write_file(&view, &completion, buffer, size);

        trace_io("write", handle, size, status, size, io);
        file_put(view.file);
        return status;
    }
    return NtWriteFile(handle, event, apc, context, io, buffer, size, offset, key);
}
