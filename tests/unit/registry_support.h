/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A registry with its event loop, made for each test and checked for leaks after it. */
#pragma once

#include "daemon_support.h"

#include "daemon/registry.h"

static sd_event *event;
static struct registry *registry;
static struct charge *charge;
static struct users users; /* apart from the registry, which is made again */
static struct user *user;
static int fds_before;

static const struct queue_config config = {.quota = 65536, .read_timeout = 5};

static int setup(void **state)
{
    (void)state;
    fds_before = support_count_fds(getpid());
    if (user_get(&users, getuid(), &user) < 0)
        return 1;
    charge = charge_new(user);
    return sd_event_new(&event) < 0 || registry_new(&registry, event) < 0 || !charge;
}

static int teardown(void **state)
{
    (void)state;
    registry = registry_free(registry);
    event = sd_event_unref(event);
    if (charge->references != 1 || charge->slots || charge->leases)
        return 1;
    charge = charge_unref(charge);
    if (user->references != 1 || user->holds.slots || user->holds.leases || user->holds.sends ||
        user->holds.bytes)
        return 1;
    user = user_unref(user);
    if (users.by_uid)
        return 1;
    return support_count_fds(getpid()) != fds_before;
}

/* Lets the event loop see everything that has happened. */
static void turn(void)
{
    while (sd_event_run(event, 0) > 0)
        ;
}

/* A registry as the next daemon has it: empty. The queues stay open for those who have them. */
static void restart(void)
{
    registry = registry_free(registry);
    assert_int_equal(registry_new(&registry, event), 0);
}

static struct lease *create(const char *name, int *ret_end)
{
    struct lease *lease = NULL;

    assert_int_equal(
        registry_create(registry, name, strlen(name), &config, charge, &lease, ret_end), 0);
    return lease;
}

static int create_result(const char *name)
{
    struct lease *lease;
    int end;
    int r = registry_create(registry, name, strlen(name), &config, charge, &lease, &end);

    if (r == 0)
        close(end);
    return r;
}

static struct lease *open_writer(const char *name, int *ret_end)
{
    struct lease *lease = NULL;

    assert_int_equal(registry_open(registry, name, strlen(name), charge, &lease, ret_end), 0);
    return lease;
}
