/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watching the messages that pass the daemon, and telling it to read its configuration again. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/connection.h"

struct mailslot_monitor
{
    int socket;
    struct mailslot_record record;
    char names[3][CONTROL_RECORD_NAME_MAX + 1]; /* source, target, slot */
    char payload[CONTROL_RECORD_PAYLOAD_MAX];
};

int mailslot_monitor_new(struct mailslot_client *client, struct mailslot_monitor **ret)
{
    static const struct client_request request = {.type = CONTROL_MONITOR};
    struct mailslot_monitor *monitor = calloc(1, sizeof(*monitor));
    struct client_reply reply;
    int r;

    if (!monitor)
        return -ENOMEM;
    r = client_ask(client, &request, &reply);
    monitor->socket = r == 0 ? packet_take_fd(&reply.packet, 0) : -1;
    client_done(&reply);
    if (r == 0 && monitor->socket < 0)
        r = -EPROTO;
    if (r)
        mailslot_monitor_free(monitor);
    else
        *ret = monitor;
    return r;
}

struct mailslot_monitor *mailslot_monitor_free(struct mailslot_monitor *monitor)
{
    if (!monitor)
        return NULL;
    if (monitor->socket >= 0)
        close(monitor->socket);
    free(monitor);
    return NULL;
}

int mailslot_monitor_fd(const struct mailslot_monitor *monitor)
{
    return monitor->socket;
}

/* Takes `size` bytes from what is left of a record. */
static bool monitor_take(const char **rest, size_t *left, char *ret, size_t size, size_t capacity)
{
    if (size > *left || size > capacity)
        return false;
    memcpy(ret, *rest, size);
    *rest += size;
    *left -= size;
    return true;
}

static int monitor_read(struct mailslot_monitor *monitor, const char *bytes, size_t size)
{
    struct mailslot_record *record = &monitor->record;
    struct control_record head;
    size_t sizes[3];

    if (size < sizeof(head))
        return -EPROTO;
    memcpy(&head, bytes, sizeof(head));
    bytes += sizeof(head);
    size -= sizeof(head);
    sizes[0] = head.source_size;
    sizes[1] = head.target_size;
    sizes[2] = head.slot_size;
    for (int i = 0; i < 3; i++)
    {
        if (!monitor_take(&bytes, &size, monitor->names[i], sizes[i], CONTROL_RECORD_NAME_MAX))
            return -EPROTO;
        monitor->names[i][sizes[i]] = 0;
    }
    if (!monitor_take(&bytes, &size, monitor->payload, head.payload_size,
                      CONTROL_RECORD_PAYLOAD_MAX) ||
        head.direction > MAILSLOT_DIRECTION_LOCAL)
        return -EPROTO;
    *record = (struct mailslot_record){
        .time = head.time,
        .lost = head.lost,
        .direction = (enum mailslot_direction)head.direction,
        .result = head.result,
        .address = head.address,
        .source = monitor->names[0],
        .target = monitor->names[1],
        .slot = monitor->names[2],
        .size = head.size,
        .payload = monitor->payload,
        .payload_size = head.payload_size,
    };
    return 0;
}

/* How long to go on sleeping for poll(); -1 for ever. */
static int monitor_rest(uint32_t timeout, int64_t started)
{
    int64_t rest;

    if (timeout == MAILSLOT_FOREVER)
        return -1;
    rest = started + timeout - client_clock();
    return rest < 0 ? 0 : rest > INT32_MAX ? INT32_MAX : (int)rest;
}

int mailslot_monitor_next(struct mailslot_monitor *monitor, uint32_t timeout,
                          const struct mailslot_record **ret)
{
    char bytes[sizeof(struct control_record) + 3 * CONTROL_RECORD_NAME_MAX +
               CONTROL_RECORD_PAYLOAD_MAX];
    struct pollfd entry = {.fd = monitor->socket, .events = POLLIN};
    int64_t started = client_clock();
    ssize_t size;
    int r;

    for (;;)
    {
        r = poll(&entry, 1, monitor_rest(timeout, started));
        if (r < 0 && errno != EINTR)
            return -errno;
        if (r == 0)
            return MAILSLOT_TIMEOUT;
        if (r < 0)
            continue;
        size = recv(monitor->socket, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (size == 0)
            return MAILSLOT_CLOSED;
        if (size > 0)
            break;
        if (errno != EAGAIN && errno != EINTR)
            return errno == ECONNRESET ? MAILSLOT_CLOSED : -errno;
    }
    r = monitor_read(monitor, bytes, size);
    if (r == 0)
        *ret = &monitor->record;
    return r;
}

int mailslot_reload(struct mailslot_client *client, char **ret_text)
{
    static const struct client_request request = {.type = CONTROL_RELOAD};
    struct control_reloaded reloaded = {0};
    struct client_reply reply;
    const uint8_t *text;
    char *copy = NULL;
    size_t size;
    int r;

    r = client_ask(client, &request, &reply);
    if (r == 0)
    {
        packet_body(&reply.packet, &reloaded, sizeof(reloaded));
        text = packet_extra(&reply.packet, sizeof(reloaded), &size);
        copy = strndup((const char *)text, size);
        r = copy ? 0 : -ENOMEM;
    }
    client_done(&reply);
    if (r)
        return r;
    *ret_text = copy;
    return reloaded.refused ? -EINVAL : 0;
}
