/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reload and check-config: the daemon's configuration. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/network.h"
#include "daemon/smbconf.h"
#include "tools/ctl.h"
#include "tools/output.h"

/* What there is to say about a configuration, line by line. */
struct configuration_check
{
    const char *path; /* as given */
    char copy[32];    /* of what a pipe had; empty: the file itself is read */
    bool json;
    bool wrong;
    json_t *diagnoses;
};

int configuration_reload_verb(struct ctl *ctl, int argc, char **argv)
{
    char *text = NULL;
    int r;

    (void)argv;
    if (argc)
        return CTL_USAGE;
    r = mailslot_reload(ctl->client, &text);
    if (r == -ENOSYS)
    {
        ctl_complain("reload: this mailslotd can not; end it, and the next program starts it anew");
        return CTL_FAILED;
    }
    if (ctl->json && text)
    {
        json_t *document = json_pack("{s:i, s:b, s:o}", "version", CTL_JSON_VERSION, "reloaded",
                                     r == 0, "text", output_string(text, strlen(text)));

        if (!output_json(document, false))
            r = r ? r : -EIO;
    }
    else if (text)
    {
        for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
            if (*line)
            {
                output_text(stdout, line, strlen(line));
                putchar('\n');
            }
    }
    free(text);
    if (r == -EINVAL)
    {
        ctl_complain("reload: the configuration is wrong; mailslotd goes on with the one it has");
        return CTL_FAILED;
    }
    if (r == MAILSLOT_DENIED)
    {
        ctl_complain("reload: this mailslotd is another user's, only he and root may: "
                     "sudo mailslotctl reload");
        return CTL_FAILED;
    }
    return r ? ctl_fail(ctl, "reload", r) : CTL_DONE;
}

/*
 * mailslotd reads no pipe: it could not read it once more at the next reload, and would wait for
 * who writes into it. To check what a command writes, with <(...) or /dev/stdin, is another matter:
 * a copy in memory is checked, and spoken of under the name that was given.
 */

#define CONFIGURATION_PIPE_MAX (1 << 20) /* bytes; of more the copy's size is complained of */
#define CONFIGURATION_PIPE_MS  10000     /* that nothing comes through it */

static int configuration_copy_pipe(int from, int to)
{
    struct pollfd poll_from = {.fd = from, .events = POLLIN};
    char data[4096];
    ssize_t size;
    int n;

    for (size_t sum = 0; sum <= CONFIGURATION_PIPE_MAX; sum += size)
    {
        n = poll(&poll_from, 1, CONFIGURATION_PIPE_MS);
        if (n == 0)
            return -ETIMEDOUT;
        size = n < 0 ? -1 : read(from, data, sizeof(data));
        if (size < 0 || (size && write(to, data, size) != size))
            return -errno;
        if (size == 0)
            break;
    }
    return 0;
}

/* The open copy, 0 if `check->path` is no pipe, or a negative errno. */
static int configuration_read_pipe(struct configuration_check *check)
{
    struct stat st;
    int from, to, r;

    /* What cannot be opened is complained of by the one who reads files. */
    if (stat(check->path, &st) < 0 || !S_ISFIFO(st.st_mode))
        return 0;
    from = open(check->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (from < 0)
        return -errno;
    to = memfd_create("check-config", MFD_CLOEXEC);
    r = to < 0 ? -errno : configuration_copy_pipe(from, to);
    close(from);
    if (r < 0)
    {
        if (to >= 0)
            close(to);
        return r;
    }
    snprintf(check->copy, sizeof(check->copy), "/proc/self/fd/%d", to);
    return to; /* not 0: the standard streams are taken */
}

static void configuration_report(void *userdata, bool fatal, const char *report)
{
    struct configuration_check *check = userdata;
    size_t copy = strlen(check->copy);
    char text[1024 + 4096];

    if (copy && !strncmp(report, check->copy, copy) && report[copy] == ':')
        snprintf(text, sizeof(text), "%s%s", check->path, report + copy);
    else
        snprintf(text, sizeof(text), "%s", report);
    check->wrong |= fatal;
    if (check->json)
        json_array_append_new(check->diagnoses, json_pack("{s:b, s:o}", "error", fatal, "text",
                                                          output_string(text, strlen(text))));
    else
    {
        if (!fatal)
            fputs("warning: ", stderr);
        output_text(stderr, text, strlen(text));
        fputc('\n', stderr);
    }
}

int configuration_check_verb(struct ctl *ctl, int argc, char **argv)
{
    struct configuration_check check = {.json = ctl->json};
    struct config config;
    int copy, r;

    if (argc != 1)
        return CTL_USAGE;
    check.path = argv[0];
    check.diagnoses = json_array();
    r = config_init(&config);
    copy = configuration_read_pipe(&check);
    if (copy < 0)
    {
        char text[4096];

        snprintf(text, sizeof(text), "%.4000s: %s", check.path,
                 copy == -ETIMEDOUT ? "nothing came through this pipe" : strerror(-copy));
        configuration_report(&check, true, text);
        r = copy;
    }
    if (r == 0)
        r = config_read_file(&config, copy ? check.copy : check.path, false, configuration_report,
                             &check);
    /* As mailslotd would: what the file leaves open may stand there. */
    if (r == 0)
        r = smbconf_apply(&config, configuration_report, &check);
    if (r == 0)
        r = network_check(&config, configuration_report, &check);
    config_deinit(&config);
    if (copy > 0)
        close(copy);
    if (ctl->json)
    {
        json_t *document = json_pack("{s:i, s:o, s:b, s:o}", "version", CTL_JSON_VERSION, "file",
                                     output_string(check.path, strlen(check.path)), "valid",
                                     r == 0 && !check.wrong, "diagnoses", check.diagnoses);

        if (!output_json(document, false))
            r = r ? r : -EIO;
    }
    else
    {
        json_decref(check.diagnoses);
        if (r == 0 && !check.wrong)
        {
            output_text(stdout, check.path, strlen(check.path));
            puts(": mailslotd can use this");
        }
    }
    /* Whatever is wrong with the file has been said already. */
    if (r < 0 && !check.wrong)
        return ctl_fail(ctl, argv[0], r);
    return check.wrong ? CTL_FAILED : CTL_DONE;
}
