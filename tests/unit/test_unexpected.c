/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/unexpected against a false nmbd (wire.md 2.6, client protocol; 1.9) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/unexpected.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HEAD_SIZE  32
#define FRAME_SIZE (HEAD_SIZE + 65536)

struct client
{
    sd_event *event;
    struct unexpected *unexpected;
    char folder[32], path[64];
    int listener, server;
    unsigned int ready, datagrams, gone;
    int error;
    bool free_when_gone;
    size_t size;
    struct sockaddr_in from;
    uint8_t bytes[65536];
};

static uint64_t hurry = 1;

/* Stands before the one of libsystemd, so that nobody has to wait for seconds. */
int sd_event_add_time_relative(sd_event *event, sd_event_source **ret_source, clockid_t clock,
                               uint64_t usec, uint64_t accuracy, sd_event_time_handler_t handler,
                               void *userdata)
{
    uint64_t now;

    (void)sd_event_now(event, clock, &now);
    return sd_event_add_time(event, ret_source, clock, now + usec / hurry, accuracy / hurry + 1,
                             handler, userdata);
}

static void on_ready(void *userdata)
{
    struct client *client = userdata;

    client->ready++;
}

static void on_datagram(void *userdata, const void *bytes, size_t size,
                        const struct sockaddr_in *from)
{
    struct client *client = userdata;

    assert_true(size <= sizeof(client->bytes));
    assert_int_equal(client->gone, 0);
    client->datagrams++;
    memcpy(client->bytes, bytes, size);
    client->size = size;
    client->from = *from;
}

static void on_gone(void *userdata, int error)
{
    struct client *client = userdata;

    client->gone++;
    client->error = error;
    if (client->free_when_gone)
    {
        client->unexpected = unexpected_free(client->unexpected);
    }
}

static void listen_at_path(struct client *client)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, client->path, sizeof(client->path));
    client->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(client->listener >= 0);
    assert_int_equal(bind(client->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(client->listener, 5), 0);
}

static int set_up(void **state)
{
    struct client *client = calloc(1, sizeof(*client));

    assert_non_null(client);
    assert_true(sd_event_new(&client->event) >= 0);
    strcpy(client->folder, "/tmp/test_unexpected.XXXXXX");
    assert_non_null(mkdtemp(client->folder));
    snprintf(client->path, sizeof(client->path), "%s/unexpected", client->folder);
    client->server = -1;
    listen_at_path(client);
    *state = client;
    return 0;
}

static void close_server(struct client *client)
{
    if (client->server >= 0)
    {
        close(client->server);
    }
    client->server = -1;
}

static int tear_down(void **state)
{
    struct client *client = *state;

    unexpected_free(client->unexpected);
    close_server(client);
    close(client->listener);
    unlink(client->path);
    rmdir(client->folder);
    sd_event_unref(client->event);
    free(client);
    return 0;
}

static int connect_client(struct client *client)
{
    const struct unexpected_sink sink = {client, on_ready, on_datagram, on_gone};

    client->ready = client->datagrams = client->gone = 0;
    client->error = 1;
    return unexpected_new(&client->unexpected, client->event, client->path, &sink);
}

/* As far as the subscription, which every connection sends alike. */
static void start(struct client *client)
{
    static const uint8_t EXPECTED[24] = {1, 0, 0, 0, 0,    0,    0,    0,    0, 0, 0, 0,
                                         0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
    uint8_t bytes[64];

    assert_int_equal(connect_client(client), 0);
    client->server = accept4(client->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(client->server >= 0);
    assert_int_equal(recv(client->server, bytes, sizeof(bytes), MSG_DONTWAIT), sizeof(EXPECTED));
    assert_memory_equal(bytes, EXPECTED, sizeof(EXPECTED));
}

static void stop(struct client *client)
{
    client->unexpected = unexpected_free(client->unexpected);
    close_server(client);
}

/* Until nothing is to be done; a loop without an end is found by its length. */
static void turn(struct client *client)
{
    for (int i = 0; sd_event_run(client->event, 0) > 0; i++)
    {
        assert_true(i < 100000);
    }
}

static void give(struct client *client, const void *bytes, size_t size)
{
    assert_int_equal(send(client->server, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT), size);
}

static void acknowledge(struct client *client)
{
    give(client, "", 1);
    turn(client);
    assert_int_equal(client->ready, 1);
}

/* The head as nmbd on x86-64 writes it, with rubbish in the padding. Returns its size. */
static size_t write_head(uint8_t *ret, uint64_t size, int32_t type, int32_t port)
{
    uint32_t address = inet_addr("10.77.0.3");

    memset(ret, 0xa5, HEAD_SIZE);
    memcpy(ret, &size, 8);
    memcpy(ret + 8, &type, 4);
    memcpy(ret + 24, &address, 4);
    memcpy(ret + 28, &port, 4);
    return HEAD_SIZE;
}

static size_t write_frame(uint8_t *ret, const char *text)
{
    size_t size = strlen(text);

    write_head(ret, size, 1, 138);
    for (size_t i = 0; i < size; i++)
    {
        ret[HEAD_SIZE + i] = (uint8_t)text[i];
    }
    return HEAD_SIZE + size;
}

static void assert_last(struct client *client, const char *text)
{
    assert_int_equal(client->size, strlen(text));
    assert_memory_equal(client->bytes, text, client->size);
    assert_int_equal(client->from.sin_family, AF_INET);
    assert_int_equal(client->from.sin_addr.s_addr, inet_addr("10.77.0.3"));
    assert_int_equal(ntohs(client->from.sin_port), 138);
}

static void test_one_datagram(void **state)
{
    struct client *client = *state;
    uint8_t bytes[256];

    start(client);
    turn(client);
    assert_int_equal(client->ready, 0);
    acknowledge(client);
    give(client, bytes, write_frame(bytes, "datagram"));
    turn(client);
    assert_int_equal(client->datagrams, 1);
    assert_last(client, "datagram");
    assert_int_equal(client->gone, 0);
}

static void test_byte_by_byte(void **state)
{
    struct client *client = *state;
    uint8_t bytes[256] = {0};
    size_t size = 1;

    start(client);
    size += write_frame(bytes + size, "first");
    size += write_frame(bytes + size, "the second");
    for (size_t i = 0; i < size; i++)
    {
        give(client, bytes + i, 1);
        turn(client);
        assert_int_equal(client->datagrams, i + 1 == size ? 2 : i >= HEAD_SIZE + 5 ? 1 : 0);
    }
    assert_last(client, "the second");
    assert_int_equal(client->ready, 1);
    assert_int_equal(client->gone, 0);
}

static void test_all_in_one_piece(void **state)
{
    struct client *client = *state;
    uint8_t bytes[256] = {0};
    size_t size = 1;

    start(client);
    size += write_frame(bytes + size, "first");
    size += write_frame(bytes + size, "the second");
    give(client, bytes, size);
    turn(client);
    assert_int_equal(client->ready, 1);
    assert_int_equal(client->datagrams, 2);
    assert_last(client, "the second");
}

/* Messages of the name service (type 0) were not asked for: they are left out. */
static void test_other_type(void **state)
{
    struct client *client = *state;
    uint8_t bytes[256];

    start(client);
    acknowledge(client);
    (void)write_head(bytes, 3, 0, 137);
    memset(bytes + HEAD_SIZE, 'n', 3);
    give(client, bytes, HEAD_SIZE + 3);
    give(client, bytes, write_frame(bytes, "datagram"));
    turn(client);
    assert_int_equal(client->datagrams, 1);
    assert_last(client, "datagram");
}

/* 0 and 65535 bytes are sizes of datagrams (1.9: an empty one is a packet, too). */
static void test_extreme_sizes(void **state)
{
    struct client *client = *state;
    uint8_t *bytes = malloc(FRAME_SIZE);

    assert_non_null(bytes);
    start(client);
    acknowledge(client);
    give(client, bytes, write_frame(bytes, ""));
    turn(client);
    assert_int_equal(client->datagrams, 1);
    assert_int_equal(client->size, 0);
    (void)write_head(bytes, 65535, 1, 65535);
    memset(bytes + HEAD_SIZE, 'x', 65535);
    bytes[HEAD_SIZE + 65534] = '!';
    give(client, bytes, HEAD_SIZE + 65535);
    turn(client);
    assert_int_equal(client->datagrams, 2);
    assert_int_equal(client->size, 65535);
    assert_int_equal(client->bytes[65534], '!');
    assert_int_equal(ntohs(client->from.sin_port), 65535);
    free(bytes);
}

static void test_nonsense(void **state)
{
    static const struct
    {
        uint64_t size;
        int32_t type, port;
    } HEADS[] = {
        {65536, 1, 138},
        {UINT64_C(1) << 32, 1, 138},
        {UINT64_MAX, 1, 138},
        {INT64_MAX, 1, 138},
        {UINT64_MAX - 31, 1, 138},
        {8, 2, 138},
        {8, -1, 138},
        {8, 1, -1},
        {8, 1, 65536},
        {8, 0x01000000, 138},
    };
    struct client *client = *state;
    uint8_t bytes[256];

    for (size_t i = 0; i < sizeof(HEADS) / sizeof(HEADS[0]); i++)
    {
        start(client);
        acknowledge(client);
        give(client, bytes, write_head(bytes, HEADS[i].size, HEADS[i].type, HEADS[i].port));
        give(client, bytes, write_frame(bytes, "not any more"));
        turn(client);
        assert_int_equal(client->gone, 1);
        assert_int_equal(client->error, -EPROTO);
        assert_int_equal(client->datagrams, 0);
        stop(client);
    }
}

static void test_bad_acknowledgement(void **state)
{
    struct client *client = *state;
    uint8_t bytes[256];

    start(client);
    /* A frame without one: the first byte of its length stands there. */
    give(client, bytes, write_frame(bytes, "datagram"));
    turn(client);
    assert_int_equal(client->gone, 1);
    assert_int_equal(client->error, -EPROTO);
    assert_int_equal(client->ready, 0);
    assert_int_equal(client->datagrams, 0);
}

/* A stopped nmbd accepts connections as the kernel does it, and never answers. */
static void test_no_answer(void **state)
{
    struct client *client = *state;

    hurry = 1000;
    start(client);
    for (int i = 0; !client->gone; i++)
    {
        assert_true(i < 3000);
        assert_true(sd_event_run(client->event, 20000) >= 0);
    }
    assert_int_equal(client->error, -ETIMEDOUT);
    stop(client);
    /* One that has answered may be silent for as long as it likes. */
    start(client);
    acknowledge(client);
    for (int i = 0; i < 3; i++)
    {
        assert_int_equal(sd_event_run(client->event, 20000), 0);
    }
    assert_int_equal(client->gone, 0);
    hurry = 1;
}

static void test_end_everywhere(void **state)
{
    struct client *client = *state;
    uint8_t bytes[256] = {0};
    size_t size = 1 + write_frame(bytes + 1, "datagram");

    for (size_t end = 0; end <= size; end++)
    {
        for (int pieces = 1; pieces <= 2; pieces++)
        {
            start(client);
            if (end)
            {
                give(client, bytes, end);
            }
            if (pieces == 2)
            {
                turn(client);
                assert_int_equal(client->gone, 0);
            }
            close_server(client);
            turn(client);
            assert_int_equal(client->gone, 1);
            assert_int_equal(client->error, 0);
            assert_int_equal(client->ready, end > 0);
            assert_int_equal(client->datagrams, end == size);
            stop(client);
        }
    }
}

/* Killed before it read what we asked for: the kernel resets the connection. */
static void test_reset(void **state)
{
    struct client *client = *state;

    assert_int_equal(connect_client(client), 0);
    close(accept4(client->listener, NULL, NULL, SOCK_CLOEXEC));
    turn(client);
    assert_int_equal(client->gone, 1);
    assert_int_equal(client->error, 0);
}

static void test_freed_in_gone(void **state)
{
    struct client *client = *state;
    uint8_t bytes[256];

    client->free_when_gone = true;
    for (int i = 0; i < 3; i++)
    {
        start(client);
        if (i > 0)
        {
            acknowledge(client);
        }
        if (i == 2)
        {
            give(client, bytes, write_head(bytes, UINT64_MAX, 1, 138));
        }
        else
        {
            close_server(client);
        }
        turn(client);
        assert_int_equal(client->gone, 1);
        assert_null(client->unexpected);
        close_server(client);
    }
}

/* At most 64 datagrams at a wakeup, so that nmbd can not keep the daemon from its other work. */
static void test_flood(void **state)
{
    enum
    {
        N = 500
    };
    struct client *client = *state;
    uint8_t bytes[N * 40];
    size_t size = 0;
    unsigned int before = 0;

    start(client);
    acknowledge(client);
    for (int i = 0; i < N; i++)
    {
        size += write_frame(bytes + size, "flood");
    }
    give(client, bytes, size);
    for (int i = 0; client->datagrams < N; i++)
    {
        assert_true(i < N);
        assert_true(sd_event_run(client->event, 0) > 0);
        assert_true(client->datagrams - before <= 64);
        before = client->datagrams;
    }
    assert_last(client, "flood");
    assert_int_equal(sd_event_run(client->event, 0), 0);
}

static void test_nobody_there(void **state)
{
    struct client *client = *state;

    close(client->listener);
    assert_int_equal(connect_client(client), -ECONNREFUSED);
    unlink(client->path);
    assert_int_equal(connect_client(client), -ENOENT);
    strcpy(client->path, "");
    assert_int_equal(connect_client(client), -ENOENT);
    snprintf(client->path, sizeof(client->path), "%s/unexpected", client->folder);
    listen_at_path(client);
    assert_null(client->unexpected);
}

/* A connection that nobody accepts costs no waiting, and is no answer. */
static void test_not_accepted(void **state)
{
    struct client *client = *state;
    struct unexpected *others[64];
    const struct unexpected_sink sink = {client, on_ready, on_datagram, on_gone};
    size_t n = 0;
    int r = 0;

    while (n < 64 && r == 0)
    {
        r = unexpected_new(&others[n], client->event, client->path, &sink);
        n += r == 0;
    }
    assert_int_equal(r, -EAGAIN);
    turn(client);
    assert_int_equal(client->ready, 0);
    assert_int_equal(client->gone, 0);
    while (n > 0)
    {
        unexpected_free(others[--n]);
    }
}

/* A path that does not fit into an address is refused, not cut. */
static void test_long_path(void **state)
{
    struct client *client = *state;
    const struct unexpected_sink sink = {client, on_ready, on_datagram, on_gone};
    char path[300];
    size_t size;

    size = (size_t)snprintf(path, sizeof(path), "%s/", client->folder);
    while (size < 200)
    {
        size += (size_t)snprintf(path + size, sizeof(path) - size, "./");
    }
    snprintf(path + size, sizeof(path) - size, "unexpected");
    assert_int_equal(unexpected_new(&client->unexpected, client->event, path, &sink),
                     -ENAMETOOLONG);
    assert_null(client->unexpected);
}

static int count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int n = 0;

    assert_non_null(folder);
    while (readdir(folder))
    {
        n++;
    }
    closedir(folder);
    return n;
}

static void test_no_descriptor_is_lost(void **state)
{
    struct client *client = *state;
    int before;

    /* The event loop opens something for its first timer. */
    start(client);
    stop(client);
    before = count_descriptors();
    for (int i = 0; i < 8; i++)
    {
        start(client);
        acknowledge(client);
        stop(client);
    }
    close(client->listener);
    assert_int_equal(connect_client(client), -ECONNREFUSED);
    assert_int_equal(count_descriptors(), before - 1);
    unlink(client->path);
    listen_at_path(client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_datagram),        TEST(test_byte_by_byte),
        TEST(test_all_in_one_piece),    TEST(test_other_type),
        TEST(test_extreme_sizes),       TEST(test_nonsense),
        TEST(test_bad_acknowledgement), TEST(test_no_answer),
        TEST(test_end_everywhere),      TEST(test_reset),
        TEST(test_freed_in_gone),       TEST(test_flood),
        TEST(test_nobody_there),        TEST(test_not_accepted),
        TEST(test_long_path),           TEST(test_no_descriptor_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
