/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* info.c - GetMailslotInfo, SetMailslotInfo and the native query (rows I1-I15) */
#include "nt.h"
#include "slots.h"

static void test_counts(void)
{
    HANDLE slot = slot_create("i1", 0, 0), client = slot_client("i1");
    bool wine8 = wine_version() < 10;
    int i;

    row("I1");
    expect_info(slot, NO_MESSAGE, 0);

    row("I2");
    ok(send_text(client, "a"), "write failed\n");
    expect_info(slot, 1, 1);
    ok(send_text(client, "bb"), "write failed\n");
    todo_wine_if(wine8) expect_info(slot, 1, 2);
    ok(send_text(client, ""), "write failed\n");
    todo_wine_if(wine8) expect_info(slot, 1, 3);
    expect_read(slot, "a");
    todo_wine_if(wine8) expect_info(slot, 2, 2);
    expect_read(slot, "bb");
    row("I2 I3");
    todo_wine_if(wine8)
    {
        expect_info(slot, 0, 1);
        expect_read(slot, "");
    }
    row("I1");
    expect_info(slot, NO_MESSAGE, 0);
    close_handle(client);
    close_handle(slot);

    row("I2");
    slot = slot_create("i2", 0, 0);
    client = slot_client("i2");
    for (i = 0; i < 50; i++)
        ok(send_text(client, "0123456789"), "write %d failed\n", i);
    todo_wine_if(wine8) expect_info(slot, 10, 50);
    for (i = 0; i < 50; i++)
        expect_read(slot, "0123456789");
    expect_info(slot, NO_MESSAGE, 0);
    close_handle(client);
    close_handle(slot);
}

static void test_arguments(void)
{
    HANDLE slot = slot_create("i4", 100, 200), client = slot_client("i4"), other;
    DWORD max, next, count, timeout;
    char path[MAX_PATH], temp[MAX_PATH];

    row("I4");
    ok(GetMailslotInfo(slot, NULL, NULL, NULL, NULL), "all NULL: error %lu\n", GetLastError());
    max = next = count = timeout = 0xdeadbeef;
    ok(GetMailslotInfo(slot, &max, NULL, NULL, NULL) && max == 100, "max %lu\n", max);
    ok(GetMailslotInfo(slot, NULL, &next, NULL, NULL) && next == NO_MESSAGE, "next %lu\n", next);
    ok(GetMailslotInfo(slot, NULL, NULL, &count, NULL) && count == 0, "count %lu\n", count);
    ok(GetMailslotInfo(slot, NULL, NULL, NULL, &timeout) && timeout == 200, "%lu\n", timeout);

    row("I5");
    SetLastError(0xdeadbeef);
    ok(!GetMailslotInfo(INVALID_HANDLE_VALUE, &max, &next, &count, &timeout), "no handle\n");
    ok(GetLastError() == ERROR_INVALID_HANDLE, "error %lu\n", GetLastError());

    row("I6");
    ok(send_text(client, "four"), "write failed\n");
    max = next = count = timeout = 0xdeadbeef;
    SetLastError(0xdeadbeef);
    todo_wine
    {
        BOOL ret = GetMailslotInfo(client, &max, &next, &count, &timeout);

        ok(ret || broken(GetLastError() == ERROR_INVALID_PARAMETER), "error %lu\n", GetLastError());
        ok((max == 100 && next == 4 && count == 1 && timeout == 200) || broken(!ret),
           "max %ld, next %ld, count %ld, timeout %ld\n", max, next, count, timeout);
    }
    close_handle(client);
    close_handle(slot);

    row("I9");
    GetTempPathA(sizeof(temp), temp);
    GetTempFileNameA(temp, "wmt", 0, path);
    other = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                        FILE_FLAG_DELETE_ON_CLOSE, NULL);
    expect_handle(other, path);
    SetLastError(0xdeadbeef);
    ok(!GetMailslotInfo(other, &max, &next, &count, &timeout), "disk file has mailslot info\n");
    todo_wine ok(GetLastError() == ERROR_INVALID_PARAMETER, "error %lu\n", GetLastError());
    close_handle(other);
    other = CreateEventA(NULL, FALSE, FALSE, NULL);
    SetLastError(0xdeadbeef);
    ok(!GetMailslotInfo(other, &max, &next, &count, &timeout), "event has mailslot info\n");
    ok(GetLastError() == ERROR_INVALID_HANDLE, "error %lu\n", GetLastError());
    close_handle(other);
}

static void test_native(void)
{
    HANDLE slot = slot_create("i7", 77, 0);
    struct mailslot_query info;
    IO_STATUS_BLOCK io;
    NTSTATUS status;
    ULONG size;

    row("I7");
    memset(&info, 0xcc, sizeof(info));
    status = nt.query_file(slot, &io, &info, sizeof(info), CLASS_MAILSLOT_QUERY);
    ok(!status && !io.Status && io.Information == sizeof(info), "%#lx, %lu bytes\n", status,
       (unsigned long)io.Information);
    ok(info.max_size == 77 && info.quota == 0, "max %lu, quota %lu\n", info.max_size, info.quota);
    ok(info.next_size == NO_MESSAGE && info.count == 0, "next %lu\n", info.next_size);
    ok(info.timeout.QuadPart == 0, "timeout %ld\n", (long)info.timeout.QuadPart);

    row("I8");
    for (size = 0; size < sizeof(info); size += size ? 1 : 4)
    {
        status = nt.query_file(slot, &io, &info, size, CLASS_MAILSLOT_QUERY);
        ok(status == ST_INFO_LENGTH_MISMATCH, "%lu bytes: %#lx\n", size, status);
    }
    close_handle(slot);
}

static void test_set(void)
{
    HANDLE slot = slot_create("i10", 33, 0), client = slot_client("i10"), copy = NULL;
    static const DWORD timeouts[] = {1, 100, 86400000, FOREVER, 0};
    DWORD max = 0, timeout, start;
    struct thread_read read;
    unsigned int i;

    row("I10");
    ok(DuplicateHandle(GetCurrentProcess(), slot, GetCurrentProcess(), &copy, 0, FALSE,
                       DUPLICATE_SAME_ACCESS),
       "error %lu\n", GetLastError());
    for (i = 0; i < ARRAYSIZE(timeouts); i++)
    {
        ok(SetMailslotInfo(slot, timeouts[i]), "error %lu\n", GetLastError());
        timeout = 0xdeadbeef;
        ok(GetMailslotInfo(copy, &max, NULL, NULL, &timeout) && timeout == timeouts[i],
           "timeout %#lx instead of %#lx\n", timeout, timeouts[i]);
        ok_row("I13", max == 33, "max %lu\n", max);
    }
    expect_read_error(slot, 10, ERROR_SEM_TIMEOUT);
    ok(SetMailslotInfo(copy, 300), "error %lu\n", GetLastError());
    start = GetTickCount();
    expect_read_error(slot, 10, ERROR_SEM_TIMEOUT);
    ok(GetTickCount() - start >= 250, "300 ms ended after %lu\n", GetTickCount() - start);
    CloseHandle(copy);

    row("I11");
    ok(SetMailslotInfo(slot, FOREVER), "error %lu\n", GetLastError());
    thread_read_start(&read, slot);
    ok(SetMailslotInfo(slot, 0), "error %lu\n", GetLastError());
    ok(!thread_read_ended(&read, 400), "pending read got the new timeout 0\n");
    ok(send_text(client, "x"), "write failed\n");
    ok(thread_read_ended(&read, 5000) && read.ret && read.count == 1, "error %lu\n", read.error);
    thread_read_finish(&read);
    ok(SetMailslotInfo(slot, 500), "error %lu\n", GetLastError());
    thread_read_start(&read, slot);
    ok(SetMailslotInfo(slot, FOREVER), "error %lu\n", GetLastError());
    ok(thread_read_ended(&read, 5000), "pending read got the new timeout for ever\n");
    ok(!read.ret && read.error == ERROR_SEM_TIMEOUT && read.ms >= 450, "error %lu, %lu ms\n",
       read.error, read.ms);
    thread_read_finish(&read);

    row("I12");
    SetLastError(0xdeadbeef);
    ok(!SetMailslotInfo(client, 1) || broken(true), "client handle accepted\n");
    todo_wine ok(GetLastError() == ERROR_INVALID_PARAMETER || broken(true), "error %lu\n",
                 GetLastError());
    timeout = 0;
    ok(GetMailslotInfo(slot, NULL, NULL, NULL, &timeout) && (timeout == FOREVER || broken(true)),
       "client changed the timeout to %lu\n", timeout);
    close_handle(client);
    close_handle(slot);
}

START_TEST(info)
{
    nt_load();
    test_counts();
    test_arguments();
    test_native();
    test_set();
}
