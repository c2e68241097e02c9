/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Static unicast peers: hosts that get a group's messages though no broadcast reaches them */

#include "net/netbios/peers.h"

#include <arpa/inet.h>
#include <string.h>

static bool peers_has(const struct peers *peers, const struct static_peer *peer)
{
    for (size_t i = 0; i < peers->n; i++)
    {
        if (peers->list[i].address.s_addr == peer->address.s_addr &&
            netbios_name_equal(&peers->list[i].group, &peer->group))
        {
            return true;
        }
    }
    return false;
}

static int peers_parse_one(struct static_peer *ret_peer, struct codepage *codepage,
                           const struct netbios_name *workgroup, const char *text)
{
    struct static_peer peer = {.group = *workgroup};
    const char *slash = strchr(text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen(text);
    char address[INET_ADDRSTRLEN];

    if (size >= sizeof(address))
    {
        return PEERS_INVALID;
    }
    memcpy(address, text, size);
    address[size] = 0;
    if (inet_pton(AF_INET, address, &peer.address) != 1 || peer.address.s_addr == INADDR_ANY)
    {
        return PEERS_INVALID;
    }
    /* ADDRESS/24 is a network to everybody, and not the group "24". */
    if (slash && (!slash[1 + strspn(slash + 1, "0123456789")] ||
                  own_parse(&peer.group, codepage, slash + 1)))
    {
        return PEERS_INVALID;
    }
    *ret_peer = peer;
    return PEERS_OK;
}

int peers_parse(struct peers *ret_peers, struct codepage *codepage,
                const struct netbios_name *workgroup, const char *const *texts, size_t n_texts)
{
    struct peers peers = {};

    for (size_t i = 0; i < n_texts; i++)
    {
        struct static_peer peer;

        if (peers_parse_one(&peer, codepage, workgroup, texts[i]))
        {
            return PEERS_INVALID;
        }
        if (peers_has(&peers, &peer))
        {
            continue;
        }
        if (peers.n == PEERS_MAX_STATIC)
        {
            return PEERS_INVALID;
        }
        peers.list[peers.n++] = peer;
    }
    *ret_peers = peers;
    return PEERS_OK;
}

bool peers_has_group(const struct peers *peers, const struct netbios_name *group)
{
    for (size_t i = 0; i < peers->n; i++)
    {
        if (netbios_name_equal(&peers->list[i].group, group))
        {
            return true;
        }
    }
    return false;
}
