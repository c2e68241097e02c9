/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mailslotd as a process: limits, status, start on demand, end when idle, hostile clients. */

#include "daemon_support.h"

#include <sys/mman.h>

static json_int_t number(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static json_t *slot_of(json_t *root, const char *name)
{
    json_t *entry;
    size_t i;

    json_array_foreach(
        json_object_get(root, "slots"), i,
        entry) if (!strcmp(json_string_value(json_object_get(entry, "name")), name)) return entry;
    return NULL;
}

/* "everything that mailslotctl prints is available as JSON" (issue 2, section 2) */
static void test_status(void **state)
{
    struct mailslot_client *client = support_client();
    struct mailslot *slot, *writer, *odd;
    json_t *root, *entry, *counters;
    int before, refused;
    char *text;
    pid_t pid;

    (void)state;
    pid = support_start((const char *[]){"--slot-quota", "8192", NULL}, 0);
    assert_int_equal(mailslot_create(client, "Dir\\\u00c4\"x", 8, 10, 0, &slot, NULL), 0);
    assert_int_equal(mailslot_create(client, "odd\xff\x01", 5, 0, 0, &odd, NULL), 0);
    writer = support_open(client, "dir\\\u00e4\"X");
    assert_int_equal(mailslot_write(writer, "0123456789", 10), 0);
    assert_int_equal(mailslot_write(writer, "0", 1), 0);
    assert_int_equal(mailslot_write(writer, "01234567890", 11), MAILSLOT_TOO_LARGE);
    support_expect(slot, "0123456789");

    before = support_stable_fds(pid);
    root = support_status(client);
    assert_int_equal(number(root, "version"), 1);
    assert_int_equal(number(root, "pid"), pid);
    assert_true(number(root, "uptime_seconds") >= 0);
    assert_int_equal(json_array_size(json_object_get(root, "slots")), 2);
    entry = slot_of(root, "Dir\\\u00c4\"x");
    assert_non_null(entry);
    assert_int_equal(number(entry, "messages"), 1);
    assert_int_equal(number(entry, "written"), 2);
    assert_int_equal(number(entry, "read"), 1);
    assert_int_equal(number(entry, "refused"), 1);
    assert_int_equal(number(entry, "writers"), 1);
    assert_int_equal(number(entry, "max_message"), 10);
    assert_int_equal(number(entry, "quota"), 8192);
    assert_true(json_is_true(json_object_get(entry, "owned")));
    assert_non_null(slot_of(root, "odd\\xff\x01")); /* no UTF-8, shown as hex */
    entry = json_array_get(json_object_get(root, "clients"), 0);
    assert_int_equal(json_array_size(json_object_get(root, "clients")), 1);
    assert_int_equal(number(entry, "pid"), getpid());
    assert_int_equal(number(entry, "slots"), 2);
    assert_int_equal(number(entry, "handles"), 3);
    assert_string_equal(json_string_value(json_object_get(entry, "program")), "test");
    entry = json_object_get(root, "network");
    assert_string_equal(json_string_value(json_object_get(entry, "mode")), "local only");
    counters = json_object_get(root, "counters");
    assert_int_equal(number(counters, "protocol_errors"), 0);
    refused = number(counters, "refused_clients");
    assert_int_equal(refused, 0);
    json_decref(root);
    assert_int_equal(support_settle_fds(pid, before), before);

    /* The memfd is sealed: a client cannot change what another reads. */
    assert_int_equal(mailslot_status(client, &text), 0);
    free(text);
    mailslot_free(writer);
    mailslot_free(slot);
    mailslot_free(odd);
    root = support_status(client);
    assert_int_equal(json_array_size(json_object_get(root, "slots")), 0);
    json_decref(root);
    mailslot_client_free(client);
    support_stop(pid);
}

/* "per-client quotas": one client at its limit does not touch another. */
static void test_limits(void **state)
{
    struct mailslot_client *client = support_client(), *other = support_client();
    struct mailslot *slots[3], *writers[4], *none = NULL;
    static char big[4096];
    pid_t pid;

    (void)state;
    pid = support_start((const char *[]){"--slots-per-client", "3", "--handles-per-client", "6",
                                         "--slot-quota", "4096", NULL},
                        0);
    slots[0] = support_create(client, "a");
    slots[1] = support_create(client, "b");
    slots[2] = support_create(client, "c");
    assert_int_equal(mailslot_create(client, "d", 1, 0, 0, &none, NULL), MAILSLOT_LIMIT);
    for (int i = 0; i < 3; i++)
        writers[i] = support_open(client, "a");
    assert_int_equal(support_open_result(client, "a"), MAILSLOT_LIMIT);
    assert_int_equal(mailslot_open_remote(client, "*", 1, "a", 1, &none, NULL), MAILSLOT_LIMIT);
    writers[3] = support_open(other, "a");
    mailslot_free(slots[1]);
    slots[1] = support_create(client, "d"); /* one back, one anew */
    /* A slot's quota: refused with an error, free again after a read */
    assert_int_equal(mailslot_write(writers[3], big, 4088), 0);
    assert_int_equal(mailslot_write(writers[0], big, 0), MAILSLOT_FULL);
    assert_int_equal(mailslot_read(slots[0], big, sizeof(big), &(uint32_t){0}), 0);
    assert_int_equal(mailslot_write(writers[0], big, 0), 0);
    assert_int_equal(mailslot_write(writers[0], big, 4089), MAILSLOT_FULL);
    for (int i = 0; i < 4; i++)
        mailslot_free(writers[i]);
    for (int i = 0; i < 3; i++)
        mailslot_free(slots[i]);
    mailslot_client_free(client);
    mailslot_client_free(other);
    support_stop(pid);
}

/* "exits when idle": not while a client or a handle is there */
static void test_idle(void **state)
{
    struct mailslot_client *client = support_client();
    struct mailslot *slot;
    int lease, status;
    pid_t pid;

    (void)state;
    pid = support_start((const char *[]){"--idle-timeout", "1", NULL}, 0);
    assert_int_equal(mailslot_create(client, "x", 1, 0, 0, &slot, &lease), 0);
    support_sleep_ms(1500);
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
    mailslot_free(slot);
    mailslot_client_free(client);
    support_sleep_ms(1500);
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0); /* the lease is still open */
    close(lease);
    assert_int_equal(support_wait_status(pid), 0);
    assert_int_equal(access(support_socket, F_OK), -1);
}

/* "started on demand by the client library": several at once, one daemon */
static void test_autostart(void **state)
{
    enum
    {
        CLIENTS = 4
    };
    struct mailslot_client *client;
    pid_t children[CLIENTS], pid;
    json_t *root;
    int go[2];

    (void)state;
    setenv("MAILSLOTD_IDLE_TIMEOUT", "1", 1);
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    for (int i = 0; i < CLIENTS; i++)
    {
        children[i] = fork();
        if (children[i] == 0)
        {
            struct mailslot_client *own;
            struct mailslot *slot;
            char name[8], byte;

            snprintf(name, sizeof(name), "auto%d", i);
            close(go[1]);
            if (read(go[0], &byte, 1) != 0)
                _exit(1);
            if (mailslot_client_new(&own, NULL) ||
                mailslot_create(own, name, strlen(name), 0, 0, &slot, NULL))
                _exit(2);
            /* All meet in the same daemon. */
            for (int k = 0; k < CLIENTS; k++)
            {
                struct mailslot *writer;
                int tries = 0, r;

                snprintf(name, sizeof(name), "auto%d", k);
                while ((r = mailslot_open(own, name, 5, &writer, NULL)) == MAILSLOT_NOT_FOUND &&
                       tries++ < 1000)
                    support_sleep_ms(10);
                if (r || mailslot_write(writer, "x", 1))
                    _exit(3);
            }
            for (int k = 0; k < CLIENTS; k++)
            {
                uint32_t size;

                if (mailslot_read_wait(slot, &byte, 1, 10000, NULL, &size))
                    _exit(4);
            }
            _exit(0);
        }
    }
    close(go[0]);
    close(go[1]);
    for (int i = 0; i < CLIENTS; i++)
    {
        int status;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    /* It still runs for its second; its own word says which process it is. */
    client = support_client();
    root = support_status(client);
    pid = number(root, "pid");
    assert_int_equal(json_array_size(json_object_get(root, "slots")), 0);
    json_decref(root);
    mailslot_client_free(client);
    unsetenv("MAILSLOTD_IDLE_TIMEOUT");
    assert_int_equal(support_wait_status(pid), 0);
    /* The others that were started have ended, too. */
    support_sleep_ms(100);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* --- hostile clients: each does its worst while a good one goes on ------------------------------
 */

static struct mailslot_client *good;
static struct mailslot *good_slot, *good_writer;
static pid_t target;
static int target_fds;

static void go_on(void)
{
    assert_int_equal(waitpid(target, NULL, WNOHANG), 0);
    assert_int_equal(support_open_result(good, "GOOD"), 0);
    assert_int_equal(mailslot_write(good_writer, "ok", 2), 0);
    support_expect(good_slot, "ok");
}

static int hostile_setup(void **state)
{
    (void)state;
    target = support_start(NULL, 0);
    good = support_client();
    good_slot = support_create(good, "good");
    good_writer = support_open(good, "good");
    target_fds = support_stable_fds(target);
    return 0;
}

static int hostile_teardown(void **state)
{
    (void)state;
    go_on();
    assert_int_equal(support_settle_fds(target, target_fds), target_fds);
    mailslot_free(good_writer);
    mailslot_free(good_slot);
    mailslot_client_free(good);
    support_stop(target);
    return 0;
}

static bool is_cut_off(int fd)
{
    struct pollfd entry = {.fd = fd};

    return poll(&entry, 1, 5000) == 1 && (entry.revents & POLLHUP);
}

static void test_garbage(void **state)
{
    static uint8_t bytes[CONTROL_PACKET_MAX + 4096];
    uint64_t random = 88172645463325252ull;

    (void)state;
    for (int i = 0; i < 300; i++)
    {
        int fd = support_connect();
        size_t size = 1 + i * 97 % 3000;

        for (size_t k = 0; k < size; k++)
        {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            bytes[k] = random;
        }
        assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
        assert_true(is_cut_off(fd));
        close(fd);
        if (i % 50 == 0)
            go_on();
    }
    /* Larger than any packet may be */
    {
        int fd = support_connect();

        memcpy(bytes, &(struct control_header){CONTROL_MAGIC, CONTROL_VERSION, CONTROL_HELLO, 1, 0},
               sizeof(struct control_header));
        assert_int_equal(send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL), sizeof(bytes));
        assert_true(is_cut_off(fd));
        close(fd);
    }
}

/* Every type with random bodies of random sizes, after a proper HELLO */
static void test_random_bodies(void **state)
{
    uint64_t random = 362436069;
    int fd = -1;

    (void)state;
    for (int i = 0; i < 4000; i++)
    {
        static uint8_t bytes[512];
        struct packet packet;
        int r;

        if (fd < 0)
        {
            fd = support_connect();
            assert_int_equal(support_hello(fd), MAILSLOT_OK);
        }
        for (size_t k = 0; k < sizeof(bytes); k++)
        {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            /* Small numbers get further than large ones. */
            bytes[k] = k % 4 && random & 0x300 ? 0 : random >> 24;
        }
        support_packet(&packet);
        packet_start(&packet, random % (CONTROL_TYPES + 2), i, 0, 0);
        assert_int_equal(packet_append(&packet, bytes, random >> 8 & 127), 0);
        r = support_exchange(fd, &packet);
        packet_close_fds(&packet);
        if (r == -EPIPE)
        {
            close(fd);
            fd = -1;
        }
        if (i % 500 == 0)
            go_on();
    }
    close(fd);
}

/* HELLO comes first, and once. */
static void test_order(void **state)
{
    (void)state;
    for (uint16_t type = 0; type < CONTROL_TYPES + 2; type++)
    {
        int fd = support_connect();

        if (type != CONTROL_HELLO)
            assert_int_equal(support_request(fd, type, NULL, 0, "x"), -EPIPE);
        else
        {
            assert_int_equal(support_hello(fd), MAILSLOT_OK);
            assert_int_equal(support_hello(fd), -EPIPE);
        }
        close(fd);
    }
}

/* A client of another version is told so, and can be of this one afterwards. */
static void test_version(void **state)
{
    struct packet packet;
    int fd = support_connect();

    (void)state;
    support_packet(&packet);
    packet_start(&packet, CONTROL_HELLO, 1, 0, sizeof(struct control_hello));
    ((struct control_header *)packet.bytes)->version = CONTROL_VERSION + 1;
    assert_int_equal(support_exchange(fd, &packet), MAILSLOT_VERSION);
    assert_int_equal(support_hello(fd), MAILSLOT_OK);
    close(fd);
}

/* Pieces of a request: a packet is whole or nothing. */
static void test_half_packets(void **state)
{
    struct control_header header = {CONTROL_MAGIC, CONTROL_VERSION, CONTROL_HELLO, 1, 0};

    (void)state;
    for (size_t size = 0; size < sizeof(header); size++)
    {
        int fd = support_connect();

        assert_int_equal(send(fd, &header, size, MSG_NOSIGNAL), size);
        assert_true(is_cut_off(fd));
        close(fd);
    }
}

/* Descriptors that nobody asked for do not stay with the daemon. */
static void test_unwanted_fds(void **state)
{
    int fd = support_connect();

    (void)state;
    assert_int_equal(support_hello(fd), MAILSLOT_OK);
    for (int round = 0; round < 20; round++)
        for (uint16_t type = CONTROL_CREATE; type < CONTROL_TYPES; type++)
        {
            struct packet packet;
            int r;

            support_packet(&packet);
            packet_start(&packet, type, 1, 0, 48);
            for (int i = 0; i < CONTROL_FDS_MAX; i++)
                packet_add_fd(&packet, STDERR_FILENO);
            r = support_exchange(fd, &packet);
            packet_close_fds(&packet);
            if (r == -EPIPE)
            {
                close(fd);
                fd = support_connect();
                assert_int_equal(support_hello(fd), MAILSLOT_OK);
            }
        }
    /* The connection still lives here: teardown counts what is left beside it. */
    assert_int_equal(support_settle_fds(target, target_fds + 1), target_fds + 1);
    close(fd);
}

/* One that asks and never reads is cut off when its socket is full. */
static void test_no_reading(void **state)
{
    struct control_header header = {CONTROL_MAGIC, CONTROL_VERSION, CONTROL_STATUS, 1, 0};
    int fd = support_connect(), sent = 0;

    (void)state;
    assert_int_equal(support_hello(fd), MAILSLOT_OK);
    for (; sent < 100000; sent++)
        if (send(fd, &header, sizeof(header), MSG_NOSIGNAL) < 0)
            break;
    assert_true(sent < 100000);
    assert_true(errno == EPIPE || errno == ECONNRESET);
    close(fd);
}

static void test_thousand_connections(void **state)
{
    static int fds[1000];

    (void)state;
    for (int i = 0; i < 1000; i++)
    {
        fds[i] = support_connect();
        assert_true(fds[i] >= 0);
        if (i % 2)
            assert_int_equal(support_hello(fds[i]), MAILSLOT_OK);
        if (i % 250 == 0)
            go_on();
    }
    go_on();
    for (int i = 0; i < 1000; i++)
        close(fds[i]);
}

#define HOSTILE(name) cmocka_unit_test_setup_teardown(name, hostile_setup, hostile_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_idle),   cmocka_unit_test(test_autostart),
        HOSTILE(test_garbage),         HOSTILE(test_random_bodies),
        HOSTILE(test_order),           HOSTILE(test_version),
        HOSTILE(test_half_packets),    HOSTILE(test_unwanted_fds),
        HOSTILE(test_no_reading),      HOSTILE(test_thousand_connections),
    };

    return cmocka_run_group_tests(tests, support_begin, support_end);
}
