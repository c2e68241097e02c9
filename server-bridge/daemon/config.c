/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's options: one table serves file, environment and command line. */
#include "daemon/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for 64 peers with a group each, twice. */
#define CONFIG_LIST_SIZE_MAX 4096
#define CONFIG_SEPARATORS    " \t,"

enum config_type
{
    CONFIG_TEXT, /* minimum and maximum are its bytes */
    CONFIG_LIST, /* ... the number of its words */
    CONFIG_CHOICE,
    CONFIG_NUMBER,
    CONFIG_BOOL,
};

struct config_row
{
    const char *key;
    enum config_type type;
    enum config_effect effect;
    size_t offset;
    uint32_t minimum, maximum;
    const char *fallback;
    const char *help;
};

static const char *const config_node_types[] = {"auto", "B", "P", "M", "H"};

/* The limits of lists are those of net/net.h, where it has any. */
static const struct config_row config_rows[] = {
    {"socket", CONFIG_TEXT, CONFIG_RESTART, offsetof(struct config, socket), 0, 107, "",
     "path of the control socket (empty: the user's own); programs need it in MAILSLOTD_SOCKET"},
    {"computer_name", CONFIG_TEXT, CONFIG_NETWORK, offsetof(struct config, computer), 0, 15, "",
     "NetBIOS name of this machine (empty: the host name)"},
    {"workgroup", CONFIG_TEXT, CONFIG_NETWORK, offsetof(struct config, workgroup), 1, 15,
     "WORKGROUP", "workgroup or NetBIOS domain name: who \\\\* reaches"},
    {"names", CONFIG_LIST, CONFIG_NETWORK, offsetof(struct config, names), 0, 22, "",
     "further names of this machine: NAME, or NAME#20 with a suffix in hex"},
    {"groups", CONFIG_LIST, CONFIG_NETWORK, offsetof(struct config, groups), 0, 22, "",
     "further groups whose messages this machine gets, written as names"},
    {"scope", CONFIG_TEXT, CONFIG_NETWORK, offsetof(struct config, scope), 0, 220, "",
     "NetBIOS scope, the same on all machines that talk (nearly always empty)"},
    {"node_type", CONFIG_CHOICE, CONFIG_NETWORK, offsetof(struct config, node_type), 0, 0, "auto",
     "who knows names: B neighbours, P WINS (to be set), M B then P, H P then B, or auto"},
    {"wins_servers", CONFIG_LIST, CONFIG_NETWORK, offsetof(struct config, wins_servers), 0, 8, "",
     "addresses of WINS servers, the first is asked first"},
    {"peers", CONFIG_LIST, CONFIG_NETWORK, offsetof(struct config, peers), 0, 64, "",
     "hosts out of reach of broadcasts that get them, too: 10.1.2.3 10.4.0.9/SALES"},
    {"interfaces", CONFIG_LIST, CONFIG_NETWORK, offsetof(struct config, interfaces), 0, 64, "",
     "interfaces to use: NAME, NAME*, ADDRESS or ADDRESS/BITS (empty: all that can broadcast)"},
    {"allow_networks", CONFIG_LIST, CONFIG_NETWORK, offsetof(struct config, allow_networks), 1, 64,
     "local",
     "who may send here, besides peers and WINS: local (own subnets), all, none, 10.1.0.0/16"},
    {"receive_slots", CONFIG_LIST, CONFIG_NETWORK, offsetof(struct config, receive_slots), 1, 64,
     "*", "slots that the network may reach: NET\\* messngr; !browse takes away"},
    {"send_slots", CONFIG_LIST, CONFIG_NETWORK, offsetof(struct config, send_slots), 1, 64, "*",
     "slots on other machines that programs may send to, as receive_slots"},
    {"source_rate", CONFIG_NUMBER, CONFIG_NETWORK, offsetof(struct config, source_rate), 0,
     1000000000, "20000", "messages a second that one machine may send here (0: any number)"},
    {"codepage", CONFIG_TEXT, CONFIG_NETWORK, offsetof(struct config, codepage), 1, 32, "CP850",
     "code page of slot names on the network"},
    {"network", CONFIG_BOOL, CONFIG_NETWORK, offsetof(struct config, network), 0, 1, "yes",
     "no: local mailslots only"},
    {"name_service", CONFIG_BOOL, CONFIG_NETWORK, offsetof(struct config, name_service), 0, 1,
     "yes", "no: do not claim names or answer for them (UDP 137 is left alone)"},
    {"nmbd_socket", CONFIG_TEXT, CONFIG_NETWORK, offsetof(struct config, nmbd_socket), 0, 107, "",
     "path of Samba's nmbd/unexpected (empty: its usual place; none: ignore nmbd)"},
    {"smb_conf", CONFIG_TEXT, CONFIG_AT_ONCE, offsetof(struct config, smb_conf), 0, 255, "",
     "Samba's file, for names, WINS and interfaces not set here (empty: its usual place; none)"},
    {"datagram_port", CONFIG_NUMBER, CONFIG_NETWORK, offsetof(struct config, datagram_port), 1,
     65535, "138", "UDP port of the NetBIOS datagram service"},
    {"name_port", CONFIG_NUMBER, CONFIG_NETWORK, offsetof(struct config, name_port), 1, 65535,
     "137", "UDP port of the NetBIOS name service"},
    {"slot_quota", CONFIG_NUMBER, CONFIG_AT_ONCE, offsetof(struct config, slot_quota), 4096,
     1u << 30, "16777216", "bytes of unread messages one slot may hold"},
    {"slots_per_client", CONFIG_NUMBER, CONFIG_AT_ONCE, offsetof(struct config, slots_per_client),
     1, 1u << 20, "8192", "slots one program may create"},
    {"handles_per_client", CONFIG_NUMBER, CONFIG_AT_ONCE,
     offsetof(struct config, handles_per_client), 1, 1u << 20, "16384",
     "mailslot handles one program may open"},
    {"idle_timeout", CONFIG_NUMBER, CONFIG_AT_ONCE, offsetof(struct config, idle_timeout), 0,
     1u << 20, "0", "seconds without any client after which the daemon ends (0: never)"},
};

#define CONFIG_N_ROWS (sizeof(config_rows) / sizeof(*config_rows))

_Static_assert(CONFIG_N_ROWS <= CONFIG_OPTIONS_MAX, "room for their origins");

static bool config_is_text(const struct config_row *row)
{
    return row->type == CONFIG_TEXT || row->type == CONFIG_LIST || row->type == CONFIG_CHOICE;
}

int config_split(const char *list, const char *const **ret_words, size_t *ret_n)
{
    size_t size = strlen(list) + 1, most = size / 2 + 1, n = 0;
    char **words = malloc(most * sizeof(*words) + size), *copy, *rest;

    if (!words)
        return -ENOMEM;
    copy = memcpy(words + most, list, size);
    for (char *word = strtok_r(copy, CONFIG_SEPARATORS, &rest); word;
         word = strtok_r(NULL, CONFIG_SEPARATORS, &rest))
        words[n++] = word;
    *ret_words = (const char *const *)words;
    *ret_n = n;
    return 0;
}

static bool config_list_fits(const struct config_row *row, const char *value)
{
    size_t n = 0;

    if (strlen(value) > CONFIG_LIST_SIZE_MAX)
        return false;
    while (*(value += strspn(value, CONFIG_SEPARATORS)))
    {
        value += strcspn(value, CONFIG_SEPARATORS);
        n++;
    }
    return n >= row->minimum && n <= row->maximum;
}

/* The word as the table spells it, or NULL. */
static const char *config_choose(const char *value)
{
    for (size_t i = 0; i < sizeof(config_node_types) / sizeof(*config_node_types); i++)
        if (!strcasecmp(value, config_node_types[i]))
            return config_node_types[i];
    return NULL;
}

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

bool config_option_is(size_t index, const char *key)
{
    const char *a = config_rows[index].key;

    while (*a && (*a == *key || (*a == '_' && *key == '-')))
        a++, key++;
    return !*a && !*key;
}

static const struct config_row *config_find(const char *key)
{
    for (size_t i = 0; i < CONFIG_N_ROWS; i++)
        if (config_option_is(i, key))
            return &config_rows[i];
    return NULL;
}

static int config_set_text(char **field, const char *value)
{
    char *copy = strdup(value);

    if (!copy)
        return -ENOMEM;
    free(*field);
    *field = copy;
    return 0;
}

static int config_set_row(struct config *config, const struct config_row *row, const char *value,
                          const char **ret_why)
{
    char *field = (char *)config + row->offset;
    size_t size = strlen(value);

    switch (row->type)
    {
    case CONFIG_TEXT:
        *ret_why = "the text is too short or too long";
        if (size < row->minimum || size > row->maximum)
            return -EINVAL;
        return config_set_text((char **)field, value);
    case CONFIG_LIST:
        *ret_why = row->minimum ? "an empty list, or too many words" : "too many words";
        if (!config_list_fits(row, value))
            return -EINVAL;
        return config_set_text((char **)field, value);
    case CONFIG_CHOICE:
        *ret_why = "none of auto, B, P, M, H";
        value = config_choose(value);
        return value ? config_set_text((char **)field, value) : -EINVAL;
    case CONFIG_NUMBER:
        *ret_why = "not a whole number in the allowed range";
        return config_parse_number(row, value, (uint32_t *)field);
    case CONFIG_BOOL:
        *ret_why = "neither yes nor no";
        return config_parse_bool(value, (bool *)field);
    }
    return -EINVAL;
}

int config_set_from(struct config *config, const char *key, const char *value, const char *origin,
                    const char **ret_why)
{
    const struct config_row *row = config_find(key);
    char *copy = NULL;
    int r;

    if (!row)
        return -ENOENT;
    if (origin && !(copy = strdup(origin)))
        return -ENOMEM;
    r = config_set_row(config, row, value, ret_why);
    if (r < 0)
    {
        free(copy);
        return r;
    }
    free(config->origins[row - config_rows]);
    config->origins[row - config_rows] = copy;
    return 0;
}

int config_set(struct config *config, const char *key, const char *value, const char **ret_why)
{
    return config_set_from(config, key, value, NULL, ret_why);
}

int config_reset(struct config *config, const char *key)
{
    const struct config_row *row = config_find(key);
    const char *why;

    return row ? config_set(config, key, row->fallback, &why) : -ENOENT;
}

const char *config_origin(const struct config *config, const char *key)
{
    const struct config_row *row = config_find(key);

    return row ? config->origins[row - config_rows] : NULL;
}

/* "workgroup = X": whoever indents the options of a section must not get a list of them. */
static bool config_is_pair(const char *text)
{
    char key[64];
    size_t size = strcspn(text, " \t=:");

    if (size >= sizeof(key) || !strchr("=:", text[size + strspn(text + size, " \t")]))
        return false;
    memcpy(key, text, size);
    key[size] = 0;
    return config_find(key);
}

int config_append(struct config *config, const char *key, const char *value, const char **ret_why)
{
    const struct config_row *row = config_find(key);
    char *joined;
    int r;

    if (!row)
        return -ENOENT;
    if (row->type != CONFIG_LIST || config_is_pair(value))
    {
        *ret_why = "an indented line continues the list above it; an option begins without blanks";
        return -EINVAL;
    }
    if (asprintf(&joined, "%s %s", *(char **)((char *)config + row->offset), value) < 0)
        return -ENOMEM;
    r = config_set_row(config, row, joined, ret_why);
    free(joined);
    return r;
}

int config_init(struct config *config)
{
    const char *why;

    memset(config, 0, sizeof(*config));
    config->datagram_fd = config->name_fd = -1;
    for (size_t i = 0; i < CONFIG_N_ROWS; i++)
    {
        int r = config_set(config, config_rows[i].key, config_rows[i].fallback, &why);

        if (r < 0)
        {
            config_deinit(config);
            return r;
        }
    }
    return 0;
}

void config_deinit(struct config *config)
{
    for (size_t i = 0; i < CONFIG_N_ROWS; i++)
    {
        if (config_is_text(&config_rows[i]))
            free(*(char **)((char *)config + config_rows[i].offset));
        free(config->origins[i]);
    }
    memset(config, 0, sizeof(*config));
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

static void config_print_values(FILE *out, const struct config_row *row)
{
    switch (row->type)
    {
    case CONFIG_TEXT:
        fprintf(out, "%u to %u characters", row->minimum, row->maximum);
        break;
    case CONFIG_LIST:
        fprintf(out, "a list of %u to %u words; more of it may stand in indented lines",
                row->minimum, row->maximum);
        break;
    case CONFIG_CHOICE:
        for (size_t i = 0; i < sizeof(config_node_types) / sizeof(*config_node_types); i++)
            fprintf(out, "%s%s", i ? ", " : "", config_node_types[i]);
        break;
    case CONFIG_NUMBER:
        fprintf(out, "%u to %u", row->minimum, row->maximum);
        break;
    case CONFIG_BOOL:
        fputs("yes, no", out);
        break;
    }
}

void config_print(FILE *out)
{
    fputs("# mailslotd.conf: settings of mailslotd, see mailslotd.conf(5)\n"
          "#\n"
          "# The system's is " SYSCONFDIR "/mailslotd.conf, a user's own is\n"
          "# $XDG_CONFIG_HOME/mailslotd.conf or ~/.config/mailslotd.conf. What is set here goes\n"
          "# before smb.conf; MAILSLOTD_KEY in the environment and --key on the command line go\n"
          "# before what is set here. All lines are defaults. A changed file counts after\n"
          "# `mailslotctl reload`; `mailslotd --check-config FILE` looks for mistakes.\n",
          out);
    for (const struct config_row *row = config_rows; row < config_rows + CONFIG_N_ROWS; row++)
    {
        fprintf(out, "\n# %s\n# Values: ", row->help);
        config_print_values(out, row);
        fprintf(out, "%s\n#%s =%s%s\n",
                row->effect == CONFIG_RESTART ? " (counts from the next start on)" : "", row->key,
                *row->fallback ? " " : "", row->fallback);
    }
}

enum config_effect config_option_effect(size_t index)
{
    return config_rows[index].effect;
}

void config_option_value(const struct config *config, size_t index, char *ret_text, size_t size)
{
    const struct config_row *row = &config_rows[index];
    const char *field = (const char *)config + row->offset;

    if (config_is_text(row))
        snprintf(ret_text, size, "%s", *(char *const *)field);
    else if (row->type == CONFIG_NUMBER)
        snprintf(ret_text, size, "%u", *(const uint32_t *)field);
    else
        snprintf(ret_text, size, "%s", *(const bool *)field ? "yes" : "no");
}

bool config_option_differs(const struct config *a, const struct config *b, size_t index)
{
    char texts[2][CONFIG_LIST_SIZE_MAX + 1];

    config_option_value(a, index, texts[0], sizeof(texts[0]));
    config_option_value(b, index, texts[1], sizeof(texts[1]));
    return strcmp(texts[0], texts[1]);
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

const char *config_option_key(size_t index)
{
    return index < CONFIG_N_ROWS ? config_rows[index].key : NULL;
}
