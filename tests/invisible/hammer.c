/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hammer.c - many threads open, use and close files, pipes, sockets and mailslots at once
 *
 * A handle value that one thread closed is soon another thread's handle of another kind. Each
 * thread checks that what it wrote comes back to it, and that the type of its handle is right: a
 * handle that is taken for what its value stood for before is found at once.
 *
 * usage: hammer.exe THREADS OBJECTS   OBJECTS: how many each thread opens
 */
#define _WIN32_WINNT 0x0601
#include <winsock2.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static LONG hammer_errors;
static int hammer_objects;

static void wrong(const char *what, DWORD value)
{
    if (InterlockedIncrement(&hammer_errors) <= 20)
        printf("%s: %lu, error %lu\n", what, value, GetLastError());
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Writes text to one handle and expects it from the other. */
static void through(const char *kind, HANDLE to, HANDLE from, const char *text)
{
    DWORD size = (DWORD)strlen(text), n = 0;
    char back[64] = "";

    if (!WriteFile(to, text, size, &n, NULL) || n != size)
        wrong(kind, 1);
    else if (!ReadFile(from, back, sizeof back, &n, NULL) || n != size || memcmp(back, text, n))
        wrong(kind, 2);
}

static void expect_type(const char *kind, HANDLE handle, DWORD type)
{
    DWORD count;

    if (GetFileType(handle) != type)
        wrong(kind, 3);
    /* Only a slot has the information of one. */
    if (GetMailslotInfo(handle, NULL, NULL, &count, NULL) != !strcmp(kind, "slot"))
        wrong(kind, 4);
}

static void use_file(int id, const char *text)
{
    char name[32];
    HANDLE file;

    snprintf(name, sizeof name, "hammer.%d", id);
    file = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS,
                       FILE_FLAG_DELETE_ON_CLOSE, NULL);
    if (file == INVALID_HANDLE_VALUE)
    {
        wrong("file", 0);
        return;
    }
    expect_type("file", file, FILE_TYPE_DISK);
    DWORD size = (DWORD)strlen(text), n;
    char back[64];
    if (!WriteFile(file, text, size, &n, NULL) || SetFilePointer(file, 0, NULL, FILE_BEGIN) ||
        !ReadFile(file, back, sizeof back, &n, NULL) || n != size || memcmp(back, text, n))
        wrong("file", 5);
    if (!CloseHandle(file))
        wrong("file", 6);
}

static void use_pipe(const char *text)
{
    HANDLE from, to;

    if (!CreatePipe(&from, &to, NULL, 0))
    {
        wrong("pipe", 0);
        return;
    }
    expect_type("pipe", from, FILE_TYPE_PIPE);
    through("pipe", to, from, text);
    if (!CloseHandle(from) || !CloseHandle(to))
        wrong("pipe", 6);
}

static void use_socket(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    SOCKET s = socket(AF_INET, SOCK_DGRAM, 0);
    int size = sizeof address;
    char back[64];

    if (s == INVALID_SOCKET || bind(s, (struct sockaddr *)&address, size) ||
        getsockname(s, (struct sockaddr *)&address, &size))
    {
        wrong("socket", 0);
        return;
    }
    expect_type("socket", (HANDLE)s, FILE_TYPE_PIPE);
    int length = (int)strlen(text);
    if (sendto(s, text, length, 0, (struct sockaddr *)&address, size) != length ||
        recv(s, back, sizeof back, 0) != length || memcmp(back, text, length))
        wrong("socket", 2);
    if (closesocket(s))
        wrong("socket", 6);
}

static void use_slot(int id, const char *text)
{
    char name[64];
    HANDLE slot, writer, copy = NULL;

    snprintf(name, sizeof name, "\\\\.\\mailslot\\hammer%d", id);
    slot = CreateMailslotA(name, 0, 0, NULL);
    if (slot == INVALID_HANDLE_VALUE)
    {
        wrong("slot", 0);
        return;
    }
    writer = CreateFileA(name, GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    if (writer == INVALID_HANDLE_VALUE)
        wrong("slot", 7);
    expect_type("slot", slot, FILE_TYPE_UNKNOWN);
    through("slot", writer, slot, text);
    if (!DuplicateHandle(GetCurrentProcess(), slot, GetCurrentProcess(), &copy, 0, FALSE,
                         DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE))
        wrong("slot", 8);
    through("slot", writer, copy, text);
    if (!CloseHandle(writer) || !CloseHandle(copy))
        wrong("slot", 6);
}

static DWORD WINAPI hammer_thread(void *argument)
{
    int id = (int)(INT_PTR)argument;
    unsigned seed = id * 7919 + 1;
    char text[48];

    for (int i = 0; i < hammer_objects; i++)
    {
        snprintf(text, sizeof text, "thread %d, object %d", id, i);
        switch (next_random(&seed) % 4)
        {
        case 0:
            use_file(id, text);
            break;
        case 1:
            use_pipe(text);
            break;
        case 2:
            use_socket(text);
            break;
        default:
            use_slot(id, text);
            break;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 8;
    HANDLE threads[MAXIMUM_WAIT_OBJECTS];
    WSADATA data;

    hammer_objects = argc > 2 ? atoi(argv[2]) : 1000;
    if (count < 1 || count > MAXIMUM_WAIT_OBJECTS || WSAStartup(MAKEWORD(2, 2), &data))
        return 2;
    for (int i = 0; i < count; i++)
        threads[i] = CreateThread(NULL, 0, hammer_thread, (void *)(INT_PTR)i, 0, NULL);
    WaitForMultipleObjects(count, threads, TRUE, INFINITE);
    printf("hammer: %d threads, %d objects, %ld errors\n", count, count * hammer_objects,
           hammer_errors);
    return hammer_errors ? 1 : 0;
}
