/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Alice has a slot that works; Bob is about to do his worst. */
#pragma once

#include "users_support.h"

static struct mailslot_client *alice, *bob;
static struct mailslot *good_slot, *good_writer;

SUPPORT void go_on(void)
{
    assert_int_equal(waitpid(users_daemon, NULL, WNOHANG), 0);
    assert_int_equal(support_open_result(alice, "GOOD"), 0);
    assert_int_equal(mailslot_write(good_writer, "ok", 2), 0);
    support_expect(good_slot, "ok");
    assert_int_equal(mailslot_send(alice, ".", 1, "good", 4, "ok", 2), 0);
    support_expect(good_slot, "ok");
}

SUPPORT int setup_with(const char *const *arguments)
{
    users_start(arguments);
    alice = users_client(ALICE);
    good_slot = support_create(alice, "good");
    good_writer = support_open(alice, "good");
    bob = users_client(BOB);
    return 0;
}

SUPPORT int setup(void **state)
{
    (void)state;
    return setup_with(NULL);
}

SUPPORT int teardown(void **state)
{
    (void)state;
    users_be(0);
    go_on();
    mailslot_free(good_writer);
    mailslot_free(good_slot);
    alice = mailslot_client_free(alice);
    bob = mailslot_client_free(bob);
    users_stop();
    return 0;
}

SUPPORT int group_setup(void **state)
{
    struct rlimit limit;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return support_begin(state);
}

/* Every test with a daemon of its own */
#define HOSTILE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
