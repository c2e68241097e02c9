/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client library against a real mailslotd: handles, messages, adoption, lifetimes. */

#include "daemon_support.h"

#include <pthread.h>

static pid_t daemon_pid;
static struct mailslot_client *client;
static int own_fds, daemon_fds;

static int setup(void **state)
{
    (void)state;
    own_fds = support_count_fds(getpid());
    client = support_client();
    assert_int_equal(mailslot_client_connect(client), 0);
    daemon_fds = support_stable_fds(daemon_pid);
    return 0;
}

/* Neither side may keep a descriptor of what a test has ended (issue 2, section 5). */
static int teardown(void **state)
{
    (void)state;
    if (support_settle_fds(daemon_pid, daemon_fds) != daemon_fds)
        return 1;
    client = mailslot_client_free(client);
    return support_count_fds(getpid()) != own_fds;
}

/* N1, P3, P5, R1, I1-I3, L7 */
static void test_messages(void **state)
{
    struct mailslot *slot, *writer;
    struct mailslot_info info;
    struct mailslot_identity identity;

    (void)state;
    assert_int_equal(mailslot_create(client, "Net\\One", 7, 4, 250, &slot, NULL), 0);
    writer = support_open(client, "net\\one"); /* N2, N3 */
    assert_int_equal(mailslot_info(slot, &info), 0);
    assert_int_equal(info.max_message, 4);
    assert_int_equal(info.read_timeout, 250);
    assert_int_equal(info.next_size, MAILSLOT_NONE);
    assert_int_equal(info.count, 0);
    assert_int_equal(mailslot_write(writer, "abcd", 4), 0);
    assert_int_equal(mailslot_write(writer, "abcde", 5), MAILSLOT_TOO_LARGE); /* P4 */
    assert_int_equal(mailslot_write(writer, "", 0), 0);
    assert_int_equal(mailslot_write(writer, "z", 1), 0);
    writer = mailslot_free(writer);
    assert_int_equal(mailslot_info(slot, &info), 0);
    assert_int_equal(info.count, 3);
    assert_int_equal(info.next_size, 4);
    support_expect(slot, "abcd");
    support_expect(slot, "");
    support_expect(slot, "z");
    mailslot_identify(slot, &identity);
    assert_int_equal(identity.kind, MAILSLOT_SERVER);
    assert_string_equal(identity.name, "Net\\One");
    assert_string_equal(identity.host, "");
    assert_true(identity.created > UINT64_C(130000000000000000)); /* 2012 */
    mailslot_free(slot);
}

/* R2: the message stays, also for a buffer of no bytes. */
static void test_small_buffer(void **state)
{
    struct mailslot *slot = support_create(client, "x"), *writer = support_open(client, "x");
    struct mailslot_info info;
    char buffer[8];
    uint32_t size = 0;

    (void)state;
    assert_int_equal(mailslot_write(writer, "abcdef", 6), 0);
    assert_int_equal(mailslot_read(slot, buffer, 5, &size), MAILSLOT_BUFFER_TOO_SMALL);
    assert_int_equal(size, 6);
    size = 0;
    assert_int_equal(mailslot_read(slot, NULL, 0, &size), MAILSLOT_BUFFER_TOO_SMALL);
    assert_int_equal(size, 6);
    assert_int_equal(mailslot_info(slot, &info), 0);
    assert_int_equal(info.count, 1);
    assert_int_equal(info.next_size, 6);
    assert_int_equal(mailslot_peek(slot, buffer, 3, &size), 0);
    assert_memory_equal(buffer, "abc", 3);
    support_expect(slot, "abcdef");
    assert_int_equal(mailslot_peek(slot, buffer, 3, &size), MAILSLOT_EMPTY);
    mailslot_free(writer);
    mailslot_free(slot);
}

/* P6, P7: any size, 425 and 426 included */
static void test_sizes(void **state)
{
    static const uint32_t sizes[] = {424, 425, 426, 427, 65535, 65536, 1 << 20};
    static uint8_t out[1 << 20], in[1 << 20];
    struct mailslot *slot = support_create(client, "x"), *writer = support_open(client, "x");

    (void)state;
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = i * 31 >> 3;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        assert_int_equal(mailslot_write(writer, out, sizes[i]), 0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
    {
        uint32_t size = 0;

        assert_int_equal(mailslot_read(slot, in, sizeof(in), &size), 0);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(in, out, size);
    }
    mailslot_free(writer);
    mailslot_free(slot);
}

/* C5, N3, O2, N9, N10 */
static void test_names(void **state)
{
    static const char *const bad[] = {"", "\\", "\\a", "a\\", "a\\\\b"};
    struct mailslot *slot = support_create(client, "\u00c4rger\\Name"), *other = NULL;
    char *name = malloc(98305);

    (void)state;
    assert_int_equal(mailslot_create(client, "\u00e4RGER\\nAME", 11, 0, 0, &other, NULL),
                     MAILSLOT_EXISTS);
    assert_int_equal(support_open_result(client, "\u00e4rger\\NAME"), 0);
    assert_int_equal(support_open_result(client, "\u00c4rger"), MAILSLOT_NOT_FOUND);
    assert_int_equal(support_open_result(client, "\u00c4rger\\Name\\x"), MAILSLOT_NOT_FOUND);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
    {
        assert_int_equal(mailslot_create(client, bad[i], strlen(bad[i]), 0, 0, &other, NULL),
                         MAILSLOT_BAD_NAME);
        assert_int_equal(support_open_result(client, bad[i]), MAILSLOT_NOT_FOUND);
    }
    assert_int_equal(mailslot_create(client, "a\0b", 3, 0, 0, &other, NULL), MAILSLOT_BAD_NAME);
    mailslot_free(slot);

    memset(name, 'n', 98305);
    assert_int_equal(mailslot_create(client, name, 98305, 0, 0, &other, NULL), MAILSLOT_BAD_NAME);
    assert_int_equal(mailslot_create(client, name, 98304, 0, 0, &slot, NULL), 0);
    name[98304] = 0;
    assert_int_equal(support_open_result(client, name), 0);
    mailslot_free(slot);
    free(name);
    assert_null(other);
}

/* X1, X3: each end does its own. */
static void test_wrong_end(void **state)
{
    struct mailslot *slot = support_create(client, "x"), *writer = support_open(client, "x");
    struct mailslot *remote = NULL;
    struct mailslot_info info;
    uint32_t size;
    char byte;

    (void)state;
    assert_int_equal(mailslot_open_remote(client, "*", 1, "x", 1, &remote, NULL), 0); /* Q1 */
    assert_int_equal(mailslot_write(slot, "a", 1), MAILSLOT_DENIED);
    assert_int_equal(mailslot_read(writer, &byte, 1, &size), MAILSLOT_DENIED);
    assert_int_equal(mailslot_read_wait(writer, &byte, 1, 0, NULL, &size), MAILSLOT_DENIED);
    assert_int_equal(mailslot_set_read_timeout(writer, 1), MAILSLOT_DENIED);
    assert_int_equal(mailslot_info(writer, &info), 0); /* I6 */
    assert_int_equal(mailslot_info(remote, &info), MAILSLOT_DENIED);
    assert_int_equal(mailslot_peek(remote, &byte, 1, &size), MAILSLOT_DENIED);
    assert_int_equal(mailslot_fd(remote), -1);
    mailslot_free(remote);
    mailslot_free(writer);
    mailslot_free(slot);
}

/* I10: any handle changes it for all. L6: both may read. Here through adopted leases. */
static void test_adopt(void **state)
{
    struct mailslot_client *other = support_client();
    struct mailslot *slot, *adopted = NULL, *writer;
    struct mailslot_identity one, two;
    struct mailslot_info info;
    int lease = -1, copy, pipes[2];

    (void)state;
    assert_int_equal(mailslot_create(client, "x", 1, 0, 100, &slot, &lease), 0);
    copy = fcntl(lease, F_DUPFD_CLOEXEC, 0);
    assert_int_equal(mailslot_adopt(other, copy, &adopted), 0);
    mailslot_identify(slot, &one);
    mailslot_identify(adopted, &two);
    assert_int_equal(two.kind, MAILSLOT_SERVER);
    assert_true(one.lease_id == two.lease_id);
    assert_string_equal(two.name, "x");
    assert_int_equal(mailslot_set_read_timeout(adopted, MAILSLOT_FOREVER), 0);
    assert_int_equal(mailslot_info(slot, &info), 0);
    assert_int_equal(info.read_timeout, MAILSLOT_FOREVER);

    writer = support_open(client, "x");
    assert_int_equal(mailslot_write(writer, "a", 1), 0);
    assert_int_equal(mailslot_write(writer, "b", 1), 0);
    support_expect(adopted, "a");
    support_expect(slot, "b");

    /* The first holder goes: the slot stays (L1). */
    mailslot_free(slot);
    close(lease);
    assert_int_equal(mailslot_check(client, one.lease_id), 0);
    assert_int_equal(mailslot_write(writer, "c", 1), 0);
    support_expect(adopted, "c");
    mailslot_free(adopted);
    close(copy);
    assert_int_equal(mailslot_check(other, one.lease_id), 0);
    assert_int_equal(mailslot_write(writer, "d", 1), MAILSLOT_CLOSED); /* P8 */
    mailslot_free(writer);

    /* No lease at all */
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_int_equal(mailslot_adopt(other, pipes[0], &adopted), MAILSLOT_NOT_LEASE);
    assert_int_equal(mailslot_adopt(other, -1, &adopted), MAILSLOT_NOT_LEASE);
    close(pipes[0]);
    close(pipes[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pipes), 0);
    assert_int_equal(mailslot_adopt(other, pipes[0], &adopted), MAILSLOT_NOT_LEASE);
    close(pipes[0]);
    close(pipes[1]);
    mailslot_client_free(other);
}

/* A writer's lease whose slot is gone cannot be adopted any more (L5). */
static void test_adopt_dead(void **state)
{
    struct mailslot *slot = support_create(client, "x"), *writer, *adopted = NULL;
    int lease;

    (void)state;
    assert_int_equal(mailslot_open(client, "x", 1, &writer, &lease), 0);
    mailslot_free(slot);
    assert_int_equal(mailslot_adopt(client, lease, &adopted), MAILSLOT_NOT_FOUND);
    mailslot_free(writer);
    close(lease);
}

/* L1, L6: a lease inherited through fork(), used after its creator has ended. */
static void test_fork(void **state)
{
    struct mailslot *adopted = NULL;
    int pair[2], lease;
    struct packet packet;
    pid_t child;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    child = fork();
    if (child == 0)
    {
        struct mailslot_client_options options = {.no_autostart = true};
        struct mailslot *slot, *writer;
        struct mailslot_client *own;
        pid_t grandchild;

        if (mailslot_client_new(&own, &options) ||
            mailslot_create(own, "forked", 6, 0, 0, &slot, &lease) ||
            mailslot_open(own, "forked", 6, &writer, NULL) || mailslot_write(writer, "hi", 2))
            _exit(1);
        grandchild = fork(); /* inherits the lease, and outlives the creator */
        if (grandchild)
            _exit(grandchild < 0);
        if (mailslot_client_new(&own, &options) || mailslot_adopt(own, lease, &slot))
            _exit(1);
        support_packet(&packet);
        packet_start(&packet, CONTROL_OPEN, 0, 0, 0);
        packet_add_fd(&packet, lease);
        _exit(packet_send(pair[1], &packet, 0) != 0);
    }
    close(pair[1]);
    assert_int_equal(support_wait_status(child), 0);
    support_packet(&packet);
    assert_int_equal(packet_receive(pair[0], &packet, 0), 0);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    /* And handed on by SCM_RIGHTS, as DuplicateHandle ends up */
    lease = packet_take_fd(&packet, 0);
    assert_int_equal(mailslot_adopt(client, lease, &adopted), 0);
    support_expect(adopted, "hi"); /* L8 */
    close(pair[0]);
    mailslot_free(adopted);
    close(lease);
    for (int i = 0; i < 500 && support_open_result(client, "forked") == 0; i++)
        support_sleep_ms(10); /* until the grandchild has ended, too */
    assert_int_equal(support_open_result(client, "forked"), MAILSLOT_NOT_FOUND);
}

/* L1, L3, L4, L5: closing is seen at once by the same thread, as often as one likes. */
static void test_close_create(void **state)
{
    struct mailslot *old_writer = NULL;

    (void)state;
    for (int i = 0; i < 200; i++)
    {
        struct mailslot *slot = support_create(client, i % 2 ? "X" : "x");
        struct mailslot *writer = support_open(client, "x");

        if (old_writer)
            assert_int_equal(mailslot_write(old_writer, "old", 3), MAILSLOT_CLOSED);
        assert_int_equal(mailslot_write(writer, "new", 3), 0);
        support_expect(slot, "new");
        mailslot_free(slot);
        assert_int_equal(support_open_result(client, "x"), MAILSLOT_NOT_FOUND);
        assert_int_equal(mailslot_write(writer, "new", 3), MAILSLOT_CLOSED);
        mailslot_free(old_writer);
        old_writer = writer;
    }
    mailslot_free(old_writer);
}

/* L4 without mailslot_check(): the lease is just closed, as by a process that is killed. */
static void test_collision(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++)
    {
        struct mailslot *slot, *second;
        int lease, lease2;

        assert_int_equal(mailslot_create(client, "x", 1, 0, 0, &slot, &lease), 0);
        assert_int_equal(mailslot_create(client, "X", 1, 0, 0, &second, &lease2), MAILSLOT_EXISTS);
        close(lease);
        assert_int_equal(mailslot_create(client, "X", 1, 0, 0, &second, &lease2), 0);
        mailslot_free(slot);
        mailslot_free(second);
        close(lease2);
        assert_int_equal(support_open_result(client, "x"), MAILSLOT_NOT_FOUND);
    }
}

struct reading
{
    struct mailslot *slot;
    struct mailslot_cancel *cancel;
    char buffer[16];
    uint32_t size;
    int result;
};

static void *read_thread(void *userdata)
{
    struct reading *reading = userdata;

    reading->result = mailslot_read_wait(reading->slot, reading->buffer, sizeof(reading->buffer),
                                         MAILSLOT_FOREVER, reading->cancel, &reading->size);
    return NULL;
}

/* R6, and the three ways in which a blocked read ends */
static void test_blocked_read(void **state)
{
    struct reading reading = {.slot = support_create(client, "x")};
    struct mailslot *writer = support_open(client, "x"), *adopted;
    pthread_t thread;
    int lease;

    (void)state;
    assert_int_equal(mailslot_read_wait(reading.slot, reading.buffer, 16, 0, NULL, &reading.size),
                     MAILSLOT_TIMEOUT);
    assert_int_equal(mailslot_read_wait(reading.slot, reading.buffer, 16, 20, NULL, &reading.size),
                     MAILSLOT_TIMEOUT);

    pthread_create(&thread, NULL, read_thread, &reading);
    support_sleep_ms(20);
    assert_int_equal(mailslot_write(writer, "abc", 3), 0);
    pthread_join(thread, NULL);
    assert_int_equal(reading.result, 0);
    assert_int_equal(reading.size, 3);

    assert_int_equal(mailslot_cancel_new(&reading.cancel), 0);
    pthread_create(&thread, NULL, read_thread, &reading);
    support_sleep_ms(20);
    mailslot_cancel_now(reading.cancel);
    pthread_join(thread, NULL);
    assert_int_equal(reading.result, MAILSLOT_CANCELLED);
    /* Cancelled before it sleeps; but a message that is there comes first. */
    read_thread(&reading);
    assert_int_equal(reading.result, MAILSLOT_CANCELLED);
    assert_int_equal(mailslot_write(writer, "abc", 3), 0);
    read_thread(&reading);
    assert_int_equal(reading.result, 0);
    mailslot_cancel_reset(reading.cancel);
    mailslot_cancel_reset(reading.cancel);
    assert_int_equal(mailslot_write(writer, "d", 1), 0);
    read_thread(&reading);
    assert_int_equal(reading.result, 0);
    mailslot_free(writer);
    mailslot_free(reading.slot);

    /* R18: the last server handle is closed while a read sleeps. */
    assert_int_equal(mailslot_create(client, "y", 1, 0, 0, &reading.slot, &lease), 0);
    pthread_create(&thread, NULL, read_thread, &reading);
    support_sleep_ms(20);
    close(lease);
    pthread_join(thread, NULL);
    assert_int_equal(reading.result, MAILSLOT_CLOSED);
    mailslot_free(reading.slot);
    adopted = NULL;
    assert_int_equal(mailslot_adopt(client, STDIN_FILENO, &adopted), MAILSLOT_NOT_LEASE);
    mailslot_cancel_free(reading.cancel);
}

/* Threads of one client at once */
static void *churn_thread(void *userdata)
{
    char name[16];

    snprintf(name, sizeof(name), "churn%d", *(int *)userdata);
    for (int i = 0; i < 100; i++)
    {
        struct mailslot *slot = NULL, *writer = NULL;
        uint32_t size;
        char byte;

        if (mailslot_create(client, name, strlen(name), 0, 0, &slot, NULL) ||
            mailslot_open(client, name, strlen(name), &writer, NULL) ||
            mailslot_write(writer, "x", 1) || mailslot_read(slot, &byte, 1, &size))
            return userdata;
        mailslot_free(writer);
        mailslot_free(slot);
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    int numbers[4];

    (void)state;
    for (int i = 0; i < 4; i++)
    {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, churn_thread, &numbers[i]), 0);
    }
    for (int i = 0; i < 4; i++)
    {
        void *result;

        pthread_join(threads[i], &result);
        assert_null(result);
    }
}

/* mailslot_send() with host ".": D8, O2, P4; quota: FULL */
static void test_send(void **state)
{
    struct mailslot *slot;
    static char big[170000];
    int r = 0;

    (void)state;
    assert_int_equal(mailslot_send(client, ".", 1, "x", 1, "a", 1), MAILSLOT_NOT_FOUND);
    assert_int_equal(mailslot_create(client, "x", 1, 0, 0, &slot, NULL), 0);
    assert_int_equal(mailslot_send(client, ".", 1, "X", 1, "abc", 3), 0);
    support_expect(slot, "abc");
    assert_int_equal(mailslot_send(client, ".", 1, "X", 1, "", 0), 0);
    support_expect(slot, "");
    assert_int_equal(mailslot_send(client, "", 0, "x", 1, "a", 1), MAILSLOT_UNRESOLVED);
    assert_int_equal(mailslot_send(client, ".", 1, "x", 1, big, UINT32_MAX), MAILSLOT_TOO_LARGE);
    for (int i = 0; i < 200 && r == 0; i++)
        r = mailslot_send(client, ".", 1, "x", 1, big, sizeof(big));
    assert_int_equal(r, MAILSLOT_FULL);
    mailslot_free(slot);
    assert_int_equal(mailslot_create(client, "x", 1, 4, 0, &slot, NULL), 0);
    assert_int_equal(mailslot_send(client, ".", 1, "x", 1, "abcd", 4), 0);
    assert_int_equal(mailslot_send(client, ".", 1, "x", 1, "abcde", 5), MAILSLOT_TOO_LARGE);
    mailslot_free(slot);
}

/* Every result has words, and numbers beyond are no crash. */
static void test_words(void **state)
{
    (void)state;
    for (int i = -200; i <= MAILSLOT_RESULTS + 1; i++)
        assert_true(strlen(mailslot_strerror(i)) > 3);
    assert_string_not_equal(mailslot_strerror(MAILSLOT_FULL), mailslot_strerror(MAILSLOT_CLOSED));
}

/* No daemon, and none to be started: said in words with the fix. */
static void test_no_daemon(void **state)
{
    struct mailslot_client_options options = {.daemon = "/nonexistent/mailslotd"};
    struct mailslot_client *lost;

    (void)state;
    setenv("MAILSLOTD_SOCKET", "/tmp/nonexistent-mailslot/socket", 1);
    assert_int_equal(mailslot_client_new(&lost, &options), 0);
    assert_int_equal(mailslot_client_connect(lost), MAILSLOT_NO_DAEMON);
    assert_non_null(strstr(mailslot_client_reason(lost), "/nonexistent/mailslotd"));
    mailslot_client_free(lost);
    options.no_autostart = true;
    assert_int_equal(mailslot_client_new(&lost, &options), 0);
    assert_int_equal(mailslot_client_connect(lost), MAILSLOT_NO_DAEMON);
    assert_non_null(strstr(mailslot_client_reason(lost), "/tmp/nonexistent-mailslot/socket"));
    mailslot_client_free(lost);
    setenv("MAILSLOTD_SOCKET", support_socket, 1);
}

static int group_setup(void **state)
{
    if (support_begin(state))
        return -1;
    daemon_pid = support_start(NULL, 0);
    return 0;
}

static int group_teardown(void **state)
{
    support_stop(daemon_pid);
    return support_end(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_messages),   TEST(test_small_buffer), TEST(test_sizes),
        TEST(test_names),      TEST(test_wrong_end),    TEST(test_adopt),
        TEST(test_adopt_dead), TEST(test_fork),         TEST(test_close_create),
        TEST(test_collision),  TEST(test_blocked_read), TEST(test_threads),
        TEST(test_send),       TEST(test_words),        TEST(test_no_daemon),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
