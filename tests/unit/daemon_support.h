/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests against a real mailslotd share: its start and end, a client, raw connections. */

#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/mailslot.h"
#include "control/address.h"
#include "control/packet.h"

#define SUPPORT __attribute__((unused)) static

/* Every test program: nothing of it may stay for longer. */
#define SUPPORT_SECONDS_MAX 120

static char support_folder[64];
static char support_socket[108];

/*
 * These two are the setup and teardown of a group of tests: a private folder with the socket;
 * nothing of the user's configuration counts.
 */
SUPPORT int support_begin(void **state)
{
    (void)state;
    alarm(SUPPORT_SECONDS_MAX);
    /* Daemons in the background become our children, so that they can be waited for. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    strcpy(support_folder, "/tmp/mailslot-test-XXXXXX");
    if (!mkdtemp(support_folder))
        return -errno;
    snprintf(support_socket, sizeof(support_socket), "%s/socket", support_folder);
    setenv("MAILSLOTD_SOCKET", support_socket, 1);
    setenv("MAILSLOTD_NETWORK", "no", 1);
    setenv("MAILSLOTD_SMB_CONF", "none", 1);
    setenv("XDG_CONFIG_HOME", support_folder, 1);
    unsetenv("MAILSLOTD_IDLE_TIMEOUT");
    return getenv("MAILSLOTD") ? 0 : -ENOENT;
}

SUPPORT int support_end(void **state)
{
    static const char *const names[] = {"socket",      "socket.lock",    "socket.log",
                                        "socket.keep", "mailslotd.conf", "stderr"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
    {
        char path[128];

        snprintf(path, sizeof(path), "%s/%s", support_folder, names[i]);
        unlink(path);
    }
    rmdir(support_folder);
    return 0;
}

SUPPORT void support_sleep_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

SUPPORT int64_t support_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* -1 when nobody listens. */
SUPPORT int support_connect(void)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (control_address_fill(&address, support_socket) == 0 &&
        connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* As the other, for callers in forked children. arguments ends with NULL. */
SUPPORT pid_t support_run_daemon(const char *const *arguments, rlim_t fds, const char *errors)
{
    pid_t pid = fork();

    if (pid == 0)
    {
        const char *argv[16] = {"mailslotd"};

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int i = 0; arguments && arguments[i] && i < 14; i++)
            argv[1 + i] = arguments[i];
        if (fds)
        {
            struct rlimit limit = {fds, fds};

            setrlimit(RLIMIT_NOFILE, &limit);
        }
        if (errors)
        {
            int fd = open(errors, O_WRONLY | O_CREAT | O_TRUNC, 0600);

            dup2(fd, STDERR_FILENO);
            close(fd);
        }
        close_range(3, ~0U, 0);
        execv(getenv("MAILSLOTD"), (char *const *)argv);
        _exit(127);
    }
    return pid;
}

/* Runs mailslotd in the foreground and waits until it listens. fds: its RLIMIT_NOFILE, or 0. */
SUPPORT pid_t support_start(const char *const *arguments, rlim_t fds)
{
    static pid_t last;
    char errors[128];
    pid_t pid;

    /* What a failed test left behind */
    if (last > 0 && waitpid(last, NULL, WNOHANG) == 0)
    {
        kill(last, SIGKILL);
        waitpid(last, NULL, 0);
    }
    snprintf(errors, sizeof(errors), "%s/stderr", support_folder);
    pid = last = support_run_daemon(arguments, fds, errors);
    for (int i = 0; pid > 0 && i < 1000; i++)
    {
        int fd = support_connect();

        if (fd >= 0)
        {
            close(fd);
            return pid;
        }
        support_sleep_ms(10);
    }
    fail_msg("mailslotd does not listen on %s", support_socket);
    return -1;
}

/* The end status; -1 if it does not end. */
SUPPORT int support_wait_status(pid_t pid)
{
    int status;

    for (int i = 0; i < 2000; i++)
    {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
        support_sleep_ms(10);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return -1;
}

/* Ends the daemon; it must report no leak (sanitizer) and no other error. */
SUPPORT void support_stop(pid_t pid)
{
    kill(pid, SIGTERM);
    assert_int_equal(support_wait_status(pid), 0);
}

SUPPORT void support_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

SUPPORT struct mailslot_client *support_client(void)
{
    struct mailslot_client_options options = {.program = "test", .no_autostart = true};
    struct mailslot_client *client = NULL;

    assert_int_equal(mailslot_client_new(&client, &options), 0);
    return client;
}

/* What the daemon says of itself; a reference. */
SUPPORT json_t *support_status(struct mailslot_client *client)
{
    char *text = NULL;
    json_t *root;

    assert_int_equal(mailslot_status(client, &text), 0);
    root = json_loads(text, 0, NULL);
    assert_non_null(root);
    free(text);
    return root;
}

SUPPORT struct mailslot *support_create(struct mailslot_client *client, const char *name)
{
    struct mailslot *slot = NULL;

    assert_int_equal(mailslot_create(client, name, strlen(name), 0, MAILSLOT_FOREVER, &slot, NULL),
                     0);
    return slot;
}

SUPPORT struct mailslot *support_open(struct mailslot_client *client, const char *name)
{
    struct mailslot *slot = NULL;

    assert_int_equal(mailslot_open(client, name, strlen(name), &slot, NULL), 0);
    return slot;
}

SUPPORT int support_open_result(struct mailslot_client *client, const char *name)
{
    struct mailslot *slot = NULL;
    int r = mailslot_open(client, name, strlen(name), &slot, NULL);

    if (r == 0)
        mailslot_free(slot);
    return r;
}

/* The next message must be this text. */
SUPPORT void support_expect(struct mailslot *slot, const char *text)
{
    char buffer[256];
    uint32_t size = 0;

    assert_int_equal(mailslot_read(slot, buffer, sizeof(buffer), &size), 0);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(buffer, text, size);
}

SUPPORT int support_count_fds(pid_t pid)
{
    char path[64];
    int count = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/fd", pid);
    dir = opendir(path);
    if (!dir)
        return -1;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* The daemon notices a closed connection when its loop gets there: waits for the number. */
SUPPORT int support_settle_fds(pid_t pid, int wanted)
{
    int count = -1;

    for (int i = 0; i < 500; i++)
    {
        count = support_count_fds(pid);
        if (count == wanted)
            break;
        support_sleep_ms(10);
    }
    return count;
}

/* The number once it has stopped changing. */
SUPPORT int support_stable_fds(pid_t pid)
{
    int count = support_count_fds(pid);

    for (int same = 0, i = 0; same < 5 && i < 500; i++)
    {
        int now;

        support_sleep_ms(10);
        now = support_count_fds(pid);
        same = now == count ? same + 1 : 0;
        count = now;
    }
    return count;
}

/* --- by hand ------------------------------------------------------------------------------------
 */

static _Alignas(8) uint8_t support_bytes[CONTROL_PACKET_MAX];

SUPPORT void support_packet(struct packet *packet)
{
    packet_init(packet, support_bytes, sizeof(support_bytes));
}

/*
 * Sends, receives; the result, or a negative errno when the connection is over. CONTROL_POST has no
 * reply: that of another request tells whether the connection still stands.
 */
SUPPORT int support_exchange(int fd, struct packet *packet)
{
    bool posted = packet_header(packet)->type == CONTROL_POST;
    int r = packet_send(fd, packet, 0);

    packet->n_fds = 0; /* they stay the caller's */
    if (r == 0 && posted)
    {
        packet_start(packet, CONTROL_CHECK, 9, 0, sizeof(struct control_lease));
        r = packet_send(fd, packet, 0);
    }
    if (r == 0)
        r = packet_receive(fd, packet, 0);
    return r ? r : packet_header(packet)->result;
}

SUPPORT int support_hello(int fd)
{
    struct packet packet;

    support_packet(&packet);
    packet_start(&packet, CONTROL_HELLO, 7, 0, sizeof(struct control_hello));
    return support_exchange(fd, &packet);
}

/* One request with an optional name and no more. */
SUPPORT int support_request(int fd, uint16_t type, const void *body, size_t body_size,
                            const char *name)
{
    struct packet packet;
    void *space;
    int r;

    support_packet(&packet);
    space = packet_start(&packet, type, 8, 0, body_size);
    if (body_size)
        memcpy(space, body, body_size);
    if (name && packet_append(&packet, name, strlen(name)))
        return -EMSGSIZE;
    r = support_exchange(fd, &packet);
    packet_close_fds(&packet);
    return r;
}
