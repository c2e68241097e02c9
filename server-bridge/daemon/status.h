/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's status as JSON. */
#pragma once

#include "daemon/host.h"

/* Writes the status into a new sealed memfd that the caller owns. */
__attribute__((warn_unused_result)) int status_make(struct host *host, int *ret_fd);
