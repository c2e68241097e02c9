/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control socket: made, guarded against a second daemon, removed. */
#pragma once

struct listen
{
    int socket;
    int lock; /* held as long as this daemon is the one for the path; -1: it is not ours */
    char path[108];
};

enum
{
    LISTEN_BUSY = 1, /* another daemon serves this path */
};

/*
 * Listens on `path`: for this user, or for everybody if it is the system's (control/address.h).
 * LISTEN_BUSY; -EPERM for a folder that is not safe.
 */
__attribute__((warn_unused_result)) int listen_open(struct listen *ret, const char *path);

/*
 * Takes over a listening socket that the service manager has made, and will go on to own: nothing
 * is locked, or removed at the end. -EINVAL: it is none, or of another kind.
 */
__attribute__((warn_unused_result)) int listen_adopt(struct listen *ret, int fd);

/* After LISTEN_BUSY: waits, a few seconds at most, until the other daemon answers. */
void listen_wait_for_other(const char *path);

/* Removes the socket; the listening descriptor itself is its user's. */
void listen_close(struct listen *listen);
