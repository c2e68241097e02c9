/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetBIOS datagrams: header and names around the user data (RFC 1002 4.4.1, 4.4.2) */
#pragma once

#include "net/netbios/name.h"

#include <netinet/in.h>

#define DATAGRAM_FIXED_SIZE    14
#define DATAGRAM_OVERHEAD      (DATAGRAM_FIXED_SIZE + 2 * NETBIOS_NAME_ENCODED_SIZE)
#define DATAGRAM_USER_DATA_MAX 512 /* RFC 1001 17.1.2 */
#define DATAGRAM_SIZE_MAX                                                                          \
    (DATAGRAM_OVERHEAD + 2 * NETBIOS_SCOPE_LABELS_MAX + DATAGRAM_USER_DATA_MAX)

enum datagram_type
{
    DATAGRAM_DIRECT_UNIQUE = 0x10,
    DATAGRAM_DIRECT_GROUP = 0x11,
    DATAGRAM_BROADCAST = 0x12,
};

/* SNT, the node type of the sender, in its place in FLAGS. */
enum datagram_node
{
    DATAGRAM_NODE_B = 0x00,
    DATAGRAM_NODE_P = 0x04,
    DATAGRAM_NODE_M = 0x08,
    DATAGRAM_NODE_H = 0x0c, /* NBDD in the RFC; Windows sends it for H (MS-MAIL App. A <13>) */
};

/* Codes of this module: why a datagram is not accepted. */
enum datagram_result
{
    DATAGRAM_OK,
    DATAGRAM_SHORT,                /* ends inside the header */
    DATAGRAM_BAD_TYPE,             /* ERROR, QUERY, unknown */
    DATAGRAM_FRAGMENT,             /* F clear, M set or an offset */
    DATAGRAM_BAD_SOURCE_NAME,      /* does not decode */
    DATAGRAM_BAD_DESTINATION_NAME, /* does not decode */
    DATAGRAM_OTHER_SCOPE,          /* not the scope that we live in */
};

struct datagram
{
    enum datagram_type type;
    enum datagram_node node;
    uint16_t id;
    struct in_addr source_ip; /* what the sender claims; never used as an address to send to */
    uint16_t source_port;     /* host order */
    struct netbios_name source;
    struct netbios_name destination;
    const uint8_t *user_data; /* borrowed: points into what was read */
    size_t user_data_size;
};

/*
 * Reads one UDP payload as wire.md 1.9 recommends: F=1, M=0, OFFSET=0, types 0x10-0x12, both names
 * in our scope. DGM_LENGTH is advisory (real senders get it wrong), the size of the payload counts.
 * Returns a code of enum datagram_result.
 */
int datagram_read(const void *bytes, size_t size, const struct netbios_scope *scope,
                  struct datagram *ret_datagram) __attribute__((warn_unused_result));

/*
 * Writes header and names with F set; the user data, if not NULL, is copied behind them. The caller
 * gives a buffer of DATAGRAM_SIZE_MAX bytes, and user_data_size is at most 512. Returns the number
 * of bytes of the whole datagram.
 */
size_t datagram_write(const struct datagram *datagram, const struct netbios_scope *scope,
                      uint8_t ret_bytes[static DATAGRAM_SIZE_MAX]);
