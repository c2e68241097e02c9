/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mailslotd: start, end. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <syslog.h>
#include <unistd.h>

#include "control/address.h"
#include "daemon/host.h"
#include "daemon/keep.h"
#include "daemon/keeper.h"
#include "daemon/listen.h"
#include "daemon/log.h"
#include "daemon/main_activation.h"
#include "daemon/main_autostart.h"
#include "daemon/main_notify.h"
#include "daemon/main_options.h"
#include "daemon/network.h"
#include "daemon/reload.h"

enum
{
    EXIT_USAGE = 2,          /* also: a bad configuration */
    MAIN_AUTOSTART_IDLE = 5, /* s; as wineserver, a little longer than the gap between programs */
};

/* What one run of the daemon is made of. */
struct main_run
{
    const struct config_source *source;
    bool autostart;
    int ready; /* see main_autostart.h */
    struct config config;
    struct listen listen;
    struct host host;
};

static void main_report(void *userdata, bool fatal, const char *text)
{
    (void)userdata;
    log_line(fatal ? LOG_ERR : LOG_WARNING, "%s", text);
}

static int main_load(struct config *ret, const struct config_source *source)
{
    struct config config;
    int r;

    r = config_load(&config, source, main_report, NULL);
    if (r < 0)
        return r;
    r = network_check(&config, main_report, NULL);
    if (r < 0)
    {
        config_deinit(&config);
        return r;
    }
    *ret = config;
    return 0;
}

static int main_check_config(const struct config_source *source)
{
    struct config config;

    if (main_load(&config, source) < 0)
        return EXIT_FAILURE;
    config_deinit(&config);
    printf("%s is good\n", source->file ? source->file : "the configuration");
    return EXIT_SUCCESS;
}

static int main_socket_path(const struct config *config, char *path, size_t size)
{
    const char *forced = *config->socket ? config->socket : control_address_forced();

    if (!forced)
        return control_address_user(path, size);
    return snprintf(path, size, "%s", forced) >= (int)size ? -ENAMETOOLONG : 0;
}

/*
 * The one line that says what this daemon does, and the one that says what it cannot do. Only what
 * nobody has asked for is a problem.
 */
static void main_announce(struct main_run *run)
{
    const char *path = run->listen.path;
    struct net_status status;
    int level;

    net_status(run->host.net, &status);
    level = status.state == NET_STATE_LOCAL_ONLY && run->config.network ? LOG_WARNING : LOG_NOTICE;
    if (status.state != NET_STATE_LOCAL_ONLY)
        log_line(level, "serving mailslots on %s and, as %s in %s, on the network (UDP %u%s)", path,
                 status.computer, status.workgroup, status.datagram_port,
                 status.state == NET_STATE_BESIDE_NMBD ? ", beside nmbd" : "");
    else
        log_line(level, "serving mailslots of this machine only on %s: %s", path, status.reason);
    if (status.state == NET_STATE_LOCAL_ONLY && status.fix)
        log_line(level, "to be on the network: %s", status.fix);
}

static void main_raise_limits(void)
{
    static const __rlimit_resource_t raised[] = {RLIMIT_NOFILE, RLIMIT_FSIZE};
    struct rlimit limit;

    for (size_t i = 0; i < sizeof(raised) / sizeof(*raised); i++)
    {
        if (getrlimit(raised[i], &limit) < 0)
            continue;
        limit.rlim_cur = limit.rlim_max;
        setrlimit(raised[i], &limit);
    }
}

/* 0, a negative errno, or LISTEN_BUSY; run->listen is open after 0 only. */
static int main_listen(struct main_run *run, int given)
{
    char path[108];
    int r;

    if (given >= 0)
        return listen_adopt(&run->listen, given);
    r = main_socket_path(&run->config, path, sizeof(path));
    if (r == 0)
        r = listen_open(&run->listen, path);
    if (r == LISTEN_BUSY)
    {
        if (run->autostart) /* somebody else was faster, which is as good */
            listen_wait_for_other(path);
        else
            log_line(LOG_ERR, "another mailslotd serves %s already", path);
    }
    else if (r < 0)
        log_line(LOG_ERR, "cannot listen on %s: %s", path,
                 r == -EPERM ? "its folder belongs to another user or is writable by others"
                             : strerror(-r));
    return r;
}

/* From the first client to the last. */
static int main_run_host(struct main_run *run)
{
    struct main_notify *notify = NULL;
    struct reload *reload = NULL;
    int r;

    r = reload_new(&reload, &run->host, run->source, &run->config);
    if (r >= 0)
        r = main_notify_new(&notify, &run->host);
    if (r >= 0)
    {
        log_leave_terminal();
        main_autostart_ready(run->ready);
        r = host_run(&run->host);
    }
    if (r < 0)
        log_line(LOG_ERR, "cannot go on: %s", strerror(-r));
    main_notify_free(notify);
    reload_free(reload);
    return r;
}

static int main_serve(struct main_run *run)
{
    struct main_activation given = {-1, -1, -1};
    const char *invalid = NULL;
    struct keep *keep = NULL;
    int r;

    if (!run->autostart)
        main_activation_take(&run->config, &given);
    r = main_listen(run, given.control);
    if (r == LISTEN_BUSY && run->autostart)
    {
        main_autostart_ready(run->ready);
        return EXIT_SUCCESS;
    }
    if (r)
        return EXIT_FAILURE;
    if (run->autostart)
    {
        char path[sizeof(run->listen.path) + 8];

        snprintf(path, sizeof(path), "%s.log", run->listen.path);
        log_detach(path);
    }
    run->config.datagram_fd = given.datagram;
    run->config.name_fd = given.name;
    r = host_init(&run->host, &run->config, run->listen.socket, &invalid);
    if (r < 0)
    {
        log_line(LOG_ERR, "cannot start: %s%s%s", strerror(-r), invalid ? ": " : "",
                 invalid ? invalid : "");
        listen_close(&run->listen);
        return EXIT_FAILURE;
    }
    r = keep_new(&keep, run->host.registry, run->listen.path, run->autostart);
    if (r < 0)
        log_line(LOG_ERR, "cannot keep slots beyond the end of this daemon: %s", strerror(-r));
    main_announce(run);
    r = main_run_host(run);
    keep_free(keep);
    /* First the name, then the clients: they come back to whoever listens next. */
    listen_close(&run->listen);
    host_deinit(&run->host);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int main_start(const struct main_options *options, const struct config_source *source)
{
    struct main_run run = {
        .source = source,
        .autostart = options->autostart,
        .ready = -1,
        .listen = {.socket = -1, .lock = -1},
    };
    int r;

    if (options->autostart)
    {
        r = main_autostart_fork(&run.ready);
        if (r < 0)
        {
            log_line(LOG_ERR, "cannot go to the background: %s", strerror(-r));
            return EXIT_FAILURE;
        }
    }
    log_begin();
    main_raise_limits();
    if (main_load(&run.config, source) < 0)
        return EXIT_USAGE;
    r = main_serve(&run);
    config_deinit(&run.config);
    return r;
}

int main(int argc, char **argv)
{
    struct main_options options;
    struct config_source source;

    /* A log that nobody reads any more is no reason to end. */
    signal(SIGPIPE, SIG_IGN);
    /* A limit for files counts for a slot's memory, too: an error, and no reason to end either. */
    signal(SIGXFSZ, SIG_IGN);
    if (!strcmp(argv[0], KEEPER_NAME))
        return keeper_main(argc, argv);
    if (main_options_parse(argc, argv, &options) < 0)
        return EXIT_USAGE;
    source = (struct config_source){
        .file = options.file,
        .values = options.values,
        .idle_timeout = options.autostart ? MAIN_AUTOSTART_IDLE : 0,
    };
    switch (options.action)
    {
    case MAIN_HELP:
        main_options_help();
        return EXIT_SUCCESS;
    case MAIN_VERSION:
        puts("mailslotd " PACKAGE_VERSION);
        return EXIT_SUCCESS;
    case MAIN_PRINT_CONFIG:
        config_print(stdout);
        return EXIT_SUCCESS;
    case MAIN_CHECK_CONFIG:
        return main_check_config(&source);
    case MAIN_SERVE:
        break;
    }
    return main_start(&options, &source);
}
