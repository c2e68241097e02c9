/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why no network interface is in use */
#include "net/netbios/interfaces.h"

#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void text_add(char *text, size_t size, const char *words)
{
    size_t used = strlen(text);

    snprintf(text + used, size - used, "%s", words);
}

static bool has_address(const struct ifaddrs *addresses, const char *name)
{
    for (const struct ifaddrs *a = addresses; a; a = a->ifa_next)
    {
        if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET && strcmp(a->ifa_name, name) == 0)
        {
            return true;
        }
    }
    return false;
}

/* The kernel has one such entry for each interface, with addresses or without. */
static void add_existing(char *text, size_t size, const struct ifaddrs *addresses)
{
    const char *between = "";

    for (const struct ifaddrs *a = addresses; a; a = a->ifa_next)
    {
        if (!a->ifa_addr || a->ifa_addr->sa_family != AF_PACKET || a->ifa_flags & IFF_LOOPBACK)
        {
            continue;
        }
        text_add(text, size, between);
        text_add(text, size, a->ifa_name);
        text_add(text, size,
                 !(a->ifa_flags & IFF_UP)               ? " (down)"
                 : !(a->ifa_flags & IFF_RUNNING)        ? " (no carrier)"
                 : !has_address(addresses, a->ifa_name) ? " (no IPv4 address)"
                                                        : "");
        between = ", ";
    }
    if (!*between)
    {
        text_add(text, size, "none but loopback");
    }
}

const char *interfaces_explain(const struct interfaces *interfaces, char *ret_text, size_t size)
{
    struct ifaddrs *addresses = NULL;

    if (interfaces->n)
    {
        return NULL;
    }
    *ret_text = 0;
    if (interfaces->n_filter)
    {
        text_add(ret_text, size, "no network interface is used: 'interfaces =");
        for (size_t i = 0; i < interfaces->n_filter; i++)
        {
            text_add(ret_text, size, " ");
            text_add(ret_text, size, interfaces->filter[i]);
        }
        text_add(ret_text, size,
                 "' in the configuration fits none that is up with an IPv4 address");
    }
    else
    {
        text_add(ret_text, size, "no network interface is up with an IPv4 address");
    }
    if (getifaddrs(&addresses) == 0)
    {
        text_add(ret_text, size, "; there are: ");
        add_existing(ret_text, size, addresses);
        freeifaddrs(addresses);
    }
    return ret_text;
}
