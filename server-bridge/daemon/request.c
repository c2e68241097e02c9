/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each request of the control protocol does. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/deliver.h"
#include "daemon/log.h"
#include "daemon/monitor.h"
#include "daemon/peer.h"
#include "daemon/reload.h"
#include "daemon/status.h"

/* A handler gets the request in `packet` and leaves the reply there. Positive: enum
 * mailslot_result. */
typedef int (*request_fn)(struct peer *peer, struct packet *packet);

static int request_start_reply(struct packet *packet, int32_t result, size_t body_size, void **ret)
{
    const struct control_header *request = packet_header(packet);
    void *body;

    packet_close_fds(packet); /* whatever came with the request and was not taken */
    body = packet_start(packet, request->type, request->serial, result, body_size);
    if (ret)
        *ret = body;
    return 0;
}

/* Descriptors of the daemon go out as copies: the packet closes what it carries. */
static int request_add_copy(struct packet *packet, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (copy < 0)
        return -errno;
    packet_add_fd(packet, copy);
    return 0;
}

static const struct user *request_user(const struct peer *peer)
{
    return peer->charge->user;
}

static int request_hello(struct peer *peer, struct packet *packet)
{
    struct control_hello hello;
    struct control_welcome *welcome;
    const uint8_t *program;
    size_t size;
    void *body;

    if (peer->greeted)
        return -EPROTO;
    packet_body(packet, &hello, sizeof(hello));
    program = packet_extra(packet, sizeof(hello), &size);
    if (size > 255)
        return -EPROTO;
    peer->program = strndup((const char *)program, size);
    if (!peer->program)
        return -ENOMEM;
    peer->pid = hello.pid;
    peer->greeted = true;
    request_start_reply(packet, MAILSLOT_OK, sizeof(*welcome), &body);
    welcome = body;
    welcome->daemon_pid = getpid();
    host_check_idle(peer->host);
    return 0;
}

/*
 * The reply that gives a handle. Takes far_end (-1 for none). The queue goes along only if it is
 * the user's own: memory cannot be taken back, and who has it can make its owner fail.
 */
static int request_reply_lease(struct packet *packet, struct lease *lease, int far_end)
{
    struct control_slot *slot;
    void *body;
    int r = 0;

    request_start_reply(packet, MAILSLOT_OK, sizeof(*slot), &body);
    slot = body;
    slot->lease = lease->id;
    slot->kind = lease->kind;
    slot->inode = lease->inode.id;
    if (lease->slot)
    {
        slot->slot = lease->slot->id.id;
        slot->created = lease->slot->created;
    }
    slot->host_size = strlen(lease->host);
    if (far_end >= 0)
        packet_add_fd(packet, far_end);
    r = packet_append(packet, lease->host, strlen(lease->host));
    if (r == 0)
        r = packet_append(packet, lease->name, strlen(lease->name));
    if (r == 0 && lease->slot && registry_is_owner(lease->slot, lease->charge->user))
    {
        r = request_add_copy(packet, lease->slot->memfd);
        if (r == 0)
            r = request_add_copy(packet, queue_fd(lease->slot->queue));
    }
    return r;
}

/* `own_slot`: the handle is that of a slot's owner. `new_slot`: it brings a slot that is new here.
 */
static bool request_may_have(const struct peer *peer, bool own_slot, bool new_slot)
{
    const struct config *config = peer->host->config;

    return peer->charge->leases < config->handles_per_client &&
           (!own_slot || peer->charge->slots < config->slots_per_client) &&
           user_may_hold(request_user(peer), new_slot, config->slots_per_client,
                         config->handles_per_client);
}

static int request_create(struct peer *peer, struct packet *packet)
{
    struct queue_config config = {.quota = peer->host->config->slot_quota};
    struct control_create create;
    struct lease *lease;
    const uint8_t *name;
    int far_end, r;
    size_t size;

    packet_body(packet, &create, sizeof(create));
    name = packet_extra(packet, sizeof(create), &size);
    config.max_message = create.max_message;
    config.read_timeout = create.read_timeout;
    if (!request_may_have(peer, true, true))
        return MAILSLOT_LIMIT;
    r = registry_create(peer->host->registry, (const char *)name, size, &config, peer->charge,
                        &lease, &far_end);
    if (r == -EFBIG)
        log_line(LOG_ERR, "no slot can be made: mailslotd was started with a limit for the size of "
                          "files (ulimit -f) that is below that of a slot's memory; start it "
                          "without one");
    return r ? r : request_reply_lease(packet, lease, far_end);
}

static int request_open(struct peer *peer, struct packet *packet)
{
    struct lease *lease;
    const uint8_t *name;
    int far_end, r;
    size_t size;

    name = packet_extra(packet, 0, &size);
    if (!request_may_have(peer, false, false))
        return MAILSLOT_LIMIT;
    r = registry_open(peer->host->registry, (const char *)name, size, peer->charge, &lease,
                      &far_end);
    return r ? r : request_reply_lease(packet, lease, far_end);
}

static int request_remote(struct peer *peer, struct packet *packet)
{
    struct control_remote remote;
    struct lease *lease;
    const char *extra;
    int far_end, r;
    size_t size;

    packet_body(packet, &remote, sizeof(remote));
    extra = (const char *)packet_extra(packet, sizeof(remote), &size);
    if (remote.host_size > size || remote.host_size > CONTROL_HOST_MAX)
        return -EPROTO;
    if (!request_may_have(peer, false, false))
        return MAILSLOT_LIMIT;
    r = registry_open_remote(peer->host->registry, extra, remote.host_size,
                             extra + remote.host_size, size - remote.host_size, peer->charge,
                             &lease, &far_end);
    return r ? r : request_reply_lease(packet, lease, far_end);
}

static int request_adopt(struct peer *peer, struct packet *packet)
{
    struct slot *slot;
    struct lease *lease;
    struct stat st, own;
    int r;

    if (!packet->n_fds || fstat(packet->fds[0], &st) < 0 || !S_ISFIFO(st.st_mode))
        return MAILSLOT_NOT_LEASE;
    lease = registry_lease_by_inode(peer->host->registry, request_user(peer), st.st_ino);
    if (!lease)
    {
        if (!request_may_have(peer, false, false))
            return MAILSLOT_LIMIT;
        r = registry_borrow(peer->host->registry, st.st_ino, peer->charge, &lease);
        if (r)
            return r;
    }
    /* The number alone is no proof: a named pipe elsewhere may have the same. */
    if (!lease || fstat(lease->watch, &own) < 0 || st.st_dev != own.st_dev)
        return MAILSLOT_NOT_LEASE;
    /* A writer whose slot is gone has no queue to be shown: it is told so by what is missing. */
    if (!lease->slot && lease->kind == MAILSLOT_WRITER)
    {
        r = registry_lease_slot(lease, &slot);
        if (r)
            return r;
    }
    if (!lease->slot && lease->kind != MAILSLOT_REMOTE)
        return MAILSLOT_NOT_FOUND;
    return request_reply_lease(packet, lease, -1);
}

static struct lease *request_find_lease(struct peer *peer, const struct packet *packet)
{
    struct control_lease body;

    packet_body(packet, &body, sizeof(body));
    return registry_lease(peer->host->registry, request_user(peer), body.lease);
}

static int request_check(struct peer *peer, struct packet *packet)
{
    struct lease *lease = request_find_lease(peer, packet);
    struct control_lease body;

    packet_body(packet, &body, sizeof(body));
    if (!body.lease)
        registry_check_all(peer->host->registry);
    else if (lease)
        registry_check(lease);
    return request_start_reply(packet, MAILSLOT_OK, 0, NULL);
}

/* Who a message is for; the rest of the packet is the message. Returns enum mailslot_result. */
static int request_read_send(struct peer *peer, const struct packet *packet,
                             struct deliver_target *ret_target, const char **ret_data,
                             size_t *ret_size)
{
    struct control_send body;
    struct lease *lease;
    const char *extra;
    size_t size;

    packet_body(packet, &body, sizeof(body));
    extra = (const char *)packet_extra(packet, sizeof(body), &size);
    if (body.lease)
    {
        lease = registry_lease(peer->host->registry, request_user(peer), body.lease);
        if (!lease || lease->kind == MAILSLOT_SERVER)
            return MAILSLOT_NOT_LEASE;
        *ret_target = (struct deliver_target){lease->host, strlen(lease->host), lease->name,
                                              strlen(lease->name), lease};
        if (lease->kind == MAILSLOT_WRITER)
        {
            ret_target->host = ".";
            ret_target->host_size = 1;
        }
    }
    else
    {
        if (body.host_size > CONTROL_HOST_MAX || body.host_size > size ||
            body.name_size > size - body.host_size)
            return -EPROTO;
        *ret_target = (struct deliver_target){extra, body.host_size, extra + body.host_size,
                                              body.name_size, NULL};
        extra += body.host_size + body.name_size;
        size -= body.host_size + body.name_size;
    }
    *ret_data = extra;
    *ret_size = size;
    return MAILSLOT_OK;
}

static int request_send(struct peer *peer, struct packet *packet)
{
    struct deliver_target target;
    struct control_sent *sent;
    int answer = -1, r;
    const char *data;
    size_t size;
    void *body;

    r = request_read_send(peer, packet, &target, &data, &size);
    if (r == MAILSLOT_OK)
        r = deliver_send(peer->host, &target, data, size, peer->charge, &answer);
    if (r == CONTROL_PENDING)
    {
        request_start_reply(packet, CONTROL_PENDING, 0, NULL);
        packet_add_fd(packet, answer);
        return 0;
    }
    if (r)
        return r;
    request_start_reply(packet, MAILSLOT_OK, sizeof(*sent), &body);
    sent = body;
    /* A slot on this machine may be full or gone at the next message: that must be told. */
    sent->quiet_ms = target.host_size == 1 && *target.host == '.' ? 0 : DELIVER_QUIET_MS;
    sent->quiet_size = size > UINT32_MAX ? UINT32_MAX : size;
    return 0;
}

/* Only for leases: the names of the others would have to be checked again by somebody. */
static int request_post(struct peer *peer, struct packet *packet)
{
    struct deliver_target target;
    int answer = -1, r;
    const char *data;
    size_t size;

    r = request_read_send(peer, packet, &target, &data, &size);
    if (r == MAILSLOT_OK)
        r = deliver_send(peer->host, &target, data, size, peer->charge, &answer);
    if (answer >= 0)
        close(answer);
    /* Whatever it was: the sender has been told that it need not know. */
    return r == -EPROTO ? r : REQUEST_NO_REPLY;
}

static int request_status(struct peer *peer, struct packet *packet)
{
    int fd, r;

    r = status_make(peer->host, request_user(peer), &fd);
    if (r < 0)
        return r;
    request_start_reply(packet, MAILSLOT_OK, 0, NULL);
    packet_add_fd(packet, fd);
    return 0;
}

static int request_monitor(struct peer *peer, struct packet *packet)
{
    int far_end, r;

    r = monitor_new(peer, &far_end);
    if (r)
        return r;
    request_start_reply(packet, MAILSLOT_OK, 0, NULL);
    packet_add_fd(packet, far_end);
    return 0;
}

static int request_reload(struct peer *peer, struct packet *packet)
{
    struct control_reloaded *reloaded;
    struct reload_report report;
    bool refused;
    void *body;

    if (!peer->host->reload)
        return -EOPNOTSUPP;
    if (!reload_allowed(peer->socket))
        return MAILSLOT_DENIED;
    refused = reload_now(peer->host->reload, &report) < 0;
    request_start_reply(packet, MAILSLOT_OK, sizeof(*reloaded), &body);
    reloaded = body;
    reloaded->refused = refused;
    return packet_append(packet, report.text, report.size);
}

static const request_fn requests[] = {
    [CONTROL_HELLO] = request_hello,   [CONTROL_CREATE] = request_create,
    [CONTROL_OPEN] = request_open,     [CONTROL_REMOTE] = request_remote,
    [CONTROL_ADOPT] = request_adopt,   [CONTROL_CHECK] = request_check,
    [CONTROL_SEND] = request_send,     [CONTROL_STATUS] = request_status,
    [CONTROL_POST] = request_post,     [CONTROL_MONITOR] = request_monitor,
    [CONTROL_RELOAD] = request_reload,
};

_Static_assert(sizeof(requests) / sizeof(*requests) == CONTROL_TYPES, "a handler for each type");

int request_answer(struct peer *peer, struct packet *packet)
{
    struct control_header header = *packet_header(packet);
    int r;

    if (header.version != CONTROL_VERSION)
        r = header.version == 1 ? CONTROL_VERSION_1_REFUSED : MAILSLOT_VERSION;
    else if (!header.type || header.type >= CONTROL_TYPES ||
             (!peer->greeted && header.type != CONTROL_HELLO))
        r = -EPROTO;
    else
        r = requests[header.type](peer, packet);
    if (r == 0 || r == REQUEST_NO_REPLY)
        return r;
    packet_close_fds(packet);
    if (r == -EPROTO)
        return r;
    /* A failed request is the client's to know; the connection goes on. */
    packet_start(packet, header.type, header.serial, r, 0);
    return 0;
}
