/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way onto the LAN: own sockets, beside Samba's nmbd, or none (wire.md 2.6) */
#pragma once

#include "net/netbios/socket.h"
#include "net/net.h"

#include <systemd/sd-event.h>

struct lan;

struct lan_sink
{
    void *userdata;
    /*
     * A datagram of UDP 138; interface_index 0: it came through nmbd. Truncated ones are counted
     * and dropped before: they can not be, with a buffer as large as UDP.
     */
    void (*datagram)(void *userdata, const void *bytes, size_t size,
                     const struct datagram_arrival *arrival);
    /* A message of UDP 137, or an answer to the socket for questions. */
    void (*name_message)(void *userdata, const void *bytes, size_t size,
                         const struct datagram_arrival *arrival);
    /*
     * The mode has changed: claim, release or forget the names. `previous` is the mode left; it is
     * the mode still on if only port 137 was lost or won. Called once in lan_start(), too, with
     * NET_STATE_LOCAL_ONLY. May send; must not free the lan. (Nor may the others.)
     */
    void (*changed)(void *userdata, enum net_state previous);
};

struct lan_config
{
    uint16_t datagram_port, name_port; /* not 0 */
    int datagram_fd, name_fd;          /* taken over on success of lan_new(), or -1 */
    const char *nmbd_socket;           /* "": never look for nmbd */
    bool name_service;                 /* false: no port 137 */
    bool disabled;
};

/*
 * Checks what it is given; opens nothing yet. -EINVAL and *ret_invalid: "datagram_fd", "name_fd".
 * Strings are copied, counters borrowed.
 */
int lan_new(struct lan **ret_lan, sd_event *event, const struct lan_config *config,
            const struct lan_sink *sink, struct net_counters *counters, const char **ret_invalid)
    __attribute__((warn_unused_result));
struct lan *lan_free(struct lan *lan);

/*
 * Opens what can be opened, and from now on looks every few seconds whether something better is to
 * be had: nmbd came or went, a port became free or permitted. On a negative errno the descriptors
 * of the configuration are the caller's again.
 *  - Own sockets are bound without SO_REUSEADDR, so that a second mailslotd is not let in by
 *    accident, and get it afterwards, so that nmbd can start beside us.
 *  - Beside nmbd: 0.0.0.0:138 with SO_REUSEADDR for broadcasts and for sending, nmbd's unexpected
 *    socket for the rest; port 137 is nmbd's. A specific address is never bound: that steals.
 *  - The socket for questions has a port of its own, random: for WINS, and beside nmbd for all.
 */
int lan_start(struct lan *lan) __attribute__((warn_unused_result));

enum net_state lan_state(const struct lan *lan);
bool lan_has_name_service(const struct lan *lan); /* port 137 is ours */
uint16_t lan_datagram_port(const struct lan *lan);
uint16_t lan_name_port(const struct lan *lan); /* in use, or wanted */

/*
 * errno, reason and fix if local only, else 0 and NULL; the reason why there is no name service, or
 * NULL. Strings live until the next turn of the event loop.
 */
void lan_explain(const struct lan *lan, int *ret_error, const char **ret_reason,
                 const char **ret_fix, const char **ret_name_reason);

/*
 * 0 or a negative errno; -ENOTCONN: local only. From the interface's own address. Both count what
 * leaves and what fails. Between lan_hold() and lan_release() datagrams wait, so that the kernel
 * gets several at a time [outbox.c]: 0 then says that one waits.
 */
int lan_broadcast(struct lan *lan, const struct interface *interface, uint16_t port,
                  const void *bytes, size_t size) __attribute__((warn_unused_result));
int lan_send(struct lan *lan, struct in_addr to, uint16_t port, const void *bytes, size_t size)
    __attribute__((warn_unused_result));

/* Until the release, which has to come before the event loop turns. Again is once. */
void lan_hold(struct lan *lan);
void lan_release(struct lan *lan);

/* What waits leaves before what follows; without, that holds for those to one address only. */
void lan_keep_order(struct lan *lan);

/*
 * Name service. Broadcast questions leave from port 137 if it is ours (firewalls let answers to it
 * in), else from the port for questions; `question` asks for that one in any case. interface NULL:
 * to `to` alone; else `to` is not looked at. Results as above.
 */
int lan_send_name(struct lan *lan, const struct interface *interface, struct in_addr to,
                  uint16_t port, bool question, const void *bytes, size_t size)
    __attribute__((warn_unused_result));

/* An answer, from port 137. Results as above. */
int lan_reply_name(struct lan *lan, const struct datagram_way *way, const void *bytes, size_t size)
    __attribute__((warn_unused_result));
