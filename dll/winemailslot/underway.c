/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which threads are in the middle of something that others wait for.
 *
 * A thread can be killed anywhere. A counter would then stay up for ever, and whoever corrects it
 * may be wrong. So each thread has its own entry, that only it, or who has given it up, takes away:
 * no entry counts twice, none below zero, and one that was left behind is waited for once. */
#include "winemailslot/underway.h"

void underway_begin(struct underway *underway)
{
    LONG self = (LONG)nt_thread_id();

    for (ULONG i = 0; i < UNDERWAY_THREADS; i++)
        if (!underway->threads[i] && !InterlockedCompareExchange(&underway->threads[i], self, 0))
            return;
}

void underway_end(struct underway *underway)
{
    LONG self = (LONG)nt_thread_id();

    for (ULONG i = 0; i < UNDERWAY_THREADS; i++)
        if (underway->threads[i] == self &&
            InterlockedCompareExchange(&underway->threads[i], 0, self) == self)
            return;
}

void underway_await(struct underway *underway, int yields, int ms)
{
    LARGE_INTEGER millisecond = {.QuadPart = -10000};
    LONG self = (LONG)nt_thread_id();

    for (ULONG n = 0; n < UNDERWAY_THREADS; n++)
    {
        LONG thread = underway->threads[n];

        if (!thread || thread == self)
            continue;
        for (int i = 0; i < yields && underway->threads[n] == thread; i++)
            NtYieldExecution();
        for (int i = 0; i < ms && underway->threads[n] == thread; i++)
            NtDelayExecution(FALSE, &millisecond);
        InterlockedCompareExchange(&underway->threads[n], 0, thread);
    }
}
