/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One UDP port of the LAN: open or closed, own or inherited, listened on */

#include "net/netbios/lan_port.h"

#include <errno.h>
#include <unistd.h>

void lan_port_init(struct lan_port *ret_port, sd_event *event, struct datagram_batch *batch,
                   const struct lan_port_sink *sink, uint16_t number)
{
    *ret_port =
        (struct lan_port){.event = event, .batch = batch, .sink = sink, .fd = -1, .number = number};
}

int lan_port_check(struct lan_port *port, int fd, const char *what, const char **ret_invalid)
{
    int r;

    if (fd < 0)
    {
        return 0;
    }
    r = datagram_socket_adopt(fd, &port->number);
    if (r == -EINVAL)
    {
        *ret_invalid = what;
    }
    return r;
}

void lan_port_inherit(struct lan_port *port, int fd)
{
    port->fd = fd >= 0 ? fd : -1;
    port->inherited = fd >= 0;
}

void lan_port_disown(struct lan_port *port)
{
    port->source = sd_event_source_disable_unref(port->source);
    if (port->inherited)
    {
        port->fd = -1;
    }
}

/* One batch: then the event loop has its turn, and comes back if there is more. */
static int lan_port_on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct lan_port *port = userdata;
    int n = datagram_batch_receive(port->batch, fd);

    (void)source;
    (void)events;
    if (n < 0 && n != -EAGAIN)
    {
        /* Reading took the error off the socket; the next datagram may be a good one. */
        port->sink->failed(port->sink->userdata);
    }
    for (int i = 0; i < n; i++)
    {
        struct datagram_arrival arrival;
        const void *bytes;
        size_t size = datagram_batch_get(port->batch, i, &bytes, &arrival);

        port->sink->take(port->sink->userdata, port, bytes, size, &arrival);
    }
    return 0;
}

int lan_port_listen(struct lan_port *port)
{
    return sd_event_add_io(port->event, &port->source, port->fd, EPOLLIN, lan_port_on_readable,
                           port);
}

bool lan_port_open(struct lan_port *port, enum datagram_socket_mode mode)
{
    int r;

    if (port->fd >= 0)
    {
        return true;
    }
    r = datagram_socket_open(&port->fd, port->number, mode);
    if (r == 0)
    {
        r = lan_port_listen(port);
    }
    if (r < 0)
    {
        lan_port_close(port);
    }
    port->error = r < 0 ? -r : 0;
    return r >= 0;
}

void lan_port_close(struct lan_port *port)
{
    port->source = sd_event_source_disable_unref(port->source);
    if (port->fd >= 0)
    {
        close(port->fd);
    }
    port->fd = -1;
    port->drops_own = false;
}

void lan_port_filter_own(struct lan_port *port, bool alone)
{
    if (port->fd >= 0 && port->drops_own != alone &&
        datagram_socket_drop_own(port->fd, port->number, alone) == 0)
    {
        port->drops_own = alone;
    }
}
