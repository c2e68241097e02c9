/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* create.c - CreateMailslot: handle, limits, timeouts, inheritance (rows C1-C13) */
#include "nt.h"
#include "slots.h"

static void test_collision(void)
{
    char args[MAX_PATH + 16];
    HANDLE slot;

    row("C1");
    slot = slot_create("c5", 0, 0);
    expect_handle(slot, "create");

    row("C5");
    SetLastError(0xdeadbeef);
    expect_no_handle(slot_create("c5", 0, 0), ERROR_ALREADY_EXISTS, "same name");
    SetLastError(0xdeadbeef);
    expect_no_handle(slot_create("C5", 1, 2), ERROR_ALREADY_EXISTS, "other case");
    snprintf(args, sizeof(args), "create %s", slot_name("C5"));
    ok(winetest_run_child(args) == ERROR_ALREADY_EXISTS, "other process\n");
    close_handle(slot);
    ok(winetest_run_child(args) == 0, "other process after close\n");
    slot = slot_create("c5", 0, 0);
    expect_handle(slot, "create after the other process has gone");
    close_handle(slot);
}

static void test_mode(void)
{
    HANDLE slot = slot_create("c2", 0, 100), port;
    LONGLONG timeout = 0;
    DWORD start, took;
    ULONG mode;

    row("C2");
    mode = nt_mode(slot);
    todo_wine ok(mode == 0, "CreateMailslot handle has mode %#lx\n", mode);
    port = CreateIoCompletionPort(slot, NULL, 0, 1);
    todo_wine ok(port != NULL, "no completion port, error %lu\n", GetLastError());
    close_handle(port);
    close_handle(slot);

    slot = slot_create("c2b", 0, 100);
    start = GetTickCount();
    expect_read_error(slot, 10, ERROR_SEM_TIMEOUT);
    took = GetTickCount() - start;
    ok(took >= 60, "read without OVERLAPPED came back after %lu of 100 ms\n", took);
    close_handle(slot);

    row("C3");
    ok(!nt_slot(&slot, "c3", GENERIC_READ | SYNCHRONIZE, NT_SYNC_NONALERT, &timeout),
       "NtCreateMailslotFile failed\n");
    mode = nt_mode(slot);
    ok(mode == NT_SYNC_NONALERT, "synchronous handle has mode %#lx\n", mode);
    expect_read_error(slot, 10, ERROR_SEM_TIMEOUT);
    port = CreateIoCompletionPort(slot, NULL, 0, 1);
    ok(!port && GetLastError() == ERROR_INVALID_PARAMETER,
       "completion port on a synchronous handle: error %lu\n", GetLastError());
    close_handle(port);
    close_handle(slot);
}

static void test_access(void)
{
    HANDLE slot = slot_create("c4", 0, 0);
    struct object_basic info = {0};
    NTSTATUS status;

    row("C4");
    status = nt.query_object(slot, OBJECT_BASIC, &info, sizeof(info), NULL);
    ok(!status, "NtQueryObject: %#lx\n", status);
    ok((info.access & FILE_GENERIC_READ) == FILE_GENERIC_READ, "access %#lx\n", info.access);
    ok(!(info.access & (FILE_WRITE_DATA | FILE_APPEND_DATA)), "access %#lx\n", info.access);
    todo_wine ok(info.access & WRITE_DAC, "access %#lx lacks WRITE_DAC\n", info.access);
    close_handle(slot);
}

static void expect_limits(HANDLE slot, DWORD max, DWORD timeout)
{
    struct mailslot_query info;
    DWORD got_max = 0xdeadbeef, got_timeout = 0xdeadbeef;
    IO_STATUS_BLOCK io;

    ok(GetMailslotInfo(slot, &got_max, NULL, NULL, &got_timeout), "GetMailslotInfo failed\n");
    ok(got_max == max || broken(got_max >= max), "max %#lx instead of %#lx\n", got_max, max);
    ok(got_timeout == timeout, "timeout %#lx instead of %#lx\n", got_timeout, timeout);
    memset(&info, 0xcc, sizeof(info));
    ok(!nt.query_file(slot, &io, &info, sizeof(info), CLASS_MAILSLOT_QUERY), "query failed\n");
    ok(info.max_size == max, "NT max %#lx instead of %#lx\n", info.max_size, max);
    ok_row("C13", info.quota == 0, "quota %#lx\n", info.quota);
}

static void test_limits(void)
{
    static const struct
    {
        const char *rows;
        DWORD max, timeout;
    } tests[] = {
        {"C7 C10", 0, 0},       {"C8", (DWORD)-1, (DWORD)-1}, {"C9 C10", 1, 1},
        {"C9 C10", 1024, 5000}, {"C9 C10", 65536, FOREVER},   {"C9 C10", 0x7fffffff, 3600000},
    };
    unsigned int i;

    for (i = 0; i < ARRAYSIZE(tests); i++)
    {
        HANDLE slot = slot_create("limits", tests[i].max, tests[i].timeout);

        row(tests[i].rows);
        expect_handle(slot, "create");
        expect_limits(slot, tests[i].max, tests[i].timeout);
        close_handle(slot);
    }
}

static void test_inherit(void)
{
    SECURITY_ATTRIBUTES sa = {sizeof(sa), NULL, TRUE};
    HANDLE slot, plain, client;
    char args[64];
    DWORD flags;

    row("C11");
    plain = slot_create("c11", 0, 0);
    flags = 0xdeadbeef;
    ok(GetHandleInformation(plain, &flags) && flags == 0, "flags %#lx\n", flags);

    row("C12");
    slot = CreateMailslotA(slot_name("c12"), 0, 0, &sa);
    expect_handle(slot, "create inheritable");
    flags = 0xdeadbeef;
    ok(GetHandleInformation(slot, &flags), "error %lu\n", GetLastError());
    todo_wine ok(flags == HANDLE_FLAG_INHERIT, "flags %#lx\n", flags);
    client = slot_client("c12");
    ok(send_text(client, "for the child"), "write failed\n");
    snprintf(args, sizeof(args), "read %p", (void *)slot);
    todo_wine ok(winetest_run_child(args) == 0, "child could not read the inherited slot\n");
    todo_wine expect_info(slot, NO_MESSAGE, 0);
    row("C11");
    ok(send_text(client, "another"), "write failed\n");
    snprintf(args, sizeof(args), "read %p", (void *)plain);
    ok(winetest_run_child(args) != 0, "child could read a slot it did not inherit\n");
    close_handle(client);
    close_handle(slot);
    close_handle(plain);
}

/* Child: creates a slot or reads one message of an inherited slot; exit code = error. */
static int child(char **argv)
{
    char buffer[64];
    DWORD count;

    if (!strcmp(argv[1], "create"))
    {
        HANDLE slot = CreateMailslotA(argv[2], 0, 0, NULL);

        return slot == INVALID_HANDLE_VALUE ? (int)GetLastError() : 0;
    }
    else
    {
        void *slot;

        sscanf(argv[2], "%p", &slot);
        if (!ReadFile(slot, buffer, sizeof(buffer), &count, NULL))
            return (int)GetLastError();
        return count == 13 && !memcmp(buffer, "for the child", 13) ? 0 : 1;
    }
}

START_TEST(create)
{
    if (winetest_main_argc() > 2)
        ExitProcess((UINT)child(winetest_main_argv()));
    nt_load();
    test_collision();
    test_mode();
    test_access();
    test_limits();
    test_inherit();
}
