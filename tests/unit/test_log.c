/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's log: for a terminal, for the journal (sd-daemon(3)), and a file that stays small */

#include "daemon_support.h"

#include <syslog.h>

#include "daemon/log.h"

/* Runs `body` with standard error in a file, in a process of its own; what it wrote is in `ret`. */
static void run(void (*body)(const char *folder), char *ret, size_t size)
{
    char path[128];
    FILE *file;
    pid_t pid;
    size_t n;

    snprintf(path, sizeof(path), "%s/stderr", support_folder);
    pid = fork();
    if (pid == 0)
    {
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

        dup2(fd, STDERR_FILENO);
        close(fd);
        body(support_folder);
        _exit(0);
    }
    assert_int_equal(support_wait_status(pid), 0);
    file = fopen(path, "r");
    n = fread(ret, 1, size - 1, file);
    ret[n] = 0;
    fclose(file);
}

static void say_two(void)
{
    log_line(LOG_NOTICE, "for %s", "information");
    log_line(LOG_WARNING, "to be seen");
    log_line(LOG_ERR, "wrong");
}

static void body_terminal(const char *folder)
{
    (void)folder;
    unsetenv("JOURNAL_STREAM");
    log_begin();
    say_two();
}

static void test_terminal(void **state)
{
    char text[1024];

    (void)state;
    run(body_terminal, text, sizeof(text));
    assert_string_equal(text, "mailslotd: for information\nmailslotd: warning: to be seen\n"
                              "mailslotd: wrong\n");
}

static void set_stream(unsigned long long add)
{
    struct stat st;
    char stream[64];

    fstat(STDERR_FILENO, &st);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino + add);
    setenv("JOURNAL_STREAM", stream, 1);
}

static void body_journal(const char *folder)
{
    (void)folder;
    set_stream(0);
    log_begin();
    say_two();
}

/* systemd.exec(5), $JOURNAL_STREAM: only if standard error is that very stream */
static void body_other_journal(const char *folder)
{
    (void)folder;
    set_stream(1);
    log_begin();
    say_two();
}

static void test_journal(void **state)
{
    char text[1024];

    (void)state;
    run(body_journal, text, sizeof(text));
    assert_string_equal(text, "<5>for information\n<4>to be seen\n<3>wrong\n");
    run(body_other_journal, text, sizeof(text));
    assert_non_null(strstr(text, "mailslotd: for information\n"));
}

static void body_detached(const char *folder)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/socket.log", folder);
    log_begin();
    log_detach(path);
    say_two();
    log_leave_terminal();
    log_line(LOG_ERR, "later");
}

/* Issue 5: "quiet when all is well"; who started it sees what needs doing, the file has it all. */
static void test_detached(void **state)
{
    char text[1024], path[128];
    FILE *file;
    size_t n;

    (void)state;
    run(body_detached, text, sizeof(text));
    assert_string_equal(text, "mailslotd: warning: to be seen\nmailslotd: wrong\n");
    snprintf(path, sizeof(path), "%s/socket.log", support_folder);
    file = fopen(path, "r");
    n = fread(text, 1, sizeof(text) - 1, file);
    text[n] = 0;
    fclose(file);
    assert_non_null(strstr(text, "mailslotd: for information\n"));
    assert_non_null(strstr(text, "mailslotd: to be seen\n"));
    assert_non_null(strstr(text, "mailslotd: later\n"));
}

static void body_flood(const char *folder)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/socket.log", folder);
    log_detach(path);
    log_leave_terminal();
    for (int i = 0; i < 100000; i++)
        log_line(LOG_NOTICE, "line %d with some words that make it longer", i);
}

static void test_file_stays_small(void **state)
{
    char text[64], path[128];
    struct stat st;

    (void)state;
    run(body_flood, text, sizeof(text));
    snprintf(path, sizeof(path), "%s/socket.log", support_folder);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 0);
    assert_true(st.st_size <= (1 << 20) + 4096);
    assert_int_equal(st.st_mode & 077, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_journal),
        cmocka_unit_test(test_detached),
        cmocka_unit_test(test_file_stays_small),
    };

    return cmocka_run_group_tests(tests, support_begin, support_end);
}
