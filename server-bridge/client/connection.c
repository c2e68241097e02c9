/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's connection to mailslotd: and requests over it. */
#include "client/connection.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client/start.h"

/*
 * The daemon may die or be restarted at any time. Queues live in memory that the programs share, so
 * messages go on flowing between those who have a slot mapped; what the daemon knows of slots and
 * handles its keeper gives to the next one (daemon/keeper.c). So all that a client has to do is to
 * say its request again.
 */

enum
{
    CLIENT_RETRY_MS = 1000, /* no second attempt to reach a missing daemon before this */
    CLIENT_ATTEMPTS = 20,   /* daemons that one request may outlive */
};

int64_t client_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void client_disconnect(struct mailslot_client *client)
{
    if (client->socket >= 0)
        close(client->socket);
    client->socket = -1;
}

static int client_build(struct packet *packet, const struct client_request *request, bool quiet)
{
    void *body =
        packet_start(packet, quiet ? CONTROL_POST : request->type, 0, 0, request->body_size);
    int r = 0;

    if (request->body_size)
        memcpy(body, request->body, request->body_size);
    for (int i = 0; r == 0 && i < 3; i++)
        r = packet_append(packet, request->parts[i].data, request->parts[i].size);
    if (request->fd)
        packet_add_fd(packet, *request->fd);
    return r == 0 ? 0 : MAILSLOT_TOO_LARGE;
}

/*
 * One exchange on the open connection. `ret_lost`: it is over, and nobody knows what became of the
 * request; else what is returned is the daemon's own word.
 */
static int client_exchange(struct client_reply *reply, bool quiet, bool *ret_lost)
{
    struct mailslot_client *client = reply->client;
    struct packet *packet = &reply->packet;
    struct control_header *header = (struct control_header *)packet->bytes;
    uint32_t serial = ++client->serial;
    uint16_t type = header->type;
    int r;

    header->serial = serial;
    r = packet_send(client->socket, packet, 0);
    /* What was sent belongs to the caller: nobody may close it with the packet. */
    packet->n_fds = 0;
    if (r == 0 && !quiet)
        r = packet_receive(client->socket, packet, 0);
    if (r == 0 && !quiet && (header->serial != serial || header->type != type))
        r = -EPROTO;
    *ret_lost = r == -EPIPE || r == -EPROTO;
    if (r < 0 || quiet)
        return r;
    r = header->result;
    return r < MAILSLOT_RESULTS || r == CONTROL_PENDING ? r : -EIO;
}

/* -EPIPE: the daemon that was reached has ended already. */
static int client_hello(struct client_reply *reply)
{
    struct mailslot_client *client = reply->client;
    const struct control_hello hello = {.pid = getpid()};
    const struct client_request request = {
        .type = CONTROL_HELLO,
        .body = &hello,
        .body_size = sizeof(hello),
        .parts = {{client->program, strlen(client->program)}},
    };
    bool lost = false;
    int r;

    r = client_build(&reply->packet, &request, false);
    if (r == 0)
        r = client_exchange(reply, false, &lost);
    /* Each version has its own numbers for results. */
    if (r >= 0 && packet_header(&reply->packet)->version != CONTROL_VERSION)
        r = MAILSLOT_VERSION;
    packet_close_fds(&reply->packet);
    return lost ? -EPIPE : r;
}

static int client_connect(struct client_reply *reply, bool start)
{
    struct mailslot_client *client = reply->client;
    const char *daemon = client->no_autostart || !start ? NULL : client->daemon;
    int r = -EPIPE;

    if (client->failed && client_clock() - client->failed < CLIENT_RETRY_MS)
        return MAILSLOT_NO_DAEMON;
    for (int attempt = 0; attempt < CLIENT_ATTEMPTS && r == -EPIPE; attempt++)
    {
        client_disconnect(client);
        r = start_connect(daemon, client->reason, sizeof(client->reason), &client->socket);
        if (r == 0)
            r = client_hello(reply);
    }
    if (r == 0)
    {
        client->connections++;
        client->failed = 0;
        return 0;
    }
    if (r == MAILSLOT_VERSION)
        snprintf(client->reason, sizeof(client->reason),
                 "mailslotd is of another version; restart it");
    else if (r == -EPIPE)
        snprintf(client->reason, sizeof(client->reason),
                 "mailslotd takes no more clients, or keeps ending; see its log");
    else if (r < 0)
        snprintf(client->reason, sizeof(client->reason), "mailslotd refuses: %s", strerror(-r));
    client_disconnect(client);
    if (start) /* otherwise nothing has been tried that the next attempt would repeat */
        client->failed = client_clock();
    return r == -EPIPE ? MAILSLOT_NO_DAEMON : r;
}

void client_lock(struct mailslot_client *client, sigset_t *ret_signals)
{
    pthread_sigmask(SIG_BLOCK, &client->blocked, ret_signals);
    pthread_mutex_lock(&client->lock);
}

void client_unlock(struct mailslot_client *client, const sigset_t *signals)
{
    pthread_mutex_unlock(&client->lock);
    pthread_sigmask(SIG_SETMASK, signals, NULL);
}

int client_ask(struct mailslot_client *client, const struct client_request *request,
               struct client_reply *ret)
{
    bool lost = true, quiet;
    int r = -EIO;

    client_lock(client, &ret->signals);
    ret->client = client;
    packet_init(&ret->packet, client->buffer, CONTROL_PACKET_MAX);
    for (int attempt = 0; lost && attempt < CLIENT_ATTEMPTS; attempt++)
    {
        if (client->socket < 0)
        {
            r = client_connect(ret, !request->running);
            if (r)
                return r;
        }
        quiet = request->quiet && request->quiet == client->connections;
        r = client_build(&ret->packet, request, quiet);
        if (r)
            return r;
        /* Without a reply it waits while the daemon is behind: so a fast writer is kept in step. */
        r = client_exchange(ret, quiet, &lost);
        if (lost)
            client_disconnect(client);
        if (lost)
            packet_close_fds(&ret->packet);
        if (r == -EPROTO) /* it would be no better next time */
            break;
    }
    return lost ? -EIO : r;
}

void client_done(struct client_reply *reply)
{
    packet_close_fds(&reply->packet);
    client_unlock(reply->client, &reply->signals);
}

int client_tell(struct mailslot_client *client, const struct client_request *request)
{
    struct client_reply reply;
    int r = client_ask(client, request, &reply);

    client_done(&reply);
    return r;
}

/* A signal that ends the process may do so while it waits for a daemon that has stopped. */
static void client_choose_signals(sigset_t *ret_blocked)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action;

    sigfillset(ret_blocked);
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (sigaction(ends[i], NULL, &action) == 0 && !(action.sa_flags & SA_SIGINFO) &&
            action.sa_handler == SIG_DFL)
            sigdelset(ret_blocked, ends[i]);
}

int mailslot_client_new(struct mailslot_client **ret, const struct mailslot_client_options *options)
{
    static const struct mailslot_client_options defaults;
    struct mailslot_client *client;
    const char *daemon, *program;
    char own_daemon[PATH_MAX];

    if (!options)
        options = &defaults;
    daemon = options->daemon ? options->daemon : getenv("MAILSLOTD");
    if (!daemon || !*daemon)
        daemon = start_own_daemon(own_daemon, sizeof(own_daemon));
    program = options->program ? options->program : program_invocation_short_name;

    client = calloc(1, sizeof(*client));
    if (!client)
        return -ENOMEM;
    client->socket = -1;
    client->no_autostart = options->no_autostart;
    client_choose_signals(&client->blocked);
    pthread_mutex_init(&client->lock, NULL);
    client->buffer = malloc(CONTROL_PACKET_MAX);
    client->program = strndup(program, 255);
    client->daemon = strdup(daemon);
    if (!client->buffer || !client->program || !client->daemon)
    {
        mailslot_client_free(client);
        return -ENOMEM;
    }
    *ret = client;
    return 0;
}

struct mailslot_client *mailslot_client_free(struct mailslot_client *client)
{
    if (!client)
        return NULL;
    client_disconnect(client);
    pthread_mutex_destroy(&client->lock);
    free(client->buffer);
    free(client->program);
    free(client->daemon);
    free(client);
    return NULL;
}

int mailslot_client_connect(struct mailslot_client *client)
{
    struct client_reply reply = {.client = client};
    int r = 0;

    client_lock(client, &reply.signals);
    packet_init(&reply.packet, client->buffer, CONTROL_PACKET_MAX);
    if (client->socket < 0)
        r = client_connect(&reply, true);
    client_done(&reply);
    return r;
}

const char *mailslot_client_reason(struct mailslot_client *client)
{
    return client->reason;
}
