/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reaching mailslotd, and starting it when it is not there, as wine starts wineserver. */
#pragma once

#include <stddef.h>

#include "client/mailslot.h"

/*
 * Connects to the first socket that answers (control/address.h); if none does and daemon is not
 * NULL, runs it and connects to what it made. Signals should be blocked. Returns 0 and the
 * connected socket, MAILSLOT_NO_DAEMON with a sentence in `reason`, or a negative errno.
 */
__attribute__((warn_unused_result)) int start_connect(const char *daemon, char *reason,
                                                      size_t reason_size, int *ret_socket);

/*
 * The daemon of the same tree as this code, wherever that was moved to: beside the program or
 * winemailslot.so, or in the folder that fits; else where it was built for. Returns `path` or a
 * static string.
 */
const char *start_own_daemon(char *path, size_t size);
