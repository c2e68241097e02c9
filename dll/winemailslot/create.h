/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How access masks and timeouts are written in NT, and how we keep them. */
#pragma once

#include "winemailslot/nt.h"

/* Generic rights as the file rights that they stand for. */
ACCESS_MASK create_map_access(ACCESS_MASK access);

/* NT's 100 ns (negative: relative, positive: absolute, -1 or NULL: for ever) in ms (C10, I14, T10)
 */
ULONG create_timeout_to_ms(const LARGE_INTEGER *timeout);
