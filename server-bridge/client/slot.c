/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handles: made, opened, adopted, given up. */
#include "client/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

static void slot_destroy(struct mailslot *slot)
{
    queue_free(slot->queue);
    if (slot->watch >= 0)
        close(slot->watch);
    if (slot->lease >= 0)
        close(slot->lease);
    free(slot->host);
    free(slot->name);
    free(slot);
}

/* To a network name, or another user's: the daemon has the queue, and only `watch` comes along. */
static bool slot_is_distant(const struct client_call *call, const struct mailslot *slot,
                            unsigned int fd)
{
    return slot->identity.kind == CONTROL_KIND_REMOTE ||
           (slot->identity.kind == CONTROL_KIND_WRITER && call->packet.n_fds == fd + 1);
}

/* Builds a mailslot from a reply that carries struct control_slot; fds from index `fd` on. */
static int slot_from_reply(struct client_call *call, unsigned int fd, struct mailslot **ret)
{
    struct mailslot *slot;
    const uint8_t *extra;
    size_t size;
    int r = 0;

    slot = calloc(1, sizeof(*slot));
    if (!slot)
        return -ENOMEM;
    slot->client = call->client;
    slot->lease = slot->watch = -1;
    packet_body(&call->packet, &slot->identity, sizeof(slot->identity));
    extra = packet_extra(&call->packet, sizeof(slot->identity), &size);
    if (slot->identity.host_size > size)
    {
        slot_destroy(slot);
        return -EPROTO;
    }
    slot->host = strndup((const char *)extra, slot->identity.host_size);
    slot->name =
        strndup((const char *)extra + slot->identity.host_size, size - slot->identity.host_size);
    if (!slot->host || !slot->name)
        r = -ENOMEM;

    if (r == 0 && !slot_is_distant(call, slot, fd))
    {
        int memfd = packet_take_fd(&call->packet, fd);
        int eventfd = packet_take_fd(&call->packet, fd + 1);

        fd += 2;
        r = memfd < 0 || eventfd < 0 ? -EPROTO
                                     : queue_map(&slot->queue, memfd, eventfd, call->client->id);
        if (r)
        {
            if (memfd >= 0)
                close(memfd);
            if (eventfd >= 0)
                close(eventfd);
            if (r > 0)
                r = -EPROTO;
        }
    }
    if (r == 0)
    {
        slot->watch = packet_take_fd(&call->packet, fd);
        if (slot->watch < 0)
            r = -EPROTO;
    }
    if (r < 0)
    {
        slot_destroy(slot);
        return r;
    }
    DL_APPEND(call->client->slots, slot);
    *ret = slot;
    return 0;
}

struct slot_request
{
    uint16_t type;
    const void *body;
    size_t body_size;
    const char *host;
    size_t host_size;
    const char *name;
    size_t name_size;
    int fd; /* to be shown, or -1 */
};

/* One request that gives a handle; in the reply the lease comes first if `leased`. */
static int slot_request(struct mailslot_client *client, const struct slot_request *request,
                        bool leased, struct mailslot **ret, int *ret_lease)
{
    struct mailslot *slot = NULL;
    struct client_call call;
    int lease = -1, r;

    if (request->name_size > CONTROL_NAME_MAX || request->host_size > CONTROL_HOST_MAX)
        return MAILSLOT_BAD_NAME;
    /* A daemon that does not run has given no lease: another program's socket must not start one.
     */
    r = request->type == CONTROL_ADOPT ? client_call_begin_running(&call, client)
                                       : client_call_begin(&call, client);
    if (r)
        return r;
    do
    {
        void *body = packet_start(&call.packet, request->type, 0, 0, request->body_size);

        if (request->body_size)
            memcpy(body, request->body, request->body_size);
        r = packet_append(&call.packet, request->host, request->host_size);
        if (r == 0)
            r = packet_append(&call.packet, request->name, request->name_size);
        if (request->fd >= 0)
            packet_add_fd(&call.packet, request->fd);
        if (r == 0)
            r = client_call_do(&call);
    } while (r == -EAGAIN);
    if (r == 0)
    {
        lease = leased ? packet_take_fd(&call.packet, 0) : -1;
        r = leased && lease < 0 ? -EPROTO : slot_from_reply(&call, leased, &slot);
    }
    client_call_end(&call);
    if (r)
    {
        if (lease >= 0)
            close(lease);
        return r;
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
    struct control_create create = {.max_message = max_message, .read_timeout = read_timeout};
    struct slot_request request = {.type = CONTROL_CREATE,
                                   .body = &create,
                                   .body_size = sizeof(create),
                                   .name = name,
                                   .name_size = name_size,
                                   .fd = -1};

    return slot_request(client, &request, true, ret, ret_lease);
}

int mailslot_open(struct mailslot_client *client, const char *name, size_t name_size,
                  struct mailslot **ret, int *ret_lease)
{
    struct slot_request request = {
        .type = CONTROL_OPEN, .name = name, .name_size = name_size, .fd = -1};

    return slot_request(client, &request, true, ret, ret_lease);
}

int mailslot_open_remote(struct mailslot_client *client, const char *host, size_t host_size,
                         const char *name, size_t name_size, struct mailslot **ret, int *ret_lease)
{
    struct control_remote remote = {.host_size = host_size};
    struct slot_request request = {.type = CONTROL_REMOTE,
                                   .body = &remote,
                                   .body_size = sizeof(remote),
                                   .host = host,
                                   .host_size = host_size,
                                   .name = name,
                                   .name_size = name_size,
                                   .fd = -1};

    return slot_request(client, &request, true, ret, ret_lease);
}

/* Leases are AF_UNIX SOCK_SEQPACKET; nothing else needs to bother the daemon. */
static bool slot_may_be_lease(int fd)
{
    int value = 0;
    socklen_t size = sizeof(value);

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &size) < 0 || value != SOCK_SEQPACKET)
        return false;
    size = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &size) == 0 && value == AF_UNIX;
}

int mailslot_adopt(struct mailslot_client *client, int lease, struct mailslot **ret)
{
    struct slot_request request = {.type = CONTROL_ADOPT, .fd = lease};
    int none;

    if (!slot_may_be_lease(lease))
        return MAILSLOT_NOT_LEASE;
    return slot_request(client, &request, false, ret, &none);
}

int slot_restore(struct mailslot *slot, struct client_call *call)
{
    struct control_restore *restore =
        packet_start(&call->packet, CONTROL_RESTORE, 0, 0, sizeof(*restore));
    int r;

    restore->slot = slot->identity;
    r = packet_append(&call->packet, slot->host, strlen(slot->host));
    if (r == 0)
        r = packet_append(&call->packet, slot->name, strlen(slot->name));
    if (r < 0)
        return r;
    packet_add_fd(&call->packet, slot->watch);
    if (slot->queue)
    {
        packet_add_fd(&call->packet, queue_memfd(slot->queue));
        packet_add_fd(&call->packet, queue_fd(slot->queue));
    }
    /* Not client_call_do(): that would try to reconnect from within reconnecting. */
    return client_call_exchange(call);
}

struct mailslot *mailslot_free(struct mailslot *slot)
{
    struct mailslot_client *client;
    sigset_t all, before;
    uint64_t lease_id;
    bool owned;

    if (!slot)
        return NULL;
    client = slot->client;
    owned = slot->lease >= 0;
    lease_id = slot->identity.lease;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pthread_mutex_lock(&client->lock);
    DL_DELETE(client->slots, slot);
    pthread_mutex_unlock(&client->lock);
    slot_destroy(slot);
    pthread_sigmask(SIG_SETMASK, &before, NULL);

    /* Nothing to be done about a daemon that cannot be asked: it sees the closed lease itself. */
    if (owned && mailslot_check(client, lease_id))
        return NULL;
    return NULL;
}

int mailslot_check(struct mailslot_client *client, uint64_t lease_id)
{
    struct client_call call;
    int r;

    r = client_call_begin(&call, client);
    if (r)
        return r;
    do
    {
        struct control_lease *body = packet_start(&call.packet, CONTROL_CHECK, 0, 0, sizeof(*body));

        body->lease = lease_id;
        r = client_call_do(&call);
    } while (r == -EAGAIN);
    client_call_end(&call);
    return r;
}

void mailslot_identify(const struct mailslot *slot, struct mailslot_identity *ret)
{
    ret->kind = (enum mailslot_kind)slot->identity.kind;
    ret->lease_id = slot->identity.lease;
    ret->created = slot->identity.created;
    ret->host = slot->host;
    ret->name = slot->name;
}
