/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entry point of kernel32.dll: brings the mailslot layer into the process, or says why not */
#include "kernel32/nt.h"
#include "kernel32/exports.h"
#include "kernel32/layer.h"

/* What winemailslot_attach() is asked for; grows with its contract. */
#define MAIN_LAYER_VERSION 2

extern IMAGE_DOS_HEADER __ImageBase; /* this module, by the linker */

static BOOL main_active;
static void(WINAPI *main_thread_detach)(void);
static BOOL(WINAPI *main_is_mailslot)(HANDLE handle);

/* Appends text to the line that ends at *ret_length; what does not fit is cut. */
static void main_append(char *line, ULONG size, ULONG *ret_length, const char *text)
{
    while (*text && *ret_length < size)
        line[(*ret_length)++] = *text++;
}

static void *main_layer_proc(HMODULE layer, const char *text)
{
    ANSI_STRING name;
    void *address;

    RtlInitAnsiString(&name, text);
    return LdrGetProcedureAddress(layer, &name, 0, &address) ? NULL : address;
}

/* "8.0" and the like; NULL if this is no Wine, or one that keeps it to itself. */
static const char *main_wine_version(void)
{
    const char *(CDECL * get_version)(void);
    UNICODE_STRING name;
    HMODULE ntdll;

    RtlInitUnicodeString(&name, L"ntdll.dll");
    if (LdrGetDllHandle(NULL, 0, &name, &ntdll))
        return NULL;
    get_version = main_layer_proc(ntdll, "wine_get_version");
    return get_version ? get_version() : NULL;
}

/*
 * Whether the program is one of Wine's own. The first program in a prefix starts Wine's services,
 * which inherit its overrides and its standard error: they have no business with mailslots.
 */
static BOOL main_is_wine_program(void)
{
    static const char folder[] = "windows\\sys", shell[] = "\\cmd.exe";
    const struct nt_ldr_data *ldr = (const void *)RtlGetCurrentPeb()->Ldr;
    const struct nt_ldr_module *program =
        CONTAINING_RECORD(ldr->in_load_order.Flink, struct nt_ldr_module, in_load_order);
    const UNICODE_STRING *path = &program->full_name; /* C:\windows\system32\services.exe */
    ULONG length = path->Length / sizeof(WCHAR), at = 3, i;

    if (length < at + sizeof folder + sizeof shell)
        return FALSE;
    for (i = 0; folder[i]; i++)
    {
        if ((path->Buffer[at + i] | 32) != (folder[i] | 32))
            return FALSE;
    }
    at = length - (sizeof shell - 1);
    for (i = 0; shell[i] && (path->Buffer[at + i] | 32) == (shell[i] | 32); i++)
        ;
    return shell[i] != 0;
}

/*
 * One line on standard error. A program without one (a window program, a service) gets none, as
 * do Wine's own programs, but for cmd, which people run.
 */
static void main_complain(const char *what, const char *fix, NTSTATUS status)
{
    const struct nt_process_params *params = (const void *)RtlGetCurrentPeb()->ProcessParameters;
    const char *version = main_wine_version();
    IO_STATUS_BLOCK io;
    char line[512], hex[9];
    ULONG length = 0;

    for (int i = 0; i < 8; i++)
        hex[i] = "0123456789abcdef"[((ULONG)status >> (28 - 4 * i)) & 15];
    hex[8] = 0;
    if (main_is_wine_program())
        return;
    main_append(line, sizeof line - 1, &length, "wine-mailslot: ");
    main_append(line, sizeof line - 1, &length, what);
    main_append(line, sizeof line - 1, &length, " (status ");
    main_append(line, sizeof line - 1, &length, hex);
    main_append(line, sizeof line - 1, &length, ", Wine ");
    main_append(line, sizeof line - 1, &length, version ? version : "of unknown version");
    main_append(line, sizeof line - 1, &length,
                "): this program runs on Wine's own mailslots. Fix: ");
    main_append(line, sizeof line - 1, &length, fix);
    main_append(line, sizeof line - 1, &length,
                " (tested: Wine 8.0 to 11.10; older ones do not work, newer ones may)");
    line[length++] = '\n';
    if (params && params->std_err && params->std_err != INVALID_HANDLE_VALUE)
        NtWriteFile(params->std_err, NULL, NULL, NULL, &io, line, length, NULL, NULL);
}

/* Why the layer does not work: said when it attaches, or when the first mailslot is wanted. */
static void CALLBACK main_complain_of_layer(NTSTATUS status)
{
    switch ((ULONG)status)
    {
    case 0xC0000135: /* DLL_NOT_FOUND: the Unix half */
        main_complain("winemailslot.so not found",
                      "run the program with 'wine-mailslot run', else reinstall wine-mailslot",
                      status);
        break;
    case 0xC0000059: /* REVISION_MISMATCH */
        main_complain("its libraries are of different versions", "reinstall wine-mailslot", status);
        break;
    default: /* ENTRYPOINT_NOT_FOUND, INVALID_INFO_CLASS */
        main_complain("this Wine lacks what it needs", "use another version of Wine", status);
        break;
    }
}

/*
 * winemailslot.dll lies beside this file: its whole path spares the loader the search, which would
 * begin in the program's folder. Returns FALSE if the path is too long for the buffer.
 */
static BOOL main_layer_path(UNICODE_STRING *ret, WCHAR *buffer, ULONG size)
{
    static const char name[] = "winemailslot.dll";
    const struct nt_ldr_module *self;
    ULONG length, i;

    if (LdrFindEntryForAddress(&__ImageBase, (void **)&self))
        return FALSE;
    length = (self->full_name.Length - self->base_name.Length) / sizeof(WCHAR);
    if (self->full_name.Length < self->base_name.Length || length + sizeof name > size)
        return FALSE;
    for (i = 0; i < length; i++)
        buffer[i] = self->full_name.Buffer[i];
    for (i = 0; i < sizeof name; i++)
        buffer[length + i] = name[i];
    RtlInitUnicodeString(ret, buffer);
    return TRUE;
}

static void main_attach(void)
{
    NTSTATUS(WINAPI * attach)(ULONG version, void(CALLBACK * complain)(NTSTATUS status));
    UNICODE_STRING name;
    HMODULE layer;
    WCHAR buffer[MAX_PATH];
    NTSTATUS status;

    if (!main_layer_path(&name, buffer, sizeof buffer / sizeof *buffer))
        RtlInitUnicodeString(&name, L"winemailslot.dll");
    status = LdrLoadDll(NULL, 0, &name, &layer);
    if (status)
    {
        main_complain((ULONG)status == 0xC0000135 ? "winemailslot.dll not found"
                                                  : "winemailslot.dll cannot be loaded",
                      "run the program with 'wine-mailslot run'", status);
        return;
    }
    attach = main_layer_proc(layer, "winemailslot_attach");
    status = attach ? attach(MAIN_LAYER_VERSION, main_complain_of_layer)
                    : (NTSTATUS)0xC0000139; /* ENTRYPOINT_NOT_FOUND */
    if (status)
    {
        main_complain_of_layer(status);
        return;
    }
    main_active = TRUE;
    main_thread_detach = main_layer_proc(layer, "winemailslot_thread_detach");
    main_is_mailslot = main_layer_proc(layer, "winemailslot_is_mailslot");
}

BOOL layer_attached(void)
{
    return main_active;
}

BOOL layer_has_mailslot(HANDLE handle)
{
    return main_is_mailslot && main_is_mailslot(handle);
}

BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, void *reserved)
{
    (void)self;
    (void)reserved;
    if (reason == DLL_PROCESS_ATTACH)
    {
        exports_attach();
        main_attach();
    }
    else if (reason == DLL_THREAD_DETACH && main_thread_detach)
        main_thread_detach();
    return TRUE;
}
