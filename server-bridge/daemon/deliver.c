/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages that pass through the daemon: from the network, to the network, to a named slot. */
#include "daemon/deliver.h"

#include <errno.h>
#include <string.h>

#include "control/protocol.h"

int deliver_from_net(void *userdata, const struct net_message *message)
{
    struct host *host = userdata;
    struct slot *slot = registry_find(host->registry, message->slot, message->slot_size);

    if (!slot)
        return NET_DELIVER_NO_SLOT;
    switch (queue_push(slot->queue, message->data, message->size))
    {
    case 0:
        return NET_DELIVER_OK;
    case QUEUE_TOO_LARGE:
        return NET_DELIVER_TOO_LARGE;
    case QUEUE_CLOSED:
        return NET_DELIVER_NO_SLOT;
    default:
        /* Also a lock that its holder does not release: a datagram may be lost, the daemon may
         * not wait. */
        return NET_DELIVER_FULL;
    }
}

static int deliver_local(struct host *host, const struct deliver_target *target, const void *data,
                         size_t size)
{
    struct slot *slot = registry_find(host->registry, target->name, target->name_size);

    if (!slot)
        return CONTROL_NOT_FOUND;
    switch (queue_push(slot->queue, data, size))
    {
    case 0:
        return CONTROL_OK;
    case QUEUE_TOO_LARGE:
        return CONTROL_TOO_LARGE;
    case QUEUE_CLOSED:
        return CONTROL_NOT_FOUND;
    default:
        return CONTROL_FULL;
    }
}

static void deliver_done(void *userdata, int result)
{
    *(int *)userdata = result;
}

static int deliver_net_result(int result)
{
    switch (result)
    {
    case NET_OK:
        return CONTROL_OK;
    case NET_TOO_LARGE:
    case NET_FRAME_TOO_LARGE:
        return CONTROL_TOO_LARGE;
    case NET_UNRESOLVED:
    case NET_BAD_TARGET:
        return CONTROL_UNRESOLVED;
    case NET_BAD_SLOT:
    case NET_NOT_REPRESENTABLE:
        return CONTROL_BAD_NAME;
    default:
        return result < 0 ? result : CONTROL_DENIED;
    }
}

int deliver_send(struct host *host, const struct deliver_target *target, const void *data,
                 size_t size)
{
    char name[CONTROL_HOST_MAX + 1];
    struct net_request request = {
        .target = name,
        .slot = target->name,
        .slot_size = target->name_size,
        .data = data,
        .size = size,
    };
    /* Today every name is resolved at once, so the result is there when net_send() returns. */
    int result = -EINPROGRESS, r;

    if (!target->host_size || target->host_size > CONTROL_HOST_MAX ||
        memchr(target->host, 0, target->host_size))
        return CONTROL_UNRESOLVED;
    if (target->host_size == 1 && target->host[0] == '.')
        return deliver_local(host, target, data, size);
    memcpy(name, target->host, target->host_size);
    name[target->host_size] = 0;
    r = net_send(host->net, &request, deliver_done, &result);
    return r < 0 ? r : deliver_net_result(result);
}
