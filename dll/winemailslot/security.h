/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Security descriptors of slots: kept with the slot and given back (S1, C11). */
#pragma once

#include "winemailslot/file.h"

/* Keeps the descriptor that the creator passed (absolute or self-relative; NULL: the default). */
NTSTATUS security_keep(uint64_t slot, void *descriptor);

/*
 * The parts of the slot's descriptor that `info` names, self-relative, in at most `size` bytes at
 * `out`. What the slot's maker did not say comes from the token of this process. *ret_size may be
 * NULL; it is set also with STATUS_BUFFER_TOO_SMALL.
 */
NTSTATUS security_descriptor(uint64_t slot, ULONG info, void *out, ULONG size, ULONG *ret_size);
