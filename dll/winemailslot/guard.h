/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arguments of system calls that point nowhere. */
#pragma once

#include "winemailslot/nt.h"

/*
 * Returns function(argument), or STATUS_ACCESS_VIOLATION if that touched memory that is not there:
 * it is then left where it was, so it must hold no lock and no memory. Any thread.
 */
NTSTATUS guard_call(NTSTATUS (*function)(void *argument), void *argument);

/* Whether all of this can be read. A size of 0 can. */
bool guard_readable(const void *start, SIZE_T size);
