/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's connection to mailslotd: requests, and coming back after a daemon restart. */
#include "client/connection.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "client/slot.h"
#include "client/start.h"

/*
 * The daemon may die or be restarted at any time. Queues live in memory that the clients share, so
 * messages go on flowing between those who have a slot mapped; what is lost is the registry. Every
 * client therefore keeps what a new daemon needs (name, queue, the daemon's end of each lease) and
 * shows it to the next daemon: in the request that fails, in a blocked read that sees the
 * connection break, or at the latest a second after the next look at an empty slot.
 */

enum
{
    CLIENT_RETRY_MS = 1000,  /* no second attempt to reach a missing daemon before this */
    CLIENT_GLANCE_MS = 1000, /* how long a quiet client may not notice a restart */
    CLIENT_ATTEMPTS = 3,
};

int64_t client_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static const int client_results[CONTROL_RESULTS] = {
    [CONTROL_OK] = MAILSLOT_OK,
    [CONTROL_EXISTS] = MAILSLOT_EXISTS,
    [CONTROL_NOT_FOUND] = MAILSLOT_NOT_FOUND,
    [CONTROL_BAD_NAME] = MAILSLOT_BAD_NAME,
    [CONTROL_LIMIT] = MAILSLOT_LIMIT,
    [CONTROL_TOO_LARGE] = MAILSLOT_TOO_LARGE,
    [CONTROL_UNRESOLVED] = MAILSLOT_UNRESOLVED,
    [CONTROL_NOT_LEASE] = MAILSLOT_NOT_LEASE,
    [CONTROL_DENIED] = MAILSLOT_DENIED,
    [CONTROL_FULL] = MAILSLOT_FULL,
    [CONTROL_VERSION_MISMATCH] = MAILSLOT_VERSION,
    [CONTROL_PENDING] = CLIENT_PENDING,
    [CONTROL_CLOSED] = MAILSLOT_CLOSED,
};

static void client_disconnect(struct mailslot_client *client)
{
    if (client->socket >= 0)
        close(client->socket);
    client->socket = -1;
}

int client_result(int32_t result)
{
    if (result < 0)
        return result == -EPIPE || result == -EPROTO ? -EIO : result;
    return result < CONTROL_RESULTS ? client_results[result] : -EIO;
}

/* One exchange on the open connection. */
int client_call_exchange(struct client_call *call)
{
    struct mailslot_client *client = call->client;
    const struct control_header *header = packet_header(&call->packet);
    uint32_t serial = ++client->serial;
    uint16_t type = header->type;
    int r;

    ((struct control_header *)call->packet.bytes)->serial = serial;
    r = packet_send(client->socket, &call->packet, 0);
    /* What was sent belongs to slots or to the caller: nobody may close it with the packet. */
    call->packet.n_fds = 0;
    if (r < 0)
        return r;
    r = packet_receive(client->socket, &call->packet, 0);
    if (r < 0)
        return r;
    if (header->serial != serial || header->type != type)
    {
        packet_close_fds(&call->packet);
        return -EPROTO;
    }
    return client_result(header->result);
}

static int client_hello(struct client_call *call)
{
    struct mailslot_client *client = call->client;
    struct control_hello *hello =
        packet_start(&call->packet, CONTROL_HELLO, 0, 0, sizeof(struct control_hello));
    struct control_welcome welcome;
    int r;

    hello->pid = getpid();
    hello->last_client = client->id;
    r = packet_append(&call->packet, client->program, strlen(client->program));
    if (r < 0)
        return r;
    r = client_call_exchange(call);
    if (r)
        return r;
    packet_body(&call->packet, &welcome, sizeof(welcome));
    packet_close_fds(&call->packet);
    if (!welcome.client || welcome.client > INT32_MAX)
        return -EPROTO;
    client->id = welcome.client;
    return 0;
}

static int client_connect(struct client_call *call, bool start)
{
    struct mailslot_client *client = call->client;
    const char *daemon = client->no_autostart || !start ? NULL : client->daemon;
    struct mailslot *slot;
    int r = -EPIPE;

    if (client->failed && client_clock() - client->failed < CLIENT_RETRY_MS)
        return MAILSLOT_NO_DAEMON;
    for (int attempt = 0; attempt < CLIENT_ATTEMPTS && r == -EPIPE; attempt++)
    {
        client_disconnect(client);
        r = start_connect(daemon, client->reason, sizeof(client->reason), &client->socket);
        if (r == 0)
            r = client_hello(call);
        if (r == 0)
            DL_FOREACH(client->slots, slot)
            {
                r = slot_restore(slot, call);
                packet_close_fds(&call->packet);
                /* A limit, or a queue that others have destroyed: no reason to lose the rest. */
                if (r > 0 || r == -EINVAL || r == -EIO)
                    r = 0;
                if (r < 0)
                    break;
            }
    }
    if (r)
    {
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
    client->failed = 0;
    return 0;
}

/* false: another thread has it, and `wait` was not asked for; nothing is held then. */
static bool client_lock(struct client_call *call, struct mailslot_client *client, bool wait)
{
    /* TerminateThread arrives as a signal; it must not leave the lock taken. */
    pthread_sigmask(SIG_BLOCK, &client->blocked, &call->signals);
    if (wait)
        pthread_mutex_lock(&client->lock);
    else if (pthread_mutex_trylock(&client->lock))
    {
        pthread_sigmask(SIG_SETMASK, &call->signals, NULL);
        return false;
    }
    call->client = client;
    call->attempt = 0;
    packet_init(&call->packet, client->buffer, CONTROL_PACKET_MAX);
    return true;
}

static int client_begin(struct client_call *call, struct mailslot_client *client, bool start)
{
    int r;

    client_lock(call, client, true);
    if (client->socket >= 0)
        return 0;
    r = client_connect(call, start);
    if (r)
        client_call_end(call);
    return r;
}

int client_call_begin(struct client_call *call, struct mailslot_client *client)
{
    return client_begin(call, client, true);
}

int client_call_begin_running(struct client_call *call, struct mailslot_client *client)
{
    return client_begin(call, client, false);
}

/* After an exchange or post that ended in `r`: connects again if the connection broke. */
static int client_recover(struct client_call *call, int r)
{
    if (r != -EPIPE && r != -EPROTO)
        return r;
    client_disconnect(call->client);
    if (r == -EPROTO || call->attempt++ >= CLIENT_ATTEMPTS)
        return -EIO;
    r = client_connect(call, true);
    return r ? r : -EAGAIN;
}

int client_call_do(struct client_call *call)
{
    return client_recover(call, client_call_exchange(call));
}

int client_call_post(struct client_call *call)
{
    ((struct control_header *)call->packet.bytes)->serial = ++call->client->serial;
    /* Waits while the daemon is behind: that is what keeps a fast writer in step. */
    return client_recover(call, packet_send(call->client->socket, &call->packet, 0));
}

void client_call_end(struct client_call *call)
{
    packet_close_fds(&call->packet);
    pthread_mutex_unlock(&call->client->lock);
    pthread_sigmask(SIG_SETMASK, &call->signals, NULL);
}

static bool client_hung_up(int socket)
{
    struct pollfd entry = {.fd = socket};

    return socket >= 0 && poll(&entry, 1, 0) == 1 && (entry.revents & (POLLHUP | POLLERR));
}

void client_glance(struct mailslot_client *client, bool now)
{
    struct client_call call;
    int64_t clock = client_clock();

    if (!now && clock - __atomic_load_n(&client->glanced, __ATOMIC_RELAXED) < CLIENT_GLANCE_MS)
        return;
    __atomic_store_n(&client->glanced, clock, __ATOMIC_RELAXED);
    /* A passing look waits for nobody: who has the lock speaks with the daemon just now. */
    if (!client_lock(&call, client, now))
        return;
    if (client_hung_up(client->socket))
        client_disconnect(client);
    if (client->socket < 0 && client->slots && client_connect(&call, true))
        packet_close_fds(&call.packet); /* no daemon to be had: the next glance tries again */
    client_call_end(&call);
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
    struct client_call call;
    int r = client_call_begin(&call, client);

    if (r == 0)
        client_call_end(&call);
    return r;
}

const char *mailslot_client_reason(struct mailslot_client *client)
{
    return client->reason;
}

int mailslot_client_socket(struct mailslot_client *client)
{
    return __atomic_load_n(&client->socket, __ATOMIC_RELAXED);
}

void mailslot_client_revive(struct mailslot_client *client)
{
    client_glance(client, true);
}
