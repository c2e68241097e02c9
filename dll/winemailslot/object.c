/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a slot handle is called and may: NtQueryObject (rows T17-T20). */
#include "winemailslot/object.h"

#include "winemailslot/handles.h"
#include "winemailslot/names.h"
#include "winemailslot/unix.h"

static const WCHAR object_device[] = L"\\Device\\Mailslot";

NTSTATUS object_file_name(struct file *file, WCHAR **ret, ULONG *ret_units)
{
    struct unix_identify identify = {.slot = file->slot};
    char *text;
    WCHAR *name;
    ULONG units;

    if (!file->slot)
        return STATUS_FILE_FORCED_CLOSED;
    unix_call(UNIX_IDENTIFY, &identify);
    text = layer_alloc(identify.name_size + 1);
    name = layer_alloc((identify.name_size + 1) * sizeof(WCHAR));
    if (!text || !name)
    {
        layer_free(text);
        layer_free(name);
        return STATUS_NO_MEMORY;
    }
    identify.name = UNIX_ADDRESS(text);
    identify.capacity = identify.name_size;
    unix_call(UNIX_IDENTIFY, &identify);
    name[0] = '\\';
    units = 1 + name_to_utf16(text, identify.name_size, name + 1, identify.name_size);
    layer_free(text);
    *ret = name;
    *ret_units = units;
    return STATUS_SUCCESS;
}

static NTSTATUS object_name(struct file *file, struct nt_object_name_info *info, ULONG size,
                            ULONG *ret_needed)
{
    ULONG device = sizeof(object_device) / sizeof(WCHAR) - 1, units = 0, needed;
    WCHAR *name = NULL, *out;
    NTSTATUS status;

    if (file->kind != FILE_DEVICE)
    {
        status = object_file_name(file, &name, &units);
        if (status)
            return status;
    }
    needed = sizeof(*info) + (device + units + 1) * sizeof(WCHAR);
    if (ret_needed)
        *ret_needed = needed;
    if (size >= needed)
    {
        out = (WCHAR *)(info + 1);
        info->name.Buffer = out;
        info->name.Length = (device + units) * sizeof(WCHAR);
        info->name.MaximumLength = info->name.Length + sizeof(WCHAR);
        for (ULONG i = 0; i < device; i++)
            *out++ = object_device[i];
        for (ULONG i = 0; i < units; i++)
            *out++ = name[i];
        *out = 0;
    }
    if (name)
        layer_free(name);
    return size >= needed         ? STATUS_SUCCESS
           : size < sizeof(*info) ? STATUS_INFO_LENGTH_MISMATCH
                                  : STATUS_BUFFER_OVERFLOW;
}

/* The rights of a slot's handle do not show its mark. */
static NTSTATUS object_basic(HANDLE handle, struct nt_object_basic_info *info, ULONG size,
                             ULONG *ret_needed)
{
    NTSTATUS status = NtQueryObject(handle, NT_OBJECT_BASIC, info, size, ret_needed);

    if (status == STATUS_SUCCESS && layer_is_marked(info->access))
        info->access &= ~LAYER_MARK_BITS;
    return status;
}

NTSTATUS NTAPI layer_NtQueryObject(HANDLE handle, OBJECT_INFORMATION_CLASS class, void *info,
                                   ULONG size, ULONG *ret_needed)
{
    struct handle_view view;
    NTSTATUS status;

    if ((ULONG) class == NT_OBJECT_BASIC)
        return object_basic(handle, info, size, ret_needed);
    if ((ULONG) class != NT_OBJECT_NAME || !handles_find(handle, &view))
        return NtQueryObject(handle, class, info, size, ret_needed);
    if (view.file->kind == FILE_REMOTE)
        status = NtQueryObject(handle, class, info, size, ret_needed);
    else
    {
        status = unix_probe(info, size, ret_needed, ret_needed ? sizeof(*ret_needed) : 0);
        if (status == STATUS_SUCCESS)
            status = object_name(view.file, info, size, ret_needed);
    }
    file_put(view.file);
    return status;
}
