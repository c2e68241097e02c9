/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Node types: who is asked, the neighbours or the servers (RFC 1001 10, wire.md 1.6) */
#pragma once

#include "net/netbios/datagram.h"
#include "net/netbios/ns_message.h"

enum node_type
{
    NODE_AUTO, /* H if there are WINS servers, else B (MS-NBTE 3.1.3) */
    NODE_B,    /* broadcasts only */
    NODE_P,    /* WINS only; hears no broadcast datagrams (RFC 1002 5.3.3) */
    NODE_M,    /* broadcasts, then WINS */
    NODE_H,    /* WINS, then broadcasts */
};

static inline bool node_broadcasts(enum node_type node)
{
    return node != NODE_P;
}

static inline bool node_asks_wins(enum node_type node)
{
    return node != NODE_B;
}

/* The node type in NB_FLAGS. */
static inline uint16_t node_ns_flags(enum node_type node)
{
    return node == NODE_P ? 0x2000 : node == NODE_M ? 0x4000 : node == NODE_H ? 0x6000 : 0;
}

/* SNT of a datagram. */
static inline enum datagram_node node_datagram_flags(enum node_type node)
{
    return node == NODE_P   ? DATAGRAM_NODE_P
           : node == NODE_M ? DATAGRAM_NODE_M
           : node == NODE_H ? DATAGRAM_NODE_H
                            : DATAGRAM_NODE_B;
}
