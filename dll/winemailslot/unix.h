/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls into winemailslot.so. */
#pragma once

#include "unixlib/unixcalls.h"
#include "winemailslot/nt.h"

#define UNIX_ADDRESS(pointer) ((uint64_t)(ULONG_PTR)(pointer))

/* Finds the Unix library of this module. STATUS_DLL_NOT_FOUND and the like. */
NTSTATUS unix_init(void);

/* 0, or STATUS_ACCESS_VIOLATION when the arguments named memory that is not there. */
NTSTATUS unix_call(enum unix_call call, void *arguments);
