/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* handle_reuse.c - whatever way a slot's handle ends, the next object of its value is itself (Y8)
 */
/* Must come before windows.h. */
#include <winsock2.h>

#include "image.h"
#include "nt.h"
#include "reuse.h"
#include "slots.h"

/*
 * NT gives the value of a closed handle away again. Whoever keeps notes about values must hear of
 * every way in which a handle can be closed, or see that another object is behind the value. Here
 * each way closes a slot's handle, and then objects of each kind are made until one has the value.
 */

/* --- ways to close a handle --- */

static HANDLE bystander; /* a process that does nothing */

static bool is_closed(HANDLE handle)
{
    DWORD flags;

    return !GetHandleInformation(handle, &flags) && GetLastError() == ERROR_INVALID_HANDLE;
}

/* What DuplicateHandle without a target returns differs between Windows and Wine. */
static bool close_by_pseudo_handle(HANDLE handle)
{
    DuplicateHandle(GetCurrentProcess(), handle, NULL, NULL, 0, FALSE, DUPLICATE_CLOSE_SOURCE);
    return is_closed(handle);
}

static bool close_by_real_handle(HANDLE handle)
{
    HANDLE self = OpenProcess(PROCESS_DUP_HANDLE, FALSE, GetCurrentProcessId());

    DuplicateHandle(self, handle, NULL, NULL, 0, FALSE, DUPLICATE_CLOSE_SOURCE);
    CloseHandle(self);
    return is_closed(handle);
}

static bool close_by_move(HANDLE handle)
{
    HANDLE self = OpenProcess(PROCESS_DUP_HANDLE, FALSE, GetCurrentProcessId()), moved = NULL;
    bool ret = DuplicateHandle(self, handle, bystander, &moved, 0, FALSE,
                               DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE);

    CloseHandle(self);
    return ret && is_closed(handle);
}

static bool close_by_child(HANDLE handle)
{
    char args[64];

    snprintf(args, sizeof(args), "close %lu %p", GetCurrentProcessId(), (void *)handle);
    return winetest_run_child(args) == 0 && is_closed(handle);
}

static int child_close(char **argv)
{
    HANDLE parent = OpenProcess(PROCESS_DUP_HANDLE, FALSE, strtoul(argv[2], NULL, 10));
    void *handle = NULL;
    HANDLE taken;

    sscanf(argv[3], "%p", &handle);
    return !DuplicateHandle(parent, handle, GetCurrentProcess(), &taken, 0, FALSE,
                            DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE);
}

static DWORD WINAPI closing_thread(void *handle)
{
    return (DWORD)CloseHandle(handle);
}

static bool close_by_thread(HANDLE handle)
{
    HANDLE thread = CreateThread(NULL, 0, closing_thread, handle, 0, NULL);
    DWORD ret = 0;

    WaitForSingleObject(thread, INFINITE);
    GetExitCodeThread(thread, &ret);
    CloseHandle(thread);
    return ret == 1;
}

static bool close_by_hand(HANDLE handle)
{
    NTSTATUS(NTAPI * close)(HANDLE) = image_export(GetModuleHandleA("ntdll.dll"), "NtClose");

    return !close(handle);
}

static bool close_by_copied_stub(HANDLE handle)
{
    void *stub = image_export(GetModuleHandleA("ntdll.dll"), "NtClose");
    NTSTATUS(NTAPI * close)(HANDLE) = image_copy(stub, 32, 0);
    bool ret = close && !close(handle);

    VirtualFree(close, 0, MEM_RELEASE);
    return ret;
}

static const struct way
{
    const char *name;
    bool (*close)(HANDLE handle);
    bool lives; /* the slot does, elsewhere */
    const char *rows;
} ways[] = {
    {"DUPLICATE_CLOSE_SOURCE, pseudo handle", close_by_pseudo_handle, false, "Y8"},
    {"DUPLICATE_CLOSE_SOURCE, real handle", close_by_real_handle, false, "Y8"},
    {"DUPLICATE_CLOSE_SOURCE into another process", close_by_move, true, "Y8"},
    {"DUPLICATE_CLOSE_SOURCE by a child", close_by_child, false, "Y8"},
    {"CloseHandle by another thread", close_by_thread, false, "Y8"},
    {"NtClose found by hand", close_by_hand, false, "Y8"},
    {"a copy of NtClose's stub", close_by_copied_stub, false, "Y8 Y3"},
};

/* One of a slot's two ends that has been used, so that whoever keeps notes has one of it. */
static HANDLE used_end(bool server, char *leaf, HANDLE *ret_other)
{
    static int number;
    HANDLE slot, client;

    sprintf(leaf, "reused%d", number++);
    slot = slot_create(leaf, 0, 0);
    client = slot_client(leaf);

    ok(send_text(client, "used"), "write: error %lu\n", GetLastError());
    expect_read(slot, "used");
    *ret_other = server ? client : slot;
    return server ? slot : client;
}

static void test_way(const struct way *way, enum reuse_kind kind, bool server)
{
    const char *end = server ? "server" : "client";
    struct reuse_object object;
    HANDLE handle, other;
    const char *wrong;
    char leaf[16];

    handle = used_end(server, leaf, &other);
    ok(way->close(handle), "%s, %s: error %lu\n", way->name, end, GetLastError());
    if (!reuse_make(&object, kind, handle))
        skip("%s, %s: no %s got the value %p\n", way->name, end, reuse_names[kind], (void *)handle);
    else
    {
        wrong = reuse_try(&object);
        ok(!wrong, "%s, %s, then a %s: %s\n", way->name, end, reuse_names[kind], wrong);
    }
    reuse_end(&object);
    close_handle(other);
    if (server && !way->lives)
        expect_no_handle(slot_client(leaf), ERROR_FILE_NOT_FOUND, way->name);
}

static HANDLE bystander_start(void)
{
    STARTUPINFOA startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION info;
    char path[MAX_PATH];

    GetModuleFileNameA(NULL, path, sizeof(path));
    if (!CreateProcessA(path, NULL, NULL, NULL, FALSE, CREATE_SUSPENDED, NULL, NULL, &startup,
                        &info))
        return NULL;
    CloseHandle(info.hThread);
    return info.hProcess;
}

START_TEST(handle_reuse)
{
    if (winetest_main_argc() > 3)
        ExitProcess((UINT)child_close(winetest_main_argv()));
    reuse_start();
    bystander = bystander_start();
    for (unsigned int i = 0; i < ARRAYSIZE(ways); i++)
    {
        row(ways[i].rows);
        for (int kind = 0; kind < REUSE_KINDS; kind++)
        {
            test_way(&ways[i], kind, true);
            test_way(&ways[i], kind, false);
        }
    }
    TerminateProcess(bystander, 0);
    CloseHandle(bystander);
}
