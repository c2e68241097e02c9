/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages on their way out: whom a target means, and the datagrams to them */

/*
 * What can be known to fail fails first: the slot's name and the sizes (semantics Z1-Z4). Then the
 * target: what is ours or in the cache goes out at once and without an allocation; for the rest the
 * message is copied and waits for the answer of the name service. When nobody has the name, the
 * last resort is the address that a datagram of that name came from lately: that is how answers
 * reach programs whose name was never registered (wire.md 1.8).
 *
 * A group message leaves as one datagram per broadcast interface and one per static peer, with the
 * same id everywhere, so that who hears several of them can tell the copies of one message.
 */

#include "net/netbios/resolve.h"
#include "net/netbios/state.h"
#include "net/netbios/transaction.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Messages that wait for names at the same time; each client may have only a part of them. */
#define SENDING_MAX 1024

/* A message and what is known of its way. */
struct sending
{
    struct netbios *netbios;
    struct net_request request;
    struct net_sender sender;
    struct route route;
    uint8_t smb[TRANSACTION_SIZE_MAX];
    size_t smb_size;
    struct sending *prev, *next; /* once it waits */
    char copy[];                 /* target, slot, data */
};

static void sending_finish(struct sending *sending, int result, bool here)
{
    struct netbios *netbios = sending->netbios;

    netbios->up.finish(netbios->up.userdata, &sending->request, result, here, &sending->sender);
}

static void sending_end(struct sending *sending, int result, bool here)
{
    struct netbios *netbios = sending->netbios;

    DL_DELETE(netbios->sending, sending);
    netbios->n_sending--;
    sending_finish(sending, result, here);
    free(sending);
}

static void send_datagram_init(struct netbios *netbios, const struct sending *sending,
                               enum datagram_type type, struct datagram *ret_datagram)
{
    /* A program may rely on the order of what it says to all and what it says to one of them. */
    if (!netbios_name_equal(&netbios->last_destination, &sending->route.destination))
    {
        lan_keep_order(netbios->lan);
        netbios->last_destination = sending->route.destination;
    }
    *ret_datagram = (struct datagram){
        .type = type,
        .node = node_datagram_flags(netbios->ns.node),
        .id = netbios->next_id++,
        .source_port = lan_datagram_port(netbios->lan),
        .source = netbios->own.list[OWN_COMPUTER].name,
        .destination = sending->route.destination,
        .user_data = sending->smb,
        .user_data_size = sending->smb_size,
    };
}

/*
 * The address that the receiver sees us with. A neighbour needs no look at the routes, unless he is
 * one on several interfaces: the routes say which of them is used.
 */
static struct in_addr send_source_for(const struct netbios *netbios, struct in_addr to)
{
    const struct interfaces *interfaces = &netbios->interfaces;
    struct in_addr source = {0};
    size_t n = 0;

    for (size_t i = 0; i < interfaces->n; i++)
    {
        const struct interface *interface = &interfaces->list[i];

        if (((interface->address.s_addr ^ to.s_addr) & interface->netmask.s_addr) == 0 && n++ == 0)
        {
            source = interface->address;
        }
    }
    if (n == 1)
    {
        return source;
    }
    if (datagram_socket_source(to, &source) < 0 && interfaces->n)
    {
        source = interfaces->list[0].address;
    }
    return source;
}

static bool send_to_address(struct netbios *netbios, struct datagram *datagram, struct in_addr to)
{
    uint8_t bytes[DATAGRAM_SIZE_MAX];
    size_t size;

    datagram->source_ip = send_source_for(netbios, to);
    size = datagram_write(datagram, &netbios->scope, bytes);
    return lan_send(netbios->lan, to, netbios->peer_port, bytes, size) == 0;
}

static size_t send_broadcast(struct netbios *netbios, struct datagram *datagram)
{
    uint32_t digest = dedupe_digest(datagram);
    uint64_t now = netbios_now(netbios);
    size_t sent = 0;

    for (size_t i = 0; i < netbios->interfaces.n; i++)
    {
        const struct interface *interface = &netbios->interfaces.list[i];
        struct dedupe_key key = {interface->address, datagram->type, datagram->id, digest};
        uint8_t bytes[DATAGRAM_SIZE_MAX];
        size_t size;

        if (!interface_broadcasts(interface))
        {
            continue;
        }
        datagram->source_ip = interface->address;
        size = datagram_write(datagram, &netbios->scope, bytes);
        (void)dedupe_enter(netbios->sent, &key, now);
        sent += lan_broadcast(netbios->lan, interface, netbios->peer_port, bytes, size) == 0;
    }
    return sent;
}

/* All hosts of a site may have one list of peers, and so be in it themselves. */
static bool send_is_ourselves(const struct netbios *netbios, struct in_addr peer)
{
    return interfaces_is_here(&netbios->interfaces, peer) &&
           netbios->peer_port == lan_datagram_port(netbios->lan);
}

/*
 * To everybody in the group that is not this host. What fails is counted: no delivery is due.
 * `members` NULL: they are found by broadcast.
 */
static void send_group(struct netbios *netbios, const struct sending *sending,
                       const struct resolution *members)
{
    const struct peers *peers = &netbios->peers;
    struct datagram datagram;
    size_t sent = 0;

    if (lan_state(netbios->lan) == NET_STATE_LOCAL_ONLY)
    {
        netbios_count(netbios, NET_COUNTER_SENT_NOWHERE);
        return;
    }
    send_datagram_init(netbios, sending, DATAGRAM_DIRECT_GROUP, &datagram);
    if (!members || members->broadcast)
    {
        sent += send_broadcast(netbios, &datagram);
    }
    for (size_t i = 0; members && i < members->n; i++)
    {
        if (!interfaces_is_here(&netbios->interfaces, members->addresses[i]))
        {
            sent += send_to_address(netbios, &datagram, members->addresses[i]);
        }
    }
    for (size_t i = 0; i < peers->n; i++)
    {
        if (netbios_name_equal(&peers->list[i].group, &sending->route.destination) &&
            !send_is_ourselves(netbios, peers->list[i].address))
        {
            sent += send_to_address(netbios, &datagram, peers->list[i].address);
        }
    }
    if (sent == 0)
    {
        netbios_count(netbios, NET_COUNTER_SENT_NOWHERE);
    }
}

/* The address to take of several: one that needs no router. */
static struct in_addr send_choose(const struct netbios *netbios, const struct in_addr *list,
                                  size_t n)
{
    for (size_t i = 0; i < n; i++)
    {
        if (interfaces_is_local(&netbios->interfaces, list[i]))
        {
            return list[i];
        }
    }
    return list[0];
}

/* To one computer; true if that is this host, which gets its copy without the network. */
static bool send_unique(struct netbios *netbios, const struct sending *sending, struct in_addr to)
{
    struct datagram datagram;

    if (interfaces_is_here(&netbios->interfaces, to))
    {
        return true;
    }
    send_datagram_init(netbios, sending, DATAGRAM_DIRECT_UNIQUE, &datagram);
    (void)send_to_address(netbios, &datagram, to);
    return false;
}

/* The name is resolved, or nobody has it. Returns the result and whether this host is meant. */
static int send_resolved(struct netbios *netbios, const struct sending *sending,
                         const struct resolution *resolution, bool *ret_here)
{
    static const struct resolution nobody;
    struct resolution sender;

    *ret_here = sending->route.here;
    if (sending->route.kind == ROUTE_GROUP)
    {
        send_group(netbios, sending, resolution ? resolution : &nobody);
        return NET_OK;
    }
    if (!resolution &&
        cache_get(netbios->senders, &sending->route.destination, netbios_now(netbios), &sender))
    {
        netbios_count(netbios, NET_COUNTER_REPLY_FALLBACK);
        resolution = &sender;
    }
    if (!resolution)
    {
        return NET_UNRESOLVED;
    }
    if (resolution->group)
    {
        send_group(netbios, sending, resolution);
    }
    else if (resolution->n)
    {
        *ret_here = send_unique(netbios, sending,
                                send_choose(netbios, resolution->addresses, resolution->n));
    }
    return NET_OK;
}

static int sending_ask_address(struct sending *sending);

static void sending_on_dns(void *userdata, const struct in_addr *addresses, size_t n)
{
    struct sending *sending = userdata;
    struct netbios *netbios = sending->netbios;
    int r;

    if (n == 0)
    {
        sending_end(sending, NET_UNRESOLVED, false);
        return;
    }
    sending->route.address = send_choose(netbios, addresses, n);
    if (interfaces_is_here(&netbios->interfaces, sending->route.address) ||
        ntohl(sending->route.address.s_addr) >> 24 == 127)
    {
        sending_end(sending, NET_OK, true);
        return;
    }
    if (!interfaces_is_host(&netbios->interfaces, sending->route.address))
    {
        sending_end(sending, NET_UNRESOLVED, false);
        return;
    }
    r = sending_ask_address(sending);
    if (r < 0)
    {
        sending_end(sending, r, false);
    }
}

static void sending_on_name(void *userdata, const struct resolution *resolution)
{
    struct sending *sending = userdata;
    bool here;
    struct dns *dns = sending->netbios->dns;
    int r;

    if (sending->netbios->closing)
    {
        sending_end(sending, NET_UNRESOLVED, false);
        return;
    }
    r = send_resolved(sending->netbios, sending, resolution, &here);
    /* "host.domain" of up to 15 characters may have been a NetBIOS name, but was none. */
    if (r == NET_UNRESOLVED && dns && strchr(sending->request.target, '.') &&
        dns_lookup(dns, sending->request.user, sending->request.target, sending_on_dns, sending) ==
            0)
    {
        return;
    }
    sending_end(sending, r, here);
}

/* A host that does not tell its name may still take what is addressed to everybody. */
static void sending_on_address_name(void *userdata, const struct netbios_name *name)
{
    struct sending *sending = userdata;

    if (sending->netbios->closing)
    {
        sending_end(sending, NET_UNRESOLVED, false);
        return;
    }
    sending->route.destination = name ? *name : netbios_name_wildcard();
    (void)send_unique(sending->netbios, sending, sending->route.address);
    sending_end(sending, NET_OK, false);
}

static int sending_ask_address(struct sending *sending)
{
    struct netbios *netbios = sending->netbios;
    int r;

    r = queries_address(netbios->queries, sending->request.user, sending->route.address,
                        netbios_now(netbios), sending_on_address_name, sending);
    name_service_schedule(netbios);
    return r;
}

static int sending_ask(struct sending *sending)
{
    struct netbios *netbios = sending->netbios;
    int wins = netbios->claims ? claims_wins_current(netbios->claims) : 0, r;

    switch (sending->route.kind)
    {
    case ROUTE_ADDRESS:
        return sending_ask_address(sending);
    case ROUTE_DNS:
        r = dns_lookup(netbios->dns, sending->request.user, sending->request.target, sending_on_dns,
                       sending);
        if (r == DNS_BAD_NAME)
        {
            sending_end(sending, NET_UNRESOLVED, false);
            return 0;
        }
        return r;
    default:
        r = queries_name(netbios->queries, sending->request.user, &sending->route.destination,
                         wins > 0 ? wins : 0, netbios_now(netbios), sending_on_name, sending);
        name_service_schedule(netbios);
        return r;
    }
}

/* Copies the message and lets it wait for an answer. */
static int send_later(struct netbios *netbios, const struct sending *draft)
{
    const struct net_request *request = &draft->request;
    size_t target_size = strlen(request->target) + 1;
    struct sending *sending;
    char *p;
    int r;

    if (netbios->n_sending >= SENDING_MAX)
    {
        return -ENOBUFS;
    }
    sending = malloc(sizeof(*sending) + target_size + request->slot_size + request->size);
    if (!sending)
    {
        return -ENOMEM;
    }
    *sending = *draft;
    p = sending->copy;
    sending->request.target = memcpy(p, request->target, target_size);
    sending->request.slot = memcpy(p + target_size, request->slot, request->slot_size);
    p += target_size + request->slot_size;
    if (request->size)
    {
        memcpy(p, request->data, request->size);
    }
    sending->request.data = p;
    DL_APPEND(netbios->sending, sending);
    netbios->n_sending++;
    /* May end it, and free it, at once. */
    r = sending_ask(sending);
    if (r < 0)
    {
        DL_DELETE(netbios->sending, sending);
        netbios->n_sending--;
        free(sending);
    }
    return r;
}

/* The SMB. A code of net_result. */
static int send_encode(struct netbios *netbios, struct sending *sending)
{
    const struct net_request *request = &sending->request;
    char slot[TRANSACTION_SIZE_MAX];
    struct transaction transaction = {
        .name = slot,
        .data = request->data,
        .data_size = request->size,
    };

    if (request->slot_size == 0)
    {
        return NET_BAD_SLOT;
    }
    switch (codepage_encode(netbios->codepage, request->slot, request->slot_size, slot,
                            sizeof(slot), &transaction.name_size))
    {
    case CODEPAGE_OK:
        break;
    case CODEPAGE_NO_SPACE:
        return request->size > TRANSACTION_DATA_MAX ? NET_TOO_LARGE : NET_FRAME_TOO_LARGE;
    default:
        return NET_NOT_REPRESENTABLE;
    }
    switch (transaction_write(&transaction, sending->smb, &sending->smb_size))
    {
    case TRANSACTION_OK:
        return NET_OK;
    case TRANSACTION_DATA_TOO_LARGE:
        return NET_TOO_LARGE;
    case TRANSACTION_FRAME_TOO_LARGE:
        return NET_FRAME_TOO_LARGE;
    default:
        return NET_BAD_SLOT;
    }
}

/*
 * A P node does not broadcast, and of an internet group the servers list the members: each of them
 * gets the message, wherever he is (wire.md 1.5). Members elsewhere hear no broadcast of ours.
 */
static bool send_asks_members(const struct netbios *netbios, const struct netbios_name *group)
{
    bool internet_group = group->bytes[NETBIOS_NAME_CHARS_MAX] == NETBIOS_SUFFIX_INTERNET_GROUP;

    return !node_broadcasts(netbios->ns.node) ||
           (internet_group && node_asks_wins(netbios->ns.node) && netbios->ns.n_wins > 0);
}

int send_request(struct netbios *netbios, const struct net_request *request,
                 const struct net_sender *sender)
{
    struct sending draft = {.netbios = netbios, .request = *request, .sender = *sender};
    bool online = lan_state(netbios->lan) != NET_STATE_LOCAL_ONLY;
    int r;

    if (resolve_target(&netbios->own, &netbios->peers, &netbios->interfaces, netbios->codepage,
                       request->target, &draft.route))
    {
        sending_finish(&draft, NET_BAD_TARGET, false);
        return 0;
    }
    r = send_encode(netbios, &draft);
    if (r != NET_OK)
    {
        sending_finish(&draft, r, false);
        return 0;
    }
    switch (draft.route.kind)
    {
    case ROUTE_LOCAL:
        break;
    case ROUTE_GROUP:
        if (online && send_asks_members(netbios, &draft.route.destination))
        {
            return send_later(netbios, &draft);
        }
        send_group(netbios, &draft, NULL);
        break;
    default:
        if (online)
        {
            return send_later(netbios, &draft);
        }
        sending_finish(&draft, NET_UNRESOLVED, false);
        return 0;
    }
    sending_finish(&draft, NET_OK, draft.route.here);
    return 0;
}

void send_end_all(struct netbios *netbios)
{
    struct sending *sending, *next;

    DL_FOREACH_SAFE(netbios->sending, sending, next)
    {
        sending_end(sending, NET_UNRESOLVED, false);
    }
}
