/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* by_hand.c - ntdll's calls found in its export directory by hand meet the slots of Win32 (Y2) */
#include "image.h"
#include "nt.h"
#include "slots.h"

#define ROUNDS 50

/* NtWriteFile by hand; true if all went out. */
static bool hand_write(HANDLE client, const char *text)
{
    IO_STATUS_BLOCK io = io_untouched();
    NTSTATUS status;

    status = nt.write_file(client, NULL, NULL, NULL, &io, text, (ULONG)strlen(text), NULL, NULL);
    return !status && io.Information == strlen(text);
}

/* NtReadFile by hand into a buffer of 64 bytes, which ends with 0 afterwards. Waits for the end. */
static NTSTATUS hand_read(HANDLE slot, char *buffer)
{
    HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL);
    IO_STATUS_BLOCK io = io_untouched();
    NTSTATUS status;

    buffer[0] = 0;
    status = nt.read_file(slot, event, NULL, NULL, &io, buffer, 63, NULL, NULL);
    if (status == ST_PENDING)
    {
        if (WaitForSingleObject(event, 10000) == WAIT_OBJECT_0)
            status = io.Status;
    }
    if (!status && io.Information < 64)
        buffer[io.Information] = 0;
    CloseHandle(event);
    return status;
}

static HANDLE hand_open(const char *leaf)
{
    IO_STATUS_BLOCK io = io_untouched();
    HANDLE client = NULL;
    struct nt_name name;
    NTSTATUS status;

    nt_path(&name, "\\??\\MAILSLOT\\wt%lu_%s", GetCurrentProcessId(), leaf);
    status =
        nt.create_file(&client, GENERIC_WRITE | SYNCHRONIZE, &name.attr, &io, NULL, 0,
                       FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_OPEN, NT_SYNC_NONALERT, NULL, 0);
    ok(!status && client, "NtCreateFile by hand: %#lx\n", status);
    return client;
}

static ULONG hand_count(HANDLE slot)
{
    struct mailslot_query info = {0};
    IO_STATUS_BLOCK io;
    NTSTATUS status;

    status = nt.query_file(slot, &io, &info, sizeof(info), CLASS_MAILSLOT_QUERY);
    ok(!status, "NtQueryInformationFile by hand: %#lx\n", status);
    return info.count;
}

/* One queue, whoever made the slot, the client, the write and the read. */
static void test_mixed(HANDLE slot, HANDLE client, const char *made)
{
    char text[32], got[64];
    int wrong = 0;
    ULONG count;
    DWORD size;

    for (int i = 0; i < ROUNDS; i++)
    {
        snprintf(text, sizeof(text), "message %d", i);
        wrong += !(i & 1 ? hand_write(client, text) : send_text(client, text));
    }
    ok(!wrong, "%s: %d of %d writes failed\n", made, wrong, ROUNDS);
    count = hand_count(slot);
    /* V13: Wine 8 counts them as one. */
    todo_wine_if(wine_version() < 10) ok(count == ROUNDS, "%s: %lu messages\n", made, count);
    for (int i = 0; i < ROUNDS; i++)
    {
        bool ret;

        snprintf(text, sizeof(text), "message %d", i);
        memset(got, 0, sizeof(got));
        if (i % 3)
            ret = ReadFile(slot, got, sizeof(got) - 1, &size, NULL);
        else
            ret = !hand_read(slot, got);
        wrong += !ret || strcmp(got, text);
    }
    ok(!wrong, "%s: %d of %d messages lost, changed or out of order\n", made, wrong, ROUNDS);
    expect_info(slot, NO_MESSAGE, 0);
    ok(hand_read(slot, got) == ST_IO_TIMEOUT, "%s: more than was written: \"%s\"\n", made, got);
}

static void test_one_queue(void)
{
    LONGLONG no_wait = 0;
    HANDLE slot, client;
    NTSTATUS status;

    row("Y2");
    slot = slot_create("win32", 0, 0);
    client = hand_open("win32");
    test_mixed(slot, client, "slot by Win32, client by hand");
    close_handle(client);
    client = slot_client("win32");
    test_mixed(slot, client, "slot and client by Win32");
    close_handle(client);
    close_handle(slot);

    status = nt_slot(&slot, "hand", GENERIC_READ | SYNCHRONIZE, NT_SYNC_NONALERT, &no_wait);
    ok(!status, "NtCreateMailslotFile by hand: %#lx\n", status);
    client = slot_client("hand");
    expect_handle(client, "client of a slot made by hand");
    test_mixed(slot, client, "slot by hand, client by Win32");
    nt.close(client);
    client = hand_open("hand");
    test_mixed(slot, client, "slot and client by hand");
    nt.close(client);
    nt.close(slot);
}

static DWORD WINAPI hand_reader(void *arg)
{
    char buffer[64];

    return !hand_read(arg, buffer) && !strcmp(buffer, "awaited");
}

/* A read by hand waits for the message that a write by Win32 brings, and the other way round. */
static void test_wait(void)
{
    HANDLE slot = slot_create("wait", 0, FOREVER), client = slot_client("wait"), thread;
    struct thread_read read;
    DWORD right = 0;

    row("Y2");
    thread = CreateThread(NULL, 0, hand_reader, slot, 0, NULL);
    ok(WaitForSingleObject(thread, 200) == WAIT_TIMEOUT, "the read did not wait\n");
    ok(send_text(client, "awaited"), "write: error %lu\n", GetLastError());
    if (!ok(WaitForSingleObject(thread, 5000) == WAIT_OBJECT_0, "the read hangs\n"))
        TerminateThread(thread, 0);
    GetExitCodeThread(thread, &right);
    ok(right == 1, "the message did not arrive\n");
    CloseHandle(thread);

    thread_read_start(&read, slot);
    ok(hand_write(client, "by hand"), "NtWriteFile by hand\n");
    ok(thread_read_ended(&read, 5000) && read.ret && read.count == 7, "ReadFile: ret %d, %ld\n",
       read.ret, (long)read.count);
    thread_read_finish(&read);
    close_handle(client);
    close_handle(slot);
}

static void test_close(void)
{
    HANDLE slot = slot_create("closed", 0, 0), client;

    row("Y2 L1");
    ok(!nt.close(slot), "NtClose by hand\n");
    expect_no_handle(slot_client("closed"), ERROR_FILE_NOT_FOUND, "open after NtClose by hand");
    slot = slot_create("closed", 0, 0);
    expect_handle(slot, "create after NtClose by hand");
    client = hand_open("closed");
    ok(!nt.close(slot), "NtClose by hand\n");
    row("Y2 L2");
    todo_wine ok(!hand_write(client, "x"), "write by hand after the end of the slot\n");
    nt.close(client);
}

/* A remote form, which only the layer for mailslots knows. */
static void test_remote(void)
{
    HANDLE client = NULL;
    IO_STATUS_BLOCK io;
    struct nt_name name;
    NTSTATUS status;

    row("Y2 T16");
    nt_path(&name, "\\??\\UNC\\*\\MAILSLOT\\wt%lu_remote", GetCurrentProcessId());
    status =
        nt.create_file(&client, GENERIC_WRITE | SYNCHRONIZE, &name.attr, &io, NULL, 0,
                       FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_OPEN, NT_SYNC_NONALERT, NULL, 0);
    todo_wine ok(!status, "NtCreateFile by hand: %#lx\n", status);
    if (!status)
        nt.close(client);
}

START_TEST(by_hand)
{
    nt_load_with(image_export);
    test_one_queue();
    test_wait();
    test_close();
    test_remote();
}
