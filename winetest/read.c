/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* read.c - reading a slot, blocking and with an event (rows R1-R9, R11, R12, R20, R21) */
#include "slots.h"

static void test_queued(void)
{
    HANDLE slot = slot_create("r1", 0, 0), client = slot_client("r1");
    char buffer[16];
    DWORD count;

    row("R1");
    ok(send_text(client, "one") && send_text(client, "three") && send_text(client, "2"), "write\n");
    expect_read(slot, "one");
    memset(buffer, 'z', sizeof(buffer));
    count = 0xdeadbeef;
    ok(ReadFile(slot, buffer, 5, &count, NULL), "exact buffer: error %lu\n", GetLastError());
    ok(count == 5 && !memcmp(buffer, "threez", 6), "count %lu, %.6s\n", count, buffer);
    expect_read(slot, "2");
    close_handle(client);
    close_handle(slot);
}

static void test_too_small(void)
{
    HANDLE slot = slot_create("r2", 0, 0), client = slot_client("r2");
    bool wine8 = wine_version() < 10;
    char buffer[8];
    DWORD count;

    row("R2");
    ok(send_text(client, "hello"), "write failed\n");
    memset(buffer, 'z', sizeof(buffer));
    SetLastError(0xdeadbeef);
    todo_wine_if(wine8)
    {
        ok(!ReadFile(slot, buffer, 4, &count, NULL) && GetLastError() == ERROR_INSUFFICIENT_BUFFER,
           "4 of 5 bytes: error %lu\n", GetLastError());
        expect_info(slot, 5, 1);
        expect_read(slot, "hello");
    }
    slot_drain(slot);
    ok(send_text(client, "hello"), "write failed\n");
    todo_wine_if(wine8) expect_read_error(slot, 0, ERROR_INSUFFICIENT_BUFFER);
    expect_info(slot, 5, 1);
    expect_read(slot, "hello");
    close_handle(client);
    close_handle(slot);
}

static void test_empty_message(void)
{
    HANDLE slot = slot_create("r3", 0, 0), client = slot_client("r3");
    bool wine8 = wine_version() < 10;

    row("R3");
    ok(send_text(client, ""), "write failed\n");
    todo_wine_if(wine8)
    {
        expect_info(slot, 0, 1);
        expect_read(slot, "");
    }
    expect_info(slot, NO_MESSAGE, 0);
    expect_read_error(slot, 10, ERROR_SEM_TIMEOUT);
    ok(send_text(client, ""), "write failed\n");
    ok(send_text(client, "after"), "write failed\n");
    todo_wine_if(wine8) expect_read(slot, "");
    expect_read(slot, "after");
    close_handle(client);
    close_handle(slot);
}

static void test_timeout(void)
{
    HANDLE slot = slot_create("r4", 0, 0), client = slot_client("r4");
    struct thread_read read;
    char buffer[4];
    DWORD count, start;

    row("R4 R8");
    expect_read_error(slot, 10, ERROR_SEM_TIMEOUT);
    todo_wine_if(wine_version() < 10) expect_read_error(slot, 0, ERROR_SEM_TIMEOUT);
    ok(send_text(client, "x"), "write failed\n");
    expect_read(slot, "x");
    expect_read_error(slot, 10, ERROR_SEM_TIMEOUT);

    row("R6");
    ok(SetMailslotInfo(slot, 500), "error %lu\n", GetLastError());
    start = GetTickCount();
    expect_read_error(slot, 10, ERROR_SEM_TIMEOUT);
    ok(GetTickCount() - start >= 450, "500 ms ended after %lu\n", GetTickCount() - start);
    ok(SetMailslotInfo(slot, 10000), "error %lu\n", GetLastError());
    thread_read_start(&read, slot);
    ok(!thread_read_ended(&read, 0), "read did not wait\n");
    ok(send_text(client, "wake"), "write failed\n");
    ok(thread_read_ended(&read, 5000), "read was not woken\n");
    ok(read.ret && read.count == 4 && !memcmp(read.buffer, "wake", 4), "error %lu\n", read.error);
    thread_read_finish(&read);

    row("R7");
    ok(SetMailslotInfo(slot, FOREVER), "error %lu\n", GetLastError());
    thread_read_start(&read, slot);
    ok(!thread_read_ended(&read, 500), "read did not wait\n");
    ok(send_text(client, "at last"), "write failed\n");
    ok(thread_read_ended(&read, 5000), "read was not woken\n");
    ok(read.ret && read.count == 7 && !memcmp(read.buffer, "at last", 7), "error %lu\n",
       read.error);
    thread_read_finish(&read);

    row("R9");
    SetLastError(0xdeadbeef);
    count = 0xdeadbeef;
    ok(!ReadFile(INVALID_HANDLE_VALUE, buffer, 4, &count, NULL), "read of no handle\n");
    ok(GetLastError() == ERROR_INVALID_HANDLE && count == 0, "error %lu, count %lu\n",
       GetLastError(), count);
    close_handle(client);
    close_handle(slot);
}

static void test_duplicates(void)
{
    HANDLE slot = slot_create("r20", 0, 0), client = slot_client("r20"), copy = NULL;
    OVERLAPPED ov = {.Offset = 3, .OffsetHigh = 1};
    char buffer[8] = "";
    DWORD count = 0;

    row("R20");
    ok(DuplicateHandle(GetCurrentProcess(), slot, GetCurrentProcess(), &copy, 0, FALSE,
                       DUPLICATE_SAME_ACCESS),
       "error %lu\n", GetLastError());
    ok(send_text(client, "1") && send_text(client, "2") && send_text(client, "3"), "write\n");
    expect_read(slot, "1");
    expect_read(copy, "2");
    expect_read(slot, "3");
    expect_read_error(copy, 8, ERROR_SEM_TIMEOUT);
    CloseHandle(copy);

    row("R21");
    ok(send_text(client, "abcdef"), "write failed\n");
    ov.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL);
    ok(ReadFile(slot, buffer, sizeof(buffer), NULL, &ov) &&
           GetOverlappedResult(slot, &ov, &count, FALSE),
       "error %lu\n", GetLastError());
    ok(count == 6 && !memcmp(buffer, "abcdef", 6), "count %lu, %.6s\n", count, buffer);
    CloseHandle(ov.hEvent);
    close_handle(client);
    close_handle(slot);
}

static void test_event(void)
{
    HANDLE slot = slot_create("r11", 0, FOREVER), client = slot_client("r11");
    OVERLAPPED ov = {.hEvent = CreateEventA(NULL, TRUE, TRUE, NULL)};
    char buffer[8] = "";
    DWORD count;
    BOOL ret;

    row("R12");
    ResetEvent(ov.hEvent);
    ok(send_text(client, "now"), "write failed\n");
    count = 0;
    ok(ReadFile(slot, buffer, sizeof(buffer), &count, &ov), "error %lu\n", GetLastError());
    ok(count == 3 && !memcmp(buffer, "now", 3), "count %lu, %.3s\n", count, buffer);
    ok(WaitForSingleObject(ov.hEvent, 0) == WAIT_OBJECT_0, "event is not set\n");
    count = 0;
    ok(GetOverlappedResult(slot, &ov, &count, FALSE) && count == 3, "count %lu\n", count);

    row("R11");
    if (expect_async())
    {
        ok(SetEvent(ov.hEvent), "error %lu\n", GetLastError());
        ret = ReadFile(slot, buffer, sizeof(buffer), NULL, &ov);
        ok(!ret && GetLastError() == ERROR_IO_PENDING, "ret %d, error %lu\n", ret, GetLastError());
        ok(WaitForSingleObject(ov.hEvent, 100) == WAIT_TIMEOUT, "event is set too early\n");
        ok(!GetOverlappedResult(slot, &ov, &count, FALSE) && GetLastError() == ERROR_IO_INCOMPLETE,
           "error %lu\n", GetLastError());
        ok(send_text(client, "later"), "write failed\n");
        ok(WaitForSingleObject(ov.hEvent, 5000) == WAIT_OBJECT_0, "event is not set\n");
        count = 0;
        ok(GetOverlappedResult(slot, &ov, &count, FALSE), "error %lu\n", GetLastError());
        ok(count == 5 && !memcmp(buffer, "later", 5), "count %lu, %.5s\n", count, buffer);
        ok(SetMailslotInfo(slot, 200), "error %lu\n", GetLastError());
        ret = ReadFile(slot, buffer, sizeof(buffer), NULL, &ov);
        ok(!ret && GetLastError() == ERROR_IO_PENDING, "ret %d, error %lu\n", ret, GetLastError());
        ret = GetOverlappedResult(slot, &ov, &count, TRUE);
        ok(!ret && GetLastError() == ERROR_SEM_TIMEOUT, "ret %d, error %lu\n", ret, GetLastError());
    }
    CloseHandle(ov.hEvent);
    close_handle(client);
    close_handle(slot);
}

START_TEST(read)
{
    test_queued();
    test_too_small();
    test_empty_message();
    test_timeout();
    test_duplicates();
    test_event();
}
