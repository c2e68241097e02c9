/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The own names on the network
 *
 * A place is an address that we have on an interface. Every name is claimed at every place, by
 * broadcast, at WINS (claim_wins.c), or both, as the node type has it; each of these claims goes on
 * for itself. The state of a name sums them up:
 *  - HELD once no first claim of it is open any more and one has succeeded. It stays so when places
 *    are added, or when WINS falls silent, as long as a place remains where it was got.
 *  - REFUSED, everywhere, by one refusal anywhere. It stays so while it is tried again, which is
 *    every five minutes, and becomes CLAIMING when the places change.
 */

#include "net/netbios/claim_state.h"

#include <errno.h>
#include <stdlib.h>

/* RFC 1002 6: BCAST_REQ_RETRY_TIMEOUT, BCAST_REQ_RETRY_COUNT. */
#define BROADCAST_RETRY UINT64_C(250000)
#define BROADCAST_TRIES 3

/* A neighbour who has left does not keep a name from us for ever. */
#define REFUSED_RETRY UINT64_C(300000000)

static void claims_forget_name(struct claims *claims, size_t name, enum own_state state)
{
    claims->own->list[name].state = state;
    claims->own->list[name].refuser.s_addr = 0;
    claims->retry_due[name] = NS_NEVER;
}

int claims_new(struct claims **ret_claims, struct own_names *own, const struct ns_config *config,
               const struct ns_link *link, const struct interfaces *interfaces,
               struct net_counters *counters)
{
    struct claims *claims = calloc(1, sizeof(*claims));

    if (!claims)
    {
        return -ENOMEM;
    }
    claims->own = own;
    claims->interfaces = interfaces;
    claims->counters = counters;
    claims->link = *link;
    claims->node = config->node;
    wins_init(&claims->wins, config, link);
    for (size_t name = 0; name < own->n; name++)
    {
        claims_forget_name(claims, name, OWN_UNCLAIMED);
    }
    *ret_claims = claims;
    return 0;
}

struct claims *claims_free(struct claims *claims)
{
    free(claims);
    return NULL;
}

/* RFC 1002 4.2.2 request, 4.2.3 overwrite demand (without RD), 4.2.9 release. */
static void claims_broadcast(const struct claims *claims, const struct place *place, size_t name,
                             uint16_t id, enum ns_opcode opcode, bool recursion_desired)
{
    const struct own_name *own = &claims->own->list[name];
    struct ns_message message = {
        .id = id,
        .opcode = opcode,
        .recursion_desired = recursion_desired,
        .broadcast = true,
        .name = own->name,
        .type = NS_TYPE_NB,
        .n_addresses = 1,
    };

    message.addresses[0].address = place->interface.address;
    message.addresses[0].flags = node_ns_flags(claims->node) | (own->group ? NS_FLAG_GROUP : 0);
    claims->link.broadcast(claims->link.userdata, &place->interface, &message);
}

static struct wins_subject claims_subject(const struct claims *claims, const struct place *place,
                                          size_t name)
{
    return (struct wins_subject){
        .name = &claims->own->list[name],
        .address = place->interface.address,
        .multihomed = claims->n_places > 1,
    };
}

static void claim_start_broadcast(struct claim *claim, uint64_t now_usec)
{
    claim->broadcast = BROADCAST_ASKING;
    claim->sent = 0;
    claim->id = ns_random_id();
    claim->due = now_usec;
}

/* Where nothing can be asked by broadcast only a server's word makes a name ours. */
static void claim_start(const struct claims *claims, struct place *place, size_t name,
                        uint64_t now_usec)
{
    struct claim *claim = &place->claims[name];

    *claim = (struct claim){};
    if (claims->node == NODE_P || claims->node == NODE_H ||
        !interface_broadcasts(&place->interface))
    {
        wins_register(&claims->wins, &claim->wins, now_usec);
    }
    else
    {
        claim_start_broadcast(claim, now_usec);
    }
}

static void claim_tick_broadcast(struct claims *claims, struct place *place, size_t name,
                                 uint64_t now_usec)
{
    struct claim *claim = &place->claims[name];

    if (claim->broadcast != BROADCAST_ASKING || claim->due > now_usec)
    {
        return;
    }
    if (claim->sent < BROADCAST_TRIES)
    {
        claim->sent++;
        claim->due = now_usec + BROADCAST_RETRY;
        claims_broadcast(claims, place, name, claim->id, NS_REGISTRATION, true);
        return;
    }
    claim->broadcast = BROADCAST_DONE;
    claims_broadcast(claims, place, name, claim->id, NS_REGISTRATION, false);
    if (claims->node == NODE_M)
    {
        wins_register(&claims->wins, &claim->wins, now_usec);
    }
}

static void claim_tick(struct claims *claims, struct place *place, size_t name, uint64_t now_usec)
{
    struct claim *claim = &place->claims[name];
    struct wins_subject subject = claims_subject(claims, place, name);

    claim_tick_broadcast(claims, place, name, now_usec);
    if (wins_tick(&claims->wins, &claim->wins, &subject, now_usec) && claims->node == NODE_H &&
        claim->broadcast == BROADCAST_IDLE && interface_broadcasts(&place->interface))
    {
        claim_start_broadcast(claim, now_usec);
        claim_tick_broadcast(claims, place, name, now_usec);
    }
    if (claim->wins.state == WINS_REGISTERED ||
        (claim->broadcast == BROADCAST_DONE && claim->wins.state != WINS_ASKING))
    {
        claim->got = true;
    }
}

static uint64_t claim_due(const struct claim *claim)
{
    uint64_t due = wins_due(&claim->wins);

    return claim->broadcast == BROADCAST_ASKING && claim->due < due ? claim->due : due;
}

/* Whether one of its claims was a success. */
static bool claims_got(const struct claims *claims, size_t name)
{
    for (size_t i = 0; i < claims->n_places; i++)
    {
        if (claims->places[i].claims[name].got)
        {
            return true;
        }
    }
    return false;
}

/*
 * The first success counts, whatever the other addresses wait for: a server that has registered one
 * address asks there who we are before it takes the next (RFC 1002 5.1.2.1), and needs an answer.
 */
void claims_settle(struct claims *claims, size_t name)
{
    struct own_name *own = &claims->own->list[name];

    if (own->state != OWN_HELD && claims_got(claims, name))
    {
        own->state = OWN_HELD;
        own->refuser.s_addr = 0;
        claims->retry_due[name] = NS_NEVER;
    }
}

/* What a server has registered would stay there for days. */
static void claims_leave_wins(struct claims *claims, struct place *place, size_t name)
{
    struct wins_subject subject = claims_subject(claims, place, name);

    wins_release(&claims->wins, &place->claims[name].wins, &subject);
}

void claims_refuse(struct claims *claims, size_t name, struct in_addr refuser, uint64_t now_usec)
{
    struct own_name *own = &claims->own->list[name];

    if (own->state != OWN_REFUSED)
    {
        claims->counters->values[NET_COUNTER_NAME_REFUSED]++;
    }
    own->state = OWN_REFUSED;
    own->refuser = refuser;
    claims->retry_due[name] = now_usec + REFUSED_RETRY;
    for (size_t i = 0; i < claims->n_places; i++)
    {
        claims_leave_wins(claims, &claims->places[i], name);
        claims->places[i].claims[name] = (struct claim){};
    }
}

static void claims_start_name(struct claims *claims, size_t name, uint64_t now_usec)
{
    claims->retry_due[name] = NS_NEVER;
    for (size_t i = 0; i < claims->n_places; i++)
    {
        claim_start(claims, &claims->places[i], name, now_usec);
    }
}

static bool interface_is_same(const struct interface *a, const struct interface *b)
{
    return a->index == b->index && a->address.s_addr == b->address.s_addr &&
           a->broadcast.s_addr == b->broadcast.s_addr;
}

static bool claims_remove_places(struct claims *claims)
{
    size_t kept = 0, before = claims->n_places;

    for (size_t i = 0; i < before; i++)
    {
        bool found = false;

        for (size_t k = 0; k < claims->interfaces->n && !found; k++)
        {
            found = interface_is_same(&claims->places[i].interface, &claims->interfaces->list[k]);
        }
        for (size_t name = 0; !found && name < claims->own->n && claims->interfaces->n; name++)
        {
            claims_leave_wins(claims, &claims->places[i], name);
        }
        if (found && kept++ != i)
        {
            claims->places[kept - 1] = claims->places[i];
        }
    }
    claims->n_places = kept;
    return kept != before;
}

static bool claims_add_places(struct claims *claims, uint64_t now_usec)
{
    size_t before = claims->n_places;

    for (size_t k = 0; k < claims->interfaces->n; k++)
    {
        const struct interface *interface = &claims->interfaces->list[k];
        struct place *place = &claims->places[claims->n_places];
        bool found = false;

        for (size_t i = 0; i < claims->n_places && !found; i++)
        {
            found = interface_is_same(&claims->places[i].interface, interface);
        }
        /* What is not in the list was removed before, so there is room. */
        if (found || claims->n_places == INTERFACES_MAX ||
            (claims->node == NODE_B && !interface_broadcasts(interface)))
        {
            continue;
        }
        claims->n_places++;
        place->interface = *interface;
        for (size_t name = 0; name < claims->own->n; name++)
        {
            claim_start(claims, place, name, now_usec);
        }
    }
    return claims->n_places != before;
}

void claims_set_interfaces(struct claims *claims, uint64_t now_usec)
{
    bool changed;

    if (claims->released)
    {
        claims->n_places = 0;
        claims->released = false;
    }
    changed = claims_remove_places(claims);
    changed |= claims_add_places(claims, now_usec);
    for (size_t name = 0; name < claims->own->n; name++)
    {
        enum own_state state = claims->own->list[name].state;

        if (claims->n_places == 0)
        {
            claims_forget_name(claims, name, OWN_UNCLAIMED);
        }
        else if (state == OWN_REFUSED && changed)
        {
            claims_forget_name(claims, name, OWN_CLAIMING);
            claims_start_name(claims, name, now_usec);
        }
        else if (state == OWN_UNCLAIMED || (state == OWN_HELD && !claims_got(claims, name)))
        {
            claims_forget_name(claims, name, OWN_CLAIMING);
        }
    }
    (void)claims_tick(claims, now_usec);
}

static void claims_tick_preferred(struct claims *claims, uint64_t now_usec)
{
    if (claims->wins.preferred_due > now_usec)
    {
        return;
    }
    for (size_t i = 0; i < claims->n_places; i++)
    {
        for (size_t name = 0; name < claims->own->n; name++)
        {
            struct wins_record *record = &claims->places[i].claims[name].wins;

            if (record->state == WINS_REGISTERED)
            {
                wins_try_preferred(&claims->wins, record, now_usec);
                return;
            }
        }
    }
    wins_try_preferred(&claims->wins, NULL, now_usec);
}

uint64_t claims_tick(struct claims *claims, uint64_t now_usec)
{
    uint64_t next = NS_NEVER;

    if (claims->n_places == 0 || claims->released)
    {
        return NS_NEVER;
    }
    claims_tick_preferred(claims, now_usec);
    for (size_t name = 0; name < claims->own->n; name++)
    {
        if (claims->own->list[name].state == OWN_REFUSED && claims->retry_due[name] <= now_usec)
        {
            claims_start_name(claims, name, now_usec);
        }
        next = claims->retry_due[name] < next ? claims->retry_due[name] : next;
        for (size_t i = 0; i < claims->n_places; i++)
        {
            uint64_t due;

            claim_tick(claims, &claims->places[i], name, now_usec);
            due = claim_due(&claims->places[i].claims[name]);
            next = due < next ? due : next;
        }
        claims_settle(claims, name);
    }
    return claims->wins.preferred_due < next ? claims->wins.preferred_due : next;
}

void claims_release(struct claims *claims)
{
    for (size_t name = 0; name < claims->own->n; name++)
    {
        bool held = claims->own->list[name].state == OWN_HELD;

        for (size_t i = 0; i < claims->n_places; i++)
        {
            struct place *place = &claims->places[i];
            struct wins_subject subject = claims_subject(claims, place, name);

            place->claims[name].broadcast = BROADCAST_IDLE;
            if (held && node_broadcasts(claims->node))
            {
                claims_broadcast(claims, place, name, ns_random_id(), NS_RELEASE, false);
            }
            if (held)
            {
                wins_release(&claims->wins, &place->claims[name].wins, &subject);
            }
            else
            {
                place->claims[name] = (struct claim){};
            }
        }
        claims_forget_name(claims, name, OWN_UNCLAIMED);
    }
    claims->released = true;
}

size_t claims_wins_status(const struct claims *claims, struct claims_wins ret_wins[NS_WINS_MAX])
{
    const struct wins *wins = &claims->wins;

    for (size_t i = 0; i < wins->config.n_wins; i++)
    {
        ret_wins[i] =
            (struct claims_wins){wins->config.wins[i], wins->answers[i], i == wins->current};
    }
    return wins->config.n_wins;
}

int claims_wins_current(const struct claims *claims)
{
    return claims->wins.config.n_wins > 0 ? (int)claims->wins.current : -1;
}
