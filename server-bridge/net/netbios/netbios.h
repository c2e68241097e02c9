/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The NetBIOS transport: mailslot messages as datagrams on UDP 138 (RFC 1002 5.3, MS-MAIL 3) */
#pragma once

#include "net/net.h"
#include "net/netbios/socket.h"

struct netbios;

extern const struct transport_ops netbios_transport;

/* Configuration and errors as net_new(). The sink is copied. */
int netbios_new(struct netbios **ret_netbios, sd_event *event, const struct net_config *config,
                const struct transport_sink *sink, const char **ret_invalid)
    __attribute__((warn_unused_result));

/* The own computer name in UTF-8, as messages carry it. */
const char *netbios_computer(const struct netbios *netbios);

/*
 * Takes one UDP payload of the datagram service through all checks to the deliver function, and
 * says where it ended. It never answers. The socket's handler calls this; tests may, too.
 */
enum net_counter netbios_receive(struct netbios *netbios, const void *bytes, size_t size,
                                 const struct datagram_arrival *arrival, uint64_t now_usec);
