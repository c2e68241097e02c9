/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* async_end.c - reads that end without a message: cancel, close, thread and process exit */
#include "nt.h"
#include "slots.h"

struct pending
{
    OVERLAPPED ov;
    char buffer[16];
};

static struct pending with_event(void)
{
    struct pending read = {.ov.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};

    return read;
}

#define start_read(slot, read) start_read_(__LINE__, slot, read)
static void start_read_(int line, HANDLE slot, struct pending *read)
{
    BOOL ret;

    ret = ReadFile(slot, read->buffer, sizeof(read->buffer), NULL, &read->ov);
    wt_check(__FILE__, line, NULL, !ret && GetLastError() == ERROR_IO_PENDING,
             "read does not pend: ret %d, error %lu\n", ret, GetLastError());
}

static bool has_ended(struct pending *read, DWORD ms)
{
    return WaitForSingleObject(read->ov.hEvent, ms) == WAIT_OBJECT_0;
}

#define expect_cancelled(slot, read) expect_cancelled_(__LINE__, slot, read)
static void expect_cancelled_(int line, HANDLE slot, struct pending *read)
{
    DWORD count;

    wt_check(__FILE__, line, NULL, has_ended(read, 5000), "cancelled read does not end\n");
    wt_check(__FILE__, line, NULL,
             !GetOverlappedResult(slot, &read->ov, &count, FALSE) &&
                 GetLastError() == ERROR_OPERATION_ABORTED,
             "error %lu\n", GetLastError());
}

static void test_cancel(void)
{
    HANDLE slot = slot_create("r17", 0, FOREVER), client = slot_client("r17");
    BOOL(WINAPI * cancel_ex)(HANDLE, OVERLAPPED *);
    struct pending one = with_event(), two = with_event(), three = with_event();

    cancel_ex = (void *)GetProcAddress(GetModuleHandleA("kernel32.dll"), "CancelIoEx");
    row("R17");
    if (expect_async())
    {
        start_read(slot, &one);
        start_read(slot, &two);
        ok(CancelIo(slot), "error %lu\n", GetLastError());
        expect_cancelled(slot, &one);
        expect_cancelled(slot, &two);
        ok(send_text(client, "kept"), "write failed\n");
        expect_info(slot, 4, 1);
        expect_read(slot, "kept");
        if (!cancel_ex)
            win_skip("no CancelIoEx\n");
        else
        {
            start_read(slot, &one);
            start_read(slot, &two);
            start_read(slot, &three);
            ok(cancel_ex(slot, &two.ov), "error %lu\n", GetLastError());
            expect_cancelled(slot, &two);
            ok(!has_ended(&one, 50) && !has_ended(&three, 0), "another read was cancelled\n");
            ok(!cancel_ex(slot, &two.ov) && GetLastError() == ERROR_NOT_FOUND, "error %lu\n",
               GetLastError());
            ok(send_text(client, "first"), "write failed\n");
            ok(has_ended(&one, 5000) && one.ov.InternalHigh == 5, "first read\n");
            ok(cancel_ex(slot, NULL), "error %lu\n", GetLastError());
            expect_cancelled(slot, &three);
            ok(!cancel_ex(slot, NULL) && GetLastError() == ERROR_NOT_FOUND, "error %lu\n",
               GetLastError());
        }
    }
    CloseHandle(one.ov.hEvent);
    CloseHandle(two.ov.hEvent);
    CloseHandle(three.ov.hEvent);
    close_handle(client);
    close_handle(slot);
}

/*
 * CancelSynchronousIo is for calls that the system makes synchronous. A ReadFile without OVERLAPPED
 * on an asynchronous handle only waits, so there "nothing found" is as good as a cancelled read.
 */
static void test_cancel_synchronous(bool sync_handle)
{
    HANDLE slot = slot_create("r17s", 0, FOREVER), client;
    BOOL(WINAPI * cancel_synchronous)(HANDLE);
    struct thread_read read;
    LONGLONG forever = NT_FOREVER;
    bool cancelled;
    DWORD error;

    row("R17");
    cancel_synchronous =
        (void *)GetProcAddress(GetModuleHandleA("kernel32.dll"), "CancelSynchronousIo");
    if (!cancel_synchronous)
    {
        win_skip("no CancelSynchronousIo\n");
        return;
    }
    if (sync_handle)
    {
        CloseHandle(slot);
        ok(!nt_slot(&slot, "r17s", GENERIC_READ | SYNCHRONIZE, NT_SYNC_NONALERT, &forever),
           "NtCreateMailslotFile failed\n");
    }
    client = slot_client("r17s");
    thread_read_start(&read, slot);
    cancelled = cancel_synchronous(read.thread);
    error = GetLastError();
    todo_wine_if(sync_handle && wine_version() < 10)
    {
        ok(cancelled || (!sync_handle && error == ERROR_NOT_FOUND), "error %lu\n", error);
    }
    if (cancelled)
    {
        ok(thread_read_ended(&read, 5000), "synchronous read was not cancelled\n");
        ok(!read.ret && read.error == ERROR_OPERATION_ABORTED, "ret %d, error %lu\n", read.ret,
           read.error);
    }
    else
    {
        ok(send_text(client, "end"), "write failed\n");
        ok(thread_read_ended(&read, 5000) && read.ret && read.count == 3, "error %lu\n",
           read.error);
    }
    thread_read_finish(&read);
    close_handle(client);
    close_handle(slot);
}

/* Unknown on Windows; the safe choice is an error at once rather than a hang. */
static void test_close(void)
{
    HANDLE slot, client, copy = NULL;
    char args[16];
    struct pending read = with_event();
    bool with_client;

    for (int i = 0; i < 2; i++)
    {
        with_client = i;
        slot = slot_create("r18", 0, FOREVER);
        client = with_client ? slot_client("r18") : NULL;
        row("R18");
        if (expect_async())
        {
            ResetEvent(read.ov.hEvent);
            start_read(slot, &read);
            CloseHandle(slot);
            ok(has_ended(&read, 2000) || broken(true), "read pends after close, client %d\n",
               with_client);
            ok((NTSTATUS)read.ov.Internal == ST_CANCELLED ||
                   (NTSTATUS)read.ov.Internal == ST_FILE_FORCED_CLOSED ||
                   (NTSTATUS)read.ov.Internal == ST_HANDLES_CLOSED || broken(true),
               "status %#lx\n", (long)read.ov.Internal);
            row("R18 L4");
            slot = slot_create("r18", 0, FOREVER);
            expect_handle(slot, "create again");
        }
        /* A read that blocks in another thread, as Delphi's components close it. */
        row("R18");
        close_handle(client);
        close_handle(slot);
        snprintf(args, sizeof(args), "close %d", with_client);
        todo_wine_if(with_client || wine_version() < 10)
        {
            ok(winetest_run_child(args) == 0 || broken(true), "blocked read hangs, client %d\n",
               with_client);
        }
    }

    row("R19");
    slot = slot_create("r19", 0, FOREVER);
    client = slot_client("r19");
    if (expect_async())
    {
        ok(DuplicateHandle(GetCurrentProcess(), slot, GetCurrentProcess(), &copy, 0, FALSE,
                           DUPLICATE_SAME_ACCESS),
           "error %lu\n", GetLastError());
        ResetEvent(read.ov.hEvent);
        start_read(slot, &read);
        CloseHandle(slot);
        ok(!has_ended(&read, 200), "read ended with one of two handles\n");
        ok(send_text(client, "other"), "write failed\n");
        ok(has_ended(&read, 5000), "read does not end\n");
        ok(!read.ov.Internal && read.ov.InternalHigh == 5 && !memcmp(read.buffer, "other", 5),
           "status %#lx\n", (long)read.ov.Internal);
        slot = copy;
    }
    close_handle(client);
    close_handle(slot);
    CloseHandle(read.ov.hEvent);
}

struct reader
{
    HANDLE slot;
    struct pending read;
    BOOL ret;
    DWORD error;
};

static DWORD WINAPI read_and_exit(void *arg)
{
    struct reader *reader = arg;

    reader->ret = ReadFile(reader->slot, reader->read.buffer, sizeof(reader->read.buffer), NULL,
                           &reader->read.ov);
    reader->error = GetLastError();
    return 0;
}

/* NT cancels the reads of a thread that ends. Either way no message may be lost. */
static void test_thread_exit(void)
{
    HANDLE slot = slot_create("exit", 0, FOREVER), client = slot_client("exit"), thread;
    struct reader reader = {.slot = slot, .read = with_event()};

    row("R17");
    if (expect_async())
    {
        thread = CreateThread(NULL, 0, read_and_exit, &reader, 0, NULL);
        ok(WaitForSingleObject(thread, 5000) == WAIT_OBJECT_0, "thread hangs\n");
        CloseHandle(thread);
        ok(!reader.ret && reader.error == ERROR_IO_PENDING, "error %lu\n", reader.error);
        if (has_ended(&reader.read, 500))
        {
            expect_cancelled(slot, &reader.read);
            ok(send_text(client, "kept"), "write failed\n");
            expect_read(slot, "kept");
        }
        else
        {
            ok(send_text(client, "kept"), "write failed\n");
            ok(has_ended(&reader.read, 5000) && reader.read.ov.InternalHigh == 4, "no message\n");
        }
        expect_info(slot, NO_MESSAGE, 0);
    }
    CloseHandle(reader.read.ov.hEvent);
    close_handle(client);
    close_handle(slot);
}

/* A reader in another process dies with its read pending: it must not swallow the next message. */
static void test_process_exit(void)
{
    HANDLE slot = slot_create("heir", 0, 5000), client = slot_client("heir");
    char args[64];

    row("R19 L6");
    if (expect_async())
    {
        ok(SetHandleInformation(slot, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT), "error %lu\n",
           GetLastError());
        snprintf(args, sizeof(args), "pend %p", (void *)slot);
        ok(winetest_run_child(args) == 0, "read of the child does not pend\n");
        ok(send_text(client, "for the living"), "write failed\n");
        expect_read(slot, "for the living");
        /* The same with the child's read still pending while the message comes. */
        snprintf(args, sizeof(args), "pend %p wait", (void *)slot);
        {
            HANDLE child = winetest_start_child(args);
            struct thread_read read;

            Sleep(1000);
            thread_read_start(&read, slot);
            ok(send_text(client, "one") && send_text(client, "two"), "write failed\n");
            ok(thread_read_ended(&read, 5000) && read.ret && read.count == 3, "error %lu\n",
               read.error);
            thread_read_finish(&read);
            ok(winetest_wait_child(child) == 0, "child got no message\n");
        }
    }
    close_handle(client);
    close_handle(slot);
}

/* Child: closes a slot under a blocked read; a hanging thread would keep it from exiting. */
static void child_close(bool with_client)
{
    HANDLE slot = slot_create("close", 0, FOREVER);
    struct thread_read thread;

    if (with_client)
        slot_client("close");
    thread_read_start(&thread, slot);
    CloseHandle(slot);
    TerminateProcess(GetCurrentProcess(), !thread_read_ended(&thread, 2000) || thread.ret);
}

/* Child: leaves a read pending; with "wait" it waits until the read has got a message. */
static int child(int argc, char **argv)
{
    struct pending *read = calloc(1, sizeof(*read));
    void *slot;

    if (!strcmp(argv[1], "close"))
        child_close(*argv[2] == '1');
    sscanf(argv[2], "%p", &slot);
    *read = with_event();
    if (ReadFile(slot, read->buffer, sizeof(read->buffer), NULL, &read->ov))
        return 1;
    if (GetLastError() != ERROR_IO_PENDING)
        return 2;
    if (argc == 3)
        return 0;
    return has_ended(read, 5000) && read->ov.InternalHigh == 3 ? 0 : 3;
}

START_TEST(async_end)
{
    int argc = winetest_main_argc();

    if (argc > 2)
        ExitProcess((UINT)child(argc, winetest_main_argv()));
    nt_load();
    test_cancel();
    test_cancel_synchronous(false);
    test_cancel_synchronous(true);
    test_close();
    test_thread_exit();
    test_process_exit();
}
