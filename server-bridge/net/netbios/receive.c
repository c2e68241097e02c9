/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams that come in: from bytes of a stranger to a message for a slot */

/*
 * Whatever arrives is checked in one direction: source, datagram, destination, transaction, code
 * page, duplicate, slot. Each exit has its counter and none has a reply: the claimed sender may be
 * a victim (wire.md 1.9). Duplicates are looked up behind all that a datagram says of itself, so
 * that a broken one can not make a good one with its id disappear; and before the rate of its
 * source is: beside nmbd each broadcast comes up to three times, and counts once.
 *
 * Linux hands our own broadcasts back to us. They were entered in a table of their own before they
 * left and are dropped when they return, while the local slot got its copy directly (semantics
 * D10). Strangers can not push entries out of that table. A socket that has its port for itself
 * does not even get most of them: see lan.c.
 */

#include "net/denial_log.h"
#include "net/netbios/state.h"
#include "net/netbios/transaction.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>

static const enum net_counter DATAGRAM_COUNTERS[] = {
    [DATAGRAM_SHORT] = NET_COUNTER_DROP_SHORT,
    [DATAGRAM_BAD_TYPE] = NET_COUNTER_DROP_TYPE,
    [DATAGRAM_FRAGMENT] = NET_COUNTER_DROP_FRAGMENT,
    [DATAGRAM_BAD_SOURCE_NAME] = NET_COUNTER_DROP_SOURCE_NAME,
    [DATAGRAM_BAD_DESTINATION_NAME] = NET_COUNTER_DROP_DESTINATION_NAME,
    [DATAGRAM_OTHER_SCOPE] = NET_COUNTER_DROP_SCOPE,
};

_Static_assert(sizeof(DATAGRAM_COUNTERS) / sizeof(DATAGRAM_COUNTERS[0]) == DATAGRAM_OTHER_SCOPE + 1,
               "every code of datagram_read() is counted");

static const enum net_counter TRANSACTION_COUNTERS[] = {
    [TRANSACTION_SHORT] = NET_COUNTER_DROP_SMB_SHORT,
    [TRANSACTION_BAD_MAGIC] = NET_COUNTER_DROP_SMB_MAGIC,
    [TRANSACTION_BAD_COMMAND] = NET_COUNTER_DROP_SMB_COMMAND,
    [TRANSACTION_BAD_WORD_COUNT] = NET_COUNTER_DROP_WORD_COUNT,
    [TRANSACTION_BAD_SETUP] = NET_COUNTER_DROP_SETUP,
    [TRANSACTION_BAD_OPCODE] = NET_COUNTER_DROP_OPCODE,
    [TRANSACTION_BAD_NAME_BOUND] = NET_COUNTER_DROP_SLOT_BOUND,
    [TRANSACTION_BAD_DATA_BOUND] = NET_COUNTER_DROP_DATA_BOUND,
    [TRANSACTION_BAD_DATA_COUNT] = NET_COUNTER_DROP_DATA_COUNT,
    [TRANSACTION_NOT_MAILSLOT] = NET_COUNTER_DROP_NOT_MAILSLOT,
};

_Static_assert(sizeof(TRANSACTION_COUNTERS) / sizeof(TRANSACTION_COUNTERS[0]) ==
                   TRANSACTION_NOT_MAILSLOT + 1,
               "every code of transaction_read() is counted");

bool netbios_denied(struct netbios *netbios, enum denial kind, const void *key, size_t key_size,
                    uint64_t now_usec)
{
    switch (denial_log_once(policy_denials(netbios->up.policy), kind, key, key_size, now_usec))
    {
    case DENIAL_LOG_NOTHING:
        break;
    case DENIAL_LOG_LINE:
        return true;
    case DENIAL_LOG_MORE:
        netbios->up.log(netbios->up.userdata, denial_log_more(kind));
        break;
    }
    return false;
}

void netbios_log(struct netbios *netbios, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    netbios->up.log(netbios->up.userdata, text);
}

bool netbios_may_arrive(struct netbios *netbios, unsigned int interface_index, uint64_t now_usec)
{
    char name[IF_NAMESIZE];

    if (interfaces_accept(&netbios->interfaces, interface_index))
    {
        return true;
    }
    if (netbios_denied(netbios, DENIAL_INTERFACE, &interface_index, sizeof(interface_index),
                       now_usec))
    {
        netbios_log(netbios, "what comes in on %s is dropped: see interfaces in mailslotd.conf",
                    if_indextoname(interface_index, name) ? name : "an interface");
    }
    return false;
}

/* May this sender reach us at all? */
static enum net_counter receive_check_source(struct netbios *netbios,
                                             const struct datagram_arrival *arrival,
                                             uint64_t now_usec)
{
    struct in_addr from = arrival->from.sin_addr;
    char text[INET_ADDRSTRLEN];

    if (!netbios_may_arrive(netbios, arrival->interface_index, now_usec))
    {
        return NET_COUNTER_DROP_INTERFACE;
    }
    if (interfaces_is_own(&netbios->interfaces, from))
    {
        return NET_COUNTER_DELIVERED;
    }
    /* An address of no host would make a later reply to it a broadcast. */
    if (!interfaces_is_host(&netbios->interfaces, from) ||
        !policy_source(netbios->up.policy, from, netbios_is_local(netbios, from)))
    {
        if (netbios_denied(netbios, DENIAL_SOURCE, &from, sizeof(from), now_usec))
        {
            netbios_log(netbios,
                        "%s is not in a network that may send to us: see allow_networks in "
                        "mailslotd.conf",
                        inet_ntop(AF_INET, &from, text, sizeof(text)));
        }
        return NET_COUNTER_DROP_SOURCE;
    }
    return NET_COUNTER_DELIVERED;
}

static enum net_counter receive_check_rate(struct netbios *netbios, struct in_addr from,
                                           uint64_t now_usec)
{
    char text[INET_ADDRSTRLEN];

    /* Programs of this host send at whatever rate they like. */
    if (interfaces_is_own(&netbios->interfaces, from) ||
        policy_rate(netbios->up.policy, from, now_usec))
    {
        return NET_COUNTER_DELIVERED;
    }
    if (netbios_denied(netbios, DENIAL_RATE, &from, sizeof(from), now_usec))
    {
        netbios_log(netbios, "%s sends faster than source_rate in mailslotd.conf allows",
                    inet_ntop(AF_INET, &from, text, sizeof(text)));
    }
    return NET_COUNTER_DROP_RATE;
}

/* Fills in slot, data and size; the slot's name lies in netbios->slot. */
static enum net_counter receive_read_message(struct netbios *netbios,
                                             const struct datagram *datagram,
                                             struct net_message *message)
{
    struct transaction transaction;
    int r;

    r = transaction_read(datagram->user_data, datagram->user_data_size, &transaction);
    if (r)
    {
        return TRANSACTION_COUNTERS[r];
    }
    if (transaction.name_size > SLOT_SIZE_MAX)
    {
        return NET_COUNTER_DROP_SLOT_TOO_LONG;
    }
    r = codepage_decode(netbios->codepage, transaction.name, transaction.name_size, netbios->slot,
                        sizeof(netbios->slot), &message->slot_size);
    if (r)
    {
        return r == CODEPAGE_NO_SPACE ? NET_COUNTER_DROP_SLOT_TOO_LONG : NET_COUNTER_DROP_CODEPAGE;
    }
    message->slot = netbios->slot;
    message->data = transaction.data;
    message->size = transaction.data_size;
    return NET_COUNTER_DELIVERED;
}

static enum net_counter receive_datagram(struct netbios *netbios, const void *bytes, size_t size,
                                         const struct datagram_arrival *arrival, uint64_t now_usec)
{
    char source_name[NETBIOS_NAME_PRINT_SIZE];
    struct in_addr from = arrival->from.sin_addr;
    struct net_message message = {
        .source_name = source_name,
        .source = from,
        .from_network = true,
    };
    enum net_counter counter;
    struct datagram datagram;
    struct dedupe_key key;
    int r;

    r = datagram_read(bytes, size, &netbios->scope, &datagram);
    if (r)
    {
        return DATAGRAM_COUNTERS[r];
    }
    if (netbios->ns.node == NODE_P && (arrival->broadcast || datagram.type == DATAGRAM_BROADCAST))
    {
        return NET_COUNTER_DROP_NODE;
    }
    if (!own_is_destination(&netbios->own, &datagram))
    {
        return NET_COUNTER_DROP_NOT_OURS;
    }
    counter = receive_read_message(netbios, &datagram, &message);
    if (counter != NET_COUNTER_DELIVERED)
    {
        return counter;
    }
    key = (struct dedupe_key){from, datagram.type, datagram.id, dedupe_digest(&datagram)};
    if (ntohs(arrival->from.sin_port) == lan_datagram_port(netbios->lan) &&
        dedupe_contains(netbios->sent, &key, now_usec))
    {
        return NET_COUNTER_DROP_OWN_COPY;
    }
    if (dedupe_enter(netbios->seen, &key, now_usec))
    {
        return NET_COUNTER_DROP_DUPLICATE;
    }
    counter = receive_check_rate(netbios, from, now_usec);
    if (counter != NET_COUNTER_DELIVERED)
    {
        return counter;
    }
    if (!policy_receive(netbios->up.policy, message.slot, message.slot_size))
    {
        if (netbios_denied(netbios, DENIAL_RECEIVE, message.slot, message.slot_size, now_usec))
        {
            netbios_log(netbios,
                        "the network may not write to the slot \"%.*s\": see receive_slots in "
                        "mailslotd.conf",
                        message.slot_size > 100 ? 100 : (int)message.slot_size, message.slot);
        }
        return NET_COUNTER_DROP_SLOT_POLICY;
    }
    cache_learn(netbios->senders, &datagram.source, from, now_usec);
    netbios_name_text(netbios, &datagram.source, source_name);
    return netbios->up.deliver(netbios->up.userdata, &message);
}

enum net_counter netbios_receive(struct netbios *netbios, const void *bytes, size_t size,
                                 const struct datagram_arrival *arrival, uint64_t now_usec)
{
    enum net_counter counter;

    netbios_count(netbios, NET_COUNTER_RECEIVED);
    counter = receive_check_source(netbios, arrival, now_usec);
    if (counter == NET_COUNTER_DELIVERED)
    {
        counter = receive_datagram(netbios, bytes, size, arrival, now_usec);
    }
    netbios_count(netbios, counter);
    return counter;
}
