/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which handles of this process are mailslots. */
#include "winemailslot/handles.h"

#include "winemailslot/adopt.h"
#include "winemailslot/dispatch.h"
#include "winemailslot/underway.h"

/*
 * Every file call of every module passes through here, so the answer for a handle that is no
 * mailslot must cost next to nothing: a table indexed by the handle value (NT hands out small
 * multiples of four, densely) says for each one unknown, foreign, or which file.
 *
 * Readers take no lock: struct file is never given back to the heap, so a stale pointer still
 * points to a struct file, whose reference count tells whether it lives (file_get), and a second
 * look at the table tells whether it is still this handle's.
 */
#define HANDLES_UNKNOWN ((struct file *)0)
#define HANDLES_CLOSING ((struct file *)2) /* a slot's, until the native close has returned */

/* A closer may be killed half-way: then the handle is looked at anew. */
#define HANDLES_CLOSING_LOOKS  100000
#define HANDLES_BIRTH_LOOKS    2000
#define HANDLES_ADOPTION_LOOKS 100
#define HANDLES_ADOPTION_MS    50

struct handles_entry *volatile handles_chunks[HANDLES_CHUNKS];

static ULONG_PTR handles_index(HANDLE handle)
{
    return (ULONG_PTR)handle >> 2;
}

static struct handles_entry *handles_entry(HANDLE handle)
{
    ULONG_PTR index = handles_index(handle);
    struct handles_entry *chunk;

    if (index >= HANDLES_CHUNK * HANDLES_CHUNKS)
        return NULL; /* pseudo handles among them */
    chunk = handles_chunks[index / HANDLES_CHUNK];
    return chunk ? &chunk[index % HANDLES_CHUNK] : NULL;
}

static struct handles_entry *handles_make_entry(HANDLE handle)
{
    ULONG_PTR index = handles_index(handle);
    struct handles_entry *chunk;

    if (index >= HANDLES_CHUNK * HANDLES_CHUNKS)
        return NULL;
    if (!handles_chunks[index / HANDLES_CHUNK])
    {
        chunk = layer_alloc(sizeof(*chunk) * HANDLES_CHUNK);
        if (!chunk)
            return NULL;
        if (InterlockedCompareExchangePointer(
                (void *volatile *)&handles_chunks[index / HANDLES_CHUNK], chunk, NULL))
            layer_free(chunk);
    }
    return &handles_chunks[index / HANDLES_CHUNK][index % HANDLES_CHUNK];
}

static bool handles_is_slot(const struct file *file)
{
    return file != HANDLES_UNKNOWN && file != HANDLES_FOREIGN && file != HANDLES_CLOSING;
}

/*
 * A handle that another thread is closing must neither be adopted afresh (the entry would outlive
 * the handle) nor be used natively (a read would swallow the lease's pipe).
 */
static void handles_await_close(struct handles_entry *entry)
{
    for (int i = 0; i < HANDLES_CLOSING_LOOKS && entry->file == HANDLES_CLOSING; i++)
        NtYieldExecution();
    InterlockedCompareExchangePointer((void *volatile *)&entry->file, HANDLES_UNKNOWN,
                                      HANDLES_CLOSING);
}

static struct underway handles_births, handles_adoptions;

void handles_birth(void)
{
    underway_begin(&handles_births);
}

void handles_born(void)
{
    underway_end(&handles_births);
}

/*
 * Whoever looks at a handle holds its lease open for that moment, also if he came by its value
 * wrongly (a handle that was closed and made anew): a slot must not outlive its handle for that.
 */
void handles_await_adoptions(void)
{
    underway_await(&handles_adoptions, HANDLES_ADOPTION_LOOKS, HANDLES_ADOPTION_MS);
}

/* The handle was closed while it was looked at: by a thread that did not know it for a slot. */
static void handles_discard(struct handles_entry *entry, struct file *file)
{
    enum file_kind kind = file->kind;
    uint64_t lease_id = file->lease_id;

    if (InterlockedCompareExchangePointer((void *volatile *)&entry->file, HANDLES_UNKNOWN, file) !=
        file)
        return; /* given up by others already */
    file_close(file);
    file_check(kind, lease_id);
}

static bool handles_has_mark(HANDLE handle)
{
    struct nt_object_basic_info info;
    NTSTATUS status = NtQueryObject(handle, NT_OBJECT_BASIC, &info, sizeof(info), NULL);

    return status == STATUS_SUCCESS ? layer_is_marked(info.access)
                                    : status != STATUS_INVALID_HANDLE;
}

/*
 * Another process may have closed the handle (DuplicateHandle with DUPLICATE_CLOSE_SOURCE), and its
 * value may have become that of another object, which is why a slot's handle is looked at again
 * after this process has asked for new ones. False: it is no longer this file's.
 */
static bool handles_look_again(HANDLE handle, struct handles_entry *entry, struct file *file)
{
    LONG made = dispatch_made;
    bool still;

    if (layer_is_marked(entry->access))
        still = handles_has_mark(handle);
    else
    {
        underway_begin(&handles_adoptions);
        still = adopt_is_still(handle, file);
        underway_end(&handles_adoptions);
    }
    if (still)
        entry->looked = made;
    else
        handles_discard(entry, file);
    return still;
}

static bool handles_get(HANDLE handle, struct handles_entry *entry, struct handle_view *ret)
{
    for (;;)
    {
        struct file *file = entry->file;

        if (!handles_is_slot(file))
            return false;
        if (!file_get(file))
            continue; /* being closed: the table is about to say so */
        ret->access = entry->access & ~LAYER_MARK_BITS;
        if (entry->file == file &&
            (entry->looked == dispatch_made || handles_look_again(handle, entry, file)))
        {
            ret->file = file;
            return true;
        }
        file_put(file);
    }
}

bool handles_find(HANDLE handle, struct handle_view *ret)
{
    struct handles_entry *entry = handles_entry(handle);

    if (!entry)
    {
        if (handles_index(handle) >= HANDLES_CHUNK * HANDLES_CHUNKS)
            return false;
        entry = handles_make_entry(handle);
        if (!entry)
            return false;
    }
    if (entry->file == HANDLES_FOREIGN)
        return false;
    if (entry->file == HANDLES_CLOSING)
        handles_await_close(entry);
    if (handles_get(handle, entry, ret))
        return true;
    /* It may be one that is just being made: to adopt it would hold its lease open for a moment
     * that nobody expects, long enough for a slot to outlive its handle. */
    if (entry->file == HANDLES_UNKNOWN)
        underway_await(&handles_births, HANDLES_BIRTH_LOOKS, 0);
    if (entry->file == HANDLES_UNKNOWN)
    {
        ACCESS_MASK access = 0;
        LONG closes = entry->closes, made = dispatch_made;
        bool unsure = false;
        struct file *file;

        underway_begin(&handles_adoptions);
        file = adopt_handle(handle, &access, &unsure);
        underway_end(&handles_adoptions);

        if (unsure)
            return false;
        if (!file)
        {
            InterlockedCompareExchangePointer((void *volatile *)&entry->file, HANDLES_FOREIGN,
                                              HANDLES_UNKNOWN);
        }
        else
        {
            /* Another thread may have been faster; then its file is as good. */
            entry->access = access;
            entry->looked = made;
            if (InterlockedCompareExchangePointer((void *volatile *)&entry->file, file,
                                                  HANDLES_UNKNOWN))
                file_close(file);
            else if (entry->closes != closes)
                handles_discard(entry, file);
        }
    }
    return handles_get(handle, entry, ret);
}

bool handles_find_known(HANDLE handle, struct handle_view *ret)
{
    struct handles_entry *entry = handles_entry(handle);

    return entry && handles_get(handle, entry, ret);
}

struct file *handles_peek(HANDLE handle)
{
    struct handles_entry *entry = handles_entry(handle);
    struct file *file = entry ? entry->file : NULL;

    return handles_is_slot(file) ? file : NULL;
}

/* The value's last handle was closed where we do not see it (by another process), or it was adopted
 * while it was made: what the table says of it is over. */
static void handles_replace(struct handles_entry *entry, struct file *file)
{
    struct file *old = InterlockedExchangePointer((void *volatile *)&entry->file, file);

    if (handles_is_slot(old))
        file_close(old);
}

bool handles_add(HANDLE handle, struct file *file, ACCESS_MASK access)
{
    struct handles_entry *entry = handles_make_entry(handle);

    if (!entry)
        return false;
    entry->access = access;
    entry->looked = dispatch_made;
    handles_replace(entry, file);
    return true;
}

void handles_add_foreign(HANDLE handle)
{
    struct handles_entry *entry = handles_make_entry(handle);

    if (entry && entry->file != HANDLES_FOREIGN)
        handles_replace(entry, HANDLES_FOREIGN);
}

void handles_add_unknown(HANDLE handle)
{
    struct handles_entry *entry = handles_entry(handle);

    if (entry && entry->file != HANDLES_UNKNOWN)
        handles_replace(entry, HANDLES_UNKNOWN);
}

struct file *handles_remove(HANDLE handle, ACCESS_MASK *ret_access)
{
    struct handles_entry *entry = handles_entry(handle);
    struct file *file;

    if (entry)
        InterlockedIncrement(&entry->closes);
    for (;;)
    {
        file = entry ? entry->file : NULL;
        if (!handles_is_slot(file))
            return NULL;
        *ret_access = entry->access;
        if (InterlockedCompareExchangePointer((void *volatile *)&entry->file, HANDLES_CLOSING,
                                              file) == file)
            return file;
    }
}

void handles_removed(HANDLE handle)
{
    struct handles_entry *entry = handles_entry(handle);
    struct file *file = entry ? entry->file : HANDLES_UNKNOWN;

    /* The value may be another thread's new handle by now: at worst it is looked at once more. */
    if (file == HANDLES_FOREIGN || file == HANDLES_CLOSING)
        InterlockedCompareExchangePointer((void *volatile *)&entry->file, HANDLES_UNKNOWN, file);
}

void handles_restore(HANDLE handle, struct file *file, ACCESS_MASK access)
{
    if (!handles_add(handle, file, access))
        file_close(file);
}

bool handles_is_file(HANDLE handle)
{
    IO_STATUS_BLOCK io;
    ULONG mode;

    return NtQueryInformationFile(handle, &io, &mode, sizeof(mode), NT_FILE_MODE) == STATUS_SUCCESS;
}
