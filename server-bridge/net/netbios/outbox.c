/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams on their way out: at once, or several with one system call */

/*
 * Most of what a datagram costs is its way through the kernel: the route, the headers, the queues
 * of the interface, and back again to those on this host who listen to broadcasts. The kernel takes
 * several datagrams of one size to one address along that way as one piece, and cuts it up at its
 * end (UDP_SEGMENT). On the cable they are the same datagrams as ever, each with its own headers;
 * only who captures packets on this very host sees the piece. Nothing waits for company: those that
 * leave together are those that a program had posted before the daemon got round to the first.
 */

#include "net/netbios/outbox.h"

#include "net/netbios/datagram.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Addresses of one message: interfaces, peers, members of a group. More are no error. */
#define OUTBOX_PILES 8

/* A burst that the queue of a small switch or of an old receiver has room for. */
#define PILE_MAX 32

/*
 * A program writes faster than a slow cable carries: what the kernel has no room for waits, and
 * with it the program, as on Windows. Half of a socket's buffer takes 50 ms on 10 MBit/s. An
 * interface that carries nothing at all shall not hold up everybody again and again.
 */
#define WAIT_USEC    (100 * UINT64_C(1000))
#define NO_WAIT_USEC (1000 * UINT64_C(1000))

_Static_assert(PILE_MAX *DATAGRAM_SIZE_MAX <= 65507, "the payload of one UDP datagram");

/* Datagrams of one size to one address. */
struct outbox_pile
{
    struct datagram_way way;
    int fd;
    size_t n, size; /* of each */
    uint8_t bytes[PILE_MAX * DATAGRAM_SIZE_MAX];
};

struct outbox
{
    struct net_counters *counters;
    bool held;
    uint64_t no_wait_until; /* microseconds of CLOCK_MONOTONIC */
    size_t n;
    struct outbox_pile piles[OUTBOX_PILES]; /* the memory of those never used is never touched */
};

int outbox_new(struct outbox **ret_outbox, struct net_counters *counters)
{
    struct outbox *outbox = calloc(1, sizeof(*outbox));

    if (!outbox)
    {
        return -ENOMEM;
    }
    outbox->counters = counters;
    *ret_outbox = outbox;
    return 0;
}

struct outbox *outbox_free(struct outbox *outbox)
{
    free(outbox);
    return NULL;
}

static void outbox_count(struct outbox *outbox, const struct datagram_way *way, size_t n, int r)
{
    uint64_t *values = outbox->counters->values;

    if (r < 0)
    {
        values[NET_COUNTER_SEND_FAILED] += n;
        return;
    }
    values[NET_COUNTER_SENT_DATAGRAMS] += n;
    values[NET_COUNTER_SENT_UNICAST] += way->broadcast ? 0 : n;
}

static uint64_t outbox_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* piece as for datagram_socket_send_cut(). */
static int outbox_write(struct outbox *outbox, int fd, const struct datagram_way *way,
                        const void *bytes, size_t size, size_t piece)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    int r = datagram_socket_send_cut(fd, way, bytes, size, (uint16_t)piece);
    uint64_t now, end;

    if (r != -EAGAIN)
    {
        return r;
    }
    now = outbox_now();
    if (now < outbox->no_wait_until)
    {
        return r;
    }
    for (end = now + WAIT_USEC; r == -EAGAIN && now < end; now = outbox_now())
    {
        (void)poll(&room, 1, (int)((end - now) / 1000 + 1));
        r = datagram_socket_send_cut(fd, way, bytes, size, (uint16_t)piece);
    }
    if (r == -EAGAIN)
    {
        outbox->no_wait_until = now + NO_WAIT_USEC;
    }
    return r;
}

static int outbox_send(struct outbox *outbox, int fd, const struct datagram_way *way,
                       const void *bytes, size_t size)
{
    int r = outbox_write(outbox, fd, way, bytes, size, 0);

    outbox_count(outbox, way, 1, r);
    return r;
}

static void outbox_send_pile(struct outbox *outbox, struct outbox_pile *pile)
{
    size_t n = pile->n;

    pile->n = 0;
    if (n > 1 && datagram_socket_can_cut(pile->fd) &&
        outbox_write(outbox, pile->fd, &pile->way, pile->bytes, n * pile->size, pile->size) == 0)
    {
        outbox_count(outbox, &pile->way, n, 0);
        return;
    }
    /* An interface that can not: one by one is always right. */
    for (size_t i = 0; i < n; i++)
    {
        (void)outbox_send(outbox, pile->fd, &pile->way, pile->bytes + i * pile->size, pile->size);
    }
}

void outbox_flush(struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->n; i++)
    {
        outbox_send_pile(outbox, &outbox->piles[i]);
    }
    outbox->n = 0;
}

void outbox_hold(struct outbox *outbox)
{
    outbox->held = true;
}

void outbox_release(struct outbox *outbox)
{
    outbox->held = false;
    outbox_flush(outbox);
}

static bool pile_goes_there(const struct outbox_pile *pile, int fd, const struct datagram_way *way)
{
    return pile->fd == fd && pile->way.to.s_addr == way->to.s_addr && pile->way.port == way->port &&
           pile->way.from.s_addr == way->from.s_addr &&
           pile->way.interface_index == way->interface_index;
}

/* With room for one more of that size. */
static struct outbox_pile *outbox_pile_for(struct outbox *outbox, int fd,
                                           const struct datagram_way *way, size_t size)
{
    struct outbox_pile *pile;

    for (size_t i = 0; i < outbox->n; i++)
    {
        pile = &outbox->piles[i];
        if (!pile_goes_there(pile, fd, way))
        {
            continue;
        }
        if (pile->n == PILE_MAX || pile->size != size)
        {
            outbox_send_pile(outbox, pile);
            pile->size = size;
        }
        return pile;
    }
    if (outbox->n == OUTBOX_PILES)
    {
        outbox_flush(outbox);
    }
    pile = &outbox->piles[outbox->n++];
    pile->way = *way;
    pile->fd = fd;
    pile->n = 0;
    pile->size = size;
    return pile;
}

int outbox_put(struct outbox *outbox, int fd, const struct datagram_way *way, const void *bytes,
               size_t size)
{
    struct outbox_pile *pile;

    if (!outbox->held || size == 0 || size > DATAGRAM_SIZE_MAX)
    {
        outbox_flush(outbox);
        return outbox_send(outbox, fd, way, bytes, size);
    }
    pile = outbox_pile_for(outbox, fd, way, size);
    memcpy(pile->bytes + pile->n++ * size, bytes, size);
    return 0;
}
