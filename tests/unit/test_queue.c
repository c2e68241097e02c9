/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The queue in one process: every operation and code (semantics R1-R3, P2-P6, I1-I3, I7, I10, L1)
 */

#include "queue_support.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <cmocka.h>

static uint8_t buffer[1 << 16];

static struct queue_info info_of(struct queue *queue)
{
    struct queue_info info;

    assert_int_equal(queue_info(queue, &info), 0);
    return info;
}

static bool readable(struct queue *queue)
{
    struct pollfd fd = {.fd = queue_fd(queue), .events = POLLIN};

    return poll(&fd, 1, 0) == 1;
}

/* R1 oldest first, R3/P2 zero length is a message, I1-I3 what info says as they are read */
static void test_messages_and_info(void **unused)
{
    struct queue *queue = support_queue(0, 65536, 0);
    uint32_t size = 99;

    (void)unused;
    assert_non_null(queue);
    assert_int_equal(info_of(queue).next_size, QUEUE_NO_MESSAGE);
    assert_int_equal(info_of(queue).count, 0);
    assert_int_equal(queue_pop(queue, buffer, 100, &size), MAILSLOT_EMPTY);
    assert_int_equal(size, 99);

    assert_int_equal(queue_push(queue, "a", 1), 0);
    assert_int_equal(queue_push(queue, "bb", 2), 0);
    assert_int_equal(queue_push(queue, NULL, 0), 0);
    assert_int_equal(info_of(queue).next_size, 1);
    assert_int_equal(info_of(queue).count, 3);
    assert_int_equal(queue_pop(queue, buffer, 100, &size), 0);
    assert_int_equal(size, 1);
    assert_memory_equal(buffer, "a", 1);
    assert_int_equal(info_of(queue).next_size, 2);
    assert_int_equal(info_of(queue).count, 2);
    assert_int_equal(queue_pop(queue, buffer, 100, &size), 0);
    assert_int_equal(size, 2);
    assert_memory_equal(buffer, "bb", 2);
    assert_int_equal(info_of(queue).next_size, 0);
    assert_int_equal(info_of(queue).count, 1);
    assert_int_equal(queue_pop(queue, NULL, 0, &size), 0);
    assert_int_equal(size, 0);
    assert_int_equal(info_of(queue).next_size, QUEUE_NO_MESSAGE);
    assert_int_equal(info_of(queue).pushed, 3);
    assert_int_equal(info_of(queue).popped, 3);
    queue_free(queue);
}

/* R2: the message stays, same size and count; a 0-byte buffer is too small by the same rule */
static void test_buffer_too_small(void **unused)
{
    struct queue *queue = support_queue(0, 65536, 0);
    uint32_t size = 0;

    (void)unused;
    assert_int_equal(queue_push(queue, "12345", 5), 0);
    memset(buffer, 'x', 5);
    assert_int_equal(queue_pop(queue, buffer, 4, &size), MAILSLOT_BUFFER_TOO_SMALL);
    assert_int_equal(size, 5);
    assert_memory_equal(buffer, "xxxxx", 5);
    size = 0;
    assert_int_equal(queue_pop_or_arm(queue, NULL, 0, &size), MAILSLOT_BUFFER_TOO_SMALL);
    assert_int_equal(size, 5);
    assert_int_equal(info_of(queue).count, 1);
    assert_int_equal(info_of(queue).next_size, 5);
    assert_int_equal(queue_pop(queue, buffer, 5, &size), 0);
    assert_memory_equal(buffer, "12345", 5);
    queue_free(queue);
}

static void test_peek(void **unused)
{
    struct queue *queue = support_queue(0, 65536, 0);
    uint32_t size = 99, count = 99;

    (void)unused;
    assert_int_equal(queue_peek(queue, buffer, 10, &size, &count), MAILSLOT_EMPTY);
    assert_int_equal(size, 99);
    assert_int_equal(queue_push(queue, "12345", 5), 0);
    assert_int_equal(queue_push(queue, "6", 1), 0);
    memset(buffer, 'x', 8);
    assert_int_equal(queue_peek(queue, buffer, 3, &size, &count), 0);
    assert_memory_equal(buffer, "123xxxxx", 8);
    assert_int_equal(size, 5);
    assert_int_equal(count, 2);
    assert_int_equal(queue_peek(queue, NULL, 0, &size, &count), 0);
    assert_int_equal(queue_peek(queue, buffer, 8, &size, &count), 0);
    assert_memory_equal(buffer, "12345xxx", 8);
    assert_int_equal(info_of(queue).count, 2);
    queue_free(queue);
}

/* P4 above the maximum fails and is counted, P5 the maximum itself is fine, P6 0 = any size */
static void test_maximum(void **unused)
{
    struct queue *queue = support_queue(4, 65536, 0);
    uint32_t size;

    (void)unused;
    assert_int_equal(queue_push(queue, "12345", 5), MAILSLOT_TOO_LARGE);
    assert_int_equal(queue_push(queue, "1234", 4), 0);
    assert_int_equal(queue_push(queue, "", 0), 0);
    assert_int_equal(info_of(queue).refused_large, 1);
    assert_int_equal(info_of(queue).refused_full, 0);
    assert_int_equal(info_of(queue).count, 2);
    assert_int_equal(queue_pop(queue, buffer, 4, &size), 0);
    assert_int_equal(size, 4);
    queue_free(queue);

    queue = support_queue(0, 1 << 20, 0);
    memset(buffer, 'z', sizeof(buffer));
    assert_int_equal(queue_push(queue, buffer, sizeof(buffer)), 0);
    memset(buffer, 0, sizeof(buffer));
    assert_int_equal(queue_pop(queue, buffer, sizeof(buffer), &size), 0);
    assert_int_equal(size, sizeof(buffer));
    assert_int_equal(buffer[0], 'z');
    assert_int_equal(buffer[sizeof(buffer) - 1], 'z');
    queue_free(queue);
}

/* The whole quota is usable, from every starting offset, and not a byte more. */
static void test_full_exactly(void **unused)
{
    static const uint32_t quotas[] = {4096, 8192, 124 * 1024, 128 * 1024, 252 * 1024, 1 << 20};

    (void)unused;
    for (size_t i = 0; i < sizeof(quotas) / sizeof(quotas[0]); i++)
        for (uint32_t offset = 0; offset < 4096; offset += 1016)
        {
            struct queue *queue = support_queue(0, quotas[i], 0);
            uint64_t used = 0;
            uint32_t n = 0, size;
            int r;

            /* something stays queued, so that the ring starts at an offset */
            assert_int_equal(queue_push(queue, buffer, offset), 0);
            assert_int_equal(queue_push(queue, "", 0), 0);
            assert_int_equal(queue_pop(queue, buffer, 4096, &size), 0);
            used = 8;
            for (;; n++)
            {
                size = support_fill(buffer, n, 2000);
                r = queue_push(queue, buffer, size);
                if (used + 8 + (size + 7) / 8 * 8 > quotas[i])
                    break;
                assert_int_equal(r, 0);
                used += 8 + (size + 7) / 8 * 8;
            }
            assert_int_equal(r, MAILSLOT_FULL);
            while (used < quotas[i])
            {
                assert_int_equal(queue_push(queue, NULL, 0), 0);
                used += 8;
            }
            assert_int_equal(queue_push(queue, NULL, 0), MAILSLOT_FULL);
            assert_int_equal(info_of(queue).bytes, quotas[i]);
            assert_int_equal(info_of(queue).refused_full, 2);

            /* and everything is still there */
            assert_int_equal(queue_pop(queue, buffer, 4096, &size), 0);
            assert_int_equal(size, 0);
            for (uint32_t m = 0; m < n; m++)
            {
                assert_int_equal(queue_pop(queue, buffer, 4096, &size), 0);
                assert_true(support_check(buffer, size, m, 2000));
            }
            queue_free(queue);
        }
}

static void test_quota_rounding(void **unused)
{
    struct queue_config config = {0, (1u << 30) + 1, 0};
    int memfd = -5, event = -6;
    struct queue *queue;

    (void)unused;
    assert_int_equal(queue_create(&config, &memfd, &event), -EINVAL);
    assert_int_equal(memfd, -5);
    assert_int_equal(event, -6);
    queue = support_queue(0, 0, 0);
    assert_int_equal(info_of(queue).quota, 4096);
    queue_free(queue);
    queue = support_queue(0, 4097, 0);
    assert_int_equal(info_of(queue).quota, 8192);
    assert_int_equal(queue_push(queue, buffer, 8184), 0);
    assert_int_equal(queue_push(queue, buffer, 0), MAILSLOT_FULL);
    queue_free(queue);
    queue = support_queue(0, 1u << 30, 0);
    assert_int_equal(info_of(queue).quota, 1u << 30);
    assert_int_equal(queue_push(queue, buffer, UINT32_MAX), MAILSLOT_FULL);
    queue_free(queue);
}

/* I7 as given; I10 the timeout is everyone's */
static void test_config(void **unused)
{
    struct queue *queue = support_queue(424, 65536, 100), *other = support_again(queue);

    (void)unused;
    assert_int_equal(info_of(other).max_message, 424);
    assert_int_equal(info_of(other).read_timeout, 100);
    queue_set_read_timeout(queue, QUEUE_TIMEOUT_FOREVER);
    assert_int_equal(info_of(other).read_timeout, QUEUE_TIMEOUT_FOREVER);
    assert_int_equal(queue_read_timeout(other), QUEUE_TIMEOUT_FOREVER);
    queue_free(other);
    queue_free(queue);
}

/* Random operations through two mappings against a plain list of message numbers. */
static void stress(uint32_t quota, uint32_t limit, uint64_t seed)
{
    enum
    {
        operations = 60000
    };
    struct queue *queues[2] = {support_queue(0, quota, 0), NULL};
    uint32_t first = 0, next = 0, size, count;
    uint64_t used = 0;
    int bias = 50;

    printf("stress: quota %u, limit %u, seed %" PRIu64 "\n", quota, limit, seed);
    queues[1] = support_again(queues[0]);
    assert_non_null(queues[1]);
    for (int i = 0; i < operations; i++)
    {
        struct queue *queue = queues[support_random(&seed) % 2];
        uint32_t dice = support_random(&seed) % 100;

        if (i % 500 == 0)
            bias = 10 + (int)(support_random(&seed) % 80);
        if (dice < (uint32_t)bias)
        {
            uint64_t need;
            int r;

            size = support_fill(buffer, next, limit);
            need = 8 + (size + 7) / 8 * 8;
            r = queue_push(queue, buffer, size);
            assert_int_equal(r, used + need <= quota ? 0 : MAILSLOT_FULL);
            if (!r)
            {
                used += need;
                next++;
            }
        }
        else if (first == next)
            assert_int_equal(queue_pop(queue, buffer, sizeof(buffer), &size), MAILSLOT_EMPTY);
        else
        {
            if (dice > 95)
            {
                struct queue_info info = info_of(queue);

                assert_int_equal(queue_peek(queue, buffer, sizeof(buffer), &size, &count), 0);
                assert_int_equal(count, next - first);
                assert_int_equal(info.count, count);
                assert_int_equal(info.next_size, size);
                assert_int_equal(info.bytes, used);
                assert_true(support_check(buffer, size, first, limit));
            }
            memset(buffer, 0, limit);
            assert_int_equal(queue_pop(queue, buffer, sizeof(buffer), &size), 0);
            assert_true(support_check(buffer, size, first++, limit));
            used -= 8 + (size + 7) / 8 * 8;
        }
    }
    assert_int_equal(info_of(queues[0]).pushed, next);
    assert_int_equal(info_of(queues[1]).popped, first);
    queue_free(queues[1]);
    queue_free(queues[0]);
}

static void test_stress(void **unused)
{
    struct timespec now;
    uint64_t seed;

    (void)unused;
    clock_gettime(CLOCK_REALTIME, &now);
    seed = (uint64_t)now.tv_nsec * 1000003 + 1;
    stress(4096, 200, seed);
    stress(65536, 1000, seed + 1);
    stress(132 * 1024, 3000, seed + 2);
    stress(600 * 1024, 8000, seed + 3);
    stress(2 << 20, 8000, seed + 4);
}

static size_t mapped_bytes(void)
{
    FILE *file = fopen("/proc/self/maps", "re");
    char line[512];
    size_t sum = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
    {
        unsigned long from, to;

        if (strstr(line, "memfd:mailslot") && sscanf(line, "%lx-%lx", &from, &to) == 2)
            sum += to - from;
    }
    fclose(file);
    return sum;
}

/* The note (a slot's security descriptor) is one for all, changes as a whole, takes no ring. */
static void test_note(void **unused)
{
    struct queue *queue = support_queue(0, 4096, 0), *other = support_again(queue);
    static uint8_t text[QUEUE_NOTE_MAX + 1];
    uint32_t size = 99;
    uint8_t got[8];

    (void)unused;
    assert_int_equal(queue_note(queue, got, sizeof(got), &size), 0);
    assert_int_equal(size, 0);
    assert_int_equal(queue_set_note(queue, "first", 5), 0);
    assert_int_equal(queue_note(other, got, sizeof(got), &size), 0);
    assert_int_equal(size, 5);
    assert_memory_equal(got, "first", 5);
    assert_int_equal(queue_set_note(other, text, QUEUE_NOTE_MAX + 1), MAILSLOT_TOO_LARGE);
    assert_int_equal(queue_note(queue, got, 2, &size), 0);
    assert_int_equal(size, 5);
    memset(text, 7, sizeof(text));
    assert_int_equal(queue_set_note(other, text, QUEUE_NOTE_MAX), 0);
    assert_int_equal(queue_note(queue, got, sizeof(got), &size), 0);
    assert_int_equal(size, QUEUE_NOTE_MAX);
    assert_memory_equal(got, text, sizeof(got));
    assert_int_equal(info_of(queue).count, 0);
    queue_free(other);
    queue_free(queue);
}

/* P6: one message may be larger than the quota, if there is nothing else. */
static void test_above_quota(void **unused)
{
    enum
    {
        quota = 1 << 20,
        size = 3 << 20
    };
    struct queue *queue = support_queue(0, quota, 0);
    uint8_t *large = malloc(size), *got = malloc(size);
    uint32_t length = 0;

    (void)unused;
    for (uint32_t i = 0; i < size; i++)
        large[i] = (uint8_t)(i * 31 + i / 4096);
    for (int round = 0; round < 3; round++)
    {
        assert_int_equal(queue_push(queue, "x", 1), 0);
        assert_int_equal(queue_push(queue, large, size), MAILSLOT_FULL);
        assert_int_equal(queue_pop(queue, buffer, 1, &length), 0);
        assert_int_equal(queue_push(queue, large, size), 0);
        assert_int_equal(queue_push(queue, "x", 1), MAILSLOT_FULL);
        assert_int_equal(queue_pop(queue, got, size - 1, &length), MAILSLOT_BUFFER_TOO_SMALL);
        assert_int_equal(length, size);
        assert_int_equal(queue_pop(queue, got, size, &length), 0);
        assert_memory_equal(got, large, size);
        assert_int_equal(queue_push(queue, "x", 1), 0);
        assert_int_equal(queue_pop(queue, buffer, 1, &length), 0);
    }
    assert_int_equal(queue_push(queue, large, QUEUE_MESSAGE_MAX + 1), MAILSLOT_FULL);
    free(large);
    free(got);
    queue_free(queue);
}

/* At most 128 KiB of address space until more is needed, up to the quota, and back. */
static void test_growth(void **unused)
{
    enum
    {
        quota = 16 << 20,
        size = 5000
    };
    struct queue *queue = support_queue(0, quota, 0), *other;
    struct stat stat;
    uint32_t n = 0, popped;

    (void)unused;
    assert_int_equal(mapped_bytes(), 128 * 1024);
    assert_int_equal(fstat(support_memfd, &stat), 0);
    assert_true(stat.st_size > quota);
    assert_true(stat.st_blocks * 512 <= 8192);
    for (int round = 0; round < 2; round++)
    {
        uint32_t got;

        while (!queue_push(queue, buffer, support_fill(buffer, n, size)))
            n++;
        assert_in_range(mapped_bytes(), quota, 2 * quota + 128 * 1024);
        other = support_again(queue);
        popped = round ? popped : 0;
        for (; popped < n; popped++)
        {
            assert_int_equal(queue_pop(other, buffer, sizeof(buffer), &got), 0);
            assert_true(support_check(buffer, got, popped, size));
        }
        assert_int_equal(queue_pop(other, buffer, sizeof(buffer), &got), MAILSLOT_EMPTY);
        assert_int_equal(info_of(queue).count, 0);
        assert_int_equal(mapped_bytes(), 2 * 128 * 1024);
        assert_int_equal(fstat(support_memfd, &stat), 0);
        assert_true(stat.st_blocks * 512 <= 128 * 1024);
        queue_free(other);
    }
    assert_true(n > 2 * (quota / (size + 16)));
    queue_free(queue);
    assert_int_equal(mapped_bytes(), 0);
}

/* A closed queue refuses everything, forgets what was unread (L1) and wakes sleepers. */
static void test_close(void **unused)
{
    struct queue *queue = support_queue(0, 1 << 20, 0), *other = support_again(queue);
    uint32_t size = 99, count;
    struct queue_info info;
    struct stat stat;

    (void)unused;
    for (int i = 0; i < 10; i++)
        assert_int_equal(queue_push(queue, buffer, sizeof(buffer)), 0);
    assert_false(info_of(queue).closed);
    assert_false(readable(other));
    queue_close(other);
    assert_true(readable(queue));
    assert_int_equal(queue_push(queue, "a", 1), MAILSLOT_CLOSED);
    assert_int_equal(queue_pop(queue, buffer, 100, &size), MAILSLOT_CLOSED);
    assert_int_equal(queue_pop_or_arm(queue, buffer, 100, &size), MAILSLOT_CLOSED);
    assert_int_equal(queue_peek(queue, buffer, 100, &size, &count), MAILSLOT_CLOSED);
    assert_int_equal(size, 99);
    assert_true(readable(queue));
    info = info_of(queue);
    assert_true(info.closed);
    assert_int_equal(info.count, 0);
    assert_int_equal(info.next_size, QUEUE_NO_MESSAGE);
    assert_int_equal(info.pushed, 10);
    assert_int_equal(fstat(support_memfd, &stat), 0);
    assert_true(stat.st_blocks * 512 <= 4096);
    queue_free(other);
    queue_free(queue);
}

static void test_arm(void **unused)
{
    struct queue *queue = support_queue(0, 65536, 0), *other = support_again(queue);
    uint32_t size;

    (void)unused;
    /* nobody waits: no signal */
    assert_int_equal(queue_push(queue, "a", 1), 0);
    assert_false(readable(queue));
    assert_int_equal(queue_pop_or_arm(queue, buffer, 1, &size), 0);
    assert_int_equal(queue_pop(queue, buffer, 1, &size), MAILSLOT_EMPTY);
    assert_int_equal(queue_push(queue, "b", 1), 0);
    assert_false(readable(queue));
    assert_int_equal(queue_pop(queue, buffer, 1, &size), 0);

    assert_int_equal(queue_pop_or_arm(queue, buffer, 1, &size), MAILSLOT_EMPTY);
    assert_false(readable(queue));
    assert_int_equal(queue_push(other, "c", 1), 0);
    assert_true(readable(queue));
    /* taking the message does not take the signal: another sleeper may need it */
    assert_int_equal(queue_pop(other, buffer, 1, &size), 0);
    assert_true(readable(queue));
    assert_int_equal(queue_pop_or_arm(queue, buffer, 1, &size), MAILSLOT_EMPTY);
    assert_false(readable(queue));
    /* the daemon signals for the dead; the next push must signal all the same */
    queue_stir(other);
    assert_true(readable(queue));
    assert_int_equal(queue_pop_or_arm(queue, buffer, 1, &size), MAILSLOT_EMPTY);
    assert_false(readable(queue));
    assert_int_equal(queue_push(other, "d", 1), 0);
    assert_true(readable(queue));
    queue_free(other);
    queue_free(queue);
}

struct sleeper
{
    pthread_t thread;
    struct queue *queue;
    uint32_t got;
    int result;
};

static void *sleeper_main(void *argument)
{
    struct sleeper *sleeper = argument;
    uint8_t message[64];
    uint32_t size;

    for (;;)
    {
        struct pollfd fd = {.fd = queue_fd(sleeper->queue), .events = POLLIN};

        sleeper->result = queue_pop_or_arm(sleeper->queue, message, sizeof(message), &size);
        if (sleeper->result == MAILSLOT_EMPTY)
            poll(&fd, 1, -1);
        else if (sleeper->result)
            return NULL;
        else
            sleeper->got++;
    }
}

/* Sleepers in two mappings: every message is taken, and close ends them all. */
static void test_sleepers(void **unused)
{
    enum
    {
        count = 4,
        messages = 20000
    };
    struct queue *queue = support_queue(0, 65536, 0), *other = support_again(queue);
    struct sleeper sleepers[count] = {0};
    uint32_t sum = 0;

    (void)unused;
    for (int i = 0; i < count; i++)
    {
        sleepers[i].queue = i % 2 ? other : queue;
        assert_int_equal(pthread_create(&sleepers[i].thread, NULL, sleeper_main, &sleepers[i]), 0);
    }
    for (int i = 0; i < messages;)
    {
        int r = queue_push(queue, "hello", 5);

        assert_true(!r || r == MAILSLOT_FULL);
        i += !r;
        if (i % 100 == 0)
            usleep(50);
    }
    /* hangs here if a wake-up is lost */
    while (info_of(queue).count)
        usleep(1000);
    queue_close(queue);
    for (int i = 0; i < count; i++)
    {
        pthread_join(sleepers[i].thread, NULL);
        assert_int_equal(sleepers[i].result, MAILSLOT_CLOSED);
        sum += sleepers[i].got;
    }
    assert_int_equal(sum, messages);
    queue_free(other);
    queue_free(queue);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, support_setup, support_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_messages_and_info),
        TEST(test_buffer_too_small),
        TEST(test_peek),
        TEST(test_maximum),
        TEST(test_full_exactly),
        TEST(test_quota_rounding),
        TEST(test_config),
        TEST(test_stress),
        TEST(test_note),
        TEST(test_above_quota),
        TEST(test_growth),
        TEST(test_close),
        TEST(test_arm),
        TEST(test_sleepers),
    };

    alarm(300); /* a lost wake-up would hang */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
