/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Leases: the handles that programs hold, and whose they are. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "control/lease.h"
#include "daemon/registry_parts.h"

#define LEASE_BATCH         16
#define LEASE_CHECK_BATCHES 256 /* in one turn, when a client asks */

/*
 * A lease belongs to a user, and only that user's programs can name it. A handle that another
 * user's program inherited is the same pipe, but gets a lease of its own, with an id of its own:
 * so nobody ever learns the id of another user's lease, and each pays for what he has.
 */

static size_t lease_bytes(const struct lease *lease)
{
    return strlen(lease->host) + strlen(lease->name);
}

/* What was posted through the handle before it closed comes first: it needs the lease. */
static int lease_hangups(const struct lease *lease)
{
    return lease->registry->hangups[lease->kind == MAILSLOT_REMOTE];
}

/* The keeper has the pipe's end, too: closing it would not do. */
static void lease_unwatch(const struct lease *lease)
{
    (void)epoll_ctl(lease_hangups(lease), EPOLL_CTL_DEL, lease->watch, NULL);
}

/*
 * A program that ends hangs up on all of its leases at once. A few of them are ended in each turn
 * of the event loop, which then serves others; and of those that are left the kernel keeps a list.
 */
static int lease_end_batch(struct registry *registry, int hangups)
{
    struct epoll_event ended[LEASE_BATCH];
    int n = epoll_wait(hangups, ended, LEASE_BATCH, 0);

    for (int i = 0; i < n; i++)
    {
        struct lease *lease;

        HASH_FIND(by_id, registry->leases, &ended[i].data.u64, sizeof(uint64_t), lease);
        if (lease)
            registry_check(lease);
    }
    return n;
}

static int lease_on_hangups(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)source;
    (void)events;
    (void)lease_end_batch(userdata, fd);
    return 0;
}

void registry_check_all(struct registry *registry)
{
    for (int i = 0; i < LEASE_CHECK_BATCHES; i++)
        if (lease_end_batch(registry, registry->hangups[0]) < LEASE_BATCH)
            return;
}

int lease_watch_all(struct registry *registry)
{
    int r = 0;

    registry->hangups[0] = registry->hangups[1] = -1;
    for (int i = 0; i < 2 && r >= 0; i++)
    {
        registry->hangups[i] = epoll_create1(EPOLL_CLOEXEC);
        r = registry->hangups[i] < 0 ? -errno : 0;
        if (r == 0)
            r = sd_event_add_io(registry->event, &registry->sources[i], registry->hangups[i],
                                EPOLLIN, lease_on_hangups, registry);
        if (r >= 0 && i)
            r = sd_event_source_set_priority(registry->sources[i], SD_EVENT_PRIORITY_IDLE);
    }
    return r < 0 ? r : 0;
}

void lease_end(struct lease *lease)
{
    struct registry *registry = lease->registry;
    struct slot *slot = lease->slot;

    HASH_DELETE(by_id, registry->leases, lease);
    HASH_DELETE(by_inode, registry->inodes, lease);
    lease_unwatch(lease);
    close(lease->watch);
    if (slot && lease->kind == MAILSLOT_SERVER)
        registry_remove_slot(registry, slot);
    else if (slot)
        DL_DELETE(slot->writers, lease);
    registry_keep_no_more(registry, lease->id);
    DL_DELETE2(lease->charge->held, lease, prev_held, next_held);
    charge_drop_lease(lease->charge, lease->kind == MAILSLOT_SERVER, lease_bytes(lease));
    free(lease->host);
    free(lease->name);
    free(lease);
    if (registry->changed)
        registry->changed(registry->userdata);
}

int lease_new(struct lease **ret, struct registry *registry, const struct lease_identity *identity,
              int watch, struct charge *charge)
{
    /* No events asked for: a hang-up is always reported, and nothing is ever sent. */
    struct epoll_event event = {.events = 0};
    struct lease *lease = calloc(1, sizeof(*lease));
    int r = -ENOMEM;

    if (!lease)
        goto fail;
    lease->host = strndup(identity->host, identity->host_size);
    lease->name = strndup(identity->name, identity->name_size);
    if (!lease->host || !lease->name)
        goto fail;
    lease->registry = registry;
    lease->id = identity->id;
    lease->kind = identity->kind;
    event.data.u64 = lease->id;
    if (epoll_ctl(lease_hangups(lease), EPOLL_CTL_ADD, watch, &event) < 0)
    {
        r = -errno;
        goto fail;
    }
    lease->inode = (struct registry_key){identity->inode, charge->user->uid};
    lease->watch = watch;
    lease->charge = charge;
    charge_add_lease(charge, lease->kind == MAILSLOT_SERVER, lease_bytes(lease));
    DL_APPEND2(charge->held, lease, prev_held, next_held);
    HASH_ADD(by_id, registry->leases, id, sizeof(lease->id), lease);
    HASH_ADD(by_inode, registry->inodes, inode, sizeof(lease->inode), lease);
    *ret = lease;
    return 0;

fail:
    if (lease)
    {
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
    int watch, far_end, r;

    r = control_lease_make(&watch, &far_end);
    if (r < 0)
        return r;
    made.id = registry_random_id();
    made.inode = fstat(far_end, &st) == 0 ? st.st_ino : 0;
    r = lease_new(ret, registry, &made, watch, charge);
    if (r < 0)
    {
        close(far_end);
        return r;
    }
    *ret_far_end = far_end;
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
        if (lease)
            break;
    }
    if (!lease)
    {
        *ret = NULL;
        return 0;
    }
    if (lease->kind == MAILSLOT_SERVER)
        return MAILSLOT_DENIED;
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
    registry_keep(registry, *ret);
    return 0;
}

int registry_lease_slot(struct lease *lease, struct slot **ret)
{
    /* The check may end the slot (L1, P8). */
    if (lease->slot && lease->slot->server)
        registry_check(lease->slot->server);
    if (!lease->slot)
        return MAILSLOT_NOT_FOUND;
    *ret = lease->slot;
    return 0;
}

void registry_check(struct lease *lease)
{
    if (control_lease_over(lease->watch))
        lease_end(lease);
}
