/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits on a slot handle (rows R10, F13, Y10), and for who has a slot (Y9). */
#include "winemailslot/ended.h"
#include "winemailslot/guard.h"
#include "winemailslot/handles.h"
#include "winemailslot/pending.h"

/*
 * The NT object behind a slot's handle is a pipe, which is always signalled: right for a slot on
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
    /* Without that right the handle itself says so. */
    instead = view.access & SYNCHRONIZE ? pending_wait_handle(view.file) : NULL;
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
    else if (status == STATUS_WAIT_0)
        ended_wait(handle);
    return status;
}

#define WAIT_FOR_ALL 0 /* WAIT_TYPE: WaitAll */

/* Handles of a wait for several, and the files that must stay until it is over. */
struct wait_set
{
    ULONG count;
    HANDLE instead[MAXIMUM_WAIT_OBJECTS];
    struct file *files[MAXIMUM_WAIT_OBJECTS];
};

/* Returns the handles to be waited for; the caller's own when no slot is among them. */
static const HANDLE *wait_begin(struct wait_set *set, ULONG count, const HANDLE *handles)
{
    ULONG i;

    set->count = 0;
    if (!handles || count > MAXIMUM_WAIT_OBJECTS ||
        !guard_readable(handles, count * sizeof(*handles)))
        return handles;
    for (i = 0; i < count; i++)
        if (handles_peek(handles[i]))
            break;
    if (i == count)
        return handles;
    for (i = 0; i < count; i++)
        set->instead[i] = wait_handle(handles[i], &set->files[i]);
    set->count = count;
    return set->instead;
}

/* `result` is the number of the handle that has ended the wait; or, of a wait for all, any. */
static void wait_end(const struct wait_set *set, ULONG count, const HANDLE *handles, bool all,
                     ULONG result)
{
    for (ULONG i = 0; i < set->count; i++)
        if (set->files[i])
            file_put(set->files[i]);
    if (result >= count || !file_any())
        return;
    for (ULONG i = all ? 0 : result; i < (all ? count : result + 1); i++)
        ended_wait(handles[i]);
}

NTSTATUS NTAPI layer_NtWaitForMultipleObjects(ULONG count, const HANDLE *handles, ULONG type,
                                              BOOLEAN alertable, const LARGE_INTEGER *timeout)
{
    struct wait_set set;
    NTSTATUS status =
        NtWaitForMultipleObjects(count, wait_begin(&set, count, handles), type, alertable, timeout);

    wait_end(&set, count, handles, type == WAIT_FOR_ALL, status);
    return status;
}

/* MsgWaitForMultipleObjects(Ex): Y10 */
ULONG NTAPI layer_NtUserMsgWaitForMultipleObjectsEx(ULONG count, const HANDLE *handles,
                                                    ULONG timeout, ULONG mask, ULONG flags)
{
    struct wait_set set;
    ULONG result = NtUserMsgWaitForMultipleObjectsEx(count, wait_begin(&set, count, handles),
                                                     timeout, mask, flags);

    wait_end(&set, count, handles, flags & MWMO_WAITALL, result);
    return result;
}

NTSTATUS NTAPI layer_NtSignalAndWaitForSingleObject(HANDLE signal, HANDLE handle, BOOLEAN alertable,
                                                    const LARGE_INTEGER *timeout)
{
    struct file *file;
    HANDLE instead = wait_handle(handle, &file);
    NTSTATUS status = NtSignalAndWaitForSingleObject(signal, instead, alertable, timeout);

    if (file)
        file_put(file);
    else if (status == STATUS_WAIT_0)
        ended_wait(handle);
    return status;
}
