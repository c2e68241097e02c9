/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of net: which ways messages take to others (wire.md 1.5, 1.6, 1.9, 3.1; semantics D10) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/net.h"
#include "net/netbios/datagram.h"
#include "net/netbios/netbios.h"
#include "net/netbios/ns_message.h"
#include "net/netbios/socket.h"
#include "net/netbios/transaction.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const LOOPBACK[] = {"lo"};
static const char *const NOWHERE[] = {"nosuch0"};
static const struct netbios_scope no_scope;

static sd_event *event;
static unsigned int delivered;

static int on_deliver(void *userdata, const struct net_message *message)
{
    (void)userdata;
    (void)message;
    delivered++;
    return NET_DELIVER_OK;
}

static const struct net_sink sink = {NULL, on_deliver, NULL};

static int set_up(void **state)
{
    (void)state;
    delivered = 0;
    return sd_event_new(&event) < 0;
}

static int tear_down(void **state)
{
    (void)state;
    event = sd_event_unref(event);
    return 0;
}

static int bind_any(uint16_t *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t size = sizeof(a);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_return_code(bind(fd, (struct sockaddr *)&a, sizeof(a)), errno);
    assert_return_code(getsockname(fd, (struct sockaddr *)&a, &size), errno);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

static struct net_config settings(const char *const *interfaces)
{
    struct net_config config = NET_CONFIG_DEFAULT;
    uint16_t port;

    config.computer = "hosta";
    config.workgroup = "labgrp";
    config.interfaces = interfaces;
    config.n_interfaces = 1;
    config.datagram_fd = bind_any(&port);
    config.no_name_service = true;
    config.nmbd_socket = "";
    return config;
}

static uint64_t counter(struct net *net, enum net_counter which)
{
    static struct net_status status;

    net_status(net, &status);
    return status.counters.values[which];
}

static void on_done(void *userdata, int result)
{
    int *results = userdata;

    /* Exactly once. */
    assert_int_equal(*results, -1);
    *results = result;
}

static void send_to_group(struct net *net, int *ret_result)
{
    static const struct net_request request = {"*", "x", 1, "m", 1};

    *ret_result = -1;
    assert_int_equal(net_send(net, &request, on_done, ret_result), 0);
}

/* Answers one question as a server that knows one member of the group. */
static void serve(int fd, const char *member)
{
    struct ns_message query, answer;
    struct sockaddr_in from;
    socklen_t from_size = sizeof(from);
    uint8_t bytes[NS_MESSAGE_SIZE_MAX];
    ssize_t size = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &from_size);

    assert_true(size > 0);
    assert_int_equal(ns_message_read(bytes, (size_t)size, &no_scope, &query), NS_MESSAGE_OK);
    assert_false(query.broadcast);
    assert_memory_equal(query.name.bytes, "LABGRP         ", 16);
    answer = (struct ns_message){
        .id = query.id,
        .response = true,
        .opcode = NS_QUERY,
        .name = query.name,
        .type = NS_TYPE_NB,
        .n_addresses = 1,
        .addresses = {{NS_FLAG_GROUP, {inet_addr(member)}}},
    };
    size = (ssize_t)ns_message_write(&answer, &no_scope, bytes);
    assert_int_equal(sendto(fd, bytes, (size_t)size, 0, (struct sockaddr *)&from, sizeof(from)),
                     size);
}

/* wire.md 1.5, 1.6: a P node does not broadcast; its group's members are asked for at WINS. */
static void test_p_node(void **state)
{
    static const char *const wins[] = {"127.0.0.1"};
    struct net_config config = settings(LOOPBACK);
    int server, listener, result;
    struct net *net = NULL;

    (void)state;
    config.node_type = "P";
    config.wins_servers = wins;
    config.n_wins_servers = 1;
    server = bind_any(&config.peer_name_port);
    listener = bind_any(&config.peer_port);
    assert_int_equal(net_new(&net, event, &config, &sink, NULL), 0);
    send_to_group(net, &result);
    assert_int_equal(counter(net, NET_COUNTER_SENT_DATAGRAMS), 0);
    serve(server, "127.0.0.7");
    while (result == -1)
    {
        assert_return_code(sd_event_run(event, 5000000), 0);
    }
    assert_int_equal(result, NET_OK);
    assert_int_equal(counter(net, NET_COUNTER_SENT_DATAGRAMS), 1);
    assert_int_equal(counter(net, NET_COUNTER_SENT_UNICAST), 1);
    assert_int_equal(delivered, 1); /* D10 */
    net_free(net);
    close(server);
    close(listener);
}

/* wire.md 3.1, D10: one list of peers for all hosts of a site names each of them to itself, too. */
static void test_own_peer(void **state)
{
    static const char *const peers[] = {"127.0.0.1"};
    struct net_config config = settings(NOWHERE);
    struct net *net = NULL;
    int result;

    (void)state;
    config.peers = peers;
    config.n_peers = 1;
    assert_int_equal(net_new(&net, event, &config, &sink, NULL), 0);
    send_to_group(net, &result);
    assert_int_equal(result, NET_OK);
    assert_int_equal(counter(net, NET_COUNTER_SENT_DATAGRAMS), 0);
    assert_int_equal(delivered, 1);
    net_free(net);
}

/* wire.md 1.1: SOURCE_IP is the sender's, the one that the datagram comes from. */
static void test_source(void **state)
{
    static const char *const peers[] = {"127.0.0.9"};
    struct net_config config = settings(NOWHERE);
    struct sockaddr_in from;
    socklen_t from_size = sizeof(from);
    struct net *net = NULL;
    uint8_t bytes[DATAGRAM_SIZE_MAX];
    struct datagram datagram;
    int listener, result;
    ssize_t size;

    (void)state;
    listener = bind_any(&config.peer_port);
    config.peers = peers;
    config.n_peers = 1;
    assert_int_equal(net_new(&net, event, &config, &sink, NULL), 0);
    send_to_group(net, &result);
    size = recvfrom(listener, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&from,
                    &from_size);
    assert_true(size > 0);
    assert_int_equal(datagram_read(bytes, (size_t)size, &no_scope, &datagram), DATAGRAM_OK);
    assert_int_equal(datagram.source_ip.s_addr, from.sin_addr.s_addr);
    net_free(net);
    close(listener);
}

/* net.h: on failure the descriptors are still the caller's, however late it fails. */
static void test_failed_start(void **state)
{
    struct net_config config = settings(LOOPBACK);
    struct net *net = NULL;

    (void)state;
    config.no_name_service = false;
    config.name_fd = config.datagram_fd; /* can not be listened on twice */
    assert_true(net_new(&net, event, &config, &sink, NULL) < 0);
    assert_null(net);
    assert_return_code(fcntl(config.datagram_fd, F_GETFD), errno);
    close(config.datagram_fd);
}

static void on_log(void *userdata, const char *text)
{
    (void)userdata;
    (void)text;
}

static enum net_counter on_message(void *userdata, const struct net_message *message)
{
    (void)userdata;
    (void)message;
    return NET_COUNTER_DELIVERED;
}

/* wire.md 1.9: SOURCE_IP broadcast, multicast, zero: no host, and replies would reach many. */
static void test_source_of_nobody(void **state)
{
    static const char *const sources[] = {"127.255.255.255", "255.255.255.255", "224.0.0.1",
                                          "0.0.0.0"};
    static const char *const all[] = {"all"};
    struct policy_config networks = {.networks = all, .n_networks = 1};
    struct net_config config = settings(LOOPBACK);
    struct transaction t = {"x", 1, (const uint8_t *)"m", 1};
    struct datagram d = {.type = DATAGRAM_BROADCAST};
    struct datagram_arrival arrival = {.from = {.sin_family = AF_INET}};
    uint8_t smb[TRANSACTION_SIZE_MAX], bytes[DATAGRAM_SIZE_MAX];
    struct net_counters counters = {};
    struct transport_sink up = {.deliver = on_message, .log = on_log, .counters = &counters};
    struct netbios *netbios = NULL;
    size_t size;

    (void)state;
    d.source = d.destination = netbios_name_wildcard();
    d.user_data = smb;
    assert_int_equal(transaction_write(&t, smb, &d.user_data_size), TRANSACTION_OK);
    size = datagram_write(&d, &no_scope, bytes);
    assert_int_equal(policy_new(&up.policy, &networks, NULL), 0);
    config.disabled = true;
    assert_int_equal(netbios_new(&netbios, event, &config, &up, NULL), 0);
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
    {
        arrival.from.sin_addr.s_addr = inet_addr(sources[i]);
        assert_int_equal(netbios_receive(netbios, bytes, size, &arrival, 1),
                         NET_COUNTER_DROP_SOURCE);
    }
    arrival.from.sin_addr.s_addr = inet_addr("127.0.0.9");
    assert_int_equal(netbios_receive(netbios, bytes, size, &arrival, 1), NET_COUNTER_DELIVERED);
    netbios_transport.free(netbios);
    policy_free(up.policy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_p_node),       TEST(test_own_peer),         TEST(test_source),
        TEST(test_failed_start), TEST(test_source_of_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
