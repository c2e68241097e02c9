/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's log. */

/*
 * Who reads it depends on who started the daemon. A person in front of a terminal gets plain lines.
 * The journal gets a level with each of them, "<6>text" (sd-daemon(3)), and adds name and time. A
 * daemon that a program started has a file beside its socket, with the time; the program's user
 * gets to see only what needs doing, once, while the daemon starts.
 */
#include "daemon/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

/* The file begins anew when it is so long: what a network can make us say must not fill a disk. */
#define LOG_FILE_MAX (1024 * 1024)

enum log_reader
{
    LOG_READER_TERMINAL,
    LOG_READER_JOURNAL,
    LOG_READER_FILE,
};

static enum log_reader log_reader;
static int log_terminal = -1;
static size_t log_size;

void log_begin(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;

    /* systemd.exec(5): the variable is inherited, so what it says must be compared. */
    if (stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
        fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode)
        log_reader = LOG_READER_JOURNAL;
}

static void log_to_file(const char *text)
{
    char when[32] = "";
    time_t now = time(NULL);
    struct tm local;
    int n;

    if (log_size > LOG_FILE_MAX && ftruncate(STDERR_FILENO, 0) == 0)
        log_size = 0;
    if (localtime_r(&now, &local))
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &local);
    n = dprintf(STDERR_FILENO, "%s mailslotd: %s\n", when, text);
    log_size += n > 0 ? n : 0;
}

void log_line(int level, const char *format, ...)
{
    const char *mark = level == LOG_WARNING ? "warning: " : "";
    char text[2048];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    switch (log_reader)
    {
    case LOG_READER_TERMINAL:
        dprintf(STDERR_FILENO, "mailslotd: %s%s\n", mark, text);
        break;
    case LOG_READER_JOURNAL:
        dprintf(STDERR_FILENO, "<%d>%s\n", level, text);
        break;
    case LOG_READER_FILE:
        log_to_file(text);
        break;
    }
    if (log_terminal >= 0 && level <= LOG_WARNING)
        dprintf(log_terminal, "mailslotd: %s%s\n", mark, text);
}

void log_detach(const char *path)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

    log_terminal = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (nothing >= 0)
    {
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
        dup2(file >= 0 ? file : nothing, STDERR_FILENO);
        close(nothing);
    }
    if (file >= 0)
        close(file);
    log_reader = LOG_READER_FILE;
    log_size = 0;
}

void log_leave_terminal(void)
{
    if (log_terminal >= 0)
        close(log_terminal);
    log_terminal = -1;
}
