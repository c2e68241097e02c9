/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mailslotd's command line. */
#pragma once

#include "daemon/config.h"

enum main_action
{
    MAIN_SERVE,
    MAIN_CHECK_CONFIG,
    MAIN_PRINT_CONFIG,
    MAIN_HELP,
    MAIN_VERSION,
};

struct main_options
{
    enum main_action action;
    bool autostart;
    const char *file;                       /* --config, or the file to check */
    const char *values[CONFIG_OPTIONS_MAX]; /* of the options of config.h, by their index */
};

/* -EINVAL: wrong use, which has been told. Borrows from argv. */
__attribute__((warn_unused_result)) int main_options_parse(int argc, char **argv,
                                                           struct main_options *ret);

void main_options_help(void);
