/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared mappings between two pages that nobody may touch: finds what ASan does not see */
#pragma once

#include <stddef.h>

/* How many shared mappings of files there are now, to find those that were forgotten. One thread.
 */
unsigned int guard_count(void);
