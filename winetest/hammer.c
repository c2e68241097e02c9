/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hammer.c - handles of many kinds, opened and closed by many threads at once, never get mixed up
 */
/* Must come before windows.h. */
#include <winsock2.h>

#include "slots.h"

/*
 * NT gives a handle value away again as soon as it is free. So whoever keeps notes about handles
 * (we do, of those that are slots) is wrong for a moment if closing and opening race. Each thread
 * here has a few objects of random kinds, writes words into them that nobody else writes, and must
 * read back its own, whatever the value of the handle was a moment ago.
 */

#define THREADS 6
#define HELD    5
#define SECONDS 4

enum kind
{
    KIND_FILE,
    KIND_SLOT,
    KIND_EVENT,
    KIND_PIPE,
    KIND_SOCKET,
    KIND_PENDING, /* a slot with a read pending */
    KIND_COUNT,
};

static const char *const kind_names[] = {"file", "slot", "event", "pipe", "socket", "pending"};

struct word
{
    DWORD thread, kind, number, not_number;
};

struct object
{
    enum kind kind;
    HANDLE reader, writer;
    struct word word;
    struct word got;
    OVERLAPPED ov;
};

struct hammer
{
    HANDLE thread;
    DWORD id, random, number;
    struct object object[HELD];
    DWORD done[KIND_COUNT], problems;
    char problem[200]; /* the first */
};

static struct
{
    WINAPI SOCKET (*socket)(int, int, int);
    WINAPI int (*bind)(SOCKET, const struct sockaddr *, int);
    WINAPI int (*getsockname)(SOCKET, struct sockaddr *, int *);
    WINAPI int (*connect)(SOCKET, const struct sockaddr *, int);
    WINAPI int (*send)(SOCKET, const char *, int, int);
    WINAPI int (*closesocket)(SOCKET);
    bool usable;
} ws;

static volatile LONG stop;
static bool async;
static char folder[MAX_PATH];

static void sockets_load(void)
{
    HMODULE dll = LoadLibraryA("ws2_32.dll");
    WINAPI int (*startup)(WORD, WSADATA *);
    WSADATA data;

    if (!dll)
        return;
    startup = (void *)GetProcAddress(dll, "WSAStartup");
    ws.socket = (void *)GetProcAddress(dll, "socket");
    ws.bind = (void *)GetProcAddress(dll, "bind");
    ws.getsockname = (void *)GetProcAddress(dll, "getsockname");
    ws.connect = (void *)GetProcAddress(dll, "connect");
    ws.send = (void *)GetProcAddress(dll, "send");
    ws.closesocket = (void *)GetProcAddress(dll, "closesocket");
    ws.usable = startup && !startup(MAKEWORD(2, 2), &data);
}

WT_FORMAT(2, 3)
static void problem(struct hammer *hammer, const char *fmt, ...)
{
    va_list args;

    if (hammer->problems++)
        return;
    va_start(args, fmt);
    vsnprintf(hammer->problem, sizeof(hammer->problem), fmt, args);
    va_end(args);
}

/* A datagram socket that is connected to itself. */
static HANDLE self_socket(struct hammer *hammer)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int size = sizeof(address);
    SOCKET sock = ws.socket(AF_INET, SOCK_DGRAM, 0);

    address.sin_addr.S_un.S_addr = 0x0100007f; /* 127.0.0.1 in network order */
    if (sock == INVALID_SOCKET || ws.bind(sock, (struct sockaddr *)&address, sizeof(address)) ||
        ws.getsockname(sock, (struct sockaddr *)&address, &size) ||
        ws.connect(sock, (struct sockaddr *)&address, sizeof(address)))
    {
        problem(hammer, "socket: error %lu", GetLastError());
        return NULL;
    }
    return (HANDLE)sock;
}

static void object_name(char *name, struct hammer *hammer, int index)
{
    snprintf(name, MAX_PATH, "\\\\.\\mailslot\\hammer%lu\\%lu_%d", GetCurrentProcessId(),
             hammer->id, index);
}

static void open_slot(struct hammer *hammer, struct object *object, int index)
{
    char name[MAX_PATH];

    object_name(name, hammer, index);
    object->reader = CreateMailslotA(name, 0, object->kind == KIND_SLOT ? 0 : FOREVER, NULL);
    if (object->reader == INVALID_HANDLE_VALUE)
        problem(hammer, "create: error %lu", GetLastError());
    object->writer = path_open(name, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE);
    if (object->writer == INVALID_HANDLE_VALUE)
        problem(hammer, "open: error %lu", GetLastError());
    if (object->kind != KIND_PENDING)
        return;
    memset(&object->ov, 0, sizeof(object->ov));
    object->ov.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL);
    if (ReadFile(object->reader, &object->got, sizeof(object->got), NULL, &object->ov) ||
        GetLastError() != ERROR_IO_PENDING)
        problem(hammer, "read does not pend: error %lu", GetLastError());
}

static void object_open(struct hammer *hammer, int index)
{
    struct object *object = &hammer->object[index];
    char name[MAX_PATH + 64];

    hammer->random = hammer->random * 1664525 + 1013904223;
    object->kind = (enum kind)((hammer->random >> 16) % KIND_COUNT);
    if ((object->kind == KIND_SOCKET && !ws.usable) || (object->kind == KIND_PENDING && !async))
        object->kind = KIND_FILE;
    object->word.thread = hammer->id;
    object->word.kind = object->kind;
    object->word.number = ++hammer->number;
    object->word.not_number = ~object->word.number;
    memset(&object->got, 0, sizeof(object->got));
    switch (object->kind)
    {
    case KIND_FILE:
        snprintf(name, sizeof(name), "%s\\h%lu_%lu_%d", folder, GetCurrentProcessId(), hammer->id,
                 index);
        object->reader = object->writer =
            CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS,
                        FILE_FLAG_DELETE_ON_CLOSE, NULL);
        if (object->reader == INVALID_HANDLE_VALUE)
            problem(hammer, "file: error %lu", GetLastError());
        break;
    case KIND_SLOT:
    case KIND_PENDING:
        open_slot(hammer, object, index);
        break;
    case KIND_EVENT:
        object->reader = object->writer = CreateEventA(NULL, TRUE, FALSE, NULL);
        break;
    case KIND_PIPE:
        if (!CreatePipe(&object->reader, &object->writer, NULL, 0))
            problem(hammer, "pipe: error %lu", GetLastError());
        break;
    default:
        object->reader = object->writer = self_socket(hammer);
    }
}

static void use_event(struct hammer *hammer, struct object *object)
{
    DWORD count, size = 1;

    if (WaitForSingleObject(object->reader, 0) != WAIT_TIMEOUT || !SetEvent(object->reader) ||
        WaitForSingleObject(object->reader, 0) != WAIT_OBJECT_0 || !ResetEvent(object->reader))
        problem(hammer, "event: error %lu", GetLastError());
    if (ReadFile(object->reader, &object->got, sizeof(object->got), &count, NULL) ||
        GetMailslotInfo(object->reader, NULL, &size, NULL, NULL))
        problem(hammer, "event %p is taken for another object", (void *)object->reader);
}

/* Sends the word of the object through it and compares what comes out. */
static void object_use(struct hammer *hammer, struct object *object)
{
    const char *name = kind_names[object->kind];
    DWORD count = 0, error = 0;
    bool ret;

    hammer->done[object->kind]++;
    if (object->kind == KIND_EVENT)
    {
        use_event(hammer, object);
        return;
    }
    if (object->kind == KIND_SOCKET)
        ret = ws.send((SOCKET)object->writer, (char *)&object->word, sizeof(object->word), 0) ==
              sizeof(object->word);
    else
        ret = send_bytes(object->writer, &object->word, sizeof(object->word));
    if (!ret)
        problem(hammer, "%s %p: write: error %lu", name, (void *)object->writer, GetLastError());
    if (object->kind == KIND_FILE)
        SetFilePointer(object->reader, -(LONG)sizeof(object->word), NULL, FILE_CURRENT);
    if (object->kind == KIND_PENDING)
    {
        if (WaitForSingleObject(object->ov.hEvent, 10000) != WAIT_OBJECT_0)
            problem(hammer, "pending %p: read does not end", (void *)object->reader);
        count = (DWORD)object->ov.InternalHigh;
    }
    else if (object->kind == KIND_SOCKET)
    {
        /* A socket is overlapped: the read needs a place for its result. */
        OVERLAPPED ov = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};

        ret = ReadFile(object->reader, &object->got, sizeof(object->got), NULL, &ov);
        if (ret || GetLastError() == ERROR_IO_PENDING)
            ret = GetOverlappedResult(object->reader, &ov, &count, TRUE);
        error = GetLastError();
        CloseHandle(ov.hEvent);
    }
    else
    {
        ret = ReadFile(object->reader, &object->got, sizeof(object->got), &count, NULL);
        error = GetLastError();
    }
    if (count != sizeof(object->word) || memcmp(&object->got, &object->word, sizeof(object->word)))
        problem(hammer, "%s %p: read %lu bytes, error %lu, of %lu/%lu/%lu instead of %lu/%lu/%lu",
                name, (void *)object->reader, count, error, object->got.thread, object->got.kind,
                object->got.number, object->word.thread, object->word.kind, object->word.number);
    if (object->kind == KIND_PENDING)
    {
        object->word.number = ++hammer->number;
        object->word.not_number = ~object->word.number;
        ResetEvent(object->ov.hEvent);
        if (ReadFile(object->reader, &object->got, sizeof(object->got), NULL, &object->ov) ||
            GetLastError() != ERROR_IO_PENDING)
            problem(hammer, "pending %p: next read: error %lu", (void *)object->reader,
                    GetLastError());
    }
}

static void object_close(struct hammer *hammer, struct object *object)
{
    if (!object->reader)
        return;
    if (object->kind == KIND_SOCKET)
        ws.closesocket((SOCKET)object->reader);
    else
    {
        if (!CloseHandle(object->reader))
            problem(hammer, "%s %p: close: error %lu", kind_names[object->kind],
                    (void *)object->reader, GetLastError());
        if (object->writer != object->reader)
            CloseHandle(object->writer);
    }
    if (object->kind == KIND_PENDING)
    {
        /* The buffer is the system's until the read has ended. */
        if (WaitForSingleObject(object->ov.hEvent, 10000) != WAIT_OBJECT_0)
            problem(hammer, "pending: read does not end after close");
        CloseHandle(object->ov.hEvent);
    }
    object->reader = object->writer = NULL;
}

static DWORD WINAPI hammer_main(void *arg)
{
    struct hammer *hammer = arg;

    while (!stop && hammer->problems < 100)
    {
        int index = (int)((hammer->random >> 8) % HELD);

        object_close(hammer, &hammer->object[index]);
        object_open(hammer, index);
        for (int i = 0; i < HELD; i++)
        {
            if (hammer->object[i].reader)
                object_use(hammer, &hammer->object[i]);
        }
    }
    for (int i = 0; i < HELD; i++)
        object_close(hammer, &hammer->object[i]);
    return 0;
}

START_TEST(hammer)
{
    static struct hammer hammers[THREADS];
    HANDLE threads[THREADS];
    DWORD done[KIND_COUNT] = {0};

    GetTempPathA(sizeof(folder), folder);
    sockets_load();
    row("C2");
    async = expect_async();
    for (int i = 0; i < THREADS; i++)
    {
        hammers[i].id = (DWORD)i;
        hammers[i].random = (DWORD)i * 77777 + 1;
        threads[i] = hammers[i].thread = CreateThread(NULL, 0, hammer_main, &hammers[i], 0, NULL);
    }
    Sleep(SECONDS * 1000);
    stop = 1;
    row("R1 P1 L1");
    ok(WaitForMultipleObjects(THREADS, threads, TRUE, 20000) == WAIT_OBJECT_0, "threads hang\n");
    for (int i = 0; i < THREADS; i++)
    {
        ok(!hammers[i].problems, "thread %d: %lu problems, first: %s\n", i, hammers[i].problems,
           hammers[i].problem);
        for (int kind = 0; kind < KIND_COUNT; kind++)
            done[kind] += hammers[i].done[kind];
    }
    for (int kind = 0; kind < KIND_COUNT; kind++)
    {
        trace("%s: used %lu times\n", kind_names[kind], done[kind]);
        if ((kind != KIND_SOCKET || ws.usable) && (kind != KIND_PENDING || async))
            ok(done[kind] > 0, "%s was never used\n", kind_names[kind]);
    }
    if (!ws.usable)
        skip("no sockets\n");
}
