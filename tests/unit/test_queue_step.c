/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process killed at any instruction of a push or pop leaves a consistent queue. */

#include "queue_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <cmocka.h>

static uint8_t buffer[256 * 1024], big_message[256 * 1024];

static uint32_t count_of(struct queue *queue)
{
    struct queue_info info;

    assert_int_equal(queue_info(queue, &info), 0);
    return info.count;
}

/* One operation of a child, single-stepped; after every instruction that changed the shared
 * memory, a copy of it is treated as if the child had been killed there. */
struct step_case
{
    const char *name;
    uint32_t quota;
    /* before it: `first` messages are pushed, `popped` are taken, then it is filled up to `pushed`
     * messages in all, 0: until the next does not fit in the first 124 KiB */
    uint32_t first, popped, pushed;
    uint32_t big;    /* size of the pushed message if not 0 */
    uint32_t stride; /* instructions from one look to the next */
    bool push;
    bool commits; /* whether the operation changes the messages */
};

enum
{
    STEP_LIMIT = 1500,
    STEP_FILE_MAX = 4096 + 256 * 1024
};

/* 1 if the message after the queued ones is there, 0 if not; everything else asserted */
static uint32_t step_examine(const struct step_case *c, const uint8_t *file, uint32_t from)
{
    struct queue *queue = support_queue(0, c->quota, 0);
    uint32_t count, size, after;

    assert_int_equal(pwrite(queue_memfd(queue), file, 4096 + c->quota, 0), 4096 + c->quota);
    queue_recover(queue, 5);
    assert_int_equal(queue_holder(queue), 0);
    count = count_of(queue);
    if (c->push)
        after = count - (c->pushed - from);
    else
        after = c->pushed - from - count;
    assert_true(after <= 1);
    for (uint32_t i = 0; i < count; i++)
    {
        assert_int_equal(queue_pop(queue, buffer, sizeof(buffer), &size), 0);
        if (c->big && after && i == count - 1)
        {
            assert_int_equal(size, c->big);
            assert_memory_equal(buffer, big_message, size);
        }
        else
            assert_true(support_check(buffer, size, from + i + (c->push ? 0 : after), STEP_LIMIT));
    }
    assert_int_equal(queue_pop_or_arm(queue, buffer, sizeof(buffer), &size), QUEUE_EMPTY);
    assert_int_equal(queue_push(queue, "alive", 5), 0);
    assert_int_equal(queue_pop(queue, buffer, sizeof(buffer), &size), 0);
    queue_free(queue);
    return after;
}

static void step_child(const struct step_case *c, const struct queue *parent)
{
    struct queue *queue = support_again(parent, 5);
    uint32_t size = support_fill(buffer, c->pushed, STEP_LIMIT);
    int r;

    if (!queue || ptrace(PTRACE_TRACEME, 0, NULL, NULL))
        _exit(3);
    raise(SIGSTOP);
    if (c->push && c->big)
        r = queue_push(queue, big_message, c->big);
    else if (c->push)
        r = queue_push(queue, buffer, size);
    else
        r = queue_pop_or_arm(queue, buffer, sizeof(buffer), &size);
    _exit(r == (c->commits ? 0 : QUEUE_EMPTY) ? 0 : 4);
}

static uint32_t step_prepare(const struct step_case *c, struct queue *queue)
{
    struct queue_info info;
    uint32_t n, size;

    for (n = 0; n < c->first; n++)
        assert_int_equal(queue_push(queue, buffer, support_fill(buffer, n, STEP_LIMIT)), 0);
    for (uint32_t i = 0; i < c->popped; i++)
        assert_int_equal(queue_pop(queue, buffer, sizeof(buffer), &size), 0);
    for (;; n++)
    {
        size = support_fill(buffer, n, STEP_LIMIT);
        assert_int_equal(queue_info(queue, &info), 0);
        if (c->pushed ? n == c->pushed : info.bytes + 16 + size > 124 * 1024)
            return n;
        assert_int_equal(queue_push(queue, buffer, size), 0);
    }
}

static void step_through(struct step_case c)
{
    static uint8_t last[STEP_FILE_MAX], file[STEP_FILE_MAX];
    struct queue *queue = support_queue(0, c.quota, 0);
    size_t length = 4096 + c.quota;
    uint32_t n, steps = 0, examined = 0, after = 0;
    int status;
    pid_t pid;

    c.pushed = step_prepare(&c, queue);
    pid = fork();
    if (!pid)
        step_child(&c, queue);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSTOPPED(status));
    for (;; steps++)
    {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFSTOPPED(status))
            break;
        if (steps % c.stride)
            continue;
        assert_int_equal(pread(queue_memfd(queue), file, length, 0), length);
        if (memcmp(file, last, length) == 0)
            continue;
        memcpy(last, file, length);
        n = step_examine(&c, file, c.popped);
        assert_true(n >= after); /* what is done stays done */
        after = n;
        examined++;
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(pread(queue_memfd(queue), file, length, 0), length);
    assert_int_equal(step_examine(&c, file, c.popped), c.commits);
    printf("%s: %u instructions, %u states\n", c.name, steps, examined);
    assert_true(examined >= 3);
    queue_free(queue);
}

static void test_killed_anywhere(void **unused)
{
    /* messages take 760 bytes on average */
    static const struct step_case cases[] = {
        {"push to an empty queue", 8192, 1, 1, 1, 0, 1, true, true},
        {"push", 8192, 3, 1, 4, 0, 1, true, true},
        {"push, wrapping", 8192, 8, 5, 11, 0, 1, true, true},
        {"push, growing", 256 * 1024, 0, 0, 0, 0, 1, true, true},
        {"push, growing while wrapped", 256 * 1024, 160, 9, 0, 0, 1, true, true},
        {"push, wrapping in the grown ring", 256 * 1024, 160, 30, 0, 134000, 61, true, true},
        {"pop", 8192, 3, 1, 3, 0, 1, false, true},
        {"pop the last", 8192, 3, 2, 3, 0, 1, false, true},
        {"pop the last, shrinking", 256 * 1024, 200, 199, 200, 0, 1, false, true},
        {"pop from an empty queue, arming", 8192, 1, 1, 1, 0, 1, false, false},
    };

    (void)unused;
    memset(big_message, 0x5a, sizeof(big_message));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        step_through(cases[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, support_setup, support_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_killed_anywhere),
    };

    alarm(300);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
