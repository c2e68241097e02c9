/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What answers to our questions say */

#include "net/netbios/query_answer.h"

/* "Everybody here": as WINS says it (wire.md 1.7), and the subnets' own broadcast addresses. */
static bool address_is_everybody(const struct interfaces *interfaces, struct in_addr address)
{
    return interfaces_is_broadcast(interfaces, address) || address.s_addr == htonl(INADDR_ANY);
}

static bool address_is_loopback(struct in_addr address)
{
    return ntohl(address.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
}

/* Whether it can be the address of a host that `from` knows of. */
static bool address_is_host(const struct interfaces *interfaces, struct in_addr address,
                            struct in_addr from)
{
    return interfaces_is_host(interfaces, address) &&
           (!address_is_loopback(address) || address_is_loopback(from));
}

bool query_answer_read(const struct interfaces *interfaces, const struct ns_message *message,
                       struct in_addr from, bool by_broadcast, struct resolution *ret_resolution)
{
    struct resolution resolution = {};
    bool everybody = by_broadcast;

    if (message->n_addresses == 0)
    {
        return false;
    }
    resolution.group = message->addresses[0].flags & NS_FLAG_GROUP;
    for (size_t i = 0; i < message->n_addresses; i++)
    {
        if (address_is_host(interfaces, message->addresses[i].address, from))
        {
            resolution_add(&resolution, message->addresses[i].address);
        }
        else if (address_is_everybody(interfaces, message->addresses[i].address))
        {
            everybody = true;
        }
    }
    /* Each neighbour that answers tells only of itself, and WINS of a normal group of nobody. */
    if (resolution.group && everybody && (by_broadcast || resolution.n == 0))
    {
        resolution.broadcast = true;
        resolution.n = 0;
    }
    if (resolution.n == 0 && !resolution.broadcast)
    {
        return false;
    }
    *ret_resolution = resolution;
    return true;
}

const struct netbios_name *query_answer_computer(const struct ns_message *message)
{
    for (size_t i = 0; i < message->n_node_names; i++)
    {
        const struct ns_node_name *node = &message->node_names[i];

        if (!(node->flags & NS_FLAG_GROUP) && (node->flags & NS_FLAG_ACTIVE) &&
            node->name.bytes[NETBIOS_NAME_CHARS_MAX] == NETBIOS_SUFFIX_HOST &&
            node->name.bytes[0] != '*')
        {
            return &node->name;
        }
    }
    return NULL;
}
