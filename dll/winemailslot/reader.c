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
 *
 * TerminateThread may end any of these threads anywhere, and the others must not notice. So there
 * is no lock that could stay taken: records of readers are claimed and given back by their state
 * word alone, are never freed, and what a killed thread leaves in one is found when the handle is
 * closed. The worst that can happen is that a record is not used again.
 */
enum reader_state
{
    READER_FREE,
    READER_CLAIMED,   /* its owner reads or writes the fields */
    READER_READING,   /* the fields stand */
    READER_LOOKED_AT, /* as reading, but somebody decides about cancelling it */
};

#define READER_PATIENCE 10000 /* yields until a record is given up as left by a killed thread */

struct reader
{
    struct reader *next;
    volatile LONG state;
    ULONG thread_id;
    struct file *file; /* with a reference */
    const IO_STATUS_BLOCK *io;
    uint64_t cancel; /* kept from read to read */
    bool cancelled;
};

#define READER_POOL 64

static struct reader *volatile reader_all;
static struct reader reader_pool[READER_POOL];
static volatile LONG reader_pool_used;

/*
 * The process heap has a lock, too, and a thread that is killed in it leaves it taken for ever. So
 * the heap is asked only for more records than programs ever need: each thread that reads, and each
 * that was killed in it since its slot was opened, has one.
 */
static struct reader *reader_memory(void)
{
    LONG used = reader_pool_used;

    while (used < READER_POOL)
    {
        LONG seen = InterlockedCompareExchange(&reader_pool_used, used + 1, used);

        if (seen == used)
            return &reader_pool[used];
        used = seen;
    }
    return layer_alloc(sizeof(struct reader));
}

static struct reader *reader_make(void)
{
    struct unix_cancel cancel = {.result = -1};
    struct reader *reader = reader_memory();

    if (!reader)
        return NULL;
    unix_call(UNIX_CANCEL_NEW, &cancel);
    if (cancel.result)
    {
        /* No descriptors left: a record of the pool is lost, and there is still the heap. */
        if (reader < reader_pool || reader >= reader_pool + READER_POOL)
            layer_free(reader);
        return NULL;
    }
    reader->cancel = cancel.cancel;
    reader->state = READER_CLAIMED;
    do
        reader->next = reader_all;
    while (InterlockedCompareExchangePointer((void *volatile *)&reader_all, reader, reader->next) !=
           reader->next);
    return reader;
}

/* From one state to another, waiting while somebody looks at the record. */
static bool reader_change(struct reader *reader, LONG from, LONG to)
{
    for (int i = 0; i < READER_PATIENCE; i++)
    {
        LONG seen = InterlockedCompareExchange(&reader->state, to, from);

        if (seen != READER_LOOKED_AT)
            return seen == from;
        NtYieldExecution();
    }
    return false;
}

static struct reader *reader_add(struct file *file, const IO_STATUS_BLOCK *io)
{
    struct reader *reader;

    for (reader = reader_all; reader; reader = reader->next)
        if (reader->state == READER_FREE &&
            InterlockedCompareExchange(&reader->state, READER_CLAIMED, READER_FREE) == READER_FREE)
            break;
    if (!reader)
        reader = reader_make();
    if (!reader || !file_get(file))
        return NULL; /* the caller has a reference: the second cannot happen */
    reader->file = file;
    reader->thread_id = nt_thread_id();
    reader->io = io;
    InterlockedIncrement(&file->n_readers);
    InterlockedExchange(&reader->state, READER_READING);
    return reader;
}

/* Gives a record back; the file's reference is the caller's then. False: it is not to be had. */
static bool reader_remove(struct file *file, struct reader *reader)
{
    struct unix_cancel cancel = {.cancel = reader->cancel};

    if (!reader_change(reader, READER_READING, READER_CLAIMED))
        return false;
    if (reader->cancelled)
        unix_call(UNIX_CANCEL_RESET, &cancel);
    reader->cancelled = false;
    reader->file = NULL;
    InterlockedDecrement(&file->n_readers);
    InterlockedExchange(&reader->state, READER_FREE);
    return true;
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
    for (struct reader *reader = reader_all; reader; reader = reader->next)
    {
        if (reader->state != READER_READING || reader->file != file ||
            reader_thread_lives(reader->thread_id) || !reader_remove(file, reader))
            continue;
        /* The reader's reference, and that of the call in which its thread was. */
        file_put(file);
        file_put(file);
    }
}

/*
 * Waits behind asynchronous reads that came first (R15): as one of them, with an own event and
 * status block. Both outlive this thread if it is killed: the read then ends into nothing.
 */
static NTSTATUS reader_read_behind(struct file *file, const struct read_request *request,
                                   ULONG *ret_bytes)
{
    IO_STATUS_BLOCK *io = layer_alloc(sizeof(*io));
    struct read_request own = *request;
    NTSTATUS status;
    HANDLE event;

    if (!io)
        return STATUS_NO_MEMORY;
    status = NtCreateEvent(&event, EVENT_ALL_ACCESS, NULL, NT_NOTIFICATION_EVENT, FALSE);
    if (status)
    {
        layer_free(io);
        return status;
    }
    io->Status = STATUS_PENDING;
    own.completion = (struct completion){.event = event, .io = io};
    status = pending_read(file, &own);
    if (status == STATUS_PENDING)
    {
        NtWaitForSingleObject(event, FALSE, NULL);
        status = io->Status;
    }
    if (status == STATUS_SUCCESS)
        *ret_bytes = io->Information;
    NtClose(event);
    layer_free(io);
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
    file_put(file);
    *ret_bytes = io.done;
    return status ? status : status_from_result(io.result);
}

/* --- ends ------------------------------------------------------------------------------------ */

/* Ends the reads for which all that is given (not 0, not NULL) is the same. */
static bool reader_cancel_matching(const struct file *file, ULONG thread_id,
                                   const IO_STATUS_BLOCK *io)
{
    bool found = false;

    for (struct reader *reader = reader_all; reader; reader = reader->next)
    {
        struct unix_cancel cancel = {.cancel = reader->cancel};

        if (!reader_change(reader, READER_READING, READER_LOOKED_AT))
            continue;
        if ((!file || reader->file == file) && (!thread_id || reader->thread_id == thread_id) &&
            (!io || reader->io == io))
        {
            reader->cancelled = true;
            unix_call(UNIX_CANCEL, &cancel);
            found = true;
        }
        InterlockedExchange(&reader->state, READER_READING);
    }
    return found;
}

bool reader_cancel(struct file *file, ULONG thread_id, const IO_STATUS_BLOCK *io)
{
    return file->n_readers && reader_cancel_matching(file, thread_id, io);
}

void reader_cancel_all(struct file *file)
{
    if (reader_cancel(file, 0, NULL))
        reader_bury(file);
}

bool reader_any(void)
{
    return reader_all;
}

bool reader_cancel_thread(ULONG thread_id)
{
    return reader_cancel_matching(NULL, thread_id, NULL);
}
