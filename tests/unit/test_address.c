/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which daemon a client finds: $MAILSLOTD_SOCKET, the system's, the user's own, in this order. */

#include "users_support.h"

#include <sched.h>
#include <sys/mount.h>

#include "client/start.h"

#define FOLDER CONTROL_SYSTEM_FOLDER

static char own_folder[128], own_path[160];

/* The kernel notes who calls listen(). */
static int serve(const char *path, uid_t uid)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), r;

    unlink(path);
    if (control_address_fill(&address, path) ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    users_be(uid);
    r = listen(fd, 5);
    users_be(0);
    return r == 0 ? fd : -1;
}

/* Where a client ends up */
static const char *found(void)
{
    static struct sockaddr_un address;
    socklen_t size = sizeof(address);
    char reason[512];
    int fd;

    memset(&address, 0, sizeof(address));
    if (start_connect(NULL, reason, sizeof(reason), &fd))
        return "";
    assert_int_equal(getpeername(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return address.sun_path;
}

static int setup(void **state)
{
    (void)state;
    /* A /run and a /tmp of our own: nothing of this machine's is touched. */
    assert_int_equal(unshare(CLONE_NEWNS), 0);
    assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    assert_int_equal(mount("tmpfs", "/run", "tmpfs", 0, "mode=0755"), 0);
    assert_int_equal(mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777"), 0);
    unsetenv("MAILSLOTD_SOCKET");
    snprintf(own_folder, sizeof(own_folder), "/tmp/wine-mailslot-%u", (unsigned int)geteuid());
    snprintf(own_path, sizeof(own_path), "%s/socket", own_folder);
    assert_int_equal(mkdir(own_folder, 0700), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(own_path);
    return rmdir(own_folder);
}

static void test_order(void **state)
{
    int own = serve(own_path, 0), system;

    (void)state;
    assert_true(own >= 0);
    assert_string_equal(found(), own_path); /* no system daemon here */
    assert_int_equal(mkdir(FOLDER, 0755), 0);
    assert_string_equal(found(), own_path);
    system = serve(CONTROL_SYSTEM_SOCKET, 0);
    assert_string_equal(found(), CONTROL_SYSTEM_SOCKET);
    setenv("MAILSLOTD_SOCKET", own_path, 1);
    assert_string_equal(found(), own_path);
    setenv("MAILSLOTD_SOCKET", "/nonexistent", 1);
    assert_string_equal(found(), "");
    unsetenv("MAILSLOTD_SOCKET");
    close(system); /* the file stays: nobody accepts */
    assert_string_equal(found(), own_path);
    close(own);
    assert_string_equal(found(), "");
    unlink(CONTROL_SYSTEM_SOCKET);
    rmdir(FOLDER);
}

/* The folder's owner or root, in a folder that is closed to others; nobody else. */
static void test_trust(void **state)
{
    static const struct
    {
        uid_t folder, listener;
        mode_t mode;
        bool trusted;
    } rows[] = {
        {0, 0, 0755, true},    {DAEMON, DAEMON, 0755, true}, {DAEMON, 0, 0711, true},
        {0, BOB, 0755, false}, {DAEMON, BOB, 0755, false},   {0, 0, 0777, false},
        {0, 0, 01777, false},  {0, 0, 0775, false},
    };
    int own = serve(own_path, 0), system;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
    {
        assert_int_equal(mkdir(FOLDER, 0700), 0);
        assert_int_equal(chmod(FOLDER, rows[i].mode), 0);
        assert_int_equal(chown(FOLDER, rows[i].folder, (gid_t)-1), 0);
        system = serve(CONTROL_SYSTEM_SOCKET, rows[i].listener);
        assert_true(system >= 0);
        assert_string_equal(found(), rows[i].trusted ? CONTROL_SYSTEM_SOCKET : own_path);
        close(system);
        unlink(CONTROL_SYSTEM_SOCKET);
        rmdir(FOLDER);
    }
    close(own);
}

/* Somebody else has made the folder: the user's programs meet in another place. */
static void test_squatter(void **state)
{
    char path[108], expected[64];

    (void)state;
    snprintf(expected, sizeof(expected), "/run/user/%u/wine-mailslot/socket",
             (unsigned int)geteuid());
    assert_int_equal(chown(own_folder, BOB, BOB), 0);
    assert_int_equal(control_address_user(path, sizeof(path)), 0);
    assert_string_equal(path, expected);
    assert_int_equal(chown(own_folder, geteuid(), (gid_t)-1), 0);
    assert_int_equal(control_address_user(path, sizeof(path)), 0);
    assert_string_equal(path, own_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_trust),
        cmocka_unit_test(test_squatter),
    };

    if (!users_possible())
        return 77;
    return cmocka_run_group_tests(tests, setup, teardown);
}
