/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The UDP sockets of NetBIOS: opening, why one can not be opened, sending, receiving */

/*
 * Who may share a UDP port is decided when the later socket is bound: Linux lets it in if both have
 * SO_REUSEADDR at that moment. So a socket that is bound without and gets it afterwards keeps out
 * nobody who asks for it (nmbd does, on every socket), was itself alone when it came, and keeps out
 * the next one that comes in the same way: a second mailslotd (wire.md 2.6).
 */

#include "net/netbios/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Our own broadcasts come back to this buffer, beside everybody else's: ask for room. A datagram of
 * 600 bytes is charged with more than twice that.
 */
#define RECEIVE_BUFFER_SIZE (4 * 1024 * 1024)

_Static_assert(SOCKET_TEXT_SIZE == 512, "the sizes in the header's prototype");

static int datagram_socket_configure(int fd)
{
    int on = 1, size = RECEIVE_BUFFER_SIZE, given = 0;
    socklen_t given_size = sizeof(given);

    if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) < 0 ||
        setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0)
    {
        return -errno;
    }
    /* The service manager may have given it more than we may; the kernel tells twice the size. */
    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &given, &given_size) == 0 && given >= 2 * size)
    {
        return 0;
    }
    /* Beyond the limit for everybody with CAP_NET_ADMIN, else up to it: less is not an error. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
    {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    }
    return 0;
}

static int datagram_socket_allow_others(int fd)
{
    int on = 1;

    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ? -errno : 0;
}

int datagram_socket_open(int *ret_fd, uint16_t port, enum datagram_socket_mode mode)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    bool shared = mode == DATAGRAM_SOCKET_SHARED && port != 0;
    int fd, r;

    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
    {
        return -errno;
    }
    r = datagram_socket_configure(fd);
    if (r == 0 && shared)
    {
        r = datagram_socket_allow_others(fd);
    }
    if (r == 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
    {
        r = -errno;
    }
    if (r == 0 && port != 0 && !shared)
    {
        r = datagram_socket_allow_others(fd);
    }
    if (r < 0)
    {
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

int datagram_socket_adopt(int fd, uint16_t *ret_port)
{
    struct sockaddr_in address = {};
    socklen_t address_size = sizeof(address), type_size = sizeof(int);
    int type, flags, r;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0 || type != SOCK_DGRAM ||
        getsockname(fd, (struct sockaddr *)&address, &address_size) < 0 ||
        address.sin_family != AF_INET || address.sin_port == 0)
    {
        return -EINVAL;
    }
    r = datagram_socket_configure(fd);
    if (r == 0)
    {
        r = datagram_socket_allow_others(fd);
    }
    if (r < 0)
    {
        return r;
    }
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
    {
        return -errno;
    }
    *ret_port = ntohs(address.sin_port);
    return 0;
}

void datagram_socket_explain(int error, uint16_t port, uint16_t lowest_port,
                             char ret_reason[static 512], char ret_fix[static 512])
{
    char program[256];
    ssize_t size;

    switch (error)
    {
    case EACCES:
    case EPERM:
        size = readlink("/proc/self/exe", program, sizeof(program) - 1);
        program[size > 0 ? size : 0] = 0;
        snprintf(ret_reason, SOCKET_TEXT_SIZE, "no permission to use UDP port %u", port);
        /* A path that fills the buffer may have been cut. */
        if (size > 0 && (size_t)size < sizeof(program) - 1)
        {
            snprintf(ret_fix, SOCKET_TEXT_SIZE,
                     "sudo sysctl net.ipv4.ip_unprivileged_port_start=%u   (or: sudo setcap "
                     "cap_net_bind_service=+ep %s)",
                     lowest_port, program);
        }
        else
        {
            snprintf(ret_fix, SOCKET_TEXT_SIZE,
                     "sudo sysctl net.ipv4.ip_unprivileged_port_start=%u", lowest_port);
        }
        break;
    case EADDRINUSE:
        snprintf(ret_reason, SOCKET_TEXT_SIZE,
                 "UDP port %u is in use by another program (Samba's nmbd, another mailslotd)",
                 port);
        snprintf(ret_fix, SOCKET_TEXT_SIZE, "sudo ss -ulpn 'sport = :%u'", port);
        break;
    default:
        snprintf(ret_reason, SOCKET_TEXT_SIZE, "UDP port %u can not be opened: %s", port,
                 strerror(error));
        ret_fix[0] = 0;
        break;
    }
}

/* Room for what is said of a datagram beside its bytes. */
union datagram_control
{
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
};

static void control_add(struct msghdr *message, int level, int type, const void *data, size_t size)
{
    struct cmsghdr *header =
        (struct cmsghdr *)((char *)message->msg_control + message->msg_controllen);

    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(header), data, size);
    message->msg_controllen += CMSG_SPACE(size);
}

int datagram_socket_send_cut(int fd, const struct datagram_way *way, const void *bytes, size_t size,
                             uint16_t piece)
{
    union datagram_control control = {};
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(way->port),
        .sin_addr = way->to,
    };
    struct in_pktinfo info = {
        .ipi_ifindex = (int)way->interface_index,
        .ipi_spec_dst = way->from,
    };
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {
        .msg_name = &to,
        .msg_namelen = sizeof(to),
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = &control,
    };

    if (way->interface_index || way->from.s_addr)
    {
        control_add(&message, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
    }
    if (piece)
    {
        control_add(&message, IPPROTO_UDP, UDP_SEGMENT, &piece, sizeof(piece));
    }
    while (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
    {
        if (errno != EINTR)
        {
            return -errno;
        }
    }
    return 0;
}

bool datagram_socket_can_cut(int fd)
{
    int piece;
    socklen_t size = sizeof(piece);

    return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &piece, &size) == 0;
}

struct datagram_way datagram_way_broadcast(const struct interface *interface, uint16_t port)
{
    return (struct datagram_way){
        .to = interface->broadcast,
        .port = port,
        .from = interface->address,
        .interface_index = interface->index,
        .broadcast = true,
    };
}

int datagram_socket_send(int fd, struct in_addr to, uint16_t port, const void *bytes, size_t size)
{
    const struct datagram_way way = {.to = to, .port = port};

    return datagram_socket_send_cut(fd, &way, bytes, size, 0);
}

int datagram_socket_broadcast(int fd, const struct interface *interface, uint16_t port,
                              const void *bytes, size_t size)
{
    const struct datagram_way way = datagram_way_broadcast(interface, port);

    return datagram_socket_send_cut(fd, &way, bytes, size, 0);
}

int datagram_socket_source(struct in_addr to, struct in_addr *ret_source)
{
    /* Nothing is sent: connecting a UDP socket only looks the route up. Any port will do. */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = to};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

    if (fd < 0)
    {
        return -errno;
    }
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
    {
        r = -errno;
    }
    else
    {
        *ret_source = address.sin_addr;
    }
    close(fd);
    return r;
}

/* What the kernel says of a datagram, but for its sender. */
static void arrival_read(struct datagram_arrival *arrival, struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
    {
        struct in_pktinfo info;

        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO &&
            c->cmsg_len >= CMSG_LEN(sizeof(info)))
        {
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            arrival->interface_index = (unsigned int)info.ipi_ifindex;
            arrival->broadcast = info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr;
            if (!arrival->broadcast)
            {
                arrival->to = info.ipi_addr;
            }
        }
    }
    arrival->truncated = message->msg_flags & MSG_TRUNC;
}

ssize_t datagram_socket_receive(int fd, void *ret_bytes, size_t capacity,
                                struct datagram_arrival *ret_arrival)
{
    union datagram_control control;
    struct datagram_arrival arrival = {};
    struct iovec vector = {.iov_base = ret_bytes, .iov_len = capacity};
    struct msghdr message = {
        .msg_name = &arrival.from,
        .msg_namelen = sizeof(arrival.from),
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    ssize_t size;

    do
    {
        size = recvmsg(fd, &message, MSG_DONTWAIT);
    } while (size < 0 && errno == EINTR);
    if (size < 0)
    {
        return -errno;
    }
    arrival_read(&arrival, &message);
    *ret_arrival = arrival;
    return size;
}

/* --- several at once ---------------------------------------------------------------------------
 */

#define BATCH_MAX 64

/*
 * A whole UDP payload has 65507 bytes. Only the pages that datagrams have touched take memory; the
 * rest of a line keeps the buffers from all falling on the same lines of the processor's cache.
 */
#define BATCH_BUFFER (65536 + 1088)

struct datagram_batch
{
    struct mmsghdr messages[BATCH_MAX];
    struct iovec vectors[BATCH_MAX];
    struct sockaddr_in senders[BATCH_MAX];
    union datagram_control controls[BATCH_MAX];
    uint8_t buffers[BATCH_MAX][BATCH_BUFFER];
};

int datagram_batch_new(struct datagram_batch **ret_batch)
{
    struct datagram_batch *batch = calloc(1, sizeof(*batch));

    if (!batch)
    {
        return -ENOMEM;
    }
    for (size_t i = 0; i < BATCH_MAX; i++)
    {
        struct msghdr *message = &batch->messages[i].msg_hdr;

        batch->vectors[i] = (struct iovec){batch->buffers[i], sizeof(batch->buffers[i])};
        message->msg_name = &batch->senders[i];
        message->msg_iov = &batch->vectors[i];
        message->msg_iovlen = 1;
        message->msg_control = &batch->controls[i];
    }
    *ret_batch = batch;
    return 0;
}

struct datagram_batch *datagram_batch_free(struct datagram_batch *batch)
{
    free(batch);
    return NULL;
}

int datagram_batch_receive(struct datagram_batch *batch, int fd)
{
    int n;

    /* What the kernel has written over in the call before. */
    for (size_t i = 0; i < BATCH_MAX; i++)
    {
        batch->messages[i].msg_hdr.msg_namelen = sizeof(batch->senders[i]);
        batch->messages[i].msg_hdr.msg_controllen = sizeof(batch->controls[i]);
    }
    do
    {
        n = recvmmsg(fd, batch->messages, BATCH_MAX, MSG_DONTWAIT, NULL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

size_t datagram_batch_get(const struct datagram_batch *batch, int index, const void **ret_bytes,
                          struct datagram_arrival *ret_arrival)
{
    struct msghdr message = batch->messages[index].msg_hdr;

    *ret_arrival = (struct datagram_arrival){.from = batch->senders[index]};
    arrival_read(ret_arrival, &message);
    *ret_bytes = batch->buffers[index];
    return batch->messages[index].msg_len;
}

/* --- own copies ----------------------------------------------------------------------------------
 */

int datagram_socket_drop_own(int fd, uint16_t port, bool drop)
{
    /* The bytes begin with the UDP header, the source port is its first field (RFC 768). */
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_LOOPBACK, 0, 3),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog filter = {sizeof(program) / sizeof(*program), program};
    int unused = 0;

    if (drop)
    {
        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ? -errno
                                                                                         : 0;
    }
    return setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused)) < 0 &&
                   errno != ENOENT
               ? -errno
               : 0;
}
