/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clients die or stop at the worst moment (issue 2: "survives any client dying at any point"). */

#include "../unit/daemon_support.h"

#include <pthread.h>

#include "client/slot.h"
#include "queue/layout.h"
#include "queue/lock.h"

static pid_t daemon_pid;
static int own_fds, daemon_fds;
static struct mailslot_client *client;

static int setup(void **state)
{
    (void)state;
    own_fds = support_count_fds(getpid());
    client = support_client();
    assert_int_equal(mailslot_client_connect(client), 0);
    daemon_fds = support_stable_fds(daemon_pid);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (support_settle_fds(daemon_pid, daemon_fds) != daemon_fds)
        return 1;
    client = mailslot_client_free(client);
    return support_count_fds(getpid()) != own_fds;
}

/* The shared header of a slot's queue, to do what a stopped or killed program leaves behind. */
static struct queue_header *find_header(void)
{
    FILE *file = fopen("/proc/self/maps", "re");
    unsigned long from = 0, offset;
    char line[512];

    while (fgets(line, sizeof(line), file))
        if (strstr(line, "memfd:mailslot") &&
            sscanf(line, "%lx-%*x %*s %lx", &from, &offset) == 2 && offset == 0)
            break;
    fclose(file);
    assert_true(from != 0);
    return (struct queue_header *)from;
}

/* A child that takes the lock of slot "x", its only one, and then sleeps with it. */
static pid_t start_holder(void)
{
    int ready[2];
    pid_t child;
    char byte;

    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    child = fork();
    if (child == 0)
    {
        struct queue_header *header;
        bool orphan;

        (void)support_open(support_client(), "x");
        header = find_header();
        if (!lock_take(&header->lock, &header->generation, 1000, &orphan) ||
            write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

/* Killed with the lock: the kernel opens it, and everybody goes on. */
static void test_killed_holder(void **state)
{
    struct mailslot *slot = support_create(client, "x"), *writer = support_open(client, "x");

    (void)state;
    for (int i = 0; i < 5; i++)
    {
        support_kill(start_holder());
        assert_int_equal(mailslot_write(writer, "a", 1), 0);
        support_expect(slot, "a");
    }
    mailslot_free(writer);
    mailslot_free(slot);
}

/* Stopped with the lock: others are told so instead of waiting for ever, also when the daemon is
 * killed meanwhile (issue 12, line a); it serves everybody else. */
static void test_stopped_holder(void **state)
{
    struct mailslot *slot = support_create(client, "x"), *writer = support_open(client, "x");
    struct mailslot_client *other = support_client();
    pid_t holder = start_holder(), child;
    int status;

    (void)state;
    kill(holder, SIGSTOP);
    child = fork();
    if (child == 0)
    {
        struct mailslot_client *own = support_client();

        _exit(mailslot_write(support_open(own, "x"), "a", 1) == MAILSLOT_BUSY ? 0 : 1);
    }
    while (waitpid(child, &status, WNOHANG) == 0)
    {
        struct mailslot *second = support_create(other, "y");
        char *text = NULL;

        assert_int_equal(mailslot_send(other, ".", 1, "y", 1, "ok", 2), 0);
        support_expect(second, "ok");
        /* Through the daemon into the blocked slot: refused, not waited for */
        assert_int_equal(mailslot_send(other, ".", 1, "x", 1, "no", 2), MAILSLOT_BUSY);
        assert_int_equal(mailslot_status(other, &text), 0);
        free(text);
        mailslot_free(second);
        support_sleep_ms(50);
    }
    assert_int_equal(status, 0);
    support_kill(holder);
    assert_int_equal(mailslot_write(writer, "a", 1), 0);
    support_expect(slot, "a");
    mailslot_free(writer);
    mailslot_free(slot);
    mailslot_client_free(other);
}

/* L1, L3, L4: the owner is killed at a random moment; its name is free at once. */
static void test_killed_owners(void **state)
{
    uint64_t random = 2463534242u;

    (void)state;
    for (int i = 0; i < 200; i++)
    {
        struct mailslot *slot, *writer;
        int ready[2];
        pid_t child;
        char byte;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        child = fork();
        if (child == 0)
        {
            struct mailslot_client *own = support_client();

            slot = support_create(own, "victim");
            if (write(ready[1], "x", 1) != 1)
                _exit(1);
            for (;;)
            {
                uint32_t size;

                writer = support_open(own, "VICTIM");
                (void)!mailslot_write(writer, "abc", 3);
                (void)!mailslot_read(slot, &byte, 1, &size);
                mailslot_free(writer);
            }
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        writer = support_open(client, "victim");
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        usleep(random % 2000);
        support_kill(child);
        slot = support_create(client, "Victim"); /* never MAILSLOT_EXISTS */
        assert_int_equal(mailslot_write(writer, "x", 1), MAILSLOT_CLOSED);
        assert_int_equal(mailslot_read(slot, &byte, 1, &(uint32_t){0}), MAILSLOT_EMPTY); /* L5 */
        mailslot_free(writer);
        mailslot_free(slot);
        close(ready[0]);
        close(ready[1]);
    }
}

static void *create_thread(void *userdata)
{
    *(struct mailslot **)userdata = support_create(client, "late");
    return NULL;
}

/* A daemon that does not answer holds up those who ask it, and nobody else: messages go on. */
static void test_stopped_daemon(void **state)
{
    struct mailslot *slot = support_create(client, "x"), *writer = support_open(client, "x");
    struct mailslot *late = NULL;
    pthread_t thread;

    (void)state;
    kill(daemon_pid, SIGSTOP);
    pthread_create(&thread, NULL, create_thread, &late);
    for (int i = 0; i < 25; i++)
    {
        assert_int_equal(mailslot_write(writer, "a", 1), 0);
        support_expect(slot, "a");
        assert_int_equal(mailslot_read(slot, NULL, 0, &(uint32_t){0}), MAILSLOT_EMPTY);
        support_sleep_ms(50); /* more than a second in all: the looks at the daemon fall into it */
    }
    kill(daemon_pid, SIGCONT);
    pthread_join(thread, NULL);
    mailslot_free(late);
    mailslot_free(writer);
    mailslot_free(slot);
}

/* Issue 12, line f: one descriptor for each handle, and for each slot one more. */
static void test_descriptors(void **state)
{
    static struct mailslot *writers[200];
    struct mailslot *slot;
    int before = support_count_fds(getpid());

    (void)state;
    slot = support_create(client, "x");
    assert_int_equal(support_count_fds(getpid()) - before, 2);
    for (int i = 0; i < 200; i++)
        writers[i] = support_open(client, "x");
    assert_int_equal(support_count_fds(getpid()) - before, 2 + 200);
    for (int i = 0; i < 200; i++)
    {
        assert_int_equal(mailslot_write(writers[i], "a", 1), 0);
        support_expect(slot, "a");
        mailslot_free(writers[i]);
    }
    mailslot_free(slot);
    assert_int_equal(support_count_fds(getpid()), before);
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
        TEST(test_killed_holder),  TEST(test_stopped_holder), TEST(test_killed_owners),
        TEST(test_stopped_daemon), TEST(test_descriptors),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
