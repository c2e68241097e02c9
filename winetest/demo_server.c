/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* demo_server.c - prints the messages that reach \\.\mailslot\NAME, as Microsoft's sample does */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

/* Prints text; bytes that are not printable as \xNN. */
static void print_message(int number, const char *text, DWORD size)
{
    DWORD i;

    printf("message %d (%lu bytes): ", number, size);
    for (i = 0; i < size; i++)
    {
        unsigned char c = (unsigned char)text[i];

        if (c < ' ' || c > '~' || c == '\\')
            printf("\\x%02x", c);
        else
            putchar(c);
    }
    putchar('\n');
    fflush(stdout);
}

/* Reads the next message with an event, the way a program with other work to do would. */
static int read_message(HANDLE slot, int number, DWORD size)
{
    OVERLAPPED ov = {.hEvent = CreateEventA(NULL, FALSE, FALSE, NULL)};
    char *text = malloc(size ? size : 1);
    DWORD count = 0;
    BOOL ret;

    ret = ReadFile(slot, text, size, &count, &ov);
    if (!ret && GetLastError() == ERROR_IO_PENDING)
        ret = GetOverlappedResult(slot, &ov, &count, TRUE);
    if (ret)
        print_message(number, text, count);
    else
        fprintf(stderr, "read failed, error %lu\n", GetLastError());
    free(text);
    CloseHandle(ov.hEvent);
    return ret;
}

int main(int argc, char **argv)
{
    int wanted = argc > 2 ? atoi(argv[2]) : 1, got = 0;
    DWORD limit = (argc > 3 ? (DWORD)atoi(argv[3]) : 60) * 1000;
    DWORD start = GetTickCount(), next, waiting;
    char path[512];
    HANDLE slot;

    if (argc < 2)
    {
        fprintf(stderr, "usage: demo_server NAME [MESSAGES [SECONDS]]\n");
        return 2;
    }
    snprintf(path, sizeof(path), "\\\\.\\mailslot\\%s", argv[1]);
    slot = CreateMailslotA(path, 0, MAILSLOT_WAIT_FOREVER, NULL);
    if (slot == INVALID_HANDLE_VALUE)
    {
        fprintf(stderr, "cannot create %s, error %lu\n", path, GetLastError());
        return 1;
    }
    printf("listening on %s\n", path);
    fflush(stdout);
    while (got < wanted && GetTickCount() - start < limit)
    {
        if (!GetMailslotInfo(slot, NULL, &next, &waiting, NULL))
        {
            fprintf(stderr, "GetMailslotInfo failed, error %lu\n", GetLastError());
            return 1;
        }
        if (next == MAILSLOT_NO_MESSAGE)
            Sleep(20);
        else if (read_message(slot, got + 1, next))
            got++;
        else
            return 1;
    }
    CloseHandle(slot);
    return got == wanted ? 0 : 1;
}
