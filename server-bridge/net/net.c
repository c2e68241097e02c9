/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network as the daemon's core sees it: messages to other hosts and from them */

/*
 * The core says "this message to that target" and hands over a sink; it never sees a datagram. Here
 * is decided who gets a copy: the sink gets one of every message that is for this host too, exactly
 * once and whatever the network does, and the transports carry it to the others. NetBIOS is the
 * only transport; one more (a message broker) would be one more call beside netbios_broadcast().
 */

#include "net/net.h"

#include "net/netbios/netbios.h"

#include <errno.h>
#include <stdlib.h>

struct net
{
    struct net_sink sink;
    struct netbios *netbios;
    struct net_counters counters;
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

int net_new(struct net **ret_net, sd_event *event, const struct net_config *config,
            const struct net_sink *sink, const char **ret_invalid)
{
    const char *invalid = NULL;
    struct net *net = calloc(1, sizeof(*net));
    int r;

    if (!net)
    {
        return -ENOMEM;
    }
    net->sink = *sink;
    r = netbios_new(&net->netbios, event, config, net_deliver, net, &net->counters, &invalid);
    if (r < 0)
    {
        if (ret_invalid && invalid)
        {
            *ret_invalid = invalid;
        }
        free(net);
        return r;
    }
    *ret_net = net;
    return 0;
}

struct net *net_free(struct net *net)
{
    if (!net)
    {
        return NULL;
    }
    netbios_free(net->netbios);
    free(net);
    return NULL;
}

static void net_deliver_own_copy(struct net *net, const struct net_request *request)
{
    struct net_message message = {
        .slot = request->slot,
        .slot_size = request->slot_size,
        .data = request->data,
        .size = request->size,
        .source_name = netbios_computer(net->netbios),
    };

    /* No slot here is as good as no slot elsewhere: the sender does not learn of it (Q2). */
    if (net->sink.deliver(net->sink.userdata, &message))
    {
        net->counters.values[NET_COUNTER_LOCAL_UNDELIVERED]++;
    }
    else
    {
        net->counters.values[NET_COUNTER_LOCAL_DELIVERED]++;
    }
}

int net_send(struct net *net, const struct net_request *request, net_done_fn done, void *userdata)
{
    struct netbios_outgoing outgoing;
    int r;

    r = netbios_prepare(net->netbios, request, &outgoing);
    if (r < 0)
    {
        return r;
    }
    if (r == NET_OK)
    {
        net->counters.values[NET_COUNTER_SENT]++;
        if (outgoing.route.kind == ROUTE_GROUP)
        {
            netbios_broadcast(net->netbios, &outgoing);
        }
        net_deliver_own_copy(net, request);
    }
    else
    {
        net->counters.values[NET_COUNTER_SEND_REFUSED]++;
    }
    if (done)
    {
        done(userdata, r);
    }
    return 0;
}

void net_status(struct net *net, struct net_status *ret_status)
{
    *ret_status = (struct net_status){.counters = net->counters};
    netbios_status(net->netbios, ret_status);
    /* Reading the interfaces may have counted something. */
    ret_status->counters = net->counters;
}
