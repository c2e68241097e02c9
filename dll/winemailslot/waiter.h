/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one thread of a process that waits for messages on behalf of asynchronous reads. */
#pragma once

#include "winemailslot/nt.h"

/* Makes sure that it runs. */
NTSTATUS waiter_start(void);

/* Whether there is one. */
bool waiter_runs(void);

/* Has it look at the deadlines again. */
void waiter_wake(void);

/* Has it end if nothing pends: a program thread ends, perhaps the last one. */
void waiter_wake_to_end(void);

/* --- what pending.c does for it -------------------------------------------------------------- */

/* These files (tokens of UNIX_WATCH) have messages. */
void pending_serve_tokens(const uint64_t *tokens, ULONG count);

/* Ends reads whose time is over. *ret_ms until the next one, UINT32_MAX if none. Whether any read
 * is left. */
bool pending_expire(ULONG *ret_ms);
