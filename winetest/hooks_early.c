/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hooks_early.c - jumps over ntdll's stubs that are there before the program begins (Y15) */
#include "slots.h"

/*
 * Injectors start a program suspended and put their jumps into its ntdll, which lies where it lies
 * in their own process. Then they let it go. Nothing of the program has run before.
 */

/* In the other process: how often the hooks were called. Low, for the short form of an address. */
#define COUNTER     ((volatile LONG *)0x50000000)
#define NEAR_MEMORY 0x8000000 /* before ntdll: within the reach of a jump of 5 bytes */

static const char *const names[] = {"NtReadFile", "NtWriteFile", "NtCreateFile"};

static BYTE *put(BYTE *at, const void *bytes, unsigned int length)
{
    memcpy(at, bytes, length);
    return at + length;
}

static BYTE *put_jump(BYTE *at, ULONG_PTR from, ULONG_PTR to, unsigned int length)
{
    LONG distance = (LONG)(to - from - 5);

    if (length == 5)
        return put(put(at, "\xe9", 1), &distance, 4);
    return put(put(at, "\xff\x25\0\0\0\0", 6), &to, sizeof(to));
}

/* Counts, does what the first bytes of the stub did, and goes on behind them. */
static bool hook_other(HANDLE process, BYTE *stub, BYTE *room, unsigned int length)
{
    unsigned int moved = sizeof(void *) == 4 ? 5 : length == 5 ? 8 : 16;
    DWORD counter = (DWORD)(ULONG_PTR)COUNTER, protect;
    BYTE code[64], jump[14], *at = code;
    SIZE_T done;

    at = put(at, sizeof(void *) == 4 ? "\xf0\xff\x05" : "\xf0\xff\x04\x25",
             sizeof(void *) == 4 ? 3 : 4);
    at = put(at, &counter, 4);
    at = put(at, stub, moved);
    at = put_jump(at, (ULONG_PTR)room + (ULONG_PTR)(at - code), (ULONG_PTR)stub + moved,
                  sizeof(void *) == 4 ? 5 : 14);
    put_jump(jump, (ULONG_PTR)stub, (ULONG_PTR)room, length);
    return WriteProcessMemory(process, room, code, at - code, &done) &&
           VirtualProtectEx(process, stub, length, PAGE_EXECUTE_READWRITE, &protect) &&
           WriteProcessMemory(process, stub, jump, length, &done) &&
           VirtualProtectEx(process, stub, length, protect, &protect);
}

static void test_early(unsigned int length)
{
    HMODULE ntdll = GetModuleHandleA("ntdll.dll");
    PROCESS_INFORMATION child;
    STARTUPINFOA startup = {.cb = sizeof(startup)};
    char command[MAX_PATH + 32], self[MAX_PATH];
    BYTE *room = NULL;
    DWORD code = 99;

    GetModuleFileNameA(NULL, self, sizeof(self));
    snprintf(command, sizeof(command), "\"%s\" child", self);
    if (!CreateProcessA(self, command, NULL, NULL, TRUE, CREATE_SUSPENDED, NULL, NULL, &startup,
                        &child))
    {
        ok(0, "no child: error %lu\n", GetLastError());
        return;
    }
    ok(VirtualAllocEx(child.hProcess, (void *)COUNTER, 4096, MEM_RESERVE | MEM_COMMIT,
                      PAGE_READWRITE) != NULL,
       "no memory for the counter: error %lu\n", GetLastError());
    for (ULONG_PTR at = (ULONG_PTR)ntdll - NEAR_MEMORY; !room && at < (ULONG_PTR)ntdll;
         at += 0x100000)
        room = VirtualAllocEx(child.hProcess, (void *)at, 4096, MEM_RESERVE | MEM_COMMIT,
                              PAGE_EXECUTE_READWRITE);
    for (unsigned int i = 0; i < ARRAYSIZE(names); i++)
        ok(room && hook_other(child.hProcess, (BYTE *)GetProcAddress(ntdll, names[i]),
                              room + 64 * i, length),
           "%s: no hook of %u bytes: error %lu\n", names[i], length, GetLastError());
    ResumeThread(child.hThread);
    ok(WaitForSingleObject(child.hProcess, 30000) == WAIT_OBJECT_0, "the child does not end\n");
    GetExitCodeProcess(child.hProcess, &code);
    ok(!code, "hooks of %u bytes: %lu failures or crash\n", length, code);
    TerminateProcess(child.hProcess, 1);
    CloseHandle(child.hThread);
    CloseHandle(child.hProcess);
}

/* In the hooked process. */
static void use_slot(void)
{
    HANDLE slot = slot_create("early", 0, 0), client;
    LONG before = *COUNTER;

    client = slot_client("early");
    ok(*COUNTER > before, "NtCreateFile's hook was not called\n");
    before = *COUNTER;
    ok(send_text(client, "through"), "write: error %lu\n", GetLastError());
    ok(*COUNTER > before, "NtWriteFile's hook was not called\n");
    before = *COUNTER;
    expect_read(slot, "through");
    ok(*COUNTER > before, "NtReadFile's hook was not called\n");
    /* What only this layer does right: the slot is over with its last server handle (L3, P8). */
    close_handle(slot);
    todo_wine ok(!send_text(client, "late"), "a write to no slot succeeds\n");
    close_handle(client);
}

START_TEST(hooks_early)
{
    row("Y15");
    if (winetest_main_argc() > 1)
    {
        use_slot();
        return;
    }
    test_early(5);
    if (sizeof(void *) == 8)
        test_early(14);
}
