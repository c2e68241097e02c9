/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* open.c - CreateFile on a local mailslot: access, sharing, dispositions (rows O1-O16) */
#include "slots.h"

static HANDLE open_with(const char *leaf, DWORD access, DWORD share, DWORD disposition, DWORD flags)
{
    SetLastError(0xdeadbeef);
    return CreateFileA(slot_name(leaf), access, share, NULL, disposition, flags, NULL);
}

static void test_missing(void)
{
    HANDLE slot;

    row("O2");
    expect_no_handle(open_with("none", GENERIC_WRITE, FILE_SHARE_READ, OPEN_EXISTING, 0),
                     ERROR_FILE_NOT_FOUND, "missing slot");
    row("O3");
    expect_no_handle(open_with("no\\dir\\none", GENERIC_WRITE, FILE_SHARE_READ, OPEN_EXISTING, 0),
                     ERROR_FILE_NOT_FOUND, "missing directory");
    slot = slot_create("o3", 0, 0);
    expect_no_handle(open_with("o3\\below", GENERIC_WRITE, FILE_SHARE_READ, OPEN_EXISTING, 0),
                     ERROR_FILE_NOT_FOUND, "below a slot");
    close_handle(slot);
}

/* One row of accesses and share modes that must let a single client in. */
static void test_access(void)
{
    static const struct
    {
        const char *row;
        DWORD access, share;
        bool wine_fails;
    } tests[] = {
        {"O1", GENERIC_WRITE, FILE_SHARE_READ, false},
        {"O4", GENERIC_WRITE, 0, true},
        {"O5", GENERIC_WRITE, FILE_SHARE_WRITE, true},
        {"O7", GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, false},
        {"O9", 0, 0, true},
        {"O9", 0, FILE_SHARE_READ | FILE_SHARE_WRITE, false},
        {"O10", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ, false},
        {"O10", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, false},
        {"O11", GENERIC_READ, FILE_SHARE_READ, false},
    };
    HANDLE slot = slot_create("access", 0, 0);
    unsigned int i;

    for (i = 0; i < ARRAYSIZE(tests); i++)
    {
        HANDLE client;

        row(tests[i].row);
        client = open_with("access", tests[i].access, tests[i].share, OPEN_EXISTING, 0);
        todo_wine_if(tests[i].wine_fails)
        {
            ok(client != INVALID_HANDLE_VALUE, "access %#lx, share %lu: error %lu\n",
               tests[i].access, tests[i].share, GetLastError());
        }
        if (client == INVALID_HANDLE_VALUE)
            continue;
        if (tests[i].access & GENERIC_WRITE)
        {
            ok(send_text(client, "x"), "access %#lx, share %lu: write failed\n", tests[i].access,
               tests[i].share);
            expect_read(slot, "x");
        }
        CloseHandle(client);
    }
    close_handle(slot);
}

static void test_second_client(void)
{
    static const DWORD shares[] = {0, FILE_SHARE_READ, FILE_SHARE_WRITE,
                                   FILE_SHARE_READ | FILE_SHARE_WRITE};
    HANDLE slot = slot_create("o6", 0, 0);
    unsigned int i, j;

    for (i = 0; i < ARRAYSIZE(shares); i++)
    {
        for (j = 0; j < ARRAYSIZE(shares); j++)
        {
            HANDLE first = open_with("o6", GENERIC_WRITE, shares[i], OPEN_EXISTING, 0);
            HANDLE second = open_with("o6", GENERIC_WRITE, shares[j], OPEN_EXISTING, 0);

            row(i == 3 && j == 3 ? "O7" : "O6");
            todo_wine_if(i != 3 || j != 3)
            {
                ok(first != INVALID_HANDLE_VALUE && second != INVALID_HANDLE_VALUE,
                   "shares %lu and %lu: error %lu\n", shares[i], shares[j], GetLastError());
            }
            if (i == 3 && j == 3)
            {
                ok(send_text(first, "1") && send_text(second, "2"), "write failed\n");
                expect_read(slot, "1");
                expect_read(slot, "2");
            }
            close_handle(first);
            close_handle(second);
        }
    }
    close_handle(slot);
}

static void test_dispositions(void)
{
    static const DWORD all[] = {CREATE_ALWAYS, CREATE_NEW, OPEN_ALWAYS, TRUNCATE_EXISTING};
    HANDLE slot = slot_create("o12", 0, 0), client;
    unsigned int i;

    row("O12");
    for (i = 0; i < ARRAYSIZE(all); i++)
    {
        client = open_with("o12", GENERIC_WRITE, FILE_SHARE_READ, all[i], 0);
        ok(client != INVALID_HANDLE_VALUE || broken(all[i] != CREATE_ALWAYS),
           "disposition %lu: error %lu\n", all[i], GetLastError());
        if (client == INVALID_HANDLE_VALUE)
            continue;
        ok(send_text(client, "d"), "disposition %lu: write failed\n", all[i]);
        expect_read(slot, "d");
        CloseHandle(client);
    }
    client = slot_client("o12");
    ok(send_text(client, "stays"), "write failed\n");
    close_handle(client);
    client = open_with("o12", GENERIC_WRITE, FILE_SHARE_READ, CREATE_ALWAYS, 0);
    expect_read(slot, "stays");
    close_handle(client);
    close_handle(slot);

    row("O13");
    for (i = 0; i < ARRAYSIZE(all); i++)
    {
        client = open_with("o13", GENERIC_WRITE, FILE_SHARE_READ, all[i], 0);
        ok(client == INVALID_HANDLE_VALUE, "disposition %lu made something\n", all[i]);
        ok(GetLastError() == ERROR_FILE_NOT_FOUND || broken(true), "disposition %lu: error %lu\n",
           all[i], GetLastError());
        close_handle(client);
    }
    slot = slot_create("o13", 0, 0);
    expect_handle(slot, "the name is still free");
    close_handle(slot);
}

static void test_handles(void)
{
    SECURITY_ATTRIBUTES sa = {sizeof(sa), NULL, TRUE};
    HANDLE slot = slot_create("o15", 0, 0), client, copy = NULL;
    char args[64];
    DWORD flags = 0;

    row("O14");
    client = open_with("o15", GENERIC_WRITE, FILE_SHARE_READ, OPEN_EXISTING, FILE_FLAG_OVERLAPPED);
    expect_handle(client, "overlapped client");
    close_handle(client);

    row("O15");
    client = CreateFileA(slot_name("o15"), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &sa,
                         OPEN_EXISTING, 0, NULL);
    expect_handle(client, "inheritable client");
    ok(GetHandleInformation(client, &flags) && flags == HANDLE_FLAG_INHERIT, "flags %#lx\n", flags);
    snprintf(args, sizeof(args), "write %p", (void *)client);
    ok(winetest_run_child(args) == 0, "child could not write\n");
    expect_read(slot, "child");
    ok(DuplicateHandle(GetCurrentProcess(), client, GetCurrentProcess(), &copy, 0, FALSE,
                       DUPLICATE_SAME_ACCESS),
       "DuplicateHandle: error %lu\n", GetLastError());
    CloseHandle(client);
    ok(send_text(copy, "copy"), "write through the copy failed, error %lu\n", GetLastError());
    expect_read(slot, "copy");
    close_handle(copy);
    close_handle(slot);

    row("O16");
    client = path_open("\\\\.\\mailslot", 0, 0);
    expect_handle(client, "device");
    close_handle(client);
}

static int child(char **argv)
{
    void *client;

    sscanf(argv[2], "%p", &client);
    return send_text(client, "child") ? 0 : 1;
}

START_TEST(open)
{
    if (winetest_main_argc() > 2)
        ExitProcess((UINT)child(winetest_main_argv()));
    test_missing();
    test_access();
    test_second_client();
    test_dispositions();
    test_handles();
}
