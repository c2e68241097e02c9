/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon as a whole: what the rooms share. */
#include "daemon/host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/monitor.h"
#include "daemon/network.h"
#include "daemon/peer.h"

/* How long a daemon that was just started waits for the client that started it. */
#define HOST_FIRST_CLIENT_SECONDS 10

/* Who is turned away may try again at once: one line in so long a time says that it happens. */
#define HOST_REFUSED_LOG_USEC (600 * UINT64_C(1000000))

static unsigned int host_uid(int socket)
{
    struct ucred other = {.uid = (uid_t)-1};
    socklen_t size = sizeof(other);

    (void)getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &other, &size);
    return other.uid;
}

static void host_count_refused(struct host *host, unsigned int uid, const char *why)
{
    uint64_t now = user_now();

    host->counters.refused_peers++;
    if (host->refused_logged && now - host->refused_logged < HOST_REFUSED_LOG_USEC)
        return;
    host->refused_logged = now;
    log_line(LOG_WARNING,
             "a program of the user %u is turned away: %s (%u are connected; more refusals are "
             "counted, and logged every %u minutes)",
             uid, why, host->n_peers, (unsigned int)(HOST_REFUSED_LOG_USEC / 60000000));
}

/*
 * Out of descriptors. A connection left in the backlog would keep the loop awake and its client
 * waiting; it is taken with the spare one and closed, which the client can tell its user.
 */
static void host_refuse(struct host *host, int listener)
{
    int socket;

    if (host->spare >= 0)
        close(host->spare);
    socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket >= 0)
    {
        host_count_refused(host, host_uid(socket), "mailslotd has no more descriptors");
        close(socket);
    }
    host->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int host_on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct host *host = userdata;
    int socket = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)source;
    (void)events;
    if (socket >= 0)
    {
        unsigned int uid = host_uid(socket);
        int r = peer_new(host, socket);

        if (r < 0)
            host_count_refused(
                host, uid, r == -EUSERS ? "its share of the connections is taken" : strerror(-r));
    }
    else if (errno == EMFILE || errno == ENFILE)
        host_refuse(host, fd);
    host_check_idle(host);
    return 0;
}

static int host_on_idle(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct host *host = userdata;

    (void)source;
    (void)usec;
    return sd_event_exit(host->event, 0);
}

void host_check_idle(struct host *host)
{
    uint64_t seconds = host->config->idle_timeout;

    host->idle = sd_event_source_disable_unref(host->idle);
    if (host->n_peers)
        host->starting = false;
    if (!seconds || host->n_peers || registry_lease_count(host->registry))
        return;
    if (host->starting && seconds < HOST_FIRST_CLIENT_SECONDS)
        seconds = HOST_FIRST_CLIENT_SECONDS;
    /* Without the timer the daemon merely stays longer. */
    if (sd_event_add_time_relative(host->event, &host->idle, CLOCK_MONOTONIC, seconds * 1000000,
                                   100000, host_on_idle, host) < 0)
        host->idle = NULL;
}

static void host_on_change(void *userdata)
{
    host_check_idle(userdata);
}

int host_init(struct host *host, const struct config *config, int listener,
              const char **ret_invalid)
{
    struct timespec now;
    sigset_t signals;
    int r;

    clock_gettime(CLOCK_REALTIME, &now);
    *host = (struct host){
        .config = config,
        .started = now.tv_sec * UINT64_C(1000000) + now.tv_nsec / 1000,
        .starting = true,
        .spare = open("/dev/null", O_RDONLY | O_CLOEXEC),
    };
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP); /* reload.h */
    sigprocmask(SIG_BLOCK, &signals, NULL);

    r = sd_event_new(&host->event);
    if (r < 0)
        return r;
    r = sd_event_add_signal(host->event, NULL, SIGTERM, NULL, NULL);
    if (r >= 0)
        r = sd_event_add_signal(host->event, NULL, SIGINT, NULL, NULL);
    if (r >= 0)
        r = registry_new(&host->registry, host->event);
    if (r >= 0)
        r = network_make(host, ret_invalid);
    if (r >= 0)
        r = sd_event_add_io(host->event, &host->listener, listener, EPOLLIN, host_on_connection,
                            host);
    if (r >= 0)
        r = sd_event_source_set_io_fd_own(host->listener, true);
    if (r < 0)
    {
        host_deinit(host);
        return r;
    }
    registry_on_change(host->registry, host_on_change, host);
    host_check_idle(host);
    return 0;
}

void host_deinit(struct host *host)
{
    if (host->registry)
        registry_on_change(host->registry, NULL, NULL);
    while (host->peers)
        peer_free(host->peers);
    monitor_free_all(host);
    host->listener = sd_event_source_disable_unref(host->listener);
    host->idle = sd_event_source_disable_unref(host->idle);
    host->net = net_free(host->net);
    host->registry = registry_free(host->registry);
    host->event = sd_event_unref(host->event);
    if (host->spare >= 0)
        close(host->spare);
    host->spare = -1;
}

int host_run(struct host *host)
{
    return sd_event_loop(host->event);
}
