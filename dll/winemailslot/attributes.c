/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NtQueryAttributesFile and its like on a slot's name: GetFileAttributes. */
#include "client/mailslot.h"
#include "winemailslot/layer.h"
#include "winemailslot/names.h"
#include "winemailslot/status.h"
#include "winemailslot/unix.h"

/* Whether the name is a mailslot's, and then what asking for its attributes gives. */
static bool attributes_of_slot(const OBJECT_ATTRIBUTES *attributes, NTSTATUS *ret_status,
                               uint64_t *ret_created)
{
    struct unix_open open = {.result = -1};
    struct unix_slot slot;
    struct unix_fd lease;
    struct name name;
    bool ours;

    if (!layer_active() || name_parse(attributes, &name))
        return false;
    ours = name.kind == NAME_LOCAL || name.kind == NAME_REMOTE;
    if (name.kind == NAME_REMOTE)
        *ret_status = STATUS_INVALID_PARAMETER; /* F11: nothing is known of a remote slot */
    else if (name.kind == NAME_LOCAL)
    {
        open.name = UNIX_ADDRESS(name.name);
        open.name_size = name.name_size;
        unix_call(UNIX_OPEN, &open);
        *ret_status =
            status_from_result(open.result == MAILSLOT_BAD_NAME ? MAILSLOT_NOT_FOUND : open.result);
        if (open.result == MAILSLOT_OK)
        {
            *ret_created = open.created;
            slot.slot = open.slot;
            lease.fd = open.lease;
            unix_call(UNIX_FREE, &slot);
            unix_call(UNIX_CLOSE_FD, &lease);
        }
    }
    name_free(&name);
    return ours;
}

NTSTATUS NTAPI layer_NtQueryAttributesFile(const OBJECT_ATTRIBUTES *attributes, void *info)
{
    struct nt_basic_info *basic = info;
    uint64_t created = 0;
    NTSTATUS status;

    if (!attributes_of_slot(attributes, &status, &created))
        return NtQueryAttributesFile(attributes, info);
    if (status == STATUS_SUCCESS)
    {
        *basic = (struct nt_basic_info){.attributes = FILE_ATTRIBUTE_NORMAL};
        basic->creation.QuadPart = created;
        basic->access = basic->write = basic->change = basic->creation;
    }
    return status;
}

NTSTATUS NTAPI layer_NtQueryFullAttributesFile(const OBJECT_ATTRIBUTES *attributes, void *info)
{
    struct
    {
        LARGE_INTEGER creation, access, write, change, allocation, end;
        ULONG attributes;
    } *full = info;
    uint64_t created = 0;
    NTSTATUS status;

    if (!attributes_of_slot(attributes, &status, &created))
        return NtQueryFullAttributesFile(attributes, info);
    if (status == STATUS_SUCCESS)
    {
        full->creation.QuadPart = created;
        full->access = full->write = full->change = full->creation;
        full->allocation.QuadPart = full->end.QuadPart = 0;
        full->attributes = FILE_ATTRIBUTE_NORMAL;
    }
    return status;
}
