/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of net/policy (issue 4, section 4: networks, slots, rates; wire.md 1.9) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000)
#define HOUR   (3600 * SECOND)
#define RATE   100
#define BURST  (RATE * POLICY_BURST_SECONDS)

#define LIST(...)                                                                                  \
    (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

static struct in_addr address(const char *text)
{
    return (struct in_addr){inet_addr(text)};
}

static struct in_addr numbered(uint32_t number)
{
    return (struct in_addr){htonl(0x0a000000 + number)};
}

static struct policy *make(const struct policy_config *config)
{
    struct policy *policy = NULL;
    const char *invalid = "untouched";

    assert_int_equal(policy_new(&policy, config, &invalid), 0);
    assert_string_equal(invalid, "untouched");
    return policy;
}

static struct policy *with_networks(const char *const *networks, size_t n)
{
    return make(&(struct policy_config){.networks = networks, .n_networks = n});
}

static struct policy *with_receive(const char *const *slots, size_t n)
{
    return make(&(struct policy_config){.receive_slots = slots, .n_receive_slots = n});
}

static struct policy *with_rate(uint32_t rate)
{
    return make(&(struct policy_config){.source_rate = rate});
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

/* --- rates --- */

static size_t taken(struct policy *policy, struct in_addr source, size_t n, uint64_t now)
{
    size_t count = 0;

    while (n--)
    {
        count += policy_rate(policy, source, now);
    }
    return count;
}

static void test_rate(void **state)
{
    struct policy *policy = with_rate(RATE);
    struct in_addr a = numbered(1), b = numbered(2);

    (void)state;
    assert_int_equal(taken(policy, a, BURST + 50, 10 * SECOND), BURST);
    /* Another source has a bucket of its own. */
    assert_int_equal(taken(policy, b, BURST + 50, 10 * SECOND), BURST);
    /* Refilled at the rate, in however small steps it is asked for. */
    assert_int_equal(taken(policy, a, 500, 11 * SECOND), RATE);
    for (int i = 1; i < 10; i++)
    {
        assert_false(policy_rate(policy, a, 11 * SECOND + SECOND / RATE * i / 10));
    }
    assert_true(policy_rate(policy, a, 11 * SECOND + SECOND / RATE));
    assert_false(policy_rate(policy, a, 11 * SECOND + SECOND / RATE));
    /* Never more than the burst; a clock that goes back gives nothing and takes nothing. */
    assert_int_equal(taken(policy, a, 5000, 1000 * HOUR), BURST);
    assert_false(policy_rate(policy, a, 0));
    assert_int_equal(taken(policy, a, 500, SECOND), RATE);
    policy_free(policy);
}

static void test_rate_extremes(void **state)
{
    struct policy *policy = with_rate(0);

    (void)state;
    assert_int_equal(taken(policy, numbered(1), 100000, 5), 100000);
    policy_free(policy);
    policy = with_rate(UINT32_MAX);
    assert_int_equal(taken(policy, numbered(1), 100000, 5), 100000);
    assert_true(policy_rate(policy, numbered(1), UINT64_MAX));
    policy_free(policy);
    policy = with_rate(1);
    assert_int_equal(taken(policy, numbered(1), 10, 5), POLICY_BURST_SECONDS);
    assert_false(policy_rate(policy, numbered(1), 4 + SECOND));
    assert_true(policy_rate(policy, numbered(1), 5 + SECOND));
    policy_free(policy);
}

/*
 * Wire.md 1.9, bounded tables: forged addresses cost no memory; a legitimate source that goes on
 * sending meanwhile is remembered, limited as ever, and gets its full rate.
 */
static void test_rate_flood(void **state)
{
    struct policy *policy = with_rate(RATE);
    struct in_addr legitimate = address("192.0.2.1"), loud = address("192.0.2.2");
    uint64_t now = 10 * SECOND;
    size_t loud_taken = 0, before;

    (void)state;
    before = mallinfo2().uordblks;
    for (uint32_t i = 0; i < 100000; i++)
    {
        assert_true(policy_rate(policy, numbered(i), now));
        if (i % 1000 == 0)
        {
            now += SECOND / RATE;
            assert_true(policy_rate(policy, legitimate, now));
        }
        if (i % 10 == 0)
        {
            loud_taken += policy_rate(policy, loud, now);
        }
    }
    /* 10,000 wishes; the bucket was full at the first of the 100 times that the clock moved. */
    assert_int_equal(loud_taken, BURST + RATE - 1);
    /* (Sanitizers report 0 both times.) */
    assert_int_equal(mallinfo2().uordblks, before);
    /* A source that was forgotten is as good as new, one that is in the table is not. */
    assert_int_equal(taken(policy, numbered(99999), BURST + 1, now), BURST - 1);
    assert_int_equal(taken(policy, numbered(0), BURST + 1, now), BURST);
    policy_free(policy);
}

/* Exactly the one that was quiet longest is forgotten. */
static void test_rate_replacement(void **state)
{
    struct policy *policy = with_rate(1);

    (void)state;
    for (uint32_t i = 0; i < POLICY_SOURCES_MAX; i++)
    {
        assert_int_equal(taken(policy, numbered(i), 9, i), POLICY_BURST_SECONDS);
    }
    /* 0 speaks again, so 1 is the quiet one now. */
    assert_false(policy_rate(policy, numbered(0), 5000));
    assert_true(policy_rate(policy, numbered(5000), 5000));
    assert_false(policy_rate(policy, numbered(0), 5000));
    for (uint32_t i = 2; i < POLICY_SOURCES_MAX; i++)
    {
        assert_false(policy_rate(policy, numbered(i), 5000));
    }
    assert_true(policy_rate(policy, numbered(1), 5000));
    policy_free(policy);
}

/* Node status: ten a second, whatever source_rate says, and not counted with the datagrams. */
static void test_status_rate(void **state)
{
    struct policy *policy = with_rate(0);
    size_t n = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
    {
        n += policy_status_rate(policy, numbered(1), 10 * SECOND);
    }
    assert_int_equal(n, 10 * POLICY_BURST_SECONDS);
    n = 0;
    for (int i = 0; i < 1000; i++)
    {
        n += policy_status_rate(policy, numbered(1), 11 * SECOND);
    }
    assert_int_equal(n, 10);
    policy_free(policy);
    policy = with_rate(1);
    assert_int_equal(taken(policy, numbered(1), 9, 0), POLICY_BURST_SECONDS);
    assert_true(policy_status_rate(policy, numbered(1), 0));
    policy_free(policy);
}

/* --- the log --- */

static bool logs(struct policy *policy, enum policy_denial kind, const char *key, uint64_t now)
{
    return policy_log_once(policy, kind, key, strlen(key), now) == POLICY_LOG_LINE;
}

static void test_log_once(void **state)
{
    struct policy *policy = with_rate(0);

    (void)state;
    assert_true(logs(policy, POLICY_DENIED_RECEIVE, "a", 0));
    assert_false(logs(policy, POLICY_DENIED_RECEIVE, "a", 0));
    assert_false(logs(policy, POLICY_DENIED_RECEIVE, "a", HOUR - 1));
    /* Each kind and each key once. */
    assert_true(logs(policy, POLICY_DENIED_SEND, "a", HOUR - 1));
    assert_true(logs(policy, POLICY_DENIED_RECEIVE, "ab", HOUR - 1));
    assert_true(logs(policy, POLICY_DENIED_RECEIVE, "", HOUR - 1));
    /* The hour counts from the line, not from the last denial. */
    assert_true(logs(policy, POLICY_DENIED_RECEIVE, "a", HOUR));
    assert_false(logs(policy, POLICY_DENIED_RECEIVE, "a", HOUR + 1));
    /* A clock that goes back says nothing twice. */
    assert_false(logs(policy, POLICY_DENIED_SEND, "a", 5));
    policy_free(policy);
}

/* How many lines for one kind and so many keys, and how often that there are more. */
static size_t flood(struct policy *policy, enum policy_denial kind, uint64_t now, size_t *ret_more)
{
    size_t lines = 0;

    *ret_more = 0;
    for (uint32_t i = 0; i < 100000; i++)
    {
        switch (policy_log_once(policy, kind, &i, sizeof(i), now))
        {
        case POLICY_LOG_NOTHING:
            break;
        case POLICY_LOG_LINE:
            /* Not behind the line that says that there are more. */
            assert_int_equal(*ret_more, 0);
            lines++;
            break;
        case POLICY_LOG_MORE:
            ++*ret_more;
            break;
        }
    }
    return lines;
}

static void test_log_bounded(void **state)
{
    struct policy *policy = with_rate(0);
    size_t more;

    (void)state;
    assert_int_equal(flood(policy, POLICY_DENIED_SOURCE, SECOND, &more), POLICY_LOG_KEYS_MAX);
    assert_int_equal(more, 1);
    assert_int_equal(flood(policy, POLICY_DENIED_SOURCE, HOUR, &more), 0);
    assert_int_equal(more, 0);
    assert_int_equal(flood(policy, POLICY_DENIED_SOURCE, SECOND + HOUR, &more),
                     POLICY_LOG_KEYS_MAX);
    assert_int_equal(more, 1);
    policy_free(policy);
}

/* Issue 4, section 4: "logged once", whatever is denied beside it: sources can be forged. */
static void test_log_kinds(void **state)
{
    struct policy *policy = with_rate(0);
    size_t more;

    (void)state;
    for (enum policy_denial forged = 0; forged < POLICY_DENIALS; forged++)
    {
        const char *text = policy_log_more(forged);

        assert_int_equal(flood(policy, forged, forged * 2 * HOUR, &more), POLICY_LOG_KEYS_MAX);
        assert_non_null(strstr(text, "mailslotctl stats"));
        for (enum policy_denial kind = 0; kind < POLICY_DENIALS; kind++)
        {
            assert_int_equal(logs(policy, kind, "key", forged * 2 * HOUR), kind != forged);
            assert_true(kind == forged || strcmp(text, policy_log_more(kind)) != 0);
        }
    }
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
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_rate_extremes),
        cmocka_unit_test(test_rate_flood),
        cmocka_unit_test(test_rate_replacement),
        cmocka_unit_test(test_status_rate),
        cmocka_unit_test(test_log_once),
        cmocka_unit_test(test_log_bounded),
        cmocka_unit_test(test_log_kinds),
        cmocka_unit_test(test_free_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
