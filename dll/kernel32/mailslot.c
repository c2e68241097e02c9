/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CreateMailslot, GetMailslotInfo, SetMailslotInfo over the NT calls
 *
 * Wine's own CreateMailslot differs from Windows in the handle mode, the inheritance flag, the
 * length of names and the error for remote names (semantics V1, V4, V5, V18), so these are written
 * anew. Without the layer Wine's versions do the work: they fit Wine's own mailslots.
 */
#include "kernel32/nt.h"
#include "kernel32/layer.h"
#include "kernel32/wine_kernel32.h"

#define MAILSLOT_TICKS_PER_MS    10000  /* NT time counts in 100 ns */
#define MAILSLOT_NT_WAIT_FOREVER (-1)   /* semantics I14 */
#define MAILSLOT_MAX_NAME        0x7ffe /* characters that a UNICODE_STRING holds */

static BOOL mailslot_fail(ULONG error)
{
    RtlSetLastWin32Error(error);
    return FALSE;
}

/* Semantics C10 */
static LONGLONG mailslot_timeout_to_nt(DWORD ms)
{
    return ms == MAILSLOT_WAIT_FOREVER ? MAILSLOT_NT_WAIT_FOREVER
                                       : -(LONGLONG)ms * MAILSLOT_TICKS_PER_MS;
}

static DWORD mailslot_timeout_from_nt(LONGLONG ticks)
{
    ULONGLONG ms;

    /* Only a caller of the NT API can have set an absolute (positive) time. */
    if (ticks == MAILSLOT_NT_WAIT_FOREVER || ticks > 0)
        return MAILSLOT_WAIT_FOREVER;
    ms = (ULONGLONG)-ticks / MAILSLOT_TICKS_PER_MS;
    return ms < MAILSLOT_WAIT_FOREVER ? ms : MAILSLOT_WAIT_FOREVER - 1;
}

/* An empty component, which the conversion to an NT path would quietly drop (N9, 7.2). */
static BOOL mailslot_name_has_gap(const WCHAR *name)
{
    /* The first two characters are the slashes of \\.\ */
    for (ULONG i = 2; name[0] && name[1] && name[i]; i++)
    {
        if ((name[i] == '\\' || name[i] == '/') && (name[i + 1] == '\\' || name[i + 1] == '/'))
            return TRUE;
    }
    return FALSE;
}

/* \??\mailslot\NAME with at least one component and no empty ones (semantics N9, N10, 7.2) */
static BOOL mailslot_path_valid(const UNICODE_STRING *path)
{
    static const char prefix[] = "\\??\\mailslot\\";
    const ULONG prefix_length = sizeof prefix - 1;
    const ULONG length = path->Length / sizeof(WCHAR);

    if (length <= prefix_length || path->Buffer[length - 1] == '\\')
        return FALSE;
    for (ULONG i = 0; i < prefix_length; i++)
    {
        WCHAR c = path->Buffer[i];
        if (c >= 'A' && c <= 'Z')
            c += 'a' - 'A';
        if (c != (unsigned char)prefix[i])
            return FALSE;
    }
    for (ULONG i = prefix_length; i < length; i++)
    {
        if (path->Buffer[i] == '\\' && path->Buffer[i - 1] == '\\')
            return FALSE;
    }
    return TRUE;
}

HANDLE WINAPI CreateMailslotW(const WCHAR *name, DWORD max_message_size, DWORD read_timeout,
                              SECURITY_ATTRIBUTES *sa)
{
    LARGE_INTEGER timeout;
    OBJECT_ATTRIBUTES attr;
    UNICODE_STRING path;
    IO_STATUS_BLOCK io;
    HANDLE handle;
    NTSTATUS status;

    if (!layer_attached())
        return wine_CreateMailslotW(name, max_message_size, read_timeout, sa);
    /* N11, N12; Y13: devices in folders, what is too long */
    if (!name || !*name || !RtlDosPathNameToNtPathName_U(name, &path, NULL, NULL))
    {
        mailslot_fail(ERROR_PATH_NOT_FOUND);
        return INVALID_HANDLE_VALUE;
    }
    if (mailslot_name_has_gap(name) || !mailslot_path_valid(&path)) /* N7, N9, N10, N13, N14 */
    {
        RtlFreeUnicodeString(&path);
        mailslot_fail(ERROR_INVALID_NAME);
        return INVALID_HANDLE_VALUE;
    }

    InitializeObjectAttributes(&attr, &path, OBJ_CASE_INSENSITIVE, NULL, NULL);
    if (sa) /* C11, C12 */
    {
        attr.SecurityDescriptor = sa->lpSecurityDescriptor;
        if (sa->bInheritHandle)
            attr.Attributes |= OBJ_INHERIT;
    }
    timeout.QuadPart = mailslot_timeout_to_nt(read_timeout);
    /* Options 0: an asynchronous handle (C2) */
    status = NtCreateMailslotFile(&handle, GENERIC_READ | SYNCHRONIZE | WRITE_DAC, &attr, &io, 0, 0,
                                  max_message_size, &timeout);
    RtlFreeUnicodeString(&path);
    if (status)
    {
        mailslot_fail(RtlNtStatusToDosError(status));
        return INVALID_HANDLE_VALUE;
    }
    return handle;
}

HANDLE WINAPI CreateMailslotA(const char *name, DWORD max_message_size, DWORD read_timeout,
                              SECURITY_ATTRIBUTES *sa)
{
    UNICODE_STRING wide;
    HANDLE handle;

    if (!layer_attached())
        return wine_CreateMailslotA(name, max_message_size, read_timeout, sa);
    if (!name)
        return CreateMailslotW(NULL, max_message_size, read_timeout, sa);
    if (!RtlCreateUnicodeStringFromAsciiz(&wide, name))
    {
        ANSI_STRING ansi;

        RtlInitAnsiString(&ansi, name); /* cuts what is very long, but never below our limit */
        mailslot_fail(ansi.Length > MAILSLOT_MAX_NAME ? ERROR_PATH_NOT_FOUND /* Y13 */
                                                      : ERROR_NOT_ENOUGH_MEMORY);
        return INVALID_HANDLE_VALUE;
    }
    handle = CreateMailslotW(wide.Buffer, max_message_size, read_timeout, sa);
    RtlFreeUnicodeString(&wide);
    return handle;
}

BOOL WINAPI GetMailslotInfo(HANDLE mailslot, DWORD *ret_max_message_size, DWORD *ret_next_size,
                            DWORD *ret_message_count, DWORD *ret_read_timeout)
{
    struct nt_mailslot_query info;
    IO_STATUS_BLOCK io;
    NTSTATUS status;

    if (!layer_attached())
        return wine_GetMailslotInfo(mailslot, ret_max_message_size, ret_next_size,
                                    ret_message_count, ret_read_timeout);
    status = NtQueryInformationFile(mailslot, &io, &info, sizeof info,
                                    (FILE_INFORMATION_CLASS)NT_FILE_MAILSLOT_QUERY);
    if (status)
        return mailslot_fail(RtlNtStatusToDosError(status)); /* I5, I9 */
    if (ret_max_message_size)                                /* I4 */
        *ret_max_message_size = info.max_message_size;
    if (ret_next_size)
        *ret_next_size = info.next_message_size;
    if (ret_message_count)
        *ret_message_count = info.message_count;
    if (ret_read_timeout)
        *ret_read_timeout = mailslot_timeout_from_nt(info.read_timeout);
    return TRUE;
}

BOOL WINAPI SetMailslotInfo(HANDLE mailslot, DWORD read_timeout)
{
    LONGLONG timeout = mailslot_timeout_to_nt(read_timeout);
    IO_STATUS_BLOCK io;
    NTSTATUS status;

    if (!layer_attached())
        return wine_SetMailslotInfo(mailslot, read_timeout);
    status = NtSetInformationFile(mailslot, &io, &timeout, sizeof timeout,
                                  (FILE_INFORMATION_CLASS)NT_FILE_MAILSLOT_SET);
    return status ? mailslot_fail(RtlNtStatusToDosError(status)) : TRUE;
}
