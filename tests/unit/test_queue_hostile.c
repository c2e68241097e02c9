/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue whose shared memory somebody spoils: error codes only, no crash, no endless loop */

#include "queue_support.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <cmocka.h>

#include "queue/layout.h"

enum
{
    QUOTA = 600 * 1024,
    LIMIT = 4096
};

static void refused(int memfd, int event, uint32_t holder, int error)
{
    struct queue *queue = NULL;

    assert_int_equal(queue_map(&queue, memfd, event, holder), error);
    assert_null(queue);
    assert_true(fcntl(memfd, F_GETFD) >= 0); /* still the caller's */
    close(memfd);
}

static int forged(const struct queue_header *header, off_t size, int seals)
{
    int fd = memfd_create("mailslot", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, header, sizeof(*header), 0), sizeof(*header));
    /* `size` is that of header and ring; the notes follow */
    assert_int_equal(ftruncate(fd, size ? size + QUEUE_LAYOUT_NOTES : 0), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

/* Only a sealed memfd of the right size and version is mapped. */
static void test_refused_memfds(void **unused)
{
    enum
    {
        all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL
    };
    struct queue_config config = {0, 8192, 0};
    struct queue_header good, bad;
    struct queue *queue;
    int memfd, event, fds[2];

    (void)unused;
    assert_int_equal(queue_create(&config, &memfd, &event), 0);
    assert_int_equal(fcntl(memfd, F_GET_SEALS) & all, all);
    assert_int_equal(fcntl(memfd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(event, F_GETFD), FD_CLOEXEC);
    assert_int_equal(ftruncate(memfd, 4096), -1);
    assert_int_equal(pread(memfd, &good, sizeof(good), 0), sizeof(good));

    refused(dup(memfd), event, 0, -EINVAL);
    refused(dup(memfd), event, 0x80000000u, -EINVAL);
    refused(dup(memfd), -1, 1, -EBADF);
    assert_int_equal(queue_map(&queue, -1, event, 1), -EBADF);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    refused(dup(memfd), fds[0], 1, -EINVAL); /* it would block */
    close(fds[1]);
    refused(fds[0], event, 1, -EINVAL); /* no memfd */
    close(memfd);

    refused(forged(&good, 12288, 0), event, 1, -EINVAL);
    refused(forged(&good, 12288, F_SEAL_GROW | F_SEAL_SEAL), event, 1, -EINVAL);
    refused(forged(&good, 12288, F_SEAL_SHRINK | F_SEAL_SEAL), event, 1, -EINVAL);
    refused(forged(&good, 12288, F_SEAL_SHRINK | F_SEAL_GROW), event, 1, -EINVAL);
    refused(forged(&good, 12288, all | F_SEAL_WRITE), event, 1, -EINVAL);
    refused(forged(&good, 0, all), event, 1, -EPROTO);
    refused(forged(&good, 4096, all), event, 1, -EPROTO);
    refused(forged(&good, 8192, all), event, 1, -EPROTO);
    refused(forged(&good, 12287, all), event, 1, -EPROTO);
    refused(forged(&good, 16384, all), event, 1, -EPROTO);
#define REFUSED(member, value, size)                                                               \
    do                                                                                             \
    {                                                                                              \
        bad = good;                                                                                \
        bad.member = (value);                                                                      \
        refused(forged(&bad, (size), all), event, 1, -EPROTO);                                     \
    } while (0)
    REFUSED(magic, 0, 12288);
    REFUSED(version, QUEUE_LAYOUT_VERSION + 1, 12288);
    REFUSED(header_size, 8192, 12288);
    REFUSED(quota, 0, 12288);
    REFUSED(quota, 4096, 12288);
    REFUSED(quota, 8191, 12287);
    REFUSED(quota, 16384, 12288);
    REFUSED(quota, UINT32_MAX - 4095, 12288);
    REFUSED(quota, 0x80000000u, 0x80001000ll);
#undef REFUSED

    /* and the forger can do it right */
    assert_int_equal(queue_map(&queue, forged(&good, 12288, all), event, 1), 0);
    assert_int_equal(queue_push(queue, "a", 1), 0);
    queue_free(queue);
}

static const uint32_t bad_words[] = {
    0,
    1,
    2,
    3,
    7,
    8,
    9,
    16,
    4095,
    4096,
    4104,
    8192,
    0xffff,
    124 * 1024,
    124 * 1024 - 8,
    124 * 1024 + 8,
    248 * 1024,
    QUOTA - 4096,
    QUOTA - 8,
    QUOTA,
    QUOTA + 4096,
    0x3fffffff,
    0x40000000,
    0x7fffffff,
    0x80000000,
    0x80000001,
    0xfffff000,
    0xfffffff8,
    UINT32_MAX,
};

/* The queue's file as an enemy sees it: header and the whole ring */
static uint32_t *enemy_map(struct queue *queue)
{
    void *map = mmap(NULL, 4096 + QUOTA, PROT_READ | PROT_WRITE, MAP_SHARED, queue_memfd(queue), 0);

    assert_true(map != MAP_FAILED);
    return map;
}

static bool known_code(int r)
{
    return r == 0 || (r >= QUEUE_EMPTY && r <= QUEUE_STUCK);
}

/* Every operation once; the messages may be garbage but the sizes must be within the buffers. */
static void operate(struct queue *queue, uint32_t n)
{
    uint8_t *message = malloc(LIMIT); /* exact, for ASan */
    uint32_t size, count, limit = n % 3 ? 64 : LIMIT;
    struct queue_info info;
    int r;

    size = support_fill(message, n, limit);
    assert_true(known_code(queue_push(queue, message, size)));
    size = 0;
    r = queue_peek(queue, message, LIMIT, &size, &count);
    assert_true(known_code(r));
    r = queue_info(queue, &info);
    assert_true(known_code(r));
    if (!r)
    {
        assert_int_equal(info.quota, QUOTA);
        assert_int_equal(info.max_message, LIMIT);
        assert_true(info.bytes <= QUOTA);
    }
    r = n % 2 ? queue_pop(queue, message, LIMIT, &size)
              : queue_pop_or_arm(queue, message, LIMIT, &size);
    assert_true(known_code(r));
    assert_true(r || size <= LIMIT);
    free(message);
}

/* A queue in the middle of its life: wrapped and, in every other case, grown */
static struct queue *lively_queue(bool grown)
{
    struct queue *queue = support_queue(LIMIT, QUOTA, 0);
    uint8_t message[LIMIT];
    uint32_t size, n;

    assert_non_null(queue);
    queue_set_patience(queue, 0);
    for (n = 0; n < 40; n++)
        assert_int_equal(queue_push(queue, message, support_fill(message, n, LIMIT)), 0);
    for (n = 0; n < 30; n++)
        assert_int_equal(queue_pop(queue, message, LIMIT, &size), 0);
    for (n = 40; n < (grown ? 200 : 70); n++)
        assert_int_equal(queue_push(queue, message, support_fill(message, n, LIMIT)), 0);
    return queue;
}

/* Makes the queue what it was when `saved` was taken; what was spoiled in the ring, too, if that
 * shows. Without it most tests would only meet an already broken queue. */
static void repair(struct queue *queue, uint32_t *enemy, const uint32_t *saved)
{
    uint8_t message[LIMIT];
    uint32_t size, count;

    memcpy(enemy, saved, sizeof(struct queue_header));
    if (queue_peek(queue, message, LIMIT, &size, &count))
        memcpy(enemy, saved, 4096 + QUOTA);
    assert_int_equal(queue_peek(queue, message, LIMIT, &size, &count), 0);
}

/* Every word of the header, and of the first record, with every bad value */
static void test_every_word(void **unused)
{
    enum
    {
        words = sizeof(struct queue_header) / 4,
        record = 2
    };
    uint32_t *saved = malloc(4096 + QUOTA);

    (void)unused;
    for (int grown = 0; grown < 2; grown++)
    {
        struct queue *queue = lively_queue(grown);
        uint32_t *enemy = enemy_map(queue);
        struct queue_header *header = (struct queue_header *)enemy;
        uint32_t head = header->state[header->generation & 1].head;

        memcpy(saved, enemy, 4096 + QUOTA);
        for (uint32_t word = 0; word < words + record; word++)
            for (size_t i = 0; i < sizeof(bad_words) / sizeof(bad_words[0]); i++)
            {
                uint32_t *target =
                    word < words ? enemy + word : enemy + (4096 + head) / 4 + word - words;
                uint32_t before = *target;

                *target = bad_words[i];
                for (uint32_t n = 0; n < 3; n++)
                    operate(queue, n);
                *target = before;
                repair(queue, enemy, saved);
            }
        munmap(enemy, 4096 + QUOTA);
        queue_free(queue);
    }
    free(saved);
}

/* Random words, bits and pages, with operations in between; repaired from time to time. */
static void test_random_corruption(void **unused)
{
    enum
    {
        rounds = 40000
    };
    struct queue *queue = lively_queue(true);
    uint32_t *saved = malloc(4096 + QUOTA), *enemy = enemy_map(queue), succeeded = 0;
    struct timespec now;
    uint64_t seed;

    (void)unused;
    clock_gettime(CLOCK_REALTIME, &now);
    seed = (uint64_t)now.tv_nsec * 1000003 + 1;
    printf("seed %" PRIu64 "\n", seed);
    memcpy(saved, enemy, 4096 + QUOTA);
    for (uint32_t round = 0; round < rounds; round++)
    {
        uint32_t dice = support_random(&seed) % 8, *target;
        struct queue_info info;

        /* mostly the 80 words that mean something */
        if (dice < 5)
            target = enemy + support_random(&seed) % 80;
        else if (dice < 6)
            target = enemy + support_random(&seed) % 1024;
        else
            target = enemy + 1024 + support_random(&seed) % (QUOTA / 4);
        if (dice % 2)
            *target = bad_words[support_random(&seed) %
                                (uint32_t)(sizeof(bad_words) / sizeof(bad_words[0]))];
        else
            *target ^= 1u << support_random(&seed) % 32;
        operate(queue, round);
        succeeded += !queue_info(queue, &info) && !info.closed;
        if (round % 5 == 0)
            repair(queue, enemy, saved);
    }
    /* otherwise nothing but the first check was tested */
    assert_true(succeeded > rounds / 20);
    munmap(enemy, 4096 + QUOTA);
    queue_free(queue);
    free(saved);
}

/* The limits are those of the time of mapping, whatever the header says later. */
static void test_limits_not_reread(void **unused)
{
    struct queue *queue = support_queue(LIMIT, QUOTA, 0);
    struct queue_header *header = (struct queue_header *)enemy_map(queue);
    uint8_t message[LIMIT + 1] = {0};
    int r = 0;

    (void)unused;
    header->quota = UINT32_MAX;
    header->max_message = 0;
    assert_int_equal(queue_push(queue, message, LIMIT + 1), QUEUE_TOO_LARGE);
    while (!r)
        r = queue_push(queue, message, LIMIT);
    assert_int_equal(r, QUEUE_FULL);
    for (r = 0; !r;)
        r = queue_push(queue, message, 0);
    assert_int_equal(r, QUEUE_FULL);
    munmap(header, 4096 + QUOTA);
    queue_free(queue);
}

struct enemy
{
    uint32_t *map;
    bool stop;
};

static void *enemy_main(void *argument)
{
    struct enemy *enemy = argument;
    uint64_t seed = 4711;
    struct queue_header *saved = malloc(sizeof(*saved));

    memcpy(saved, enemy->map, sizeof(*saved));
    for (uint32_t n = 0; !__atomic_load_n(&enemy->stop, __ATOMIC_RELAXED); n++)
    {
        struct queue_header *header = (struct queue_header *)enemy->map;
        uint32_t value =
            bad_words[support_random(&seed) % (uint32_t)(sizeof(bad_words) / sizeof(bad_words[0]))];

        /* Both workers come in, and what one sees makes it move the ring that the other uses. */
        __atomic_store_n(&header->lock, 0, __ATOMIC_RELAXED);
        header->state[0].cap = header->state[1].cap = n % 2 ? QUOTA : 248 * 1024;
        if (n % 64 == 0)
            __atomic_store_n(enemy->map + 32 + support_random(&seed) % 48, value, __ATOMIC_RELAXED);
        if (n % 64 == 32)
            memcpy(enemy->map, saved, sizeof(*saved));
    }
    free(saved);
    return NULL;
}

static void *worker_main(void *argument)
{
    for (uint32_t n = 0; n < 100000; n++)
        operate(argument, n * 3); /* long messages */
    return NULL;
}

/* While two threads work in one mapping: the enemy unlocks, too, and moves the cap up and down. */
static void test_enemy_at_work(void **unused)
{
    struct queue *queue = lively_queue(true);
    struct enemy enemy = {.map = enemy_map(queue)};
    pthread_t enemy_thread, workers[2];

    (void)unused;
    assert_int_equal(pthread_create(&enemy_thread, NULL, enemy_main, &enemy), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, worker_main, queue), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(workers[i], NULL);
    __atomic_store_n(&enemy.stop, true, __ATOMIC_RELAXED);
    pthread_join(enemy_thread, NULL);
    munmap(enemy.map, 4096 + QUOTA);
    queue_free(queue);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, support_setup, support_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_refused_memfds),    TEST(test_every_word),    TEST(test_random_corruption),
        TEST(test_limits_not_reread), TEST(test_enemy_at_work),
    };

    alarm(300); /* an endless loop would hang */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
