/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CONTROL_MONITOR: records of messages that pass the daemon, and what a monitor can not do to it.
 */
#include "../unit/daemon_support.h"

/* As daemon/monitor.h has it, for who is no guest. */
#define MONITORS_MAX 8

static struct mailslot_monitor *monitor_start(struct mailslot_client *client)
{
    struct mailslot_monitor *monitor = NULL;

    assert_int_equal(mailslot_monitor_new(client, &monitor), 0);
    return monitor;
}

static const struct mailslot_record *monitor_next(struct mailslot_monitor *monitor)
{
    const struct mailslot_record *record = NULL;

    assert_int_equal(mailslot_monitor_next(monitor, 10000, &record), 0);
    return record;
}

static int post(struct mailslot_client *client, const char *host, const char *slot,
                const void *data, uint32_t size)
{
    return mailslot_send(client, host, strlen(host), slot, strlen(slot), data, size);
}

/* "time, from, to, size" and the payload (issue 5, section 2) */
static void test_local_record(void **state)
{
    pid_t pid;
    struct mailslot_client *client = support_client();
    struct mailslot_monitor *monitor;
    const struct mailslot_record *record;
    struct mailslot *slot;
    uint64_t before = (uint64_t)time(NULL) * 1000000;

    (void)state;
    pid = support_start(NULL, 0);
    monitor = monitor_start(client);
    assert_int_equal(mailslot_create(client, "Box", 3, 4, 0, &slot, NULL), 0);
    assert_int_equal(post(client, ".", "bOX", "a\0b", 3), 0);
    record = monitor_next(monitor);
    assert_int_equal(record->direction, MAILSLOT_DIRECTION_LOCAL);
    assert_int_equal(record->result, MAILSLOT_OK);
    assert_string_equal(record->source, "test");
    assert_string_equal(record->target, ".");
    assert_string_equal(record->slot, "Box"); /* as its maker wrote it */
    assert_int_equal(record->size, 3);
    assert_int_equal(record->payload_size, 3);
    assert_memory_equal(record->payload, "a\0b", 3);
    assert_int_equal(record->address, 0);
    assert_int_equal(record->lost, 0);
    assert_true(record->time >= before);
    assert_true(record->time <= ((uint64_t)time(NULL) + 1) * 1000000);

    assert_int_equal(post(client, ".", "box", "12345", 5), MAILSLOT_TOO_LARGE);
    assert_int_equal(monitor_next(monitor)->result, MAILSLOT_TOO_LARGE);
    assert_int_equal(post(client, ".", "none", "", 0), MAILSLOT_NOT_FOUND);
    record = monitor_next(monitor);
    assert_int_equal(record->result, MAILSLOT_NOT_FOUND);
    assert_string_equal(record->slot, "none");
    assert_int_equal(record->payload_size, 0);

    /* To the own group: one record for the own copy (semantics D10), one for the sending. */
    assert_int_equal(post(client, "*", "box", "1", 1), 0);
    record = monitor_next(monitor);
    assert_int_equal(record->direction, MAILSLOT_DIRECTION_LOCAL);
    assert_int_equal(record->result, MAILSLOT_OK);
    record = monitor_next(monitor);
    assert_int_equal(record->direction, MAILSLOT_DIRECTION_OUT);
    assert_string_equal(record->target, "*");
    assert_string_equal(record->source, "test");
    /* Shared memory is not seen. */
    mailslot_free(slot);
    assert_int_equal(mailslot_monitor_next(monitor, 0, &record), MAILSLOT_TIMEOUT);
    mailslot_monitor_free(monitor);
    mailslot_client_free(client);
    support_stop(pid);
}

/* Payloads end at 512 bytes, names at 255; the size is the whole one. */
static void test_cut(void **state)
{
    pid_t pid;
    struct mailslot_client *client = support_client();
    struct mailslot_monitor *monitor;
    const struct mailslot_record *record;
    char name[1000], data[5000];

    (void)state;
    memset(name, 'n', sizeof(name));
    memset(data, 'd', sizeof(data));
    pid = support_start(NULL, 0);
    monitor = monitor_start(client);
    assert_int_equal(mailslot_send(client, ".", 1, name, sizeof(name), data, sizeof(data)),
                     MAILSLOT_NOT_FOUND);
    record = monitor_next(monitor);
    assert_int_equal(strlen(record->slot), 255);
    assert_int_equal(record->payload_size, 512);
    assert_memory_equal(record->payload, data, 512);
    assert_int_equal(record->size, sizeof(data));
    mailslot_monitor_free(monitor);
    mailslot_client_free(client);
    support_stop(pid);
}

/* Who does not read loses records, and is told how many: none is missing in the sum. */
static void test_slow_reader(void **state)
{
    struct mailslot_client *client = support_client();
    struct mailslot_monitor *slow, *other;
    const struct mailslot_record *record;
    unsigned int sent = 2000, got = 0, tail = 0;
    uint64_t lost = 0;
    char data[512] = "";
    pid_t pid;
    int r;

    (void)state;
    pid = support_start(NULL, 0);
    slow = monitor_start(client);
    other = monitor_start(client);
    for (unsigned int i = 0; i < sent; i++)
    {
        assert_int_equal(post(client, ".", "none", data, sizeof(data)), MAILSLOT_NOT_FOUND);
        /* A slow one takes nothing from the others. */
        assert_int_equal(monitor_next(other)->lost, 0);
    }
    /* Told even if no message comes any more. */
    while (got + lost < sent)
    {
        record = monitor_next(slow);
        lost += record->lost;
        if (record->direction == MAILSLOT_DIRECTION_NONE)
        {
            assert_true(record->lost > 0);
            tail++;
        }
        else
            got++;
    }
    assert_int_equal(got + lost, sent);
    assert_true(lost > 0);
    assert_int_equal(tail, 1);
    assert_int_equal(mailslot_monitor_next(slow, 0, &record), MAILSLOT_TIMEOUT);
    /* And goes on. */
    assert_int_equal(post(client, ".", "none", "x", 1), MAILSLOT_NOT_FOUND);
    record = monitor_next(slow);
    assert_int_equal(record->lost, 0);
    assert_int_equal(record->size, 1);

    /* The end of the daemon is told; and monitors are not what keeps it. */
    mailslot_monitor_free(other);
    support_stop(pid);
    while ((r = mailslot_monitor_next(slow, 10000, &record)) == 0)
        ;
    assert_int_equal(r, MAILSLOT_CLOSED);
    mailslot_monitor_free(slow);
    mailslot_client_free(client);
}

/* A bounded number; one that ends makes room; nothing of it stays in the daemon. */
static void test_limit(void **state)
{
    struct mailslot_client *client = support_client();
    struct mailslot_monitor *monitors[MONITORS_MAX], *more = NULL;
    int n = 0, before, r;
    pid_t pid;

    (void)state;
    pid = support_start(NULL, 0);
    assert_int_equal(mailslot_client_connect(client), 0);
    before = support_stable_fds(pid);
    while (n < MONITORS_MAX && (r = mailslot_monitor_new(client, &monitors[n])) == 0)
        n++;
    assert_int_equal(n, MONITORS_MAX);
    assert_int_equal(mailslot_monitor_new(client, &more), MAILSLOT_LIMIT);
    assert_null(more);
    mailslot_monitor_free(monitors[--n]);
    r = MAILSLOT_LIMIT;
    for (int i = 0; i < 500 && r == MAILSLOT_LIMIT; i++)
    {
        r = mailslot_monitor_new(client, &more);
        support_sleep_ms(10);
    }
    assert_int_equal(r, 0);
    mailslot_monitor_free(more);
    while (n > 0)
        mailslot_monitor_free(monitors[--n]);
    for (int i = 0; i < 500 && support_stable_fds(pid) != before; i++)
        support_sleep_ms(10);
    assert_int_equal(support_stable_fds(pid), before);
    mailslot_client_free(client);
    support_stop(pid);
}

/* The far end is a socket: what is written into it must not matter. */
static void test_hostile(void **state)
{
    pid_t pid;
    struct mailslot_client *client = support_client();
    struct mailslot_monitor *monitor;
    char junk[1000] = "junk";
    int fd;

    (void)state;
    pid = support_start(NULL, 0);
    monitor = monitor_start(client);
    fd = mailslot_monitor_fd(monitor);
    while (send(fd, junk, sizeof(junk), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        ;
    assert_int_equal(post(client, ".", "none", "x", 1), MAILSLOT_NOT_FOUND);
    assert_int_equal(monitor_next(monitor)->size, 1);
    shutdown(fd, SHUT_WR);
    assert_int_equal(post(client, ".", "none", "x", 1), MAILSLOT_NOT_FOUND);
    shutdown(fd, SHUT_RD);
    assert_int_equal(post(client, ".", "none", "x", 1), MAILSLOT_NOT_FOUND);
    mailslot_monitor_free(monitor);
    monitor = monitor_start(client);
    assert_int_equal(post(client, ".", "none", "xy", 2), MAILSLOT_NOT_FOUND);
    assert_int_equal(monitor_next(monitor)->size, 2);
    mailslot_monitor_free(monitor);
    mailslot_client_free(client);
    support_stop(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_local_record), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_slow_reader),  cmocka_unit_test(test_limit),
        cmocka_unit_test(test_hostile),
    };

    return cmocka_run_group_tests(tests, support_begin, support_end);
}
