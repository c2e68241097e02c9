/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The name service: from packets of UDP 137 to claims, answers and questions (RFC 1002 5.1) */

/*
 * The parts decide, this file connects them with sockets and time. One timer serves all of them:
 * each says when it wants to be called next. Requests are looked at if their sender may reach us at
 * all; answers only reach the part that has asked, and what nobody asked for is dropped: neither
 * the cache nor our names can be changed by a stranger (wire.md 1.9).
 */

#include "net/netbios/answer.h"
#include "net/netbios/state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#define CACHE_SENDERS_MAX     1024
#define CACHE_SENDERS_SECONDS 60

static void name_service_send(struct netbios *netbios, const struct interface *interface,
                              struct in_addr to, uint16_t port, const struct ns_message *message)
{
    /* Only questions to a server have a port of their own: firewalls know whose answers those are.
     */
    bool question = !interface && !message->response && message->opcode == NS_QUERY;
    uint8_t bytes[NS_MESSAGE_SIZE_MAX];
    size_t size = ns_message_write(message, &netbios->scope, bytes);

    netbios_count(netbios,
                  lan_send_name(netbios->lan, interface, to, port, question, bytes, size) < 0
                      ? NET_COUNTER_NAME_SEND_FAILED
                      : NET_COUNTER_NAME_SENT);
}

static void name_service_broadcast(void *userdata, const struct interface *interface,
                                   const struct ns_message *message)
{
    struct netbios *netbios = userdata;

    if (interface_broadcasts(interface))
    {
        name_service_send(netbios, interface, interface->broadcast, netbios->peer_name_port,
                          message);
    }
}

static void name_service_unicast(void *userdata, struct in_addr to, uint16_t port,
                                 const struct ns_message *message)
{
    struct netbios *netbios = userdata;

    name_service_send(netbios, NULL, to, port ? port : netbios->peer_name_port, message);
}

/*
 * Who asks another address than the route to him would leave from, takes no answer from that one: a
 * host on two cables is asked by either address from both, and one with two interfaces in a subnet,
 * too. A neighbour gets his answer on the cable where he is, if the same subnet should be on both.
 */
static void name_service_reply(void *userdata, const struct ns_arrival *request,
                               const struct ns_message *message)
{
    struct netbios *netbios = userdata;
    const struct interface *interface =
        request->own
            ? NULL
            : interfaces_neighbour(&netbios->interfaces, request->interface_index, request->from);
    struct datagram_way way = {.to = request->from, .port = request->port, .from = request->to};
    uint8_t bytes[NS_MESSAGE_SIZE_MAX];
    size_t size = ns_message_write(message, &netbios->scope, bytes);

    if (interface)
    {
        way.interface_index = interface->index;
        way.from = way.from.s_addr == htonl(INADDR_ANY) ? interface->address : way.from;
    }
    netbios_count(netbios, lan_reply_name(netbios->lan, &way, bytes, size) < 0
                               ? NET_COUNTER_NAME_SEND_FAILED
                               : NET_COUNTER_NAME_SENT);
}

/* The timer is set anew by whoever has told the queries of the answer or the time. */
static void name_service_wins_heard(void *userdata, size_t server, bool answered, uint64_t now_usec)
{
    struct netbios *netbios = userdata;

    if (netbios->claims)
    {
        claims_wins_heard(netbios->claims, server, answered, now_usec);
    }
}

static int name_service_on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    name_service_schedule(userdata);
    return 0;
}

void name_service_schedule(struct netbios *netbios)
{
    uint64_t now = netbios_now(netbios), claims = NS_NEVER, next;

    if (netbios->claims)
    {
        claims = claims_tick(netbios->claims, now);
    }
    next = queries_tick(netbios->queries, now);
    next = claims < next ? claims : next;
    if (next == NS_NEVER)
    {
        (void)sd_event_source_set_enabled(netbios->timer, SD_EVENT_OFF);
        return;
    }
    (void)sd_event_source_set_time(netbios->timer, next);
    (void)sd_event_source_set_enabled(netbios->timer, SD_EVENT_ONESHOT);
}

int name_service_new(struct netbios *netbios)
{
    int r;

    netbios->link = (struct ns_link){
        .userdata = netbios,
        .broadcast = name_service_broadcast,
        .unicast = name_service_unicast,
        .reply = name_service_reply,
        .wins_heard = name_service_wins_heard,
    };
    r = queries_new(&netbios->queries, &netbios->ns, &netbios->link, &netbios->interfaces,
                    netbios->up.counters);
    if (r < 0)
    {
        return r;
    }
    r = cache_new(&netbios->senders, CACHE_SENDERS_MAX, CACHE_SENDERS_SECONDS * UINT64_C(1000000));
    if (r < 0)
    {
        return r;
    }
    r = dns_new(&netbios->dns, netbios->event);
    if (r < 0)
    {
        return r;
    }
    r = sd_event_add_time(netbios->event, &netbios->timer, CLOCK_MONOTONIC, 0, 10000,
                          name_service_on_timer, netbios);
    return r < 0 ? r : sd_event_source_set_enabled(netbios->timer, SD_EVENT_OFF);
}

static void name_service_forget(struct netbios *netbios)
{
    netbios->claims = claims_free(netbios->claims);
    for (size_t i = 0; i < netbios->own.n; i++)
    {
        netbios->own.list[i].state = OWN_UNCLAIMED;
    }
}

void name_service_free(struct netbios *netbios)
{
    if (netbios->claims)
    {
        claims_release(netbios->claims);
    }
    name_service_forget(netbios);
    netbios->dns = dns_free(netbios->dns);
    netbios->queries = queries_free(netbios->queries);
    netbios->senders = cache_free(netbios->senders);
    netbios->timer = sd_event_source_disable_unref(netbios->timer);
}

void name_service_mode(struct netbios *netbios)
{
    if (!lan_has_name_service(netbios->lan))
    {
        name_service_forget(netbios);
    }
    else if (!netbios->claims)
    {
        if (claims_new(&netbios->claims, &netbios->own, &netbios->ns, &netbios->link,
                       &netbios->interfaces, netbios->up.counters) < 0)
        {
            netbios->up.log(netbios->up.userdata, "out of memory: the own names are not claimed");
            return;
        }
        claims_set_interfaces(netbios->claims, netbios_now(netbios));
    }
    name_service_schedule(netbios);
}

void name_service_interfaces(struct netbios *netbios)
{
    queries_flush(netbios->queries);
    if (netbios->claims)
    {
        claims_set_interfaces(netbios->claims, netbios_now(netbios));
    }
    name_service_schedule(netbios);
}

static bool name_service_may_ask(struct netbios *netbios, const struct ns_arrival *from,
                                 uint64_t now_usec)
{
    char text[INET_ADDRSTRLEN];

    if (!netbios_may_arrive(netbios, from->interface_index, now_usec))
    {
        netbios_count(netbios, NET_COUNTER_NAME_DROP_SOURCE);
        return false;
    }
    if (!interfaces_is_host(&netbios->interfaces, from->from) ||
        !(from->own || policy_source(netbios->up.policy, from->from, from->local_subnet)))
    {
        if (netbios_denied(netbios, DENIAL_NAME_SOURCE, &from->from, sizeof(from->from), now_usec))
        {
            netbios_log(netbios,
                        "%s is not in a network that may ask us for names: see allow_networks in "
                        "mailslotd.conf",
                        inet_ntop(AF_INET, &from->from, text, sizeof(text)));
        }
        netbios_count(netbios, NET_COUNTER_NAME_DROP_SOURCE);
        return false;
    }
    if (!policy_rate(netbios->up.policy, from->from, now_usec))
    {
        if (netbios_denied(netbios, DENIAL_NAME_RATE, &from->from, sizeof(from->from), now_usec))
        {
            netbios_log(netbios,
                        "%s asks for names faster than source_rate in mailslotd.conf allows",
                        inet_ntop(AF_INET, &from->from, text, sizeof(text)));
        }
        netbios_count(netbios, NET_COUNTER_NAME_DROP_RATE);
        return false;
    }
    return true;
}

/* The answer is far larger than the question, and goes where that claims to come from. */
static bool name_service_may_ask_status(struct netbios *netbios, struct in_addr from,
                                        uint64_t now_usec)
{
    char text[INET_ADDRSTRLEN];

    if (policy_status_rate(netbios->up.policy, from, now_usec))
    {
        return true;
    }
    if (netbios_denied(netbios, DENIAL_NAME_STATUS, &from, sizeof(from), now_usec))
    {
        netbios_log(netbios, "%s asks for our list of names more than ten times a second",
                    inet_ntop(AF_INET, &from, text, sizeof(text)));
    }
    netbios_count(netbios, NET_COUNTER_NAME_DROP_RATE);
    return false;
}

static void name_service_on_query(struct netbios *netbios, const struct ns_message *message,
                                  const struct ns_arrival *from, uint64_t now_usec)
{
    bool status = message->type == NS_TYPE_NBSTAT;
    struct ns_message answer;

    if (!netbios->claims || !answer_query(&netbios->own, &netbios->interfaces, netbios->ns.node,
                                          message, from, &answer))
    {
        netbios_count(netbios, NET_COUNTER_NAME_UNANSWERED);
        return;
    }
    if (status && !name_service_may_ask_status(netbios, from->from, now_usec))
    {
        return;
    }
    name_service_reply(netbios, from, &answer);
    netbios_count(netbios, status ? NET_COUNTER_NAME_STATUS_ANSWERED : NET_COUNTER_NAME_ANSWERED);
}

static void name_service_on_response(struct netbios *netbios, const struct ns_message *message,
                                     const struct ns_arrival *from, uint64_t now_usec)
{
    if (queries_response(netbios->queries, message, from, now_usec) ||
        (netbios->claims && claims_response(netbios->claims, message, from, now_usec)))
    {
        name_service_schedule(netbios);
        return;
    }
    netbios_count(netbios, NET_COUNTER_NAME_DROP_UNSOLICITED);
}

void name_service_receive(struct netbios *netbios, const void *bytes, size_t size,
                          const struct datagram_arrival *arrival)
{
    uint64_t now = netbios_now(netbios);
    struct ns_arrival from = {
        .from = arrival->from.sin_addr,
        .to = arrival->to,
        .port = ntohs(arrival->from.sin_port),
        .interface_index = arrival->interface_index,
        .question = arrival->question,
        .local_subnet = netbios_is_local(netbios, arrival->from.sin_addr),
        .own = interfaces_is_own(&netbios->interfaces, arrival->from.sin_addr),
    };
    struct ns_message message;
    int r;

    netbios_count(netbios, NET_COUNTER_NAME_RECEIVED);
    r = ns_message_read(bytes, size, &netbios->scope, &message);
    if (r)
    {
        netbios_count(netbios, r == NS_MESSAGE_OTHER_SCOPE ? NET_COUNTER_NAME_DROP_SCOPE
                                                           : NET_COUNTER_NAME_DROP_BROKEN);
        return;
    }
    if (message.response)
    {
        name_service_on_response(netbios, &message, &from, now);
        return;
    }
    if (!name_service_may_ask(netbios, &from, now))
    {
        return;
    }
    if (message.opcode == NS_QUERY)
    {
        name_service_on_query(netbios, &message, &from, now);
    }
    else if (netbios->claims)
    {
        claims_request(netbios->claims, &message, &from);
    }
}
