/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the service manager is told of a running daemon (sd_notify(3)). */

/*
 * The line of `systemctl status` is made anew a second after something has happened that it shows,
 * and every half minute, as nobody tells us of nmbd or of a name that was refused. A daemon that
 * does nothing is not woken up for more than that.
 */
#include "daemon/main_notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#define NOTIFY_SOON_USEC     UINT64_C(1000000)
#define NOTIFY_LATER_USEC    UINT64_C(30000000)
#define NOTIFY_ACCURACY_USEC UINT64_C(250000)

struct main_notify
{
    struct host *host;
    sd_event_source *timer, *post;
    bool soon;
    unsigned int slots, programs, reloads; /* as last told */
    char line[512];
};

static const char *notify_plural(unsigned int n)
{
    return n == 1 ? "" : "s";
}

static void notify_tell(struct main_notify *notify)
{
    struct host *host = notify->host;
    struct net_status net;
    char line[sizeof(notify->line)], how[400];

    net_status(host->net, &net);
    notify->slots = registry_slot_count(host->registry);
    notify->programs = host->n_peers;
    notify->reloads = host->n_reloads;
    if (net.state == NET_STATE_LOCAL_ONLY)
        snprintf(how, sizeof(how), "this machine only: %s", net.reason);
    else
        snprintf(how, sizeof(how), "%s as %s in %s%s%s", net_state_name(net.state), net.computer,
                 net.workgroup, net.reason ? ", but " : "", net.reason ? net.reason : "");
    snprintf(line, sizeof(line), "%u slot%s, %u program%s, %s", notify->slots,
             notify_plural(notify->slots), notify->programs, notify_plural(notify->programs), how);
    if (!strcmp(line, notify->line))
        return;
    memcpy(notify->line, line, sizeof(line));
    sd_notifyf(0, "STATUS=%s", line);
}

static int notify_on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct main_notify *notify = userdata;

    (void)usec;
    notify->soon = false;
    notify_tell(notify);
    (void)sd_event_source_set_time_relative(source, NOTIFY_LATER_USEC);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* After every event of the loop, so it must cost nothing. */
static int notify_on_post(sd_event_source *source, void *userdata)
{
    struct main_notify *notify = userdata;
    struct host *host = notify->host;

    (void)source;
    if (notify->soon || (notify->slots == registry_slot_count(host->registry) &&
                         notify->programs == host->n_peers && notify->reloads == host->n_reloads))
        return 0;
    notify->soon = true;
    return sd_event_source_set_time_relative(notify->timer, NOTIFY_SOON_USEC);
}

int main_notify_new(struct main_notify **ret, struct host *host)
{
    const char *socket = getenv("NOTIFY_SOCKET");
    struct main_notify *notify;
    int r;

    *ret = NULL;
    if (!socket || !*socket)
        return 0;
    notify = calloc(1, sizeof(*notify));
    if (!notify)
        return -ENOMEM;
    notify->host = host;
    r = sd_event_add_time_relative(host->event, &notify->timer, CLOCK_MONOTONIC, NOTIFY_LATER_USEC,
                                   NOTIFY_ACCURACY_USEC, notify_on_timer, notify);
    if (r >= 0)
        r = sd_event_add_post(host->event, &notify->post, notify_on_post, notify);
    if (r >= 0)
        r = sd_event_set_watchdog(host->event, true);
    if (r < 0)
    {
        sd_event_source_disable_unref(notify->timer);
        sd_event_source_disable_unref(notify->post);
        free(notify);
        return r;
    }
    notify_tell(notify);
    sd_notify(0, "READY=1");
    *ret = notify;
    return 0;
}

struct main_notify *main_notify_free(struct main_notify *notify)
{
    if (!notify)
        return NULL;
    sd_notify(0, "STOPPING=1\nSTATUS=ending");
    sd_event_source_disable_unref(notify->timer);
    sd_event_source_disable_unref(notify->post);
    free(notify);
    return NULL;
}
