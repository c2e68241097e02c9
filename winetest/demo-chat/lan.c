/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The chat's way to the LAN: one thread reads the mailslot, one writes to those of others. */
#include "chat.h"

#include <stdlib.h>
#include <string.h>

/* Both threads only ever talk to the window by PostMessage, so neither waits for the other: to
 * find a computer by its name can take seconds, in which the window goes on to work. */

#define LAN_LOOK_MS 250 /* how soon the reading thread notices that it shall end */

struct lan_letter
{
    WCHAR host[CHAT_NAME_MAX + 1];
    DWORD size;
    char bytes[CHAT_MESSAGE_MAX];
};

static HWND lan_window;
static HANDLE lan_slot = INVALID_HANDLE_VALUE;
static HANDLE lan_reader, lan_sender;
static volatile LONG lan_stopping;

static DWORD WINAPI lan_read(void *unused)
{
    (void)unused;
    while (!lan_stopping)
    {
        struct chat_bytes *got = malloc(sizeof(*got));

        if (!got)
            return 1;
        /* Waits as long as CreateMailslot said; the slot takes no message that is longer. */
        if (!ReadFile(lan_slot, got->bytes, sizeof(got->bytes), &got->size, NULL))
        {
            DWORD error = GetLastError();

            free(got);
            if (error == ERROR_SEM_TIMEOUT)
                continue;
            PostMessageW(lan_window, CHAT_FAILED, error, 0);
            return 1;
        }
        /* A flood fills the window's queue, which has an end, and then goes past it. */
        if (!PostMessageW(lan_window, CHAT_RECEIVED, 0, (LPARAM)got))
            free(got);
    }
    return 0;
}

static DWORD lan_write(const struct lan_letter *letter)
{
    WCHAR path[64];
    DWORD error = 0, written;
    HANDLE file;

    lstrcpyW(path, L"\\\\");
    lstrcatW(path, letter->host);
    lstrcatW(path, L"\\mailslot\\" CHAT_SLOT);
    file = CreateFileW(path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING,
                       FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return GetLastError();
    if (!WriteFile(file, letter->bytes, letter->size, &written, NULL))
        error = GetLastError();
    CloseHandle(file);
    return error;
}

/* One letter, on the sending thread; they come in the order in which they were queued. */
static void WINAPI lan_deliver(ULONG_PTR argument)
{
    struct lan_letter *letter = (struct lan_letter *)argument;
    DWORD error = lan_write(letter);

    if (error)
    {
        WCHAR *host = _wcsdup(letter->host);

        if (!PostMessageW(lan_window, CHAT_FAILED, error, (LPARAM)host))
            free(host);
    }
    free(letter);
}

static DWORD WINAPI lan_send(void *unused)
{
    (void)unused;
    while (!lan_stopping)
        SleepEx(INFINITE, TRUE);
    return 0;
}

DWORD chat_lan_start(HWND window)
{
    DWORD error = 0;

    lan_window = window;
    lan_sender = CreateThread(NULL, 0, lan_send, NULL, 0, NULL);
    lan_slot = CreateMailslotW(L"\\\\.\\mailslot\\" CHAT_SLOT, CHAT_MESSAGE_MAX, LAN_LOOK_MS, NULL);
    if (lan_slot == INVALID_HANDLE_VALUE)
        error = GetLastError();
    else
    {
        lan_reader = CreateThread(NULL, 0, lan_read, NULL, 0, NULL);
        if (!lan_reader)
            error = GetLastError();
    }
    return error;
}

static void WINAPI lan_wake(ULONG_PTR unused)
{
    (void)unused;
}

void chat_lan_stop(void)
{
    InterlockedExchange(&lan_stopping, 1);
    if (lan_sender)
    {
        QueueUserAPC(lan_wake, lan_sender, 0);
        WaitForSingleObject(lan_sender, 3000);
        CloseHandle(lan_sender);
    }
    if (lan_reader)
    {
        WaitForSingleObject(lan_reader, 3000);
        CloseHandle(lan_reader);
    }
    if (lan_slot != INVALID_HANDLE_VALUE)
        CloseHandle(lan_slot);
}

BOOL chat_lan_send(const WCHAR *host, const char *bytes, DWORD size)
{
    struct lan_letter *letter = malloc(sizeof(*letter));

    if (!letter)
        return FALSE;
    lstrcpynW(letter->host, host, ARRAYSIZE(letter->host));
    memcpy(letter->bytes, bytes, size);
    letter->size = size;
    if (lan_sender && QueueUserAPC(lan_deliver, lan_sender, (ULONG_PTR)letter))
        return TRUE;
    free(letter);
    return FALSE;
}
