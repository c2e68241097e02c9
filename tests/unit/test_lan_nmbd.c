/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/lan beside a false nmbd (issue 4 section 3, wire.md 2.6) */

#include "lan_support.h"

/* Ports with SO_REUSEADDR alone are no nmbd: nothing is shared without its socket. */
static void test_ports_without_nmbd(void **state)
{
    struct host *host = *state;

    nmbd_bind(host);
    start(host);
    assert_change(host, 0, NET_STATE_LOCAL_ONLY, NET_STATE_LOCAL_ONLY, false);
    assert_int_equal(explain(host->lan).error, EADDRINUSE);
}

static void test_beside(void **state)
{
    struct host *host = *state;
    struct explanation e;
    char bytes[16];

    nmbd_start(host);
    start(host);
    assert_change(host, 0, NET_STATE_LOCAL_ONLY, NET_STATE_BESIDE_NMBD, false);
    nmbd_accept(host);
    turn(host);
    assert_int_equal(host->n_history, 1);
    e = explain(host->lan);
    assert_int_equal(e.error, 0);
    assert_null(e.reason);
    assert_non_null(strstr(e.name_reason, "nmbd"));

    /* Broadcasts arrive on our socket, as well as on nmbd's … */
    send_to("127.255.255.255", host->config.datagram_port, "broadcast");
    assert_datagram(host, 1, "broadcast");
    assert_int_equal(host->arrival.interface_index, if_nametoindex("lo"));
    assert_int_equal(recv(host->nmbd[2], bytes, sizeof(bytes), MSG_DONTWAIT), 9);
    assert_int_equal(host->counters.values[NET_COUNTER_NMBD_RECEIVED], 0);
    /* … unicasts are all nmbd's (2.6, table), which hands on what it does not need. */
    send_to("127.0.0.1", host->config.datagram_port, "unicast");
    assert_int_equal(recv(host->nmbd[1], bytes, sizeof(bytes), MSG_DONTWAIT), 7);
    assert_datagram(host, 1, "broadcast");
    nmbd_hand_on(host, "handed on");
    assert_datagram(host, 2, "handed on");
    assert_int_equal(host->arrival.interface_index, 0);
    assert_int_equal(host->arrival.from.sin_addr.s_addr, inet_addr("10.77.0.3"));
    assert_int_equal(ntohs(host->arrival.from.sin_port), 1138);
    assert_int_equal(host->counters.values[NET_COUNTER_NMBD_RECEIVED], 1);
    /* Port 137 is not touched. */
    close(host->nmbd[0]);
    host->nmbd[0] = -1;
    assert_port_closed(host->config.name_port);
}

/* Beside nmbd questions leave from a port of their own, and all broadcasts from port 138. */
static void test_sending_beside(void **state)
{
    struct host *host = *state;
    const struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
    struct sockaddr_in address = {};
    socklen_t address_size = sizeof(address);
    uint16_t port, from;
    char bytes[16];
    int peer;

    assert_int_equal(datagram_socket_open(&peer, 0, DATAGRAM_SOCKET_EXCLUSIVE), 0);
    assert_int_equal(getsockname(peer, (struct sockaddr *)&address, &address_size), 0);
    port = ntohs(address.sin_port);
    nmbd_start(host);
    start(host);
    assert_int_equal(lan_send(host->lan, loopback, port, "1", 1), 0);
    assert_int_equal(receive(peer, bytes, sizeof(bytes), &from), 1);
    assert_int_equal(from, host->config.datagram_port);
    assert_int_equal(lan_send_name(host->lan, NULL, loopback, port, false, "22", 2), 0);
    assert_int_equal(receive(peer, bytes, sizeof(bytes), &from), 2);
    assert_true(from != host->config.name_port && from != host->config.datagram_port);
    close(peer);
}

/* nmbd ends, and its ports with it: they are ours at once. */
static void test_nmbd_ends(void **state)
{
    struct host *host = *state;

    nmbd_start(host);
    start(host);
    nmbd_accept(host);
    turn(host);
    nmbd_stop(host);
    turn(host);
    assert_int_equal(host->n_history, 2);
    assert_change(host, 1, NET_STATE_BESIDE_NMBD, NET_STATE_OWN_SOCKETS, true);
    send_to("127.0.0.1", host->config.datagram_port, "unicast");
    assert_datagram(host, 1, "unicast");
    send_to("127.0.0.1", host->config.name_port, "question");
    turn(host);
    assert_int_equal(host->n_name_messages, 1);
}

/* The connection breaks, but nmbd is back before we look again: nobody has to know. */
static void test_nmbd_restarts(void **state)
{
    struct host *host = *state;

    nmbd_start(host);
    start(host);
    nmbd_accept(host);
    turn(host);
    close(host->server);
    host->server = -1;
    turn(host);
    assert_int_equal(lan_state(host->lan), NET_STATE_BESIDE_NMBD);
    nmbd_accept(host);
    nmbd_hand_on(host, "again");
    assert_datagram(host, 1, "again");
    assert_int_equal(host->n_history, 1);
}

/* nmbd's socket is gone, its ports are not: nobody says that these are still to be shared. */
static void test_nmbd_leaves_its_ports(void **state)
{
    struct host *host = *state;

    nmbd_start(host);
    start(host);
    nmbd_accept(host);
    close(host->listener);
    close(host->server);
    host->listener = host->server = -1;
    wait_for_changes(host, 2);
    assert_change(host, 1, NET_STATE_BESIDE_NMBD, NET_STATE_LOCAL_ONLY, false);
    assert_int_equal(explain(host->lan).error, EADDRINUSE);
    nmbd_stop(host);
    wait_for_changes(host, 3);
    assert_change(host, 2, NET_STATE_LOCAL_ONLY, NET_STATE_OWN_SOCKETS, true);
    assert_null(explain(host->lan).name_reason);
}

/* Two mailslotds beside nmbd hear both, but when it ends, one of them has the ports. */
static void test_two_beside(void **state)
{
    struct host *host = *state;
    struct lan *first;

    nmbd_start(host);
    start(host);
    first = host->lan;
    host->n_history = 0;
    start(host);
    assert_int_equal(lan_state(first), NET_STATE_BESIDE_NMBD);
    assert_int_equal(lan_state(host->lan), NET_STATE_BESIDE_NMBD);
    send_to("127.255.255.255", host->config.datagram_port, "broadcast");
    assert_datagram(host, 2, "broadcast");
    nmbd_stop(host);
    wait_for_changes(host, 3);
    assert_int_equal(lan_state(first) + lan_state(host->lan),
                     NET_STATE_OWN_SOCKETS + NET_STATE_LOCAL_ONLY);
    assert_true(lan_has_name_service(first) != lan_has_name_service(host->lan));
    send_to("127.255.255.255", host->config.datagram_port, "one copy");
    assert_datagram(host, 3, "one copy");
    lan_free(first);
}

static void test_nmbd_appears(void **state)
{
    struct host *host = *state;

    start(host);
    assert_change(host, 0, NET_STATE_LOCAL_ONLY, NET_STATE_OWN_SOCKETS, true);
    nmbd_start(host); /* fails if our sockets are in its way */
    nmbd_accept(host);
    /* Names are given up for an nmbd that answers, not for a connection. */
    assert_int_equal(lan_state(host->lan), NET_STATE_OWN_SOCKETS);
    wait_for_changes(host, 2);
    assert_change(host, 1, NET_STATE_OWN_SOCKETS, NET_STATE_BESIDE_NMBD, false);
    close(host->nmbd[0]);
    host->nmbd[0] = -1;
    assert_port_closed(host->config.name_port);
    send_to("127.255.255.255", host->config.datagram_port, "broadcast");
    assert_datagram(host, 1, "broadcast");
    nmbd_hand_on(host, "handed on");
    assert_datagram(host, 2, "handed on");
    nmbd_stop(host);
    turn(host);
    assert_int_equal(host->n_history, 3);
    assert_change(host, 2, NET_STATE_BESIDE_NMBD, NET_STATE_OWN_SOCKETS, true);
}

/* Nonsense from nmbd's socket ends that connection and nothing else. */
static void test_nonsense(void **state)
{
    struct host *host = *state;

    nmbd_start(host);
    start(host);
    nmbd_accept(host);
    turn(host);
    assert_int_equal(send(host->server, memset(host->last, 0xff, 64), 64, MSG_NOSIGNAL), 64);
    turn(host);
    assert_int_equal(host->n_datagrams, 0);
    wait_for_changes(host, 2);
    assert_change(host, 1, NET_STATE_BESIDE_NMBD, NET_STATE_LOCAL_ONLY, false);
    assert_non_null(strstr(explain(host->lan).reason, host->path));
    for (int i = 0; i < 3; i++)
    {
        close(host->nmbd[i]);
        host->nmbd[i] = -1;
    }
    wait_for_changes(host, 3);
    assert_change(host, 2, NET_STATE_LOCAL_ONLY, NET_STATE_OWN_SOCKETS, true);
    /* It is left alone for a while: no second connection waits to be accepted. */
    assert_int_equal(accept4(host->listener, NULL, NULL, SOCK_CLOEXEC), -1);
}

static void test_no_name_service(void **state)
{
    struct host *host = *state;

    host->config.name_service = false;
    nmbd_start(host);
    start(host);
    nmbd_accept(host);
    assert_change(host, 0, NET_STATE_LOCAL_ONLY, NET_STATE_BESIDE_NMBD, false);
    nmbd_stop(host);
    wait_for_changes(host, 2);
    assert_change(host, 1, NET_STATE_BESIDE_NMBD, NET_STATE_OWN_SOCKETS, false);
    assert_non_null(strstr(explain(host->lan).name_reason, "switched off"));
    assert_port_closed(host->config.name_port);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ports_without_nmbd), TEST(test_beside),        TEST(test_sending_beside),
        TEST(test_nmbd_ends),          TEST(test_nmbd_restarts), TEST(test_nmbd_leaves_its_ports),
        TEST(test_two_beside),         TEST(test_nmbd_appears),  TEST(test_nonsense),
        TEST(test_no_name_service),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
