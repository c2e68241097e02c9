/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages to network names: the daemon sends them. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/slot.h"

/*
 * What is written to another user's slot on this machine goes through the daemon, too, and always
 * waits for the answer: the slot may be full.
 *
 * A write to a network name can fail for reasons that only the daemon knows, so it waits for the
 * daemon's answer. Two things keep that from costing much. A name that has to be looked up first
 * takes seconds: the answer then comes through a socket of its own, and the connection is free for
 * the other threads meanwhile. And once a message got through, the daemon says for how long and up
 * to which size others to the same name will: those are posted without waiting, and a program that
 * sends thousands of them is as fast as the daemon.
 */

struct send_target
{
    uint64_t lease; /* 0: host and name */
    const char *host;
    size_t host_size;
    const char *name;
    size_t name_size;
};

static int send_build(struct client_call *call, uint16_t type, const struct send_target *target,
                      const void *data, uint32_t size)
{
    struct control_send *body = packet_start(&call->packet, type, 0, 0, sizeof(*body));
    int r;

    body->lease = target->lease;
    body->host_size = target->host_size;
    body->name_size = target->name_size;
    r = packet_append(&call->packet, target->host, target->host_size);
    if (r == 0)
        r = packet_append(&call->packet, target->name, target->name_size);
    if (r == 0)
        r = packet_append(&call->packet, data, size);
    return r == 0 ? 0 : MAILSLOT_TOO_LARGE;
}

/* The result that comes when the name is known. -EPIPE: the daemon died before. Closes the socket.
 */
static int send_await(int answer)
{
    int32_t result = -EPIPE;
    ssize_t size;

    do
        size = read(answer, &result, sizeof(result));
    while (size < 0 && errno == EINTR);
    close(answer);
    return size == sizeof(result) ? client_result(result) : -EPIPE;
}

/* Remembers what the reply says of the next messages. Client lock held. */
static void send_note_quiet(struct mailslot *slot, const struct packet *reply)
{
    struct control_sent sent;

    packet_body(reply, &sent, sizeof(sent));
    slot->quiet_until = sent.quiet_ms ? client_clock() + sent.quiet_ms : 0;
    slot->quiet_size = sent.quiet_size;
}

/* `slot` may be NULL. */
static int send_once(struct mailslot_client *client, struct mailslot *slot,
                     const struct send_target *target, const void *data, uint32_t size)
{
    struct client_call call;
    int answer = -1, r;

    r = client_call_begin(&call, client);
    if (r)
        return r;
    do
    {
        if (slot && size <= slot->quiet_size && client_clock() < slot->quiet_until)
        {
            r = send_build(&call, CONTROL_POST, target, data, size);
            r = r == 0 ? client_call_post(&call) : r;
            /* A new daemon has promised nothing yet. */
            if (r == -EAGAIN)
                slot->quiet_until = 0;
            continue;
        }
        r = send_build(&call, CONTROL_SEND, target, data, size);
        r = r == 0 ? client_call_do(&call) : r;
        if (r == 0 && slot)
            send_note_quiet(slot, &call.packet);
        if (r == CLIENT_PENDING)
            answer = packet_take_fd(&call.packet, 0);
    } while (r == -EAGAIN);
    client_call_end(&call);
    if (r != CLIENT_PENDING)
        return r;
    return answer >= 0 ? send_await(answer) : -EIO;
}

static int send_message(struct mailslot_client *client, struct mailslot *slot,
                        const struct send_target *target, const void *data, uint32_t size)
{
    int r;

    if (target->host_size > CONTROL_HOST_MAX || target->name_size > CONTROL_NAME_MAX)
        return MAILSLOT_BAD_NAME;
    r = send_once(client, slot, target, data, size);
    /* The daemon died while it looked for the name: the next one is asked, once. */
    if (r == -EPIPE)
        r = send_once(client, slot, target, data, size);
    return r == -EPIPE ? -EIO : r;
}

int slot_send(struct mailslot *slot, const void *data, uint32_t size)
{
    struct send_target target = {.lease = slot->identity.lease};

    return send_message(slot->client, slot, &target, data, size);
}

int mailslot_send(struct mailslot_client *client, const char *host, size_t host_size,
                  const char *name, size_t name_size, const void *data, uint32_t size)
{
    struct send_target target = {0, host, host_size, name, name_size};

    return send_message(client, NULL, &target, data, size);
}
