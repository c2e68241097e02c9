/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What others say to our claims, and what we say to theirs
 *
 * Two hosts that claim a name at the same moment would both get it by the RFC, as nobody defends
 * what he does not hold yet. Here the one with the lower address defends its claim.
 */

#include "net/netbios/claim_state.h"

/* The first server answers again: all that is registered elsewhere moves there. */
static void claims_move_to_preferred(struct claims *claims, uint64_t now_usec)
{
    for (size_t i = 0; i < claims->n_places; i++)
    {
        for (size_t name = 0; name < claims->own->n; name++)
        {
            struct wins_record *record = &claims->places[i].claims[name].wins;

            if (record->state == WINS_REGISTERED && record->server != claims->wins.current)
            {
                record->due = now_usec;
            }
        }
    }
}

static bool claims_wins_response(struct claims *claims, struct place *place, size_t name,
                                 const struct ns_message *message, const struct ns_arrival *arrival,
                                 uint64_t now_usec)
{
    struct claim *claim = &place->claims[name];

    switch (wins_response(&claims->wins, &claim->wins, message, arrival, now_usec))
    {
    case WINS_ANSWER_TAKEN:
        return true;
    case WINS_ANSWER_PREFERRED:
        claims_move_to_preferred(claims, now_usec);
        claim->got = true;
        break;
    case WINS_ANSWER_GRANTED:
        claim->got = true;
        break;
    case WINS_ANSWER_REFUSED:
        claims_refuse(claims, name, arrival->from, now_usec);
        break;
    case WINS_ANSWER_NONE:
        return false;
    }
    claims_settle(claims, name);
    return true;
}

void claims_wins_heard(struct claims *claims, size_t server, bool answered, uint64_t now_usec)
{
    struct wins *wins = &claims->wins;
    bool back = answered && server == 0 && wins->current != 0;

    if (server >= wins->config.n_wins)
    {
        return;
    }
    if (!answered)
    {
        wins->answers[server] = false;
        return;
    }
    wins_answered(wins, server, now_usec);
    if (back)
    {
        claims_move_to_preferred(claims, now_usec);
    }
}

bool claims_response(struct claims *claims, const struct ns_message *message,
                     const struct ns_arrival *arrival, uint64_t now_usec)
{
    const struct own_name *own = own_find(claims->own, &message->name);
    size_t name;

    if (!own || !message->response || message->opcode == NS_QUERY)
    {
        return false;
    }
    name = (size_t)(own - claims->own->list);
    for (size_t i = 0; i < claims->n_places; i++)
    {
        const struct claim *claim = &claims->places[i].claims[name];

        if (claims_wins_response(claims, &claims->places[i], name, message, arrival, now_usec))
        {
            return true;
        }
        if (claim->broadcast == BROADCAST_ASKING && claim->sent > 0 && message->id == claim->id &&
            message->opcode != NS_WACK && message->opcode != NS_RELEASE &&
            message->rcode != NS_RCODE_OK && arrival->local_subnet && !arrival->own)
        {
            claims_refuse(claims, name, arrival->from, now_usec);
            return true;
        }
    }
    return false;
}

/* Whether a claim of ours that is still open goes before the same one of another host. */
static bool claims_goes_first(const struct claims *claims, size_t name, struct in_addr other,
                              const struct ns_arrival *arrival)
{
    for (size_t i = 0; i < claims->n_places; i++)
    {
        const struct place *place = &claims->places[i];

        if (place->interface.index == arrival->interface_index &&
            place->claims[name].broadcast == BROADCAST_ASKING)
        {
            return ntohl(place->interface.address.s_addr) < ntohl(other.s_addr);
        }
    }
    return false;
}

void claims_request(struct claims *claims, const struct ns_message *message,
                    const struct ns_arrival *arrival)
{
    const struct own_name *own = own_find(claims->own, &message->name);
    struct ns_address claimant = message->addresses[0];
    struct ns_message refusal;

    if (!own || message->response || message->n_addresses == 0 ||
        (message->opcode != NS_REGISTRATION && message->opcode != NS_REFRESH &&
         message->opcode != NS_REFRESH_ALTERNATIVE && message->opcode != NS_MULTIHOMED) ||
        (own->group && (claimant.flags & NS_FLAG_GROUP)) ||
        (message->broadcast && !node_broadcasts(claims->node)) || arrival->own ||
        interfaces_is_own(claims->interfaces, claimant.address))
    {
        return;
    }
    if (own->state != OWN_HELD &&
        (own->state != OWN_CLAIMING ||
         !claims_goes_first(claims, (size_t)(own - claims->own->list), claimant.address, arrival)))
    {
        return;
    }
    /* RFC 1002 4.2.6, as nmbd sends it: AD86, to every kind of claim. */
    refusal = (struct ns_message){
        .id = message->id,
        .response = true,
        .opcode = NS_REGISTRATION,
        .authoritative = true,
        .recursion_desired = true,
        .recursion_available = true,
        .rcode = NS_RCODE_ACTIVE,
        .name = message->name,
        .type = NS_TYPE_NB,
        .n_addresses = 1,
    };
    refusal.addresses[0] = claimant;
    claims->counters->values[NET_COUNTER_NAME_DEFENDED]++;
    claims->link.reply(claims->link.userdata, arrival, &refusal);
}
