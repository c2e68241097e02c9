/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* limits.c - thousands of handles in one process: one descriptor each, as for files (Y11) */
#include "slots.h"

#define DESCRIPTORS 19000 /* what a limit of 20,000 leaves */
#define CLIENTS     10000
#define SLOTS       5000

static HANDLE handles[DESCRIPTORS];

/* How many files can be open, up to DESCRIPTORS; each is used, so that it has its descriptor here.
 */
static int files_possible(void)
{
    char path[MAX_PATH], byte;
    DWORD count;
    int files;

    GetModuleFileNameA(NULL, path, sizeof(path));
    for (files = 0; files < DESCRIPTORS; files++)
    {
        handles[files] =
            CreateFileA(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
        if (handles[files] == INVALID_HANDLE_VALUE)
            break;
        if (!ReadFile(handles[files], &byte, 1, &count, NULL))
        {
            CloseHandle(handles[files]);
            break;
        }
    }
    for (int i = 0; i < files; i++)
        CloseHandle(handles[i]);
    return files;
}

/* One slot, many writers of one process: each can write, and what it wrote arrives. */
static void test_clients(void)
{
    HANDLE slot = slot_create("limits", 0, 0);
    const char *path = slot_name("limits");
    int clients, written = 0, right = 0;
    DWORD size, number;

    row("Y11 O14");
    for (clients = 0; clients < CLIENTS; clients++)
    {
        SetLastError(0xdeadbeef);
        handles[clients] = path_open(path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE);
        if (handles[clients] == INVALID_HANDLE_VALUE)
            break;
    }
    ok(clients == CLIENTS, "%d of %d clients, error %lu\n", clients, CLIENTS, GetLastError());
    for (int i = 0; i < clients; i++)
    {
        written += send_bytes(handles[i], &i, sizeof(i));
        /* In portions: this is no test of what a slot can hold. */
        if (i % 100 == 99 || i == clients - 1)
        {
            for (int k = i / 100 * 100; k <= i; k++)
                right += ReadFile(slot, &number, sizeof(number), &size, NULL) &&
                         size == sizeof(number) && number == (DWORD)k;
        }
    }
    ok(written == clients, "%d of %d clients could write: error %lu\n", written, clients,
       GetLastError());
    ok(right == written, "%d of %d messages arrived\n", right, written);
    for (int i = 0; i < clients; i++)
        CloseHandle(handles[i]);
    close_handle(slot);
}

static void test_slots(void)
{
    int slots, right = 0;
    char leaf[32];

    row("Y11 C1");
    for (slots = 0; slots < SLOTS; slots++)
    {
        SetLastError(0xdeadbeef);
        snprintf(leaf, sizeof(leaf), "limits%d", slots);
        handles[slots] = slot_create(leaf, 0, 0);
        if (handles[slots] == INVALID_HANDLE_VALUE)
            break;
    }
    ok(slots == SLOTS, "%d of %d slots, error %lu\n", slots, SLOTS, GetLastError());
    for (int i = 0; i < slots; i++)
    {
        char text[32], got[32] = "";
        HANDLE client;
        DWORD size;

        snprintf(leaf, sizeof(leaf), "limits%d", i);
        snprintf(text, sizeof(text), "for slot %d", i);
        client = slot_client(leaf);
        send_text(client, text);
        right += ReadFile(handles[i], got, sizeof(got) - 1, &size, NULL) && !strcmp(got, text);
        close_handle(client);
    }
    ok(right == slots, "%d of %d slots got their message: error %lu\n", right, slots,
       GetLastError());
    for (int i = 0; i < slots; i++)
        CloseHandle(handles[i]);
}

START_TEST(limits)
{
    int files;

    row("Y11");
    files = files_possible();
    if (files < DESCRIPTORS)
    {
        skip("only %d files can be open here, %d are needed: ulimit -n 20000\n", files,
             DESCRIPTORS);
        return;
    }
    test_clients();
    test_slots();
}
