/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Synchronous reads: each sleeps in its own thread. */
#include "winemailslot/reader.h"

#include "client/mailslot.h"
#include "winemailslot/pending.h"
#include "winemailslot/status.h"
#include "winemailslot/unix.h"

/*
 * A program that reads with ReadFile and no OVERLAPPED sleeps right here on the slot's queue and a
 * canceller: no other thread takes part, so a message wakes its reader with one switch.
 */

/*
 * A thread in a synchronous read. Not on its stack: TerminateThread may take that away at any time,
 * and what it leaves here is found when the handle is closed.
 */
struct reader
{
    struct reader *next;
    struct reader *next_all; /* or the next unused one */
    struct file *file;       /* with a reference */
    ULONG thread_id;
    uint64_t cancel; /* kept from read to read */
    bool cancelled;
    const IO_STATUS_BLOCK *io;
};

static RTL_SRWLOCK reader_lock = RTL_SRWLOCK_INIT;
static struct reader *reader_all;
static struct reader *reader_unused;

static struct reader *reader_make(void)
{
    struct unix_cancel cancel = {.result = -1};
    struct reader *reader = layer_alloc(sizeof(*reader));

    if (!reader)
        return NULL;
    unix_call(UNIX_CANCEL_NEW, &cancel);
    if (cancel.result)
    {
        layer_free(reader);
        return NULL;
    }
    reader->cancel = cancel.cancel;
    return reader;
}

static struct reader *reader_add(struct file *file, const IO_STATUS_BLOCK *io)
{
    struct reader *reader;

    RtlAcquireSRWLockExclusive(&reader_lock);
    reader = reader_unused;
    if (reader)
        reader_unused = reader->next_all;
    else
        reader = reader_make();
    if (reader && file_get(file))
    {
        reader->file = file;
        reader->thread_id = nt_thread_id();
        reader->io = io;
        reader->next = file->readers;
        file->readers = reader;
        reader->next_all = reader_all;
        reader_all = reader;
    }
    RtlReleaseSRWLockExclusive(&reader_lock);
    return reader;
}

/* Takes a reader out of all lists; lock held. The file's reference is the caller's then. */
static void reader_unlink(struct reader *reader)
{
    struct unix_cancel cancel = {.cancel = reader->cancel};
    struct reader **at;

    for (at = &reader->file->readers; *at != reader; at = &(*at)->next)
        ;
    *at = reader->next;
    for (at = &reader_all; *at != reader; at = &(*at)->next_all)
        ;
    *at = reader->next_all;
    if (reader->cancelled)
        unix_call(UNIX_CANCEL_RESET, &cancel);
    reader->cancelled = false;
    reader->next_all = reader_unused;
    reader_unused = reader;
}

static void reader_remove(struct file *file, struct reader *reader)
{
    RtlAcquireSRWLockExclusive(&reader_lock);
    reader_unlink(reader);
    RtlReleaseSRWLockExclusive(&reader_lock);
    file_put(file);
}

static bool reader_thread_lives(ULONG thread_id)
{
    CLIENT_ID id = {NULL, (HANDLE)(ULONG_PTR)thread_id};
    OBJECT_ATTRIBUTES attributes = {.Length = sizeof(attributes)};
    LARGE_INTEGER now = {.QuadPart = 0};
    HANDLE thread;
    NTSTATUS status;

    if (NtOpenThread(&thread, SYNCHRONIZE, &attributes, &id))
        return false;
    status = NtWaitForSingleObject(thread, FALSE, &now);
    NtClose(thread);
    return status != STATUS_SUCCESS;
}

/* What threads ended by TerminateThread left behind on a file. */
static void reader_bury(struct file *file)
{
    struct reader *next;
    LONG buried = 0;

    RtlAcquireSRWLockExclusive(&reader_lock);
    for (struct reader *reader = file->readers; reader; reader = next)
    {
        next = reader->next;
        if (reader_thread_lives(reader->thread_id))
            continue;
        reader_unlink(reader);
        buried++;
    }
    RtlReleaseSRWLockExclusive(&reader_lock);
    /* The reference of the call in which the thread was, and the reader's. */
    while (buried--)
    {
        file_put(file);
        file_put(file);
    }
}

/* Waits behind asynchronous reads that came first (R15): as one of them, with an own event. */
static NTSTATUS reader_read_behind(struct file *file, const struct read_request *request,
                                   ULONG *ret_bytes)
{
    IO_STATUS_BLOCK io = {.Status = STATUS_PENDING};
    struct read_request own = *request;
    NTSTATUS status;
    HANDLE event;

    status = NtCreateEvent(&event, EVENT_ALL_ACCESS, NULL, NT_NOTIFICATION_EVENT, FALSE);
    if (status)
        return status;
    own.completion = (struct completion){.event = event, .io = &io};
    status = pending_read(file, &own);
    if (status == STATUS_PENDING)
    {
        NtWaitForSingleObject(event, FALSE, NULL);
        status = io.Status;
    }
    if (status == STATUS_SUCCESS)
        *ret_bytes = io.Information;
    NtClose(event);
    return status;
}

NTSTATUS reader_read(struct file *file, const struct read_request *request, ULONG *ret_bytes)
{
    struct reader *reader;
    struct unix_io io = {
        .slot = file->slot,
        .buffer = UNIX_ADDRESS(request->buffer),
        .size = request->size,
        .timeout = request->timeout,
        .flags = UNIX_READ_WAIT,
        .result = MAILSLOT_CANCELLED,
    };
    NTSTATUS status = STATUS_SUCCESS;

    if (file->n_pending)
        return reader_read_behind(file, request, ret_bytes);
    reader = reader_add(file, request->completion.io);
    if (!reader)
        return STATUS_INSUFFICIENT_RESOURCES;
    io.cancel = reader->cancel;
    if (file->handles) /* or the last one was closed since this call began */
        status = unix_call(UNIX_READ, &io);
    reader_remove(file, reader);
    *ret_bytes = io.done;
    return status ? status : status_from_result(io.result);
}

/* --- ends ------------------------------------------------------------------------------------ */

static void reader_wake(struct reader *reader)
{
    struct unix_cancel cancel = {.cancel = reader->cancel};

    reader->cancelled = true;
    unix_call(UNIX_CANCEL, &cancel);
}

bool reader_cancel(struct file *file, ULONG thread_id, const IO_STATUS_BLOCK *io)
{
    bool found = false;

    RtlAcquireSRWLockExclusive(&reader_lock);
    for (struct reader *reader = file->readers; reader; reader = reader->next)
    {
        if ((thread_id && reader->thread_id != thread_id) || (io && reader->io != io))
            continue;
        reader_wake(reader);
        found = true;
    }
    RtlReleaseSRWLockExclusive(&reader_lock);
    return found;
}

void reader_cancel_all(struct file *file)
{
    if (!file->readers)
        return;
    reader_cancel(file, 0, NULL);
    reader_bury(file);
}

bool reader_cancel_thread(ULONG thread_id)
{
    bool found = false;

    RtlAcquireSRWLockExclusive(&reader_lock);
    for (struct reader *reader = reader_all; reader; reader = reader->next_all)
        if (reader->thread_id == thread_id)
        {
            reader_wake(reader);
            found = true;
        }
    RtlReleaseSRWLockExclusive(&reader_lock);
    return found;
}
