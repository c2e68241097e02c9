/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wait_slot.c - waits of every kind on a slot's handle while a read without an event pends (Y10) */
#include "slots.h"

/*
 * A read without an event of its own leaves the handle unsignaled until it ends (R10). Programs
 * wait for that in their message loop, or let a pool of threads wait. Each wait is tried on a read
 * that goes on (it must not end), that a message ends, and that is cancelled.
 */

#define A_WHILE 200  /* ms in which nothing may happen */
#define SOON    5000 /* ms in which something must have happened */

struct pending
{
    HANDLE slot, client;
    OVERLAPPED ov;
    char buffer[32];
};

static void pending_start(struct pending *pending, const char *leaf)
{
    memset(pending, 0, sizeof(*pending));
    pending->slot = slot_create(leaf, 0, FOREVER);
    pending->client = slot_client(leaf);
    SetLastError(0xdeadbeef);
    ok(!ReadFile(pending->slot, pending->buffer, sizeof(pending->buffer), NULL, &pending->ov) &&
           GetLastError() == ERROR_IO_PENDING,
       "the read does not pend: error %lu\n", GetLastError());
}

/* Ends the read from this thread, by a message or by a cancellation. */
static void pending_end(struct pending *pending, bool cancel)
{
    if (cancel)
        ok(CancelIo(pending->slot), "CancelIo: error %lu\n", GetLastError());
    else
        ok(send_text(pending->client, "now"), "write: error %lu\n", GetLastError());
}

static void pending_close(struct pending *pending, bool cancel)
{
    DWORD count = 0;
    BOOL ret = GetOverlappedResult(pending->slot, &pending->ov, &count, FALSE);

    if (cancel)
        ok(!ret && GetLastError() == ERROR_OPERATION_ABORTED, "cancelled read: error %lu\n",
           GetLastError());
    else
        ok(ret && count == 3 && !memcmp(pending->buffer, "now", 3), "read: ret %d, %lu bytes\n",
           ret, count);
    close_handle(pending->client);
    close_handle(pending->slot);
}

/* --- waits of the thread itself --- */

static DWORD wait_one(HANDLE handle, DWORD ms)
{
    return WaitForSingleObject(handle, ms);
}

static DWORD wait_several(HANDLE handle, DWORD ms)
{
    return WaitForMultipleObjects(1, &handle, FALSE, ms);
}

static DWORD wait_messages(HANDLE handle, DWORD ms)
{
    return MsgWaitForMultipleObjects(1, &handle, FALSE, ms, QS_ALLINPUT);
}

static DWORD wait_all_messages(HANDLE handle, DWORD ms)
{
    return MsgWaitForMultipleObjectsEx(1, &handle, ms, QS_ALLINPUT,
                                       MWMO_ALERTABLE | MWMO_INPUTAVAILABLE);
}

static const struct
{
    const char *name;
    DWORD (*wait)(HANDLE handle, DWORD ms);
} waits[] = {
    {"WaitForSingleObject", wait_one},
    {"WaitForMultipleObjects", wait_several},
    {"MsgWaitForMultipleObjects", wait_messages},
    {"MsgWaitForMultipleObjectsEx", wait_all_messages},
};

static DWORD WINAPI late_writer(void *client)
{
    Sleep(A_WHILE);
    return send_text(client, "now");
}

static void test_waits(bool cancel)
{
    struct pending pending;
    DWORD result;

    row("Y10");
    for (unsigned int i = 0; i < ARRAYSIZE(waits); i++)
    {
        pending_start(&pending, "wait");
        result = waits[i].wait(pending.slot, A_WHILE);
        ok(result == WAIT_TIMEOUT, "%s: %#lx while the read pends\n", waits[i].name, result);
        pending_end(&pending, cancel);
        result = waits[i].wait(pending.slot, SOON);
        ok(result == WAIT_OBJECT_0, "%s: %#lx after the read\n", waits[i].name, result);
        pending_close(&pending, cancel);
    }
}

/* What the wait itself must see come. */
static void test_waits_before(void)
{
    struct pending pending;
    HANDLE thread;
    DWORD result;

    row("Y10");
    for (unsigned int i = 0; i < ARRAYSIZE(waits); i++)
    {
        pending_start(&pending, "before");
        thread = CreateThread(NULL, 0, late_writer, pending.client, 0, NULL);
        result = waits[i].wait(pending.slot, SOON);
        ok(result == WAIT_OBJECT_0, "%s: %#lx\n", waits[i].name, result);
        ok(HasOverlappedIoCompleted(&pending.ov), "%s: ended before the read\n", waits[i].name);
        WaitForSingleObject(thread, INFINITE);
        CloseHandle(thread);
        pending_close(&pending, false);
    }
}

/* Beside messages and other objects. */
static void test_message_loop(void)
{
    HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL), handles[2];
    struct pending pending;
    DWORD result;
    MSG msg;

    row("Y10");
    PeekMessageA(&msg, NULL, 0, 0, PM_NOREMOVE);
    pending_start(&pending, "loop");
    handles[0] = event;
    handles[1] = pending.slot;
    PostThreadMessageA(GetCurrentThreadId(), WM_USER, 0, 0);
    result = MsgWaitForMultipleObjects(2, handles, FALSE, SOON, QS_ALLINPUT);
    ok(result == WAIT_OBJECT_0 + 2, "a message: %#lx\n", result);
    ok(PeekMessageA(&msg, NULL, 0, 0, PM_REMOVE) && msg.message == WM_USER, "no message\n");
    SetEvent(event);
    result = MsgWaitForMultipleObjects(2, handles, FALSE, SOON, QS_ALLINPUT);
    ok(result == WAIT_OBJECT_0, "an event: %#lx\n", result);
    SetEvent(event);
    result = MsgWaitForMultipleObjectsEx(2, handles, A_WHILE, QS_ALLINPUT, MWMO_WAITALL);
    ok(result == WAIT_TIMEOUT, "all: %#lx\n", result);
    ResetEvent(event);
    pending_end(&pending, false);
    result = MsgWaitForMultipleObjects(2, handles, FALSE, SOON, QS_ALLINPUT);
    ok(result == WAIT_OBJECT_0 + 1, "the slot: %#lx\n", result);
    pending_close(&pending, false);
    CloseHandle(event);
}

/* --- waits of a pool --- */

struct pool_wait
{
    HANDLE called;
    volatile LONG calls, timeouts;
};

static void NTAPI registered(void *context, BOOLEAN timeout)
{
    struct pool_wait *wait = context;

    InterlockedIncrement(timeout ? &wait->timeouts : &wait->calls);
    SetEvent(wait->called);
}

static void NTAPI pooled(PTP_CALLBACK_INSTANCE instance, void *context, PTP_WAIT tp,
                         TP_WAIT_RESULT result)
{
    (void)instance;
    (void)tp;
    registered(context, result != WAIT_OBJECT_0);
}

static void test_registered(bool cancel)
{
    struct pool_wait wait = {CreateEventA(NULL, FALSE, FALSE, NULL), 0, 0};
    struct pending pending;
    HANDLE handle = NULL;
    DWORD result;

    row("Y10");
    pending_start(&pending, "registered");
    ok(RegisterWaitForSingleObject(&handle, pending.slot, registered, &wait, INFINITE,
                                   WT_EXECUTEONLYONCE),
       "error %lu\n", GetLastError());
    result = WaitForSingleObject(wait.called, A_WHILE);
    ok(result == WAIT_TIMEOUT, "RegisterWaitForSingleObject: called while the read pends\n");
    pending_end(&pending, cancel);
    if (result == WAIT_TIMEOUT)
        result = WaitForSingleObject(wait.called, SOON);
    ok(!result && wait.calls == 1, "RegisterWaitForSingleObject: called %ld times\n", wait.calls);
    ok(UnregisterWaitEx(handle, INVALID_HANDLE_VALUE), "error %lu\n", GetLastError());
    pending_close(&pending, cancel);

    pending_start(&pending, "registered");
    ok(RegisterWaitForSingleObject(&handle, pending.slot, registered, &wait, A_WHILE / 2,
                                   WT_EXECUTEONLYONCE),
       "error %lu\n", GetLastError());
    ok(WaitForSingleObject(wait.called, SOON) == WAIT_OBJECT_0 && wait.timeouts == 1,
       "RegisterWaitForSingleObject: no timeout\n");
    ok(UnregisterWaitEx(handle, INVALID_HANDLE_VALUE), "error %lu\n", GetLastError());
    pending_end(&pending, cancel);
    ok(WaitForSingleObject(pending.slot, SOON) == WAIT_OBJECT_0, "the read does not end\n");
    pending_close(&pending, cancel);
    CloseHandle(wait.called);
}

/* Several waits of one pool: only that of the slot that got the message may end. */
static void test_pool(bool cancel)
{
    struct pool_wait waits_of[3];
    struct pending pending[3];
    PTP_WAIT tp[3];
    DWORD result;

    row("Y10");
    for (int i = 0; i < 3; i++)
    {
        char leaf[16];

        snprintf(leaf, sizeof(leaf), "pool%d", i);
        pending_start(&pending[i], leaf);
        waits_of[i] = (struct pool_wait){CreateEventA(NULL, FALSE, FALSE, NULL), 0, 0};
        tp[i] = CreateThreadpoolWait(pooled, &waits_of[i], NULL);
        SetThreadpoolWait(tp[i], pending[i].slot, NULL);
    }
    for (int i = 2; i >= 0; i--)
    {
        result = WaitForSingleObject(waits_of[i].called, A_WHILE);
        ok(result == WAIT_TIMEOUT, "SetThreadpoolWait %d: called while the read pends\n", i);
        pending_end(&pending[i], cancel);
        if (result == WAIT_TIMEOUT)
            result = WaitForSingleObject(waits_of[i].called, SOON);
        ok(!result && waits_of[i].calls == 1, "SetThreadpoolWait %d: called %ld times\n", i,
           waits_of[i].calls);
    }
    for (int i = 0; i < 3; i++)
    {
        SetThreadpoolWait(tp[i], NULL, NULL);
        WaitForThreadpoolWaitCallbacks(tp[i], TRUE);
        CloseThreadpoolWait(tp[i]);
        CloseHandle(waits_of[i].called);
        pending_close(&pending[i], cancel);
    }
}

/* Without SYNCHRONIZE there is no waiting, whether a read pends or not. */
static void test_right(void)
{
    struct pending pending;
    HANDLE copy = NULL;

    row("Y10");
    pending_start(&pending, "right");
    ok(DuplicateHandle(GetCurrentProcess(), pending.slot, GetCurrentProcess(), &copy,
                       FILE_READ_DATA, FALSE, 0),
       "DuplicateHandle: error %lu\n", GetLastError());
    for (unsigned int i = 0; i < ARRAYSIZE(waits); i++)
    {
        DWORD result;

        SetLastError(0xdeadbeef);
        result = waits[i].wait(copy, 0);
        ok(result == WAIT_FAILED && GetLastError() == ERROR_ACCESS_DENIED,
           "%s: result %lu, error %lu\n", waits[i].name, result, GetLastError());
    }
    close_handle(copy);
    pending_end(&pending, true);
    pending_close(&pending, true);
}

START_TEST(wait_slot)
{
    row("Y10");
    if (!expect_async())
        return;
    test_waits(false);
    test_waits(true);
    test_waits_before();
    test_right();
    test_message_loop();
    test_registered(false);
    test_registered(true);
    test_pool(false);
    test_pool(true);
}
