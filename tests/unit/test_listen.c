/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control socket: made by us or by the service manager (issue 5, section 3), never two daemons.
 */

#include "daemon_support.h"

#include "daemon/listen.h"

static bool exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* control/address.h: the user's own socket is for that user alone. */
static void test_own(void **state)
{
    struct listen first, second = {.socket = 77, .lock = 77};
    struct stat st;

    (void)state;
    assert_int_equal(listen_open(&first, support_socket), 0);
    assert_int_equal(stat(support_socket, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 077, 0);
    assert_int_equal(listen_open(&second, support_socket), LISTEN_BUSY);
    assert_int_equal(second.socket, 77);
    close(first.socket);
    listen_close(&first);
    assert_false(exists(support_socket));
    assert_int_equal(listen_open(&second, support_socket), 0);
    close(second.socket);
    listen_close(&second);
}

/* A socket that nobody serves any more is replaced. */
static void test_left_behind(void **state)
{
    struct listen listen;
    pid_t pid = fork();

    (void)state;
    if (pid == 0)
        _exit(listen_open(&listen, support_socket) ? 1 : 0);
    assert_int_equal(support_wait_status(pid), 0);
    assert_true(exists(support_socket));
    assert_int_equal(listen_open(&listen, support_socket), 0);
    close(listen.socket);
    listen_close(&listen);
}

static int make_socket(int type, bool listening)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    unlink(support_socket);
    assert_int_equal(control_address_fill(&address, support_socket), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    if (listening)
        assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static void test_adopted(void **state)
{
    int fd = make_socket(SOCK_SEQPACKET, true);
    struct listen listen;

    (void)state;
    fcntl(fd, F_SETFD, 0); /* as after exec */
    assert_int_equal(listen_adopt(&listen, fd), 0);
    assert_int_equal(listen.socket, fd);
    assert_string_equal(listen.path, support_socket);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    /* The service manager listens there still: the socket stays, for the next daemon. */
    listen_close(&listen);
    assert_true(exists(support_socket));
    close(fd);
    unlink(support_socket);
}

static void test_not_adopted(void **state)
{
    struct listen listen = {.socket = 77};
    int fd;

    (void)state;
    fd = make_socket(SOCK_SEQPACKET, false);
    assert_int_equal(listen_adopt(&listen, fd), -EINVAL);
    close(fd);
    fd = make_socket(SOCK_STREAM, true);
    assert_int_equal(listen_adopt(&listen, fd), -EINVAL);
    close(fd);
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(listen_adopt(&listen, fd), -EINVAL);
    close(fd);
    assert_int_equal(listen_adopt(&listen, -1), -EINVAL);
    assert_int_equal(listen.socket, 77);
    unlink(support_socket);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_own, support_begin, support_end),
        cmocka_unit_test_setup_teardown(test_left_behind, support_begin, support_end),
        cmocka_unit_test_setup_teardown(test_adopted, support_begin, support_end),
        cmocka_unit_test_setup_teardown(test_not_adopted, support_begin, support_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
