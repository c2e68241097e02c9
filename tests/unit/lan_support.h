/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of netbios/lan share: a lan, a false nmbd, and a clock that runs faster */
#pragma once

/*
 * nmbd is played by this process: a Unix socket, and sockets with SO_REUSEADDR on 127.0.0.1. Ports
 * are high ones of this process' own. What takes a while is waited for, never timed.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/lan.h"

#include "port_support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HISTORY_MAX 32
#define HEAD_SIZE   32

struct host
{
    sd_event *event;
    struct lan *lan;
    struct lan_config config;
    struct net_counters counters;
    const char *invalid;
    /* For every call of changed(): the mode left, the mode now, and whether there are names. */
    struct
    {
        enum net_state previous, state;
        bool names;
    } history[HISTORY_MAX];
    unsigned int n_history, n_datagrams, n_name_messages;
    char last[128];
    struct datagram_arrival arrival;
    /* nmbd */
    char folder[32], path[64];
    int listener, server, nmbd[3];
};

/*
 * Stands before the one of libsystemd: lan looks again after 20 and 50 ms instead of 2 and 5 s. The
 * order of everything stays the same.
 */
int sd_event_source_set_time_relative(sd_event_source *source, uint64_t usec)
{
    uint64_t now;

    (void)sd_event_source_set_time_accuracy(source, 1000);
    (void)sd_event_now(sd_event_source_get_event(source), CLOCK_MONOTONIC, &now);
    return sd_event_source_set_time(source, now + usec / 100);
}

static inline void on_message(struct host *host, const void *bytes, size_t size,
                              const struct datagram_arrival *arrival)
{
    assert_true(size < sizeof(host->last));
    memcpy(host->last, bytes, size);
    host->last[size] = 0;
    host->arrival = *arrival;
}

static inline void on_datagram(void *userdata, const void *bytes, size_t size,
                               const struct datagram_arrival *arrival)
{
    struct host *host = userdata;

    host->n_datagrams++;
    on_message(host, bytes, size, arrival);
}

static inline void on_name_message(void *userdata, const void *bytes, size_t size,
                                   const struct datagram_arrival *arrival)
{
    struct host *host = userdata;

    host->n_name_messages++;
    on_message(host, bytes, size, arrival);
}

static inline void on_changed(void *userdata, enum net_state previous)
{
    struct host *host = userdata;

    assert_true(host->n_history < HISTORY_MAX);
    host->history[host->n_history].previous = previous;
    host->history[host->n_history].state = lan_state(host->lan);
    host->history[host->n_history].names = lan_has_name_service(host->lan);
    host->n_history++;
}

static inline int set_up(void **state)
{
    struct host *host = calloc(1, sizeof(*host));
    uint16_t port;

    assert_non_null(host);
    assert_true(sd_event_new(&host->event) >= 0);
    strcpy(host->folder, "/tmp/test_lan.XXXXXX");
    assert_non_null(mkdtemp(host->folder));
    snprintf(host->path, sizeof(host->path), "%s/unexpected", host->folder);
    host->listener = host->server = -1;
    memset(host->nmbd, -1, sizeof(host->nmbd));
    port = support_ports(2);
    assert_int_not_equal(port, 0);
    host->config = (struct lan_config){
        .datagram_port = port + 1,
        .name_port = port,
        .datagram_fd = -1,
        .name_fd = -1,
        .nmbd_socket = host->path,
        .name_service = true,
    };
    *state = host;
    return 0;
}

/* Every socket, as if the process had ended. */
static inline void nmbd_stop(struct host *host)
{
    int *fds[] = {&host->nmbd[0], &host->nmbd[1], &host->nmbd[2], &host->listener, &host->server};

    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
    {
        if (*fds[i] >= 0)
        {
            close(*fds[i]);
        }
        *fds[i] = -1;
    }
}

static inline int tear_down(void **state)
{
    struct host *host = *state;

    lan_free(host->lan);
    nmbd_stop(host);
    unlink(host->path);
    rmdir(host->folder);
    sd_event_unref(host->event);
    free(host);
    return 0;
}

static inline int new_lan(struct host *host, struct lan **ret_lan, const struct lan_config *config)
{
    const struct lan_sink sink = {host, on_datagram, on_name_message, on_changed};

    return lan_new(ret_lan, host->event, config, &sink, &host->counters, &host->invalid);
}

static inline void start(struct host *host)
{
    assert_int_equal(new_lan(host, &host->lan, &host->config), 0);
    assert_int_equal(host->n_history, 0);
    assert_int_equal(lan_start(host->lan), 0);
    assert_int_equal(host->n_history, 1);
    assert_int_equal(host->history[0].previous, NET_STATE_LOCAL_ONLY);
}

static inline void turn(struct host *host)
{
    for (int i = 0; sd_event_run(host->event, 0) > 0; i++)
    {
        assert_true(i < 10000);
    }
}

/* Until changed() has been called so often in all. */
static inline void wait_for_changes(struct host *host, unsigned int n)
{
    for (int i = 0; host->n_history < n; i++)
    {
        assert_true(i < 3000);
        assert_true(sd_event_run(host->event, 20000) >= 0);
    }
    turn(host);
    assert_int_equal(host->n_history, n);
}

static inline void assert_change(struct host *host, unsigned int n, enum net_state previous,
                                 enum net_state state, bool names)
{
    assert_true(n < host->n_history);
    assert_int_equal(host->history[n].previous, previous);
    assert_int_equal(host->history[n].state, state);
    assert_int_equal(host->history[n].names, names);
}

static inline int open_like_nmbd(const char *address, uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static inline void nmbd_bind(struct host *host)
{
    host->nmbd[0] = open_like_nmbd("127.0.0.1", host->config.name_port);
    host->nmbd[1] = open_like_nmbd("127.0.0.1", host->config.datagram_port);
    host->nmbd[2] = open_like_nmbd("0.0.0.0", host->config.datagram_port);
}

static inline void nmbd_listen(struct host *host)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, host->path, sizeof(host->path));
    unlink(host->path);
    host->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(host->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(host->listener, 5), 0);
}

/* Waits for the connection, reads the subscription and acknowledges it. */
static inline void nmbd_accept(struct host *host)
{
    char bytes[64];

    for (int i = 0; host->server < 0; i++)
    {
        assert_true(i < 3000);
        host->server = accept4(host->listener, NULL, NULL, SOCK_CLOEXEC);
        if (host->server < 0)
        {
            assert_true(sd_event_run(host->event, 20000) >= 0);
        }
    }
    assert_int_equal(recv(host->server, bytes, sizeof(bytes), MSG_DONTWAIT), 24);
    assert_int_equal(send(host->server, "", 1, MSG_NOSIGNAL), 1);
}

static inline void nmbd_hand_on(struct host *host, const char *text)
{
    uint64_t size = strlen(text);
    uint8_t bytes[256] = {0};
    uint32_t address = inet_addr("10.77.0.3"), type = 1, port = 1138;

    memcpy(bytes, &size, 8);
    memcpy(bytes + 8, &type, 4);
    memcpy(bytes + 24, &address, 4);
    memcpy(bytes + 28, &port, 4);
    memcpy(bytes + HEAD_SIZE, text, size);
    assert_int_equal(send(host->server, bytes, HEAD_SIZE + size, MSG_NOSIGNAL), HEAD_SIZE + size);
}

static inline void nmbd_start(struct host *host)
{
    nmbd_bind(host);
    nmbd_listen(host);
}

/* As another host would send. */
static inline void send_to(const char *address, uint16_t port, const char *text)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)), 0);
    assert_int_equal(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to, sizeof(to)),
                     strlen(text));
    close(fd);
}

static inline void assert_datagram(struct host *host, unsigned int n, const char *text)
{
    turn(host);
    assert_int_equal(host->n_datagrams, n);
    assert_string_equal(host->last, text);
}

struct explanation
{
    int error;
    const char *reason, *fix, *name_reason;
};

static inline struct explanation explain(const struct lan *lan)
{
    struct explanation e;

    lan_explain(lan, &e.error, &e.reason, &e.fix, &e.name_reason);
    return e;
}

static inline void assert_port_closed(uint16_t port)
{
    assert_true(support_port_is_free(port));
}

static inline ssize_t receive(int fd, char *ret_bytes, size_t capacity, uint16_t *ret_port)
{
    struct datagram_arrival arrival;
    ssize_t size = datagram_socket_receive(fd, ret_bytes, capacity, &arrival);

    *ret_port = size < 0 ? 0 : ntohs(arrival.from.sin_port);
    return size;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
