/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connected program. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/packet.h"
#include "daemon/host.h"

#define PEERS_MAX 4096

struct peer
{
    struct host *host;
    int socket;
    sd_event_source *source;
    struct charge *charge;
    bool greeted; /* CONTROL_HELLO has come */
    uint32_t pid;
    char *program;
    sd_event_source *silent; /* until CONTROL_HELLO: ends a connection that says nothing */
    unsigned int flight;     /* a guest's: descriptors that were sent and perhaps not yet read */
    bool over;               /* it only waits for these: see peer.c */
    struct peer *prev, *next;
};

/*
 * Takes a newly accepted socket. -EUSERS when there are too many, of this user or in all. The
 * socket is closed on error.
 */
__attribute__((warn_unused_result)) int peer_new(struct host *host, int socket);

/* Disconnects; readers that it may have failed to wake are woken. Returns NULL. */
struct peer *peer_free(struct peer *peer);

/* Beside enum mailslot_result: nothing is to be sent. */
#define REQUEST_NO_REPLY 1000

/*
 * Answers the request in `packet` by turning it into the reply: request.c. REQUEST_NO_REPLY: there
 * is none. A negative errno ends the connection. The fds of the reply are the packet's, closed
 * after sending.
 */
__attribute__((warn_unused_result)) int request_answer(struct peer *peer, struct packet *packet);
