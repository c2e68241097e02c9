/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The UDP sockets of NetBIOS: opening, why one can not be opened, sending, receiving */
#pragma once

#include "net/netbios/interfaces.h"

#include <sys/types.h>

#define SOCKET_TEXT_SIZE 512

/* What a socket does to others on the same port (wire.md 2.6). */
enum datagram_socket_mode
{
    /*
     * Fails with -EADDRINUSE if anybody has the port, whatever he allows. Whoever comes later and
     * sets SO_REUSEADDR, as nmbd does, is let in; another exclusive one is not.
     */
    DATAGRAM_SOCKET_EXCLUSIVE,
    DATAGRAM_SOCKET_SHARED, /* beside all who set SO_REUSEADDR */
};

/*
 * Binds 0.0.0.0:port. Port 0: a random free one, never shared. Non-blocking, close-on-exec, may
 * broadcast, reports the interface, with a large receive buffer if the kernel grants it.
 */
int datagram_socket_open(int *ret_fd, uint16_t port, enum datagram_socket_mode mode)
    __attribute__((warn_unused_result));

/*
 * Makes a socket that somebody else opened and bound behave the same as an exclusive one that is
 * open, and tells its port. -EINVAL: not a bound UDP socket of IPv4. The descriptor stays the
 * caller's.
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

/* Sends to one address; the route decides which own address it comes from. As above. */
int datagram_socket_send(int fd, struct in_addr to, uint16_t port, const void *bytes, size_t size)
    __attribute__((warn_unused_result));

/* Where a datagram goes, and from where. */
struct datagram_way
{
    struct in_addr to;
    uint16_t port;
    struct in_addr from;          /* 0.0.0.0: by the host's routes */
    unsigned int interface_index; /* 0: by the host's routes */
    bool broadcast;               /* for those who count */
};

struct datagram_way datagram_way_broadcast(const struct interface *interface, uint16_t port);

/*
 * Sends `size` bytes as datagrams of `piece` bytes each, the last one possibly shorter; piece 0: as
 * one datagram. At most 64 pieces and 65507 bytes. A negative errno: nothing was sent, and with
 * pieces that may mean that this interface can not cut: try them one by one.
 */
int datagram_socket_send_cut(int fd, const struct datagram_way *way, const void *bytes, size_t size,
                             uint16_t piece) __attribute__((warn_unused_result));

/* Whether the kernel knows how to (UDP_SEGMENT, Linux 4.18): older ones would send one large. */
bool datagram_socket_can_cut(int fd);

/* The own address that datagrams to `to` leave from, by the host's routes. A negative errno. */
int datagram_socket_source(struct in_addr to, struct in_addr *ret_source)
    __attribute__((warn_unused_result));

struct datagram_arrival
{
    struct sockaddr_in from;
    struct in_addr to;            /* own address it was sent to; 0: unknown, or a broadcast */
    unsigned int interface_index; /* 0: unknown */
    bool broadcast;               /* it was sent to a broadcast address */
    bool truncated;               /* the buffer was too small */
    bool question;                /* to the socket for questions; filled in by lan.c */
};

/*
 * Takes one datagram. Returns its size (0 is an empty datagram, not the end), or a negative errno;
 * -EAGAIN: none left.
 */
ssize_t datagram_socket_receive(int fd, void *ret_bytes, size_t capacity,
                                struct datagram_arrival *ret_arrival)
    __attribute__((warn_unused_result));

/* Buffers to take several datagrams with one system call. */
struct datagram_batch;

int datagram_batch_new(struct datagram_batch **ret_batch) __attribute__((warn_unused_result));
struct datagram_batch *datagram_batch_free(struct datagram_batch *batch);

/*
 * Takes as many datagrams as there are and as the batch has room for: returns how many, at least
 * one, or a negative errno as above. They stay until the next call.
 */
int datagram_batch_receive(struct datagram_batch *batch, int fd)
    __attribute__((warn_unused_result));

/* Datagram `index` of those. Returns its size. */
size_t datagram_batch_get(const struct datagram_batch *batch, int index, const void **ret_bytes,
                          struct datagram_arrival *ret_arrival);

/*
 * Whether the kernel shall drop the copies of this host's own broadcasts from our port on their way
 * back to this socket. 0 or a negative errno; the socket works without, too.
 */
int datagram_socket_drop_own(int fd, uint16_t port, bool drop) __attribute__((warn_unused_result));
