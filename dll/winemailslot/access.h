/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a local client gets what it asks for (Y12). */
#pragma once

#include "winemailslot/nt.h"

/*
 * Asks the slot's own security descriptor, as NT does when a file is opened: the token is that of
 * the calling thread, or of the process. A slot that was made without a descriptor lets the user
 * in. *ret_granted: the rights that the handle has. STATUS_ACCESS_DENIED and errors of the token.
 * Another user's slot was judged by the daemon, and is not asked here.
 */
NTSTATUS access_check(uint64_t slot, ACCESS_MASK wanted, ACCESS_MASK *ret_granted);
