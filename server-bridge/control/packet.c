/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One control packet: built, sent, received, taken apart. */
#include "control/packet.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void packet_init(struct packet *packet, void *bytes, size_t capacity)
{
    *packet = (struct packet){.bytes = bytes, .capacity = capacity};
}

void *packet_start(struct packet *packet, uint16_t type, uint32_t serial, int32_t result,
                   size_t body_size)
{
    struct control_header header = {
        .magic = CONTROL_MAGIC,
        .version = CONTROL_VERSION,
        .type = type,
        .serial = serial,
        .result = result,
    };

    assert(sizeof(header) + body_size <= packet->capacity);
    memcpy(packet->bytes, &header, sizeof(header));
    memset(packet->bytes + sizeof(header), 0, body_size);
    packet->size = sizeof(header) + body_size;
    packet->n_fds = 0;
    return packet->bytes + sizeof(header);
}

int packet_append(struct packet *packet, const void *data, size_t size)
{
    if (size > packet->capacity - packet->size)
        return -EMSGSIZE;
    if (size)
        memcpy(packet->bytes + packet->size, data, size);
    packet->size += size;
    return 0;
}

void packet_add_fd(struct packet *packet, int fd)
{
    assert(packet->n_fds < CONTROL_FDS_MAX);
    packet->fds[packet->n_fds++] = fd;
}

int packet_send(int socket, const struct packet *packet, int flags)
{
    union
    {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * CONTROL_FDS_MAX)];
    } control;
    struct iovec iov = {.iov_base = packet->bytes, .iov_len = packet->size};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t sent;

    if (packet->n_fds)
    {
        memset(&control, 0, sizeof(control));
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * packet->n_fds);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int) * packet->n_fds);
        memcpy(CMSG_DATA(&control.header), packet->fds, sizeof(int) * packet->n_fds);
    }
    do
        sent = sendmsg(socket, &message, flags | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return errno == ECONNRESET ? -EPIPE : -errno;
    return 0;
}

/* Descriptors beyond CONTROL_FDS_MAX are dropped by the kernel, which sets MSG_CTRUNC. */
static void packet_collect_fds(struct packet *packet, struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
    {
        size_t n;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++)
        {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (packet->n_fds < CONTROL_FDS_MAX)
                packet->fds[packet->n_fds++] = fd;
            else
                close(fd);
        }
    }
}

int packet_receive(int socket, struct packet *packet, int flags)
{
    union
    {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * CONTROL_FDS_MAX)];
    } control;
    struct iovec iov = {.iov_base = packet->bytes, .iov_len = packet->capacity};
    struct msghdr message = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    const struct control_header *header;
    ssize_t size;
    int r = 0;

    packet->size = 0;
    packet->n_fds = 0;
    do
        size = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return errno == ECONNRESET ? -EPIPE : -errno;
    /* First the descriptors: even a packet without bytes, which says the end, may carry some. */
    packet_collect_fds(packet, &message);
    packet->size = size;
    header = packet_header(packet);
    if (size == 0)
        r = -EPIPE;
    else if ((message.msg_flags & MSG_TRUNC) || packet->size < sizeof(*header) ||
             header->magic != CONTROL_MAGIC)
        r = -EPROTO;
    else if (message.msg_flags & MSG_CTRUNC)
        r = -EMFILE;
    if (r < 0)
        packet_close_fds(packet);
    return r;
}

const struct control_header *packet_header(const struct packet *packet)
{
    return (const struct control_header *)packet->bytes;
}

void packet_body(const struct packet *packet, void *ret_body, size_t body_size)
{
    size_t there = packet->size - sizeof(struct control_header);

    memset(ret_body, 0, body_size);
    memcpy(ret_body, packet->bytes + sizeof(struct control_header),
           there < body_size ? there : body_size);
}

const uint8_t *packet_extra(const struct packet *packet, size_t body_size, size_t *ret_size)
{
    size_t start = sizeof(struct control_header) + body_size;

    if (packet->size <= start)
    {
        *ret_size = 0;
        return packet->bytes + packet->size;
    }
    *ret_size = packet->size - start;
    return packet->bytes + start;
}

int packet_take_fd(struct packet *packet, unsigned int index)
{
    int fd = -1;

    if (index < packet->n_fds)
    {
        fd = packet->fds[index];
        packet->fds[index] = -1;
    }
    return fd;
}

void packet_close_fds(struct packet *packet)
{
    for (unsigned int i = 0; i < packet->n_fds; i++)
        if (packet->fds[i] >= 0)
            close(packet->fds[i]);
    packet->n_fds = 0;
}
