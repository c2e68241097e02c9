/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cancelling reads (row R17). */
#include "winemailslot/handles.h"
#include "winemailslot/pending.h"
#include "winemailslot/trace.h"
#include "winemailslot/unix.h"

/* Asked for before anything is cancelled. */
static NTSTATUS cancel_probe(IO_STATUS_BLOCK *io)
{
    return unix_probe(io, sizeof(*io), NULL, 0);
}

static NTSTATUS cancel_done(bool found, IO_STATUS_BLOCK *io, NTSTATUS none)
{
    io->Status = found ? STATUS_SUCCESS : none;
    io->Information = 0;
    return io->Status;
}

NTSTATUS NTAPI layer_NtCancelIoFile(HANDLE handle, IO_STATUS_BLOCK *io)
{
    struct handle_view view;
    NTSTATUS status;
    bool found;

    if (!handles_find(handle, &view))
        return NtCancelIoFile(handle, io);
    status = cancel_probe(io);
    if (status == STATUS_SUCCESS)
    {
        found = pending_cancel(view.file, nt_thread_id(), NULL);
        status = cancel_done(found, io, STATUS_SUCCESS);
    }
    trace_cancel(handle, status);
    file_put(view.file);
    return status;
}

NTSTATUS NTAPI layer_NtCancelIoFileEx(HANDLE handle, IO_STATUS_BLOCK *which, IO_STATUS_BLOCK *io)
{
    struct handle_view view;
    NTSTATUS status;
    bool found;

    if (!handles_find(handle, &view))
        return NtCancelIoFileEx(handle, which, io);
    status = cancel_probe(io);
    if (status == STATUS_SUCCESS)
    {
        found = pending_cancel(view.file, 0, which);
        found = reader_cancel(view.file, 0, which) || found;
        status = cancel_done(found, io, STATUS_NOT_FOUND);
    }
    trace_cancel(handle, status);
    file_put(view.file);
    return status;
}

/* The thread whose handle this is; 0 if that cannot be found out. */
static ULONG cancel_thread_id(HANDLE thread)
{
    struct
    {
        NTSTATUS exit_status;
        void *teb;
        CLIENT_ID id;
        ULONG_PTR rest[3];
    } info;

    if (NtQueryInformationThread(thread, 0 /* ThreadBasicInformation */, &info, sizeof(info), NULL))
        return 0;
    return (ULONG)(ULONG_PTR)info.id.UniqueThread;
}

/* However a thread ends, its asynchronous reads end with it: this one gets no DllMain call. */
NTSTATUS NTAPI layer_NtTerminateThread(HANDLE thread, NTSTATUS exit_status)
{
    ULONG thread_id = 0;
    NTSTATUS status;

    if (thread && thread != NT_CURRENT_THREAD && pending_any())
        thread_id = cancel_thread_id(thread);
    status = NtTerminateThread(thread, exit_status);
    if (status == STATUS_SUCCESS && thread_id && thread_id != nt_thread_id())
        pending_thread_ended(thread_id);
    return status;
}

NTSTATUS NTAPI layer_NtCancelSynchronousIoFile(HANDLE thread, IO_STATUS_BLOCK *which,
                                               IO_STATUS_BLOCK *io)
{
    ULONG thread_id = cancel_thread_id(thread);

    if (thread_id && reader_any() && cancel_probe(io) == STATUS_SUCCESS &&
        reader_cancel_thread(thread_id))
        return cancel_done(true, io, STATUS_SUCCESS);
    return NtCancelSynchronousIoFile(thread, which, io);
}
