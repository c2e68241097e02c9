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

/* As any new program: looks for the name until its owner has shown it again. */
static struct mailslot *find(struct mailslot_client *client, const char *name)
{
    struct mailslot *slot = NULL;

    for (int i = 0; i < 1000; i++)
    {
        if (mailslot_open(client, name, strlen(name), &slot, NULL) == 0)
            return slot;
        support_sleep_ms(10);
    }
    fail_msg("%s is not found again", name);
    return NULL;
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

/* A blocked reader shows its slot to the next daemon, also when that comes later. */
static void test_blocked_reader(void **state)
{
    static const long pauses[] = {0, 1500};

    (void)state;
    for (int i = 0; i < 2; i++)
    {
        struct mailslot_client *owner = support_client(), *newcomer = support_client();
        struct reading reading = {.slot = support_create(owner, "Blocked")};
        struct mailslot *writer;
        pthread_t thread;

        pthread_create(&thread, NULL, read_thread, &reading);
        support_sleep_ms(50);
        restart(pauses[i]);
        writer = find(newcomer, "bLOCKED");
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
    mailslot_client_revive(other); /* the writer first: the owner is not known yet */
    assert_int_equal(support_open_result(other, "x"), MAILSLOT_NOT_FOUND);
    mailslot_client_revive(owner);
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

/* The owner died while no daemon ran: its name is free (L1), and its writer learns of it as soon
 * as a daemon knows for sure; registry tests show the time-out. */
static void test_owner_died_meanwhile(void **state)
{
    struct mailslot_client *other = support_client();
    struct mailslot *writer, *slot;
    int ready[2];
    pid_t child;
    char byte;

    (void)state;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    child = fork();
    if (child == 0)
    {
        support_create(support_client(), "x");
        if (write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    writer = support_open(other, "x");
    support_kill(daemon_pid);
    support_kill(child);
    daemon_pid = support_start(NULL, 0);
    mailslot_client_revive(other);
    slot = support_create(other, "X");
    assert_int_equal(mailslot_write(writer, "x", 1), 0); /* no longer to a slot of that name */
    assert_int_equal(mailslot_read(slot, &byte, 1, &(uint32_t){0}), MAILSLOT_EMPTY);
    mailslot_free(slot);
    mailslot_free(writer);
    mailslot_client_free(other);
    close(ready[0]);
    close(ready[1]);
}

/* A handle that two processes share (L6) is one lease again, whoever comes back first. */
static void test_adopted(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++)
    {
        struct mailslot_client *owner = support_client(), *heir = support_client();
        struct mailslot_client *other = support_client();
        struct mailslot *slot, *adopted = NULL, *writer;
        int lease, copy;

        assert_int_equal(mailslot_create(owner, "x", 1, 0, 0, &slot, &lease), 0);
        copy = fcntl(lease, F_DUPFD_CLOEXEC, 0);
        assert_int_equal(mailslot_adopt(heir, copy, &adopted), 0);
        restart(0);
        mailslot_client_revive(order ? heir : owner);
        writer = support_open(other, "x");
        mailslot_client_revive(order ? owner : heir);
        assert_int_equal(mailslot_write(writer, "a", 1), 0);
        close(lease);
        mailslot_free(slot);
        mailslot_client_free(owner); /* as when the creator ends */
        assert_int_equal(support_open_result(other, "X"), 0);
        support_expect(adopted, "a");
        close(copy);
        mailslot_free(adopted);
        assert_int_equal(support_open_result(other, "X"), MAILSLOT_NOT_FOUND);
        assert_int_equal(mailslot_write(writer, "a", 1), MAILSLOT_CLOSED);
        mailslot_free(writer);
        mailslot_client_free(heir);
        mailslot_client_free(other);
    }
}

/* Another program took the name in the gap: each has its own slot, nobody loses one. */
static void test_name_taken(void **state)
{
    struct mailslot_client *first = support_client(), *second = support_client();
    struct mailslot *slot = support_create(first, "x"), *writer = support_open(first, "x"), *taken;

    (void)state;
    restart(0);
    taken = support_create(second, "x");
    mailslot_client_revive(first);
    assert_int_equal(mailslot_write(writer, "old", 3), 0);
    support_expect(slot, "old");
    assert_int_equal(mailslot_read(taken, NULL, 0, &(uint32_t){0}), MAILSLOT_EMPTY);
    mailslot_free(slot);
    assert_int_equal(mailslot_write(writer, "old", 3), MAILSLOT_CLOSED);
    assert_int_equal(support_open_result(first, "x"), 0);
    mailslot_free(taken);
    mailslot_free(writer);
    mailslot_client_free(first);
    mailslot_client_free(second);
}

/* Answers HELLO on each of a client's attempts, and is gone before the next request arrives. */
static void *fake_daemon(void *userdata)
{
    static _Alignas(8) uint8_t bytes[CONTROL_PACKET_MAX];
    int listener = *(int *)userdata;

    for (;;)
    {
        struct control_welcome *welcome;
        struct packet packet;
        uint32_t serial;
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            return NULL;
        packet_init(&packet, bytes, sizeof(bytes));
        if (packet_receive(fd, &packet, 0) == 0)
        {
            serial = packet_header(&packet)->serial;
            shutdown(fd, SHUT_RD); /* the client's next sendmsg() fails */
            welcome = packet_start(&packet, CONTROL_HELLO, serial, 0, sizeof(*welcome));
            welcome->client = 5;
            (void)!packet_send(fd, &packet, 0);
        }
        close(fd);
    }
}

/* A daemon that dies while slots are shown to it takes nothing with it: every descriptor of the
 * client stays open and its own. */
static void test_dies_during_restore(void **state)
{
    struct mailslot_client *owner = support_client(), *other = support_client();
    struct mailslot *slot, *adopted = NULL;
    struct sockaddr_un address;
    int lease, copy, fds, listener;
    pthread_t thread;

    (void)state;
    assert_int_equal(mailslot_create(owner, "x", 1, 0, 0, &slot, &lease), 0);
    copy = fcntl(lease, F_DUPFD_CLOEXEC, 0);
    assert_int_equal(mailslot_client_connect(other), 0);
    fds = support_count_fds(getpid());
    support_kill(daemon_pid);
    unlink(support_socket);
    listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(control_address_fill(&address, support_socket), 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 16), 0);
    pthread_create(&thread, NULL, fake_daemon, &listener);

    mailslot_client_revive(owner);
    assert_int_equal(mailslot_client_socket(owner), -1);
    assert_true(mailslot_adopt(other, copy, &adopted) != 0);
    assert_true(fcntl(copy, F_GETFD) >= 0);
    assert_true(fcntl(mailslot_fd(slot), F_GETFD) >= 0);

    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    /* Here and in a daemon that was never there: no descriptor more or less but the connections. */
    assert_true(mailslot_adopt(other, copy, &adopted) != 0);
    assert_true(fcntl(copy, F_GETFD) >= 0);
    assert_int_equal(support_count_fds(getpid()), fds - 2);

    daemon_pid = support_start(NULL, 0);
    support_sleep_ms(1100); /* no second attempt within a second */
    mailslot_client_revive(owner);
    assert_int_equal(mailslot_adopt(other, copy, &adopted), 0);
    mailslot_free(adopted);
    mailslot_free(slot);
    close(copy);
    close(lease);
    mailslot_client_free(owner);
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
            _exit(1);
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
    mailslot_client_revive(owner);
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
        TEST(test_adopted),        TEST(test_name_taken),        TEST(test_dies_during_restore),
        TEST(test_kill_loop),
    };

    return cmocka_run_group_tests(tests, support_begin, support_end);
}
