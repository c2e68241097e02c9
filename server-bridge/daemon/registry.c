/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The registry: which slots exist, and the leases that keep them. Data only, no protocol. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "daemon/access.h"
#include "daemon/careful.h"
#include "daemon/fold.h"
#include "daemon/log.h"
#include "daemon/registry_parts.h"

/*
 * How long a slot that only writers have restored waits for its owner. Too short, and an owner that
 * just does not look at its slot loses what is queued; too long, and writers write to nobody.
 */
#define REGISTRY_ORPHAN_USEC (60 * UINT64_C(1000000))

uint64_t registry_random_id(void)
{
    uint64_t id = 0;

    while (!id)
        if (getrandom(&id, sizeof(id), 0) != sizeof(id))
            id = 0;
    return id;
}

static uint64_t registry_windows_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (now.tv_sec + UINT64_C(11644473600)) * 10000000 + now.tv_nsec / 100;
}

int registry_user(struct registry *registry, uid_t uid, struct user **ret)
{
    return user_get(&registry->users, uid, ret);
}

/* --- slots ----------------------------------------------------------------------------------- */

static struct slot *slot_free(struct slot *slot)
{
    if (!slot)
        return NULL;
    sd_event_source_disable_unref(slot->orphan);
    queue_free(slot->queue);
    if (slot->bytes)
        user_drop_slot(slot->owner, slot->bytes);
    user_unref(slot->owner);
    free(slot->name);
    free(slot->key);
    free(slot);
    return NULL;
}

static int slot_new(struct slot **ret, struct registry *registry, uint64_t id, const char *name,
                    size_t size, struct user *owner)
{
    struct slot *slot = calloc(1, sizeof(*slot));

    if (!slot)
        return -ENOMEM;
    slot->registry = registry;
    slot->id = (struct registry_key){id, owner->uid};
    slot->owner = user_ref(owner);
    slot->created = registry_windows_time();
    slot->name = strndup(name, size);
    slot->key = fold_key(name, size);
    if (!slot->name || !slot->key)
    {
        slot_free(slot);
        return -ENOMEM;
    }
    slot->bytes = strlen(slot->name) + strlen(slot->key);
    user_add_slot(owner, slot->bytes);
    *ret = slot;
    return 0;
}

/* Takes memfd and eventfd, only on success. */
static int slot_map(struct slot *slot, int memfd, int eventfd)
{
    int r = queue_map(&slot->queue, memfd, eventfd, REGISTRY_HOLDER);

    if (r)
        return r;
    queue_set_patience(slot->queue, 0); /* the daemon waits for no client */
    if (slot->owner->guest)
        queue_set_signal(slot->queue, careful_signal);
    return 0;
}

void registry_remove_slot(struct registry *registry, struct slot *slot, bool over)
{
    struct lease *writer, *next;

    registry->last = NULL;
    if (slot->named)
        HASH_DELETE(by_key, registry->named, slot);
    HASH_DELETE(by_id, registry->slots, slot);
    DL_FOREACH_SAFE(slot->writers, writer, next)
    {
        DL_DELETE(slot->writers, writer);
        writer->slot = NULL;
    }
    if (over)
        queue_close(slot->queue);
    slot_free(slot);
}

void registry_drop_unused(struct registry *registry, struct slot *slot)
{
    if (!slot->server && !slot->writers)
        registry_remove_slot(registry, slot, false);
}

void registry_condemn(struct slot *slot)
{
    struct registry *registry = slot->registry;

    if (slot->server)
        slot->server->slot = NULL;
    registry->condemned++;
    log_line(LOG_WARNING, "a slot of the user %u is closed: waking its readers would have waited",
             (unsigned int)slot->owner->uid);
    registry_remove_slot(registry, slot, true);
}

uint64_t registry_condemned(const struct registry *registry)
{
    return registry->condemned;
}

bool registry_is_owner(const struct slot *slot, const struct user *user)
{
    return slot->owner->uid == user->uid;
}

bool registry_may_write(const struct slot *slot, const struct user *user)
{
    static uint8_t descriptor[QUEUE_NOTE_MAX];
    uint32_t size = 0;

    if (registry_is_owner(slot, user) || user->uid == 0)
        return true;
    return queue_note(slot->queue, descriptor, sizeof(descriptor), &size) == 0 &&
           access_others_may_write(descriptor, size);
}

static struct slot *registry_find_key(struct registry *registry, const char *key)
{
    struct slot *slot;

    HASH_FIND(by_key, registry->named, key, strlen(key), slot);
    if (!slot)
        return NULL;
    registry_check(slot->server); /* may end the slot */
    HASH_FIND(by_key, registry->named, key, strlen(key), slot);
    return slot;
}

struct slot *registry_find(struct registry *registry, const char *name, size_t size)
{
    struct slot *slot = NULL;
    char *key;

    if (!fold_valid(name, size))
        return NULL;
    key = fold_key(name, size);
    if (key)
        slot = registry_find_key(registry, key);
    free(key);
    return slot;
}

struct slot *registry_find_lately(struct registry *registry, const char *name, size_t size)
{
    struct slot *slot;
    uint64_t turn = 0;

    (void)sd_event_now(registry->event, CLOCK_MONOTONIC, &turn);
    if (registry->last && registry->last_turn == turn && registry->last_size == size &&
        memcmp(registry->last_name, name, size) == 0)
        return registry->last;
    slot = registry_find(registry, name, size);
    if (slot && size <= sizeof(registry->last_name))
    {
        memcpy(registry->last_name, name, size);
        registry->last_size = size;
        registry->last_turn = turn;
        registry->last = slot;
    }
    return slot;
}

/* --- what clients ask for -------------------------------------------------------------------- */

/* Gives the slot its owner, and its name if that is free. */
static void registry_name_slot(struct registry *registry, struct slot *slot, struct lease *server)
{
    slot->server = server;
    server->slot = slot;
    if (registry_find_key(registry, slot->key))
        return;
    slot->named = true;
    HASH_ADD_KEYPTR(by_key, registry->named, slot->key, strlen(slot->key), slot);
}

int registry_create(struct registry *registry, const char *name, size_t size,
                    const struct queue_config *config, struct charge *charge, struct lease **ret,
                    int *ret_far_end)
{
    struct lease_identity identity = {
        .kind = CONTROL_KIND_SERVER, .host = "", .name = name, .name_size = size};
    int memfd = -1, eventfd = -1, far_end = -1, r;
    struct lease *lease = NULL;
    struct slot *slot;

    if (!fold_valid(name, size))
        return REGISTRY_BAD_NAME;
    r = slot_new(&slot, registry, registry_random_id(), name, size, charge->user);
    if (r < 0)
        return r;
    if (registry_find_key(registry, slot->key))
    {
        slot_free(slot);
        return REGISTRY_EXISTS;
    }
    r = queue_create(config, &memfd, &eventfd);
    if (r == 0)
    {
        r = slot_map(slot, memfd, eventfd);
        if (r)
        {
            close(memfd);
            close(eventfd);
        }
    }
    if (r == 0)
        r = lease_make(&lease, registry, &identity, charge, &far_end);
    if (r)
    {
        slot_free(slot);
        return r < 0 ? r : -EIO;
    }
    HASH_ADD(by_id, registry->slots, id, sizeof(slot->id), slot);
    registry_name_slot(registry, slot, lease);
    *ret = lease;
    *ret_far_end = far_end;
    return 0;
}

int registry_open(struct registry *registry, const char *name, size_t size, struct charge *charge,
                  struct lease **ret, int *ret_far_end)
{
    struct slot *slot = registry_find(registry, name, size);
    struct lease_identity identity = {.kind = CONTROL_KIND_WRITER, .host = ""};
    int r;

    if (!slot)
        return REGISTRY_NOT_FOUND;
    if (!registry_may_write(slot, charge->user))
        return REGISTRY_DENIED;
    identity.name = slot->name;
    identity.name_size = strlen(slot->name);
    r = lease_make(ret, registry, &identity, charge, ret_far_end);
    if (r < 0)
        return r;
    (*ret)->slot = slot;
    DL_APPEND(slot->writers, *ret);
    return 0;
}

int registry_open_remote(struct registry *registry, const char *host, size_t host_size,
                         const char *name, size_t name_size, struct charge *charge,
                         struct lease **ret, int *ret_far_end)
{
    struct lease_identity identity = {.kind = CONTROL_KIND_REMOTE,
                                      .host = host,
                                      .host_size = host_size,
                                      .name = name,
                                      .name_size = name_size};

    if (!host_size || memchr(host, 0, host_size) || !fold_valid(name, name_size))
        return REGISTRY_BAD_NAME;
    return lease_make(ret, registry, &identity, charge, ret_far_end);
}

void registry_recover(struct registry *registry, const struct user *user, uint32_t holder)
{
    struct slot *slot, *next;

    HASH_ITER(by_id, registry->slots, slot, next)
    {
        if (!registry_is_owner(slot, user))
            continue;
        queue_recover(slot->queue, holder);
        if (queue_is_foul(slot->queue))
            registry_condemn(slot);
    }
}

/* --- after a restart ------------------------------------------------------------------------- */

static int slot_on_orphan(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct slot *slot = userdata;

    (void)source;
    (void)usec;
    registry_remove_slot(slot->registry, slot, true);
    return 0;
}

/* The slot of a restored lease: known already, or built from what the client shows. Takes fds. */
static int registry_restore_slot(struct registry *registry, const struct control_slot *identity,
                                 const char *name, size_t size, int memfd, int eventfd,
                                 struct user *owner, struct slot **ret)
{
    struct registry_key key = {identity->slot, owner->uid};
    struct slot *slot;
    int r;

    HASH_FIND(by_id, registry->slots, &key, sizeof(key), slot); /* NOLINT: no byte is unset */
    if (slot)
    {
        close(memfd);
        close(eventfd);
        *ret = slot;
        return 0;
    }
    r = slot_new(&slot, registry, identity->slot, name, size, owner);
    if (r == 0)
        r = slot_map(slot, memfd, eventfd);
    if (r)
    {
        close(memfd);
        close(eventfd);
        slot_free(slot);
        return r > 0 || r == -EPROTO ? -EINVAL : r;
    }
    slot->created = identity->created;
    r = sd_event_add_time_relative(registry->event, &slot->orphan, CLOCK_MONOTONIC,
                                   REGISTRY_ORPHAN_USEC, 0, slot_on_orphan, slot);
    if (r < 0)
    {
        slot_free(slot);
        return r;
    }
    HASH_ADD(by_id, registry->slots, id, sizeof(slot->id), slot);
    *ret = slot;
    return 0;
}

bool registry_knows_slot(const struct registry *registry, const struct user *user, uint64_t id)
{
    struct registry_key key = {id, user->uid};
    struct slot *slot;

    HASH_FIND(by_id, registry->slots, &key, sizeof(key), slot); /* NOLINT: no byte is unset */
    return slot != NULL;
}

/* Descriptors of clients may be anything; what is polled here must be what it should be. */
static bool registry_is_socket(int fd)
{
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static bool registry_lease_taken(const struct registry *registry, uint64_t id)
{
    struct lease *lease;

    HASH_FIND(by_id, registry->leases, &id, sizeof(id), lease);
    return lease != NULL;
}

int registry_restore(struct registry *registry, const struct control_slot *identity,
                     const char *host, size_t host_size, const char *name, size_t name_size,
                     int watch, int memfd, int eventfd, struct charge *charge, struct lease **ret)
{
    bool remote = identity->kind == CONTROL_KIND_REMOTE;
    bool distant = identity->kind == CONTROL_KIND_WRITER && memfd < 0 && eventfd < 0;
    struct lease_identity made = {
        identity->lease, identity->inode, identity->kind, host, host_size, name, name_size};
    struct slot *slot = NULL;
    struct lease *lease;
    int r = 0;

    lease = registry_lease(registry, charge->user, identity->lease);
    if (!lease &&
        (!identity->lease || !fold_valid(name, name_size) || !registry_is_socket(watch) ||
         registry_lease_by_inode(registry, charge->user, identity->inode) ||
         registry_lease_taken(registry, identity->lease) ||
         (!remote && !distant && (memfd < 0 || eventfd < 0)) || (!remote && !identity->slot)))
        r = -EINVAL;
    if (lease || r < 0)
    {
        /* Another process that shares the handle was here first, or nonsense. */
        if (watch >= 0)
            close(watch);
        if (memfd >= 0)
            close(memfd);
        if (eventfd >= 0)
            close(eventfd);
        if (r == 0)
            *ret = lease;
        return r;
    }
    if (!remote && !distant)
    {
        r = registry_restore_slot(registry, identity, name, name_size, memfd, eventfd, charge->user,
                                  &slot);
        if (r == 0 && identity->kind == CONTROL_KIND_SERVER && slot->server)
            r = -EINVAL; /* a slot has one server lease, whoever shares it */
    }
    if (r)
    {
        close(watch);
        return r;
    }
    r = lease_new(&lease, registry, &made, watch, charge);
    if (r < 0)
    {
        if (slot)
            registry_drop_unused(registry, slot);
        return r;
    }
    lease->restored = true;
    if (distant)
        lease->sought = identity->slot;
    if (slot && identity->kind == CONTROL_KIND_SERVER)
    {
        slot->orphan = sd_event_source_disable_unref(slot->orphan);
        registry_name_slot(registry, slot, lease);
    }
    else if (slot)
    {
        lease->slot = slot;
        DL_APPEND(slot->writers, lease);
    }
    *ret = lease;
    return 0;
}

/* --- the registry itself --------------------------------------------------------------------- */

int registry_new(struct registry **ret, sd_event *event)
{
    struct registry *registry = calloc(1, sizeof(*registry));

    if (!registry)
        return -ENOMEM;
    registry->event = sd_event_ref(event);
    *ret = registry;
    return 0;
}

struct registry *registry_free(struct registry *registry)
{
    struct lease *lease, *next;
    struct slot *slot, *next_slot;

    if (!registry)
        return NULL;
    registry->changed = NULL;
    /* The daemon stops, the slots do not: they stay open for the clients and the next daemon. */
    HASH_ITER(by_id, registry->leases, lease, next)
    {
        if (lease->slot && lease->kind == CONTROL_KIND_WRITER)
            DL_DELETE(lease->slot->writers, lease);
        lease->slot = NULL;
        lease_end(lease);
    }
    HASH_ITER(by_id, registry->slots, slot, next_slot)
    {
        if (slot->named)
            HASH_DELETE(by_key, registry->named, slot);
        HASH_DELETE(by_id, registry->slots, slot); /* NOLINT: HASH_ITER has the next one */
        slot_free(slot);
    }
    users_deinit(&registry->users);
    sd_event_unref(registry->event);
    free(registry);
    return NULL;
}

unsigned int registry_slot_count(const struct registry *registry)
{
    return HASH_CNT(by_id, registry->slots);
}

unsigned int registry_lease_count(const struct registry *registry)
{
    return HASH_CNT(by_id, registry->leases);
}

struct slot *registry_slots(struct registry *registry)
{
    return registry->slots;
}

void registry_on_change(struct registry *registry, void (*changed)(void *), void *userdata)
{
    registry->changed = changed;
    registry->userdata = userdata;
}
