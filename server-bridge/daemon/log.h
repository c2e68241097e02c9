/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's log. */
#pragma once

/*
 * One line; `level` is LOG_ERR ... LOG_DEBUG of <syslog.h>. Foreign bytes must have been made
 * printable. One thread.
 */
__attribute__((format(printf, 2, 3))) void log_line(int level, const char *format, ...);

/* To be called once, first: looks whether standard error is the journal. */
void log_begin(void);

/*
 * From now on the log is the file (made anew, mode 0600), and standard error, too; standard input
 * and output are nothing. Until log_leave_terminal(), lines of LOG_WARNING and worse are also shown
 * where standard error was before: on the terminal of whoever started us.
 */
void log_detach(const char *path);
void log_leave_terminal(void);
