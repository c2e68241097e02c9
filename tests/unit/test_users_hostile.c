/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "One user can't see, block, exhaust or crash another's": Bob does his worst, Alice goes on. */

#include "hostile_support.h"
#include "port_support.h"

#include "daemon/peer.h"
#include "net/netbios/query.h"
#include "queue/layout.h"

static int setup_small(void **state)
{
    (void)state;
    return setup_with(
        (const char *[]){"--slots-per-client", "2", "--handles-per-client", "4", NULL});
}

/* On the network, with a server for names that is silent: each question waits for 4.5 seconds. */
static int setup_asking(void **state)
{
    static char datagram[32], name[32];

    (void)state;
    snprintf(datagram, sizeof(datagram), "%u", support_ports(1));
    snprintf(name, sizeof(name), "%u", support_ports(1));
    return setup_with((const char *[]){"--interfaces", "lo", "--datagram-port", datagram,
                                       "--name-port", name, "--nmbd-socket", "none", "--network",
                                       "yes", "--wins-servers", "127.0.0.1", NULL});
}

/* --- names that are another's ---------------------------------------------------------------- */

static int request_lease(int fd, uint16_t type, uint64_t lease)
{
    struct control_lease body = {lease};

    return support_request(fd, type, &body, sizeof(body), NULL);
}

/* Even who knows the ids of Alice's leases can do nothing with them. */
static void test_leases(void **state)
{
    struct mailslot *remote = NULL;
    int fd = users_connect(BOB);
    struct control_send send = {0};
    uint64_t ids[2];

    (void)state;
    assert_int_equal(mailslot_open_remote(alice, "*", 1, "x", 1, &remote, NULL), 0);
    ids[0] = good_writer->identity.lease;
    ids[1] = remote->identity.lease;
    for (int i = 0; i < 2; i++)
    {
        send.lease = ids[i];
        assert_int_equal(support_request(fd, CONTROL_SEND, &send, sizeof(send), "a"),
                         MAILSLOT_NOT_LEASE);
        assert_int_equal(support_request(fd, CONTROL_POST, &send, sizeof(send), "a"), MAILSLOT_OK);
        assert_int_equal(request_lease(fd, CONTROL_CHECK, ids[i]), MAILSLOT_OK);
    }
    assert_int_equal(mailslot_read(good_slot, NULL, 0, &(uint32_t){0}), MAILSLOT_EMPTY);
    mailslot_free(remote);
    close(fd);
}

static int ask_for(int fd, unsigned int number)
{
    struct control_send send = {.host_size = 6, .name_size = 1};
    char text[16];

    snprintf(text, sizeof(text), "N%05uxm", number);
    return support_request(fd, CONTROL_SEND, &send, sizeof(send), text);
}

/* Messages for many names wait for answers: Bob's have their share of that, Alice can ask, too. */
static void test_questions(void **state)
{
    int fds[4], other = users_connect(ALICE), r = CONTROL_PENDING;
    unsigned int n = 0;

    (void)state;
    for (int i = 0; i < 4; i++)
        fds[i] = users_connect(BOB);
    /* No program reaches its own limit. */
    while (r == CONTROL_PENDING && n < QUERIES_MAX)
    {
        r = ask_for(fds[n % 4], n);
        n++;
    }
    assert_int_equal(r, MAILSLOT_LIMIT);
    /* A quarter of the questions that are not kept for root; below a user's own limit. */
    assert_int_equal(n, (QUERIES_MAX - QUERIES_MAX / 16) / 4 + 1);
    assert_true(n <= QUERIES_USER_MAX);
    assert_int_equal(ask_for(other, QUERIES_MAX), CONTROL_PENDING);
    go_on();
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    close(other);
}

/* --- more than his share --------------------------------------------------------------------- */

/* Four times what one program may have, in however many programs */
static void test_limits(void **state)
{
    struct mailslot_client *many[8];
    struct mailslot *slots[32];
    int n = 0, refused = 0;

    (void)state;
    for (int i = 0; i < 8; i++)
    {
        many[i] = users_client(BOB);
        for (int k = 0; k < 2; k++)
        {
            char name[8] = {'b', (char)('0' + i), (char)('0' + k), 0};
            int r = mailslot_create(many[i], name, 3, 0, 0, &slots[n], NULL);

            assert_true(r == 0 || r == MAILSLOT_LIMIT);
            if (r == 0)
                n++;
        }
        assert_int_equal(n, i < 4 ? 2 * (i + 1) : 8);
    }
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 4; k++)
            if (mailslot_open(many[i], "b00", 3, &slots[n], NULL) == 0)
                n++;
            else
                refused++;
    assert_int_equal(n, 16);
    assert_true(refused > 0);
    {
        struct mailslot *hers = support_create(alice, "hers");

        go_on();
        mailslot_free(hers);
    }
    while (n)
        mailslot_free(slots[--n]);
    assert_int_equal(support_open_result(bob, "good"), MAILSLOT_DENIED);
    for (int i = 0; i < 8; i++)
        mailslot_client_free(many[i]);
}

/* Names are memory, too: 4 MiB of them */
static void test_names(void **state)
{
    static char name[1 << 16];
    static struct mailslot *slots[128];
    struct mailslot_client *other = users_client(BOB);
    int n = 0, r = 0;

    (void)state;
    memset(name, 'n', sizeof(name));
    for (; n < 128 && r == 0; n += r == 0)
        r = mailslot_open_remote(n % 2 ? bob : other, "*", 1, name, sizeof(name), &slots[n], NULL);
    assert_int_equal(r, MAILSLOT_LIMIT);
    assert_int_equal(n, 64);
    go_on();
    while (n)
        mailslot_free(slots[--n]);
    assert_int_equal(support_open_result(bob, "good"), MAILSLOT_DENIED);
    mailslot_client_free(other);
}

/* Connections: a quarter of those that are left and not root's is for one user. */
static void test_connections(void **state)
{
    static int fds[PEERS_MAX / 4 + 20];
    int open = 0, before = support_stable_fds(users_daemon);

    (void)state;
    for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
    {
        fds[i] = users_connect(BOB);
        open += fds[i] >= 0;
    }
    /* Alice has one, and so had he. */
    assert_int_equal(open, (PEERS_MAX - PEERS_MAX / 16 - 1) / 4 - 1);
    for (int i = 0; i < 20; i++)
    {
        struct mailslot_client *another = users_client(ALICE);

        assert_int_equal(support_open_result(another, "good"), 0);
        mailslot_client_free(another);
    }
    go_on();
    for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    assert_int_equal(support_settle_fds(users_daemon, before), before);
    assert_int_equal(support_open_result(bob, "good"), MAILSLOT_DENIED);
}

/* Who connects and says nothing does not stay. */
static void test_silence(void **state)
{
    int silent = support_connect(), talking = users_connect(BOB);
    struct pollfd entries[2] = {{.fd = silent}, {.fd = talking}};

    (void)state;
    assert_int_equal(poll(entries, 2, 60000), 1);
    assert_true(entries[0].revents & POLLHUP);
    assert_int_equal(entries[1].revents, 0);
    close(silent);
    close(talking);
}

/* Replies that nobody reads: cut off, and their descriptors are not kept in flight. */
static void test_unread(void **state)
{
    struct control_header header = {CONTROL_MAGIC, CONTROL_VERSION, CONTROL_STATUS, 1, 0};
    int fd = users_connect(BOB), sent = 0;

    (void)state;
    while (sent < 1000 && send(fd, &header, sizeof(header), MSG_NOSIGNAL) > 0)
        sent++;
    assert_true(sent < 1000);
    close(fd);
}

/* Programs of his ask without a pause: she gets through. How soon: test_users_share.c */
static void test_flood(void **state)
{
    pid_t children[3];

    (void)state;
    for (int i = 0; i < 3; i++)
    {
        children[i] = fork();
        if (children[i] == 0)
        {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
            {
                int fd = users_connect(BOB);

                for (int k = 0; fd >= 0 && k < 1000; k++)
                    if (support_request(fd, CONTROL_STATUS, NULL, 0, NULL))
                        break;
                close(fd);
            }
        }
    }
    for (int i = 0; i < 300; i++)
        go_on();
    for (int i = 0; i < 3; i++)
        support_kill(children[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOSTILE_TEST(test_leases),
        cmocka_unit_test_setup_teardown(test_questions, setup_asking, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup_small, teardown),
        HOSTILE_TEST(test_names),
        HOSTILE_TEST(test_connections),
        HOSTILE_TEST(test_silence),
        HOSTILE_TEST(test_unread),
        HOSTILE_TEST(test_flood),
    };

    if (!users_possible())
        return 77;
    return cmocka_run_group_tests(tests, group_setup, support_end);
}
