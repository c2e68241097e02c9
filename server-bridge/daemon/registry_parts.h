/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the registry share: registry.c has the slots, lease.c the leases. */
#pragma once

#include "daemon/registry.h"

struct registry
{
    sd_event *event;
    struct slot *slots;   /* by id */
    struct slot *named;   /* by key */
    struct lease *leases; /* by id */
    struct lease *inodes; /* by inode */
    struct users users;
    struct slot *last;  /* what registry_find_lately() found, by which name and when */
    char last_name[64]; /* longer ones are looked up each time */
    size_t last_size;
    uint64_t last_turn;
    struct keep *keep; /* keep.h; NULL: nothing outlives the daemon */
    int hangups[2];    /* epoll: leases of local slots; those of network names */
    sd_event_source *sources[2];
    void (*changed)(void *);
    void *userdata;
};

/* Never 0. */
uint64_t registry_random_id(void);

/*
 * Takes a slot out of the registry, as its owner is gone: its name is free at once, its writers are
 * on their own.
 */
void registry_remove_slot(struct registry *registry, struct slot *slot);

/* A lease has been made, or is over: for the keeper. */
void registry_keep(struct registry *registry, const struct lease *lease);
void registry_keep_no_more(struct registry *registry, uint64_t id);

/* What is known of a lease before it is made. */
struct lease_identity
{
    uint64_t id;
    uint64_t inode;
    uint32_t kind;
    const char *host; /* neither needs a NUL */
    size_t host_size;
    const char *name;
    size_t name_size;
};

/* Takes `watch` in any case. */
__attribute__((warn_unused_result)) int lease_new(struct lease **ret, struct registry *registry,
                                                  const struct lease_identity *identity, int watch,
                                                  struct charge *charge);

/* A lease with a new socket pair; id and inode of `identity` do not count. */
__attribute__((warn_unused_result)) int lease_make(struct lease **ret, struct registry *registry,
                                                   const struct lease_identity *identity,
                                                   struct charge *charge, int *ret_far_end);

void lease_end(struct lease *lease);

/* What was kept of a lease. The fds are -1 for all but a slot's owner, except watch. */
struct registry_kept
{
    struct lease_identity identity;
    struct registry_key slot;
    uint64_t created;
    uid_t uid;
    int watch, memfd, wake_fd;
};

/* Puts it back. Takes all three fds, also on failure. -EINVAL: no such lease can ever have been. */
__attribute__((warn_unused_result)) int registry_restore(struct registry *registry,
                                                         const struct registry_kept *kept);

/* That was all: writers find their slots, leases that ended meanwhile are over. */
void registry_restored(struct registry *registry);

/* The two sources of hang-ups. */
__attribute__((warn_unused_result)) int lease_watch_all(struct registry *registry);
