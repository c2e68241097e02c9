/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two users and a daemon of a third. */
#pragma once

#include "daemon_support.h"

#include <grp.h>
#include <sys/mman.h>

#include "client/slot.h"

/*
 * The kernel tells the daemon who somebody was when he connected. So the test, which is root, is
 * each of these users for the moment of the connect; one test is in a process that really is one.
 */
enum
{
    ALICE = 65533,
    BOB = 65534,
    DAEMON = 65532,
};

static pid_t users_daemon;

/* Says why not. */
SUPPORT bool users_possible(void)
{
    if (geteuid() == 0)
        return true;
    print_message("skipped: other users can only be played by root\n");
    return false;
}

SUPPORT void users_be(uid_t uid)
{
    assert_int_equal(setresuid(-1, 0, -1), 0);
    assert_int_equal(setresuid(-1, uid, -1), 0);
}

/* The folder is the daemon's; the socket is opened for all, as the system's is. */
SUPPORT void users_start(const char *const *arguments)
{
    const char *path = getenv("MAILSLOTD");
    int binary = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    char errors[128], text[64];

    assert_true(binary >= 0);
    assert_int_equal(chown(support_folder, DAEMON, DAEMON), 0);
    assert_int_equal(chmod(support_folder, 0711), 0);
    snprintf(errors, sizeof(errors), "%s/stderr", support_folder);
    users_daemon = fork();
    if (users_daemon == 0)
    {
        char *argv[16] = {(char *)"mailslotd"};
        int fd = open(errors, O_WRONLY | O_CREAT | O_APPEND, 0600);

        for (int i = 0; arguments && arguments[i] && i < 14; i++)
            argv[1 + i] = (char *)arguments[i];
        dup2(fd, STDERR_FILENO);
        if (setgroups(0, NULL) || setresgid(DAEMON, DAEMON, DAEMON) ||
            setresuid(DAEMON, DAEMON, DAEMON))
            _exit(126);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fexecve(binary, argv, environ);
        _exit(127);
    }
    close(binary);
    snprintf(text, sizeof(text), "%d", users_daemon);
    for (int i = 0; i < 1000; i++)
    {
        int fd = support_connect();

        if (fd >= 0)
        {
            close(fd);
            assert_int_equal(chmod(support_socket, 0666), 0);
            return;
        }
        assert_int_equal(waitpid(users_daemon, NULL, WNOHANG), 0);
        support_sleep_ms(10);
    }
    fail_msg("mailslotd does not listen on %s", support_socket);
}

SUPPORT void users_stop(void)
{
    users_be(0); /* a test that failed may have left it otherwise */
    support_stop(users_daemon);
}

SUPPORT struct mailslot_client *users_client(uid_t uid)
{
    struct mailslot_client *client = support_client();

    users_be(uid);
    assert_int_equal(mailslot_client_connect(client), 0);
    users_be(0);
    return client;
}

/* A connection of this user by hand, after its HELLO. */
SUPPORT int users_connect(uid_t uid)
{
    struct packet packet;
    int fd, r;

    users_be(uid);
    fd = support_connect();
    users_be(0);
    if (fd < 0)
        return -1;
    support_packet(&packet);
    packet_start(&packet, CONTROL_HELLO, 1, 0, sizeof(struct control_hello));
    r = support_exchange(fd, &packet);
    if (r)
    {
        close(fd);
        return -1;
    }
    return fd;
}

/* D:(A;;GW;;;WD), self-relative */
static const uint8_t users_everybody[] = {
    1, 0, 4,  0x80, 0, 0, 0, 0,    0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, /* header */
    2, 0, 28, 0,    1, 0, 0, 0,                                         /* list of one */
    0, 0, 20, 0,    0, 0, 0, 0x40,                                      /* allows writing */
    1, 1, 0,  0,    0, 0, 0, 1,    0, 0, 0, 0,                          /* S-1-1-0 */
};

SUPPORT struct mailslot *users_create_open_slot(struct mailslot_client *client, const char *name)
{
    struct mailslot *slot = support_create(client, name);

    assert_int_equal(mailslot_set_security(slot, users_everybody, sizeof(users_everybody)), 0);
    return slot;
}
