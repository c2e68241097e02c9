/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_net.c - a Windows program that sends or takes numbered messages as fast as it can */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

/*
 * One end of `make bench`'s cases net_send and net_receive; the other is tests/bench/udp_pair.c,
 * which says what a message looks like and prints the same figures.
 */
#define SIZE_MAX_NET 424
#define FIRST_MS     20000 /* patience until the first message */
#define SILENCE_MS   1000  /* no message for so long: that was all */

static double now_seconds(void)
{
    static LARGE_INTEGER frequency;
    LARGE_INTEGER counter;

    if (!frequency.QuadPart)
        QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&counter);
    return (double)counter.QuadPart / (double)frequency.QuadPart;
}

static int failed(const char *what)
{
    fprintf(stderr, "bench_net: %s failed, error %lu\n", what, GetLastError());
    return 1;
}

static int send_all(const char *path, DWORD count, DWORD size)
{
    HANDLE client = CreateFileA(path, GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    char message[SIZE_MAX_NET] = "";
    double start;
    DWORD i, done;

    if (client == INVALID_HANDLE_VALUE)
        return failed("CreateFile");
    start = now_seconds();
    for (i = 0; i < count; i++)
    {
        memcpy(message, &i, sizeof(i));
        if (!WriteFile(client, message, size, &done, NULL) || done != size)
            return failed("WriteFile");
    }
    printf("sent=%lu failed=0 seconds=%.6f\n", count, now_seconds() - start);
    return 0;
}

/* Returns when messages have come and no more come. */
static void let_them_pile_up(HANDLE slot)
{
    DWORD count = 0, before, waited = 0;

    do
    {
        before = count;
        Sleep(SILENCE_MS);
        waited += SILENCE_MS;
        GetMailslotInfo(slot, NULL, NULL, &count, NULL);
    } while (count != before || (!count && waited < FIRST_MS));
}

static int receive_all(const char *path, bool pile_up)
{
    HANDLE slot = CreateMailslotA(path, 0, FIRST_MS, NULL);
    DWORD count = 0, end = 0, disorder = 0, number, size;
    double first = 0, last = 0;
    char message[4096];

    if (slot == INVALID_HANDLE_VALUE)
        return failed("CreateMailslot");
    printf("ready\n");
    fflush(stdout);
    if (pile_up)
        let_them_pile_up(slot);
    while (ReadFile(slot, message, sizeof(message), &size, NULL))
    {
        last = now_seconds();
        if (!count++)
        {
            first = last;
            SetMailslotInfo(slot, SILENCE_MS);
        }
        memcpy(&number, message, sizeof(number));
        disorder += number < end;
        end = number >= end ? number + 1 : end;
    }
    if (GetLastError() != ERROR_SEM_TIMEOUT)
        return failed("ReadFile");
    printf("received=%lu end=%lu disorder=%lu seconds=%.6f\n", count, end, disorder, last - first);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && !strcmp(argv[1], "send"))
        return send_all(argv[2], (DWORD)atoi(argv[3]), (DWORD)min(atoi(argv[4]), SIZE_MAX_NET));
    if (argc == 3 && (!strcmp(argv[1], "receive") || !strcmp(argv[1], "pile_up")))
        return receive_all(argv[2], argv[1][0] == 'p');
    fprintf(stderr, "usage: bench_net send PATH COUNT SIZE\n"
                    "       bench_net receive|pile_up PATH\n"
                    "pile_up reads only when no more messages come.\n");
    return 2;
}
