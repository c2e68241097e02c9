/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages to network names: the daemon sends them. */
#include <errno.h>
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
    return size == sizeof(result) ? result : -EPIPE;
}

/* Remembers what the reply says of the next messages. Client lock held. */
static void send_note_quiet(struct mailslot *slot, const struct client_reply *reply)
{
    struct control_sent sent;

    packet_body(&reply->packet, &sent, sizeof(sent));
    slot->quiet_until = sent.quiet_ms ? client_clock() + sent.quiet_ms : 0;
    slot->quiet_size = sent.quiet_size;
    slot->quiet_connection = reply->client->connections;
}

static int send_once(struct mailslot_client *client, struct mailslot *slot,
                     const struct client_request *request)
{
    uint16_t type;
    struct client_reply reply;
    int answer = -1, r;

    r = client_ask(client, request, &reply);
    type = packet_header(&reply.packet)->type;
    if (r == 0 && slot && type == CONTROL_SEND)
        send_note_quiet(slot, &reply);
    if (r == CONTROL_PENDING)
        answer = packet_take_fd(&reply.packet, 0);
    client_done(&reply);
    if (r != CONTROL_PENDING)
        return r;
    return answer >= 0 ? send_await(answer) : -EIO;
}

/* `slot` may be NULL. */
static int send_message(struct mailslot_client *client, struct mailslot *slot,
                        const struct client_request *request)
{
    int r = -EPIPE;

    /* When the daemon died while it looked for the name, the next one is asked, once. */
    for (int attempt = 0; attempt < 2 && r == -EPIPE; attempt++)
        r = send_once(client, slot, request);
    return r == -EPIPE ? -EIO : r;
}

int slot_send(struct mailslot *slot, const void *data, uint32_t size)
{
    const struct control_send body = {.lease = slot->identity.lease};
    struct client_request request = {
        .type = CONTROL_SEND, .body = &body, .body_size = sizeof(body), .parts = {{data, size}}};

    if (size <= slot->quiet_size && client_clock() < slot->quiet_until)
        request.quiet = slot->quiet_connection;
    return send_message(slot->client, slot, &request);
}

int mailslot_send(struct mailslot_client *client, const char *host, size_t host_size,
                  const char *name, size_t name_size, const void *data, uint32_t size)
{
    const struct control_send body = {.host_size = host_size, .name_size = name_size};
    const struct client_request request = {
        .type = CONTROL_SEND,
        .body = &body,
        .body_size = sizeof(body),
        .parts = {{host, host_size}, {name, name_size}, {data, size}}};

    if (host_size > CONTROL_HOST_MAX || name_size > CONTROL_NAME_MAX)
        return MAILSLOT_BAD_NAME;
    return send_message(client, NULL, &request);
}
