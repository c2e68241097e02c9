/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's connection to mailslotd: requests, and coming back after a daemon restart. */
#pragma once

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/mailslot.h"
#include "control/packet.h"

/* Beside enum mailslot_result, and never seen outside of the library. */
enum
{
    CLIENT_PENDING = 1000, /* CONTROL_PENDING */
};

struct mailslot_client
{
    pthread_mutex_t lock; /* guards everything below; signals are blocked while it is held */
    int socket;           /* -1: not connected. Read without the lock only to poll it */
    uint32_t id;          /* given by the daemon, kept across its restarts */
    uint32_t serial;
    int64_t glanced;        /* ms, when the socket was last looked at without need */
    int64_t failed;         /* ms, when connecting last failed; no new try within a second */
    uint8_t *buffer;        /* CONTROL_PACKET_MAX */
    struct mailslot *slots; /* utlist: to be restored after a restart */
    sigset_t blocked;       /* while the lock is held; never changes */
    char *program;
    char *daemon;
    bool no_autostart;
    char reason[512];
};

/*
 * One request and its reply, with the lock held: the caller builds the request in `packet`, and
 * finds the reply in it afterwards; fds that it does not take are closed at the end.
 */
struct client_call
{
    struct mailslot_client *client;
    struct packet packet;
    sigset_t signals;
    int attempt;
};

/* Takes the lock and connects. On failure nothing is held. */
__attribute__((warn_unused_result)) int client_call_begin(struct client_call *call,
                                                          struct mailslot_client *client);

/* As that, but starts no daemon: for questions that only one that runs already can answer. */
__attribute__((warn_unused_result)) int client_call_begin_running(struct client_call *call,
                                                                  struct mailslot_client *client);

/*
 * Sends call->packet, waits for the reply. Returns the reply's result as enum mailslot_result or
 * negative errno. -EAGAIN: the connection broke and is there again; build the request again.
 */
__attribute__((warn_unused_result)) int client_call_do(struct client_call *call);

/* As client_call_do, but a broken connection is just -EPIPE. */
__attribute__((warn_unused_result)) int client_call_exchange(struct client_call *call);

/* Sends call->packet, to which there is no reply. As client_call_do. */
__attribute__((warn_unused_result)) int client_call_post(struct client_call *call);

/* Closes fds not taken, releases the lock. */
void client_call_end(struct client_call *call);

/* Looks whether the daemon went away, at most once a second unless `now`; reconnects if so. */
void client_glance(struct mailslot_client *client, bool now);

/* enum control_result or a negative errno, as the daemon said it, to what this library says. */
__attribute__((warn_unused_result)) int client_result(int32_t result);

/* Milliseconds on a clock that is cheap to read. */
int64_t client_clock(void);
