/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One open mailslot of this process, shared by its handles and by what is under way on it. */
#pragma once

#include "winemailslot/layer.h"

enum file_kind /* numbers as enum mailslot_kind */
{
    FILE_SERVER = 1,
    FILE_WRITER = 2,
    FILE_REMOTE = 3,
    FILE_DEVICE = 4, /* the mailslot device: Wine's own handle, kept as a root for names */
};

struct pending;
struct reader;

struct file
{
    volatile LONG references; /* handles, calls under way, pending reads */
    volatile LONG handles;
    enum file_kind kind;
    ULONG options; /* of the open: NT_MAILSLOT_OPTIONS */
    uint64_t slot; /* of the Unix library; 0: a writer whose slot is gone */
    uint64_t lease_id;
    uint64_t created; /* 100 ns since 1601 */
    uint64_t inode;   /* of the lease behind the handles; 0: not known */

    HANDLE port; /* I/O completion port, our own handle, or NULL */
    ULONG_PTR port_key;
    ULONG completion_flags; /* FILE_SKIP_… */

    /* Guarded by the lock of pending.c */
    HANDLE event; /* the file object's own signal; NULL until a read has pended (R10, F13) */
    struct pending *first, *last;
    volatile LONG n_pending;
    bool watched;
    struct file *next_watched, *prev_watched;
    struct file *next_free;

    volatile LONG n_readers; /* threads in a synchronous read: reader.c */
};

/* One reference, which is the first handle's. NULL: no memory. Slot 0 for a dead writer. */
struct file *file_new(enum file_kind kind, uint64_t slot, uint64_t lease_id, uint64_t created,
                      ULONG options);

/* Whether this process has ever had a slot open. */
bool file_any(void);

/* One more reference; false when the file is gone already. */
bool file_get(struct file *file);
void file_put(struct file *file);

/* One more handle (with its reference), after DuplicateHandle in the process. */
bool file_add_handle(struct file *file);

/* A handle is gone: gives its reference back; the last one ends what is pending (R18). */
void file_close(struct file *file);

/* Has the daemon look whether the slot is over, after a server handle was closed (L1, L3). */
void file_check(enum file_kind kind, uint64_t lease_id);

/* The same for all slots, after a program has ended (Y9). */
void file_check_all(void);

static inline bool file_is_synchronous(const struct file *file)
{
    return file->options & NT_SYNCHRONOUS_OPTIONS;
}
