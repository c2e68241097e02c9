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
 * (all its duplicates share it): a pipe (control/lease.h) whose far end the programs hold. When the
 * last copy of the far end closes, the lease is over; when it was the server's, so is the slot
 * (L1-L5). All of it belongs to the event loop's thread.
 */
struct registry;
struct lease;

/*
 * Random ids, and inodes; they count only together with the uid of whose they are.
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
    int memfd;              /* its memory, for those who open it */
    uint64_t no_wait_until; /* for its lock: see deliver.c */
    struct lease *server;
    struct lease *writers; /* utlist */
    struct registry *registry;
};

struct lease
{
    UT_hash_handle by_id;
    UT_hash_handle by_inode;
    struct registry *registry;
    uint64_t id;
    struct registry_key inode;
    uint32_t kind;
    struct slot *slot;          /* NULL for remote ones and when the slot is gone */
    struct registry_key sought; /* restored before its slot */
    char *host;                 /* remote only */
    char *name;
    int watch;
    struct charge *charge;
    struct lease *prev, *next;           /* in slot->writers */
    struct lease *prev_held, *next_held; /* in charge->held */
};

__attribute__((warn_unused_result)) int registry_new(struct registry **ret, sd_event *event);

/* Users that are still referenced stay until their last reference goes. */
struct registry *registry_free(struct registry *registry);

/* A reference to the user of this uid, made when it is not known yet. -ENOMEM. */
__attribute__((warn_unused_result)) int registry_user(struct registry *registry, uid_t uid,
                                                      struct user **ret);

/* MAILSLOT_EXISTS, MAILSLOT_BAD_NAME. *ret_far_end is the caller's: to be sent to the client. */
__attribute__((warn_unused_result)) int registry_create(struct registry *registry, const char *name,
                                                        size_t size,
                                                        const struct queue_config *config,
                                                        struct charge *charge, struct lease **ret,
                                                        int *ret_far_end);

/*
 * A writer's lease on an existing slot. MAILSLOT_NOT_FOUND; MAILSLOT_DENIED: another user's, and
 * its security does not let everybody write (access.h, S1).
 */
__attribute__((warn_unused_result)) int registry_open(struct registry *registry, const char *name,
                                                      size_t size, struct charge *charge,
                                                      struct lease **ret, int *ret_far_end);

/* A writer's lease on a name of the network, which is not looked up yet (Q1). MAILSLOT_BAD_NAME. */
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

/* The user's own lease of this pipe. */
struct lease *registry_lease_by_inode(struct registry *registry, const struct user *user,
                                      uint64_t inode);

/*
 * The lease of this pipe when it is another user's: who inherited a handle has it, and gets a
 * lease of his own on the same socket. NULL in *ret: none. MAILSLOT_DENIED: it reads, which needs
 * memory that is not his.
 */
__attribute__((warn_unused_result)) int registry_borrow(struct registry *registry, uint64_t inode,
                                                        struct charge *charge, struct lease **ret);

/*
 * The slot that a writer's lease writes to. MAILSLOT_NOT_FOUND: its owner is gone.
 */
__attribute__((warn_unused_result)) int registry_lease_slot(struct lease *lease, struct slot **ret);

/* Does this user have the slot's memory? Others write through the daemon. */
bool registry_is_owner(const struct slot *slot, const struct user *user);

/* May this user write? Its own slots, root everywhere, others by the slot's security. */
bool registry_may_write(const struct slot *slot, const struct user *user);

/* Looks whether the lease is over; ends it then. */
void registry_check(struct lease *lease);

/* The same for all leases on local slots whose last handle is gone, up to 4,096 of them. */
void registry_check_all(struct registry *registry);

/* A client is gone: it may have failed to wake readers of the slots that it wrote to. */
void registry_recover(struct charge *charge);

/* For status and tests. */
unsigned int registry_slot_count(const struct registry *registry);
unsigned int registry_lease_count(const struct registry *registry);
struct slot *registry_slots(struct registry *registry); /* iterate with hh "by_id" */

/* Called after a lease ended (idle check). */
void registry_on_change(struct registry *registry, void (*changed)(void *), void *userdata);
