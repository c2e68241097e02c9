/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mailslotctl: looks at the daemon, sends and receives messages from a shell. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/mailslot.h"

enum
{
    EXIT_USAGE = 2,
    EXIT_NO_DAEMON = 3,
    CTL_MESSAGE_MAX = 1 << 20,
};

struct ctl
{
    struct mailslot_client *client;
    bool json;
    uint32_t count;   /* listen: messages, 0 = no end */
    uint32_t timeout; /* listen: ms */
};

struct ctl_name
{
    const char *host; /* NULL: this machine */
    size_t host_size;
    const char *name;
    size_t name_size;
};

__attribute__((format(printf, 1, 2))) static void ctl_complain(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("mailslotctl: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static int ctl_fail(struct ctl *ctl, const char *what, int result)
{
    if (result == MAILSLOT_NO_DAEMON)
    {
        ctl_complain("%s: %s", what, mailslot_client_reason(ctl->client));
        return EXIT_NO_DAEMON;
    }
    ctl_complain("%s: %s", what, mailslot_strerror(result));
    return EXIT_FAILURE;
}

/* \\.\mailslot\x, \\HOST\mailslot\x (also with '/'), HOST/x, or x. */
static void ctl_parse_name(char *text, struct ctl_name *ret)
{
    char *rest, *slash;

    for (char *c = text; *c; c++)
        if (*c == '/')
            *c = '\\';
    ret->host = NULL;
    ret->host_size = 0;
    rest = text;
    if (text[0] == '\\' && text[1] == '\\')
    {
        rest = strchr(text + 2, '\\');
        if (rest && !strncasecmp(rest, "\\mailslot\\", 10))
        {
            ret->host = text + 2;
            ret->host_size = rest - ret->host;
            rest += 10;
        }
        else
            rest = text;
    }
    else if ((slash = strchr(text, '\\')))
    {
        ret->host = text;
        ret->host_size = slash - text;
        rest = slash + 1;
    }
    if (ret->host_size == 1 && ret->host[0] == '.')
        ret->host = NULL;
    ret->name = rest;
    ret->name_size = strlen(rest);
}

static void ctl_print_status(json_t *root)
{
    json_t *network = json_object_get(root, "network"), *entry, *value;
    const char *reason, *fix, *key;
    size_t i;

    printf("mailslotd %s, pid %lld, up %lld s\n",
           json_string_value(json_object_get(root, "program_version")),
           (long long)json_integer_value(json_object_get(root, "pid")),
           (long long)json_integer_value(json_object_get(root, "uptime_seconds")));
    printf("network: %s, as %s in %s\n", json_string_value(json_object_get(network, "mode")),
           json_string_value(json_object_get(network, "computer")),
           json_string_value(json_object_get(network, "workgroup")));
    reason = json_string_value(json_object_get(network, "reason"));
    fix = json_string_value(json_object_get(network, "fix"));
    if (reason)
        printf("  why:  %s\n", reason);
    if (fix)
        printf("  fix:  %s\n", fix);
    reason = json_string_value(json_object_get(network, "name_service_reason"));
    if (reason)
        printf("  names: %s\n", reason);
    json_array_foreach(json_object_get(network, "names"), i, entry)
    {
        const char *refuser = json_string_value(json_object_get(entry, "refused_by"));

        printf("  name %s %s%s%s\n", json_string_value(json_object_get(entry, "name")),
               json_string_value(json_object_get(entry, "state")), refuser ? " by " : "",
               refuser ? refuser : "");
    }
    json_array_foreach(json_object_get(network, "wins_servers"), i, entry)
        printf("  WINS server %s%s\n", json_string_value(json_object_get(entry, "address")),
               json_is_true(json_object_get(entry, "answers")) ? "" : " (does not answer)");
    json_array_foreach(json_object_get(network, "peers"), i, entry)
        printf("  peer %s for %s\n", json_string_value(json_object_get(entry, "address")),
               json_string_value(json_object_get(entry, "group")));
    json_array_foreach(json_object_get(network, "interfaces"), i, entry)
        printf("  %s %s, broadcasts to %s\n", json_string_value(json_object_get(entry, "name")),
               json_string_value(json_object_get(entry, "address")),
               json_string_value(json_object_get(entry, "broadcast")));
    json_object_foreach(json_object_get(network, "counters"), key, value)
    {
        if (json_integer_value(value))
            printf("  %s: %lld\n", key, (long long)json_integer_value(value));
    }
    printf("slots: %zu\n", json_array_size(json_object_get(root, "slots")));
    json_array_foreach(json_object_get(root, "slots"), i, entry)
        printf("  %-30s %lld unread, %lld written, %lld refused, %lld writers\n",
               json_string_value(json_object_get(entry, "name")),
               (long long)json_integer_value(json_object_get(entry, "messages")),
               (long long)json_integer_value(json_object_get(entry, "written")),
               (long long)json_integer_value(json_object_get(entry, "refused")),
               (long long)json_integer_value(json_object_get(entry, "writers")));
    printf("programs: %zu\n", json_array_size(json_object_get(root, "clients")));
    json_array_foreach(json_object_get(root, "clients"), i, entry)
        printf("  %-30s pid %lld, %lld slots, %lld handles\n",
               json_string_value(json_object_get(entry, "program")),
               (long long)json_integer_value(json_object_get(entry, "pid")),
               (long long)json_integer_value(json_object_get(entry, "slots")),
               (long long)json_integer_value(json_object_get(entry, "handles")));
}

static int ctl_status(struct ctl *ctl, int argc, char **argv)
{
    json_t *root;
    char *text;
    int r;

    (void)argc;
    (void)argv;
    r = mailslot_status(ctl->client, &text);
    if (r)
        return ctl_fail(ctl, "status", r);
    if (ctl->json)
        puts(text);
    else
    {
        root = json_loads(text, 0, NULL);
        if (root)
            ctl_print_status(root);
        r = root ? 0 : -EPROTO;
        json_decref(root);
    }
    free(text);
    return r ? ctl_fail(ctl, "status", r) : EXIT_SUCCESS;
}

static int ctl_read_input(char **ret, size_t *ret_size)
{
    char *data = malloc(CTL_MESSAGE_MAX);
    size_t size;

    if (!data)
        return -ENOMEM;
    size = fread(data, 1, CTL_MESSAGE_MAX, stdin);
    if (ferror(stdin) || !feof(stdin))
    {
        free(data);
        return -EFBIG;
    }
    *ret = data;
    *ret_size = size;
    return 0;
}

static int ctl_send_local(struct ctl *ctl, const struct ctl_name *name, const void *data,
                          size_t size)
{
    struct mailslot *slot;
    int r;

    r = mailslot_open(ctl->client, name->name, name->name_size, &slot, NULL);
    if (r)
        return r;
    r = mailslot_write(slot, data, size);
    mailslot_free(slot);
    return r;
}

static int ctl_send(struct ctl *ctl, int argc, char **argv)
{
    struct ctl_name name;
    char *input = NULL;
    const char *data;
    size_t size;
    int r = 0;

    if (argc < 1 || argc > 2)
        return EXIT_USAGE;
    ctl_parse_name(argv[0], &name);
    data = argc == 2 ? argv[1] : "-";
    size = strlen(data);
    if (!strcmp(data, "-"))
    {
        r = ctl_read_input(&input, &size);
        data = input;
    }
    if (r == 0)
        r = name.host ? mailslot_send(ctl->client, name.host, name.host_size, name.name,
                                      name.name_size, data, size)
                      : ctl_send_local(ctl, &name, data, size);
    free(input);
    return r ? ctl_fail(ctl, argv[0], r) : EXIT_SUCCESS;
}

static int ctl_listen(struct ctl *ctl, int argc, char **argv)
{
    struct mailslot *slot;
    struct ctl_name name;
    uint32_t size;
    char *buffer;
    int r;

    if (argc != 1)
        return EXIT_USAGE;
    ctl_parse_name(argv[0], &name);
    if (name.host)
    {
        ctl_complain("a slot can only be made on this machine: \\\\.\\mailslot\\%s", name.name);
        return EXIT_USAGE;
    }
    buffer = malloc(CTL_MESSAGE_MAX);
    if (!buffer)
        return ctl_fail(ctl, "listen", -ENOMEM);
    r = mailslot_create(ctl->client, name.name, name.name_size, CTL_MESSAGE_MAX, ctl->timeout,
                        &slot, NULL);
    for (uint32_t n = 0; r == 0 && (!ctl->count || n < ctl->count); n++)
    {
        r = mailslot_read_wait(slot, buffer, CTL_MESSAGE_MAX, ctl->timeout, NULL, &size);
        if (r == 0)
        {
            fwrite(buffer, 1, size, stdout);
            putchar('\n');
            fflush(stdout);
        }
        else
            mailslot_free(slot);
        if (r == 0 && ctl->count && n + 1 == ctl->count)
            mailslot_free(slot);
    }
    free(buffer);
    return r ? ctl_fail(ctl, argv[0], r) : EXIT_SUCCESS;
}

static const struct
{
    const char *word;
    int (*run)(struct ctl *ctl, int argc, char **argv);
    const char *help;
} ctl_verbs[] = {
    {"status", ctl_status, "status [--json]             what the daemon has and does"},
    {"send", ctl_send, "send NAME [TEXT | -]        one message; - or nothing: standard input"},
    {"listen", ctl_listen, "listen [--count N] [--timeout SECONDS] NAME   make a slot, print it"},
};

static int ctl_help(FILE *out)
{
    fputs("Usage: mailslotctl VERB [OPTION]...\n\n", out);
    for (size_t i = 0; i < sizeof(ctl_verbs) / sizeof(*ctl_verbs); i++)
        fprintf(out, "  %s\n", ctl_verbs[i].help);
    fputs("\nNAME is \\\\.\\mailslot\\x or x; \\\\*\\mailslot\\x or */x for the whole workgroup.\n"
          "Exit status: 0 done, 1 failed, 2 wrong usage, 3 the daemon does not run.\n",
          out);
    return out == stderr ? EXIT_USAGE : EXIT_SUCCESS;
}

/* A number of the command line; false if it is none. */
static bool ctl_number(const char *text, double maximum, double *ret)
{
    char *end;

    *ret = strtod(text, &end);
    return *text && !*end && *ret >= 0 && *ret <= maximum;
}

/* The daemon of the same tree, installed or not, unless the environment names one. */
static const char *ctl_daemon(void)
{
    static char path[4096];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - sizeof("mailslotd"));
    char *slash;

    if (size <= 0 || getenv("MAILSLOTD"))
        return NULL;
    path[size] = 0;
    slash = strrchr(path, '/');
    if (!slash)
        return NULL;
    memcpy(slash + 1, "mailslotd", sizeof("mailslotd"));
    return access(path, X_OK) == 0 ? path : NULL;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},          {"count", required_argument, NULL, 'c'},
        {"timeout", required_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},       {NULL, 0, NULL, 0},
    };
    struct mailslot_client_options client = {.program = "mailslotctl", .daemon = ctl_daemon()};
    struct ctl ctl = {.timeout = MAILSLOT_FOREVER};
    double number;
    int option, status = EXIT_USAGE;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0)
    {
        switch (option)
        {
        case 'j':
            ctl.json = true;
            break;
        case 'c':
            if (!ctl_number(optarg, 1e9, &number))
                return ctl_help(stderr);
            ctl.count = number;
            break;
        case 't':
            if (!ctl_number(optarg, 1e6, &number))
                return ctl_help(stderr);
            ctl.timeout = number * 1000;
            break;
        case 'h':
            return ctl_help(stdout);
        case 'V':
            puts("mailslotctl " PACKAGE_VERSION);
            return EXIT_SUCCESS;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind == argc)
        return ctl_help(stderr);
    /* Looking at a daemon must not start one. */
    client.no_autostart = !strcmp(argv[optind], "status");
    if (mailslot_client_new(&ctl.client, &client))
        return EXIT_FAILURE;
    for (size_t i = 0; i < sizeof(ctl_verbs) / sizeof(*ctl_verbs); i++)
        if (!strcmp(argv[optind], ctl_verbs[i].word))
            status = ctl_verbs[i].run(&ctl, argc - optind - 1, argv + optind + 1);
    mailslot_client_free(ctl.client);
    return status == EXIT_USAGE ? ctl_help(stderr) : status;
}
