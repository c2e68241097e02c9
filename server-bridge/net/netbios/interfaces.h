/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network interfaces in use (MS-NBTE 3.1.4) */
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define INTERFACES_MAX     64
#define INTERFACES_OWN_MAX 256

struct interface
{
    char name[IF_NAMESIZE];
    unsigned int index;
    struct in_addr address;
    struct in_addr netmask;
    struct in_addr broadcast; /* 0.0.0.0: none (point-to-point, /32) */
};

/* A plain value. The filter is borrowed and must outlive the list. */
struct interfaces
{
    const char *const *filter;
    size_t n_filter;
    size_t n;
    struct interface list[INTERFACES_MAX];
    size_t n_own; /* all addresses of this host, listed or not */
    struct in_addr own[INTERFACES_OWN_MAX];
};

/* Whether broadcasts can be sent there; not on tunnels and other point-to-point interfaces. */
bool interface_broadcasts(const struct interface *interface);
bool interfaces_broadcast(const struct interfaces *interfaces); /* on any of them */

/*
 * An empty list that will hold the interfaces named in `filter` (interface names, IPv4 addresses of
 * this host, or ADDRESS/BITS for those in a subnet; "eth*" is a pattern), or, when n_filter is 0,
 * every one that is up, has a carrier and is not loopback. A loopback interface takes part only if
 * it is named without a pattern. None at all is a normal state.
 */
void interfaces_init(struct interfaces *ret_interfaces, const char *const *filter, size_t n_filter);

/*
 * Reads the kernel's list. An interface with several addresses in one subnet is listed once, as
 * every datagram must be sent once. *ret_changed (may be NULL) says whether anything differs from
 * before. On a negative errno the old list stays.
 */
int interfaces_refresh(struct interfaces *interfaces, bool *ret_changed)
    __attribute__((warn_unused_result));

/* Whether a word of the filter can fit anything: a name, a pattern, an address, or ADDRESS/BITS. */
bool interfaces_is_filter(const char *word);

/*
 * Why the list is empty, as a sentence without its stop, cut if need be; NULL: it is not. *ret_fix
 * is NULL, or what to do about it, a constant: only if the filter is the reason, not a missing
 * cable.
 */
const char *interfaces_explain(const struct interfaces *interfaces, char *ret_text, size_t size,
                               const char **ret_fix);

/*
 * Whether a word of the filter means this address of this interface; a pattern or a subnet never
 * means loopback. The address 0.0.0.0 is that of an interface without one.
 */
bool interfaces_word_fits(const char *word, const char *name, struct in_addr address,
                          bool loopback);

/*
 * Calls changed() some 100 ms after the kernel reported that addresses or links have changed
 * (rtnetlink), once for a burst of reports. *ret_watch is freed with interfaces_unwatch(), which
 * changed() may call, too. A negative errno: no such socket here; the caller has to look by itself.
 */
struct interfaces_watch;
int interfaces_watch(struct interfaces_watch **ret_watch, sd_event *event,
                     void (*changed)(void *userdata), void *userdata)
    __attribute__((warn_unused_result));
struct interfaces_watch *interfaces_unwatch(struct interfaces_watch *watch);

/*
 * Whether the address is in the subnet of a listed interface, or is an address of this host
 * (127.0.0.0/8 included).
 */
bool interfaces_is_local(const struct interfaces *interfaces, struct in_addr address);

/* Whether it is the address of a listed interface. */
bool interfaces_is_own(const struct interfaces *interfaces, struct in_addr address);

/* Whether it is any address of this host: of a tunnel, a second one, one that is not listed. */
bool interfaces_is_here(const struct interfaces *interfaces, struct in_addr address);

/* Whether it is one that means all hosts: 255.255.255.255, or that of a listed interface. */
bool interfaces_is_broadcast(const struct interfaces *interfaces, struct in_addr address);

/* Whether it can be the address of one host: no broadcast, no multicast, not in 0.0.0.0/8. */
bool interfaces_is_host(const struct interfaces *interfaces, struct in_addr address);

/*
 * The listed interface with this index in whose subnet the address is; NULL: there is none. Valid
 * until interfaces_refresh().
 */
const struct interface *interfaces_neighbour(const struct interfaces *interfaces,
                                             unsigned int index, struct in_addr address);

/*
 * Whether a datagram that came in on this interface is for us: true without a filter. Index 0
 * stands for one that came through nmbd, which has chosen already.
 */
bool interfaces_accept(const struct interfaces *interfaces, unsigned int index);
