/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network interfaces that broadcasts go out on */

#include "net/netbios/interfaces.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <string.h>

void interfaces_init(struct interfaces *ret_interfaces, const char *const *filter, size_t n_filter)
{
    *ret_interfaces = (struct interfaces){.filter = filter, .n_filter = n_filter};
}

static struct in_addr address_of(const struct sockaddr *address)
{
    struct sockaddr_in in;

    memcpy(&in, address, sizeof(in));
    return in.sin_addr;
}

static bool is_named(const struct interfaces *interfaces, const struct interface *interface)
{
    char address[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &interface->address, address, sizeof(address));
    for (size_t i = 0; i < interfaces->n_filter; i++)
    {
        if (strcmp(interfaces->filter[i], interface->name) == 0 ||
            strcmp(interfaces->filter[i], address) == 0)
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
            interfaces->list[i].broadcast.s_addr == interface->broadcast.s_addr)
        {
            return true;
        }
    }
    return false;
}

/* Fills in all but the index. False: not an interface to broadcast on. */
static bool interface_read(const struct ifaddrs *a, struct interface *ret_interface)
{
    struct interface interface = {};
    bool loopback = a->ifa_flags & IFF_LOOPBACK;

    if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET || !a->ifa_netmask ||
        !(a->ifa_flags & IFF_UP) || (!(a->ifa_flags & IFF_BROADCAST) && !loopback))
    {
        return false;
    }
    strncpy(interface.name, a->ifa_name, sizeof(interface.name) - 1);
    /* "eth0:1" is a label for an address of eth0. */
    interface.name[strcspn(interface.name, ":")] = 0;
    interface.address = address_of(a->ifa_addr);
    interface.netmask = address_of(a->ifa_netmask);
    if ((a->ifa_flags & IFF_BROADCAST) && a->ifa_broadaddr)
    {
        interface.broadcast = address_of(a->ifa_broadaddr);
    }
    /* Addresses set without a broadcast address still have the subnet's in the kernel's routes. */
    if (interface.broadcast.s_addr == INADDR_ANY ||
        interface.broadcast.s_addr == interface.address.s_addr)
    {
        interface.broadcast.s_addr = interface.address.s_addr | ~interface.netmask.s_addr;
    }
    /* A host route (/32) has nobody to broadcast to. */
    if (interface.broadcast.s_addr == interface.address.s_addr)
    {
        return false;
    }
    *ret_interface = interface;
    return true;
}

int interfaces_refresh(struct interfaces *interfaces, uint64_t now_usec)
{
    struct ifaddrs *addresses;

    if (interfaces->valid && now_usec - interfaces->read_usec < INTERFACES_REFRESH_USEC)
    {
        return 0;
    }
    if (getifaddrs(&addresses) < 0)
    {
        return -errno;
    }
    interfaces->n = 0;
    for (const struct ifaddrs *a = addresses; a && interfaces->n < INTERFACES_MAX; a = a->ifa_next)
    {
        struct interface interface;

        if (!interface_read(a, &interface))
        {
            continue;
        }
        if (interfaces->n_filter || (a->ifa_flags & IFF_LOOPBACK))
        {
            if (!is_named(interfaces, &interface))
            {
                continue;
            }
        }
        interface.index = if_nametoindex(interface.name);
        /* Gone between the two calls. */
        if (interface.index == 0 || is_listed(interfaces, &interface))
        {
            continue;
        }
        interfaces->list[interfaces->n++] = interface;
    }
    freeifaddrs(addresses);
    interfaces->read_usec = now_usec;
    interfaces->valid = true;
    return 0;
}

bool interfaces_accept(const struct interfaces *interfaces, unsigned int index)
{
    if (interfaces->n_filter == 0)
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
