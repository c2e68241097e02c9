/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network interfaces that broadcasts go out on (MS-NBTE 3.1.4) */
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INTERFACES_MAX          64
#define INTERFACES_REFRESH_USEC UINT64_C(1000000)

struct interface
{
    char name[IF_NAMESIZE];
    unsigned int index;
    struct in_addr address;
    struct in_addr netmask;
    struct in_addr broadcast;
};

/* A plain value. The filter is borrowed and must outlive the list. */
struct interfaces
{
    const char *const *filter;
    size_t n_filter;
    uint64_t read_usec;
    bool valid;
    size_t n;
    struct interface list[INTERFACES_MAX];
};

/*
 * An empty list that will hold the interfaces named in `filter` (interface names or IPv4 addresses
 * of this host), or, when n_filter is 0, every one that is up, can broadcast and is not loopback.
 * A loopback interface takes part only if it is named. None at all is a normal state.
 */
void interfaces_init(struct interfaces *ret_interfaces, const char *const *filter, size_t n_filter);

/*
 * Reads the kernel's list if the last reading is 1 s old or more. An interface with several
 * addresses in one subnet is listed once, as every datagram must be sent once. On a negative errno
 * the old list stays.
 */
int interfaces_refresh(struct interfaces *interfaces, uint64_t now_usec)
    __attribute__((warn_unused_result));

/* Whether a datagram that came in on this interface is for us: true without a filter. */
bool interfaces_accept(const struct interfaces *interfaces, unsigned int index);
