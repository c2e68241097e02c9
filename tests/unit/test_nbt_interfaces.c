/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/interfaces (MS-NBTE 3.1.4); in a network namespace of its own where allowed */

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
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000)

static bool isolated;
static struct interfaces interfaces;

static void run(const char *command)
{
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    (void)state;
    isolated = unshare(CLONE_NEWNET) == 0 && system("command -v ip >/dev/null") == 0;
    return 0;
}

static void need_namespace(void)
{
    if (!isolated)
    {
        print_message("skipped: may not make a network namespace\n");
        skip();
    }
}

static void check(size_t i, const char *name, const char *address, const char *broadcast)
{
    assert_true(i < interfaces.n);
    assert_string_equal(interfaces.list[i].name, name);
    assert_int_equal(interfaces.list[i].address.s_addr, inet_addr(address));
    assert_int_equal(interfaces.list[i].broadcast.s_addr, inet_addr(broadcast));
    assert_int_equal(interfaces.list[i].index, if_nametoindex(name));
}

/* None at all is a normal state; then interfaces come and go, seen after 1 s. */
static void test_come_and_go(void **state)
{
    (void)state;
    need_namespace();
    interfaces_init(&interfaces, NULL, 0);
    assert_int_equal(interfaces_refresh(&interfaces, 10 * SECOND), 0);
    assert_int_equal(interfaces.n, 0);
    run("ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v0 up && "
        "ip addr add 10.9.0.5/24 brd 10.9.0.255 dev v0");
    assert_int_equal(interfaces_refresh(&interfaces, 11 * SECOND - 1), 0);
    assert_int_equal(interfaces.n, 0);
    assert_int_equal(interfaces_refresh(&interfaces, 11 * SECOND), 0);
    assert_int_equal(interfaces.n, 1);
    check(0, "v0", "10.9.0.5", "10.9.0.255");
    run("ip link set v0 down");
    assert_int_equal(interfaces_refresh(&interfaces, 12 * SECOND), 0);
    assert_int_equal(interfaces.n, 0);
    run("ip link del v0");
}

/*
 * Without a broadcast address the subnet's is used; a second address of the subnet does not send a
 * second copy; /32 has no neighbours; labels are their interface; lo only when named.
 */
static void test_addresses(void **state)
{
    static const char *const by_address[] = {"10.8.0.5", "nosuch0"}, *const by_name[] = {"lo"};

    (void)state;
    need_namespace();
    run("ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v0 up && "
        "ip link set v1 up && ip addr add 10.9.0.5/22 dev v0 && "
        "ip addr add 10.9.0.6/22 dev v0 && ip addr add 10.8.0.5/24 brd + label v0:1 dev v0 && "
        "ip addr add 10.7.0.5/32 dev v1");
    interfaces_init(&interfaces, NULL, 0);
    assert_int_equal(interfaces_refresh(&interfaces, 0), 0);
    assert_int_equal(interfaces.n, 2);
    check(0, "v0", "10.9.0.5", "10.9.3.255");
    check(1, "v0", "10.8.0.5", "10.8.0.255");
    assert_true(interfaces_accept(&interfaces, 12345));

    interfaces_init(&interfaces, by_address, 2);
    assert_int_equal(interfaces_refresh(&interfaces, 0), 0);
    assert_int_equal(interfaces.n, 1);
    check(0, "v0", "10.8.0.5", "10.8.0.255");
    assert_true(interfaces_accept(&interfaces, if_nametoindex("v0")));
    assert_false(interfaces_accept(&interfaces, if_nametoindex("v1")));

    interfaces_init(&interfaces, by_name, 1);
    assert_int_equal(interfaces_refresh(&interfaces, 0), 0);
    assert_int_equal(interfaces.n, 1);
    check(0, "lo", "127.0.0.1", "127.255.255.255");
    run("ip link del v0");
}

/* More than the list holds: the rest is left out. */
static void test_many(void **state)
{
    char command[256];

    (void)state;
    need_namespace();
    run("ip link add v0 type veth peer name v1 && ip link set v0 up");
    snprintf(command, sizeof(command),
             "i=0; while [ $i -lt %d ]; do echo addr add 10.6.$i.1/24 dev v0; i=$((i+1)); done | "
             "ip -batch -",
             INTERFACES_MAX + 5);
    run(command);
    interfaces_init(&interfaces, NULL, 0);
    assert_int_equal(interfaces_refresh(&interfaces, 0), 0);
    assert_int_equal(interfaces.n, INTERFACES_MAX);
    run("ip link del v0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_come_and_go),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
