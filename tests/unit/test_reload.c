/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Issue 5, section 3, "reload": what changes, what stays, what a bad file does; the autostart's log
 */

#include "daemon_support.h"

#include <netinet/in.h>

static char config_path[128];
static char errors_path[128];
static struct mailslot_client *client;
static pid_t daemon_pid;

static void write_config(const char *text)
{
    FILE *file = fopen(config_path, "w");

    fputs("smb_conf = none\n", file);
    fputs(text, file);
    fclose(file);
}

static int setup(void **state)
{
    (void)state;
    snprintf(config_path, sizeof(config_path), "%s/mailslotd.conf", support_folder);
    snprintf(errors_path, sizeof(errors_path), "%s/stderr", support_folder);
    write_config("workgroup = OFFICE\n");
    daemon_pid = support_start(NULL, 0);
    client = support_client();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mailslot_client_free(client);
    support_stop(daemon_pid);
    return 0;
}

static bool says(const char *path, const char *word)
{
    char text[16384];
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

    text[n] = 0;
    if (file)
        fclose(file);
    return strstr(text, word);
}

static void expect_workgroup(const char *name)
{
    char *status = NULL, wanted[64];

    assert_int_equal(mailslot_status(client, &status), 0);
    snprintf(wanted, sizeof(wanted), "\"workgroup\": \"%s\"", name);
    assert_non_null(strstr(status, wanted));
    free(status);
}

/* The result of a reload; what it says must hold the words, up to NULL. */
static void expect_reload(int result, const char *const *words)
{
    char *text = NULL;

    assert_int_equal(mailslot_reload(client, &text), result);
    assert_non_null(text);
    for (; *words; words++)
        if (!strstr(text, *words))
            fail_msg("'%s' is not in: %s", *words, text);
    free(text);
}

/* Slots, programs and unread messages know nothing of it, though the net is another one. */
static void test_slots_stay(void **state)
{
    struct mailslot *slot = support_create(client, "stays"),
                    *writer = support_open(client, "stays");

    (void)state;
    assert_int_equal(mailslot_write(writer, "before", 6), 0);
    write_config("workgroup = SALES\nnames = EXTRA\n");
    expect_reload(0,
                  (const char *[]){"workgroup = SALES (it was 'OFFICE')\n", "names = EXTRA", NULL});
    expect_workgroup("SALES");
    assert_int_equal(mailslot_write(writer, "after", 5), 0);
    support_expect(slot, "before");
    support_expect(slot, "after");
    /* To the own group: through the new net */
    assert_int_equal(mailslot_send(client, "SALES", 5, "stays", 5, "group", 5), 0);
    support_expect(slot, "group");
    mailslot_free(writer);
    mailslot_free(slot);
}

/* A counter of the network, as `mailslotctl stats` shows it. */
static void expect_counter(const char *name, unsigned int value)
{
    char *status = NULL, wanted[64];

    assert_int_equal(mailslot_status(client, &status), 0);
    snprintf(wanted, sizeof(wanted), "\"%s\": %u,", name, value);
    if (!strstr(status, wanted))
        fail_msg("no '%s' in: %s", wanted, status);
    free(status);
}

/* They are "since the start" (docs/json.md) of the daemon, not of its network. */
static void test_counters_go_on(void **state)
{
    (void)state;
    assert_int_equal(mailslot_send(client, "*", 1, "nobody", 6, "m", 1), 0);
    expect_counter("sent", 1);
    write_config("workgroup = SALES\n");
    expect_reload(0, (const char *[]){"workgroup = SALES", NULL});
    expect_counter("sent", 1);
    expect_counter("local_undelivered", 1);
    assert_int_equal(mailslot_send(client, "*", 1, "nobody", 6, "m", 1), 0);
    expect_counter("sent", 2);
}

static void test_nothing_new(void **state)
{
    (void)state;
    expect_reload(0, (const char *[]){"no setting has changed", NULL});
    expect_workgroup("OFFICE");
}

/* Both kinds of mistakes: what the options refuse, and what only the net does. */
static void test_bad(void **state)
{
    static const char *const files[][2] = {
        {"workgroup = SALES\nname_port = 0\n", "mailslotd.conf:3: name_port = 0: "},
        {"workgroup = SALES\npeers = nobody\n", "mailslotd.conf:3: peers: 'nobody'"},
    };
    struct mailslot *slot = support_create(client, "stays");

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
    {
        write_config(files[i][0]);
        expect_reload(-EINVAL, (const char *[]){files[i][1], "the old settings stay", NULL});
        expect_workgroup("OFFICE");
        assert_true(says(errors_path, files[i][1]));
    }
    /* Mended: it counts. */
    write_config("workgroup = SALES\n");
    expect_reload(0, (const char *[]){"workgroup = SALES", NULL});
    expect_workgroup("SALES");
    assert_int_equal(support_open_result(client, "stays"), 0);
    mailslot_free(slot);
}

/* What fills the report must not take the error's place in it. */
static void test_many_warnings(void **state)
{
    char text[32768];
    size_t size = 0;

    (void)state;
    for (int i = 0; i < 600; i++)
        size += snprintf(text + size, sizeof(text) - size, "mistyped%d = 1\n", i);
    snprintf(text + size, sizeof(text) - size, "source_rate = bad\n");
    write_config(text);
    expect_reload(-EINVAL, (const char *[]){"unknown option 'mistyped0'",
                                            "mailslotd.conf:602: source_rate = bad",
                                            " more lines are in the log of mailslotd",
                                            "the old settings stay", NULL});
}

/* What can not change is told of each time, and an unknown option, too. */
static void test_restart_needed(void **state)
{
    char text[256];

    (void)state;
    support_stop(daemon_pid);
    snprintf(text, sizeof(text), "socket = %s\n", support_socket);
    write_config(text);
    unsetenv("MAILSLOTD_SOCKET"); /* it would go before the file */
    daemon_pid = support_start(NULL, 0);
    setenv("MAILSLOTD_SOCKET", support_socket, 1);
    write_config("socket = /run/elsewhere\nmistyped = 1\nworkgroup = SALES\n");
    for (int i = 0; i < 2; i++)
        expect_reload(0, (const char *[]){"mailslotd.conf:3: unknown option 'mistyped'",
                                          "socket = /run/elsewhere needs a restart", NULL});
    expect_workgroup("SALES");
    assert_int_equal(access(support_socket, F_OK), 0);
}

/* Limits of clients are looked at when they are needed. */
static void test_limits(void **state)
{
    struct mailslot *slot = support_create(client, "one"), *second = NULL;

    (void)state;
    write_config("workgroup = OFFICE\nslots_per_client = 1\n");
    expect_reload(0, (const char *[]){"slots_per_client = 1 (it was '8192')", NULL});
    assert_int_equal(mailslot_create(client, "two", 3, 0, 0, &second, NULL), MAILSLOT_LIMIT);
    write_config("workgroup = OFFICE\n");
    expect_reload(0, (const char *[]){"slots_per_client = 8192", NULL});
    second = support_create(client, "two");
    mailslot_free(second);
    mailslot_free(slot);
}

static void test_signal(void **state)
{
    (void)state;
    write_config("workgroup = SALES\n");
    kill(daemon_pid, SIGHUP);
    for (int i = 0; i < 1000 && !says(errors_path, "workgroup = SALES"); i++)
        support_sleep_ms(10);
    expect_workgroup("SALES");
}

/* However often: nothing is left open. */
static void test_no_leak(void **state)
{
    int before;

    (void)state;
    expect_workgroup("OFFICE");
    before = support_stable_fds(daemon_pid);
    for (int i = 0; i < 20; i++)
    {
        char text[64];

        snprintf(text, sizeof(text), "workgroup = OFFICE%d\n", i);
        write_config(text);
        expect_reload(0, (const char *[]){"workgroup = OFFICE", NULL});
    }
    assert_int_equal(support_settle_fds(daemon_pid, before), before);
}

/* Only root and the daemon's own user: a stranger with the connection in hand is refused. */
static void test_not_for_others(void **state)
{
    pid_t pid = geteuid() ? 0 : fork();

    (void)state;
    if (geteuid())
        skip(); /* needs root to be another user */
    if (pid == 0)
    {
        int fd, r;

        /* The folder is closed to others; who has entered it before is inside. */
        if (chdir(support_folder) < 0 || chmod("socket", 0666) < 0 || chmod(".", 0755) < 0 ||
            setgid(61234) < 0 || setuid(61234) < 0)
            _exit(1);
        fd = support_connect();
        r = support_hello(fd);
        if (r == 0)
            r = support_request(fd, CONTROL_RELOAD, NULL, 0, NULL);
        _exit(r == MAILSLOT_DENIED ? 0 : 2);
    }
    assert_int_equal(support_wait_status(pid), 0);
    chmod(support_folder, 0700);
    expect_reload(0, (const char *[]){"no setting has changed", NULL});
}

/* --- autostart: "quiet when all is well" --- */

static void autostart(const char *const *arguments)
{
    pid_t pid;

    unlink(errors_path);
    pid = support_run_daemon(arguments, 0, errors_path);
    assert_int_equal(support_wait_status(pid), 0);
}

/* The one in the background is our child now: waits for its end. */
static void end_autostarted(void)
{
    int fd = support_connect();
    struct ucred peer = {};
    socklen_t size = sizeof(peer);

    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
    close(fd);
    support_stop(peer.pid);
}

static void test_autostart_is_quiet(void **state)
{
    struct stat st;
    char log[128];

    (void)state;
    snprintf(config_path, sizeof(config_path), "%s/mailslotd.conf", support_folder);
    snprintf(errors_path, sizeof(errors_path), "%s/stderr", support_folder);
    snprintf(log, sizeof(log), "%s.log", support_socket);
    write_config("");
    autostart((const char *[]){"--autostart", NULL}); /* the network is off, as the tests ask */
    assert_int_equal(stat(errors_path, &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_true(says(log, "serving mailslots"));
    end_autostarted();

    /* What needs doing is said; the log has it, too. */
    write_config("mistyped = 1\n");
    autostart((const char *[]){"--autostart", NULL});
    assert_true(says(errors_path, "mailslotd.conf:2: unknown option 'mistyped'"));
    assert_false(says(errors_path, "serving mailslots"));
    end_autostarted();
}

static void test_autostart_tells_of_problems(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int taken = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char port[16], log[128];

    (void)state;
    snprintf(log, sizeof(log), "%s.log", support_socket);
    assert_int_equal(bind(taken, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(taken, (struct sockaddr *)&address, &size), 0);
    snprintf(port, sizeof(port), "%u", ntohs(address.sin_port));
    write_config("");
    /* No interface is named so: nothing is sent, whatever happens. */
    autostart((const char *[]){"--autostart", "--network", "yes", "--interfaces", "none0",
                               "--name-service", "no", "--nmbd-socket", "none", "--datagram-port",
                               port, NULL});
    assert_true(says(errors_path, "serving mailslots of this machine only"));
    assert_true(says(errors_path, "to be on the network: "));
    assert_true(says(log, "to be on the network: "));
    end_autostarted();
    close(taken);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_slots_stay),
        TEST(test_counters_go_on),
        TEST(test_nothing_new),
        TEST(test_bad),
        TEST(test_many_warnings),
        TEST(test_restart_needed),
        TEST(test_limits),
        TEST(test_signal),
        TEST(test_no_leak),
        TEST(test_not_for_others),
        cmocka_unit_test(test_autostart_is_quiet),
        cmocka_unit_test(test_autostart_tells_of_problems),
    };

    return cmocka_run_group_tests(tests, support_begin, support_end);
}
