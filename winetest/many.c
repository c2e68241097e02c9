/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* many.c - a thousand slots with pending reads in one process, and five hundred pairs of handles */
#include "slots.h"

#include <tlhelp32.h>

#define MANY         1000
#define PAIRS        500
#define TIMED        10 /* every tenth read has a timeout */
#define ST_TIMED_OUT 0xc00000b5

struct pending
{
    HANDLE slot;
    OVERLAPPED ov;
    DWORD data[2];
};

/* Threads of this process, as another program would count them. */
static int thread_count(void)
{
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    THREADENTRY32 entry = {.dwSize = sizeof(entry)};
    int count = 0;

    if (snapshot == INVALID_HANDLE_VALUE)
        return -1;
    for (BOOL more = Thread32First(snapshot, &entry); more; more = Thread32Next(snapshot, &entry))
        count += entry.th32OwnerProcessID == GetCurrentProcessId();
    CloseHandle(snapshot);
    return count;
}

/* Time that all threads of this process have used, in ms. */
static DWORD cpu_ms(void)
{
    FILETIME created, ended, kernel, user;

    GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user);
    return (kernel.dwLowDateTime + user.dwLowDateTime) / 10000;
}

static const char *many_name(char *name, int index)
{
    snprintf(name, MAX_PATH, "\\\\.\\mailslot\\wt%lu_many\\%d", GetCurrentProcessId(), index);
    return name;
}

static bool is_timed(int index)
{
    return index % TIMED == 0;
}

static struct pending *start_reads(void)
{
    struct pending *reads = calloc(MANY, sizeof(*reads));
    char name[MAX_PATH];
    int created = 0, pending = 0;

    for (int i = 0; i < MANY; i++)
    {
        reads[i].slot =
            CreateMailslotA(many_name(name, i), 0, is_timed(i) ? 2500 + (DWORD)i : FOREVER, NULL);
        created += reads[i].slot != INVALID_HANDLE_VALUE;
        reads[i].ov.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL);
        pending +=
            !ReadFile(reads[i].slot, reads[i].data, sizeof(reads[i].data), NULL, &reads[i].ov) &&
            GetLastError() == ERROR_IO_PENDING;
    }
    row("C1");
    ok(created == MANY, "%d slots of %d\n", created, MANY);
    row("R11");
    ok(pending == MANY, "%d reads of %d pend\n", pending, MANY);
    return reads;
}

static bool ended(struct pending *read, DWORD ms)
{
    return WaitForSingleObject(read->ov.hEvent, ms) == WAIT_OBJECT_0;
}

static void expect_timeouts(struct pending *reads)
{
    int timed_out = 0, others = 0;

    row("R6 R11");
    for (int i = 0; i < MANY; i++)
    {
        if (is_timed(i))
            timed_out += ended(&reads[i], 10000) && (DWORD)reads[i].ov.Internal == ST_TIMED_OUT;
        else
            others += ended(&reads[i], 0);
    }
    ok(timed_out == MANY / TIMED, "%d reads of %d timed out\n", timed_out, MANY / TIMED);
    ok(others == 0, "%d reads ended that have no timeout\n", others);
}

/* One message to each slot, from the last to the first. */
static void expect_messages(struct pending *reads)
{
    int written = 0, right = 0, wrong = 0;
    char name[MAX_PATH];

    for (int i = MANY - 1; i >= 0; i--)
    {
        DWORD message[2] = {(DWORD)i, (DWORD)~i};
        HANDLE client =
            path_open(many_name(name, i), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE);

        written += send_bytes(client, message, sizeof(message));
        close_handle(client);
    }
    row("P1");
    ok(written == MANY, "%d writes of %d\n", written, MANY);
    row("R11 R15");
    for (int i = 0; i < MANY; i++)
    {
        if (is_timed(i))
            continue;
        if (ended(&reads[i], 10000) && !reads[i].ov.Internal && reads[i].ov.InternalHigh == 8 &&
            reads[i].data[0] == (DWORD)i && reads[i].data[1] == (DWORD)~i)
            right++;
        else
            wrong++;
    }
    ok(!wrong, "%d reads are right, %d wrong\n", right, wrong);
    for (int i = 0; i < MANY; i += TIMED)
        expect_info(reads[i].slot, 8, 1);
}

static void test_many_reads(void)
{
    int before, during;
    struct pending *reads;
    DWORD cpu;
    void *room;

    row("R11");
    before = thread_count();
    if (!expect_async())
        return;
    reads = start_reads();
    during = thread_count();
    row("R11");
    ok(before > 0 && during - before <= 1, "%d threads before, %d while reads pend\n", before,
       during);
    cpu = cpu_ms();
    Sleep(1000);
    cpu = cpu_ms() - cpu;
    ok(cpu < 50, "%lu ms of CPU time in an idle second\n", cpu);
    /* What is left of 2 or 4 GB should still do for a program. */
    room = VirtualAlloc(NULL, 256 << 20, MEM_RESERVE, PAGE_NOACCESS);
    ok(room != NULL, "no address space left, error %lu\n", GetLastError());
    if (room)
        VirtualFree(room, 0, MEM_RELEASE);
    expect_timeouts(reads);
    expect_messages(reads);
    during = thread_count();
    row("R11");
    ok(during - before <= 1, "%d threads before, %d afterwards\n", before, during);
    for (int i = 0; i < MANY; i++)
    {
        CloseHandle(reads[i].slot);
        CloseHandle(reads[i].ov.hEvent);
    }
    free(reads);
}

static void test_pairs(void)
{
    static HANDLE slots[PAIRS], clients[PAIRS];
    int opened = 0, written = 0, right = 0, dead = 0;
    char name[MAX_PATH];
    DWORD number, count;

    for (int i = 0; i < PAIRS; i++)
    {
        slots[i] = CreateMailslotA(many_name(name, i), 0, 0, NULL);
        clients[i] = path_open(name, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE);
        opened += slots[i] != INVALID_HANDLE_VALUE && clients[i] != INVALID_HANDLE_VALUE;
    }
    row("C1 O1");
    ok(opened == PAIRS, "%d pairs of %d\n", opened, PAIRS);
    for (int i = PAIRS - 1; i >= 0; i--)
        written += send_bytes(clients[i], &i, sizeof(i));
    row("P1 R1");
    ok(written == PAIRS, "%d writes\n", written);
    for (int i = 0; i < PAIRS; i++)
        right += ReadFile(slots[i], &number, sizeof(number), &count, NULL) && count == 4 &&
                 number == (DWORD)i;
    ok(right == PAIRS, "%d reads\n", right);
    for (int i = 0; i < PAIRS; i++)
        CloseHandle(slots[i]);
    for (int i = 0; i < PAIRS; i++)
    {
        dead += !send_bytes(clients[i], &i, sizeof(i));
        CloseHandle(clients[i]);
    }
    row("P8 L2");
    todo_wine
    {
        ok(dead == PAIRS, "%d of %d clients know that the slot is gone\n", dead, PAIRS);
    }
}

START_TEST(many)
{
    test_many_reads();
    test_pairs();
}
