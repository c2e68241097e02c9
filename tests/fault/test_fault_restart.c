/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mailslotd is killed and comes back (DESIGN "Lifetime and identity"): nothing queued is lost. */

#include "../unit/daemon_support.h"

#include <pthread.h>

static pid_t daemon_pid;
static int own_fds;

static int setup(void **state)
{
    (void)state;
    own_fds = support_count_fds(getpid());
    daemon_pid = support_start(NULL, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    support_stop(daemon_pid);
    return support_count_fds(getpid()) != own_fds;
}

static void restart(long pause_ms)
{
    support_kill(daemon_pid);
    support_sleep_ms(pause_ms);
    daemon_pid = support_start(NULL, 0);
}

struct reading
{
    struct mailslot *slot;
    char buffer[16];
    uint32_t size;
    int result;
};

static void *read_thread(void *userdata)
{
    struct reading *reading = userdata;

    reading->result = mailslot_read_wait(reading->slot, reading->buffer, sizeof(reading->buffer),
                                         MAILSLOT_FOREVER, NULL, &reading->size);
    return NULL;
}

/* Issue 12, lines c and d: the owner sleeps in a read and does nothing. Its name is there as soon
 * as there is a daemon, for writers only. */
static void test_blocked_reader(void **state)
{
    static const long pauses[] = {0, 1500};

    (void)state;
    for (int i = 0; i < 2; i++)
    {
        struct mailslot_client *owner = support_client(), *newcomer = support_client();
        struct reading reading = {.slot = support_create(owner, "Blocked")};
        struct mailslot *writer, *taken = NULL;
        pthread_t thread;

        pthread_create(&thread, NULL, read_thread, &reading);
        support_sleep_ms(50);
        restart(pauses[i]);
        assert_int_equal(mailslot_create(newcomer, "blocked", 7, 0, 0, &taken, NULL),
                         MAILSLOT_EXISTS);
        writer = support_open(newcomer, "bLOCKED");
        assert_int_equal(mailslot_write(writer, "abc", 3), 0);
        pthread_join(thread, NULL);
        assert_int_equal(reading.result, 0);
        assert_memory_equal(reading.buffer, "abc", 3);
        mailslot_free(writer);
        mailslot_free(reading.slot);
        mailslot_client_free(owner);
        mailslot_client_free(newcomer);
    }
}

/* What is queued stays queued, what is written meanwhile arrives, leases end as before (L1, P8). */
static void test_queued_and_leases(void **state)
{
    struct mailslot_client *owner = support_client(), *other = support_client();
    struct mailslot *slot = support_create(owner, "x"), *writer = support_open(other, "x"), *again;

    (void)state;
    assert_int_equal(mailslot_write(writer, "before", 6), 0);
    support_kill(daemon_pid);
    assert_int_equal(mailslot_write(writer, "without", 7), 0);
    support_expect(slot, "before");
    daemon_pid = support_start(NULL, 0);
    again = support_open(other, "X");
    assert_int_equal(mailslot_write(again, "after", 5), 0);
    support_expect(slot, "without");
    support_expect(slot, "after");

    mailslot_free(slot);
    assert_int_equal(mailslot_write(writer, "x", 1), MAILSLOT_CLOSED);
    assert_int_equal(mailslot_write(again, "x", 1), MAILSLOT_CLOSED);
    slot = support_create(other, "x");
    assert_int_equal(mailslot_write(writer, "x", 1), MAILSLOT_CLOSED); /* L5 */
    mailslot_free(slot);
    mailslot_free(again);
    mailslot_free(writer);
    mailslot_client_free(owner);
    mailslot_client_free(other);
}

/* An owner in another process; what it does is up to the test. */
static pid_t start_owner(const char *name)
{
    int ready[2];
    pid_t child;
    char byte;

    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    child = fork();
    if (child == 0)
    {
        support_create(support_client(), name);
        if (write(ready[1], "x", 1) == 1)
            for (;;)
                pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

/* The owner died while no daemon ran: its writers are told nevertheless (L1, P8), its name is free.
 */
static void test_owner_died_meanwhile(void **state)
{
    struct mailslot_client *other = support_client();
    struct mailslot *writer, *slot;
    pid_t child = start_owner("x");
    int r = 0;

    (void)state;
    writer = support_open(other, "x");
    support_kill(daemon_pid);
    assert_int_equal(mailslot_write(writer, "x", 1), 0);
    support_kill(child);
    for (int i = 0; r == 0 && i < 1000; i++)
    {
        support_sleep_ms(10);
        r = mailslot_write(writer, "x", 1);
    }
    assert_int_equal(r, MAILSLOT_CLOSED);
    daemon_pid = support_start(NULL, 0);
    slot = support_create(other, "X");
    assert_int_equal(mailslot_read(slot, NULL, 0, &(uint32_t){0}), MAILSLOT_EMPTY);
    mailslot_free(slot);
    mailslot_free(writer);
    mailslot_client_free(other);
}

/* Line d: an owner that has been stopped keeps slot, name and messages, however long. */
static void test_stopped_owner(void **state)
{
    struct mailslot_client *other = support_client();
    struct mailslot *writer, *taken = NULL;
    pid_t child = start_owner("x");

    (void)state;
    writer = support_open(other, "x");
    kill(child, SIGSTOP);
    for (int i = 0; i < 5; i++)
    {
        restart(0);
        assert_int_equal(mailslot_create(other, "x", 1, 0, 0, &taken, NULL), MAILSLOT_EXISTS);
        assert_int_equal(mailslot_write(writer, "a", 1), 0);
        assert_int_equal(mailslot_send(other, ".", 1, "x", 1, "b", 1), 0);
    }
    kill(child, SIGCONT);
    support_kill(child);
    assert_int_equal(mailslot_create(other, "x", 1, 0, 0, &taken, NULL), 0);
    mailslot_free(taken);
    mailslot_free(writer);
    mailslot_client_free(other);
}

/* A handle that two processes share (L6) is one lease again. */
static void test_adopted(void **state)
{
    struct mailslot_client *owner = support_client(), *heir = support_client();
    struct mailslot_client *other = support_client();
    struct mailslot *slot, *adopted = NULL, *writer;
    int lease, copy;

    (void)state;
    assert_int_equal(mailslot_create(owner, "x", 1, 0, 0, &slot, &lease), 0);
    copy = fcntl(lease, F_DUPFD_CLOEXEC, 0);
    restart(0);
    assert_int_equal(mailslot_adopt(heir, copy, &adopted), 0);
    writer = support_open(other, "x");
    assert_int_equal(mailslot_write(writer, "a", 1), 0);
    close(lease);
    mailslot_free(slot);
    mailslot_client_free(owner); /* as when the creator ends */
    assert_int_equal(support_open_result(other, "X"), 0);
    support_expect(adopted, "a");
    restart(0);
    assert_int_equal(support_open_result(other, "X"), 0);
    close(copy);
    mailslot_free(adopted);
    assert_int_equal(support_open_result(other, "X"), MAILSLOT_NOT_FOUND);
    assert_int_equal(mailslot_write(writer, "a", 1), MAILSLOT_CLOSED);
    mailslot_free(writer);
    mailslot_client_free(heir);
    mailslot_client_free(other);
}

/* --- everything at once -------------------------------------------------------------------------
 */

enum
{
    LOOP_KILLS = 6,
};

static volatile sig_atomic_t loop_stop;

static void on_stop(int number)
{
    (void)number;
    loop_stop = 1;
}

/* Writes numbers until it is stopped; tells how many were accepted. */
static void loop_writer(int report)
{
    struct mailslot_client *client = support_client();
    struct mailslot *writer = support_open(client, "loop");
    uint32_t n = 0;

    while (!loop_stop)
    {
        int r = mailslot_write(writer, &n, sizeof(n));

        if (r == 0)
            n++;
        else if (r != MAILSLOT_FULL)
            _exit(10 + r);
        if (n % 64 == 0)
            support_sleep_ms(1);
    }
    _exit(write(report, &n, sizeof(n)) != sizeof(n));
}

/* Creates and ends slots; without a daemon it is told so, and nothing else may happen. */
static void loop_creator(int report)
{
    struct mailslot_client *client = support_client();
    uint32_t n = 0;

    while (!loop_stop)
    {
        struct mailslot *slot = NULL;
        int r = mailslot_create(client, "created", 7, 0, 0, &slot, NULL);

        if (r == 0)
        {
            n++;
            mailslot_free(slot);
        }
        else if (r != MAILSLOT_NO_DAEMON)
            _exit(20 + r);
    }
    _exit(write(report, &n, sizeof(n)) != sizeof(n));
}

static void test_kill_loop(void **state)
{
    struct mailslot_client *owner = support_client();
    struct mailslot *slot = support_create(owner, "loop");
    uint32_t expected = 0, accepted, created;
    pid_t writer, creator;
    int64_t next_kill;
    int report[2][2];

    (void)state;
    signal(SIGUSR1, on_stop);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pipe2(report[i], O_CLOEXEC), 0);
    writer = fork();
    if (writer == 0)
        loop_writer(report[0][1]);
    creator = fork();
    if (creator == 0)
        loop_creator(report[1][1]);

    next_kill = support_now_ms() + 300;
    for (int kills = 0; kills < LOOP_KILLS;)
    {
        uint32_t n, size = 0;
        int r = mailslot_read_wait(slot, &n, sizeof(n), 50, NULL, &size);

        if (r == 0)
        {
            assert_int_equal(n, expected);
            expected++;
        }
        else
            assert_int_equal(r, MAILSLOT_TIMEOUT);
        if (support_now_ms() >= next_kill)
        {
            restart(kills % 2 ? 0 : 100);
            kills++;
            next_kill = support_now_ms() + 300;
        }
    }
    kill(writer, SIGUSR1);
    kill(creator, SIGUSR1);
    assert_int_equal(support_wait_status(writer), 0);
    assert_int_equal(support_wait_status(creator), 0);
    assert_int_equal(read(report[0][0], &accepted, sizeof(accepted)), sizeof(accepted));
    assert_int_equal(read(report[1][0], &created, sizeof(created)), sizeof(created));
    /* All that was accepted arrives, in order, and then there is no more. */
    while (expected < accepted)
    {
        uint32_t n = 0, size = 0;

        assert_int_equal(mailslot_read(slot, &n, sizeof(n), &size), 0);
        assert_int_equal(n, expected);
        expected++;
    }
    assert_int_equal(expected, accepted);
    assert_int_equal(mailslot_read(slot, NULL, 0, &(uint32_t){0}), MAILSLOT_EMPTY);
    assert_true(accepted > 0 && created > 0);
    /* The owner is back at its name, and the name of the dead one is free (L4). */
    assert_int_equal(support_open_result(owner, "LOOP"), 0);
    mailslot_free(support_create(owner, "created"));
    mailslot_free(slot);
    mailslot_client_free(owner);
    for (int i = 0; i < 4; i++)
        close(report[i / 2][i % 2]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_blocked_reader), TEST(test_queued_and_leases), TEST(test_owner_died_meanwhile),
        TEST(test_stopped_owner),  TEST(test_adopted),           TEST(test_kill_loop),
    };

    return cmocka_run_group_tests(tests, support_begin, support_end);
}
