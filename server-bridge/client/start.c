/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reaching mailslotd, and starting it when it is not there, as wine starts wineserver. */
#include "client/start.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/address.h"

#ifndef MAILSLOTD_PATH
#define MAILSLOTD_PATH "/usr/bin/mailslotd"
#endif

const char *start_own_daemon(char *path, size_t size)
{
    /* From winemailslot.so or a program, in: a folder with all, the build, an installed tree. */
    static const char *const places[] = {
        ".", "../../server-bridge", "../../bin", "../../../bin", "../../../../bin", "../.."};
    Dl_info self;
    char *file, *slash;
    const char *found = MAILSLOTD_PATH;

    if (!dladdr(MAILSLOTD_PATH, &self) || !self.dli_fname)
        return found;
    /* A link in Wine's own folder leads to the real one. */
    file = realpath(self.dli_fname, NULL);
    if (!file)
        return found;
    slash = strrchr(file, '/');
    if (slash)
        *slash = 0;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
    {
        int length = snprintf(path, size, "%s/%s/mailslotd", file, places[i]);

        if (length > 0 && (size_t)length < size && access(path, X_OK) == 0)
        {
            found = path;
            break;
        }
    }
    free(file);
    return found;
}

static int start_try(const char *path, int *ret_socket)
{
    struct sockaddr_un address;
    int fd, r;

    r = control_address_fill(&address, path);
    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    do
        r = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    while (r == -EINTR);
    if (r < 0)
    {
        close(fd);
        return r;
    }
    *ret_socket = fd;
    return 0;
}

static int start_try_all(char *path, size_t size, int *ret_socket)
{
    const char *forced = control_address_forced();
    int system = -1, r;

    if (forced)
    {
        snprintf(path, size, "%s", forced);
        return start_try(forced, ret_socket);
    }
    if (start_try(CONTROL_SYSTEM_SOCKET, &system) == 0)
    {
        if (control_address_is_system(system))
        {
            *ret_socket = system;
            return 0;
        }
        close(system);
    }
    r = control_address_user(path, size);
    if (r < 0)
        return r;
    /* A socket in a folder that others can write to may be anybody's. */
    r = control_address_secure_folder(path);
    if (r < 0)
        return r;
    return start_try(path, ret_socket);
}

/* Runs `mailslotd --autostart`, which returns when its socket listens. */
static int start_daemon(const char *daemon)
{
    char *const argv[] = {(char *)"mailslotd", (char *)"--autostart", NULL};
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    sigset_t none, all;
    int status = 0, r;
    pid_t pid;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", 1, 0);
    r = posix_spawn(&pid, daemon, &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (r)
        return -r;

    while (waitpid(pid, &status, 0) < 0)
    {
        if (errno == ECHILD) /* the program ignores SIGCHLD: the socket itself will tell */
            return 0;
        if (errno != EINTR)
            return -errno;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

int start_connect(const char *daemon, char *reason, size_t reason_size, int *ret_socket)
{
    char path[256] = "";
    int r;

    /* Twice: a daemon that was just about to exit for idleness may have taken the first one. */
    for (int attempt = 0; attempt < 2; attempt++)
    {
        r = start_try_all(path, sizeof(path), ret_socket);
        if (r == 0)
            return 0;
        if (r == -EPERM)
        {
            snprintf(reason, reason_size,
                     "the folder of %s belongs to another user or is writable by others; remove it",
                     path);
            return MAILSLOT_NO_DAEMON;
        }
        if (r == -EACCES)
        {
            snprintf(reason, reason_size, "this user may not use %s (%s)", path, strerror(-r));
            return MAILSLOT_NO_DAEMON;
        }
        if (!daemon)
        {
            snprintf(reason, reason_size, "nothing listens on %s (%s); start it with: mailslotd",
                     path, strerror(-r));
            return MAILSLOT_NO_DAEMON;
        }
        r = start_daemon(daemon);
        if (r < 0)
        {
            snprintf(reason, reason_size, "%s could not be started (%s); run it to see why", daemon,
                     r == -ECHILD ? "it ended with an error" : strerror(-r));
            return MAILSLOT_NO_DAEMON;
        }
    }
    r = start_try_all(path, sizeof(path), ret_socket);
    if (r == 0)
        return 0;
    snprintf(reason, reason_size, "%s was started, but %s does not answer (%s)", daemon, path,
             strerror(-r));
    return MAILSLOT_NO_DAEMON;
}
