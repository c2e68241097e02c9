/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of net/policy (issue 4, section 4: networks, slots) */

#include "policy_support.h"

#include <errno.h>
#include <string.h>

#define LIST(...)                                                                                  \
    (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

static struct policy *with_networks(const char *const *networks, size_t n)
{
    return make(&(struct policy_config){.networks = networks, .n_networks = n});
}

static struct policy *with_receive(const char *const *slots, size_t n)
{
    return make(&(struct policy_config){.receive_slots = slots, .n_receive_slots = n});
}

static bool receives(const struct policy *policy, const char *slot)
{
    return policy_receive(policy, slot, strlen(slot));
}

/* --- networks --- */

static void test_networks_default(void **state)
{
    struct policy *policy = with_networks(NULL, 0);

    (void)state;
    assert_true(policy_source(policy, address("10.1.2.3"), true));
    assert_false(policy_source(policy, address("10.1.2.3"), false));
    policy_free(policy);
}

static void test_networks_words(void **state)
{
    struct policy *policy = with_networks(LIST("LOCAL"));

    (void)state;
    assert_true(policy_source(policy, address("10.1.2.3"), true));
    assert_false(policy_source(policy, address("10.1.2.3"), false));
    policy_free(policy);

    policy = with_networks(LIST("all"));
    assert_true(policy_source(policy, address("203.0.113.9"), false));
    /* 0.0.0.0 means this host in a message: nobody else may be it. */
    assert_false(policy_source(policy, address("0.0.0.0"), false));
    assert_false(policy_source(policy, address("0.0.0.0"), true));
    policy_free(policy);

    policy = with_networks(LIST("none"));
    assert_false(policy_source(policy, address("10.1.2.3"), true));
    policy_free(policy);
}

static void test_networks_cidr(void **state)
{
    struct policy *policy = with_networks(LIST("10.1.0.0/16", "192.168.7.77/25", "172.16.0.9"));

    (void)state;
    assert_true(policy_source(policy, address("10.1.0.0"), false));
    assert_true(policy_source(policy, address("10.1.255.255"), false));
    assert_false(policy_source(policy, address("10.2.0.0"), false));
    assert_false(policy_source(policy, address("10.0.255.255"), false));
    /* Host bits are masked. */
    assert_true(policy_source(policy, address("192.168.7.1"), false));
    assert_true(policy_source(policy, address("192.168.7.127"), false));
    assert_false(policy_source(policy, address("192.168.7.128"), false));
    assert_true(policy_source(policy, address("172.16.0.9"), false));
    assert_false(policy_source(policy, address("172.16.0.8"), false));
    /* Other networks do not bring the own ones with them. */
    assert_false(policy_source(policy, address("10.9.0.1"), true));
    policy_free(policy);

    policy = with_networks(LIST("0.0.0.0/0"));
    assert_true(policy_source(policy, address("255.1.2.3"), false));
    policy_free(policy);
    policy = with_networks(LIST("10.0.0.1/32", "local"));
    assert_true(policy_source(policy, address("10.0.0.1"), false));
    assert_false(policy_source(policy, address("10.0.0.2"), false));
    assert_true(policy_source(policy, address("10.0.0.2"), true));
    policy_free(policy);
}

static void test_networks_invalid(void **state)
{
    static const char *const bad[] = {
        "",        "10.1.0.0/",    "10.1.0.0/33",  "10.1.0.0/-1",
        "10.1/16", "10.1.0.0/016", "10.1.0.0/8x",  "/8",
        "10.1.0",  "1.2.3.256",    "example.org",  "10.1.0.0/255.255.0.0",
        "::1",     "10.1.0.0/1 6", "10.1.0.0/+8",  "123.123.123.1234",
        "local/8", "10.1.0.0//8",  "10.1.0.0/8/8", "10.1.0.0/4294967304",
    };
    struct policy *policy = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
    {
        struct policy_config config = {.networks = (const char *const[]){"all", bad[i]},
                                       .n_networks = 2};
        const char *invalid = NULL;

        assert_int_equal(policy_new(&policy, &config, &invalid), -EINVAL);
        assert_string_equal(invalid, "allow_networks");
        assert_null(policy);
    }
    assert_int_equal(policy_new(&policy,
                                &(struct policy_config){
                                    .networks = (const char *const[]){"none", "local"},
                                    .n_networks = 2,
                                },
                                NULL),
                     -EINVAL);
}

/* Static peers and WINS servers may reach us whatever the networks are. */
static void test_allow(void **state)
{
    struct policy *policy = with_networks(LIST("none"));
    uint32_t n = 0;

    (void)state;
    assert_int_equal(policy_allow(policy, address("192.0.2.1")), 0);
    assert_true(policy_source(policy, address("192.0.2.1"), false));
    assert_false(policy_source(policy, address("192.0.2.2"), false));
    while (n < 10000 && policy_allow(policy, numbered(n)) == 0)
    {
        n++;
    }
    /* Room for all that the configuration can hold (net.h: 64 peers, 8 servers), and bounded. */
    assert_in_range(n, 72, 1000);
    assert_int_equal(policy_allow(policy, numbered(n)), -ENOBUFS);
    assert_true(policy_source(policy, numbered(n - 1), false));
    assert_false(policy_source(policy, numbered(n), false));
    /* One that is there already needs no room. */
    assert_int_equal(policy_allow(policy, numbered(3)), 0);
    policy_free(policy);
}

/* --- slots --- */

static void test_slots_none_is_all(void **state)
{
    struct policy *policy = with_receive(NULL, 0);

    (void)state;
    assert_true(receives(policy, "anything"));
    assert_true(policy_send(policy, "anything", 8));
    policy_free(policy);
}

/* The lists are two; a name need not be terminated. */
static void test_slots_directions(void **state)
{
    struct policy *policy = make(&(struct policy_config){
        .receive_slots = (const char *const[]){"in"},
        .n_receive_slots = 1,
        .send_slots = (const char *const[]){"out"},
        .n_send_slots = 1,
    });

    (void)state;
    assert_true(policy_receive(policy, "inside", 2));
    assert_false(policy_receive(policy, "inside", 6));
    assert_false(policy_receive(policy, "out", 3));
    assert_true(policy_send(policy, "out", 3));
    assert_false(policy_send(policy, "in", 2));
    policy_free(policy);
}

static void test_slots_patterns(void **state)
{
    struct policy *policy = with_receive(LIST("messngr", "NET\\*", "gr\303\266\303\237e?"));

    (void)state;
    assert_true(receives(policy, "messngr"));
    assert_true(receives(policy, "MESSNGR"));
    assert_false(receives(policy, "messngrs"));
    assert_true(receives(policy, "net\\netlogon"));
    assert_true(receives(policy, "NET\\GETDC\\626"));
    assert_false(receives(policy, "network"));
    assert_false(receives(policy, "net*"));
    assert_false(receives(policy, "net"));
    /* Any case is any case of any letter, and '?' is a letter, not a byte. */
    assert_true(receives(policy, "GR\303\226\303\237E\303\204"));
    assert_false(receives(policy, "GR\303\226\303\237E"));
    assert_false(receives(policy, ""));
    policy_free(policy);

    policy = with_receive(LIST("a[0-9]", "back\\[xy]"));
    assert_true(receives(policy, "A7"));
    assert_false(receives(policy, "a77"));
    assert_true(receives(policy, "back\\x"));
    assert_false(receives(policy, "back[xy]"));
    policy_free(policy);
}

static void test_slots_negative(void **state)
{
    struct policy *policy = with_receive(LIST("!NET\\*", "!browse"));

    (void)state;
    /* Only negative ones: all but these. */
    assert_true(receives(policy, "messngr"));
    assert_false(receives(policy, "net\\netlogon"));
    assert_false(receives(policy, "BROWSE"));
    policy_free(policy);

    /* The order does not matter. */
    policy = with_receive(LIST("!net\\netlogon", "net\\*"));
    assert_true(receives(policy, "net\\getdc"));
    assert_false(receives(policy, "net\\netlogon"));
    assert_false(receives(policy, "messngr"));
    policy_free(policy);

    policy = with_receive(LIST("*", "!*"));
    assert_false(receives(policy, "messngr"));
    policy_free(policy);
}

/* Bytes that are no UTF-8 neither crash nor get round a list. */
static void test_slots_broken_utf8(void **state)
{
    struct policy *policy = with_receive(LIST("*", "!net*"));

    (void)state;
    assert_false(receives(policy, "NET\377\200"));
    assert_false(receives(policy, "net\355\240\200"));
    policy_free(policy);
    policy = with_receive(LIST("net*"));
    assert_false(receives(policy, "\377net"));
    policy_free(policy);
}

/* A name longer than any frame is "*" only; where a list takes something away, it may be that. */
static void test_slots_too_long(void **state)
{
    static char name[20000];
    struct policy *policy = with_receive(LIST("net*"));

    (void)state;
    memset(name, 'x', sizeof(name));
    name[0] = 'n', name[1] = 'e', name[2] = 't';
    assert_true(policy_receive(policy, name, 1000));
    assert_false(policy_receive(policy, name, sizeof(name)));
    policy_free(policy);
    policy = with_receive(LIST("*"));
    assert_true(policy_receive(policy, name, sizeof(name)));
    policy_free(policy);
    policy = with_receive(LIST("*", "!net*"));
    assert_false(policy_receive(policy, name, sizeof(name)));
    policy_free(policy);
    policy = with_receive(LIST("!net*"));
    assert_false(policy_receive(policy, name, sizeof(name)));
    policy_free(policy);
}

/* Many stars against a long name that nearly matches: this ends, in our lifetime. */
static void test_slots_costly_pattern(void **state)
{
    struct policy *policy = with_receive(LIST("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"));
    char name[1500];

    (void)state;
    memset(name, 'a', sizeof(name));
    assert_false(policy_receive(policy, name, sizeof(name)));
    policy_free(policy);
}

static void test_slots_invalid(void **state)
{
    static const char *const bad[] = {"", "!"};
    struct policy *policy = NULL;
    const char *invalid = NULL;

    (void)state;
    for (size_t i = 0; i < 2; i++)
    {
        struct policy_config receive = {.receive_slots = (const char *const[]){"a", bad[i]},
                                        .n_receive_slots = 2};
        struct policy_config send = {.send_slots = (const char *const[]){"a", bad[i]},
                                     .n_send_slots = 2};

        assert_int_equal(policy_new(&policy, &receive, &invalid), -EINVAL);
        assert_string_equal(invalid, "receive_slots");
        assert_int_equal(policy_new(&policy, &send, &invalid), -EINVAL);
        assert_string_equal(invalid, "send_slots");
    }
    assert_null(policy);
}

/* What the caller gave may be overwritten afterwards. */
static void test_copies(void **state)
{
    char slot[] = "one", network[] = "10.1.0.0/16";
    const char *slots[] = {slot}, *networks[] = {network};
    struct policy *policy = make(&(struct policy_config){
        .networks = networks, .n_networks = 1, .receive_slots = slots, .n_receive_slots = 1});

    (void)state;
    strcpy(slot, "two");
    strcpy(network, "10.2.0.0/16");
    slots[0] = networks[0] = NULL;
    assert_true(receives(policy, "one"));
    assert_false(receives(policy, "two"));
    assert_true(policy_source(policy, address("10.1.1.1"), false));
    assert_false(policy_source(policy, address("10.2.1.1"), false));
    policy_free(policy);
}

static void test_free_null(void **state)
{
    (void)state;
    assert_null(policy_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks_default),
        cmocka_unit_test(test_networks_words),
        cmocka_unit_test(test_networks_cidr),
        cmocka_unit_test(test_networks_invalid),
        cmocka_unit_test(test_allow),
        cmocka_unit_test(test_slots_none_is_all),
        cmocka_unit_test(test_slots_directions),
        cmocka_unit_test(test_slots_patterns),
        cmocka_unit_test(test_slots_negative),
        cmocka_unit_test(test_slots_broken_utf8),
        cmocka_unit_test(test_slots_too_long),
        cmocka_unit_test(test_slots_costly_pattern),
        cmocka_unit_test(test_slots_invalid),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_free_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
