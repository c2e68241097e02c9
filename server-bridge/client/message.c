/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages: written, read, waited for. No request to the daemon on the local path. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/slot.h"
#include "queue/lock.h"

int mailslot_write(struct mailslot *slot, const void *data, uint32_t size)
{
    if (slot->identity.kind == MAILSLOT_SERVER)
        return MAILSLOT_DENIED;
    return slot->queue ? queue_push(slot->queue, data, size) : slot_send(slot, data, size);
}

int mailslot_read(struct mailslot *slot, void *buffer, uint32_t capacity, uint32_t *ret_size)
{
    if (slot->identity.kind != MAILSLOT_SERVER)
        return MAILSLOT_DENIED;
    return queue_pop(slot->queue, buffer, capacity, ret_size);
}

int mailslot_read_or_arm(struct mailslot *slot, void *buffer, uint32_t capacity, uint32_t *ret_size)
{
    if (slot->identity.kind != MAILSLOT_SERVER)
        return MAILSLOT_DENIED;
    return queue_pop_or_arm(slot->queue, buffer, capacity, ret_size);
}

void mailslot_defer_signal(int number)
{
    lock_defer_signal(number);
}

void mailslot_abandon(void)
{
    queue_abandon();
}

int mailslot_fd(const struct mailslot *slot)
{
    return slot->queue ? queue_fd(slot->queue) : -1;
}

/* --- waiting --------------------------------------------------------------------------------- */

struct mailslot_cancel
{
    uint32_t cancelled;
    struct queue *queue; /* on which the read sleeps */
};

static int64_t message_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int mailslot_read_wait(struct mailslot *slot, void *buffer, uint32_t capacity, uint32_t timeout,
                       struct mailslot_cancel *cancel, uint32_t *ret_size)
{
    int64_t until = timeout == MAILSLOT_FOREVER ? -1 : message_now() + timeout * INT64_C(1000000);
    int r;

    if (slot->identity.kind != MAILSLOT_SERVER)
        return MAILSLOT_DENIED;
    if (cancel)
        __atomic_store_n(&cancel->queue, slot->queue, __ATOMIC_SEQ_CST);
    r = queue_pop_wait(slot->queue, buffer, capacity, until, cancel ? &cancel->cancelled : NULL,
                       ret_size);
    if (cancel)
        __atomic_store_n(&cancel->queue, NULL, __ATOMIC_SEQ_CST);
    return r;
}

int mailslot_cancel_new(struct mailslot_cancel **ret)
{
    struct mailslot_cancel *cancel;
    sigset_t all, before;

    /* Wine kills a thread by a signal: not while it has the lock of malloc. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    cancel = calloc(1, sizeof(*cancel));
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!cancel)
        return -ENOMEM;
    *ret = cancel;
    return 0;
}

struct mailslot_cancel *mailslot_cancel_free(struct mailslot_cancel *cancel)
{
    free(cancel);
    return NULL;
}

void mailslot_cancel_now(struct mailslot_cancel *cancel)
{
    struct queue *queue;

    __atomic_store_n(&cancel->cancelled, 1, __ATOMIC_SEQ_CST);
    queue = __atomic_load_n(&cancel->queue, __ATOMIC_SEQ_CST);
    if (queue)
        queue_stir(queue);
}

void mailslot_cancel_reset(struct mailslot_cancel *cancel)
{
    __atomic_store_n(&cancel->cancelled, 0, __ATOMIC_SEQ_CST);
}

int mailslot_peek(struct mailslot *slot, void *buffer, uint32_t capacity, uint32_t *ret_size)
{
    uint32_t count;

    if (slot->identity.kind != MAILSLOT_SERVER)
        return MAILSLOT_DENIED;
    return queue_peek(slot->queue, buffer, capacity, ret_size, &count);
}

int mailslot_info(struct mailslot *slot, struct mailslot_info *ret)
{
    struct queue_info info;
    int r;

    if (!slot->queue)
        return MAILSLOT_DENIED;
    r = queue_info(slot->queue, &info);
    if (r)
        return r;
    *ret = (struct mailslot_info){
        .max_message = info.max_message,
        .read_timeout = info.read_timeout,
        .next_size = info.next_size,
        .count = info.count,
    };
    return 0;
}

int mailslot_set_read_timeout(struct mailslot *slot, uint32_t ms)
{
    if (slot->identity.kind != MAILSLOT_SERVER)
        return MAILSLOT_DENIED;
    queue_set_read_timeout(slot->queue, ms);
    return 0;
}

int mailslot_set_security(struct mailslot *slot, const void *data, uint32_t size)
{
    if (!slot->queue)
        return MAILSLOT_DENIED;
    return queue_set_note(slot->queue, data, size);
}

int mailslot_security(struct mailslot *slot, void *buffer, uint32_t capacity, uint32_t *ret_size)
{
    if (!slot->queue)
        return MAILSLOT_DENIED;
    return queue_note(slot->queue, buffer, capacity, ret_size);
}

int mailslot_status(struct mailslot_client *client, char **ret)
{
    static const struct client_request request = {.type = CONTROL_STATUS};
    struct client_reply reply;
    struct stat st;
    char *text;
    int fd, r;

    r = client_ask(client, &request, &reply);
    fd = r == 0 ? packet_take_fd(&reply.packet, 0) : -1;
    client_done(&reply);
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
