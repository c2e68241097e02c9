/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lifetime.c - how long a slot lives, in one and in several processes (rows L1-L8) */
#include "slots.h"

#define ROUNDS 200

/* Waits up to 5 s for a client of path; another process is about to create the slot. */
static HANDLE wait_client(const char *path)
{
    HANDLE client = INVALID_HANDLE_VALUE;
    int i;

    for (i = 0; i < 250 && client == INVALID_HANDLE_VALUE; i++)
    {
        client = path_open(path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE);
        if (client == INVALID_HANDLE_VALUE)
            Sleep(20);
    }
    return client;
}

/* Whether the name cannot be opened any more, soon after its owner has died. */
static bool is_gone(const char *path)
{
    int i;

    for (i = 0; i < 50; i++)
    {
        HANDLE client = path_open(path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE);

        if (client == INVALID_HANDLE_VALUE)
            return GetLastError() == ERROR_FILE_NOT_FOUND;
        CloseHandle(client);
        Sleep(20);
    }
    return false;
}

static void test_close(void)
{
    HANDLE slot, fresh, client, copy = NULL;

    row("L1");
    slot = slot_create("l1", 0, 0);
    client = slot_client("l1");
    ok(send_text(client, "unread"), "write failed\n");
    CloseHandle(client);
    row("L7");
    expect_info(slot, 6, 1);
    row("L1");
    CloseHandle(slot);
    expect_no_handle(slot_client("l1"), ERROR_FILE_NOT_FOUND, "open after close");
    slot = slot_create("l1", 0, 0);
    expect_handle(slot, "create again");
    expect_info(slot, NO_MESSAGE, 0);
    expect_read_error(slot, 10, ERROR_SEM_TIMEOUT);

    row("L6");
    client = slot_client("l1");
    ok(DuplicateHandle(GetCurrentProcess(), slot, GetCurrentProcess(), &copy, 0, FALSE,
                       DUPLICATE_SAME_ACCESS),
       "error %lu\n", GetLastError());
    CloseHandle(slot);
    ok(send_text(client, "via copy"), "write failed\n");
    expect_read(copy, "via copy");
    SetLastError(0xdeadbeef);
    expect_no_handle(slot_create("l1", 0, 0), ERROR_ALREADY_EXISTS, "create while a copy is open");

    row("L2");
    CloseHandle(copy);
    todo_wine ok(!send_text(client, "x"), "write without a server succeeded\n");
    row("L3");
    SetLastError(0xdeadbeef);
    todo_wine expect_no_handle(slot_client("l1"), ERROR_FILE_NOT_FOUND, "open of a dead slot");
    row("L4 L5");
    SetLastError(0xdeadbeef);
    fresh = slot_create("l1", 0, 0);
    todo_wine expect_handle(fresh, "create while an old client is open");
    if (fresh != INVALID_HANDLE_VALUE)
    {
        row("L5");
        ok(!send_text(client, "x"), "old client reached the new slot\n");
        expect_info(fresh, NO_MESSAGE, 0);
        copy = slot_client("l1");
        ok(send_text(copy, "new"), "new client failed, error %lu\n", GetLastError());
        expect_read(fresh, "new");
        ok(!send_text(client, "x"), "old client reached the new slot\n");
        close_handle(copy);
        close_handle(fresh);
    }
    row("L2");
    ok(CloseHandle(client), "close of the orphaned client: error %lu\n", GetLastError());
}

/* What one thread does must be deterministic, however the work is split behind it. */
static void test_rounds(void)
{
    int i, recreated = 0, empty = 0, refused = 0, reopened = 0, collided = 0;
    HANDLE slot, client;

    for (i = 0; i < ROUNDS; i++)
    {
        slot = slot_create("plain", 0, 0);
        recreated += slot != INVALID_HANDLE_VALUE;
        collided += slot_create("plain", 0, 0) == INVALID_HANDLE_VALUE;
        close_handle(slot);
    }
    row("L1");
    ok(recreated == ROUNDS, "only %d of %d creates after close\n", recreated, ROUNDS);
    ok(collided == ROUNDS, "only %d of %d collisions\n", collided, ROUNDS);

    recreated = 0;
    for (i = 0; i < ROUNDS; i++)
    {
        DWORD next = 0;

        slot = slot_create("held", 0, 0);
        client = slot_client("held");
        recreated += slot != INVALID_HANDLE_VALUE;
        empty += GetMailslotInfo(slot, NULL, &next, NULL, NULL) && next == NO_MESSAGE;
        send_text(client, "unread");
        close_handle(slot);
        refused += !send_text(client, "late");
        slot = slot_create("held", 0, 0);
        reopened += slot != INVALID_HANDLE_VALUE;
        close_handle(slot);
        close_handle(client);
    }
    row("L4");
    ok(recreated == ROUNDS, "only %d of %d creates\n", recreated, ROUNDS);
    ok(empty == ROUNDS, "only %d of %d new slots were empty\n", empty, ROUNDS);
    todo_wine ok(reopened == ROUNDS, "only %d of %d creates with old clients\n", reopened, ROUNDS);
    row("L2");
    todo_wine ok(refused == ROUNDS, "only %d of %d late writes failed\n", refused, ROUNDS);
}

/* DuplicateHandle into a child, which keeps the slot alive and reads from it. */
static void test_duplicate_into_child(void)
{
    SECURITY_ATTRIBUTES sa = {sizeof(sa), NULL, TRUE};
    HANDLE slot, client, process, from, to, remote = NULL;
    char args[64];
    DWORD count;

    row("L6");
    slot = slot_create("l6", 0, 5000);
    client = slot_client("l6");
    ok(CreatePipe(&from, &to, &sa, 0), "error %lu\n", GetLastError());
    snprintf(args, sizeof(args), "duplicate %p", (void *)from);
    process = winetest_start_child(args);
    ok(DuplicateHandle(GetCurrentProcess(), slot, process, &remote, 0, FALSE,
                       DUPLICATE_SAME_ACCESS),
       "error %lu\n", GetLastError());
    CloseHandle(slot);
    ok(send_text(client, "before"), "write failed\n");
    ok(WriteFile(to, &remote, sizeof(remote), &count, NULL), "error %lu\n", GetLastError());
    ok(send_text(client, "after"), "write failed\n");
    ok(winetest_wait_child(process) == 0, "child could not read both messages\n");
    close_handle(client);
    row("L1");
    ok(is_gone(slot_name("l6")), "slot outlived the last process\n");
    CloseHandle(from);
    CloseHandle(to);
}

/* The creator exits, its child inherits: slot and messages must survive. */
static void test_heir(void)
{
    char args[MAX_PATH * 2 + 16], heir[16] = "";
    HANDLE reply = slot_create("reply", 0, 10000), client, process;
    DWORD count;

    row("L1");
    snprintf(args, sizeof(args), "creator %s %s", slot_name("heir"), slot_name("reply"));
    ok(winetest_run_child(args) == 0, "creator failed\n");
    ok(ReadFile(reply, heir, sizeof(heir) - 1, &count, NULL), "heir does not answer\n");
    process = OpenProcess(SYNCHRONIZE, FALSE, strtoul(heir, NULL, 10));
    ok(process != NULL, "heir %s is gone, error %lu\n", heir, GetLastError());
    client = slot_client("heir");
    expect_handle(client, "open the inherited slot");
    ok(send_text(client, "second"), "write failed, error %lu\n", GetLastError());
    close_handle(client);
    expect_read(reply, "first");
    expect_read(reply, "second");
    ok(WaitForSingleObject(process, 10000) == WAIT_OBJECT_0, "heir hangs\n");
    close_handle(process);
    ok(is_gone(slot_name("heir")), "slot outlived its heir\n");
    close_handle(reply);
}

static void test_killed(void)
{
    char args[MAX_PATH + 16];
    HANDLE process, client, slot;
    DWORD i;

    row("L1");
    snprintf(args, sizeof(args), "owner %s", slot_name("killed"));
    process = winetest_start_child(args);
    client = wait_client(slot_name("killed"));
    expect_handle(client, "open the slot of the child");
    ok(send_text(client, "unread"), "write failed\n");
    ok(TerminateProcess(process, 7), "error %lu\n", GetLastError());
    ok(winetest_wait_child(process) == 7, "exit code\n");
    for (i = 0; i < 50 && send_text(client, "x"); i++)
        Sleep(20);
    row("L2");
    todo_wine ok(i < 50, "writes still succeed after the owner was killed\n");
    row("L4");
    slot = slot_create("killed", 0, 0);
    todo_wine expect_handle(slot, "create the name of the killed owner");
    close_handle(slot);
    close_handle(client);
    row("L1");
    ok(is_gone(slot_name("killed")), "slot outlived its killed owner\n");
}

/* Two processes, a slot each: every request is answered; the writer then exits. */
static void test_two_processes(void)
{
    char args[MAX_PATH * 2 + 16], text[16];
    HANDLE back, there, process;
    int i;

    row("L8");
    back = slot_create("back", 0, 10000);
    snprintf(args, sizeof(args), "echo %s %s", slot_name("there"), slot_name("back"));
    process = winetest_start_child(args);
    there = wait_client(slot_name("there"));
    expect_handle(there, "open the slot of the child");
    for (i = 0; i < 20; i++)
    {
        snprintf(text, sizeof(text), "request %d", i);
        ok(send_text(there, text), "write failed, error %lu\n", GetLastError());
        if (!expect_read(back, text))
            break;
    }
    ok(send_text(there, "end"), "write failed\n");
    ok(winetest_wait_child(process) == 0, "child failed\n");
    expect_read(back, "bye 1");
    expect_read(back, "bye 2");
    close_handle(there);
    close_handle(back);
}

static int read_text(HANDLE slot, char *text, DWORD size)
{
    DWORD count;

    if (!ReadFile(slot, text, size - 1, &count, NULL))
        return 0;
    text[count] = 0;
    return 1;
}

static int child_duplicate(HANDLE from)
{
    char text[32];
    HANDLE slot;
    DWORD count;

    if (!ReadFile(from, &slot, sizeof(slot), &count, NULL) || count != sizeof(slot))
        return 1;
    if (!read_text(slot, text, sizeof(text)) || strcmp(text, "before"))
        return 2;
    return read_text(slot, text, sizeof(text)) && !strcmp(text, "after") ? 0 : 3;
}

static int child_creator(const char *path, const char *reply)
{
    HANDLE slot = CreateMailslotA(path, 0, 10000, NULL), client, self = NULL;
    char args[MAX_PATH + 64];

    client = path_open(path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE);
    if (!send_text(client, "first"))
        return 1;
    CloseHandle(client);
    if (!SetHandleInformation(slot, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT))
        return 2;
    if (!DuplicateHandle(GetCurrentProcess(), GetCurrentProcess(), GetCurrentProcess(), &self,
                         SYNCHRONIZE, TRUE, 0))
        return 3;
    snprintf(args, sizeof(args), "heir %p %p %s", (void *)slot, (void *)self, reply);
    return winetest_start_child(args) ? 0 : 4;
}

/* Waits for the death of its creator, reports its pid, passes on what it reads. */
static int child_heir(HANDLE slot, HANDLE creator, const char *reply)
{
    HANDLE client;
    char text[32];
    int i;

    WaitForSingleObject(creator, 10000);
    client = path_open(reply, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE);
    snprintf(text, sizeof(text), "%lu", GetCurrentProcessId());
    send_text(client, text);
    for (i = 0; i < 2; i++)
    {
        if (!read_text(slot, text, sizeof(text)))
            snprintf(text, sizeof(text), "error %lu", GetLastError());
        send_text(client, text);
    }
    return 0;
}

static int child_echo(const char *path, const char *back)
{
    HANDLE slot = CreateMailslotA(path, 0, 10000, NULL);
    HANDLE client = path_open(back, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE);
    char text[32];

    while (read_text(slot, text, sizeof(text)) && strcmp(text, "end"))
        send_text(client, text);
    return send_text(client, "bye 1") && send_text(client, "bye 2") ? 0 : 1;
}

static int child(int argc, char **argv)
{
    void *handles[2] = {NULL, NULL};
    int i;

    for (i = 2; i < argc && i < 4; i++)
        sscanf(argv[i], "%p", &handles[i - 2]);
    if (!strcmp(argv[1], "duplicate"))
        return child_duplicate(handles[0]);
    if (!strcmp(argv[1], "creator"))
        return child_creator(argv[2], argv[3]);
    if (!strcmp(argv[1], "heir"))
        return child_heir(handles[0], handles[1], argv[4]);
    if (!strcmp(argv[1], "echo"))
        return child_echo(argv[2], argv[3]);
    CreateMailslotA(argv[2], 0, 0, NULL);
    Sleep(30000);
    return 0;
}

static volatile HANDLE polled;

static DWORD WINAPI poll_main(void *arg)
{
    volatile LONG *stop = arg;

    while (!*stop)
        GetMailslotInfo(polled, NULL, NULL, NULL, NULL);
    return 0;
}

/* A handle that another thread keeps using is gone when it is closed, nevertheless. */
static void test_close_in_use(void)
{
    volatile LONG stop = 0;
    unsigned int i, alive = 0;
    HANDLE thread;

    row("L1");
    polled = slot_create("in_use", 0, 0);
    thread = CreateThread(NULL, 0, poll_main, (void *)&stop, 0, NULL);
    for (i = 0; i < 500; i++)
    {
        HANDLE slot = polled;

        CloseHandle(slot);
        SetLastError(0xdeadbeef);
        if (GetMailslotInfo(slot, NULL, NULL, NULL, NULL) || GetLastError() != ERROR_INVALID_HANDLE)
            alive++;
        polled = slot_create("in_use", 0, 0);
        if (polled == INVALID_HANDLE_VALUE)
            alive++;
    }
    stop = 1;
    WaitForSingleObject(thread, 5000);
    close_handle(thread);
    close_handle(polled);
    ok(!alive, "%u of %u slots outlived their handle\n", alive, i);
}

START_TEST(lifetime)
{
    int argc = winetest_main_argc();

    if (argc > 2)
        ExitProcess((UINT)child(argc, winetest_main_argv()));
    test_close();
    test_rounds();
    test_close_in_use();
    test_duplicate_into_child();
    test_heir();
    test_killed();
    test_two_processes();
}
