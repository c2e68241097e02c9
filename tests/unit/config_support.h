/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of the daemon's options share: a file to read, and what was said of it. */

#pragma once

#include "daemon_support.h"

#include "daemon/config.h"

SUPPORT char report[4096];
SUPPORT int n_fatal, n_warnings;

SUPPORT void on_report(void *userdata, bool fatal, const char *text)
{
    assert_ptr_equal(userdata, report);
    fatal ? n_fatal++ : n_warnings++;
    snprintf(report, sizeof(report), "%s", text);
}

SUPPORT char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", support_folder, name);
    return path;
}

SUPPORT const char *write_file(const char *text)
{
    FILE *file = fopen(path_of("mailslotd.conf"), "w");

    fputs(text, file);
    fclose(file);
    return path_of("mailslotd.conf");
}

SUPPORT int read_text(struct config *config, const char *text)
{
    n_fatal = n_warnings = 0;
    *report = 0;
    return config_read_file(config, write_file(text), false, on_report, report);
}

SUPPORT int setup(void **state)
{
    static struct config config;

    *state = &config;
    return config_init(&config);
}

SUPPORT int teardown(void **state)
{
    config_deinit(*state);
    unlink(path_of("mailslotd.conf"));
    return 0;
}

/* As support_begin(), but smb.conf is looked for. */
SUPPORT int config_test_begin(void **state)
{
    int r = support_begin(state);

    unsetenv("MAILSLOTD_SMB_CONF");
    return r;
}
