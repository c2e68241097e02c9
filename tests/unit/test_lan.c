/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/lan without nmbd: own sockets, inherited ones, local only (wire.md 1.9, 2.6) */

#include "lan_support.h"

/* Without nmbd: both ports are ours, and what arrives is handed on as it is (1.9: 0 bytes, too). */
static void test_own(void **state)
{
    struct host *host = *state;
    struct explanation e;

    start(host);
    assert_change(host, 0, NET_STATE_LOCAL_ONLY, NET_STATE_OWN_SOCKETS, true);
    assert_int_equal(lan_datagram_port(host->lan), host->config.datagram_port);
    e = explain(host->lan);
    assert_int_equal(e.error, 0);
    assert_null(e.reason);
    assert_null(e.fix);
    assert_null(e.name_reason);

    send_to("127.0.0.1", host->config.datagram_port, "unicast");
    assert_datagram(host, 1, "unicast");
    assert_int_equal(host->arrival.interface_index, if_nametoindex("lo"));
    assert_int_equal(host->arrival.from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    assert_false(host->arrival.truncated);
    send_to("127.255.255.255", host->config.datagram_port, "broadcast");
    assert_datagram(host, 2, "broadcast");
    send_to("127.0.0.1", host->config.datagram_port, "");
    assert_datagram(host, 3, "");
    send_to("127.0.0.1", host->config.name_port, "question");
    turn(host);
    assert_int_equal(host->n_name_messages, 1);
    assert_string_equal(host->last, "question");
    assert_int_equal(host->n_datagrams, 3);
    assert_int_equal(host->n_history, 1);
}

/* Which port things leave from, and that answers to the port for questions arrive. */
static void test_sending(void **state)
{
    struct host *host = *state;
    const struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
    const struct interface lo = {
        .name = "lo",
        .index = if_nametoindex("lo"),
        .address = loopback,
        .broadcast.s_addr = inet_addr("127.255.255.255"),
    };
    struct sockaddr_in address = {};
    socklen_t address_size = sizeof(address);
    uint16_t port, from;
    char bytes[16];
    int peer;

    assert_int_equal(datagram_socket_open(&peer, 0, DATAGRAM_SOCKET_EXCLUSIVE), 0);
    assert_int_equal(getsockname(peer, (struct sockaddr *)&address, &address_size), 0);
    port = ntohs(address.sin_port);
    start(host);
    assert_int_equal(lan_send(host->lan, loopback, port, "1", 1), 0);
    assert_int_equal(receive(peer, bytes, sizeof(bytes), &from), 1);
    assert_int_equal(from, host->config.datagram_port);
    assert_int_equal(lan_broadcast(host->lan, &lo, port, "22", 2), 0);
    assert_int_equal(receive(peer, bytes, sizeof(bytes), &from), 2);
    assert_int_equal(from, host->config.datagram_port);
    assert_int_equal(lan_send_name(host->lan, NULL, loopback, port, false, "333", 3), 0);
    assert_int_equal(receive(peer, bytes, sizeof(bytes), &from), 3);
    assert_int_equal(from, host->config.name_port);
    assert_int_equal(lan_send_name(host->lan, &lo, loopback, port, false, "4444", 4), 0);
    assert_int_equal(receive(peer, bytes, sizeof(bytes), &from), 4);
    assert_int_equal(from, host->config.name_port);
    assert_int_equal(lan_send_name(host->lan, &lo, loopback, port, true, "55555", 5), 0);
    assert_int_equal(receive(peer, bytes, sizeof(bytes), &from), 5);
    assert_true(from != host->config.name_port && from != host->config.datagram_port);
    address.sin_addr = loopback;
    address.sin_port = htons(from);
    assert_int_equal(sendto(peer, "answer", 6, 0, (struct sockaddr *)&address, sizeof(address)), 6);
    turn(host);
    assert_int_equal(host->n_name_messages, 1);
    assert_string_equal(host->last, "answer");
    assert_int_equal(ntohs(host->arrival.from.sin_port), port);
    close(peer);
}

/* A second mailslotd: says why, sends nothing, and takes over when the first has gone. */
static void test_second_is_local_only(void **state)
{
    struct host *host = *state;
    struct lan *first;
    const struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
    const struct interface lo = {.index = if_nametoindex("lo"), .address = loopback};
    struct explanation e;
    char port[16];

    start(host);
    first = host->lan;
    host->n_history = 0;
    start(host);
    assert_change(host, 0, NET_STATE_LOCAL_ONLY, NET_STATE_LOCAL_ONLY, false);
    e = explain(host->lan);
    assert_int_equal(e.error, EADDRINUSE);
    assert_non_null(strstr(e.reason, "in use"));
    snprintf(port, sizeof(port), "%u", host->config.datagram_port);
    assert_non_null(strstr(e.reason, port));
    assert_non_null(strstr(e.fix, "ss -ulpn"));
    assert_string_equal(e.name_reason, e.reason);
    assert_int_equal(lan_send(host->lan, loopback, 1, "x", 1), -ENOTCONN);
    assert_int_equal(lan_broadcast(host->lan, &lo, 1, "x", 1), -ENOTCONN);
    assert_int_equal(lan_send_name(host->lan, NULL, loopback, 1, true, "x", 1), -ENOTCONN);
    assert_int_equal(lan_datagram_port(host->lan), host->config.datagram_port);
    lan_free(first);
    wait_for_changes(host, 2);
    assert_change(host, 1, NET_STATE_LOCAL_ONLY, NET_STATE_OWN_SOCKETS, true);
}

/* Port 138 is free, 137 is not: messages go, names wait until it is. */
static void test_name_port_in_use(void **state)
{
    struct host *host = *state;
    int foreign;

    assert_int_equal(
        datagram_socket_open(&foreign, host->config.name_port, DATAGRAM_SOCKET_EXCLUSIVE), 0);
    start(host);
    assert_change(host, 0, NET_STATE_LOCAL_ONLY, NET_STATE_OWN_SOCKETS, false);
    assert_null(explain(host->lan).reason);
    assert_non_null(strstr(explain(host->lan).name_reason, "in use"));
    send_to("127.0.0.1", host->config.datagram_port, "unicast");
    assert_datagram(host, 1, "unicast");
    close(foreign);
    wait_for_changes(host, 2);
    assert_change(host, 1, NET_STATE_OWN_SOCKETS, NET_STATE_OWN_SOCKETS, true);
}

/* The same without permission: only seen where low ports are forbidden. */
static void test_name_port_forbidden(void **state)
{
    struct host *host = *state;
    bool was_root = geteuid() == 0;
    int fd, r;

    host->config.name_port = 1; /* tcpmux: nobody's */
    if (was_root)
    {
        assert_int_equal(seteuid(65534), 0);
    }
    r = datagram_socket_open(&fd, 1, DATAGRAM_SOCKET_EXCLUSIVE);
    if (r == -EACCES)
    {
        start(host);
    }
    if (was_root)
    {
        assert_int_equal(seteuid(0), 0);
    }
    if (r != -EACCES)
    {
        if (r == 0)
        {
            close(fd);
        }
        skip();
    }
    assert_change(host, 0, NET_STATE_LOCAL_ONLY, NET_STATE_OWN_SOCKETS, false);
    assert_string_equal(explain(host->lan).name_reason, "no permission to use UDP port 1");
}

static int open_inherited(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void test_inherited(void **state)
{
    struct host *host = *state;
    uint16_t datagram_port, name_port;

    host->config.datagram_fd = open_inherited(&datagram_port);
    host->config.name_fd = open_inherited(&name_port);
    start(host);
    assert_change(host, 0, NET_STATE_LOCAL_ONLY, NET_STATE_OWN_SOCKETS, true);
    assert_int_equal(lan_datagram_port(host->lan), datagram_port);
    send_to("127.0.0.1", datagram_port, "unicast");
    assert_datagram(host, 1, "unicast");
    send_to("127.0.0.1", name_port, "question");
    turn(host);
    assert_int_equal(host->n_name_messages, 1);
    /* Beside nmbd an inherited port 137 stays open, and what it hears is nobody's. */
    nmbd_listen(host);
    nmbd_accept(host);
    wait_for_changes(host, 2);
    assert_change(host, 1, NET_STATE_OWN_SOCKETS, NET_STATE_BESIDE_NMBD, false);
    send_to("127.0.0.1", name_port, "not ours");
    turn(host);
    assert_int_equal(host->n_name_messages, 1);
    nmbd_stop(host);
    wait_for_changes(host, 3);
    assert_change(host, 2, NET_STATE_BESIDE_NMBD, NET_STATE_OWN_SOCKETS, true);
    send_to("127.0.0.1", name_port, "ours again");
    turn(host);
    assert_int_equal(host->n_name_messages, 2);
    /* The ones of the configuration were never opened. */
    assert_port_closed(host->config.datagram_port);
    assert_port_closed(host->config.name_port);
}

/* How many instructions of a filter the kernel runs for each datagram; 0: there is no filter. */
static socklen_t filter_length(int fd)
{
    socklen_t length = 0;

    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &length), 0);
    return length;
}

/*
 * A socket that the service manager holds, too, keeps no filter of ours when another net gets it
 * (reload) or nobody: the next one may stand beside nmbd, whose broadcasts it must hear (2.6).
 */
static void test_inherited_filter(void **state)
{
    struct host *host = *state;
    uint16_t port;
    int held;

    host->config.datagram_fd = open_inherited(&port);
    held = dup(host->config.datagram_fd);
    assert_int_equal(filter_length(held), 0);
    start(host);
    assert_change(host, 0, NET_STATE_LOCAL_ONLY, NET_STATE_OWN_SOCKETS, true);
    assert_true(filter_length(held) > 0);
    /* Beside nmbd it is taken off at once, and put back when nmbd has gone. */
    nmbd_listen(host);
    nmbd_accept(host);
    wait_for_changes(host, 2);
    assert_change(host, 1, NET_STATE_OWN_SOCKETS, NET_STATE_BESIDE_NMBD, false);
    assert_int_equal(filter_length(held), 0);
    nmbd_stop(host);
    wait_for_changes(host, 3);
    assert_change(host, 2, NET_STATE_BESIDE_NMBD, NET_STATE_OWN_SOCKETS, true);
    assert_true(filter_length(held) > 0);
    host->lan = lan_free(host->lan);
    assert_int_equal(filter_length(held), 0);
    /* The next one gets the same socket, and switches the network off. */
    host->config.datagram_fd = held;
    host->config.disabled = true;
    held = dup(held);
    host->n_history = 0;
    start(host);
    assert_int_equal(filter_length(held), 0);
    close(held);
}

static void test_bad_inherited(void **state)
{
    struct host *host = *state;
    int good, bad = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint16_t port;

    good = open_inherited(&port);
    host->config.datagram_fd = bad;
    assert_int_equal(new_lan(host, &host->lan, &host->config), -EINVAL);
    assert_string_equal(host->invalid, "datagram_fd");
    host->config.datagram_fd = good;
    host->config.name_fd = bad;
    assert_int_equal(new_lan(host, &host->lan, &host->config), -EINVAL);
    assert_string_equal(host->invalid, "name_fd");
    assert_null(host->lan);
    /* Both stayed the caller's. */
    assert_int_equal(close(good), 0);
    assert_int_equal(close(bad), 0);
}

static void test_disabled(void **state)
{
    struct host *host = *state;
    struct explanation e;

    host->config.disabled = true;
    nmbd_listen(host);
    start(host);
    assert_change(host, 0, NET_STATE_LOCAL_ONLY, NET_STATE_LOCAL_ONLY, false);
    e = explain(host->lan);
    assert_int_equal(e.error, 0);
    assert_string_equal(e.reason, "the network is switched off");
    assert_null(e.fix);
    assert_port_closed(host->config.datagram_port);
    assert_port_closed(host->config.name_port);
    assert_int_equal(accept4(host->listener, NULL, NULL, SOCK_CLOEXEC), -1);
}

/* A flood: the loop gets its turn after 64 of them, and each is handed on. */
static void test_batches(void **state)
{
    struct host *host = *state;
    unsigned int before;

    start(host);
    for (int i = 0; i < 100; i++)
    {
        send_to("127.0.0.1", host->config.datagram_port, "flood");
    }
    do
    {
        before = host->n_datagrams;
        assert_true(sd_event_run(host->event, 0) > 0);
        assert_true(host->n_datagrams - before <= 64);
    } while (host->n_datagrams < 100);
    turn(host);
    assert_int_equal(host->n_datagrams, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_own),
        TEST(test_sending),
        TEST(test_second_is_local_only),
        TEST(test_name_port_in_use),
        TEST(test_name_port_forbidden),
        TEST(test_inherited),
        TEST(test_inherited_filter),
        TEST(test_bad_inherited),
        TEST(test_disabled),
        TEST(test_batches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
