/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One UDP port of the LAN, for lan.c: open or closed, own or inherited, listened on */
#pragma once

#include "net/netbios/socket.h"

struct lan_port;

struct lan_port_sink
{
    void *userdata;
    void (*take)(void *userdata, const struct lan_port *port, const void *bytes, size_t size,
                 const struct datagram_arrival *arrival);
    void (*failed)(void *userdata); /* reading reported an error */
};

struct lan_port
{
    sd_event *event;
    struct datagram_batch *batch;
    const struct lan_port_sink *sink;
    int fd; /* -1: closed */
    sd_event_source *source;
    uint16_t number;
    bool inherited; /* kept open whatever comes, as it can not be opened again */
    bool drops_own; /* see lan_port_filter_own() */
    int error;      /* errno of the last try to open it */
};

/* A closed one. All pointers are borrowed. */
void lan_port_init(struct lan_port *ret_port, sd_event *event, struct datagram_batch *batch,
                   const struct lan_port_sink *sink, uint16_t number);

/*
 * Whether the descriptor (-1: none) will do as an inherited port, whose number becomes the port's.
 * -EINVAL and *ret_invalid = `what`: no. It is taken over by lan_port_inherit() only, and given
 * back by lan_port_disown().
 */
int lan_port_check(struct lan_port *port, int fd, const char *what, const char **ret_invalid)
    __attribute__((warn_unused_result));
void lan_port_inherit(struct lan_port *port, int fd);
void lan_port_disown(struct lan_port *port);

/* Begins to listen on a descriptor that was inherited. */
int lan_port_listen(struct lan_port *port) __attribute__((warn_unused_result));

/* Opens and listens. Returns whether it is open now; why not stands in `error`. */
bool lan_port_open(struct lan_port *port, enum datagram_socket_mode mode);
void lan_port_close(struct lan_port *port);

/*
 * With the port for ourselves alone, the broadcasts of this host from it are ours, and need not
 * come back. Beside nmbd they may be nmbd's. What the filter does not catch, as on a loopback
 * interface, receive.c drops.
 */
void lan_port_filter_own(struct lan_port *port, bool alone);
