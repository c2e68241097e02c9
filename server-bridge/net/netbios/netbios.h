/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The NetBIOS transport: mailslot messages as datagrams on UDP 138 (RFC 1002 5.3, MS-MAIL 3) */
#pragma once

#include "net/net.h"
#include "net/netbios/resolve.h"
#include "net/netbios/transaction.h"

struct netbios;

/* As net_sink.deliver; returns what became of the message. */
typedef enum net_counter (*netbios_deliver_fn)(void *userdata, const struct net_message *message);

/* A message on its way out: where to, and the SMB. */
struct netbios_outgoing
{
    struct route route;
    uint8_t smb[TRANSACTION_SIZE_MAX];
    size_t smb_size;
};

/* Configuration and errors as net_new(). The counters are the caller's and outlive the transport.
 */
int netbios_new(struct netbios **ret_netbios, sd_event *event, const struct net_config *config,
                netbios_deliver_fn deliver, void *userdata, struct net_counters *counters,
                const char **ret_invalid) __attribute__((warn_unused_result));
struct netbios *netbios_free(struct netbios *netbios);

/* The own computer name in UTF-8, as messages carry it. */
const char *netbios_computer(const struct netbios *netbios);

/* Checks everything that can make a send fail, before anybody gets a copy: a code of net_result. */
int netbios_prepare(struct netbios *netbios, const struct net_request *request,
                    struct netbios_outgoing *ret_outgoing) __attribute__((warn_unused_result));

/* Sends a ROUTE_GROUP message once on every interface. What fails is counted: no delivery is due.
 */
void netbios_broadcast(struct netbios *netbios, const struct netbios_outgoing *outgoing);

/*
 * Takes one UDP payload through all checks to the deliver function, and says where it ended. It
 * never answers. The socket's handler calls this; tests and other sources may, too.
 */
enum net_counter netbios_receive(struct netbios *netbios, const void *bytes, size_t size,
                                 const struct sockaddr_in *from, unsigned int interface_index,
                                 uint64_t now_usec);

/* Fills in all but the counters. */
void netbios_status(struct netbios *netbios, struct net_status *ret_status);
