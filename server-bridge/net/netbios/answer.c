/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers to questions for our names */

#include "net/netbios/answer.h"

/* RFC 1002 4.2.13: how long the asker may keep the answer, s. The figure of Windows. */
#define ANSWER_TTL 300000

_Static_assert(OWN_NAMES_MAX <= NS_NODE_NAMES_MAX, "one node status lists all names");

static void answer_add_address(struct ns_message *answer, const struct interface *interface,
                               uint16_t flags)
{
    if (answer->n_addresses < NS_ADDRESSES_MAX)
    {
        answer->addresses[answer->n_addresses++] = (struct ns_address){flags, interface->address};
    }
}

static void answer_addresses(struct ns_message *answer, const struct interfaces *interfaces,
                             unsigned int first_index, enum node_type node, uint16_t flags)
{
    size_t first = 0;

    for (size_t i = 0; i < interfaces->n; i++)
    {
        if (interfaces->list[i].index == first_index)
        {
            first = i;
            break;
        }
    }
    if (interfaces->n > 0)
    {
        answer_add_address(answer, &interfaces->list[first], flags);
    }
    for (size_t i = 0; i < interfaces->n; i++)
    {
        /* The neighbours of a B node have no way to its tunnels. */
        if (i != first && (node != NODE_B || interface_broadcasts(&interfaces->list[i])))
        {
            answer_add_address(answer, &interfaces->list[i], flags);
        }
    }
}

static void answer_status(struct ns_message *answer, const struct own_names *own,
                          uint16_t node_flags)
{
    for (size_t i = 0; i < own->n; i++)
    {
        const struct own_name *name = &own->list[i];

        if (name->state == OWN_HELD)
        {
            uint16_t flags = node_flags | NS_FLAG_ACTIVE | (name->group ? NS_FLAG_GROUP : 0);

            answer->node_names[answer->n_node_names++] = (struct ns_node_name){name->name, flags};
        }
    }
}

static const struct own_name *answer_find(const struct own_names *own,
                                          const struct netbios_name *name)
{
    /* Nothing is changed through the pointer. */
    const struct own_name *found = own_find((struct own_names *)own, name);

    return found && found->state == OWN_HELD ? found : NULL;
}

bool answer_query(const struct own_names *own, const struct interfaces *interfaces,
                  enum node_type node, const struct ns_message *query,
                  const struct ns_arrival *arrival, struct ns_message *ret_answer)
{
    bool wildcard = netbios_name_is_wildcard(&query->name);
    const struct own_name *name;

    /* P nodes do not take part in broadcasts (RFC 1001 10.2). */
    if (query->response || query->opcode != NS_QUERY ||
        (query->broadcast && !node_broadcasts(node)))
    {
        return false;
    }
    name = answer_find(own, &query->name);
    if (wildcard && query->type == NS_TYPE_NB && own->n > OWN_COMPUTER)
    {
        /* Who is there? The computer, once its name is ours (wire.md 2.5). */
        name = answer_find(own, &own->list[OWN_COMPUTER].name);
    }
    if (!name && !(wildcard && query->type == NS_TYPE_NBSTAT))
    {
        return false;
    }
    if (query->type == NS_TYPE_NB && interfaces->n > 0)
    {
        *ret_answer = (struct ns_message){
            .id = query->id,
            .response = true,
            .opcode = NS_QUERY,
            .authoritative = true,
            .recursion_desired = query->recursion_desired,
            .recursion_available = true,
            .name = query->name,
            .type = NS_TYPE_NB,
            .ttl = ANSWER_TTL,
        };
        answer_addresses(ret_answer, interfaces, arrival->interface_index, node,
                         node_ns_flags(node) | (name->group ? NS_FLAG_GROUP : 0));
        return true;
    }
    if (query->type == NS_TYPE_NBSTAT && (arrival->local_subnet || arrival->own))
    {
        *ret_answer = (struct ns_message){
            .id = query->id,
            .response = true,
            .opcode = NS_QUERY,
            .authoritative = true,
            .name = query->name,
            .type = NS_TYPE_NBSTAT,
        };
        answer_status(ret_answer, own, node_ns_flags(node));
        return true;
    }
    return false;
}
