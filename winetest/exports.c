/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exports.c - kernel32's exports as packers, protectors and hooks find them (rows Y1, Y5, Y7) */
#include "winetest.h"
#include <winternl.h>

#define WINE_STUB     0x80000100 /* "unimplemented function" */
#define CHILD_SUCCESS 42

/* gcc takes the thread's block, which is read through a segment register, for an access to 0. */
#pragma GCC diagnostic ignored "-Warray-bounds"

/* The head of a loader entry, from its link in memory order on */
struct loader_entry
{
    LIST_ENTRY in_memory_order, in_initialization_order;
    BYTE *base;
    void *entry_point;
    ULONG size;
    UNICODE_STRING full_name, base_name;
};

/* The exports of a module, as who cannot call the loader reads them */
struct exports
{
    BYTE *base;
    ULONG start, end, size, count;
    const ULONG *functions, *names;
    const USHORT *ordinals;
};

static struct exports kernel32, original; /* Wine's own, or kernel32 again */

static const struct loader_entry *loader_entry(int index)
{
    const LIST_ENTRY *link =
        NtCurrentTeb()->ProcessEnvironmentBlock->Ldr->InMemoryOrderModuleList.Flink;

    while (index--)
        link = link->Flink;
    return (const void *)link;
}

static struct exports exports_of(BYTE *base)
{
    const IMAGE_NT_HEADERS *nt = (const void *)(base + ((IMAGE_DOS_HEADER *)base)->e_lfanew);
    const IMAGE_DATA_DIRECTORY *data = &nt->OptionalHeader.DataDirectory[0];
    const IMAGE_EXPORT_DIRECTORY *directory = (const void *)(base + data->VirtualAddress);
    struct exports ret = {
        .base = base,
        .start = data->VirtualAddress,
        .end = data->VirtualAddress + data->Size,
        .size = nt->OptionalHeader.SizeOfImage,
        .count = directory->NumberOfNames,
        .functions = (const void *)(base + directory->AddressOfFunctions),
        .names = (const void *)(base + directory->AddressOfNames),
        .ordinals = (const void *)(base + directory->AddressOfNameOrdinals),
    };

    return ret;
}

static const char *name_at(const struct exports *exports, ULONG i)
{
    return (const char *)exports->base + exports->names[i];
}

/* The text of an export that is a forward, else NULL */
static const char *forward_at(const struct exports *exports, ULONG i)
{
    ULONG rva = exports->functions[exports->ordinals[i]];

    return rva >= exports->start && rva < exports->end ? (char *)exports->base + rva : NULL;
}

/* The code of an export, NULL if it is none (FT_Thunk) or a forward */
static BYTE *code_at(const struct exports *exports, ULONG i)
{
    ULONG rva = exports->functions[exports->ordinals[i]];

    return !rva || forward_at(exports, i) ? NULL : exports->base + rva;
}

/* Binary search, as the loader does it. Returns the index or -1. */
static int find(const struct exports *exports, const char *name)
{
    int low = 0, high = (int)exports->count - 1;

    while (low <= high)
    {
        int middle = (low + high) / 2, order = strcmp(name_at(exports, middle), name);

        if (!order)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return -1;
}

static void *found(const char *name)
{
    int i = find(&kernel32, name);

    return i < 0 ? NULL : code_at(&kernel32, i);
}

static void test_loader_list(void)
{
    const struct loader_entry *third = loader_entry(2);

    row("Y1");
    ok(third->base_name.Length == 24 && !_wcsicmp(third->base_name.Buffer, L"kernel32.dll"),
       "third module is %ls\n", third->base_name.Buffer);
    ok(third->base == (BYTE *)GetModuleHandleA("kernel32.dll"), "its base is %p\n", third->base);
    kernel32 = original = exports_of(third->base);
    if (GetModuleHandleA("kernel32w.dll"))
        original = exports_of((BYTE *)GetModuleHandleA("kernel32w.dll"));
    ok(wt.platform != WT_SHIM || original.base != kernel32.base, "this is not the shim\n");
}

/* What a packer's loader does before it runs the packed program. */
static void test_packer(void)
{
    HMODULE(WINAPI * load_library)(const char *) = found("LoadLibraryA");
    FARPROC(WINAPI * get_proc)(HMODULE, const char *) = found("GetProcAddress");
    void *(WINAPI * alloc)(void *, SIZE_T, DWORD, DWORD) = found("VirtualAlloc");
    BOOL(WINAPI * protect)(void *, SIZE_T, DWORD, DWORD *) = found("VirtualProtect");
    HANDLE(WINAPI * create_file)
    (const char *, DWORD, DWORD, void *, DWORD, DWORD, HANDLE) = found("CreateFileA");
    char path[MAX_PATH];
    DWORD old = 0;
    HANDLE file;
    BYTE *page;

    row("Y1");
    if (!ok(load_library && get_proc && alloc && protect && create_file,
            "not found: %p %p %p %p %p\n", load_library, get_proc, alloc, protect, create_file))
        return;
    ok(load_library("KERNEL32") == (HMODULE)kernel32.base, "LoadLibraryA failed\n");
    ok((void *)get_proc((HMODULE)kernel32.base, "VirtualAlloc") == alloc,
       "GetProcAddress failed\n");
    page = alloc(NULL, 0x1000, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    if (ok(page != NULL, "VirtualAlloc: error %lu\n", GetLastError()))
    {
        page[0] = 0xc3;
        ok(protect(page, 0x1000, PAGE_EXECUTE_READ, &old) && old == PAGE_READWRITE,
           "VirtualProtect: old %#lx, error %lu\n", old, GetLastError());
        ((void (*)(void))page)();
        VirtualFree(page, 0, MEM_RELEASE);
    }
    GetModuleFileNameA(NULL, path, sizeof(path));
    file = create_file(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    ok(file != INVALID_HANDLE_VALUE, "CreateFileA: error %lu\n", GetLastError());
    CloseHandle(file);
    ok(winetest_run_child("exit") == CHILD_SUCCESS, "ExitProcess failed\n");
}

static void test_code(void)
{
    static const char *const examples[] = {"CreateFileA", "CreateMailslotA", "GetFileType",
                                           "Sleep"};
    ULONG i, wrong = 0;

    row("Y1 Y5");
    for (i = 0; i < original.count; i++)
    {
        const char *name = name_at(&original, i);
        BYTE *code = code_at(&original, i) ? found(name) : kernel32.base;

        if (code < kernel32.base || code >= kernel32.base + kernel32.size)
        {
            trace("%s is no code of kernel32\n", name);
            wrong++;
        }
    }
    ok(original.count > 1000 && !wrong, "%lu of %lu are no code\n", wrong, original.count);

    row("Y5");
    for (i = 0; i < ARRAYSIZE(examples); i++)
    {
        HMODULE module = NULL;
        char path[MAX_PATH] = "";

        GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                               GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                           (void *)GetProcAddress((HMODULE)kernel32.base, examples[i]), &module);
        GetModuleFileNameA(module, path, sizeof(path));
        ok(module == (HMODULE)kernel32.base && !stricmp(wt_basename(path), "kernel32.dll"),
           "%s belongs to %p, %s\n", examples[i], module, path);
    }
}

/* Where the jump of a stub leads, or NULL if this is none. */
static BYTE *jump_target(const BYTE *code)
{
#ifdef __i386__
    static const BYTE prologue[] = {0x8b, 0xff, 0x55, 0x8b, 0xec, 0x5d, 0xff, 0x25};

    return memcmp(code, prologue, sizeof(prologue)) ? NULL : **(BYTE ***)(code + sizeof(prologue));
#else
    static const BYTE prologue[] = {0x48, 0x8d, 0xa4, 0x24, 0, 0, 0, 0, 0xff, 0x25};

    code += sizeof(prologue);
    return memcmp(code - sizeof(prologue), prologue, sizeof(prologue))
               ? NULL
               : *(BYTE **)(code + 4 + *(LONG *)code);
#endif
}

/* Whether an export is what the original has under that name. */
static bool is_original(ULONG i, ULONG other)
{
    const char *name = name_at(&kernel32, i), *forward = forward_at(&original, other);
    BYTE *address, *expected, *target;

    if (forward && !strncmp(forward, "krnl386", 7)) /* 16-bit Windows, which may not be here */
        return true;
    address = (BYTE *)GetProcAddress((HMODULE)kernel32.base, name);
    expected = (BYTE *)GetProcAddress((HMODULE)original.base, name);
    if (!address || !expected || kernel32.base == original.base || !code_at(&kernel32, i))
        return address == expected;
    target = jump_target(address);
    if (!target) /* a function of ours */
        return address >= kernel32.base && address < kernel32.base + kernel32.size;
    if (forward) /* bound when called */
        return target == expected ||
               (target >= kernel32.base && target < kernel32.base + kernel32.size);
    return target == expected;
}

static void test_names(void)
{
    ULONG i, wrong = 0, jumps = 0;

    row("Y7");
    ok(kernel32.count == original.count, "%lu names instead of %lu\n", kernel32.count,
       original.count);
    for (i = 0; i < kernel32.count; i++)
    {
        const char *name = name_at(&kernel32, i);
        int other = find(&original, name);

        if (other < 0 || !is_original(i, other) ||
            (i && strcmp(name_at(&kernel32, i - 1), name) >= 0))
        {
            trace("%s is wrong\n", name);
            wrong++;
        }
        jumps += code_at(&kernel32, i) && jump_target(code_at(&kernel32, i));
    }
    ok(!wrong, "%lu are wrong\n", wrong);
    ok(wt.platform != WT_SHIM || jumps > 1000, "%lu jumps\n", jumps);
}

static void test_missing(void)
{
    /* The last three are names that a Windows has and some Wine lacks. */
    static const char *const names[] = {"NoSuchFunction",
                                        "",
                                        "createfilea",
                                        "AddSIDToBoundaryDescriptor",
                                        "BaseDumpAppcompatCacheWorker",
                                        "timeBeginPeriod"};
    int i;

    row("Y7");
    for (i = 0; i < (int)ARRAYSIZE(names); i++)
    {
        void *address;

        if (find(&original, names[i]) >= 0)
            continue;
        SetLastError(0xdeadbeef);
        address = (void *)GetProcAddress((HMODULE)kernel32.base, names[i]);
        ok(!address && GetLastError() == ERROR_PROC_NOT_FOUND, "\"%s\": %p, error %lu\n", names[i],
           address, GetLastError());
        ok(find(&kernel32, names[i]) < 0, "\"%s\" is in the table of names\n", names[i]);
    }
    if (find(&original, "AddSIDToBoundaryDescriptor") < 0)
        ok(winetest_run_child("missing") == CHILD_SUCCESS, "imported, but called\n");
}

static LONG WINAPI missing_raised(EXCEPTION_POINTERS *info)
{
    const EXCEPTION_RECORD *record = info->ExceptionRecord;
    bool right = record->ExceptionCode == WINE_STUB && record->NumberParameters == 2 &&
                 record->ExceptionFlags == EXCEPTION_NONCONTINUABLE &&
                 !stricmp((char *)record->ExceptionInformation[0], "kernel32.dll") &&
                 !strcmp((char *)record->ExceptionInformation[1], "AddSIDToBoundaryDescriptor");
#ifndef __i386__
    /* The way back to the caller can be found, as C++ and debuggers need it. */
    CONTEXT context = *info->ContextRecord;
    const ULONG_PTR program = (ULONG_PTR)GetModuleHandleA(NULL);
    int frames;

    for (frames = 0; frames < 16 && context.Rip - program >= 0x100000; frames++)
    {
        DWORD64 base, frame;
        void *handler;
        RUNTIME_FUNCTION *function = RtlLookupFunctionEntry(context.Rip, &base, NULL);

        if (!function) /* all of them call others */
            frames = 16;
        else
            RtlVirtualUnwind(0, base, context.Rip, function, &context, &handler, &frame, NULL);
    }
    right = right && frames < 16;
#endif
    if (!right)
        printf("exception %lx, flags %lx, %lu parameters, or no way back to the caller\n",
               record->ExceptionCode, record->ExceptionFlags, record->NumberParameters);
    ExitProcess(right ? CHILD_SUCCESS : 1);
}

#ifdef __i386__
static LONGLONG(WINAPI *late_exchange)(LONGLONG *, LONGLONG, LONGLONG);
#endif

/* A function that is a forward in this or another Wine: ours looks for it when it is called. */
static bool call_late_bound(void)
{
#ifdef __i386__
    LONGLONG value = 0x123456789abcdefLL;

    return late_exchange(&value, -2, 0x123456789abcdefLL) == 0x123456789abcdefLL && value == -2;
#else
    DWORD64 base = 0;
    RUNTIME_FUNCTION *function = RtlLookupFunctionEntry((DWORD64)call_late_bound, &base, NULL);

    return function && base == (DWORD64)GetModuleHandleA(NULL);
#endif
}

static HANDLE late_go, late_done;
static volatile bool late_right;

static DWORD WINAPI late_thread(void *arg)
{
    (void)arg;
    SignalObjectAndWait(late_done, late_go, INFINITE, FALSE);
    late_right = call_late_bound();
    SetEvent(late_done);
    return 0;
}

/* In a process of its own, as only the first call counts. */
static int child_late(void)
{
    NTSTATUS(NTAPI * lock)
    (ULONG, ULONG *, ULONG_PTR *) =
        (void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), "LdrLockLoaderLock");
    ULONG_PTR cookie;
    HANDLE thread;
    DWORD ret;

    late_go = CreateEventA(NULL, TRUE, FALSE, NULL);
    late_done = CreateEventA(NULL, FALSE, FALSE, NULL);
    thread = CreateThread(NULL, 0, late_thread, NULL, 0, NULL);
    /* Its start needs the lock. */
    if (WaitForSingleObject(late_done, 15000) || !lock || lock(0, NULL, &cookie))
        return 1;
    SetEvent(late_go);
    ret = WaitForSingleObject(late_done, 15000);
    if (ret != WAIT_OBJECT_0 || !late_right)
        TerminateProcess(GetCurrentProcess(), ret == WAIT_OBJECT_0 ? 2 : 3);
    CloseHandle(thread);
    return CHILD_SUCCESS;
}

/* Its winmm may import them from kernel32 (Wine 10.18 and later). */
static void test_timers(void)
{
    HMODULE winmm = LoadLibraryA("winmm.dll");
    DWORD(WINAPI * get)(void) = winmm ? (void *)GetProcAddress(winmm, "timeGetTime") : NULL;
    DWORD(WINAPI * begin)(UINT) = winmm ? (void *)GetProcAddress(winmm, "timeBeginPeriod") : NULL;
    DWORD before, after;

    row("Y7");
    if (!get || !begin)
    {
        skip("no winmm.dll here\n");
        return;
    }
    before = get();
    ok(!begin(1), "timeBeginPeriod failed\n");
    Sleep(20);
    after = get();
    ok(after - before >= 10 && after - before < 60000, "%lu ms passed\n", after - before);
}

START_TEST(exports)
{
    const char *child = winetest_main_argc() > 1 ? winetest_main_argv()[1] : NULL;

    test_loader_list();
#ifdef __i386__
    late_exchange = (void *)GetProcAddress((HMODULE)kernel32.base, "InterlockedCompareExchange64");
#endif
    if (child && !strcmp(child, "exit"))
        ((void(WINAPI *)(UINT))found("ExitProcess"))(CHILD_SUCCESS);
    if (child && !strcmp(child, "missing"))
    {
        AddVectoredExceptionHandler(1, missing_raised);
        AddSIDToBoundaryDescriptor(NULL, NULL); /* in Windows since Vista, in no Wine so far */
        ExitProcess(2);
    }
    if (child && !strcmp(child, "late"))
        TerminateProcess(GetCurrentProcess(), child_late());
    test_packer();
    test_code();
    test_names();
    test_missing();
    row("Y7");
    ok(call_late_bound(), "bound at first use, but wrongly\n");
    ok(winetest_run_child("late") == CHILD_SUCCESS, "first use takes the loader's lock\n");
    test_timers();
}
