/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The eventfd on which a queue's readers sleep.
 *
 * It is shared by all who have the queue, with its flags: one of them may make it block, or fill
 * its counter. A full counter is readable, so that looking first keeps an honest writer from
 * blocking; who cannot trust the others brings a way of its own. */

#include "queue/wake.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

bool queue_wake(int eventfd, bool (*signal)(int eventfd))
{
    struct pollfd pollfd = {.fd = eventfd, .events = POLLIN};
    uint64_t one = 1;
    int error = errno;

    if (poll(&pollfd, 1, 0) == 1 && (pollfd.revents & POLLIN))
        return true;
    if (signal)
        return signal(eventfd);

    /* Fails only if the counter is at its maximum, and then it is readable anyway. */
    if (write(eventfd, &one, sizeof(one)) < 0)
        errno = error;
    return true;
}

void queue_wake_drain(int eventfd)
{
    uint64_t count;
    int error = errno;

    if (read(eventfd, &count, sizeof(count)) < 0)
        errno = error;
}
