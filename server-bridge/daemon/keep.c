/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon gives to its keeper, and gets back from that of an earlier daemon. */
#include "daemon/keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "daemon/log.h"
#include "daemon/registry_parts.h"

#define KEEP_VERSION 1

/* A lease, and its slot if it is the owner's; then host and name. Only ever grows at its end. */
struct keep_record
{
    uint32_t version;
    uint32_t kind;
    uint64_t inode;
    uint64_t slot; /* of the same user */
    uint64_t slot_owner;
    uint64_t created;
    uint32_t uid;
    uint32_t host_size;
};

struct keep
{
    struct registry *registry;
    int socket; /* -1: there is no keeper (yet) */
    bool revives;
    char path[108];
    uint8_t data[KEEPER_DATA_MAX];
};

static int keep_put(struct keep *keep, const struct lease *lease)
{
    struct keep_record record = {
        .version = KEEP_VERSION,
        .kind = lease->kind,
        .inode = lease->inode.id,
        .uid = lease->charge->user->uid,
        .host_size = strlen(lease->host),
    };
    const struct slot *slot = lease->slot;
    int fds[KEEPER_FDS_MAX] = {lease->watch};
    size_t name_size = strlen(lease->name);

    if (sizeof(record) + record.host_size + name_size > sizeof(keep->data))
        return -E2BIG;
    if (slot)
    {
        record.slot = slot->id.id;
        record.slot_owner = slot->id.uid;
        record.created = slot->created;
    }
    if (lease->kind == MAILSLOT_SERVER && slot)
    {
        fds[1] = slot->memfd;
        fds[2] = queue_fd(slot->queue);
    }
    memcpy(keep->data, &record, sizeof(record));
    memcpy(keep->data + sizeof(record), lease->host, record.host_size);
    memcpy(keep->data + sizeof(record) + record.host_size, lease->name, name_size);
    return keeper_send(keep->socket, KEEPER_PUT, lease->id, keep->data,
                       sizeof(record) + record.host_size + name_size, fds,
                       lease->kind == MAILSLOT_SERVER ? KEEPER_FDS_MAX : 1);
}

static void keep_lose(struct keep *keep, int error)
{
    if (keep->socket >= 0)
        close(keep->socket);
    keep->socket = -1;
    if (error)
        log_line(LOG_WARNING, "cannot keep slots beyond the end of this daemon: %s",
                 strerror(-error));
}

/* Takes the fds. */
static void keep_restore(struct keep *keep, uint64_t id, uint32_t size, const int *fds,
                         unsigned int n_fds)
{
    struct keep_record record;
    struct registry_kept kept = {.watch = -1, .memfd = -1, .wake_fd = -1};
    int r = -EINVAL;

    memset(&record, 0, sizeof(record));
    memcpy(&record, keep->data, size < sizeof(record) ? size : sizeof(record));
    if (n_fds)
        kept.watch = fds[0];
    if (n_fds == KEEPER_FDS_MAX)
    {
        kept.memfd = fds[1];
        kept.wake_fd = fds[2];
    }
    else if (n_fds > 1)
        close(fds[1]);
    kept.identity = (struct lease_identity){
        .id = id,
        .inode = record.inode,
        .kind = record.kind,
        .host = (const char *)keep->data + sizeof(record),
        .host_size = record.host_size,
        .name = (const char *)keep->data + sizeof(record) + record.host_size,
        .name_size = size - sizeof(record) - record.host_size,
    };
    kept.slot = (struct registry_key){record.slot, record.slot_owner};
    kept.created = record.created;
    kept.uid = record.uid;
    if (size >= sizeof(record) && record.host_size <= size - sizeof(record) &&
        record.version == KEEP_VERSION)
        r = registry_restore(keep->registry, &kept);
    else
    {
        if (kept.watch >= 0)
            close(kept.watch);
        if (kept.memfd >= 0)
            close(kept.memfd);
        if (kept.wake_fd >= 0)
            close(kept.wake_fd);
    }
    if (r < 0)
    {
        log_line(LOG_WARNING, "a handle of an earlier daemon is lost: %s", strerror(-r));
        registry_keep_no_more(keep->registry, id);
    }
}

static int keep_load(struct keep *keep)
{
    struct keeper_header header;
    int fds[KEEPER_FDS_MAX], r;
    unsigned int n_fds;
    uint32_t size;

    for (;;)
    {
        r = keeper_receive(keep->socket, &header, keep->data, &size, fds, &n_fds);
        if (r < 0)
            return r;
        if (header.word != KEEPER_PUT)
            return 0;
        keep_restore(keep, header.id, size, fds, n_fds);
    }
}

/* A keeper for all that there is. */
static void keep_begin(struct keep *keep)
{
    struct lease *lease, *next;
    int r;

    r = keeper_start(keep->path, keep->revives);
    if (r == 0)
        r = keeper_connect(keep->path, &keep->socket);
    if (r == 0)
        r = keep_load(keep); /* only its END */
    HASH_ITER(by_id, keep->registry->leases, lease, next)
    if (r == 0)
        r = keep_put(keep, lease);
    if (r < 0)
        keep_lose(keep, r);
}

void registry_keep(struct registry *registry, const struct lease *lease)
{
    struct keep *keep = registry->keep;

    if (!keep)
        return;
    /* One that is gone was killed: the next one gets all. */
    if (keep->socket >= 0 && keep_put(keep, lease) < 0)
        keep_lose(keep, 0);
    if (keep->socket < 0)
        keep_begin(keep);
}

void registry_keep_no_more(struct registry *registry, uint64_t id)
{
    struct keep *keep = registry->keep;

    if (keep && keep->socket >= 0 &&
        keeper_send(keep->socket, KEEPER_DROP, id, NULL, 0, NULL, 0) < 0)
        keep_lose(keep, 0);
}

int keep_new(struct keep **ret, struct registry *registry, const char *path, bool revives)
{
    struct keep *keep = calloc(1, sizeof(*keep));
    int r;

    if (!keep)
        return -ENOMEM;
    keep->registry = registry;
    keep->revives = revives;
    strncpy(keep->path, path, sizeof(keep->path) - 1);
    registry->keep = keep;
    keep->socket = -1;
    r = keeper_connect(path, &keep->socket);
    if (r == 0)
        r = keep_load(keep);
    if (r < 0)
    {
        keep_lose(keep, 0);
        keep_begin(keep); /* there is none, or it has just ended, as it had nothing to keep */
    }
    registry_restored(registry);
    *ret = keep;
    return 0;
}

struct keep *keep_free(struct keep *keep)
{
    if (!keep)
        return NULL;
    keep->registry->keep = NULL;
    if (keep->socket >= 0)
    {
        if (keeper_send(keep->socket, KEEPER_BYE, 0, NULL, 0, NULL, 0) < 0)
            log_line(LOG_NOTICE, "the keeper of slots has ended");
        close(keep->socket);
    }
    free(keep);
    return NULL;
}
