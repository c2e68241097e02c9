/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The NetBIOS transport: mailslot messages as datagrams on UDP 138 */

/*
 * One socket on all addresses sends and receives. A group message leaves as one datagram per
 * broadcast interface, with the same id everywhere, so that a neighbour on two of our cables can
 * tell the copies of one message. Linux hands our own broadcasts back to the same socket; they are
 * entered in a table of their own before they leave and dropped when they return, while the local
 * slot got its copy directly (semantics D10). Strangers can not push entries out of that table.
 *
 * Whatever arrives is checked in one direction: datagram, destination, transaction, code page,
 * duplicate, slot. Each exit has its counter and none has a reply: the claimed sender may be a
 * victim (wire.md 1.9). Duplicates are looked up last, so that a broken datagram can not make a
 * good one with its id disappear.
 */

#include "net/netbios/netbios.h"

#include "net/netbios/dedupe.h"
#include "net/netbios/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_WORKGROUP     "WORKGROUP"
#define DEFAULT_DATAGRAM_PORT 138 /* RFC 1002 6 */
#define DEFAULT_NAME_PORT     137

/* After so many datagrams the event loop gets its turn. */
#define RECEIVE_BATCH 64

/* The largest UDP payload is 65507 bytes. */
#define RECEIVE_BUFFER 65536

/* Far longer than a Windows frame can carry; a name in UTF-8 takes at most three bytes each. */
#define SLOT_SIZE_MAX 4096

struct netbios
{
    sd_event *event;
    sd_event_source *source;
    int fd; /* -1: local only */
    int error;
    char reason[SOCKET_TEXT_SIZE];
    char fix[SOCKET_TEXT_SIZE];
    uint16_t port;
    uint16_t peer_port;
    uint16_t next_id;
    char computer[NETBIOS_NAME_PRINT_SIZE];
    char workgroup[NETBIOS_NAME_PRINT_SIZE];
    struct own_names own;
    struct codepage *codepage;
    struct dedupe *seen;
    struct dedupe *sent;
    char **filter;
    size_t n_filter;
    struct interfaces interfaces;
    netbios_deliver_fn deliver;
    void *userdata;
    struct net_counters *counters;
    char slot[SLOT_SIZE_MAX * 3];
    uint8_t buffer[RECEIVE_BUFFER];
};

static const enum net_counter DATAGRAM_COUNTERS[] = {
    [DATAGRAM_SHORT] = NET_COUNTER_DROP_SHORT,
    [DATAGRAM_BAD_TYPE] = NET_COUNTER_DROP_TYPE,
    [DATAGRAM_FRAGMENT] = NET_COUNTER_DROP_FRAGMENT,
    [DATAGRAM_BAD_SOURCE_NAME] = NET_COUNTER_DROP_SOURCE_NAME,
    [DATAGRAM_BAD_DESTINATION_NAME] = NET_COUNTER_DROP_DESTINATION_NAME,
    [DATAGRAM_HAS_SCOPE] = NET_COUNTER_DROP_SCOPE,
};

_Static_assert(sizeof(DATAGRAM_COUNTERS) / sizeof(DATAGRAM_COUNTERS[0]) == DATAGRAM_HAS_SCOPE + 1,
               "every code of datagram_read() is counted");

static const enum net_counter TRANSACTION_COUNTERS[] = {
    [TRANSACTION_SHORT] = NET_COUNTER_DROP_SMB_SHORT,
    [TRANSACTION_BAD_MAGIC] = NET_COUNTER_DROP_SMB_MAGIC,
    [TRANSACTION_BAD_COMMAND] = NET_COUNTER_DROP_SMB_COMMAND,
    [TRANSACTION_BAD_WORD_COUNT] = NET_COUNTER_DROP_WORD_COUNT,
    [TRANSACTION_BAD_SETUP] = NET_COUNTER_DROP_SETUP,
    [TRANSACTION_BAD_OPCODE] = NET_COUNTER_DROP_OPCODE,
    [TRANSACTION_BAD_NAME_BOUND] = NET_COUNTER_DROP_SLOT_BOUND,
    [TRANSACTION_BAD_DATA_BOUND] = NET_COUNTER_DROP_DATA_BOUND,
    [TRANSACTION_BAD_DATA_COUNT] = NET_COUNTER_DROP_DATA_COUNT,
    [TRANSACTION_NOT_MAILSLOT] = NET_COUNTER_DROP_NOT_MAILSLOT,
};

_Static_assert(sizeof(TRANSACTION_COUNTERS) / sizeof(TRANSACTION_COUNTERS[0]) ==
                   TRANSACTION_NOT_MAILSLOT + 1,
               "every code of transaction_read() is counted");

static uint64_t netbios_now(struct netbios *netbios)
{
    uint64_t now = 0;

    /* The time of the current wakeup; before the first one, the clock. */
    (void)sd_event_now(netbios->event, CLOCK_MONOTONIC, &now);
    return now;
}

static void netbios_refresh(struct netbios *netbios, uint64_t now_usec)
{
    if (interfaces_refresh(&netbios->interfaces, now_usec) < 0)
    {
        netbios->counters->values[NET_COUNTER_INTERFACE_FAILED]++;
    }
}

/* The 15 characters of a name in UTF-8; in the form for logs if the code page lacks them. */
static void netbios_name_text(struct netbios *netbios, const struct netbios_name *name,
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

static enum net_counter netbios_receive_checked(struct netbios *netbios, const void *bytes,
                                                size_t size, const struct sockaddr_in *from,
                                                uint64_t now_usec)
{
    char source_name[NETBIOS_NAME_PRINT_SIZE];
    struct transaction transaction;
    struct net_message message;
    struct datagram datagram;
    struct dedupe_key key;
    int r;

    r = datagram_read(bytes, size, &datagram);
    if (r)
    {
        return DATAGRAM_COUNTERS[r];
    }
    if (!own_is_destination(&netbios->own, &datagram))
    {
        return NET_COUNTER_DROP_NOT_OURS;
    }
    r = transaction_read(datagram.user_data, datagram.user_data_size, &transaction);
    if (r)
    {
        return TRANSACTION_COUNTERS[r];
    }
    if (transaction.name_size > SLOT_SIZE_MAX)
    {
        return NET_COUNTER_DROP_SLOT_TOO_LONG;
    }
    message = (struct net_message){
        .slot = netbios->slot,
        .data = transaction.data,
        .size = transaction.data_size,
        .source_name = source_name,
        .source = from->sin_addr,
        .from_network = true,
    };
    r = codepage_decode(netbios->codepage, transaction.name, transaction.name_size, netbios->slot,
                        sizeof(netbios->slot), &message.slot_size);
    if (r)
    {
        return r == CODEPAGE_NO_SPACE ? NET_COUNTER_DROP_SLOT_TOO_LONG : NET_COUNTER_DROP_CODEPAGE;
    }
    key = (struct dedupe_key){from->sin_addr, datagram.type, datagram.id};
    if (ntohs(from->sin_port) == netbios->port && dedupe_contains(netbios->sent, &key, now_usec))
    {
        return NET_COUNTER_DROP_OWN_COPY;
    }
    if (dedupe_enter(netbios->seen, &key, now_usec))
    {
        return NET_COUNTER_DROP_DUPLICATE;
    }
    netbios_name_text(netbios, &datagram.source, source_name);
    return netbios->deliver(netbios->userdata, &message);
}

enum net_counter netbios_receive(struct netbios *netbios, const void *bytes, size_t size,
                                 const struct sockaddr_in *from, unsigned int interface_index,
                                 uint64_t now_usec)
{
    enum net_counter counter = NET_COUNTER_DROP_INTERFACE;

    netbios->counters->values[NET_COUNTER_RECEIVED]++;
    if (interfaces_accept(&netbios->interfaces, interface_index))
    {
        counter = netbios_receive_checked(netbios, bytes, size, from, now_usec);
    }
    netbios->counters->values[counter]++;
    return counter;
}

static int netbios_on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct netbios *netbios = userdata;
    uint64_t now = netbios_now(netbios);

    (void)source;
    (void)events;
    if (netbios->n_filter)
    {
        netbios_refresh(netbios, now);
    }
    for (int i = 0; i < RECEIVE_BATCH; i++)
    {
        struct datagram_arrival arrival;
        ssize_t size;

        size = datagram_socket_receive(fd, netbios->buffer, sizeof(netbios->buffer), &arrival);
        if (size == -EAGAIN)
        {
            break;
        }
        if (size < 0)
        {
            /* Reading took the error off the socket; the next wakeup goes on. */
            netbios->counters->values[NET_COUNTER_RECEIVE_FAILED]++;
            break;
        }
        if (arrival.truncated)
        {
            netbios->counters->values[NET_COUNTER_RECEIVED]++;
            netbios->counters->values[NET_COUNTER_DROP_TRUNCATED]++;
            continue;
        }
        (void)netbios_receive(netbios, netbios->buffer, (size_t)size, &arrival.from,
                              arrival.interface_index, now);
    }
    return 0;
}

int netbios_prepare(struct netbios *netbios, const struct net_request *request,
                    struct netbios_outgoing *ret_outgoing)
{
    char slot[TRANSACTION_SIZE_MAX];
    struct transaction transaction = {
        .name = slot,
        .data = request->data,
        .data_size = request->size,
    };

    switch (resolve_target(&netbios->own, netbios->codepage, request->target, &ret_outgoing->route))
    {
    case RESOLVE_OK:
        break;
    case RESOLVE_BAD_TARGET:
        return NET_BAD_TARGET;
    default:
        return NET_UNRESOLVED;
    }
    if (request->slot_size == 0)
    {
        return NET_BAD_SLOT;
    }
    switch (codepage_encode(netbios->codepage, request->slot, request->slot_size, slot,
                            sizeof(slot), &transaction.name_size))
    {
    case CODEPAGE_OK:
        break;
    case CODEPAGE_NO_SPACE:
        return request->size > TRANSACTION_DATA_MAX ? NET_TOO_LARGE : NET_FRAME_TOO_LARGE;
    default:
        return NET_NOT_REPRESENTABLE;
    }
    switch (transaction_write(&transaction, ret_outgoing->smb, &ret_outgoing->smb_size))
    {
    case TRANSACTION_OK:
        return NET_OK;
    case TRANSACTION_DATA_TOO_LARGE:
        return NET_TOO_LARGE;
    case TRANSACTION_FRAME_TOO_LARGE:
        return NET_FRAME_TOO_LARGE;
    default:
        return NET_BAD_SLOT;
    }
}

void netbios_broadcast(struct netbios *netbios, const struct netbios_outgoing *outgoing)
{
    uint64_t *counters = netbios->counters->values, now = netbios_now(netbios);
    struct datagram datagram = {
        .type = DATAGRAM_DIRECT_GROUP,
        .node = DATAGRAM_NODE_B,
        .id = netbios->next_id++,
        .source_port = netbios->port,
        .source = netbios->own.computer,
        .destination = outgoing->route.destination,
        .user_data = outgoing->smb,
        .user_data_size = outgoing->smb_size,
    };
    size_t sent = 0;

    netbios_refresh(netbios, now);
    for (size_t i = 0; netbios->fd >= 0 && i < netbios->interfaces.n; i++)
    {
        const struct interface *interface = &netbios->interfaces.list[i];
        struct dedupe_key key = {interface->address, datagram.type, datagram.id};
        uint8_t bytes[DATAGRAM_SIZE_MAX];
        size_t size;

        datagram.source_ip = interface->address;
        size = datagram_write(&datagram, bytes);
        (void)dedupe_enter(netbios->sent, &key, now);
        if (datagram_socket_broadcast(netbios->fd, interface, netbios->peer_port, bytes, size) < 0)
        {
            counters[NET_COUNTER_SEND_FAILED]++;
            continue;
        }
        counters[NET_COUNTER_SENT_DATAGRAMS]++;
        sent++;
    }
    if (sent == 0)
    {
        counters[NET_COUNTER_SENT_NOWHERE]++;
    }
}

const char *netbios_computer(const struct netbios *netbios)
{
    return netbios->computer;
}

void netbios_status(struct netbios *netbios, struct net_status *ret_status)
{
    bool online = netbios->fd >= 0;

    netbios_refresh(netbios, netbios_now(netbios));
    ret_status->state = online ? NET_STATE_OWN_SOCKETS : NET_STATE_LOCAL_ONLY;
    ret_status->error = netbios->error;
    ret_status->reason = online ? NULL : netbios->reason;
    ret_status->fix = online || netbios->fix[0] == 0 ? NULL : netbios->fix;
    ret_status->computer = netbios->computer;
    ret_status->workgroup = netbios->workgroup;
    ret_status->codepage = codepage_name(netbios->codepage);
    ret_status->datagram_port = netbios->port;
    memcpy(ret_status->interfaces, netbios->interfaces.list, sizeof(ret_status->interfaces));
    ret_status->n_interfaces = netbios->interfaces.n;
}

static int netbios_set_names(struct netbios *netbios, const struct net_config *config,
                             const char **ret_invalid)
{
    const char *computer = config->computer;
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
    if (!computer)
    {
        (void)gethostname(host, sizeof(host) - 1);
        own_computer_from_host(host, fallback);
        computer = fallback;
    }
    r = own_init(&netbios->own, netbios->codepage, computer,
                 config->workgroup ? config->workgroup : DEFAULT_WORKGROUP, config->names,
                 config->n_names);
    if (r > 0)
    {
        *ret_invalid = r == OWN_BAD_COMPUTER    ? "computer"
                       : r == OWN_BAD_WORKGROUP ? "workgroup"
                                                : "names";
        return -EINVAL;
    }
    if (r < 0)
    {
        return r;
    }
    netbios_name_text(netbios, &netbios->own.computer, netbios->computer);
    netbios_name_text(netbios, &netbios->own.workgroup, netbios->workgroup);
    return 0;
}

static int netbios_set_filter(struct netbios *netbios, const struct net_config *config)
{
    netbios->filter = calloc(config->n_interfaces + 1, sizeof(*netbios->filter));
    if (!netbios->filter)
    {
        return -ENOMEM;
    }
    for (; netbios->n_filter < config->n_interfaces; netbios->n_filter++)
    {
        netbios->filter[netbios->n_filter] = strdup(config->interfaces[netbios->n_filter]);
        if (!netbios->filter[netbios->n_filter])
        {
            return -ENOMEM;
        }
    }
    interfaces_init(&netbios->interfaces, (const char *const *)netbios->filter, netbios->n_filter);
    return 0;
}

/* Sets fd, or error, reason and fix. Negative only for a descriptor that can not be used. */
static int netbios_set_socket(struct netbios *netbios, const struct net_config *config,
                              const char **ret_invalid)
{
    uint16_t name_port = config->name_port ? config->name_port : DEFAULT_NAME_PORT;
    int r;

    netbios->port = config->datagram_port ? config->datagram_port : DEFAULT_DATAGRAM_PORT;
    if (config->disabled)
        snprintf(netbios->reason, sizeof(netbios->reason), "the network is switched off");
    else if (config->datagram_fd >= 0)
    {
        r = datagram_socket_adopt(config->datagram_fd, &netbios->port);
        if (r == -EINVAL)
        {
            *ret_invalid = "datagram_fd";
        }
        if (r < 0)
        {
            return r;
        }
        netbios->fd = config->datagram_fd;
    }
    else
    {
        r = datagram_socket_open(&netbios->fd, netbios->port);
        if (r < 0)
        {
            netbios->error = -r;
            datagram_socket_explain(-r, netbios->port,
                                    name_port < netbios->port ? name_port : netbios->port,
                                    netbios->reason, netbios->fix);
        }
    }
    netbios->peer_port = config->peer_port ? config->peer_port : netbios->port;
    return 0;
}

static int netbios_set_up(struct netbios *netbios, const struct net_config *config,
                          const char **ret_invalid)
{
    int r;

    r = netbios_set_names(netbios, config, ret_invalid);
    if (r < 0)
    {
        return r;
    }
    r = netbios_set_filter(netbios, config);
    if (r < 0)
    {
        return r;
    }
    r = dedupe_new(&netbios->seen);
    if (r < 0)
    {
        return r;
    }
    r = dedupe_new(&netbios->sent);
    if (r < 0)
    {
        return r;
    }
    /* A predictable id would let a stranger's datagram pass for a duplicate of ours. */
    if (getrandom(&netbios->next_id, sizeof(netbios->next_id), 0) != sizeof(netbios->next_id))
    {
        return -EIO;
    }
    r = netbios_set_socket(netbios, config, ret_invalid);
    if (r < 0 || netbios->fd < 0)
    {
        return r;
    }
    r = sd_event_add_io(netbios->event, &netbios->source, netbios->fd, EPOLLIN, netbios_on_readable,
                        netbios);
    if (r < 0 && netbios->fd == config->datagram_fd)
    {
        netbios->fd = -1;
    }
    return r < 0 ? r : 0;
}

int netbios_new(struct netbios **ret_netbios, sd_event *event, const struct net_config *config,
                netbios_deliver_fn deliver, void *userdata, struct net_counters *counters,
                const char **ret_invalid)
{
    struct netbios *netbios = calloc(1, sizeof(*netbios));
    int r;

    if (!netbios)
    {
        return -ENOMEM;
    }
    netbios->event = sd_event_ref(event);
    netbios->fd = -1;
    netbios->deliver = deliver;
    netbios->userdata = userdata;
    netbios->counters = counters;
    r = netbios_set_up(netbios, config, ret_invalid);
    if (r < 0)
    {
        netbios_free(netbios);
        return r;
    }
    netbios_refresh(netbios, netbios_now(netbios));
    *ret_netbios = netbios;
    return 0;
}

struct netbios *netbios_free(struct netbios *netbios)
{
    if (!netbios)
    {
        return NULL;
    }
    sd_event_source_disable_unref(netbios->source);
    if (netbios->fd >= 0)
    {
        close(netbios->fd);
    }
    dedupe_free(netbios->seen);
    dedupe_free(netbios->sent);
    own_deinit(&netbios->own);
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
