/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process killed at any instruction of a push or pop leaves a consistent queue; and one that is
 * stopped there holds up others only while it has the lock. */

#include "queue_support.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <signal.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "queue/layout.h"
#include "queue/lock.h"

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
    bool commits;  /* whether the operation changes the messages */
    size_t length; /* of the file that is looked at */
};

enum
{
    STEP_LIMIT = 1500,
    STEP_FILE_MAX = QUEUE_LAYOUT_POOL + 512 * 1024
};

/* What the kernel does when a thread dies: as if it had ended right there. */
static void step_die(int memfd, pid_t dead)
{
    struct queue_header *header =
        mmap(NULL, sizeof(*header), PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);

    assert_true(header != MAP_FAILED);
    if ((header->lock & LOCK_THREAD) == (uint32_t)dead)
        header->lock = (header->lock & LOCK_WAITERS) | LOCK_ORPHAN;
    for (int i = 0; i < (int)QUEUE_LAYOUT_CLAIMS; i++)
        if (header->claims[i].word == (uint32_t)dead)
            header->claims[i].word = LOCK_ORPHAN;
    munmap(header, sizeof(*header));
}

/* 1 if the message after the queued ones is there, 0 if not; everything else asserted */
static uint32_t step_examine(const struct step_case *c, const uint8_t *file, uint32_t from,
                             pid_t dead)
{
    int original = support_memfd;
    struct queue *queue;
    uint32_t count, size, after;

    support_memfd = -1;
    queue = support_queue(0, c->quota, 0);
    assert_int_equal(pwrite(support_memfd, file, c->length, 0), c->length);
    step_die(support_memfd, dead);
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
    assert_int_equal(queue_pop_or_arm(queue, buffer, sizeof(buffer), &size), MAILSLOT_EMPTY);
    assert_int_equal(queue_push(queue, "alive", 5), 0);
    assert_int_equal(queue_pop(queue, buffer, sizeof(buffer), &size), 0);
    queue_free(queue);
    close(support_memfd);
    support_memfd = original;
    return after;
}

static void step_child(const struct step_case *c, const struct queue *parent)
{
    struct queue *queue = support_again(parent);
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
    _exit(r == (c->commits ? 0 : MAILSLOT_EMPTY) ? 0 : 4);
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
    uint32_t n, steps = 0, examined = 0, after = 0;
    int status;
    pid_t pid;

    c.length = QUEUE_LAYOUT_POOL + 2 * c.quota + 16384;
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
        assert_int_equal(pread(support_memfd, file, c.length, 0), c.length);
        if (memcmp(file, last, c.length) == 0)
            continue;
        memcpy(last, file, c.length);
        n = step_examine(&c, file, c.popped, pid);
        assert_true(n >= after); /* what is done stays done */
        after = n;
        examined++;
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(pread(support_memfd, file, c.length, 0), c.length);
    assert_int_equal(step_examine(&c, file, c.popped, pid), c.commits);
    printf("%s: %u instructions, %u states\n", c.name, steps, examined);
    assert_true(examined >= 3);
    queue_free(queue);
}

static void test_killed_anywhere(void **unused)
{
    /* messages take 760 bytes on average */
    static const struct step_case cases[] = {
        {"push to an empty queue", 8192, 1, 1, 1, 0, 1, true, true, 0},
        {"push", 8192, 3, 1, 4, 0, 1, true, true, 0},
        {"push, wrapping", 8192, 8, 5, 11, 0, 1, true, true, 0},
        {"push, to the next page", 16384, 6, 0, 6, 3000, 1, true, true, 0},
        {"push beyond the first pages", 200 * 1024, 0, 0, 0, 0, 1, true, true, 0},
        {"push of a large message", 65536, 3, 1, 4, 10000, 1, true, true, 0},
        {"push of a large message, pages used again", 65536, 60, 59, 61, 20000, 1, true, true, 0},
        {"pop", 8192, 3, 1, 3, 0, 1, false, true, 0},
        {"pop the last", 8192, 3, 2, 3, 0, 1, false, true, 0},
        {"pop the last of many", 200 * 1024, 190, 189, 190, 0, 1, false, true, 0},
        {"pop from an empty queue, arming", 8192, 1, 1, 1, 0, 1, false, false, 0},
    };

    (void)unused;
    memset(big_message, 0x5a, sizeof(big_message));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        step_through(cases[i]);
}

static void *holder_thread(void *userdata)
{
    struct queue_header *header = userdata;
    bool orphan;

    (void)!lock_take(&header->lock, &header->generation, 1000, &orphan);
    return NULL; /* as a thread that is terminated */
}

/* A thread that ends with the lock, while its process goes on; and one that waits for it then. */
static void test_thread_ends_with_lock(void **unused)
{
    struct queue *queue = support_queue(0, 65536, 0);
    struct queue_header *header =
        mmap(NULL, sizeof(*header), PROT_READ | PROT_WRITE, MAP_SHARED, support_memfd, 0);
    pthread_t thread;

    (void)unused;
    assert_true(header != MAP_FAILED);
    for (int i = 0; i < 100; i++)
    {
        assert_int_equal(pthread_create(&thread, NULL, holder_thread, header), 0);
        pthread_join(thread, NULL);
        assert_int_equal(queue_push(queue, "a", 1), 0);
    }
    assert_int_equal(count_of(queue), 100);
    munmap(header, sizeof(*header));
    queue_free(queue);
}

static sigjmp_buf fault;

static void on_fault(int number)
{
    (void)number;
    siglongjmp(fault, 1);
}

/* A buffer that is not there, which Windows answers with error 998: nothing is written, nothing is
 * taken, nothing stays claimed or locked. As Wine does it, the call is left from the handler. */
static void test_fault_in_buffer(void **unused)
{
    static const uint32_t sizes[] = {4090, 10000, 100000};
    struct queue *queue = support_queue(0, 256 * 1024, 0);
    uint8_t *bad = mmap(NULL, 256 * 1024, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct queue_info info;
    uint32_t size = 0;

    (void)unused;
    assert_true(bad != MAP_FAILED);
    assert_int_equal(mprotect(bad, 4096, PROT_READ | PROT_WRITE), 0);
    signal(SIGSEGV, on_fault);
    for (size_t i = 0; i < 3 * 20; i++)
    {
        uint32_t whole = sizes[i % 3];
        uint8_t *start = bad + 4096 - 8; /* the fault comes after the first bytes */

        if (sigsetjmp(fault, 1) == 0)
        {
            (void)!queue_push(queue, start, whole);
            fail_msg("no fault");
        }
        queue_abandon();
        assert_int_equal(count_of(queue), 0);
        assert_int_equal(queue_push(queue, big_message, whole), 0);
        if (sigsetjmp(fault, 1) == 0)
        {
            (void)!queue_pop(queue, start, whole, &size);
            fail_msg("no fault");
        }
        queue_abandon();
        assert_int_equal(count_of(queue), 1);
        assert_int_equal(queue_pop(queue, buffer, sizeof(buffer), &size), 0);
        assert_int_equal(size, whole);
        assert_memory_equal(buffer, big_message, whole);
        assert_int_equal(queue_info(queue, &info), 0);
        assert_int_equal(info.bytes, 0);
    }
    signal(SIGSEGV, SIG_DFL);
    munmap(bad, 256 * 1024);
    queue_free(queue);
}

/* Issue 12: writing, reading, looking and peeking that meet nobody make no system call at all. The
 * kernel ends the child at its first one but exit. */
static void test_no_system_call(void **unused)
{
    struct queue *queue = support_queue(0, 65536, 0);
    int status;
    pid_t pid = fork();

    (void)unused;
    if (!pid)
    {
        struct queue *own = support_again(queue);
        struct queue_info info;
        uint32_t size, count;

        /* what is done once in a thread */
        if (!own || queue_push(own, "a", 1) || queue_pop(own, buffer, 1, &size) ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
            _exit(3);
        for (uint32_t n = 0; n < 100000; n++)
            if (queue_push(own, buffer, n % 5000) ||
                queue_peek(own, buffer, sizeof(buffer), &size, &count) || queue_info(own, &info) ||
                queue_pop(own, buffer, sizeof(buffer), &size) ||
                queue_pop(own, buffer, sizeof(buffer), &size) != MAILSLOT_EMPTY)
                syscall(SYS_exit, 4);
        syscall(SYS_exit, 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    queue_free(queue);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, support_setup, support_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_killed_anywhere),
        TEST(test_thread_ends_with_lock),
        TEST(test_fault_in_buffer),
        TEST(test_no_system_call),
    };

    alarm(300);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
