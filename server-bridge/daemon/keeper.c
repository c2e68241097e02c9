/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process that keeps what a daemon must not lose.
 *
 * A daemon may be killed at any moment, and its clients may sleep, compute or be stopped then. So
 * what must outlive it is not with them: the daemon gives a copy of each lease's descriptor, and of
 * each slot's memory, to a process that does nothing else, before it tells the client. A packet
 * that was sent arrives although its sender has died. The next daemon gets all of it back before it
 * answers anybody: names are never free, and nobody has to show anything.
 *
 * While there is no daemon the keeper notices that an owner ends, and closes its slot for the
 * writers. It keeps nothing else of what the daemon does, allocates little, and has no state that a
 * message could spoil: that is why it can be trusted to live. Killed all the same, it is made anew
 * by the daemon; killed together with it, the slots go on for those who have them open. */
#include "daemon/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#include "control/address.h"
#include "control/lease.h"
#include "queue/queue.h"

#define KEEPER_SUFFIX      ".keep"
#define KEEPER_REVIVES     "revives"
#define KEEPER_LISTENER    3
#define KEEPER_REVIVE_MS   200 /* between two daemons that it starts */
#define KEEPER_SEND_SECOND 1

struct kept
{
    UT_hash_handle hh;
    uint64_t id;
    int fds[KEEPER_FDS_MAX];
    unsigned int n_fds;
    uint32_t size;
    uint8_t data[];
};

struct keeper
{
    struct kept *all;
    int listener;
    int daemon; /* -1: none */
    bool revives;
    bool bye;        /* the last daemon meant to end */
    int64_t revived; /* ms */
    uint8_t *data;
};

/* --- words ----------------------------------------------------------------------------------- */

int keeper_send(int socket, enum keeper_word word, uint64_t id, const void *data, uint32_t size,
                const int *fds, unsigned int n_fds)
{
    union
    {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * KEEPER_FDS_MAX)];
    } control = {0};
    struct keeper_header header = {.magic = KEEPER_MAGIC, .word = word, .id = id};
    struct iovec parts[] = {{&header, sizeof(header)}, {(void *)data, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent;

    if (n_fds)
    {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
    }
    do
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

int keeper_receive(int socket, struct keeper_header *ret, void *data, uint32_t *ret_size,
                   int *ret_fds, unsigned int *ret_n_fds)
{
    union
    {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * KEEPER_FDS_MAX)];
    } control;
    struct iovec parts[] = {{ret, sizeof(*ret)}, {data, KEEPER_DATA_MAX}};
    struct msghdr message = {.msg_iov = parts,
                             .msg_iovlen = 2,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *c;
    ssize_t size;

    do
        size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    if (size <= 0)
        return size < 0 ? -errno : -EPIPE;
    *ret_n_fds = 0;
    c = CMSG_FIRSTHDR(&message);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
    {
        *ret_n_fds = (unsigned int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(ret_fds, CMSG_DATA(c), *ret_n_fds * sizeof(int));
    }
    if (size < (ssize_t)sizeof(*ret) || ret->magic != KEEPER_MAGIC ||
        (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
    {
        while (*ret_n_fds)
            close(ret_fds[--*ret_n_fds]);
        return -EPROTO;
    }
    *ret_size = (uint32_t)(size - (ssize_t)sizeof(*ret));
    return 0;
}

static int keeper_address(const char *path, struct sockaddr_un *ret)
{
    char full[sizeof(ret->sun_path) + sizeof(KEEPER_SUFFIX)];

    snprintf(full, sizeof(full), "%s" KEEPER_SUFFIX, path);
    return control_address_fill(ret, full);
}

int keeper_connect(const char *path, int *ret_socket)
{
    const struct timeval patience = {.tv_sec = KEEPER_SEND_SECOND};
    struct sockaddr_un address;
    struct ucred other;
    socklen_t size = sizeof(other);
    int fd, r;

    r = keeper_address(path, &address);
    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &other, &size) < 0)
        r = -errno;
    else if (other.uid != geteuid())
        r = -EPERM;
    if (r < 0)
    {
        close(fd);
        return r;
    }
    /* A keeper that has been stopped must not stop the daemon. */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    *ret_socket = fd;
    return 0;
}

/* --- the process ----------------------------------------------------------------------------- */

static void keeper_drop(struct keeper *keeper, struct kept *kept)
{
    HASH_DEL(keeper->all, kept);
    for (unsigned int i = 0; i < kept->n_fds; i++)
        close(kept->fds[i]);
    free(kept);
}

/* The last handle was closed while no daemon looked: writers are told, the name is free (L1). */
static void keeper_end(struct keeper *keeper, struct kept *kept)
{
    struct queue *queue;

    if (kept->n_fds == KEEPER_FDS_MAX && queue_map(&queue, kept->fds[1], kept->fds[2]) == 0)
    {
        kept->n_fds--; /* the queue has it */
        queue_close(queue);
        queue_free(queue);
    }
    keeper_drop(keeper, kept);
}

static void keeper_put(struct keeper *keeper, const struct keeper_header *header, uint32_t size,
                       const int *fds, unsigned int n_fds)
{
    struct kept *kept;

    HASH_FIND(hh, keeper->all, &header->id, sizeof(header->id), kept);
    if (kept)
        keeper_drop(keeper, kept);
    kept = calloc(1, sizeof(*kept) + size);
    if (!kept || !n_fds)
    {
        for (unsigned int i = 0; i < n_fds; i++)
            close(fds[i]);
        free(kept);
        return;
    }
    kept->id = header->id;
    kept->n_fds = n_fds;
    memcpy(kept->fds, fds, n_fds * sizeof(int));
    kept->size = size;
    memcpy(kept->data, keeper->data, size);
    HASH_ADD(hh, keeper->all, id, sizeof(kept->id), kept);
}

static void keeper_lose_daemon(struct keeper *keeper)
{
    close(keeper->daemon);
    keeper->daemon = -1;
}

static void keeper_hear(struct keeper *keeper)
{
    int fds[KEEPER_FDS_MAX] = {-1, -1, -1};
    struct keeper_header header;
    unsigned int n_fds = 0;
    struct kept *kept;
    uint32_t size = 0;

    if (keeper_receive(keeper->daemon, &header, keeper->data, &size, fds, &n_fds) < 0)
    {
        keeper_lose_daemon(keeper);
        return;
    }
    if (header.word == KEEPER_PUT)
    {
        keeper_put(keeper, &header, size, fds, n_fds);
        return;
    }
    while (n_fds)
        close(fds[--n_fds]);
    HASH_FIND(hh, keeper->all, &header.id, sizeof(header.id), kept);
    if (header.word == KEEPER_DROP && kept)
        keeper_drop(keeper, kept);
    keeper->bye = header.word == KEEPER_BYE;
}

static void keeper_welcome(struct keeper *keeper)
{
    struct pollfd last = {.fd = keeper->daemon, .events = POLLIN};
    struct ucred other = {.uid = (uid_t)-1};
    socklen_t size = sizeof(other);
    struct kept *kept, *next;
    int fd = accept4(keeper->listener, NULL, NULL, SOCK_CLOEXEC), r = 0;

    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &other, &size) < 0 || other.uid != geteuid())
    {
        close(fd);
        return;
    }
    /* What the last one said is still to be heard. */
    while (keeper->daemon >= 0 && poll(&last, 1, 0) > 0)
        keeper_hear(keeper);
    if (keeper->daemon >= 0)
        keeper_lose_daemon(keeper);
    keeper->daemon = fd;
    keeper->bye = false;
    HASH_ITER(hh, keeper->all, kept, next)
    if (r == 0)
        r = keeper_send(fd, KEEPER_PUT, kept->id, kept->data, kept->size, kept->fds, kept->n_fds);
    if (r == 0)
        r = keeper_send(fd, KEEPER_END, 0, NULL, 0, NULL, 0);
    if (r < 0)
        keeper_lose_daemon(keeper);
}

static int64_t keeper_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* The same program that this one is, even when its file has been replaced. */
static void keeper_revive(struct keeper *keeper)
{
    static char *const arguments[] = {(char *)"mailslotd", (char *)"--autostart", NULL};
    pid_t pid;

    keeper->revived = keeper_now();
    pid = fork();
    if (pid == 0)
    {
        execv("/proc/self/exe", arguments);
        _exit(1);
    }
}

/* How long to sleep, ms, while the daemon is away; -1: until something happens. */
static int keeper_look_after_daemon(struct keeper *keeper)
{
    int64_t left;

    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    if (!keeper->revives || keeper->bye)
        return -1;
    left = keeper->revived + KEEPER_REVIVE_MS - keeper_now();
    if (left > 0)
        return (int)left;
    keeper_revive(keeper);
    return KEEPER_REVIVE_MS;
}

/* Without a daemon: waits for one, and for leases that end. */
static void keeper_watch(struct keeper *keeper)
{
    unsigned int n = HASH_COUNT(keeper->all), i = 1;
    struct pollfd *entries = calloc(n + 1, sizeof(*entries));
    int timeout = keeper_look_after_daemon(keeper);
    struct kept *kept, *next;

    if (!entries)
    {
        usleep(KEEPER_REVIVE_MS * 1000);
        return;
    }
    entries[0] = (struct pollfd){.fd = keeper->listener, .events = POLLIN};
    HASH_ITER(hh, keeper->all, kept, next)
    entries[i++].fd = kept->fds[0];
    if (poll(entries, n + 1, timeout) > 0)
    {
        i = 1;
        HASH_ITER(hh, keeper->all, kept, next)
        if (entries[i++].revents)
            keeper_end(keeper, kept);
        if (entries[0].revents)
            keeper_welcome(keeper);
    }
    free(entries);
}

static void keeper_serve(struct keeper *keeper)
{
    while (keeper->daemon >= 0)
    {
        struct pollfd entries[] = {{.fd = keeper->daemon, .events = POLLIN},
                                   {.fd = keeper->listener, .events = POLLIN}};

        if (poll(entries, 2, -1) < 0)
            continue;
        if (entries[0].revents)
            keeper_hear(keeper);
        else if (entries[1].revents)
            keeper_welcome(keeper);
    }
}

int keeper_main(int argc, char **argv)
{
    struct keeper keeper = {.listener = KEEPER_LISTENER, .daemon = -1};
    sigset_t none;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    setsid();
    (void)prctl(PR_SET_NAME, KEEPER_NAME);
    (void)fcntl(keeper.listener, F_SETFD, FD_CLOEXEC);
    for (int fd = 0; fd < KEEPER_LISTENER && null >= 0; fd++)
        (void)dup2(null, fd);
    sigemptyset(&none);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_SETMASK, &none, NULL);
    keeper.revives = argc > 1 && !strcmp(argv[1], KEEPER_REVIVES);
    keeper.data = malloc(KEEPER_DATA_MAX);
    if (!keeper.data)
        return 1;
    keeper_welcome(&keeper); /* the daemon that made this one */
    for (;;)
    {
        keeper_serve(&keeper);
        if (!keeper.all)
            break;
        keeper_watch(&keeper);
    }
    free(keeper.data);
    /* The file of the socket stays: it may be the next keeper's already. */
    return 0;
}

/* The child of the child: not the daemon's, as it is to outlive it and nobody waits for it. Nothing
 * of the daemon stays but the listening socket. */
static __attribute__((noreturn)) void keeper_become(int listener, bool revives)
{
    char *const arguments[] = {(char *)KEEPER_NAME, (char *)(revives ? KEEPER_REVIVES : ""), NULL};

    if (fork())
        _exit(0);
    (void)dup2(listener, KEEPER_LISTENER);
    (void)fcntl(KEEPER_LISTENER, F_SETFD, 0); /* if it was that one already */
    close_range(KEEPER_LISTENER + 1, ~0U, 0);
    execv("/proc/self/exe", arguments);
    _exit(1);
}

int keeper_start(const char *path, bool revives)
{
    struct sockaddr_un address;
    int listener, r;
    mode_t mask;
    pid_t pid;

    r = keeper_address(path, &address);
    if (r < 0)
        return r;
    listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (listener < 0)
        return -errno;
    mask = umask(0077);
    unlink(address.sun_path);
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 4) < 0)
        r = -errno;
    umask(mask);
    pid = r == 0 ? fork() : -1;
    if (pid == 0)
        keeper_become(listener, revives);
    if (pid < 0 && r == 0)
        r = -errno;
    if (pid > 0)
        (void)waitpid(pid, NULL, 0);
    close(listener);
    return r;
}
