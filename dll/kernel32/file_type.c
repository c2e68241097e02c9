/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GetFileType: a mailslot is FILE_TYPE_UNKNOWN without an error (semantics F1, F9) */
#include "kernel32/nt.h"
#include "kernel32/redirect.h"
#include "kernel32/wine_kernel32.h"

/* GetFileType also takes STD_INPUT_HANDLE etc. in place of a handle. */
static HANDLE file_type_real_handle(HANDLE file)
{
    const struct nt_process_params *params = (const void *)RtlGetCurrentPeb()->ProcessParameters;

    switch ((DWORD)(ULONG_PTR)file)
    {
    case STD_INPUT_HANDLE:
        return params->std_in;
    case STD_OUTPUT_HANDLE:
        return params->std_out;
    case STD_ERROR_HANDLE:
        return params->std_err;
    default:
        return file;
    }
}

DWORD WINAPI GetFileType(HANDLE file)
{
    DWORD type = wine_GetFileType(file);
    struct nt_device_info info;
    IO_STATUS_BLOCK io;

    /* Wine asks for the device as we do, and then calls what it does not know a disk. */
    if (!redirect_active() || type == FILE_TYPE_CHAR)
        return type;
    if (NtQueryVolumeInformationFile(file_type_real_handle(file), &io, &info, sizeof info,
                                     (FS_INFORMATION_CLASS)NT_FILE_FS_DEVICE_INFORMATION) ||
        info.device_type != NT_FILE_DEVICE_MAILSLOT)
        return type;
    RtlSetLastWin32Error(NO_ERROR);
    return FILE_TYPE_UNKNOWN;
}
