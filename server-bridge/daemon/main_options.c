/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mailslotd's command line. */
#include "daemon/main_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <syslog.h>

#include "daemon/log.h"

enum main_option
{
    OPTION_CONFIG = 256,
    OPTION_AUTOSTART,
    OPTION_CHECK_CONFIG,
    OPTION_PRINT_CONFIG,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_FIRST_KEY = 512, /* the options of config.h follow */
};

static const struct option main_options_own[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"autostart", no_argument, NULL, OPTION_AUTOSTART},
    {"check-config", no_argument, NULL, OPTION_CHECK_CONFIG},
    {"print-config", no_argument, NULL, OPTION_PRINT_CONFIG},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
};

#define OWN_N (sizeof(main_options_own) / sizeof(*main_options_own))

void main_options_help(void)
{
    puts("Usage: mailslotd [OPTION]...\n"
         "       mailslotd --check-config [FILE]\n"
         "Serves Windows mailslots to programs under Wine and to Linux programs, on this machine\n"
         "and on its network. Programs start it by themselves; started by hand it stays in the\n"
         "foreground until SIGTERM or Ctrl-C. SIGHUP makes it read its configuration again.\n\n"
         "  --config FILE          read this instead of " SYSCONFDIR "/mailslotd.conf and\n"
         "                         $XDG_CONFIG_HOME/mailslotd.conf\n"
         "  --check-config [FILE]  only say what is wrong with the configuration; 0: it is good\n"
         "  --print-config         write a file with all options, their defaults and allowed "
         "values\n"
         "  --autostart            go to the background, end when idle (used by programs)\n"
         "  --help, --version\n\n"
         "Each of these can also stand in the file (KEY = VALUE, with _ for -) or in the\n"
         "environment (MAILSLOTD_KEY):\n");
    config_describe(stdout);
}

static void main_options_take(struct main_options *options, int option, const char *argument)
{
    switch (option)
    {
    case OPTION_CONFIG:
        options->file = argument;
        break;
    case OPTION_AUTOSTART:
        options->autostart = true;
        break;
    case OPTION_CHECK_CONFIG:
        options->action = MAIN_CHECK_CONFIG;
        break;
    case OPTION_PRINT_CONFIG:
        options->action = MAIN_PRINT_CONFIG;
        break;
    case 'h':
    case OPTION_HELP:
        options->action = MAIN_HELP;
        break;
    case OPTION_VERSION:
        options->action = MAIN_VERSION;
        break;
    default:
        options->values[option - OPTION_FIRST_KEY] = argument;
    }
}

int main_options_parse(int argc, char **argv, struct main_options *ret)
{
    struct option all[OWN_N + CONFIG_OPTIONS_MAX + 1] = {};
    struct main_options options = {};
    int option;

    for (size_t i = 0; i < OWN_N; i++)
        all[i] = main_options_own[i];
    for (size_t i = 0; config_option_name(i); i++)
        all[OWN_N + i] =
            (struct option){config_option_name(i), required_argument, NULL, OPTION_FIRST_KEY + i};
    while ((option = getopt_long(argc, argv, "h", all, NULL)) >= 0)
    {
        if (option == '?')
            return -EINVAL;
        main_options_take(&options, option, optarg);
    }
    if (options.action == MAIN_CHECK_CONFIG && optind < argc && !options.file)
        options.file = argv[optind++];
    if (optind < argc)
    {
        log_line(LOG_ERR, "unexpected argument '%s'; see mailslotd --help", argv[optind]);
        return -EINVAL;
    }
    *ret = options;
    return 0;
}
