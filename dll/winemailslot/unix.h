/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls into winemailslot.so. */
#pragma once

#include "unixlib/unixcalls.h"
#include "winemailslot/nt.h"

#define UNIX_ADDRESS(pointer) ((uint64_t)(ULONG_PTR)(pointer))

/* Loads the Unix library of this module. STATUS_DLL_NOT_FOUND and the like. */
NTSTATUS unix_init(HMODULE ntdll);

/* 0, or STATUS_ACCESS_VIOLATION when the arguments named memory that is not there. */
NTSTATUS unix_call(enum unix_call call, void *arguments);

/* What tells a descriptor's file from all others while it is open; 0: it cannot be told. */
uint64_t unix_inode(int fd);

/*
 * What a system call does before it begins: STATUS_ACCESS_VIOLATION unless the memory of the caller
 * can be written. The second range may have size 0.
 */
NTSTATUS unix_probe(void *first, ULONG first_size, void *second, ULONG second_size);

/* The same for a status block and data that is only read. */
NTSTATUS unix_probe_input(IO_STATUS_BLOCK *io, const void *data, ULONG size);
