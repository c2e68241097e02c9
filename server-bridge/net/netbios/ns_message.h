/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of the NetBIOS name service (RFC 1002 4.2, wire.md 1.7) */
#pragma once

#include "net/netbios/name.h"

#include <netinet/in.h>

/* A node status with 255 names is the largest message there is; ours are smaller. */
#define NS_MESSAGE_SIZE_MAX 576 /* RFC 1002 6: MAX_DATAGRAM_LENGTH */
#define NS_ADDRESSES_MAX    32  /* WINS keeps at most 25 of a <1C> group */
#define NS_NODE_NAMES_MAX   24  /* as many as fit into NS_MESSAGE_SIZE_MAX, with scope */

enum ns_opcode
{
    NS_QUERY = 0,
    NS_REGISTRATION = 5,
    NS_RELEASE = 6,
    NS_WACK = 7,
    NS_REFRESH = 8,
    NS_REFRESH_ALTERNATIVE = 9, /* the RFC contradicts itself: accepted, never sent */
    NS_MULTIHOMED = 15,         /* MS-NBTE 2.2.2 */
};

enum ns_rcode
{
    NS_RCODE_OK = 0,
    NS_RCODE_FORMAT = 1,
    NS_RCODE_SERVER = 2,
    NS_RCODE_NAME = 3, /* no such name */
    NS_RCODE_UNSUPPORTED = 4,
    NS_RCODE_REFUSED = 5,
    NS_RCODE_ACTIVE = 6,   /* the name belongs to somebody else: defence */
    NS_RCODE_CONFLICT = 7, /* in a registration response: conflict demand */
};

enum ns_type
{
    NS_TYPE_NULL = 0x000a,
    NS_TYPE_NB = 0x0020,
    NS_TYPE_NBSTAT = 0x0021,
};

/* NB_FLAGS, and the same bits in NODE_NAME flags. */
#define NS_FLAG_GROUP         0x8000
#define NS_FLAG_NODE_MASK     0x6000 /* B 0000, P 2000, M 4000, H 6000 */
#define NS_FLAG_DEREGISTERING 0x1000 /* only in node status, as those below */
#define NS_FLAG_CONFLICT      0x0800
#define NS_FLAG_ACTIVE        0x0400
#define NS_FLAG_PERMANENT     0x0200

struct ns_address
{
    uint16_t flags;
    struct in_addr address;
};

struct ns_node_name
{
    struct netbios_name name;
    uint16_t flags;
};

/*
 * Any message: the question's or the record's name, and what stands in the record. Requests with a
 * record (registration, refresh, release) carry their address as address[0].
 */
struct ns_message
{
    uint16_t id;
    bool response;
    enum ns_opcode opcode;
    bool authoritative, truncated, recursion_desired, recursion_available, broadcast;
    enum ns_rcode rcode;
    struct netbios_name name;
    enum ns_type type; /* of question or record; a negative answer may have NULL */
    uint32_t ttl;      /* s; WACK: how long to wait */
    size_t n_addresses;
    struct ns_address addresses[NS_ADDRESSES_MAX];
    size_t n_node_names;
    struct ns_node_name node_names[NS_NODE_NAMES_MAX];
};

/* Codes of this module: why bytes are no message for us. */
enum ns_message_result
{
    NS_MESSAGE_OK,
    NS_MESSAGE_SHORT,       /* ends too early */
    NS_MESSAGE_BAD_OPCODE,  /* unknown */
    NS_MESSAGE_BAD_COUNTS,  /* not the sections that this message has */
    NS_MESSAGE_BAD_NAME,    /* does not decode, or the record is for another name */
    NS_MESSAGE_BAD_RECORD,  /* wrong type, class, or data that do not fit */
    NS_MESSAGE_OTHER_SCOPE, /* not our scope */
};

/*
 * Reads one UDP payload. The only label pointer that is valid is C0 0C, to the question, in a
 * record behind one. Bytes behind the message are ignored, as are more addresses or node names than
 * the arrays hold. Returns a code; everything that the message does not say is zero.
 */
int ns_message_read(const void *bytes, size_t size, const struct netbios_scope *scope,
                    struct ns_message *ret_message) __attribute__((warn_unused_result));

/*
 * Writes requests and responses in the forms of wire.md 1.7 (golden.txt, byte for byte): what it
 * is follows from opcode, response, type and rcode. Broadcast requests have `broadcast` set. Node
 * status responses end in 46 zero bytes of statistics, and leave out names at the end for which a
 * long scope leaves no space; a WACK says that it is about a registration. Requests with a record
 * must have an address. Returns the size.
 */
size_t ns_message_write(const struct ns_message *message, const struct netbios_scope *scope,
                        uint8_t ret_bytes[static NS_MESSAGE_SIZE_MAX]);
