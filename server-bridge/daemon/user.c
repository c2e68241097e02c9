/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Users: what all programs of one uid have together, and how much of the daemon they may use. */
#include "daemon/user.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/*
 * Limits per program stop a program with a fault; a user who means it starts more programs. So a
 * guest's programs together may have a few times what one may have, and never more than a quarter
 * of the daemon's connections and descriptors.
 *
 * Time is shared in another way. The work for a guest, and the waiting for locks that a guest's
 * programs hold, is paid from a credit that grows with a tenth of the time that passes. Who has
 * used it up is served only when nobody else asks for anything (peer.c), and is waited for no
 * longer (deliver.c): alone on the machine it notices nothing of the former.
 */
#define USER_PROGRAMS    4
#define USER_SHARE       4
#define USER_BYTES       (4u << 20) /* of names: 60 for each handle that one may have by default */
#define USER_CREDIT_USEC 100000
#define USER_CREDIT_PART 10

uint64_t user_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * UINT64_C(1000000) + now.tv_nsec / 1000;
}

int user_get(struct user **table, uid_t uid, struct user **ret)
{
    struct user *user;

    HASH_FIND(hh, *table, &uid, sizeof(uid), user);
    if (user)
    {
        *ret = user_ref(user);
        return 0;
    }
    user = calloc(1, sizeof(*user));
    if (!user)
        return -ENOMEM;
    user->table = table;
    user->uid = uid;
    user->guest = uid != 0 && uid != geteuid();
    user->references = 1;
    user->credit = USER_CREDIT_USEC;
    user->credited = user_now();
    HASH_ADD(hh, *table, uid, sizeof(user->uid), user);
    *ret = user;
    return 0;
}

struct user *user_ref(struct user *user)
{
    user->references++;
    return user;
}

struct user *user_unref(struct user *user)
{
    if (!user || --user->references)
        return NULL;
    if (user->table)
        HASH_DELETE(hh, *user->table, user);
    free(user);
    return NULL;
}

void user_forget_table(struct user **table)
{
    struct user *user, *next;

    HASH_ITER(hh, *table, user, next)
    {
        HASH_DELETE(hh, *table, user);
        user->table = NULL;
    }
}

bool user_may_connect(const struct user *user, unsigned int most)
{
    return !user->guest || user->peers < most / USER_SHARE;
}

/* Of the daemon: a slot has two beside its lease, the others one each. */
static bool user_may_have_fds(const struct user *user, unsigned int more)
{
    uint64_t fds = user->peers + user->leases + user->sends + UINT64_C(2) * user->slots;
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) < 0 || fds + more <= limit.rlim_cur / USER_SHARE;
}

bool user_may_hold(const struct user *user, bool slot, unsigned int slots_each,
                   unsigned int leases_each)
{
    if (!user->guest)
        return true;
    return user->leases < UINT64_C(1) * USER_PROGRAMS * leases_each && user->bytes < USER_BYTES &&
           (!slot || user->slots < UINT64_C(1) * USER_PROGRAMS * slots_each) &&
           user_may_have_fds(user, slot ? 3 : 1);
}

bool user_may_wait(const struct user *user, unsigned int sends_each)
{
    return !user->guest || (user->sends < USER_PROGRAMS * sends_each && user_may_have_fds(user, 1));
}

bool user_has_credit(struct user *user)
{
    uint64_t now = user_now(), earned = (now - user->credited) / USER_CREDIT_PART;

    /* Smaller steps would be rounded away. */
    if (earned)
    {
        user->credited = now;
        user->credit = earned < USER_CREDIT_USEC ? user->credit + (int64_t)earned
                                                 : user->credit + USER_CREDIT_USEC;
        if (user->credit > USER_CREDIT_USEC)
            user->credit = USER_CREDIT_USEC;
    }
    return user->credit > 0;
}

void user_spend(struct user *user, uint64_t usec)
{
    /* Never so deep in debt that it would not be out of it after a second. */
    user->credit -= usec < USER_CREDIT_USEC ? (int64_t)usec : USER_CREDIT_USEC;
    if (user->credit < -USER_CREDIT_USEC)
        user->credit = -USER_CREDIT_USEC;
}

/* --- what one program holds ------------------------------------------------------------------ */

struct charge *charge_new(struct user *user)
{
    struct charge *charge = calloc(1, sizeof(*charge));

    if (!charge)
        return NULL;
    charge->references = 1;
    charge->user = user_ref(user);
    return charge;
}

struct charge *charge_ref(struct charge *charge)
{
    charge->references++;
    return charge;
}

struct charge *charge_unref(struct charge *charge)
{
    if (!charge || --charge->references)
        return NULL;
    user_unref(charge->user);
    free(charge);
    return NULL;
}

void charge_add_lease(struct charge *charge, bool slot, size_t bytes)
{
    charge_ref(charge);
    charge->leases++;
    charge->user->leases++;
    charge->user->bytes += bytes;
    if (slot)
    {
        charge->slots++;
        charge->user->slots++;
    }
}

void charge_drop_lease(struct charge *charge, bool slot, size_t bytes)
{
    charge->leases--;
    charge->user->leases--;
    charge->user->bytes -= bytes;
    if (slot)
    {
        charge->slots--;
        charge->user->slots--;
    }
    charge_unref(charge);
}

void charge_add_send(struct charge *charge)
{
    charge_ref(charge);
    charge->sends++;
    charge->user->sends++;
}

void charge_drop_send(struct charge *charge)
{
    charge->sends--;
    charge->user->sends--;
    charge_unref(charge);
}
