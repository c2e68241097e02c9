/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mailslotd: command line, start, end. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "control/address.h"
#include "daemon/host.h"
#include "daemon/listen.h"

enum
{
    EXIT_USAGE = 2,
    MAIN_OPTIONS_MAX = 64,
    MAIN_AUTOSTART_IDLE = 5, /* s; as wineserver, a little longer than the gap between programs */
};

enum main_option
{
    OPTION_CONFIG = 256,
    OPTION_AUTOSTART,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_FIRST_KEY = 512, /* the options of config.h follow */
};

__attribute__((format(printf, 1, 2))) static void main_log(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("mailslotd: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static void main_report(void *userdata, bool fatal, const char *text)
{
    (void)userdata;
    main_log("%s%s", fatal ? "" : "warning: ", text);
}

static void main_help(void)
{
    puts("Usage: mailslotd [OPTION]...\n"
         "Serves Windows mailslots to programs under Wine and to Linux programs, on this machine\n"
         "and on its network. Programs start it by themselves; started by hand it stays in the\n"
         "foreground until SIGTERM or Ctrl-C.\n\n"
         "  --config FILE          read this instead of " SYSCONFDIR "/mailslotd.conf and\n"
         "                         $XDG_CONFIG_HOME/mailslotd.conf\n"
         "  --autostart            go to the background, end when idle (used by programs)\n"
         "  --help, --version\n\n"
         "Each of these can also stand in the file (KEY = VALUE, with _ for -) or in the\n"
         "environment (MAILSLOTD_KEY):\n");
    config_describe(stdout);
}

struct main_arguments
{
    const char *file;
    bool autostart;
    const char *keys[MAIN_OPTIONS_MAX]; /* values given on the command line, by option index */
};

/* 0, or an exit status + 1. */
static int main_parse(int argc, char **argv, struct main_arguments *ret)
{
    struct option options[MAIN_OPTIONS_MAX] = {
        {"config", required_argument, NULL, OPTION_CONFIG},
        {"autostart", no_argument, NULL, OPTION_AUTOSTART},
        {"help", no_argument, NULL, OPTION_HELP},
        {"version", no_argument, NULL, OPTION_VERSION},
    };
    int option;

    for (size_t i = 0; config_option_name(i); i++)
        options[4 + i] =
            (struct option){config_option_name(i), required_argument, NULL, OPTION_FIRST_KEY + i};
    while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0)
    {
        switch (option)
        {
        case OPTION_CONFIG:
            ret->file = optarg;
            break;
        case OPTION_AUTOSTART:
            ret->autostart = true;
            break;
        case 'h':
        case OPTION_HELP:
            main_help();
            return 1 + EXIT_SUCCESS;
        case OPTION_VERSION:
            puts("mailslotd " PACKAGE_VERSION);
            return 1 + EXIT_SUCCESS;
        default:
            if (option < OPTION_FIRST_KEY)
                return 1 + EXIT_USAGE;
            ret->keys[option - OPTION_FIRST_KEY] = optarg;
        }
    }
    if (optind < argc)
    {
        main_log("unexpected argument '%s'; see mailslotd --help", argv[optind]);
        return 1 + EXIT_USAGE;
    }
    return 0;
}

static int main_configure(struct config *config, const struct main_arguments *arguments)
{
    const char *key, *why = "";
    int r;

    r = config_init(config);
    if (r < 0)
        return r;
    if (arguments->autostart)
        config->idle_timeout = MAIN_AUTOSTART_IDLE;
    r = config_read_all(config, arguments->file, main_report, NULL);
    if (r < 0)
        return r;
    for (size_t i = 0; (key = config_option_name(i)); i++)
    {
        if (!arguments->keys[i])
            continue;
        r = config_set(config, key, arguments->keys[i], &why);
        if (r < 0)
        {
            main_log("--%s %s: %s", key, arguments->keys[i], why);
            return r;
        }
    }
    return 0;
}

static int main_socket_path(const struct config *config, char *path, size_t size)
{
    const char *forced = *config->socket ? config->socket : control_address_forced();

    if (!forced)
        return control_address_user(path, size);
    return snprintf(path, size, "%s", forced) >= (int)size ? -ENAMETOOLONG : 0;
}

/* The one line that says what this daemon does, and the one that says what it cannot do. */
static void main_announce(struct host *host, const char *path)
{
    struct net_status status;

    net_status(host->net, &status);
    if (status.state == NET_STATE_OWN_SOCKETS)
        main_log("serving mailslots on %s and, as %s in %s, on the network (UDP %u)", path,
                 status.computer, status.workgroup, status.datagram_port);
    else
    {
        main_log("serving mailslots of this machine only on %s: %s", path, status.reason);
        if (status.fix)
            main_log("to be on the network: %s", status.fix);
    }
}

/* Standard error becomes a log beside the socket: a pipe must not wait for the daemon to end. */
static void main_detach_output(const char *socket_path)
{
    char path[128];
    int log, nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

    snprintf(path, sizeof(path), "%s.log", socket_path);
    log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (nothing >= 0)
    {
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
        dup2(log >= 0 ? log : nothing, STDERR_FILENO);
        close(nothing);
    }
    if (log >= 0)
        close(log);
}

/* The parent of --autostart ends when the child says that it listens, or without its word. */
static int main_fork(int *ret_ready)
{
    char word = 1;
    int pair[2];
    pid_t pid;

    if (pipe2(pair, O_CLOEXEC) < 0)
        return -errno;
    pid = fork();
    if (pid < 0)
        return -errno;
    if (pid)
    {
        close(pair[1]);
        _exit(read(pair[0], &word, 1) == 1 ? word : EXIT_FAILURE);
    }
    close(pair[0]);
    setsid();
    *ret_ready = pair[1];
    return 0;
}

static void main_ready(int ready)
{
    char word = EXIT_SUCCESS;

    if (ready >= 0)
    {
        /* If the parent is gone, nobody waits. */
        if (write(ready, &word, 1) < 0)
            main_log("nobody waits for this daemon any more");
        close(ready);
    }
}

static void main_raise_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int main_serve(const struct config *config, bool autostart, int ready)
{
    const char *invalid = NULL;
    struct listen listen = {.socket = -1, .lock = -1};
    struct host host;
    char path[108];
    int r;

    r = main_socket_path(config, path, sizeof(path));
    if (r == 0)
        r = listen_open(&listen, path);
    if (r == LISTEN_BUSY)
    {
        if (autostart) /* somebody else was faster, which is as good */
        {
            listen_wait_for_other(path);
            main_ready(ready);
        }
        else
            main_log("another mailslotd serves %s already", path);
        return autostart ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    if (r < 0)
    {
        main_log("cannot listen on %s: %s", path,
                 r == -EPERM ? "its folder belongs to another user or is writable by others"
                             : strerror(-r));
        return EXIT_FAILURE;
    }
    r = host_init(&host, config, listen.socket, &invalid);
    if (r < 0)
    {
        if (invalid)
            main_log("the option %s has no valid value", invalid);
        else
            main_log("cannot start: %s", strerror(-r));
        listen_close(&listen);
        return EXIT_FAILURE;
    }
    main_announce(&host, path);
    if (autostart)
        main_detach_output(path);
    main_ready(ready);
    sd_notify(0, "READY=1");
    r = host_run(&host);
    sd_notify(0, "STOPPING=1");
    /* First the name, then the clients: they come back to whoever listens next. */
    listen_close(&listen);
    host_deinit(&host);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct main_arguments arguments = {0};
    struct config config;
    int ready = -1, r;

    r = main_parse(argc, argv, &arguments);
    if (r)
        return r - 1;
    if (arguments.autostart)
    {
        /* Nothing of the program that started us may stay open here. */
        close_range(3, ~0U, 0);
        r = main_fork(&ready);
        if (r < 0)
        {
            main_log("cannot go to the background: %s", strerror(-r));
            return EXIT_FAILURE;
        }
    }
    main_raise_limits();
    r = main_configure(&config, &arguments);
    if (r == 0)
        r = main_serve(&config, arguments.autostart, ready);
    else
        r = EXIT_USAGE;
    config_deinit(&config);
    return r;
}
