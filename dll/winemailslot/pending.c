/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asynchronous reads that wait for a message. */
#include "winemailslot/pending.h"

#include "client/mailslot.h"
#include "winemailslot/dispatch.h"
#include "winemailslot/status.h"
#include "winemailslot/trace.h"
#include "winemailslot/unix.h"
#include "winemailslot/waiter.h"

/*
 * One lock guards all lists of waiting reads of the process; it is never held while sleeping, and
 * never taken by a read that finds a message when nothing waits before it. The waiting thread
 * (waiter.c) sleeps on the queues of all files that have asynchronous reads pending, and completes
 * them in the order in which they came (R15).
 */

struct pending
{
    struct pending *prev, *next; /* of the file */
    struct file *file;           /* with a reference */
    struct read_request request;
    LONGLONG deadline; /* layer_clock(), -1 = never */
    ULONG thread_id;
    HANDLE thread;   /* for the APC, or NULL */
    NTSTATUS status; /* once it has ended */
    ULONG_PTR bytes;
};

/* Reads that have ended and are off their files' lists, in the order in which they ended. */
struct pending_ended
{
    struct pending *first, *last;
};

static RTL_SRWLOCK pending_lock = RTL_SRWLOCK_INIT;
static struct file *pending_watched; /* files with pending reads */

static int pending_try(struct file *file, const struct read_request *request, uint32_t flags,
                       ULONG *ret_bytes, NTSTATUS *ret_fault)
{
    struct unix_io io = {
        .slot = file->slot,
        .buffer = UNIX_ADDRESS(request->buffer),
        .size = request->size,
        .flags = flags,
        .result = MAILSLOT_CLOSED,
    };

    *ret_fault = unix_call(UNIX_READ, &io);
    *ret_bytes = io.done;
    return io.result;
}

/* --- the list; lock held --------------------------------------------------------------------- */

static bool pending_watch(struct file *file)
{
    struct unix_watch watch = {.slot = file->slot, .token = UNIX_ADDRESS(file), .result = -1};

    if (file->watched)
        return true;
    file->watched = true;
    file->prev_watched = NULL;
    file->next_watched = pending_watched;
    if (pending_watched)
        pending_watched->prev_watched = file;
    pending_watched = file;
    unix_call(UNIX_WATCH, &watch);
    return watch.result == 0;
}

static void pending_unwatch(struct file *file)
{
    struct unix_watch watch = {.slot = file->slot};

    if (!file->watched)
        return;
    file->watched = false;
    if (file->next_watched)
        file->next_watched->prev_watched = file->prev_watched;
    if (file->prev_watched)
        file->prev_watched->next_watched = file->next_watched;
    else
        pending_watched = file->next_watched;
    unix_call(UNIX_UNWATCH, &watch);
}

static void pending_unlink(struct pending *pending)
{
    struct file *file = pending->file;

    if (pending->next)
        pending->next->prev = pending->prev;
    else
        file->last = pending->prev;
    if (pending->prev)
        pending->prev->next = pending->next;
    else
        file->first = pending->next;
    if (!InterlockedDecrement(&file->n_pending))
        pending_unwatch(file);
}

/*
 * Ends one read: its status block and the file's own signal change together, under the lock, as the
 * next read may pend as soon as one of them is seen. Everything else waits until after the lock:
 * giving up a file asks the Unix side.
 */
static void pending_finish(struct pending *pending, NTSTATUS status, ULONG_PTR bytes,
                           struct pending_ended *ended)
{
    struct file *file = pending->file;

    pending_unlink(pending);
    complete_pended_status(&pending->request.completion, status, bytes);
    if (file->event && !(file->completion_flags & NT_SKIP_SET_EVENT))
        NtSetEvent(file->event, NULL);
    pending->status = status;
    pending->bytes = bytes;
    pending->next = NULL;
    if (ended->last)
        ended->last->next = pending;
    else
        ended->first = pending;
    ended->last = pending;
}

/* Tells the program of reads that have ended. Without the lock. */
static void pending_release(struct pending_ended *ended)
{
    for (struct pending *done = ended->first, *next; done; done = next)
    {
        next = done->next;
        trace_pended(done->status, done->bytes, done->request.completion.io);
        complete_pended_notify(done->file, &done->request.completion, done->thread, done->status,
                               done->bytes);
        if (done->thread)
            NtClose(done->thread);
        file_put(done->file);
        layer_free(done);
    }
}

/* Gives messages to the reads of a file until one of both runs out. */
static void pending_serve(struct file *file, struct pending_ended *ended)
{
    struct pending *pending;

    while ((pending = file->first))
    {
        NTSTATUS fault;
        ULONG bytes;
        int result = pending_try(file, &pending->request, UNIX_READ_ARM, &bytes, &fault);

        if (fault == STATUS_SUCCESS && result == MAILSLOT_EMPTY)
            return;
        if (fault || result)
            /* R16: a buffer that is too small ends this read, the message waits for the next */
            pending_finish(pending, fault ? fault : status_from_result(result), 0, ended);
        else
            pending_finish(pending, STATUS_SUCCESS, bytes, ended);
    }
}

/* --- for the waiting thread ------------------------------------------------------------------ */

void pending_serve_tokens(const uint64_t *tokens, ULONG count)
{
    struct pending_ended ended = {NULL, NULL};

    layer_lock(&pending_lock);
    for (ULONG i = 0; i < count; i++)
    {
        struct file *file;

        /* The token may be of a file that is no longer watched, or is another one by now. */
        for (file = pending_watched; file; file = file->next_watched)
            if (UNIX_ADDRESS(file) == tokens[i])
                break;
        if (file)
            pending_serve(file, &ended);
    }
    RtlReleaseSRWLockExclusive(&pending_lock);
    pending_release(&ended);
}

bool pending_expire(ULONG *ret_ms)
{
    struct pending_ended ended = {NULL, NULL};
    LONGLONG now = layer_clock(), nearest = -1;
    struct file *file, *next_file;
    bool any;

    layer_lock(&pending_lock);
    for (file = pending_watched; file; file = next_file)
    {
        next_file = file->next_watched;
        for (struct pending *pending = file->first, *next; pending; pending = next)
        {
            next = pending->next;
            if (pending->deadline < 0)
                continue;
            if (pending->deadline <= now)
                pending_finish(pending, STATUS_IO_TIMEOUT, 0, &ended);
            else if (nearest < 0 || pending->deadline < nearest)
                nearest = pending->deadline;
        }
    }
    any = pending_watched != NULL;
    RtlReleaseSRWLockExclusive(&pending_lock);
    pending_release(&ended);
    *ret_ms = nearest < 0                ? UINT32_MAX
              : nearest - now > 86400000 ? 86400000
                                         : (ULONG)(nearest - now);
    return any;
}

/* --- asynchronous reads ---------------------------------------------------------------------- */

static struct pending *pending_new(struct file *file, const struct read_request *request)
{
    struct pending *pending = layer_alloc(sizeof(*pending));

    if (!pending)
        return NULL;
    pending->file = file;
    pending->request = *request;
    pending->thread_id = nt_thread_id();
    pending->deadline =
        request->timeout == MAILSLOT_FOREVER ? -1 : layer_clock() + request->timeout + 1;
    if (request->completion.apc &&
        NtDuplicateObject(NT_CURRENT_PROCESS, NT_CURRENT_THREAD, NT_CURRENT_PROCESS,
                          &pending->thread, THREAD_SET_CONTEXT, 0, 0))
        pending->thread = NULL;
    return pending;
}

/* The file's own signal: set while nothing is under way (F13), unset while a read pends (R10). */
static NTSTATUS pending_reset_event(struct file *file)
{
    dispatch_want_message_waits(); /* which need that event from now on */
    if (file->event)
        return NtResetEvent(file->event, NULL);
    return NtCreateEvent(&file->event, EVENT_ALL_ACCESS, NULL, NT_NOTIFICATION_EVENT, FALSE);
}

NTSTATUS pending_read(struct file *file, struct read_request *request)
{
    struct pending_ended ended = {NULL, NULL};
    struct pending *pending;
    NTSTATUS status;
    int result = MAILSLOT_EMPTY;
    ULONG bytes;
    bool first;

    pending = pending_new(file, request);
    if (!pending)
        return STATUS_NO_MEMORY;
    status = waiter_start();
    if (status)
    {
        layer_free(pending);
        return status;
    }
    layer_lock(&pending_lock);
    first = !file->first;
    if (first) /* armed now, or with a message that came meanwhile */
        result = pending_try(file, request, UNIX_READ_ARM, &bytes, &status);
    if (status == STATUS_SUCCESS && result == MAILSLOT_EMPTY)
        status = pending_reset_event(file);
    if (status == STATUS_SUCCESS && result == MAILSLOT_EMPTY && file_get(file))
    {
        pending->prev = file->last;
        if (file->last)
            file->last->next = pending;
        else
            file->first = pending;
        file->last = pending;
        InterlockedIncrement(&file->n_pending);
        if (!pending_watch(file))
            pending_finish(pending, STATUS_INSUFFICIENT_RESOURCES, 0, &ended);
        /* The last handle may have been closed since this call began. */
        else if (!file->handles)
            pending_finish(pending, STATUS_CANCELLED, 0, &ended);
        pending = NULL;
        status = STATUS_PENDING;
    }
    RtlReleaseSRWLockExclusive(&pending_lock);
    pending_release(&ended);
    if (status == STATUS_PENDING)
    {
        /* The waiting thread may just have ended; without one, the next read that pends helps. */
        if (!waiter_runs() && waiter_start())
            return status;
        /* The waiting thread learns of new queues by itself, of an earlier deadline only so. */
        if (request->timeout != MAILSLOT_FOREVER)
            waiter_wake();
        return status;
    }
    if (pending->thread)
        NtClose(pending->thread);
    layer_free(pending);
    if (status)
        return status;
    if (result)
        return status_from_result(result);
    request->done = bytes;
    return complete_inline(file, &request->completion, bytes);
}

/* --- ends ------------------------------------------------------------------------------------ */

bool pending_cancel(struct file *file, ULONG thread_id, const IO_STATUS_BLOCK *io)
{
    struct pending_ended ended = {NULL, NULL};
    struct pending *next;
    bool found = false;

    layer_lock(&pending_lock);
    for (struct pending *pending = file->first; pending; pending = next)
    {
        next = pending->next;
        if ((thread_id && pending->thread_id != thread_id) ||
            (io && pending->request.completion.io != io))
            continue;
        pending_finish(pending, STATUS_CANCELLED, 0, &ended);
        found = true;
    }
    RtlReleaseSRWLockExclusive(&pending_lock);
    pending_release(&ended);
    return found;
}

void pending_thread_ended(ULONG thread_id)
{
    struct pending_ended ended = {NULL, NULL};
    struct pending *next;
    struct file *file, *next_file;

    layer_lock(&pending_lock);
    for (file = pending_watched; file; file = next_file)
    {
        next_file = file->next_watched;
        for (struct pending *pending = file->first; pending; pending = next)
        {
            next = pending->next;
            if (pending->thread_id == thread_id)
                pending_finish(pending, STATUS_CANCELLED, 0, &ended);
        }
    }
    RtlReleaseSRWLockExclusive(&pending_lock);
    pending_release(&ended);
}

void pending_thread_ends(void)
{
    if (!waiter_runs())
        return;
    pending_thread_ended(nt_thread_id());
    /* With nothing left to wait for, the waiting thread must not keep the process alive. */
    waiter_wake_to_end();
}

bool pending_any(void)
{
    return pending_watched != NULL;
}

HANDLE pending_wait_handle(struct file *file)
{
    return file->event;
}
