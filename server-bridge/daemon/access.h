/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a slot's security descriptor lets other users of this machine do. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * May a user who is not the slot's owner write to it? `descriptor`: self-relative, size bytes (0:
 * none was set), any content; it must not change meanwhile. What cannot be read says no (S1, C11).
 */
bool access_others_may_write(const void *descriptor, size_t size);
