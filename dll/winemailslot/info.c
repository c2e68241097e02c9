/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NtQueryInformationFile and NtSetInformationFile (rows I, F). */
#include "client/mailslot.h"
#include "winemailslot/create.h"
#include "winemailslot/handles.h"
#include "winemailslot/names.h"
#include "winemailslot/object.h"
#include "winemailslot/status.h"
#include "winemailslot/unix.h"

/* The status goes into the block on failure, too: Wine's kernelbase reads it from there. */
static NTSTATUS info_done(IO_STATUS_BLOCK *io, NTSTATUS status, ULONG_PTR bytes)
{
    io->Status = status;
    if (status == STATUS_SUCCESS || status == STATUS_BUFFER_OVERFLOW)
        io->Information = bytes;
    return status;
}

/* I1-I3, I6-I8; the timeout as it is set (I14, I15). */
static NTSTATUS info_query_mailslot(struct file *file, struct nt_mailslot_query *ret, ULONG size)
{
    struct unix_info info = {.slot = file->slot, .result = MAILSLOT_DENIED};

    if (size < sizeof(*ret))
        return STATUS_INFO_LENGTH_MISMATCH;
    if (file->kind != FILE_SERVER && file->kind != FILE_WRITER)
        return STATUS_INVALID_PARAMETER;
    if (!file->slot)
        return STATUS_FILE_FORCED_CLOSED;
    unix_call(UNIX_INFO, &info);
    if (info.result)
        return status_from_result(info.result);
    ret->max_message = info.max_message;
    ret->quota = 0; /* C13, I7 */
    ret->next_size = info.next_size;
    ret->count = info.count;
    ret->read_timeout.QuadPart =
        info.read_timeout == MAILSLOT_FOREVER ? -1 : -(LONGLONG)info.read_timeout * 10000;
    return STATUS_SUCCESS;
}

/* F2-F4 */
static NTSTATUS info_query_name(struct file *file, struct nt_name_info *ret, ULONG size,
                                ULONG *ret_bytes)
{
    ULONG room, units, header = FIELD_OFFSET(struct nt_name_info, name);
    WCHAR *name;
    NTSTATUS status;

    if (size < sizeof(*ret))
        return STATUS_INFO_LENGTH_MISMATCH;
    if (file->kind == FILE_DEVICE)
        return STATUS_INVALID_PARAMETER;
    status = object_file_name(file, &name, &units);
    if (status)
        return status;
    room = (size - header) / sizeof(WCHAR);
    ret->length = units * sizeof(WCHAR);
    for (ULONG i = 0; i < units && i < room; i++)
        ret->name[i] = name[i];
    layer_free(name);
    *ret_bytes = header + (units < room ? units : room) * sizeof(WCHAR);
    return units <= room ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}

static NTSTATUS info_query(const struct handle_view *view, void *info, ULONG size, ULONG class,
                           ULONG *ret_bytes)
{
    struct file *file = view->file;
    struct nt_basic_info *basic = info;

    switch (class)
    {
    case NT_FILE_MAILSLOT_QUERY:
        *ret_bytes = sizeof(struct nt_mailslot_query);
        return info_query_mailslot(file, info, size);
    case NT_FILE_NAME:
        return info_query_name(file, info, size, ret_bytes);
    case NT_FILE_BASIC: /* F10: only the creation date means anything */
        if (size < sizeof(*basic))
            return STATUS_INFO_LENGTH_MISMATCH;
        *basic = (struct nt_basic_info){.attributes = FILE_ATTRIBUTE_NORMAL};
        basic->creation.QuadPart = file->created;
        basic->access = basic->write = basic->change = basic->creation;
        *ret_bytes = sizeof(*basic);
        return STATUS_SUCCESS;
    case NT_FILE_ACCESS: /* F5 */
        if (size < sizeof(ULONG))
            return STATUS_INFO_LENGTH_MISMATCH;
        *(ULONG *)info = view->access;
        break;
    case NT_FILE_MODE: /* F7, F8, T15 */
        if (size < sizeof(ULONG))
            return STATUS_INFO_LENGTH_MISMATCH;
        *(ULONG *)info = file->options;
        break;
    case NT_FILE_IO_COMPLETION_NOTIFICATION: /* F5 */
        if (size < sizeof(ULONG))
            return STATUS_INFO_LENGTH_MISMATCH;
        *(ULONG *)info = file->completion_flags;
        break;
    default: /* F6, F11 */
        return class >= NT_FILE_CLASSES ? STATUS_INVALID_INFO_CLASS : STATUS_INVALID_PARAMETER;
    }
    *ret_bytes = sizeof(ULONG);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI layer_NtQueryInformationFile(HANDLE handle, IO_STATUS_BLOCK *io, void *info,
                                            ULONG size, FILE_INFORMATION_CLASS class)
{
    struct handle_view view;
    NTSTATUS status;
    ULONG bytes = 0;

    if (!handles_find(handle, &view))
    {
        status = NtQueryInformationFile(handle, io, info, size, class);
        /* I9: a file that is no mailslot; each Wine has an error of its own for that */
        if (status < 0 && (ULONG) class == NT_FILE_MAILSLOT_QUERY && handles_is_file(handle))
            status = STATUS_INVALID_PARAMETER;
        return status;
    }
    status = unix_probe(io, sizeof(*io), info, size);
    if (status == STATUS_SUCCESS)
    {
        status = info_query(&view, info, size, class, &bytes);
        status = info_done(io, status, bytes);
    }
    file_put(view.file);
    return status;
}

/* A port is bound once and only to an asynchronous handle (C2, R13). */
static NTSTATUS info_set_port(struct file *file, const struct nt_completion_info *info,
                              bool replace)
{
    HANDLE port = NULL;
    NTSTATUS status;

    if (file_is_synchronous(file) || (file->port && !replace))
        return STATUS_INVALID_PARAMETER;
    if (info->port)
    {
        status = NtDuplicateObject(NT_CURRENT_PROCESS, info->port, NT_CURRENT_PROCESS, &port, 0, 0,
                                   DUPLICATE_SAME_ACCESS);
        if (status)
            return status;
    }
    file->port_key = info->key;
    port = InterlockedExchangePointer(&file->port, port);
    if (port)
        NtClose(port);
    return STATUS_SUCCESS;
}

static NTSTATUS info_set(struct file *file, const void *info, ULONG size, ULONG class)
{
    struct unix_set_timeout timeout = {.slot = file->slot, .result = MAILSLOT_DENIED};
    const struct nt_basic_info *basic = info;

    switch (class)
    {
    case NT_FILE_MAILSLOT_SET: /* I10-I14 */
        if (size < sizeof(LARGE_INTEGER))
            return STATUS_INFO_LENGTH_MISMATCH;
        if (file->kind != FILE_SERVER)
            return STATUS_INVALID_PARAMETER; /* I12 */
        timeout.read_timeout = create_timeout_to_ms(info);
        unix_call(UNIX_SET_TIMEOUT, &timeout);
        return status_from_result(timeout.result);
    case NT_FILE_COMPLETION:
    case NT_FILE_REPLACE_COMPLETION:
        if (size < sizeof(struct nt_completion_info))
            return STATUS_INFO_LENGTH_MISMATCH;
        return info_set_port(file, info, class == NT_FILE_REPLACE_COMPLETION);
    case NT_FILE_IO_COMPLETION_NOTIFICATION:
        if (size < sizeof(ULONG))
            return STATUS_INFO_LENGTH_MISMATCH;
        if (file_is_synchronous(file))
            return STATUS_INVALID_PARAMETER;
        file->completion_flags |= *(const ULONG *)info; /* flags can only be added */
        return STATUS_SUCCESS;
    case NT_FILE_BASIC: /* F10: SetFileTime */
        if (size < sizeof(*basic))
            return STATUS_INFO_LENGTH_MISMATCH;
        if (basic->creation.QuadPart > 0)
            file->created = basic->creation.QuadPart;
        return STATUS_SUCCESS;
    default:
        return class >= NT_FILE_CLASSES ? STATUS_INVALID_INFO_CLASS : STATUS_INVALID_PARAMETER;
    }
}

NTSTATUS NTAPI layer_NtSetInformationFile(HANDLE handle, IO_STATUS_BLOCK *io, void *info,
                                          ULONG size, FILE_INFORMATION_CLASS class)
{
    struct handle_view view;
    NTSTATUS status;

    if (!handles_find(handle, &view))
    {
        status = NtSetInformationFile(handle, io, info, size, class);
        if (status < 0 && (ULONG) class == NT_FILE_MAILSLOT_SET && handles_is_file(handle))
            status = STATUS_INVALID_PARAMETER; /* I9 */
        return status;
    }
    status = unix_probe_input(io, info, size);
    if (status == STATUS_SUCCESS)
        status = info_done(io, info_set(view.file, info, size, class), 0);
    file_put(view.file);
    return status;
}

/* F1, F9 */
NTSTATUS NTAPI layer_NtQueryVolumeInformationFile(HANDLE handle, IO_STATUS_BLOCK *io, void *info,
                                                  ULONG size, FS_INFORMATION_CLASS class)
{
    struct nt_device_info *device = info;
    struct handle_view view;
    NTSTATUS status;

    if (!handles_find(handle, &view))
        return NtQueryVolumeInformationFile(handle, io, info, size, class);
    file_put(view.file);
    status = unix_probe(io, sizeof(*io), info, size);
    if (status)
        return status;
    if ((ULONG) class != NT_VOLUME_DEVICE)
        return STATUS_INVALID_PARAMETER;
    if (size < sizeof(*device))
        return STATUS_INFO_LENGTH_MISMATCH;
    *device = (struct nt_device_info){.type = NT_FILE_DEVICE_MAILSLOT};
    return info_done(io, STATUS_SUCCESS, sizeof(*device));
}
