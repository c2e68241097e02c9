/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages that pass through the daemon: from the network, to the network, to a named slot. */
#include "daemon/deliver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control/protocol.h"
#include "daemon/monitor.h"

/* Messages of one client that may wait for names at the same time. */
#define DELIVER_SENDS_MAX 64

/* Of all: no more than the names that may be asked for (net/netbios/query.h). */
#define DELIVER_SENDS_ALL 512

/*
 * A program that lost the processor while it holds the lock of its queue gets it back if the daemon
 * waits; one that has stopped does not, and is not waited for again for a while. The owner pays for
 * the wait, or somebody with many locked slots would have the daemon wait all the time. It waits by
 * trying: the queue's own patience begins anew with each turn of others, whom the owner may play.
 */
#define DELIVER_PATIENCE_USEC (50 * UINT64_C(1000))
#define DELIVER_NO_WAIT_USEC  (1000 * UINT64_C(1000))
#define DELIVER_TRY_NSEC      200000

static int deliver_push(struct slot *slot, const void *data, size_t size)
{
    static const struct timespec pause = {0, DELIVER_TRY_NSEC};
    int r = queue_push(slot->queue, data, size);
    uint64_t start, now;

    if (r != MAILSLOT_BUSY)
        return r;
    start = now = user_now();
    if (now < slot->no_wait_until || !user_has_credit(slot->owner))
        return r;
    while (r == MAILSLOT_BUSY && now - start < DELIVER_PATIENCE_USEC)
    {
        nanosleep(&pause, NULL);
        r = queue_push(slot->queue, data, size);
        now = user_now();
    }
    user_spend(slot->owner, now - start);
    if (r == MAILSLOT_BUSY)
        slot->no_wait_until = now + DELIVER_NO_WAIT_USEC;
    return r;
}

static int deliver_net_push(struct slot *slot, const struct net_message *message)
{
    if (!slot)
        return NET_DELIVER_NO_SLOT;
    switch (deliver_push(slot, message->data, message->size))
    {
    case 0:
        return NET_DELIVER_OK;
    case MAILSLOT_TOO_LARGE:
        return NET_DELIVER_TOO_LARGE;
    case MAILSLOT_CLOSED:
        return NET_DELIVER_NO_SLOT;
    default:
        /* Also a lock that its holder does not release: a datagram may be lost. */
        return NET_DELIVER_FULL;
    }
}

int deliver_from_net(void *userdata, const struct net_message *message)
{
    struct host *host = userdata;
    struct slot *slot = registry_find_lately(host->registry, message->slot, message->slot_size);
    int r = deliver_net_push(slot, message);

    if (monitor_watched(host))
        monitor_tell_net(host, message, slot, r);
    return r;
}

static int deliver_local_push(struct slot *slot, const void *data, size_t size, int if_closed)
{
    int r = deliver_push(slot, data, size);

    return r == MAILSLOT_CLOSED ? if_closed : r;
}

/* enum mailslot_result. Who has a lease was let in when it opened (S1). */
static int deliver_find(struct host *host, const struct deliver_target *target,
                        const struct charge *charge, struct slot **ret)
{
    if (target->lease)
        return registry_lease_slot(target->lease, ret) ? MAILSLOT_CLOSED : MAILSLOT_OK;
    *ret = registry_find(host->registry, target->name, target->name_size);
    if (!*ret)
        return MAILSLOT_NOT_FOUND;
    return registry_may_write(*ret, charge->user) ? MAILSLOT_OK : MAILSLOT_DENIED;
}

static int deliver_local(struct host *host, const struct deliver_target *target, const void *data,
                         size_t size, const struct charge *charge)
{
    struct slot *slot = NULL;
    int r = deliver_find(host, target, charge, &slot);

    if (r == MAILSLOT_OK)
        r = deliver_local_push(slot, data, size,
                               target->lease ? MAILSLOT_CLOSED : MAILSLOT_NOT_FOUND);
    if (monitor_watched(host))
        monitor_tell_local(host, target, data, size, slot, charge, r);
    return r;
}

static int deliver_net_result(int result)
{
    switch (result)
    {
    case NET_OK:
        return MAILSLOT_OK;
    case NET_TOO_LARGE:
    case NET_FRAME_TOO_LARGE:
        return MAILSLOT_TOO_LARGE;
    case NET_UNRESOLVED:
    case NET_BAD_TARGET:
        return MAILSLOT_UNRESOLVED;
    case NET_FORBIDDEN:
        return MAILSLOT_DENIED;
    case NET_BAD_SLOT:
    case NET_NOT_REPRESENTABLE:
        return MAILSLOT_BAD_NAME;
    case -ENOBUFS: /* as many questions as may be open, of this user or of all */
        return MAILSLOT_LIMIT;
    default:
        return result < 0 ? result : MAILSLOT_DENIED;
    }
}

/* Somebody who waits for the result of a send. */
struct deliver_waiting
{
    struct host *host;
    struct monitor_note *note; /* NULL: nobody watches */
    struct charge *charge;     /* set once it is known that it takes longer */
    int answer;                /* the daemon's end of a socket pair */
    bool ended;
    int result;
};

static void deliver_done(void *userdata, int result)
{
    struct deliver_waiting *waiting = userdata;
    int32_t word = deliver_net_result(result);

    monitor_note_tell(waiting->host, waiting->note, word);
    waiting->note = NULL;
    waiting->ended = true;
    waiting->result = word;
    if (!waiting->charge)
        return; /* deliver_send has not returned yet */
    /* There is room for one word. Who asked may be gone: then nobody reads it. */
    (void)!send(waiting->answer, &word, sizeof(word), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (waiting->answer >= 0)
        close(waiting->answer);
    charge_drop_send(waiting->charge);
    free(waiting);
}

/* The send goes on without us. Without descriptors its sender can not be told how it ends. */
static int deliver_wait(struct deliver_waiting *waiting, struct charge *charge, int *ret_answer)
{
    int ends[2] = {-1, -1}, r = CONTROL_PENDING;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        r = -errno;
    waiting->charge = charge;
    charge_add_send(charge);
    waiting->answer = ends[1];
    if (r == CONTROL_PENDING)
        *ret_answer = ends[0];
    return r;
}

static int deliver_remote(struct host *host, const struct net_request *request,
                          struct charge *charge, int *ret_answer)
{
    struct deliver_waiting *waiting;
    int r;

    if (charge->sends >= DELIVER_SENDS_MAX ||
        !user_may_wait(charge->user, DELIVER_SENDS_MAX, DELIVER_SENDS_ALL))
        return MAILSLOT_LIMIT;
    waiting = calloc(1, sizeof(*waiting));
    if (!waiting)
        return -ENOMEM;
    waiting->host = host;
    waiting->note = monitor_note_new(host, request, charge);
    r = net_send(host->net, request, deliver_done, waiting);
    if (r < 0)
        monitor_note_tell(host, waiting->note, r);
    if (r == 0 && !waiting->ended)
        return deliver_wait(waiting, charge, ret_answer);
    r = r == 0 ? waiting->result : deliver_net_result(r);
    free(waiting);
    return r;
}

int deliver_send(struct host *host, const struct deliver_target *target, const void *data,
                 size_t size, struct charge *charge, int *ret_answer)
{
    char name[CONTROL_HOST_MAX + 1];
    struct net_request request = {
        .target = name,
        .slot = target->name,
        .slot_size = target->name_size,
        .data = data,
        .size = size,
        .user = charge->user->guest ? charge->user->uid : 0,
    };

    if (!target->host_size || target->host_size > CONTROL_HOST_MAX ||
        memchr(target->host, 0, target->host_size))
        return MAILSLOT_UNRESOLVED;
    if (target->host_size == 1 && target->host[0] == '.')
        return deliver_local(host, target, data, size, charge);
    memcpy(name, target->host, target->host_size);
    name[target->host_size] = 0;
    return deliver_remote(host, &request, charge, ret_answer);
}
