/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench.c - microseconds per mailslot operation: bench.exe CASE prints "CASE us_per_op" */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

/*
 * The figure is the median of batches, so that a disturbed batch does not count. A batch is made
 * long enough (BATCH_US) to be measured well; writes and reads that are timed alone go in pieces
 * of PIECE messages, because the queue of Wine 8.0 holds about a hundred and then blocks.
 */
#define SIZE     200 /* bytes of a message */
#define PIECE    50
#define BATCHES  15
#define BATCH_US 20000.0
#define BURST    10000
#define MAX_OPS  (1 << 20)

static char message[SIZE];
static HANDLE slot, client, disk, back;

static void die(const char *what)
{
    fprintf(stderr, "bench: %s failed, error %lu\n", what, GetLastError());
    exit(1);
}

static double now_us(void)
{
    static LARGE_INTEGER frequency;
    LARGE_INTEGER counter;

    if (!frequency.QuadPart)
        QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&counter);
    return (double)counter.QuadPart * 1e6 / (double)frequency.QuadPart;
}

static void put(HANDLE handle)
{
    DWORD count;

    if (!WriteFile(handle, message, SIZE, &count, NULL) || count != SIZE)
        die("write");
}

static void get(HANDLE handle)
{
    char buffer[SIZE];
    DWORD count;

    if (!ReadFile(handle, buffer, SIZE, &count, NULL) || count != SIZE)
        die("read");
}

static const char *bench_name(const char *leaf)
{
    static char names[2][64];
    static int next;

    next = !next;
    snprintf(names[next], sizeof(names[next]), "\\\\.\\mailslot\\bench%lu_%s",
             GetCurrentProcessId(), leaf);
    return names[next];
}

static HANDLE make_slot(const char *path)
{
    HANDLE handle = CreateMailslotA(path, 0, MAILSLOT_WAIT_FOREVER, NULL);

    if (handle == INVALID_HANDLE_VALUE)
        die("CreateMailslot");
    return handle;
}

static HANDLE open_slot(const char *path)
{
    HANDLE handle = CreateFileA(path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                                OPEN_EXISTING, 0, NULL);

    if (handle == INVALID_HANDLE_VALUE)
        die("CreateFile");
    return handle;
}

/* Each case does ops operations and returns the microseconds they took. */
static double run_write_read(int ops)
{
    double start = now_us();

    while (ops--)
    {
        put(client);
        get(slot);
    }
    return now_us() - start;
}

/* One half of the messages' way is timed, the other is not. */
static double run_half(int ops, bool time_writes)
{
    double total = 0;

    while (ops > 0)
    {
        int i, piece = ops < PIECE ? ops : PIECE;
        double start = now_us(), middle, end;

        for (i = 0; i < piece; i++)
            put(client);
        middle = now_us();
        for (i = 0; i < piece; i++)
            get(slot);
        end = now_us();
        total += time_writes ? middle - start : end - middle;
        ops -= piece;
    }
    return total;
}

static double run_write(int ops)
{
    return run_half(ops, true);
}

static double run_read(int ops)
{
    return run_half(ops, false);
}

static double run_info(int ops)
{
    double start = now_us();
    DWORD max, next, count, timeout;

    while (ops--)
    {
        if (!GetMailslotInfo(slot, &max, &next, &count, &timeout))
            die("GetMailslotInfo");
    }
    return now_us() - start;
}

static double run_pingpong(int ops)
{
    double start = now_us();

    while (ops--)
    {
        put(client);
        get(back);
    }
    return now_us() - start;
}

static double run_foreign_read(int ops)
{
    double start = now_us();
    DWORD count;
    char byte;

    while (ops--)
    {
        if (!ReadFile(disk, &byte, 1, &count, NULL))
            die("ReadFile");
        if (!count)
            SetFilePointer(disk, 0, NULL, FILE_BEGIN);
    }
    return now_us() - start;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_median(const char *name, double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), compare);
    printf("%s %.3f\n", name, values[count / 2]);
    fflush(stdout);
}

static void measure(const char *name, double (*run)(int))
{
    double values[BATCHES];
    int i, ops = PIECE;

    while (run(ops) < BATCH_US && ops < MAX_OPS)
        ops *= 2;
    for (i = 0; i < BATCHES; i++)
        values[i] = run(ops) / ops;
    print_median(name, values, BATCHES);
}

/* Child of pingpong: sends back what it gets until the message is shorter. */
static int pong(const char *here, const char *there)
{
    HANDLE own = make_slot(here), other = open_slot(there);
    char buffer[SIZE];
    DWORD count;

    put(other);
    while (ReadFile(own, buffer, SIZE, &count, NULL) && count == SIZE)
        put(other);
    return 0;
}

static void measure_pingpong(void)
{
    STARTUPINFOA startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION info;
    char path[MAX_PATH], line[MAX_PATH + 160];
    const char *there = bench_name("there"), *here = bench_name("here");
    DWORD count;

    back = make_slot(here);
    GetModuleFileNameA(NULL, path, sizeof(path));
    snprintf(line, sizeof(line), "\"%s\" pong %s %s", path, there, here);
    if (!CreateProcessA(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &info))
        die("CreateProcess");
    get(back); /* the child is ready */
    client = open_slot(there);
    measure("pingpong", run_pingpong);
    WriteFile(client, "end", 3, &count, NULL);
    WaitForSingleObject(info.hProcess, 5000);
}

static volatile LONG written;

static DWORD WINAPI write_burst(void *arg)
{
    (void)arg;
    while (written < BURST)
    {
        put(client);
        InterlockedIncrement(&written);
    }
    return 0;
}

/* How many of the messages the queue takes before a write blocks: BURST, if it is a good one. */
static int burst_capacity(void)
{
    HANDLE thread = CreateThread(NULL, 0, write_burst, NULL, 0, NULL);
    LONG capacity;
    int i;

    do
        capacity = written;
    while (WaitForSingleObject(thread, 300) != WAIT_OBJECT_0 && written != capacity);
    capacity = written;
    for (i = 0; i < BURST; i++)
        get(slot);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    if (capacity == BURST)
        return BURST;
    fprintf(stderr, "bench: the queue holds %ld messages only, so the burst goes in waves\n",
            capacity);
    return capacity * 3 / 4;
}

static void measure_burst(void)
{
    double values[7], begin = now_us();
    int count = 0, capacity = burst_capacity();

    while (count < 3 || (count < 7 && now_us() - begin < 5e6))
    {
        double start = now_us();
        int left = BURST;

        while (left)
        {
            int i, wave = left < capacity ? left : capacity;

            for (i = 0; i < wave; i++)
                put(client);
            for (i = 0; i < wave; i++)
                get(slot);
            left -= wave;
        }
        values[count++] = (now_us() - start) / BURST;
    }
    print_median("burst", values, count);
}

static void measure_foreign_read(void)
{
    char folder[MAX_PATH], path[MAX_PATH], bytes[4096] = "";
    DWORD count;
    int i;

    GetTempPathA(sizeof(folder), folder);
    GetTempFileNameA(folder, "bch", 0, path);
    disk = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                       FILE_FLAG_DELETE_ON_CLOSE, NULL);
    if (disk == INVALID_HANDLE_VALUE)
        die("CreateFile");
    for (i = 0; i < 16; i++)
        WriteFile(disk, bytes, sizeof(bytes), &count, NULL);
    SetFilePointer(disk, 0, NULL, FILE_BEGIN);
    measure("foreign_read", run_foreign_read);
    CloseHandle(disk);
}

int main(int argc, char **argv)
{
    static const struct
    {
        const char *name;
        double (*run)(int);
    } cases[] = {
        {"write_read", run_write_read},
        {"write", run_write},
        {"read", run_read},
        {"info", run_info},
    };
    unsigned int i;

    if (argc == 4 && !strcmp(argv[1], "pong"))
        return pong(argv[2], argv[3]);
    if (argc == 2 && !strcmp(argv[1], "noop"))
        printf("noop 0\n");
    else if (argc == 2 && !strcmp(argv[1], "foreign_read"))
        measure_foreign_read();
    else if (argc == 2 && !strcmp(argv[1], "pingpong"))
        measure_pingpong();
    else if (argc == 2)
    {
        const char *path = bench_name("slot");

        slot = make_slot(path);
        client = open_slot(path);
        for (i = 0; i < ARRAYSIZE(cases) && strcmp(cases[i].name, argv[1]); i++)
            ;
        if (i < ARRAYSIZE(cases))
            measure(cases[i].name, cases[i].run);
        else if (!strcmp(argv[1], "burst"))
            measure_burst();
        else
            argc = 0;
    }
    if (argc != 2)
    {
        fprintf(stderr, "usage: bench "
                        "write_read|write|read|info|pingpong|burst|foreign_read|noop\n");
        return 2;
    }
    return 0;
}
