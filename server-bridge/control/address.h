/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where mailslotd listens. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>

#define CONTROL_SYSTEM_FOLDER "/run/mailslotd"
#define CONTROL_SYSTEM_SOCKET CONTROL_SYSTEM_FOLDER "/socket"

/*
 * Clients look in this order: $MAILSLOTD_SOCKET (then nothing else), the system daemon's socket if
 * somebody listens there, the user's own: /tmp/wine-mailslot-UID/socket. That place is the same for
 * all programs of a user, from the desktop, cron or ssh (S3): the environment does not say it, as
 * XDG_RUNTIME_DIR would. When somebody else has made that folder it is
 * /run/user/UID/wine-mailslot/socket. Only for the user's own one a daemon is started.
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

/*
 * Is this connected socket the system daemon's? Its folder must be closed to others, and who
 * listens must be root or whoever got the folder from root, who alone can make one in /run.
 */
bool control_address_is_system(int socket);

/* Fills a sockaddr. -ENAMETOOLONG. */
__attribute__((warn_unused_result)) int control_address_fill(struct sockaddr_un *ret,
                                                             const char *path);
