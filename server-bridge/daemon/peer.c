/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connected program. */
#include "daemon/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <utlist.h>

/* Requests answered for one program before others get their turn. */
#define PEER_BATCH 16

/* One buffer serves all: a request is answered before the next is read. */
static _Alignas(8) uint8_t peer_buffer[CONTROL_PACKET_MAX];

static int peer_on_event(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct peer *peer = userdata;
    struct host *host = peer->host;
    struct packet packet;
    int r = 0;

    (void)source;
    (void)events;
    for (int i = 0; i < PEER_BATCH; i++)
    {
        packet_init(&packet, peer_buffer, sizeof(peer_buffer));
        r = packet_receive(fd, &packet, MSG_DONTWAIT);
        if (r < 0 && r != -EMFILE)
            break;
        host->counters.requests++;
        if (r == -EMFILE) /* too many descriptors for us: the client is told, and stays */
        {
            struct control_header header = *packet_header(&packet);

            packet_start(&packet, header.type, header.serial, r, 0);
            r = 0;
        }
        else
            r = request_answer(peer, &packet);
        /*
         * A client waits for each reply before it asks again, so its socket has room; one that does
         * not read gets -EAGAIN here and is cut off.
         */
        if (r == REQUEST_NO_REPLY)
            r = 0;
        else if (r == 0)
            r = packet_send(fd, &packet, MSG_DONTWAIT) < 0 ? -EPIPE : 0;
        packet_close_fds(&packet);
        if (r < 0)
            break;
    }
    if (r < 0 && r != -EAGAIN)
    {
        if (r != -EPIPE)
            host->counters.protocol_errors++;
        peer_free(peer);
        host_check_idle(host);
    }
    return 0;
}

int peer_new(struct host *host, int socket)
{
    struct peer *peer;
    int r = -ENOMEM;

    if (host->n_peers >= PEERS_MAX)
    {
        close(socket);
        return -EUSERS;
    }
    peer = calloc(1, sizeof(*peer));
    if (!peer)
    {
        close(socket);
        return r;
    }
    peer->host = host;
    peer->socket = socket;
    DL_APPEND(host->peers, peer);
    host->n_peers++;
    peer->charge = charge_new();
    if (peer->charge)
        r = sd_event_add_io(host->event, &peer->source, socket, EPOLLIN, peer_on_event, peer);
    if (r < 0)
        peer_free(peer);
    return r < 0 ? r : 0;
}

struct peer *peer_free(struct peer *peer)
{
    struct host *host = peer->host;

    sd_event_source_disable_unref(peer->source);
    close(peer->socket);
    DL_DELETE(host->peers, peer);
    host->n_peers--;
    if (peer->id)
        registry_recover(host->registry, peer->id);
    charge_unref(peer->charge);
    free(peer->program);
    free(peer);
    return NULL;
}
