/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NtClose and NtDuplicateObject: handles come and go (rows L1-L7, R19, O15). */
#include "winemailslot/create.h"
#include "winemailslot/handles.h"
#include "winemailslot/trace.h"

/* The value no longer means this slot; the slot may be over with it (L1, L3). */
static void close_finish(HANDLE handle, struct file *file)
{
    enum file_kind kind = file->kind;
    uint64_t lease_id = file->lease_id;

    trace_close(handle, file);
    file_close(file);
    if (kind == FILE_SERVER)
        handles_await_adoptions();
    file_check(kind, lease_id);
}

NTSTATUS NTAPI layer_NtClose(HANDLE handle)
{
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
    if (file)
        close_finish(handle, file);
    return status;
}

/* --- NtDuplicateObject ----------------------------------------------------------------------- */

enum close_process
{
    CLOSE_OTHER_PROCESS,
    CLOSE_OWN_PROCESS,
    CLOSE_ANY_PROCESS, /* a handle that may only duplicate does not say whose it is */
};

static enum close_process close_whose(HANDLE process)
{
    PROCESS_BASIC_INFORMATION info;

    if (process == NT_CURRENT_PROCESS)
        return CLOSE_OWN_PROCESS;
    if (NtQueryInformationProcess(process, ProcessBasicInformation, &info, sizeof(info), NULL))
        return CLOSE_ANY_PROCESS;
    return info.UniqueProcessId == nt_process_id() ? CLOSE_OWN_PROCESS : CLOSE_OTHER_PROCESS;
}

static bool close_is_valid(HANDLE handle)
{
    struct nt_object_basic_info info;

    return NtQueryObject(handle, NT_OBJECT_BASIC, &info, sizeof(info), NULL) !=
           STATUS_INVALID_HANDLE;
}

/* A handle of this process that is a copy of another. What is not known of that one stays so, for
 * both: it is looked at when it is used. */
static void close_note_copy(HANDLE source, HANDLE copy, struct file *file, bool foreign,
                            ACCESS_MASK access)
{
    if (file && file_add_handle(file))
    {
        trace_duplicate(source, copy);
        if (!handles_add(copy, file, access))
            file_close(file);
    }
    else if (foreign)
        handles_add_foreign(copy);
    else
        handles_add_unknown(copy);
}

NTSTATUS NTAPI layer_NtDuplicateObject(HANDLE source_process, HANDLE source, HANDLE target_process,
                                       HANDLE *ret, ACCESS_MASK access, ULONG attributes,
                                       ULONG options)
{
    bool closes = options & DUPLICATE_CLOSE_SOURCE;
    /* Of a handle that stays, only what is known of the copy depends on it. */
    enum close_process from = closes || source_process == NT_CURRENT_PROCESS
                                  ? close_whose(source_process)
                                  : CLOSE_OTHER_PROCESS;
    bool foreign = from == CLOSE_OWN_PROCESS && handles_is_foreign(source);
    struct handle_view view = {NULL, 0};
    struct file *closed = NULL;
    ACCESS_MASK old_access = 0;
    NTSTATUS status;
    bool here, same;

    if (from == CLOSE_OWN_PROCESS && handles_find_known(source, &view))
        access = options & DUPLICATE_SAME_ACCESS ? view.access : create_map_access(access);
    if (view.file && view.file->kind != FILE_DEVICE) /* whose handles are Wine's own */
        access |= LAYER_MARK;
    if (closes && from != CLOSE_OTHER_PROCESS)
        closed = handles_remove(source, &old_access);
    status =
        NtDuplicateObject(source_process, source, target_process, ret, access, attributes, options);
    here = status == STATUS_SUCCESS && ret && close_whose(target_process) == CLOSE_OWN_PROCESS;
    same = here && from == CLOSE_OWN_PROCESS && closes && *ret == source; /* Y4 */
    if (closed && (same || (from == CLOSE_ANY_PROCESS && close_is_valid(source))))
    {
        handles_restore(source, closed, same ? access : old_access);
        closed = NULL;
    }
    else if (closes && from == CLOSE_OWN_PROCESS && !same)
        handles_removed(source); /* NT closes it even when the duplication fails */
    if (here && !same)
        close_note_copy(source, *ret, view.file, foreign, access);
    if (view.file)
        file_put(view.file);
    if (closed)
    {
        handles_removed(source);
        close_finish(source, closed);
    }
    return status;
}
