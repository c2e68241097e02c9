/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Completions that go to the thread pool: BindIoCompletionCallback, CreateThreadpoolIo (R13). */
#pragma once

#include "winemailslot/nt.h"

struct tp_io;

/* Hands one completion to the pool. */
void threadpool_post(struct tp_io *io, void *overlapped, NTSTATUS status, ULONG_PTR bytes);

/* The file that completes to `io` is gone. */
void threadpool_unbind(struct tp_io *io);
