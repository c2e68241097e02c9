/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams that Samba's nmbd hands on: its "unexpected" socket (wire.md 2.6) */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#define UNEXPECTED_PATH "/run/samba/nmbd/unexpected"

struct unexpected;

struct unexpected_sink
{
    void *userdata;
    /* nmbd has answered: it is alive, and a subscriber from now on. May be NULL. */
    void (*ready)(void *userdata);
    /*
     * One datagram from byte 0 of its header, unchecked: nmbd validates nothing. The unexpected
     * must not be freed in here.
     */
    void (*datagram)(void *userdata, const void *bytes, size_t size,
                     const struct sockaddr_in *from);
    /*
     * Nothing comes any more; the last call. 0: nmbd has gone. -ETIMEDOUT: it never answered.
     * -EPROTO: it talks nonsense. Else what reading failed with. The unexpected may be freed in
     * here.
     */
    void (*gone)(void *userdata, int error);
};

/*
 * Connects without waiting and subscribes to the datagrams of all mailslots. A negative errno:
 * there is no nmbd (-ENOENT, -ECONNREFUSED), or no way to it. What goes wrong later comes as
 * gone(). Bounded: at most 64 datagrams are handed on at a wakeup. One thread.
 */
int unexpected_new(struct unexpected **ret_unexpected, sd_event *event, const char *path,
                   const struct unexpected_sink *sink) __attribute__((warn_unused_result));
struct unexpected *unexpected_free(struct unexpected *unexpected);
