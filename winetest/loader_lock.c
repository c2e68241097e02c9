/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* loader_lock.c - mailslots work while another thread holds the loader's lock (C1, O1, R10) */
#include "slots.h"

/*
 * A DllMain runs with the loader's lock, and may wait for a thread that works with mailslots. That
 * must not need the lock, not even for the first mailslot of a process: so each case is a process
 * of its own, without pipes, whose first use is the same.
 */

#define STUCK 3000 /* ms */

static LONG(NTAPI *lock_loader)(ULONG flags, ULONG *ret_result, ULONG_PTR *ret_cookie);
static LONG(NTAPI *unlock_loader)(ULONG flags, ULONG_PTR cookie);

static HANDLE go, done, slot;
static const char *what;
static bool right;

static DWORD WINAPI worker(void *arg)
{
    static OVERLAPPED ov;
    static char buffer[16];

    SetEvent(done);
    WaitForSingleObject(go, INFINITE);
    if (!strcmp(what, "create"))
        right = CreateMailslotA(slot_name("lock"), 0, 0, NULL) != INVALID_HANDLE_VALUE;
    else if (!strcmp(what, "open"))
        right =
            slot_client("lock") == INVALID_HANDLE_VALUE && GetLastError() == ERROR_FILE_NOT_FOUND;
    else
    {
        ov.hEvent = arg;
        right = !ReadFile(slot, buffer, sizeof(buffer), NULL, &ov) &&
                GetLastError() == ERROR_IO_PENDING;
    }
    SetEvent(done);
    return 0;
}

/* Exit code: 0 as it should be, 1 stuck, 2 wrong result, 3 the read does not end. */
static int child(void)
{
    HANDLE read = CreateEventA(NULL, TRUE, FALSE, NULL), client = NULL, thread;
    HMODULE ntdll = GetModuleHandleA("ntdll.dll");
    ULONG_PTR cookie;
    int code = 0;
    ULONG result;

    lock_loader = (void *)GetProcAddress(ntdll, "LdrLockLoaderLock");
    unlock_loader = (void *)GetProcAddress(ntdll, "LdrUnlockLoaderLock");
    go = CreateEventA(NULL, FALSE, FALSE, NULL);
    done = CreateEventA(NULL, FALSE, FALSE, NULL);
    if (!strcmp(what, "read"))
    {
        slot = CreateMailslotA(slot_name("lock"), 0, MAILSLOT_WAIT_FOREVER, NULL);
        client = slot_client("lock");
    }
    thread = CreateThread(NULL, 0, worker, read, 0, NULL);
    WaitForSingleObject(done, INFINITE); /* it runs: to begin takes the lock */
    lock_loader(0, &result, &cookie);
    SetEvent(go);
    if (WaitForSingleObject(done, STUCK))
        code = 1;
    else if (!right)
        code = 2;
    unlock_loader(0, cookie);
    if (client && !code)
    {
        send_text(client, "now");
        if (WaitForSingleObject(read, STUCK))
            code = 3;
    }
    if (code == 1)
        TerminateProcess(GetCurrentProcess(), (UINT)code);
    WaitForSingleObject(thread, STUCK);
    return code;
}

static int run(const char *name)
{
    SECURITY_ATTRIBUTES inherit = {sizeof(inherit), NULL, TRUE};
    STARTUPINFOA startup = {.cb = sizeof(startup), .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION process;
    char command[MAX_PATH + 16], path[MAX_PATH];
    DWORD code = ~0u;

    GetModuleFileNameA(NULL, path, sizeof(path));
    snprintf(command, sizeof(command), "\"%s\" %s", path, name);
    startup.hStdInput = startup.hStdOutput = startup.hStdError =
        CreateFileA("nul", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                    &inherit, OPEN_EXISTING, 0, NULL);
    if (!CreateProcessA(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process))
        return -1;
    WaitForSingleObject(process.hProcess, 30000);
    GetExitCodeProcess(process.hProcess, &code);
    CloseHandle(process.hProcess);
    CloseHandle(process.hThread);
    CloseHandle(startup.hStdInput);
    return (int)code;
}

START_TEST(loader_lock)
{
    int code;

    if (winetest_main_argc() > 1)
    {
        what = winetest_main_argv()[1];
        ExitProcess((UINT)child());
    }
    row("C1");
    code = run("create");
    ok(code == 0, "create: %d\n", code);
    row("O1");
    code = run("open");
    ok(code == 0, "open: %d\n", code);
    row("R10");
    if (!slot_is_async())
    {
        skip("an overlapped read waits on this Wine (V1)\n");
        return;
    }
    code = run("read");
    ok(code == 0, "read: %d\n", code);
}
