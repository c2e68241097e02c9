/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is one user's share of the daemon, when Bob, or many users, want all of it. */

#include "hostile_support.h"

#include "daemon/peer.h"
#include "daemon/user.h"

/* --- connections and descriptors ------------------------------------------------------------- */

/* How often the daemon has said in its log that somebody was turned away. */
static int count_turned_away(void)
{
    char path[128], line[512], about[64];
    int count = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%s/stderr", support_folder);
    snprintf(about, sizeof(about), "a program of the user ");
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        count += strstr(line, about) != NULL && strstr(line, "turned away") != NULL;
    fclose(file);
    return count;
}

/* Many users, each with all he can get: one more user finds room, and so do root and the daemon's.
 */
static void test_many_users(void **state)
{
    static int fds[PEERS_MAX];
    int n = 0, said = count_turned_away(), last;
    struct rlimit limit;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < 2 * PEERS_MAX)
        skip();
    for (uid_t uid = 64001; uid <= 64008; uid++)
    {
        int own = 0;

        while (n < PEERS_MAX && (last = users_connect(uid)) >= 0)
        {
            fds[n++] = last;
            own++;
        }
        assert_true(own > 0);
        go_on();
    }
    assert_true(n < PEERS_MAX);
    assert_true((last = users_connect(64009)) >= 0);
    fds[n++] = last;
    for (int i = 0; i < 100; i++)
    {
        assert_true((fds[n++] = users_connect(0)) >= 0);
        assert_true((fds[n++] = users_connect(DAEMON)) >= 0);
    }
    assert_int_equal(support_request(fds[n - 1], CONTROL_STATUS, NULL, 0, NULL), MAILSLOT_OK);
    assert_int_equal(count_turned_away(), said + 1);
    while (n)
        close(fds[--n]);
    go_on();
}

/* The daemon's own limit of descriptors, which it looks at each time */
static void limit_daemon(rlim_t fds)
{
    struct rlimit limit = {fds, fds};
    pid_t child = fork();

    if (child == 0)
    {
        if (setgroups(0, NULL) || setresgid(DAEMON, DAEMON, DAEMON) ||
            setresuid(DAEMON, DAEMON, DAEMON))
            _exit(1);
        _exit(prlimit(users_daemon, RLIMIT_NOFILE, &limit, NULL) != 0);
    }
    assert_int_equal(support_wait_status(child), 0);
}

static bool ask_adopt(int fd, int lease)
{
    struct packet packet;

    support_packet(&packet);
    packet_start(&packet, CONTROL_ADOPT, 1, 0, 0);
    packet_add_fd(&packet, lease);
    return packet_send(fd, &packet, MSG_DONTWAIT) == 0;
}

/*
 * Descriptors that were sent and not read are the daemon's for the kernel, which lets it send none
 * to anybody when they are too many. They do not go away when the connection is cut off.
 */
static void test_unread_fds(void **state)
{
    struct mailslot *his = NULL;
    int fds[100], lease, fd, r;

    (void)state;
    limit_daemon(512);
    assert_int_equal(mailslot_create(bob, "his", 3, 0, 0, &his, &lease), 0);
    for (int n = 0; n < 100; n++)
    {
        fds[n] = users_connect(BOB);
        assert_true(fds[n] >= 0);
        for (int i = 0; i < 9 && ask_adopt(fds[n], lease); i++)
            ;
        if (n % 10 == 0)
            go_on();
    }
    go_on();
    assert_true((fd = users_connect(0)) >= 0);
    assert_int_equal(support_request(fd, CONTROL_OPEN, NULL, 0, "good"), MAILSLOT_OK);
    close(fd);
    /* He is cut off, and gets some again when he has given back what he has. */
    assert_true(recv(fds[99], &r, sizeof(r), 0) <= 0);
    for (int n = 0; n < 100; n++)
        close(fds[n]);
    do
    {
        struct packet packet;

        support_sleep_ms(10);
        assert_true((fd = users_connect(BOB)) >= 0);
        support_packet(&packet);
        packet_start(&packet, CONTROL_ADOPT, 1, 0, 0);
        packet_add_fd(&packet, lease);
        r = support_exchange(fd, &packet);
        packet_close_fds(&packet);
        close(fd);
    } while (r == -EPIPE || r == -ECONNRESET);
    assert_int_equal(r, MAILSLOT_OK);
    close(lease);
    mailslot_free(his);
}

/* --- time ------------------------------------------------------------------------------------- */

/* Reads a reply; returns the descriptor of its status. */
static int read_reply(int fd)
{
    struct packet packet;
    int file;

    support_packet(&packet);
    assert_int_equal(packet_receive(fd, &packet, 0), 0);
    assert_int_equal(packet_header(&packet)->result, MAILSLOT_OK);
    file = packet_take_fd(&packet, 0);
    assert_true(file >= 0);
    return file;
}

/* How many requests had been answered when this status was made. Closes it. */
static int64_t count_requests(int file)
{
    off_t size = lseek(file, 0, SEEK_END);
    void *text = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    json_t *status;
    int64_t count;

    assert_ptr_not_equal(text, MAP_FAILED);
    status = json_loadb(text, size, 0, NULL);
    count = json_integer_value(json_object_get(json_object_get(status, "counters"), "requests"));
    json_decref(status);
    munmap(text, size);
    close(file);
    return count;
}

static void ask_status(int fd)
{
    struct packet packet;

    support_packet(&packet);
    packet_start(&packet, CONTROL_STATUS, 1, 0, 0);
    assert_int_equal(packet_send(fd, &packet, 0), 0);
}

#define PILE 64

/* A pile of requests that take long: who comes later does not wait for the end of it. */
static void test_turns(void **state)
{
    static struct mailslot *slots[1000];
    int his = users_connect(BOB), hers = users_connect(ALICE);
    int root = users_connect(0), n = 0, left = PILE - 1;
    struct pollfd entries[2] = {{his, POLLIN, 0}, {hers, POLLIN, 0}};
    int64_t before, answered, ms = 0;
    int file = -1;
    char name[255];

    (void)state;
    /* Slots that are long to tell of, until a pile takes far more time than he has credit. */
    memset(name, 1, sizeof(name));
    while (n < 1000 && ms < 80)
    {
        for (int i = 0; i < 50; i++, n++)
        {
            int digits = snprintf(name, sizeof(name), "%d", n);

            name[digits] = 1;
            assert_int_equal(mailslot_create(bob, name, sizeof(name), 0, 0, &slots[n], NULL), 0);
        }
        ms = support_now_ms();
        for (int i = 0; i < 10; i++)
            assert_int_equal(support_request(root, CONTROL_STATUS, NULL, 0, NULL), MAILSLOT_OK);
        ms = support_now_ms() - ms;
    }
    ask_status(hers);
    before = count_requests(read_reply(hers));
    for (int i = 0; i < PILE; i++)
        ask_status(his);
    close(read_reply(his));
    ask_status(hers);
    while (entries[1].fd >= 0)
    {
        assert_true(poll(entries, 2, -1) > 0);
        if (entries[0].revents && left--)
            close(read_reply(his));
        if (entries[1].revents)
        {
            file = read_reply(hers);
            entries[1].fd = -1;
        }
    }
    /* He gets the rest, too. */
    while (left-- > 0)
        close(read_reply(his));
    answered = count_requests(file) - before - 1;
    assert_true(answered > 0);
    assert_true(answered < PILE / 2);
    while (n)
        mailslot_free(slots[--n]);
    close(his);
    close(hers);
    close(root);
}

/* --- the books ------------------------------------------------------------------------------- */

static struct user *books_user(struct users *users, uid_t uid)
{
    struct user *user = NULL;

    assert_int_equal(user_get(users, uid, &user), 0);
    return user;
}

/* Time that the daemon works for somebody is no time in which he earns more of it. */
static void test_credit(void **state)
{
    struct users users = {0};
    struct user *user = books_user(&users, BOB);

    (void)state;
    assert_true(user->guest);
    assert_true(user_has_credit(user));
    user->credited -= 3000000; /* a request of three seconds has just ended */
    user_spend(user, 3000000);
    assert_false(user_has_credit(user));
    /* Whatever he owes, he does not owe it for ever. */
    user->credited -= 60000000;
    assert_true(user_has_credit(user));
    user_unref(user);
    users_deinit(&users);
}

/* Who owes does not get rid of it by leaving; who owes nothing is forgotten, and so is time. */
static void test_debt(void **state)
{
    struct users users = {0};
    struct user *user = books_user(&users, BOB);

    (void)state;
    user_spend(user, 3000000);
    user_unref(user);
    user = books_user(&users, BOB);
    assert_false(user_has_credit(user));
    user_unref(user);
    assert_int_equal(users.n_resting, 1);
    users.resting->left -= 60000000;
    users.resting->credited -= 60000000;
    user = books_user(&users, ALICE);
    assert_int_equal(users.n_resting, 0);
    assert_int_equal(HASH_COUNT(users.by_uid), 1);
    user_unref(user);
    assert_null(users.by_uid);
    /* Never more than so many */
    for (uid_t uid = 100000; uid < 110000; uid++)
    {
        user = books_user(&users, uid);
        user_spend(user, 3000000);
        user_unref(user);
    }
    assert_true(users.n_resting > 0 && users.n_resting < 5000);
    assert_int_equal(HASH_COUNT(users.by_uid), users.n_resting);
    users_deinit(&users);
    assert_null(users.by_uid);
}

/* Each gets a quarter of what the others have left, root and the daemon's user what they want. */
static void test_shares(void **state)
{
    struct users users = {0};
    struct user *root = books_user(&users, 0), *own = books_user(&users, geteuid());
    static struct user *many[100];
    unsigned int given = 0, peers, sends, total_peers = 0, total_sends = 0;
    struct rlimit limit;
    uint64_t slots = 0;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    for (; given < 100; given++)
    {
        struct user *user = many[given] = books_user(&users, 1000 + given);

        for (sends = 0; user_may_wait(user, 64, 512) && sends < 10; sends++)
            user->holds.sends++, users.holds.sends++;
        for (peers = 0; user_may_connect(user, 4096); peers++)
            user_add_peer(user);
        while (user_may_hold(user, true, 1 << 20, 1 << 20))
        {
            user_add_slot(user, 10000);
            user->holds.leases++, users.holds.leases++;
            slots++;
        }
        if (given < 10)
            assert_true(peers > 0 && sends > 0);
        /* All the handles that he may have, and one more program of his can ask for something. */
        if (given == 0)
        {
            user_drop_peer(user);
            assert_true(user_may_connect(user, 4096));
            user_add_peer(user);
        }
        total_peers += peers;
        total_sends += sends;
    }
    assert_true(total_peers <= 4096 - 256 && total_peers > 3000);
    assert_true(total_sends <= 512 - 32);
    assert_true(slots * 3 + total_peers + total_sends <= limit.rlim_cur - limit.rlim_cur / 16);
    assert_true(users.holds.bytes <= 64u << 20);
    assert_true(user_may_connect(root, 4096) && user_may_connect(own, 4096));
    assert_true(user_may_wait(root, 64, 512) && user_may_hold(root, true, 1, 1));
    while (given)
    {
        struct user *user = many[--given];

        while (user->holds.slots)
        {
            user_drop_slot(user, 10000);
            user->holds.leases--, users.holds.leases--;
        }
        while (user->holds.peers)
            user_drop_peer(user);
        users.holds.sends -= user->holds.sends;
        user_unref(user);
    }
    user_unref(root);
    user_unref(own);
    assert_int_equal(users.holds.peers + users.holds.slots + users.holds.leases, 0);
    assert_int_equal(users.holds.bytes, 0);
    assert_null(users.by_uid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOSTILE_TEST(test_many_users), HOSTILE_TEST(test_unread_fds), HOSTILE_TEST(test_turns),
        cmocka_unit_test(test_credit), cmocka_unit_test(test_debt),   cmocka_unit_test(test_shares),
    };

    if (!users_possible())
        return 77;
    return cmocka_run_group_tests(tests, group_setup, support_end);
}
