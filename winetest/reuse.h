/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reuse.h - objects of every kind with a wanted handle value, and whether they work as they should
 */
#pragma once

/* Whoever includes this includes winsock2.h first: it must come before windows.h. */
#include "slots.h"

#define REUSE_SPARES 512

enum reuse_kind
{
    REUSE_EVENT,
    REUSE_PIPE,
    REUSE_SOCKET,
    REUSE_FILE,
    REUSE_SECTION,
    REUSE_THREAD,
    REUSE_SLOT,
    REUSE_KINDS,
};

static const char *const reuse_names[] = {"event",   "pipe",   "socket", "file",
                                          "section", "thread", "slot"};

/* first has the wanted value; second is the other end, if there is one. */
struct reuse_object
{
    enum reuse_kind kind;
    HANDLE first, second;
    HANDLE spares[REUSE_SPARES]; /* what had another value */
    int spare_count;
};

static struct
{
    WINAPI SOCKET (*socket)(int, int, int);
    WINAPI int (*bind)(SOCKET, const struct sockaddr *, int);
    WINAPI int (*getsockname)(SOCKET, struct sockaddr *, int *);
    WINAPI int (*connect)(SOCKET, const struct sockaddr *, int);
} reuse_ws;

/* Must be called once; also makes what libraries keep handles of, before any value is compared. */
static inline void reuse_start(void)
{
    HMODULE ws2_32 = LoadLibraryA("ws2_32.dll");
    int(WINAPI * startup)(WORD, WSADATA *) = (void *)GetProcAddress(ws2_32, "WSAStartup");
    WSADATA data;

    reuse_ws.socket = (void *)GetProcAddress(ws2_32, "socket");
    reuse_ws.bind = (void *)GetProcAddress(ws2_32, "bind");
    reuse_ws.getsockname = (void *)GetProcAddress(ws2_32, "getsockname");
    reuse_ws.connect = (void *)GetProcAddress(ws2_32, "connect");
    startup(MAKEWORD(2, 2), &data);
    CloseHandle((HANDLE)reuse_ws.socket(AF_INET, SOCK_DGRAM, 0));
}

static DWORD WINAPI reuse_thread(void *arg)
{
    return *(DWORD *)arg;
}

static inline HANDLE reuse_file(void)
{
    char folder[MAX_PATH], path[MAX_PATH];

    GetTempPathA(sizeof(folder), folder);
    GetTempFileNameA(folder, "wt", 0, path);
    return CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS,
                       FILE_FLAG_DELETE_ON_CLOSE, NULL);
}

/* One more object: its handle, and its other end or NULL. */
static inline HANDLE reuse_one(enum reuse_kind kind, HANDLE *ret_second)
{
    static DWORD code = 42;
    static int number;
    HANDLE first = NULL;
    char leaf[32];

    *ret_second = NULL;
    switch (kind)
    {
    case REUSE_EVENT:
        return CreateEventA(NULL, TRUE, FALSE, NULL);
    case REUSE_PIPE:
        return CreatePipe(&first, ret_second, NULL, 0) ? first : NULL;
    case REUSE_SOCKET:
        return (HANDLE)reuse_ws.socket(AF_INET, SOCK_DGRAM, 0);
    case REUSE_FILE:
        return reuse_file();
    case REUSE_SECTION:
        return CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, NULL);
    case REUSE_THREAD:
        return CreateThread(NULL, 0, reuse_thread, &code, CREATE_SUSPENDED, NULL);
    default:
        snprintf(leaf, sizeof(leaf), "value%d", number++);
        first = slot_create(leaf, 0, 0);
        *ret_second = slot_client(leaf);
        return first;
    }
}

/* Makes objects until one of its handles has the value. False: none had; end the object anyway. */
static inline bool reuse_make(struct reuse_object *object, enum reuse_kind kind, HANDLE value)
{
    memset(object, 0, sizeof(*object));
    object->kind = kind;
    while (object->spare_count + 2 <= REUSE_SPARES)
    {
        HANDLE second, first = reuse_one(kind, &second);

        if (first == value || second == value)
        {
            object->first = first;
            object->second = second;
            return true;
        }
        object->spares[object->spare_count++] = first;
        object->spares[object->spare_count++] = second;
    }
    return false;
}

static inline void reuse_end(struct reuse_object *object)
{
    close_handle(object->first);
    close_handle(object->second);
    for (int i = 0; i < object->spare_count; i++)
    {
        if (object->kind == REUSE_THREAD && object->spares[i])
            ResumeThread(object->spares[i]);
        close_handle(object->spares[i]);
    }
}

/* A transfer that the handle's own event or none ends, as a socket needs it. */
static inline bool reuse_transfer(HANDLE handle, bool write, void *data, DWORD size)
{
    OVERLAPPED ov = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};
    DWORD count = 0;
    BOOL ret;

    ret =
        write ? WriteFile(handle, data, size, NULL, &ov) : ReadFile(handle, data, size, NULL, &ov);
    if (!ret && GetLastError() == ERROR_IO_PENDING)
        ret = WaitForSingleObject(ov.hEvent, 5000) == WAIT_OBJECT_0;
    ret = ret && GetOverlappedResult(handle, &ov, &count, FALSE) && count == size;
    CloseHandle(ov.hEvent);
    return ret;
}

static inline const char *reuse_try_socket(HANDLE handle)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char buffer[8] = "";
    int size = sizeof(address);

    address.sin_addr.S_un.S_addr = 0x0100007f;
    if (reuse_ws.bind((SOCKET)handle, (struct sockaddr *)&address, size) ||
        reuse_ws.getsockname((SOCKET)handle, (struct sockaddr *)&address, &size) ||
        reuse_ws.connect((SOCKET)handle, (struct sockaddr *)&address, size))
        return "no address";
    if (!reuse_transfer(handle, true, "socket", 6))
        return "WriteFile";
    if (!reuse_transfer(handle, false, buffer, 6) || strcmp(buffer, "socket"))
        return "ReadFile";
    return NULL;
}

static inline const char *reuse_try_file(HANDLE handle)
{
    char buffer[8] = "";
    DWORD count;

    if (GetFileType(handle) != FILE_TYPE_DISK)
        return "GetFileType";
    if (!WriteFile(handle, "on disk", 7, &count, NULL) || count != 7)
        return "WriteFile";
    if (GetFileSize(handle, NULL) != 7)
        return "GetFileSize";
    if (SetFilePointer(handle, 3, NULL, FILE_BEGIN) != 3)
        return "SetFilePointer";
    if (!ReadFile(handle, buffer, 4, &count, NULL) || count != 4 || strcmp(buffer, "disk"))
        return "ReadFile";
    if (!FlushFileBuffers(handle))
        return "FlushFileBuffers";
    if (!LockFile(handle, 0, 0, 1, 0) || !UnlockFile(handle, 0, 0, 1, 0))
        return "LockFile";
    return NULL;
}

static inline const char *reuse_try_event(HANDLE handle)
{
    char buffer[8];
    DWORD count;

    if (WaitForSingleObject(handle, 0) != WAIT_TIMEOUT)
        return "is signaled";
    if (!SetEvent(handle) || WaitForSingleObject(handle, 0) != WAIT_OBJECT_0)
        return "SetEvent";
    if (ReadFile(handle, buffer, sizeof(buffer), &count, NULL) ||
        GetLastError() != ERROR_INVALID_HANDLE)
        return "ReadFile did not say that it is no file";
    if (WriteFile(handle, buffer, 1, &count, NULL) || GetLastError() != ERROR_INVALID_HANDLE)
        return "WriteFile did not say that it is no file";
    return NULL;
}

static inline const char *reuse_try_pipe(HANDLE from, HANDLE to)
{
    DWORD count, queued = 0;
    char buffer[8] = "";

    if (GetFileType(from) != FILE_TYPE_PIPE || GetFileType(to) != FILE_TYPE_PIPE)
        return "GetFileType";
    if (!WriteFile(to, "piped", 5, &count, NULL) || count != 5)
        return "WriteFile";
    if (!PeekNamedPipe(from, NULL, 0, NULL, &queued, NULL) || queued != 5)
        return "PeekNamedPipe";
    if (!ReadFile(from, buffer, 3, &count, NULL) || count != 3 || strcmp(buffer, "pip"))
        return "ReadFile";
    if (!ReadFile(from, buffer, 3, &count, NULL) || count != 2)
        return "ReadFile of the rest";
    return NULL;
}

static inline const char *reuse_try_section(HANDLE handle)
{
    char *view = MapViewOfFile(handle, FILE_MAP_ALL_ACCESS, 0, 0, 4096);

    if (!view)
        return "MapViewOfFile";
    strcpy(view, "mapped");
    return UnmapViewOfFile(view) ? NULL : "UnmapViewOfFile";
}

static inline const char *reuse_try_thread(HANDLE handle)
{
    DWORD code = 0;

    if (WaitForSingleObject(handle, 0) != WAIT_TIMEOUT)
        return "is signaled";
    if (ResumeThread(handle) != 1 || WaitForSingleObject(handle, 5000) != WAIT_OBJECT_0)
        return "does not run";
    return GetExitCodeThread(handle, &code) && code == 42 ? NULL : "GetExitCodeThread";
}

static inline const char *reuse_try_slot(HANDLE slot, HANDLE client)
{
    char buffer[8] = "";
    DWORD count;

    if (!send_text(client, "new"))
        return "WriteFile";
    if (!ReadFile(slot, buffer, 7, &count, NULL) || count != 3 || strcmp(buffer, "new"))
        return "ReadFile";
    return NULL;
}

/* Uses the object as what it is. Returns NULL, or what went wrong. */
static inline const char *reuse_try(struct reuse_object *object)
{
    switch (object->kind)
    {
    case REUSE_EVENT:
        return reuse_try_event(object->first);
    case REUSE_PIPE:
        return reuse_try_pipe(object->first, object->second);
    case REUSE_SOCKET:
        return reuse_try_socket(object->first);
    case REUSE_FILE:
        return reuse_try_file(object->first);
    case REUSE_SECTION:
        return reuse_try_section(object->first);
    case REUSE_THREAD:
        return reuse_try_thread(object->first);
    default:
        return reuse_try_slot(object->first, object->second);
    }
}
