/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why no network interface is in use */
#include "net/netbios/interfaces.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
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

/* The kernel has one such entry for each interface; that of a tunnel has no link address. */
static bool is_link(const struct ifaddrs *a)
{
    return !(a->ifa_flags & IFF_LOOPBACK) && (!a->ifa_addr || a->ifa_addr->sa_family == AF_PACKET);
}

/* Why it is of no use; "": it is. */
static const char *what_lacks(const struct ifaddrs *addresses, const struct ifaddrs *link)
{
    return !(link->ifa_flags & IFF_UP)               ? " (down)"
           : !(link->ifa_flags & IFF_RUNNING)        ? " (no carrier)"
           : !has_address(addresses, link->ifa_name) ? " (no IPv4 address)"
                                                     : "";
}

static void add_existing(char *text, size_t size, const struct ifaddrs *addresses)
{
    const char *between = "";

    for (const struct ifaddrs *a = addresses; a; a = a->ifa_next)
    {
        if (!is_link(a))
        {
            continue;
        }
        text_add(text, size, between);
        text_add(text, size, a->ifa_name);
        text_add(text, size, what_lacks(addresses, a));
        between = ", ";
    }
    if (!*between)
    {
        text_add(text, size, "none but loopback");
    }
}

static bool is_meant(const struct interfaces *interfaces, const struct ifaddrs *a)
{
    char name[IF_NAMESIZE] = "";
    struct sockaddr_in in = {};

    strncpy(name, a->ifa_name, sizeof(name) - 1);
    name[strcspn(name, ":")] = 0;
    if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET)
    {
        memcpy(&in, a->ifa_addr, sizeof(in));
    }
    for (size_t i = 0; i < interfaces->n_filter; i++)
    {
        if (interfaces_word_fits(interfaces->filter[i], name, in.sin_addr,
                                 a->ifa_flags & IFF_LOOPBACK))
        {
            return true;
        }
    }
    return false;
}

/*
 * A cable that is out, or an address that DHCP has not given yet, is no fault of the filter: who
 * followed the advice to change it would be on networks that were not meant. An address or a subnet
 * may be that of any interface which has none now.
 */
static bool is_filter_wrong(const struct interfaces *interfaces, const struct ifaddrs *addresses)
{
    bool by_address = false;

    for (size_t i = 0; i < interfaces->n_filter; i++)
    {
        struct in_addr address;

        by_address = by_address || strchr(interfaces->filter[i], '/') ||
                     inet_pton(AF_INET, interfaces->filter[i], &address) == 1;
    }
    for (const struct ifaddrs *a = addresses; a; a = a->ifa_next)
    {
        if (is_meant(interfaces, a) ||
            (by_address && is_link(a) && !has_address(addresses, a->ifa_name)))
        {
            return false;
        }
    }
    return true;
}

const char *interfaces_explain(const struct interfaces *interfaces, char *ret_text, size_t size,
                               const char **ret_fix)
{
    struct ifaddrs *addresses = NULL;
    bool wrong;

    *ret_fix = NULL;
    if (interfaces->n)
    {
        return NULL;
    }
    *ret_text = 0;
    if (getifaddrs(&addresses) < 0)
    {
        addresses = NULL;
    }
    wrong = interfaces->n_filter && addresses && is_filter_wrong(interfaces, addresses);
    if (wrong)
    {
        text_add(ret_text, size, "no network interface is used: 'interfaces =");
        for (size_t i = 0; i < interfaces->n_filter; i++)
        {
            text_add(ret_text, size, " ");
            text_add(ret_text, size, interfaces->filter[i]);
        }
        text_add(ret_text, size, "' in the configuration fits none");
        *ret_fix = "set interfaces to one that is there, or to nothing for all, then: mailslotctl "
                   "reload";
    }
    else
    {
        text_add(ret_text, size,
                 interfaces->n_filter ? "no network interface that the setting 'interfaces' names "
                                        "is up with an IPv4 address"
                                      : "no network interface is up with an IPv4 address");
    }
    if (addresses)
    {
        text_add(ret_text, size, "; there are: ");
        add_existing(ret_text, size, addresses);
        freeifaddrs(addresses);
    }
    return ret_text;
}
