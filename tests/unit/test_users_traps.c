/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bob's slot is a trap: Alice writes to it, and its queue's memory and descriptor are his. */

#include "hostile_support.h"

#include <pthread.h>
#include <sys/timerfd.h>

#include "queue/layout.h"

#define TRAP_MAXIMUM 4711 /* tells its memory from others */

static struct mailslot *trap, *victim;

static void set_trap(void)
{
    assert_int_equal(mailslot_create(bob, "trap", 4, TRAP_MAXIMUM, 0, &trap, NULL), 0);
    assert_int_equal(mailslot_set_security(trap, users_everybody, sizeof(users_everybody)), 0);
    victim = support_open(alice, "trap");
    assert_int_equal(mailslot_write(victim, "a", 1), 0);
    support_expect(trap, "a");
}

static void end_trap(void)
{
    mailslot_free(victim);
    mailslot_free(trap);
}

/* What Bob can do with the memory: found in his own mappings, as the library keeps no descriptor.
 */
static struct queue_header *trap_header(void)
{
    FILE *file = fopen("/proc/self/maps", "re");
    struct queue_header *header = NULL;
    unsigned long from, offset;
    char line[512];

    while (!header && fgets(line, sizeof(line), file))
        if (strstr(line, "memfd:mailslot") &&
            sscanf(line, "%lx-%*x %*s %lx", &from, &offset) == 2 && offset == 0 &&
            ((struct queue_header *)from)->max_message == TRAP_MAXIMUM)
            header = (struct queue_header *)from;
    fclose(file);
    assert_non_null(header);
    return header;
}

/* He never gives the lock back: she is told that nothing can be queued. */
static void test_lock_held(void **state)
{
    struct queue_header *header;

    (void)state;
    set_trap();
    header = trap_header();
    for (int i = 0; i < 20; i++)
    {
        __atomic_store_n(&header->lock, 4711 + i, __ATOMIC_SEQ_CST);
        assert_int_equal(mailslot_write(victim, "b", 1), MAILSLOT_BUSY);
        go_on();
    }
    header->lock = 0;
    assert_int_equal(mailslot_write(victim, "c", 1), 0);
    support_expect(trap, "c");
    end_trap();
}

/* Anything in the queue's memory */
static void test_memory(void **state)
{
    uint64_t random = 88172645463325252ull;
    struct queue_header *header;

    (void)state;
    set_trap();
    header = trap_header();
    for (int i = 0; i < 2000; i++)
    {
        uint32_t *words = (uint32_t *)header->state;

        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        words[random % (sizeof(header->state) / 4)] = random >> 40 << (random >> 8 & 15);
        if (i % 7 == 0)
            header->generation = random >> 20;
        if (i % 11 == 0)
            header->note_generation = random >> 21;
        if (i % 13 == 0)
            header->quota = header->max_message = random >> 22;
        (void)!mailslot_write(victim, "b", 1);
        (void)support_open_result(alice, "trap");
        if (i % 100 == 0)
            go_on();
    }
    end_trap();
}

/*
 * Does with the descriptor that wakes whatever can be done, while somebody seems to sleep: the
 * daemon never waits for it, and the slot goes on.
 */
static void *spoil(void *argument)
{
    static const struct itimerspec late = {.it_value.tv_sec = 1000}, never;
    int fd = queue_fd(trap->queue);
    struct queue_header *header = trap_header();
    uint64_t count;

    for (unsigned int i = 0; !__atomic_load_n((bool *)argument, __ATOMIC_RELAXED); i++)
    {
        __atomic_store_n(&header->wake, QUEUE_LAYOUT_WAKE_POLLS | QUEUE_LAYOUT_WAKE_SLEEPS | i * 4,
                         __ATOMIC_SEQ_CST);
        fcntl(fd, F_SETFL, i % 2 ? O_NONBLOCK : 0);
        (void)timerfd_settime(fd, 0, i % 3 ? &late : &never, NULL);
        if (i % 2)
            (void)!read(fd, &count, sizeof(count));
        support_sleep_ms(1);
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return NULL;
}

static void test_wake_fd(void **state)
{
    bool stop = false;
    pthread_t thread;

    (void)state;
    set_trap();
    assert_int_equal(pthread_create(&thread, NULL, spoil, &stop), 0);
    for (int i = 0; i < 3000; i++)
    {
        assert_int_equal(mailslot_write(victim, "b", 1), 0);
        support_expect(trap, "b");
        if (i % 500 == 0)
            go_on();
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    end_trap();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOSTILE_TEST(test_lock_held),
        HOSTILE_TEST(test_memory),
        HOSTILE_TEST(test_wake_fd),
    };

    if (!users_possible())
        return 77;
    return cmocka_run_group_tests(tests, group_setup, support_end);
}
