/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the options come from: files, environment, command line (issue 5, section 3). */

#include "config_support.h"

#include "daemon/network.h"

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

    /* "unknown key -> warning" */
    n_warnings = 0;
    setenv("MAILSLOTD_WORKGROP", "x", 1);
    assert_int_equal(config_read_all(config, NULL, on_report, report), 0);
    assert_int_equal(n_warnings, 1);
    assert_non_null(strstr(report, "environment: unknown option 'MAILSLOTD_WORKGROP'"));
    unsetenv("MAILSLOTD_WORKGROP");
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

/* Issue 4, section 1: node types and WINS servers. A type that asks servers needs some. */
static void test_node_without_wins(void **state)
{
    static const struct
    {
        const char *text;
        int fatal, warnings;
    } rows[] = {
        {"node_type = P\n", 1, 0},
        {"node_type = P\nwins_servers = ,\n", 1, 0},
        {"node_type = M\n", 0, 1},
        {"node_type = H\n", 0, 1},
        {"node_type = B\n", 0, 0},
        {"node_type = auto\n", 0, 0},
        {"node_type = P\nwins_servers = 10.0.0.1\n", 0, 0},
        {"node_type = P\npeers = 10.0.0.1\n", 0, 1},
        {"node_type = H\nwins_servers = 10.0.0.1\n", 0, 0},
        {"node_type = P\nnetwork = no\n", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
    {
        struct config config;

        assert_int_equal(config_init(&config), 0);
        assert_int_equal(read_text(&config, rows[i].text), 0);
        assert_int_equal(network_check(&config, on_report, report), rows[i].fatal ? -EINVAL : 0);
        assert_int_equal(n_fatal, rows[i].fatal);
        assert_int_equal(n_warnings, rows[i].warnings);
        if (n_fatal + n_warnings)
        {
            assert_non_null(strstr(report, "mailslotd.conf:1: node_type: "));
            assert_non_null(strstr(report, "set wins_servers"));
        }
        config_deinit(&config);
    }
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
        {"wins_servers = 10.0.0.1 0.0.0.0\n", "mailslotd.conf:1: wins_servers: ", "'0.0.0.0'"},
        {"wins_servers = 255.255.255.255\n", "mailslotd.conf:1: wins_servers: ", "'255.255."},
        {"wins_servers = 224.0.0.1\n", "mailslotd.conf:1: wins_servers: ", "'224.0.0.1'"},
        {"peers = 255.255.255.255\n", "mailslotd.conf:1: peers: ", "'255.255.255.255'"},
        {"peers = 10.1.2.3 10.1.2.0/24\n", "mailslotd.conf:1: peers: ", "'10.1.2.0/24'"},
        {"peers = 10.1.2.3/24\n", "mailslotd.conf:1: peers: '10.1.2.3/24'", "not digits only"},
        {"interfaces = eth0 10.0.0.0/33\n", "mailslotd.conf:1: interfaces: ", "'10.0.0.0/33'"},
        {"computer_name = NAME#20\n", "mailslotd.conf:1: computer_name: ", "'NAME#20'"},
        {"\ndatagram_port = 137\n", "mailslotd.conf:2: datagram_port: 137", "name_port"},
        {"\n\nname_port = 138\n", "mailslotd.conf:3: name_port: 138", "datagram_port"},
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_order),        TEST(test_describe),
        TEST(test_print),        TEST(test_precedence),
        TEST(test_origin),       TEST(test_node_without_wins),
        TEST(test_check_config), TEST(test_command_line_errors),
        TEST(test_command_line),
    };

    return cmocka_run_group_tests(tests, config_test_begin, support_end);
}
