/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way onto the LAN: own sockets, beside Samba's nmbd, or none (wire.md 2.6) */

/*
 * One function, lan_look(), finds the best that is to be had now: it never needs to know what has
 * happened, so every order of starts, ends and crashes leads to the same state. It runs at the
 * start, when the connection to nmbd ends, and from a timer while there is something to wait for.
 *
 * Two things must not be done too early. Names that we hold are not given up because a socket could
 * be connected: nmbd has to answer on it first. And when the connection ends, nmbd has not ended
 * for sure: it is certain at once if port 137 can be had for us alone, else at the next look,
 * which a restarted nmbd usually wins without anybody having noticed.
 *
 * The socket on port 138 stays the same when nmbd comes or goes: it may be shared from its first
 * moment on, and is alone by itself when nmbd has left. But port 137 has to prove that: else the
 * next on port 138 may be another mailslotd that was let in beside nmbd, too, and takes the
 * datagrams meant for us, or we its. Then 138 is opened anew, for one of us alone.
 */

#include "net/netbios/lan.h"

#include "net/netbios/lan_port.h"
#include "net/netbios/outbox.h"
#include "net/netbios/unexpected.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000)

#define LOOK_SOON_USEC     (2 * SECOND) /* something is missing */
#define LOOK_LATER_USEC    (5 * SECOND) /* nmbd might come */
#define LOOK_ACCURACY_USEC (SECOND / 2)

/* A service that has stopped is often being restarted: so long we look for it more often. */
#define RESTART_USEC (60 * SECOND)

/* An nmbd that talks nonsense will not talk sense two seconds later. */
#define NONSENSE_USEC (60 * SECOND)

struct lan
{
    sd_event *event;
    sd_event_source *timer;
    struct lan_sink sink;
    struct net_counters *counters;
    char *nmbd_socket;
    bool want_names, disabled;
    enum net_state state;
    bool has_names;
    struct lan_port datagram, name, question;
    struct unexpected *unexpected;
    bool nmbd_answered;
    int nmbd_error; /* errno of the last try to connect */
    uint64_t nmbd_not_before, nmbd_expected_until;
    char reason[SOCKET_TEXT_SIZE], fix[SOCKET_TEXT_SIZE];
    char name_reason[SOCKET_TEXT_SIZE], name_fix[SOCKET_TEXT_SIZE];
    struct datagram_batch *batch;
    struct outbox *outbox;
    struct lan_port_sink port_sink;
};

static uint64_t lan_now(struct lan *lan)
{
    uint64_t now = 0;

    (void)sd_event_now(lan->event, CLOCK_MONOTONIC, &now);
    return now;
}

static void lan_take(void *userdata, const struct lan_port *port, const void *bytes, size_t size,
                     const struct datagram_arrival *arrival)
{
    struct lan *lan = userdata;
    bool datagram = port == &lan->datagram;
    struct datagram_arrival with_port = *arrival;

    with_port.question = port == &lan->question;
    if (arrival->truncated)
    {
        lan->counters->values[datagram ? NET_COUNTER_RECEIVED : NET_COUNTER_NAME_RECEIVED]++;
        lan->counters
            ->values[datagram ? NET_COUNTER_DROP_TRUNCATED : NET_COUNTER_NAME_DROP_BROKEN]++;
    }
    else if (datagram)
    {
        lan->sink.datagram(lan->sink.userdata, bytes, size, &with_port);
    }
    else if (with_port.question || lan->has_names)
    {
        lan->sink.name_message(lan->sink.userdata, bytes, size, &with_port);
    }
    /* Else nmbd has the names, and port 137 is open only because it is inherited. */
}

static void lan_failed(void *userdata)
{
    struct lan *lan = userdata;

    lan->counters->values[NET_COUNTER_RECEIVE_FAILED]++;
}

static bool lan_port_bind(struct lan_port *port)
{
    return lan_port_open(port, DATAGRAM_SOCKET_EXCLUSIVE);
}

static void lan_look_in(struct lan *lan, uint64_t usec)
{
    (void)sd_event_source_set_time_relative(lan->timer, usec);
    (void)sd_event_source_set_enabled(lan->timer, SD_EVENT_ONESHOT);
}

static void lan_plan_look(struct lan *lan)
{
    bool incomplete = lan->question.fd < 0;

    switch (lan->state)
    {
    case NET_STATE_LOCAL_ONLY:
        incomplete = true;
        break;
    case NET_STATE_OWN_SOCKETS:
        incomplete = incomplete || (lan->want_names && lan->name.fd < 0) ||
                     lan_now(lan) < lan->nmbd_expected_until;
        break;
    case NET_STATE_BESIDE_NMBD:
        incomplete = incomplete || !lan->unexpected;
        break;
    }
    if (incomplete)
    {
        lan_look_in(lan, LOOK_SOON_USEC);
    }
    else if (lan->state == NET_STATE_OWN_SOCKETS && lan->nmbd_socket[0])
    {
        lan_look_in(lan, LOOK_LATER_USEC);
    }
    else
    {
        (void)sd_event_source_set_enabled(lan->timer, SD_EVENT_OFF);
    }
}

/* Opens and closes what the state asks for, beside port 138, and tells the sink. */
static void lan_enter(struct lan *lan, enum net_state state, bool always_tell)
{
    enum net_state previous = lan->state;
    bool had_names = lan->has_names;

    if (state == NET_STATE_LOCAL_ONLY)
    {
        lan_port_close(&lan->question);
    }
    else
    {
        (void)lan_port_bind(&lan->question);
    }
    if (state == NET_STATE_OWN_SOCKETS && lan->want_names)
    {
        (void)lan_port_bind(&lan->name);
    }
    else if (!lan->name.inherited)
    {
        lan_port_close(&lan->name);
    }
    lan->state = state;
    lan_port_filter_own(&lan->datagram, state == NET_STATE_OWN_SOCKETS);
    lan->has_names = state == NET_STATE_OWN_SOCKETS && lan->want_names && lan->name.fd >= 0;
    lan_plan_look(lan);
    if (always_tell || state != previous || lan->has_names != had_names)
    {
        lan->sink.changed(lan->sink.userdata, previous);
    }
}

static void lan_on_nmbd_datagram(void *userdata, const void *bytes, size_t size,
                                 const struct sockaddr_in *from)
{
    struct lan *lan = userdata;
    struct datagram_arrival arrival = {.from = *from};

    lan->counters->values[NET_COUNTER_NMBD_RECEIVED]++;
    lan->sink.datagram(lan->sink.userdata, bytes, size, &arrival);
}

static void lan_on_nmbd_ready(void *userdata)
{
    struct lan *lan = userdata;

    lan->nmbd_answered = true;
    lan_enter(lan, NET_STATE_BESIDE_NMBD, false);
}

static void lan_on_nmbd_gone(void *userdata, int error)
{
    struct lan *lan = userdata;

    lan->unexpected = unexpected_free(lan->unexpected);
    lan->nmbd_answered = false;
    lan->nmbd_error = -error;
    lan->nmbd_expected_until = lan_now(lan) + RESTART_USEC;
    if (error == -EPROTO)
    {
        lan->nmbd_not_before = lan_now(lan) + NONSENSE_USEC;
    }
    /* Only a port that we have just got for ourselves alone is a proof. */
    if (lan->state == NET_STATE_BESIDE_NMBD && lan->want_names && lan->name.fd < 0 &&
        lan_port_bind(&lan->name))
    {
        lan_enter(lan, NET_STATE_OWN_SOCKETS, false);
        return;
    }
    lan_look_in(lan, LOOK_SOON_USEC);
}

/* Returns whether there is a connection to nmbd, old or new. */
static bool lan_reach_nmbd(struct lan *lan)
{
    const struct unexpected_sink sink = {
        .userdata = lan,
        .ready = lan_on_nmbd_ready,
        .datagram = lan_on_nmbd_datagram,
        .gone = lan_on_nmbd_gone,
    };
    int r;

    if (lan->unexpected)
    {
        return true;
    }
    if (!lan->nmbd_socket[0] || lan_now(lan) < lan->nmbd_not_before)
    {
        return false;
    }
    r = unexpected_new(&lan->unexpected, lan->event, lan->nmbd_socket, &sink);
    lan->nmbd_error = r < 0 ? -r : 0;
    return r == 0;
}

/* nmbd is not to be reached any more. Whoever else shares port 138 was let in because of it. */
static void lan_leave_nmbd(struct lan *lan)
{
    if (!(lan->want_names && lan_port_bind(&lan->name)) && !lan->datagram.inherited)
    {
        lan_port_close(&lan->datagram);
    }
}

static void lan_look(struct lan *lan, bool always_tell)
{
    bool online, reached;

    if (lan->state == NET_STATE_BESIDE_NMBD && !lan_reach_nmbd(lan))
    {
        lan_leave_nmbd(lan);
    }
    online = lan_port_bind(&lan->datagram);
    if (!online && lan->datagram.error == EADDRINUSE && lan_reach_nmbd(lan))
    {
        online = lan_port_open(&lan->datagram, DATAGRAM_SOCKET_SHARED);
    }
    if (!online)
    {
        lan->unexpected = unexpected_free(lan->unexpected);
        lan->nmbd_answered = false;
        lan_enter(lan, NET_STATE_LOCAL_ONLY, always_tell);
        return;
    }
    reached = lan_reach_nmbd(lan);
    /* With names of our own to lose we wait for nmbd's answer. */
    if (reached && (lan->nmbd_answered || lan->state != NET_STATE_OWN_SOCKETS))
    {
        lan_enter(lan, NET_STATE_BESIDE_NMBD, always_tell);
    }
    else
    {
        lan_enter(lan, NET_STATE_OWN_SOCKETS, always_tell);
    }
}

static int lan_on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    lan_look(userdata, false);
    return 0;
}

int lan_new(struct lan **ret_lan, sd_event *event, const struct lan_config *config,
            const struct lan_sink *sink, struct net_counters *counters, const char **ret_invalid)
{
    struct lan *lan = calloc(1, sizeof(*lan));
    int r;

    if (!lan)
    {
        return -ENOMEM;
    }
    lan->event = sd_event_ref(event);
    lan->sink = *sink;
    lan->counters = counters;
    lan->want_names = config->name_service;
    lan->disabled = config->disabled;
    lan->state = NET_STATE_LOCAL_ONLY;
    lan->port_sink = (struct lan_port_sink){lan, lan_take, lan_failed};
    lan->nmbd_socket = strdup(config->nmbd_socket);
    r = lan->nmbd_socket ? datagram_batch_new(&lan->batch) : -ENOMEM;
    if (r == 0)
    {
        r = outbox_new(&lan->outbox, counters);
    }
    lan_port_init(&lan->datagram, lan->event, lan->batch, &lan->port_sink, config->datagram_port);
    lan_port_init(&lan->name, lan->event, lan->batch, &lan->port_sink, config->name_port);
    lan_port_init(&lan->question, lan->event, lan->batch, &lan->port_sink, 0);
    if (r == 0)
    {
        r = lan_port_check(&lan->datagram, config->datagram_fd, "datagram_fd", ret_invalid);
    }
    if (r == 0)
    {
        r = lan_port_check(&lan->name, config->name_fd, "name_fd", ret_invalid);
    }
    if (r < 0)
    {
        lan_free(lan);
        return r;
    }
    lan_port_inherit(&lan->datagram, config->datagram_fd);
    lan_port_inherit(&lan->name, config->name_fd);
    *ret_lan = lan;
    return 0;
}

struct lan *lan_free(struct lan *lan)
{
    if (!lan)
    {
        return NULL;
    }
    sd_event_source_disable_unref(lan->timer);
    unexpected_free(lan->unexpected);
    if (lan->outbox)
    {
        outbox_flush(lan->outbox);
    }
    outbox_free(lan->outbox);
    /* An inherited socket may be open elsewhere, too: for the next net. */
    lan_port_filter_own(&lan->datagram, false);
    lan_port_close(&lan->datagram);
    lan_port_close(&lan->name);
    lan_port_close(&lan->question);
    sd_event_unref(lan->event);
    datagram_batch_free(lan->batch);
    free(lan->nmbd_socket);
    free(lan);
    return NULL;
}

int lan_start(struct lan *lan)
{
    int r;

    if (lan->disabled)
    {
        lan->sink.changed(lan->sink.userdata, NET_STATE_LOCAL_ONLY);
        return 0;
    }
    r = sd_event_add_time_relative(lan->event, &lan->timer, CLOCK_MONOTONIC, LOOK_SOON_USEC,
                                   LOOK_ACCURACY_USEC, lan_on_timer, lan);
    if (r >= 0 && lan->datagram.inherited)
    {
        r = lan_port_listen(&lan->datagram);
    }
    if (r >= 0 && lan->name.inherited && lan->want_names)
    {
        r = lan_port_listen(&lan->name);
    }
    if (r < 0)
    {
        lan_port_disown(&lan->datagram);
        lan_port_disown(&lan->name);
        return r;
    }
    lan_look(lan, true);
    return 0;
}

enum net_state lan_state(const struct lan *lan)
{
    return lan->state;
}

bool lan_has_name_service(const struct lan *lan)
{
    return lan->has_names;
}

uint16_t lan_datagram_port(const struct lan *lan)
{
    return lan->datagram.number;
}

uint16_t lan_name_port(const struct lan *lan)
{
    return lan->name.number;
}

static void lan_explain_local_only(struct lan *lan)
{
    const uint16_t port = lan->datagram.number;
    const uint16_t lowest = lan->want_names && lan->name.number < port ? lan->name.number : port;
    size_t size;

    if (lan->disabled)
    {
        snprintf(lan->reason, sizeof(lan->reason), "the network is switched off");
        lan->fix[0] = 0;
        return;
    }
    datagram_socket_explain(lan->datagram.error, port, lowest, lan->reason, lan->fix);
    /* A missing or dead socket is what a host without Samba has: nothing to tell. */
    if (lan->datagram.error == EADDRINUSE && lan->nmbd_error && lan->nmbd_error != ENOENT &&
        lan->nmbd_error != ECONNREFUSED)
    {
        size = strlen(lan->reason);
        snprintf(lan->reason + size, sizeof(lan->reason) - size,
                 "; nmbd's socket %s is of no use: %s", lan->nmbd_socket,
                 strerror(lan->nmbd_error));
    }
}

static const char *lan_explain_names(struct lan *lan)
{
    if (!lan->want_names)
    {
        return "the name service is switched off";
    }
    if (lan->state == NET_STATE_BESIDE_NMBD)
    {
        return "Samba's nmbd has the name service of this host";
    }
    datagram_socket_explain(lan->name.error, lan->name.number, lan->name.number, lan->name_reason,
                            lan->name_fix);
    return lan->name_reason;
}

void lan_explain(const struct lan *lan, int *ret_error, const char **ret_reason,
                 const char **ret_fix, const char **ret_name_reason)
{
    /* The texts are made when they are asked for; nobody else looks at them. */
    struct lan *texts = (struct lan *)lan;

    *ret_error = 0;
    *ret_reason = *ret_fix = *ret_name_reason = NULL;
    if (lan->state == NET_STATE_LOCAL_ONLY)
    {
        lan_explain_local_only(texts);
        *ret_error = lan->disabled ? 0 : lan->datagram.error;
        *ret_reason = lan->reason;
        *ret_fix = lan->fix[0] ? lan->fix : NULL;
        *ret_name_reason = lan->want_names ? lan->reason : lan_explain_names(texts);
    }
    else if (!lan->has_names)
    {
        *ret_name_reason = lan_explain_names(texts);
    }
}

static int lan_put(struct lan *lan, const struct datagram_way *way, const void *bytes, size_t size)
{
    if (lan->state == NET_STATE_LOCAL_ONLY)
    {
        lan->counters->values[NET_COUNTER_SEND_FAILED]++;
        return -ENOTCONN;
    }
    return outbox_put(lan->outbox, lan->datagram.fd, way, bytes, size);
}

int lan_broadcast(struct lan *lan, const struct interface *interface, uint16_t port,
                  const void *bytes, size_t size)
{
    const struct datagram_way way = datagram_way_broadcast(interface, port);

    return lan_put(lan, &way, bytes, size);
}

int lan_send(struct lan *lan, struct in_addr to, uint16_t port, const void *bytes, size_t size)
{
    const struct datagram_way way = {.to = to, .port = port};

    return lan_put(lan, &way, bytes, size);
}

void lan_hold(struct lan *lan)
{
    outbox_hold(lan->outbox);
}

void lan_release(struct lan *lan)
{
    outbox_release(lan->outbox);
}

void lan_keep_order(struct lan *lan)
{
    outbox_flush(lan->outbox);
}

int lan_send_name(struct lan *lan, const struct interface *interface, struct in_addr to,
                  uint16_t port, bool question, const void *bytes, size_t size)
{
    int fd = lan->has_names && !question ? lan->name.fd : lan->question.fd;

    if (lan->state == NET_STATE_LOCAL_ONLY || fd < 0)
    {
        return -ENOTCONN;
    }
    return interface ? datagram_socket_broadcast(fd, interface, port, bytes, size)
                     : datagram_socket_send(fd, to, port, bytes, size);
}

int lan_reply_name(struct lan *lan, const struct datagram_way *way, const void *bytes, size_t size)
{
    if (!lan->has_names)
    {
        return -ENOTCONN;
    }
    return datagram_socket_send_cut(lan->name.fd, way, bytes, size, 0);
}
