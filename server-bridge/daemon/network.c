/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The net as the options describe it. */
#include "daemon/network.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/deliver.h"
#include "daemon/log.h"
#include "daemon/smbconf.h"

#define NETWORK_LISTS 8

/* One option that is a list, and where the net wants its words. */
struct network_list
{
    const char *key;
    const char *text;
    const char *const **words;
    size_t *n;
    const char *const *memory; /* that the words are in */
};

/* The net's names for settings are those of the options. */
struct network_settings
{
    struct net_config net;
    struct network_list lists[NETWORK_LISTS];
};

/* The net has made everything of others printable. */
static void network_log(void *userdata, const char *text)
{
    (void)userdata;
    log_line(LOG_NOTICE, "%s", text);
}

static void network_warn(void *userdata, const char *text)
{
    (void)userdata;
    log_line(LOG_WARNING, "%s", text);
}

static const char *network_or_null(const char *text)
{
    return *text ? text : NULL;
}

static void network_clear(struct network_settings *settings)
{
    for (size_t i = 0; i < NETWORK_LISTS; i++)
        free((void *)settings->lists[i].memory);
}

/* Borrows from the config, but for its sockets, which are left out. */
static int network_fill(struct network_settings *settings, const struct config *config)
{
    struct net_config *net = &settings->net;
    const struct network_list lists[NETWORK_LISTS] = {
        {"names", config->names, &net->names, &net->n_names, NULL},
        {"groups", config->groups, &net->groups, &net->n_groups, NULL},
        {"wins_servers", config->wins_servers, &net->wins_servers, &net->n_wins_servers, NULL},
        {"peers", config->peers, &net->peers, &net->n_peers, NULL},
        {"interfaces", config->interfaces, &net->interfaces, &net->n_interfaces, NULL},
        {"allow_networks", config->allow_networks, &net->policy.networks, &net->policy.n_networks,
         NULL},
        {"receive_slots", config->receive_slots, &net->policy.receive_slots,
         &net->policy.n_receive_slots, NULL},
        {"send_slots", config->send_slots, &net->policy.send_slots, &net->policy.n_send_slots,
         NULL},
    };

    *net = NET_CONFIG_DEFAULT;
    memcpy(settings->lists, lists, sizeof(lists));
    for (size_t i = 0; i < NETWORK_LISTS; i++)
    {
        struct network_list *list = &settings->lists[i];
        int r = config_split(list->text, &list->memory, list->n);

        if (r < 0)
        {
            network_clear(settings);
            return r;
        }
        *list->words = list->memory;
    }
    net->computer = network_or_null(config->computer);
    net->workgroup = config->workgroup;
    net->scope = network_or_null(config->scope);
    net->node_type = strcmp(config->node_type, "auto") ? config->node_type : NULL;
    net->policy.source_rate = config->source_rate;
    net->codepage = config->codepage;
    /* Empty: the net knows Samba's usual place; "" tells it not to look. */
    net->nmbd_socket =
        strcmp(config->nmbd_socket, "none") ? network_or_null(config->nmbd_socket) : "";
    net->no_name_service = !config->name_service;
    net->datagram_port = config->datagram_port;
    net->name_port = config->name_port;
    net->disabled = !config->network;
    return 0;
}

static int network_copy_fd(int fd, int *ret_copy)
{
    if (fd < 0)
        return 0;
    *ret_copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return *ret_copy < 0 ? -errno : 0;
}

int network_make(struct host *host, const char **ret_invalid)
{
    struct net_sink sink = {.userdata = host,
                            .deliver = deliver_from_net,
                            .log = network_log,
                            .warn = network_warn,
                            .counters = &host->net_counters};
    struct network_settings settings;
    int r;

    r = network_fill(&settings, host->config);
    if (r < 0)
        return r;
    r = network_copy_fd(host->config->datagram_fd, &settings.net.datagram_fd);
    if (r == 0)
        r = network_copy_fd(host->config->name_fd, &settings.net.name_fd);
    if (r == 0)
        r = net_new(&host->net, host->event, &settings.net, &sink, ret_invalid);
    if (r < 0)
    {
        if (settings.net.datagram_fd >= 0)
            close(settings.net.datagram_fd);
        if (settings.net.name_fd >= 0)
            close(settings.net.name_fd);
    }
    network_clear(&settings);
    return r;
}

/* --- the check --- */

static int network_refuse(void *userdata, const struct net_message *message)
{
    (void)userdata;
    (void)message;
    return NET_DELIVER_NO_SLOT;
}

/* Makes a net that opens no port, and frees it. */
static int network_try(struct net_config *net, const char **ret_invalid)
{
    const struct net_sink sink = {.deliver = network_refuse};
    sd_event *event = NULL;
    struct net *made = NULL;
    int r;

    r = sd_event_new(&event);
    if (r < 0)
        return r;
    net->disabled = true;
    r = net_new(&made, event, net, &sink, ret_invalid);
    if (r >= 0)
        net_free(made);
    sd_event_unref(event);
    return r;
}

/* The first word of the list that is refused by itself, or NULL. */
static const char *network_find_word(struct network_settings *settings, const char *key)
{
    for (size_t i = 0; i < NETWORK_LISTS; i++)
    {
        struct network_list *list = &settings->lists[i];
        size_t n = *list->n;

        if (strcmp(list->key, key) != 0)
            continue;
        *list->n = 1;
        for (size_t word = 0; word < n; word++)
        {
            const char *invalid = "";

            *list->words = list->memory + word;
            if (network_try(&settings->net, &invalid) == -EINVAL && strcmp(invalid, key) == 0)
                return list->memory[word];
        }
    }
    return NULL;
}

static const char *network_rule(const char *key)
{
    static const char *const rules[][2] = {
        {"computer_name", "not a NetBIOS name without # (a comment needs a line of its own)"},
        {"workgroup",
         "not a NetBIOS name without # (a comment needs a line of its own), or this computer's, "
         "computer_name: nobody can be both"},
        {"names", "not NAME or NAME#HEX, or there twice"},
        {"groups", "not NAME or NAME#HEX, or there twice"},
        {"scope", "not words of 1 to 63 characters with dots between them"},
        {"wins_servers", "not the IPv4 address of a computer"},
        {"peers",
         "neither ADDRESS nor ADDRESS/GROUP of one computer (GROUP: a workgroup or domain, "
         "not digits only)"},
        {"interfaces", "none of NAME, NAME*, ADDRESS, ADDRESS/BITS"},
        {"codepage", "not a code page that iconv knows"},
        {"allow_networks", "none of local, all, none, ADDRESS, ADDRESS/BITS"},
        {"receive_slots", "not a pattern for slot names"},
        {"send_slots", "not a pattern for slot names"},
    };

    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
        if (!strcmp(rules[i][0], key))
            return rules[i][1];
    return "not a valid value";
}

static const char *network_value(const struct config *config, const char *key, char *text,
                                 size_t size)
{
    *text = 0;
    for (size_t i = 0; config_option_key(i); i++)
        if (config_option_is(i, key))
            config_option_value(config, i, text, size);
    return text;
}

/* Says what is wrong; 0 if it could be given up. */
static int network_refused(struct config *config, struct network_settings *settings,
                           const char *key, config_report_fn report, void *userdata)
{
    const char *origin = config_origin(config, key), *word = network_find_word(settings, key);
    bool given_up = smbconf_is_origin(config, origin);
    char text[1024], value[256];

    if (!word)
        word = network_value(config, key, value, sizeof(value));
    snprintf(text, sizeof(text), "%s: %s: '%s' is %s%s", origin ? origin : "built in", key, word,
             network_rule(key), given_up ? " (ignored)" : "");
    report(userdata, !given_up, text);
    return given_up ? config_reset(config, key) : -EINVAL;
}

static int network_count(const char *words, size_t *ret_n)
{
    const char *const *list;
    int r = config_split(words, &list, ret_n);

    if (r == 0)
        free((void *)list);
    return r;
}

/*
 * Who is to ask WINS servers needs some; smb.conf may have given them by now. A P node without can
 * still reach its peers; without those, too, it would be alone.
 */
static int network_check_node(const struct config *config, config_report_fn report, void *userdata)
{
    bool only = strcmp(config->node_type, "P") == 0;
    char text[1024];
    size_t servers, peers = 0;
    int r;

    if (!config->network ||
        (!only && strcmp(config->node_type, "M") != 0 && strcmp(config->node_type, "H") != 0))
        return 0;
    r = network_count(config->wins_servers, &servers);
    if (r == 0)
        r = network_count(config->peers, &peers);
    if (r < 0 || servers)
        return r;
    snprintf(text, sizeof(text),
             "%s: node_type: '%s' asks WINS servers, but there are none%s: set wins_servers, or "
             "node_type = auto",
             config_origin(config, "node_type") ? config_origin(config, "node_type") : "built in",
             config->node_type,
             only && peers ? ", so only the peers are reached"
             : only        ? ""
                           : ", so it works as B");
    report(userdata, only && !peers, text);
    return only && !peers ? -EINVAL : 0;
}

int network_check(struct config *config, config_report_fn report, void *userdata)
{
    int r;

    if (config->name_service && config->name_port == config->datagram_port)
    {
        /* The line that somebody wrote is the one to look at; not both are built in. */
        const char *origin = config_origin(config, "datagram_port");
        const char *key = origin ? "datagram_port" : "name_port";
        const char *other = origin ? "name_port" : "datagram_port";
        char text[1024];

        origin = config_origin(config, key);
        snprintf(text, sizeof(text), "%s: %s: %u is %s, too: one port each",
                 origin ? origin : "built in", key, config->datagram_port, other);
        report(userdata, true, text);
        return -EINVAL;
    }
    /* Each turn gives up one value of smb.conf, or is the last. */
    do
    {
        struct network_settings settings;
        const char *invalid = NULL;
        bool again = false;

        r = network_fill(&settings, config);
        if (r < 0)
            return r;
        r = network_try(&settings.net, &invalid);
        if (r == -EINVAL && invalid)
        {
            r = network_refused(config, &settings, invalid, report, userdata);
            again = r == 0;
        }
        network_clear(&settings);
        if (!again)
            return r == 0 ? network_check_node(config, report, userdata) : r;
    } while (true);
}
