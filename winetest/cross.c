/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cross.c - reading from a client handle, writing to a server handle (rows X1-X4) */
#include "nt.h"
#include "slots.h"

/* The native read or write must fail with that status; todo says whether plain Wine has another. */
static void expect_native(HANDLE handle, bool write, NTSTATUS expected, bool todo)
{
    IO_STATUS_BLOCK io = io_untouched();
    char buffer[8] = "x";
    NTSTATUS status =
        write ? nt.write_file(handle, NULL, NULL, NULL, &io, buffer, 1, NULL, NULL)
              : nt.read_file(handle, NULL, NULL, NULL, &io, buffer, sizeof(buffer), NULL, NULL);

    todo_wine_if(todo) ok(status == expected, "status %#lx instead of %#lx\n", status, expected);
    ok(io_is_untouched(&io), "IOSB %#lx, %#lx\n", io.Status, (long)io.Information);
}

static void test_read_client(void)
{
    HANDLE slot = slot_create("x1", 0, 0), client = slot_client("x1");
    char buffer[8];
    DWORD count;

    row("X1");
    SetLastError(0xdeadbeef);
    ok(!ReadFile(client, buffer, sizeof(buffer), &count, NULL), "read succeeded\n");
    ok(GetLastError() == ERROR_ACCESS_DENIED || broken(GetLastError() == ERROR_INVALID_PARAMETER),
       "error %lu\n", GetLastError());
    close_handle(client);

    row("X2");
    client = path_open(slot_name("x1"), GENERIC_READ | GENERIC_WRITE,
                       FILE_SHARE_READ | FILE_SHARE_WRITE);
    expect_handle(client, "open for both");
    ok(send_text(client, "kept"), "write failed\n");
    SetLastError(0xdeadbeef);
    count = 0xdeadbeef;
    ok(!ReadFile(client, buffer, sizeof(buffer), &count, NULL), "read succeeded\n");
    todo_wine ok(GetLastError() == ERROR_INVALID_PARAMETER, "error %lu\n", GetLastError());
    ok(count == 0, "count %lu\n", count);
    expect_native(client, false, ST_INVALID_PARAMETER, true);
    expect_read(slot, "kept");
    close_handle(client);

    client = path_open(slot_name("x1"), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE);
    expect_handle(client, "open for reading");
    SetLastError(0xdeadbeef);
    ok(!ReadFile(client, buffer, sizeof(buffer), &count, NULL), "read succeeded\n");
    todo_wine ok(GetLastError() == ERROR_INVALID_PARAMETER, "error %lu\n", GetLastError());
    close_handle(client);
    close_handle(slot);
}

static void test_write_server(void)
{
    HANDLE slot = slot_create("x3", 0, 0);
    LONGLONG timeout = 0;
    DWORD count = 0xdeadbeef;

    row("X3");
    SetLastError(0xdeadbeef);
    ok(!WriteFile(slot, "x", 1, &count, NULL), "write succeeded\n");
    ok(GetLastError() == ERROR_ACCESS_DENIED && count == 0, "error %lu, count %lu\n",
       GetLastError(), count);
    expect_native(slot, true, ST_ACCESS_DENIED, false);
    expect_info(slot, NO_MESSAGE, 0);
    close_handle(slot);

    row("X4");
    ok(!nt_slot(&slot, "x4", GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE, 0, &timeout),
       "NtCreateMailslotFile failed\n");
    expect_native(slot, true, ST_INVALID_PARAMETER, true);
    expect_info(slot, NO_MESSAGE, 0);
    close_handle(slot);
}

START_TEST(cross)
{
    nt_load();
    test_read_client();
    test_write_server();
}
