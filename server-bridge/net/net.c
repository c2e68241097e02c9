/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network as the daemon's core sees it: messages to other hosts and from them */

/*
 * The core says "this message to that target" and hands over a sink; it never sees a datagram. The
 * policy is asked here, and here this host gets its copy of every message that is for it too:
 * exactly once, whatever the network does. The transport finds out whom a target means and carries
 * the message to the others. NetBIOS is the only transport; struct transport_ops is all that
 * another one has to offer.
 */

#include "net/net.h"

#include "net/denial_log.h"
#include "net/netbios/netbios.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct net
{
    struct net_sink sink;
    struct policy *policy;
    const struct transport_ops *ops;
    void *transport;
    struct net_counters own_counters;
    struct net_counters *counters; /* the sink's, or our own */
};

static enum net_counter net_deliver(void *userdata, const struct net_message *message)
{
    struct net *net = userdata;
    int r = net->sink.deliver(net->sink.userdata, message);

    switch (r)
    {
    case NET_DELIVER_OK:
        return NET_COUNTER_DELIVERED;
    case NET_DELIVER_NO_SLOT:
        return NET_COUNTER_DROP_NO_SLOT;
    case NET_DELIVER_FULL:
        return NET_COUNTER_DROP_FULL;
    case NET_DELIVER_TOO_LARGE:
        return NET_COUNTER_DROP_TOO_LARGE;
    default:
        return r < 0 ? NET_COUNTER_DROP_FAILED : NET_COUNTER_DROP_DENIED;
    }
}

static void net_deliver_own_copy(struct net *net, const struct net_request *request)
{
    struct net_message message = {
        .slot = request->slot,
        .slot_size = request->slot_size,
        .data = request->data,
        .size = request->size,
        .source_name = netbios_computer(net->transport),
    };

    /* No slot here is as good as no slot elsewhere: the sender does not learn of it (Q2). */
    if (net->sink.deliver(net->sink.userdata, &message))
    {
        net->counters->values[NET_COUNTER_LOCAL_UNDELIVERED]++;
    }
    else
    {
        net->counters->values[NET_COUNTER_LOCAL_DELIVERED]++;
    }
}

static void net_finish(void *userdata, const struct net_request *request, int result, bool here,
                       const struct net_sender *sender)
{
    struct net *net = userdata;

    net->counters->values[result == NET_OK ? NET_COUNTER_SENT : NET_COUNTER_SEND_REFUSED]++;
    if (result == NET_OK && here)
    {
        net_deliver_own_copy(net, request);
    }
    if (sender->done)
    {
        sender->done(sender->userdata, result);
    }
}

static void net_say(struct net *net, void (*say)(void *userdata, const char *text),
                    const char *text)
{
    char line[1024];
    size_t n = 0;

    if (!say)
    {
        return;
    }
    /* Names come from strangers: nothing of theirs may look like a line or a command to a screen.
     */
    for (; *text && n < sizeof(line) - 5; text++)
    {
        bool plain = *text >= ' ' && *text < 0x7f;

        n += (size_t)sprintf(line + n, plain ? "%c" : "\\x%02x", (unsigned char)*text);
    }
    line[n] = 0;
    say(net->sink.userdata, line);
}

static void net_log(void *userdata, const char *text)
{
    struct net *net = userdata;

    net_say(net, net->sink.log, text);
}

static void net_warn(void *userdata, const char *text)
{
    struct net *net = userdata;

    net_say(net, net->sink.warn ? net->sink.warn : net->sink.log, text);
}

int net_new(struct net **ret_net, sd_event *event, const struct net_config *config,
            const struct net_sink *sink, const char **ret_invalid)
{
    const char *invalid = NULL;
    struct net *net = calloc(1, sizeof(*net));
    struct netbios *netbios = NULL;
    int r;

    if (!net)
    {
        return -ENOMEM;
    }
    net->sink = *sink;
    net->counters = sink->counters ? sink->counters : &net->own_counters;
    r = policy_new(&net->policy, &config->policy, &invalid);
    if (r == 0)
    {
        struct transport_sink up = {
            .userdata = net,
            .deliver = net_deliver,
            .finish = net_finish,
            .log = net_log,
            .warn = net_warn,
            .counters = net->counters,
            .policy = net->policy,
        };

        r = netbios_new(&netbios, event, config, &up, &invalid);
    }
    if (r < 0)
    {
        if (ret_invalid && invalid)
        {
            *ret_invalid = invalid;
        }
        policy_free(net->policy);
        free(net);
        return r;
    }
    net->ops = &netbios_transport;
    net->transport = netbios;
    *ret_net = net;
    return 0;
}

struct net *net_free(struct net *net)
{
    if (!net)
    {
        return NULL;
    }
    net->ops->free(net->transport);
    policy_free(net->policy);
    free(net);
    return NULL;
}

static void net_log_forbidden(struct net *net, const struct net_request *request)
{
    char text[256];
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    switch (denial_log_once(policy_denials(net->policy), DENIAL_SEND, request->slot,
                            request->slot_size, (uint64_t)now.tv_sec * 1000000))
    {
    case DENIAL_LOG_NOTHING:
        break;
    case DENIAL_LOG_LINE:
        snprintf(text, sizeof(text),
                 "a program may not send to the slot \"%.*s\" on the network: see send_slots in "
                 "mailslotd.conf",
                 request->slot_size > 100 ? 100 : (int)request->slot_size, request->slot);
        net_log(net, text);
        break;
    case DENIAL_LOG_MORE:
        net_log(net, denial_log_more(DENIAL_SEND));
        break;
    }
}

int net_send(struct net *net, const struct net_request *request, net_done_fn done, void *userdata)
{
    struct net_sender sender = {done, userdata};

    if (!policy_send(net->policy, request->slot, request->slot_size))
    {
        net_log_forbidden(net, request);
        net_finish(net, request, NET_FORBIDDEN, false, &sender);
        return 0;
    }
    return net->ops->send(net->transport, request, &sender);
}

void net_hold(struct net *net)
{
    net->ops->hold(net->transport);
}

void net_release(struct net *net)
{
    net->ops->release(net->transport);
}

void net_status(struct net *net, struct net_status *ret_status)
{
    *ret_status = (struct net_status){.counters = *net->counters};
    net->ops->status(net->transport, ret_status);
    /* Reading the interfaces may have counted something. */
    ret_status->counters = *net->counters;
}

const char *net_state_name(enum net_state state)
{
    static const char *const names[] = {
        [NET_STATE_OWN_SOCKETS] = "own sockets",
        [NET_STATE_BESIDE_NMBD] = "beside nmbd",
        [NET_STATE_LOCAL_ONLY] = "local only",
    };

    return names[state];
}
