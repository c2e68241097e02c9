/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One control packet: built, sent, received, taken apart. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/protocol.h"

/*
 * A packet being built or read. `bytes` belongs to the caller and has `capacity` bytes, aligned for
 * struct control_header; fds belong to the packet from packet_receive() on, until packet_take_fd()
 * or packet_close_fds(). Not thread-safe.
 */
struct packet
{
    uint8_t *bytes;
    size_t capacity;
    size_t size;
    int fds[CONTROL_FDS_MAX];
    unsigned int n_fds;
};

/* An empty packet over `bytes`. */
void packet_init(struct packet *packet, void *bytes, size_t capacity);

/* Starts a message of `type`; the body is zeroed and returned for filling in. */
void *packet_start(struct packet *packet, uint16_t type, uint32_t serial, int32_t result,
                   size_t body_size);

/* Appends `size` extra bytes. -EMSGSIZE when they do not fit. */
__attribute__((warn_unused_result)) int packet_append(struct packet *packet, const void *data,
                                                      size_t size);

/* Adds a descriptor to be sent along; it stays the caller's. */
void packet_add_fd(struct packet *packet, int fd);

/* Sends it as one packet. Negative errno; -EPIPE when the other side is gone. */
__attribute__((warn_unused_result)) int packet_send(int socket, const struct packet *packet,
                                                    int flags);

/*
 * Receives one packet and checks magic and size; the version is the caller's to check. -EPIPE at
 * the end of the connection, -EPROTO for anything malformed, -EAGAIN as recvmsg. -EMFILE: the bytes
 * are there and well-formed, but descriptors were lost: more than CONTROL_FDS_MAX, or more than
 * this process may have. After any error no descriptor is left in the packet.
 */
__attribute__((warn_unused_result)) int packet_receive(int socket, struct packet *packet,
                                                       int flags);

const struct control_header *packet_header(const struct packet *packet);

/* Copies the body of a received packet; bytes that an older sender left out are zero. */
void packet_body(const struct packet *packet, void *ret_body, size_t body_size);

/* The bytes behind a body of `body_size`. */
const uint8_t *packet_extra(const struct packet *packet, size_t body_size, size_t *ret_size);

/* Takes descriptor `index` out of the packet (-1 when there is none); the caller closes it. */
int packet_take_fd(struct packet *packet, unsigned int index);

void packet_close_fds(struct packet *packet);
