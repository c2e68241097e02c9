/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the configuration again while the daemon runs. */

/*
 * All options are read into a new set and checked, down to what the net thinks of them, before
 * anything changes: a bad file changes nothing. Most options are looked at when they are needed, so
 * a new value counts by being there. The net is made anew if one of its options differs: the old
 * one first releases its names and ports, as the new one wants them, and what the service manager
 * has opened is never closed (network.h). Slots, programs and messages know nothing of it; sends
 * that wait for a name end unresolved. The counters go on.
 */
#include "daemon/reload.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/network.h"

#define RELOAD_ERROR_ROOM 2048 /* bytes of the report that only errors may take */

struct reload
{
    struct host *host;
    const struct config_source *source;
    struct config *config;
    sd_event_source *signal;
};

static void reload_say(struct reload_report *report, int level, const char *text)
{
    const char *mark = level == LOG_WARNING ? "warning: " : "";
    /* A flood of warnings must not take the place of the error. */
    size_t room = sizeof(report->text) - report->size;
    int n;

    if (level != LOG_ERR)
        room = room > RELOAD_ERROR_ROOM ? room - RELOAD_ERROR_ROOM : 0;

    log_line(level, "%s", text);
    n = snprintf(report->text + report->size, room, "%s%s\n", mark, text);
    /* A line that does not fit is left out whole. */
    if (n > 0 && (size_t)n < room)
        report->size += n;
    else
    {
        report->text[report->size] = 0;
        report->n_left_out++;
    }
}

static void reload_on_report(void *userdata, bool fatal, const char *text)
{
    reload_say(userdata, fatal ? LOG_ERR : LOG_WARNING, text);
}

static bool reload_needs_restart(const struct config *config, size_t index)
{
    return config_option_effect(index) == CONFIG_RESTART ||
           /* A port that is open already is what it is. */
           (config->datagram_fd >= 0 && config_option_is(index, "datagram_port")) ||
           (config->name_fd >= 0 && config_option_is(index, "name_port"));
}

/* One option. What can not change keeps its value, so that the next time it is told again. */
static int reload_option(const struct config *old, struct config *next, size_t index,
                         struct reload_report *report, bool *ret_network)
{
    const char *name = config_option_key(index), *why;
    char before[4200], after[4200], text[512];

    if (!config_option_differs(old, next, index))
        return 0;
    config_option_value(old, index, before, sizeof(before));
    config_option_value(next, index, after, sizeof(after));
    if (reload_needs_restart(old, index))
    {
        snprintf(text, sizeof(text), "%s = %.200s needs a restart of mailslotd; it is '%.200s' yet",
                 name, after, before);
        reload_say(report, LOG_WARNING, text);
        return config_set_from(next, name, before, config_origin(old, name), &why);
    }
    if (config_option_effect(index) == CONFIG_NETWORK)
        *ret_network = true;
    snprintf(text, sizeof(text), "%s = %.200s (it was '%.200s')", name, after, before);
    reload_say(report, LOG_NOTICE, text);
    return 0;
}

/* Never without a net: clients and daemon come back from a restart, not from that. */
static void reload_network(struct reload *reload, struct config *old, struct reload_report *report)
{
    struct host *host = reload->host;
    struct config next;
    const char *invalid;

    host->net = net_free(host->net);
    if (network_make(host, &invalid) >= 0)
        return;
    reload_say(report, LOG_ERR, "the network could not be set up anew; its old settings are back");
    next = *reload->config;
    *reload->config = *old;
    *old = next;
    if (network_make(host, &invalid) >= 0)
        return;
    log_line(LOG_ERR, "the network could not be set up again, either: the daemon ends");
    exit(EXIT_FAILURE);
}

/* Takes `next` over on success. */
static int reload_apply(struct reload *reload, struct config *next, struct reload_report *report)
{
    struct config old = *reload->config;
    bool network = false;
    size_t said = report->size;
    int r = 0;

    next->datagram_fd = old.datagram_fd;
    next->name_fd = old.name_fd;
    for (size_t i = 0; config_option_key(i) && r == 0; i++)
        r = reload_option(&old, next, i, report, &network);
    if (r < 0)
        return r;
    if (report->size == said)
        reload_say(report, LOG_NOTICE, "no setting has changed");
    *reload->config = *next;
    if (network)
        reload_network(reload, &old, report);
    config_deinit(&old);
    reload->host->n_reloads++;
    host_check_idle(reload->host);
    return 0;
}

static int reload_try(struct reload *reload, struct reload_report *report)
{
    struct config next;
    int r;

    r = config_load(&next, reload->source, reload_on_report, report);
    if (r < 0)
        return r;
    r = network_check(&next, reload_on_report, report);
    if (r == 0)
        r = reload_apply(reload, &next, report);
    if (r < 0)
        config_deinit(&next);
    return r;
}

int reload_now(struct reload *reload, struct reload_report *ret_report)
{
    struct timespec now;
    int r;

    ret_report->size = ret_report->n_left_out = 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
               now.tv_sec * UINT64_C(1000000) + now.tv_nsec / 1000);
    r = reload_try(reload, ret_report);
    if (ret_report->n_left_out)
    {
        char text[64];

        snprintf(text, sizeof(text), "%u more lines are in the log of mailslotd",
                 ret_report->n_left_out);
        reload_say(ret_report, LOG_ERR, text);
    }
    if (r < 0)
        reload_say(ret_report, LOG_ERR, "the configuration is bad: the old settings stay");
    sd_notify(0, "READY=1");
    return r < 0 ? -EINVAL : 0;
}

static int reload_on_signal(sd_event_source *source, const struct signalfd_siginfo *info,
                            void *userdata)
{
    static struct reload_report report;

    (void)source;
    (void)info;
    if (reload_now(userdata, &report) < 0)
        return 0; /* it is in the log */
    return 0;
}

bool reload_allowed(int socket)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

int reload_new(struct reload **ret, struct host *host, const struct config_source *source,
               struct config *config)
{
    struct reload *reload = calloc(1, sizeof(*reload));
    int r;

    if (!reload)
        return -ENOMEM;
    *reload = (struct reload){.host = host, .source = source, .config = config};
    r = sd_event_add_signal(host->event, &reload->signal, SIGHUP, reload_on_signal, reload);
    if (r < 0)
    {
        free(reload);
        return r;
    }
    host->reload = reload;
    *ret = reload;
    return 0;
}

struct reload *reload_free(struct reload *reload)
{
    if (!reload)
        return NULL;
    reload->host->reload = NULL;
    sd_event_source_disable_unref(reload->signal);
    free(reload);
    return NULL;
}
