/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* status, slots, names, peers, stats: what the daemon has and does. */

/*
 * All five show parts of one document, the daemon's status (docs/json.md): to programs as it is, to
 * people as lines. A verb is two functions, one for each.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl.h"
#include "tools/output.h"

/* Lines of one kind that `status` shows, so that all fits on a screen. */
#define STATUS_LINES_MAX 6

static const char *status_string(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static long long status_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static size_t status_print(const char *text)
{
    return output_text(stdout, text, strlen(text));
}

/* Text, then blanks up to `width` columns, two at least. */
static void status_print_column(const char *text, size_t width)
{
    size_t used = status_print(text);

    printf("%*s", used + 2 < width ? (int)(width - used) : 2, "");
}

static int status_fetch(struct ctl *ctl, const char *verb, json_t **ret)
{
    char *text;
    int r;

    r = mailslot_status(ctl->client, &text);
    if (r)
        return ctl_fail(ctl, verb, r);
    *ret = json_loads(text, 0, NULL);
    free(text);
    return *ret ? CTL_DONE : ctl_fail(ctl, verb, -EPROTO);
}

/* --- the parts, each also a verb of its own; `most`: lines, 0 for any number -------------------
 */

static void status_print_more(size_t n, size_t most, const char *verb)
{
    if (most && n > most)
        printf("  ... and %zu more: mailslotctl %s\n", n - most, verb);
}

static void status_print_slots(const json_t *root, size_t most)
{
    const json_t *slots = json_object_get(root, "slots"), *entry;
    size_t i;

    if (json_array_size(slots))
        printf("  %-28s %8s %10s %8s %8s  %s\n", "NAME", "UNREAD", "WRITTEN", "REFUSED", "WRITERS",
               "READER");
    json_array_foreach(slots, i, entry)
    {
        const json_t *reader = json_object_get(entry, "reader");

        if (most && i >= most)
            break;
        fputs("  ", stdout);
        status_print_column(status_string(entry, "name"), 28);
        printf(" %7lld %10lld %8lld %8lld  ", status_number(entry, "messages"),
               status_number(entry, "written"), status_number(entry, "refused"),
               status_number(entry, "writers"));
        if (json_is_object(reader))
        {
            status_print(status_string(reader, "program"));
            printf(" (%lld)\n", status_number(reader, "pid"));
        }
        else
            puts(json_is_true(json_object_get(entry, "owned")) ? "another program" : "none");
    }
    status_print_more(json_array_size(slots), most, "slots");
}

static void status_print_names(const json_t *network, size_t most)
{
    const json_t *names = json_object_get(network, "names"), *entry;
    size_t i;

    json_array_foreach(names, i, entry)
    {
        const char *refuser = status_string(entry, "refused_by");

        if (most && i >= most)
            break;
        fputs("  ", stdout);
        status_print_column(status_string(entry, "name"), 22);
        printf("%-8s%s", json_is_true(json_object_get(entry, "group")) ? "group" : "name",
               status_string(entry, "state"));
        if (*refuser)
            printf(" by %s, which has it already", refuser);
        putchar('\n');
    }
    status_print_more(json_array_size(names), most, "names");
}

static void status_print_peers(const json_t *network, size_t most)
{
    const json_t *peers = json_object_get(network, "peers");
    const json_t *wins = json_object_get(network, "wins_servers"), *entry;
    size_t i;

    json_array_foreach(wins, i, entry)
    {
        printf("  %-16s WINS server, %s%s\n", status_string(entry, "address"),
               json_is_true(json_object_get(entry, "answers")) ? "answers" : "does not answer",
               json_is_true(json_object_get(entry, "current")) ? ", in use" : "");
    }
    json_array_foreach(peers, i, entry)
    {
        if (most && i >= most)
            break;
        printf("  %-16s gets messages to ", status_string(entry, "address"));
        status_print(status_string(entry, "group"));
        putchar('\n');
    }
    status_print_more(json_array_size(peers), most, "peers");
}

/* A counter of messages that somebody may miss: not of what came twice, or was our own. */
static bool status_is_drop(const char *key)
{
    return strncmp(key, "drop_", 5) == 0 && strcmp(key, "drop_own_copy") != 0 &&
           strcmp(key, "drop_duplicate") != 0;
}

static void status_print_drops(const json_t *network)
{
    const json_t *counters = json_object_get(network, "counters");
    const char *key, *separator = ": ";
    long long dropped = 0;
    json_t *value;

    json_object_foreach((json_t *)counters, key, value) if (status_is_drop(key)) dropped +=
        json_integer_value(value);
    printf("messages: %lld in, %lld out; %lld dropped", status_number(counters, "delivered"),
           status_number(counters, "sent"), dropped);
    json_object_foreach((json_t *)counters, key, value)
    {
        if (!status_is_drop(key) || !json_integer_value(value))
            continue;
        printf("%s%s %lld", separator, key + 5, (long long)json_integer_value(value));
        separator = ", ";
    }
    putchar('\n');
}

/* --- status -------------------------------------------------------------------------------------
 */

static void status_print_uptime(long long seconds)
{
    static const struct
    {
        long long seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    size_t i = 0;

    while (i < 3 && seconds < units[i].seconds)
        i++;
    printf("%lld %s", seconds / units[i].seconds, units[i].unit);
    if (i < 3 && seconds % units[i].seconds / units[i + 1].seconds)
        printf(" %lld %s", seconds % units[i].seconds / units[i + 1].seconds, units[i + 1].unit);
}

static void status_print_interfaces(const json_t *network)
{
    const json_t *interfaces = json_object_get(network, "interfaces"), *entry;
    size_t i;

    printf("interfaces: %zu\n", json_array_size(interfaces));
    json_array_foreach(interfaces, i, entry)
    {
        if (i >= STATUS_LINES_MAX)
            break;
        fputs("  ", stdout);
        status_print_column(status_string(entry, "name"), 12);
        if (json_is_string(json_object_get(entry, "broadcast")))
            printf("%-16s broadcasts to %s\n", status_string(entry, "address"),
                   status_string(entry, "broadcast"));
        else
            printf("%-16s without broadcast\n", status_string(entry, "address"));
    }
    status_print_more(json_array_size(interfaces), STATUS_LINES_MAX, "status --json");
}

static void status_print_line(const json_t *object, const char *key, const char *label)
{
    const char *text = status_string(object, key);

    if (!*text)
        return;
    fputs(label, stdout);
    status_print(text);
    putchar('\n');
}

static void status_print_network(const json_t *network)
{
    printf("network: %s, as ", status_string(network, "mode"));
    status_print(status_string(network, "computer"));
    fputs(" in ", stdout);
    status_print(status_string(network, "workgroup"));
    printf("; UDP %lld%s\n", status_number(network, "datagram_port"),
           json_is_true(json_object_get(network, "name_service")) ? ", with name service" : "");
    status_print_line(network, "reason", "  why: ");
    if (strcmp(status_string(network, "reason"), status_string(network, "name_service_reason")) !=
        0)
        status_print_line(network, "name_service_reason", "  why no names: ");
    status_print_line(network, "fix", "  fix: ");
    if (*status_string(network, "node_problem"))
    {
        printf("  node type %s: ", status_string(network, "node_type"));
        status_print_line(network, "node_problem", "");
    }
    printf("names: %zu\n", json_array_size(json_object_get(network, "names")));
    status_print_names(network, STATUS_LINES_MAX);
    status_print_interfaces(network);
    if (json_array_size(json_object_get(network, "peers")) ||
        json_array_size(json_object_get(network, "wins_servers")))
    {
        printf("peers: %zu\n", json_array_size(json_object_get(network, "peers")));
        status_print_peers(network, STATUS_LINES_MAX);
    }
    status_print_drops(network);
}

static void status_print_programs(const json_t *root)
{
    const json_t *programs = json_object_get(root, "clients"), *entry;
    size_t i;

    printf("programs: %zu\n", json_array_size(programs));
    json_array_foreach(programs, i, entry)
    {
        if (i >= STATUS_LINES_MAX)
            break;
        fputs("  ", stdout);
        status_print_column(status_string(entry, "program"), 30);
        printf("pid %lld, %lld slots, %lld handles\n", status_number(entry, "pid"),
               status_number(entry, "slots"), status_number(entry, "handles"));
    }
    status_print_more(json_array_size(programs), STATUS_LINES_MAX, "status --json");
}

static void status_print_all(const json_t *root)
{
    printf("mailslotd %s, pid %lld, up ", status_string(root, "program_version"),
           status_number(root, "pid"));
    status_print_uptime(status_number(root, "uptime_seconds"));
    putchar('\n');
    status_print_network(json_object_get(root, "network"));
    printf("slots: %zu\n", json_array_size(json_object_get(root, "slots")));
    status_print_slots(root, STATUS_LINES_MAX);
    status_print_programs(root);
}

static json_t *status_all_json(const json_t *root)
{
    return json_incref((json_t *)root);
}

/* --- the other verbs ----------------------------------------------------------------------------
 */

/* A document with these keys of `from`, up to a NULL. */
static json_t *status_select(const json_t *from, ...)
{
    json_t *document = json_pack("{s:i}", "version", CTL_JSON_VERSION);
    const char *key;
    va_list keys;

    va_start(keys, from);
    while ((key = va_arg(keys, const char *)))
        json_object_set(document, key, json_object_get(from, key));
    va_end(keys);
    return document;
}

static json_t *status_slots_json(const json_t *root)
{
    return status_select(root, "slots", NULL);
}

static void status_slots_text(const json_t *root)
{
    status_print_slots(root, 0);
}

static json_t *status_names_json(const json_t *root)
{
    return status_select(json_object_get(root, "network"), "computer", "workgroup", "mode",
                         "name_service", "node_type", "known_names", "names", NULL);
}

static void status_names_text(const json_t *root)
{
    const json_t *network = json_object_get(root, "network");

    status_print_names(network, 0);
    status_print_line(network, "name_service_reason", "why no names: ");
}

static json_t *status_peers_json(const json_t *root)
{
    return status_select(json_object_get(root, "network"), "peers", "wins_servers", NULL);
}

static void status_peers_text(const json_t *root)
{
    status_print_peers(json_object_get(root, "network"), 0);
}

static json_t *status_stats_json(const json_t *root)
{
    return json_pack("{s:i, s:O, s:O, s:O}", "version", CTL_JSON_VERSION, "uptime_seconds",
                     json_object_get(root, "uptime_seconds"), "daemon",
                     json_object_get(root, "counters"), "network",
                     json_object_get(json_object_get(root, "network"), "counters"));
}

static void status_print_counters(const char *title, const json_t *counters)
{
    const char *key;
    json_t *value;

    puts(title);
    json_object_foreach((json_t *)counters, key, value)
        printf("  %-28s %12lld\n", key, (long long)json_integer_value(value));
}

static void status_stats_text(const json_t *root)
{
    status_print_counters("daemon", json_object_get(root, "counters"));
    status_print_counters("network", json_object_get(json_object_get(root, "network"), "counters"));
}

/* --- the verbs ----------------------------------------------------------------------------------
 */

static int status_show(struct ctl *ctl, const char *verb, int argc,
                       json_t *(*json)(const json_t *root), void (*text)(const json_t *root))
{
    json_t *root = NULL;
    int r;

    if (argc)
        return CTL_USAGE;
    r = status_fetch(ctl, verb, &root);
    if (r)
        return r;
    if (!ctl->json)
        text(root);
    else if (!output_json(json(root), false))
        r = ctl_fail(ctl, verb, -EIO);
    json_decref(root);
    return r;
}

int status_verb(struct ctl *ctl, int argc, char **argv)
{
    (void)argv;
    return status_show(ctl, "status", argc, status_all_json, status_print_all);
}

int status_slots_verb(struct ctl *ctl, int argc, char **argv)
{
    (void)argv;
    return status_show(ctl, "slots", argc, status_slots_json, status_slots_text);
}

int status_names_verb(struct ctl *ctl, int argc, char **argv)
{
    (void)argv;
    return status_show(ctl, "names", argc, status_names_json, status_names_text);
}

int status_peers_verb(struct ctl *ctl, int argc, char **argv)
{
    (void)argv;
    return status_show(ctl, "peers", argc, status_peers_json, status_peers_text);
}

int status_stats_verb(struct ctl *ctl, int argc, char **argv)
{
    (void)argv;
    return status_show(ctl, "stats", argc, status_stats_json, status_stats_text);
}
