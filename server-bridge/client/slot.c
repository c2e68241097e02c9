/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handles: made, opened, adopted, given up. */
#include "client/slot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "control/lease.h"

/* Both with the client's lock held. Takes wake_fd in any case. */
static int shared_get(struct mailslot_client *client, uint64_t slot, int memfd, int wake_fd,
                      struct shared_queue **ret)
{
    struct shared_queue *shared;
    int r;

    DL_FOREACH(client->queues, shared)
    if (shared->slot == slot)
    {
        close(wake_fd);
        shared->references++;
        *ret = shared;
        return 0;
    }
    shared = calloc(1, sizeof(*shared));
    r = shared ? queue_map(&shared->queue, memfd, wake_fd) : -ENOMEM;
    if (r)
    {
        close(wake_fd);
        free(shared);
        return r;
    }
    shared->slot = slot;
    shared->references = 1;
    DL_PREPEND(client->queues, shared);
    *ret = shared;
    return 0;
}

static void shared_put(struct mailslot_client *client, struct shared_queue *shared)
{
    if (!shared || --shared->references)
        return;
    DL_DELETE(client->queues, shared);
    queue_free(shared->queue);
    free(shared);
}

static void slot_destroy(struct mailslot *slot)
{
    shared_put(slot->client, slot->shared);
    if (slot->lease >= 0)
        close(slot->lease);
    free(slot->host);
    free(slot->name);
    free(slot);
}

/* The fds of a reply from index `fd` on: none to a network name, and to another user's slot. */
static int slot_map(struct mailslot *slot, struct client_reply *reply, unsigned int fd)
{
    int memfd, wake_fd, r = -EPROTO;

    if (slot->identity.kind != MAILSLOT_SERVER && reply->packet.n_fds == fd)
        return 0;
    memfd = packet_take_fd(&reply->packet, fd);
    wake_fd = packet_take_fd(&reply->packet, fd + 1);
    if (memfd >= 0 && wake_fd >= 0)
        r = shared_get(slot->client, slot->identity.slot, memfd, wake_fd, &slot->shared);
    else if (wake_fd >= 0)
        close(wake_fd);
    if (memfd >= 0)
        close(memfd);
    if (r == 0)
        slot->queue = slot->shared->queue;
    return r;
}

/* Builds a mailslot from a reply that carries struct control_slot. */
static int slot_from_reply(struct client_reply *reply, unsigned int fd, struct mailslot **ret)
{
    struct mailslot *slot = calloc(1, sizeof(*slot));
    const char *extra;
    size_t size;
    int r;

    if (!slot)
        return -ENOMEM;
    slot->client = reply->client;
    slot->lease = -1;
    packet_body(&reply->packet, &slot->identity, sizeof(slot->identity));
    extra = (const char *)packet_extra(&reply->packet, sizeof(slot->identity), &size);
    r = slot->identity.host_size <= size ? 0 : -EPROTO;
    if (r == 0)
    {
        slot->host = strndup(extra, slot->identity.host_size);
        slot->name = strndup(extra + slot->identity.host_size, size - slot->identity.host_size);
        r = slot->host && slot->name ? slot_map(slot, reply, fd) : -ENOMEM;
    }
    if (r)
    {
        slot_destroy(slot);
        return r;
    }
    *ret = slot;
    return 0;
}

/* One request that gives a handle; in the reply the lease comes first if `leased`. */
static int slot_request(struct mailslot_client *client, const struct client_request *request,
                        bool leased, struct mailslot **ret, int *ret_lease)
{
    struct mailslot *slot = NULL;
    struct client_reply reply;
    int lease = -1, r;

    r = client_ask(client, request, &reply);
    if (r == 0)
    {
        lease = leased ? packet_take_fd(&reply.packet, 0) : -1;
        r = leased && lease < 0 ? -EPROTO : slot_from_reply(&reply, leased, &slot);
    }
    client_done(&reply);
    if (r)
    {
        if (lease >= 0)
            close(lease);
        return r == MAILSLOT_TOO_LARGE ? MAILSLOT_BAD_NAME : r;
    }
    if (ret_lease)
        *ret_lease = lease;
    else
        slot->lease = lease;
    *ret = slot;
    return 0;
}

int mailslot_create(struct mailslot_client *client, const char *name, size_t name_size,
                    uint32_t max_message, uint32_t read_timeout, struct mailslot **ret,
                    int *ret_lease)
{
    const struct control_create body = {.max_message = max_message, .read_timeout = read_timeout};
    const struct client_request request = {.type = CONTROL_CREATE,
                                           .body = &body,
                                           .body_size = sizeof(body),
                                           .parts = {{name, name_size}}};

    return slot_request(client, &request, true, ret, ret_lease);
}

int mailslot_open(struct mailslot_client *client, const char *name, size_t name_size,
                  struct mailslot **ret, int *ret_lease)
{
    const struct client_request request = {.type = CONTROL_OPEN, .parts = {{name, name_size}}};

    return slot_request(client, &request, true, ret, ret_lease);
}

int mailslot_open_remote(struct mailslot_client *client, const char *host, size_t host_size,
                         const char *name, size_t name_size, struct mailslot **ret, int *ret_lease)
{
    const struct control_remote body = {.host_size = host_size};
    const struct client_request request = {.type = CONTROL_REMOTE,
                                           .body = &body,
                                           .body_size = sizeof(body),
                                           .parts = {{host, host_size}, {name, name_size}}};

    return slot_request(client, &request, true, ret, ret_lease);
}

int mailslot_adopt(struct mailslot_client *client, int lease, struct mailslot **ret)
{
    const struct client_request request = {.type = CONTROL_ADOPT, .fd = &lease};
    int none;

    if (!control_lease_possible(lease))
        return MAILSLOT_NOT_LEASE;
    return slot_request(client, &request, false, ret, &none);
}

struct mailslot *mailslot_free(struct mailslot *slot)
{
    struct mailslot_client *client;
    uint64_t lease_id;
    sigset_t signals;
    bool owned;

    if (!slot)
        return NULL;
    client = slot->client;
    owned = slot->lease >= 0;
    lease_id = slot->identity.lease;
    client_lock(client, &signals);
    slot_destroy(slot);
    client_unlock(client, &signals);

    /* Nothing to be done about a daemon that cannot be asked: it sees the closed lease itself. */
    if (owned && mailslot_check(client, lease_id))
        return NULL;
    return NULL;
}

int mailslot_check(struct mailslot_client *client, uint64_t lease_id)
{
    const struct control_lease body = {.lease = lease_id};
    const struct client_request request = {
        .type = CONTROL_CHECK, .body = &body, .body_size = sizeof(body)};

    return client_tell(client, &request);
}

void mailslot_identify(const struct mailslot *slot, struct mailslot_identity *ret)
{
    ret->kind = (enum mailslot_kind)slot->identity.kind;
    ret->lease_id = slot->identity.lease;
    ret->created = slot->identity.created;
    ret->host = slot->host;
    ret->name = slot->name;
}
