/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "One user can't see, block, exhaust or crash another's": Bob does his worst, Alice goes on. */

#include "users_support.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mount.h>

#include "daemon/careful.h"
#include "daemon/peer.h"
#include "daemon/registry.h"
#include "net/netbios/query.h"
#include "queue/layout.h"

static struct mailslot_client *alice, *bob;
static struct mailslot *good_slot, *good_writer;

static void go_on(void)
{
    assert_int_equal(waitpid(users_daemon, NULL, WNOHANG), 0);
    assert_int_equal(support_open_result(alice, "GOOD"), 0);
    assert_int_equal(mailslot_write(good_writer, "ok", 2), 0);
    support_expect(good_slot, "ok");
    assert_int_equal(mailslot_send(alice, ".", 1, "good", 4, "ok", 2), 0);
    support_expect(good_slot, "ok");
}

static int setup_with(const char *const *arguments)
{
    users_start(arguments);
    alice = users_client(ALICE);
    good_slot = support_create(alice, "good");
    good_writer = support_open(alice, "good");
    bob = users_client(BOB);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return setup_with(NULL);
}

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
    snprintf(datagram, sizeof(datagram), "%d", 20000 + getpid() % 20000);
    snprintf(name, sizeof(name), "%d", 40000 + getpid() % 20000);
    return setup_with((const char *[]){"--interfaces", "lo", "--datagram-port", datagram,
                                       "--name-port", name, "--nmbd-socket", "none", "--network",
                                       "yes", "--wins-servers", "127.0.0.1", NULL});
}

static int teardown(void **state)
{
    (void)state;
    users_be(0);
    go_on();
    mailslot_free(good_writer);
    mailslot_free(good_slot);
    alice = mailslot_client_free(alice);
    bob = mailslot_client_free(bob);
    users_stop();
    return 0;
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
    assert_int_equal(n, QUERIES_USER_MAX + 1);
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

/* Connections: a quarter of them is for one user. */
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
    assert_int_equal(open, PEERS_MAX / 4 - 1); /* one was there */
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

/* Programs of his ask without a pause. */
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

/* --- a slot as a trap ------------------------------------------------------------------------ */

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
    assert_int_equal(user->slots, 1);
    close(ends[0]);
    close(ends[1]);
    registry_check(server);
    registry_check(writer);
    assert_int_equal(user->slots, 0);
    assert_int_equal(user->leases, 0);
    queue_free(other);
    charge_unref(charge);
    user_unref(user);
    registry_free(registry);
    sd_event_unref(event);
}

static int group_setup(void **state)
{
    struct rlimit limit;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return support_begin(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_leases),
        cmocka_unit_test_setup_teardown(test_questions, setup_asking, teardown),
        TEST(test_locks),
        TEST(test_restore),
        cmocka_unit_test_setup_teardown(test_limits, setup_small, teardown),
        TEST(test_names),
        TEST(test_connections),
        TEST(test_silence),
        TEST(test_unread),
        TEST(test_flood),
        TEST(test_lock_held),
        TEST(test_memory),
        TEST(test_eventfd),
        cmocka_unit_test(test_careful),
        cmocka_unit_test(test_condemned),
    };

    if (!users_possible())
        return 77;
    return cmocka_run_group_tests(tests, group_setup, support_end);
}
