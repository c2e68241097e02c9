/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets that the service manager has opened for us (sd_listen_fds(3)). */

/*
 * Ports below 1024 and a socket for everybody are what a daemon needs privileges for; the service
 * manager has them already. A unit gives all of its sockets one name, so that names could not tell
 * them apart: the kind does, and the port.
 */
#include "daemon/main_activation.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/log.h"

static int *main_activation_place(const struct config *config, struct main_activation *sockets,
                                  int fd)
{
    if (sd_is_socket_unix(fd, SOCK_SEQPACKET, 1, NULL, 0) > 0)
        return &sockets->control;
    if (sd_is_socket_inet(fd, AF_INET, SOCK_DGRAM, -1, config->datagram_port) > 0)
        return &sockets->datagram;
    if (sd_is_socket_inet(fd, AF_INET, SOCK_DGRAM, -1, config->name_port) > 0)
        return &sockets->name;
    return NULL;
}

void main_activation_take(const struct config *config, struct main_activation *ret)
{
    struct main_activation sockets = {-1, -1, -1};
    int n = sd_listen_fds(1);

    for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++)
    {
        int *place = main_activation_place(config, &sockets, fd);

        if (place && *place < 0)
            *place = fd;
        else
        {
            log_line(LOG_WARNING,
                     "socket %d of the service manager is not used: it is neither the control "
                     "socket nor UDP %u or %u",
                     fd, config->datagram_port, config->name_port);
            close(fd);
        }
    }
    *ret = sockets;
}
