/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one thread of a process that waits for messages on behalf of asynchronous reads. */
#include "winemailslot/waiter.h"

#include "winemailslot/layer.h"
#include "winemailslot/unix.h"

/*
 * Started by the first read that pends, it stays: a program that reads asynchronously does so
 * again and again. It sleeps without a timeout unless a read has one. Windows has no such thread,
 * so it must not show: it sends no DLL notifications, and it ends when a program thread ends and
 * nothing pends any more (the process would otherwise outlive its last real thread).
 */
#define WAITER_STACK            65536
#define WAITER_NO_NOTIFICATIONS 0x2 /* THREAD_CREATE_FLAGS_SKIP_THREAD_ATTACH */

static RTL_SRWLOCK waiter_lock = RTL_SRWLOCK_INIT;
static volatile LONG waiter_running;
static volatile LONG waiter_end;

static bool waiter_may_end(void)
{
    ULONG timeout;
    bool end;

    layer_lock(&waiter_lock);
    /* First the flag, then the look: a read that pends meanwhile looks at the flag afterwards. */
    InterlockedExchange(&waiter_running, 0);
    end = waiter_end && !pending_expire(&timeout);
    waiter_end = 0;
    if (!end)
        waiter_running = 1;
    RtlReleaseSRWLockExclusive(&waiter_lock);
    return end;
}

static NTSTATUS NTAPI waiter_main(void *context)
{
    struct unix_wait wait;
    ULONG timeout;

    (void)context;
    for (;;)
    {
        if (waiter_end && waiter_may_end())
            break;
        pending_expire(&timeout);
        wait.timeout = timeout;
        wait.count = 0;
        unix_call(UNIX_WAIT, &wait);
        if (wait.count)
            pending_serve_tokens(wait.tokens, wait.count);
    }
    RtlExitUserThread(0);
    return STATUS_SUCCESS;
}

NTSTATUS waiter_start(void)
{
    NTSTATUS status = STATUS_SUCCESS;
    HANDLE thread;

    layer_lock(&waiter_lock);
    waiter_end = 0;
    if (!waiter_running)
    {
        status = NtCreateThreadEx(&thread, THREAD_ALL_ACCESS, NULL, NT_CURRENT_PROCESS, waiter_main,
                                  NULL, WAITER_NO_NOTIFICATIONS, 0, WAITER_STACK, 0, NULL);
        if (status == STATUS_SUCCESS)
        {
            waiter_running = 1;
            NtClose(thread);
        }
    }
    RtlReleaseSRWLockExclusive(&waiter_lock);
    return status;
}

bool waiter_runs(void)
{
    return waiter_running;
}

void waiter_wake(void)
{
    unix_call(UNIX_WAKE, NULL);
}

void waiter_wake_to_end(void)
{
    if (!waiter_running)
        return;
    waiter_end = 1;
    waiter_wake();
}
