/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entry point of kernel32.dll: brings the mailslot layer into the process, or says why not */
#include "kernel32/nt.h"
#include "kernel32/layer.h"
#include "kernel32/redirect.h"

#define MAIN_LAYER_VERSION                                                                         \
    1 /* what winemailslot_attach() is asked for; grows with its contract                          \
       */

static void(WINAPI *main_thread_detach)(void);
static BOOL(WINAPI *main_is_mailslot)(HANDLE handle);

/* Appends text to the line that ends at *ret_length; what does not fit is cut. */
static void main_append(char *line, ULONG size, ULONG *ret_length, const char *text)
{
    while (*text && *ret_length < size)
        line[(*ret_length)++] = *text++;
}

/* One line on standard error. A program without one (a window program, a service) gets none. */
static void main_complain(const char *what, NTSTATUS status)
{
    const struct nt_process_params *params = (const void *)RtlGetCurrentPeb()->ProcessParameters;
    IO_STATUS_BLOCK io;
    char line[256], hex[9];
    ULONG length = 0;

    for (int i = 0; i < 8; i++)
        hex[i] = "0123456789abcdef"[((ULONG)status >> (28 - 4 * i)) & 15];
    hex[8] = 0;
    main_append(line, sizeof line, &length, "wine-mailslot: winemailslot.dll ");
    main_append(line, sizeof line, &length, what);
    main_append(line, sizeof line, &length, " (status ");
    main_append(line, sizeof line, &length, hex);
    main_append(line, sizeof line, &length,
                "): this program runs on Wine's own mailslots. Run it with 'wine-mailslot run', "
                "or see 'wine-mailslot doctor'.\n");
    if (params && params->std_err && params->std_err != INVALID_HANDLE_VALUE)
        NtWriteFile(params->std_err, NULL, NULL, NULL, &io, line, length, NULL, NULL);
}

static void *main_layer_proc(HMODULE layer, const char *text)
{
    ANSI_STRING name;
    void *address;

    RtlInitAnsiString(&name, text);
    return LdrGetProcedureAddress(layer, &name, 0, &address) ? NULL : address;
}

static void main_attach(void)
{
    NTSTATUS(WINAPI * attach)(ULONG version);
    UNICODE_STRING name;
    HMODULE layer;
    NTSTATUS status;

    RtlInitUnicodeString(&name, L"winemailslot.dll");
    status = LdrLoadDll(NULL, 0, &name, &layer);
    if (status)
    {
        main_complain((ULONG)status == 0xC0000135 ? "not found" : "cannot be loaded", status);
        return;
    }
    attach = main_layer_proc(layer, "winemailslot_attach");
    status = attach ? attach(MAIN_LAYER_VERSION) : (NTSTATUS)0xC0000139; /* ENTRYPOINT_NOT_FOUND */
    if (status)
    {
        main_complain("cannot start", status);
        return;
    }
    int r = redirect_start(layer);
    if (r)
    {
        main_complain("cannot be connected", r);
        return;
    }
    main_thread_detach = main_layer_proc(layer, "winemailslot_thread_detach");
    main_is_mailslot = main_layer_proc(layer, "winemailslot_is_mailslot");
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
        main_attach();
    else if (reason == DLL_THREAD_DETACH && main_thread_detach)
        main_thread_detach();
    return TRUE;
}
