/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wireshark reads all that we write for the name service (wire.md 1.7, 2.3); skipped without it */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/ns_message.h"

#include "tshark_support.h"

#include <arpa/inet.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* In upper case, as they come out. */
static const char *const SCOPES[] = {
    "", "LAB", "LAB.LOCAL", "A.B.C.D.E.F",
    "A-LABEL-OF-63-BYTES-ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQ.X"};

/* wire.md 1.7: each message that is sent, with its flags word, sections and data. */
static const struct form
{
    uint16_t flags;
    bool response;
    enum ns_opcode opcode;
    enum ns_rcode rcode;
    bool authoritative, recursion_desired, recursion_available, broadcast;
    enum ns_type type;
    const char *counts; /* questions, answers, additional records */
    size_t n_addresses, n_node_names;
} FORMS[] = {
    /* query, by broadcast and to WINS */
    {0x0110, false, NS_QUERY, 0, false, true, false, true, NS_TYPE_NB, "1|0|0", 0, 0},
    {0x0100, false, NS_QUERY, 0, false, true, false, false, NS_TYPE_NB, "1|0|0", 0, 0},
    /* its answers */
    {0x8580, true, NS_QUERY, 0, true, true, true, false, NS_TYPE_NB, "0|1|0", 1, 0},
    {0x8580, true, NS_QUERY, 0, true, true, true, false, NS_TYPE_NB, "0|1|0", 2, 0},
    {0x8580, true, NS_QUERY, 0, true, true, true, false, NS_TYPE_NB, "0|1|0", 32, 0},
    {0x8583, true, NS_QUERY, 3, true, true, true, false, NS_TYPE_NULL, "0|1|0", 0, 0},
    /* registration by broadcast, overwrite demand, at WINS with one address and with several */
    {0x2910, false, NS_REGISTRATION, 0, false, true, false, true, NS_TYPE_NB, "1|0|1", 1, 0},
    {0x2810, false, NS_REGISTRATION, 0, false, false, false, true, NS_TYPE_NB, "1|0|1", 1, 0},
    {0x2900, false, NS_REGISTRATION, 0, false, true, false, false, NS_TYPE_NB, "1|0|1", 1, 0},
    {0x7900, false, NS_MULTIHOMED, 0, false, true, false, false, NS_TYPE_NB, "1|0|1", 1, 0},
    /* granted; refused: active elsewhere, by the server, in conflict */
    {0xad80, true, NS_REGISTRATION, 0, true, true, true, false, NS_TYPE_NB, "0|1|0", 1, 0},
    {0xad86, true, NS_REGISTRATION, 6, true, true, true, false, NS_TYPE_NB, "0|1|0", 1, 0},
    {0xad85, true, NS_REGISTRATION, 5, true, true, true, false, NS_TYPE_NB, "0|1|0", 1, 0},
    {0xad87, true, NS_REGISTRATION, 7, true, true, true, false, NS_TYPE_NB, "0|1|0", 1, 0},
    {0xbc00, true, NS_WACK, 0, true, false, false, false, NS_TYPE_NB, "0|1|0", 0, 0},
    /* refresh, release, and the answer to that */
    {0x4000, false, NS_REFRESH, 0, false, false, false, false, NS_TYPE_NB, "1|0|1", 1, 0},
    {0x3000, false, NS_RELEASE, 0, false, false, false, false, NS_TYPE_NB, "1|0|1", 1, 0},
    {0x3010, false, NS_RELEASE, 0, false, false, false, true, NS_TYPE_NB, "1|0|1", 1, 0},
    {0xb400, true, NS_RELEASE, 0, true, false, false, false, NS_TYPE_NB, "0|1|0", 1, 0},
    /* node status */
    {0x0000, false, NS_QUERY, 0, false, false, false, false, NS_TYPE_NBSTAT, "1|0|0", 0, 0},
    {0x8400, true, NS_QUERY, 0, true, false, false, false, NS_TYPE_NBSTAT, "0|1|0", 0, 2},
    {0x8400, true, NS_QUERY, 0, true, false, false, false, NS_TYPE_NBSTAT, "0|1|0", 0, 24},
};

static const uint16_t NB_FLAGS[] = {0x0000, 0x8000, 0x2000, 0xa000, 0x4000, 0xc000, 0x6000, 0xe000};

#define N_ASCII_NAMES (15 + 7) /* the first ones */

static struct netbios_name names[64];
static size_t n_names;

static void add_name(const char *chars, size_t size, uint8_t suffix)
{
    assert_true(n_names < COUNT(names));
    assert_int_equal(netbios_name_make(&names[n_names++], chars, size, suffix), NETBIOS_NAME_OK);
}

static void add_names(void)
{
    static const uint8_t suffixes[] = {0x00, 0x03, 0x1b, 0x1c, 0x1d, 0x1e, 0x20};

    for (size_t n = 1; n <= 15; n++)
    {
        add_name("HOST-NAME.15!$&", n, 0);
    }
    for (size_t i = 0; i < COUNT(suffixes); i++)
    {
        add_name("LABGRP", 6, suffixes[i]);
    }
    /* All high bytes, 13 a time. */
    for (unsigned int c = 0x80; c < 0x100; c += 13)
    {
        char chars[14] = "H";
        size_t n = 1;

        for (; n < 14 && c + n - 1 < 0x100; n++)
        {
            chars[n] = (char)(c + n - 1);
        }
        add_name(chars, n, 0);
    }
    names[n_names++] = netbios_name_wildcard();
    names[n_names++] = (struct netbios_name){.bytes = "\1\2__MSBROWSE__\2\1"};
}

static struct ns_message message_of(const struct form *form, const struct netbios_name *name,
                                    uint16_t id)
{
    struct ns_message m = {.id = id,
                           .response = form->response,
                           .opcode = form->opcode,
                           .rcode = form->rcode,
                           .authoritative = form->authoritative,
                           .recursion_desired = form->recursion_desired,
                           .recursion_available = form->recursion_available,
                           .broadcast = form->broadcast,
                           .type = form->type,
                           .n_addresses = form->n_addresses,
                           .n_node_names = form->n_node_names,
                           .ttl = 259200u + id};

    m.name = *name;
    for (size_t i = 0; i < form->n_addresses; i++)
    {
        m.addresses[i].flags = NB_FLAGS[(id + i) % COUNT(NB_FLAGS)];
        m.addresses[i].address.s_addr = htonl(0x0a4d0000 + id + (uint32_t)i);
    }
    for (size_t i = 0; i < form->n_node_names; i++)
    {
        /* Group or not, node type, active, and now and then in conflict. */
        m.node_names[i].flags =
            (uint16_t)(NB_FLAGS[i % COUNT(NB_FLAGS)] | 0x0400 | (i % 5 ? 0 : NS_FLAG_CONFLICT));
        m.node_names[i].name = names[i % N_ASCII_NAMES];
    }
    return m;
}

/* With a long scope, as many names as 576 bytes hold (12 + 34 + 10 + 1 + 46 are for others). */
static size_t node_names_of(const struct form *form, const char *scope)
{
    size_t max = (576 - 103 - (*scope ? strlen(scope) + 1 : 0)) / 18;

    return form->n_node_names < max ? form->n_node_names : max;
}

static size_t data_size_of(const struct form *form, const char *scope)
{
    return form->opcode == NS_WACK ? 2
           : form->n_node_names    ? 1 + 18 * node_names_of(form, scope) + 46
                                   : 6 * form->n_addresses;
}

static void expect_message(struct tshark *tshark, const struct form *form,
                           const struct ns_message *m, const char *scope)
{
    char expected[4096], name[400];
    bool has_question = form->counts[0] == '1',
         has_record = form->counts[2] == '1' || form->counts[4] == '1';
    int n_sections = has_question + has_record;
    size_t n = node_names_of(form, scope), at;

#define PRINT(...) at += (size_t)snprintf(expected + at, sizeof(expected) - at, __VA_ARGS__)
    at = 0;
    /* A WACK repeats in its data the flags of what it is about. */
    PRINT("0x%04x|0x%04x%s|%s|", m->id, form->flags, form->opcode == NS_WACK ? ",0x2900" : "",
          form->counts);
    tshark_name(&m->name, scope, name);
    for (int i = 0; i < n_sections; i++)
    {
        /* The pointer in the additional record leads back to the question's name. */
        PRINT("%s%s", i ? "," : "", name);
    }
    PRINT("|%u%s|", form->type, n_sections == 2 ? ",32" : "");
    PRINT("%s|", n_sections == 2 ? "1,1" : "1");
    if (has_record)
    {
        PRINT("%u|%zu|", m->ttl, data_size_of(form, scope));
    }
    else
    {
        PRINT("||");
    }
    for (size_t i = 0; i < m->n_addresses; i++)
    {
        PRINT("%s0x%04x", i ? "," : "", m->addresses[i].flags);
    }
    PRINT("|");
    for (size_t i = 0; i < m->n_addresses; i++)
    {
        PRINT("%s%s", i ? "," : "", inet_ntoa(m->addresses[i].address));
    }
    PRINT("|");
    if (n)
    {
        PRINT("%zu", n);
    }
    PRINT("|");
    for (size_t i = 0; i < n; i++)
    {
        /* Without the suffix, there. */
        const struct netbios_name *node_name = &m->node_names[i].name;

        PRINT("%s%.*s", i ? "," : "", (int)netbios_name_length(node_name),
              (const char *)node_name->bytes);
    }
    PRINT("|");
    for (size_t i = 0; i < n; i++)
    {
        PRINT("%s0x%04x", i ? "," : "", m->node_names[i].flags);
    }
    /* The address of the interface, the first of the statistics. */
    PRINT("|%s", n ? "00:00:00:00:00:00" : "");
#undef PRINT
    tshark_expect(tshark, expected);
}

/* Every form with every name in every scope. */
static void test_tshark(void **state)
{
    struct tshark tshark;

    (void)state;
    tshark_begin(&tshark);
    add_names();
    for (int pass = 0; pass < 2; pass++)
    {
        uint16_t id = 0;

        for (size_t i = 0; i < COUNT(FORMS) * n_names * COUNT(SCOPES); i++, id++)
        {
            const struct form *form = &FORMS[i % COUNT(FORMS)];
            const char *text = SCOPES[i / COUNT(FORMS) % COUNT(SCOPES)];
            const struct netbios_name *name = &names[i / COUNT(FORMS) / COUNT(SCOPES)];
            struct ns_message m = message_of(form, name, id);
            uint8_t bytes[NS_MESSAGE_SIZE_MAX];
            struct netbios_scope scope;

            if (pass == 0)
            {
                assert_int_equal(netbios_scope_make(&scope, text), NETBIOS_NAME_OK);
                tshark_add(&tshark, bytes, ns_message_write(&m, &scope, bytes));
            }
            else
            {
                expect_message(&tshark, form, &m, text);
            }
        }
        if (pass == 0)
        {
            tshark_run(
                &tshark, "nbns",
                /* It misses data in a record that has none. */
                "!_ws.malformed && (!nbns.incomplete_entry || nbns.data_length==0)",
                "-e nbns.id -e nbns.flags -e nbns.count.queries -e nbns.count.answers "
                "-e nbns.count.add_rr -e nbns.name -e nbns.type -e nbns.class -e nbns.ttl "
                "-e nbns.data_length -e nbns.nb_flags -e nbns.addr "
                "-e nbns.number_of_names -e nbns.netbios_name -e nbns.name_flags -e nbns.unit_id");
        }
    }
    tshark_end(&tshark);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tshark)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
