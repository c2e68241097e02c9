/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits on a slot handle (rows R10, F13). */
#include "winemailslot/handles.h"
#include "winemailslot/pending.h"

/*
 * The NT object behind a slot's handle is a socket, which is always signalled: right for a slot on
 * which nothing is under way (F13). Once a read has pended, the file has an event of its own, and
 * whoever waits for the handle waits for that instead.
 */
static HANDLE wait_handle(HANDLE handle, struct file **ret_file)
{
    struct handle_view view;
    HANDLE instead;

    *ret_file = NULL;
    if (!handles_find_known(handle, &view))
        return handle;
    instead = pending_wait_handle(view.file);
    if (!instead)
    {
        file_put(view.file);
        return handle;
    }
    *ret_file = view.file; /* keeps the event while we wait */
    return instead;
}

NTSTATUS NTAPI layer_NtWaitForSingleObject(HANDLE handle, BOOLEAN alertable, LARGE_INTEGER *timeout)
{
    struct file *file;
    HANDLE instead = wait_handle(handle, &file);
    NTSTATUS status = NtWaitForSingleObject(instead, alertable, timeout);

    if (file)
        file_put(file);
    return status;
}

NTSTATUS NTAPI layer_NtWaitForMultipleObjects(ULONG count, const HANDLE *handles, ULONG type,
                                              BOOLEAN alertable, const LARGE_INTEGER *timeout)
{
    struct file *files[MAXIMUM_WAIT_OBJECTS];
    HANDLE instead[MAXIMUM_WAIT_OBJECTS];
    NTSTATUS status;
    ULONG i;

    if (!handles || count > MAXIMUM_WAIT_OBJECTS)
        return NtWaitForMultipleObjects(count, handles, type, alertable, timeout);
    for (i = 0; i < count; i++)
        if (handles_peek(handles[i]))
            break;
    if (i == count)
        return NtWaitForMultipleObjects(count, handles, type, alertable, timeout);
    for (i = 0; i < count; i++)
        instead[i] = wait_handle(handles[i], &files[i]);
    status = NtWaitForMultipleObjects(count, instead, type, alertable, timeout);
    for (i = 0; i < count; i++)
        if (files[i])
            file_put(files[i]);
    return status;
}

NTSTATUS NTAPI layer_NtSignalAndWaitForSingleObject(HANDLE signal, HANDLE handle, BOOLEAN alertable,
                                                    const LARGE_INTEGER *timeout)
{
    struct file *file;
    HANDLE instead = wait_handle(handle, &file);
    NTSTATUS status = NtSignalAndWaitForSingleObject(signal, instead, alertable, timeout);

    if (file)
        file_put(file);
    return status;
}
