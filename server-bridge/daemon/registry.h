/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The registry: which slots exist, and the leases that keep them. Data only, no protocol. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include <uthash.h>

#include "control/protocol.h"
#include "daemon/user.h"
#include "queue/queue.h"

/*
 * A slot is its name, its queue and one server lease. A lease is one open handle object of Windows
 * (all its duplicates share it): a socket pair whose far end the programs hold. When the last copy
 * of the far end closes, the lease is over; when it was the server's, so is the slot (L1-L5).
 * All of it belongs to the event loop's thread.
 */
enum registry_result
{
    REGISTRY_EXISTS = 1,
    REGISTRY_NOT_FOUND,
    REGISTRY_BAD_NAME,
    REGISTRY_DENIED,
};

/* The daemon's own holder id for queue locks; clients get ids below. */
#define REGISTRY_HOLDER INT32_MAX

struct registry;
struct lease;

/*
 * Ids are random, but a client shows those of an earlier daemon and may lie: they count only
 * together with the uid of who shows them, so that no user can take another's.
 */
struct registry_key
{
    uint64_t id; /* of a slot, or the inode of a lease */
    uint64_t uid;
};

struct slot
{
    UT_hash_handle by_id;
    UT_hash_handle by_key; /* only while `named` */
    struct registry_key id;
    struct user *owner; /* its programs have the queue mapped, nobody else's; a reference */
    uint64_t created;   /* 100 ns since 1601 */
    char *name;
    char *key;
    size_t bytes; /* of both, as its owner is charged for them; 0: not yet */
    bool named;   /* has a server lease, and the name was free when that came */
    struct queue *queue;
    uint64_t no_wait_until; /* for its lock: see deliver.c */
    struct lease *server;
    struct lease *writers;     /* utlist */
    struct registry *registry; /* for the timer */
    sd_event_source *orphan;   /* restored by a writer; its server may still come */
};

struct lease
{
    UT_hash_handle by_id;
    UT_hash_handle by_inode;
    struct registry *registry;
    uint64_t id;
    struct registry_key inode;
    uint32_t kind;
    struct slot *slot; /* NULL for remote ones and when the slot is gone */
    uint64_t sought;   /* restored by a writer of another user: the slot is yet to be seen */
    bool restored;     /* shown by a client: its inode is only what that said */
    char *host;        /* remote only */
    char *name;
    int watch;
    sd_event_source *source;
    struct charge *charge;
    struct lease *prev, *next; /* in slot->writers */
};

__attribute__((warn_unused_result)) int registry_new(struct registry **ret, sd_event *event);

/* Users that are still referenced stay until their last reference goes. */
struct registry *registry_free(struct registry *registry);

/* A reference to the user of this uid, made when it is not known yet. -ENOMEM. */
__attribute__((warn_unused_result)) int registry_user(struct registry *registry, uid_t uid,
                                                      struct user **ret);

/* REGISTRY_EXISTS, REGISTRY_BAD_NAME. *ret_far_end is the caller's: to be sent to the client. */
__attribute__((warn_unused_result)) int registry_create(struct registry *registry, const char *name,
                                                        size_t size,
                                                        const struct queue_config *config,
                                                        struct charge *charge, struct lease **ret,
                                                        int *ret_far_end);

/*
 * A writer's lease on an existing slot. REGISTRY_NOT_FOUND; REGISTRY_DENIED: another user's, and
 * its security does not let everybody write (access.h, S1).
 */
__attribute__((warn_unused_result)) int registry_open(struct registry *registry, const char *name,
                                                      size_t size, struct charge *charge,
                                                      struct lease **ret, int *ret_far_end);

/* A writer's lease on a name of the network, which is not looked up yet (Q1). REGISTRY_BAD_NAME. */
__attribute__((warn_unused_result)) int registry_open_remote(struct registry *registry,
                                                             const char *host, size_t host_size,
                                                             const char *name, size_t name_size,
                                                             struct charge *charge,
                                                             struct lease **ret, int *ret_far_end);

/* The slot of this name, if its server lease lives: looked at now, not when the event comes. */
struct slot *registry_find(struct registry *registry, const char *name, size_t size);

/*
 * As registry_find(), but the lease is looked at once in a turn of the event loop only: for
 * datagrams, as nobody knows which of them came before the slot was closed.
 */
struct slot *registry_find_lately(struct registry *registry, const char *name, size_t size);

/* NULL also when it is another user's. */
struct lease *registry_lease(struct registry *registry, const struct user *user, uint64_t id);

/* The user's own lease of this socket. */
struct lease *registry_lease_by_inode(struct registry *registry, const struct user *user,
                                      uint64_t inode);

/*
 * The lease of this socket when it is another user's: who inherited a handle has it, and gets a
 * lease of his own on the same socket. NULL in *ret: none. REGISTRY_DENIED: it reads, which needs
 * memory that is not his.
 */
__attribute__((warn_unused_result)) int registry_borrow(struct registry *registry, uint64_t inode,
                                                        struct charge *charge, struct lease **ret);

/*
 * The slot that a writer's lease writes to; one that was restored without its queue finds it again.
 * REGISTRY_NOT_FOUND: its owner is gone. REGISTRY_DENIED.
 */
__attribute__((warn_unused_result)) int registry_lease_slot(struct lease *lease, struct slot **ret);

/* Does this user have the slot's memory? Others write through the daemon. */
bool registry_is_owner(const struct slot *slot, const struct user *user);

/* May this user write? Its own slots, root everywhere, others by the slot's security. */
bool registry_may_write(const struct slot *slot, const struct user *user);

/*
 * Ends a slot whose owner has tried to stop the daemon by it: closed, and its name free. The lease
 * goes on without it.
 */
void registry_condemn(struct slot *slot);

/* Looks whether the lease is over; ends it then. */
void registry_check(struct lease *lease);

/*
 * A client shows a lease that an earlier daemon gave. Takes all three fds, also on failure; memfd
 * and eventfd are -1 for a remote one, and for a writer on another user's slot, which has to be
 * found (registry_lease_slot) and is checked again. A slot whose name has been given to another
 * meanwhile goes on without a name. -EINVAL: no such lease can ever have been.
 */
__attribute__((warn_unused_result)) int
registry_restore(struct registry *registry, const struct control_slot *identity, const char *host,
                 size_t host_size, const char *name, size_t name_size, int watch, int memfd,
                 int eventfd, struct charge *charge, struct lease **ret);

/* Is this slot, of which a client of `user` shows a lease, known already? */
bool registry_knows_slot(const struct registry *registry, const struct user *user, uint64_t id);

/* A client is gone: frees what it may have locked, in every queue of its user. */
void registry_recover(struct registry *registry, const struct user *user, uint32_t holder);

/* For status and tests. */
unsigned int registry_slot_count(const struct registry *registry);
unsigned int registry_lease_count(const struct registry *registry);
struct slot *registry_slots(struct registry *registry); /* iterate with hh "by_id" */

/* Called after a lease ended (idle check). */
void registry_on_change(struct registry *registry, void (*changed)(void *), void *userdata);

/* Slots that were condemned since the start, for the status. */
uint64_t registry_condemned(const struct registry *registry);
