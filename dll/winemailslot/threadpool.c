/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Completions that go to the thread pool: BindIoCompletionCallback, CreateThreadpoolIo (R13). */
#include "winemailslot/threadpool.h"

#include "winemailslot/handles.h"

/*
 * ntdll's own versions bind the file to a completion port that only they know, by calls within
 * ntdll that nobody else sees. So slots get objects of this kind instead, whose callbacks are
 * posted to the same pools as simple work. The calls that take a TP_IO find out by looking it up.
 */
struct tp_io
{
    void
        *win32_callback; /* CreateThreadpoolIo of kernelbase keeps its callback in the first word */
    nt_io_fn callback;   /* NULL: the one below */
    nt_overlapped_fn overlapped_callback; /* of RtlSetIoCompletionCallback */
    void *context;
    TP_CALLBACK_ENVIRON environment;
    bool has_environment;
    volatile LONG references;  /* the program's, the file's, one per callback under way */
    volatile LONG outstanding; /* started and not yet called back or cancelled */
    struct tp_io *next;        /* in threadpool_known, while the program has it */
};

struct tp_packet
{
    struct tp_io *io;
    void *overlapped;
    IO_STATUS_BLOCK status;
};

static RTL_SRWLOCK threadpool_lock = RTL_SRWLOCK_INIT;
static struct tp_io *threadpool_known;

static void threadpool_put(struct tp_io *io)
{
    if (!InterlockedDecrement(&io->references))
        layer_free(io);
}

static bool threadpool_is_ours(const void *io)
{
    const struct tp_io *known;

    layer_lock(&threadpool_lock);
    for (known = threadpool_known; known && known != io; known = known->next)
        ;
    RtlReleaseSRWLockExclusive(&threadpool_lock);
    return known;
}

static void threadpool_ended(struct tp_io *io)
{
    if (io->callback && !InterlockedDecrement(&io->outstanding))
        RtlWakeAddressAll((void *)&io->outstanding);
}

static void NTAPI threadpool_run(TP_CALLBACK_INSTANCE *instance, void *context)
{
    struct tp_packet *packet = context;
    struct tp_io *io = packet->io;

    if (io->callback)
        io->callback(instance, io->context, packet->overlapped, &packet->status, io);
    else
    {
        bool failed = packet->status.Status != STATUS_SUCCESS;

        io->overlapped_callback(failed ? RtlNtStatusToDosError(packet->status.Status) : 0,
                                failed ? 0 : (ULONG)packet->status.Information, packet->overlapped);
    }
    threadpool_ended(io);
    threadpool_put(io);
    layer_free(packet);
}

void threadpool_post(struct tp_io *io, void *overlapped, NTSTATUS status, ULONG_PTR bytes)
{
    struct tp_packet *packet = layer_alloc(sizeof(*packet));

    if (!packet)
        return;
    packet->io = io;
    packet->overlapped = overlapped;
    packet->status.Status = status;
    packet->status.Information = bytes;
    InterlockedIncrement(&io->references);
    if (TpSimpleTryPost(threadpool_run, packet, io->has_environment ? &io->environment : NULL))
    {
        threadpool_ended(io);
        threadpool_put(io);
        layer_free(packet);
    }
}

void threadpool_unbind(struct tp_io *io)
{
    threadpool_put(io);
}

/* A slot completes to a port or to a pool, once and for ever. Takes io on success. */
static NTSTATUS threadpool_bind(struct file *file, struct tp_io *io)
{
    if (file_is_synchronous(file) || file->port)
        return STATUS_INVALID_PARAMETER;
    InterlockedIncrement(&io->references);
    if (InterlockedCompareExchangePointer((void *volatile *)&file->pool, io, NULL))
    {
        InterlockedDecrement(&io->references);
        return STATUS_INVALID_PARAMETER;
    }
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI layer_RtlSetIoCompletionCallback(HANDLE handle, nt_overlapped_fn callback,
                                                ULONG flags)
{
    struct handle_view view;
    struct tp_io *io;
    NTSTATUS status = STATUS_NO_MEMORY;

    if (!handles_find(handle, &view))
        return RtlSetIoCompletionCallback(handle, callback, flags);
    io = layer_alloc(sizeof(*io));
    if (io)
    {
        io->references = 1;
        io->overlapped_callback = callback;
        status = threadpool_bind(view.file, io);
        threadpool_put(io);
    }
    file_put(view.file);
    return status;
}

NTSTATUS NTAPI layer_TpAllocIoCompletion(void **ret, HANDLE handle, nt_io_fn callback,
                                         void *context, TP_CALLBACK_ENVIRON *environment)
{
    struct handle_view view;
    struct tp_io *io;
    NTSTATUS status = STATUS_NO_MEMORY;

    if (!handles_find(handle, &view))
        return TpAllocIoCompletion(ret, handle, callback, context, environment);
    io = layer_alloc(sizeof(*io));
    if (io)
    {
        io->references = 1;
        io->callback = callback;
        io->context = context;
        if (environment)
        {
            /* Version 1 is shorter than today's; what it lacks stays zero. */
            ULONG words = (environment->Version < 3 ? FIELD_OFFSET(TP_CALLBACK_ENVIRON, u) + 4
                                                    : sizeof(*environment)) /
                          sizeof(ULONG);

            for (ULONG i = 0; i < words; i++)
                ((ULONG *)&io->environment)[i] = ((const ULONG *)environment)[i];
            /* Meant for the object's end, not for each packet that is posted with it. */
            io->environment.FinalizationCallback = NULL;
            io->has_environment = true;
        }
        status = threadpool_bind(view.file, io);
    }
    if (status == STATUS_SUCCESS)
    {
        layer_lock(&threadpool_lock);
        io->next = threadpool_known;
        threadpool_known = io;
        RtlReleaseSRWLockExclusive(&threadpool_lock);
        *ret = io;
    }
    else if (io)
        threadpool_put(io);
    file_put(view.file);
    return status;
}

void NTAPI layer_TpStartAsyncIoOperation(void *io)
{
    if (threadpool_is_ours(io))
        InterlockedIncrement(&((struct tp_io *)io)->outstanding);
    else
        TpStartAsyncIoOperation(io);
}

void NTAPI layer_TpCancelAsyncIoOperation(void *io)
{
    if (threadpool_is_ours(io))
        threadpool_ended(io);
    else
        TpCancelAsyncIoOperation(io);
}

void NTAPI layer_TpWaitForIoCompletion(void *tp_io, BOOL cancel_pending)
{
    struct tp_io *io = tp_io;
    LONG count;

    if (!threadpool_is_ours(io))
    {
        TpWaitForIoCompletion(tp_io, cancel_pending);
        return;
    }
    /* Callbacks already handed to the pool are not taken back: the program sees them all. */
    while ((count = io->outstanding) > 0)
        RtlWaitOnAddress((const void *)&io->outstanding, &count, sizeof(count), NULL);
}

void NTAPI layer_TpReleaseIoCompletion(void *tp_io)
{
    struct tp_io *io = tp_io, **at;

    if (!threadpool_is_ours(io))
    {
        TpReleaseIoCompletion(tp_io);
        return;
    }
    layer_lock(&threadpool_lock);
    for (at = &threadpool_known; *at != io; at = &(*at)->next)
        ;
    *at = io->next;
    RtlReleaseSRWLockExclusive(&threadpool_lock);
    threadpool_put(io);
}
