/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control socket: made, guarded against a second daemon, removed. */
#include "daemon/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "control/address.h"

#define LISTEN_SYSTEM_FOLDER "/run/mailslotd" /* of CONTROL_SYSTEM_SOCKET */

/*
 * A lock file beside the socket says who serves it: it is released by the kernel whatever happens
 * to the daemon, so that a socket file without a lock is known to be dead and may be replaced. The
 * lock file itself is never removed: two daemons could otherwise lock two files of one name.
 */
static int listen_lock(struct listen *listen)
{
    char path[sizeof(listen->path) + 8];

    snprintf(path, sizeof(path), "%s.lock", listen->path);
    listen->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (listen->lock < 0)
        return -errno;
    if (flock(listen->lock, LOCK_EX | LOCK_NB) < 0)
    {
        int r = errno == EWOULDBLOCK ? LISTEN_BUSY : -errno;

        close(listen->lock);
        return r;
    }
    return 0;
}

int listen_open(struct listen *ret, const char *path)
{
    struct listen made = {.socket = -1, .lock = -1};
    bool system = !strcmp(path, CONTROL_SYSTEM_SOCKET);
    struct sockaddr_un address;
    int r;

    /* Else its folder would be made closed to other users. */
    if (system && mkdir(LISTEN_SYSTEM_FOLDER, 0755) < 0 && errno != EEXIST)
        return -errno;
    r = control_address_fill(&address, path);
    if (r == 0)
        r = control_address_secure_folder(path);
    if (r < 0)
        return r;
    snprintf(made.path, sizeof(made.path), "%s", path);
    r = listen_lock(&made);
    if (r)
        return r;
    made.socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made.socket < 0)
        r = -errno;
    if (r == 0)
    {
        /* What others may do with the system's is for access rules to say, not for the mode. */
        mode_t mask = umask(system ? 0111 : 0077);

        unlink(path);
        if (bind(made.socket, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            listen(made.socket, 512) < 0)
            r = -errno;
        umask(mask);
    }
    if (r < 0)
    {
        if (made.socket >= 0)
            close(made.socket);
        close(made.lock);
        return r;
    }
    *ret = made;
    return 0;
}

int listen_adopt(struct listen *ret, int fd)
{
    struct listen made = {.socket = fd, .lock = -1};
    struct sockaddr_un address = {};
    socklen_t size = sizeof(address);
    int flags;

    if (sd_is_socket_unix(fd, SOCK_SEQPACKET, 1, NULL, 0) <= 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return -EINVAL;
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -errno;
    /* The path may fill its field, without a 0. */
    snprintf(made.path, sizeof(made.path), "%.*s", (int)sizeof(made.path) - 1, address.sun_path);
    *ret = made;
    return 0;
}

void listen_wait_for_other(const char *path)
{
    struct sockaddr_un address;

    if (control_address_fill(&address, path) < 0)
        return;
    for (int i = 0; i < 250; i++)
    {
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        bool answers = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

        close(fd);
        if (answers)
            return;
        usleep(20000);
    }
}

void listen_close(struct listen *listen)
{
    if (listen->lock < 0)
        return;
    unlink(listen->path);
    close(listen->lock);
}
