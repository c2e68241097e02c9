/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The queue between processes: exchange, several writers, 32 with 64 bit, and sudden death.
 * $QUEUE_PEER and $QUEUE_PEER32 name the two builds of queue_peer (default: beside this test). */

#include "queue_support.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <cmocka.h>

#include "queue/layout.h"
#include "queue/lock.h"

static uint8_t buffer[8192];

static struct queue *child_queue(const struct queue *parent)
{
    struct queue *queue = support_again(parent);

    if (!queue)
        _exit(9);
    return queue;
}

static int exit_status(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void kill_child(pid_t pid)
{
    int status;

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static uint32_t count_of(struct queue *queue)
{
    struct queue_info info;

    assert_int_equal(queue_info(queue, &info), 0);
    return info.count;
}

/* The writer has failed: nothing will come. It stays to be waited for. */
static bool has_failed(pid_t pid)
{
    siginfo_t info = {0};

    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
    return info.si_pid && (info.si_code != CLD_EXITED || info.si_status);
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};

    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
    return info.si_pid != 0;
}

/* Takes `count` messages, sleeping when there is none. writer: a child, or 0. */
static void pop_all(struct queue *queue, pid_t writer, uint32_t first, uint32_t count,
                    uint32_t limit)
{
    for (uint32_t n = first; n < first + count;)
    {
        struct pollfd fd = {.fd = queue_fd(queue), .events = POLLIN};
        uint32_t size;
        int r = queue_pop_or_arm(queue, buffer, sizeof(buffer), &size);

        if (r == MAILSLOT_EMPTY)
        {
            while (poll(&fd, 1, writer ? 1000 : -1) == 0 && !has_failed(writer))
            {
            }
            if (writer && has_failed(writer))
                assert_int_equal(exit_status(writer), 0);
        }
        else
        {
            assert_int_equal(r, 0);
            assert_true(support_check(buffer, size, n++, limit));
        }
    }
}

/* reader: a child */
static void push_all(struct queue *queue, pid_t reader, uint32_t count, uint32_t limit)
{
    for (uint32_t n = 0; n < count;)
    {
        int r = queue_push(queue, buffer, support_fill(buffer, n, limit));

        if (r == MAILSLOT_FULL)
        {
            usleep(100);
            if (has_failed(reader))
                assert_int_equal(exit_status(reader), 0);
        }
        else
        {
            assert_int_equal(r, 0);
            n++;
        }
    }
}

static void test_exchange(void **unused)
{
    enum
    {
        messages = 100000,
        limit = 500
    };
    struct queue *queue = support_queue(0, 1 << 20, 0);
    pid_t pid = fork();

    (void)unused;
    if (!pid)
    {
        struct queue *own = child_queue(queue);

        for (uint32_t n = 0; n < messages;)
        {
            int r = queue_push(own, buffer, support_fill(buffer, n, limit));

            if (r == MAILSLOT_FULL)
                usleep(100);
            else if (r)
                _exit(r > 0 ? 100 + r : -r);
            else
                n++;
        }
        _exit(0);
    }
    pop_all(queue, pid, 0, messages, limit);
    assert_int_equal(exit_status(pid), 0);
    assert_int_equal(count_of(queue), 0);
    queue_free(queue);
}

/* P10: whole messages, in each writer's order. L8: they stay when the writers have exited. */
static void test_writers(void **unused)
{
    enum
    {
        writers = 4,
        messages = 3000,
        limit = 300
    };
    struct queue *queue = support_queue(0, 8 << 20, 0);
    uint32_t next[writers] = {0}, size;
    pid_t pids[writers];

    (void)unused;
    for (uint32_t w = 0; w < writers; w++)
    {
        pids[w] = fork();
        if (!pids[w])
        {
            struct queue *own = child_queue(queue);

            for (uint32_t n = 0; n < messages; n++)
            {
                memcpy(buffer, &w, 4);
                size = 4 + support_fill(buffer + 4, w * messages + n, limit);
                if (queue_push(own, buffer, size))
                    _exit(2);
            }
            _exit(0);
        }
    }
    for (int w = 0; w < writers; w++)
        assert_int_equal(exit_status(pids[w]), 0);
    assert_int_equal(count_of(queue), writers * messages);
    for (int i = 0; i < writers * messages; i++)
    {
        uint32_t w;

        assert_int_equal(queue_pop(queue, buffer, sizeof(buffer), &size), 0);
        memcpy(&w, buffer, 4);
        assert_true(w < writers);
        assert_true(support_check(buffer + 4, size - 4, w * messages + next[w]++, limit));
    }
    queue_free(queue);
}

static const char *peer_path(const char *variable, const char *name)
{
    static char path[4096];
    const char *value = getenv(variable);
    ssize_t length;

    if (value)
        return value;
    length = readlink("/proc/self/exe", path, sizeof(path) - 32);
    assert_true(length > 0);
    path[length] = 0;
    strcpy(strrchr(path, '/') + 1, name);
    return path;
}

static void exchange_with_peer(const char *path)
{
    enum
    {
        messages = 20000,
        limit = 3000,
        quota = 2 << 20
    };
    static const char *const modes[] = {"push", "pop"};
    struct queue *queue = support_queue(0, quota, 0);

    assert_int_equal(access(path, X_OK), 0);
    for (int i = 0; i < 2; i++)
    {
        pid_t pid = fork();

        if (!pid)
        {
            char memfd[16], event[16], count[16], size[16];

            snprintf(memfd, sizeof(memfd), "%d", dup(support_memfd));
            snprintf(event, sizeof(event), "%d", dup(queue_fd(queue)));
            snprintf(count, sizeof(count), "%d", messages);
            snprintf(size, sizeof(size), "%d", limit);
            execl(path, path, modes[i], memfd, event, count, size, NULL);
            _exit(8);
        }
        if (i)
            push_all(queue, pid, messages, limit);
        else
        {
            usleep(20000); /* lets the ring grow */
            pop_all(queue, pid, 0, messages, limit);
        }
        assert_int_equal(exit_status(pid), 0);
        assert_int_equal(count_of(queue), 0);
    }
    queue_free(queue);
}

static void test_peers_64_and_32_bit(void **unused)
{
    (void)unused;
    exchange_with_peer(peer_path("QUEUE_PEER", "queue_peer"));
    exchange_with_peer(peer_path("QUEUE_PEER32", "queue_peer32"));
}

static struct queue_header *map_header(void)
{
    struct queue_header *header =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, support_memfd, 0);

    assert_true(header != MAP_FAILED);
    return header;
}

/* A child that has the lock, and is stopped with it. */
static pid_t stopped_holder(struct queue_header *header)
{
    pid_t pid = fork();
    bool orphan;
    int status;

    if (!pid)
    {
        if (!lock_take(&header->lock, &header->generation, 1000, &orphan))
            _exit(2);
        raise(SIGSTOP);
        lock_drop(&header->lock);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    return pid;
}

/* A process that is stopped with the lock keeps it: others are told so, nothing changes. When it
 * dies the kernel opens the lock, and all goes on. */
static void test_stopped_holder(void **unused)
{
    struct queue *queue = support_queue(0, 65536, 0);
    struct queue_header *header = map_header();
    struct queue_info info;
    uint32_t size = 99, count;

    (void)unused;
    assert_int_equal(queue_push(queue, "kept", 4), 0);
    for (int round = 0; round < 2; round++)
    {
        pid_t pid = stopped_holder(header);

        assert_int_equal(queue_push(queue, "lost", 4), MAILSLOT_BUSY);
        assert_int_equal(queue_pop(queue, buffer, 100, &size), MAILSLOT_BUSY);
        assert_int_equal(queue_info(queue, &info), 0); /* I1-I3: looking needs no lock */
        assert_int_equal(info.count, 1 + round);
        assert_int_equal(size, 99);
        assert_int_equal(queue_peek(queue, buffer, 100, &size, &count), 0);
        size = 99;
        if (round)
            kill_child(pid);
        else
        {
            assert_int_equal(kill(pid, SIGCONT), 0);
            assert_int_equal(exit_status(pid), 0);
        }
        assert_int_equal(queue_push(queue, "more", 4), 0);
        assert_int_equal(count_of(queue), 2 + round);
    }
    assert_int_equal(queue_pop(queue, buffer, 100, &size), 0);
    assert_memory_equal(buffer, "kept", 4);
    munmap(header, 4096);
    queue_free(queue);
}

/*
 * A waiter that was stopped itself has not waited: the holder may have stood still with it, as when
 * a whole machine is paused. It goes on where it was, and gets the lock.
 */
static void test_stopped_waiter(void **unused)
{
    struct queue *queue = support_queue(0, 65536, 0);
    struct queue_header *header = map_header();
    int status;
    bool orphan;
    pid_t pid;

    (void)unused;
    assert_true(lock_take(&header->lock, &header->generation, 1000, &orphan));
    pid = fork();
    if (!pid)
        _exit(queue_push(child_queue(queue), "late", 4));
    while (!(__atomic_load_n(&header->lock, __ATOMIC_RELAXED) & LOCK_WAITERS))
        usleep(1000);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    usleep((LOCK_PATIENCE_MS + 100) * 1000);
    assert_int_equal(kill(pid, SIGCONT), 0);
    usleep(100000);
    lock_drop(&header->lock);
    assert_int_equal(exit_status(pid), 0);
    assert_int_equal(count_of(queue), 1);
    munmap(header, 4096);
    queue_free(queue);
}

/* Closing waits for nobody; a stopped holder cannot undo it. */
static void test_close_while_held(void **unused)
{
    struct queue *queue = support_queue(0, 65536, 0);
    struct queue_header *header = map_header();
    uint32_t size;
    pid_t pid;

    (void)unused;
    assert_int_equal(queue_push(queue, "gone", 4), 0);
    pid = stopped_holder(header);
    queue_close(queue);
    assert_int_equal(queue_pop(queue, buffer, 100, &size), MAILSLOT_CLOSED);
    kill(pid, SIGCONT);
    assert_int_equal(exit_status(pid), 0);
    assert_int_equal(queue_pop(queue, buffer, 100, &size), MAILSLOT_CLOSED);
    munmap(header, 4096);
    queue_free(queue);
}

/* A writer of a large message that is stopped in its copy, or dies there (issue 12, line b). */
static void test_stopped_in_large_write(void **unused)
{
    enum
    {
        large = 6 << 20,
        quota = 16 << 20
    };
    struct queue *queue = support_queue(0, quota, 0);
    struct queue_header *header = map_header();
    uint8_t *message = calloc(1, large);
    bool seen[2] = {false, false};
    struct queue_info info;

    (void)unused;
    for (int round = 0; round < 200 && !(seen[0] && seen[1]); round++)
    {
        bool dies = round % 2;
        uint32_t size, word;
        int status;
        pid_t pid = fork();

        if (!pid)
            _exit(queue_push(child_queue(queue), message, large));
        while (!(word = __atomic_load_n(&header->claims[0].word, __ATOMIC_ACQUIRE)) ||
               word & LOCK_ORPHAN)
            if (has_ended(pid))
                break;
        kill(pid, SIGSTOP);
        if (waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && !count_of(queue))
        {
            seen[dies] = true;
            /* More than the quota goes through beside it. */
            for (uint32_t n = 0; n < 60000; n++)
            {
                assert_int_equal(queue_push(queue, buffer, support_fill(buffer, n, 600)), 0);
                assert_int_equal(queue_pop(queue, buffer, sizeof(buffer), &size), 0);
                assert_true(support_check(buffer, size, n, 600));
            }
            assert_int_equal(count_of(queue), 0);
        }
        if (dies)
            kill(pid, SIGKILL);
        else
            kill(pid, SIGCONT);
        if (!WIFEXITED(status))
            waitpid(pid, &status, 0);
        if (!dies)
        {
            assert_int_equal(queue_pop(queue, message, large, &size), 0);
            assert_int_equal(size, large);
        }
        else /* taken back at the next chance */
        {
            while (queue_pop(queue, message, large, &size) == 0)
                ;
            assert_int_equal(queue_push(queue, "a", 1), 0);
            assert_int_equal(queue_pop(queue, buffer, 1, &size), 0);
            assert_int_equal(queue_info(queue, &info), 0);
            assert_int_equal(info.bytes, 0);
        }
    }
    assert_true(seen[0] && seen[1]);
    free(message);
    munmap(header, 4096);
    queue_free(queue);
}

/* What a child that is about to be killed has begun and finished, in shared memory */
struct progress
{
    uint32_t started, done, wrong;
};

static void victim(const struct queue *parent, bool pushes, uint32_t next, uint32_t limit,
                   struct progress *progress)
{
    struct queue *queue = child_queue(parent);

    for (;;)
    {
        uint32_t size;
        int r;

        __atomic_store_n(&progress->started, next + 1, __ATOMIC_RELEASE);
        if (pushes)
            r = queue_push(queue, buffer, support_fill(buffer, next, limit));
        else
            r = queue_pop(queue, buffer, sizeof(buffer), &size);
        if (!r)
        {
            if (!pushes && !support_check(buffer, size, next, limit))
                progress->wrong = 1000;
            __atomic_store_n(&progress->done, ++next, __ATOMIC_RELEASE);
        }
        else if (r != MAILSLOT_FULL && r != MAILSLOT_EMPTY)
            progress->wrong = (uint32_t)r;
    }
}

/* kill -9 at random times while the parent works at the other end: the queue stays consistent,
 * only the one operation in flight is in doubt. */
static void test_kill(void **unused)
{
    enum
    {
        rounds = 400,
        limit = 8000, /* small messages and large ones */
        quota = 4 << 20
    };
    struct queue *queue = support_queue(0, quota, 0);
    struct progress *progress =
        mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct queue_header *header = map_header();
    uint32_t pushed = 0, popped = 0, size, held = 0;
    struct timespec now;
    uint64_t seed;

    (void)unused;
    clock_gettime(CLOCK_REALTIME, &now);
    seed = (uint64_t)now.tv_nsec * 1000003 + 1;
    assert_true(progress != MAP_FAILED);
    for (int round = 0; round < rounds; round++)
    {
        bool pushes = round % 2 == 0;
        uint32_t before = pushes ? pushed : popped, after, steps = support_random(&seed) % 300;
        pid_t pid;

        *progress = (struct progress){before, before, 0};
        pid = fork();
        if (!pid)
            victim(queue, pushes, before, limit, progress);

        while (__atomic_load_n(&progress->done, __ATOMIC_ACQUIRE) == before)
            if (!pushes && !queue_push(queue, buffer, support_fill(buffer, pushed, limit)))
                pushed++;
        for (; steps; steps--)
        {
            int r;

            if (pushes && support_random(&seed) % 3)
                r = queue_pop(queue, buffer, sizeof(buffer), &size);
            else if (pushes)
                r = MAILSLOT_EMPTY;
            else
                r = queue_push(queue, buffer, support_fill(buffer, pushed, limit));
            assert_true(r == 0 || r == MAILSLOT_EMPTY || r == MAILSLOT_FULL);
            if (!r && pushes)
                assert_true(support_check(buffer, size, popped++, limit));
            else if (!r)
                pushed++;
        }
        kill_child(pid);
        assert_int_equal(progress->wrong, 0);
        held += (__atomic_load_n(&header->lock, __ATOMIC_RELAXED) & LOCK_ORPHAN) != 0;

        if (pushes)
            after = pushed = popped + count_of(queue);
        else
            after = popped = pushed - count_of(queue);
        assert_true(after >= progress->done && after <= progress->started);

        /* leave some, so that the ring wraps; grow it now and then */
        for (uint32_t left = support_random(&seed) % 100; count_of(queue) > left; popped++)
        {
            assert_int_equal(queue_pop(queue, buffer, sizeof(buffer), &size), 0);
            assert_true(support_check(buffer, size, popped, limit));
        }
        while (!pushes && round % 10 < 5 && count_of(queue) < 600 &&
               !queue_push(queue, buffer, support_fill(buffer, pushed, limit)))
            pushed++;
    }
    printf("%d kills, %u with the lock held; %u messages\n", rounds, held, pushed);
    assert_true(pushed > 1000);
    pop_all(queue, 0, popped, pushed - popped, limit);
    assert_int_equal(queue_pop(queue, buffer, sizeof(buffer), &size), MAILSLOT_EMPTY);
    munmap(header, 4096);
    munmap(progress, sizeof(*progress));
    queue_free(queue);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, support_setup, support_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exchange),
        TEST(test_writers),
        TEST(test_peers_64_and_32_bit),
        TEST(test_stopped_holder),
        TEST(test_stopped_waiter),
        TEST(test_close_while_held),
        TEST(test_stopped_in_large_write),
        TEST(test_kill),
    };

    alarm(300); /* a lost wake-up would hang */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
