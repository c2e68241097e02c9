/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UDP ports that are this test's own while others run beside it. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Below what the kernel gives to sockets that name no port (ip_local_port_range). */
#define SUPPORT_PORT_FIRST 10000
#define SUPPORT_PORT_LAST  29999

static inline bool support_port_is_free(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool free = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    close(fd);
    return free;
}

/*
 * A name that only one process of the network namespace can have says whose the port is, also
 * while no socket is bound to it. It goes with the process: its descriptor stays open.
 */
static inline bool support_port_claim(uint16_t port)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int size = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
                        "wine-mailslot/test-port/%u", (unsigned int)port);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);

    if (bind(fd, (struct sockaddr *)&address, length) < 0)
    {
        close(fd);
        return false;
    }
    return true;
}

/*
 * The first of count ports in a row that are free and were given to no test that still runs, this
 * one included; 0: there are none.
 */
static inline uint16_t support_ports(unsigned int count)
{
    uint16_t port =
        (uint16_t)(SUPPORT_PORT_FIRST + getpid() * 16 % (SUPPORT_PORT_LAST - SUPPORT_PORT_FIRST));
    unsigned int got = 0;

    for (int i = SUPPORT_PORT_FIRST; i <= SUPPORT_PORT_LAST; i++, port++)
    {
        if (port > SUPPORT_PORT_LAST)
        {
            port = SUPPORT_PORT_FIRST;
            got = 0;
        }
        got = support_port_claim(port) && support_port_is_free(port) ? got + 1 : 0;
        if (got == count)
        {
            return (uint16_t)(port - count + 1);
        }
    }
    return 0;
}
