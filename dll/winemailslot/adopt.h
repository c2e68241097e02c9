/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handles of unknown origin: inherited, or put here by another process. */
#pragma once

#include "winemailslot/file.h"

/*
 * The file behind a handle, with one handle's reference, or NULL if it is no mailslot of ours.
 * *ret_unsure is set then if that could not be found out now.
 */
struct file *adopt_handle(HANDLE handle, ACCESS_MASK *ret_access, bool *ret_unsure);

/* Whether the handle still is one of this file: true also when that cannot be found out. */
bool adopt_is_still(HANDLE handle, const struct file *file);
