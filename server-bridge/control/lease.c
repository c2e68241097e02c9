/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a lease is for the kernel. */
#include "control/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

/* Less than anybody else's pipe has unless it was told to: it tells a lease from other pipes. */
#define LEASE_PIPE_SIZE 4096

int control_lease_make(int *ret_watch, int *ret_lease)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    (void)fcntl(ends[1], F_SETPIPE_SZ, LEASE_PIPE_SIZE);
    *ret_watch = ends[0];
    *ret_lease = ends[1];
    return 0;
}

bool control_lease_possible(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && (flags & O_ACCMODE) == O_WRONLY &&
           fcntl(fd, F_GETPIPE_SZ) == LEASE_PIPE_SIZE;
}

bool control_lease_over(int watch)
{
    struct pollfd entry = {.fd = watch};

    return poll(&entry, 1, 0) == 1 && (entry.revents & (POLLHUP | POLLERR));
}
