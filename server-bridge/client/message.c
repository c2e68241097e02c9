/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages: written, read, waited for. No request to the daemon on the local path. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/slot.h"

enum
{
    /* A lock holder that is alive but stopped (SIGSTOP) for this many half seconds is an error. */
    MESSAGE_STUCK_ATTEMPTS = 20,
};

/* How often a blocked read looks for a missing daemon: a little more than CLIENT_RETRY_MS. */
#define MESSAGE_ALONE_NS INT64_C(1100000000)

static int message_result(int queue_result)
{
    switch (queue_result)
    {
    case QUEUE_EMPTY:
        return MAILSLOT_EMPTY;
    case QUEUE_FULL:
        return MAILSLOT_FULL;
    case QUEUE_TOO_LARGE:
        return MAILSLOT_TOO_LARGE;
    case QUEUE_CLOSED:
        return MAILSLOT_CLOSED;
    case QUEUE_BUFFER_TOO_SMALL:
        return MAILSLOT_BUFFER_TOO_SMALL;
    case QUEUE_CORRUPT:
        return -EIO;
    case QUEUE_STUCK:
        return -EDEADLK;
    default:
        return queue_result;
    }
}

/* Somebody holds the queue's lock for too long: the daemon knows whether he still lives. */
static bool message_unstick(struct mailslot *slot, int *attempts)
{
    struct client_call call;
    int r;

    if (++*attempts > MESSAGE_STUCK_ATTEMPTS)
        return false;
    if (client_call_begin(&call, slot->client))
        return true;
    do
    {
        struct control_lease *body = packet_start(&call.packet, CONTROL_STUCK, 0, 0, sizeof(*body));

        body->lease = slot->identity.lease;
        r = client_call_do(&call);
    } while (r == -EAGAIN);
    client_call_end(&call);
    return true;
}

/* Runs a queue operation; it is repeated while the lock is stuck. */
#define MESSAGE_RETRY(slot, expression)                                                            \
    ({                                                                                             \
        int attempts_ = 0, result_;                                                                \
        do                                                                                         \
            result_ = (expression);                                                                \
        while (result_ == QUEUE_STUCK && message_unstick(slot, &attempts_));                       \
        message_result(result_);                                                                   \
    })

int mailslot_write(struct mailslot *slot, const void *data, uint32_t size)
{
    int r;

    switch (slot->identity.kind)
    {
    case CONTROL_KIND_WRITER:
        if (!slot->queue)
            return slot_send(slot, data, size);
        r = MESSAGE_RETRY(slot, queue_push(slot->queue, data, size));
        /* If the owner ended while no daemon ran, only a daemon can find out (P8). */
        client_glance(slot->client, false);
        return r;
    case CONTROL_KIND_REMOTE:
        return slot_send(slot, data, size);
    default:
        return MAILSLOT_DENIED;
    }
}

int mailslot_read(struct mailslot *slot, void *buffer, uint32_t capacity, uint32_t *ret_size)
{
    int r;

    if (slot->identity.kind != CONTROL_KIND_SERVER)
        return MAILSLOT_DENIED;
    r = MESSAGE_RETRY(slot, queue_pop(slot->queue, buffer, capacity, ret_size));
    if (r == MAILSLOT_EMPTY)
        client_glance(slot->client, false);
    return r;
}

int mailslot_read_or_arm(struct mailslot *slot, void *buffer, uint32_t capacity, uint32_t *ret_size)
{
    if (slot->identity.kind != CONTROL_KIND_SERVER)
        return MAILSLOT_DENIED;
    return MESSAGE_RETRY(slot, queue_pop_or_arm(slot->queue, buffer, capacity, ret_size));
}

int mailslot_fd(const struct mailslot *slot)
{
    return slot->queue ? queue_fd(slot->queue) : -1;
}

static int64_t message_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/*
 * Sleeps until the queue, the canceller or a lost daemon wakes it. deadline: ns, -1 = never. While
 * there is no daemon nothing tells when one is back: then it looks for one now and then, since
 * nobody finds this slot by name before it has been shown again.
 */
static int message_sleep(struct mailslot *slot, int64_t deadline, struct mailslot_cancel *cancel)
{
    int socket = __atomic_load_n(&slot->client->socket, __ATOMIC_RELAXED);
    /* The connection is only watched for its end: POLLHUP needs no asking. */
    struct pollfd entries[3] = {
        {.fd = queue_fd(slot->queue), .events = POLLIN},
        {.fd = cancel ? *(int *)cancel : -1, .events = POLLIN},
        {.fd = socket},
    };
    int64_t ns = deadline < 0 ? -1 : deadline - message_now();
    struct timespec left;
    int n;

    if (deadline >= 0 && ns <= 0)
        return MAILSLOT_TIMEOUT;
    if (socket < 0 && (ns < 0 || ns > MESSAGE_ALONE_NS))
        ns = MESSAGE_ALONE_NS;
    left.tv_sec = ns / 1000000000;
    left.tv_nsec = ns % 1000000000;
    n = ppoll(entries, 3, ns < 0 ? NULL : &left, NULL);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    if (entries[1].revents)
        return MAILSLOT_CANCELLED;
    if (entries[2].revents || (n == 0 && socket < 0))
        client_glance(slot->client, true);
    return 0;
}

int mailslot_read_wait(struct mailslot *slot, void *buffer, uint32_t capacity, uint32_t timeout,
                       struct mailslot_cancel *cancel, uint32_t *ret_size)
{
    int64_t deadline =
        timeout == MAILSLOT_FOREVER ? -1 : message_now() + timeout * INT64_C(1000000);
    int r;

    for (;;)
    {
        r = mailslot_read_or_arm(slot, buffer, capacity, ret_size);
        if (r != MAILSLOT_EMPTY)
            return r;
        r = message_sleep(slot, deadline, cancel);
        if (r)
            return r;
    }
}

/* A canceller is its eventfd. */
static int message_cancel_make(int **ret)
{
    int *cancel = malloc(sizeof(*cancel));

    if (!cancel)
        return -ENOMEM;
    *cancel = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (*cancel < 0)
    {
        int r = -errno;

        free(cancel);
        return r;
    }
    *ret = cancel;
    return 0;
}

int mailslot_cancel_new(struct mailslot_cancel **ret)
{
    sigset_t all, before;
    int *cancel = NULL, r;

    /* Wine kills a thread by a signal: not while it has the lock of malloc. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    r = message_cancel_make(&cancel);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r < 0)
        return r;
    *ret = (struct mailslot_cancel *)cancel;
    return 0;
}

struct mailslot_cancel *mailslot_cancel_free(struct mailslot_cancel *cancel)
{
    if (cancel)
        close(*(int *)cancel);
    free(cancel);
    return NULL;
}

void mailslot_cancel_now(struct mailslot_cancel *cancel)
{
    /* The counter cannot overflow with one each; a failure would mean that it is set already. */
    (void)eventfd_write(*(int *)cancel, 1);
}

void mailslot_cancel_reset(struct mailslot_cancel *cancel)
{
    eventfd_t value;

    (void)eventfd_read(*(int *)cancel, &value);
}

int mailslot_peek(struct mailslot *slot, void *buffer, uint32_t capacity, uint32_t *ret_size)
{
    uint32_t count;

    if (slot->identity.kind != CONTROL_KIND_SERVER)
        return MAILSLOT_DENIED;
    return MESSAGE_RETRY(slot, queue_peek(slot->queue, buffer, capacity, ret_size, &count));
}

int mailslot_info(struct mailslot *slot, struct mailslot_info *ret)
{
    struct queue_info info;
    int r;

    if (!slot->queue)
        return MAILSLOT_DENIED;
    r = MESSAGE_RETRY(slot, queue_info(slot->queue, &info));
    if (r)
        return r;
    *ret = (struct mailslot_info){
        .max_message = info.max_message,
        .read_timeout = info.read_timeout,
        .next_size = info.next_size,
        .count = info.count,
    };
    if (!info.count)
        client_glance(slot->client, false);
    return 0;
}

int mailslot_set_read_timeout(struct mailslot *slot, uint32_t ms)
{
    if (slot->identity.kind != CONTROL_KIND_SERVER)
        return MAILSLOT_DENIED;
    queue_set_read_timeout(slot->queue, ms);
    return 0;
}

int mailslot_set_security(struct mailslot *slot, const void *data, uint32_t size)
{
    if (!slot->queue)
        return MAILSLOT_DENIED;
    return MESSAGE_RETRY(slot, queue_set_note(slot->queue, data, size));
}

int mailslot_security(struct mailslot *slot, void *buffer, uint32_t capacity, uint32_t *ret_size)
{
    if (!slot->queue)
        return MAILSLOT_DENIED;
    return MESSAGE_RETRY(slot, queue_note(slot->queue, buffer, capacity, ret_size));
}

int mailslot_status(struct mailslot_client *client, char **ret)
{
    struct client_call call;
    struct stat st;
    char *text;
    int fd, r;

    r = client_call_begin(&call, client);
    if (r)
        return r;
    do
    {
        packet_start(&call.packet, CONTROL_STATUS, 0, 0, 0);
        r = client_call_do(&call);
    } while (r == -EAGAIN);
    fd = r == 0 ? packet_take_fd(&call.packet, 0) : -1;
    client_call_end(&call);
    if (r)
        return r;
    if (fd < 0)
        return -EPROTO;
    if (fstat(fd, &st) < 0 || st.st_size > 64 << 20)
    {
        close(fd);
        return -EPROTO;
    }
    text = malloc(st.st_size + 1);
    if (!text || pread(fd, text, st.st_size, 0) != st.st_size)
    {
        free(text);
        close(fd);
        return text ? -EIO : -ENOMEM;
    }
    text[st.st_size] = 0;
    close(fd);
    *ret = text;
    return 0;
}
