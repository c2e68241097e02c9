/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* No descriptors left, in the daemon or in a client: a clear error, and it recovers. */

#include "../unit/daemon_support.h"

#include "control/lease.h"

enum
{
    LIMIT = 64,
};

/* Clock ticks that a process has worked. */
static unsigned long ticks_of(pid_t pid)
{
    unsigned long user = 0, system = 0;
    char path[64], text[1024];
    FILE *file;
    size_t n;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "r");
    n = fread(text, 1, sizeof(text) - 1, file);
    text[n] = 0;
    fclose(file);
    sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
           &system);
    return user + system;
}

/* One client uses the daemon up with slots. */
static void test_daemon_slots(void **state)
{
    struct mailslot_client *greedy = support_client();
    struct mailslot *slots[LIMIT] = {NULL};
    pid_t pid = support_start(NULL, LIMIT);
    int n = 0, r = 0, before;
    char name[16];

    (void)state;
    assert_int_equal(mailslot_client_connect(greedy), 0);
    before = support_stable_fds(pid);
    for (int round = 0; round < 3; round++)
    {
        for (n = 0; n < LIMIT; n++)
        {
            snprintf(name, sizeof(name), "s%d", n);
            r = mailslot_create(greedy, name, strlen(name), 0, 0, &slots[n], NULL);
            if (r)
                break;
        }
        assert_int_equal(r, -EMFILE);
        assert_in_range(n, 5, LIMIT / 3);
        /* What is there works on, and what failed has left no name behind. */
        assert_int_equal(mailslot_send(greedy, ".", 1, "s0", 2, "a", 1), 0);
        support_expect(slots[0], "a");
        assert_int_equal(mailslot_send(greedy, ".", 1, name, strlen(name), "a", 1),
                         MAILSLOT_NOT_FOUND);
        while (n--)
            slots[n] = mailslot_free(slots[n]);
        assert_int_equal(support_settle_fds(pid, before), before);
    }
    mailslot_client_free(greedy);
    support_stop(pid);
}

/* Connections use it up: the next client is told at once, the daemon does not spin. */
static void test_daemon_connections(void **state)
{
    struct mailslot_client *good = support_client(), *late = support_client();
    pid_t pid = support_start(NULL, LIMIT);
    int fds[LIMIT * 2], leases[2], before;
    struct mailslot *slot = support_create(good, "x"), *adopted = NULL;
    unsigned long ticks;

    (void)state;
    before = support_stable_fds(pid);
    for (int i = 0; i < LIMIT * 2; i++)
        fds[i] = support_connect();
    support_stable_fds(pid);
    assert_int_equal(mailslot_client_connect(late), MAILSLOT_NO_DAEMON);
    assert_non_null(strstr(mailslot_client_reason(late), "no more clients"));
    ticks = ticks_of(pid);
    support_sleep_ms(500);
    assert_true(ticks_of(pid) - ticks < (unsigned long)sysconf(_SC_CLK_TCK) / 5);
    /* Those who are in stay in; a request with a descriptor, for which there is no room, too. */
    assert_int_equal(mailslot_send(good, ".", 1, "x", 1, "a", 1), 0);
    support_expect(slot, "a");
    assert_int_equal(control_lease_make(&leases[1], &leases[0]), 0);
    assert_int_equal(mailslot_adopt(good, leases[0], &adopted), -EMFILE);
    assert_int_equal(mailslot_send(good, ".", 1, "x", 1, "b", 1), 0);
    support_expect(slot, "b");
    for (int i = 0; i < LIMIT * 2; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    assert_int_equal(support_settle_fds(pid, before), before);
    assert_int_equal(mailslot_adopt(good, leases[0], &adopted), MAILSLOT_NOT_LEASE);
    support_sleep_ms(1100); /* a client tries again after a second */
    assert_int_equal(mailslot_client_connect(late), 0);
    close(leases[0]);
    close(leases[1]);
    mailslot_free(slot);
    mailslot_client_free(good);
    mailslot_client_free(late);
    support_stop(pid);
}

/* The client has none left: it is told so, keeps its connection, and goes on with what it has. */
static void test_client_limit(void **state)
{
    pid_t pid = support_start(NULL, 0), child;
    int before = support_stable_fds(pid);

    (void)state;
    child = fork();
    if (child == 0)
    {
        struct mailslot_client *own = support_client();
        struct mailslot *slots[LIMIT] = {NULL};
        struct rlimit limit = {40, 40};
        int n = 0, r = 0;
        char name[16];

        if (mailslot_client_connect(own))
            _exit(1);
        setrlimit(RLIMIT_NOFILE, &limit);
        for (int round = 0; round < 3; round++)
        {
            for (n = 0; n < LIMIT; n++)
            {
                snprintf(name, sizeof(name), "c%d", n);
                r = mailslot_create(own, name, strlen(name), 0, 0, &slots[n], NULL);
                if (r)
                    break;
            }
            if (r != -EMFILE)
                _exit(2);
            r = mailslot_send(own, ".", 1, "c0", 2, "a", 1);
            if (r || mailslot_read(slots[0], &name, 1, &(uint32_t){0}))
                _exit(r ? r & 0x7f : 3);
            while (n--)
                slots[n] = mailslot_free(slots[n]);
        }
        _exit(0);
    }
    assert_int_equal(support_wait_status(child), 0);
    assert_int_equal(support_settle_fds(pid, before), before);
    support_stop(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_daemon_slots),
        cmocka_unit_test(test_daemon_connections),
        cmocka_unit_test(test_client_limit),
    };

    return cmocka_run_group_tests(tests, support_begin, support_end);
}
