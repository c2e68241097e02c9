/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: mailslotd.conf */

#include "target.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/config.h"

struct target_reports
{
    const char *path;
    unsigned int fatal, warnings;
};

static void target_on_report(void *userdata, bool fatal, const char *text)
{
    struct target_reports *reports = userdata;

    TARGET_CHECK(strncmp(text, reports->path, strlen(reports->path)) == 0);
    TARGET_CHECK(text[strlen(reports->path)] == ':');
    fatal ? reports->fatal++ : reports->warnings++;
}

static struct target_reports target_read(const char *path, struct config *config, int *ret_result)
{
    struct target_reports reports = {.path = path};
    int r;

    r = config_init(config);
    TARGET_CHECK(r == 0);
    *ret_result = config_read_file(config, path, false, target_on_report, &reports);
    return reports;
}

/* What --help says about each option; also when the file was bad. */
static void target_check_values(const struct config *config)
{
    TARGET_CHECK(strlen(config->socket) <= 107);
    TARGET_CHECK(strlen(config->computer) <= 15);
    TARGET_CHECK(strlen(config->workgroup) >= 1 && strlen(config->workgroup) <= 15);
    TARGET_CHECK(strlen(config->interfaces) <= 4096);
    TARGET_CHECK(strlen(config->codepage) >= 1 && strlen(config->codepage) <= 32);
    TARGET_CHECK(config->datagram_port >= 1 && config->datagram_port <= 65535);
    TARGET_CHECK(config->name_port >= 1 && config->name_port <= 65535);
    TARGET_CHECK(config->slot_quota >= 4096 && config->slot_quota <= 1u << 30);
    TARGET_CHECK(config->slots_per_client >= 1 && config->slots_per_client <= 1u << 20);
    TARGET_CHECK(config->handles_per_client >= 1 && config->handles_per_client <= 1u << 20);
    TARGET_CHECK(config->idle_timeout <= 1u << 20);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct target_reports reports, reports_again;
    struct config config, again;
    char path[64];
    int fd = memfd_create("mailslotd.conf", MFD_CLOEXEC), r, r_again;

    TARGET_CHECK(fd >= 0);
    TARGET_CHECK(write(fd, bytes, size) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

    reports = target_read(path, &config, &r);
    TARGET_CHECK(r == 0 || r == -EINVAL || r == -ENOMEM);
    TARGET_CHECK((r != 0) == (reports.fatal > 0));
    target_check_values(&config);

    reports_again = target_read(path, &again, &r_again);
    TARGET_CHECK(r_again == r);
    TARGET_CHECK(reports_again.fatal == reports.fatal);
    TARGET_CHECK(reports_again.warnings == reports.warnings);
    TARGET_CHECK(strcmp(config.socket, again.socket) == 0);
    TARGET_CHECK(strcmp(config.interfaces, again.interfaces) == 0);
    TARGET_CHECK(config.slot_quota == again.slot_quota);

    config_deinit(&config);
    config_deinit(&again);
    close(fd);
    return 0;
}
