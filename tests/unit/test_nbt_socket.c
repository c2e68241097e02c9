/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/socket: who may share a port, and what arrives how (wire.md 2.6, 1.9) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/socket.h"

#include "port_support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* As nmbd opens its own: on `address`, shared with whoever wants to. */
static int open_like_nmbd(const char *address, uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in address = {};
    socklen_t size = sizeof(address);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

/* An exclusive socket on a port of this process' own. */
static int open_exclusive(uint16_t *ret_port)
{
    uint16_t port = support_ports(1);
    int fd;

    assert_int_not_equal(port, 0);
    assert_int_equal(datagram_socket_open(&fd, port, DATAGRAM_SOCKET_EXCLUSIVE), 0);
    assert_int_equal(port_of(fd), port);
    *ret_port = port;
    return fd;
}

static void test_exclusive_first(void **state)
{
    int fd, nmbd[2], other = -1;
    uint16_t port;

    (void)state;
    fd = open_exclusive(&port);
    /* A second mailslotd is not let in by accident … */
    assert_int_equal(datagram_socket_open(&other, port, DATAGRAM_SOCKET_EXCLUSIVE), -EADDRINUSE);
    assert_int_equal(other, -1);
    /* … but nmbd can start beside us, on all addresses and on one. */
    nmbd[0] = open_like_nmbd("0.0.0.0", port);
    nmbd[1] = open_like_nmbd("127.0.0.1", port);
    close(fd);
    assert_int_equal(datagram_socket_open(&fd, port, DATAGRAM_SOCKET_EXCLUSIVE), -EADDRINUSE);
    close(nmbd[0]);
    /* One address of many is in the way, too. */
    assert_int_equal(datagram_socket_open(&fd, port, DATAGRAM_SOCKET_EXCLUSIVE), -EADDRINUSE);
    close(nmbd[1]);
    assert_int_equal(datagram_socket_open(&fd, port, DATAGRAM_SOCKET_EXCLUSIVE), 0);
    close(fd);
}

static void test_shared(void **state)
{
    int fd, nmbd, other;
    uint16_t port;

    (void)state;
    close(open_exclusive(&port));
    nmbd = open_like_nmbd("127.0.0.1", port);
    assert_int_equal(datagram_socket_open(&fd, port, DATAGRAM_SOCKET_SHARED), 0);
    assert_int_equal(datagram_socket_open(&other, port, DATAGRAM_SOCKET_SHARED), 0);
    close(other);
    close(nmbd);
    /* Alone by itself, and open to a later nmbd. */
    nmbd = open_like_nmbd("127.0.0.1", port);
    close(nmbd);
    close(fd);
}

/* A port of somebody who shares it with nobody. */
static void test_shared_refused(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = -1, foreign = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_int_equal(bind(foreign, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(datagram_socket_open(&fd, port_of(foreign), DATAGRAM_SOCKET_SHARED),
                     -EADDRINUSE);
    assert_int_equal(fd, -1);
    close(foreign);
}

static void assert_option(int fd, int level, int option, int expected)
{
    socklen_t size = sizeof(int);
    int value = -1;

    assert_int_equal(getsockopt(fd, level, option, &value, &size), 0);
    assert_int_equal(!!value, expected);
}

/* The port for questions is the kernel's choice and nobody else's (1.9: not to be guessed). */
static void test_any_port(void **state)
{
    const enum datagram_socket_mode modes[] = {DATAGRAM_SOCKET_EXCLUSIVE, DATAGRAM_SOCKET_SHARED};
    int fd, other;

    (void)state;
    for (size_t i = 0; i < 2; i++)
    {
        assert_int_equal(datagram_socket_open(&fd, 0, modes[i]), 0);
        assert_true(port_of(fd) >= 1024);
        assert_option(fd, SOL_SOCKET, SO_REUSEADDR, 0);
        assert_int_equal(datagram_socket_open(&other, port_of(fd), DATAGRAM_SOCKET_SHARED),
                         -EADDRINUSE);
        close(fd);
    }
}

static void assert_ready_to_use(int fd)
{
    assert_option(fd, SOL_SOCKET, SO_BROADCAST, 1);
    assert_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    assert_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void test_adopt(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct sockaddr_in6 address6 = {.sin6_family = AF_INET6};
    uint16_t port = 7;
    int fd, other;

    (void)state;
    fd = open_exclusive(&port);
    assert_ready_to_use(fd);
    close(fd);

    fd = socket(AF_INET, SOCK_DGRAM, 0);
    port = 7;
    assert_int_equal(datagram_socket_adopt(fd, &port), -EINVAL); /* not bound */
    assert_int_equal(port, 7);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(datagram_socket_adopt(fd, &port), 0);
    assert_int_equal(port, port_of(fd));
    assert_ready_to_use(fd);
    close(fd);

    port = 7;
    assert_int_equal(datagram_socket_adopt(fd, &port), -EINVAL); /* closed */
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(datagram_socket_adopt(fd, &port), -EINVAL);
    close(fd);
    other = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (other >= 0 && bind(other, (struct sockaddr *)&address6, sizeof(address6)) == 0)
    {
        assert_int_equal(datagram_socket_adopt(other, &port), -EINVAL);
    }
    close(other);
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(datagram_socket_adopt(fd, &port), -EINVAL);
    close(fd);
    assert_int_equal(port, 7);
}

static void test_arrival(void **state)
{
    const struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
    struct datagram_arrival arrival;
    char bytes[16] = "";
    int from, to;
    uint16_t port;

    (void)state;
    to = open_exclusive(&port);
    assert_int_equal(datagram_socket_open(&from, 0, DATAGRAM_SOCKET_EXCLUSIVE), 0);
    assert_int_equal(datagram_socket_receive(to, bytes, sizeof(bytes), &arrival), -EAGAIN);

    assert_int_equal(datagram_socket_send(from, loopback, port, "unicast", 7), 0);
    assert_int_equal(datagram_socket_receive(to, bytes, sizeof(bytes), &arrival), 7);
    assert_memory_equal(bytes, "unicast", 7);
    assert_int_equal(arrival.from.sin_addr.s_addr, loopback.s_addr);
    assert_int_equal(ntohs(arrival.from.sin_port), port_of(from));
    assert_int_equal(arrival.to.s_addr, loopback.s_addr);
    assert_int_equal(arrival.interface_index, if_nametoindex("lo"));
    assert_false(arrival.truncated);

    /* An empty datagram is a datagram (1.9), not the end and not "none left". */
    assert_int_equal(datagram_socket_send(from, loopback, port, "", 0), 0);
    assert_int_equal(datagram_socket_send(from, loopback, port, "seventeen bytes..", 17), 0);
    assert_int_equal(datagram_socket_receive(to, bytes, sizeof(bytes), &arrival), 0);
    assert_int_equal(datagram_socket_receive(to, bytes, sizeof(bytes), &arrival), 16);
    assert_true(arrival.truncated);
    close(from);
    close(to);
}

static void test_broadcast(void **state)
{
    const struct interface lo = {
        .name = "lo",
        .index = if_nametoindex("lo"),
        .address.s_addr = htonl(INADDR_LOOPBACK + 1), /* any of 127.0.0.0/8 is an own one */
        .broadcast.s_addr = inet_addr("127.255.255.255"),
    };
    struct datagram_arrival arrival;
    int from, to, nmbd;
    uint16_t port;
    char bytes[16];

    (void)state;
    to = open_exclusive(&port);
    nmbd = open_like_nmbd("127.255.255.255", port);
    assert_int_equal(datagram_socket_open(&from, 0, DATAGRAM_SOCKET_EXCLUSIVE), 0);
    assert_int_equal(datagram_socket_broadcast(from, &lo, port, "to all", 6), 0);
    /* Everybody on the port gets a copy (2.6, table). */
    assert_int_equal(datagram_socket_receive(to, bytes, sizeof(bytes), &arrival), 6);
    assert_int_equal(arrival.from.sin_addr.s_addr, lo.address.s_addr);
    assert_int_equal(arrival.to.s_addr, htonl(INADDR_ANY));
    assert_true(arrival.broadcast);
    assert_int_equal(recv(nmbd, bytes, sizeof(bytes), MSG_DONTWAIT), 6);
    close(nmbd);
    close(from);
    close(to);
}

/* RFC 1002 5.1.1.5, 5.1.4: a host with several addresses answers from the one that was asked. */
static void test_from_asked_address(void **state)
{
    struct datagram_way way = {.to.s_addr = htonl(INADDR_LOOPBACK)};
    struct datagram_arrival asked, answered;
    const struct in_addr second = {inet_addr("127.0.0.2")};
    char bytes[16];
    int asker, to;
    uint16_t port;

    (void)state;
    to = open_exclusive(&port);
    assert_int_equal(datagram_socket_open(&asker, 0, DATAGRAM_SOCKET_EXCLUSIVE), 0);
    assert_int_equal(datagram_socket_send(asker, second, port, "question", 8), 0);
    assert_int_equal(datagram_socket_receive(to, bytes, sizeof(bytes), &asked), 8);
    assert_int_equal(asked.to.s_addr, second.s_addr);
    way.port = port_of(asker);
    way.from = asked.to;
    assert_int_equal(datagram_socket_send_cut(to, &way, "answer", 6, 0), 0);
    assert_int_equal(datagram_socket_receive(asker, bytes, sizeof(bytes), &answered), 6);
    assert_int_equal(answered.from.sin_addr.s_addr, second.s_addr);
    /* Without, the route decides. */
    way.from.s_addr = htonl(INADDR_ANY);
    assert_int_equal(datagram_socket_send_cut(to, &way, "answer", 6, 0), 0);
    assert_int_equal(datagram_socket_receive(asker, bytes, sizeof(bytes), &answered), 6);
    assert_int_equal(answered.from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    /* An address that has gone is no reason to answer from another one. */
    way.from.s_addr = inet_addr("192.0.2.1");
    assert_true(datagram_socket_send_cut(to, &way, "answer", 6, 0) < 0);
    close(asker);
    close(to);
}

/* With the right to exceed the limit (CAP_NET_ADMIN) the buffer is what was asked for. */
static void test_receive_buffer(void **state)
{
    socklen_t size = sizeof(int);
    int fd, granted = 0, default_size = 0, plain = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_int_equal(getsockopt(plain, SOL_SOCKET, SO_RCVBUF, &default_size, &size), 0);
    assert_int_equal(datagram_socket_open(&fd, 0, DATAGRAM_SOCKET_EXCLUSIVE), 0);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &size), 0);
    if (setsockopt(plain, SOL_SOCKET, SO_RCVBUFFORCE, &default_size, sizeof(int)) == 0)
    {
        assert_true(granted >= 4 * 1024 * 1024);
    }
    assert_true(granted >= default_size);
    close(fd);
    close(plain);
}

static void test_errors(void **state)
{
    const struct in_addr nowhere = {htonl(INADDR_LOOPBACK)};
    char reason[SOCKET_TEXT_SIZE], fix[SOCKET_TEXT_SIZE];
    int fd;

    (void)state;
    assert_int_equal(datagram_socket_open(&fd, 0, DATAGRAM_SOCKET_EXCLUSIVE), 0);
    assert_int_equal(datagram_socket_send(fd, nowhere, 138, reason, 70000), -EMSGSIZE);
    close(fd);
    assert_int_equal(datagram_socket_send(fd, nowhere, 138, "", 0), -EBADF);

    datagram_socket_explain(EADDRINUSE, 137, 137, reason, fix);
    assert_non_null(strstr(reason, "UDP port 137 is in use"));
    assert_string_equal(fix, "sudo ss -ulpn 'sport = :137'");
    datagram_socket_explain(EACCES, 137, 137, reason, fix);
    assert_string_equal(reason, "no permission to use UDP port 137");
}

static void test_explanations(void **state)
{
    char reason[SOCKET_TEXT_SIZE], fix[SOCKET_TEXT_SIZE];

    (void)state;
    datagram_socket_explain(EACCES, 138, 137, reason, fix);
    assert_string_equal(reason, "no permission to use UDP port 138");
    assert_non_null(strstr(fix, "sudo sysctl net.ipv4.ip_unprivileged_port_start=137"));
    assert_non_null(strstr(fix, "sudo setcap cap_net_bind_service=+ep /"));
    datagram_socket_explain(EADDRINUSE, 138, 137, reason, fix);
    assert_string_equal(fix, "sudo ss -ulpn 'sport = :138'");
    datagram_socket_explain(EMFILE, 138, 137, reason, fix);
    assert_non_null(strstr(reason, "Too many open files"));
    assert_string_equal(fix, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exclusive_first),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_shared_refused),
        cmocka_unit_test(test_any_port),
        cmocka_unit_test(test_adopt),
        cmocka_unit_test(test_arrival),
        cmocka_unit_test(test_broadcast),
        cmocka_unit_test(test_receive_buffer),
        cmocka_unit_test(test_from_asked_address),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_explanations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
