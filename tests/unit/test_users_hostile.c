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
    int fd = users_connect(BOB, 0, NULL);
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
                         CONTROL_NOT_LEASE);
        assert_int_equal(support_request(fd, CONTROL_POST, &send, sizeof(send), "a"), CONTROL_OK);
        assert_int_equal(request_lease(fd, CONTROL_CHECK, ids[i]), CONTROL_OK);
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
    int fds[4], other = users_connect(ALICE, 0, NULL), r = CONTROL_PENDING;
    unsigned int n = 0;

    (void)state;
    for (int i = 0; i < 4; i++)
        fds[i] = users_connect(BOB, 0, NULL);
    /* No program reaches its own limit. */
    while (r == CONTROL_PENDING && n < QUERIES_MAX)
    {
        r = ask_for(fds[n % 4], n);
        n++;
    }
    assert_int_equal(r, CONTROL_LIMIT);
    /* A quarter of the questions that are not kept for root; below a user's own limit. */
    assert_int_equal(n, (QUERIES_MAX - QUERIES_MAX / 16) / 4 + 1);
    assert_true(n <= QUERIES_USER_MAX);
    assert_int_equal(ask_for(other, QUERIES_MAX), CONTROL_PENDING);
    go_on();
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    close(other);
}

/* The lock of Alice's queue is not released for Bob, neither by STUCK nor by an id that he says. */
static void test_locks(void **state)
{
    struct mailslot *writer = NULL;
    uint32_t holder = 4711, id = 0;
    struct queue_header *header = mmap(NULL, sizeof(*header), PROT_READ | PROT_WRITE, MAP_SHARED,
                                       queue_memfd(good_slot->queue), 0);
    int holding = users_connect(ALICE, holder, &id), fd;

    (void)state;
    assert_int_equal(id, holder);
    assert_int_equal(mailslot_set_security(good_slot, users_everybody, sizeof(users_everybody)), 0);
    writer = support_open(bob, "good");
    __atomic_store_n(&header->lock, holder + 1, __ATOMIC_SEQ_CST); /* nobody's */
    fd = mailslot_client_socket(bob);
    assert_int_equal(request_lease(fd, CONTROL_STUCK, writer->identity.lease), CONTROL_OK);
    assert_int_equal(request_lease(fd, CONTROL_STUCK, good_slot->identity.lease), CONTROL_OK);
    assert_int_equal(__atomic_load_n(&header->lock, __ATOMIC_SEQ_CST), holder + 1);
    mailslot_free(writer);
    assert_int_equal(mailslot_set_security(good_slot, "", 0), 0); /* she may ask for it */
    __atomic_store_n(&header->lock, holder, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 2; i++)
    {
        fd = users_connect(BOB, holder, &id);
        assert_int_equal(id, holder); /* a number of his own: it says nothing about hers */
        assert_int_equal(request_lease(fd, CONTROL_STUCK, good_slot->identity.lease), CONTROL_OK);
        assert_int_equal(__atomic_load_n(&header->lock, __ATOMIC_SEQ_CST), holder);
        close(fd);
        /* The daemon takes events in their order: it has seen him go when the next is answered. */
        assert_int_equal(support_open_result(bob, "good"), MAILSLOT_DENIED);
    }
    assert_int_equal(__atomic_load_n(&header->lock, __ATOMIC_SEQ_CST), holder);
    close(holding); /* hers: released */
    go_on();
    munmap(header, sizeof(*header));
}

static int restore(int fd, const struct control_slot *slot, const char *name, int watch, int memfd,
                   int event)
{
    struct control_restore body = {.slot = *slot};
    struct packet packet;
    int r;

    support_packet(&packet);
    memcpy(packet_start(&packet, CONTROL_RESTORE, 1, 0, sizeof(body)), &body, sizeof(body));
    assert_int_equal(packet_append(&packet, name, strlen(name)), 0);
    packet_add_fd(&packet, watch);
    if (memfd >= 0)
    {
        packet_add_fd(&packet, memfd);
        packet_add_fd(&packet, event);
    }
    r = support_exchange(fd, &packet);
    packet_close_fds(&packet);
    return r;
}

/* RESTORE brings back only what is one's own: not her lease, not her slot, not a way to it. */
static void test_restore(void **state)
{
    struct queue_config config = {.quota = 65536};
    struct control_slot body = good_slot->identity;
    int fd = users_connect(BOB, 0, NULL), pair[2], memfd, event;
    struct control_send send = {.lease = 0x1234567890};

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(queue_create(&config, &memfd, &event), 0);
    assert_int_equal(restore(fd, &body, "good", pair[0], memfd, event), -EINVAL); /* her lease */
    body.lease = 1;
    /* Her slot's id and inode with a queue of his: another slot, without her name */
    assert_int_equal(restore(fd, &body, "good", pair[0], memfd, event), CONTROL_OK);
    go_on();
    body.kind = CONTROL_KIND_WRITER;
    body.lease = 0x1234567890;
    body.inode++;
    assert_int_equal(restore(fd, &body, "good", pair[0], -1, -1), CONTROL_OK);
    assert_int_equal(support_request(fd, CONTROL_SEND, &send, sizeof(send), "a"), CONTROL_DENIED);
    assert_int_equal(mailslot_read(good_slot, NULL, 0, &(uint32_t){0}), MAILSLOT_EMPTY);
    close(memfd);
    close(event);
    close(pair[0]);
    close(pair[1]);
    close(fd);
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

/* A slot that only a writer has restored is a slot as any: it costs the daemon as much. */
static void test_restored_limits(void **state)
{
    struct queue_config config = {.quota = 65536};
    struct control_slot body = {.kind = CONTROL_KIND_WRITER};
    int fds[8], pairs[9][2], watch[2], memfd, event, n = 0, r = 0;

    (void)state;
    assert_int_equal(queue_create(&config, &memfd, &event), 0);
    for (int i = 0; i < 8; i++)
        fds[i] = users_connect(BOB, 0, NULL);
    /* In several programs, so that none comes to its own limit. */
    for (; n < 9 && r == 0; n++)
    {
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pairs[n]), 0);
        body.lease = body.slot = body.inode = 1000 + n;
        r = restore(fds[n % 8], &body, "b", pairs[n][0], memfd, event);
    }
    assert_int_equal(r, CONTROL_LIMIT);
    assert_int_equal(n, 4 * 2 + 1);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, watch), 0);
    body = (struct control_slot){.lease = 2000, .slot = 1000, .inode = 2000};
    /* What shows no new slot goes on: the owner of one of them, another writer. */
    body.kind = CONTROL_KIND_SERVER;
    assert_int_equal(restore(fds[0], &body, "b", watch[0], memfd, event), CONTROL_OK);
    body.kind = CONTROL_KIND_WRITER;
    body.lease = body.inode = 2001;
    assert_int_equal(restore(fds[1], &body, "b", watch[0], memfd, event), CONTROL_OK);
    /* One goes, one comes. */
    close(pairs[3][0]);
    close(pairs[3][1]);
    go_on();
    body.lease = body.slot = body.inode = 1008;
    assert_int_equal(restore(fds[2], &body, "b", watch[0], memfd, event), CONTROL_OK);
    body.lease = body.slot = body.inode = 1009;
    assert_int_equal(restore(fds[2], &body, "b", watch[0], memfd, event), CONTROL_LIMIT);
    for (int i = 0; i < 8; i++)
        close(fds[i]);
    for (int i = 0; i < n; i++)
        if (i != 3)
        {
            close(pairs[i][0]);
            close(pairs[i][1]);
        }
    close(watch[0]);
    close(watch[1]);
    close(memfd);
    close(event);
}

/* Connections: a quarter of those that are left and not root's is for one user. */
static void test_connections(void **state)
{
    static int fds[PEERS_MAX / 4 + 20];
    int open = 0, before = support_stable_fds(users_daemon);

    (void)state;
    for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
    {
        fds[i] = users_connect(BOB, 0, NULL);
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
    int silent = support_connect(), talking = users_connect(BOB, 0, NULL);
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
    int fd = users_connect(BOB, 0, NULL), sent = 0;

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
                int fd = users_connect(BOB, 0, NULL);

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
        HOSTILE_TEST(test_locks),
        HOSTILE_TEST(test_restore),
        cmocka_unit_test_setup_teardown(test_limits, setup_small, teardown),
        HOSTILE_TEST(test_names),
        HOSTILE_TEST(test_connections),
        HOSTILE_TEST(test_silence),
        HOSTILE_TEST(test_unread),
        HOSTILE_TEST(test_flood),
        cmocka_unit_test_setup_teardown(test_restored_limits, setup_small, teardown),
    };

    if (!users_possible())
        return 77;
    return cmocka_run_group_tests(tests, group_setup, support_end);
}
