/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GetFileType: a mailslot is FILE_TYPE_UNKNOWN without an error (semantics F1) */
#include "kernel32/nt.h"
#include "kernel32/layer.h"
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

/*
 * The C runtimes take a standard handle of unknown type for none, and Wine's then even forget it
 * (SetStdHandle to 0), so that "program > \\.\mailslot\x" would write nowhere. They are told what
 * Wine tells them of its own mailslots: a pipe.
 */
static BOOL file_type_asked_by_runtime(void *caller)
{
    static const char *const prefixes[] = {"msvcr", "ucrtbase"};
    struct nt_ldr_module *module;

    if (LdrFindEntryForAddress(caller, (void **)&module))
        return FALSE;
    for (unsigned int i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
    {
        const WCHAR *name = module->base_name.Buffer;
        ULONG length = module->base_name.Length / sizeof(WCHAR), k = 0;

        while (prefixes[i][k] && k < length && (name[k] | 0x20) == (WCHAR)prefixes[i][k])
            k++;
        if (!prefixes[i][k])
            return TRUE;
    }
    return FALSE;
}

DWORD WINAPI GetFileType(HANDLE file)
{
    if (!layer_has_mailslot(file_type_real_handle(file)))
        return wine_GetFileType(file);
    if (file_type_asked_by_runtime(__builtin_return_address(0)))
        return FILE_TYPE_PIPE;
    RtlSetLastWin32Error(NO_ERROR);
    return FILE_TYPE_UNKNOWN;
}
