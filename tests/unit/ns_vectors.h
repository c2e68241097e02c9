/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The genuine messages of the name service in golden.txt, and what they say (wire.md 1.7) */
#pragma once

#include "net/netbios/ns_message.h"

#include "nbt_vectors.h"

#include <arpa/inet.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define IP(n)  (0x00004d0au | (uint32_t)(n) << 24) /* 10.77.0.n */
#define DAYS_3 259200

/* What each genuine message says: to be read from it, and to be written as it. */
static const struct golden
{
    const char *vector, *name;
    uint8_t suffix;
    uint16_t id, flags;
    enum ns_type type;
    uint32_t ttl;
    size_t n_addresses;
    struct ns_address address;
} GOLDEN[] = {
    {"nmbd_ns_register_bcast_unique", "HOSTB", 0x20, 0x2fa8, 0x2910, 0x20, 0, 1, {0, {IP(2)}}},
    {"nmbd_ns_register_bcast_group", "LABGRP", 0, 0x2fab, 0x2910, 0x20, 0, 1, {0x8000, {IP(2)}}},
    {"nmblookup_ns_query_bcast", "HOSTB", 0, 0x168a, 0x0110, 0x20, 0, 0, {}},
    {"nmbd_ns_query_resp_unique", "HOSTB", 0, 0x168a, 0x8580, 0x20, DAYS_3, 1, {0, {IP(2)}}},
    {"nmbd_ns_query_resp_group", "LABGRP", 0, 0x39ab, 0x8580, 0x20, DAYS_3, 1, {0x8000, {IP(2)}}},
    {"nmblookup_ns_nbstat_q", "HOSTA", 0, 0x43a1, 0x0000, 0x21, 0, 0, {}},
    {"nmbd_ns_nbstat_resp", "HOSTA", 0, 0x43a1, 0x8400, 0x21, 0, 0, {}},
    {"nmblookup_ns_nbstat_wildcard_q", "*", 0, 0x4298, 0x0000, 0x21, 0, 0, {}},
    {"nmbd_ns_wins_multihomed_reg",
     "HOSTB",
     0x20,
     0x3349,
     0x7900,
     0x20,
     DAYS_3,
     1,
     {0x6000, {IP(2)}}},
    {"nmbd_ns_wins_reg_resp", "HOSTB", 0x20, 0x3349, 0xad80, 0x20, 120, 1, {0x6000, {IP(2)}}},
    {"nmbd_ns_wins_group_reg", "LABGRP", 0, 0x334f, 0x2900, 0x20, DAYS_3, 1, {0xe000, {IP(2)}}},
    {"nmblookup_ns_wins_query_rd", "HOSTB", 0, 0x1607, 0x0100, 0x20, 0, 0, {}},
    {"nmbd_ns_wins_query_resp", "HOSTB", 0, 0x1607, 0x8580, 0x20, 0x4a, 1, {0x6000, {IP(2)}}},
    {"nmbd_ns_wins_query_resp_group00", "LABGRP", 0, 0x771d, 0x8580, 0x20, 0x4a, 1, {0xe000, {0}}},
    {"nmbd_ns_wins_query_resp_1c",
     "LABGRP",
     0x1c,
     0x3cea,
     0x8580,
     0x20,
     0x44,
     1,
     {0xe000, {IP(1)}}},
    {"nmbd_ns_wins_query_neg", "NOSUCH", 0, 0x10c2, 0x8583, 0x0a, 0, 0, {}},
    {"nmbd_ns_wins_refresh", "HOSTB", 0x20, 0x3360, 0x4000, 0x20, DAYS_3, 1, {0x6000, {IP(2)}}},
    {"nmbd_ns_wins_refresh_resp", "HOSTB", 0x20, 0x3360, 0xad80, 0x20, 120, 1, {0x6000, {IP(2)}}},
    {"nmbd_ns_wins_release", "HOSTB", 0x20, 0x3368, 0x3000, 0x20, DAYS_3, 1, {0x6000, {IP(2)}}},
    {"nmbd_ns_wins_release_resp", "HOSTB", 0x20, 0x3368, 0xb400, 0x20, 0, 1, {0x6000, {IP(2)}}},
    {"nmbd_ns_defend_negative", "HOSTA", 0, 0x4242, 0xad86, 0x20, 0, 1, {0, {IP(3)}}},
};

/* The names in nmbd_ns_nbstat_resp. */
static const struct ns_node_name NODE_NAMES[] = {
    {{"HOSTA          \x00"}, 0x0400}, {{"HOSTA          \x03"}, 0x0400},
    {{"HOSTA          \x20"}, 0x0400}, {{"\1\2__MSBROWSE__\2\1"}, 0x8400},
    {{"LABGRP         \x00"}, 0x8400}, {{"LABGRP         \x1d"}, 0x0400},
    {{"LABGRP         \x1e"}, 0x8400},
};

static const struct netbios_scope NO_SCOPE;

/* wire.md 1.7: R, OPCODE, AA, TC, RD, RA, 0, 0, B, RCODE */
static inline void set_flags(struct ns_message *m, uint16_t flags)
{
    m->response = flags >> 15;
    m->opcode = flags >> 11 & 15;
    m->authoritative = flags >> 10 & 1;
    m->truncated = flags >> 9 & 1;
    m->recursion_desired = flags >> 8 & 1;
    m->recursion_available = flags >> 7 & 1;
    m->broadcast = flags >> 4 & 1;
    m->rcode = flags & 15;
}

static inline struct ns_message expected_of(const char *name)
{
    const struct golden *g = GOLDEN;
    struct ns_message m = {};

    while (strcmp(g->vector, name) != 0)
    {
        g++;
        assert_true(g < GOLDEN + COUNT(GOLDEN));
    }
    m.id = g->id;
    set_flags(&m, g->flags);
    m.type = g->type;
    m.ttl = g->ttl;
    m.n_addresses = g->n_addresses;
    m.addresses[0] = g->address;
    m.name = netbios_name_wildcard();
    if (*g->name != '*')
    {
        assert_int_equal(netbios_name_make(&m.name, g->name, strlen(g->name), g->suffix), 0);
    }
    if (m.response && m.type == NS_TYPE_NBSTAT)
    {
        m.n_node_names = COUNT(NODE_NAMES);
        memcpy(m.node_names, NODE_NAMES, sizeof(NODE_NAMES));
    }
    return m;
}

static inline void expect_equal(const struct ns_message *a, const struct ns_message *b)
{
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->response, b->response);
    assert_int_equal(a->opcode, b->opcode);
    assert_int_equal(a->authoritative, b->authoritative);
    assert_int_equal(a->truncated, b->truncated);
    assert_int_equal(a->recursion_desired, b->recursion_desired);
    assert_int_equal(a->recursion_available, b->recursion_available);
    assert_int_equal(a->broadcast, b->broadcast);
    assert_int_equal(a->rcode, b->rcode);
    assert_memory_equal(&a->name, &b->name, sizeof(a->name));
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->ttl, b->ttl);
    assert_int_equal(a->n_addresses, b->n_addresses);
    assert_memory_equal(a->addresses, b->addresses, sizeof(a->addresses));
    assert_int_equal(a->n_node_names, b->n_node_names);
    assert_memory_equal(a->node_names, b->node_names, sizeof(a->node_names));
}

/*
 * Reads from the heap, at the exact size, so that the sanitizer sees any byte too far; a message
 * that is refused must leave the result alone (STYLE.md).
 */
static inline int read_exact(const uint8_t *bytes, size_t size, const struct netbios_scope *scope,
                             struct ns_message *ret_message)
{
    uint8_t *exact = malloc(size + 1);
    struct ns_message untouched;
    int result;

    memset(ret_message, 0x55, sizeof(*ret_message));
    memset(&untouched, 0x55, sizeof(untouched));
    memcpy(exact + 1, bytes, size);
    result = ns_message_read(exact + 1, size, scope, ret_message);
    free(exact);
    if (result)
    {
        assert_memory_equal(ret_message, &untouched, sizeof(untouched));
    }
    return result;
}

/* Into a buffer of the promised size; the same bytes, whatever was in there before (wire.md 1.9).
 */
static inline size_t write_exact(const struct ns_message *m, const struct netbios_scope *scope,
                                 uint8_t ret_bytes[static NS_MESSAGE_SIZE_MAX])
{
    uint8_t *other = malloc(NS_MESSAGE_SIZE_MAX);
    size_t size;

    memset(ret_bytes, 0xaa, NS_MESSAGE_SIZE_MAX);
    memset(other, 0x55, NS_MESSAGE_SIZE_MAX);
    size = ns_message_write(m, scope, other);
    assert_in_range(size, 1, NS_MESSAGE_SIZE_MAX);
    assert_int_equal(ns_message_write(m, scope, ret_bytes), size);
    assert_memory_equal(ret_bytes, other, size);
    free(other);
    return size;
}
