/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mailslotctl: looks at the daemon, sends and receives messages from a shell. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl.h"

/* Options that a verb knows. */
enum main_option
{
    OPTION_JSON = 1 << 0,
    OPTION_COUNT = 1 << 1,
    OPTION_TIMEOUT = 1 << 2,
    OPTION_HEX = 1 << 3,
    OPTION_RAW = 1 << 4,
    OPTION_HELP = 1 << 5,
    OPTION_VERSION = 1 << 6,
};

/* What a verb needs of the daemon. */
enum main_need
{
    NEED_NOTHING,
    NEED_RUNNING, /* looking at a daemon must not start one */
    NEED_STARTED,
};

static const struct main_verb
{
    const char *word;
    const char *arguments;
    int (*run)(struct ctl *ctl, int argc, char **argv);
    enum main_need need;
    unsigned int options;
    const char *title;
    const char *help;
} main_verbs[] = {
    {"status", "", status_verb, NEED_RUNNING, OPTION_JSON, "what mailslotd has and does",
     "One screen: the way onto the network, names, interfaces, peers, slots, programs. What does\n"
     "not work has a reason and, if there is one, the command that helps.\n"},
    {"slots", "", status_slots_verb, NEED_RUNNING, OPTION_JSON, "all slots, and who reads them",
     "UNREAD messages wait in the slot; REFUSED ones found it full or were too large.\n"},
    {"names", "", status_names_verb, NEED_RUNNING, OPTION_JSON,
     "the NetBIOS names of this computer", ""},
    {"peers", "", status_peers_verb, NEED_RUNNING, OPTION_JSON,
     "hosts and WINS servers of the configuration", ""},
    {"stats", "", status_stats_verb, NEED_RUNNING, OPTION_JSON, "all counters", ""},
    {"monitor", "", monitor_verb, NEED_RUNNING,
     OPTION_JSON | OPTION_HEX | OPTION_COUNT | OPTION_TIMEOUT, "messages as they pass",
     "One line a message: time, direction, from, to, size, what became of it. Shows messages from\n"
     "and to the network and others that pass mailslotd. What programs of this computer write to\n"
     "each other goes through shared memory and is not seen; once a second it is counted.\n"
     "Only root and the user of mailslotd see messages of other users.\n"},
    {"send", " NAME [TEXT | -]", exchange_send_verb, NEED_STARTED, OPTION_JSON, "send one message",
     "Without TEXT, or with -, the message is what standard input has, byte for byte. Text that\n"
     "begins with - stands behind --.\n"},
    {"listen", " NAME", exchange_listen_verb, NEED_STARTED,
     OPTION_JSON | OPTION_HEX | OPTION_RAW | OPTION_COUNT | OPTION_TIMEOUT,
     "make a slot and print what comes",
     "One line a message; bytes that a terminal could take for commands are shown as \\xNN.\n"},
    {"reload", "", configuration_reload_verb, NEED_RUNNING, OPTION_JSON,
     "make mailslotd read its configuration again", ""},
    {"check-config", " FILE", configuration_check_verb, NEED_NOTHING, OPTION_JSON,
     "whether mailslotd can use this file",
     "Needs no mailslotd. Prints FILE:LINE and what is wrong there.\n"},
};

#define MAIN_N_VERBS (sizeof(main_verbs) / sizeof(*main_verbs))

static const struct
{
    enum main_option option;
    const char *text;
} main_option_texts[] = {
    {OPTION_JSON, "  --json             a JSON document instead of text\n"},
    {OPTION_HEX, "  --hex              messages byte for byte, in hexadecimal\n"},
    {OPTION_RAW, "  --raw              messages as they are, with nothing between them\n"},
    {OPTION_COUNT, "  --count N          end after N messages\n"},
    {OPTION_TIMEOUT,
     "  --timeout SECONDS  wait no longer for the next message (monitor: in all)\n"},
};

void ctl_complain(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("mailslotctl: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

int ctl_fail(struct ctl *ctl, const char *what, int result)
{
    if (result == MAILSLOT_NO_DAEMON)
    {
        ctl_complain("%s: %s", what, mailslot_client_reason(ctl->client));
        return CTL_NO_DAEMON;
    }
    ctl_complain("%s: %s", what, mailslot_strerror(result));
    return CTL_FAILED;
}

static void main_help(FILE *out)
{
    fputs("Usage: mailslotctl VERB [OPTION]...\n\n", out);
    for (size_t i = 0; i < MAIN_N_VERBS; i++)
    {
        char line[64];

        snprintf(line, sizeof(line), "%s%s", main_verbs[i].word, main_verbs[i].arguments);
        fprintf(out, "  %-22s %s\n", line, main_verbs[i].title);
    }
    fputs("\nmailslotctl VERB --help says more. NAME is x or \\\\.\\mailslot\\x on this computer,\n"
          "HOST/x or \\\\HOST\\mailslot\\x on another, */x or \\\\*\\mailslot\\x in the whole "
          "workgroup.\n"
          "A slot that is named with a \\, as net\\x, is ./net/x, HOST/net/x, */net/x.\n"
          "Exit status: 0 done, 1 failed, 2 wrong usage, 3 mailslotd does not run.\n",
          out);
}

static void main_help_verb(FILE *out, const struct main_verb *verb)
{
    fprintf(out, "Usage: mailslotctl %s%s%s\n%c%s.\n%s", verb->word,
            verb->options ? " [OPTION]..." : "", verb->arguments,
            verb->title[0] >= 'a' ? verb->title[0] - 'a' + 'A' : verb->title[0], verb->title + 1,
            verb->help);
    fputc('\n', out);
    for (size_t i = 0; i < sizeof(main_option_texts) / sizeof(*main_option_texts); i++)
        if (verb->options & main_option_texts[i].option)
            fputs(main_option_texts[i].text, out);
}

/* How many messages; false if it is no whole number. */
static bool main_parse_count(const char *text, uint32_t *ret)
{
    size_t digits = strspn(text, "0123456789");

    /* strtoul() would take signs and spaces, too. */
    if (!digits || digits > 9 || text[digits])
        return false;
    *ret = strtoul(text, NULL, 10);
    return true;
}

/* Seconds, given back in ms; false if it is no number. */
static bool main_parse_seconds(const char *text, uint32_t *ret)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end || !(seconds >= 0 && seconds <= 1e6))
        return false;
    *ret = seconds * 1000;
    return true;
}

struct main_arguments
{
    unsigned int options; /* that were given */
};

/* false: wrong usage, which was said. */
static bool main_parse(int argc, char **argv, struct ctl *ctl, struct main_arguments *ret)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, OPTION_JSON},
        {"count", required_argument, NULL, OPTION_COUNT},
        {"timeout", required_argument, NULL, OPTION_TIMEOUT},
        {"hex", no_argument, NULL, OPTION_HEX},
        {"raw", no_argument, NULL, OPTION_RAW},
        {"help", no_argument, NULL, OPTION_HELP},
        {"version", no_argument, NULL, OPTION_VERSION},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0)
    {
        if (option == '?')
            return false;
        option = option == 'h' ? OPTION_HELP : option;
        ret->options |= option;
        if (option == OPTION_COUNT && !main_parse_count(optarg, &ctl->count))
        {
            ctl_complain("--count takes a whole number of 9 digits at most, not '%s'", optarg);
            return false;
        }
        if (option == OPTION_TIMEOUT && !main_parse_seconds(optarg, &ctl->timeout))
        {
            ctl_complain("--timeout takes seconds, 1000000 at most, not '%s'", optarg);
            return false;
        }
    }
    ctl->json = ret->options & OPTION_JSON;
    ctl->hex = ret->options & OPTION_HEX;
    ctl->raw = ret->options & OPTION_RAW;
    return true;
}

/* The daemon of the same tree, installed or not, unless the environment names one. */
static const char *main_daemon(void)
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

static int main_run(struct ctl *ctl, const struct main_verb *verb, int argc, char **argv)
{
    struct mailslot_client_options options = {
        .program = "mailslotctl",
        .daemon = main_daemon(),
        .no_autostart = verb->need != NEED_STARTED,
    };
    int r;

    if (mailslot_client_new(&ctl->client, &options))
        return CTL_FAILED;
    r = verb->run(ctl, argc, argv);
    mailslot_client_free(ctl->client);
    if (r == CTL_USAGE)
        fprintf(stderr,
                "mailslotctl %s: wrong arguments. Usage: mailslotctl %s%s%s\n"
                "mailslotctl %s --help says more\n",
                verb->word, verb->word, verb->options ? " [OPTION]..." : "", verb->arguments,
                verb->word);
    return r;
}

/*
 * What is closed would be the next file that is opened, and that may be the socket to the daemon:
 * so something else is put there, from which nothing can be read, and to which nothing can be
 * written.
 */
static void main_occupy_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
            _exit(CTL_FAILED);
}

static int main_do(int argc, char **argv)
{
    struct ctl ctl = {.timeout = MAILSLOT_FOREVER};
    struct main_arguments arguments = {0};
    const struct main_verb *verb = NULL;

    if (!main_parse(argc, argv, &ctl, &arguments))
        return CTL_USAGE;
    if (arguments.options & OPTION_VERSION)
    {
        puts("mailslotctl " PACKAGE_VERSION);
        return CTL_DONE;
    }
    for (size_t i = 0; optind < argc && i < MAIN_N_VERBS; i++)
        if (!strcmp(argv[optind], main_verbs[i].word))
            verb = &main_verbs[i];
    if (!verb && optind < argc)
    {
        ctl_complain("there is no verb '%s'", argv[optind]);
        main_help(stderr);
        return CTL_USAGE;
    }
    if (!verb)
    {
        bool asked = arguments.options & OPTION_HELP;

        main_help(asked ? stdout : stderr);
        return asked ? CTL_DONE : CTL_USAGE;
    }
    if (arguments.options & OPTION_HELP)
    {
        main_help_verb(stdout, verb);
        return CTL_DONE;
    }
    if (arguments.options & ~verb->options)
    {
        ctl_complain("%s does not have this option", verb->word);
        main_help_verb(stderr, verb);
        return CTL_USAGE;
    }
    return main_run(&ctl, verb, argc - optind - 1, argv + optind + 1);
}

int main(int argc, char **argv)
{
    int r;

    main_occupy_streams();
    r = main_do(argc, argv);
    if ((fflush(stdout) || ferror(stdout)) && r == CTL_DONE)
    {
        ctl_complain("not everything could be printed: see where standard output leads to");
        r = CTL_FAILED;
    }
    return r;
}
