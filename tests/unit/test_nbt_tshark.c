/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wireshark reads every datagram that we write (wire.md 2.3 and 2.7 item 2); skipped without it */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/datagram.h"
#include "net/netbios/transaction.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGES_MAX 200

struct message
{
    char slot[64];
    size_t size;
    enum datagram_type type;
};

static struct message messages[MESSAGES_MAX];
static size_t n_messages;

static bool have(const char *program)
{
    char command[128];

    snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", program);
    return system(command) == 0;
}

static void add(const char *slot, size_t size, enum datagram_type type)
{
    struct message *m = &messages[n_messages++];

    assert_true(n_messages <= MESSAGES_MAX);
    snprintf(m->slot, sizeof(m->slot), "%s", slot);
    m->size = size;
    m->type = type;
}

static uint8_t data_byte(size_t i)
{
    return (uint8_t)(i * 13 + 5);
}

/* As od -Ax -tx1 would print it: an offset of 0 begins a new packet for text2pcap. */
static void dump(FILE *f, const struct message *m, uint16_t id)
{
    uint8_t data[TRANSACTION_DATA_MAX], smb[TRANSACTION_SIZE_MAX], bytes[DATAGRAM_SIZE_MAX];
    struct transaction t = {m->slot, strlen(m->slot), data, m->size};
    struct datagram d = {.type = m->type, .id = id, .source_port = 138, .user_data = smb};
    size_t size;

    for (size_t i = 0; i < m->size; i++)
    {
        data[i] = data_byte(i);
    }
    d.source_ip.s_addr = inet_addr("10.77.0.1");
    assert_int_equal(netbios_name_make(&d.source, "HOSTA", 5, 0), NETBIOS_NAME_OK);
    assert_int_equal(netbios_name_make(&d.destination, "LABGRP", 6, 0), NETBIOS_NAME_OK);
    assert_int_equal(transaction_write(&t, smb, &d.user_data_size), TRANSACTION_OK);
    size = datagram_write(&d, bytes);
    for (size_t i = 0; i < size; i++)
    {
        if (i % 16 == 0)
        {
            fprintf(f, "%s%06zx", i ? "\n" : "", i);
        }
        fprintf(f, " %02x", bytes[i]);
    }
    fprintf(f, "\n%06zx\n", size);
}

static void expect_line(FILE *f, const struct message *m, uint16_t id)
{
    static char line[4096], expected[4096];
    int at;

    at = snprintf(expected, sizeof(expected),
                  "0x%04x|%u|HOSTA<00>|LABGRP<00>|0|10.77.0.1|138|%zu|\\MAILSLOT\\%s|", id, m->type,
                  (80 + strlen(m->slot) + 3) / 4 * 4, m->slot);
    for (size_t i = 0; i < m->size; i++)
    {
        at += snprintf(expected + at, sizeof(expected) - (size_t)at, "%02x", data_byte(i));
    }
    assert_non_null(fgets(line, sizeof(line), f));
    line[strcspn(line, "\n")] = 0;
    assert_string_equal(line, expected);
}

static void test_tshark(void **state)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
    char directory[] = "/tmp/test_nbt_tshark.XXXXXX", command[2048], line[16];
    FILE *f;

    (void)state;
    if (!have("tshark") || !have("text2pcap"))
    {
        print_message("skipped: no tshark or text2pcap here\n");
        skip();
    }
    assert_non_null(mkdtemp(directory));
    for (size_t n = 1; n <= 32; n++)
    {
        char slot[64];
        size_t max = 432 - (n + 3) / 4 * 4;

        snprintf(slot, sizeof(slot), "%.*s", (int)n, letters);
        max = max > 424 ? 424 : max;
        add(slot, 0, DATAGRAM_DIRECT_GROUP);
        add(slot, n, DATAGRAM_DIRECT_UNIQUE);
        add(slot, max, DATAGRAM_DIRECT_GROUP);
    }
    add("dir\\sub\\name", 17, DATAGRAM_BROADCAST);
    add("WINEMS", 5, DATAGRAM_DIRECT_GROUP);
    snprintf(command, sizeof(command), "%s/hex", directory);
    f = fopen(command, "w");
    assert_non_null(f);
    for (size_t i = 0; i < n_messages; i++)
    {
        dump(f, &messages[i], (uint16_t)i);
    }
    assert_int_equal(fclose(f), 0);
    /* Wireshark does not look for a mailslot in a transaction without data. */
    snprintf(command, sizeof(command),
             "cd %s && text2pcap -q -u 10138,10138 hex pcap 2>/dev/null && "
             "tshark -r pcap -d udp.port==10138,nbdgm -Y '(smb.tdc==0 || (mailslot.opcode==1 && "
             "mailslot.class==2)) && smb.wct==17 && smb.sc==3 && nbdgm.first==1 && nbdgm.next==0 "
             "&& nbdgm.node_type==0 && !_ws.malformed' "
             "-T fields -E 'separator=|' -e nbdgm.dgram_id -e nbdgm.type -e nbdgm.source_name "
             "-e nbdgm.destination_name -e nbdgm.pkt_offset -e nbdgm.src.ip -e nbdgm.src.port "
             "-e smb.data_offset -e smb.trans_name -e data.data 2>/dev/null",
             directory);
    f = popen(command, "r");
    assert_non_null(f);
    for (size_t i = 0; i < n_messages; i++)
    {
        expect_line(f, &messages[i], (uint16_t)i);
    }
    assert_null(fgets(line, sizeof(line), f));
    assert_int_equal(pclose(f), 0);
    snprintf(command, sizeof(command), "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tshark)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
