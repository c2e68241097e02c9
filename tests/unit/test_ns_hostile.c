/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/ns_message: what is broken or hostile (wire.md 1.9, bad_inputs.txt) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ns_vectors.h"

/* wire.md 1.9: a message that ends too early is none; bytes behind its end do not matter. */
static void test_truncated(void **state)
{
    struct ns_message m, expected;

    (void)state;
    for (size_t i = 0; i < COUNT(GOLDEN); i++)
    {
        expected = expected_of(GOLDEN[i].vector);
        vector_find(GOLDEN[i].vector);
        for (size_t cut = 0; cut < vector.size; cut++)
        {
            int result = read_exact(vector.bytes, cut, &NO_SCOPE, &m);

            if (result != (cut >= 12 && cut < 46 ? NS_MESSAGE_BAD_NAME : NS_MESSAGE_SHORT) &&
                /* The record's own name may be cut as well. */
                !(result == NS_MESSAGE_BAD_NAME && vector.bytes[11] == 1 &&
                  (cut == 50 || cut == 51)))
            {
                fail_msg("%s, first %zu bytes: code %d", vector.name, cut, result);
            }
        }
        memset(vector.bytes + vector.size, 0xff, 1000);
        assert_int_equal(read_exact(vector.bytes, vector.size + 1000, &NO_SCOPE, &m),
                         NS_MESSAGE_OK);
        expect_equal(&m, &expected);
    }
}

/* wire.md 1.9: every hostile payload for port 137. */
static void test_bad_inputs(void **state)
{
    static const struct
    {
        const char *name;
        int code;
    } rows[] = {
        {"ns-good", NS_MESSAGE_OK},
        {"ns-hdr-only", NS_MESSAGE_BAD_NAME},
        {"ns-an-ffff", NS_MESSAGE_BAD_COUNTS},
        {"ns-ptr-self", NS_MESSAGE_BAD_NAME},
        {"ns-ptr-fwd", NS_MESSAGE_BAD_NAME},
        {"ns-rdlen-0", NS_MESSAGE_BAD_RECORD},
        {"ns-opcode-0", NS_MESSAGE_OK},
        {"ns-opcode-2", NS_MESSAGE_BAD_OPCODE},
        {"ns-opcode-4", NS_MESSAGE_BAD_OPCODE},
        {"ns-opcode-6", NS_MESSAGE_BAD_COUNTS},
        {"ns-opcode-8", NS_MESSAGE_BAD_COUNTS},
        {"ns-opcode-a", NS_MESSAGE_BAD_OPCODE},
        {"ns-opcode-c", NS_MESSAGE_BAD_OPCODE},
        {"ns-opcode-e", NS_MESSAGE_BAD_OPCODE},
        /* Well formed; whether anybody asked for them is for others to know. */
        {"ns-unsolicited-posresp", NS_MESSAGE_OK},
        {"ns-release-spoof", NS_MESSAGE_OK},
        {"ns-redirect", NS_MESSAGE_BAD_COUNTS},
        {"ns-nbstat-resp-255names", NS_MESSAGE_BAD_RECORD},
    };
    FILE *f = vector_open("bad_inputs.txt");
    struct ns_message m;
    size_t n = 0;

    (void)state;
    while (vector_read(f, true, &vector))
    {
        if (vector.port != 137)
        {
            /* A datagram is no name service message either. */
            assert_int_not_equal(read_exact(vector.bytes, vector.size, &NO_SCOPE, &m),
                                 NS_MESSAGE_OK);
            continue;
        }
        assert_true(n < COUNT(rows));
        assert_string_equal(vector.name, rows[n].name);
        if (read_exact(vector.bytes, vector.size, &NO_SCOPE, &m) != rows[n].code)
        {
            fail_msg("%s: not code %d", vector.name, rows[n].code);
        }
        n++;
    }
    fclose(f);
    assert_int_equal(n, COUNT(rows));
}

/* Counts that promise too much or too little; none makes the reader loop. */
static void test_counts(void **state)
{
    static const uint16_t values[] = {0, 1, 2, 0x00ff, 0x0100, 0x8000, 0xffff};
    struct ns_message m;

    (void)state;
    for (size_t i = 0; i < COUNT(GOLDEN); i++)
    {
        for (size_t at = 4; at < 12; at += 2)
        {
            for (size_t j = 0; j < COUNT(values); j++)
            {
                int result;

                vector_find(GOLDEN[i].vector);
                if ((vector.bytes[at] << 8 | vector.bytes[at + 1]) == values[j] ||
                    /* A negative response need not count its record. */
                    (at == 6 && values[j] == 0 && (GOLDEN[i].flags & 15)))
                {
                    continue;
                }
                vector.bytes[at] = (uint8_t)(values[j] >> 8);
                vector.bytes[at + 1] = (uint8_t)values[j];
                result = read_exact(vector.bytes, vector.size, &NO_SCOPE, &m);
                /* A response may repeat the question, which is not there. */
                if (GOLDEN[i].flags >> 15 && at == 4 && values[j] == 1)
                {
                    assert_int_not_equal(result, NS_MESSAGE_OK);
                    continue;
                }
                if (result != NS_MESSAGE_BAD_COUNTS)
                {
                    fail_msg("%s: code %d for %04x at %zu", vector.name, result, values[j], at);
                }
            }
        }
    }
}

/* A registration of HOSTB<20> by 10.77.0.2, whose additional record has another name. */
static int read_with_record_name(const void *name, size_t size, struct ns_message *ret_message)
{
    uint8_t bytes[400];

    vector_find("nmbd_ns_register_bcast_unique");
    memcpy(bytes, vector.bytes, 50);
    memcpy(bytes + 50, name, size);
    memcpy(bytes + 50 + size, vector.bytes + 52, 16);
    return read_exact(bytes, 50 + size + 16, &NO_SCOPE, ret_message);
}

/* RFC 1002 4.1, wire.md 1.9: C0 0C behind the question, and no pointer anywhere else. */
static void test_pointers(void **state)
{
    /* To itself, beyond the end, into the header, into the name, to the record, 01 and 10. */
    static const char bad[][2] = {
        {'\xc0', 0x32}, {'\xc0', '\xff'}, {'\xff', '\xff'}, {'\xc0', 0},  {'\xc0', 0x0d},
        {'\xc0', 0x2d}, {'\xc0', 0x34},   {'\xc1', 0x0c},   {0x40, 0x0c}, {'\x80', 0x0c}};
    struct ns_message expected = expected_of("nmbd_ns_register_bcast_unique"), m;
    uint8_t full[NETBIOS_NAME_ENCODED_MAX], loop[36];

    (void)state;
    assert_int_equal(read_with_record_name("\xc0\x0c", 2, &m), NS_MESSAGE_OK);
    expect_equal(&m, &expected);
    for (size_t i = 0; i < COUNT(bad); i++)
    {
        assert_int_equal(read_with_record_name(bad[i], 2, &m), NS_MESSAGE_BAD_NAME);
    }
    /* The whole name, the same and another. */
    assert_int_equal(netbios_name_encode(&expected.name, &NO_SCOPE, full), 34);
    assert_int_equal(read_with_record_name(full, 34, &m), NS_MESSAGE_OK);
    expect_equal(&m, &expected);
    full[32]++;
    assert_int_equal(read_with_record_name(full, 34, &m), NS_MESSAGE_BAD_NAME);
    full[32]--;
    /* A pointer instead of a scope: to the question, and to the name that it ends. */
    memcpy(loop, full, 33);
    loop[33] = 0xc0;
    loop[34] = 0x0c;
    assert_int_equal(read_with_record_name(loop, 35, &m), NS_MESSAGE_BAD_NAME);
    loop[34] = 0x32;
    assert_int_equal(read_with_record_name(loop, 35, &m), NS_MESSAGE_BAD_NAME);
    vector_find("nmblookup_ns_query_bcast");
    memmove(vector.bytes + 47, vector.bytes + 46, 4);
    memcpy(vector.bytes + 45, "\xc0\x0c", 2);
    assert_int_equal(read_exact(vector.bytes, 51, &NO_SCOPE, &m), NS_MESSAGE_BAD_NAME);
    /* A response that repeats no question has nothing to point to. */
    vector_find("nmbd_ns_query_resp_unique");
    memmove(vector.bytes + 14, vector.bytes + 46, 16);
    memcpy(vector.bytes + 12, "\xc0\x0c", 2);
    assert_int_equal(read_exact(vector.bytes, 30, &NO_SCOPE, &m), NS_MESSAGE_BAD_NAME);
}

/* Type, class and size of question and record. */
static void test_fields(void **state)
{
    static const struct
    {
        const char *vector;
        size_t at;
        uint8_t value;
        int code;
    } rows[] = {
        {"nmblookup_ns_query_bcast", 47, 0x21, NS_MESSAGE_OK},
        {"nmblookup_ns_query_bcast", 47, 0x0a, NS_MESSAGE_BAD_RECORD},
        {"nmblookup_ns_query_bcast", 46, 0xff, NS_MESSAGE_BAD_RECORD},
        {"nmblookup_ns_query_bcast", 49, 0x00, NS_MESSAGE_BAD_RECORD},
        {"nmblookup_ns_query_bcast", 12, 0x1f, NS_MESSAGE_BAD_NAME},
        {"nmblookup_ns_query_bcast", 20, 'Q', NS_MESSAGE_BAD_NAME},
        {"nmbd_ns_register_bcast_unique", 47, 0x21, NS_MESSAGE_BAD_RECORD},
        {"nmbd_ns_register_bcast_unique", 53, 0x21, NS_MESSAGE_BAD_RECORD},
        {"nmbd_ns_register_bcast_unique", 53, 0x0a, NS_MESSAGE_BAD_RECORD},
        {"nmbd_ns_register_bcast_unique", 55, 0x02, NS_MESSAGE_BAD_RECORD},
        {"nmbd_ns_register_bcast_unique", 61, 0, NS_MESSAGE_BAD_RECORD},
        {"nmbd_ns_register_bcast_unique", 61, 5, NS_MESSAGE_BAD_RECORD},
        {"nmbd_ns_register_bcast_unique", 61, 7, NS_MESSAGE_SHORT},
        {"nmbd_ns_register_bcast_unique", 60, 0xff, NS_MESSAGE_SHORT},
        {"nmbd_ns_query_resp_unique", 47, 0x0a, NS_MESSAGE_BAD_RECORD},
        {"nmbd_ns_query_resp_unique", 47, 0x02, NS_MESSAGE_BAD_RECORD},
        {"nmbd_ns_query_resp_unique", 49, 0xff, NS_MESSAGE_BAD_RECORD},
        {"nmbd_ns_query_resp_unique", 55, 0, NS_MESSAGE_BAD_RECORD},
        {"nmbd_ns_query_resp_unique", 54, 0xff, NS_MESSAGE_SHORT},
        {"nmbd_ns_wins_reg_resp", 47, 0x21, NS_MESSAGE_BAD_RECORD},
        {"nmbd_ns_nbstat_resp", 56, 9, NS_MESSAGE_OK}, /* two names in the statistics */
        {"nmbd_ns_nbstat_resp", 56, 10, NS_MESSAGE_BAD_RECORD},
        {"nmbd_ns_nbstat_resp", 56, 255, NS_MESSAGE_BAD_RECORD},
        {"nmbd_ns_nbstat_resp", 55, 0, NS_MESSAGE_BAD_RECORD},
        {"nmbd_ns_nbstat_resp", 55, 126, NS_MESSAGE_BAD_RECORD},
        {"nmbd_ns_nbstat_resp", 55, 127, NS_MESSAGE_OK}, /* no statistics at all */
        {"nmbd_ns_nbstat_resp", 54, 1, NS_MESSAGE_SHORT},
    };
    struct ns_message m;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
    {
        int result;

        vector_find(rows[i].vector);
        vector.bytes[rows[i].at] = rows[i].value;
        result = read_exact(vector.bytes, vector.size, &NO_SCOPE, &m);
        if (result != rows[i].code)
        {
            fail_msg("%s: byte %zu = 0x%02x: code %d", vector.name, rows[i].at, rows[i].value,
                     result);
        }
    }
}

/* Genuine messages with up to four bytes changed; always the same ones. What is read can be
 * written. */
static void test_changed_bytes(void **state)
{
    uint8_t bytes[NS_MESSAGE_SIZE_MAX], again[NS_MESSAGE_SIZE_MAX];
    uint32_t random = 1;
    size_t n_read = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(GOLDEN); i++)
    {
        vector_find(GOLDEN[i].vector);
        for (size_t round = 0; round < 4000; round++)
        {
            struct ns_message m, back;

            memcpy(bytes, vector.bytes, vector.size);
            for (size_t j = 0; j <= round % 4; j++)
            {
                random = random * 1664525 + 1013904223;
                bytes[(uint64_t)random * vector.size >> 32] = (uint8_t)(random >> 8);
            }
            if (read_exact(bytes, vector.size, &NO_SCOPE, &m))
            {
                continue;
            }
            n_read++;
            assert_int_equal(read_exact(again, write_exact(&m, &NO_SCOPE, again), &NO_SCOPE, &back),
                             NS_MESSAGE_OK);
            expect_equal(&back, &m);
        }
    }
    /* Both happened. */
    assert_in_range(n_read, 4000, 80000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_bad_inputs),
        cmocka_unit_test(test_counts),    cmocka_unit_test(test_pointers),
        cmocka_unit_test(test_fields),    cmocka_unit_test(test_changed_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
