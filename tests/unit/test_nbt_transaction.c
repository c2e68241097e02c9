/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/transaction and datagram (MS-MAIL 2.2.1 and 4, RFC 1002 4.4, Z1-Z4, D5-D8) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/datagram.h"
#include "net/netbios/transaction.h"

#include "nbt_vectors.h"

#include <arpa/inet.h>

static const struct netbios_scope NO_SCOPE;

/* MS-MAIL section 4: our writer gives the same 140 bytes; the reader gives back what was put in. */
static void test_msmail_example(void **state)
{
    struct transaction transaction;
    uint8_t bytes[TRANSACTION_SIZE_MAX];
    size_t size;

    (void)state;
    vector_find("msmail_section4_smb_only");
    assert_int_equal(vector.size, 140);
    assert_int_equal(transaction_read(vector.bytes, vector.size, &transaction), TRANSACTION_OK);
    assert_int_equal(transaction.name_size, 21);
    assert_memory_equal(transaction.name, "test1\\sample_mailslot", 21);
    assert_int_equal(transaction.data_size, 36);
    assert_int_equal(transaction_write(&transaction, bytes, &size), TRANSACTION_OK);
    assert_int_equal(size, vector.size);
    assert_memory_equal(bytes, vector.bytes, size);
}

struct golden
{
    const char *name;
    enum datagram_type type;
    uint16_t id;
    const char *address, *source, *destination, *slot;
    size_t data_size;
    enum datagram_node node;
};

static const struct golden GOLDEN[] = {
    {"nmbd_dgram_hostannounce", 0x11, 0x2fad, "10.77.0.2", "HOSTB<00>", "LABGRP<1d>", "BROWSE", 42,
     DATAGRAM_NODE_M},
    {"nmbd_dgram_election_empty", 0x11, 0x2faf, "10.77.0.2", "HOSTB<00>", "LABGRP<1e>", "BROWSE",
     15, DATAGRAM_NODE_M},
    {"nmbd_dgram_election", 0x11, 0x2fae, "10.77.0.1", "HOSTA<00>", "LABGRP<1e>", "BROWSE", 20,
     DATAGRAM_NODE_M},
    {"nmbd_dgram_announcereq", 0x11, 0x2fb5, "10.77.0.1", "HOSTA<00>", "LABGRP<1e>", "BROWSE", 8,
     DATAGRAM_NODE_M},
    {"nmbd_dgram_localmaster", 0x11, 0x2fb6, "10.77.0.1", "HOSTA<00>", "LABGRP<1e>", "BROWSE", 42,
     DATAGRAM_NODE_M},
    {"nmbd_dgram_domainannounce_msbrowse", 0x11, 0x2fb7, "10.77.0.1", "HOSTA<00>",
     "\\x01\\x02__MSBROWSE__\\x02<01>", "BROWSE", 38, DATAGRAM_NODE_M},
    {"libdgram_dgram_getdc_query", 0x10, 0xeb1e, "10.77.0.3", "TORTURE_TEST<00>", "LABGRP<1c>",
     "NET\\NETLOGON", 72, DATAGRAM_NODE_H},
    {"nmbd_dgram_getdc_reply", 0x10, 0x30dc, "10.77.0.1", "HOSTA<00>", "TORTURE_TEST<00>",
     "NET\\GETDC626", 44, DATAGRAM_NODE_M},
    {"nmbd_dgram_hostannounce_shutdown", 0x11, 0x2fb6, "10.77.0.2", "HOSTB<00>", "LABGRP<1d>",
     "BROWSE", 42, DATAGRAM_NODE_M},
};

/* Every genuine datagram decodes to the known values, and encodes to the same bytes again. */
static void test_golden_datagrams(void **state)
{
    FILE *f = vector_open("golden.txt");
    size_t n = 0;

    (void)state;
    while (vector_read(f, false, &vector))
    {
        char source[NETBIOS_NAME_PRINT_SIZE], destination[NETBIOS_NAME_PRINT_SIZE];
        const struct golden *golden = &GOLDEN[n];
        struct transaction transaction;
        struct datagram datagram;
        uint8_t again[DATAGRAM_SIZE_MAX];

        if (!strstr(vector.name, "_dgram_"))
        {
            continue;
        }
        assert_true(n < sizeof(GOLDEN) / sizeof(GOLDEN[0]));
        assert_string_equal(vector.name, golden->name);
        assert_int_equal(datagram_read(vector.bytes, vector.size, &NO_SCOPE, &datagram),
                         DATAGRAM_OK);
        assert_int_equal(datagram.type, golden->type);
        assert_int_equal(datagram.node, golden->node);
        assert_int_equal(datagram.id, golden->id);
        assert_int_equal(datagram.source_ip.s_addr, inet_addr(golden->address));
        assert_int_equal(datagram.source_port, 138);
        netbios_name_print(&datagram.source, source);
        netbios_name_print(&datagram.destination, destination);
        assert_string_equal(source, golden->source);
        assert_string_equal(destination, golden->destination);
        assert_int_equal(
            transaction_read(datagram.user_data, datagram.user_data_size, &transaction),
            TRANSACTION_OK);
        assert_int_equal(transaction.name_size, strlen(golden->slot));
        assert_memory_equal(transaction.name, golden->slot, transaction.name_size);
        assert_int_equal(transaction.data_size, golden->data_size);
        assert_int_equal(datagram_write(&datagram, &NO_SCOPE, again), vector.size);
        assert_memory_equal(again, vector.bytes, vector.size);
        n++;
    }
    fclose(f);
    assert_int_equal(n, sizeof(GOLDEN) / sizeof(GOLDEN[0]));
}

/* Z1, Z2, Q4: all name lengths 1-32 with all sizes 0-445, against the figures of MS-MAIL <2>. */
static void test_size_table(void **state)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyz012345";
    static uint8_t data[445];
    uint8_t bytes[TRANSACTION_SIZE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
    {
        data[i] = (uint8_t)(i * 7 + 1);
    }
    for (size_t n = 1; n <= 32; n++)
    {
        /* 1-4: 428, 5-8: 424, 9-12: 420, 13-16: 416, … written out, not computed as the code does
         */
        static const size_t frame_max[] = {428, 424, 420, 416, 412, 408, 404, 400};
        size_t max = frame_max[(n - 1) / 4];

        for (size_t size = 0; size <= 445; size++)
        {
            struct transaction t = {name, n, data, size}, back;
            int expected = size > 424   ? TRANSACTION_DATA_TOO_LARGE
                           : size > max ? TRANSACTION_FRAME_TOO_LARGE
                                        : TRANSACTION_OK;
            size_t written = 9999;

            assert_int_equal(transaction_write(&t, bytes, &written), expected);
            if (expected)
            {
                assert_int_equal(written, 9999);
                continue;
            }
            assert_int_equal(written, 512 - max + size);
            assert_int_equal(transaction_read(bytes, written, &back), TRANSACTION_OK);
            assert_int_equal(back.name_size, n);
            assert_memory_equal(back.name, name, n);
            assert_int_equal(back.data_size, size);
            assert_memory_equal(back.data, data, size);
            /* D6: the data begin at 80 + round_up_4(n). */
            assert_int_equal(back.data - bytes, 512 - max);
        }
    }
}

/* Z2 with no data: the longest name is 432 characters. */
static void test_long_names(void **state)
{
    char name[600];
    uint8_t bytes[TRANSACTION_SIZE_MAX];
    struct transaction t = {name, 432, NULL, 0};
    size_t size;

    (void)state;
    memset(name, 'n', sizeof(name));
    assert_int_equal(transaction_write(&t, bytes, &size), TRANSACTION_OK);
    assert_int_equal(size, 512);
    t.name_size = 433;
    assert_int_equal(transaction_write(&t, bytes, &size), TRANSACTION_FRAME_TOO_LARGE);
    t.name_size = sizeof(name);
    assert_int_equal(transaction_write(&t, bytes, &size), TRANSACTION_FRAME_TOO_LARGE);
    t.name_size = (size_t)-1 / 2;
    t.name = "\0";
    assert_int_equal(transaction_write(&t, bytes, &size), TRANSACTION_BAD_NAME);
    t.name_size = 0;
    assert_int_equal(transaction_write(&t, bytes, &size), TRANSACTION_BAD_NAME);
}

/* D7, D8: ignored fields may hold anything; each checked field has its own code. */
static void test_fields(void **state)
{
    static const struct
    {
        size_t at;
        uint8_t value;
        int code;
    } rows[] = {
        {0, 0xfe, TRANSACTION_BAD_MAGIC},
        {4, 0x26, TRANSACTION_BAD_COMMAND},
        {5, 0xff, TRANSACTION_OK},
        {9, 0x98, TRANSACTION_OK},
        {11, 0x80, TRANSACTION_OK},
        {24, 0xff, TRANSACTION_OK},
        {32, 16, TRANSACTION_BAD_WORD_COUNT},
        {36, 1, TRANSACTION_BAD_DATA_COUNT},
        {37, 0xff, TRANSACTION_OK},
        {43, 0xff, TRANSACTION_OK},
        {48, 0xff, TRANSACTION_OK},
        {51, 0xff, TRANSACTION_OK},
        {54, 0xff, TRANSACTION_OK},
        {56, 0xff, TRANSACTION_BAD_DATA_COUNT},
        {57, 0, TRANSACTION_BAD_NAME_BOUND},
        {57, 69, TRANSACTION_BAD_NAME_BOUND},
        {57, 80, TRANSACTION_BAD_NAME_BOUND},
        {57, 81, TRANSACTION_OK},
        {57, 82, TRANSACTION_OK},
        {57, 84, TRANSACTION_OK},
        {57, 85, TRANSACTION_BAD_DATA_BOUND},
        {58, 0xff, TRANSACTION_BAD_DATA_BOUND},
        {59, 2, TRANSACTION_BAD_SETUP},
        {61, 2, TRANSACTION_BAD_OPCODE},
        {62, 1, TRANSACTION_BAD_OPCODE},
        {63, 0xff, TRANSACTION_OK},
        {65, 1, TRANSACTION_OK},
        {67, 0, TRANSACTION_OK},
        {69, '/', TRANSACTION_NOT_MAILSLOT},
        {70, 'm', TRANSACTION_OK},
        {70, 'n', TRANSACTION_NOT_MAILSLOT},
        {79, 0, TRANSACTION_NOT_MAILSLOT},
    };
    struct transaction t = {"x", 1, (const uint8_t *)"hello", 5}, back;
    uint8_t good[TRANSACTION_SIZE_MAX], bytes[TRANSACTION_SIZE_MAX];
    size_t size;

    (void)state;
    assert_int_equal(transaction_write(&t, good, &size), TRANSACTION_OK);
    assert_int_equal(size, 84 + 5);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        memcpy(bytes, good, size);
        bytes[rows[i].at] = rows[i].value;
        if (transaction_read(bytes, size, &back) != rows[i].code)
        {
            fail_msg("byte %zu = 0x%02x: not code %d", rows[i].at, rows[i].value, rows[i].code);
        }
    }
    for (size_t cut = 0; cut < size; cut++)
    {
        /* On the heap at its exact size, so that the sanitizer sees any byte too far. */
        uint8_t *exact = malloc(cut + 1);

        memcpy(exact + 1, good, cut);
        assert_int_not_equal(transaction_read(exact + 1, cut, &back), TRANSACTION_OK);
        free(exact);
    }
}

/* RFC 1002 4.4.1 and wire.md 1.1: header fields of a datagram. */
static void test_datagram_fields(void **state)
{
    static const struct
    {
        size_t at;
        uint8_t value;
        int code;
    } rows[] = {
        {0, 0x0f, DATAGRAM_BAD_TYPE},
        {0, 0x10, DATAGRAM_OK},
        {0, 0x11, DATAGRAM_OK},
        {0, 0x12, DATAGRAM_OK},
        {0, 0x13, DATAGRAM_BAD_TYPE},
        {0, 0xff, DATAGRAM_BAD_TYPE},
        {1, 0x00, DATAGRAM_FRAGMENT},
        {1, 0x02, DATAGRAM_OK},
        {1, 0x03, DATAGRAM_FRAGMENT},
        {1, 0x0e, DATAGRAM_OK},
        {1, 0xf2, DATAGRAM_OK},
        {4, 0xff, DATAGRAM_OK},
        {9, 0x00, DATAGRAM_OK},
        {10, 0xff, DATAGRAM_OK},
        {12, 1, DATAGRAM_FRAGMENT},
        {13, 1, DATAGRAM_FRAGMENT},
        {14, 0, DATAGRAM_BAD_SOURCE_NAME},
        {48, 0xc0, DATAGRAM_BAD_DESTINATION_NAME},
    };
    struct datagram d = {.type = DATAGRAM_DIRECT_GROUP, .id = 0x1234, .source_port = 138}, back;
    uint8_t good[DATAGRAM_SIZE_MAX], bytes[DATAGRAM_SIZE_MAX];
    size_t size;

    (void)state;
    d.source = d.destination = netbios_name_wildcard();
    d.user_data = (const uint8_t *)"xyz";
    d.user_data_size = 3;
    size = datagram_write(&d, &NO_SCOPE, good);
    assert_int_equal(size, 85);
    /* D5: F set, M clear; ours is a B node. DGM_LENGTH leaves the header out. */
    assert_memory_equal(good, "\x11\x02\x12\x34\0\0\0\0\0\x8a\0\x47\0\0", 14);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        memcpy(bytes, good, size);
        bytes[rows[i].at] = rows[i].value;
        if (datagram_read(bytes, size, &NO_SCOPE, &back) != rows[i].code)
        {
            fail_msg("byte %zu = 0x%02x: not code %d", rows[i].at, rows[i].value, rows[i].code);
        }
    }
    for (size_t cut = 0; cut < DATAGRAM_OVERHEAD; cut++)
    {
        uint8_t *exact = malloc(cut + 1);
        int expected = cut < 14   ? DATAGRAM_SHORT
                       : cut < 48 ? DATAGRAM_BAD_SOURCE_NAME
                                  : DATAGRAM_BAD_DESTINATION_NAME;

        memcpy(exact + 1, good, cut);
        assert_int_equal(datagram_read(exact + 1, cut, &NO_SCOPE, &back), expected);
        free(exact);
    }
}

/* wire.md 1.2: both names must be in our scope, which every sender must have as well. */
static void test_datagram_scope(void **state)
{
    static const char *const texts[] = {"", "lab", "lab.local", "x.lab"};
    struct datagram d = {.type = DATAGRAM_DIRECT_UNIQUE, .id = 7, .source_port = 138}, back;
    uint8_t bytes[DATAGRAM_SIZE_MAX], mixed[DATAGRAM_SIZE_MAX];
    struct netbios_scope scopes[4];
    size_t n = sizeof(texts) / sizeof(texts[0]);

    (void)state;
    d.source = d.destination = netbios_name_wildcard();
    d.destination.bytes[15] = 0x20;
    d.user_data = (const uint8_t *)"xyz";
    d.user_data_size = 3;
    for (size_t i = 0; i < n; i++)
    {
        assert_int_equal(netbios_scope_make(&scopes[i], texts[i]), NETBIOS_NAME_OK);
    }
    for (size_t i = 0; i < n; i++)
    {
        size_t size = datagram_write(&d, &scopes[i], bytes), name = 34 + scopes[i].size;

        assert_int_equal(size, 14 + 2 * name + 3);
        assert_int_equal(bytes[10] << 8 | bytes[11], 2 * name + 3);
        for (size_t j = 0; j < n; j++)
        {
            assert_int_equal(datagram_read(bytes, size, &scopes[j], &back),
                             i == j ? DATAGRAM_OK : DATAGRAM_OTHER_SCOPE);
        }
        assert_int_equal(datagram_read(bytes, size, &scopes[i], &back), DATAGRAM_OK);
        assert_true(netbios_name_equal(&back.source, &d.source));
        assert_true(netbios_name_equal(&back.destination, &d.destination));
        assert_int_equal(back.user_data_size, 3);
        assert_ptr_equal(back.user_data, bytes + size - 3);
        assert_memory_equal(back.user_data, "xyz", 3);
        if (i == 0)
        {
            continue;
        }
        /* Only one of the names in the scope: neither ours nor nobody's. */
        memcpy(mixed, bytes, 14 + name);
        memcpy(mixed + 14 + name, bytes + 14, 33);
        mixed[14 + name + 33] = 0;
        memcpy(mixed + 14 + name + 34, d.user_data, 3);
        size = 14 + name + 34 + 3;
        assert_int_equal(datagram_read(mixed, size, &scopes[i], &back), DATAGRAM_OTHER_SCOPE);
        assert_int_equal(datagram_read(mixed, size, &scopes[0], &back), DATAGRAM_OTHER_SCOPE);
        mixed[14 + 33] = 0;
        memcpy(mixed + 14 + 34, bytes + 14, name);
        memcpy(mixed + 14 + 34 + name, d.user_data, 3);
        assert_int_equal(datagram_read(mixed, size, &scopes[i], &back), DATAGRAM_OTHER_SCOPE);
        assert_int_equal(datagram_read(mixed, size, &scopes[0], &back), DATAGRAM_OTHER_SCOPE);
    }
}

/* The largest datagram there is: both names of 255 bytes, 512 bytes of user data. */
static void test_datagram_largest(void **state)
{
    static const uint8_t data[DATAGRAM_USER_DATA_MAX] = {1, [511] = 2};
    struct datagram d = {.type = DATAGRAM_DIRECT_GROUP, .source_port = 138}, back;
    uint8_t *bytes = malloc(DATAGRAM_SIZE_MAX);
    struct netbios_scope scope;
    char text[221];

    (void)state;
    memset(text, 'a', 220);
    text[63] = text[127] = text[191] = '.';
    text[220] = 0;
    assert_int_equal(netbios_scope_make(&scope, text), NETBIOS_NAME_OK);
    d.source = d.destination = netbios_name_wildcard();
    d.user_data = data;
    d.user_data_size = sizeof(data);
    assert_int_equal(datagram_write(&d, &scope, bytes), 14 + 2 * 255 + 512);
    assert_int_equal(DATAGRAM_SIZE_MAX, 14 + 2 * 255 + 512);
    for (size_t cut = 0; cut <= DATAGRAM_SIZE_MAX; cut++)
    {
        uint8_t *exact = malloc(cut + 1);

        memcpy(exact + 1, bytes, cut);
        assert_int_equal(datagram_read(exact + 1, cut, &scope, &back),
                         cut < 14         ? DATAGRAM_SHORT
                         : cut < 14 + 255 ? DATAGRAM_BAD_SOURCE_NAME
                         : cut < 14 + 510 ? DATAGRAM_BAD_DESTINATION_NAME
                                          : DATAGRAM_OK);
        free(exact);
    }
    assert_int_equal(datagram_read(bytes, DATAGRAM_SIZE_MAX, &scope, &back), DATAGRAM_OK);
    assert_memory_equal(back.user_data, data, sizeof(data));
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_msmail_example), cmocka_unit_test(test_golden_datagrams),
        cmocka_unit_test(test_size_table),     cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_fields),         cmocka_unit_test(test_datagram_fields),
        cmocka_unit_test(test_datagram_scope), cmocka_unit_test(test_datagram_largest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
