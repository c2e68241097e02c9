/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's options: values and the form of the file (issue 2, section 2; issue 4, section 4).
 */

#include <sys/stat.h>

#include "config_support.h"

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
    assert_int_equal(config->slots_per_client, 8192);
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

/* fgets() gives the whole line, but it ends at the 0. The next line must not be lost with it. */
static void test_zero_byte(void **state)
{
    static const char text[] = "workgroup = A\nname_port = 1\0 2\nidle_timeout = 3\n";
    /* All, with the end of the line, without it, nothing behind the 0, and no 0. */
    static const size_t sizes[] = {sizeof(text) - 1, 31, 29, 28, 27};
    FILE *file;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
    {
        bool zero = sizes[i] > 27;

        write_file("");
        file = fopen(path_of("mailslotd.conf"), "w");
        assert_int_equal(fwrite(text, 1, sizes[i], file), sizes[i]);
        fclose(file);
        n_fatal = 0;
        assert_int_equal(
            config_read_file(*state, path_of("mailslotd.conf"), false, on_report, report),
            zero ? -EINVAL : 0);
        assert_int_equal(n_fatal, zero);
        if (zero)
            assert_non_null(strstr(report, "mailslotd.conf:2: there is a byte 0"));
    }
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

/* What is no file with an end is refused at once, in words: it must not hold up the daemon. */
static void test_no_file(void **state)
{
    const struct
    {
        const char *path;
        int r;
        const char *says;
    } cases[] = {
        {support_folder, -EISDIR, ": Is a directory"},
        {path_of("mailslotd.conf"), -EINVAL, ": is no ordinary file"},
        {"/dev/zero", -EINVAL, "/dev/zero: is no ordinary file"},
        /* Can be opened, but there is nothing at its beginning that could be read. */
        {"/proc/self/mem", -EIO, "/proc/self/mem: could not be read to its end"},
        {"/dev/null", 0, ""},
    };

    assert_int_equal(mkfifo(cases[1].path, 0600), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
    {
        n_fatal = 0;
        *report = 0;
        assert_int_equal(config_read_file(*state, cases[i].path, true, on_report, report),
                         cases[i].r);
        assert_int_equal(n_fatal, cases[i].r < 0);
        assert_non_null(strstr(report, cases[i].says));
    }
    unlink(cases[1].path);

    assert_int_equal(truncate(write_file("name_port = 7\n"), (1 << 20) + 1), 0);
    assert_int_equal(config_read_file(*state, path_of("mailslotd.conf"), true, on_report, report),
                     -EFBIG);
    assert_non_null(strstr(report, "larger than 1 MB"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),        TEST(test_network_defaults),
        TEST(test_every_key),       TEST(test_every_network_key),
        TEST(test_node_types),      TEST(test_bad_values),
        TEST(test_list_limits),     TEST(test_split),
        TEST(test_continued_lists), TEST(test_append),
        TEST(test_unknown_key),     TEST(test_no_pair),
        TEST(test_long_line),       TEST(test_missing_file),
        TEST(test_zero_byte),       TEST(test_no_file),
    };

    return cmocka_run_group_tests(tests, config_test_begin, support_end);
}
