/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls into winemailslot.so. */
#include "winemailslot/unix.h"

#include "winemailslot/dispatch.h"

/* Wine's question for "the Unix library that belongs to this module" (DESIGN.md fact 7). */
#define UNIX_MEMORY_WINE_UNIX_FUNCS 1000

extern IMAGE_DOS_HEADER __ImageBase;

static UINT64 unix_library;
static NTSTATUS(WINAPI **unix_dispatcher)(UINT64 library, unsigned int code, void *arguments);

NTSTATUS unix_init(HMODULE ntdll)
{
    NTSTATUS status;

    status = NtQueryVirtualMemory(NT_CURRENT_PROCESS, &__ImageBase, UNIX_MEMORY_WINE_UNIX_FUNCS,
                                  &unix_library, sizeof(unix_library), NULL);
    if (status)
        return status;
    unix_dispatcher = dispatch_export(ntdll, "__wine_unix_call_dispatcher");
    return unix_dispatcher ? STATUS_SUCCESS : STATUS_ENTRYPOINT_NOT_FOUND;
}

NTSTATUS unix_call(enum unix_call call, void *arguments)
{
    NTSTATUS status = (*unix_dispatcher)(unix_library, call, arguments);

    if (status) /* a fault, perhaps in the middle of a copy */
        (*unix_dispatcher)(unix_library, UNIX_ABANDON, NULL);
    return status;
}

uint64_t unix_inode(int fd)
{
    struct unix_inode inode = {.fd = fd};

    unix_call(UNIX_INODE, &inode);
    return inode.inode;
}

NTSTATUS unix_probe(void *first, ULONG first_size, void *second, ULONG second_size)
{
    struct unix_probe probe = {.first = UNIX_ADDRESS(first),
                               .second = UNIX_ADDRESS(second),
                               .first_size = first_size,
                               .second_size = second_size};

    return unix_call(UNIX_PROBE, &probe);
}

NTSTATUS unix_probe_input(IO_STATUS_BLOCK *io, const void *data, ULONG size)
{
    struct unix_probe probe = {.first = UNIX_ADDRESS(io),
                               .second = UNIX_ADDRESS(data),
                               .first_size = sizeof(*io),
                               .second_size = size,
                               .second_is_input = 1};

    return unix_call(UNIX_PROBE, &probe);
}
