/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NtCreateMailslotFile, NtCreateFile, NtOpenFile: slots made and opened (rows C, N, O, T). */
#include "winemailslot/create.h"

#include "client/mailslot.h"
#include "winemailslot/access.h"
#include "winemailslot/guard.h"
#include "winemailslot/handles.h"
#include "winemailslot/names.h"
#include "winemailslot/security.h"
#include "winemailslot/status.h"
#include "winemailslot/trace.h"
#include "winemailslot/unix.h"

#define CREATE_GENERIC_MASK (GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL)
#define CREATE_NAME_MAX     65532 /* bytes of the whole NT name, row T8 */

ACCESS_MASK create_map_access(ACCESS_MASK access)
{
    if (access & GENERIC_READ)
        access |= FILE_GENERIC_READ;
    if (access & GENERIC_WRITE)
        access |= FILE_GENERIC_WRITE;
    if (access & GENERIC_EXECUTE)
        access |= FILE_GENERIC_EXECUTE;
    if (access & (GENERIC_ALL | MAXIMUM_ALLOWED))
        access |= FILE_ALL_ACCESS;
    return access & ~(CREATE_GENERIC_MASK | MAXIMUM_ALLOWED);
}

ULONG create_timeout_to_ms(const LARGE_INTEGER *timeout)
{
    LARGE_INTEGER now;
    LONGLONG relative;

    if (!timeout || timeout->QuadPart == -1 || timeout->QuadPart == INT64_MIN)
        return MAILSLOT_FOREVER; /* T10 */
    relative = -timeout->QuadPart;
    if (timeout->QuadPart > 0)
    {
        NtQuerySystemTime(&now);
        relative = timeout->QuadPart - now.QuadPart;
        if (relative < 0)
            relative = 0;
    }
    /* Rounded up: a wait must not be shorter than asked for. */
    relative = relative / 10000 + (relative % 10000 != 0);
    return relative >= MAILSLOT_FOREVER ? MAILSLOT_FOREVER - 1 : (ULONG)relative;
}

/* Gives up what was made or opened. */
static void create_drop(const struct unix_open *opened, enum file_kind kind)
{
    struct unix_slot slot = {.slot = opened->slot};
    struct unix_fd lease = {.fd = opened->lease};

    unix_call(UNIX_FREE, &slot);
    unix_call(UNIX_CLOSE_FD, &lease);
    file_check(kind, opened->lease_id);
}

/* The lease becomes the handle. Takes the slot and the descriptor. */
static NTSTATUS create_handle(const struct unix_open *opened, enum file_kind kind,
                              ACCESS_MASK access, ULONG attributes, ULONG options, HANDLE *ret)
{
    struct unix_fd lease = {.fd = opened->lease};
    struct file *file;
    NTSTATUS status;
    HANDLE handle;

    file = file_new(kind, opened->slot, opened->lease_id, opened->created,
                    options & NT_MAILSLOT_OPTIONS);
    if (!file)
    {
        create_drop(opened, kind);
        return STATUS_NO_MEMORY;
    }
    file->inode = unix_inode(opened->lease);
    status = layer_fd_to_handle(opened->lease, access, attributes & OBJ_INHERIT, &handle);
    unix_call(UNIX_CLOSE_FD, &lease);
    if (status == STATUS_SUCCESS && !handles_add(handle, file, access | LAYER_MARK))
    {
        NtClose(handle);
        status = STATUS_NO_MEMORY;
    }
    if (status)
    {
        file_close(file);
        file_check(kind, opened->lease_id);
        return status;
    }
    *ret = handle;
    return STATUS_SUCCESS;
}

static NTSTATUS create_call(enum unix_call call, const struct name *name,
                            struct unix_open *arguments)
{
    NTSTATUS status;

    arguments->host = UNIX_ADDRESS(name->host);
    arguments->host_size = name->host_size;
    arguments->name = UNIX_ADDRESS(name->name);
    arguments->name_size = name->name_size;
    arguments->result = -1;
    status = unix_call(call, arguments);
    return status ? status : status_from_result(arguments->result);
}

/* Row by row in the order in which Windows checks. */
static NTSTATUS create_check_attributes(const OBJECT_ATTRIBUTES *attributes)
{
    if (attributes && !name_readable(attributes))
        return STATUS_ACCESS_VIOLATION;
    if (!attributes || attributes->Length != sizeof(*attributes))
        return STATUS_INVALID_PARAMETER; /* T2, T3 */
    if (!attributes->ObjectName)         /* T4, T5 */
        return attributes->RootDirectory ? STATUS_OBJECT_NAME_INVALID
                                         : STATUS_OBJECT_PATH_SYNTAX_BAD;
    if (attributes->ObjectName->Length & 1 || attributes->ObjectName->Length > CREATE_NAME_MAX)
        return STATUS_OBJECT_NAME_INVALID; /* T7, T8 */
    if (attributes->ObjectName->Length && !attributes->ObjectName->Buffer)
        return STATUS_ACCESS_VIOLATION;
    if (!attributes->ObjectName->Length) /* T6 */
        return attributes->RootDirectory ? STATUS_INVALID_HANDLE : STATUS_OBJECT_PATH_SYNTAX_BAD;
    return STATUS_SUCCESS;
}

static NTSTATUS create_slot(HANDLE *ret, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes,
                            IO_STATUS_BLOCK *io, ULONG options, ULONG max_message,
                            const LARGE_INTEGER *timeout, int *ret_result)
{
    struct unix_open arguments = {.max_message = max_message,
                                  .read_timeout = create_timeout_to_ms(timeout)};
    struct name name;
    NTSTATUS status;
    HANDLE handle = NULL;

    status = create_check_attributes(attributes);
    if (status == STATUS_SUCCESS && (options & ~NT_MAILSLOT_OPTIONS))
        status = STATUS_INVALID_PARAMETER; /* T14 */
    if (status == STATUS_SUCCESS && (options & NT_SYNCHRONOUS_OPTIONS) &&
        ((options & NT_SYNCHRONOUS_OPTIONS) == NT_SYNCHRONOUS_OPTIONS || !(access & SYNCHRONIZE)))
        status = STATUS_INVALID_PARAMETER; /* Y14 */
    if (status == STATUS_SUCCESS)
        status = name_parse(attributes, &name);
    if (status)
    {
        trace_name("create", NULL, status, NULL);
        return status;
    }
    if (name.kind != NAME_LOCAL) /* N10, N13, N14 */
        status = STATUS_OBJECT_NAME_INVALID;
    else if (!access)
        status = STATUS_ACCESS_DENIED; /* T11 */
    else
    {
        access = create_map_access(access);
        status = create_call(UNIX_CREATE, &name, &arguments);
        *ret_result = arguments.result;
    }
    if (status == STATUS_SUCCESS)
        status = create_handle(&arguments, FILE_SERVER, access, attributes->Attributes, options,
                               &handle);
    if (status == STATUS_SUCCESS)
    {
        status = security_keep(arguments.slot, attributes->SecurityDescriptor);
        if (status)
            layer_NtClose(handle);
    }
    trace_name("create", &name, status, handle);
    name_free(&name);
    if (status)
        return status;
    *ret = handle;
    io->Status = STATUS_SUCCESS;
    io->Information = FILE_CREATED; /* C14 */
    return STATUS_SUCCESS;
}

static bool create_unavailable(int result)
{
    return (result == MAILSLOT_NO_DAEMON || result == MAILSLOT_VERSION) && layer_give_up(result);
}

NTSTATUS NTAPI layer_NtCreateMailslotFile(HANDLE *ret, ULONG access, OBJECT_ATTRIBUTES *attributes,
                                          IO_STATUS_BLOCK *io, ULONG options, ULONG quota,
                                          ULONG max_message, LARGE_INTEGER *timeout)
{
    int result = 0;
    NTSTATUS status;

    if (!ret)
        return STATUS_ACCESS_VIOLATION; /* T9 */
    if (layer_ready())
    {
        status = unix_probe(ret, sizeof(*ret), io, sizeof(*io));
        if (status == STATUS_SUCCESS && timeout && !guard_readable(timeout, sizeof(*timeout)))
            status = STATUS_ACCESS_VIOLATION;
        if (status)
            return status;
        /* The quota is accepted and not kept, as row C13 says for 0: ours is the daemon's. */
        handles_birth();
        status = create_slot(ret, access, attributes, io, options, max_message, timeout, &result);
        handles_born();
        if (!create_unavailable(result))
            return status;
    }
    return NtCreateMailslotFile(ret, access, attributes, io, options, quota, max_message, timeout);
}

static NTSTATUS create_open_slot(HANDLE *ret, ACCESS_MASK access,
                                 const OBJECT_ATTRIBUTES *attributes, const struct name *name,
                                 ULONG options, int *ret_result)
{
    bool remote = name->kind == NAME_REMOTE;
    struct unix_open arguments = {0};
    NTSTATUS status;

    status = create_call(remote ? UNIX_REMOTE : UNIX_OPEN, name, &arguments);
    *ret_result = arguments.result;
    if (status == STATUS_OBJECT_NAME_INVALID)
        status = STATUS_OBJECT_NAME_NOT_FOUND; /* a name that no slot can have (N9) */
    if (status)
        return status;
    if (remote)
        access = create_map_access(access);
    else
        status = access_check(arguments.slot, access, &access);
    if (status)
    {
        create_drop(&arguments, FILE_WRITER);
        return status;
    }
    return create_handle(&arguments, remote ? FILE_REMOTE : FILE_WRITER, access,
                         attributes->Attributes, options, ret);
}

/* Share modes and dispositions are not looked at: rows O4-O8, O12, O13. */
static NTSTATUS create_open(HANDLE *ret, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes,
                            IO_STATUS_BLOCK *io, ULONG options, enum name_kind *ret_kind)
{
    int result = 0;
    struct name name;
    NTSTATUS status;
    HANDLE handle = NULL;

    *ret_kind = NAME_OTHER;
    if (!layer_active())
        return STATUS_SUCCESS;
    status = name_parse(attributes, &name);
    if (status)
    {
        *ret_kind = NAME_LOCAL;
        return status;
    }
    *ret_kind = name.kind;
    if (name.kind == NAME_OTHER)
        trace_other(attributes);
    if (name.kind == NAME_LOCAL || name.kind == NAME_REMOTE)
    {
        if (attributes->ObjectName->Length & 1 || attributes->ObjectName->Length > CREATE_NAME_MAX)
            status = STATUS_OBJECT_NAME_INVALID;
        else
            status = unix_probe(ret, sizeof(*ret), io, sizeof(*io));
        if (status == STATUS_SUCCESS)
        {
            handles_birth();
            status = create_open_slot(&handle, access, attributes, &name, options, &result);
            handles_born();
        }
        trace_name("open", &name, status, handle);
        if (create_unavailable(result))
            *ret_kind = NAME_OTHER;
        else if (status == STATUS_SUCCESS)
        {
            *ret = handle;
            io->Status = STATUS_SUCCESS;
            io->Information = FILE_OPENED;
        }
    }
    name_free(&name);
    return status;
}

/* A handle that Wine's own call has just made: known from now on not to be a slot. */
static NTSTATUS create_note(NTSTATUS status, const HANDLE *handle, enum name_kind kind,
                            ULONG options)
{
    struct file *file = NULL;

    if (status < 0)
        return status;
    if (kind == NAME_DEVICE)
        file = file_new(FILE_DEVICE, 0, 0, 0, options & NT_MAILSLOT_OPTIONS);
    if (!file || !handles_add(*handle, file, 0))
        handles_add_foreign(*handle);
    return status;
}

NTSTATUS NTAPI layer_NtCreateFile(HANDLE *ret, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes,
                                  IO_STATUS_BLOCK *io, LARGE_INTEGER *allocation, ULONG file_attr,
                                  ULONG sharing, ULONG disposition, ULONG options, void *ea,
                                  ULONG ea_length)
{
    enum name_kind kind;
    NTSTATUS status = create_open(ret, access, attributes, io, options, &kind);

    if (kind == NAME_LOCAL || kind == NAME_REMOTE)
        return status;
    status = NtCreateFile(ret, access, attributes, io, allocation, file_attr, sharing, disposition,
                          options, ea, ea_length);
    return create_note(status, ret, kind, options);
}

NTSTATUS NTAPI layer_NtOpenFile(HANDLE *ret, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes,
                                IO_STATUS_BLOCK *io, ULONG sharing, ULONG options)
{
    enum name_kind kind;
    NTSTATUS status = create_open(ret, access, attributes, io, options, &kind);

    if (kind == NAME_LOCAL || kind == NAME_REMOTE)
        return status;
    status = NtOpenFile(ret, access, attributes, io, sharing, options);
    return create_note(status, ret, kind, options);
}
