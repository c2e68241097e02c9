/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a lease is for the kernel. */
#pragma once

#include <stdbool.h>

/*
 * A lease is a pipe through which nothing is ever written. Programs hold the writing end, which
 * serves as the Windows handle; the daemon holds the reading end, and that one hangs up when the
 * last copy of the other is closed, wherever that was. A daemon that dies changes nothing for the
 * programs, whose ends stay what they are.
 */

/* Makes one; both ends are the caller's, close-on-exec. */
__attribute__((warn_unused_result)) int control_lease_make(int *ret_watch, int *ret_lease);

/* May this descriptor be a lease? false for all pipes of others, so that nobody is asked about
 * them. */
bool control_lease_possible(int fd);

/* Has the last copy of the lease been closed? */
bool control_lease_over(int watch);
