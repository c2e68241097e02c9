/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MAILSLOT_TRACE=1: what the layer decides, a line each, on the Unix standard error. */
#pragma once

#include "winemailslot/file.h"
#include "winemailslot/names.h"

/* Set at most once, while the layer attaches. Off: a call below is one branch, never taken. */
extern bool trace_on;

/* Reads the variable (unset, empty or 0: off). Before the program's first mailslot call. */
void trace_start(HMODULE ntdll);

/*
 * The lines themselves; any thread, and nothing of the caller's changes: no status, no last error.
 * The texts below are for the inline functions only.
 */
void trace_write_name(const char *verb, const struct name *name, NTSTATUS status, HANDLE handle);
void trace_write_other(const OBJECT_ATTRIBUTES *attributes);
void trace_write_cancel(HANDLE handle, NTSTATUS status);
void trace_write_adopt(HANDLE handle, const struct file *file, NTSTATUS status, int result);
void trace_write_io(const char *verb, HANDLE handle, ULONG size, NTSTATUS status, ULONG bytes,
                    const IO_STATUS_BLOCK *io);
void trace_write_pended(NTSTATUS status, ULONG_PTR bytes, const IO_STATUS_BLOCK *io);
void trace_write_close(HANDLE handle, const struct file *file);
void trace_write_duplicate(HANDLE source, HANDLE handle);
void trace_write_give_up(const char *reason);

static inline bool trace_wanted(void)
{
    return __builtin_expect(trace_on, 0);
}

/* A slot was created or opened. `name` NULL: refused before the name was taken apart. */
static inline void trace_name(const char *verb, const struct name *name, NTSTATUS status,
                              HANDLE handle)
{
    if (trace_wanted())
        trace_write_name(verb, name, status, handle);
}

/* A file is opened whose name is no slot's: it is Wine's. A line only if "mailslot" is in it. */
static inline void trace_other(const OBJECT_ATTRIBUTES *attributes)
{
    if (trace_wanted())
        trace_write_other(attributes);
}

/* Reads of a slot's handle were cancelled, or there were none. */
static inline void trace_cancel(HANDLE handle, NTSTATUS status)
{
    if (trace_wanted())
        trace_write_cancel(handle, status);
}

/*
 * A handle of unknown origin was looked at. `file` NULL: not adopted; then `status` says why it
 * could not be asked, or `result` (enum mailslot_result) what the daemon said.
 */
static inline void trace_adopt(HANDLE handle, const struct file *file, NTSTATUS status, int result)
{
    if (trace_wanted())
        trace_write_adopt(handle, file, status, result);
}

/* A read or a write of `size` bytes; `io` is looked at for its address only, NULL: not shown. */
static inline void trace_io(const char *verb, HANDLE handle, ULONG size, NTSTATUS status,
                            ULONG bytes, const IO_STATUS_BLOCK *io)
{
    if (trace_wanted())
        trace_write_io(verb, handle, size, status, bytes, io);
}

/* A read that was STATUS_PENDING has ended. */
static inline void trace_pended(NTSTATUS status, ULONG_PTR bytes, const IO_STATUS_BLOCK *io)
{
    if (trace_wanted())
        trace_write_pended(status, bytes, io);
}

/* A slot's handle was closed; the file still has the handle's reference. */
static inline void trace_close(HANDLE handle, const struct file *file)
{
    if (trace_wanted())
        trace_write_close(handle, file);
}

/* A slot's handle was duplicated within the process. */
static inline void trace_duplicate(HANDLE source, HANDLE handle)
{
    if (trace_wanted())
        trace_write_duplicate(source, handle);
}

/* The process goes on with Wine's own mailslots. */
static inline void trace_give_up(const char *reason)
{
    if (trace_wanted())
        trace_write_give_up(reason);
}
