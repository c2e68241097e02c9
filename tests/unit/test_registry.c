/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which slots exist and what keeps them: L1-L5, L7, N3, C5, O2, and the return after a restart. */

#include "daemon_support.h"

#include "daemon/registry_parts.h"
#include "registry_support.h"

static struct slot *find(const char *name)
{
    return registry_find(registry, name, strlen(name));
}

/* What the keeper has of a lease, for the next daemon; and a program's view of the queue. */
struct kept
{
    struct registry_kept kept;
    char name[64];
    struct queue *queue;
};

static int copy(int fd)
{
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static void keep(struct kept *kept, const struct lease *lease)
{
    bool server = lease->kind == MAILSLOT_SERVER;

    *kept = (struct kept){.kept = {.identity = {.id = lease->id,
                                                .inode = lease->inode.id,
                                                .kind = lease->kind,
                                                .host = "",
                                                .name = kept->name,
                                                .name_size = strlen(lease->name)},
                                   .created = lease->slot ? lease->slot->created : 0,
                                   .uid = getuid(),
                                   .watch = copy(lease->watch),
                                   .memfd = server ? copy(lease->slot->memfd) : -1,
                                   .wake_fd = server ? copy(queue_fd(lease->slot->queue)) : -1}};
    strcpy(kept->name, lease->name);
    if (!lease->slot)
        return;
    kept->kept.slot = lease->slot->id;
    assert_int_equal(
        queue_map(&kept->queue, lease->slot->memfd, copy(queue_fd(lease->slot->queue))), 0);
}

static void forget(struct kept *kept)
{
    close(kept->kept.watch);
    if (kept->kept.memfd >= 0)
        close(kept->kept.memfd);
    if (kept->kept.wake_fd >= 0)
        close(kept->kept.wake_fd);
    queue_free(kept->queue);
}

static int restore(const struct kept *kept)
{
    struct registry_kept given = kept->kept;

    given.identity.name = kept->name;
    given.identity.name_size = strlen(kept->name);
    given.watch = copy(given.watch);
    given.memfd = copy(given.memfd);
    given.wake_fd = copy(given.wake_fd);
    return registry_restore(registry, &given);
}

static bool is_closed(const struct kept *kept)
{
    struct queue_info info;

    assert_int_equal(queue_info(kept->queue, &info), 0);
    return info.closed;
}

/* O2, N3, C5, N9, N10 */
static void test_names(void **state)
{
    struct lease *lease, *none = NULL;
    int end, other;

    (void)state;
    assert_null(find("x"));
    assert_int_equal(registry_open(registry, "x", 1, charge, &none, &other), MAILSLOT_NOT_FOUND);
    lease = create("Dir\\\u00e4X", &end);
    assert_ptr_equal(find("dIR\\\u00c4x"), lease->slot);
    assert_int_equal(create_result("DIR\\\u00c4X"), MAILSLOT_EXISTS);
    assert_string_equal(lease->slot->name, "Dir\\\u00e4X");
    assert_null(find("dir"));
    assert_int_equal(create_result("dir"), 0);
    assert_int_equal(create_result(""), MAILSLOT_BAD_NAME);
    assert_int_equal(create_result("\\a"), MAILSLOT_BAD_NAME);
    assert_int_equal(create_result("a\\"), MAILSLOT_BAD_NAME);
    assert_int_equal(registry_open(registry, "", 0, charge, &none, &other), MAILSLOT_NOT_FOUND);
    assert_int_equal(registry_open_remote(registry, "", 0, "a", 1, charge, &none, &other),
                     MAILSLOT_BAD_NAME);
    assert_int_equal(registry_open_remote(registry, "a\0b", 3, "a", 1, charge, &none, &other),
                     MAILSLOT_BAD_NAME);
    assert_int_equal(registry_open_remote(registry, "*", 1, "", 0, charge, &none, &other),
                     MAILSLOT_BAD_NAME);
    assert_null(none);
    close(end);
}

/* L1, L6: the slot lives until the last copy of the far end is closed. */
static void test_last_copy(void **state)
{
    struct kept kept;
    int end, second;

    (void)state;
    keep(&kept, create("x", &end));
    second = copy(end);
    close(end);
    turn();
    assert_non_null(find("x"));
    assert_false(is_closed(&kept));
    assert_int_equal(registry_slot_count(registry), 1);
    close(second);
    turn();
    assert_int_equal(registry_slot_count(registry), 0);
    assert_int_equal(registry_lease_count(registry), 0);
    assert_true(is_closed(&kept));
    forget(&kept);
}

/* L3, L4: the name is free although the event loop has not yet seen that the far end is closed. */
static void test_unnoticed_end(void **state)
{
    struct lease *lease, *none = NULL;
    int end, other;

    (void)state;
    lease = create("x", &end);
    close(end);
    assert_null(find("X"));
    assert_null(registry_lease(registry, user, lease ? 1 : 0));

    create("x", &end);
    close(end);
    assert_int_equal(registry_open(registry, "x", 1, charge, &none, &other), MAILSLOT_NOT_FOUND);

    create("x", &end);
    close(end);
    lease = create("X", &end); /* no MAILSLOT_EXISTS */
    turn();
    assert_ptr_equal(find("x"), lease->slot);
    assert_int_equal(registry_slot_count(registry), 1);
    close(end);
}

/* L2, L5, P8: an old writer keeps its dead queue, whatever is made under the name. */
static void test_old_writer(void **state)
{
    struct kept server, writer, again;
    struct lease *old;
    int end, old_end, new_end;

    (void)state;
    keep(&server, create("x", &end));
    old = open_writer("x", &old_end);
    keep(&writer, old);
    assert_int_equal(queue_push(writer.queue, "a", 1), 0);
    close(end);
    keep(&again, create("x", &new_end));
    assert_null(old->slot);
    assert_int_equal(queue_push(writer.queue, "b", 1), MAILSLOT_CLOSED);
    assert_int_equal(registry_lease_count(registry), 2);
    assert_int_not_equal(writer.kept.slot.id, again.kept.slot.id);
    assert_false(is_closed(&again));
    close(old_end);
    turn();
    assert_int_equal(registry_lease_count(registry), 1);
    assert_false(is_closed(&again));
    forget(&server);
    forget(&writer);
    forget(&again);
    close(new_end);
}

/* L7, L8: a writer that goes leaves the slot and its messages. */
static void test_writer_ends(void **state)
{
    struct kept server, writer;
    int end, writer_end;
    uint32_t size;
    char byte;

    (void)state;
    keep(&server, create("x", &end));
    keep(&writer, open_writer("x", &writer_end));
    assert_int_equal(queue_push(writer.queue, "a", 1), 0);
    forget(&writer);
    close(writer_end);
    turn();
    assert_int_equal(registry_lease_count(registry), 1);
    assert_int_equal(queue_pop(server.queue, &byte, 1, &size), 0);
    assert_int_equal(byte, 'a');
    forget(&server);
    close(end);
}

static int n_changes;

static void on_change(void *userdata)
{
    assert_ptr_equal(userdata, &n_changes);
    n_changes++;
}

/* Who holds what, and for how long: a charge outlives its client as long as its leases do. */
static void test_charges(void **state)
{
    struct charge *other = charge_new(user);
    struct lease *lease = NULL;
    int ends[3];

    (void)state;
    n_changes = 0;
    registry_on_change(registry, on_change, &n_changes);
    assert_int_equal(registry_create(registry, "x", 1, &config, other, &lease, &ends[0]), 0);
    assert_int_equal(registry_open(registry, "x", 1, other, &lease, &ends[1]), 0);
    assert_int_equal(registry_open_remote(registry, "*", 1, "y", 1, other, &lease, &ends[2]), 0);
    assert_null(lease->slot);
    assert_int_equal(other->slots, 1);
    assert_int_equal(other->leases, 3);
    assert_int_equal(other->references, 4);
    other->references++; /* ours, to look at it afterwards */
    charge_unref(other); /* the client's */
    for (int i = 0; i < 3; i++)
        close(ends[i]);
    turn();
    assert_int_equal(n_changes, 3);
    assert_int_equal(other->slots, 0);
    assert_int_equal(other->leases, 0);
    assert_int_equal(other->references, 1);
    charge_unref(other);
    assert_int_equal(registry_create(registry, "z", 1, &(struct queue_config){.quota = 1u << 31},
                                     charge, &lease, &ends[0]),
                     -EINVAL); /* C13: nothing stays of a slot that could not be made */
    assert_int_equal(registry_slot_count(registry), 0);
}

/* A daemon that ends leaves the queues open. */
static void test_restart_keeps(void **state)
{
    struct kept server;
    int end;

    (void)state;
    keep(&server, create("x", &end));
    assert_int_equal(queue_push(server.queue, "a", 1), 0);
    restart();
    assert_false(is_closed(&server));
    assert_null(find("x"));
    close(end);
    forget(&server);
}

/* Both orders: server first, writer first. */
static void test_restore_orders(void **state)
{
    for (int order = 0; order < 2; order++)
    {
        struct kept server, writer;
        int end, writer_end;
        uint32_t size;
        char byte;

        keep(&server, create("x", &end));
        keep(&writer, open_writer("x", &writer_end));
        assert_int_equal(queue_push(writer.queue, "a", 1), 0);
        restart();
        assert_int_equal(restore(order ? &writer : &server), 0);
        assert_int_equal(restore(order ? &server : &writer), 0);
        registry_restored(registry);
        assert_int_equal(registry_slot_count(registry), 1);
        assert_int_equal(registry_lease_count(registry), 2);
        assert_non_null(find("X"));
        assert_int_equal(create_result("x"), MAILSLOT_EXISTS);
        assert_int_equal(find("x")->id.id, server.kept.slot.id);
        assert_int_equal(find("x")->created, server.kept.created);
        assert_ptr_equal(registry_lease_by_inode(registry, user, server.kept.identity.inode),
                         find("x")->server);
        assert_int_equal(find("x")->server->charge->leases, 2);
        assert_int_equal(find("x")->server->charge->slots, 1);

        /* Ends are noticed as before (L1, L2). */
        assert_int_equal(queue_pop(server.queue, &byte, 1, &size), 0);
        close(end);
        assert_null(find("x"));
        assert_int_equal(queue_push(writer.queue, "b", 1), MAILSLOT_CLOSED);
        close(writer_end);
        turn();
        assert_int_equal(registry_lease_count(registry), 0);
        forget(&server);
        forget(&writer);
    }
    (void)state;
}

/* The far end was closed while no daemon looked: over at the first look. */
static void test_restore_dead(void **state)
{
    struct kept server, writer;
    int end, writer_end;

    (void)state;
    keep(&server, create("x", &end));
    keep(&writer, open_writer("x", &writer_end));
    restart();
    close(end);
    assert_int_equal(restore(&writer), 0);
    assert_int_equal(restore(&server), 0);
    registry_restored(registry);
    assert_null(find("x"));
    assert_int_equal(registry_lease_count(registry), 1);
    assert_int_equal(queue_push(writer.queue, "a", 1), MAILSLOT_CLOSED);
    assert_int_equal(create_result("x"), 0);
    close(writer_end);
    forget(&server);
    forget(&writer);
}

/* What cannot be is refused, and its descriptors do not stay (teardown counts). */
static void test_restore_nonsense(void **state)
{
    struct kept good, bad;
    uint32_t zero = 0;
    int end;

    (void)state;
    keep(&good, create("x", &end));
    restart();
    for (int i = 0; i < 4; i++)
    {
        bad = good;
        if (i == 0)
            bad.kept.watch = -1;
        else if (i == 1)
            bad.kept.memfd = -1;
        else if (i == 2)
            bad.kept.wake_fd = -1;
        else
            bad.kept.memfd = good.kept.watch; /* no memfd */
        assert_int_equal(restore(&bad), -EINVAL);
        assert_int_equal(registry_slot_count(registry), 0);
        assert_int_equal(registry_lease_count(registry), 0);
    }
    assert_false(is_closed(&good));
    assert_int_equal(restore(&good), 0);
    assert_int_equal(restore(&good), -EINVAL); /* twice */
    registry_restored(registry);
    assert_non_null(find("x"));
    restart();
    /* A queue whose header a program has destroyed */
    assert_int_equal(pwrite(good.kept.memfd, &zero, sizeof(zero), 0), sizeof(zero));
    assert_true(restore(&good) < 0);
    close(end);
    forget(&good);
}

static void test_restore_remote(void **state)
{
    struct lease *lease = NULL;
    struct kept kept;
    int end;

    (void)state;
    assert_int_equal(registry_open_remote(registry, "*", 1, "x", 1, charge, &lease, &end), 0);
    keep(&kept, lease);
    restart();
    kept.kept.identity.host = "*";
    kept.kept.identity.host_size = 1;
    assert_int_equal(restore(&kept), 0);
    registry_restored(registry);
    lease = registry_lease(registry, user, kept.kept.identity.id);
    assert_non_null(lease);
    assert_string_equal(lease->host, "*");
    close(end);
    turn();
    assert_int_equal(registry_lease_count(registry), 0);
    forget(&kept);
}

/* A thousand slots, ended in another order than made */
static void test_many(void **state)
{
    static int ends[1000];

    (void)state;
    for (int i = 0; i < 1000; i++)
    {
        char name[16];

        snprintf(name, sizeof(name), "slot%d", i);
        create(name, &ends[i]);
    }
    for (int i = 0; i < 1000; i++)
        close(ends[i * 7 % 1000]);
    turn();
    assert_int_equal(registry_slot_count(registry), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names),          TEST(test_last_copy),
        TEST(test_unnoticed_end),  TEST(test_old_writer),
        TEST(test_writer_ends),    TEST(test_charges),
        TEST(test_restart_keeps),  TEST(test_restore_orders),
        TEST(test_restore_dead),   TEST(test_restore_nonsense),
        TEST(test_restore_remote), TEST(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
