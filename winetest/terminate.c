/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* terminate.c - threads that are killed or suspended in a mailslot call, and what is left behind */
#include "slots.h"

/*
 * On Windows a thread is never stopped in the middle of a system call's work: whoever is killed or
 * suspended while it reads or writes leaves the slot as usable for everybody else as before.
 */

#define ST_CANCEL 0xc0000120

static DWORD random_state = 12345;

/* A short time that differs: sometimes none, sometimes some hundred microseconds, sometimes ms. */
static void short_while(void)
{
    random_state = random_state * 1664525 + 1013904223;
    if (random_state >> 30 == 0)
        Sleep(random_state >> 16 & 3);
    else
    {
        for (volatile DWORD spin = random_state >> 16 & 0x3fff; spin; spin--)
            ;
    }
}

/* A thread must not die while it starts: it may hold the loader's lock, on Windows, too. */
static volatile LONG started;

static HANDLE start_thread(LPTHREAD_START_ROUTINE start, void *arg)
{
    HANDLE thread;

    started = 0;
    thread = CreateThread(NULL, 0, start, arg, 0, NULL);
    for (int i = 0; !started && i < 5000; i++)
        Sleep(1);
    return thread;
}

static DWORD WINAPI blocked_reader(void *slot)
{
    static DWORD count;
    static char buffer[64];

    started = 1;
    ReadFile(slot, buffer, sizeof(buffer), &count, NULL);
    return 0;
}

struct looper
{
    HANDLE handle;
    DWORD id;
    volatile LONG stop, count, wrong;
};

struct numbered
{
    DWORD id, number, data[30], check;
};

static void numbered_make(struct numbered *message, DWORD id, DWORD number)
{
    message->id = id;
    message->number = number;
    for (DWORD i = 0; i < ARRAYSIZE(message->data); i++)
        message->data[i] = id * 1000 + number + i;
    message->check = ~(id ^ number);
}

static bool numbered_right(const struct numbered *message)
{
    struct numbered expected;

    numbered_make(&expected, message->id, message->number);
    return !memcmp(&expected, message, sizeof(expected));
}

static DWORD WINAPI writing_loop(void *arg)
{
    struct looper *looper = arg;
    struct numbered message;
    DWORD written, queued;

    started = 1;
    while (!looper->stop)
    {
        /* Nobody promises room without end. */
        if (GetMailslotInfo(looper->handle, NULL, NULL, &queued, NULL) && queued > 500)
        {
            Sleep(1);
            continue;
        }
        numbered_make(&message, looper->id, (DWORD)looper->count);
        if (!WriteFile(looper->handle, &message, sizeof(message), &written, NULL) ||
            written != sizeof(message))
            looper->wrong++;
        looper->count++;
    }
    return 0;
}

/* Reads what others write, with a timeout of the slot's. */
static DWORD WINAPI reading_loop(void *arg)
{
    struct looper *looper = arg;
    struct numbered message;
    DWORD size;

    started = 1;
    while (!looper->stop)
    {
        if (!ReadFile(looper->handle, &message, sizeof(message), &size, NULL))
            continue;
        looper->count++;
        looper->wrong += size != sizeof(message) || !numbered_right(&message);
    }
    return 0;
}

static bool kill_thread(HANDLE thread)
{
    bool ret = TerminateThread(thread, 1) && WaitForSingleObject(thread, 5000) == WAIT_OBJECT_0;

    CloseHandle(thread);
    /* Wine says that a thread is dead when it has told it to die. */
    if (wt.platform != WT_WINDOWS)
        Sleep(20);
    return ret;
}

/* Whoever dies waiting for a message takes none along. */
static void test_kill_blocked_reader(void)
{
    HANDLE slot = slot_create("blocked", 0, FOREVER), client = slot_client("blocked"), thread;
    int killed = 0;

    row("R7 R20");
    for (int i = 0; i < 30; i++)
    {
        thread = start_thread(blocked_reader, slot);
        if (i % 3 == 0)
            Sleep(30);
        else
            short_while();
        killed += kill_thread(thread);
        if (i % 5 == 4)
        {
            SetMailslotInfo(slot, 3000);
            ok(send_text(client, "for the living"), "write: error %lu\n", GetLastError());
            expect_read(slot, "for the living");
            SetMailslotInfo(slot, FOREVER);
        }
    }
    ok(killed == 30, "%d of 30 threads died\n", killed);
    expect_info(slot, NO_MESSAGE, 0);
    close_handle(client);
    close_handle(slot);
    row("L4");
    slot = slot_create("blocked", 0, 0);
    expect_handle(slot, "create again");
    close_handle(slot);
}

/* Reads all there is; returns the number of messages, or -1 if one is wrong or out of order. */
static int read_all(HANDLE slot)
{
    struct numbered message;
    DWORD size, id = ~0u, number = 0;
    int count = 0;

    while (ReadFile(slot, &message, sizeof(message), &size, NULL))
    {
        if (size != sizeof(message) || !numbered_right(&message))
            return -1;
        if (message.id == id && message.number != number + 1)
            return -1;
        id = message.id;
        number = message.number;
        count++;
    }
    return count;
}

/* Messages of a dead writer are there wholly or not at all, and the next writer goes on. */
static void test_kill_writer(void)
{
    HANDLE slot = slot_create("killed", 0, 0), client = slot_client("killed"), thread;
    struct looper looper = {.handle = client};
    int killed = 0, wrong = 0, off = 0, stuck = 0;

    row("P1 P10 R1");
    for (int i = 0; i < 60; i++)
    {
        LONG before = looper.count;
        int count;

        looper.id++;
        thread = start_thread(writing_loop, &looper);
        for (int wait = 0; looper.count == before && wait < 5000; wait++)
            Sleep(1);
        short_while();
        killed += kill_thread(thread);
        stuck += looper.count == before;
        count = read_all(slot);
        wrong += count < 0;
        /* The one it was writing may be there or not. */
        off += count >= 0 && count != looper.count - before && count != looper.count - before + 1;
        looper.count += 2;
    }
    ok(killed == 60, "%d of 60 threads died\n", killed);
    ok(stuck == 0, "%d writers never got a message out\n", stuck);
    ok(wrong == 0, "after %d of 60 kills a message was wrong or missing\n", wrong);
    ok(off == 0, "after %d of 60 kills the number of messages was wrong\n", off);
    ok(looper.wrong == 0, "%ld writes failed\n", looper.wrong);
    ok(send_text(client, "after"), "write: error %lu\n", GetLastError());
    expect_read(slot, "after");
    close_handle(client);
    close_handle(slot);
}

/* A killed reader may have taken the message it was reading, no other. */
static void test_kill_reader(void)
{
    HANDLE slot = slot_create("reader", 0, 0), client = slot_client("reader"), thread;
    struct looper looper = {.handle = slot};
    struct numbered message;
    int killed = 0, bad = 0;

    row("R1 R20");
    for (int i = 0; i < 40; i++)
    {
        DWORD left = 0;

        for (DWORD number = 0; number < 100; number++)
        {
            numbered_make(&message, 7, number);
            if (!send_bytes(client, &message, sizeof(message)))
                bad++;
        }
        looper.count = 0;
        thread = start_thread(reading_loop, &looper);
        short_while();
        killed += kill_thread(thread);
        GetMailslotInfo(slot, NULL, NULL, &left, NULL);
        bad += left + (DWORD)looper.count != 100 && left + (DWORD)looper.count != 99;
        bad += read_all(slot) != (int)left;
    }
    ok(killed == 40, "%d of 40 threads died\n", killed);
    ok(looper.wrong == 0, "%ld messages were wrong\n", looper.wrong);
    ok(bad == 0, "%d times a message was lost or doubled\n", bad);
    ok(send_text(client, "after"), "write: error %lu\n", GetLastError());
    expect_read(slot, "after");
    close_handle(client);
    close_handle(slot);
}

/* One writer and one reader stop and go; meanwhile we use the slot ourselves. */
static void test_suspend(void)
{
    HANDLE slot = slot_create("suspend", 0, 5), client = slot_client("suspend");
    HANDLE other = slot_create("other", 0, 0), other_client = slot_client("other");
    struct looper writer = {.handle = client, .id = 1}, reader = {.handle = slot};
    HANDLE threads[2];
    DWORD start = GetTickCount(), count = 0;
    int rounds, bad = 0;

    row("P10 R20");
    threads[0] = CreateThread(NULL, 0, reading_loop, &reader, 0, NULL);
    threads[1] = CreateThread(NULL, 0, writing_loop, &writer, 0, NULL);
    for (rounds = 0; rounds < 400 && GetTickCount() - start < 2500; rounds++)
    {
        HANDLE thread = threads[rounds % 2];
        struct numbered message;
        DWORD size;

        short_while();
        if (SuspendThread(thread) == (DWORD)-1)
            bad++;
        /* The slot that it stopped in, and another one. */
        numbered_make(&message, 2, (DWORD)rounds);
        bad += !send_bytes(client, &message, sizeof(message));
        bad += !GetMailslotInfo(slot, NULL, NULL, &count, NULL);
        if (rounds % 2)
            ReadFile(slot, &message, sizeof(message), &size, NULL);
        bad += !send_text(other_client, "x");
        bad += !ReadFile(other, &message, sizeof(message), &size, NULL) || size != 1;
        if (ResumeThread(thread) == (DWORD)-1)
            bad++;
    }
    reader.stop = writer.stop = 1;
    ok(WaitForMultipleObjects(2, threads, TRUE, 10000) == WAIT_OBJECT_0, "threads hang\n");
    ok(rounds >= 20, "%d rounds\n", rounds);
    ok(bad == 0, "%d calls failed beside a suspended thread in %d rounds\n", bad, rounds);
    ok(writer.wrong == 0, "%ld of %ld writes failed\n", writer.wrong, writer.count);
    ok(reader.wrong == 0, "%ld of %ld messages were wrong\n", reader.wrong, reader.count);
    ok(writer.count > 0 && reader.count > 0, "%ld writes, %ld reads\n", writer.count, reader.count);
    CloseHandle(threads[0]);
    CloseHandle(threads[1]);
    close_handle(other_client);
    close_handle(other);
    close_handle(client);
    close_handle(slot);
}

struct pending
{
    HANDLE slot;
    OVERLAPPED ov;
    char buffer[16];
    volatile LONG pends;
    bool blocks; /* stay until killed */
};

static DWORD WINAPI pend_main(void *arg)
{
    struct pending *read = arg;

    read->pends = !ReadFile(read->slot, read->buffer, sizeof(read->buffer), NULL, &read->ov) &&
                  GetLastError() == ERROR_IO_PENDING;
    if (read->blocks)
        Sleep(INFINITE);
    return 0;
}

/* The reads of a thread end with it, whether it returns or is killed; the message stays. */
static void test_thread_end(void)
{
    HANDLE slot = slot_create("thread", 0, FOREVER), client = slot_client("thread"), thread;
    struct pending read = {.slot = slot};

    row("R17");
    read.ov.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL);
    for (int i = 0; i < 4 && expect_async(); i++)
    {
        read.blocks = i % 2;
        read.pends = 0;
        thread = CreateThread(NULL, 0, pend_main, &read, 0, NULL);
        if (read.blocks)
        {
            for (int waited = 0; waited < 5000 && !read.pends; waited += 10)
                Sleep(10);
            ok(kill_thread(thread), "thread does not die\n");
        }
        else
        {
            ok(WaitForSingleObject(thread, 5000) == WAIT_OBJECT_0, "thread hangs\n");
            CloseHandle(thread);
        }
        ok(read.pends, "read does not pend\n");
        ok(WaitForSingleObject(read.ov.hEvent, 5000) == WAIT_OBJECT_0 &&
               (DWORD)read.ov.Internal == ST_CANCEL,
           "read of a thread that %s: status %#lx\n", read.blocks ? "was killed" : "ended",
           (DWORD)read.ov.Internal);
        SetMailslotInfo(slot, 3000);
        ok(send_text(client, "kept"), "write: error %lu\n", GetLastError());
        expect_read(slot, "kept");
        SetMailslotInfo(slot, FOREVER);
    }
    CloseHandle(read.ov.hEvent);
    close_handle(client);
    close_handle(slot);
}

/* Children end in a given way with reads pending and blocked: quickly, and their name is free. */
static void test_process_end(void)
{
    static const char *const ways[] = {"return", "exit", "terminate", "killed"};
    char name[MAX_PATH], args[MAX_PATH + 16];
    HANDLE child, slot;

    snprintf(name, sizeof(name), "%s", slot_name("process"));
    for (unsigned int i = 0; i < ARRAYSIZE(ways); i++)
    {
        bool kill = !strcmp(ways[i], "killed");

        row("R7 L1");
        snprintf(args, sizeof(args), "%s %s", ways[i], name);
        child = winetest_start_child(args);
        if (kill)
        {
            Sleep(700);
            TerminateProcess(child, 77);
        }
        ok(winetest_wait_child(child) == 77, "child that should %s\n", ways[i]);
        row("L1 L4");
        slot = CreateMailslotA(name, 0, 0, NULL);
        expect_handle(slot, ways[i]);
        close_handle(slot);
    }
}

static int child_end(const char *way, const char *name)
{
    static struct pending reads[5];
    static char buffer[16];
    HANDLE slot = CreateMailslotA(name, 0, FOREVER, NULL), thread;

    if (slot == INVALID_HANDLE_VALUE)
        return 1;
    thread = CreateThread(NULL, 0, blocked_reader, slot, 0, NULL);
    for (int i = 0; i < 5 && slot_is_async(); i++)
    {
        reads[i].slot = slot;
        if (ReadFile(slot, buffer, sizeof(buffer), NULL, &reads[i].ov) ||
            GetLastError() != ERROR_IO_PENDING)
            return 2;
    }
    Sleep(100);
    if (WaitForSingleObject(thread, 0) != WAIT_TIMEOUT)
        return 3;
    if (!strcmp(way, "exit"))
        ExitProcess(77);
    if (!strcmp(way, "terminate"))
        TerminateProcess(GetCurrentProcess(), 77);
    if (!strcmp(way, "killed"))
        Sleep(15000);
    exit(77);
}

START_TEST(terminate)
{
    char **argv = winetest_main_argv();

    if (winetest_main_argc() > 2)
        ExitProcess((UINT)child_end(argv[1], argv[2]));
    test_thread_end();
    test_process_end();
    row("R20 P10");
    if (wt.platform == WT_WINE)
    {
        skip("plain Wine loses messages of killed readers and blocks writers of stopped ones\n");
        return;
    }
    test_suspend();
    test_kill_reader();
    test_kill_writer();
    test_kill_blocked_reader();
}
