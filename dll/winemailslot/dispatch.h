/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How system calls of the whole process reach the layer: see dispatch.c. */
#pragma once

#include "winemailslot/nt.h"

/*
 * Learns the numbers of the system calls from ntdll's stubs. From then on the layer's own calls of
 * these functions are system calls, whatever others hook. Nothing else has changed yet.
 * STATUS_ENTRYPOINT_NOT_FOUND: this ntdll has no such stubs, and the layer cannot work. Once,
 * before all else of the layer; the loader lock may be held.
 */
NTSTATUS dispatch_prepare(HMODULE ntdll);

/*
 * How often this process has asked Wine for a new handle: while this stands still, no handle value
 * has got a new meaning (but by another process that puts a handle here). Any thread.
 */
extern volatile LONG dispatch_made;

/* Sends the process's system calls through the layer. Once, after dispatch_prepare(). */
void dispatch_install(void);

/*
 * Learns what MsgWaitForMultipleObjects calls in win32u.dll, now or as soon as that is loaded.
 * Once, with the loader lock held.
 */
void dispatch_find_message_waits(void);

/*
 * The layer must see these calls now, if there are any. Any thread, any number of times; takes no
 * lock.
 */
void dispatch_want_message_waits(void);

/*
 * What a module exports under a name, code or data; NULL if it does not, or elsewhere. Takes no
 * lock, other than the loader: a program may hold the loader's and wait for the calling thread.
 */
void *dispatch_export(HMODULE module, const char *name);
