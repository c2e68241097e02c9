/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The descriptor that a queue's readers can poll.
 *
 * It is shared by all who have the queue, with its flags. A timer is what none of them can make
 * wait: it becomes readable by being set to expire at once, and unreadable by being stopped, and
 * neither call looks at flags or counters. */

#include "queue/wake.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>

int wake_fd_new(int *ret)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

    if (fd < 0)
        return -errno;
    *ret = fd;
    return 0;
}

bool wake_fd_valid(int fd)
{
    struct itimerspec now;

    return timerfd_gettime(fd, &now) == 0;
}

void wake_fd_set(int fd, bool readable)
{
    /* A point in the past */
    const struct itimerspec time = {.it_value.tv_nsec = readable};
    int error = errno;

    (void)timerfd_settime(fd, TFD_TIMER_ABSTIME, &time, NULL);
    errno = error;
}
