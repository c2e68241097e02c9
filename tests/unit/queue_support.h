/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the queue tests and queue_peer share; included by them. Needs no cmocka. */

#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue/queue.h"

#define SUPPORT __attribute__((unused)) static

/* xorshift64*: the same numbers on every machine and word size */
SUPPORT uint32_t support_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * 0x2545f4914f6cdd1dull >> 32);
}

/* Message number n: its size (0..limit) and its bytes follow from n alone. */
SUPPORT uint32_t support_fill(uint8_t *buffer, uint32_t n, uint32_t limit)
{
    uint64_t state = (n + 1) * 0x9e3779b97f4a7c15ull;
    uint32_t size = support_random(&state) % (limit + 1);

    for (uint32_t i = 0; i < size; i += 4)
    {
        uint32_t word = support_random(&state);

        memcpy(buffer + i, &word, size - i < 4 ? size - i : 4);
    }
    return size;
}

SUPPORT bool support_check(const uint8_t *message, uint32_t size, uint32_t n, uint32_t limit)
{
    uint8_t expected[8192];

    return support_fill(expected, n, limit) == size && memcmp(message, expected, size) == 0;
}

SUPPORT int support_count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    if (!dir)
        return -1;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

SUPPORT int support_fds_before;

/* The memfd of the queue that was made last */
SUPPORT int support_memfd = -1;

SUPPORT int support_setup(void **state)
{
    (void)state;
    support_fds_before = support_count_fds();
    return support_fds_before < 0;
}

/* Fails the test if it left a file descriptor open. */
SUPPORT int support_teardown(void **state)
{
    (void)state;
    if (support_memfd >= 0)
        close(support_memfd);
    support_memfd = -1;
    return support_count_fds() != support_fds_before;
}

/* Makes the queue of a memfd and a descriptor to poll, which it takes. */
SUPPORT struct queue *support_map(int memfd, int wake_fd)
{
    struct queue *queue = NULL;

    if (queue_map(&queue, memfd, wake_fd))
        close(wake_fd);
    return queue;
}

/* NULL on any failure */
SUPPORT struct queue *support_queue(uint32_t max_message, uint32_t quota, uint32_t timeout)
{
    struct queue_config config = {max_message, quota, timeout};
    int wake_fd;

    if (support_memfd >= 0)
        close(support_memfd);
    support_memfd = -1;
    if (queue_create(&config, &support_memfd, &wake_fd))
        return NULL;
    return support_map(support_memfd, wake_fd);
}

/* Another mapping of the queue that was made last, as another process would have it */
SUPPORT struct queue *support_again(const struct queue *queue)
{
    return support_map(support_memfd, fcntl(queue_fd(queue), F_DUPFD_CLOEXEC, 0));
}
