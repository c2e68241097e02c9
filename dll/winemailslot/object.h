/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a slot handle is called. */
#pragma once

#include "winemailslot/file.h"

/* "\name" of a server or writer (F2, F3); allocated, *ret_units without a terminator. */
NTSTATUS object_file_name(struct file *file, WCHAR **ret, ULONG *ret_units);
