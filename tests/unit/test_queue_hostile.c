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
    LIMIT = 6000, /* small messages and large ones */
    ENEMY_SIZE = QUEUE_LAYOUT_POOL + 2 * QUOTA
};

static void refused(int memfd, int event, int error)
{
    struct queue *queue = NULL;

    assert_int_equal(queue_map(&queue, memfd, event), error);
    assert_null(queue);
    assert_true(fcntl(memfd, F_GETFD) >= 0); /* still the caller's */
    close(memfd);
}

static int forged(const struct queue_header *header, off_t size, int seals)
{
    int fd = memfd_create("mailslot", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, header, sizeof(*header), 0), sizeof(*header));
    assert_int_equal(ftruncate(fd, size), 0);
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
    off_t file;

    (void)unused;
    assert_int_equal(queue_create(&config, &memfd, &event), 0);
    assert_int_equal(fcntl(memfd, F_GET_SEALS) & all, all);
    assert_int_equal(fcntl(memfd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(event, F_GETFD), FD_CLOEXEC);
    assert_int_equal(ftruncate(memfd, 4096), -1);
    assert_int_equal(pread(memfd, &good, sizeof(good), 0), sizeof(good));

    refused(dup(memfd), -1, -EINVAL);
    assert_int_equal(queue_map(&queue, -1, event), -EBADF);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    refused(dup(memfd), fds[0], -EINVAL); /* it could not be set */
    close(fds[1]);
    refused(fds[0], event, -EINVAL); /* no memfd */

    file = lseek(memfd, 0, SEEK_END);
    close(memfd);
    refused(forged(&good, file, 0), event, -EINVAL);
    refused(forged(&good, file, F_SEAL_GROW | F_SEAL_SEAL), event, -EINVAL);
    refused(forged(&good, file, F_SEAL_SHRINK | F_SEAL_SEAL), event, -EINVAL);
    refused(forged(&good, file, F_SEAL_SHRINK | F_SEAL_GROW), event, -EINVAL);
    refused(forged(&good, file, all | F_SEAL_WRITE), event, -EINVAL);
    refused(forged(&good, 0, all), event, -EPROTO);
    refused(forged(&good, 4096, all), event, -EPROTO);
    refused(forged(&good, file - 1, all), event, -EPROTO);
    refused(forged(&good, file + 4096, all), event, -EPROTO);
#define REFUSED(member, value, error)                                                              \
    do                                                                                             \
    {                                                                                              \
        bad = good;                                                                                \
        bad.member = (value);                                                                      \
        refused(forged(&bad, file, all), event, error);                                            \
    } while (0)
    REFUSED(magic, 0, -EPROTO);
    REFUSED(version, QUEUE_LAYOUT_VERSION + 1, MAILSLOT_VERSION);
    REFUSED(version, QUEUE_LAYOUT_VERSION - 1, MAILSLOT_VERSION);
    REFUSED(header_size, 8192, -EPROTO);
    REFUSED(quota, 0, -EPROTO);
    REFUSED(quota, 8191, -EPROTO);
    REFUSED(quota, 1 << 30, -EPROTO);
    REFUSED(quota, UINT32_MAX - 4095, -EPROTO);
    REFUSED(quota, 0x80000000u, -EPROTO);
#undef REFUSED

    /* and the forger can do it right */
    memfd = forged(&good, file, all);
    assert_int_equal(queue_map(&queue, memfd, event), 0);
    close(memfd);
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

/* The queue's file as an enemy sees it, with as much of the pool as is used here */
static uint32_t *enemy_map(void)
{
    void *map = mmap(NULL, ENEMY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, support_memfd, 0);

    assert_true(map != MAP_FAILED);
    return map;
}

static bool known_code(int r)
{
    return r == -EIO || r == -ENOMEM || (r >= 0 && r < MAILSLOT_RESULTS);
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
    queue_set_impatient(queue);
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
        memcpy(enemy, saved, ENEMY_SIZE);
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
    uint32_t *saved = malloc(ENEMY_SIZE);

    (void)unused;
    for (int grown = 0; grown < 2; grown++)
    {
        struct queue *queue = lively_queue(grown);
        uint32_t *enemy = enemy_map();
        struct queue_header *header = (struct queue_header *)enemy;
        struct queue_state *state = &header->state[header->generation & 1];
        uint32_t first = (QUEUE_LAYOUT_POOL + state->head_page * 4096 + state->head_offset) / 4;

        memcpy(saved, enemy, ENEMY_SIZE);
        for (uint32_t word = 0; word < words + record; word++)
            for (size_t i = 0; i < sizeof(bad_words) / sizeof(bad_words[0]); i++)
            {
                uint32_t *target = word < words ? enemy + word : enemy + first + word - words;
                uint32_t before = *target;

                *target = bad_words[i];
                for (uint32_t n = 0; n < 3; n++)
                    operate(queue, n);
                *target = before;
                repair(queue, enemy, saved);
            }
        munmap(enemy, ENEMY_SIZE);
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
    uint32_t *saved = malloc(ENEMY_SIZE), *enemy = enemy_map(), succeeded = 0;
    struct timespec now;
    uint64_t seed;

    (void)unused;
    clock_gettime(CLOCK_REALTIME, &now);
    seed = (uint64_t)now.tv_nsec * 1000003 + 1;
    printf("seed %" PRIu64 "\n", seed);
    memcpy(saved, enemy, ENEMY_SIZE);
    for (uint32_t round = 0; round < rounds; round++)
    {
        uint32_t dice = support_random(&seed) % 8, *target;
        struct queue_info info;

        /* mostly the 112 words that mean something, and the links */
        if (dice < 5)
            target = enemy + support_random(&seed) % 112;
        else if (dice < 6)
            target = enemy + support_random(&seed) % 1024;
        else
            target = enemy + QUEUE_LAYOUT_POOL / 4 +
                     support_random(&seed) % (dice < 7 ? 1024 : QUOTA / 4);
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
    munmap(enemy, ENEMY_SIZE);
    queue_free(queue);
    free(saved);
}

/* The limits are those of the time of mapping, whatever the header says later. */
static void test_limits_not_reread(void **unused)
{
    struct queue *queue = support_queue(LIMIT, QUOTA, 0);
    struct queue_header *header = (struct queue_header *)enemy_map();
    uint8_t message[LIMIT + 1] = {0};
    int r = 0;

    (void)unused;
    header->quota = UINT32_MAX;
    header->max_message = 0;
    assert_int_equal(queue_push(queue, message, LIMIT + 1), MAILSLOT_TOO_LARGE);
    while (!r)
        r = queue_push(queue, message, LIMIT);
    assert_int_equal(r, MAILSLOT_FULL);
    for (r = 0; !r;)
        r = queue_push(queue, message, 0);
    assert_int_equal(r, MAILSLOT_FULL);
    munmap(header, ENEMY_SIZE);
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
        header->state[0].top = header->state[1].top = n % 2 ? 400 : 62;
        header->state[0].head_page = header->state[1].head_page = n % 2 ? 300 : 40;
        if (n % 64 == 0)
            __atomic_store_n(enemy->map + 32 + support_random(&seed) % 80, value, __ATOMIC_RELAXED);
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
    struct enemy enemy = {.map = enemy_map()};
    pthread_t enemy_thread, workers[2];

    (void)unused;
    assert_int_equal(pthread_create(&enemy_thread, NULL, enemy_main, &enemy), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, worker_main, queue), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(workers[i], NULL);
    __atomic_store_n(&enemy.stop, true, __ATOMIC_RELAXED);
    pthread_join(enemy_thread, NULL);
    munmap(enemy.map, ENEMY_SIZE);
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
