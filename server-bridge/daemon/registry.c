/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The registry: which slots exist, and the leases that keep them. Data only, no protocol. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "daemon/access.h"
#include "daemon/fold.h"
#include "daemon/registry_parts.h"

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
    queue_free(slot->queue);
    if (slot->memfd >= 0)
        close(slot->memfd);
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
    slot->memfd = -1;
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

/* Takes both fds in any case. */
static int slot_map(struct slot *slot, int memfd, int wake_fd)
{
    int r = queue_map(&slot->queue, memfd, wake_fd);

    slot->memfd = memfd;
    if (r)
        close(wake_fd);
    else
        queue_set_impatient(slot->queue); /* the daemon waits for no client */
    return r;
}

void registry_remove_slot(struct registry *registry, struct slot *slot)
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
    queue_close(slot->queue);
    slot_free(slot);
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
        .kind = MAILSLOT_SERVER, .host = "", .name = name, .name_size = size};
    int memfd, wake_fd, far_end = -1, r;
    struct lease *lease = NULL;
    struct slot *slot;

    if (!fold_valid(name, size))
        return MAILSLOT_BAD_NAME;
    r = slot_new(&slot, registry, registry_random_id(), name, size, charge->user);
    if (r < 0)
        return r;
    if (registry_find_key(registry, slot->key))
    {
        slot_free(slot);
        return MAILSLOT_EXISTS;
    }
    r = queue_create(config, &memfd, &wake_fd);
    if (r == 0)
        r = slot_map(slot, memfd, wake_fd);
    if (r == 0)
        r = lease_make(&lease, registry, &identity, charge, &far_end);
    if (r)
    {
        slot_free(slot);
        return r < 0 ? r : -EIO;
    }
    HASH_ADD(by_id, registry->slots, id, sizeof(slot->id), slot);
    registry_name_slot(registry, slot, lease);
    registry_keep(registry, lease);
    *ret = lease;
    *ret_far_end = far_end;
    return 0;
}

int registry_open(struct registry *registry, const char *name, size_t size, struct charge *charge,
                  struct lease **ret, int *ret_far_end)
{
    struct slot *slot = registry_find(registry, name, size);
    struct lease_identity identity = {.kind = MAILSLOT_WRITER, .host = ""};
    int r;

    if (!slot)
        return MAILSLOT_NOT_FOUND;
    if (!registry_may_write(slot, charge->user))
        return MAILSLOT_DENIED;
    identity.name = slot->name;
    identity.name_size = strlen(slot->name);
    r = lease_make(ret, registry, &identity, charge, ret_far_end);
    if (r < 0)
        return r;
    (*ret)->slot = slot;
    DL_APPEND(slot->writers, *ret);
    registry_keep(registry, *ret);
    return 0;
}

int registry_open_remote(struct registry *registry, const char *host, size_t host_size,
                         const char *name, size_t name_size, struct charge *charge,
                         struct lease **ret, int *ret_far_end)
{
    struct lease_identity identity = {.kind = MAILSLOT_REMOTE,
                                      .host = host,
                                      .host_size = host_size,
                                      .name = name,
                                      .name_size = name_size};
    int r;

    if (!host_size || memchr(host, 0, host_size) || !fold_valid(name, name_size))
        return MAILSLOT_BAD_NAME;
    r = lease_make(ret, registry, &identity, charge, ret_far_end);
    if (r == 0)
        registry_keep(registry, *ret);
    return r;
}

void registry_recover(struct charge *charge)
{
    struct lease *lease;

    DL_FOREACH2(charge->held, lease, next_held)
    if (lease->slot && lease->kind == MAILSLOT_WRITER &&
        registry_is_owner(lease->slot, charge->user))
        queue_stir(lease->slot->queue);
}

/* --- after a restart ------------------------------------------------------------------------- */

static int registry_restore_slot(struct registry *registry, const struct registry_kept *kept,
                                 struct user *owner, struct slot **ret)
{
    struct slot *slot;
    int r;

    HASH_FIND(by_id, registry->slots, &kept->slot, sizeof(kept->slot), slot); /* NOLINT: no byte */
    r = slot ? -EINVAL
             : slot_new(&slot, registry, kept->slot.id, kept->identity.name,
                        kept->identity.name_size, owner);
    if (r < 0)
    {
        close(kept->memfd);
        close(kept->wake_fd);
        return r;
    }
    r = slot_map(slot, kept->memfd, kept->wake_fd);
    if (r)
    {
        slot_free(slot);
        return r > 0 ? -EINVAL : r;
    }
    slot->created = kept->created;
    HASH_ADD(by_id, registry->slots, id, sizeof(slot->id), slot);
    *ret = slot;
    return 0;
}

/* What is left of programs that an earlier daemon knew pays together. */
static int registry_charge_restored(struct registry *registry, uid_t uid, struct charge **ret)
{
    struct user *user;
    int r = registry_user(registry, uid, &user);

    if (r < 0)
        return r;
    if (!user->restored)
        user->restored = charge_new(user);
    *ret = user->restored;
    user_unref(user);
    return *ret ? 0 : -ENOMEM;
}

static void registry_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

int registry_restore(struct registry *registry, const struct registry_kept *kept)
{
    bool server = kept->identity.kind == MAILSLOT_SERVER;
    struct charge *charge = NULL;
    struct slot *slot = NULL;
    struct lease *lease;
    int r;

    r = kept->watch >= 0 && (!server || (kept->memfd >= 0 && kept->wake_fd >= 0)) ? 0 : -EINVAL;
    if (r == 0)
        r = registry_charge_restored(registry, kept->uid, &charge);
    if (r == 0 && server)
        r = registry_restore_slot(registry, kept, charge->user, &slot);
    else
    {
        registry_close(kept->memfd);
        registry_close(kept->wake_fd);
    }
    if (r)
    {
        registry_close(kept->watch);
        return r;
    }
    r = lease_new(&lease, registry, &kept->identity, kept->watch, charge);
    if (r < 0)
    {
        if (slot)
        {
            HASH_DELETE(by_id, registry->slots, slot);
            slot_free(slot);
        }
        return r;
    }
    if (slot)
        registry_name_slot(registry, slot, lease);
    else
        lease->sought = kept->slot;
    return 0;
}

/* They are the leases' alone from now on. */
static void registry_release_charges(struct registry *registry)
{
    for (struct user *user = registry->users.by_uid, *after; user; user = after)
    {
        struct charge *charge = user->restored;

        after = user->hh.next;
        user->restored = NULL;
        charge_unref(charge); /* and the user, if that was all */
    }
}

void registry_restored(struct registry *registry)
{
    struct lease *lease, *next;

    HASH_ITER(by_id, registry->leases, lease, next)
    {
        if (lease->kind != MAILSLOT_WRITER || !lease->sought.id)
            continue;
        HASH_FIND(by_id, registry->slots, &lease->sought, sizeof(lease->sought), lease->slot);
        if (lease->slot)
            DL_APPEND(lease->slot->writers, lease);
    }
    registry_release_charges(registry);
    HASH_ITER(by_id, registry->leases, lease, next)
    registry_check(lease);
}

/* --- the registry itself --------------------------------------------------------------------- */

int registry_new(struct registry **ret, sd_event *event)
{
    struct registry *registry = calloc(1, sizeof(*registry));
    int r;

    if (!registry)
        return -ENOMEM;
    registry->event = sd_event_ref(event);
    r = lease_watch_all(registry);
    if (r < 0)
        registry_free(registry);
    else
        *ret = registry;
    return r;
}

struct registry *registry_free(struct registry *registry)
{
    struct lease *lease, *next;
    struct slot *slot, *next_slot;

    if (!registry)
        return NULL;
    registry->changed = NULL;
    registry->keep = NULL;
    /* The daemon stops, the slots do not: they stay open for the clients and the next daemon. */
    HASH_ITER(by_id, registry->leases, lease, next)
    {
        if (lease->slot && lease->kind == MAILSLOT_WRITER)
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
    registry_release_charges(registry);
    users_deinit(&registry->users);
    for (int i = 0; i < 2; i++)
    {
        sd_event_source_disable_unref(registry->sources[i]);
        if (registry->hangups[i] >= 0)
            close(registry->hangups[i]);
    }
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
