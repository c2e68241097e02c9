/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams that Samba's nmbd hands on: its "unexpected" socket (wire.md 2.6) */

/*
 * nmbd has a Unix stream socket for programs that want the packets which it does not use itself.
 * The two sides exchange C structs as their compiler laid them out. Ours are spelled for a 64-bit
 * nmbd, whatever we are built as; a 32-bit nmbd would talk nonsense to us, and be left.
 *
 * A frame is read in two steps, head and body, and never further: so what is still in the stream
 * makes the descriptor readable again, and nothing can be left behind in a buffer of ours. Reading
 * must be eager, as nmbd skips a subscriber that lets ten packets pile up.
 */

#include "net/netbios/unexpected.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* wire.md 2.6, "client protocol"; in the byte order of the machine */
#define PACKET_NAME     0
#define PACKET_DATAGRAM 1
#define ANY_TRANSACTION (-1)
#define ACKNOWLEDGED    0

struct subscription
{
    int32_t type;
    int32_t padding1;
    uint64_t mailslot_name_size; /* 0: all; the name would follow */
    int32_t transaction;
    int32_t padding2;
};

struct frame_head
{
    uint64_t size;
    int32_t type;
    int32_t padding;
    int64_t time;
    struct in_addr address;
    int32_t port; /* host order */
};

_Static_assert(sizeof(struct subscription) == 24, "the layout of x86-64");
_Static_assert(sizeof(struct frame_head) == 32, "the layout of x86-64");

/* nmbd itself reads no more than 576 bytes; others that offer such a socket, any UDP payload. */
#define DATAGRAM_MAX 65535

/* nmbd has one thread, which may wait for a name; a dead one does not take our name from us. */
#define ACKNOWLEDGE_USEC (10 * UINT64_C(1000000))

#define BATCH 64

struct unexpected
{
    int fd;
    sd_event_source *readable;
    sd_event_source *timeout;
    struct unexpected_sink sink;
    bool acknowledged;
    size_t have; /* bytes of the frame: its head, then its body */
    union
    {
        struct frame_head head;
        uint8_t head_bytes[sizeof(struct frame_head)];
    };
    uint8_t body[DATAGRAM_MAX];
};

static void unexpected_end(struct unexpected *unexpected, int error)
{
    struct unexpected_sink sink = unexpected->sink;

    (void)sd_event_source_set_enabled(unexpected->readable, SD_EVENT_OFF);
    (void)sd_event_source_set_enabled(unexpected->timeout, SD_EVENT_OFF);
    sink.gone(sink.userdata, error);
}

/*
 * Reads up to `size` bytes. Returns 1 and how many, or 0 if there are none now or the unexpected
 * has ended (and may have been freed).
 */
static int unexpected_read(struct unexpected *unexpected, void *ret_bytes, size_t size,
                           size_t *ret_read)
{
    ssize_t r;

    do
    {
        r = recv(unexpected->fd, ret_bytes, size, MSG_DONTWAIT);
    } while (r < 0 && errno == EINTR);
    if (r > 0)
    {
        *ret_read = (size_t)r;
        return 1;
    }
    if (r == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
    {
        /* A killed nmbd that had not read all of ours resets the connection. */
        unexpected_end(unexpected, r == 0 || errno == ECONNRESET ? 0 : -errno);
    }
    return 0;
}

static int unexpected_read_acknowledgement(struct unexpected *unexpected)
{
    uint8_t byte = 0;
    size_t size;

    if (!unexpected_read(unexpected, &byte, 1, &size))
    {
        return 0;
    }
    if (byte != ACKNOWLEDGED)
    {
        unexpected_end(unexpected, -EPROTO);
        return 0;
    }
    unexpected->acknowledged = true;
    (void)sd_event_source_set_enabled(unexpected->timeout, SD_EVENT_OFF);
    if (unexpected->sink.ready)
    {
        unexpected->sink.ready(unexpected->sink.userdata);
    }
    return 1;
}

static void unexpected_hand_on(struct unexpected *unexpected)
{
    struct sockaddr_in from = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)unexpected->head.port),
        .sin_addr = unexpected->head.address,
    };

    unexpected->have = 0;
    /* Messages of the name service were not asked for, but are no nonsense either. */
    if (unexpected->head.type == PACKET_DATAGRAM)
    {
        unexpected->sink.datagram(unexpected->sink.userdata, unexpected->body,
                                  (size_t)unexpected->head.size, &from);
    }
}

/* One step. Returns 1 if a frame is complete, 2 if there may be more of it, 0 as above. */
static int unexpected_read_frame(struct unexpected *unexpected)
{
    const size_t head_size = sizeof(struct frame_head);
    const struct frame_head *head = &unexpected->head;
    size_t size, body_have;

    if (unexpected->have < head_size)
    {
        if (!unexpected_read(unexpected, unexpected->head_bytes + unexpected->have,
                             head_size - unexpected->have, &size))
        {
            return 0;
        }
        unexpected->have += size;
        if (unexpected->have < head_size)
        {
            return 2;
        }
        if (head->size > DATAGRAM_MAX || head->port < 0 || head->port > UINT16_MAX ||
            (head->type != PACKET_NAME && head->type != PACKET_DATAGRAM))
        {
            unexpected_end(unexpected, -EPROTO);
            return 0;
        }
        return head->size == 0 ? 1 : 2;
    }
    body_have = unexpected->have - head_size;
    if (!unexpected_read(unexpected, unexpected->body + body_have, (size_t)head->size - body_have,
                         &size))
    {
        return 0;
    }
    unexpected->have += size;
    return unexpected->have == head_size + head->size ? 1 : 2;
}

static int unexpected_on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct unexpected *unexpected = userdata;

    (void)source;
    (void)fd;
    (void)events;
    if (!unexpected->acknowledged)
    {
        /* What follows is read at the next wakeup: ready() may do a lot, even free. */
        (void)unexpected_read_acknowledgement(unexpected);
        return 0;
    }
    for (int frames = 0, steps = 0; frames < BATCH && steps < 4 * BATCH; steps++)
    {
        int r = unexpected_read_frame(unexpected);

        if (r == 0)
        {
            break;
        }
        if (r == 1)
        {
            frames++;
            unexpected_hand_on(unexpected);
        }
    }
    return 0;
}

static int unexpected_on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    unexpected_end(userdata, -ETIMEDOUT);
    return 0;
}

static int unexpected_connect(struct unexpected *unexpected, const char *path)
{
    struct subscription subscription = {.type = PACKET_DATAGRAM, .transaction = ANY_TRANSACTION};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    ssize_t sent;

    if (size >= sizeof(address.sun_path))
    {
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, size + 1);
    unexpected->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* A Unix socket connects at once or not at all: -EAGAIN is a full queue. */
    if (unexpected->fd < 0 ||
        connect(unexpected->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
    {
        return -errno;
    }
    sent = send(unexpected->fd, &subscription, sizeof(subscription), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0)
    {
        return -errno;
    }
    return sent == sizeof(subscription) ? 0 : -EAGAIN;
}

int unexpected_new(struct unexpected **ret_unexpected, sd_event *event, const char *path,
                   const struct unexpected_sink *sink)
{
    struct unexpected *unexpected;
    int r;

    /* The usual answer on a host without Samba, at the price of one system call. */
    if (access(path, F_OK) < 0)
    {
        return -errno;
    }
    unexpected = calloc(1, sizeof(*unexpected));
    if (!unexpected)
    {
        return -ENOMEM;
    }
    unexpected->fd = -1;
    unexpected->sink = *sink;
    r = unexpected_connect(unexpected, path);
    if (r == 0)
    {
        r = sd_event_add_io(event, &unexpected->readable, unexpected->fd, EPOLLIN,
                            unexpected_on_readable, unexpected);
    }
    if (r >= 0)
    {
        r = sd_event_add_time_relative(event, &unexpected->timeout, CLOCK_MONOTONIC,
                                       ACKNOWLEDGE_USEC, 0, unexpected_on_timeout, unexpected);
    }
    if (r < 0)
    {
        unexpected_free(unexpected);
        return r;
    }
    *ret_unexpected = unexpected;
    return 0;
}

struct unexpected *unexpected_free(struct unexpected *unexpected)
{
    if (!unexpected)
    {
        return NULL;
    }
    sd_event_source_disable_unref(unexpected->readable);
    sd_event_source_disable_unref(unexpected->timeout);
    if (unexpected->fd >= 0)
    {
        close(unexpected->fd);
    }
    free(unexpected);
    return NULL;
}
