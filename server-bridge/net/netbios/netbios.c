/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The NetBIOS transport: its parts put together, its settings, its status */

#include "net/netbios/netbios.h"

#include "net/netbios/state.h"
#include "net/netbios/unexpected.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_WORKGROUP     "WORKGROUP"
#define DEFAULT_DATAGRAM_PORT 138 /* RFC 1002 6 */
#define DEFAULT_NAME_PORT     137

_Static_assert(OWN_NAMES_MAX == NET_NAMES_MAX, "the status has room for every name");
_Static_assert(NS_WINS_MAX == NET_WINS_MAX, "the status has room for every server");
_Static_assert(PEERS_MAX_STATIC == NET_PEERS_MAX, "the status has room for every peer");

uint64_t netbios_now(struct netbios *netbios)
{
    uint64_t now = 0;

    (void)sd_event_now(netbios->event, CLOCK_MONOTONIC, &now);
    return now;
}

void netbios_name_text(struct netbios *netbios, const struct netbios_name *name,
                       char ret_text[static NETBIOS_NAME_PRINT_SIZE])
{
    size_t size;

    if (codepage_decode(netbios->codepage, (const char *)name->bytes, netbios_name_length(name),
                        ret_text, NETBIOS_NAME_PRINT_SIZE - 1, &size))
    {
        netbios_name_print(name, ret_text);
        return;
    }
    ret_text[size] = 0;
}

bool netbios_is_local(const struct netbios *netbios, struct in_addr address)
{
    return interfaces_is_local(&netbios->interfaces, address);
}

const char *netbios_computer(const struct netbios *netbios)
{
    return netbios->computer;
}

/* --- what the LAN and the kernel tell --- */

static void netbios_on_datagram(void *userdata, const void *bytes, size_t size,
                                const struct datagram_arrival *arrival)
{
    struct netbios *netbios = userdata;

    (void)netbios_receive(netbios, bytes, size, arrival, netbios_now(netbios));
}

static void netbios_on_name_message(void *userdata, const void *bytes, size_t size,
                                    const struct datagram_arrival *arrival)
{
    name_service_receive(userdata, bytes, size, arrival);
}

/* nmbd holds the names of its own settings; those that only ours have, nobody answers for. */
static void netbios_log_left(struct netbios *netbios)
{
    char names[NET_NAMES_MAX * (NETBIOS_NAME_PRINT_SIZE + 2)] = "";
    char text[sizeof(names) + 256];
    size_t size = 0;

    if (netbios->own.n <= OWN_WORKGROUP + 1)
    {
        return;
    }
    for (size_t i = OWN_WORKGROUP + 1; i < netbios->own.n; i++)
    {
        char name[NETBIOS_NAME_PRINT_SIZE];

        netbios_name_print(&netbios->own.list[i].name, name);
        size +=
            (size_t)snprintf(names + size, sizeof(names) - size, "%s%s", size ? ", " : "", name);
    }
    snprintf(text, sizeof(text),
             "these names are left to nmbd, which only holds those of its own settings: %s; add "
             "names of computers to \"netbios aliases\" in smb.conf",
             names);
    netbios->up.log(netbios->up.userdata, text);
}

/* Says once that there is no interface, until there is one again. */
static const char *netbios_explain_interfaces(struct netbios *netbios, const char **ret_fix)
{
    const char *why = NULL;

    *ret_fix = NULL;
    if (lan_state(netbios->lan) != NET_STATE_LOCAL_ONLY)
    {
        why = interfaces_explain(&netbios->interfaces, netbios->no_interface,
                                 sizeof(netbios->no_interface), ret_fix);
    }
    if (why && !netbios->no_interface_said)
    {
        /* A laptop without a cable is no fault, and who starts a program there needs no warning. */
        (*ret_fix && netbios->up.warn ? netbios->up.warn : netbios->up.log)(netbios->up.userdata,
                                                                            why);
    }
    netbios->no_interface_said = why;
    return why;
}

static void netbios_on_mode(void *userdata, enum net_state previous)
{
    struct netbios *netbios = userdata;
    enum net_state state = lan_state(netbios->lan);
    const char *fix;
    char text[128];

    if (state != previous)
    {
        snprintf(text, sizeof(text), "the way onto the network is now: %s (was: %s)",
                 net_state_name(state), net_state_name(previous));
        netbios->up.log(netbios->up.userdata, text);
        if (state == NET_STATE_BESIDE_NMBD)
        {
            netbios_log_left(netbios);
        }
        (void)netbios_explain_interfaces(netbios, &fix);
    }
    name_service_mode(netbios);
}

static void netbios_on_interfaces(void *userdata)
{
    struct netbios *netbios = userdata;
    const char *fix;
    bool changed = false;

    if (interfaces_refresh(&netbios->interfaces, &changed) < 0)
    {
        netbios_count(netbios, NET_COUNTER_INTERFACE_FAILED);
    }
    if (changed)
    {
        (void)netbios_explain_interfaces(netbios, &fix);
        name_service_interfaces(netbios);
    }
}

/* --- status --- */

static const char *netbios_node_name(enum node_type node)
{
    static const char *const names[] = {
        [NODE_AUTO] = "auto", [NODE_B] = "B", [NODE_P] = "P", [NODE_M] = "M", [NODE_H] = "H"};

    return names[node];
}

static const char *netbios_node_problem(const struct ns_config *ns)
{
    if (ns->n_wins || !node_asks_wins(ns->node))
    {
        return NULL;
    }
    return ns->node == NODE_P ? "type P asks WINS servers only, and none is set: no name can be "
                                "claimed or found; set wins_servers, or node_type = auto"
                              : "this type asks WINS servers, too, but none is set: it works as "
                                "type B; set wins_servers, or node_type = auto";
}

/* A name for people, "MÜLLER<00>"; in the form for logs if it is no text. */
static void netbios_name_full(struct netbios *netbios, const struct netbios_name *name,
                              char ret_text[static NETBIOS_NAME_PRINT_SIZE])
{
    const char *chars = (const char *)name->bytes;
    size_t length = netbios_name_length(name), size;
    bool text = true;

    for (size_t i = 0; i < length; i++)
    {
        text = text && name->bytes[i] >= 0x20 && !strchr("\\\"<", chars[i]);
    }
    if (!text || codepage_decode(netbios->codepage, chars, length, ret_text,
                                 NETBIOS_NAME_PRINT_SIZE - sizeof("<00>"), &size))
    {
        netbios_name_print(name, ret_text);
        return;
    }
    sprintf(ret_text + size, "<%02x>", name->bytes[NETBIOS_NAME_CHARS_MAX]);
}

static void netbios_status_names(struct netbios *netbios, struct net_status *ret_status)
{
    static const char *const states[] = {
        [OWN_UNCLAIMED] = "unclaimed",
        [OWN_CLAIMING] = "claiming",
        [OWN_HELD] = "held",
        [OWN_REFUSED] = "refused",
    };
    bool nmbd = lan_state(netbios->lan) == NET_STATE_BESIDE_NMBD;

    ret_status->n_names = netbios->own.n;
    for (size_t i = 0; i < netbios->own.n; i++)
    {
        const struct own_name *own = &netbios->own.list[i];
        struct net_status_name *out = &ret_status->names[i];
        char text[NETBIOS_NAME_PRINT_SIZE];

        netbios_name_full(netbios, &own->name, text);
        snprintf(out->name, sizeof(out->name), "%s", text);
        out->group = own->group;
        out->state = !nmbd ? states[own->state] : i <= OWN_WORKGROUP ? "nmbd's" : "left to nmbd";
        out->refuser = own->refuser;
    }
}

static void netbios_status_others(struct netbios *netbios, struct net_status *ret_status)
{
    struct claims_wins wins[NS_WINS_MAX];

    ret_status->n_wins = netbios->ns.n_wins;
    if (netbios->claims)
    {
        (void)claims_wins_status(netbios->claims, wins);
    }
    for (size_t i = 0; i < netbios->ns.n_wins; i++)
    {
        ret_status->wins[i].address = netbios->ns.wins[i];
        ret_status->wins[i].answers = netbios->claims && wins[i].answers;
        ret_status->wins[i].current = netbios->claims && wins[i].current;
    }
    ret_status->n_peers = netbios->peers.n;
    for (size_t i = 0; i < netbios->peers.n; i++)
    {
        char text[NETBIOS_NAME_PRINT_SIZE];

        netbios_name_text(netbios, &netbios->peers.list[i].group, text);
        ret_status->peers[i].address = netbios->peers.list[i].address;
        snprintf(ret_status->peers[i].group, sizeof(ret_status->peers[i].group), "%s", text);
    }
    ret_status->n_cached = queries_cached(netbios->queries);
}

static void netbios_status(void *transport, struct net_status *ret_status)
{
    struct netbios *netbios = transport;

    /* The report of the kernel may still be on its way. */
    netbios_on_interfaces(netbios);
    ret_status->state = lan_state(netbios->lan);
    lan_explain(netbios->lan, &ret_status->error, &ret_status->reason, &ret_status->fix,
                &ret_status->name_service_reason);
    if (!ret_status->reason)
    {
        ret_status->reason = netbios_explain_interfaces(netbios, &ret_status->fix);
    }
    ret_status->computer = netbios->computer;
    ret_status->workgroup = netbios->workgroup;
    ret_status->codepage = codepage_name(netbios->codepage);
    ret_status->datagram_port = lan_datagram_port(netbios->lan);
    ret_status->name_port = lan_name_port(netbios->lan);
    ret_status->name_service = lan_has_name_service(netbios->lan);
    ret_status->node_type = netbios_node_name(netbios->ns.node);
    ret_status->node_problem = netbios_node_problem(&netbios->ns);
    netbios_status_names(netbios, ret_status);
    netbios_status_others(netbios, ret_status);
    memcpy(ret_status->interfaces, netbios->interfaces.list, sizeof(ret_status->interfaces));
    ret_status->n_interfaces = netbios->interfaces.n;
}

/* --- settings --- */

static int netbios_set_names(struct netbios *netbios, const struct net_config *config,
                             const char **ret_invalid)
{
    static const char *const settings[] = {
        [OWN_BAD_COMPUTER] = "computer_name",
        [OWN_BAD_WORKGROUP] = "workgroup",
        [OWN_BAD_NAMES] = "names",
        [OWN_BAD_GROUPS] = "groups",
    };
    struct own_config own = {
        .computer = config->computer,
        .workgroup = config->workgroup ? config->workgroup : DEFAULT_WORKGROUP,
        .names = config->names,
        .n_names = config->n_names,
        .groups = config->groups,
        .n_groups = config->n_groups,
    };
    char host[256] = "", fallback[OWN_COMPUTER_SIZE];
    int r;

    r = codepage_new(&netbios->codepage, config->codepage);
    if (r == -EINVAL)
    {
        *ret_invalid = "codepage";
    }
    if (r < 0)
    {
        return r;
    }
    if (!own.computer)
    {
        (void)gethostname(host, sizeof(host) - 1);
        own_computer_from_host(host, fallback);
        own.computer = fallback;
    }
    r = own_init(&netbios->own, netbios->codepage, &own);
    if (r)
    {
        *ret_invalid = settings[r];
        return -EINVAL;
    }
    if (netbios_scope_make(&netbios->scope, config->scope ? config->scope : ""))
    {
        *ret_invalid = "scope";
        return -EINVAL;
    }
    netbios_name_text(netbios, &netbios->own.list[OWN_COMPUTER].name, netbios->computer);
    netbios_name_text(netbios, &netbios->own.list[OWN_WORKGROUP].name, netbios->workgroup);
    return 0;
}

static int netbios_set_node(struct netbios *netbios, const struct net_config *config,
                            const char **ret_invalid)
{
    if (config->n_wins_servers > NS_WINS_MAX)
    {
        *ret_invalid = "wins_servers";
        return -EINVAL;
    }
    for (size_t i = 0; i < config->n_wins_servers; i++)
    {
        if (inet_pton(AF_INET, config->wins_servers[i], &netbios->ns.wins[i]) != 1 ||
            !interfaces_is_host(&netbios->interfaces, netbios->ns.wins[i]) ||
            policy_allow(netbios->up.policy, netbios->ns.wins[i]) < 0)
        {
            *ret_invalid = "wins_servers";
            return -EINVAL;
        }
    }
    netbios->ns.n_wins = config->n_wins_servers;
    netbios->ns.node = netbios->ns.n_wins ? NODE_H : NODE_B;
    for (enum node_type node = NODE_B; config->node_type && node <= NODE_H; node++)
    {
        if (strcasecmp(config->node_type, netbios_node_name(node)) == 0)
        {
            netbios->ns.node = node;
            return 0;
        }
    }
    if (config->node_type)
    {
        *ret_invalid = "node_type";
        return -EINVAL;
    }
    return 0;
}

static int netbios_set_peers(struct netbios *netbios, const struct net_config *config,
                             const char **ret_invalid)
{
    if (peers_parse(&netbios->peers, netbios->codepage, &netbios->own.list[OWN_WORKGROUP].name,
                    config->peers, config->n_peers))
    {
        *ret_invalid = "peers";
        return -EINVAL;
    }
    for (size_t i = 0; i < netbios->peers.n; i++)
    {
        if (!interfaces_is_host(&netbios->interfaces, netbios->peers.list[i].address) ||
            policy_allow(netbios->up.policy, netbios->peers.list[i].address) < 0)
        {
            *ret_invalid = "peers";
            return -EINVAL;
        }
    }
    return 0;
}

static int netbios_set_filter(struct netbios *netbios, const struct net_config *config,
                              const char **ret_invalid)
{
    netbios->filter = calloc(config->n_interfaces + 1, sizeof(*netbios->filter));
    if (!netbios->filter)
    {
        return -ENOMEM;
    }
    for (; netbios->n_filter < config->n_interfaces; netbios->n_filter++)
    {
        if (!interfaces_is_filter(config->interfaces[netbios->n_filter]))
        {
            *ret_invalid = "interfaces";
            return -EINVAL;
        }
        netbios->filter[netbios->n_filter] = strdup(config->interfaces[netbios->n_filter]);
        if (!netbios->filter[netbios->n_filter])
        {
            return -ENOMEM;
        }
    }
    interfaces_init(&netbios->interfaces, (const char *const *)netbios->filter, netbios->n_filter);
    return 0;
}

static int netbios_set_lan(struct netbios *netbios, const struct net_config *config,
                           const char **ret_invalid)
{
    struct lan_config lan = {
        .datagram_port = config->datagram_port ? config->datagram_port : DEFAULT_DATAGRAM_PORT,
        .name_port = config->name_port ? config->name_port : DEFAULT_NAME_PORT,
        .datagram_fd = config->datagram_fd,
        .name_fd = config->name_fd,
        .nmbd_socket = config->nmbd_socket ? config->nmbd_socket : UNEXPECTED_PATH,
        .name_service = !config->no_name_service,
        .disabled = config->disabled,
    };
    const struct lan_sink sink = {
        .userdata = netbios,
        .datagram = netbios_on_datagram,
        .name_message = netbios_on_name_message,
        .changed = netbios_on_mode,
    };
    int r;

    r = lan_new(&netbios->lan, netbios->event, &lan, &sink, netbios->up.counters, ret_invalid);
    if (r < 0)
    {
        return r;
    }
    netbios->peer_port = config->peer_port ? config->peer_port : lan_datagram_port(netbios->lan);
    netbios->peer_name_port = config->peer_name_port ? config->peer_name_port : lan.name_port;
    return 0;
}

static int netbios_set_up(struct netbios *netbios, const struct net_config *config,
                          const char **ret_invalid)
{
    static int (*const steps[])(struct netbios *, const struct net_config *, const char **) = {
        netbios_set_names, netbios_set_node, netbios_set_peers, netbios_set_filter};
    int r;

    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
    {
        r = steps[i](netbios, config, ret_invalid);
        if (r < 0)
        {
            return r;
        }
    }
    r = dedupe_new(&netbios->seen);
    if (r == 0)
    {
        r = dedupe_new(&netbios->sent);
    }
    /* A predictable id would let a stranger's datagram pass for a duplicate of ours. */
    if (r == 0 && getrandom(&netbios->next_id, sizeof(netbios->next_id), 0) < 0)
    {
        r = -errno;
    }
    if (r == 0)
    {
        r = name_service_new(netbios);
    }
    if (r >= 0)
    {
        r = netbios_set_lan(netbios, config, ret_invalid);
    }
    return r;
}

static void *netbios_free(void *transport)
{
    struct netbios *netbios = transport;

    if (!netbios)
    {
        return NULL;
    }
    netbios->closing = true;
    interfaces_unwatch(netbios->watch);
    if (netbios->queries)
    {
        name_service_free(netbios);
        send_end_all(netbios);
    }
    lan_free(netbios->lan);
    dedupe_free(netbios->seen);
    dedupe_free(netbios->sent);
    codepage_free(netbios->codepage);
    for (size_t i = 0; i < netbios->n_filter; i++)
    {
        free(netbios->filter[i]);
    }
    free(netbios->filter);
    sd_event_unref(netbios->event);
    free(netbios);
    return NULL;
}

int netbios_new(struct netbios **ret_netbios, sd_event *event, const struct net_config *config,
                const struct transport_sink *sink, const char **ret_invalid)
{
    struct netbios *netbios = calloc(1, sizeof(*netbios));
    int r;

    if (!netbios)
    {
        return -ENOMEM;
    }
    netbios->event = sd_event_ref(event);
    netbios->up = *sink;
    r = netbios_set_up(netbios, config, ret_invalid);
    if (r >= 0 && interfaces_refresh(&netbios->interfaces, NULL) < 0)
    {
        netbios_count(netbios, NET_COUNTER_INTERFACE_FAILED);
    }
    if (r >= 0 && interfaces_watch(&netbios->watch, event, netbios_on_interfaces, netbios) < 0)
    {
        netbios_count(netbios, NET_COUNTER_INTERFACE_FAILED);
    }
    if (r >= 0)
    {
        r = lan_start(netbios->lan);
    }
    if (r < 0)
    {
        netbios_free(netbios);
        return r;
    }
    *ret_netbios = netbios;
    return 0;
}

static int netbios_send(void *transport, const struct net_request *request,
                        const struct net_sender *sender)
{
    return send_request(transport, request, sender);
}

static void netbios_hold(void *transport)
{
    struct netbios *netbios = transport;

    lan_hold(netbios->lan);
}

static void netbios_release(void *transport)
{
    struct netbios *netbios = transport;

    lan_release(netbios->lan);
}

const struct transport_ops netbios_transport = {
    .send = netbios_send,
    .hold = netbios_hold,
    .release = netbios_release,
    .status = netbios_status,
    .free = netbios_free,
};
