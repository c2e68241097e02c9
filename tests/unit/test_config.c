/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's options (issue 2, section 2: "configurable"): file, environment, command line. */

#include "daemon_support.h"

#include "daemon/config.h"

static char report[4096];
static int n_fatal, n_warnings;

static void on_report(void *userdata, bool fatal, const char *text)
{
    assert_ptr_equal(userdata, report);
    fatal ? n_fatal++ : n_warnings++;
    snprintf(report, sizeof(report), "%s", text);
}

static char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", support_folder, name);
    return path;
}

static const char *write_file(const char *text)
{
    FILE *file = fopen(path_of("mailslotd.conf"), "w");

    fputs(text, file);
    fclose(file);
    return path_of("mailslotd.conf");
}

static int read_text(struct config *config, const char *text)
{
    n_fatal = n_warnings = 0;
    *report = 0;
    return config_read_file(config, write_file(text), false, on_report, report);
}

static int setup(void **state)
{
    static struct config config;

    *state = &config;
    return config_init(&config);
}

static int teardown(void **state)
{
    config_deinit(*state);
    unlink(path_of("mailslotd.conf"));
    return 0;
}

/* Issue 2: "defaults: 138/137, all broadcast interfaces, host name, WORKGROUP", quota 16 MiB */
static void test_defaults(void **state)
{
    struct config *config = *state;

    assert_string_equal(config->socket, "");
    assert_string_equal(config->computer, "");
    assert_string_equal(config->workgroup, "WORKGROUP");
    assert_string_equal(config->interfaces, "");
    assert_string_equal(config->codepage, "CP850");
    assert_true(config->network);
    assert_int_equal(config->datagram_port, 138);
    assert_int_equal(config->name_port, 137);
    assert_int_equal(config->slot_quota, 16 << 20);
    assert_int_equal(config->slots_per_client, 4096);
    assert_int_equal(config->handles_per_client, 16384);
    assert_int_equal(config->idle_timeout, 0);
}

/* Issue 4, section 4: "default: all slots, local subnets only"; wire.md 1.6 for the node type */
static void test_network_defaults(void **state)
{
    struct config *config = *state;

    assert_string_equal(config->names, "");
    assert_string_equal(config->groups, "");
    assert_string_equal(config->scope, "");
    assert_string_equal(config->node_type, "auto");
    assert_string_equal(config->wins_servers, "");
    assert_string_equal(config->peers, "");
    assert_string_equal(config->allow_networks, "local");
    assert_string_equal(config->receive_slots, "*");
    assert_string_equal(config->send_slots, "*");
    assert_int_equal(config->source_rate, 20000);
    assert_true(config->name_service);
    assert_string_equal(config->nmbd_socket, "");
}

static void test_every_key(void **state)
{
    struct config *config = *state;

    assert_int_equal(read_text(config, "# comment\n[mailslotd]\n"
                                       "socket = /run/x\n"
                                       "computer_name = PC\n"
                                       "workgroup = WG\n"
                                       "interfaces = eth0 10.0.0.1\n"
                                       "codepage = CP437\n"
                                       "network = off\n"
                                       "datagram_port = 1138\n"
                                       "name_port = 1137\n"
                                       "slot_quota = 4096\n"
                                       "slots-per-client = 1\n"
                                       "handles_per_client = 1048576\n"
                                       "idle_timeout = 30 ; seconds\n"),
                     0);
    assert_int_equal(n_fatal + n_warnings, 0);
    assert_string_equal(config->socket, "/run/x");
    assert_string_equal(config->computer, "PC");
    assert_string_equal(config->workgroup, "WG");
    assert_string_equal(config->interfaces, "eth0 10.0.0.1");
    assert_string_equal(config->codepage, "CP437");
    assert_false(config->network);
    assert_int_equal(config->datagram_port, 1138);
    assert_int_equal(config->name_port, 1137);
    assert_int_equal(config->slot_quota, 4096);
    assert_int_equal(config->slots_per_client, 1);
    assert_int_equal(config->handles_per_client, 1 << 20);
    assert_int_equal(config->idle_timeout, 30);
}

static void test_every_network_key(void **state)
{
    struct config *config = *state;

    assert_int_equal(read_text(config, "names = ALIAS#20 SECOND\n"
                                       "groups = SALES, TEAM#1c\n"
                                       "scope = north.example\n"
                                       "node-type = h\n"
                                       "wins_servers = 10.1.0.2,10.1.0.3\n"
                                       "peers = 10.1.2.3 10.4.0.9/SALES ; a comment\n"
                                       "allow_networks = local, 10.1.0.0/16\n"
                                       "receive_slots = NET\\* !net\\netlogon\n"
                                       "send_slots = messngr\n"
                                       "source_rate = 0\n"
                                       "name_service = no\n"
                                       "nmbd_socket = /run/x/unexpected\n"),
                     0);
    assert_int_equal(n_fatal + n_warnings, 0);
    assert_string_equal(config->names, "ALIAS#20 SECOND");
    assert_string_equal(config->groups, "SALES, TEAM#1c");
    assert_string_equal(config->scope, "north.example");
    assert_string_equal(config->node_type, "H");
    assert_string_equal(config->wins_servers, "10.1.0.2,10.1.0.3");
    assert_string_equal(config->peers, "10.1.2.3 10.4.0.9/SALES");
    assert_string_equal(config->allow_networks, "local, 10.1.0.0/16");
    assert_string_equal(config->receive_slots, "NET\\* !net\\netlogon");
    assert_string_equal(config->send_slots, "messngr");
    assert_int_equal(config->source_rate, 0);
    assert_false(config->name_service);
    assert_string_equal(config->nmbd_socket, "/run/x/unexpected");
}

static void test_node_types(void **state)
{
    static const char *const good[][2] = {{"auto", "auto"}, {"AUTO", "auto"}, {"B", "B"},
                                          {"p", "P"},       {"M", "M"},       {"h", "H"}};
    struct config *config = *state;
    const char *why;

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
    {
        assert_int_equal(config_set(config, "node_type", good[i][0], &why), 0);
        assert_string_equal(config->node_type, good[i][1]);
    }
}

static void test_bad_values(void **state)
{
    static const char *const bad[] = {
        "network = maybe",
        "datagram_port = 0",
        "datagram_port = 65536",
        "name_port = -1",
        "name_port = 137x",
        "name_port =",
        "slot_quota = 4095",
        "slot_quota = 1073741825",
        "slot_quota = 99999999999999999999",
        "slot_quota = 1e6",
        "slots_per_client = 0",
        "handles_per_client = 0",
        "idle_timeout = soon",
        "workgroup =",
        "workgroup = SIXTEEN_LETTERS_",
        "computer_name = SIXTEEN_LETTERS_",
        "codepage =",
        "node_type =",
        "node_type = X",
        "node_type = BP",
        "node_type = B P",
        "wins_servers = 1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5 1.1.1.6 1.1.1.7 1.1.1.8 1.1.1.9",
        "names = a b c d e f g h i j k l m n o p q r s t u v w",
        "groups = a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w",
        "allow_networks =",
        "allow_networks = , ,",
        "receive_slots =",
        "send_slots =",
        "source_rate = -1",
        "source_rate = 1000000001",
        "source_rate = fast",
        "name_service = port",
        ("nmbd_socket = "
         "/234567890123456789012345678901234567890123456789012345678901234567890123456"
         "78901234567890123456789012345678"),
    };
    struct config *config = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
    {
        char text[256];

        snprintf(text, sizeof(text), "\n\n%s\nidle_timeout = %zu\n", bad[i], i + 1);
        assert_int_equal(read_text(config, text), -EINVAL);
        assert_int_equal(n_fatal, 1);
        assert_non_null(strstr(report, "mailslotd.conf:3: "));
        assert_int_equal(config->idle_timeout, i + 1); /* the rest was read */
    }
    assert_string_equal(config->workgroup, "WORKGROUP");
    assert_int_equal(config->datagram_port, 138);
    assert_string_equal(config->node_type, "auto");
    assert_string_equal(config->wins_servers, "");
    assert_string_equal(config->allow_networks, "local");
    assert_string_equal(config->receive_slots, "*");
    assert_int_equal(config->source_rate, 20000);
}

/* As many words as the net takes (net/net.h), and not one more. */
static void test_list_limits(void **state)
{
    static const struct
    {
        const char *key;
        size_t most;
    } lists[] = {{"names", 22},         {"groups", 22},     {"wins_servers", 8},
                 {"peers", 64},         {"interfaces", 64}, {"allow_networks", 64},
                 {"receive_slots", 64}, {"send_slots", 64}};
    char text[8192];
    const char *why;

    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
    {
        size_t size = 0;

        for (size_t n = 0; n < lists[i].most; n++)
            size += snprintf(text + size, sizeof(text) - size, " 255.255.255.255/FIFTEEN_LETTERS,");
        assert_int_equal(config_set(*state, lists[i].key, text, &why), 0);
        snprintf(text + size, sizeof(text) - size, "x");
        assert_int_equal(config_set(*state, lists[i].key, text, &why), -EINVAL);
        assert_non_null(strstr(why, "too many words"));
    }
    /* One word, but endless */
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    assert_int_equal(config_set(*state, "peers", text, &why), -EINVAL);
}

static void expect_words(const char *list, const char *const *expected)
{
    const char *const *words = NULL;
    size_t n = 77, wanted = 0;

    assert_int_equal(config_split(list, &words, &n), 0);
    for (; expected[wanted]; wanted++)
    {
        assert_true(wanted < n);
        assert_string_equal(words[wanted], expected[wanted]);
    }
    assert_int_equal(n, wanted);
    free((void *)words);
}

static void test_split(void **state)
{
    (void)state;
    expect_words("", (const char *const[]){NULL});
    expect_words(" ,\t,", (const char *const[]){NULL});
    expect_words("a", (const char *const[]){"a", NULL});
    expect_words("a b", (const char *const[]){"a", "b", NULL});
    expect_words(",a,,b c\t\td , ", (const char *const[]){"a", "b", "c", "d", NULL});
    expect_words("!NET\\* 10.0.0.0/8", (const char *const[]){"!NET\\*", "10.0.0.0/8", NULL});
}

/* inih reads 200 bytes a line, so a list may take several; nothing else may. */
static void test_continued_lists(void **state)
{
    struct config *config = *state;

    assert_int_equal(read_text(config, "[net]\n"
                                       "peers = 10.0.0.1\n"
                                       "    10.0.0.2/SALES,\n"
                                       "# a remark\n"
                                       "\n"
                                       "\t10.0.0.3\n"
                                       "send_slots = a\n"
                                       "send_slots = b\n"),
                     0);
    assert_int_equal(n_fatal + n_warnings, 0);
    expect_words(config->peers,
                 (const char *const[]){"10.0.0.1", "10.0.0.2/SALES", "10.0.0.3", NULL});
    /* Said again, not continued */
    assert_string_equal(config->send_slots, "b");

    assert_int_equal(read_text(config, "computer_name = PC\n  X\n"), -EINVAL);
    assert_int_equal(n_fatal, 1);
    assert_non_null(strstr(report, "mailslotd.conf:2: "));
    assert_string_equal(config->computer, "PC");

    /* An option that is only indented must not become a pattern of the list above. */
    assert_int_equal(read_text(config, "receive_slots = a\n  allow_networks = none\n"), -EINVAL);
    assert_non_null(strstr(report, "mailslotd.conf:2: "));
    assert_string_equal(config->receive_slots, "a");
    assert_int_equal(read_text(config, "receive_slots = a\n  name-service=no\n"), -EINVAL);
    assert_int_equal(read_text(config, "receive_slots = a\n  b=c\n"), 0);
    assert_string_equal(config->receive_slots, "a b=c");

    /* Too many words, counted over all lines */
    assert_int_equal(read_text(config, "wins_servers = 1 2 3 4\n 5 6 7 8\n 9\n"), -EINVAL);
    assert_int_equal(n_fatal, 1);
    assert_non_null(strstr(report, "mailslotd.conf:3: "));
}

static void test_append(void **state)
{
    struct config *config = *state;
    const char *why = "";

    assert_int_equal(config_append(config, "nothing", "x", &why), -ENOENT);
    assert_int_equal(config_append(config, "workgroup", "x", &why), -EINVAL);
    assert_int_equal(config_append(config, "receive-slots", "!x", &why), 0);
    assert_string_equal(config->receive_slots, "* !x");
}

static void test_unknown_key(void **state)
{
    assert_int_equal(read_text(*state, "[a]\nquota = 5\n"), 0);
    assert_int_equal(n_warnings, 1);
    assert_int_equal(n_fatal, 0);
    assert_non_null(strstr(report, "mailslotd.conf:2: "));
    assert_non_null(strstr(report, "'quota'"));
}

static void test_no_pair(void **state)
{
    assert_int_equal(read_text(*state, "idle_timeout = 1\n\nwhat is this\n"), -EINVAL);
    assert_int_equal(n_fatal, 1);
    assert_non_null(strstr(report, "mailslotd.conf:3: "));
}

/* A line longer than the reader's buffer does not shift the numbers of those that follow. */
static void test_long_line(void **state)
{
    char text[2048];

    text[0] = '#';
    memset(text + 1, '-', 1000);
    strcpy(text + 1001, "\nidle_timeout = 3\nnetwork = maybe\n");
    assert_int_equal(read_text(*state, text), -EINVAL);
    assert_non_null(strstr(report, "mailslotd.conf:3: "));
    assert_int_equal(((struct config *)*state)->idle_timeout, 3);

    /* What does not fit is no value of another length, but an error. */
    memset(text, 'e', 1000);
    memcpy(text, "\ninterfaces = ", 14);
    strcpy(text + 1000, "\nname_port = 7\n");
    assert_int_equal(read_text(*state, text), -EINVAL);
    assert_non_null(strstr(report, "mailslotd.conf:2: "));
    assert_string_equal(((struct config *)*state)->interfaces, "");
    assert_int_equal(((struct config *)*state)->name_port, 7);
}

static void test_missing_file(void **state)
{
    n_fatal = 0;
    assert_int_equal(config_read_file(*state, "/nonexistent/x", true, on_report, report), 0);
    assert_int_equal(n_fatal, 0);
    assert_int_equal(config_read_file(*state, "/nonexistent/x", false, on_report, report), -ENOENT);
    assert_int_equal(n_fatal, 1);
    assert_non_null(strstr(report, "/nonexistent/x: "));
}

/* The environment wins over the file, XDG_CONFIG_HOME is read. */
static void test_order(void **state)
{
    struct config *config = *state;

    write_file("workgroup = FILE\nname_port = 1\n");
    setenv("MAILSLOTD_WORKGROUP", "ENV", 1);
    assert_int_equal(config_read_all(config, NULL, on_report, report), 0);
    assert_string_equal(config->workgroup, "ENV");
    assert_int_equal(config->name_port, 1);
    assert_string_equal(config->socket, support_socket);
    assert_false(config->network);
    setenv("MAILSLOTD_ALLOW_NETWORKS", "none", 1);
    assert_int_equal(config_read_all(config, NULL, on_report, report), 0);
    assert_string_equal(config->allow_networks, "none");
    unsetenv("MAILSLOTD_ALLOW_NETWORKS");
    n_fatal = 0;
    setenv("MAILSLOTD_NAME_PORT", "none", 1);
    assert_int_equal(config_read_all(config, NULL, on_report, report), -EINVAL);
    assert_int_equal(n_fatal, 1);
    assert_non_null(strstr(report, "MAILSLOTD_NAME_PORT=none"));
    unsetenv("MAILSLOTD_NAME_PORT");
    unsetenv("MAILSLOTD_WORKGROUP");
}

/* --help shows every key, and the names of the command line are those of the file. */
static void test_describe(void **state)
{
    char *text = NULL;
    size_t size = 0, n = 0;
    FILE *out = open_memstream(&text, &size);
    const char *why, *name;

    config_describe(out);
    fclose(out);
    while ((name = config_option_name(n)))
    {
        char option[64];

        snprintf(option, sizeof(option), "--%s ", name);
        assert_non_null(strstr(text, option));
        /* One line of help for people, which says more than the name does */
        assert_true(strcspn(strstr(text, option), "\n") > sizeof("  --") + 20 + 10);
        assert_int_not_equal(config_set(*state, name, "", &why), -ENOENT);
        n++;
    }
    assert_int_equal(n, 25);
    free(text);
    assert_int_equal(config_set(*state, "", "", &why), -ENOENT);
    assert_int_equal(config_set(*state, "sock", "", &why), -ENOENT);
    assert_int_equal(config_set(*state, "sockets", "", &why), -ENOENT);
}

/*
 * Issue 5, section 3: "every option commented with default and values". The file as it is says
 * nothing; with all comments taken away it says what is built in.
 */
static void test_print(void **state)
{
    struct config *config = *state, defaults;
    char *text = NULL, *open_text, *out;
    const char *name;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);

    config_print(file);
    fclose(file);
    assert_int_equal(read_text(config, text), 0);
    assert_int_equal(n_fatal + n_warnings, 0);
    for (size_t i = 0; (name = config_option_name(i)); i++)
    {
        char line[128], key[64];

        assert_null(config_origin(config, name));
        snprintf(key, sizeof(key), "%s", name);
        for (char *c = key; *c; c++)
            *c = *c == '-' ? '_' : *c;
        snprintf(line, sizeof(line), "\n#%s =", key);
        assert_non_null(strstr(text, line));
    }
    out = open_text = calloc(1, size + 1);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (*line == '#' && line[1] != ' ' && line[1])
            out += sprintf(out, "%s\n", line + 1);
    assert_int_equal(config_init(&defaults), 0);
    assert_int_equal(read_text(config, open_text), 0);
    assert_int_equal(n_fatal + n_warnings, 0);
    for (size_t i = 0; (name = config_option_name(i)); i++)
    {
        assert_non_null(config_origin(config, name)); /* it was there */
        assert_false(config_option_differs(config, &defaults, i));
    }
    config_deinit(&defaults);
    free(open_text);
    free(text);
}

/* Where a value came from, and the value, of an option by its name. */
static void expect_option(const struct config *config, const char *key, const char *value,
                          const char *origin)
{
    const char *from = config_origin(config, key);
    char text[512] = "";

    for (size_t i = 0; config_option_name(i); i++)
        if (config_option_is(i, key))
            config_option_value(config, i, text, sizeof(text));
    assert_string_equal(text, value);
    if (origin)
    {
        assert_non_null(from);
        assert_non_null(strstr(from, origin));
    }
    else
        assert_null(from);
}

/*
 * Issue 5, section 3: "/etc/mailslotd.conf then $XDG_CONFIG_HOME/mailslotd.conf then environment
 * then command line", and smb.conf behind them all.
 */
static void test_precedence(void **state)
{
    const char *values[CONFIG_OPTIONS_MAX] = {};
    struct config_source source = {.values = values, .idle_timeout = 7};
    struct config config;
    char smb[128], text[512];
    FILE *file;

    (void)state;
    snprintf(smb, sizeof(smb), "%s/smb.conf", support_folder);
    file = fopen(smb, "w");
    fputs("[global]\nworkgroup = SMB\nnetbios name = SMBNAME\nwins server = 10.0.0.1\n", file);
    fclose(file);
    snprintf(text, sizeof(text),
             "smb_conf = %s\n\nworkgroup = FILE\nname_port = 1\npeers = 1.2.3.4\n", smb);
    write_file(text);
    setenv("MAILSLOTD_WORKGROUP", "ENV", 1);
    setenv("MAILSLOTD_NAME_PORT", "2", 1);
    for (size_t i = 0; config_option_name(i); i++)
        if (config_option_is(i, "workgroup"))
            values[i] = "LINE";
    n_fatal = n_warnings = 0;
    assert_int_equal(config_load(&config, &source, on_report, report), 0);
    assert_int_equal(n_fatal + n_warnings, 0);
    expect_option(&config, "workgroup", "LINE", "--workgroup");
    expect_option(&config, "name_port", "2", "environment MAILSLOTD_NAME_PORT");
    expect_option(&config, "peers", "1.2.3.4", "mailslotd.conf:5");
    expect_option(&config, "computer_name", "SMBNAME", "smb.conf:3");
    expect_option(&config, "wins_servers", "10.0.0.1", "smb.conf:4");
    expect_option(&config, "idle_timeout", "7", NULL);
    expect_option(&config, "codepage", "CP850", NULL);
    config_deinit(&config);

    /* A file named by hand is the only one. */
    unsetenv("MAILSLOTD_WORKGROUP");
    unsetenv("MAILSLOTD_NAME_PORT");
    memset(values, 0, sizeof(values));
    source.file = "/dev/null";
    setenv("MAILSLOTD_SMB_CONF", "none", 1);
    assert_int_equal(config_load(&config, &source, on_report, report), 0);
    expect_option(&config, "workgroup", "WORKGROUP", NULL);
    expect_option(&config, "computer_name", "", NULL);
    config_deinit(&config);
    unsetenv("MAILSLOTD_SMB_CONF");
    unlink(smb);
}

/* config_reset() and -append() and what they do to the origin */
static void test_origin(void **state)
{
    struct config *config = *state;
    const char *why;

    assert_int_equal(read_text(config, "\npeers = 1.1.1.1\n  2.2.2.2\nworkgroup = A\n"), 0);
    expect_option(config, "peers", "1.1.1.1 2.2.2.2", "mailslotd.conf:2");
    assert_int_equal(config_set_from(config, "workgroup", "", "x:1", &why), -EINVAL);
    expect_option(config, "workgroup", "A", "mailslotd.conf:4");
    assert_int_equal(config_reset(config, "workgroup"), 0);
    expect_option(config, "workgroup", "WORKGROUP", NULL);
    assert_int_equal(config_reset(config, "no such key"), -ENOENT);
    assert_null(config_origin(config, "no such key"));
}

/* Runs mailslotd to its end; what it wrote on standard error into `report`. */
static int run(const char *const *arguments)
{
    pid_t pid = support_run_daemon(arguments, 0, path_of("stderr"));
    int status = support_wait_status(pid);
    FILE *file = fopen(path_of("stderr"), "r");
    size_t n = fread(report, 1, sizeof(report) - 1, file);

    report[n] = 0;
    fclose(file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_command_line_errors(void **state)
{
    (void)state;
    assert_int_equal(run((const char *[]){"--name-port", "70000", NULL}), 2);
    assert_non_null(strstr(report, "--name-port 70000: "));
    assert_int_equal(run((const char *[]){"--nonsense", NULL}), 2);
    assert_int_equal(run((const char *[]){"word", NULL}), 2);
    assert_non_null(strstr(report, "'word'"));
    assert_int_equal(run((const char *[]){"--config", "/nonexistent/x", NULL}), 2);
    assert_non_null(strstr(report, "/nonexistent/x: "));
    write_file("[a]\nslot_quota = 1\n");
    assert_int_equal(run((const char *[]){NULL}), 2);
    assert_non_null(strstr(report, "mailslotd.conf:2: "));
}

/*
 * Issue 5, section 3: "bad value -> error with file:line", also for what only the net understands;
 * --check-config says the same as a start does.
 */
static void test_check_config(void **state)
{
    static const struct
    {
        const char *text, *place, *word;
    } bad[] = {
        {"peers = 10.0.0.1\n  10.0.0.300\n", "mailslotd.conf:1: peers: ", "'10.0.0.300'"},
        {"#\nwins_servers = 10.0.0.1 wins\n", "mailslotd.conf:2: wins_servers: ", "'wins'"},
        {"[a]\n\nnames = GOOD BAD#xyz\n", "mailslotd.conf:3: names: ", "'BAD#xyz'"},
        {"groups = G#123\n", "mailslotd.conf:1: groups: ", "'G#123'"},
        {"allow_networks = local 10.0.0.0/33\n",
         "mailslotd.conf:1: allow_networks: ", "'10.0.0.0/33'"},
        {"codepage = NOSUCH\n", "mailslotd.conf:1: codepage: ", "'NOSUCH'"},
        {"scope = a..b\n", "mailslotd.conf:1: scope: ", "'a..b'"},
        {"name_port = 0\n", "mailslotd.conf:1: name_port = 0: ", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
    {
        const char *path = write_file(bad[i].text);
        char copy[128];

        snprintf(copy, sizeof(copy), "%s", path);
        assert_int_equal(run((const char *[]){"--check-config", copy, NULL}), 1);
        assert_non_null(strstr(report, bad[i].place));
        assert_non_null(strstr(report, bad[i].word));
        assert_int_equal(run((const char *[]){NULL}), 2);
        assert_non_null(strstr(report, bad[i].place));
    }
    write_file("workgroup = GOOD\nmistyped = 1\n");
    assert_int_equal(run((const char *[]){"--check-config", NULL}), 0);
    assert_non_null(strstr(report, "mailslotd.conf:2: unknown option 'mistyped'"));
    assert_int_equal(run((const char *[]){"--check-config", "--peers", "x", NULL}), 1);
    assert_non_null(strstr(report, "--peers: peers: 'x'"));
    assert_int_equal(run((const char *[]){"--check-config", "/nonexistent/x", NULL}), 1);
    assert_int_equal(run((const char *[]){"--check-config", "/dev/null", "more", NULL}), 2);
}

/* The command line wins: the file says a value that would be refused by a quota test below. */
static void test_command_line(void **state)
{
    struct mailslot_client *client = support_client();
    struct mailslot *slot, *second = NULL;
    pid_t pid;

    (void)state;
    write_file("slots_per_client = 5\nmistyped = 1\n");
    pid = support_start((const char *[]){"--slots-per-client", "1", NULL}, 0);
    slot = support_create(client, "one");
    assert_int_equal(mailslot_create(client, "two", 3, 0, 0, &second, NULL), MAILSLOT_LIMIT);
    /* Only one may serve a socket. */
    assert_int_equal(run((const char *[]){NULL}), 1);
    assert_non_null(strstr(report, "another mailslotd"));
    mailslot_free(slot);
    mailslot_client_free(client);
    support_stop(pid);
}

static int group_setup(void **state)
{
    (void)state;
    return support_begin();
}

static int group_teardown(void **state)
{
    (void)state;
    support_end();
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),
        TEST(test_network_defaults),
        TEST(test_every_key),
        TEST(test_every_network_key),
        TEST(test_node_types),
        TEST(test_bad_values),
        TEST(test_list_limits),
        TEST(test_split),
        TEST(test_continued_lists),
        TEST(test_append),
        TEST(test_unknown_key),
        TEST(test_no_pair),
        TEST(test_long_line),
        TEST(test_missing_file),
        TEST(test_order),
        TEST(test_describe),
        TEST(test_print),
        TEST(test_precedence),
        TEST(test_origin),
        TEST(test_check_config),
        TEST(test_command_line_errors),
        TEST(test_command_line),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
