/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What Samba's configuration says that counts for us, too. */

/*
 * A host with Samba has its workgroup, name, WINS servers and interfaces set there already, and a
 * second answer to the same question would be wrong sooner or later. Only plain values of the file
 * itself count: no macros (%h), no included files, no registry. Samba ignores case and blanks in
 * names of parameters, takes ';' and '#' as comments only where a line begins, and continues lines
 * that end with a backslash. What stands before the first section belongs to [global].
 */
#include "daemon/smbconf.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* No smb.conf of people is so large; a device would not end. */
#define SMBCONF_SIZE_MAX (1024 * 1024)
#define SMBCONF_LIST_MAX 4096
#define SMBCONF_WINS_MAX 8 /* as many as wins_servers takes */

enum smbconf_parameter
{
    SMBCONF_WORKGROUP,
    SMBCONF_NAME,
    SMBCONF_WINS,
    SMBCONF_INTERFACES,
    SMBCONF_PARAMETERS
};

/* Samba's name without its blanks, and our option. */
static const char *const smbconf_names[SMBCONF_PARAMETERS][2] = {
    [SMBCONF_WORKGROUP] = {"workgroup", "workgroup"},
    [SMBCONF_NAME] = {"netbiosname", "computer_name"},
    [SMBCONF_WINS] = {"winsserver", "wins_servers"},
    [SMBCONF_INTERFACES] = {"interfaces", "interfaces"},
};

struct smbconf
{
    struct config *config;
    const char *path;
    config_report_fn report;
    void *userdata;
    bool global;
    char *values[SMBCONF_PARAMETERS]; /* the last one said; into the text of the file */
    int lines[SMBCONF_PARAMETERS];
};

__attribute__((format(printf, 3, 4))) static void smbconf_warn(struct smbconf *smbconf, int line,
                                                               const char *format, ...)
{
    char why[512], text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    snprintf(text, sizeof(text), "%s:%d: %s", smbconf->path, line, why);
    smbconf->report(smbconf->userdata, false, text);
}

static const char *smbconf_path(const struct config *config)
{
    return *config->smb_conf ? config->smb_conf : SMBCONF_PATH;
}

bool smbconf_is_origin(const struct config *config, const char *origin)
{
    const char *path = smbconf_path(config);
    size_t size = strlen(path);

    return origin && !strncmp(origin, path, size) && origin[size] == ':' &&
           origin[size + 1 + strspn(origin + size + 1, "0123456789")] == 0;
}

/* --- the file --- */

/* Without blanks around it; changes the text. */
static char *smbconf_trim(char *text)
{
    size_t size;

    text += strspn(text, " \t\r");
    size = strlen(text);
    while (size && strchr(" \t\r", text[size - 1]))
        size--;
    text[size] = 0;
    return text;
}

static bool smbconf_is(const char *name, const char *wanted)
{
    for (; *name; name++)
    {
        if (isspace((unsigned char)*name))
            continue;
        if (tolower((unsigned char)*name) != *wanted++)
            return false;
    }
    return !*wanted;
}

static void smbconf_take_line(struct smbconf *smbconf, char *text, int line)
{
    char *value;

    text = smbconf_trim(text);
    if (*text == '[')
    {
        text[strcspn(text, "]")] = 0;
        smbconf->global = smbconf_is(text + 1, "global") || smbconf_is(text + 1, "globals");
        return;
    }
    value = strchr(text, '=');
    if (strchr("#;", *text) || !smbconf->global || !value)
        return;
    *value++ = 0;
    for (size_t i = 0; i < SMBCONF_PARAMETERS; i++)
    {
        if (smbconf_is(text, smbconf_names[i][0]))
        {
            smbconf->values[i] = smbconf_trim(value);
            smbconf->lines[i] = line;
        }
    }
}

/* Takes the text apart where it stands: a line that goes on is moved up to the one it continues. */
static void smbconf_parse(struct smbconf *smbconf, char *text)
{
    int line = 1, begun = 1;
    char *start = text, *out = text;

    for (; *text; text++)
    {
        if (*text == '\\' && (text[1] == '\n' || (text[1] == '\r' && text[2] == '\n')))
        {
            text += text[1] == '\r' ? 2 : 1;
            line++;
        }
        else if (*text == '\n')
        {
            *out = 0;
            smbconf_take_line(smbconf, start, begun);
            start = out = text + 1;
            begun = ++line;
        }
        else
            *out++ = *text;
    }
    *out = 0;
    smbconf_take_line(smbconf, start, begun);
}

/* *ret_text NULL: there is no file that we can read. */
static int smbconf_read(const char *path, char **ret_text, int *ret_error)
{
    FILE *file = fopen(path, "re");
    char *text;
    size_t n;

    *ret_text = NULL;
    *ret_error = errno;
    if (!file)
        return 0;
    text = malloc(SMBCONF_SIZE_MAX + 1);
    if (!text)
    {
        fclose(file);
        return -ENOMEM;
    }
    n = fread(text, 1, SMBCONF_SIZE_MAX, file);
    *ret_error = ferror(file) ? errno : 0;
    fclose(file);
    if (*ret_error)
    {
        free(text);
        return 0;
    }
    text[n] = 0;
    *ret_text = text;
    return 0;
}

/* --- its values as ours --- */

/* An interface as we name it: an IPv4 address of this host in the subnet; false: there is none. */
static bool smbconf_find_own(struct in_addr network, in_addr_t mask, struct in_addr *ret)
{
    struct ifaddrs *list = NULL;
    bool found = false;

    if (getifaddrs(&list) < 0)
        return false;
    for (struct ifaddrs *a = list; a && !found; a = a->ifa_next)
    {
        struct sockaddr_in in;

        if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET)
            continue;
        memcpy(&in, a->ifa_addr, sizeof(in));
        found = !((in.sin_addr.s_addr ^ network.s_addr) & mask);
        if (found)
            *ret = in.sin_addr;
    }
    freeifaddrs(list);
    return found;
}

/* "24" or "255.255.255.0"; in network byte order. */
static bool smbconf_parse_mask(const char *text, in_addr_t *ret)
{
    struct in_addr dotted;
    unsigned long bits;
    char *end;

    if (inet_pton(AF_INET, text, &dotted) == 1)
    {
        *ret = dotted.s_addr;
        return true;
    }
    bits = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 33;
    if (bits > 32 || *end)
        return false;
    *ret = bits ? htonl(UINT32_MAX << (32 - bits)) : 0;
    return true;
}

/* One word of "interfaces" becomes one of ours, or "": nothing that we could use. */
static void smbconf_map_interface(struct smbconf *smbconf, char *word, char *ret, size_t size)
{
    int line = smbconf->lines[SMBCONF_INTERFACES];
    struct in_addr address;
    in_addr_t mask = 0, rest;
    char *slash;

    *ret = 0;
    word[strcspn(word, ";")] = 0; /* "eth0;speed=1000000000" */
    slash = strchr(word, '/');
    if (slash)
        *slash = 0;
    /* Samba does not broadcast there, either. IPv6 has no NetBIOS. */
    if (!strcmp(word, "lo") || !strncmp(word, "127.", 4) || strchr(word, ':'))
        return;
    if (!slash)
    {
        snprintf(ret, size, "%s", word);
        return;
    }
    if (inet_pton(AF_INET, word, &address) != 1 || !smbconf_parse_mask(slash + 1, &mask))
    {
        smbconf_warn(smbconf, line, "interfaces: '%s/%s' is not understood (ignored)", word,
                     slash + 1);
        return;
    }
    /* The subnet or its broadcast address stand for whatever address we have there. */
    rest = address.s_addr & ~mask;
    if ((!rest || rest == (in_addr_t)~mask) && ~mask && !smbconf_find_own(address, mask, &address))
        smbconf_warn(smbconf, line, "interfaces: no address of this machine is in %s/%s (ignored)",
                     word, slash + 1);
    else
        inet_ntop(AF_INET, &address, ret, size);
}

/* "TAG:ADDRESS" or "ADDRESS" */
static void smbconf_map_wins(struct smbconf *smbconf, char *word, char *ret, size_t size)
{
    char *colon = strrchr(word, ':');
    struct in_addr address;

    *ret = 0;
    if (inet_pton(AF_INET, colon ? colon + 1 : word, &address) == 1)
        inet_ntop(AF_INET, &address, ret, size);
    else
        smbconf_warn(smbconf, smbconf->lines[SMBCONF_WINS],
                     "wins server: '%s' is no IPv4 address (ignored)", word);
}

/* Words stand between blanks and commas, or in quotes. */
static char *smbconf_next_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t,");
    const char *ends = " \t,";

    if (!*word)
        return NULL;
    if (*word == '"')
    {
        word++;
        ends = "\"";
    }
    *rest = word + strcspn(word, ends);
    if (**rest)
        *(*rest)++ = 0;
    return word;
}

/* A list of Samba's as one of ours. */
static void smbconf_map_list(struct smbconf *smbconf, enum smbconf_parameter which, char *value,
                             char *ret, size_t size)
{
    size_t n = 0, words = 0;

    *ret = 0;
    for (char *word; (word = smbconf_next_word(&value));)
    {
        char mapped[256];

        if (which == SMBCONF_WINS)
            smbconf_map_wins(smbconf, word, mapped, sizeof(mapped));
        else
            smbconf_map_interface(smbconf, word, mapped, sizeof(mapped));
        if (!*mapped || (which == SMBCONF_WINS && words == SMBCONF_WINS_MAX) ||
            n + strlen(mapped) + 2 > size)
            continue;
        n += snprintf(ret + n, size - n, "%s%s", n ? " " : "", mapped);
        words++;
    }
}

static int smbconf_set(struct smbconf *smbconf, enum smbconf_parameter which)
{
    char *value = smbconf->values[which], list[SMBCONF_LIST_MAX], origin[512];
    const char *key = smbconf_names[which][1], *why = "";
    int r;

    if (!value || !*value || config_origin(smbconf->config, key))
        return 0;
    if (which == SMBCONF_NAME && !strcmp(value, "%h"))
        return 0; /* the host name, as it is without */
    if (strchr(value, '%'))
    {
        smbconf_warn(smbconf, smbconf->lines[which], "%s is not used here, as it has a macro",
                     value);
        return 0;
    }
    if (which == SMBCONF_WINS || which == SMBCONF_INTERFACES)
    {
        smbconf_map_list(smbconf, which, value, list, sizeof(list));
        value = list;
    }
    if (!*value)
        return 0;
    snprintf(origin, sizeof(origin), "%s:%d", smbconf->path, smbconf->lines[which]);
    r = config_set_from(smbconf->config, key, value, origin, &why);
    if (r == -EINVAL)
    {
        smbconf_warn(smbconf, smbconf->lines[which], "%s is not used here: %s", value, why);
        r = 0;
    }
    return r;
}

int smbconf_apply(struct config *config, config_report_fn report, void *userdata)
{
    struct smbconf smbconf = {.config = config,
                              .path = smbconf_path(config),
                              .report = report,
                              .userdata = userdata,
                              .global = true};
    char *text, message[512];
    int error, r;

    if (!strcmp(config->smb_conf, "none"))
        return 0;
    r = smbconf_read(smbconf.path, &text, &error);
    if (r < 0)
        return r;
    if (!text)
    {
        if (*config->smb_conf)
        {
            snprintf(message, sizeof(message), "%s: %s (ignored)", smbconf.path, strerror(error));
            report(userdata, false, message);
        }
        return 0;
    }
    smbconf_parse(&smbconf, text);
    for (size_t i = 0; i < SMBCONF_PARAMETERS && r == 0; i++)
        r = smbconf_set(&smbconf, i);
    free(text);
    return r;
}
