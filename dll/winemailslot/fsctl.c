/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FSCTL_MAILSLOT_PEEK (row F12), and what a slot does not take (row F11). */
#include "client/mailslot.h"
#include "winemailslot/handles.h"
#include "winemailslot/status.h"
#include "winemailslot/unix.h"

struct fsctl_peek_buffer /* FILE_MAILSLOT_PEEK_BUFFER */
{
    ULONG available;
    ULONG messages;
    ULONG length;
};

NTSTATUS NTAPI layer_NtFlushBuffersFile(HANDLE handle, IO_STATUS_BLOCK *io)
{
    struct handle_view view;

    if (!handles_find(handle, &view))
        return NtFlushBuffersFile(handle, io);
    file_put(view.file);
    return STATUS_INVALID_PARAMETER;
}

/* F12: looks at the next message; the output has the header, then as much data as fits. */
static NTSTATUS fsctl_peek(struct file *file, IO_STATUS_BLOCK *io, void *out, ULONG size)
{
    struct fsctl_peek_buffer *header = out;
    struct unix_info info = {.slot = file->slot, .result = MAILSLOT_DENIED};
    struct unix_io peek = {.slot = file->slot, .result = MAILSLOT_DENIED};
    ULONG copied = 0;
    NTSTATUS fault;

    if (file->kind != FILE_SERVER || size < sizeof(*header))
        return STATUS_INVALID_PARAMETER;
    fault = unix_probe(io, sizeof(*io), out, size);
    if (fault)
        return fault;
    unix_call(UNIX_INFO, &info);
    if (info.result)
        return status_from_result(info.result);
    header->messages = info.count;
    header->available = header->length = 0;
    if (info.count)
    {
        NTSTATUS status;

        peek.buffer = UNIX_ADDRESS(header + 1);
        peek.size = size - sizeof(*header);
        status = unix_call(UNIX_PEEK, &peek);
        if (status)
            return status;
        if (peek.result == MAILSLOT_OK)
        {
            header->available = header->length = peek.done;
            copied = peek.done < peek.size ? peek.done : peek.size;
        }
    }
    io->Status = STATUS_SUCCESS;
    io->Information = sizeof(*header) + copied;
    return STATUS_SUCCESS;
}

/* Takes the view's reference. */
static NTSTATUS fsctl_control(const struct handle_view *view, HANDLE event, IO_STATUS_BLOCK *io,
                              ULONG code, void *out, ULONG out_size)
{
    NTSTATUS status = STATUS_INVALID_PARAMETER;

    if (code == NT_FSCTL_MAILSLOT_PEEK)
        status = fsctl_peek(view->file, io, out, out_size);
    if (status == STATUS_SUCCESS && event)
        NtSetEvent(event, NULL);
    file_put(view->file);
    return status;
}

NTSTATUS NTAPI layer_NtFsControlFile(HANDLE handle, HANDLE event, PIO_APC_ROUTINE apc,
                                     void *context, IO_STATUS_BLOCK *io, ULONG code, void *in,
                                     ULONG in_size, void *out, ULONG out_size)
{
    struct handle_view view;

    if (!handles_find(handle, &view))
        return NtFsControlFile(handle, event, apc, context, io, code, in, in_size, out, out_size);
    return fsctl_control(&view, event, io, code, out, out_size);
}

/* DeviceIoControl() takes this way for the peek, whose device type is not that of a file system. */
NTSTATUS NTAPI layer_NtDeviceIoControlFile(HANDLE handle, HANDLE event, PIO_APC_ROUTINE apc,
                                           void *context, IO_STATUS_BLOCK *io, ULONG code, void *in,
                                           ULONG in_size, void *out, ULONG out_size)
{
    struct handle_view view;

    if (!handles_find(handle, &view))
        return NtDeviceIoControlFile(handle, event, apc, context, io, code, in, in_size, out,
                                     out_size);
    return fsctl_control(&view, event, io, code, out, out_size);
}

NTSTATUS NTAPI layer_NtLockFile(HANDLE handle, HANDLE event, PIO_APC_ROUTINE apc, void *context,
                                IO_STATUS_BLOCK *io, LARGE_INTEGER *offset, LARGE_INTEGER *length,
                                ULONG *key, BOOLEAN immediately, BOOLEAN exclusive)
{
    struct handle_view view;

    if (!handles_find(handle, &view))
        return NtLockFile(handle, event, apc, context, io, offset, length, key, immediately,
                          exclusive);
    file_put(view.file);
    return STATUS_INVALID_PARAMETER;
}

NTSTATUS NTAPI layer_NtUnlockFile(HANDLE handle, IO_STATUS_BLOCK *io, LARGE_INTEGER *offset,
                                  LARGE_INTEGER *length, ULONG *key)
{
    struct handle_view view;

    if (!handles_find(handle, &view))
        return NtUnlockFile(handle, io, offset, length, key);
    file_put(view.file);
    return STATUS_INVALID_PARAMETER;
}
