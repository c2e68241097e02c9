/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* owner_death.c - when the wait for a slot's owner has ended, the slot is gone: at once (Y9) */
#include "slots.h"

#define ROUNDS 50

/*
 * The owner is a child process of its own main function: without the thread that the tests have for
 * a watchdog, it has one thread, so that the process ends with it.
 */

struct owner
{
    HANDLE process, thread, end;
    char path[64], ready[64];
};

static int owner_main(char **argv)
{
    HANDLE ready = OpenEventA(EVENT_MODIFY_STATE, FALSE, argv[3]), end = NULL;
    HANDLE slot = CreateMailslotA(argv[2], 0, 0, NULL);
    static OVERLAPPED pending;
    static char buffer[8];

    sscanf(argv[4], "%p", (void **)&end);
    if (slot == INVALID_HANDLE_VALUE || !ready)
        return 1;
    /* An asynchronous read, which plain Wine would block in. */
    if (!strcmp(argv[1], "pending"))
    {
        DWORD timeout = FOREVER;

        SetMailslotInfo(slot, timeout);
        ReadFile(slot, buffer, sizeof(buffer), NULL, &pending);
    }
    SetEvent(ready);
    WaitForSingleObject(end, 30000);
    if (strcmp(argv[1], "return"))
        ExitThread(0);
    return 0;
}

/* Starts an owner and waits until its slot is there. */
static bool owner_start(struct owner *owner, const char *how)
{
    SECURITY_ATTRIBUTES inherit = {sizeof(inherit), NULL, TRUE};
    STARTUPINFOA startup = {.cb = sizeof(startup)};
    char exe[MAX_PATH], line[MAX_PATH * 2];
    PROCESS_INFORMATION info;
    static int number;
    HANDLE ready;
    bool ret;

    snprintf(owner->path, sizeof(owner->path), "%s", slot_name("owned"));
    snprintf(owner->ready, sizeof(owner->ready), "wt%lu_ready%d", GetCurrentProcessId(), number++);
    ready = CreateEventA(NULL, TRUE, FALSE, owner->ready);
    owner->end = CreateEventA(&inherit, TRUE, FALSE, NULL);
    GetModuleFileNameA(NULL, exe, sizeof(exe));
    snprintf(line, sizeof(line), "\"%s\" %s %s %s %p", exe, how, owner->path, owner->ready,
             (void *)owner->end);
    ret = CreateProcessA(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &info);
    if (ret)
    {
        owner->process = info.hProcess;
        owner->thread = info.hThread;
        ret = WaitForSingleObject(ready, 20000) == WAIT_OBJECT_0;
    }
    CloseHandle(ready);
    return ret;
}

static void owner_close(struct owner *owner)
{
    CloseHandle(owner->end);
    CloseHandle(owner->process);
    CloseHandle(owner->thread);
}

enum end
{
    END_EXIT,   /* the process ends by itself, and is waited for */
    END_KILL,   /* by TerminateProcess */
    END_THREAD, /* the thread, which is the last, is waited for */
};

static void owner_end(struct owner *owner, enum end end, const char *how)
{
    HANDLE object = end == END_THREAD ? owner->thread : owner->process;

    if (end == END_KILL)
        TerminateProcess(owner->process, 1);
    else
        SetEvent(owner->end);
    if (!ok(WaitForSingleObject(object, 10000) == WAIT_OBJECT_0, "%s: the owner does not end\n",
            how))
        TerminateProcess(owner->process, 1);
}

/*
 * How often, of ROUNDS, what must be at once was so. With clients open, plain Wine keeps the name
 * and takes writes (rows L2 to L4).
 */
static void test_rounds(enum end end, const char *how, bool with_client)
{
    int refused = 0, absent = 0, created = 0, wrong_error = 0, rounds = ROUNDS;
    HANDLE client, fresh, second;
    struct owner owner;

    row("Y9");
    if (end == END_THREAD)
        rounds = ROUNDS / 5;
    for (int i = 0; i < rounds; i++)
    {
        if (!ok(owner_start(&owner, how), "no owner: error %lu\n", GetLastError()))
            return;
        client = path_open(owner.path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE);
        ok(client != INVALID_HANDLE_VALUE && send_text(client, "unread"), "error %lu\n",
           GetLastError());
        if (!with_client)
            close_handle(client);
        owner_end(&owner, end, how);
        /* In turns, what comes first, as each gives the others time. */
        for (int step = 0; step < 3; step++)
        {
            switch ((step + i) % 3)
            {
            case 0:
                refused += with_client && !send_text(client, "late");
                break;
            case 1:
                second = path_open(owner.path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE);
                absent += second == INVALID_HANDLE_VALUE;
                wrong_error +=
                    second == INVALID_HANDLE_VALUE && GetLastError() != ERROR_FILE_NOT_FOUND;
                close_handle(second);
                break;
            default:
                fresh = CreateMailslotA(owner.path, 0, 0, NULL);
                created += fresh != INVALID_HANDLE_VALUE;
                close_handle(fresh);
            }
        }
        if (with_client)
            close_handle(client);
        owner_close(&owner);
    }
    todo_wine_if(with_client)
    {
        ok(absent == rounds, "%s: %d of %d opens failed\n", how, absent, rounds);
        ok(created == rounds, "%s: %d of %d creates succeeded\n", how, created, rounds);
        if (with_client)
            ok_row("Y9 L1 P8", refused == rounds, "%s: %d of %d late writes failed\n", how, refused,
                   rounds);
    }
    ok(!wrong_error, "%s: %d opens failed with another error than 2\n", how, wrong_error);
}

/* A process that has a slot, and a read pending, ends with its last thread, as all others do. */
static void test_pending(void)
{
    struct owner owner;

    row("Y9 C2");
    if (!expect_async())
        return;
    row("Y9");
    if (!ok(owner_start(&owner, "pending"), "no owner: error %lu\n", GetLastError()))
        return;
    SetEvent(owner.end);
    if (!ok(WaitForSingleObject(owner.process, 5000) == WAIT_OBJECT_0,
            "the process goes on without its last thread\n"))
        TerminateProcess(owner.process, 1);
    owner_close(&owner);
}

static void wt_test_owner_death(void)
{
    winetest_extend(60);
    test_rounds(END_EXIT, "return", true);
    test_rounds(END_KILL, "return", true);
    test_rounds(END_THREAD, "thread", true);
    test_rounds(END_EXIT, "return", false);
    test_pending();
}

int main(int argc, char **argv)
{
    if (argc > 4)
        return owner_main(argv);
    return wt_run("owner_death", wt_test_owner_death, argc, argv);
}
