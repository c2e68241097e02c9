/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mailslotd that a program has started: into the background, and the word that it listens. */
#include "daemon/main_autostart.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <syslog.h>
#include <sys/types.h>
#include <unistd.h>

#include "daemon/log.h"

int main_autostart_fork(int *ret_ready)
{
    /* What a service manager has told the program is not for us. */
    static const char *const foreign[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                          "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES"};
    char word = 1;
    int pair[2];
    pid_t pid;

    close_range(3, ~0U, 0);
    for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
        unsetenv(foreign[i]);
    if (pipe2(pair, O_CLOEXEC) < 0)
        return -errno;
    pid = fork();
    if (pid < 0)
        return -errno;
    if (pid)
    {
        close(pair[1]);
        _exit(read(pair[0], &word, 1) == 1 ? word : EXIT_FAILURE);
    }
    close(pair[0]);
    setsid();
    *ret_ready = pair[1];
    return 0;
}

void main_autostart_ready(int ready)
{
    char word = EXIT_SUCCESS;

    if (ready < 0)
        return;
    /* If the parent is gone, nobody waits. */
    if (write(ready, &word, 1) < 0)
        log_line(LOG_NOTICE, "nobody waits for this daemon any more");
    close(ready);
}
