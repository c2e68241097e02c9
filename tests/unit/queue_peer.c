/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The other process of the queue tests, compiled with -m64 and -m32.
 *
 * queue_peer push|pop MEMFD WAKE_FD COUNT LIMIT
 * Exit status: 0 done, 1 usage, 2 the queue failed, 3 a message was wrong. */

#include "queue_support.h"

#include <poll.h>
#include <stdio.h>

static int peer_push(struct queue *queue, uint32_t count, uint32_t limit)
{
    uint8_t message[8192];

    for (uint32_t n = 0; n < count;)
    {
        uint32_t size = support_fill(message, n, limit);
        int r = queue_push(queue, message, size);

        if (r == MAILSLOT_FULL)
            usleep(100);
        else if (r)
            return 2;
        else
            n++;
    }
    return 0;
}

static int peer_pop(struct queue *queue, uint32_t count, uint32_t limit)
{
    uint8_t message[8192];

    for (uint32_t n = 0; n < count;)
    {
        struct pollfd poll_fd = {.fd = queue_fd(queue), .events = POLLIN};
        uint32_t size;
        int r = queue_pop_or_arm(queue, message, sizeof(message), &size);

        if (r == MAILSLOT_EMPTY)
            poll(&poll_fd, 1, -1);
        else if (r)
            return 2;
        else if (!support_check(message, size, n++, limit))
            return 3;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct queue *queue;
    int r;

    if (argc != 6)
    {
        fprintf(stderr, "usage: queue_peer push|pop MEMFD WAKE_FD COUNT LIMIT\n");
        return 1;
    }
    if (queue_map(&queue, atoi(argv[2]), atoi(argv[3])))
        return 2;
    if (strcmp(argv[1], "push") == 0)
        r = peer_push(queue, (uint32_t)atoi(argv[4]), (uint32_t)atoi(argv[5]));
    else
        r = peer_pop(queue, (uint32_t)atoi(argv[4]), (uint32_t)atoi(argv[5]));
    queue_free(queue);
    return r;
}
