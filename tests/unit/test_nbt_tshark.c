/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wireshark reads every datagram that we write (wire.md 2.3 and 2.7 item 2); skipped without it */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/datagram.h"
#include "net/netbios/transaction.h"

#include "tshark_support.h"

#include <arpa/inet.h>

#define MESSAGES_MAX 4000

struct message
{
    char slot[64];
    size_t size;
    enum datagram_type type;
    enum datagram_node node;
    struct netbios_name source, destination;
    size_t scope;
};

/* In upper case, as they come out. */
static const char *const SCOPES[] = {
    "", "LAB", "LAB.LOCAL", "A.B.C.D.E.F",
    "A-LABEL-OF-63-BYTES-ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQ.X"};
static struct message messages[MESSAGES_MAX];
static size_t n_messages;

static struct netbios_name name_of(const char *chars, uint8_t suffix)
{
    struct netbios_name name;

    assert_int_equal(netbios_name_make(&name, chars, strlen(chars), suffix), NETBIOS_NAME_OK);
    return name;
}

static struct message *add(const char *slot, size_t size, enum datagram_type type)
{
    struct message *m = &messages[n_messages++];

    assert_true(n_messages <= MESSAGES_MAX);
    snprintf(m->slot, sizeof(m->slot), "%s", slot);
    m->size = size;
    m->type = type;
    m->source = name_of("HOSTA", 0);
    m->destination = name_of("LABGRP", 0);
    return m;
}

/* In every scope, once as the source and once as the destination. */
static void add_name(struct netbios_name name)
{
    for (size_t i = 0; i < sizeof(SCOPES) / sizeof(SCOPES[0]); i++)
    {
        struct message *m = add("WINEMS", 5, DATAGRAM_DIRECT_UNIQUE);

        m->source = name;
        m->scope = i;
        m = add("WINEMS", 5, DATAGRAM_DIRECT_GROUP);
        m->destination = name;
        m->scope = i;
    }
}

static void add_names(void)
{
    static const uint8_t suffixes[] = {0x00, 0x03, 0x1b, 0x1c, 0x1d, 0x1e, 0x20, 0xff};

    for (int n = 1; n <= 15; n++)
    {
        char chars[16];

        snprintf(chars, sizeof(chars), "%.*s", n, "HOST-NAME.15!$&");
        for (size_t i = 0; i < sizeof(suffixes); i++)
        {
            add_name(name_of(chars, suffixes[i]));
        }
    }
    /* All high bytes, 13 a time. */
    for (unsigned int c = 0x80; c < 0x100; c += 13)
    {
        char chars[16] = "H";

        for (unsigned int i = 0; i < 13 && c + i < 0x100; i++)
        {
            chars[1 + i] = (char)(c + i);
        }
        add_name(name_of(chars, 0));
    }
    add_name(name_of("A B", 0));
    add_name((struct netbios_name){.bytes = "\1\2__MSBROWSE__\2\1"});
}

/* All sizes with slot names at both ends of each step of four characters (wire.md 1.4). */
static void add_sizes(void)
{
    static const size_t lengths[] = {1, 4, 5, 8, 9, 12, 13};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
    {
        size_t n = lengths[i], max = 432 - (n + 3) / 4 * 4, step = i < 3 ? 1 : 7;
        char slot[64];

        snprintf(slot, sizeof(slot), "%.*s", (int)n, "abcdefghijklm");
        max = max > TRANSACTION_DATA_MAX ? TRANSACTION_DATA_MAX : max;
        for (size_t size = 0; size < max; size += step)
        {
            add(slot, size, DATAGRAM_DIRECT_GROUP)->node = (enum datagram_node)(size % 4 * 4);
        }
        add(slot, max, DATAGRAM_DIRECT_GROUP);
    }
    for (size_t n = 1; n <= 32; n++)
    {
        char slot[64];
        size_t max = 432 - (n + 3) / 4 * 4;

        snprintf(slot, sizeof(slot), "%.*s", (int)n, "abcdefghijklmnopqrstuvwxyz012345");
        max = max > TRANSACTION_DATA_MAX ? TRANSACTION_DATA_MAX : max;
        add(slot, n, DATAGRAM_DIRECT_UNIQUE);
        add(slot, max, DATAGRAM_DIRECT_GROUP)->scope = n % 5;
    }
    add("dir\\sub\\name", 17, DATAGRAM_BROADCAST);
}

static uint8_t data_byte(size_t i)
{
    return (uint8_t)(i * 13 + 5);
}

static void write_message(struct tshark *tshark, const struct message *m, uint16_t id)
{
    uint8_t data[TRANSACTION_DATA_MAX], smb[TRANSACTION_SIZE_MAX], bytes[DATAGRAM_SIZE_MAX];
    struct transaction t = {m->slot, strlen(m->slot), data, m->size};
    struct datagram d = {.type = m->type, .node = m->node, .id = id, .source_port = 138};
    struct netbios_scope scope;

    for (size_t i = 0; i < m->size; i++)
    {
        data[i] = data_byte(i);
    }
    d.user_data = smb;
    d.source_ip.s_addr = inet_addr("10.77.0.1");
    d.source = m->source;
    d.destination = m->destination;
    assert_int_equal(netbios_scope_make(&scope, SCOPES[m->scope]), NETBIOS_NAME_OK);
    assert_int_equal(transaction_write(&t, smb, &d.user_data_size), TRANSACTION_OK);
    tshark_add(tshark, bytes, datagram_write(&d, &scope, bytes));
}

static void expect_message(struct tshark *tshark, const struct message *m, uint16_t id)
{
    static char expected[4096];
    char source[400], destination[400];
    size_t data_at = (80 + strlen(m->slot) + 3) / 4 * 4, scope_size = strlen(SCOPES[m->scope]);
    size_t length = 2 * (34 + (scope_size ? scope_size + 1 : 0)) + data_at + m->size;
    int at;

    at = snprintf(
        expected, sizeof(expected), "0x%04x|%u|%u|%s|%s|%zu|0|10.77.0.1|138|%zu|\\MAILSLOT\\%s|",
        id, m->type, m->node >> 2, tshark_name(&m->source, SCOPES[m->scope], source),
        tshark_name(&m->destination, SCOPES[m->scope], destination), length, data_at, m->slot);
    for (size_t i = 0; i < m->size; i++)
    {
        at += snprintf(expected + at, sizeof(expected) - (size_t)at, "%02x", data_byte(i));
    }
    tshark_expect(tshark, expected);
}

static void test_tshark(void **state)
{
    struct tshark tshark;

    (void)state;
    tshark_begin(&tshark);
    add_names();
    add_sizes();
    for (size_t i = 0; i < n_messages; i++)
    {
        write_message(&tshark, &messages[i], (uint16_t)i);
    }
    /* Wireshark does not look for a mailslot in a transaction without data. */
    tshark_run(&tshark, "nbdgm",
               "(smb.tdc==0 || (mailslot.opcode==1 && mailslot.class==2)) && smb.wct==17 && "
               "smb.sc==3 && nbdgm.first==1 && nbdgm.next==0 && !_ws.malformed",
               "-e nbdgm.dgram_id -e nbdgm.type -e nbdgm.node_type -e nbdgm.source_name "
               "-e nbdgm.destination_name -e nbdgm.dgram_len -e nbdgm.pkt_offset "
               "-e nbdgm.src.ip -e nbdgm.src.port -e smb.data_offset -e smb.trans_name "
               "-e data.data");
    for (size_t i = 0; i < n_messages; i++)
    {
        expect_message(&tshark, &messages[i], (uint16_t)i);
    }
    tshark_end(&tshark);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tshark)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
