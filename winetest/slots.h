/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* slots.h - making, opening and checking the mailslots of a test */
#pragma once

#include "winetest.h"

#define NO_MESSAGE ((DWORD)-1)
#define FOREVER    ((DWORD)-1)

/*
 * The Win32 name of a slot of this test run: "\\.\mailslot\wt<pid>_leaf". The last 16 results stay
 * valid. Children get whole names on their command line, since their pid differs.
 */
static inline const char *slot_name(const char *leaf)
{
    static char names[16][MAX_PATH];
    static unsigned int next;
    char *name = names[next++ % 16];

    snprintf(name, MAX_PATH, "\\\\.\\mailslot\\wt%lu_%s", GetCurrentProcessId(), leaf);
    return name;
}

/* CreateMailslot of that name. */
static inline HANDLE slot_create(const char *leaf, DWORD max, DWORD timeout)
{
    return CreateMailslotA(slot_name(leaf), max, timeout, NULL);
}

/* CreateFile of a whole name, without creating anything. */
static inline HANDLE path_open(const char *path, DWORD access, DWORD share)
{
    return CreateFileA(path, access, share, NULL, OPEN_EXISTING, 0, NULL);
}

/* A writer; shares everything, so that plain Wine lets several in. */
static inline HANDLE slot_client(const char *leaf)
{
    return path_open(slot_name(leaf), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE);
}

/* Writes one message; true if all of it went out. */
static inline bool send_bytes(HANDLE client, const void *data, DWORD size)
{
    DWORD written = 0xdeadbeef;

    return WriteFile(client, data, size, &written, NULL) && written == size;
}

static inline bool send_text(HANDLE client, const char *text)
{
    return send_bytes(client, text, (DWORD)strlen(text));
}

/* Reads all queued messages away; the slot must have timeout 0. */
static inline void slot_drain(HANDLE slot)
{
    char buffer[4096];
    DWORD count;

    while (ReadFile(slot, buffer, sizeof(buffer), &count, NULL))
        ;
}

/* Checks next size and message count. */
#define expect_info(slot, next, count) expect_info_(__FILE__, __LINE__, slot, next, count)
static inline void expect_info_(const char *file, int line, HANDLE slot, DWORD next, DWORD count)
{
    DWORD got_next = 0xdeadbeef, got_count = 0xdeadbeef;
    BOOL ret = GetMailslotInfo(slot, NULL, &got_next, &got_count, NULL);

    wt_check(file, line, NULL, ret && got_next == next && got_count == count,
             "info: ret %d, next %ld, count %ld, expected %ld and %ld\n", ret, (long)got_next,
             (long)got_count, (long)next, (long)count);
}

/* Checks that a synchronous read yields exactly this text. */
#define expect_read(slot, text) expect_read_(__FILE__, __LINE__, slot, text)
static inline bool expect_read_(const char *file, int line, HANDLE slot, const char *text)
{
    char buffer[512];
    DWORD count = 0xdeadbeef;
    BOOL ret;

    SetLastError(0xdeadbeef);
    ret = ReadFile(slot, buffer, sizeof(buffer) - 1, &count, NULL);
    buffer[ret && count < sizeof(buffer) ? count : 0] = 0;
    return wt_check(file, line, NULL, ret && count == strlen(text) && !strcmp(buffer, text),
                    "read: ret %d, error %lu, count %ld, \"%.40s\" instead of \"%s\"\n", ret,
                    GetLastError(), (long)count, buffer, text);
}

/* Checks that a synchronous read with that buffer size fails with this error. */
#define expect_read_error(slot, size, error)                                                       \
    expect_read_error_(__FILE__, __LINE__, slot, size, error)
static inline bool expect_read_error_(const char *file, int line, HANDLE slot, DWORD size,
                                      DWORD error)
{
    char buffer[512];
    DWORD count = 0xdeadbeef, got;
    BOOL ret;

    SetLastError(0xdeadbeef);
    ret = ReadFile(slot, buffer, size < sizeof(buffer) ? size : sizeof(buffer), &count, NULL);
    got = GetLastError();
    return wt_check(file, line, NULL, !ret && got == error && count == 0,
                    "read: ret %d, error %lu instead of %lu, count %ld\n", ret, got, error,
                    (long)count);
}

/* Checks that a handle is none and that the last error is the expected one. */
#define expect_no_handle(handle, error, what)                                                      \
    expect_no_handle_(__FILE__, __LINE__, handle, error, what)
static inline void expect_no_handle_(const char *file, int line, HANDLE handle, DWORD error,
                                     const char *what)
{
    DWORD got = GetLastError();

    wt_check(file, line, NULL, handle == INVALID_HANDLE_VALUE && got == error,
             "%s: handle %p, error %lu instead of %lu\n", what, (void *)handle, got, error);
    if (handle != INVALID_HANDLE_VALUE)
        CloseHandle(handle);
}

/* Checks that a handle was got, closes nothing. */
#define expect_handle(handle, what) expect_handle_(__FILE__, __LINE__, handle, what)
static inline bool expect_handle_(const char *file, int line, HANDLE handle, const char *what)
{
    DWORD got = GetLastError();

    return wt_check(file, line, NULL, handle && handle != INVALID_HANDLE_VALUE,
                    "%s: no handle, error %lu\n", what, got);
}

static inline void close_handle(HANDLE handle)
{
    if (handle && handle != INVALID_HANDLE_VALUE)
        CloseHandle(handle);
}

/*
 * Whether an overlapped read on a CreateMailslot handle comes back pending (C2). On plain Wine it
 * blocks, so everything that leaves a read pending must be skipped there.
 */
static inline bool slot_is_async(void)
{
    static int answer = -1;

    if (answer < 0)
    {
        HANDLE slot = slot_create("probe", 0, 200);
        OVERLAPPED ov = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};
        char buffer[8];

        answer = !ReadFile(slot, buffer, sizeof(buffer), NULL, &ov) &&
                 GetLastError() == ERROR_IO_PENDING;
        if (answer)
            WaitForSingleObject(ov.hEvent, 5000);
        CloseHandle(slot);
        CloseHandle(ov.hEvent);
    }
    return answer;
}

/* Checks slot_is_async() for the current rows; if it is false, their tests must be left out. */
#define expect_async() expect_async_(__FILE__, __LINE__)
static inline bool expect_async_(const char *file, int line)
{
    bool async = slot_is_async();

    todo_wine wt_check(file, line, NULL, async, "an overlapped read does not pend\n");
    return async;
}

/* A synchronous read in a thread of its own. Fields below the line are valid once it has ended. */
struct thread_read
{
    HANDLE slot, thread;
    DWORD size;

    BOOL ret;
    DWORD error, count, ms;
    char buffer[64];
};

static inline DWORD WINAPI thread_read_main(void *arg)
{
    struct thread_read *read = arg;
    DWORD start = GetTickCount();

    SetLastError(0xdeadbeef);
    read->count = 0xdeadbeef;
    read->ret = ReadFile(read->slot, read->buffer, read->size, &read->count, NULL);
    read->error = GetLastError();
    read->ms = GetTickCount() - start;
    return 0;
}

/* Starts the read and gives it 150 ms to block. */
static inline void thread_read_start(struct thread_read *read, HANDLE slot)
{
    memset(read, 0, sizeof(*read));
    read->slot = slot;
    read->size = sizeof(read->buffer);
    read->thread = CreateThread(NULL, 0, thread_read_main, read, 0, NULL);
    Sleep(150);
}

static inline bool thread_read_ended(struct thread_read *read, DWORD ms)
{
    return WaitForSingleObject(read->thread, ms) == WAIT_OBJECT_0;
}

/* Waits 1 s more, then kills the thread, which may leave the process unable to exit cleanly. */
static inline void thread_read_finish(struct thread_read *read)
{
    if (!thread_read_ended(read, 1000))
        TerminateThread(read->thread, 1);
    CloseHandle(read->thread);
}
