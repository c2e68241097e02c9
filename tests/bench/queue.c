/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* make bench: what the queue costs beside what cannot be less, and whether that depends on how much
 * there is of anything. Prints "bench CASE name=value..." lines and a table.
 *
 *   native    write and read of 200 bytes, beside copying them through a bare ring under the same
 * lock pingpong  a message there and one back between two processes, beside the same with bare
 * futexes; both pinned alike, to one processor flat      ns a message (large ones: per KiB) for 1
 * to 100,000 queued, 1 to 10,000 slots, 1 to 1,000 writers, 1 byte to 16 MiB */

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "queue/lock.h"
#include "queue/queue.h"

#define SIZE   200
#define ROUNDS 9

static uint8_t buffer[16 << 20];

static double now_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Of one thread: the time that it had a processor, whatever else the machine does. */
static double median(double (*measure)(long), long argument)
{
    double values[ROUNDS];

    for (int i = 0; i < ROUNDS; i++)
    {
        double start = now_ns(CLOCK_PROCESS_CPUTIME_ID), n = measure(argument);

        values[i] = (now_ns(CLOCK_PROCESS_CPUTIME_ID) - start) / n;
    }
    qsort(values, ROUNDS, sizeof(*values), by_value);
    return values[ROUNDS / 2];
}

static void die(const char *what, int r)
{
    fprintf(stderr, "bench: %s: %s\n", what, mailslot_strerror(r));
    exit(1);
}

static struct queue *make(int *ret_memfd)
{
    struct queue_config config = {.quota = 64 << 20};
    struct queue *queue = NULL;
    int memfd, wake_fd, r;

    r = queue_create(&config, &memfd, &wake_fd);
    if (r == 0)
        r = queue_map(&queue, memfd, wake_fd);
    if (r)
        die("queue", r);
    if (ret_memfd)
        *ret_memfd = memfd;
    else
        close(memfd);
    return queue;
}

static void push(struct queue *queue, uint32_t size)
{
    int r = queue_push(queue, buffer, size);

    if (r)
        die("write", r);
}

static void pop(struct queue *queue)
{
    uint32_t size;
    int r = queue_pop(queue, buffer, sizeof(buffer), &size);

    if (r)
        die("read", r);
}

static struct queue *one;

static double pairs(long size)
{
    int n = size > 65536 ? (int)((64 << 20) / size) : 100000;

    for (int i = 0; i < n; i++)
    {
        push(one, (uint32_t)size);
        pop(one);
    }
    return n;
}

static double ring(long unused)
{
    static uint8_t memory[65536];
    static uint32_t lock, moves, head, tail;
    bool orphan;

    (void)unused;
    for (int i = 0; i < 100000; i++)
    {
        if (!lock_take(&lock, &moves, 1000, &orphan))
            die("lock", MAILSLOT_BUSY);
        memcpy(memory + head % sizeof(memory), buffer, SIZE);
        head += 256;
        lock_drop(&lock);
        if (!lock_take(&lock, &moves, 1000, &orphan))
            die("lock", MAILSLOT_BUSY);
        memcpy(buffer, memory + tail % sizeof(memory), SIZE);
        tail += 256;
        lock_drop(&lock);
    }
    return 100000;
}

static double queued(long depth)
{
    long n = 0;

    do
    {
        for (long i = 0; i < depth; i++)
            push(one, SIZE);
        for (long i = 0; i < depth; i++)
            pop(one);
        n += depth;
    } while (n < 100000);
    return (double)n;
}

static struct queue **many;

static double slots(long count)
{
    for (long i = 0; i < 100000; i++)
    {
        push(many[i % count], SIZE);
        pop(many[i % count]);
    }
    return 100000;
}

/* --- two processes --------------------------------------------------------------------------- */

static void pin(void)
{
    cpu_set_t first;

    CPU_ZERO(&first);
    CPU_SET(0, &first);
    (void)sched_setaffinity(0, sizeof(first), &first);
}

static void wait_for(uint32_t *word, uint32_t value)
{
    uint32_t seen;

    while ((seen = __atomic_load_n(word, __ATOMIC_ACQUIRE)) != value)
        (void)lock_sleep(word, seen, -1);
}

static void tell(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    lock_wake_all(word);
}

static double pingpong(bool bare)
{
    enum
    {
        rounds = 20000
    };
    uint32_t *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int memfds[2];
    struct queue *queues[2] = {make(&memfds[0]), make(&memfds[1])};
    uint32_t size;
    pid_t pid = fork();
    double start;

    pin();
    if (pid == 0)
    {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int i = 0; i < 2; i++)
            if (queue_map(&queues[i], memfds[i], dup(queue_fd(queues[i]))))
                _exit(1);
        for (uint32_t i = 1; i <= rounds; i++)
        {
            if (bare)
                wait_for(&words[0], i), tell(&words[16], i);
            else if (queue_pop_wait(queues[0], buffer, SIZE, -1, NULL, &size))
                _exit(1);
            else
                push(queues[1], SIZE);
        }
        _exit(0);
    }
    start = now_ns(CLOCK_MONOTONIC);
    for (uint32_t i = 1; i <= rounds; i++)
    {
        if (bare)
            tell(&words[0], i), wait_for(&words[16], i);
        else
        {
            push(queues[0], SIZE);
            if (queue_pop_wait(queues[1], buffer, SIZE, -1, NULL, &size))
                die("pingpong", MAILSLOT_CLOSED);
        }
    }
    start = now_ns(CLOCK_MONOTONIC) - start;
    waitpid(pid, NULL, 0);
    return start / rounds;
}

/* That many processes write 20,000 messages together while we read. */
static double writers(long count)
{
    int memfd, total = 20000 / (int)count * (int)count;
    struct queue *queue = make(&memfd);
    uint32_t size;
    double start = now_ns(CLOCK_MONOTONIC);

    for (long w = 0; w < count; w++)
        if (fork() == 0)
        {
            struct queue *own = NULL;

            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (queue_map(&own, memfd, dup(queue_fd(queue))))
                _exit(1);
            for (int i = 0; i < total / (int)count; i++)
                push(own, SIZE);
            _exit(0);
        }
    for (int i = 0; i < total; i++)
        if (queue_pop_wait(queue, buffer, SIZE, -1, NULL, &size))
            die("writers", MAILSLOT_CLOSED);
    start = now_ns(CLOCK_MONOTONIC) - start;
    while (wait(NULL) > 0)
        ;
    queue_free(queue);
    close(memfd);
    return start / total;
}

int main(void)
{
    static const long depths[] = {1, 10, 100, 1000, 10000, 100000};
    static const long counts[] = {1, 10, 100, 1000, 10000};
    static const long sizes[] = {1, 64, 1024, 4096, 16384, 65536, 1 << 20, 4 << 20, 16 << 20};
    double a, b;

    one = make(NULL);
    memset(buffer, 1, sizeof(buffer));
    a = median(pairs, SIZE);
    b = median(ring, 0);
    printf("bench native       queue_ns=%.1f ring_ns=%.1f ratio=%.2f\n", a, b, a / b);
    printf("flat: ns a message\n  queued  ");
    for (size_t i = 0; i < sizeof(depths) / sizeof(*depths); i++)
        printf(" %ld: %.0f", depths[i], median(queued, depths[i]));
    printf("\n  slots   ");
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
    {
        many = calloc((size_t)counts[i], sizeof(struct queue *));
        for (long k = 0; k < counts[i]; k++)
            many[k] = make(NULL);
        printf(" %ld: %.0f", counts[i], median(slots, counts[i]));
        for (long k = 0; k < counts[i]; k++)
            queue_free(many[k]);
        free(many);
    }
    printf("\n  size    ");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
    {
        a = median(pairs, sizes[i]);
        if (sizes[i] < 4096)
            printf(" %ld: %.0f", sizes[i], a);
        else
            printf(" %ldK: %.0f/KiB", sizes[i] / 1024, a / (double)sizes[i] * 1024);
    }
    printf("\n  writers  ");
    fflush(stdout);
    for (long count = 1; count <= 1000; count *= 10)
        printf(" %ld: %.0f", count, writers(count));
    printf(" (with starting them)\n");
    fflush(stdout);
    a = pingpong(false);
    b = pingpong(true);
    printf("bench pingpong_1cpu queue_us=%.2f futex_us=%.2f ratio=%.2f\n", a / 1000, b / 1000,
           a / b);
    return 0;
}
