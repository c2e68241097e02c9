/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's status as JSON. */
#include "daemon/status.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "daemon/peer.h"

/* Raised when a field changes its meaning or goes away; new fields do not count. */
#define STATUS_VERSION 1

/*
 * Bytes of a text that are shown, as in a monitor. A slot may have a name of 96 KiB, and each byte
 * of it may need six here; with the cut, a slot takes at most 2 KiB, and the whole is bounded by
 * the number of slots and programs, which descriptors bound.
 */
#define STATUS_TEXT_MAX CONTROL_RECORD_NAME_MAX

/* Where to cut: between characters. */
static size_t status_cut(const char *text)
{
    size_t size = strnlen(text, STATUS_TEXT_MAX + 1), end = STATUS_TEXT_MAX;

    if (size <= STATUS_TEXT_MAX)
        return size;
    /* At most three bytes continue a character; more are no UTF-8. */
    while (end > STATUS_TEXT_MAX - 3 && (text[end] & 0xc0) == 0x80)
        end--;
    return (text[end] & 0xc0) == 0x80 ? STATUS_TEXT_MAX : end;
}

/* Names may hold what is no UTF-8: such bytes are shown as \xNN. */
static json_t *status_text(const char *text)
{
    char escaped[4 * STATUS_TEXT_MAX + 1], *out = escaped;
    size_t size = status_cut(text);
    json_t *value = json_stringn(text, size);

    if (value)
        return value;
    for (const char *end = text + size; text < end; text++)
        out += sprintf(out, *text & 0x80 ? "\\x%02x" : "%c", (unsigned char)*text);
    value = json_string(escaped);
    return value ? value : json_null();
}

static bool status_shows(const struct user *viewer, const struct user *user)
{
    return !viewer->guest || viewer == user;
}

/* The program that made the slot, as long as it is connected: it may have given the handle away. */
static json_t *status_reader(const struct slot *slot)
{
    const struct peer *peer = slot->server ? slot->server->charge->peer : NULL;

    if (!peer)
        return json_null();
    return json_pack("{s:i, s:o}", "pid", (int)peer->pid, "program",
                     status_text(peer->program ? peer->program : ""));
}

static json_t *status_slots(struct host *host, const struct user *viewer)
{
    json_t *array = json_array();

    for (struct slot *slot = registry_slots(host->registry); slot; slot = slot->by_id.next)
    {
        bool shown = status_shows(viewer, slot->owner);
        struct queue_info info = {0};
        unsigned int writers = 0;
        struct lease *writer;
        json_t *entry;

        if (shown)
        {
            DL_COUNT(slot->writers, writer, writers);
            if (queue_info(slot->queue, &info))
                info.count = 0; /* busy right now: the next look will tell */
        }
        entry = json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:b, s:o}", "name",
                          status_text(slot->name), "messages", (json_int_t)info.count, "bytes",
                          (json_int_t)info.bytes, "quota", (json_int_t)info.quota, "max_message",
                          (json_int_t)info.max_message, "written", (json_int_t)info.pushed, "read",
                          (json_int_t)info.popped, "refused",
                          (json_int_t)info.refused_full + (json_int_t)info.refused_large, "writers",
                          (int)writers, "owned", slot->server != NULL, "reader",
                          shown ? status_reader(slot) : json_null());
        json_array_append_new(array, entry);
    }
    return array;
}

static json_t *status_clients(struct host *host, const struct user *viewer)
{
    json_t *array = json_array();
    struct peer *peer;

    DL_FOREACH(host->peers, peer)
    {
        if (peer->over || !status_shows(viewer, peer->charge->user))
            continue;
        json_array_append_new(
            array, json_pack("{s:i, s:o, s:i, s:i}", "pid", (int)peer->pid, "program",
                             status_text(peer->program ? peer->program : ""), "slots",
                             (int)peer->charge->slots, "handles", (int)peer->charge->leases));
    }
    return array;
}

static json_t *status_address(struct in_addr address)
{
    char text[INET_ADDRSTRLEN];

    return address.s_addr ? json_string(inet_ntop(AF_INET, &address, text, sizeof(text)))
                          : json_null();
}

static json_t *status_interfaces(const struct net_status *status)
{
    json_t *array = json_array();

    for (size_t i = 0; i < status->n_interfaces; i++)
        json_array_append_new(
            array, json_pack("{s:s, s:o, s:o}", "name", status->interfaces[i].name, "address",
                             status_address(status->interfaces[i].address), "broadcast",
                             status_address(status->interfaces[i].broadcast)));
    return array;
}

static json_t *status_names(const struct net_status *status)
{
    json_t *array = json_array();

    for (size_t i = 0; i < status->n_names; i++)
    {
        const struct net_status_name *name = &status->names[i];

        json_array_append_new(array,
                              json_pack("{s:o, s:b, s:s, s:o}", "name", status_text(name->name),
                                        "group", name->group, "state", name->state, "refused_by",
                                        status_address(name->refuser)));
    }
    return array;
}

static json_t *status_wins(const struct net_status *status)
{
    json_t *array = json_array();

    for (size_t i = 0; i < status->n_wins; i++)
        json_array_append_new(array, json_pack("{s:o, s:b, s:b}", "address",
                                               status_address(status->wins[i].address), "answers",
                                               status->wins[i].answers, "current",
                                               status->wins[i].current));
    return array;
}

static json_t *status_peers(const struct net_status *status)
{
    json_t *array = json_array();

    for (size_t i = 0; i < status->n_peers; i++)
        json_array_append_new(array, json_pack("{s:o, s:o}", "address",
                                               status_address(status->peers[i].address), "group",
                                               status_text(status->peers[i].group)));
    return array;
}

static json_t *status_network(struct host *host)
{
    json_t *counters = json_object(), *network;
    struct net_status status;

    net_status(host->net, &status);
    for (int i = 0; i < NET_COUNTER_COUNT; i++)
        json_object_set_new(counters, net_counter_name(i), json_integer(status.counters.values[i]));
    network = json_pack("{s:s, s:o, s:o, s:i, s:i, s:b, s:s, s:i, s:o, s:o, s:o, s:o, s:o}", "mode",
                        net_state_name(status.state), "computer", status_text(status.computer),
                        "workgroup", status_text(status.workgroup), "datagram_port",
                        (int)status.datagram_port, "name_port", (int)status.name_port,
                        "name_service", status.name_service, "node_type", status.node_type,
                        "known_names", (int)status.n_cached, "interfaces",
                        status_interfaces(&status), "names", status_names(&status), "wins_servers",
                        status_wins(&status), "peers", status_peers(&status), "counters", counters);
    if (status.reason)
        json_object_set_new(network, "reason", json_string(status.reason));
    if (status.fix)
        json_object_set_new(network, "fix", json_string(status.fix));
    if (status.node_problem)
        json_object_set_new(network, "node_problem", json_string(status.node_problem));
    if (status.name_service_reason)
        json_object_set_new(network, "name_service_reason",
                            json_string(status.name_service_reason));
    return network;
}

/* One write, not one for each character that is escaped. -ENOMEM also for no room in the file. */
static int status_write(int fd, const json_t *root)
{
    char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    size_t size = text ? strlen(text) : 0, done = 0;

    while (done < size)
    {
        ssize_t n = write(fd, text + done, size - done);

        if (n <= 0)
            break;
        done += n;
    }
    free(text);
    return text && done == size ? 0 : -ENOMEM;
}

int status_make(struct host *host, const struct user *viewer, int *ret_fd)
{
    struct timespec now;
    json_t *root;
    int fd, r;

    clock_gettime(CLOCK_REALTIME, &now);
    fd = memfd_create("mailslotd-status", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    root =
        json_pack("{s:i, s:s, s:i, s:I, s:i, s:o, s:o, s:o, s:{s:I, s:I, s:I}}", "version",
                  STATUS_VERSION, "program_version", PACKAGE_VERSION, "pid", (int)getpid(),
                  "uptime_seconds", (json_int_t)(now.tv_sec - (int64_t)(host->started / 1000000)),
                  "monitors", (int)host->n_monitors, "network", status_network(host), "slots",
                  status_slots(host, viewer), "clients", status_clients(host, viewer), "counters",
                  "requests", (json_int_t)host->counters.requests, "protocol_errors",
                  (json_int_t)host->counters.protocol_errors, "refused_clients",
                  (json_int_t)host->counters.refused_peers);
    r = status_write(fd, root);
    json_decref(root);
    if (r < 0)
    {
        close(fd);
        return r;
    }
    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    *ret_fd = fd;
    return 0;
}
