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
    uint64_t condemned;
    void (*changed)(void *);
    void *userdata;
};

/* Never 0. */
uint64_t registry_random_id(void);

/*
 * Takes a slot out of the registry: its name is free at once, its writers are on their own. `over`:
 * its owner is gone. Otherwise it is only unknown here, and an owner may still show it.
 */
void registry_remove_slot(struct registry *registry, struct slot *slot, bool over);

/* Does so with a restored slot of which no lease is known (any more). */
void registry_drop_unused(struct registry *registry, struct slot *slot);

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
