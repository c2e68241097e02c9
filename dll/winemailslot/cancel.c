/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cancelling reads (row R17). */
#include "winemailslot/handles.h"
#include "winemailslot/pending.h"

static NTSTATUS cancel_done(bool found, IO_STATUS_BLOCK *io, NTSTATUS none)
{
    io->Status = found ? STATUS_SUCCESS : none;
    io->Information = 0;
    return io->Status;
}

NTSTATUS NTAPI layer_NtCancelIoFile(HANDLE handle, IO_STATUS_BLOCK *io)
{
    struct handle_view view;
    bool found;

    if (!handles_find(handle, &view))
        return NtCancelIoFile(handle, io);
    found = pending_cancel(view.file, nt_thread_id(), NULL);
    file_put(view.file);
    return cancel_done(found, io, STATUS_SUCCESS);
}

NTSTATUS NTAPI layer_NtCancelIoFileEx(HANDLE handle, IO_STATUS_BLOCK *which, IO_STATUS_BLOCK *io)
{
    struct handle_view view;
    bool found;

    if (!handles_find(handle, &view))
        return NtCancelIoFileEx(handle, which, io);
    found = pending_cancel(view.file, 0, which);
    found = reader_cancel(view.file, 0, which) || found;
    file_put(view.file);
    return cancel_done(found, io, STATUS_NOT_FOUND);
}

NTSTATUS NTAPI layer_NtCancelSynchronousIoFile(HANDLE thread, IO_STATUS_BLOCK *which,
                                               IO_STATUS_BLOCK *io)
{
    struct
    {
        NTSTATUS exit_status;
        void *teb;
        CLIENT_ID id;
        ULONG_PTR rest[3];
    } info;

    if (NtQueryInformationThread(thread, 0 /* ThreadBasicInformation */, &info, sizeof(info),
                                 NULL) == STATUS_SUCCESS &&
        reader_cancel_thread((ULONG)(ULONG_PTR)info.id.UniqueThread))
        return cancel_done(true, io, STATUS_SUCCESS);
    return NtCancelSynchronousIoFile(thread, which, io);
}
