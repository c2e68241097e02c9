/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Issue 5, section 3: "values taken from smb.conf (workgroup, netbios name, wins server,
 * interfaces) */
/* when it exists" */

#include "daemon_support.h"

#include "daemon/smbconf.h"

static char path[128], report[8192];
static int n_fatal, n_warnings;

static void on_report(void *userdata, bool fatal, const char *text)
{
    size_t n = strlen(report);

    assert_ptr_equal(userdata, report);
    fatal ? n_fatal++ : n_warnings++;
    snprintf(report + n, sizeof(report) - n, "%s\n", text);
}

static void apply(struct config *config, const char *text, size_t size)
{
    FILE *file = fopen(path, "w");
    const char *why;

    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
    n_fatal = n_warnings = 0;
    *report = 0;
    assert_int_equal(config_init(config), 0);
    assert_int_equal(config_set(config, "smb_conf", path, &why), 0);
    assert_int_equal(smbconf_apply(config, on_report, report), 0);
    assert_int_equal(n_fatal, 0); /* not our file: nothing in it keeps the daemon from starting */
}

static void expect(const char *text, const char *workgroup, const char *computer, const char *wins,
                   const char *interfaces)
{
    struct config config;

    apply(&config, text, strlen(text));
    assert_string_equal(config.workgroup, workgroup);
    assert_string_equal(config.computer, computer);
    assert_string_equal(config.wins_servers, wins);
    assert_string_equal(config.interfaces, interfaces);
    config_deinit(&config);
}

/* smb.conf(5): sections, comments, case and blanks in names, lines that go on, the last one wins */
static void test_syntax(void **state)
{
    (void)state;
    expect("", "WORKGROUP", "", "", "");
    expect("[global]\nworkgroup = OFFICE\nnetbios name=FRONTDESK\n", "OFFICE", "FRONTDESK", "", "");
    expect("workgroup = NOSECTION", "NOSECTION", "", "", "");
    expect("[Global]\r\n\tWork Group\t=  OFFICE  \r\nNETBIOSNAME = PC\r\n", "OFFICE", "PC", "", "");
    expect("[global]\n# workgroup = A\n; workgroup = B\n  ;workgroup = C\n", "WORKGROUP", "", "",
           "");
    expect("[global]\nworkgroup = A\nworkgroup = B\n", "B", "", "", "");
    expect("[share]\nworkgroup = A\n[global]\nworkgroup = B\n[homes]\nworkgroup = C\n", "B", "", "",
           "");
    expect("[global]\nwork\\\ngroup = OFF\\\nICE\n", "OFFICE", "", "", "");
    expect("[global]\nworkgroup\nworkgroup =\n= X\n[]\n[\n\\\n\\", "WORKGROUP", "", "", "");
    assert_int_equal(n_warnings, 0);
}

/* Nothing that we could not know by reading this file alone */
static void test_macros(void **state)
{
    (void)state;
    expect("[global]\n\nnetbios name = %h\n", "WORKGROUP", "", "", "");
    assert_int_equal(n_warnings, 0); /* it says nothing that would not be so anyhow */
    expect("[global]\n\nworkgroup = %D\n", "WORKGROUP", "", "", "");
    assert_int_equal(n_warnings, 1);
    assert_non_null(strstr(report, "smb.conf:3: "));
}

static void test_bad_values(void **state)
{
    (void)state;
    expect("[global]\nworkgroup = SIXTEEN_LETTERS_\nnetbios name = PC\n", "WORKGROUP", "PC", "",
           "");
    assert_int_equal(n_warnings, 1);
    assert_non_null(strstr(report, "smb.conf:2: SIXTEEN_LETTERS_ is not used here: "));
}

/* smb.conf(5), "wins server": tags, names; ours are IPv4 addresses, at most eight */
static void test_wins(void **state)
{
    (void)state;
    expect("wins server = 10.0.0.1, 10.0.0.2", "WORKGROUP", "", "10.0.0.1 10.0.0.2", "");
    assert_int_equal(n_warnings, 0);
    expect("wins server = mary:10.0.0.1 fred:10.0.0.2 host.example", "WORKGROUP", "",
           "10.0.0.1 10.0.0.2", "");
    assert_int_equal(n_warnings, 1);
    assert_non_null(strstr(report, "'host.example'"));
    expect("wins server = 1.0.0.1 1.0.0.2 1.0.0.3 1.0.0.4 1.0.0.5 1.0.0.6 1.0.0.7 1.0.0.8 1.0.0.9",
           "WORKGROUP", "", "1.0.0.1 1.0.0.2 1.0.0.3 1.0.0.4 1.0.0.5 1.0.0.6 1.0.0.7 1.0.0.8", "");
}

/* smb.conf(5), "interfaces": names, patterns, addresses with masks; loopback gets no broadcasts */
static void test_interfaces(void **state)
{
    (void)state;
    expect("interfaces = lo eth0 eth1* 127.0.0.1/8 ::1", "WORKGROUP", "", "", "eth0 eth1*");
    expect("interfaces = 10.0.0.7/24, 10.1.0.7/255.255.0.0 10.2.0.1", "WORKGROUP", "", "",
           "10.0.0.7 10.1.0.7 10.2.0.1");
    expect("interfaces = \"eth0;speed=1000000000,capability=RSS\" wlan0", "WORKGROUP", "", "",
           "eth0 wlan0");
    assert_int_equal(n_warnings, 0);
    /* Documentation addresses (RFC 5737): no machine has one. */
    expect("interfaces = 203.0.113.0/24 203.0.113.255/24 eth0", "WORKGROUP", "", "", "eth0");
    assert_int_equal(n_warnings, 2);
    assert_non_null(strstr(report, "203.0.113.0/24"));
    expect("interfaces = 10.0.0.7/33 10.0.0.7/x x/24 10.0.0.7/", "WORKGROUP", "", "", "");
    assert_int_equal(n_warnings, 4);
    expect("interfaces = lo 127.0.0.0/8", "WORKGROUP", "", "", "");
}

/* Whatever else has set an option goes before. */
static void test_set_already(void **state)
{
    struct config config;
    const char *why;
    FILE *file = fopen(path, "w");

    (void)state;
    fputs("workgroup = SMB\nnetbios name = SMB\n", file);
    fclose(file);
    assert_int_equal(config_init(&config), 0);
    assert_int_equal(config_set(&config, "smb_conf", path, &why), 0);
    assert_int_equal(config_set_from(&config, "workgroup", "WORKGROUP", "x:1", &why), 0);
    assert_int_equal(smbconf_apply(&config, on_report, report), 0);
    assert_string_equal(config.workgroup, "WORKGROUP");
    assert_string_equal(config.computer, "SMB");
    assert_true(smbconf_is_origin(&config, config_origin(&config, "computer_name")));
    assert_false(smbconf_is_origin(&config, config_origin(&config, "workgroup")));
    assert_false(smbconf_is_origin(&config, NULL));
    config_deinit(&config);
}

static void test_no_file(void **state)
{
    struct config config;
    const char *why;

    (void)state;
    n_fatal = n_warnings = 0;
    assert_int_equal(config_init(&config), 0);
    assert_int_equal(config_set(&config, "smb_conf", "none", &why), 0);
    assert_int_equal(smbconf_apply(&config, on_report, report), 0);
    assert_int_equal(n_warnings, 0);
    assert_int_equal(config_set(&config, "smb_conf", "/nonexistent/smb.conf", &why), 0);
    assert_int_equal(smbconf_apply(&config, on_report, report), 0);
    assert_int_equal(n_warnings, 1);
    assert_int_equal(config_set(&config, "smb_conf", "/", &why), 0);
    assert_int_equal(smbconf_apply(&config, on_report, report), 0);
    assert_int_equal(n_warnings, 2);
    assert_int_equal(n_fatal, 0);
    assert_string_equal(config.workgroup, "WORKGROUP");
    config_deinit(&config);
}

/* No file makes it fail, overrun or take what an option may not be (sanitizers look on). */
static void test_any_bytes(void **state)
{
    static const char words[][16] = {
        "[global]", "\n",      "=", "\\\n", "workgroup", "interfaces", "wins server", "/",
        "\r",       "1.2.3.4", "%", ";",    "\"",        "a:b:",       "\xff",        " "};
    unsigned int random = 1;
    char text[4096];

    (void)state;
    for (int round = 0; round < 500; round++)
    {
        struct config config;
        size_t n = 0;

        while (n + 16 < sizeof(text) && (random = random * 1103515245 + 12345) >> 24)
        {
            const char *word = words[(random >> 16) % 16];

            memcpy(text + n, word, strlen(word));
            n += strlen(word);
        }
        apply(&config, text, n);
        assert_in_range(strlen(config.workgroup), 1, 15);
        assert_in_range(strlen(config.computer), 0, 15);
        config_deinit(&config);
    }
}

static int group_setup(void **state)
{
    (void)state;
    alarm(SUPPORT_SECONDS_MAX);
    strcpy(support_folder, "/tmp/mailslot-test-XXXXXX");
    if (!mkdtemp(support_folder))
        return -errno;
    snprintf(path, sizeof(path), "%s/smb.conf", support_folder);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(support_folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syntax),     cmocka_unit_test(test_macros),
        cmocka_unit_test(test_bad_values), cmocka_unit_test(test_wins),
        cmocka_unit_test(test_interfaces), cmocka_unit_test(test_set_already),
        cmocka_unit_test(test_no_file),    cmocka_unit_test(test_any_bytes),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
