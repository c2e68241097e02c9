/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tests of net have in common: sockets of any port, settings, results */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/net.h"
#include "net/netbios/name.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

static const char *const LOOPBACK[] = {"lo"};
static const char *const NOWHERE[] = {"nosuch0"};
static const struct netbios_scope no_scope;

static inline int bind_any(uint16_t *ret_port)
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

static inline struct net_config settings(const char *const *interfaces)
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

static inline void on_done(void *userdata, int result)
{
    int *results = userdata;

    /* Exactly once. */
    assert_int_equal(*results, -1);
    *results = result;
}
