/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which handles of this process are mailslots. */
#pragma once

#include "winemailslot/file.h"

/* A handle found to be a mailslot. The reference on the file is the holder's: file_put(). */
struct handle_view
{
    struct file *file;
    ACCESS_MASK access;
};

/* The table; private to handles.c but for the question that every call of every module asks. */
#define HANDLES_CHUNK   4096
#define HANDLES_CHUNKS  4096 /* 2^24 handles, the most that Wine gives out */
#define HANDLES_FOREIGN ((struct file *)1)

struct handles_entry
{
    struct file *volatile file;
    volatile ACCESS_MASK access; /* with the mark, if the handle has it */
    volatile LONG closes; /* how often this value was closed: tells whether it is still the same */
    volatile LONG looked; /* dispatch_made when it was last seen to be this file's */
};

extern struct handles_entry *volatile handles_chunks[HANDLES_CHUNKS];

/* Whether the handle is known to be no mailslot. */
static inline bool handles_is_foreign(HANDLE handle)
{
    ULONG_PTR index = (ULONG_PTR)handle >> 2;
    const struct handles_entry *chunk;

    if (index >= HANDLES_CHUNK * HANDLES_CHUNKS)
        return false;
    chunk = handles_chunks[index / HANDLES_CHUNK];
    return chunk && chunk[index % HANDLES_CHUNK].file == HANDLES_FOREIGN;
}

/*
 * Is it one of ours? Handles that this process made itself are known; one that it inherited or was
 * given is looked at once, which may ask the daemon. Costs two loads for a known foreign handle.
 */
bool handles_find(HANDLE handle, struct handle_view *ret);

/* As above, but only what is known already: never asks. */
bool handles_find_known(HANDLE handle, struct handle_view *ret);

/* As that, but takes no reference: good for comparing, and while the handle cannot be closed. */
struct file *handles_peek(HANDLE handle);

/*
 * A new handle value that is a mailslot, its access with the mark if it has it; takes over one
 * reference on file. False: no memory.
 */
bool handles_add(HANDLE handle, struct file *file, ACCESS_MASK access);

/*
 * Around the making of a slot's handle, up to handles_add(): others that happen to use its value
 * already (a handle that was closed before) wait with their questions.
 */
void handles_birth(void);
void handles_born(void);

/* After a slot's handle was closed: until nobody looks at handles of unknown origin. Bounded. */
void handles_await_adoptions(void);

/* A handle value that has just come from a call that never makes mailslots. */
void handles_add_foreign(HANDLE handle);

/* A handle value that is new in this process, of an object that is not known. */
void handles_add_unknown(HANDLE handle);

/* The layer's NtClose, for handles that turn out not to be wanted. */
NTSTATUS NTAPI layer_NtClose(HANDLE handle);

/* Whether a handle that is no mailslot is a file at all (I9). */
bool handles_is_file(HANDLE handle);

/*
 * Before the handle is closed: a slot's file with the reference that the handle had, or NULL. Then
 * other threads wait for the close when they name the handle, until handles_removed(), or
 * handles_restore() when the close has failed.
 */
struct file *handles_remove(HANDLE handle, ACCESS_MASK *ret_access);

/* Of the handle value nothing is known any more, unless it has become a mailslot since. */
void handles_removed(HANDLE handle);
void handles_restore(HANDLE handle, struct file *file, ACCESS_MASK access);
