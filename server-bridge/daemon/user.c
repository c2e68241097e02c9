/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Users: what all programs of one uid have together, and how much of the daemon they may use. */
#include "daemon/user.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

/*
 * Limits per program stop a program with a fault; a user who means it starts more programs. So a
 * guest's programs together may have a few times what one may have, and never more than a quarter
 * of what the others leave of the daemon's connections, descriptors and memory: however many users
 * have their share, the next one gets one, too. (One person may have thousands of uids: subuid(5).)
 * A part is not shared out at all. It stays for root, who has to look after the machine, for the
 * daemon's user, and for the daemon's own sockets.
 *
 * Time is shared in another way. The work for a guest, and the waiting for locks that a guest's
 * programs hold, is paid from a credit that grows with a tenth of the time that passes. Who has
 * used it up is served only when nobody else asks for anything (peer.c), and is waited for no
 * longer (deliver.c): alone on the machine it notices nothing of the former. A debt is not left
 * behind by leaving: who has some is remembered, at rest, until it would be paid.
 */
#define USER_PROGRAMS    4
#define USER_SHARE       4
#define USER_KEPT        16         /* one of so many is not for guests */
#define USER_BYTES       (4u << 20) /* of names: 60 for each handle that one may have by default */
#define USERS_BYTES      (64u << 20)
#define USER_CREDIT_USEC 100000
#define USER_CREDIT_PART 10

/*
 * A guest's debt goes so deep that the most expensive request (a status with all slots that there
 * may be) is paid in full; after ten seconds it is out of it. The others owe only for locks.
 */
#define USER_DEBT_USEC       100000
#define USER_GUEST_DEBT_USEC 1000000

/* After so long any debt is paid, and the credit full. */
#define USER_REST_USEC   (UINT64_C(1) * USER_CREDIT_PART * (USER_CREDIT_USEC + USER_GUEST_DEBT_USEC))
#define USER_RESTING_MAX 4096

uint64_t user_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * UINT64_C(1000000) + now.tv_nsec / 1000;
}

static void user_delete(struct user *user)
{
    if (user->users)
        HASH_DELETE(hh, user->users->by_uid, user);
    free(user);
}

static void user_wake(struct user *user)
{
    DL_DELETE(user->users->resting, user);
    user->users->n_resting--;
}

/* Forgets those who have rested long enough, or `all`. */
static void users_end_rest(struct users *users, bool all)
{
    struct user *user, *next;
    uint64_t now = user_now();

    DL_FOREACH_SAFE(users->resting, user, next)
    {
        if (!all && users->n_resting <= USER_RESTING_MAX && now - user->left < USER_REST_USEC)
            break;
        user_wake(user);
        user_delete(user);
    }
}

int user_get(struct users *users, uid_t uid, struct user **ret)
{
    struct user *user;

    users_end_rest(users, false);
    HASH_FIND(hh, users->by_uid, &uid, sizeof(uid), user);
    if (user)
    {
        if (!user->references)
            user_wake(user);
        *ret = user_ref(user);
        return 0;
    }
    user = calloc(1, sizeof(*user));
    if (!user)
        return -ENOMEM;
    user->users = users;
    user->uid = uid;
    user->guest = uid != 0 && uid != geteuid();
    user->references = 1;
    user->credit = USER_CREDIT_USEC;
    user->credited = user_now();
    HASH_ADD(hh, users->by_uid, uid, sizeof(user->uid), user);
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
    struct users *users;

    if (!user || --user->references)
        return NULL;
    users = user->users;
    (void)user_has_credit(user); /* brings it up to date */
    if (!users || !user->guest || user->credit == USER_CREDIT_USEC)
    {
        user_delete(user);
        return NULL;
    }
    user->left = user_now();
    DL_APPEND(users->resting, user);
    users->n_resting++;
    users_end_rest(users, false);
    return NULL;
}

void users_deinit(struct users *users)
{
    struct user *user, *next;

    users_end_rest(users, true);
    HASH_ITER(hh, users->by_uid, user, next)
    {
        HASH_DELETE(hh, users->by_uid, user);
        user->users = NULL;
    }
    *users = (struct users){0};
}

/* What one may have of `most` when the others have so many. */
static uint64_t user_share(uint64_t most, uint64_t others)
{
    return others < most ? (most - others) / USER_SHARE : 0;
}

/* The same of what is kept in part: see above. */
static uint64_t user_share_kept(uint64_t most, uint64_t others)
{
    return user_share(most - most / USER_KEPT, others);
}

/* What all have together; one whose table is gone is alone. */
static const struct user_holds *user_all(const struct user *user)
{
    return user->users ? &user->users->holds : &user->holds;
}

/* Of the daemon: a slot has two beside its lease, the others one each. */
static uint64_t holds_fds(const struct user_holds *holds)
{
    return UINT64_C(0) + holds->peers + holds->leases + holds->sends + UINT64_C(2) * holds->slots;
}

/* Of what the daemon may have, when the others have so many. */
static uint64_t user_share_fds(uint64_t others)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? UINT64_MAX
                                                : user_share_kept(limit.rlim_cur, others);
}

static bool user_may_have_fds(const struct user *user, unsigned int more)
{
    uint64_t own = holds_fds(&user->holds);

    return own + more <= user_share_fds(holds_fds(user_all(user)) - own);
}

/* Who has all the handles that he may have can still connect: connections count alone here. */
bool user_may_connect(const struct user *user, unsigned int most)
{
    const struct user_holds *own = &user->holds, *all = user_all(user);

    return !user->guest || (own->peers < user_share_kept(most, all->peers - own->peers) &&
                            own->peers < user_share_fds(holds_fds(all) - holds_fds(own)));
}

/* The kernel lets as many be on their way as the daemon may have. */
bool user_may_be_sent(const struct user *user, unsigned int fds)
{
    unsigned int others = user_all(user)->flight - user->holds.flight;

    return !user->guest || user->holds.flight + fds <= user_share_fds(others);
}

static bool user_may_have_bytes(const struct user *user)
{
    uint64_t share = user_share(USERS_BYTES, user_all(user)->bytes - user->holds.bytes);

    return user->holds.bytes < (share < USER_BYTES ? share : USER_BYTES);
}

bool user_may_hold(const struct user *user, bool slot, unsigned int slots_each,
                   unsigned int leases_each)
{
    const struct user_holds *holds = &user->holds;

    if (!user->guest)
        return true;
    return holds->leases < UINT64_C(1) * USER_PROGRAMS * leases_each && user_may_have_bytes(user) &&
           (!slot || holds->slots < UINT64_C(1) * USER_PROGRAMS * slots_each) &&
           user_may_have_fds(user, slot ? 3 : 1);
}

bool user_may_wait(const struct user *user, unsigned int sends_each, unsigned int most)
{
    unsigned int others = user_all(user)->sends - user->holds.sends;

    return !user->guest ||
           (user->holds.sends < USER_PROGRAMS * sends_each &&
            user->holds.sends < user_share_kept(most, others) && user_may_have_fds(user, 1));
}

/* For the user and for all together. */
#define USER_COUNT(user, field, number)                                                            \
    do                                                                                             \
    {                                                                                              \
        (user)->holds.field += (number);                                                           \
        if ((user)->users)                                                                         \
            (user)->users->holds.field += (number);                                                \
    } while (0)

void user_add_peer(struct user *user)
{
    USER_COUNT(user, peers, 1);
}

void user_drop_peer(struct user *user)
{
    USER_COUNT(user, peers, -1);
}

void user_add_flight(struct user *user, unsigned int fds)
{
    USER_COUNT(user, flight, fds);
}

void user_drop_flight(struct user *user, unsigned int fds)
{
    USER_COUNT(user, flight, -fds);
}

void user_add_slot(struct user *user, size_t bytes)
{
    USER_COUNT(user, slots, 1);
    USER_COUNT(user, bytes, bytes);
}

void user_drop_slot(struct user *user, size_t bytes)
{
    USER_COUNT(user, slots, -1);
    USER_COUNT(user, bytes, -(uint64_t)bytes);
}

bool user_has_credit(struct user *user)
{
    const uint64_t most = USER_CREDIT_USEC + USER_GUEST_DEBT_USEC;
    uint64_t now = user_now(), earned = (now - user->credited) / USER_CREDIT_PART;

    /* Smaller steps would be rounded away. */
    if (earned)
    {
        user->credited = now;
        user->credit += (int64_t)(earned < most ? earned : most);
        if (user->credit > USER_CREDIT_USEC)
            user->credit = USER_CREDIT_USEC;
    }
    return user->credit > 0;
}

void user_spend(struct user *user, uint64_t usec)
{
    int64_t most = user->guest ? USER_GUEST_DEBT_USEC : USER_DEBT_USEC;
    uint64_t now = user_now();

    /* Or the next request would be paid with what the last one has cost. */
    user->credited += usec;
    if (user->credited > now)
        user->credited = now;
    user->credit -= usec < USER_GUEST_DEBT_USEC ? (int64_t)usec : USER_GUEST_DEBT_USEC;
    if (user->credit < -most)
        user->credit = -most;
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
    charge->slots += slot;
    USER_COUNT(charge->user, leases, 1);
    USER_COUNT(charge->user, bytes, bytes);
}

void charge_drop_lease(struct charge *charge, bool slot, size_t bytes)
{
    charge->leases--;
    charge->slots -= slot;
    USER_COUNT(charge->user, leases, -1);
    USER_COUNT(charge->user, bytes, -(uint64_t)bytes);
    charge_unref(charge);
}

void charge_add_send(struct charge *charge)
{
    charge_ref(charge);
    charge->sends++;
    USER_COUNT(charge->user, sends, 1);
}

void charge_drop_send(struct charge *charge)
{
    charge->sends--;
    USER_COUNT(charge->user, sends, -1);
    charge_unref(charge);
}
