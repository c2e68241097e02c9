/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The NetBIOS names that are ours (MS-MAIL 3.2.3: COMPUTER<00> and WORKGROUP<00>) */
#pragma once

#include "net/netbios/codepage.h"
#include "net/netbios/datagram.h"

struct own_names
{
    struct netbios_name computer;
    struct netbios_name workgroup;
    struct netbios_name *extra;
    size_t n_extra;
};

/* Codes of this module: which setting can not be a name. */
enum
{
    OWN_OK,
    OWN_BAD_COMPUTER,
    OWN_BAD_WORKGROUP,
    OWN_BAD_EXTRA,
};

#define OWN_COMPUTER_SIZE (NETBIOS_NAME_CHARS_MAX + 1)

/*
 * The computer name of a host without one in its settings: the host name up to the first dot, cut
 * to 15 characters as Windows does. "LOCALHOST" if nothing is left.
 */
void own_computer_from_host(const char *host, char ret_computer[static 16]);

/*
 * All in UTF-8. Further names are "NAME" or "NAME#1c" with a suffix of two hexadecimal digits.
 * Returns a code, or -ENOMEM.
 */
int own_init(struct own_names *ret_own, struct codepage *codepage, const char *computer,
             const char *workgroup, const char *const *extra, size_t n_extra)
    __attribute__((warn_unused_result));
void own_deinit(struct own_names *own);

/*
 * Whether a datagram is for us: type BROADCAST, the name "*", or one of our names with its suffix,
 * unique or group (peers send DIRECT_GROUP to unique names and by unicast, wire.md 1.5).
 */
bool own_is_destination(const struct own_names *own, const struct datagram *datagram);
