/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The layer as a whole: attached to Wine, in use or given up. */
#pragma once

#include "winemailslot/nt.h"

/* What kernel32 asks for; grows when the exports change their meaning. */
#define LAYER_VERSION 2

/* Says on standard error why the program runs on Wine's own mailslots, and what mends it. */
typedef void CALLBACK layer_complain_fn(NTSTATUS status);

/* Whether mailslots are ours in this process. False: every call goes on to Wine's own. */
bool layer_active(void);

/*
 * The same, and the Unix library is there. It is loaded by the first call: to be asked before the
 * first Unix call on behalf of a name or a handle. If it cannot be had, that is said once, and the
 * process runs on Wine's own mailslots.
 */
bool layer_ready(void);

/*
 * For results that mean "no mailslots to be had" (no daemon, wrong version): says so once on
 * standard error, and from now on the process runs on Wine's own mailslots. Returns whether it did.
 */
bool layer_give_up(int result);

/*
 * Rights that mean nothing to a file, and that no other handle has in this combination: the handles
 * of slots have them, so that they can be told from others by asking for their access.
 */
#define LAYER_MARK      0xa800
#define LAYER_MARK_BITS 0xfc00

static inline bool layer_is_marked(ACCESS_MASK access)
{
    return (access & LAYER_MARK_BITS) == LAYER_MARK;
}

/*
 * A Unix descriptor as an NT handle, with the mark, and back (DESIGN.md fact 8). The descriptor
 * stays the caller's.
 */
NTSTATUS layer_fd_to_handle(int fd, ACCESS_MASK access, ULONG attributes, HANDLE *ret);
NTSTATUS layer_handle_to_fd(HANDLE handle, int *ret_fd);

/* Whether an address lies in kernelbase.dll. */
bool layer_in_kernelbase(const void *address);

void *layer_alloc(SIZE_T size); /* zeroed; NULL when there is none */
void layer_free(void *memory);

/*
 * An exclusive lock. While the process exits its other threads are gone, perhaps with the lock:
 * whoever is left (a DllMain, an exit handler that closes its slots) takes it over.
 */
void layer_lock(RTL_SRWLOCK *lock);

/* Interrupt time in ms, for deadlines. */
LONGLONG layer_clock(void);
