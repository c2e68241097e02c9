/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of net: sending, own copies, states (Q2-Q4, Q6, Z1, Z2, D5, D9, D10, N20) */

#include "net_host_support.h"

#include "net/netbios/datagram.h"

#include <dirent.h>

static int send_message(struct host *host, const char *target, const char *slot, const void *data,
                        size_t size)
{
    struct net_request request = {
        .target = target, .slot = slot, .slot_size = strlen(slot), .data = data, .size = size};
    int result = -1;

    assert_int_equal(net_send(host->net, &request, on_done, &result), 0);
    return result;
}

static void skip_without_loopback(struct host *host)
{
    static struct net_status status;

    net_status(host->net, &status);
    if (status.n_interfaces == 0)
    {
        print_message("skipped: no loopback interface here\n");
        host_stop(host);
        skip();
    }
}

/* D10, N16, N17: another host gets one copy from the network, the own slot exactly one directly. */
static void test_group(void **state)
{
    static const char *const targets[] = {"*", "LabGrp"};
    struct host a, b;

    (void)state;
    host_start(&b, "hostb", LOOPBACK, 0);
    host_start(&a, "hosta", LOOPBACK, b.port);
    skip_without_loopback(&a);
    for (unsigned int i = 0; i < 2; i++)
    {
        assert_int_equal(send_message(&a, targets[i], "dir\\caf\xc3\xa9", "hello", 6), NET_OK);
        host_run(&b);
        host_run(&a);
        assert_int_equal(a.delivered, i + 1);
        assert_int_equal(b.delivered, i + 1);
        assert_false(a.from_network);
        assert_int_equal(a.source.s_addr, 0);
        assert_true(b.from_network);
        assert_int_equal(b.source.s_addr, htonl(INADDR_LOOPBACK));
        assert_string_equal(a.source_name, "HOSTA");
        assert_string_equal(b.source_name, "HOSTA");
        assert_string_equal(a.slot, "dir\\caf\xc3\xa9");
        assert_string_equal(b.slot, "dir\\caf\xc3\xa9");
        assert_int_equal(b.size, 6);
        assert_string_equal(b.data, "hello");
    }
    assert_int_equal(counter(&a, NET_COUNTER_SENT_DATAGRAMS), 2);
    assert_int_equal(counter(&a, NET_COUNTER_LOCAL_DELIVERED), 2);
    assert_int_equal(counter(&b, NET_COUNTER_DELIVERED), 2);
    host_stop(&a);
    host_stop(&b);
}

/* D9, D10: our own broadcast comes back to our own socket and is dropped. */
static void test_own_copy(void **state)
{
    struct host a;

    (void)state;
    host_start(&a, "hosta", LOOPBACK, 0);
    skip_without_loopback(&a);
    for (int i = 0; i < 20; i++)
    {
        assert_int_equal(send_message(&a, "*", "x", "", 0), NET_OK);
    }
    host_run(&a);
    assert_int_equal(a.delivered, 20);
    assert_int_equal(counter(&a, NET_COUNTER_DROP_OWN_COPY), 20);
    assert_int_equal(counter(&a, NET_COUNTER_DELIVERED), 0);
    host_stop(&a);
}

/* D5: type 0x11, flags F and B node; SOURCE_IP and port are the interface's and the socket's. */
static void test_bytes(void **state)
{
    struct sockaddr_in from;
    struct datagram first, d;
    uint8_t bytes[1024];
    socklen_t from_size = sizeof(from);
    uint16_t port;
    struct host a;
    ssize_t size;
    int fd;

    (void)state;
    fd = bind_any(&port);
    host_start(&a, "hosta", LOOPBACK, port);
    skip_without_loopback(&a);
    assert_int_equal(send_message(&a, "*", "x", "1", 1), NET_OK);
    assert_int_equal(send_message(&a, "*", "x", "2", 1), NET_OK);
    size = recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&from, &from_size);
    assert_true(size > 0);
    assert_memory_equal(bytes, "\x11\x02", 2);
    assert_int_equal(ntohs(from.sin_port), a.port);
    assert_int_equal(datagram_read(bytes, (size_t)size, &no_scope, &first), DATAGRAM_OK);
    assert_int_equal(first.source_ip.s_addr, htonl(INADDR_LOOPBACK));
    assert_int_equal(first.source_port, a.port);
    assert_memory_equal(first.source.bytes, "HOSTA          ", 16);
    assert_memory_equal(first.destination.bytes, "LABGRP         ", 16);
    size = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    assert_true(size > 0);
    assert_int_equal(datagram_read(bytes, (size_t)size, &no_scope, &d), DATAGRAM_OK);
    assert_int_equal(d.id, (uint16_t)(first.id + 1));
    close(fd);
    host_stop(&a);
}

/* N15, Q6: one's own name is local; Q3: others can not be resolved yet. */
static void test_targets(void **state)
{
    struct net_request unknown = {
        .target = "HOSTB", .slot = "x", .slot_size = 1, .data = "m", .size = 1};
    struct host a;
    int result = -1;

    (void)state;
    host_start(&a, "hosta", LOOPBACK, 0);
    assert_int_equal(send_message(&a, "HOSTA", "x", "m", 1), NET_OK);
    assert_int_equal(a.delivered, 1);
    /* Q3: asked for first, then refused. */
    assert_int_equal(net_send(a.net, &unknown, on_done, &result), 0);
    assert_int_equal(result, -1);
    while (result == -1)
    {
        assert_return_code(sd_event_run(a.event, 5000000), 0);
    }
    assert_int_equal(result, NET_UNRESOLVED);
    assert_int_equal(counter(&a, NET_COUNTER_QUERIES_FAILED), 1);
    assert_int_equal(send_message(&a, "", "x", "m", 1), NET_BAD_TARGET);
    assert_int_equal(send_message(&a, "*", "", "m", 1), NET_BAD_SLOT);
    assert_int_equal(send_message(&a, "*", "\xd0\x9f", "m", 1), NET_NOT_REPRESENTABLE);
    assert_int_equal(send_message(&a, "*", "\xed\xa0\x80", "m", 1), NET_NOT_REPRESENTABLE);
    assert_int_equal(a.delivered, 1);
    assert_int_equal(counter(&a, NET_COUNTER_SEND_REFUSED), 5);
    assert_int_equal(counter(&a, NET_COUNTER_SENT_DATAGRAMS), 0);
    host_stop(&a);
}

/* Q4, Z1, Z2, Z4: refused as a whole, the own slot gets nothing either. */
static void test_sizes(void **state)
{
    static const struct
    {
        const char *slot;
        size_t size;
        int result;
    } rows[] = {
        {"abcd", 424, NET_OK},
        {"abcd", 425, NET_TOO_LARGE},
        {"abcd", 428, NET_TOO_LARGE},
        {"abcdefgh", 424, NET_OK},
        {"abcdefghi", 420, NET_OK},
        {"abcdefghi", 421, NET_FRAME_TOO_LARGE},
        {"abcdefghi", 425, NET_TOO_LARGE},
        {"caf\xc3\xa9mail", 424, NET_OK}, /* eight characters, nine bytes of UTF-8 */
        {"a", 65536, NET_TOO_LARGE},
    };
    static char data[65536], slot[2000];
    struct host a;

    (void)state;
    host_start(&a, "hosta", LOOPBACK, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        unsigned int before = a.delivered;

        assert_int_equal(send_message(&a, "*", rows[i].slot, data, rows[i].size), rows[i].result);
        assert_int_equal(a.delivered - before, rows[i].result == NET_OK);
        before = a.delivered;
        assert_int_equal(send_message(&a, "HOSTA", rows[i].slot, data, rows[i].size),
                         rows[i].result);
        assert_int_equal(a.delivered - before, rows[i].result == NET_OK);
    }
    memset(slot, 's', sizeof(slot) - 1);
    assert_int_equal(send_message(&a, "*", slot, data, 0), NET_FRAME_TOO_LARGE);
    assert_int_equal(send_message(&a, "*", slot, data, 425), NET_TOO_LARGE);
    host_stop(&a);
}

/* Q2: no interface is a normal state; the send succeeds, the own slot gets its copy. */
static void test_nowhere(void **state)
{
    static struct net_status status;
    struct host a;

    (void)state;
    host_start(&a, "hosta", NOWHERE, 0);
    assert_int_equal(send_message(&a, "*", "x", "m", 1), NET_OK);
    assert_int_equal(a.delivered, 1);
    net_status(a.net, &status);
    assert_int_equal(status.state, NET_STATE_OWN_SOCKETS);
    assert_int_equal(status.n_interfaces, 0);
    assert_int_equal(status.counters.values[NET_COUNTER_SENT_NOWHERE], 1);
    /* Q2 again: nobody has the slot, here or there. */
    a.answer = NET_DELIVER_NO_SLOT;
    assert_int_equal(send_message(&a, "*", "y", "m", 1), NET_OK);
    assert_int_equal(counter(&a, NET_COUNTER_LOCAL_UNDELIVERED), 1);
    host_stop(&a);
}

/* A port in use is not fatal: local only, with a reason and a command. */
static void test_port_in_use(void **state)
{
    static struct net_status status;
    struct net_config config = NET_CONFIG_DEFAULT;
    struct host a = {};
    struct net_sink sink = {.userdata = &a, .deliver = on_deliver};
    int fd;

    (void)state;
    assert_int_equal(sd_event_new(&a.event), 0);
    fd = bind_any(&config.datagram_port);
    config.no_name_service = true;
    config.nmbd_socket = "";
    assert_int_equal(net_new(&a.net, a.event, &config, &sink, NULL), 0);
    net_status(a.net, &status);
    assert_int_equal(status.state, NET_STATE_LOCAL_ONLY);
    assert_int_equal(status.error, EADDRINUSE);
    assert_non_null(strstr(status.reason, "in use"));
    assert_non_null(strstr(status.fix, "ss -ulpn"));
    assert_string_equal(status.workgroup, "WORKGROUP");
    assert_int_equal(send_message(&a, "*", "x", "m", 1), NET_OK);
    assert_int_equal(a.delivered, 1);
    assert_int_equal(counter(&a, NET_COUNTER_SENT_NOWHERE), 1);
    assert_int_equal(counter(&a, NET_COUNTER_SENT_DATAGRAMS), 0);
    close(fd);
    host_stop(&a);
}

static void test_settings(void **state)
{
    static const char *const bad_name = "A#xyz";
    struct net_sink sink = {.deliver = on_deliver};
    struct net_config config = NET_CONFIG_DEFAULT;
    const char *invalid = NULL;
    struct net *net = NULL;
    sd_event *event;
    int pair[2];

    (void)state;
    assert_int_equal(sd_event_new(&event), 0);
    config.computer = "sixteen-letters!";
    assert_int_equal(net_new(&net, event, &config, &sink, &invalid), -EINVAL);
    assert_string_equal(invalid, "computer_name");
    config.computer = NULL;
    config.workgroup = "*";
    assert_int_equal(net_new(&net, event, &config, &sink, &invalid), -EINVAL);
    assert_string_equal(invalid, "workgroup");
    config.workgroup = NULL;
    config.names = &bad_name;
    config.n_names = 1;
    assert_int_equal(net_new(&net, event, &config, &sink, &invalid), -EINVAL);
    assert_string_equal(invalid, "names");
    config.n_names = 0;
    config.codepage = "NO-SUCH";
    assert_int_equal(net_new(&net, event, &config, &sink, &invalid), -EINVAL);
    assert_string_equal(invalid, "codepage");
    config.codepage = NULL;
    assert_return_code(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), errno);
    config.datagram_fd = pair[0];
    assert_int_equal(net_new(&net, event, &config, &sink, &invalid), -EINVAL);
    assert_string_equal(invalid, "datagram_fd");
    assert_null(net);
    /* On failure the descriptor is still the caller's. */
    assert_return_code(close(pair[0]), errno);
    close(pair[1]);
    sd_event_unref(event);
    assert_null(net_free(NULL));
}

static void test_counter_names(void **state)
{
    (void)state;
    for (int i = 0; i < NET_COUNTER_COUNT; i++)
    {
        assert_non_null(net_counter_name(i));
        for (int j = 0; j < i; j++)
        {
            assert_string_not_equal(net_counter_name(i), net_counter_name(j));
        }
    }
}

static size_t count_fds(void)
{
    DIR *directory = opendir("/proc/self/fd");
    size_t n = 0;

    assert_non_null(directory);
    while (readdir(directory))
    {
        n++;
    }
    closedir(directory);
    return n;
}

static void test_no_fd_leak(void **state)
{
    size_t before = count_fds();
    struct host a;

    (void)state;
    host_start(&a, "hosta", LOOPBACK, 0);
    assert_int_equal(send_message(&a, "*", "x", "m", 1), NET_OK);
    host_stop(&a);
    assert_int_equal(count_fds(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group),       cmocka_unit_test(test_own_copy),
        cmocka_unit_test(test_bytes),       cmocka_unit_test(test_targets),
        cmocka_unit_test(test_sizes),       cmocka_unit_test(test_nowhere),
        cmocka_unit_test(test_port_in_use),

        cmocka_unit_test(test_settings),    cmocka_unit_test(test_counter_names),
        cmocka_unit_test(test_no_fd_leak),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
