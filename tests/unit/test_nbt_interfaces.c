/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/interfaces (MS-NBTE 3.1.4, issue 4 section 1); each in a network namespace */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/interfaces.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000)

static struct interfaces interfaces;

/*
 * The kernel tells a moment (a second at most) after a carrier has come or gone that it did: state
 * UP or not. Until then interfaces are not what the command made of them.
 */
static void run(const char *command)
{
    int n = 0;

    assert_int_equal(system(command), 0);
    while (
        system("ip -o link show up | awk '!/LOOPBACK/ && /LOWER_UP/ != / state UP / { late = 1 } "
               "END { exit late }'") != 0)
    {
        assert_true(n++ < 200);
        usleep(50000);
    }
}

/* Every test begins with nothing but a loopback interface that is down; or says why it can not. */
static void need_namespace(void)
{
    if (unshare(CLONE_NEWNET) < 0)
    {
        print_message("skipped: may not make a network namespace: %s\n", strerror(errno));
        skip();
    }
    if (system("command -v ip >/dev/null") != 0)
    {
        print_message("skipped: there is no ip (iproute2)\n");
        skip();
    }
}

static bool refresh(void)
{
    bool changed = false;

    assert_int_equal(interfaces_refresh(&interfaces, &changed), 0);
    return changed;
}

static void check(size_t i, const char *name, const char *address, const char *broadcast)
{
    assert_true(i < interfaces.n);
    assert_string_equal(interfaces.list[i].name, name);
    assert_int_equal(interfaces.list[i].address.s_addr, inet_addr(address));
    assert_int_equal(interfaces.list[i].broadcast.s_addr, inet_addr(broadcast));
    assert_int_equal(interfaces.list[i].index, if_nametoindex(name));
}

static struct in_addr ip(const char *text)
{
    return (struct in_addr){inet_addr(text)};
}

static bool is_local(const char *address)
{
    return interfaces_is_local(&interfaces, (struct in_addr){inet_addr(address)});
}

static bool is_own(const char *address)
{
    return interfaces_is_own(&interfaces, (struct in_addr){inet_addr(address)});
}

/* None at all is a normal state; then interfaces come and go, and it is said whether they did. */
static void test_come_and_go(void **state)
{
    (void)state;
    need_namespace();
    interfaces_init(&interfaces, NULL, 0);
    assert_false(refresh());
    assert_int_equal(interfaces.n, 0);
    run("ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v1 up && ip "
        "link set v0 up && "
        "ip addr add 10.9.0.5/24 brd 10.9.0.255 dev v0");
    assert_int_equal(interfaces.n, 0);
    assert_true(refresh());
    assert_int_equal(interfaces.n, 1);
    check(0, "v0", "10.9.0.5", "10.9.0.255");
    assert_false(refresh());
    assert_int_equal(interfaces_refresh(&interfaces, NULL), 0);
    check(0, "v0", "10.9.0.5", "10.9.0.255");
    /* The same address with another mask is another subnet. */
    run("ip addr del 10.9.0.5/24 dev v0 && ip addr add 10.9.0.5/22 dev v0");
    assert_true(refresh());
    check(0, "v0", "10.9.0.5", "10.9.3.255");
    run("ip link set v0 down");
    assert_true(refresh());
    assert_int_equal(interfaces.n, 0);
    run("ip link set v0 up");
    assert_true(refresh());
    assert_int_equal(interfaces.n, 1);
    run("ip link del v0");
    assert_true(refresh());
    assert_int_equal(interfaces.n, 0);
    assert_false(refresh());
}

/*
 * Without a broadcast address the subnet's is used; a second address of the subnet does not send a
 * second copy; /32 is without broadcast; labels are their interface; lo only when named.
 */
static void test_addresses(void **state)
{
    static const char *const by_address[] = {"10.8.0.5", "nosuch0"}, *const by_name[] = {"lo"};

    (void)state;
    need_namespace();
    run("ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v1 up && ip "
        "link set v0 up && "
        "ip link set v1 up && ip addr add 10.9.0.5/22 dev v0 && "
        "ip addr add 10.9.0.6/22 dev v0 && ip addr add 10.8.0.5/24 brd + label v0:1 dev v0 && "
        "ip addr add 10.7.0.5/32 dev v1");
    interfaces_init(&interfaces, NULL, 0);
    refresh();
    assert_int_equal(interfaces.n, 3);
    check(0, "v1", "10.7.0.5", "0.0.0.0");
    check(1, "v0", "10.9.0.5", "10.9.3.255");
    check(2, "v0", "10.8.0.5", "10.8.0.255");
    assert_true(interfaces_accept(&interfaces, 12345));
    /* Each subnet of an interface has its own address of this host (RFC 1002 5.1.1.5: replies). */
    assert_ptr_equal(interfaces_neighbour(&interfaces, if_nametoindex("v0"), ip("10.9.3.1")),
                     &interfaces.list[1]);
    assert_ptr_equal(interfaces_neighbour(&interfaces, if_nametoindex("v0"), ip("10.8.0.1")),
                     &interfaces.list[2]);
    assert_null(interfaces_neighbour(&interfaces, if_nametoindex("v0"), ip("10.7.0.1")));
    assert_null(interfaces_neighbour(&interfaces, if_nametoindex("v1"), ip("10.9.3.1")));

    interfaces_init(&interfaces, by_address, 2);
    assert_true(refresh());
    assert_int_equal(interfaces.n, 1);
    check(0, "v0", "10.8.0.5", "10.8.0.255");
    assert_true(interfaces_accept(&interfaces, if_nametoindex("v0")));
    assert_false(interfaces_accept(&interfaces, if_nametoindex("v1")));
    /* Through nmbd, which has chosen already (wire.md 2.6) */
    assert_true(interfaces_accept(&interfaces, 0));

    interfaces_init(&interfaces, by_name, 1);
    assert_true(refresh());
    assert_int_equal(interfaces.n, 1);
    check(0, "lo", "127.0.0.1", "127.255.255.255");
}

/* "peer B" is no broadcast address; what has none is listed all the same; a carrier is needed. */
static void test_point_to_point(void **state)
{
    (void)state;
    need_namespace();
    run("ip link add v0 type veth peer name v1 && ip link set v1 up && ip link set v0 up && "
        "ip addr add 10.9.0.5 peer 10.9.0.6 dev v0 && ip addr add 10.8.0.5/32 dev v0 && "
        "ip addr add 10.7.0.5/24 brd 255.255.255.255 dev v0");
    interfaces_init(&interfaces, NULL, 0);
    refresh();
    assert_int_equal(interfaces.n, 3);
    for (size_t i = 0; i < 3; i++)
    {
        assert_int_equal(interface_broadcasts(&interfaces.list[i]),
                         interfaces.list[i].address.s_addr == inet_addr("10.7.0.5"));
    }
    assert_true(interfaces_is_host(&interfaces, ip("10.9.0.6")));
    assert_false(interfaces_is_broadcast(&interfaces, ip("0.0.0.0")));
    assert_true(is_own("10.9.0.5"));
    assert_true(is_own("10.8.0.5"));
    run("ip link set v1 down");
    refresh();
    assert_int_equal(interfaces.n, 0);
    run("ip link set v1 up");
    refresh();
    assert_int_equal(interfaces.n, 3);
}

/* "eth*" in the filter; loopback is not meant by it. */
static void test_patterns(void **state)
{
    static const char *const eth[] = {"nosuch", "eth*"}, *const any[] = {"*"},
                             *const one[] = {"wlan[0-1]"}, *const upper[] = {"ETH*"};

    (void)state;
    need_namespace();
    run("ip link set lo up && ip link add eth7 type veth peer name wlan0 && "
        "ip link set eth7 up && ip link set wlan0 up && ip addr add 10.9.0.5/24 dev eth7 && "
        "ip addr add 10.8.0.5/24 dev wlan0");
    interfaces_init(&interfaces, eth, 2);
    assert_true(refresh());
    assert_int_equal(interfaces.n, 1);
    check(0, "eth7", "10.9.0.5", "10.9.0.255");
    assert_true(interfaces_accept(&interfaces, if_nametoindex("eth7")));
    assert_false(interfaces_accept(&interfaces, if_nametoindex("wlan0")));

    interfaces_init(&interfaces, one, 1);
    assert_true(refresh());
    assert_int_equal(interfaces.n, 1);
    check(0, "wlan0", "10.8.0.5", "10.8.0.255");

    interfaces_init(&interfaces, any, 1);
    assert_true(refresh());
    assert_int_equal(interfaces.n, 2);

    interfaces_init(&interfaces, upper, 1);
    assert_int_equal(interfaces_refresh(&interfaces, NULL), 0);
    assert_int_equal(interfaces.n, 0);
}

/* A subnet stands for whatever address we have there; it does not mean loopback. */
static void test_subnets(void **state)
{
    static const char *const subnet[] = {"10.1.0.0/16"}, *const all[] = {"0.0.0.0/0"},
                             *const other[] = {"10.2.0.0/16"};

    (void)state;
    need_namespace();
    run("ip link set lo up; ip link add v0 type veth peer name v1;"
        "ip addr add 10.1.2.3/24 dev v0; ip link set v0 up; ip link set v1 up");
    interfaces_init(&interfaces, subnet, 1);
    refresh();
    assert_int_equal(interfaces.n, 1);
    assert_string_equal(interfaces.list[0].name, "v0");
    interfaces_init(&interfaces, all, 1);
    refresh();
    assert_int_equal(interfaces.n, 1);
    interfaces_init(&interfaces, other, 1);
    refresh();
    assert_int_equal(interfaces.n, 0);
    assert_true(interfaces_is_filter("10.1.0.0/16"));
    assert_true(interfaces_is_filter("eth*"));
    for (const char **bad = (const char *[]){"10.1.0.0/33", "10.1.0.0/", "10.1.0.0/-1", "10.1/8",
                                             "eth0/24", "/24", "1.2.3.4/8x", NULL};
         *bad; bad++)
    {
        assert_false(interfaces_is_filter(*bad));
    }
}

/* Issue 5, section 2: what does not work has a reason. */
static void test_explain(void **state)
{
    static const char *const wrong[] = {"eht0", "en*"};
    const char *fix;
    char text[512], tiny[16];

    (void)state;
    need_namespace();
    run("ip link set lo up");
    interfaces_init(&interfaces, NULL, 0);
    refresh();
    assert_non_null(interfaces_explain(&interfaces, text, sizeof(text), &fix));
    assert_non_null(strstr(text, "no network interface is up with an IPv4 address; there are: "
                                 "none but loopback"));
    run("ip link add v0 type veth peer name v1; ip link set v0 up");
    refresh();
    assert_non_null(interfaces_explain(&interfaces, text, sizeof(text), &fix));
    assert_non_null(strstr(text, "v0 (no carrier)"));
    assert_non_null(strstr(text, "v1 (down)"));
    run("ip link set v1 up");
    refresh();
    assert_non_null(interfaces_explain(&interfaces, text, sizeof(text), &fix));
    assert_non_null(strstr(text, "v0 (no IPv4 address)"));
    run("ip addr add 10.1.2.3/24 dev v0");
    refresh();
    assert_int_equal(interfaces.n, 1);
    assert_null(interfaces_explain(&interfaces, text, sizeof(text), &fix));
    interfaces_init(&interfaces, wrong, 2);
    refresh();
    assert_non_null(interfaces_explain(&interfaces, text, sizeof(text), &fix));
    assert_non_null(strstr(text, "'interfaces = eht0 en*' in the configuration fits none"));
    assert_non_null(interfaces_explain(&interfaces, tiny, sizeof(tiny), &fix));
    assert_int_equal(strlen(tiny), sizeof(tiny) - 1);
    assert_non_null(fix);
}

/*
 * A laptop without its cable: nobody may be told to change a setting that is right, which would
 * open this host to networks that were not meant.
 */
static void test_explain_no_cable(void **state)
{
    static const char *const right[] = {"v0", "v*", "10.1.2.3", "10.1.0.0/16"};
    static const char *const wrong[] = {"eth0", "eth*", "10.2.2.3", "10.2.0.0/16"};
    const char *fix;
    char text[512];

    (void)state;
    need_namespace();
    run("ip link set lo up; ip link add v0 type veth peer name v1;"
        "ip addr add 10.1.2.3/24 dev v0; ip link set v0 up");
    for (size_t i = 0; i < 4; i++)
    {
        interfaces_init(&interfaces, &right[i], 1);
        refresh();
        assert_non_null(interfaces_explain(&interfaces, text, sizeof(text), &fix));
        assert_null(fix);
        assert_null(strstr(text, "'interfaces ="));
        assert_non_null(strstr(text, "v0 (no carrier)"));
    }
    for (size_t i = 0; i < 2; i++)
    {
        interfaces_init(&interfaces, &wrong[i], 1);
        refresh();
        assert_non_null(interfaces_explain(&interfaces, text, sizeof(text), &fix));
        assert_non_null(fix);
        assert_non_null(strstr(text, "'interfaces = eth"));
    }
    /* v1 may get any address from DHCP yet; when all have theirs, none fits. */
    for (int with = 0; with < 2; with++)
    {
        for (size_t i = 2; i < 4; i++)
        {
            interfaces_init(&interfaces, &wrong[i], 1);
            refresh();
            assert_non_null(interfaces_explain(&interfaces, text, sizeof(text), &fix));
            assert_true(with ? fix != NULL : fix == NULL);
        }
        if (!with)
            run("ip addr add 10.3.0.1/24 dev v1 && ip link set v1 up");
    }
}

/* The kernel gives a tunnel without any address no address of a link, either. */
static void test_explain_tunnel(void **state)
{
    const char *fix;
    char text[512];

    (void)state;
    need_namespace();
    if (system("ip tuntap add tun7 mode tun 2>/dev/null") != 0)
    {
        print_message("skipped: may not make a tunnel\n");
        skip();
    }
    interfaces_init(&interfaces, NULL, 0);
    refresh();
    assert_non_null(interfaces_explain(&interfaces, text, sizeof(text), &fix));
    assert_null(fix);
    assert_non_null(strstr(text, "tun7 (down)"));
}

/* Wire.md 1.9, "only to local subnets": those of listed interfaces, and this host itself. */
static void test_local(void **state)
{
    static const char *const v0[] = {"v0"};

    (void)state;
    need_namespace();
    interfaces_init(&interfaces, NULL, 0);
    assert_int_equal(interfaces_refresh(&interfaces, NULL), 0);
    assert_false(is_local("10.9.0.5"));
    assert_true(is_local("127.0.0.1"));
    run("ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v1 up && ip "
        "link set v0 up && "
        "ip link set v1 up && ip addr add 10.9.0.5/22 dev v0 && ip addr add 10.8.0.5/24 dev v1 && "
        "ip addr add 10.7.0.5/32 dev v1 && ip addr add 10.9.0.6/22 dev v0");
    interfaces_init(&interfaces, v0, 1);
    assert_int_equal(interfaces_refresh(&interfaces, NULL), 0);
    assert_int_equal(interfaces.n, 1);
    assert_true(is_local("10.9.0.1"));
    assert_true(is_local("10.9.3.254"));
    assert_false(is_local("10.9.4.1"));
    assert_false(is_local("10.8.255.255"));
    assert_false(is_local("0.0.0.0"));
    /* The subnet of an interface that is not listed is foreign, its own address is not. */
    assert_false(is_local("10.8.0.6"));
    assert_true(is_local("10.8.0.5"));
    assert_true(is_local("10.7.0.5"));

    assert_true(is_own("10.9.0.5"));
    assert_false(is_own("10.9.0.1"));
    assert_false(is_own("10.8.0.5"));
    assert_false(is_own("127.0.0.1"));
}

/* More than the lists hold: the rest is left out. */
static void test_many(void **state)
{
    char command[256];

    (void)state;
    need_namespace();
    run("ip link add v0 type veth peer name v1 && ip link set v1 up && ip link set v0 up");
    snprintf(command, sizeof(command),
             "i=0; while [ $i -lt %d ]; do echo addr add 10.6.$i.1/24 dev v0; "
             "echo addr add 10.7.$i.1/32 dev v0; i=$((i+1)); done | ip -batch -",
             INTERFACES_OWN_MAX / 2 + 5);
    run(command);
    interfaces_init(&interfaces, NULL, 0);
    assert_true(refresh());
    assert_int_equal(interfaces.n, INTERFACES_MAX);
    assert_int_equal(interfaces.n_own, INTERFACES_OWN_MAX);
    assert_false(refresh());
}

/* --- the watch --- */

struct watched
{
    sd_event *event;
    struct interfaces_watch *watch;
    int calls;
    bool unwatch;
};

static void on_change(void *userdata)
{
    struct watched *watched = userdata;

    watched->calls++;
    if (watched->unwatch)
    {
        watched->watch = interfaces_unwatch(watched->watch);
    }
}

static void watch(struct watched *ret_watched)
{
    *ret_watched = (struct watched){};
    assert_true(sd_event_new(&ret_watched->event) >= 0);
    assert_int_equal(
        interfaces_watch(&ret_watched->watch, ret_watched->event, on_change, ret_watched), 0);
    interfaces_init(&interfaces, NULL, 0);
    assert_int_equal(interfaces_refresh(&interfaces, NULL), 0);
}

static void unwatch(struct watched *watched)
{
    watched->watch = interfaces_unwatch(watched->watch);
    watched->event = sd_event_unref(watched->event);
}

/* Until the list has this many interfaces; the limit only ends a test that has failed. */
static void expect_interfaces(struct watched *watched, size_t n)
{
    int before = watched->calls;

    assert_int_not_equal(interfaces.n, n);
    for (int i = 0; i < 100 && interfaces.n != n; i++)
    {
        assert_true(sd_event_run(watched->event, SECOND / 10) >= 0);
        if (watched->calls != before)
        {
            before = watched->calls;
            assert_int_equal(interfaces_refresh(&interfaces, NULL), 0);
        }
    }
    assert_int_equal(interfaces.n, n);
}

/* Whatever comes until nothing has come for a while */
static void drain(struct watched *watched)
{
    while (sd_event_run(watched->event, SECOND / 2) > 0)
        ;
}

/* Issue 4 section 1: interfaces that come and go (rtnetlink) */
static void test_watch(void **state)
{
    struct watched watched;

    (void)state;
    need_namespace();
    watch(&watched);
    run("ip link add v0 type veth peer name v1 && ip link set v1 up && ip link set v0 up");
    for (int i = 0; i < 100 && !watched.calls; i++)
    {
        assert_true(sd_event_run(watched.event, SECOND / 10) >= 0);
    }
    assert_true(watched.calls > 0); /* an interface, though without an address */
    run("ip addr add 10.9.0.5/24 dev v0");
    expect_interfaces(&watched, 1);
    run("ip addr add 10.8.0.5/24 dev v0");
    expect_interfaces(&watched, 2);
    run("ip addr del 10.8.0.5/24 dev v0");
    expect_interfaces(&watched, 1);
    run("ip link set v0 down");
    expect_interfaces(&watched, 0);
    run("ip link set v0 up");
    expect_interfaces(&watched, 1);
    run("ip link del v0");
    expect_interfaces(&watched, 0);
    unwatch(&watched);
}

/* Reports that are waiting together are one change; without any there is none. */
static void test_watch_burst(void **state)
{
    struct watched watched;

    (void)state;
    need_namespace();
    run("ip link set lo up");
    watch(&watched);
    drain(&watched);
    watched.calls = 0;
    run("for i in 1 2 3 4 5 6 7 8 9; do echo addr add 10.6.$i.1/24 dev lo; done | ip -batch -");
    drain(&watched);
    assert_int_equal(watched.calls, 1);
    drain(&watched);
    assert_int_equal(watched.calls, 1);
    run("ip addr del 10.6.1.1/24 dev lo");
    drain(&watched);
    assert_int_equal(watched.calls, 2);
    unwatch(&watched);
}

/* More reports than the socket can hold (ENOBUFS): still one change, and the next one is seen. */
static void test_watch_overflow(void **state)
{
    struct watched watched;

    (void)state;
    need_namespace();
    run("ip link set lo up");
    watch(&watched);
    drain(&watched);
    watched.calls = 0;
    run("for i in 1 2 3 4 5 6 7 8; do k=0; while [ $k -lt 250 ]; do "
        "echo addr add 10.$i.$k.1/32 dev lo; k=$((k+1)); done; done | ip -batch -");
    drain(&watched);
    assert_true(watched.calls >= 1);
    watched.calls = 0;
    run("ip addr del 10.1.1.1/32 dev lo");
    drain(&watched);
    assert_int_equal(watched.calls, 1);
    unwatch(&watched);
}

/* The watch may be freed while it reports, and before it could. */
static void test_watch_freed(void **state)
{
    struct watched watched;

    (void)state;
    need_namespace();
    watch(&watched);
    watched.unwatch = true;
    run("ip link set lo up");
    drain(&watched);
    assert_int_equal(watched.calls, 1);
    assert_null(watched.watch);
    unwatch(&watched);

    watch(&watched);
    run("ip addr add 10.6.1.1/24 dev lo");
    assert_true(sd_event_run(watched.event, SECOND) > 0); /* the report, not yet passed on */
    watched.watch = interfaces_unwatch(watched.watch);
    drain(&watched);
    assert_int_equal(watched.calls, 0);
    unwatch(&watched);
    assert_null(interfaces_unwatch(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_come_and_go),    cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_patterns),       cmocka_unit_test(test_subnets),
        cmocka_unit_test(test_explain),        cmocka_unit_test(test_explain_no_cable),
        cmocka_unit_test(test_explain_tunnel), cmocka_unit_test(test_local),
        cmocka_unit_test(test_many),           cmocka_unit_test(test_watch),
        cmocka_unit_test(test_watch_burst),    cmocka_unit_test(test_watch_overflow),
        cmocka_unit_test(test_watch_freed),    cmocka_unit_test(test_point_to_point),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
