/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network interfaces in use */

/*
 * Cables, VPNs and containers come and go while the daemon runs. The kernel says when (rtnetlink),
 * but what it says is not read: reports may be lost when many come at once, while the list that
 * getifaddrs() gives is always whole. So a report means "look again" and nothing else.
 */

#include "net/netbios/interfaces.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WATCH_DELAY_USEC    UINT64_C(100000)
#define WATCH_ACCURACY_USEC UINT64_C(10000)
#define WATCH_READS_MAX     1000 /* then others have their turn */

void interfaces_init(struct interfaces *ret_interfaces, const char *const *filter, size_t n_filter)
{
    *ret_interfaces = (struct interfaces){.filter = filter, .n_filter = n_filter};
}

bool interface_broadcasts(const struct interface *interface)
{
    return interface->broadcast.s_addr != htonl(INADDR_ANY);
}

bool interfaces_broadcast(const struct interfaces *interfaces)
{
    for (size_t i = 0; i < interfaces->n; i++)
    {
        if (interface_broadcasts(&interfaces->list[i]))
        {
            return true;
        }
    }
    return false;
}

/* --- the list -------------------------------------------------------------------------------- */

static struct in_addr address_of(const struct sockaddr *address)
{
    struct sockaddr_in in;

    memcpy(&in, address, sizeof(in));
    return in.sin_addr;
}

/* ADDRESS/BITS */
static bool read_subnet(const char *word, struct in_addr *ret_address, struct in_addr *ret_mask)
{
    const char *slash = strchr(word, '/');
    size_t size = slash ? (size_t)(slash - word) : 0;
    char address[INET_ADDRSTRLEN], *end;
    unsigned long bits;

    if (!slash || size >= sizeof(address) || !isdigit((unsigned char)slash[1]))
    {
        return false;
    }
    memcpy(address, word, size);
    address[size] = 0;
    bits = strtoul(slash + 1, &end, 10);
    if (*end || bits > 32 || inet_pton(AF_INET, address, ret_address) != 1)
    {
        return false;
    }
    ret_mask->s_addr = bits ? htonl(UINT32_MAX << (32 - bits)) : 0;
    return true;
}

bool interfaces_is_filter(const char *word)
{
    struct in_addr address, mask;

    return !strchr(word, '/') || read_subnet(word, &address, &mask);
}

bool interfaces_word_fits(const char *word, const char *name, struct in_addr address, bool loopback)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr subnet, mask;

    inet_ntop(AF_INET, &address, text, sizeof(text));
    if (strcmp(word, name) == 0 || strcmp(word, text) == 0)
    {
        return true;
    }
    /* Who writes "*" or 0.0.0.0/0 does not mean loopback. */
    return !loopback &&
           (fnmatch(word, name, 0) == 0 || (read_subnet(word, &subnet, &mask) &&
                                            ((address.s_addr ^ subnet.s_addr) & mask.s_addr) == 0));
}

static bool is_named(const struct interfaces *interfaces, const struct interface *interface,
                     bool loopback)
{
    for (size_t i = 0; i < interfaces->n_filter; i++)
    {
        if (interfaces_word_fits(interfaces->filter[i], interface->name, interface->address,
                                 loopback))
        {
            return true;
        }
    }
    return false;
}

static bool is_listed(const struct interfaces *interfaces, const struct interface *interface)
{
    for (size_t i = 0; i < interfaces->n; i++)
    {
        if (interfaces->list[i].index == interface->index &&
            interfaces->list[i].broadcast.s_addr == interface->broadcast.s_addr &&
            (interface_broadcasts(interface) ||
             interfaces->list[i].address.s_addr == interface->address.s_addr))
        {
            return true;
        }
    }
    return false;
}

/*
 * The address that reaches the whole subnet; 0.0.0.0: there is none. What the system calls the
 * broadcast address may be the other end's instead ("ip addr add A peer B"), so only what can be
 * one is taken. Addresses set without one still have the subnet's in the kernel's routes.
 */
static struct in_addr broadcast_of(const struct ifaddrs *a, const struct interface *interface)
{
    struct in_addr last = {interface->address.s_addr | ~interface->netmask.s_addr};

    if ((!(a->ifa_flags & IFF_BROADCAST) && !(a->ifa_flags & IFF_LOOPBACK)) ||
        interface->netmask.s_addr == htonl(INADDR_BROADCAST) ||
        last.s_addr == interface->address.s_addr)
    {
        return (struct in_addr){htonl(INADDR_ANY)};
    }
    if ((a->ifa_flags & IFF_BROADCAST) && a->ifa_broadaddr &&
        address_of(a->ifa_broadaddr).s_addr == htonl(INADDR_BROADCAST))
    {
        last.s_addr = htonl(INADDR_BROADCAST);
    }
    return last;
}

/* Fills in all but the index. False: not an interface to use. */
static bool interface_read(const struct ifaddrs *a, struct interface *ret_interface)
{
    struct interface interface = {};

    /* Without a carrier nobody hears a claim, and silence must not pass for consent. */
    if (!a->ifa_netmask || !(a->ifa_flags & IFF_UP) || !(a->ifa_flags & IFF_RUNNING))
    {
        return false;
    }
    strncpy(interface.name, a->ifa_name, sizeof(interface.name) - 1);
    /* "eth0:1" is a label for an address of eth0. */
    interface.name[strcspn(interface.name, ":")] = 0;
    interface.address = address_of(a->ifa_addr);
    interface.netmask = address_of(a->ifa_netmask);
    interface.broadcast = broadcast_of(a, &interface);
    if (!interface_broadcasts(&interface) && (a->ifa_flags & IFF_LOOPBACK))
    {
        return false;
    }
    *ret_interface = interface;
    return true;
}

static void interfaces_enter(struct interfaces *interfaces, const struct ifaddrs *a)
{
    struct interface interface;
    bool loopback = a->ifa_flags & IFF_LOOPBACK;

    if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET)
    {
        return;
    }
    if (interfaces->n_own < INTERFACES_OWN_MAX)
    {
        interfaces->own[interfaces->n_own++] = address_of(a->ifa_addr);
    }
    if (interfaces->n == INTERFACES_MAX || !interface_read(a, &interface) ||
        ((interfaces->n_filter || loopback) && !is_named(interfaces, &interface, loopback)))
    {
        return;
    }
    interface.index = if_nametoindex(interface.name);
    /* 0: gone between the two calls. */
    if (interface.index && !is_listed(interfaces, &interface))
    {
        interfaces->list[interfaces->n++] = interface;
    }
}

static bool interface_equal(const struct interface *a, const struct interface *b)
{
    return a->index == b->index && a->address.s_addr == b->address.s_addr &&
           a->netmask.s_addr == b->netmask.s_addr && a->broadcast.s_addr == b->broadcast.s_addr &&
           strcmp(a->name, b->name) == 0;
}

static bool interfaces_equal(const struct interfaces *a, const struct interfaces *b)
{
    if (a->n != b->n || a->n_own != b->n_own)
    {
        return false;
    }
    for (size_t i = 0; i < a->n; i++)
    {
        if (!interface_equal(&a->list[i], &b->list[i]))
        {
            return false;
        }
    }
    for (size_t i = 0; i < a->n_own; i++)
    {
        if (a->own[i].s_addr != b->own[i].s_addr)
        {
            return false;
        }
    }
    return true;
}

int interfaces_refresh(struct interfaces *interfaces, bool *ret_changed)
{
    struct interfaces now;
    struct ifaddrs *addresses;

    if (getifaddrs(&addresses) < 0)
    {
        return -errno;
    }
    interfaces_init(&now, interfaces->filter, interfaces->n_filter);
    for (const struct ifaddrs *a = addresses; a; a = a->ifa_next)
    {
        interfaces_enter(&now, a);
    }
    freeifaddrs(addresses);
    if (ret_changed)
    {
        *ret_changed = !interfaces_equal(interfaces, &now);
    }
    *interfaces = now;
    return 0;
}

bool interfaces_is_local(const struct interfaces *interfaces, struct in_addr address)
{
    if (ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET)
    {
        return true;
    }
    for (size_t i = 0; i < interfaces->n; i++)
    {
        const struct interface *interface = &interfaces->list[i];

        if (((address.s_addr ^ interface->address.s_addr) & interface->netmask.s_addr) == 0)
        {
            return true;
        }
    }
    return interfaces_is_here(interfaces, address);
}

bool interfaces_is_own(const struct interfaces *interfaces, struct in_addr address)
{
    for (size_t i = 0; i < interfaces->n; i++)
    {
        if (interfaces->list[i].address.s_addr == address.s_addr)
        {
            return true;
        }
    }
    return false;
}

bool interfaces_is_here(const struct interfaces *interfaces, struct in_addr address)
{
    for (size_t i = 0; i < interfaces->n_own; i++)
    {
        if (interfaces->own[i].s_addr == address.s_addr)
        {
            return true;
        }
    }
    return interfaces_is_own(interfaces, address);
}

bool interfaces_is_broadcast(const struct interfaces *interfaces, struct in_addr address)
{
    for (size_t i = 0; i < interfaces->n; i++)
    {
        if (interface_broadcasts(&interfaces->list[i]) &&
            interfaces->list[i].broadcast.s_addr == address.s_addr)
        {
            return true;
        }
    }
    return address.s_addr == htonl(INADDR_BROADCAST);
}

bool interfaces_is_host(const struct interfaces *interfaces, struct in_addr address)
{
    return !interfaces_is_broadcast(interfaces, address) && !IN_MULTICAST(ntohl(address.s_addr)) &&
           ntohl(address.s_addr) >> IN_CLASSA_NSHIFT != 0;
}

const struct interface *interfaces_neighbour(const struct interfaces *interfaces,
                                             unsigned int index, struct in_addr address)
{
    for (size_t i = 0; i < interfaces->n; i++)
    {
        const struct interface *interface = &interfaces->list[i];

        if (interface->index == index &&
            ((address.s_addr ^ interface->address.s_addr) & interface->netmask.s_addr) == 0)
        {
            return interface;
        }
    }
    return NULL;
}

bool interfaces_accept(const struct interfaces *interfaces, unsigned int index)
{
    if (interfaces->n_filter == 0 || index == 0)
    {
        return true;
    }
    for (size_t i = 0; i < interfaces->n; i++)
    {
        if (interfaces->list[i].index == index)
        {
            return true;
        }
    }
    return false;
}

/* --- the watch ------------------------------------------------------------------------------- */

struct interfaces_watch
{
    sd_event_source *socket;
    sd_event_source *timer; /* enabled while a report has not been passed on */
    void (*changed)(void *userdata);
    void *userdata;
};

static int watch_on_report(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct interfaces_watch *watch = userdata;
    char ignored;
    ssize_t size = 0;
    int enabled = SD_EVENT_OFF;

    (void)source;
    (void)events;
    /* Another error than "no more" (ENOBUFS: reports were lost) is a report like any other. */
    for (int i = 0; i < WATCH_READS_MAX && size >= 0; i++)
    {
        size = recv(fd, &ignored, sizeof(ignored), MSG_DONTWAIT);
    }
    /* A timer that runs already is left alone: endless reports must not put it off for ever. */
    if (sd_event_source_get_enabled(watch->timer, &enabled) == 0 &&
        sd_event_source_set_time_relative(watch->timer, WATCH_DELAY_USEC) >= 0)
    {
        (void)sd_event_source_set_enabled(watch->timer, SD_EVENT_ONESHOT);
    }
    return 0;
}

static int watch_on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct interfaces_watch *watch = userdata;

    (void)source;
    (void)usec;
    watch->changed(watch->userdata); /* may free the watch */
    return 0;
}

static int watch_init(struct interfaces_watch *watch, sd_event *event)
{
    struct sockaddr_nl groups = {
        .nl_family = AF_NETLINK,
        .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR,
    };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), r;

    if (fd < 0)
    {
        return -errno;
    }
    r = bind(fd, (struct sockaddr *)&groups, sizeof(groups)) < 0 ? -errno : 0;
    if (r == 0)
    {
        r = sd_event_add_io(event, &watch->socket, fd, EPOLLIN, watch_on_report, watch);
    }
    if (r < 0)
    {
        close(fd);
        return r;
    }
    r = sd_event_source_set_io_fd_own(watch->socket, true);
    if (r >= 0)
    {
        r = sd_event_add_time(event, &watch->timer, CLOCK_MONOTONIC, 0, WATCH_ACCURACY_USEC,
                              watch_on_timer, watch);
    }
    if (r >= 0)
    {
        r = sd_event_source_set_enabled(watch->timer, SD_EVENT_OFF);
    }
    return r < 0 ? r : 0;
}

int interfaces_watch(struct interfaces_watch **ret_watch, sd_event *event,
                     void (*changed)(void *userdata), void *userdata)
{
    struct interfaces_watch *watch = calloc(1, sizeof(*watch));
    int r;

    if (!watch)
    {
        return -ENOMEM;
    }
    watch->changed = changed;
    watch->userdata = userdata;
    r = watch_init(watch, event);
    if (r < 0)
    {
        interfaces_unwatch(watch);
        return r;
    }
    *ret_watch = watch;
    return 0;
}

struct interfaces_watch *interfaces_unwatch(struct interfaces_watch *watch)
{
    if (!watch)
    {
        return NULL;
    }
    sd_event_source_disable_unref(watch->timer);
    sd_event_source_disable_unref(watch->socket);
    free(watch);
    return NULL;
}
