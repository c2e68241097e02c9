/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One open mailslot of this process, shared by its handles and by what is under way on it. */
#include "winemailslot/file.h"

#include "winemailslot/pending.h"
#include "winemailslot/unix.h"

/* Files are reused but never freed: see handles.c. */
static RTL_SRWLOCK file_lock = RTL_SRWLOCK_INIT;
static struct file *file_unused;
static volatile bool file_had_slot;

static struct file *file_alloc(void)
{
    struct file *file;

    layer_lock(&file_lock);
    file = file_unused;
    if (file)
        file_unused = file->next_free;
    RtlReleaseSRWLockExclusive(&file_lock);
    return file ? file : layer_alloc(sizeof(*file));
}

struct file *file_new(enum file_kind kind, uint64_t slot, uint64_t lease_id, uint64_t created,
                      ULONG options)
{
    struct file *file = file_alloc();

    if (!file)
        return NULL;
    file->handles = 1;
    file->kind = kind;
    file->options = options;
    file->slot = slot;
    if (slot)
        file_had_slot = true;
    file->lease_id = lease_id;
    file->created = created;
    file->inode = 0;
    file->port = NULL;
    file->port_key = 0;
    file->completion_flags = 0;
    file->event = NULL;
    file->first = file->last = NULL;
    file->n_readers = 0;
    file->n_pending = 0;
    file->watched = false;
    file->next_free = NULL;
    /* From here on file_get() succeeds. */
    InterlockedExchange(&file->references, 1);
    return file;
}

bool file_any(void)
{
    return file_had_slot;
}

bool file_get(struct file *file)
{
    LONG count = file->references;

    while (count > 0)
    {
        LONG seen = InterlockedCompareExchange(&file->references, count + 1, count);

        if (seen == count)
            return true;
        count = seen;
    }
    return false;
}

void file_put(struct file *file)
{
    struct unix_slot slot;

    if (InterlockedDecrement(&file->references))
        return;
    slot.slot = file->slot;
    if (file->slot)
        unix_call(UNIX_FREE, &slot);
    if (file->port)
        NtClose(file->port);
    if (file->event)
        NtClose(file->event);
    layer_lock(&file_lock);
    file->next_free = file_unused;
    file_unused = file;
    RtlReleaseSRWLockExclusive(&file_lock);
}

bool file_add_handle(struct file *file)
{
    if (!file_get(file))
        return false;
    InterlockedIncrement(&file->handles);
    return true;
}

void file_close(struct file *file)
{
    if (!InterlockedDecrement(&file->handles))
    {
        pending_cancel(file, 0, NULL);
        reader_cancel_all(file);
    }
    file_put(file);
}

void file_check_all(void)
{
    struct unix_check arguments = {.lease_id = 0};

    unix_call(UNIX_CHECK, &arguments);
}

void file_check(enum file_kind kind, uint64_t lease_id)
{
    struct unix_check arguments = {.lease_id = lease_id};

    if (kind == FILE_SERVER)
        unix_call(UNIX_CHECK, &arguments);
}
