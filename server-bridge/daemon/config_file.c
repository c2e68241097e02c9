/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where options come from: files and the environment. */
#include "daemon/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "daemon/smbconf.h"

#define CONFIG_FILE_MAX (1 << 20) /* bytes */

static const char config_environment[] = "MAILSLOTD_";

struct config_reading
{
    struct config *config;
    const char *path;
    config_report_fn report;
    void *userdata;
    int result;
    FILE *file;
    int line;
    int too_long;    /* the first such line */
    int zero;        /* the first with a byte 0 in it */
    bool indented;   /* the line that is read */
    char before[64]; /* the key of the line before it; inih's keys are shorter */
};

/*
 * Debian's inih does not tell the handler its line, so the reader counts. What inih has no room for
 * must not come to it as lines of its own.
 */
static char *config_read_line(char *text, int size, void *userdata)
{
    struct config_reading *reading = userdata;
    long start = ftell(reading->file);
    int c = 0;

    reading->line++;
    if (!fgets(text, size, reading->file))
        return NULL;
    reading->indented = *text == ' ' || *text == '\t';
    if (strchr(text, '\n'))
        return text;
    if (feof(reading->file) && ftell(reading->file) - start == (long)strlen(text))
        return text;
    /* Room is left, so a byte 0 only looks like the end. */
    if (strlen(text) + 1 < (size_t)size)
    {
        if (!reading->zero)
            reading->zero = reading->line;
        *text = 0;
        return text;
    }
    while ((c = fgetc(reading->file)) != EOF && c != '\n')
        ;
    /* A comment may be of any length. */
    if (!strchr("#;", text[strspn(text, " \t")]) && !reading->too_long)
        reading->too_long = reading->line;
    *text = 0;
    return text;
}

static int config_on_pair(void *userdata, const char *section, const char *key, const char *value)
{
    struct config_reading *reading = userdata;
    char text[1024], origin[512];
    const char *why = "";
    int r;

    snprintf(origin, sizeof(origin), "%s:%d", reading->path, reading->line);
    (void)section; /* sections only group the lines for people */
    /* inih gives an indented line as another value of the key above it. */
    if (reading->indented && !strcmp(key, reading->before))
        r = config_append(reading->config, key, value, &why);
    else
        r = config_set_from(reading->config, key, value, origin, &why);
    snprintf(reading->before, sizeof(reading->before), "%s", key);
    if (r == -ENOENT)
    {
        snprintf(text, sizeof(text), "%s: unknown option '%s' (ignored)", origin, key);
        reading->report(reading->userdata, false, text);
    }
    else if (r < 0)
    {
        snprintf(text, sizeof(text), "%s: %s = %s: %s", origin, key, value, why);
        reading->report(reading->userdata, true, text);
        reading->result = r;
    }
    return 1;
}

/*
 * Opens a file that ends: a pipe without a writer would hold up the daemon, and /dev/zero has no
 * end. On failure a negative errno, and *ret_why says why.
 */
static int config_open(const char *path, FILE **ret, const char **ret_why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r = 0;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        r = -errno;
    else if (S_ISDIR(st.st_mode))
        r = -EISDIR;
    else if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)) /* /dev/null: no options */
        ;
    else if (!S_ISREG(st.st_mode))
    {
        r = -EINVAL;
        *ret_why = "is no ordinary file";
    }
    else if (st.st_size > CONFIG_FILE_MAX)
    {
        r = -EFBIG;
        *ret_why = "is larger than 1 MB";
    }
    if (r == 0)
    {
        *ret = fdopen(fd, "r");
        if (*ret)
            return 0;
        r = -errno;
    }
    if (!*ret_why)
        *ret_why = strerror(-r);
    if (fd >= 0)
        close(fd);
    return r;
}

int config_read_file(struct config *config, const char *path, bool optional,
                     config_report_fn report, void *userdata)
{
    struct config_reading reading = {
        .config = config, .path = path, .report = report, .userdata = userdata};
    const char *why = NULL;
    char text[1024];
    FILE *file = NULL;
    int line, r;
    bool unread;

    r = config_open(path, &file, &why);
    if (r < 0)
    {
        if (optional && (r == -ENOENT || r == -ENOTDIR))
            return 0;
        snprintf(text, sizeof(text), "%s: %s", path, why);
        report(userdata, true, text);
        return r;
    }
    reading.file = file;
    line = ini_parse_stream(config_read_line, &reading, config_on_pair, &reading);
    unread = ferror(file);
    fclose(file);
    if (unread)
    {
        snprintf(text, sizeof(text), "%s: could not be read to its end", path);
        report(userdata, true, text);
        return -EIO;
    }
    if (reading.zero)
    {
        snprintf(text, sizeof(text), "%s:%d: there is a byte 0, so this is no text", path,
                 reading.zero);
        report(userdata, true, text);
        return -EINVAL;
    }
    if (reading.too_long)
    {
        snprintf(text, sizeof(text), "%s:%d: the line is too long", path, reading.too_long);
        report(userdata, true, text);
        return -EINVAL;
    }
    if (line)
    {
        snprintf(text, sizeof(text), "%s:%d: not 'option = value', '[section]' or '# comment'",
                 path, line);
        report(userdata, true, text);
        return -EINVAL;
    }
    return reading.result;
}

/* MAILSLOTD_KEY */
static void config_environment_name(const char *key, char *ret, size_t size)
{
    size_t n = snprintf(ret, size, "%s%s", config_environment, key);

    for (size_t k = 0; k < n && k < size; k++)
        ret[k] = ret[k] == '-' ? '_' : toupper((unsigned char)ret[k]);
}

/* A mistyped one must not go unnoticed; MAILSLOTD itself, the program, is none of them. */
static void config_check_environment(config_report_fn report, void *userdata)
{
    for (char **entry = environ; entry && *entry; entry++)
    {
        size_t size = strcspn(*entry, "=");
        const char *key;
        char name[64] = "", text[256];

        if (strncmp(*entry, config_environment, sizeof(config_environment) - 1) != 0)
            continue;
        for (size_t i = 0; (key = config_option_name(i)); i++)
        {
            config_environment_name(key, name, sizeof(name));
            if (strlen(name) == size && !memcmp(name, *entry, size))
                break;
        }
        if (key)
            continue;
        snprintf(text, sizeof(text), "environment: unknown option '%.*s' (ignored)",
                 size < 200 ? (int)size : 200, *entry);
        report(userdata, false, text);
    }
}

static int config_read_environment(struct config *config, config_report_fn report, void *userdata)
{
    const char *key;
    int result = 0;

    config_check_environment(report, userdata);
    for (size_t i = 0; (key = config_option_name(i)); i++)
    {
        char name[64], origin[96], text[1024];
        const char *value, *why = "";
        int r;

        config_environment_name(key, name, sizeof(name));
        value = getenv(name);
        if (!value)
            continue;
        snprintf(origin, sizeof(origin), "environment %s", name);
        r = config_set_from(config, key, value, origin, &why);
        if (r == 0)
            continue;
        snprintf(text, sizeof(text), "environment: %s=%s: %s", name, value, why);
        report(userdata, true, text);
        result = r;
    }
    return result;
}

int config_read_all(struct config *config, const char *file, config_report_fn report,
                    void *userdata)
{
    const char *folder = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char path[4096], text[1024];
    int result, r = 0;

    if (file)
        result = config_read_file(config, file, false, report, userdata);
    else
    {
        result = config_read_file(config, SYSCONFDIR "/mailslotd.conf", true, report, userdata);
        if (folder && *folder)
            snprintf(path, sizeof(path), "%s/mailslotd.conf", folder);
        else
            snprintf(path, sizeof(path), "%s/.config/mailslotd.conf", home ? home : "");
        /* A service may have no home, or be left with that of the one who started it. */
        if ((folder && *folder) || (home && *home))
        {
            if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0 && errno == EACCES)
            {
                snprintf(text, sizeof(text), "%.900s: %s (ignored)", path, strerror(EACCES));
                report(userdata, false, text);
            }
            else
                r = config_read_file(config, path, true, report, userdata);
        }
        result = r ? r : result;
    }
    r = config_read_environment(config, report, userdata);
    return r ? r : result;
}

static int config_read_arguments(struct config *config, const char *const *values,
                                 config_report_fn report, void *userdata)
{
    const char *key;
    int result = 0;

    for (size_t i = 0; values && (key = config_option_name(i)); i++)
    {
        char origin[64], text[1024];
        const char *why = "";
        int r;

        if (!values[i])
            continue;
        snprintf(origin, sizeof(origin), "--%s", key);
        r = config_set_from(config, key, values[i], origin, &why);
        if (r == 0)
            continue;
        snprintf(text, sizeof(text), "%s %s: %s", origin, values[i], why);
        report(userdata, true, text);
        result = r;
    }
    return result;
}

int config_load(struct config *ret, const struct config_source *source, config_report_fn report,
                void *userdata)
{
    struct config config;
    int result, r;

    r = config_init(&config);
    if (r < 0)
        return r;
    config.idle_timeout = source->idle_timeout;
    result = config_read_all(&config, source->file, report, userdata);
    r = config_read_arguments(&config, source->values, report, userdata);
    result = r ? r : result;
    /* Last, as the others say where it is; it gives only what none of them has set. */
    r = result ? 0 : smbconf_apply(&config, report, userdata);
    result = r ? r : result;
    if (result)
    {
        config_deinit(&config);
        return result;
    }
    *ret = config;
    return 0;
}
