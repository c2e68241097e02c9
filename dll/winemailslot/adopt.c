/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handles of unknown origin: inherited, or put here by another process. */
#include "winemailslot/adopt.h"

#include "client/mailslot.h"
#include "winemailslot/trace.h"
#include "winemailslot/unix.h"

/* With the mark, unless a program without this layer made the copy, with rights of its own. */
static ACCESS_MASK adopt_access(HANDLE handle)
{
    struct nt_object_basic_info info;

    if (NtQueryObject(handle, NT_OBJECT_BASIC, &info, sizeof(info), NULL))
        return 0;
    return info.access;
}

/*
 * A lease is a pipe. Most handles are something else: then the Unix library, which can tell more,
 * need not even be there.
 */
static bool adopt_may_be_lease(HANDLE handle)
{
    struct nt_device_info device;
    IO_STATUS_BLOCK io;

    return !NtQueryVolumeInformationFile(handle, &io, &device, sizeof(device), NT_VOLUME_DEVICE) &&
           device.type == FILE_DEVICE_NAMED_PIPE;
}

/*
 * ntdll keeps the descriptor of a handle that it was asked for, until that handle is closed. A
 * program that ends would then hold the lease a little longer than its handles, and whoever waits
 * for its end would still find the slot. So a second handle is asked, and closed.
 */
static NTSTATUS adopt_fd(HANDLE handle, int *ret_fd)
{
    NTSTATUS status;
    HANDLE copy;

    status = NtDuplicateObject(NT_CURRENT_PROCESS, handle, NT_CURRENT_PROCESS, &copy, 0, 0,
                               DUPLICATE_SAME_ACCESS);
    if (status)
        return status;
    status = adopt_may_be_lease(copy) && layer_ready() ? layer_handle_to_fd(copy, ret_fd)
                                                       : STATUS_OBJECT_TYPE_MISMATCH;
    NtClose(copy);
    return status;
}

struct file *adopt_handle(HANDLE handle, ACCESS_MASK *ret_access, bool *ret_unsure)
{
    struct unix_adopt arguments = {.result = -1};
    struct file *file = NULL;
    struct unix_fd close_fd;
    uint64_t inode;
    NTSTATUS status;
    int fd;

    if (!layer_active())
        return NULL;
    status = adopt_fd(handle, &fd);
    if (status)
    {
        /* No handle at all: its value may become a slot's at any time, so nothing is noted. */
        trace_adopt(handle, NULL, status == STATUS_OBJECT_TYPE_MISMATCH ? STATUS_SUCCESS : status,
                    MAILSLOT_OK);
        *ret_unsure = status == STATUS_INVALID_HANDLE;
        return NULL;
    }
    inode = unix_inode(fd);
    close_fd.fd = arguments.fd = fd;
    status = unix_call(UNIX_ADOPT, &arguments);
    unix_call(UNIX_CLOSE_FD, &close_fd);
    if (status || (arguments.result && arguments.result != MAILSLOT_NOT_FOUND))
    {
        /* A lease, perhaps, but nobody there to tell: the next call asks again. */
        trace_adopt(handle, NULL, status, arguments.result);
        *ret_unsure = arguments.result == MAILSLOT_NO_DAEMON || arguments.result < 0;
        return NULL;
    }
    *ret_access = adopt_access(handle);
    if (arguments.result == MAILSLOT_NOT_FOUND)
    {
        file = file_new(FILE_WRITER, 0, 0, 0, FILE_SYNCHRONOUS_IO_NONALERT);
        if (file)
            file->inode = inode;
        trace_adopt(handle, file, STATUS_SUCCESS, arguments.result);
        return file;
    }
    /*
     * How the other process opened it is not recorded anywhere. A server end is asynchronous unless
     * made by NtCreateMailslotFile in a way that hardly anybody uses (C2, C3); for a writer it
     * makes no difference but for an event to be set.
     */
    file = file_new((enum file_kind)arguments.kind, arguments.slot, arguments.lease_id,
                    arguments.created,
                    arguments.kind == MAILSLOT_SERVER ? 0 : FILE_SYNCHRONOUS_IO_NONALERT);
    trace_adopt(handle, file, STATUS_SUCCESS, arguments.result);
    if (!file)
    {
        struct unix_slot slot = {.slot = arguments.slot};

        unix_call(UNIX_FREE, &slot);
    }
    else
        file->inode = inode;
    return file;
}

bool adopt_is_still(HANDLE handle, const struct file *file)
{
    struct unix_fd close_fd;
    uint64_t inode;
    NTSTATUS status;

    if (!file->inode)
        return true;
    status = adopt_fd(handle, &close_fd.fd);
    if (status)
        return status != STATUS_INVALID_HANDLE && status != STATUS_OBJECT_TYPE_MISMATCH;
    inode = unix_inode(close_fd.fd);
    unix_call(UNIX_CLOSE_FD, &close_fd);
    return inode == file->inode;
}
