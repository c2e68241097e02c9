/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The NetBIOS names that are ours (MS-MAIL 3.2.3: COMPUTER<00> and WORKGROUP<00>) */
#pragma once

#include "net/netbios/codepage.h"
#include "net/netbios/datagram.h"

#define OWN_NAMES_MAX 24 /* all of them fit into one node status (NS_NODE_NAMES_MAX) */

enum own_state
{
    OWN_UNCLAIMED, /* not asked for: there is no name service of our own, or no network yet */
    OWN_CLAIMING,  /* asked for; nobody has objected so far */
    OWN_HELD,      /* ours: queries are answered, unique names defended */
    OWN_REFUSED,   /* somebody else has it (names in conflict are not answered or defended) */
};

struct own_name
{
    struct netbios_name name;
    bool group;
    enum own_state state;   /* kept by claim.c */
    struct in_addr refuser; /* who has it, if OWN_REFUSED */
};

/* list[0] is COMPUTER<00>, list[1] WORKGROUP<00>; further ones follow. A plain value. */
struct own_names
{
    size_t n;
    struct own_name list[OWN_NAMES_MAX];
};

enum
{
    OWN_COMPUTER = 0,
    OWN_WORKGROUP = 1,
};

/* Codes of this module: which setting can not be a name. */
enum
{
    OWN_OK,
    OWN_BAD_COMPUTER,
    OWN_BAD_WORKGROUP, /* or the computer's name */
    OWN_BAD_NAMES,     /* or too many */
    OWN_BAD_GROUPS,    /* or too many */
};

#define OWN_COMPUTER_SIZE (NETBIOS_NAME_CHARS_MAX + 1)

/*
 * The computer name of a host without one in its settings: the host name up to the first dot, cut
 * to 15 characters as Windows does. "LOCALHOST" if nothing is left.
 */
void own_computer_from_host(const char *host, char ret_computer[static 16]);

struct own_config /* all in UTF-8 */
{
    const char *computer;
    const char *workgroup;
    const char *const *names; /* unique ones, "NAME" or "NAME#20" with a suffix in hexadecimal */
    size_t n_names;
    const char *const *groups; /* as names */
    size_t n_groups;
};

/* All unclaimed. A name that is given twice is listed once. Returns a code. */
int own_init(struct own_names *ret_own, struct codepage *codepage, const struct own_config *config)
    __attribute__((warn_unused_result));

/* One "NAME" or "NAME#1c" in UTF-8. OWN_BAD_NAMES: can not be one. */
int own_parse(struct netbios_name *ret_name, struct codepage *codepage, const char *text)
    __attribute__((warn_unused_result));

/* The entry of exactly this name, or NULL. */
struct own_name *own_find(struct own_names *own, const struct netbios_name *name);

/*
 * Whether a datagram is for us: type BROADCAST, the name "*", or one of our names with its suffix,
 * unique or group (peers send DIRECT_GROUP to unique names and by unicast, wire.md 1.5). A name
 * that was refused is not ours.
 */
bool own_is_destination(const struct own_names *own, const struct datagram *datagram);
