/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The descriptor that a queue's readers can poll. Internal to queue/. */

#pragma once

#include <stdbool.h>

/* Makes one, close-on-exec and unreadable. */
int wake_fd_new(int *ret) __attribute__((warn_unused_result));

/* Can this descriptor serve as one? */
bool wake_fd_valid(int fd);

/* Makes it readable, or unreadable. Neither ever waits. */
void wake_fd_set(int fd, bool readable);
