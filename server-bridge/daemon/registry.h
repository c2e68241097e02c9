/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The registry: which slots exist, and the leases that keep them. Data only, no protocol. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include <uthash.h>

#include "control/protocol.h"
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
};

/* The daemon's own holder id for queue locks; clients get ids below. */
#define REGISTRY_HOLDER INT32_MAX

struct registry;
struct lease;

struct slot
{
    UT_hash_handle by_id;
    UT_hash_handle by_key; /* only while `named` */
    uint64_t id;
    uint64_t created; /* 100 ns since 1601 */
    char *name;
    char *key;
    bool named; /* has a server lease, and the name was free when that came */
    struct queue *queue;
    uint64_t no_wait_until; /* for its lock: see deliver.c */
    struct lease *server;
    struct lease *writers;     /* utlist */
    struct registry *registry; /* for the timer */
    sd_event_source *orphan;   /* restored by a writer; its server may still come */
};

struct charge; /* who pays: a count of what a client has, see peer.h */

struct lease
{
    UT_hash_handle by_id;
    UT_hash_handle by_inode;
    struct registry *registry;
    uint64_t id;
    uint64_t inode;
    uint32_t kind;
    struct slot *slot; /* NULL for remote ones and when the slot is gone */
    char *host;        /* remote only */
    char *name;
    int watch;
    sd_event_source *source;
    struct charge *charge;
    struct lease *prev, *next; /* in slot->writers */
};

/* What one client holds; outlives the client as long as its leases do. */
struct charge
{
    unsigned int references;
    unsigned int slots;
    unsigned int leases;
    unsigned int sends; /* that wait for a name: see deliver.h */
};

struct charge *charge_new(void);
struct charge *charge_ref(struct charge *charge);
struct charge *charge_unref(struct charge *charge);

__attribute__((warn_unused_result)) int registry_new(struct registry **ret, sd_event *event);
struct registry *registry_free(struct registry *registry);

/* REGISTRY_EXISTS, REGISTRY_BAD_NAME. *ret_far_end is the caller's: to be sent to the client. */
__attribute__((warn_unused_result)) int registry_create(struct registry *registry, const char *name,
                                                        size_t size,
                                                        const struct queue_config *config,
                                                        struct charge *charge, struct lease **ret,
                                                        int *ret_far_end);

/* A writer's lease on an existing slot. REGISTRY_NOT_FOUND. */
__attribute__((warn_unused_result)) int registry_open(struct registry *registry, const char *name,
                                                      size_t size, struct charge *charge,
                                                      struct lease **ret, int *ret_far_end);

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

struct lease *registry_lease(struct registry *registry, uint64_t id);
struct lease *registry_lease_by_inode(struct registry *registry, uint64_t inode);

/* Looks whether the lease is over; ends it then. */
void registry_check(struct lease *lease);

/*
 * A client shows a lease that an earlier daemon gave. Takes all three fds, also on failure; memfd
 * and eventfd are -1 for a remote one. A slot whose name has been given to another meanwhile goes
 * on without a name. -EINVAL: no such lease can ever have been.
 */
__attribute__((warn_unused_result)) int
registry_restore(struct registry *registry, const struct control_slot *identity, const char *host,
                 size_t host_size, const char *name, size_t name_size, int watch, int memfd,
                 int eventfd, struct charge *charge, struct lease **ret);

/* A client is gone: frees what it may have locked, in every queue. */
void registry_recover(struct registry *registry, uint32_t holder);

/* For status and tests. */
unsigned int registry_slot_count(const struct registry *registry);
unsigned int registry_lease_count(const struct registry *registry);
struct slot *registry_slots(struct registry *registry); /* iterate with hh "by_id" */

/* Called after a lease ended (idle check). */
void registry_on_change(struct registry *registry, void (*changed)(void *), void *userdata);
