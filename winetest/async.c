/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* async.c - reads that pend: events, APCs, completion ports, order, timeouts, waits */
#include "nt.h"
#include "slots.h"

#define READS 8

struct pending
{
    OVERLAPPED ov; /* first: completion gives a pointer to it */
    char buffer[16];
};

/* Starts a read that must pend. */
#define start_read(slot, read, size) start_read_(__LINE__, slot, read, size)
static bool start_read_(int line, HANDLE slot, struct pending *read, DWORD size)
{
    BOOL ret = ReadFile(slot, read->buffer, size, NULL, &read->ov);
    DWORD error = GetLastError();

    return wt_check(__FILE__, line, NULL, !ret && error == ERROR_IO_PENDING,
                    "read does not pend: ret %d, error %lu\n", ret, error);
}

/* Checks the end of a read: the text, or with text NULL the error. Waits at most 5 s. */
#define expect_end(slot, read, text, error) expect_end_(__LINE__, slot, read, text, error)
static void expect_end_(int line, HANDLE slot, struct pending *read, const char *text, DWORD error)
{
    DWORD count = 0, got = 0, waited;
    BOOL ret;

    waited = WaitForSingleObject(read->ov.hEvent ? read->ov.hEvent : slot, 5000);
    wt_check(__FILE__, line, NULL, waited == WAIT_OBJECT_0, "not signaled: %lu\n", waited);
    ret = GetOverlappedResult(slot, &read->ov, &count, FALSE);
    got = ret ? 0 : GetLastError();
    if (text)
        wt_check(__FILE__, line, NULL,
                 ret && count == strlen(text) && !memcmp(read->buffer, text, count),
                 "error %lu, count %lu, %.16s instead of %s\n", got, count, read->buffer, text);
    else
        wt_check(__FILE__, line, NULL, !ret && got == error, "ret %d, error %lu not %lu\n", ret,
                 got, error);
}

static bool is_pending(const struct pending *read)
{
    return !HasOverlappedIoCompleted(&read->ov);
}

static struct pending with_event(void)
{
    struct pending read = {.ov.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};

    return read;
}

static void test_immediate(void)
{
    HANDLE slot = slot_create("r5", 0, 0), client = slot_client("r5"), port;
    struct pending read = with_event();
    OVERLAPPED *done;
    ULONG_PTR key;
    DWORD count;

    row("R5");
    ok(!ReadFile(slot, read.buffer, 16, NULL, &read.ov) && GetLastError() == ERROR_SEM_TIMEOUT,
       "error %lu\n", GetLastError());
    todo_wine_if(wine_version() >= 10)
    {
        ok(WaitForSingleObject(read.ov.hEvent, 100) == WAIT_TIMEOUT,
           "event of a failed read set\n");
    }
    if (expect_async())
    {
        port = CreateIoCompletionPort(slot, NULL, 5, 1);
        ok(port != NULL, "no port, error %lu\n", GetLastError());
        ok(!ReadFile(slot, read.buffer, 16, NULL, &read.ov) && GetLastError() == ERROR_SEM_TIMEOUT,
           "error %lu\n", GetLastError());
        ok(!GetQueuedCompletionStatus(port, &count, &key, &done, 100) && !done, "packet queued\n");
        row("R12");
        ok(send_text(client, "now"), "write failed\n");
        ok(ReadFile(slot, read.buffer, 16, NULL, &read.ov), "error %lu\n", GetLastError());
        ok(GetQueuedCompletionStatus(port, &count, &key, &done, 1000), "no packet\n");
        ok(done == &read.ov && key == 5 && count == 3, "count %lu\n", count);
        close_handle(port);
    }
    CloseHandle(read.ov.hEvent);
    close_handle(client);
    close_handle(slot);
}

/* R10, as close to the native level as it goes; works in Wine 10, too. */
static void test_native(void)
{
    bool wine8 = wine_version() < 10;
    IO_STATUS_BLOCK io = io_untouched();
    HANDLE slot, client;
    NTSTATUS status;
    char buffer[16];

    row("R10");
    status = nt_slot(&slot, "r10", GENERIC_READ | SYNCHRONIZE, 0, NULL);
    ok(!status, "NtCreateMailslotFile: %#lx\n", status);
    client = slot_client("r10");
    status = nt.read_file(slot, NULL, NULL, NULL, &io, buffer, sizeof(buffer), NULL, NULL);
    todo_wine_if(wine8) ok(status == ST_PENDING, "NtReadFile: %#lx\n", status);
    if (status == ST_PENDING)
    {
        ok(io_is_untouched(&io), "IOSB %#lx\n", io.Status);
        ok(WaitForSingleObject(slot, 0) == WAIT_TIMEOUT, "slot is signaled\n");
        ok(send_text(client, "data"), "write failed\n");
        ok(WaitForSingleObject(slot, 5000) == WAIT_OBJECT_0, "slot is not signaled\n");
        ok(!io.Status && io.Information == 4, "IOSB %#lx, %lu\n", io.Status, (long)io.Information);
        ok(!memcmp(buffer, "data", 4), "wrong data\n");
    }
    close_handle(client);
    close_handle(slot);
}

static void test_waits(void)
{
    HANDLE slot = slot_create("f13", 0, FOREVER), client = slot_client("f13"), both[2];
    HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL);
    struct pending read = {0};
    DWORD count = 0;

    row("F13");
    ok(WaitForSingleObject(slot, 0) == WAIT_OBJECT_0, "idle slot is not signaled\n");
    todo_wine ok(WaitForSingleObject(client, 0) == WAIT_OBJECT_0, "client cannot be waited for\n");
    both[0] = event;
    both[1] = slot;
    ok(WaitForMultipleObjects(2, both, FALSE, 0) == WAIT_OBJECT_0 + 1, "any: idle slot\n");
    ok(WaitForMultipleObjects(2, both, TRUE, 50) == WAIT_TIMEOUT, "all: event is not set\n");
    row("F13 R10 R11");
    if (expect_async())
    {
        start_read(slot, &read, 16);
        ok(WaitForSingleObject(slot, 50) == WAIT_TIMEOUT, "signaled while a read pends\n");
        ok(WaitForMultipleObjects(2, both, FALSE, 50) == WAIT_TIMEOUT, "any: read pends\n");
        SetEvent(event);
        ok(WaitForMultipleObjects(2, both, FALSE, 50) == WAIT_OBJECT_0, "any: event\n");
        ok(WaitForMultipleObjects(2, both, TRUE, 50) == WAIT_TIMEOUT, "all: read pends\n");
        ok(SignalObjectAndWait(event, slot, 50, FALSE) == WAIT_TIMEOUT, "signal and wait\n");
        ok(send_text(client, "wake"), "write failed\n");
        ok(WaitForMultipleObjects(2, both, TRUE, 5000) == WAIT_OBJECT_0, "all\n");
        ResetEvent(event);
        ok(WaitForMultipleObjects(2, both, FALSE, 0) == WAIT_OBJECT_0 + 1, "any: slot\n");
        ok(SignalObjectAndWait(event, slot, 5000, FALSE) == WAIT_OBJECT_0, "signal and wait\n");
        ok(WaitForSingleObject(event, 0) == WAIT_OBJECT_0, "event was not signaled\n");
        expect_end(slot, &read, "wake", 0);
        start_read(slot, &read, 16);
        ok(send_text(client, "2nd"), "write failed\n");
        ok(GetOverlappedResult(slot, &read.ov, &count, TRUE) && count == 3, "count %lu\n", count);
    }
    CloseHandle(event);
    close_handle(client);
    close_handle(slot);
}

static struct
{
    int calls;
    DWORD error, count;
    OVERLAPPED *ov;
} apc;

static void CALLBACK completed(DWORD error, DWORD count, OVERLAPPED *ov)
{
    apc.calls++;
    apc.error = error;
    apc.count = count;
    apc.ov = ov;
}

static void test_apc(void)
{
    HANDLE slot = slot_create("r14", 0, FOREVER), client;
    struct pending read = {0};

    client = CreateFileA(slot_name("r14"), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                         OPEN_EXISTING, FILE_FLAG_OVERLAPPED, NULL);
    row("R14");
    if (expect_async())
    {
        ok(ReadFileEx(slot, read.buffer, 16, &read.ov, completed), "error %lu\n", GetLastError());
        ok(SleepEx(50, TRUE) == 0 && !apc.calls, "APC without a message\n");
        ok(send_text(client, "apc"), "write failed\n");
        Sleep(100);
        ok(!apc.calls, "APC in a thread that is not alertable\n");
        ok(SleepEx(5000, TRUE) == WAIT_IO_COMPLETION && apc.calls == 1, "no APC\n");
        ok(!apc.error && apc.count == 3 && apc.ov == &read.ov, "error %lu, count %lu\n", apc.error,
           apc.count);
        ok(!memcmp(read.buffer, "apc", 3), "wrong data\n");
        ok(send_text(client, "queued"), "write failed\n");
        ok(ReadFileEx(slot, read.buffer, 16, &read.ov, completed), "error %lu\n", GetLastError());
        ok(SleepEx(5000, TRUE) == WAIT_IO_COMPLETION && apc.calls == 2, "no APC\n");
        ok(!apc.error && apc.count == 6, "error %lu, count %lu\n", apc.error, apc.count);
        ok(SetMailslotInfo(slot, 100), "error %lu\n", GetLastError());
        ok(ReadFileEx(slot, read.buffer, 16, &read.ov, completed), "error %lu\n", GetLastError());
        ok(SleepEx(5000, TRUE) == WAIT_IO_COMPLETION && apc.calls == 3, "no APC\n");
        ok(apc.error == ERROR_SEM_TIMEOUT && !apc.count, "error %lu\n", apc.error);
    }

    row("P11");
    apc.calls = 0;
    memset(&read, 0, sizeof(read));
    ok(WriteFileEx(client, "apc", 3, &read.ov, completed), "error %lu\n", GetLastError());
    ok(SleepEx(5000, TRUE) == WAIT_IO_COMPLETION && apc.calls == 1, "no APC of the write\n");
    ok(!apc.error && apc.count == 3 && apc.ov == &read.ov, "error %lu\n", apc.error);
    expect_read(slot, "apc");
    close_handle(client);
    close_handle(slot);
}

static void test_overlapped_write(void)
{
    HANDLE slot = slot_create("p11", 0, 0), client;
    struct pending write = with_event();
    DWORD count = 0;
    BOOL ret;

    row("P11");
    client = CreateFileA(slot_name("p11"), GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                         FILE_FLAG_OVERLAPPED, NULL);
    ret = WriteFile(client, "over", 4, NULL, &write.ov);
    ok(ret || GetLastError() == ERROR_IO_PENDING, "error %lu\n", GetLastError());
    ok(WaitForSingleObject(write.ov.hEvent, 5000) == WAIT_OBJECT_0, "event is not set\n");
    ok(GetOverlappedResult(client, &write.ov, &count, FALSE) && count == 4, "count %lu\n", count);
    expect_read(slot, "over");
    CloseHandle(write.ov.hEvent);
    close_handle(client);
    close_handle(slot);
}

static void test_port(void)
{
    HANDLE slot = slot_create("r13", 0, FOREVER), client = slot_client("r13"), port;
    BOOL(WINAPI * set_modes)(HANDLE, UCHAR);
    struct pending reads[READS] = {0};
    OVERLAPPED *done;
    ULONG_PTR key;
    char text[16];
    DWORD count;
    int i;

    row("R13 R15");
    if (expect_async())
    {
        port = CreateIoCompletionPort(slot, NULL, 77, 1);
        ok(port != NULL, "no port, error %lu\n", GetLastError());
        for (i = 0; i < READS; i++)
            start_read(slot, &reads[i], 16);
        ok(!GetQueuedCompletionStatus(port, &count, &key, &done, 50) && !done, "early packet\n");
        for (i = 0; i < READS; i++)
        {
            snprintf(text, sizeof(text), "message %d", i);
            ok(send_text(client, text), "write failed\n");
        }
        for (i = 0; i < READS; i++)
        {
            snprintf(text, sizeof(text), "message %d", i);
            done = NULL;
            ok(GetQueuedCompletionStatus(port, &count, &key, &done, 5000), "no packet %d\n", i);
            ok(done == &reads[i].ov && key == 77 && count == 9, "packet %d: read %ld\n", i,
               (long)((struct pending *)done - reads));
            ok(!memcmp(reads[i].buffer, text, 9), "packet %d: wrong data\n", i);
        }
        ok(SetMailslotInfo(slot, 100), "error %lu\n", GetLastError());
        start_read(slot, &reads[0], 16);
        SetLastError(0);
        done = NULL;
        ok(!GetQueuedCompletionStatus(port, &count, &key, &done, 5000) && done == &reads[0].ov &&
               GetLastError() == ERROR_SEM_TIMEOUT,
           "timeout by port: error %lu\n", GetLastError());
        row("R12");
        set_modes = (void *)GetProcAddress(GetModuleHandleA("kernel32.dll"),
                                           "SetFileCompletionNotificationModes");
        if (!set_modes)
            win_skip("no SetFileCompletionNotificationModes\n");
        else
        {
            ok(set_modes(slot, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS), "error %lu\n",
               GetLastError());
            ok(send_text(client, "skip"), "write failed\n");
            ok(ReadFile(slot, reads[0].buffer, 16, NULL, &reads[0].ov), "error %lu\n",
               GetLastError());
            ok(!GetQueuedCompletionStatus(port, &count, &key, &done, 50), "packet in spite\n");
            ok(SetMailslotInfo(slot, FOREVER), "error %lu\n", GetLastError());
            start_read(slot, &reads[0], 16);
            ok(send_text(client, "pended"), "write failed\n");
            ok(GetQueuedCompletionStatus(port, &count, &key, &done, 5000), "no packet\n");
        }
        close_handle(port);
    }
    close_handle(client);
    close_handle(slot);
}

static LONG pool_calls;
static HANDLE pool_done;

static void CALLBACK pool_callback(DWORD error, DWORD count, OVERLAPPED *ov)
{
    (void)ov;
    if (!error && count == 4)
        InterlockedIncrement(&pool_calls);
    SetEvent(pool_done);
}

static void test_pool(void)
{
    HANDLE slot = slot_create("pool", 0, FOREVER), client = slot_client("pool");
    struct pending read = {0};

    row("R13");
    if (expect_async())
    {
        pool_done = CreateEventA(NULL, FALSE, FALSE, NULL);
        ok(BindIoCompletionCallback(slot, pool_callback, 0), "error %lu\n", GetLastError());
        start_read(slot, &read, 16);
        ok(send_text(client, "pool"), "write failed\n");
        ok(WaitForSingleObject(pool_done, 5000) == WAIT_OBJECT_0 && pool_calls == 1, "no call\n");
        CloseHandle(pool_done);
    }
    close_handle(client);
    close_handle(slot);
}

/* Several pending reads on one slot and on many; messages go to the oldest read. */
static void test_order(void)
{
    HANDLE slots[READS], clients[READS];
    struct pending reads[READS], again;
    char text[16], leaf[16];
    int i;

    row("R15 R16");
    if (!expect_async())
        return;
    row("R15");
    for (i = 0; i < READS; i++)
    {
        snprintf(leaf, sizeof(leaf), "r15_%d", i);
        slots[i] = slot_create(leaf, 0, FOREVER);
        clients[i] = slot_client(leaf);
        reads[i] = with_event();
    }
    for (i = 0; i < READS; i++)
        start_read(slots[0], &reads[i], 16);
    for (i = 0; i < READS; i++)
    {
        snprintf(text, sizeof(text), "%d", i);
        ok(send_text(clients[0], text), "write failed\n");
        expect_end(slots[0], &reads[i], text, 0);
        ok(i + 1 == READS || is_pending(&reads[i + 1]), "message %d ended two reads\n", i);
    }
    for (i = 0; i < READS; i++)
        start_read(slots[i], &reads[i], 16);
    for (i = READS - 1; i >= 0; i--)
    {
        snprintf(text, sizeof(text), "slot %d", i);
        ok(send_text(clients[i], text), "write failed\n");
        expect_end(slots[i], &reads[i], text, 0);
    }
    /* A synchronous reader behind a pending one must wait for its turn. */
    {
        struct thread_read thread;

        start_read(slots[0], &reads[0], 16);
        thread_read_start(&thread, slots[0]);
        ok(send_text(clients[0], "first"), "write failed\n");
        expect_end(slots[0], &reads[0], "first", 0);
        ok(!thread_read_ended(&thread, 100), "blocked read ended with the pending one\n");
        ok(send_text(clients[0], "second"), "write failed\n");
        ok(thread_read_ended(&thread, 5000) && thread.ret && thread.count == 6, "error %lu\n",
           thread.error);
        thread_read_finish(&thread);
    }

    row("R16");
    again = with_event();
    start_read(slots[0], &reads[0], 4);
    start_read(slots[0], &again, 16);
    ok(send_text(clients[0], "too long"), "write failed\n");
    if (WaitForSingleObject(reads[0].ov.hEvent, 2000) == WAIT_OBJECT_0 || !broken(true))
        expect_end(slots[0], &reads[0], NULL, ERROR_INSUFFICIENT_BUFFER);
    expect_end(slots[0], &again, "too long", 0);
    start_read(slots[1], &reads[1], 4);
    ok(send_text(clients[1], "kept whole"), "write failed\n");
    if (WaitForSingleObject(reads[1].ov.hEvent, 2000) == WAIT_OBJECT_0 || !broken(true))
        expect_end(slots[1], &reads[1], NULL, ERROR_INSUFFICIENT_BUFFER);
    expect_info(slots[1], 10, 1);
    expect_read(slots[1], "kept whole");
    CloseHandle(again.ov.hEvent);
    for (i = 0; i < READS; i++)
    {
        close_handle(clients[i]);
        close_handle(slots[i]);
        CloseHandle(reads[i].ov.hEvent);
    }
}

static void test_timeouts(void)
{
    HANDLE slot = slot_create("r6", 0, 300), client = slot_client("r6");
    struct pending early = with_event(), late = with_event(), forever = with_event();
    DWORD start = GetTickCount(), timeout = 0;

    row("R6 R11");
    if (expect_async())
    {
        start_read(slot, &early, 16);
        row("I11");
        ok(SetMailslotInfo(slot, 800), "error %lu\n", GetLastError());
        start_read(slot, &late, 16);
        ok(SetMailslotInfo(slot, FOREVER), "error %lu\n", GetLastError());
        start_read(slot, &forever, 16);
        ok(SetMailslotInfo(slot, 0), "error %lu\n", GetLastError());
        ok(GetMailslotInfo(slot, NULL, NULL, NULL, &timeout) && !timeout, "%lu\n", timeout);
        ok(is_pending(&early) && is_pending(&late), "pending reads got the timeout 0\n");
        row("R6 R11");
        expect_end(slot, &early, NULL, ERROR_SEM_TIMEOUT);
        ok(GetTickCount() - start >= 250, "300 ms ended after %lu\n", GetTickCount() - start);
        ok(is_pending(&late), "second read ended with the first\n");
        expect_end(slot, &late, NULL, ERROR_SEM_TIMEOUT);
        ok(GetTickCount() - start >= 700, "800 ms ended after %lu\n", GetTickCount() - start);
        ok(is_pending(&forever), "a read without timeout ended\n");
        ok(send_text(client, "end"), "write failed\n");
        expect_end(slot, &forever, "end", 0);
        expect_info(slot, NO_MESSAGE, 0);
    }
    CloseHandle(early.ov.hEvent);
    CloseHandle(late.ov.hEvent);
    CloseHandle(forever.ov.hEvent);
    close_handle(client);
    close_handle(slot);
}

START_TEST(async)
{
    nt_load();
    test_immediate();
    test_native();
    test_waits();
    test_apc();
    test_overlapped_write();
    test_port();
    test_pool();
    test_order();
    test_timeouts();
}
