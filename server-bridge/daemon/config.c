/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's options: one table serves file, environment and command line. */
#include "daemon/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum config_type
{
    CONFIG_TEXT,
    CONFIG_NUMBER,
    CONFIG_BOOL,
};

struct config_row
{
    const char *key;
    enum config_type type;
    size_t offset;
    uint32_t minimum, maximum;
    const char *fallback;
    const char *help;
};

static const struct config_row config_rows[] = {
    {"socket", CONFIG_TEXT, offsetof(struct config, socket), 0, 107, "",
     "path of the control socket (empty: the user's own)"},
    {"computer_name", CONFIG_TEXT, offsetof(struct config, computer), 0, 15, "",
     "NetBIOS name of this machine (empty: the host name)"},
    {"workgroup", CONFIG_TEXT, offsetof(struct config, workgroup), 1, 15, "WORKGROUP",
     "workgroup or NetBIOS domain name: who \\\\* reaches"},
    {"interfaces", CONFIG_TEXT, offsetof(struct config, interfaces), 0, 4096, "",
     "interfaces to use, by name or address (empty: all that can broadcast)"},
    {"codepage", CONFIG_TEXT, offsetof(struct config, codepage), 1, 32, "CP850",
     "code page of slot names on the network"},
    {"network", CONFIG_BOOL, offsetof(struct config, network), 0, 1, "yes",
     "no: local mailslots only"},
    {"datagram_port", CONFIG_NUMBER, offsetof(struct config, datagram_port), 1, 65535, "138",
     "UDP port of the NetBIOS datagram service"},
    {"name_port", CONFIG_NUMBER, offsetof(struct config, name_port), 1, 65535, "137",
     "UDP port of the NetBIOS name service"},
    {"slot_quota", CONFIG_NUMBER, offsetof(struct config, slot_quota), 4096, 1u << 30, "16777216",
     "bytes of unread messages one slot may hold"},
    {"slots_per_client", CONFIG_NUMBER, offsetof(struct config, slots_per_client), 1, 1u << 20,
     "4096", "slots one program may create"},
    {"handles_per_client", CONFIG_NUMBER, offsetof(struct config, handles_per_client), 1, 1u << 20,
     "16384", "mailslot handles one program may open"},
    {"idle_timeout", CONFIG_NUMBER, offsetof(struct config, idle_timeout), 0, 1u << 20, "0",
     "seconds without any client after which the daemon ends (0: never)"},
};

#define CONFIG_N_ROWS (sizeof(config_rows) / sizeof(*config_rows))

static int config_parse_number(const struct config_row *row, const char *value, uint32_t *ret)
{
    unsigned long long number;
    char *end;

    if (!isdigit((unsigned char)*value))
        return -EINVAL;
    errno = 0;
    number = strtoull(value, &end, 10);
    if (errno || *end || number < row->minimum || number > row->maximum)
        return -EINVAL;
    *ret = number;
    return 0;
}

static int config_parse_bool(const char *value, bool *ret)
{
    static const char *const words[][2] = {
        {"no", "yes"}, {"false", "true"}, {"off", "on"}, {"0", "1"}};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        for (int truth = 0; truth < 2; truth++)
            if (!strcasecmp(value, words[i][truth]))
            {
                *ret = truth;
                return 0;
            }
    return -EINVAL;
}

static const struct config_row *config_find(const char *key)
{
    for (size_t i = 0; i < CONFIG_N_ROWS; i++)
    {
        const char *a = config_rows[i].key, *b = key;

        while (*a && (*a == *b || (*a == '_' && *b == '-')))
            a++, b++;
        if (!*a && !*b)
            return &config_rows[i];
    }
    return NULL;
}

int config_set(struct config *config, const char *key, const char *value, const char **ret_why)
{
    const struct config_row *row = config_find(key);
    char *field, *copy;
    size_t size = strlen(value);

    if (!row)
        return -ENOENT;
    field = (char *)config + row->offset;
    switch (row->type)
    {
    case CONFIG_TEXT:
        if (size < row->minimum || size > row->maximum)
        {
            *ret_why = "the text is too short or too long";
            return -EINVAL;
        }
        copy = strdup(value);
        if (!copy)
            return -ENOMEM;
        free(*(char **)field);
        *(char **)field = copy;
        return 0;
    case CONFIG_NUMBER:
        *ret_why = "not a whole number in the allowed range";
        return config_parse_number(row, value, (uint32_t *)field);
    case CONFIG_BOOL:
        *ret_why = "neither yes nor no";
        return config_parse_bool(value, (bool *)field);
    }
    return -ENOENT;
}

int config_init(struct config *config)
{
    const char *why;

    memset(config, 0, sizeof(*config));
    for (size_t i = 0; i < CONFIG_N_ROWS; i++)
    {
        int r = config_set(config, config_rows[i].key, config_rows[i].fallback, &why);

        if (r < 0)
            return r;
    }
    return 0;
}

void config_deinit(struct config *config)
{
    for (size_t i = 0; i < CONFIG_N_ROWS; i++)
        if (config_rows[i].type == CONFIG_TEXT)
            free(*(char **)((char *)config + config_rows[i].offset));
    memset(config, 0, sizeof(*config));
}

struct config_reading
{
    struct config *config;
    const char *path;
    config_report_fn report;
    void *userdata;
    int result;
    FILE *file;
    int line;
    int too_long; /* the first such line */
};

/*
 * Debian's inih does not tell the handler its line, so the reader counts. What inih has no room for
 * must not come to it as lines of its own.
 */
static char *config_read_line(char *text, int size, void *userdata)
{
    struct config_reading *reading = userdata;
    int c = 0;

    reading->line++;
    if (!fgets(text, size, reading->file))
        return NULL;
    if (strchr(text, '\n') || feof(reading->file))
        return text;
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
    const char *why = "";
    char text[1024];
    int r = config_set(reading->config, key, value, &why);

    (void)section; /* sections only group the lines for people */
    if (r == -ENOENT)
    {
        snprintf(text, sizeof(text), "%s:%d: unknown option '%s' (ignored)", reading->path,
                 reading->line, key);
        reading->report(reading->userdata, false, text);
    }
    else if (r < 0)
    {
        snprintf(text, sizeof(text), "%s:%d: %s = %s: %s", reading->path, reading->line, key, value,
                 why);
        reading->report(reading->userdata, true, text);
        reading->result = r;
    }
    return 1;
}

int config_read_file(struct config *config, const char *path, bool optional,
                     config_report_fn report, void *userdata)
{
    struct config_reading reading = {config, path, report, userdata, 0, NULL, 0, 0};
    char text[1024];
    FILE *file = fopen(path, "re");
    int line;

    if (!file)
    {
        int r = -errno;

        if (optional && (r == -ENOENT || r == -EACCES || r == -ENOTDIR))
            return 0;
        snprintf(text, sizeof(text), "%s: %s", path, strerror(-r));
        report(userdata, true, text);
        return r;
    }
    reading.file = file;
    line = ini_parse_stream(config_read_line, &reading, config_on_pair, &reading);
    fclose(file);
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

static int config_read_environment(struct config *config, config_report_fn report, void *userdata)
{
    int result = 0;

    for (size_t i = 0; i < CONFIG_N_ROWS; i++)
    {
        char name[64], text[1024];
        const char *value, *why = "";
        size_t n = snprintf(name, sizeof(name), "MAILSLOTD_%s", config_rows[i].key);
        int r;

        for (size_t k = 0; k < n; k++)
            name[k] = toupper((unsigned char)name[k]);
        value = getenv(name);
        if (!value)
            continue;
        r = config_set(config, config_rows[i].key, value, &why);
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
    char path[4096];
    int result, r;

    if (file)
        result = config_read_file(config, file, false, report, userdata);
    else
    {
        result = config_read_file(config, SYSCONFDIR "/mailslotd.conf", true, report, userdata);
        if (folder && *folder)
            snprintf(path, sizeof(path), "%s/mailslotd.conf", folder);
        else
            snprintf(path, sizeof(path), "%s/.config/mailslotd.conf", home ? home : "");
        r = config_read_file(config, path, true, report, userdata);
        result = r ? r : result;
    }
    r = config_read_environment(config, report, userdata);
    return r ? r : result;
}

void config_describe(FILE *out)
{
    for (size_t i = 0; i < CONFIG_N_ROWS; i++)
    {
        fprintf(out, "  --%-20s %s%s%s%s\n", config_option_name(i), config_rows[i].help,
                *config_rows[i].fallback ? " [" : "", config_rows[i].fallback,
                *config_rows[i].fallback ? "]" : "");
    }
}

const char *config_option_name(size_t index)
{
    static char names[CONFIG_N_ROWS][32];

    if (index >= CONFIG_N_ROWS)
        return NULL;
    for (size_t i = 0; i < sizeof(names[0]) - 1 && config_rows[index].key[i]; i++)
        names[index][i] = config_rows[index].key[i] == '_' ? '-' : config_rows[index].key[i];
    return names[index];
}
