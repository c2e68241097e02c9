/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NtClose and NtDuplicateObject: handles come and go (rows L1-L7, R19, O15). */
#include "winemailslot/create.h"
#include "winemailslot/handles.h"
#include "winemailslot/trace.h"

NTSTATUS NTAPI layer_NtClose(HANDLE handle)
{
    enum file_kind kind;
    uint64_t lease_id;
    ACCESS_MASK access;
    struct file *file;
    NTSTATUS status;

    /* Before the close: afterwards the value may at once be another thread's new handle. */
    file = handles_remove(handle, &access);
    status = NtClose(handle);
    if (status)
    {
        if (file)
            handles_restore(handle, file, access);
        return status;
    }
    handles_removed(handle);
    if (!file)
        return status;
    trace_close(handle, file);
    kind = file->kind;
    lease_id = file->lease_id;
    file_close(file);
    if (kind == FILE_SERVER)
        handles_await_adoptions();
    file_check(kind, lease_id);
    return status;
}

static NTSTATUS close_duplicate_here(HANDLE source, HANDLE *ret, ACCESS_MASK access,
                                     ULONG attributes, ULONG options)
{
    bool foreign = handles_is_foreign(source);
    struct handle_view view = {NULL, 0};
    NTSTATUS status;

    /* What is not known yet stays so, for both: it is looked at when it is used. */
    handles_find_known(source, &view);
    status = NtDuplicateObject(NT_CURRENT_PROCESS, source, NT_CURRENT_PROCESS, ret, access,
                               attributes, options & ~DUPLICATE_CLOSE_SOURCE);
    if (status == STATUS_SUCCESS && view.file && file_add_handle(view.file))
    {
        trace_duplicate(source, *ret);
        if (!handles_add(*ret, view.file,
                         options & DUPLICATE_SAME_ACCESS ? view.access : create_map_access(access)))
            file_close(view.file);
    }
    else if (status == STATUS_SUCCESS && foreign)
        handles_add_foreign(*ret);
    if (view.file)
        file_put(view.file);
    /* NT closes the source even when the duplication fails. */
    if (options & DUPLICATE_CLOSE_SOURCE)
        layer_NtClose(source);
    return status;
}

static bool close_is_current_process(HANDLE process)
{
    return process == NT_CURRENT_PROCESS;
}

NTSTATUS NTAPI layer_NtDuplicateObject(HANDLE source_process, HANDLE source, HANDLE target_process,
                                       HANDLE *ret, ACCESS_MASK access, ULONG attributes,
                                       ULONG options)
{
    ACCESS_MASK old_access = 0;
    struct file *file = NULL;
    NTSTATUS status;

    if (close_is_current_process(source_process) && close_is_current_process(target_process) && ret)
        return close_duplicate_here(source, ret, access, attributes, options);
    if (close_is_current_process(source_process) && (options & DUPLICATE_CLOSE_SOURCE))
        file = handles_remove(source, &old_access);
    status =
        NtDuplicateObject(source_process, source, target_process, ret, access, attributes, options);
    if (close_is_current_process(source_process) && (options & DUPLICATE_CLOSE_SOURCE))
        handles_removed(source);
    if (status == STATUS_SUCCESS && ret && close_is_current_process(target_process))
        handles_removed(*ret); /* from elsewhere: to be looked at when it is used */
    if (file)
    {
        enum file_kind kind = file->kind;
        uint64_t lease_id = file->lease_id;

        file_close(file);
        file_check(kind, lease_id);
    }
    return status;
}
