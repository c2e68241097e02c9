/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/unexpected: connections that fail, end, or are never answered (wire.md 2.6) */

#include "unexpected_support.h"

#include <dirent.h>
#include <errno.h>
#include <time.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_answer),     TEST(test_end_everywhere),        TEST(test_reset),
        TEST(test_freed_in_gone), TEST(test_nobody_there),          TEST(test_not_accepted),
        TEST(test_long_path),     TEST(test_no_descriptor_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
