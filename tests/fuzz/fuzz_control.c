/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: requests of hostile clients to the daemon, in one process with it */

/*
 * The input is a list of commands of up to three clients of one daemon, which is new for each
 * input. A packet can be any bytes, or have a correct header and the ids that the daemon gave out
 * before, which nobody guesses; descriptors of any kind go with it, also those that the daemon
 * sent, and some that belong to it. What must hold: each request of an open connection has exactly
 * one reply (a POST has none), with its serial, or ends the connection; nothing comes unasked; the
 * limits per client hold; the daemon comes to rest; in the end every descriptor is closed again.
 */

#include "guard.h"
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/packet.h"
#include "daemon/host.h"
#include "daemon/peer.h"
#include "queue/layout.h"

#define CLIENTS      3
#define KEPT         16 /* descriptors that the clients keep */
#define COMMANDS_MAX 64
#define LIMIT_SLOTS  3
#define LIMIT_LEASES 6
/* Far more turns of the loop than what one command can cause. */
#define TURNS_MAX 1000

enum command
{
    COMMAND_CONNECT, /* or hang up, if connected */
    COMMAND_REQUEST, /* with a correct header */
    COMMAND_BYTES,
    COMMAND_CLOSE, /* a kept descriptor */
    COMMAND_SPOIL, /* bytes into a kept descriptor */
    COMMANDS
};

enum gift
{
    GIFT_NONE,
    GIFT_KEPT,
    GIFT_SOCKET, /* its other end is kept */
    GIFT_DEAD_SOCKET,
    GIFT_PIPE,
    GIFT_EVENTFD,
    GIFT_MEMFD,
    GIFT_DAEMONS, /* one of the daemon's own: a client can not have it, but may have one like it */
    GIFTS
};

struct client
{
    int socket; /* -1: not connected */
    bool greeted;
};

struct target
{
    struct config config;
    struct host host;
    struct client clients[CLIENTS];
    int kept[KEPT]; /* -1: none */
    unsigned int next_kept;
    struct control_slot known[KEPT]; /* what replies said */
    unsigned int next_known;
};

static uint64_t target_random;

/* The ids of daemon and registry: the same in each run of an input, and never the same twice. */
ssize_t getrandom(void *buffer, size_t size, unsigned int flags)
{
    (void)flags;
    for (size_t i = 0; i < size; i++)
    {
        target_random = target_random * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)buffer)[i] = (uint8_t)(target_random >> 56);
    }
    return (ssize_t)size;
}

/* A daemon that has not made sure that it never gets this one is dead now. */
static void target_on_sigpipe(int number)
{
    (void)number;
    abort();
}

static void target_keep(struct target *target, int fd)
{
    int *place = &target->kept[target->next_kept++ % KEPT];

    if (*place >= 0)
    {
        close(*place);
    }
    *place = fd;
}

/* Lets the daemon work until it has nothing left to do, which must come. */
static void target_settle(struct target *target)
{
    int r = 1;

    for (unsigned int turn = 0; r > 0; turn++)
    {
        TARGET_CHECK(turn < TURNS_MAX);
        r = sd_event_run(target->host.event, 0);
        TARGET_CHECK(r >= 0 || r == -EINTR);
    }
}

static void target_check_limits(struct target *target)
{
    unsigned int n = 0;

    for (struct peer *peer = target->host.peers; peer; peer = peer->next)
    {
        TARGET_CHECK(peer->charge->slots <= LIMIT_SLOTS);
        TARGET_CHECK(peer->charge->leases <= LIMIT_LEASES);
        n++;
    }
    TARGET_CHECK(n == target->host.n_peers && n <= CLIENTS);
    TARGET_CHECK(registry_slot_count(target->host.registry) <=
                 registry_lease_count(target->host.registry));
}

static void target_hang_up(struct client *client)
{
    close(client->socket);
    *client = (struct client){.socket = -1};
}

static void target_connect(struct target *target, struct client *client)
{
    int sockets[2];

    TARGET_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) ==
                 0);
    TARGET_CHECK(peer_new(&target->host, sockets[0]) == 0);
    *client = (struct client){.socket = sockets[1]};
}

/* --- what a packet brings along --------------------------------------------------------------- */

static int target_make_gift(struct target *target, enum gift gift, uint32_t which)
{
    int fds[2] = {-1, -1}, fd = -1;

    switch (gift)
    {
    case GIFT_KEPT:
        return target->kept[which % KEPT] < 0 ? -1 : dup(target->kept[which % KEPT]);
    case GIFT_SOCKET:
    case GIFT_DEAD_SOCKET:
        fd = (which % 2 ? SOCK_STREAM : SOCK_SEQPACKET) | (which & 2 ? SOCK_NONBLOCK : 0);
        TARGET_CHECK(socketpair(AF_UNIX, fd, 0, fds) == 0);
        break;
    case GIFT_PIPE:
        TARGET_CHECK(pipe2(fds, which & 2 ? O_NONBLOCK : 0) == 0);
        break;
    case GIFT_EVENTFD:
        fd = eventfd(which % 3, which % 2 ? EFD_NONBLOCK : 0);
        break;
    case GIFT_MEMFD:
        fd = memfd_create("gift", MFD_ALLOW_SEALING);
        TARGET_CHECK(ftruncate(fd, (off_t)(which % 64) * 4096) == 0);
        TARGET_CHECK(fcntl(fd, F_ADD_SEALS, which >> 4 & 0xf) == 0);
        break;
    case GIFT_DAEMONS:
        fd = dup(which % 2 ? target->host.spare : sd_event_get_fd(target->host.event));
        break;
    case GIFT_NONE:
    case GIFTS:
        return -1;
    }
    if (fds[0] < 0)
    {
        return fd;
    }
    if (gift == GIFT_DEAD_SOCKET)
    {
        close(fds[1]);
    }
    else
    {
        target_keep(target, fds[!(which & 4)]);
    }
    return gift == GIFT_DEAD_SOCKET ? fds[0] : fds[(which & 4) != 0];
}

/* Ids, if the byte says so, from what the daemon told before. */
static void target_fill_in(struct target *target, uint8_t *bytes, size_t size, uint16_t type,
                           uint32_t which)
{
    const struct control_slot *known = &target->known[which % KEPT];
    uint8_t *body = bytes + sizeof(struct control_header);

    size -= sizeof(struct control_header);
    if ((type == CONTROL_CHECK || type == CONTROL_SEND || type == CONTROL_POST) &&
        size >= sizeof(known->lease) && (which & 0x10))
    {
        memcpy(body, &known->lease, sizeof(known->lease));
    }
}

/* --- requests and replies --------------------------------------------------------------------- */

static void target_check_reply(struct target *target, struct client *client, struct packet *reply,
                               const struct control_header *request)
{
    const struct control_header *header = packet_header(reply);

    TARGET_CHECK(header->version == CONTROL_VERSION);
    TARGET_CHECK(header->type == request->type && header->serial == request->serial);
    TARGET_CHECK(header->result > -4096 && header->result < MAILSLOT_RESULTS);
    TARGET_CHECK(client->greeted || request->type == CONTROL_HELLO ||
                 header->result == MAILSLOT_VERSION || header->result == -EMFILE ||
                 (request->version == 1 && header->result == CONTROL_VERSION_1_REFUSED));
    /* Nothing is looked up without a network. */
    TARGET_CHECK(header->result != CONTROL_PENDING);
    if (header->result)
    {
        TARGET_CHECK(reply->n_fds == 0 && reply->size == sizeof(*header));
        return;
    }
    client->greeted = true;
    switch (request->type)
    {
    case CONTROL_CREATE:
    case CONTROL_OPEN:
        TARGET_CHECK(reply->n_fds == 3);
        break;
    case CONTROL_REMOTE:
        TARGET_CHECK(reply->n_fds == 1);
        break;
    case CONTROL_ADOPT:
        TARGET_CHECK(reply->n_fds == 2 || reply->n_fds == 0);
        break;
    case CONTROL_STATUS:
    case CONTROL_MONITOR:
        TARGET_CHECK(reply->n_fds == 1);
        return;
    default:
        TARGET_CHECK(reply->n_fds == 0);
        return;
    }
    TARGET_CHECK(reply->size >= sizeof(*header) + sizeof(struct control_slot));
    packet_body(reply, &target->known[target->next_known++ % KEPT], sizeof(struct control_slot));
}

/* One packet of a client, and all that comes of it. */
static void target_exchange(struct target *target, struct client *client, struct packet *packet)
{
    static _Alignas(8) uint8_t bytes[CONTROL_PACKET_MAX];
    const struct control_header request = *packet_header(packet);
    bool good = packet->size >= sizeof(request) && request.magic == CONTROL_MAGIC;
    struct packet reply;
    int r = packet_send(client->socket, packet, 0);

    packet_close_fds(packet);
    TARGET_CHECK(r == 0 || r == -EPIPE);
    target_settle(target);
    packet_init(&reply, bytes, sizeof(bytes));
    r = packet_receive(client->socket, &reply, MSG_DONTWAIT);
    TARGET_CHECK(good || r == -EPIPE);
    if (good && request.type == CONTROL_POST && request.version == CONTROL_VERSION)
    {
        TARGET_CHECK(r == -EAGAIN || r == -EPIPE);
        if (r == -EAGAIN)
        {
            return;
        }
    }
    TARGET_CHECK(r == 0 || r == -EPIPE);
    if (r)
    {
        target_hang_up(client);
        target_settle(target);
        return;
    }
    target_check_reply(target, client, &reply, &request);
    for (unsigned int i = 0; i < reply.n_fds; i++)
    {
        target_keep(target, packet_take_fd(&reply, i));
    }
    /* One request, one reply. */
    TARGET_CHECK(packet_receive(client->socket, &reply, MSG_DONTWAIT) == -EAGAIN);
}

static void target_packet(struct target *target, struct client *client, struct target_input *input,
                          bool with_header)
{
    static _Alignas(8) uint8_t bytes[CONTROL_PACKET_MAX];
    uint16_t type = with_header ? (uint16_t)target_number(input, 1) : 0;
    uint32_t which = target_number(input, 1), n_gifts = target_number(input, 1) % 6;
    struct packet packet;
    int extra = -1;
    size_t size, repeat;

    packet_init(&packet, bytes, sizeof(bytes));
    if (with_header)
    {
        packet_start(&packet, type % (CONTROL_TYPES + 1), which * 0x01010101u, 0, 0);
    }
    for (uint32_t i = 0; i < n_gifts; i++)
    {
        uint32_t gift = target_number(input, 1);
        int fd = target_make_gift(target, gift % GIFTS, gift / GIFTS);

        if (fd >= 0 && packet.n_fds < CONTROL_FDS_MAX)
        {
            packet_add_fd(&packet, fd);
        }
        else if (fd >= 0)
        {
            extra = extra >= 0 ? (close(extra), fd) : fd;
        }
    }
    /* A long one is made of a short one. */
    size = target_number(input, 1);
    repeat = 1 + (size >= 250 ? target_number(input, 2) % 3000 : 0);
    size = size > input->size ? input->size : size;
    for (size_t i = 0; i < repeat && size <= packet.capacity - packet.size; i++)
    {
        TARGET_CHECK(packet_append(&packet, input->bytes, size) == 0);
    }
    target_take(input, size);
    if (with_header)
    {
        target_fill_in(target, bytes, packet.size, type % (CONTROL_TYPES + 1), which);
    }
    if (extra >= 0)
    {
        close(extra);
    }
    target_exchange(target, client, &packet);
}

/*
 * A memfd gets other bytes; an eventfd counts, as far as it can; a pipe or socket gets what it did
 * not expect. Flags like O_NONBLOCK belong to all who have the descriptor, the daemon, too.
 */
static void target_spoil(struct target *target, struct target_input *input)
{
    uint32_t which = target_number(input, 1);
    off_t offset = target_number(input, 2) % (2 * QUEUE_LAYOUT_HEADER_SIZE);
    size_t size = target_number(input, 1) % 64;
    int fd = target->kept[which % KEPT], flags;
    const uint8_t *bytes;
    ssize_t written;

    size = size > input->size ? input->size : size;
    bytes = target_take(input, size);
    if (fd < 0)
    {
        return;
    }
    flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    signal(SIGPIPE, SIG_IGN);
    written = pwrite(fd, bytes, size, offset);
    if (written < 0 && errno == ESPIPE)
    {
        written = write(fd, bytes, size);
    }
    signal(SIGPIPE, target_on_sigpipe);
    (void)written; /* any success will do */
    fcntl(fd, F_SETFL, which & 0x80 ? 0 : flags);
    target_settle(target);
}

static void target_command(struct target *target, struct target_input *input)
{
    uint32_t choice = target_number(input, 1);
    struct client *client = &target->clients[choice / COMMANDS % CLIENTS];
    enum command command = choice % COMMANDS;
    int *kept;

    if (client->socket < 0 && (command == COMMAND_REQUEST || command == COMMAND_BYTES))
    {
        target_connect(target, client);
    }
    switch (command)
    {
    case COMMAND_CONNECT:
        client->socket < 0 ? target_connect(target, client) : target_hang_up(client);
        break;
    case COMMAND_REQUEST:
    case COMMAND_BYTES:
        target_packet(target, client, input, command == COMMAND_REQUEST);
        break;
    case COMMAND_CLOSE:
        kept = &target->kept[target_number(input, 1) % KEPT];
        if (*kept >= 0)
        {
            close(*kept);
            *kept = -1;
        }
        break;
    case COMMAND_SPOIL:
        target_spoil(target, input);
        break;
    case COMMANDS:
        break;
    }
    target_settle(target);
    target_check_limits(target);
}

/* Somewhere to listen without a file: the kernel chooses a name. */
static int target_listen(void)
{
    struct sockaddr address = {.sa_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    TARGET_CHECK(fd >= 0 && bind(fd, &address, sizeof(address.sa_family)) == 0);
    TARGET_CHECK(listen(fd, 1) == 0);
    return fd;
}

static void target_init(struct target *target)
{
    static const char *const OPTIONS[][2] = {
        {"network", "no"},         {"computer_name", "FUZZ"},   {"slot_quota", "8192"},
        {"slots_per_client", "3"}, {"handles_per_client", "6"},
    };
    const char *why;

    memset(target, 0, sizeof(*target));
    target_random = 1;
    for (unsigned int i = 0; i < KEPT; i++)
    {
        target->kept[i] = -1;
    }
    for (unsigned int i = 0; i < CLIENTS; i++)
    {
        target->clients[i].socket = -1;
    }
    TARGET_CHECK(config_init(&target->config) == 0);
    for (size_t i = 0; i < sizeof(OPTIONS) / sizeof(OPTIONS[0]); i++)
    {
        TARGET_CHECK(config_set(&target->config, OPTIONS[i][0], OPTIONS[i][1], &why) == 0);
    }
    TARGET_CHECK(target->config.slots_per_client == LIMIT_SLOTS);
    TARGET_CHECK(target->config.handles_per_client == LIMIT_LEASES);
    TARGET_CHECK(host_init(&target->host, &target->config, target_listen(), &why) == 0);
}

static void target_end(struct target *target)
{
    for (unsigned int i = 0; i < CLIENTS; i++)
    {
        if (target->clients[i].socket >= 0)
        {
            target_hang_up(&target->clients[i]);
        }
    }
    target_settle(target);
    TARGET_CHECK(target->host.n_peers == 0);
    for (unsigned int i = 0; i < KEPT; i++)
    {
        if (target->kept[i] >= 0)
        {
            close(target->kept[i]);
        }
    }
    target_settle(target);
    host_deinit(&target->host);
    config_deinit(&target->config);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct target_input input = {bytes, size};
    struct target target;
    int lowest = dup(STDERR_FILENO), after;
    sigset_t signals;

    close(lowest);
    /* host_init() takes SIGTERM and SIGINT for itself; libFuzzer wants them back. */
    sigprocmask(SIG_SETMASK, NULL, &signals);
    signal(SIGPIPE, target_on_sigpipe);
    target_init(&target);
    for (unsigned int n = 0; n < COMMANDS_MAX && input.size; n++)
    {
        target_command(&target, &input);
    }
    target_end(&target);
    sigprocmask(SIG_SETMASK, &signals, NULL);
    after = dup(STDERR_FILENO);
    TARGET_CHECK(after == lowest); /* no descriptor was left open */
    TARGET_CHECK(guard_count() == 0);
    close(after);
    return 0;
}
