/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of net: receiving, duplicates, rates, what the sink answers (D9; issue 4, section 4) */

#include "net_host_support.h"

#include "net/netbios/datagram.h"
#include "net/netbios/transaction.h"
#include "net/source_rate.h"

static size_t make_datagram(uint8_t *bytes, uint16_t id)
{
    struct transaction t = {"x", 1, (const uint8_t *)"m", 1};
    struct datagram d = {.type = DATAGRAM_BROADCAST, .id = id};
    uint8_t smb[TRANSACTION_SIZE_MAX];

    d.source = d.destination = netbios_name_wildcard();
    d.user_data = smb;
    assert_int_equal(transaction_write(&t, smb, &d.user_data_size), TRANSACTION_OK);
    return datagram_write(&d, &no_scope, bytes);
}

static int connect_to(uint32_t from, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(from)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_return_code(bind(fd, (struct sockaddr *)&a, sizeof(a)), errno);
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_return_code(connect(fd, (struct sockaddr *)&a, sizeof(a)), errno);
    return fd;
}

/* D9: the second copy is dropped; a broken datagram with the id of a good one does not harm it. */
static void test_duplicates(void **state)
{
    uint8_t bytes[DATAGRAM_SIZE_MAX];
    size_t size = make_datagram(bytes, 0x7777);
    struct host a;
    int one, two;

    (void)state;
    host_start(&a, "hosta", LOOPBACK, 0);
    one = connect_to(0x7f000005, a.port);
    two = connect_to(0x7f000006, a.port);
    assert_int_equal(send(one, bytes, size - 1, 0), size - 1);
    assert_int_equal(send(one, bytes, size, 0), size);
    assert_int_equal(send(one, bytes, size, 0), size);
    assert_int_equal(send(two, bytes, size, 0), size);
    host_run(&a);
    assert_int_equal(a.delivered, 2);
    assert_string_equal(a.source_name, "*");
    assert_int_equal(counter(&a, NET_COUNTER_DROP_DUPLICATE), 1);
    assert_int_equal(counter(&a, NET_COUNTER_DROP_DATA_BOUND), 1);
    assert_int_equal(counter(&a, NET_COUNTER_DELIVERED), 2);
    close(one);
    close(two);
    host_stop(&a);
}

/*
 * Issue 4, section 4: the rate is one of messages. Beside nmbd a broadcast comes up to three times
 * (wire.md 2.6: from the own socket, and twice from nmbd), and counts once.
 */
static void test_rate_of_copies(void **state)
{
    uint8_t bytes[DATAGRAM_SIZE_MAX];
    const uint32_t burst = 2 * SOURCE_RATE_BURST_SECONDS;
    struct host a;
    int fd;

    (void)state;
    source_rate = 2;
    host_start(&a, "hosta", LOOPBACK, 0);
    source_rate = 0;
    fd = connect_to(0x7f000005, a.port);
    for (uint16_t id = 0; id < burst * 2; id++)
    {
        size_t size = make_datagram(bytes, id);

        for (int copy = 0; copy < 3; copy++)
        {
            assert_int_equal(send(fd, bytes, size, 0), size);
        }
    }
    host_run(&a);
    /* A slow machine may let the bucket fill a little. */
    assert_true(counter(&a, NET_COUNTER_DELIVERED) >= burst);
    assert_int_equal(counter(&a, NET_COUNTER_DROP_DUPLICATE), burst * 2 * 2);
    assert_int_equal(counter(&a, NET_COUNTER_DROP_RATE) + counter(&a, NET_COUNTER_DELIVERED),
                     burst * 2);
    assert_true(counter(&a, NET_COUNTER_DROP_RATE) > 0);
    close(fd);
    host_stop(&a);
}

/* A flood does not keep the loop from its other work; an empty datagram is one packet, not the end.
 */
static void test_batches(void **state)
{
    uint8_t bytes[DATAGRAM_SIZE_MAX];
    struct host a;
    int fd;

    (void)state;
    host_start(&a, "hosta", LOOPBACK, 0);
    fd = connect_to(0x7f000005, a.port);
    assert_int_equal(send(fd, bytes, 0, 0), 0);
    for (uint16_t id = 0; id < 129; id++)
    {
        size_t size = make_datagram(bytes, id);

        assert_int_equal(send(fd, bytes, size, 0), size);
    }
    assert_int_equal(host_run(&a), 3);
    assert_int_equal(a.delivered, 129);
    assert_int_equal(counter(&a, NET_COUNTER_DROP_SHORT), 1);
    close(fd);
    host_stop(&a);
}

/* Told to use one interface only, we do not listen on the others. */
static void test_other_interface(void **state)
{
    uint8_t bytes[DATAGRAM_SIZE_MAX];
    size_t size = make_datagram(bytes, 1);
    struct host a;
    int fd;

    (void)state;
    host_start(&a, "hosta", NOWHERE, 0);
    fd = connect_to(0x7f000005, a.port);
    assert_int_equal(send(fd, bytes, size, 0), size);
    host_run(&a);
    assert_int_equal(a.delivered, 0);
    assert_int_equal(counter(&a, NET_COUNTER_DROP_INTERFACE), 1);
    close(fd);
    host_stop(&a);
}

/* Each answer of the sink has its counter. */
static void test_answers(void **state)
{
    static const struct
    {
        int answer;
        enum net_counter counter;
    } rows[] = {
        {NET_DELIVER_NO_SLOT, NET_COUNTER_DROP_NO_SLOT},
        {NET_DELIVER_FULL, NET_COUNTER_DROP_FULL},
        {NET_DELIVER_TOO_LARGE, NET_COUNTER_DROP_TOO_LARGE},
        {NET_DELIVER_DENIED, NET_COUNTER_DROP_DENIED},
        {-ENOMEM, NET_COUNTER_DROP_FAILED},
    };
    uint8_t bytes[DATAGRAM_SIZE_MAX];
    struct host a;
    int fd;

    (void)state;
    host_start(&a, "hosta", LOOPBACK, 0);
    fd = connect_to(0x7f000005, a.port);
    for (uint16_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        size_t size = make_datagram(bytes, i);

        a.answer = rows[i].answer;
        assert_int_equal(send(fd, bytes, size, 0), size);
        host_run(&a);
        assert_int_equal(counter(&a, rows[i].counter), 1);
    }
    assert_int_equal(counter(&a, NET_COUNTER_DELIVERED), 0);
    close(fd);
    host_stop(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duplicates), cmocka_unit_test(test_rate_of_copies),
        cmocka_unit_test(test_batches),    cmocka_unit_test(test_other_interface),
        cmocka_unit_test(test_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
