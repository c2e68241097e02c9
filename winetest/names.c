/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* names.c - which names make and find a local mailslot (rows N1-N17, N20, Y13) */
#include "slots.h"

static HANDLE create(const char *path)
{
    SetLastError(0xdeadbeef);
    return CreateMailslotA(path, 0, 0, NULL);
}

static HANDLE client(const char *path)
{
    SetLastError(0xdeadbeef);
    return path_open(path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE);
}

/* What is written into path must be readable from slot. */
static void expect_reaches(HANDLE slot, const char *path)
{
    HANDLE handle = client(path);

    if (!expect_handle(handle, path))
        return;
    ok(send_text(handle, "hello"), "%s: write failed, error %lu\n", path, GetLastError());
    expect_read(slot, "hello");
    CloseHandle(handle);
}

static void test_plain(void)
{
    HANDLE slot, other;

    row("N1");
    expect_no_handle(client(slot_name("n1")), ERROR_FILE_NOT_FOUND, "open before create");
    slot = create(slot_name("n1"));
    expect_handle(slot, "create");
    expect_reaches(slot, slot_name("n1"));
    expect_no_handle(create(slot_name("n1")), ERROR_ALREADY_EXISTS, "create twice");
    close_handle(slot);
    expect_no_handle(client(slot_name("n1")), ERROR_FILE_NOT_FOUND, "open after close");

    row("N2");
    slot = create(slot_name("dir\\dir2\\name"));
    expect_handle(slot, "create with directories");
    expect_reaches(slot, slot_name("dir\\dir2\\name"));
    expect_no_handle(client(slot_name("dir\\dir2")), ERROR_FILE_NOT_FOUND, "open directory");
    expect_no_handle(client(slot_name("dir\\dir2\\nam")), ERROR_FILE_NOT_FOUND, "open prefix");
    expect_no_handle(client(slot_name("dir\\dir2\\name2")), ERROR_FILE_NOT_FOUND, "open longer");
    close_handle(slot);

    row("N4");
    slot = create(slot_name("a"));
    other = create(slot_name("a\\b"));
    expect_handle(slot, "create a");
    expect_handle(other, "create a\\b");
    expect_reaches(slot, slot_name("a"));
    expect_info(other, NO_MESSAGE, 0);
    expect_reaches(other, slot_name("a\\b"));
    expect_info(slot, NO_MESSAGE, 0);
    close_handle(other);
    expect_reaches(slot, slot_name("a"));
    close_handle(slot);
}

static void test_case(void)
{
    WCHAR lower[64], upper[64];
    HANDLE slot, handle;
    DWORD count;

    row("N3");
    slot = create(slot_name("CaSe\\Of"));
    expect_handle(slot, "create");
    expect_reaches(slot, slot_name("case\\oF"));
    expect_no_handle(create(slot_name("cAsE\\oF")), ERROR_ALREADY_EXISTS, "create in other case");
    close_handle(slot);

    row("N20");
    swprintf(lower, 64, L"\\\\.\\mailslot\\wt%lu_\u00e4\u4e2d\u044f", GetCurrentProcessId());
    swprintf(upper, 64, L"\\\\.\\MAILSLOT\\WT%lu_\u00c4\u4e2d\u042f", GetCurrentProcessId());
    slot = CreateMailslotW(lower, 0, 0, NULL);
    expect_handle(slot, "create of a Unicode name");
    handle = CreateFileW(lower, GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    expect_handle(handle, "open of a Unicode name");
    ok(WriteFile(handle, "u", 1, &count, NULL), "write: error %lu\n", GetLastError());
    expect_read(slot, "u");
    close_handle(handle);
    row("N3");
    SetLastError(0xdeadbeef);
    expect_no_handle(CreateMailslotW(upper, 0, 0, NULL), ERROR_ALREADY_EXISTS, "upper case");
    close_handle(slot);
}

static void test_forms(void)
{
    char path[MAX_PATH];
    unsigned long pid = GetCurrentProcessId();
    HANDLE slot;

    row("N5");
    snprintf(path, sizeof(path), "//./mailslot/wt%lu_slash/x", pid);
    slot = create(path);
    expect_handle(slot, path);
    expect_reaches(slot, path);
    expect_reaches(slot, slot_name("slash\\x"));
    close_handle(slot);

    row("N6");
    snprintf(path, sizeof(path), "\\\\?\\mailslot\\wt%lu_long", pid);
    slot = create(path);
    expect_handle(slot, path);
    expect_reaches(slot, path);
    expect_reaches(slot, slot_name("long"));
    close_handle(slot);

    row("N7");
    snprintf(path, sizeof(path), "\\\\.\\mailslot\\gone\\..\\.\\wt%lu_dots", pid);
    slot = create(path);
    expect_handle(slot, path);
    expect_reaches(slot, slot_name("dots"));
    expect_reaches(slot, slot_name("dots."));
    expect_reaches(slot, slot_name("dots  "));
    expect_reaches(slot, path);
    close_handle(slot);
    slot = create(slot_name("tail. ."));
    expect_handle(slot, "create with trailing dots");
    expect_reaches(slot, slot_name("tail"));
    close_handle(slot);
    snprintf(path, sizeof(path), "\\\\.\\mailslot\\..\\wt%lu_out", pid);
    expect_no_handle(create(path), ERROR_INVALID_NAME, path);
}

static void test_characters(void)
{
    static const char others[] = "*?<>|\"";
    char leaf[] = "x?y";
    const char *p;
    HANDLE slot;

    row("N8");
    slot = create(slot_name("R:\\FRED"));
    expect_handle(slot, "create with a colon");
    expect_reaches(slot, slot_name("R:\\FRED"));
    close_handle(slot);
    /* No source says whether these are legal: but a name that can be made must be reachable. */
    for (p = others; *p; p++)
    {
        leaf[1] = *p;
        slot = create(slot_name(leaf));
        ok(slot != INVALID_HANDLE_VALUE || GetLastError() == ERROR_INVALID_NAME,
           "create with %c: error %lu\n", *p, GetLastError());
        if (slot != INVALID_HANDLE_VALUE)
            expect_reaches(slot, slot_name(leaf));
        close_handle(slot);
    }
}

/* Unknown on Windows: the safe choice is to refuse, any other answer of Windows is taken. */
static void expect_refused(const char *path, DWORD error)
{
    HANDLE slot = create(path);
    DWORD got = GetLastError();

    ok((slot == INVALID_HANDLE_VALUE && got == error) || broken(slot || got), "%s: error %lu\n",
       path, got);
    close_handle(slot);
}

static void test_odd(void)
{
    static const char *const no_slots[] = {"blah", "C:\\x", "\\mailslot\\x", "\\\\.\\pipe\\x"};
    static const char *const devices[] = {"\\\\.\\mailslot", "\\\\.\\mailslot\\"};
    static const char *const remote[] = {"\\\\no-such-host\\mailslot\\x", "\\\\*\\mailslot\\x"};
    char path[MAX_PATH];
    HANDLE handle;
    unsigned int i;

    row("N9");
    snprintf(path, sizeof(path), "\\\\.\\mailslot\\\\wt%lu_empty", GetCurrentProcessId());
    todo_wine expect_refused(path, ERROR_INVALID_NAME);
    todo_wine expect_refused(slot_name("trailing\\"), ERROR_INVALID_NAME);

    for (i = 0; i < ARRAYSIZE(devices); i++)
    {
        row("N10");
        todo_wine expect_refused(devices[i], ERROR_INVALID_NAME);
        handle = path_open(devices[i], 0, 0);
        expect_handle(handle, devices[i]);
        close_handle(handle);
    }

    row("N11");
    SetLastError(0xdeadbeef);
    expect_no_handle(CreateMailslotA(NULL, 0, 0, NULL), ERROR_PATH_NOT_FOUND, "create NULL, A");
    SetLastError(0xdeadbeef);
    expect_no_handle(CreateMailslotW(NULL, 0, 0, NULL), ERROR_PATH_NOT_FOUND, "create NULL, W");
    SetLastError(0xdeadbeef);
    expect_no_handle(
        CreateFileW(NULL, GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL),
        ERROR_PATH_NOT_FOUND, "open NULL");

    row("N12");
    expect_no_handle(create(""), ERROR_PATH_NOT_FOUND, "create of an empty name");
    expect_no_handle(client(""), ERROR_PATH_NOT_FOUND, "open of an empty name");

    row("N13");
    for (i = 0; i < ARRAYSIZE(no_slots); i++)
        expect_no_handle(create(no_slots[i]), ERROR_INVALID_NAME, no_slots[i]);

    row("N14");
    for (i = 0; i < ARRAYSIZE(remote); i++)
    {
        todo_wine expect_no_handle(create(remote[i]), ERROR_INVALID_NAME, remote[i]);
    }
}

/* Names that cannot become names of NT: devices in folders, and what no counted string holds. */
static void test_unconvertible(void)
{
    static const char *const names[] = {"C:\\nodir\\nul", "x\\aux", "C:\\\\nodir\\\\nul", "   "};
    static const int lengths[] = {32753, 32760, 39000};
    static char path[40000];
    unsigned int i;
    HANDLE slot;

    row("Y13");
    for (i = 0; i < ARRAYSIZE(names); i++)
        expect_no_handle(create(names[i]), ERROR_PATH_NOT_FOUND, names[i]);
    for (i = 0; i < ARRAYSIZE(lengths); i++)
    {
        snprintf(path, sizeof(path), "\\\\.\\mailslot\\%0*d", lengths[i], 0);
        slot = create(path);
        ok(slot == INVALID_HANDLE_VALUE && GetLastError() == ERROR_PATH_NOT_FOUND,
           "%d characters: handle %p, error %lu\n", lengths[i], slot, GetLastError());
    }
}

static void test_remote_open(void)
{
    char path[MAX_PATH], host[MAX_COMPUTERNAME_LENGTH + 1] = "";
    DWORD size = sizeof(host);
    const char *rows[] = {"N15", "N16", "N17"};
    const char *hosts[] = {host, "WORKGROUP", "*"};
    unsigned int i;

    GetComputerNameA(host, &size);
    for (i = 0; i < ARRAYSIZE(rows); i++)
    {
        HANDLE handle;

        row(rows[i]);
        snprintf(path, sizeof(path), "\\\\%s\\mailslot\\dir\\wt%lu", hosts[i],
                 GetCurrentProcessId());
        handle = client(path);
        todo_wine ok(handle != INVALID_HANDLE_VALUE || broken(GetLastError() == 3025),
                     "open %s: error %lu\n", path, GetLastError());
        close_handle(handle);
    }
}

START_TEST(names)
{
    test_plain();
    test_case();
    test_forms();
    test_characters();
    test_odd();
    test_unconvertible();
    test_remote_open();
}
