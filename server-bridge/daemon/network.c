/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The net as the options describe it. */
#include "daemon/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/deliver.h"

/* As the lines of main.c; the net has made everything of others printable. */
static void network_log(void *userdata, const char *text)
{
    (void)userdata;
    fprintf(stderr, "mailslotd: %s\n", text);
}

static const char *network_or_null(const char *text)
{
    return *text ? text : NULL;
}

/* One option that is a list, and where the net wants its words. */
struct network_list
{
    const char *text;
    const char *const **words;
    size_t *n;
};

int network_make(struct host *host, const char **ret_invalid)
{
    const struct config *config = host->config;
    struct net_sink sink = {.userdata = host, .deliver = deliver_from_net, .log = network_log};
    struct net_config net = NET_CONFIG_DEFAULT;
    const struct network_list lists[] = {
        {config->names, &net.names, &net.n_names},
        {config->groups, &net.groups, &net.n_groups},
        {config->wins_servers, &net.wins_servers, &net.n_wins_servers},
        {config->peers, &net.peers, &net.n_peers},
        {config->interfaces, &net.interfaces, &net.n_interfaces},
        {config->allow_networks, &net.policy.networks, &net.policy.n_networks},
        {config->receive_slots, &net.policy.receive_slots, &net.policy.n_receive_slots},
        {config->send_slots, &net.policy.send_slots, &net.policy.n_send_slots},
    };
    const size_t n_lists = sizeof(lists) / sizeof(*lists);
    int r = 0;

    for (size_t i = 0; i < n_lists && r == 0; i++)
        r = config_split(lists[i].text, lists[i].words, lists[i].n);
    net.computer = network_or_null(config->computer);
    net.workgroup = config->workgroup;
    net.scope = network_or_null(config->scope);
    net.node_type = strcmp(config->node_type, "auto") ? config->node_type : NULL;
    net.policy.source_rate = config->source_rate;
    net.codepage = config->codepage;
    /* Empty: the net knows Samba's usual place; "" tells it not to look. */
    net.nmbd_socket =
        strcmp(config->nmbd_socket, "none") ? network_or_null(config->nmbd_socket) : "";
    net.no_name_service = !config->name_service;
    net.datagram_port = config->datagram_port;
    net.name_port = config->name_port;
    net.disabled = !config->network;
    /* The net's names for settings are those of the options. */
    if (r == 0)
        r = net_new(&host->net, host->event, &net, &sink, ret_invalid);
    for (size_t i = 0; i < n_lists; i++)
        free((void *)*lists[i].words);
    return r;
}
