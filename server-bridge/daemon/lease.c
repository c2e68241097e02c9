/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Leases: the handles that programs hold, and whose they are. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "daemon/registry_parts.h"

/*
 * A lease belongs to a user, and only that user's programs can name it. A handle that another
 * user's program inherited is the same socket, but gets a lease of its own, with an id of its own:
 * so nobody ever learns the id of another user's lease, and each pays for what he has.
 */

static size_t lease_bytes(const struct lease *lease)
{
    return strlen(lease->host) + strlen(lease->name);
}

void lease_end(struct lease *lease)
{
    struct registry *registry = lease->registry;
    struct slot *slot = lease->slot;

    HASH_DELETE(by_id, registry->leases, lease);
    HASH_DELETE(by_inode, registry->inodes, lease);
    sd_event_source_disable_unref(lease->source);
    close(lease->watch);
    if (slot && lease->kind == CONTROL_KIND_SERVER)
        registry_remove_slot(registry, slot, true);
    else if (slot)
    {
        DL_DELETE(slot->writers, lease);
        registry_drop_unused(registry, slot);
    }
    charge_drop_lease(lease->charge, lease->kind == CONTROL_KIND_SERVER, lease_bytes(lease));
    free(lease->host);
    free(lease->name);
    free(lease);
    if (registry->changed)
        registry->changed(registry->userdata);
}

static int lease_on_hangup(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)source;
    (void)fd;
    (void)events;
    registry_check(userdata);
    return 0;
}

int lease_new(struct lease **ret, struct registry *registry, const struct lease_identity *identity,
              int watch, struct charge *charge)
{
    struct lease *lease = calloc(1, sizeof(*lease));
    int r = -ENOMEM;

    if (!lease)
        goto fail;
    lease->host = strndup(identity->host, identity->host_size);
    lease->name = strndup(identity->name, identity->name_size);
    if (!lease->host || !lease->name)
        goto fail;
    /* No events asked for: a hang-up is always reported, and nothing is ever sent. */
    r = sd_event_add_io(registry->event, &lease->source, watch, 0, lease_on_hangup, lease);
    /* What was posted through the handle before it closed comes first: it needs the lease. */
    if (r >= 0 && identity->kind == CONTROL_KIND_REMOTE)
        r = sd_event_source_set_priority(lease->source, SD_EVENT_PRIORITY_IDLE);
    if (r < 0)
        goto fail;
    lease->registry = registry;
    lease->id = identity->id;
    lease->inode = (struct registry_key){identity->inode, charge->user->uid};
    lease->kind = identity->kind;
    lease->watch = watch;
    lease->charge = charge;
    charge_add_lease(charge, lease->kind == CONTROL_KIND_SERVER, lease_bytes(lease));
    HASH_ADD(by_id, registry->leases, id, sizeof(lease->id), lease);
    HASH_ADD(by_inode, registry->inodes, inode, sizeof(lease->inode), lease);
    *ret = lease;
    return 0;

fail:
    if (lease)
    {
        sd_event_source_disable_unref(lease->source);
        free(lease->host);
        free(lease->name);
        free(lease);
    }
    close(watch);
    return r;
}

int lease_make(struct lease **ret, struct registry *registry, const struct lease_identity *identity,
               struct charge *charge, int *ret_far_end)
{
    struct lease_identity made = *identity;
    struct stat st;
    int pair[2], r;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    made.id = registry_random_id();
    made.inode = fstat(pair[1], &st) == 0 ? st.st_ino : 0;
    r = lease_new(ret, registry, &made, pair[0], charge);
    if (r < 0)
    {
        close(pair[1]);
        return r;
    }
    *ret_far_end = pair[1];
    return 0;
}

struct lease *registry_lease(struct registry *registry, const struct user *user, uint64_t id)
{
    struct lease *lease;

    HASH_FIND(by_id, registry->leases, &id, sizeof(id), lease);
    return lease && lease->charge->user->uid == user->uid ? lease : NULL;
}

struct lease *registry_lease_by_inode(struct registry *registry, const struct user *user,
                                      uint64_t inode)
{
    struct registry_key key = {inode, user->uid};
    struct lease *lease;

    HASH_FIND(by_inode, registry->inodes, &key, sizeof(key), lease); /* NOLINT: no byte is unset */
    return lease;
}

int registry_borrow(struct registry *registry, uint64_t inode, struct charge *charge,
                    struct lease **ret)
{
    struct lease *lease = NULL;
    struct lease_identity identity;
    int watch, r;

    for (const struct user *user = registry->users.by_uid; user; user = user->hh.next)
    {
        lease = registry_lease_by_inode(registry, user, inode);
        /* The inode of a restored one is only what its client said: no proof for others. */
        if (lease && lease->restored)
            lease = NULL;
        if (lease)
            break;
    }
    if (!lease)
    {
        *ret = NULL;
        return 0;
    }
    if (lease->kind == CONTROL_KIND_SERVER)
        return REGISTRY_DENIED;
    watch = fcntl(lease->watch, F_DUPFD_CLOEXEC, 0);
    if (watch < 0)
        return -errno;
    identity =
        (struct lease_identity){registry_random_id(), inode,       lease->kind,        lease->host,
                                strlen(lease->host),  lease->name, strlen(lease->name)};
    r = lease_new(ret, registry, &identity, watch, charge);
    if (r < 0)
        return r;
    (*ret)->slot = lease->slot;
    if (lease->slot)
        DL_APPEND(lease->slot->writers, *ret);
    return 0;
}

int registry_lease_slot(struct lease *lease, struct slot **ret)
{
    struct slot *slot = lease->slot;

    if (!slot)
    {
        if (lease->kind != CONTROL_KIND_WRITER || !lease->sought)
            return REGISTRY_NOT_FOUND;
        slot = registry_find(lease->registry, lease->name, strlen(lease->name));
        if (!slot || slot->id.id != lease->sought)
            return REGISTRY_NOT_FOUND;
        if (!registry_may_write(slot, lease->charge->user))
            return REGISTRY_DENIED;
        lease->slot = slot;
        lease->sought = 0;
        DL_APPEND(slot->writers, lease);
    }
    else if (slot->server)
    {
        registry_check(slot->server); /* may end the slot (L1, P8) */
        if (!lease->slot)
            return REGISTRY_NOT_FOUND;
    }
    *ret = slot;
    return 0;
}

void registry_check(struct lease *lease)
{
    struct pollfd entry = {.fd = lease->watch};

    if (poll(&entry, 1, 0) == 1 && (entry.revents & (POLLHUP | POLLERR)))
        lease_end(lease);
}
