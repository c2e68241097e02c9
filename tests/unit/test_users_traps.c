/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bob's slot is a trap: Alice writes to it, and its queue's memory and eventfd are his. */

#include "hostile_support.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include "daemon/careful.h"
#include "daemon/registry.h"
#include "queue/layout.h"

static struct mailslot *trap, *victim;

static void set_trap(void)
{
    trap = users_create_open_slot(bob, "trap");
    victim = support_open(alice, "trap");
    assert_int_equal(mailslot_write(victim, "a", 1), 0);
    support_expect(trap, "a");
}

static void end_trap(void)
{
    mailslot_free(victim);
    mailslot_free(trap);
}

static struct queue_header *trap_header(void)
{
    struct queue_header *header = mmap(NULL, sizeof(*header), PROT_READ | PROT_WRITE, MAP_SHARED,
                                       queue_memfd(trap->queue), 0);

    assert_ptr_not_equal(header, MAP_FAILED);
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
        header->turn++;
        assert_int_equal(mailslot_write(victim, "b", 1), MAILSLOT_FULL);
        go_on();
    }
    header->lock = 0;
    assert_int_equal(mailslot_write(victim, "c", 1), 0);
    support_expect(trap, "c");
    munmap(header, sizeof(*header));
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
    munmap(header, sizeof(*header));
    end_trap();
}

/*
 * Pretends a sleeper, empties the eventfd, and fills it in the very moment in which the daemon has
 * seen that it is not full; then leaves it so, as a trap that waits.
 */
static void *spoil(void *argument)
{
    const uint64_t full = UINT64_MAX - 1;
    int event = queue_fd(trap->queue);
    struct queue_header *header = trap_header();
    uint64_t count;

    for (unsigned int i = 0; !__atomic_load_n((bool *)argument, __ATOMIC_RELAXED); i++)
    {
        fcntl(event, F_SETFL, O_NONBLOCK);
        __atomic_store_n(&header->wake, QUEUE_LAYOUT_WAKE_WAITING, __ATOMIC_SEQ_CST);
        (void)!read(event, &count, sizeof(count));
        for (unsigned int k = 0; k < i * 7919 % 10000; k++)
            __atomic_thread_fence(__ATOMIC_SEQ_CST);
        (void)!write(event, &full, sizeof(full));
        fcntl(event, F_SETFL, 0);
        support_sleep_ms(3);
    }
    fcntl(event, F_SETFL, O_NONBLOCK);
    munmap(header, sizeof(*header));
    return NULL;
}

static void test_eventfd(void **state)
{
    const uint64_t full = UINT64_MAX - 1;
    bool stop = false;
    pthread_t thread;
    int event, r = 0;

    (void)state;
    set_trap();
    event = queue_fd(trap->queue);
    /* Full and waiting, with a sleeper pretended */
    assert_int_equal(mailslot_read_or_arm(trap, NULL, 0, &(uint32_t){0}), MAILSLOT_EMPTY);
    assert_int_equal(write(event, &full, sizeof(full)), sizeof(full));
    fcntl(event, F_SETFL, 0);
    assert_int_equal(mailslot_write(victim, "b", 1), 0);
    go_on();
    fcntl(event, F_SETFL, O_NONBLOCK);
    assert_int_equal(pthread_create(&thread, NULL, spoil, &stop), 0);
    /* Sooner or later he has the moment: then the slot is closed, and nothing else has happened. */
    for (int i = 0; r != MAILSLOT_CLOSED; i++)
    {
        r = mailslot_write(victim, "b", 1);
        assert_true(r == 0 || r == MAILSLOT_CLOSED);
        (void)!mailslot_read(trap, &(char){0}, 1, &(uint32_t){0});
        if (i % 500 == 0)
            go_on();
    }
    go_on();
    assert_int_equal(support_open_result(alice, "trap"), MAILSLOT_NOT_FOUND);
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    end_trap();
}

/* What the daemon does when a look at the eventfd and the write meet him in between */
static void test_careful(void **state)
{
    const uint64_t full = UINT64_MAX - 1;
    uint64_t count;
    int event;

    (void)state;
    for (int blocking = 0; blocking < 2; blocking++)
    {
        event = eventfd(0, EFD_CLOEXEC | (blocking ? 0 : EFD_NONBLOCK));
        assert_true(careful_signal(event));
        assert_int_equal(read(event, &count, sizeof(count)), sizeof(count));
        assert_int_equal(count, 1);
        assert_int_equal(write(event, &full, sizeof(full)), sizeof(full));
        for (int i = 0; i < 20; i++)
            assert_int_equal(careful_signal(event), !blocking); /* readable: nobody sleeps */
        close(event);
    }
    /* support_begin()'s timer, which was the same */
    alarm(SUPPORT_SECONDS_MAX);
}

static bool refuse(int event)
{
    (void)event;
    return false;
}

/* Then the slot is closed for its owner, too, and its name free; the daemon's books stay right. */
static void test_condemned(void **state)
{
    struct queue_config config = {.quota = 65536};
    struct registry *registry = NULL;
    struct charge *charge;
    struct lease *server = NULL, *writer = NULL;
    struct user *user = NULL;
    struct queue *other = NULL;
    sd_event *event = NULL;
    int ends[2];

    (void)state;
    assert_true(sd_event_new(&event) >= 0);
    assert_int_equal(registry_new(&registry, event), 0);
    assert_int_equal(registry_user(registry, BOB, &user), 0);
    assert_true(user->guest);
    charge = charge_new(user);
    assert_int_equal(registry_create(registry, "x", 1, &config, charge, &server, &ends[0]), 0);
    assert_int_equal(registry_open(registry, "x", 1, charge, &writer, &ends[1]), 0);
    assert_int_equal(queue_map(&other, dup(queue_memfd(server->slot->queue)),
                               dup(queue_fd(server->slot->queue)), 1),
                     0);
    queue_set_signal(server->slot->queue, refuse);
    registry_recover(registry, user, 99);
    assert_null(registry_find(registry, "x", 1));
    assert_int_equal(registry_condemned(registry), 1);
    assert_null(server->slot);
    assert_null(writer->slot);
    assert_int_equal(queue_push(other, "a", 1), QUEUE_CLOSED);
    assert_int_equal(user->holds.slots, 0);
    assert_int_equal(user->holds.leases, 2);
    close(ends[0]);
    close(ends[1]);
    registry_check(server);
    registry_check(writer);
    assert_int_equal(user->holds.slots, 0);
    assert_int_equal(user->holds.leases, 0);
    queue_free(other);
    charge_unref(charge);
    user_unref(user);
    registry_free(registry);
    sd_event_unref(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOSTILE_TEST(test_lock_held),     HOSTILE_TEST(test_memory),
        HOSTILE_TEST(test_eventfd),       cmocka_unit_test(test_careful),
        cmocka_unit_test(test_condemned),
    };

    if (!users_possible())
        return 77;
    return cmocka_run_group_tests(tests, group_setup, support_end);
}
