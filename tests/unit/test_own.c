/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/own (MS-MAIL 3.2.3, wire.md 1.5, semantics N15-N17, Q3) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/own.h"

#include <string.h>

static int set_up(void **state)
{
    return codepage_new((struct codepage **)state, NULL);
}

static int tear_down(void **state)
{
    *state = codepage_free(*state);
    return 0;
}

static struct netbios_name name_of(const char *chars, uint8_t suffix)
{
    struct netbios_name name;

    assert_int_equal(netbios_name_make(&name, chars, strlen(chars), suffix), NETBIOS_NAME_OK);
    return name;
}

/* The host name up to the first dot, 15 characters, never half of one. */
static void test_computer_from_host(void **state)
{
    static const struct
    {
        const char *host, *computer;
    } rows[] = {
        {"desk-7.example.org", "DESK-7"},
        {"averyveryverylonghostname", "AVERYVERYVERYLO"},
        {"", "LOCALHOST"},
        {".example.org", "LOCALHOST"},
        {"*star", "LOCALHOST"},
        {"a/b", "LOCALHOST"},
        {"abcdefghijklmn\xc3\xa9z", "ABCDEFGHIJKLMN"},
        {"abcdefghijklm\xc3\xa9z", "ABCDEFGHIJKLM\xc3\xa9"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        char computer[OWN_COMPUTER_SIZE];

        own_computer_from_host(rows[i].host, computer);
        assert_string_equal(computer, rows[i].computer);
    }
}

/* MS-MAIL 3.2.3: COMPUTER<00> and WORKGROUP<00>, and what the settings add; all unclaimed. */
static void test_init(void **state)
{
    static const char *const names[] = {"alias", "hosta#20", "ALIAS#00", "hosta"};
    static const char *const groups[] = {"dom#1C", "Labgrp", "elect#1e"};
    const struct own_config config = {"hosta", "labgrp", names, 4, groups, 3};
    const struct
    {
        const char *chars;
        uint8_t suffix;
        bool group;
    } expected[] = {
        {"HOSTA", 0, false},    {"LABGRP", 0, true}, {"ALIAS", 0, false},
        {"HOSTA", 0x20, false}, {"DOM", 0x1c, true}, {"ELECT", 0x1e, true},
    };
    struct own_names own;

    assert_int_equal(own_init(&own, *state, &config), OWN_OK);
    assert_int_equal(own.n, 6);
    for (size_t i = 0; i < own.n; i++)
    {
        struct netbios_name name = name_of(expected[i].chars, expected[i].suffix);

        assert_ptr_equal(own_find(&own, &name), &own.list[i]);
        assert_int_equal(own.list[i].group, expected[i].group);
        assert_int_equal(own.list[i].state, OWN_UNCLAIMED);
    }
    assert_null(own_find(&own, &(struct netbios_name){.bytes = "HOSTA"}));
}

/* Which setting can not be; what was there before is untouched. */
static void test_init_invalid(void **state)
{
    static const char *const good = "X", *const unique = "W", *const group = "A";
    static const char *const bad[] = {"",    "*",    "X#",  "X#1",  "X#123",           "X#zz",
                                      "#20", "a\\b", "a/b", "X#-1", "ABCDEFGHIJKLMNOP"};
    const struct
    {
        struct own_config config;
        int code;
    } rows[] = {
        {{"ABCDEFGHIJKLMNOP", "W", NULL, 0, NULL, 0}, OWN_BAD_COMPUTER},
        {{"", "W", NULL, 0, NULL, 0}, OWN_BAD_COMPUTER},
        {{"\xff", "W", NULL, 0, NULL, 0}, OWN_BAD_COMPUTER},
        {{"A", "*", NULL, 0, NULL, 0}, OWN_BAD_WORKGROUP},
        {{"LabGrp", "labgrp", NULL, 0, NULL, 0}, OWN_BAD_WORKGROUP}, /* it would break the group */
        {{"A*B", "W", NULL, 0, NULL, 0}, OWN_BAD_COMPUTER},
        {{"A", "\"SHOP\"", NULL, 0, NULL, 0}, OWN_BAD_WORKGROUP},
        {{"A", "SHOP # mine", NULL, 0, NULL, 0}, OWN_BAD_WORKGROUP},
        {{"A", "W", &unique, 1, NULL, 0}, OWN_BAD_NAMES}, /* the group of this name is ours */
        {{"A", "W", &good, 1, &group, 1}, OWN_BAD_GROUPS},
    };
    struct own_names own = {.n = 77};
    struct netbios_name name = name_of("KEPT", 1);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        assert_int_equal(own_init(&own, *state, &rows[i].config), rows[i].code);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    {
        struct own_config config = {"A", "W", &bad[i], 1, NULL, 0};

        assert_int_equal(own_init(&own, *state, &config), OWN_BAD_NAMES);
        config = (struct own_config){"A", "W", NULL, 0, &bad[i], 1};
        assert_int_equal(own_init(&own, *state, &config), OWN_BAD_GROUPS);
        assert_int_equal(own_parse(&name, *state, bad[i]), OWN_BAD_NAMES);
    }
    assert_int_equal(own.n, 77);
    assert_int_equal(name.bytes[15], 1);
}

/* As many as fit into one node status, and not one more. */
static void test_init_too_many(void **state)
{
    static const char text[][3] = {"N0", "N1", "N2", "N3", "N4", "N5", "N6", "N7",
                                   "N8", "N9", "NA", "NB", "NC", "ND", "NE", "NF",
                                   "NG", "NH", "NI", "NJ", "NK", "NL", "NM"};
    const char *names[23];
    struct own_config config = {"A", "W", names, OWN_NAMES_MAX - 2, NULL, 0};
    struct own_names own;

    for (size_t i = 0; i < 23; i++)
    {
        names[i] = text[i];
    }
    assert_int_equal(own_init(&own, *state, &config), OWN_OK);
    assert_int_equal(own.n, OWN_NAMES_MAX);
    config.n_names++;
    assert_int_equal(own_init(&own, *state, &config), OWN_BAD_NAMES);
    config.n_names--;
    config.groups = &names[22];
    config.n_groups = 1;
    assert_int_equal(own_init(&own, *state, &config), OWN_BAD_GROUPS);
}

static void test_parse(void **state)
{
    static const struct
    {
        const char *text, *chars;
        uint8_t suffix;
    } rows[] = {
        {"name", "NAME", 0},       {"name#1c", "NAME", 0x1c},
        {"n#me#FF", "N#ME", 0xff}, {"abcdefghijklmno#20", "ABCDEFGHIJKLMNO", 0x20},
        {"\xc3\x84", "\x8e", 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        struct netbios_name name, expected = name_of(rows[i].chars, rows[i].suffix);

        assert_int_equal(own_parse(&name, *state, rows[i].text), OWN_OK);
        assert_memory_equal(&name, &expected, sizeof(name));
    }
}

/* wire.md 1.5: the name with its suffix counts, not how the datagram came or its type. */
static void test_destination(void **state)
{
    static const char *const names[] = {"alias", "taken"}, *const groups[] = {"dom#1c"};
    const struct own_config config = {"hosta", "labgrp", names, 2, groups, 1};
    static const struct
    {
        const char *chars;
        enum datagram_type type;
        uint8_t suffix;
        bool ours;
    } rows[] = {
        {"HOSTA", DATAGRAM_DIRECT_UNIQUE, 0x00, true},
        {"HOSTA", DATAGRAM_DIRECT_GROUP, 0x00, true},
        {"LABGRP", DATAGRAM_DIRECT_UNIQUE, 0x00, true},
        {"ALIAS", DATAGRAM_DIRECT_UNIQUE, 0x00, true},
        {"DOM", DATAGRAM_DIRECT_GROUP, 0x1c, true},
        {"DOM", DATAGRAM_DIRECT_GROUP, 0x00, false},
        {"HOSTA", DATAGRAM_DIRECT_UNIQUE, 0x20, false},
        {"OTHER", DATAGRAM_DIRECT_GROUP, 0x00, false},
        {"TAKEN", DATAGRAM_DIRECT_UNIQUE, 0x00, false}, /* refused */
        {"OTHER", DATAGRAM_BROADCAST, 0x00, true},
    };
    struct datagram datagram = {.type = DATAGRAM_DIRECT_GROUP};
    struct own_names own;

    assert_int_equal(own_init(&own, *state, &config), OWN_OK);
    own.list[3].state = OWN_REFUSED;
    own.list[0].state = OWN_CLAIMING;
    own.list[1].state = OWN_HELD;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        datagram.type = rows[i].type;
        datagram.destination = name_of(rows[i].chars, rows[i].suffix);
        assert_int_equal(own_is_destination(&own, &datagram), rows[i].ours);
    }
    datagram.type = DATAGRAM_DIRECT_GROUP;
    datagram.destination = netbios_name_wildcard();
    assert_true(own_is_destination(&own, &datagram));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_computer_from_host),
        cmocka_unit_test_setup_teardown(test_init, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_init_invalid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_init_too_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parse, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_destination, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
