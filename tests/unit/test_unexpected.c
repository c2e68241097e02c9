/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/unexpected against a false nmbd: frames (wire.md 2.6, client protocol; 1.9) */

#include "unexpected_support.h"

#include <errno.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_datagram),        TEST(test_byte_by_byte),  TEST(test_all_in_one_piece),
        TEST(test_other_type),          TEST(test_extreme_sizes), TEST(test_nonsense),
        TEST(test_bad_acknowledgement), TEST(test_flood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
