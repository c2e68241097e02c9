/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client of netbios/unexpected, and a false nmbd that the test plays */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/unexpected.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HEAD_SIZE  32
#define FRAME_SIZE (HEAD_SIZE + 65536)

struct client
{
    sd_event *event;
    struct unexpected *unexpected;
    char folder[32], path[64];
    int listener, server;
    unsigned int ready, datagrams, gone;
    int error;
    bool free_when_gone;
    size_t size;
    struct sockaddr_in from;
    uint8_t bytes[65536];
};

static inline void on_ready(void *userdata)
{
    struct client *client = userdata;

    client->ready++;
}

static inline void on_datagram(void *userdata, const void *bytes, size_t size,
                               const struct sockaddr_in *from)
{
    struct client *client = userdata;

    assert_true(size <= sizeof(client->bytes));
    assert_int_equal(client->gone, 0);
    client->datagrams++;
    memcpy(client->bytes, bytes, size);
    client->size = size;
    client->from = *from;
}

static inline void on_gone(void *userdata, int error)
{
    struct client *client = userdata;

    client->gone++;
    client->error = error;
    if (client->free_when_gone)
    {
        client->unexpected = unexpected_free(client->unexpected);
    }
}

static inline void listen_at_path(struct client *client)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, client->path, sizeof(client->path));
    client->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(client->listener >= 0);
    assert_int_equal(bind(client->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(client->listener, 5), 0);
}

static inline int set_up(void **state)
{
    struct client *client = calloc(1, sizeof(*client));

    assert_non_null(client);
    assert_true(sd_event_new(&client->event) >= 0);
    strcpy(client->folder, "/tmp/test_unexpected.XXXXXX");
    assert_non_null(mkdtemp(client->folder));
    snprintf(client->path, sizeof(client->path), "%s/unexpected", client->folder);
    client->server = -1;
    listen_at_path(client);
    *state = client;
    return 0;
}

static inline void close_server(struct client *client)
{
    if (client->server >= 0)
    {
        close(client->server);
    }
    client->server = -1;
}

static inline int tear_down(void **state)
{
    struct client *client = *state;

    unexpected_free(client->unexpected);
    close_server(client);
    close(client->listener);
    unlink(client->path);
    rmdir(client->folder);
    sd_event_unref(client->event);
    free(client);
    return 0;
}

static inline int connect_client(struct client *client)
{
    const struct unexpected_sink sink = {client, on_ready, on_datagram, on_gone};

    client->ready = client->datagrams = client->gone = 0;
    client->error = 1;
    return unexpected_new(&client->unexpected, client->event, client->path, &sink);
}

/* As far as the subscription, which every connection sends alike. */
static inline void start(struct client *client)
{
    static const uint8_t EXPECTED[24] = {1, 0, 0, 0, 0,    0,    0,    0,    0, 0, 0, 0,
                                         0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
    uint8_t bytes[64];

    assert_int_equal(connect_client(client), 0);
    client->server = accept4(client->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(client->server >= 0);
    assert_int_equal(recv(client->server, bytes, sizeof(bytes), MSG_DONTWAIT), sizeof(EXPECTED));
    assert_memory_equal(bytes, EXPECTED, sizeof(EXPECTED));
}

static inline void stop(struct client *client)
{
    client->unexpected = unexpected_free(client->unexpected);
    close_server(client);
}

/* Until nothing is to be done; a loop without an end is found by its length. */
static inline void turn(struct client *client)
{
    for (int i = 0; sd_event_run(client->event, 0) > 0; i++)
    {
        assert_true(i < 100000);
    }
}

static inline void give(struct client *client, const void *bytes, size_t size)
{
    assert_int_equal(send(client->server, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT), size);
}

static inline void acknowledge(struct client *client)
{
    give(client, "", 1);
    turn(client);
    assert_int_equal(client->ready, 1);
}

/* The head as nmbd on x86-64 writes it, with rubbish in the padding. Returns its size. */
static inline size_t write_head(uint8_t *ret, uint64_t size, int32_t type, int32_t port)
{
    uint32_t address = inet_addr("10.77.0.3");

    memset(ret, 0xa5, HEAD_SIZE);
    memcpy(ret, &size, 8);
    memcpy(ret + 8, &type, 4);
    memcpy(ret + 24, &address, 4);
    memcpy(ret + 28, &port, 4);
    return HEAD_SIZE;
}

static inline size_t write_frame(uint8_t *ret, const char *text)
{
    size_t size = strlen(text);

    write_head(ret, size, 1, 138);
    for (size_t i = 0; i < size; i++)
    {
        ret[HEAD_SIZE + i] = (uint8_t)text[i];
    }
    return HEAD_SIZE + size;
}

static inline void assert_last(struct client *client, const char *text)
{
    assert_int_equal(client->size, strlen(text));
    assert_memory_equal(client->bytes, text, client->size);
    assert_int_equal(client->from.sin_family, AF_INET);
    assert_int_equal(client->from.sin_addr.s_addr, inet_addr("10.77.0.3"));
    assert_int_equal(ntohs(client->from.sin_port), 138);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
