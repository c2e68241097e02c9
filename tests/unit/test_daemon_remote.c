/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of messages to network names through daemon and client (Q1-Q4, Q6, D10) */

#include "daemon_support.h"
#include "port_support.h"

#include <pthread.h>

/* On the loopback interface with ports of its own: nobody answers there. */
static pid_t start_on_loopback(void)
{
    static char datagram[32], name[32];
    const char *arguments[] = {"--interfaces",
                               "lo",
                               "--datagram-port",
                               datagram,
                               "--name-port",
                               name,
                               "--computer-name",
                               "HOSTA",
                               "--nmbd-socket",
                               "none",
                               "--network",
                               "yes",
                               NULL};

    snprintf(datagram, sizeof(datagram), "%u", support_ports(1));
    snprintf(name, sizeof(name), "%u", support_ports(1));
    return support_start(arguments, 0);
}

struct writer
{
    pthread_t thread;
    struct mailslot_client *client;
    const char *host;
    int result;
    bool ended;
};

static void *write_to_host(void *userdata)
{
    struct writer *writer = userdata;
    int r;

    r = mailslot_send(writer->client, writer->host, strlen(writer->host), "x", 1, "m", 1);
    writer->result = r;
    __atomic_store_n(&writer->ended, true, __ATOMIC_RELEASE);
    return NULL;
}

static bool has_ended(struct writer *writer)
{
    return __atomic_load_n(&writer->ended, __ATOMIC_ACQUIRE);
}

/*
 * Q3: nobody has the name, which takes three questions to find out. Meanwhile neither other
 * programs nor other threads of the same program wait. The order is the proof: what they do is done
 * before the write ends.
 */
static void test_unresolved_delays_nobody(void **state)
{
    pid_t daemon = start_on_loopback();
    struct mailslot_client *client = support_client(), *other = support_client();
    struct writer writer = {.client = client, .host = "NOSUCH", .result = -1};
    struct mailslot *slot = support_create(other, "x"), *same;

    (void)state;
    assert_int_equal(pthread_create(&writer.thread, NULL, write_to_host, &writer), 0);
    support_sleep_ms(50); /* most likely it waits by now; if not, the test still holds */
    assert_int_equal(mailslot_send(other, "*", 1, "x", 1, "group", 5), 0);
    support_expect(slot, "group");
    same = support_create(client, "y");
    assert_int_equal(mailslot_send(client, "*", 1, "y", 1, "again", 5), 0);
    support_expect(same, "again");
    assert_false(has_ended(&writer));
    assert_int_equal(pthread_join(writer.thread, NULL), 0);
    assert_int_equal(writer.result, MAILSLOT_UNRESOLVED);
    mailslot_free(same);
    mailslot_free(slot);
    mailslot_client_free(other);
    mailslot_client_free(client);
    support_stop(daemon);
}

/* The daemon dies while it looks for the name: the write ends, and not with success. */
static void test_daemon_dies_while_resolving(void **state)
{
    pid_t daemon = start_on_loopback();
    struct mailslot_client *client = support_client();
    struct writer writer = {.client = client, .host = "NOSUCH", .result = -1};

    (void)state;
    assert_int_equal(mailslot_client_connect(client), 0);
    assert_int_equal(pthread_create(&writer.thread, NULL, write_to_host, &writer), 0);
    support_sleep_ms(100);
    support_kill(daemon);
    assert_int_equal(pthread_join(writer.thread, NULL), 0);
    assert_int_not_equal(writer.result, 0);
    mailslot_client_free(client);
}

/* The program dies while the daemon looks: the daemon goes on, with nothing left behind. */
static void test_client_dies_while_resolving(void **state)
{
    pid_t daemon = start_on_loopback(), child;
    struct mailslot_client *client = support_client();
    struct mailslot *slot = support_create(client, "x");
    int before;

    (void)state;
    /* The reply to one more request: what the daemon sent before is closed on its side by now. */
    assert_int_equal(mailslot_send(client, ".", 1, "none", 4, "m", 1), MAILSLOT_NOT_FOUND);
    before = support_count_fds(daemon);
    for (int i = 0; i < 5; i++)
    {
        child = fork();
        if (child == 0)
        {
            struct writer writer = {.client = support_client(), .host = "NOSUCH"};

            write_to_host(&writer);
            _exit(0);
        }
        support_sleep_ms(50);
        support_kill(child);
    }
    for (int i = 0; i < 1000 && support_count_fds(daemon) != before; i++)
        support_sleep_ms(10);
    assert_int_equal(support_count_fds(daemon), before);
    assert_int_equal(mailslot_send(client, "*", 1, "x", 1, "m", 1), 0);
    support_expect(slot, "m");
    mailslot_free(slot);
    mailslot_client_free(client);
    support_stop(daemon);
}

/*
 * A handle to "*" whose first message got through: the next ones are posted without waiting for the
 * daemon, in order, and none is lost (D10). A larger one asks again, and is refused (Q4).
 */
static void test_posted(void **state)
{
    enum
    {
        COUNT = 5000
    };
    pid_t daemon = start_on_loopback();
    struct mailslot_client *client = support_client();
    struct mailslot *slot = support_create(client, "posted"), *all = NULL;
    char big[425] = {0}, text[32];

    (void)state;
    assert_int_equal(mailslot_open_remote(client, "*", 1, "posted", 6, &all, NULL), 0);
    for (int i = 0; i < COUNT; i++)
    {
        snprintf(text, sizeof(text), "%08d", i);
        assert_int_equal(mailslot_write(all, text, 8), 0);
    }
    assert_int_equal(mailslot_write(all, big, sizeof(big)), MAILSLOT_TOO_LARGE);
    /* The refusal came after them, on the same connection: all have been dealt with. */
    for (int i = 0; i < COUNT; i++)
    {
        snprintf(text, sizeof(text), "%08d", i);
        support_expect(slot, text);
    }
    mailslot_free(all);
    mailslot_free(slot);
    mailslot_client_free(client);
    support_stop(daemon);
}

/* A posted message meets a dead daemon: the next one gets it. */
static void test_posted_after_restart(void **state)
{
    pid_t daemon = start_on_loopback();
    struct mailslot_client *client = support_client();
    struct mailslot *slot = support_create(client, "posted"), *all = NULL;

    (void)state;
    assert_int_equal(mailslot_open_remote(client, "*", 1, "posted", 6, &all, NULL), 0);
    assert_int_equal(mailslot_write(all, "one", 3), 0);
    support_expect(slot, "one");
    support_kill(daemon);
    daemon = start_on_loopback();
    assert_int_equal(mailslot_write(all, "two", 3), 0);
    assert_int_equal(mailslot_send(client, "*", 1, "posted", 6, "end", 3), 0);
    support_expect(slot, "two");
    support_expect(slot, "end");
    mailslot_free(all);
    mailslot_free(slot);
    mailslot_client_free(client);
    support_stop(daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unresolved_delays_nobody),
        cmocka_unit_test(test_daemon_dies_while_resolving),
        cmocka_unit_test(test_client_dies_while_resolving),
        cmocka_unit_test(test_posted),
        cmocka_unit_test(test_posted_after_restart),
    };

    return cmocka_run_group_tests(tests, support_begin, support_end);
}
