/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readers that sleep: no push goes by beside one that is asleep, or just about to be (R7). */

#include "queue_support.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <cmocka.h>

enum
{
    ROUNDS = 100000,
    PAUSES = 400, /* of a writer between two messages: from none to about a wake-up's time */
    PATIENCE_S = 30
};

static int64_t patience_end(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec + PATIENCE_S) * INT64_C(1000000000) + now.tv_nsec;
}

/* Ends at the first message that is not there in time, or is another one. Returns how many came. */
static void *reader_main(void *context)
{
    uintptr_t n;

    for (n = 0; n < ROUNDS; n++)
    {
        uint32_t message, size;

        if (queue_pop_wait(context, &message, sizeof(message), patience_end(), NULL, &size) ||
            size != sizeof(message) || message != n)
            break;
    }
    return (void *)n;
}

static void test_each_push_wakes(void **unused)
{
    const struct queue_config config = {.quota = 16u << 20, .read_timeout = 0};
    uint64_t random = 20261129;
    struct queue *queue;
    int memfd, wake_fd;
    pthread_t reader;
    void *count;

    (void)unused;
    assert_int_equal(queue_create(&config, &memfd, &wake_fd), 0);
    assert_int_equal(queue_map(&queue, memfd, wake_fd), 0);
    assert_int_equal(pthread_create(&reader, NULL, reader_main, queue), 0);
    for (uint32_t n = 0; n < ROUNDS; n++)
    {
        assert_int_equal(queue_push(queue, &n, sizeof(n)), 0);
        for (uint32_t i = support_random(&random) % PAUSES; i; i--)
            __builtin_ia32_pause();
    }
    pthread_join(reader, &count);
    assert_int_equal((uintptr_t)count, ROUNDS);
    queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_push_wakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
