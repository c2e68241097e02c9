/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process that keeps what a daemon must not lose, and its protocol. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Transport: AF_UNIX SOCK_SEQPACKET between the daemon and its keeper, who are of one user; one
 * packet is one message: a header, then bytes that mean nothing to the keeper. PUT comes with
 * descriptors, of which the first is the reading end of a lease. When a daemon connects, the keeper
 * sends it all that it has, as PUTs, and then END. From then on only the daemon speaks. These words
 * stay: a keeper may be older than its daemon.
 */
#define KEEPER_MAGIC    0x504b534du
#define KEEPER_FDS_MAX  3
#define KEEPER_DATA_MAX 100000u /* bytes; a slot's name may have 98304 */

enum keeper_word
{
    KEEPER_PUT = 1, /* keep this. What has the same id is replaced */
    KEEPER_DROP,    /* forget it */
    KEEPER_END,     /* that was all */
    KEEPER_BYE,     /* this daemon ends because it was told to: start no other */
};

struct keeper_header
{
    uint32_t magic;
    uint32_t word;
    uint64_t id;
};

/*
 * Makes one for the daemon that listens on `path`. `revives`: starts the daemon anew when it ends
 * without a word. Returns when it can be reached; -ENAMETOOLONG and others. It lives until no
 * daemon is connected and it has nothing (any more): in between it watches the leases itself, and
 * closes the queues of those that end.
 */
__attribute__((warn_unused_result)) int keeper_start(const char *path, bool revives);

/* What the process does: mailslotd does so under this name (of 15 bytes). */
#define KEEPER_NAME "mailslot-keeper"
int keeper_main(int argc, char **argv);

/* Connects to it. -ENOENT, -ECONNREFUSED: there is none. */
__attribute__((warn_unused_result)) int keeper_connect(const char *path, int *ret_socket);

/* One message. *ret_size bytes follow the header in `bytes` (of sizeof header + KEEPER_DATA_MAX).
 * Fds are the receiver's. -EPIPE, -EPROTO. */
__attribute__((warn_unused_result)) int keeper_send(int socket, enum keeper_word word, uint64_t id,
                                                    const void *data, uint32_t size, const int *fds,
                                                    unsigned int n_fds);
__attribute__((warn_unused_result)) int keeper_receive(int socket, struct keeper_header *ret,
                                                       void *data, uint32_t *ret_size, int *ret_fds,
                                                       unsigned int *ret_n_fds);
