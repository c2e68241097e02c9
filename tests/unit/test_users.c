/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several users and one daemon: who may write where (S1, C11, X1, P8, O2), and by which way. */

#include "users_support.h"

static struct mailslot_client *alice, *bob;

static int setup(void **state)
{
    (void)state;
    users_start((const char *[]){"--slot-quota", "8192", NULL});
    alice = users_client(ALICE);
    bob = users_client(BOB);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    alice = mailslot_client_free(alice);
    bob = mailslot_client_free(bob);
    users_stop();
    return 0;
}

/* S1, C11: a slot made without security is its user's; root may, too, but not map it. */
static void test_default(void **state)
{
    struct mailslot *slot = support_create(alice, "x"), *writer, *none = NULL;
    struct mailslot_client *friend = users_client(ALICE), *root = users_client(0);
    uint8_t broken[sizeof(users_everybody)];

    (void)state;
    assert_int_equal(mailslot_open(bob, "X", 1, &none, NULL), MAILSLOT_DENIED);
    assert_int_equal(mailslot_send(bob, ".", 1, "x", 1, "a", 1), MAILSLOT_DENIED);
    assert_int_equal(mailslot_open(bob, "y", 1, &none, NULL), MAILSLOT_NOT_FOUND); /* O2 */
    assert_int_equal(mailslot_create(bob, "x", 1, 0, 0, &none, NULL), MAILSLOT_EXISTS);
    /* What cannot be read is no permission. */
    memcpy(broken, users_everybody, sizeof(broken));
    broken[16] = 21;
    assert_int_equal(mailslot_set_security(slot, broken, sizeof(broken)), 0);
    assert_int_equal(mailslot_open(bob, "x", 1, &none, NULL), MAILSLOT_DENIED);
    assert_null(none);

    writer = support_open(friend, "x");
    assert_non_null(writer->queue);
    assert_int_equal(mailslot_write(writer, "one", 3), 0);
    mailslot_free(writer);
    writer = support_open(root, "x");
    assert_null(writer->queue);
    assert_int_equal(mailslot_write(writer, "two", 3), 0);
    mailslot_free(writer);
    support_expect(slot, "one");
    support_expect(slot, "two");
    mailslot_free(slot);
    mailslot_client_free(friend);
    mailslot_client_free(root);
}

/* P1-P5, P10: everything arrives, in order; what does not is told. X1: nothing comes out. */
static void test_writes(void **state)
{
    struct mailslot *slot = NULL, *writer;
    struct mailslot_info info;
    static char big[MAILSLOT_FOREIGN_MAX + 1];
    uint32_t size = 99;

    (void)state;
    assert_int_equal(mailslot_create(alice, "x", 1, 100, 0, &slot, NULL), 0);
    assert_int_equal(mailslot_set_security(slot, users_everybody, sizeof(users_everybody)), 0);
    writer = support_open(bob, "x");
    assert_null(writer->queue);
    assert_int_equal(mailslot_fd(writer), -1);
    for (int i = 0; i < 3000; i++)
    {
        char text[32];

        snprintf(text, sizeof(text), "message %d", i);
        assert_int_equal(mailslot_write(writer, text, strlen(text)), 0);
        if (i % 3 == 2)
            for (int k = i - 2; k <= i; k++)
            {
                snprintf(text, sizeof(text), "message %d", k);
                support_expect(slot, text);
            }
    }
    assert_int_equal(mailslot_write(writer, "", 0), 0);
    assert_int_equal(mailslot_read(slot, big, sizeof(big), &size), 0);
    assert_int_equal(size, 0);
    assert_int_equal(mailslot_write(writer, big, 100), 0);
    assert_int_equal(mailslot_write(writer, big, 101), MAILSLOT_TOO_LARGE);
    assert_int_equal(mailslot_write(writer, big, sizeof(big)), MAILSLOT_TOO_LARGE);
    assert_int_equal(mailslot_read(slot, big, sizeof(big), &size), 0);
    for (int i = 0; i < 8192 / 8; i++)
        assert_int_equal(mailslot_write(writer, "", 0), 0);
    assert_int_equal(mailslot_write(writer, "", 0), MAILSLOT_FULL);
    assert_int_equal(mailslot_read(slot, big, sizeof(big), &size), 0);
    assert_int_equal(mailslot_write(writer, "", 0), 0);

    assert_int_equal(mailslot_read(writer, big, sizeof(big), &size), MAILSLOT_DENIED);
    assert_int_equal(mailslot_info(writer, &info), MAILSLOT_DENIED);
    assert_int_equal(mailslot_security(writer, big, sizeof(big), &size), MAILSLOT_DENIED);
    assert_int_equal(mailslot_set_security(writer, big, 20), MAILSLOT_DENIED);
    /* As on Windows, security counts when the handle is made. */
    assert_int_equal(mailslot_set_security(slot, "", 0), 0);
    assert_int_equal(support_open_result(bob, "x"), MAILSLOT_DENIED);
    assert_int_equal(mailslot_write(writer, "", 0), MAILSLOT_FULL);
    mailslot_free(writer);
    mailslot_free(slot);
}

/* P6: as large as a packet goes */
static void test_large(void **state)
{
    static char sent[MAILSLOT_FOREIGN_MAX], got[MAILSLOT_FOREIGN_MAX];
    struct mailslot *slot, *writer;
    uint32_t size;

    (void)state;
    teardown(NULL);
    users_start(NULL);
    alice = users_client(ALICE);
    bob = users_client(BOB);
    slot = users_create_open_slot(alice, "x");
    writer = support_open(bob, "x");
    for (size_t i = 0; i < sizeof(sent); i++)
        sent[i] = i * 7 % 251;
    assert_int_equal(mailslot_write(writer, sent, sizeof(sent)), 0);
    assert_int_equal(mailslot_read(slot, got, sizeof(got), &size), 0);
    assert_int_equal(size, sizeof(sent));
    assert_memory_equal(got, sent, sizeof(sent));
    mailslot_free(writer);
    mailslot_free(slot);
}

/* P8, L2, L5: the owner ends; the old handle does not reach what is made under the name then. */
static void test_closed(void **state)
{
    struct mailslot *slot = users_create_open_slot(alice, "x"), *writer, *other;

    (void)state;
    writer = support_open(bob, "x");
    mailslot_free(slot);
    assert_int_equal(mailslot_write(writer, "a", 1), MAILSLOT_CLOSED);
    other = support_create(bob, "X");
    assert_int_equal(mailslot_write(writer, "a", 1), MAILSLOT_CLOSED);
    assert_int_equal(mailslot_read(other, NULL, 0, &(uint32_t){0}), MAILSLOT_EMPTY);
    mailslot_free(other);
    slot = users_create_open_slot(alice, "x");
    assert_int_equal(mailslot_write(writer, "a", 1), MAILSLOT_CLOSED);
    mailslot_free(slot);
    mailslot_free(writer);
}

/* "a slot's memory is mapped only by its owner's processes": what really comes with the reply */
static void test_no_memory(void **state)
{
    struct mailslot *slot = users_create_open_slot(alice, "x");
    int fd = users_connect(BOB), own = users_connect(ALICE);
    struct packet packet;
    struct stat st;

    (void)state;
    support_packet(&packet);
    packet_start(&packet, CONTROL_OPEN, 2, 0, 0);
    assert_int_equal(packet_append(&packet, "x", 1), 0);
    assert_int_equal(support_exchange(fd, &packet), MAILSLOT_OK);
    assert_int_equal(packet.n_fds, 1); /* the lease */
    assert_int_equal(fstat(packet.fds[0], &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    packet_close_fds(&packet);
    packet_start(&packet, CONTROL_OPEN, 2, 0, 0);
    assert_int_equal(packet_append(&packet, "x", 1), 0);
    assert_int_equal(support_exchange(own, &packet), MAILSLOT_OK);
    assert_int_equal(packet.n_fds, 3);
    packet_close_fds(&packet);
    close(fd);
    close(own);
    mailslot_free(slot);
}

/* A handle in another user's process: it writes without memory; it does not read. */
static void test_adopted(void **state)
{
    struct mailslot *slot = NULL, *writer = NULL, *remote = NULL, *adopted = NULL;
    struct mailslot_identity one, two;
    int lease, writing, sending;

    (void)state;
    assert_int_equal(mailslot_create(alice, "x", 1, 0, 0, &slot, &lease), 0);
    assert_int_equal(mailslot_open(alice, "x", 1, &writer, &writing), 0);
    assert_int_equal(mailslot_open_remote(alice, "*", 1, "x", 1, &remote, &sending), 0);
    assert_int_equal(mailslot_adopt(bob, lease, &adopted), MAILSLOT_DENIED);
    assert_null(adopted);
    for (int i = 0; i < 2; i++) /* also when he has one already */
    {
        assert_int_equal(mailslot_adopt(bob, writing, &adopted), 0);
        assert_null(adopted->queue);
        mailslot_identify(writer, &one);
        mailslot_identify(adopted, &two);
        assert_int_equal(two.kind, MAILSLOT_WRITER);
        assert_string_equal(two.name, "x");
        assert_true(one.lease_id != two.lease_id);
        assert_int_equal(mailslot_write(adopted, "a", 1), 0);
        support_expect(slot, "a");
        mailslot_free(adopted);
        adopted = NULL;
    }
    assert_int_equal(mailslot_adopt(bob, sending, &adopted), 0);
    mailslot_identify(adopted, &two);
    assert_int_equal(two.kind, MAILSLOT_REMOTE);
    assert_string_equal(two.host, "*");
    mailslot_free(adopted);
    /* The last copy is the last copy, whoever has it (L1, L6). */
    assert_int_equal(mailslot_adopt(bob, writing, &adopted), 0);
    mailslot_free(slot);
    close(lease);
    assert_int_equal(mailslot_write(adopted, "a", 1), MAILSLOT_CLOSED);
    mailslot_free(adopted);
    mailslot_free(writer);
    mailslot_free(remote);
    close(writing);
    close(sending);
}

/* A program that really is another user, from end to end */
static void test_process(void **state)
{
    struct mailslot *slot = users_create_open_slot(alice, "x");
    struct mailslot *closed = support_create(alice, "closed");
    char buffer[16];
    uint32_t size;
    pid_t child;

    (void)state;
    child = fork();
    if (child == 0)
    {
        struct mailslot_client *own;
        struct mailslot *writer = NULL;

        if (setgroups(0, NULL) || setresgid(BOB, BOB, BOB) || setresuid(BOB, BOB, BOB))
            _exit(1);
        own = support_client();
        if (mailslot_open(own, "closed", 6, &writer, NULL) != MAILSLOT_DENIED)
            _exit(2);
        if (mailslot_open(own, "x", 1, &writer, NULL) || writer->queue)
            _exit(3);
        for (int i = 0; i < 100; i++)
            if (mailslot_write(writer, &i, sizeof(i)))
                _exit(4);
        _exit(0);
    }
    for (int i = 0; i < 100; i++)
    {
        assert_int_equal(mailslot_read_wait(slot, buffer, sizeof(buffer), 20000, NULL, &size), 0);
        assert_int_equal(size, sizeof(i));
        assert_memory_equal(buffer, &i, sizeof(i));
    }
    assert_int_equal(support_wait_status(child), 0);
    mailslot_free(closed);
    mailslot_free(slot);
}

/* A new daemon knows all handles at once, whatever their owners do; nobody else gets the name. */
static void test_restart(void **state)
{
    struct mailslot *slot = users_create_open_slot(alice, "x"), *writer = support_open(bob, "x");
    struct mailslot *taken = NULL;

    (void)state;
    assert_int_equal(mailslot_write(writer, "a", 1), 0);
    support_kill(users_daemon);
    users_start(NULL);
    users_be(BOB);
    assert_int_equal(mailslot_write(writer, "b", 1), 0);
    assert_int_equal(mailslot_create(bob, "X", 1, 0, 0, &taken, NULL), MAILSLOT_EXISTS);
    users_be(0);
    support_expect(slot, "a");
    support_expect(slot, "b");
    users_be(ALICE);
    mailslot_free(slot);
    users_be(BOB);
    assert_int_equal(mailslot_write(writer, "d", 1), MAILSLOT_CLOSED);
    mailslot_free(writer);
    users_be(0);
}

/* Names are seen by all, as on Windows; what is in another's slot, and who it is, is not. */
static void test_status(void **state)
{
    struct mailslot *slot = support_create(alice, "x");
    struct mailslot_client *root = users_client(0);
    struct mailslot_client *const viewers[] = {alice, bob, root};
    static const size_t programs[] = {1, 1, 3};

    (void)state;
    assert_int_equal(mailslot_send(alice, ".", 1, "x", 1, "a", 1), 0);
    for (int i = 0; i < 3; i++)
    {
        json_t *status = support_status(viewers[i]), *entry;

        entry = json_array_get(json_object_get(status, "slots"), 0);
        assert_string_equal(json_string_value(json_object_get(entry, "name")), "x");
        assert_int_equal(json_integer_value(json_object_get(entry, "messages")), i != 1);
        assert_int_equal(json_integer_value(json_object_get(entry, "written")), i != 1);
        assert_int_equal(json_is_null(json_object_get(entry, "reader")), i == 1);
        assert_int_equal(json_array_size(json_object_get(status, "clients")), programs[i]);
        json_decref(status);
    }
    mailslot_client_free(root);
    mailslot_free(slot);
}

/* Of a name, 255 bytes are shown, and no half of a character; all of it is what counts. */
static void test_status_long(void **state)
{
    static char long_name[1000];
    struct mailslot *slots[3] = {NULL};
    static const size_t shown[] = {255, 254, 4 * 255};
    json_t *status;

    (void)state;
    memset(long_name, 'x', sizeof(long_name));
    assert_int_equal(mailslot_create(alice, long_name, 1000, 0, 0, &slots[0], NULL), 0);
    memcpy(long_name + 252, "\xc3\xa9\xc3\xa9", 4); /* the second one is cut at 255 */
    assert_int_equal(mailslot_create(alice, long_name, 1000, 0, 0, &slots[1], NULL), 0);
    memset(long_name, 0xbf, sizeof(long_name)); /* no UTF-8 at all */
    assert_int_equal(mailslot_create(alice, long_name, 1000, 0, 0, &slots[2], NULL), 0);
    status = support_status(bob);
    for (size_t i = 0; i < 3; i++)
    {
        json_t *entry = json_array_get(json_object_get(status, "slots"), i);

        assert_int_equal(json_string_length(json_object_get(entry, "name")), shown[i]);
    }
    json_decref(status);
    assert_int_equal(mailslot_create(bob, long_name, 1000, 0, 0, &slots[0], NULL), MAILSLOT_EXISTS);
    for (int i = 0; i < 3; i++)
        mailslot_free(slots[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_default),   TEST(test_writes),      TEST(test_large),   TEST(test_closed),
        TEST(test_no_memory), TEST(test_adopted),     TEST(test_process), TEST(test_restart),
        TEST(test_status),    TEST(test_status_long),
    };

    if (!users_possible())
        return 77; /* Automake's number for a test that was skipped */
    return cmocka_run_group_tests(tests, support_begin, support_end);
}
