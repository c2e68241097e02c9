/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/ns_message: the forms of RFC 1002 4.2 and wire.md 1.7, against golden.txt */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ns_vectors.h"

/* wire.md 1.7: every genuine message says what is known of it, and is written as it is. */
static void test_golden(void **state)
{
    FILE *f = vector_open("golden.txt");
    uint8_t bytes[NS_MESSAGE_SIZE_MAX];
    size_t n = 0;

    (void)state;
    while (vector_read(f, false, &vector))
    {
        n += strstr(vector.name, "_ns_") != NULL;
    }
    fclose(f);
    assert_int_equal(n, COUNT(GOLDEN));
    for (size_t i = 0; i < COUNT(GOLDEN); i++)
    {
        struct ns_message expected = expected_of(GOLDEN[i].vector), m;

        vector_find(GOLDEN[i].vector);
        if (read_exact(vector.bytes, vector.size, &NO_SCOPE, &m))
        {
            fail_msg("%s is not read", vector.name);
        }
        expect_equal(&m, &expected);
        assert_int_equal(write_exact(&expected, &NO_SCOPE, bytes), vector.size);
        assert_memory_equal(bytes, vector.bytes, vector.size);
    }
}

/* wire.md 1.7: forms without a genuine example, which differ from one in the flags word. */
static void test_flags(void **state)
{
    static const struct
    {
        const char *like;
        uint16_t flags;
    } rows[] = {
        {"nmbd_ns_register_bcast_unique", 0x2810}, {"nmbd_ns_register_bcast_unique", 0x2900},
        {"nmbd_ns_register_bcast_unique", 0x3010}, {"nmbd_ns_register_bcast_unique", 0x4800},
        {"nmbd_ns_query_resp_unique", 0x8780},     {"nmbd_ns_defend_negative", 0xad85},
        {"nmbd_ns_defend_negative", 0xad87},       {"nmbd_ns_wins_reg_resp", 0xfd80},
        {"nmbd_ns_wins_reg_resp", 0xc580},
    };
    uint8_t bytes[NS_MESSAGE_SIZE_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
    {
        struct ns_message m = expected_of(rows[i].like), back;

        set_flags(&m, rows[i].flags);
        vector_find(rows[i].like);
        vector.bytes[2] = (uint8_t)(rows[i].flags >> 8);
        vector.bytes[3] = (uint8_t)rows[i].flags;
        assert_int_equal(write_exact(&m, &NO_SCOPE, bytes), vector.size);
        assert_memory_equal(bytes, vector.bytes, vector.size);
        assert_int_equal(read_exact(bytes, vector.size, &NO_SCOPE, &back), NS_MESSAGE_OK);
        expect_equal(&back, &m);
        /* The two bits that must be zero are not looked at. */
        bytes[3] |= 0x60;
        assert_int_equal(read_exact(bytes, vector.size, &NO_SCOPE, &back), NS_MESSAGE_OK);
        expect_equal(&back, &m);
    }
}

/* RFC 1002 4.2.16: BC00, TTL, two bytes that say what it is about. */
static void test_wack(void **state)
{
    struct ns_message m = {.id = 0x1234}, back;
    uint8_t bytes[NS_MESSAGE_SIZE_MAX];
    size_t size;

    (void)state;
    set_flags(&m, 0xbc00);
    m.name = netbios_name_wildcard();
    m.type = NS_TYPE_NB;
    m.ttl = 60;
    size = write_exact(&m, &NO_SCOPE, bytes);
    assert_int_equal(size, 12 + 34 + 10 + 2);
    assert_memory_equal(bytes, "\x12\x34\xbc\x00\0\0\0\1\0\0\0\0", 12);
    assert_memory_equal(bytes + 46, "\x00\x20\x00\x01\x00\x00\x00\x3c\x00\x02\x29\x00", 12);
    assert_int_equal(read_exact(bytes, size, &NO_SCOPE, &back), NS_MESSAGE_OK);
    expect_equal(&back, &m);
    for (size_t cut = 0; cut < size; cut++)
    {
        assert_int_not_equal(read_exact(bytes, cut, &NO_SCOPE, &back), NS_MESSAGE_OK);
    }
    /* It is a response or nothing. */
    bytes[2] = 0x3c;
    bytes[5] = 1;
    bytes[7] = 0;
    assert_int_equal(read_exact(bytes, size, &NO_SCOPE, &back), NS_MESSAGE_BAD_OPCODE);
}

/* wire.md 1.7: negative responses count their record or not, and it may say more or less. */
static void test_negative(void **state)
{
    struct ns_message m, expected = expected_of("nmbd_ns_wins_query_neg");
    uint8_t bytes[100];

    (void)state;
    vector_find("nmbd_ns_wins_query_neg");
    assert_int_equal(vector.bytes[7], 1);
    vector.bytes[7] = 0;
    assert_int_equal(read_exact(vector.bytes, vector.size, &NO_SCOPE, &m), NS_MESSAGE_OK);
    expect_equal(&m, &expected);
    /* Nothing behind the header: about no name. */
    assert_int_equal(read_exact(vector.bytes, 12, &NO_SCOPE, &m), NS_MESSAGE_BAD_NAME);
    /* With type NB and no address. */
    vector.bytes[47] = 0x20;
    expected.type = NS_TYPE_NB;
    assert_int_equal(read_exact(vector.bytes, vector.size, &NO_SCOPE, &m), NS_MESSAGE_OK);
    expect_equal(&m, &expected);
    /* Only the question, counted. */
    memcpy(bytes, vector.bytes, 50);
    bytes[5] = 1;
    assert_int_equal(read_exact(bytes, 50, &NO_SCOPE, &m), NS_MESSAGE_OK);
    expect_equal(&m, &expected);
    /* A positive one without a record is none. */
    bytes[3] = 0x80;
    assert_int_equal(read_exact(bytes, 50, &NO_SCOPE, &m), NS_MESSAGE_BAD_COUNTS);
}

/* Some senders repeat the question before the answer. */
static void test_repeated_question(void **state)
{
    struct ns_message m, expected = expected_of("nmbd_ns_query_resp_unique");
    uint8_t bytes[200];

    (void)state;
    vector_find("nmbd_ns_query_resp_unique");
    memcpy(bytes, vector.bytes, 50);
    bytes[5] = 1;
    memcpy(bytes + 50, vector.bytes + 12, 50);
    assert_int_equal(read_exact(bytes, 100, &NO_SCOPE, &m), NS_MESSAGE_OK);
    expect_equal(&m, &expected);
    bytes[50] = 0xc0;
    bytes[51] = 0x0c;
    memcpy(bytes + 52, vector.bytes + 46, 16);
    assert_int_equal(read_exact(bytes, 68, &NO_SCOPE, &m), NS_MESSAGE_OK);
    expect_equal(&m, &expected);
    for (size_t cut = 0; cut < 68; cut++)
    {
        assert_int_not_equal(read_exact(bytes, cut, &NO_SCOPE, &m), NS_MESSAGE_OK);
    }
}

/* More than the arrays hold is left out, not refused: 100 addresses, 255 names. */
static void test_many(void **state)
{
    static uint8_t bytes[56 + 1 + 255 * 18 + 46];
    struct ns_message m;

    (void)state;
    vector_find("nmbd_ns_wins_query_resp_1c");
    memcpy(bytes, vector.bytes, 56);
    bytes[54] = 600 >> 8;
    bytes[55] = 600 & 0xff;
    for (size_t i = 0; i < 100; i++)
    {
        const uint8_t address[] = {0xe0, 0, 10, 77, 0, (uint8_t)i};

        memcpy(bytes + 56 + 6 * i, address, 6);
    }
    assert_int_equal(read_exact(bytes, 656, &NO_SCOPE, &m), NS_MESSAGE_OK);
    assert_int_equal(m.n_addresses, NS_ADDRESSES_MAX);
    for (size_t i = 0; i < NS_ADDRESSES_MAX; i++)
    {
        assert_int_equal(m.addresses[i].flags, 0xe000);
        assert_int_equal(m.addresses[i].address.s_addr, IP(i));
    }
    vector_find("nmbd_ns_nbstat_resp");
    memcpy(bytes, vector.bytes, 56);
    bytes[54] = (1 + 255 * 18 + 46) >> 8;
    bytes[55] = (1 + 255 * 18 + 46) & 0xff;
    bytes[56] = 255;
    for (size_t i = 0; i < 255; i++)
    {
        memset(bytes + 57 + 18 * i, (int)i, 18);
    }
    assert_int_equal(read_exact(bytes, sizeof(bytes), &NO_SCOPE, &m), NS_MESSAGE_OK);
    assert_int_equal(m.n_node_names, NS_NODE_NAMES_MAX);
    for (size_t i = 0; i < NS_NODE_NAMES_MAX; i++)
    {
        assert_int_equal(m.node_names[i].name.bytes[15], i);
        assert_int_equal(m.node_names[i].flags, i << 8 | i);
    }
}

/* wire.md 1.2: a message of another scope is not for us, and ours comes back. */
static void test_scope(void **state)
{
    static const char *const texts[] = {"", "lab", "LAB.local", "a.b.c.d.e.f.g.h"};
    struct netbios_scope scopes[COUNT(texts)];
    uint8_t bytes[NS_MESSAGE_SIZE_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
    {
        assert_int_equal(netbios_scope_make(&scopes[i], texts[i]), NETBIOS_NAME_OK);
    }
    for (size_t i = 0; i < COUNT(GOLDEN); i++)
    {
        struct ns_message expected = expected_of(GOLDEN[i].vector), m;

        vector_find(GOLDEN[i].vector);
        for (size_t j = 0; j < COUNT(texts); j++)
        {
            size_t size = write_exact(&expected, &scopes[j], bytes);

            /* One name in each, the additional record's being a pointer. */
            assert_int_equal(size, vector.size + scopes[j].size);
            for (size_t k = 0; k < COUNT(texts); k++)
            {
                assert_int_equal(read_exact(bytes, size, &scopes[k], &m),
                                 j == k ? NS_MESSAGE_OK : NS_MESSAGE_OTHER_SCOPE);
            }
            assert_int_equal(read_exact(bytes, size, &scopes[j], &m), NS_MESSAGE_OK);
            expect_equal(&m, &expected);
        }
    }
}

/* All that fits into 576 bytes with the longest scope, and without one. */
static void test_largest(void **state)
{
    struct ns_message m = {.response = true, .type = NS_TYPE_NBSTAT}, back;
    uint8_t *bytes = malloc(NS_MESSAGE_SIZE_MAX);
    struct netbios_scope scope;
    char text[221];
    size_t size;

    (void)state;
    memset(text, 'a', 220);
    text[63] = text[127] = text[191] = '.';
    text[220] = 0;
    assert_int_equal(netbios_scope_make(&scope, text), NETBIOS_NAME_OK);
    m.name = netbios_name_wildcard();
    m.n_node_names = NS_NODE_NAMES_MAX;
    for (size_t i = 0; i < NS_NODE_NAMES_MAX; i++)
    {
        memset(&m.node_names[i], (int)(i + 1), sizeof(m.node_names[i]));
    }
    size = write_exact(&m, &NO_SCOPE, bytes);
    assert_int_equal(size, 12 + 34 + 10 + 1 + 24 * 18 + 46);
    assert_int_equal(read_exact(bytes, size, &NO_SCOPE, &back), NS_MESSAGE_OK);
    expect_equal(&back, &m);
    /* (576 - 12 - 255 - 10 - 1 - 46) / 18 */
    size = write_exact(&m, &scope, bytes);
    assert_int_equal(size, 12 + 255 + 10 + 1 + 14 * 18 + 46);
    assert_int_equal(read_exact(bytes, size, &scope, &back), NS_MESSAGE_OK);
    assert_int_equal(back.n_node_names, 14);
    assert_memory_equal(back.node_names, m.node_names, 14 * sizeof(m.node_names[0]));
    for (size_t i = size - 46; i < size; i++)
    {
        assert_int_equal(bytes[i], 0);
    }
    m.type = NS_TYPE_NB;
    m.n_node_names = 0;
    memset(m.node_names, 0, sizeof(m.node_names));
    m.n_addresses = NS_ADDRESSES_MAX;
    memset(m.addresses, 0x33, sizeof(m.addresses));
    for (size_t i = 0; i < NS_ADDRESSES_MAX; i++)
    {
        m.addresses[i] = (struct ns_address){.flags = 0x6000, .address.s_addr = IP(i)};
    }
    size = write_exact(&m, &scope, bytes);
    assert_int_equal(size, 12 + 255 + 10 + 32 * 6);
    assert_int_equal(read_exact(bytes, size, &scope, &back), NS_MESSAGE_OK);
    assert_int_equal(back.n_addresses, NS_ADDRESSES_MAX);
    for (size_t i = 0; i < NS_ADDRESSES_MAX; i++)
    {
        assert_int_equal(back.addresses[i].address.s_addr, IP(i));
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_wack),
        cmocka_unit_test(test_negative),
        cmocka_unit_test(test_repeated_question),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_largest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
