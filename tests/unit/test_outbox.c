/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/outbox: each datagram leaves once, as itself, in its order, and is counted */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/datagram.h"
#include "net/netbios/outbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVERS 12

struct post
{
    struct outbox *outbox;
    struct net_counters counters;
    int from;
    int to[RECEIVERS]; /* one for each way */
    struct datagram_way ways[RECEIVERS];
};

static int setup(void **state)
{
    struct post *post = calloc(1, sizeof(*post));

    assert_non_null(post);
    assert_int_equal(outbox_new(&post->outbox, &post->counters), 0);
    assert_int_equal(datagram_socket_open(&post->from, 0, DATAGRAM_SOCKET_EXCLUSIVE), 0);
    for (size_t i = 0; i < RECEIVERS; i++)
    {
        struct sockaddr_in address = {};
        socklen_t size = sizeof(address);

        assert_int_equal(datagram_socket_open(&post->to[i], 0, DATAGRAM_SOCKET_EXCLUSIVE), 0);
        assert_int_equal(getsockname(post->to[i], (struct sockaddr *)&address, &size), 0);
        post->ways[i] = (struct datagram_way){
            .to = {htonl(INADDR_LOOPBACK)},
            .port = ntohs(address.sin_port),
        };
    }
    *state = post;
    return 0;
}

static int teardown(void **state)
{
    struct post *post = *state;

    for (size_t i = 0; i < RECEIVERS; i++)
    {
        close(post->to[i]);
    }
    close(post->from);
    assert_null(outbox_free(post->outbox));
    free(post);
    return 0;
}

/* A datagram that begins with its number. */
static int put(struct post *post, size_t receiver, uint32_t number, size_t size)
{
    uint8_t bytes[DATAGRAM_SIZE_MAX + 1] = {};

    memcpy(bytes, &number, sizeof(number));
    return outbox_put(post->outbox, post->from, &post->ways[receiver], bytes, size);
}

/* The size of the next one, whose number is this one. */
static size_t take(struct post *post, size_t receiver, uint32_t number)
{
    struct pollfd readable = {.fd = post->to[receiver], .events = POLLIN};
    uint8_t bytes[65536];
    uint32_t got;
    ssize_t size;

    assert_int_equal(poll(&readable, 1, 10000), 1);
    size = recv(post->to[receiver], bytes, sizeof(bytes), MSG_DONTWAIT);
    assert_true(size >= (ssize_t)sizeof(got));
    memcpy(&got, bytes, sizeof(got));
    assert_int_equal(got, number);
    return (size_t)size;
}

static void assert_silent(struct post *post)
{
    char byte;

    for (size_t i = 0; i < RECEIVERS; i++)
    {
        assert_int_equal(recv(post->to[i], &byte, 1, MSG_DONTWAIT), -1);
        assert_int_equal(errno, EAGAIN);
    }
}

static uint64_t counted(const struct post *post, enum net_counter counter)
{
    return post->counters.values[counter];
}

/* A single message does not wait for others. */
static void test_at_once(void **state)
{
    struct post *post = *state;

    assert_int_equal(put(post, 0, 7, 100), 0);
    assert_int_equal(take(post, 0, 7), 100);
    assert_int_equal(counted(post, NET_COUNTER_SENT_DATAGRAMS), 1);
    assert_int_equal(counted(post, NET_COUNTER_SENT_UNICAST), 1);
    assert_silent(post);
}

/* wire.md 2.3: one message is one datagram, also when many are waiting. */
static void test_many_of_a_size(void **state)
{
    struct post *post = *state;
    const uint32_t n = 100;

    outbox_hold(post->outbox);
    outbox_hold(post->outbox);
    for (uint32_t i = 0; i < 3; i++)
    {
        assert_int_equal(put(post, 0, i, 618), 0);
    }
    assert_silent(post);
    for (uint32_t i = 3; i < n; i++)
    {
        assert_int_equal(put(post, 0, i, 618), 0);
    }
    outbox_release(post->outbox);
    for (uint32_t i = 0; i < n; i++)
    {
        assert_int_equal(take(post, 0, i), 618);
    }
    assert_silent(post);
    assert_int_equal(counted(post, NET_COUNTER_SENT_DATAGRAMS), n);
    /* Nothing waits any more. */
    assert_int_equal(put(post, 0, n, 9), 0);
    assert_int_equal(take(post, 0, n), 9);
    outbox_release(post->outbox);
    assert_silent(post);
}

static void test_sizes_and_order(void **state)
{
    static const size_t sizes[] = {200, 200, 100, 100, 100, 300, 4, DATAGRAM_SIZE_MAX, 4, 4, 200};
    const size_t n = sizeof(sizes) / sizeof(*sizes);
    struct post *post = *state;

    outbox_hold(post->outbox);
    for (uint32_t i = 0; i < n; i++)
    {
        assert_int_equal(put(post, 0, i, sizes[i]), 0);
    }
    outbox_release(post->outbox);
    for (uint32_t i = 0; i < n; i++)
    {
        assert_int_equal(take(post, 0, i), sizes[i]);
    }
    assert_silent(post);
}

/* More addresses than there is room for: nothing is lost, and each gets its own in order. */
static void test_many_addresses(void **state)
{
    struct post *post = *state;
    uint32_t number = 0;

    outbox_hold(post->outbox);
    for (uint32_t round = 0; round < 40; round++)
    {
        for (size_t receiver = 0; receiver < RECEIVERS; receiver++)
        {
            assert_int_equal(put(post, receiver, number++, 50), 0);
        }
    }
    outbox_release(post->outbox);
    for (size_t receiver = 0; receiver < RECEIVERS; receiver++)
    {
        for (uint32_t round = 0; round < 40; round++)
        {
            assert_int_equal(take(post, receiver, round * RECEIVERS + (uint32_t)receiver), 50);
        }
    }
    assert_silent(post);
    assert_int_equal(counted(post, NET_COUNTER_SENT_DATAGRAMS), 40 * RECEIVERS);
}

/* What was put in before a flush leaves before what follows, whoever it is for. */
static void test_flush(void **state)
{
    struct post *post = *state;

    outbox_hold(post->outbox);
    assert_int_equal(put(post, 0, 1, 50), 0);
    assert_int_equal(put(post, 0, 2, 50), 0);
    outbox_flush(post->outbox);
    assert_int_equal(take(post, 0, 1), 50);
    assert_int_equal(take(post, 0, 2), 50);
    assert_int_equal(put(post, 1, 3, 50), 0);
    assert_silent(post);
    outbox_release(post->outbox);
    assert_int_equal(take(post, 1, 3), 50);
}

/* What does not fit the room for one is not lost, and overtakes nothing. */
static void test_too_large_to_wait(void **state)
{
    struct post *post = *state;

    outbox_hold(post->outbox);
    assert_int_equal(put(post, 0, 1, 50), 0);
    assert_int_equal(put(post, 0, 2, DATAGRAM_SIZE_MAX + 1), 0);
    assert_int_equal(take(post, 0, 1), 50);
    assert_int_equal(take(post, 0, 2), DATAGRAM_SIZE_MAX + 1);
    outbox_release(post->outbox);
    assert_silent(post);
}

/* wire.md 1.9: what the kernel refuses is counted, each of them; others are not held up. */
static void test_refused(void **state)
{
    struct post *post = *state;

    /* No address of this host. */
    post->ways[1].from.s_addr = inet_addr("192.0.2.1");
    assert_true(put(post, 1, 0, 50) < 0);
    assert_int_equal(counted(post, NET_COUNTER_SEND_FAILED), 1);
    outbox_hold(post->outbox);
    for (uint32_t i = 0; i < 5; i++)
    {
        assert_int_equal(put(post, 1, i, 50), 0);
        assert_int_equal(put(post, 0, i, 50), 0);
    }
    outbox_release(post->outbox);
    for (uint32_t i = 0; i < 5; i++)
    {
        assert_int_equal(take(post, 0, i), 50);
    }
    assert_silent(post);
    assert_int_equal(counted(post, NET_COUNTER_SEND_FAILED), 6);
    assert_int_equal(counted(post, NET_COUNTER_SENT_DATAGRAMS), 5);
}

/* Only those to one address are counted as such. */
static void test_broadcast_is_no_unicast(void **state)
{
    struct post *post = *state;

    post->ways[0].broadcast = true;
    outbox_hold(post->outbox);
    assert_int_equal(put(post, 0, 1, 50), 0);
    assert_int_equal(put(post, 0, 2, 50), 0);
    outbox_release(post->outbox);
    assert_int_equal(counted(post, NET_COUNTER_SENT_DATAGRAMS), 2);
    assert_int_equal(counted(post, NET_COUNTER_SENT_UNICAST), 0);
}

/* The last piece may be shorter. */
static void test_cut(void **state)
{
    struct post *post = *state;
    uint8_t bytes[300] = {};

    assert_true(datagram_socket_can_cut(post->from));
    for (uint32_t i = 0; i < 3; i++)
    {
        memcpy(bytes + i * 120, &i, sizeof(i));
    }
    assert_int_equal(datagram_socket_send_cut(post->from, &post->ways[0], bytes, 300, 120), 0);
    assert_int_equal(take(post, 0, 0), 120);
    assert_int_equal(take(post, 0, 1), 120);
    assert_int_equal(take(post, 0, 2), 60);
    assert_silent(post);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_of_a_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes_and_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flush, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_large_to_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broadcast_is_no_unicast, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
    };

    return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
