/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entry points for kernel32.dll, and what the layer needs of its surroundings. */
#include "winemailslot/dispatch.h"
#include "winemailslot/handles.h"
#include "winemailslot/pending.h"
#include "winemailslot/trace.h"
#include "winemailslot/unix.h"

static bool attach_done;
static LONG attach_given_up;
static RTL_SRWLOCK attach_lock = RTL_SRWLOCK_INIT;
static volatile bool attach_unix_ready;
static layer_complain_fn *attach_complain;
static const char *attach_kernelbase;
static SIZE_T attach_kernelbase_size;
static NTSTATUS(CDECL *attach_fd_to_handle)(int fd, unsigned int access, unsigned int attributes,
                                            HANDLE *handle);
static NTSTATUS(CDECL *attach_handle_to_fd)(HANDLE handle, unsigned int access, int *unix_fd,
                                            unsigned int *options);

static HMODULE attach_ntdll;

static HMODULE attach_module(const WCHAR *text)
{
    UNICODE_STRING name;
    HMODULE module;

    RtlInitUnicodeString(&name, text);
    return LdrGetDllHandle(NULL, 0, &name, &module) ? NULL : module;
}

/* Called once by kernel32's DllMain. */
NTSTATUS WINAPI winemailslot_attach(ULONG version, layer_complain_fn *complain)
{
    HMODULE ntdll = attach_module(L"ntdll.dll"), kernelbase = attach_module(L"kernelbase.dll");
    NTSTATUS status;

    if (version != LAYER_VERSION || !ntdll)
        return STATUS_REVISION_MISMATCH;
    attach_complain = complain;
    status = dispatch_prepare(ntdll);
    if (status)
        return status;
    if (kernelbase)
    {
        const IMAGE_NT_HEADERS *headers =
            (const void *)((const char *)kernelbase +
                           ((const IMAGE_DOS_HEADER *)kernelbase)->e_lfanew);

        attach_kernelbase = (const char *)kernelbase;
        attach_kernelbase_size = headers->OptionalHeader.SizeOfImage;
    }
    attach_ntdll = ntdll;
    attach_done = true;
    trace_start(ntdll);
    dispatch_install();
    dispatch_find_message_waits();
    return STATUS_SUCCESS;
}

/* Wine's side and ours of what needs the Unix library. Any thread may be the first to need it,
 * while another holds the loader's lock: so the loader is not asked. */
static NTSTATUS attach_unix(void)
{
    struct unix_attach arguments = {.version = UNIXCALLS_VERSION, .result = -1};
    NTSTATUS status = unix_init(attach_ntdll);

    attach_fd_to_handle = dispatch_export(attach_ntdll, "wine_server_fd_to_handle");
    attach_handle_to_fd = dispatch_export(attach_ntdll, "wine_server_handle_to_fd");
    if (status == STATUS_SUCCESS && (!attach_fd_to_handle || !attach_handle_to_fd))
        status = STATUS_ENTRYPOINT_NOT_FOUND;
    if (status == STATUS_SUCCESS)
        status = unix_call(UNIX_ATTACH, &arguments);
    return status ? status : arguments.result ? STATUS_REVISION_MISMATCH : STATUS_SUCCESS;
}

bool layer_ready(void)
{
    NTSTATUS status = STATUS_SUCCESS;

    if (!layer_active())
        return false;
    if (attach_unix_ready)
        return true;
    layer_lock(&attach_lock);
    if (!attach_unix_ready && layer_active())
    {
        status = attach_unix();
        attach_unix_ready = status == STATUS_SUCCESS;
        if (status)
            InterlockedExchange(&attach_given_up, 1);
    }
    RtlReleaseSRWLockExclusive(&attach_lock);
    if (status)
        attach_complain(status);
    return attach_unix_ready;
}

/* Called by kernel32's DllMain when a thread ends. */
void WINAPI winemailslot_thread_detach(void)
{
    pending_thread_ends();
}

/* For kernel32's GetFileType (F1). */
BOOL WINAPI winemailslot_is_mailslot(HANDLE handle)
{
    struct handle_view view;

    if (!handles_find(handle, &view))
        return FALSE;
    file_put(view.file);
    return TRUE;
}

bool layer_active(void)
{
    return attach_done && !attach_given_up;
}

static void attach_write(const char *text)
{
    const struct
    {
        ULONG head[4];
        HANDLE console;
        ULONG console_flags;
        HANDLE in, out, error;
    } *parameters = (const void *)RtlGetCurrentPeb()->ProcessParameters;
    IO_STATUS_BLOCK io;
    ULONG length = 0;

    while (text[length])
        length++;
    if (parameters && parameters->error && parameters->error != INVALID_HANDLE_VALUE)
        NtWriteFile(parameters->error, NULL, NULL, NULL, &io, text, length, NULL, NULL);
}

bool layer_give_up(int result)
{
    char text[512] = "unknown";
    struct unix_reason reason = {
        .text = UNIX_ADDRESS(text), .capacity = sizeof(text), .result = result};

    if (InterlockedExchange(&attach_given_up, 1))
        return true;
    unix_call(UNIX_REASON, &reason);
    trace_give_up(text);
    attach_write("wine-mailslot: ");
    attach_write(text);
    attach_write(": this program runs on Wine's own mailslots.\n");
    return true;
}

NTSTATUS layer_fd_to_handle(int fd, ACCESS_MASK access, ULONG attributes, HANDLE *ret)
{
    return attach_fd_to_handle(fd, access | LAYER_MARK, attributes, ret);
}

NTSTATUS layer_handle_to_fd(HANDLE handle, int *ret_fd)
{
    return attach_handle_to_fd(handle, 0, ret_fd, NULL);
}

bool layer_in_kernelbase(const void *address)
{
    return (SIZE_T)((const char *)address - attach_kernelbase) < attach_kernelbase_size;
}

/* PEB.ProcessHeap, in the documented place of both architectures. */
static HANDLE attach_heap(void)
{
    return ((HANDLE *)RtlGetCurrentPeb())[6];
}

void *layer_alloc(SIZE_T size)
{
    return RtlAllocateHeap(attach_heap(), HEAP_ZERO_MEMORY, size);
}

void layer_free(void *memory)
{
    RtlFreeHeap(attach_heap(), 0, memory);
}

void layer_lock(RTL_SRWLOCK *lock)
{
    if (RtlDllShutdownInProgress())
    {
        if (RtlTryAcquireSRWLockExclusive(lock))
            return;
        *lock = (RTL_SRWLOCK)RTL_SRWLOCK_INIT;
    }
    RtlAcquireSRWLockExclusive(lock);
}

LONGLONG layer_clock(void)
{
    LARGE_INTEGER counter, frequency;

    NtQueryPerformanceCounter(&counter, &frequency);
    return counter.QuadPart / (frequency.QuadPart / 1000);
}

BOOL WINAPI DllMainCRTStartup(HINSTANCE instance, DWORD reason, void *reserved)
{
    (void)instance;
    (void)reason;
    (void)reserved;
    return TRUE;
}
