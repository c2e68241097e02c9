/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets that the service manager has opened for us (sd_listen_fds(3)). */
#pragma once

#include "daemon/config.h"

/* -1: not among them. */
struct main_activation
{
    int control;
    int datagram;
    int name;
};

/*
 * Takes the sockets that this process was given; a socket of no use is told of and closed. The UDP
 * ones are known by the ports of the config, and stay open for the whole life of the daemon.
 */
void main_activation_take(const struct config *config, struct main_activation *ret);
