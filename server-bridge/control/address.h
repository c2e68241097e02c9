/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where mailslotd listens. */
#pragma once

#include <stddef.h>
#include <sys/un.h>

#define CONTROL_SYSTEM_SOCKET "/run/mailslotd/socket"

/*
 * Both sides look in this order: $MAILSLOTD_SOCKET (then nothing else), the system daemon's socket,
 * the user's own: $XDG_RUNTIME_DIR/wine-mailslot/socket, or /tmp/wine-mailslot-UID/socket.
 */

/* The socket named by the environment, or NULL. */
const char *control_address_forced(void);

/* Path of the user's own socket into `path`. -ENAMETOOLONG. */
__attribute__((warn_unused_result)) int control_address_user(char *path, size_t size);

/*
 * Makes the folder of `path` if it is missing (mode 0700) and makes sure that nobody else could
 * have put a socket there: -EPERM when the folder is another user's or writable by others.
 */
__attribute__((warn_unused_result)) int control_address_secure_folder(const char *path);

/* Fills a sockaddr. -ENAMETOOLONG. */
__attribute__((warn_unused_result)) int control_address_fill(struct sockaddr_un *ret,
                                                             const char *path);
