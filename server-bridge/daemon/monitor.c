/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who watches messages go by. */
#include "daemon/monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "daemon/peer.h"

/*
 * A monitor is one end of a socket pair. The daemon writes a record into it for each message that
 * passes, and never waits: what does not fit into the socket is counted, and the count goes ahead
 * of the next record that fits, or alone as soon as there is room. The socket's buffer is all that
 * a monitor can make the daemon hold.
 *
 * Several users may share a daemon. Root and the user whom the daemon runs as see everything;
 * guests see the messages of their own slots and programs, and nothing at all of the rest.
 */
struct monitor
{
    struct host *host;
    struct user *user; /* a reference */
    int socket;
    sd_event_source *source;
    uint64_t lost;
    struct monitor *prev, *next;
};

struct monitor_record
{
    struct control_record head;
    char extra[3 * CONTROL_RECORD_NAME_MAX + CONTROL_RECORD_PAYLOAD_MAX];
    size_t extra_size;
};

struct monitor_note
{
    struct user *owner; /* a reference */
    struct monitor_record record;
};

static struct monitor *monitor_free(struct monitor *monitor)
{
    struct host *host = monitor->host;

    sd_event_source_disable_unref(monitor->source);
    close(monitor->socket);
    DL_DELETE(host->monitors, monitor);
    host->n_monitors--;
    user_unref(monitor->user);
    free(monitor);
    return NULL;
}

void monitor_free_all(struct host *host)
{
    while (host->monitors)
        monitor_free(host->monitors); // NOLINT(clang-analyzer-unix.Malloc): DL_DELETE took it out
}

/* Without a wish for room only the end of the connection is reported. */
static void monitor_want_room(struct monitor *monitor, bool want)
{
    /* If it fails, the next record brings the count. */
    (void)sd_event_source_set_io_events(monitor->source, want ? EPOLLOUT : 0);
}

static void monitor_send(struct monitor *monitor, const struct monitor_record *record)
{
    struct control_record head = record->head;
    struct iovec parts[] = {{&head, sizeof(head)}, {(void *)record->extra, record->extra_size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

    head.lost = monitor->lost;
    if (sendmsg(monitor->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
    {
        if (monitor->lost)
            monitor_want_room(monitor, false);
        monitor->lost = 0;
        return;
    }
    /* A reader that is gone is noticed by the event, not here: callers walk through the list. */
    if (!monitor->lost)
        monitor_want_room(monitor, true);
    if (head.direction != MAILSLOT_DIRECTION_NONE)
        monitor->lost++;
}

static uint64_t monitor_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * UINT64_C(1000000) + now.tv_nsec / 1000;
}

static int monitor_on_event(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct monitor_record record = {.head.direction = MAILSLOT_DIRECTION_NONE};
    struct monitor *monitor = userdata;

    (void)source;
    (void)fd;
    if (events & (EPOLLHUP | EPOLLERR))
    {
        monitor_free(monitor);
        return 0;
    }
    record.head.time = monitor_time();
    if (monitor->lost)
        monitor_send(monitor, &record);
    else
        monitor_want_room(monitor, false);
    return 0;
}

/* Guests may not take all: who has to look after the machine can always watch. */
static bool monitor_may_start(const struct host *host, const struct user *user)
{
    const struct monitor *other;
    unsigned int own = 0, guests = 0;

    DL_FOREACH(host->monitors, other)
    {
        own += other->user == user;
        guests += other->user->guest;
    }
    if (user->guest && (own >= MONITORS_PER_GUEST_MAX || guests >= MONITORS_GUESTS_MAX))
        return false;
    return host->n_monitors < MONITORS_MAX;
}

int monitor_new(struct peer *peer, int *ret_far_end)
{
    struct user *user = peer->charge->user;
    struct host *host = peer->host;
    struct monitor *monitor;
    int ends[2], r;

    if (!monitor_may_start(host, user))
        return MAILSLOT_LIMIT;
    monitor = calloc(1, sizeof(*monitor));
    if (!monitor)
        return -ENOMEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    {
        r = -errno;
        free(monitor);
        return r;
    }
    monitor->host = host;
    monitor->user = user_ref(user);
    monitor->socket = ends[0];
    DL_APPEND(host->monitors, monitor);
    host->n_monitors++;
    r = sd_event_add_io(host->event, &monitor->source, ends[0], 0, monitor_on_event, monitor);
    if (r < 0)
    {
        close(ends[1]);
        monitor_free(monitor);
        return r;
    }
    *ret_far_end = ends[1];
    return 0;
}

static void monitor_start_record(struct monitor_record *ret, enum mailslot_direction direction,
                                 struct in_addr address, size_t size)
{
    ret->extra_size = 0;
    ret->head = (struct control_record){
        .direction = direction,
        .address = address.s_addr,
        .size = size > UINT32_MAX ? UINT32_MAX : size,
    };
}

static uint16_t monitor_append(struct monitor_record *record, const void *data, size_t size,
                               size_t maximum)
{
    if (size > maximum)
        size = maximum;
    if (size)
        memcpy(record->extra + record->extra_size, data, size);
    record->extra_size += size;
    return size;
}

/* In this order: source, target, slot, message. */
static void monitor_add_source(struct monitor_record *record, const char *text)
{
    record->head.source_size = monitor_append(record, text, strlen(text), CONTROL_RECORD_NAME_MAX);
}

static void monitor_add_target(struct monitor_record *record, const char *text, size_t size)
{
    record->head.target_size = monitor_append(record, text, size, CONTROL_RECORD_NAME_MAX);
}

/* The name as the slot has it, if there is one: senders write it in any case. */
static void monitor_add_slot(struct monitor_record *record, const struct slot *slot,
                             const char *text, size_t size)
{
    record->head.slot_size =
        slot ? monitor_append(record, slot->name, strlen(slot->name), CONTROL_RECORD_NAME_MAX)
             : monitor_append(record, text, size, CONTROL_RECORD_NAME_MAX);
}

static void monitor_add_payload(struct monitor_record *record, const void *data, size_t size)
{
    record->head.payload_size = monitor_append(record, data, size, CONTROL_RECORD_PAYLOAD_MAX);
}

static const char *monitor_program(const struct charge *charge)
{
    return charge->peer && charge->peer->program ? charge->peer->program : "";
}

/* `owner` NULL: nobody's, and only for those who see everything. */
static void monitor_tell_record(struct host *host, struct monitor_record *record,
                                const struct user *owner, int result)
{
    struct monitor *monitor;

    record->head.time = monitor_time();
    record->head.result = result;
    DL_FOREACH(host->monitors, monitor)
    if (!monitor->user->guest || monitor->user == owner)
        monitor_send(monitor, record);
}

static int monitor_net_result(int result)
{
    switch (result)
    {
    case NET_DELIVER_OK:
        return MAILSLOT_OK;
    case NET_DELIVER_NO_SLOT:
        return MAILSLOT_NOT_FOUND;
    case NET_DELIVER_FULL:
        return MAILSLOT_FULL;
    case NET_DELIVER_TOO_LARGE:
        return MAILSLOT_TOO_LARGE;
    default:
        return result < 0 ? result : MAILSLOT_DENIED;
    }
}

/* Also the own copy of a message that this machine sent to a group. */
void monitor_tell_net(struct host *host, const struct net_message *message, const struct slot *slot,
                      int result)
{
    struct monitor_record record;

    monitor_start_record(&record,
                         message->from_network ? MAILSLOT_DIRECTION_IN : MAILSLOT_DIRECTION_LOCAL,
                         message->source, message->size);
    monitor_add_source(&record, message->source_name);
    monitor_add_target(&record, ".", 1);
    monitor_add_slot(&record, slot, message->slot, message->slot_size);
    monitor_add_payload(&record, message->data, message->size);
    monitor_tell_record(host, &record, slot ? slot->owner : NULL, monitor_net_result(result));
}

void monitor_tell_local(struct host *host, const struct deliver_target *target, const void *data,
                        size_t size, const struct slot *slot, const struct charge *charge,
                        int result)
{
    struct monitor_record record;

    monitor_start_record(&record, MAILSLOT_DIRECTION_LOCAL, (struct in_addr){0}, size);
    monitor_add_source(&record, monitor_program(charge));
    monitor_add_target(&record, target->host, target->host_size);
    monitor_add_slot(&record, slot, target->name, target->name_size);
    monitor_add_payload(&record, data, size);
    monitor_tell_record(host, &record, slot ? slot->owner : charge->user, result);
}

struct monitor_note *monitor_note_new(struct host *host, const struct net_request *request,
                                      const struct charge *charge)
{
    struct monitor_note *note;

    if (!monitor_watched(host))
        return NULL;
    note = malloc(sizeof(*note));
    if (!note)
        return NULL;
    note->owner = user_ref(charge->user);
    monitor_start_record(&note->record, MAILSLOT_DIRECTION_OUT, (struct in_addr){0}, request->size);
    monitor_add_source(&note->record, monitor_program(charge));
    monitor_add_target(&note->record, request->target, strlen(request->target));
    monitor_add_slot(&note->record, NULL, request->slot, request->slot_size);
    monitor_add_payload(&note->record, request->data, request->size);
    return note;
}

void monitor_note_tell(struct host *host, struct monitor_note *note, int result)
{
    if (!note)
        return;
    monitor_tell_record(host, &note->record, note->owner, result);
    user_unref(note->owner);
    free(note);
}
