/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of net: which ways messages take to others (wire.md 1.5, 1.6, 1.9, 3.1; semantics D10) */

#include "net_support.h"

#include "net/netbios/datagram.h"
#include "net/netbios/ns_message.h"

#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static sd_event *event;
static unsigned int delivered;

static int on_deliver(void *userdata, const struct net_message *message)
{
    (void)userdata;
    (void)message;
    delivered++;
    return NET_DELIVER_OK;
}

static const struct net_sink sink = {.deliver = on_deliver};

/* What is for other machines stays here: the tests only want it to have been asked. */
static unsigned int kept_here;

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    const struct sockaddr_in *to = message->msg_name;
    ssize_t size = 0;

    if (!to || to->sin_family != AF_INET || ntohl(to->sin_addr.s_addr) >> 24 == 127)
    {
        return syscall(SYS_sendmsg, fd, message, flags);
    }
    for (size_t i = 0; i < message->msg_iovlen; i++)
    {
        size += (ssize_t)message->msg_iov[i].iov_len;
    }
    kept_here++;
    return size;
}

static int set_up(void **state)
{
    (void)state;
    delivered = 0;
    kept_here = 0;
    return sd_event_new(&event) < 0;
}

static int tear_down(void **state)
{
    (void)state;
    event = sd_event_unref(event);
    return 0;
}

static uint64_t counter(struct net *net, enum net_counter which)
{
    static struct net_status status;

    net_status(net, &status);
    return status.counters.values[which];
}

static void send_to(struct net *net, const char *target, int *ret_result)
{
    const struct net_request request = {
        .target = target, .slot = "x", .slot_size = 1, .data = "m", .size = 1};

    *ret_result = -1;
    assert_int_equal(net_send(net, &request, on_done, ret_result), 0);
}

static void send_to_group(struct net *net, int *ret_result)
{
    send_to(net, "*", ret_result);
}

/* Answers one question as a server that knows this member of LABGRP<suffix>, and a second one. */
static void serve_two(int fd, uint8_t suffix, const char *member, const char *second)
{
    struct ns_message query, answer;
    struct sockaddr_in from;
    socklen_t from_size = sizeof(from);
    uint8_t bytes[NS_MESSAGE_SIZE_MAX];
    ssize_t size = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &from_size);

    assert_true(size > 0);
    assert_int_equal(ns_message_read(bytes, (size_t)size, &no_scope, &query), NS_MESSAGE_OK);
    assert_false(query.broadcast);
    assert_memory_equal(query.name.bytes, "LABGRP         ", 15);
    assert_int_equal(query.name.bytes[15], suffix);
    answer = (struct ns_message){
        .id = query.id,
        .response = true,
        .opcode = NS_QUERY,
        .name = query.name,
        .type = NS_TYPE_NB,
        .n_addresses = second ? 2 : 1,
        .addresses = {{NS_FLAG_GROUP, {inet_addr(member)}},
                      {NS_FLAG_GROUP, {second ? inet_addr(second) : 0}}},
    };
    size = (ssize_t)ns_message_write(&answer, &no_scope, bytes);
    assert_int_equal(sendto(fd, bytes, (size_t)size, 0, (struct sockaddr *)&from, sizeof(from)),
                     size);
}

static void serve(int fd, const char *member)
{
    serve_two(fd, 0, member, NULL);
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

/*
 * wire.md 1.5: who broadcasts, too, sends to each member that WINS lists of an internet group; not
 * to itself, which has its copy already (D10). Other groups are for broadcast.
 */
static void test_internet_group(void **state)
{
    static const char *const nodes[] = {"H", "M"}, *const wins[] = {"127.0.0.1"},
                             *const groups[] = {"labgrp#1c"};

    (void)state;
    for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++)
    {
        /* Without an interface there are no neighbours to ask. */
        struct net_config config = settings(NOWHERE);
        int server, listener, result;
        struct net *net = NULL;

        delivered = kept_here = 0;
        config.node_type = nodes[i];
        config.wins_servers = wins;
        config.n_wins_servers = 1;
        config.groups = groups;
        config.n_groups = 1;
        server = bind_any(&config.peer_name_port);
        listener = bind_any(&config.peer_port);
        assert_int_equal(net_new(&net, event, &config, &sink, NULL), 0);
        send_to(net, "LABGRP#1c", &result);
        assert_int_equal(result, -1);
        serve_two(server, 0x1c, "192.0.2.77", "127.0.0.1");
        while (result == -1)
        {
            assert_return_code(sd_event_run(event, 5000000), 0);
        }
        assert_int_equal(result, NET_OK);
        assert_int_equal(counter(net, NET_COUNTER_SENT_UNICAST), 1);
        assert_int_equal(kept_here, 1);
        assert_int_equal(recv(listener, &result, sizeof(result), MSG_DONTWAIT), -1);
        assert_int_equal(delivered, 1);
        /* The server is asked for nobody else. */
        send_to_group(net, &result);
        assert_int_equal(result, NET_OK);
        assert_int_equal(counter(net, NET_COUNTER_QUERIES), 1);
        net_free(net);
        close(server);
        close(listener);
    }
}

/* DNS says what the name says: "10-1-2-3.dns" has the address 10.1.2.3. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret_list)
{
    struct
    {
        struct addrinfo info;
        struct sockaddr_in address;
    } * item;
    char text[INET_ADDRSTRLEN];
    const char *end = strstr(name, ".dns");

    (void)service;
    (void)hints;
    if (!end || end - name >= INET_ADDRSTRLEN || !(item = calloc(1, sizeof(*item))))
    {
        return EAI_FAIL;
    }
    for (char *p = memcpy(text, name, (size_t)(end - name)); p < text + (end - name); p++)
    {
        *p = *p == '-' ? '.' : *p;
    }
    text[end - name] = 0;
    item->address.sin_family = AF_INET;
    item->address.sin_addr.s_addr = inet_addr(text);
    item->info.ai_family = AF_INET;
    item->info.ai_addrlen = sizeof(item->address);
    item->info.ai_addr = (struct sockaddr *)&item->address;
    *ret_list = &item->info; /* freed by the real freeaddrinfo() */
    return 0;
}

/* wire.md 1.9: no DNS server makes us send to many or to nobody; loopback is this host (N18). */
static void test_dns_nonsense(void **state)
{
    static const struct
    {
        const char *target;
        int result;
        unsigned int here;
    } rows[] = {
        {"0-0-0-0.dns", NET_UNRESOLVED, 0},
        {"0-1-2-3.dns", NET_UNRESOLVED, 0},
        {"224-0-0-1.dns", NET_UNRESOLVED, 0},
        {"239-255-255-255.dns", NET_UNRESOLVED, 0},
        {"255-255-255-255.dns", NET_UNRESOLVED, 0},
        {"127-255-255-255.dns", NET_OK, 1},
        {"127-0-0-1.dns", NET_OK, 1},
        {"127-0-1-1.dns", NET_OK, 1},
    };
    struct net_config config = settings(LOOPBACK);
    struct net *net = NULL;
    int result;

    (void)state;
    assert_int_equal(net_new(&net, event, &config, &sink, NULL), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
    {
        delivered = 0;
        send_to(net, rows[i].target, &result);
        while (result == -1)
        {
            assert_return_code(sd_event_run(event, 5000000), 0);
        }
        assert_int_equal(result, rows[i].result);
        assert_int_equal(delivered, rows[i].here);
    }
    assert_int_equal(counter(net, NET_COUNTER_SENT_DATAGRAMS), 0);
    assert_int_equal(counter(net, NET_COUNTER_SEND_FAILED), 0);
    assert_int_equal(kept_here, 0);
    net_free(net);
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

/* transport.h, free(): "open sends end with NET_UNRESOLVED", whatever they wait for. */
static void test_end_while_open(void **state)
{
    static const char *const wins[] = {"127.0.0.1"};
    static const char *const targets[] = {"10.77.0.9", "SOMEBODY", "*"};
    struct net_config config = settings(LOOPBACK);
    int server, listener, results[] = {-1, -1, -1};
    struct net *net = NULL;

    (void)state;
    config.node_type = "P";
    config.wins_servers = wins;
    config.n_wins_servers = 1;
    server = bind_any(&config.peer_name_port);
    listener = bind_any(&config.peer_port);
    assert_int_equal(net_new(&net, event, &config, &sink, NULL), 0);
    for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++)
    {
        struct net_request request = {
            .target = targets[i], .slot = "x", .slot_size = 1, .data = "m", .size = 1};

        assert_int_equal(net_send(net, &request, on_done, &results[i]), 0);
        assert_int_equal(results[i], -1);
    }
    assert_int_equal(kept_here, 1);
    net_free(net);
    for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++)
    {
        assert_int_equal(results[i], NET_UNRESOLVED);
    }
    assert_int_equal(kept_here, 1); /* and nothing leaves any more */
    assert_int_equal(delivered, 0);
    close(server);
    close(listener);
}

/* wire.md 1.6: a type that asks WINS servers needs some; without them it says so. */
static void test_node_without_wins(void **state)
{
    static const char *const wins[] = {"127.0.0.1"};
    static const struct
    {
        const char *type;
        size_t n_wins;
        const char *problem;
    } rows[] = {
        {NULL, 0, NULL},       {NULL, 1, NULL},       {"B", 0, NULL}, {"P", 0, "no name"},
        {"M", 0, "as type B"}, {"H", 0, "as type B"}, {"P", 1, NULL}, {"H", 1, NULL},
    };
    static struct net_status status;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
    {
        struct net_config config = NET_CONFIG_DEFAULT;
        struct net *net = NULL;

        config.disabled = true;
        config.node_type = rows[i].type;
        config.wins_servers = wins;
        config.n_wins_servers = rows[i].n_wins;
        assert_int_equal(net_new(&net, event, &config, &sink, NULL), 0);
        net_status(net, &status);
        assert_int_equal(status.node_problem != NULL, rows[i].problem != NULL);
        if (rows[i].problem)
        {
            assert_non_null(strstr(status.node_problem, rows[i].problem));
            assert_non_null(strstr(status.node_problem, "wins_servers"));
        }
        net_free(net);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_p_node),         TEST(test_internet_group),
        TEST(test_dns_nonsense),   TEST(test_own_peer),
        TEST(test_source),         TEST(test_failed_start),
        TEST(test_end_while_open), TEST(test_node_without_wins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
