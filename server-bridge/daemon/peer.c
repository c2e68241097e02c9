/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connected program. */
#include "daemon/peer.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

/*
 * Requests answered for one program before others get their turn; a guest's turn ends also after
 * this time.
 */
#define PEER_BATCH     64
#define PEER_TURN_USEC 5000

/*
 * How long a connection may be silent before it says who it is, and how much of what it was told it
 * may leave unread.
 */
#define PEER_SILENCE_USEC (10 * UINT64_C(1000000))
#define PEER_UNREAD_MAX   8192

/*
 * Replies carry descriptors, and until they are read the kernel counts them as the daemon's: when
 * there are too many, it can send none to anybody. So those of a guest are limited in all. They are
 * with the receiver also when the daemon has closed its end, but then can not be seen; a connection
 * that is over with some unread stays, and counts, until the other end has read them or is closed.
 */
#define PEER_LEFT_USEC 1000000

/* Between all other work and the end of leases, which comes after what was sent through them. */
#define PEER_PRIORITY_LATER (SD_EVENT_PRIORITY_IDLE / 2)

/* One buffer serves all: a request is answered before the next is read. */
static _Alignas(8) uint8_t peer_buffer[CONTROL_PACKET_MAX];

/*
 * A user who has had his share of the daemon's time (user.c) is served after all others: his
 * connections move behind theirs as they get their turn, and back again. Returns how many requests
 * may be answered now, 0 when the connection has just moved back.
 */
static int peer_turn(struct peer *peer)
{
    struct user *user = peer->charge->user;
    bool later, was_later;
    int64_t priority = 0;

    if (!user->guest)
        return PEER_BATCH;
    later = !user_has_credit(user);
    (void)sd_event_source_get_priority(peer->source, &priority);
    was_later = priority != SD_EVENT_PRIORITY_NORMAL;
    if (later != was_later)
        (void)sd_event_source_set_priority(peer->source,
                                           later ? PEER_PRIORITY_LATER : SD_EVENT_PRIORITY_NORMAL);
    if (later && !was_later)
        return 0;
    return later ? 1 : PEER_BATCH;
}

/* Pays for what was done since *last. */
static void peer_pay(struct user *user, uint64_t *last)
{
    uint64_t now = user_now();

    user_spend(user, now - *last);
    *last = now;
}

static int peer_unread(int fd)
{
    int unread = 0;

    return ioctl(fd, SIOCOUTQ, &unread) == 0 ? unread : 0;
}

/* A client reads each reply before it asks again. */
static bool peer_is_deaf(int fd)
{
    return peer_unread(fd) > PEER_UNREAD_MAX;
}

/* What is in flight is known to be read only when all is. */
static void peer_forget_read(struct peer *peer)
{
    if (!peer->flight || peer_unread(peer->socket))
        return;
    user_drop_flight(peer->charge->user, peer->flight);
    peer->flight = 0;
}

static bool peer_may_be_sent(struct peer *peer, unsigned int fds)
{
    struct user *user = peer->charge->user;
    struct peer *other;

    if (!user->guest || !fds)
        return true;
    peer_forget_read(peer);
    if (user_may_be_sent(user, fds))
        return true;
    DL_FOREACH(peer->host->peers, other)
    if (other->charge->user == user)
        peer_forget_read(other);
    return user_may_be_sent(user, fds);
}

/*
 * A client waits for each reply before it asks again, so its socket has room; one that does not
 * read gets -EAGAIN here and is cut off.
 */
static int peer_reply(struct peer *peer, const struct packet *packet)
{
    if (!peer_may_be_sent(peer, packet->n_fds) ||
        packet_send(peer->socket, packet, MSG_DONTWAIT) < 0)
        return -EPIPE;
    if (peer->charge->user->guest)
    {
        peer->flight += packet->n_fds;
        user_add_flight(peer->charge->user, packet->n_fds);
    }
    return 0;
}

static int peer_on_left(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct peer *peer = userdata;
    struct host *host = peer->host;

    (void)usec;
    peer_forget_read(peer);
    if (peer->flight && sd_event_source_set_time_relative(source, PEER_LEFT_USEC) >= 0 &&
        sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) >= 0)
        return 0;
    peer_free(peer);
    host_check_idle(host);
    return 0;
}

static void peer_release(struct peer *peer)
{
    registry_recover(peer->charge);
    peer->charge->peer = NULL;
    peer->source = sd_event_source_disable_unref(peer->source);
    peer->silent = sd_event_source_disable_unref(peer->silent);
}

/* The connection is over; what was sent through it may not be. */
static void peer_end(struct peer *peer)
{
    struct host *host = peer->host;

    peer_forget_read(peer);
    if (peer->flight)
    {
        peer_release(peer);
        peer->over = true;
        (void)shutdown(peer->socket, SHUT_RDWR);
    }
    if (!peer->over ||
        sd_event_add_time_relative(host->event, &peer->silent, CLOCK_MONOTONIC, PEER_LEFT_USEC,
                                   PEER_LEFT_USEC / 2, peer_on_left, peer) < 0)
        peer_free(peer);
    host_check_idle(host);
}

static int peer_on_silence(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct peer *peer = userdata;
    struct host *host = peer->host;

    (void)source;
    (void)usec;
    host->counters.protocol_errors++;
    peer_free(peer);
    host_check_idle(host);
    return 0;
}

static int peer_on_event(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct peer *peer = userdata;
    struct host *host = peer->host;
    struct user *user = user_ref(peer->charge->user);
    uint64_t start = user->guest ? user_now() : 0, last = start;
    struct packet packet;
    int r = 0, turns = peer_turn(peer);

    (void)source;
    (void)events;
    for (int i = 0; i < turns; i++)
    {
        packet_init(&packet, peer_buffer, sizeof(peer_buffer));
        r = packet_receive(fd, &packet, MSG_DONTWAIT);
        if (r < 0 && r != -EMFILE)
            break;
        host->counters.requests++;
        /* What gets no reply can not fill its socket; and it seldom comes alone. */
        if (packet_header(&packet)->type == CONTROL_POST)
            net_hold(host->net);
        else if (peer_is_deaf(fd))
        {
            packet_close_fds(&packet);
            r = -EPIPE;
            break;
        }
        if (r == -EMFILE) /* too many descriptors for us: the client is told, and stays */
        {
            struct control_header header = *packet_header(&packet);

            packet_start(&packet, header.type, header.serial, r, 0);
            r = 0;
        }
        else
            r = request_answer(peer, &packet);
        if (r == REQUEST_NO_REPLY)
            r = 0;
        else if (r == 0)
            r = peer_reply(peer, &packet);
        packet_close_fds(&packet);
        if (r < 0)
            break;
        if (peer->greeted)
            peer->silent = sd_event_source_disable_unref(peer->silent);
        if (!user->guest)
            continue;
        peer_pay(user, &last);
        if (last - start >= PEER_TURN_USEC || !user_has_credit(user))
            break;
    }
    net_release(host->net);
    if (r < 0 && r != -EAGAIN)
    {
        if (r != -EPIPE)
            host->counters.protocol_errors++;
        peer_end(peer);
    }
    if (user->guest)
        peer_pay(user, &last);
    user_unref(user);
    return 0;
}

static int peer_charge(struct host *host, int socket, struct charge **ret)
{
    struct ucred other;
    socklen_t size = sizeof(other);
    struct user *user;
    int r;

    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &other, &size) < 0)
        return -errno;
    r = registry_user(host->registry, other.uid, &user);
    if (r < 0)
        return r;
    if (user_may_connect(user, PEERS_MAX))
        *ret = charge_new(user);
    else
        r = -EUSERS;
    user_unref(user);
    return r == 0 && !*ret ? -ENOMEM : r;
}

int peer_new(struct host *host, int socket)
{
    struct charge *charge = NULL;
    struct peer *peer = NULL;
    int r = -EUSERS;

    if (host->n_peers < PEERS_MAX)
        r = peer_charge(host, socket, &charge);
    if (charge)
        peer = calloc(1, sizeof(*peer));
    if (!peer)
    {
        charge_unref(charge);
        close(socket);
        return r ? r : -ENOMEM;
    }
    peer->host = host;
    peer->socket = socket;
    peer->charge = charge;
    charge->peer = peer;
    user_add_peer(charge->user);
    DL_APPEND(host->peers, peer);
    host->n_peers++;
    r = sd_event_add_io(host->event, &peer->source, socket, EPOLLIN, peer_on_event, peer);
    if (r >= 0)
        r = sd_event_add_time_relative(host->event, &peer->silent, CLOCK_MONOTONIC,
                                       PEER_SILENCE_USEC, 0, peer_on_silence, peer);
    if (r < 0)
        peer_free(peer);
    return r < 0 ? r : 0;
}

struct peer *peer_free(struct peer *peer)
{
    struct host *host = peer->host;

    peer_release(peer);
    close(peer->socket);
    DL_DELETE(host->peers, peer);
    host->n_peers--;
    user_drop_flight(peer->charge->user, peer->flight);
    user_drop_peer(peer->charge->user);
    charge_unref(peer->charge);
    free(peer->program);
    free(peer);
    return NULL;
}
