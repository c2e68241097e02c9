/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reload and check-config: the daemon's configuration. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"
#include "daemon/network.h"
#include "daemon/smbconf.h"
#include "tools/ctl.h"
#include "tools/output.h"

/* What there is to say about a configuration, line by line. */
struct configuration_check
{
    const char *path;
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

static void configuration_report(void *userdata, bool fatal, const char *text)
{
    struct configuration_check *check = userdata;

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
    int r;

    if (argc != 1)
        return CTL_USAGE;
    check.path = argv[0];
    check.diagnoses = json_array();
    r = config_init(&config);
    if (r == 0)
        r = config_read_file(&config, check.path, false, configuration_report, &check);
    /* As mailslotd would: what the file leaves open may stand there. */
    if (r == 0)
        r = smbconf_apply(&config, configuration_report, &check);
    if (r == 0)
        r = network_check(&config, configuration_report, &check);
    config_deinit(&config);
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
