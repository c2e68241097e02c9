/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the end of an operation reaches the program: status block, event, APC, completion port. */
#include "winemailslot/complete.h"

#include "winemailslot/unix.h"

/* The low bit of an event handle only says "no packet to the port" (GetQueuedCompletionStatus). */
static HANDLE complete_event(const struct completion *completion)
{
    return (HANDLE)((ULONG_PTR)completion->event & ~(ULONG_PTR)1);
}

NTSTATUS complete_begin(const struct completion *completion)
{
    HANDLE event = complete_event(completion);

    return event ? NtResetEvent(event, NULL) : STATUS_SUCCESS;
}

/* The status comes last: programs poll it (HasOverlappedIoCompleted). */
static void complete_write_status(IO_STATUS_BLOCK *io, NTSTATUS status, ULONG_PTR bytes)
{
    io->Information = bytes;
    InterlockedExchange((LONG *)&io->Status, status);
}

static void complete_notify(struct file *file, const struct completion *completion, HANDLE thread,
                            NTSTATUS status, ULONG_PTR bytes, bool skip_port)
{
    HANDLE event = complete_event(completion);

    if (event)
        NtSetEvent(event, NULL);
    if (completion->apc)
    {
        if (thread)
            NtQueueApcThread(thread, (nt_apc_fn)(void *)completion->apc,
                             (ULONG_PTR)completion->context, (ULONG_PTR)completion->io, 0);
    }
    else if (!completion->context || skip_port)
        return;
    else if (file->port)
        NtSetIoCompletion(file->port, file->port_key, (ULONG_PTR)completion->context, status,
                          bytes);
}

NTSTATUS complete_inline(struct file *file, const struct completion *completion, ULONG_PTR bytes)
{
    complete_write_status(completion->io, STATUS_SUCCESS, bytes);
    complete_notify(file, completion, NT_CURRENT_THREAD, STATUS_SUCCESS, bytes,
                    file->completion_flags & NT_SKIP_ON_SUCCESS);
    return STATUS_SUCCESS;
}

void complete_pended_status(const struct completion *completion, NTSTATUS status, ULONG_PTR bytes)
{
    /* A program may have freed it meanwhile, which must not end the thread that notices. */
    if (unix_probe(completion->io, sizeof(*completion->io), NULL, 0) == STATUS_SUCCESS)
        complete_write_status(completion->io, status, bytes);
}

void complete_pended_notify(struct file *file, const struct completion *completion, HANDLE thread,
                            NTSTATUS status, ULONG_PTR bytes)
{
    complete_notify(file, completion, thread, status, bytes, false);
}
