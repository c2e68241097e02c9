/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* write.c - writing to a local slot (rows P1-P10) */
#include "slots.h"

#define WRITERS  4
#define MESSAGES 200

static void test_plain(void)
{
    HANDLE slot = slot_create("p1", 0, 0), client = slot_client("p1"), empty;
    bool wine8 = wine_version() < 10;
    DWORD written = 0xdeadbeef;

    row("P1");
    ok(WriteFile(client, "hello", 5, &written, NULL) && written == 5, "error %lu, written %lu\n",
       GetLastError(), written);
    expect_read(slot, "hello");

    row("P3");
    ok(send_text(client, "a") && send_text(client, "bb") && send_text(client, "ccc"), "write\n");
    todo_wine_if(wine8) expect_info(slot, 1, 3);
    expect_read(slot, "a");
    expect_read(slot, "bb");
    expect_read(slot, "ccc");
    expect_read_error(slot, 10, ERROR_SEM_TIMEOUT);
    close_handle(client);
    close_handle(slot);

    row("P2");
    empty = slot_create("p2", 0, 0);
    client = slot_client("p2");
    written = 0xdeadbeef;
    ok(WriteFile(client, "", 0, &written, NULL) && written == 0, "error %lu, written %lu\n",
       GetLastError(), written);
    todo_wine_if(wine8)
    {
        expect_info(empty, 0, 1);
        expect_read(empty, "");
    }
    close_handle(client);
    close_handle(empty);
}

/* Writes size patterned bytes and reads them back. */
static void expect_passes(HANDLE slot, HANDLE client, DWORD size)
{
    unsigned char *out = malloc(size), *in = malloc(size);
    DWORD i, count = 0;

    for (i = 0; i < size; i++)
        out[i] = (unsigned char)(i * 31 + (i >> 8));
    memset(in, 0, size);
    ok(send_bytes(client, out, size), "%lu bytes: error %lu\n", size, GetLastError());
    ok(ReadFile(slot, in, size, &count, NULL) && count == size && !memcmp(in, out, size),
       "%lu bytes: read %lu, error %lu\n", size, count, GetLastError());
    free(out);
    free(in);
}

static void test_sizes(void)
{
    static const DWORD sizes[] = {1, 423, 424, 425, 426, 427, 512, 4096, 65535, 65536, 150000};
    HANDLE slot = slot_create("p6", 0, 0), client = slot_client("p6");
    DWORD written = 0xdeadbeef;
    unsigned int i;

    for (i = 0; i < ARRAYSIZE(sizes); i++)
    {
        row(sizes[i] == 425 || sizes[i] == 426 ? "P7" : "P6");
        expect_passes(slot, client, sizes[i]);
    }
    close_handle(client);
    close_handle(slot);

    slot = slot_create("p4", 4, 0);
    client = slot_client("p4");
    row("P5");
    expect_passes(slot, client, 4);
    expect_passes(slot, client, 1);
    row("P4");
    SetLastError(0xdeadbeef);
    todo_wine
    {
        ok(!WriteFile(client, "12345", 5, &written, NULL), "5 bytes into max 4 succeeded\n");
        /* The code is unknown on Windows. */
        ok(GetLastError() == ERROR_INVALID_PARAMETER || broken(true), "error %lu\n",
           GetLastError());
        expect_info(slot, NO_MESSAGE, 0);
    }
    slot_drain(slot);
    row("P5");
    expect_passes(slot, client, 4);
    close_handle(client);
    close_handle(slot);
}

static void test_refused(void)
{
    HANDLE slot = slot_create("p8", 0, 0), client = slot_client("p8");
    DWORD written = 0xdeadbeef;

    row("P9");
    {
        static const DWORD accesses[] = {0, GENERIC_READ};
        unsigned int i;

        for (i = 0; i < ARRAYSIZE(accesses); i++)
        {
            HANDLE weak =
                path_open(slot_name("p8"), accesses[i], FILE_SHARE_READ | FILE_SHARE_WRITE);

            expect_handle(weak, "weak client");
            SetLastError(0xdeadbeef);
            ok(!WriteFile(weak, "x", 1, &written, NULL), "access %#lx wrote\n", accesses[i]);
            ok(GetLastError() == ERROR_ACCESS_DENIED, "access %#lx: error %lu\n", accesses[i],
               GetLastError());
            close_handle(weak);
        }
        expect_info(slot, NO_MESSAGE, 0);
    }

    row("P8");
    ok(send_text(client, "unread"), "write failed\n");
    CloseHandle(slot);
    SetLastError(0xdeadbeef);
    todo_wine
    {
        ok(!WriteFile(client, "x", 1, &written, NULL), "write without a server succeeded\n");
        /* Only the failure is known of Windows, not the code. */
        ok(GetLastError() == ERROR_HANDLE_EOF || broken(true), "error %lu\n", GetLastError());
    }
    ok(CloseHandle(client), "close of an orphaned client: error %lu\n", GetLastError());
}

struct writer
{
    HANDLE client, thread;
    int id;
    int sent;
};

/* Message: int writer, int number, then (number % 50) * 16 bytes made from both. */
static DWORD WINAPI writer_main(void *arg)
{
    struct writer *writer = arg;
    int i;

    for (i = 0; i < MESSAGES; i++)
    {
        int head[2] = {writer->id, i};
        char message[sizeof(head) + 50 * 16];
        DWORD size = sizeof(head) + (DWORD)(i % 50) * 16;

        memset(message, writer->id * 16 + i % 13, sizeof(message));
        memcpy(message, head, sizeof(head));
        writer->sent += send_bytes(writer->client, message, size);
    }
    return 0;
}

static void test_writers(void)
{
    HANDLE slot = slot_create("p10", 0, 5000);
    struct writer writers[WRITERS];
    int next[WRITERS] = {0}, i, got, bad = 0;

    row("P10");
    for (i = 0; i < WRITERS; i++)
    {
        writers[i] = (struct writer){.client = slot_client("p10"), .id = i};
        writers[i].thread = CreateThread(NULL, 0, writer_main, &writers[i], 0, NULL);
    }
    for (got = 0; got < WRITERS * MESSAGES; got++)
    {
        unsigned char message[1024];
        int head[2];
        DWORD size, j;

        if (!ReadFile(slot, message, sizeof(message), &size, NULL))
            break;
        memcpy(head, message, sizeof(head));
        if (head[0] < 0 || head[0] >= WRITERS || head[1] != next[head[0]])
        {
            bad++;
            continue;
        }
        next[head[0]]++;
        bad += size != sizeof(head) + (DWORD)(head[1] % 50) * 16;
        for (j = sizeof(head); j < size; j++)
            bad += message[j] != head[0] * 16 + head[1] % 13;
    }
    ok(got == WRITERS * MESSAGES, "%d messages came, error %lu\n", got, GetLastError());
    ok(!bad, "%d torn or misordered messages\n", bad);
    for (i = 0; i < WRITERS; i++)
    {
        ok(WaitForSingleObject(writers[i].thread, 5000) == WAIT_OBJECT_0, "writer %d hangs\n", i);
        ok(writers[i].sent == MESSAGES, "writer %d sent %d\n", i, writers[i].sent);
        CloseHandle(writers[i].thread);
        close_handle(writers[i].client);
    }
    expect_info(slot, NO_MESSAGE, 0);
    close_handle(slot);
}

START_TEST(write)
{
    test_plain();
    test_sizes();
    test_refused();
    test_writers();
}
