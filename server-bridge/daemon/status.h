/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's status as JSON. */
#pragma once

#include "daemon/host.h"

/*
 * Writes the status into a new sealed memfd that the caller owns. A guest (user.h) is shown the
 * names of all slots, as on Windows, but nothing else of other users' slots and programs.
 */
__attribute__((warn_unused_result)) int status_make(struct host *host, const struct user *viewer,
                                                    int *ret_fd);
