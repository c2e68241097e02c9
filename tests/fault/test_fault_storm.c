/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mailslotd is killed again and again, while starved and stopped programs write (issue 12, lines a,
 * c, d and section 3): nothing lost, doubled or torn, no name lost.
 *
 * $FAULT_RESTARTS: how often (default 60), $FAULT_SEED: of all that is random (default 12). */

#include "../unit/daemon_support.h"

#include <sched.h>

enum
{
    WRITERS = 3,
    GROUPS = 2, /* slots */
    LARGEST = 60000,
};

struct head
{
    uint32_t writer, number, size;
};

static uint64_t storm_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* A message is known by its first bytes, in all of its bytes. */
static uint32_t storm_fill(uint8_t *message, uint32_t writer, uint32_t number)
{
    uint64_t state = (writer + 1) * UINT64_C(0x9e3779b97f4a7c15) + number;
    uint64_t dice = storm_random(&state);
    struct head head = {writer, number, sizeof(head)};

    head.size += dice % 4 ? (uint32_t)(dice >> 8) % 300 : (uint32_t)(dice >> 8) % LARGEST;
    memcpy(message, &head, sizeof(head));
    memset(message + sizeof(head), (int)(number * 7 + writer), head.size - sizeof(head));
    return head.size;
}

static volatile sig_atomic_t storm_over;

static void on_over(int number)
{
    (void)number;
    storm_over = 1;
}

/* Writes until it is told to end; says how many messages were taken. */
static void storm_writer(uint32_t writer, const char *name, int report)
{
    static uint8_t message[LARGEST + sizeof(struct head)];
    struct mailslot_client *client = support_client();
    struct mailslot *slot = NULL;
    struct sched_param none = {0};
    uint32_t number = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGUSR1, on_over);
    while (!slot && mailslot_open(client, name, strlen(name), &slot, NULL) == MAILSLOT_NO_DAEMON)
        support_sleep_ms(20);
    if (writer % 2)
        (void)sched_setscheduler(0, SCHED_IDLE, &none);
    while (!storm_over)
    {
        int r = mailslot_write(slot, message, storm_fill(message, writer, number));

        if (r == 0)
            number++;
        else if (r == MAILSLOT_FULL)
            support_sleep_ms(1);
        else if (r !=
                 MAILSLOT_BUSY) /* one that is starved may keep others waiting: they are told */
            _exit(10 + (r < 0 ? -r : r));
    }
    _exit(write(report, &number, sizeof(number)) != sizeof(number));
}

static void storm_busy(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        ;
}

static uint32_t storm_read(struct mailslot *slot, uint32_t *next)
{
    static uint8_t message[LARGEST + sizeof(struct head)], expected[sizeof(message)];
    uint32_t size = 0, taken = 0;
    struct head head;
    int r;

    for (; taken < 500; taken++)
    {
        r = mailslot_read(slot, message, sizeof(message), &size);
        if (r == MAILSLOT_EMPTY || r == MAILSLOT_BUSY)
            break;
        assert_int_equal(r, 0);
        assert_true(size >= sizeof(head));
        memcpy(&head, message, sizeof(head));
        assert_true(head.writer < WRITERS * GROUPS);
        assert_int_equal(head.number, next[head.writer]);
        assert_int_equal(size, storm_fill(expected, head.writer, head.number));
        assert_memory_equal(message, expected, size);
        next[head.writer]++;
    }
    return taken;
}

static int storm_number(const char *name, int otherwise)
{
    const char *text = getenv(name);

    return text ? atoi(text) : otherwise;
}

static void test_storm(void **state)
{
    static const char *const names[GROUPS] = {"Storm\\one", "storm two"};
    int restarts = storm_number("FAULT_RESTARTS", 60), report[2], stopped = -1;
    uint64_t random = (uint64_t)storm_number("FAULT_SEED", 12) * 2654435761u + 1;
    struct mailslot_client *owner = support_client(), *thief = support_client();
    pid_t daemon_pid = support_start(NULL, 0), writers[WRITERS * GROUPS], busy[2];
    uint32_t next[WRITERS * GROUPS] = {0}, accepted, size;
    struct mailslot *slots[GROUPS], *taken = NULL;
    unsigned int refused = 0;

    (void)state;
    alarm(SUPPORT_SECONDS_MAX + restarts);
    for (int i = 0; i < GROUPS; i++)
        slots[i] = support_create(owner, names[i]);
    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    for (int i = 0; i < 2; i++)
        if ((busy[i] = fork()) == 0)
            storm_busy();
    for (uint32_t i = 0; i < WRITERS * GROUPS; i++)
        if ((writers[i] = fork()) == 0)
            storm_writer(i, names[i % GROUPS], report[1]);
    for (int n = 0; n < restarts; n++)
    {
        int64_t until = support_now_ms() + 5 + (int64_t)(storm_random(&random) % 25);

        while (support_now_ms() < until)
            for (int i = 0; i < GROUPS; i++)
                (void)storm_read(slots[i], next);
        if (stopped >= 0)
            kill(writers[stopped], SIGCONT);
        stopped = (int)(storm_random(&random) % (WRITERS * GROUPS * 2));
        stopped = stopped < WRITERS * GROUPS ? stopped : -1;
        if (stopped >= 0)
            kill(writers[stopped], SIGSTOP);
        support_kill(daemon_pid);
        daemon_pid = support_start(NULL, 0);
        /* The owner has done nothing about it. */
        assert_int_equal(mailslot_create(thief, names[n % GROUPS], strlen(names[n % GROUPS]), 0, 0,
                                         &taken, NULL),
                         MAILSLOT_EXISTS);
        refused++;
    }
    if (stopped >= 0)
        kill(writers[stopped], SIGCONT);
    for (uint32_t i = 0; i < WRITERS * GROUPS; i++)
        kill(writers[i], SIGUSR1);
    for (int i = 0; i < 2; i++)
        support_kill(busy[i]);
    for (uint32_t i = 0; i < WRITERS * GROUPS; i++)
    {
        while (waitpid(writers[i], NULL, WNOHANG) == 0)
            for (int k = 0; k < GROUPS; k++)
                (void)storm_read(slots[k], next);
    }
    for (int i = 0; i < GROUPS; i++)
        while (storm_read(slots[i], next))
            ;
    /* All that was taken has come, and there is no more. */
    accepted = 0;
    for (uint32_t i = 0, one; i < WRITERS * GROUPS; i++)
    {
        assert_int_equal(read(report[0], &one, sizeof(one)), sizeof(one));
        accepted += one;
        assert_true(next[i] > 0);
    }
    for (uint32_t i = 0; i < WRITERS * GROUPS; i++)
        accepted -= next[i];
    assert_int_equal(accepted, 0);
    for (int i = 0; i < GROUPS; i++)
    {
        assert_int_equal(mailslot_read(slots[i], NULL, 0, &size), MAILSLOT_EMPTY);
        assert_int_equal(support_open_result(thief, names[i]), 0);
        mailslot_free(slots[i]);
    }
    print_message("%d restarts, %u names kept\n", restarts, refused);
    close(report[0]);
    close(report[1]);
    mailslot_client_free(owner);
    mailslot_client_free(thief);
    support_stop(daemon_pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storm),
    };

    return cmocka_run_group_tests(tests, support_begin, support_end);
}
