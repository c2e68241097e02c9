/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's connection to mailslotd, and requests over it. */
#pragma once

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/mailslot.h"
#include "control/packet.h"

struct mailslot_client
{
    pthread_mutex_t lock; /* guards everything below; signals are blocked while it is held */
    int socket;           /* -1: not connected */
    uint32_t serial;
    uint32_t connections;        /* made so far: a new daemon has promised nothing yet */
    int64_t failed;              /* ms, when connecting last failed; no new try within a second */
    uint8_t *buffer;             /* CONTROL_PACKET_MAX */
    struct shared_queue *queues; /* utlist: slot.h */
    sigset_t blocked;            /* while the lock is held; never changes */
    char *program;
    char *daemon;
    bool no_autostart;
    char reason[512];
};

/* A request as data, so that it can be sent again to the next daemon. Nothing in it is owned. */
struct client_request
{
    uint16_t type;
    const void *body;
    size_t body_size;
    struct
    {
        const void *data;
        size_t size;
    } parts[3];     /* what follows the body */
    const int *fd;  /* to be shown, or NULL */
    uint32_t quiet; /* of this connection (its number): CONTROL_POST will do, without a reply */
    bool running;   /* only one that runs already can answer: starts no daemon */
};

/* The reply, with the client's lock held: fds that are not taken are closed at the end. */
struct client_reply
{
    struct mailslot_client *client;
    struct packet packet;
    sigset_t signals;
};

/*
 * Sends the request and waits for the reply, starting or finding a daemon as often as it takes (a
 * few times). Returns the reply's result: after 0, a positive result of it, or CONTROL_PENDING, the
 * reply is held until client_done(); *ret_held says so. MAILSLOT_TOO_LARGE: it fits in no packet.
 */
__attribute__((warn_unused_result)) int client_ask(struct mailslot_client *client,
                                                   const struct client_request *request,
                                                   struct client_reply *ret);
void client_done(struct client_reply *reply);

/* As client_ask, when there is nothing in the reply but the result. */
__attribute__((warn_unused_result)) int client_tell(struct mailslot_client *client,
                                                    const struct client_request *request);

/* The lock alone. TerminateThread arrives as a signal; it must not leave the lock taken. */
void client_lock(struct mailslot_client *client, sigset_t *ret_signals);
void client_unlock(struct mailslot_client *client, const sigset_t *signals);

/* Milliseconds on a clock that is cheap to read. */
int64_t client_clock(void);
