/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* remote.c - writing to \\*\mailslot\x and its kind, as seen on this machine (Q, Z, D rows) */
#include "slots.h"

#define WAIT_COPY   3000 /* ms that a copy of an own broadcast may take */
#define WAIT_SECOND 700  /* ms to see that there is no second one */

/* A slot name of exactly that many characters, 5 or more, unique to this run. */
static const char *remote_leaf(unsigned int length)
{
    static char leaf[64];

    snprintf(leaf, sizeof(leaf), "%05lx", GetCurrentProcessId() & 0xfffff);
    memset(leaf + 5, 'x', sizeof(leaf) - 5);
    leaf[length] = 0;
    return leaf;
}

static const char *remote_path(const char *host, const char *leaf)
{
    static char path[MAX_PATH];

    snprintf(path, sizeof(path), "\\\\%s\\mailslot\\%s", host, leaf);
    return path;
}

/* Row Q1: opening always succeeds. False if it did not, then nothing else can be tested. */
static bool open_remote(HANDLE *ret_client, const char *host, const char *leaf)
{
    const char *path = remote_path(host, leaf);
    HANDLE client;

    SetLastError(0xdeadbeef);
    client = path_open(path, GENERIC_WRITE, FILE_SHARE_READ);
    if (client == INVALID_HANDLE_VALUE && GetLastError() == 3025)
    {
        win_skip("remote mailslots are switched off\n");
        return false;
    }
    todo_wine ok(client != INVALID_HANDLE_VALUE, "open %s: error %lu\n", path, GetLastError());
    *ret_client = client;
    return client != INVALID_HANDLE_VALUE;
}

static void test_open(void)
{
    static const char *const hosts[] = {"*", "WORKGROUP", "NOSUCHHOST"};
    char buffer[8];
    HANDLE client;
    unsigned int i;
    DWORD count;

    for (i = 0; i < ARRAYSIZE(hosts); i++)
    {
        row(*hosts[i] == '*' ? "Q1 Q2 Q7" : "Q1");
        if (!open_remote(&client, hosts[i], remote_leaf(8)))
            continue;
        if (*hosts[i] == '*')
        {
            row("Q2");
            ok(send_text(client, "nobody listens"), "write: error %lu\n", GetLastError());
            row("Q7");
            SetLastError(0xdeadbeef);
            ok(!ReadFile(client, buffer, sizeof(buffer), &count, NULL), "read succeeded\n");
            ok(GetLastError() == ERROR_ACCESS_DENIED || broken(true), "error %lu\n",
               GetLastError());
        }
        close_handle(client);
    }
}

/* A write that the datagram cannot hold fails here and now, with error 53. */
static void expect_too_long(HANDLE client, DWORD size)
{
    static const char bytes[65536];
    DWORD written = 0xdeadbeef;
    BOOL ret;

    SetLastError(0xdeadbeef);
    ret = WriteFile(client, bytes, size, &written, NULL);
    ok(!ret && GetLastError() == ERROR_BAD_NETPATH, "%lu bytes: ret %d, error %lu\n", size, ret,
       GetLastError());
}

/*
 * The datagram has room for 432 - round_up_4(name) bytes (Z2), the documentation says 424 (Z1, Q4).
 * From 5 characters on the former is never the larger one.
 */
static void test_sizes(void)
{
    static const unsigned int lengths[] = {5, 8, 9, 12, 13, 16, 40};
    static const char bytes[512];
    unsigned int i;
    HANDLE client;

    for (i = 0; i < ARRAYSIZE(lengths); i++)
    {
        DWORD room = 432 - (lengths[i] + 3) / 4 * 4;

        row("Q4 Z1 Z2 Z3 Z4");
        if (!open_remote(&client, "*", remote_leaf(lengths[i])))
            continue;
        row("Z1 Z2 Z3");
        ok(send_bytes(client, bytes, 1), "1 byte: error %lu\n", GetLastError());
        ok(send_bytes(client, bytes, room - 1), "%lu bytes: error %lu\n", room, GetLastError());
        ok(send_bytes(client, bytes, room), "%lu bytes: error %lu\n", room, GetLastError());
        row("Z2 Z4");
        expect_too_long(client, room + 1);
        row("Q4 Z1 Z4");
        expect_too_long(client, 425);
        expect_too_long(client, 512);
        expect_too_long(client, 65536);
        row("Z4");
        ok(send_bytes(client, bytes, 1), "after an error: error %lu\n", GetLastError());
        close_handle(client);
    }
}

/* The text must arrive in slot once, and nothing else. */
static void expect_one_copy(HANDLE slot, const char *text)
{
    ok(SetMailslotInfo(slot, WAIT_COPY), "error %lu\n", GetLastError());
    expect_read(slot, text);
    ok(SetMailslotInfo(slot, WAIT_SECOND), "error %lu\n", GetLastError());
    expect_read_error(slot, 500, ERROR_SEM_TIMEOUT);
}

static HANDLE create_listener(const char *leaf, DWORD max)
{
    return CreateMailslotA(remote_path(".", leaf), max, 0, NULL);
}

static void test_own_copy(void)
{
    char leaf[64], text[16];
    HANDLE slot, client;
    unsigned int seen = 0;
    DWORD count;
    int i;

    row("D10");
    strcpy(leaf, remote_leaf(9));
    slot = create_listener(leaf, 0);
    expect_handle(slot, "create");
    if (open_remote(&client, "*", leaf))
    {
        ok(send_text(client, "to all"), "write: error %lu\n", GetLastError());
        expect_one_copy(slot, "to all");
        for (i = 0; i < 10; i++)
        {
            snprintf(text, sizeof(text), "message %d", i);
            ok(send_text(client, text), "write: error %lu\n", GetLastError());
        }
        /* Datagrams may change their order (D12), but each comes once. */
        ok(SetMailslotInfo(slot, WAIT_COPY), "error %lu\n", GetLastError());
        for (i = 0; i < 10; i++)
        {
            if (!ReadFile(slot, text, sizeof(text), &count, NULL))
                break;
            if (count == 9 && !memcmp(text, "message ", 8) && text[8] >= '0' && text[8] <= '9')
                seen |= 1u << (text[8] - '0');
        }
        ok(i == 10 && seen == 0x3ff, "%d messages came, set %#x\n", i, seen);
        ok(send_text(client, "last"), "write: error %lu\n", GetLastError());
        expect_one_copy(slot, "last");
        /* The same text twice is two messages, not a duplicate. */
        ok(send_text(client, "twice") && send_text(client, "twice"), "write failed\n");
        ok(SetMailslotInfo(slot, WAIT_COPY), "error %lu\n", GetLastError());
        expect_read(slot, "twice");
        expect_one_copy(slot, "twice");
        close_handle(client);
    }
    close_handle(slot);
}

static void test_reception(void)
{
    HANDLE slot, client;

    row("D8");
    slot = create_listener("DirX\\WineTestD8", 0);
    expect_handle(slot, "create with a directory");
    if (open_remote(&client, "*", "dIRx\\wINEtESTd8"))
    {
        ok(send_text(client, "other case"), "write: error %lu\n", GetLastError());
        expect_one_copy(slot, "other case");
        close_handle(client);
    }
    close_handle(slot);

    row("Z7");
    slot = create_listener(remote_leaf(10), 4);
    if (open_remote(&client, "*", remote_leaf(10)))
    {
        ok(send_text(client, "12345"), "write: error %lu\n", GetLastError());
        ok(send_text(client, "1234"), "write: error %lu\n", GetLastError());
        expect_one_copy(slot, "1234");
        close_handle(client);
    }
    close_handle(slot);
}

START_TEST(remote)
{
    test_open();
    test_sizes();
    test_own_copy();
    test_reception();
}
