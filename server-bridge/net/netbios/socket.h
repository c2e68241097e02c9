/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The UDP socket of the datagram service: opening, why it can not be opened, sending, receiving */
#pragma once

#include "net/netbios/interfaces.h"

#include <sys/types.h>

#define SOCKET_TEXT_SIZE 512

/* Binds 0.0.0.0:port. Non-blocking, close-on-exec, may broadcast, reports the interface. */
int datagram_socket_open(int *ret_fd, uint16_t port) __attribute__((warn_unused_result));

/*
 * Makes a socket that somebody else opened and bound behave the same, and tells its port. -EINVAL:
 * not a bound UDP socket of IPv4. The descriptor stays the caller's.
 */
int datagram_socket_adopt(int fd, uint16_t *ret_port) __attribute__((warn_unused_result));

/*
 * Why `error` (errno) came of binding `port`, in plain English, and the command that fixes it or
 * shows the cause (empty if none is known). `lowest_port` is the lowest one that will be needed.
 */
void datagram_socket_explain(int error, uint16_t port, uint16_t lowest_port,
                             char ret_reason[static 512], char ret_fix[static 512]);

/* Sends to the interface's broadcast address, from its own address. 0 or a negative errno. */
int datagram_socket_broadcast(int fd, const struct interface *interface, uint16_t port,
                              const void *bytes, size_t size) __attribute__((warn_unused_result));

struct datagram_arrival
{
    struct sockaddr_in from;
    unsigned int interface_index; /* 0: unknown */
    bool truncated;               /* the buffer was too small */
};

/*
 * Takes one datagram. Returns its size (0 is an empty datagram, not the end), or a negative errno;
 * -EAGAIN: none left.
 */
ssize_t datagram_socket_receive(int fd, void *ret_bytes, size_t capacity,
                                struct datagram_arrival *ret_arrival)
    __attribute__((warn_unused_result));
