/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Users: what all programs of one uid have together, and how much of the daemon they may use. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uthash.h>

/* What somebody has of the daemon. */
struct user_holds
{
    unsigned int peers;
    unsigned int slots;
    unsigned int leases;
    unsigned int sends;
    unsigned int flight; /* descriptors in replies, perhaps unread: see peer.c */
    uint64_t bytes;      /* of names */
};

/* All users; empty when all of it is zero. All of it belongs to the event loop's thread. */
struct users
{
    struct user *by_uid;  /* uthash */
    struct user *resting; /* utlist, the longest first: see user.c */
    unsigned int n_resting;
    struct user_holds holds; /* all of them together */
};

/*
 * One entry per uid that is connected or holds something. A guest is neither root nor the uid of
 * the daemon itself: only guests are limited as a whole, so that a daemon of one user treats that
 * user's programs as ever.
 */
struct user
{
    UT_hash_handle hh;
    struct users *users; /* that list it; NULL when they are gone */
    uid_t uid;
    bool guest;
    unsigned int references; /* 0: it rests */
    struct user_holds holds;
    int64_t credit;          /* µs that the daemon may still work or wait for this user: user.c */
    uint64_t credited;       /* when it was last raised, µs of CLOCK_MONOTONIC */
    struct charge *restored; /* while a daemon begins: registry.c */
    uint64_t left;           /* when its last reference went, likewise */
    struct user *prev, *next;
};

/* A reference to the user of this uid, made at need. -ENOMEM. */
__attribute__((warn_unused_result)) int user_get(struct users *users, uid_t uid, struct user **ret);
struct user *user_ref(struct user *user);

/* Returns NULL, accepts NULL. */
struct user *user_unref(struct user *user);

/* The end of `users`: those that are still referenced go on alone. */
void users_deinit(struct users *users);

/* May one more program connect? `most`: of all users. */
bool user_may_connect(const struct user *user, unsigned int most);

/* May it have one more handle, and slot if `slot`? The numbers are those of one program. */
bool user_may_hold(const struct user *user, bool slot, unsigned int slots_each,
                   unsigned int leases_each);

/* May one more of its messages wait for a name? `most`: of all users. */
bool user_may_wait(const struct user *user, unsigned int sends_each, unsigned int most);

/* May it be sent so many more descriptors? */
bool user_may_be_sent(const struct user *user, unsigned int fds);
void user_add_flight(struct user *user, unsigned int fds);
void user_drop_flight(struct user *user, unsigned int fds);

/* Counted for the user alone: no program has to be there for them. `bytes`: of the slot's names. */
void user_add_peer(struct user *user);
void user_drop_peer(struct user *user);
void user_add_slot(struct user *user, size_t bytes);
void user_drop_slot(struct user *user, size_t bytes);

/*
 * Time that the daemon may still work or wait for this user, µs. user_has_credit() first adds what
 * has come since; user_spend() takes from it, and what was spent until now brings nothing in.
 */
bool user_has_credit(struct user *user);
void user_spend(struct user *user, uint64_t usec);

/* µs of CLOCK_MONOTONIC */
uint64_t user_now(void);

/* What one program holds; outlives its connection as long as its leases do. */
struct charge
{
    struct user *user;
    struct peer *peer; /* the connection; NULL when it is gone */
    unsigned int references;
    unsigned int slots;
    unsigned int leases;
    unsigned int sends; /* that wait for a name: see deliver.h */
    struct lease *held; /* utlist */
};

/* NULL: no memory. The user stays the caller's; the charge has a reference of its own. */
struct charge *charge_new(struct user *user);
struct charge *charge_ref(struct charge *charge);
struct charge *charge_unref(struct charge *charge);

/*
 * Counted here and for the user; a slot only here (user_add_slot). Each holds a reference to the
 * charge. `bytes`: of the lease's names.
 */
void charge_add_lease(struct charge *charge, bool slot, size_t bytes);
void charge_drop_lease(struct charge *charge, bool slot, size_t bytes);
void charge_add_send(struct charge *charge);
void charge_drop_send(struct charge *charge);
