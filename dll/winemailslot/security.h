/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Security descriptors of slots: kept with the slot and given back (S1, C11). */
#pragma once

#include "winemailslot/file.h"

/* Keeps the descriptor that the creator passed (absolute or self-relative; NULL: the default). */
NTSTATUS security_keep(uint64_t slot, void *descriptor);
