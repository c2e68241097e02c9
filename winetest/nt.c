/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nt.c - native creating and opening: name forms, access, options (rows T1-T20, C14, N19, R22) */
#include "nt.h"
#include "slots.h"

#define ACCESS (GENERIC_READ | SYNCHRONIZE)

/* NtCreateMailslotFile with timeout 0; closes what it made. */
static NTSTATUS try_create(OBJECT_ATTRIBUTES *attr, ULONG access, ULONG options)
{
    LARGE_INTEGER timeout = {.QuadPart = 0};
    IO_STATUS_BLOCK io;
    HANDLE slot = NULL;
    NTSTATUS status;

    status = nt.create_mailslot(&slot, access, attr, &io, options, 0, 0, &timeout);
    if (!status)
        nt.close(slot);
    return status;
}

static void test_attributes(void)
{
    struct nt_name name;
    UNICODE_STRING string;
    NTSTATUS status;
    WCHAR *longest;
    int i;

    row("T2");
    status = try_create(NULL, ACCESS, 0);
    ok(status == ST_INVALID_PARAMETER, "no attributes: %#lx\n", status);

    row("T3");
    nt_path(&name, "\\??\\MAILSLOT\\wt%lu_t3", GetCurrentProcessId());
    for (i = 0; i < 2; i++)
    {
        name.attr.Length = i ? sizeof(name.attr) + 1 : 0;
        status = try_create(&name.attr, ACCESS, 0);
        ok(status == ST_INVALID_PARAMETER, "attributes of length %lu: %#lx\n", name.attr.Length,
           status);
    }
    name.attr.Length = sizeof(name.attr);

    row("T4");
    name.attr.ObjectName = NULL;
    status = try_create(&name.attr, ACCESS, 0);
    ok(status == ST_OBJECT_PATH_SYNTAX_BAD, "no name: %#lx\n", status);
    row("T5");
    name.attr.RootDirectory = (HANDLE)(ULONG_PTR)0xdeadbeef;
    status = try_create(&name.attr, ACCESS, 0);
    ok(status == ST_OBJECT_NAME_INVALID, "no name, bad root: %#lx\n", status);
    row("T6");
    name.attr.ObjectName = &string;
    string = name.string;
    string.Length = 0;
    status = try_create(&name.attr, ACCESS, 0);
    ok(status == ST_INVALID_HANDLE, "empty name, bad root: %#lx\n", status);
    name.attr.RootDirectory = NULL;
    status = try_create(&name.attr, ACCESS, 0);
    ok(status == ST_OBJECT_PATH_SYNTAX_BAD, "empty name: %#lx\n", status);
    row("T7");
    string.Length = 67;
    string.MaximumLength = 68;
    status = try_create(&name.attr, ACCESS, 0);
    ok(status == ST_OBJECT_NAME_INVALID, "odd length: %#lx\n", status);

    row("T8");
    longest = malloc(65536);
    for (i = 0; i < 32768; i++)
        longest[i] = 'a';
    memcpy(longest, name.buffer, name.string.Length);
    string.Buffer = longest;
    string.MaximumLength = 65534;
    string.Length = 65532;
    status = try_create(&name.attr, ACCESS, 0);
    ok(!status, "65532 bytes: %#lx\n", status);
    string.Length = 65534;
    status = try_create(&name.attr, ACCESS, 0);
    ok(status == ST_OBJECT_NAME_INVALID, "65534 bytes: %#lx\n", status);
    free(longest);

    row("T9");
    {
        LARGE_INTEGER timeout = {.QuadPart = 0};
        IO_STATUS_BLOCK io;

        nt_path(&name, "\\??\\MAILSLOT\\wt%lu_t9", GetCurrentProcessId());
        status = nt.create_mailslot(NULL, ACCESS, &name.attr, &io, 0, 0, 0, &timeout);
        ok(status == ST_ACCESS_VIOLATION || broken(status == ST_INVALID_PARAMETER),
           "no handle pointer: %#lx\n", status);
    }
}

/* Opens attr for writing, sends text through it. */
static NTSTATUS try_send(OBJECT_ATTRIBUTES *attr, const char *text)
{
    IO_STATUS_BLOCK io;
    HANDLE client;
    NTSTATUS status;

    status = nt.open_file(&client, GENERIC_WRITE | SYNCHRONIZE, attr, &io, FILE_SHARE_READ,
                          NT_SYNC_NONALERT);
    if (status)
        return status;
    status = nt.write_file(client, NULL, NULL, NULL, &io, text, (ULONG)strlen(text), NULL, NULL);
    nt.close(client);
    return status;
}

static void test_names(void)
{
    struct nt_name dos, device, none;
    LONGLONG timeout = 0;
    IO_STATUS_BLOCK io;
    NTSTATUS status;
    HANDLE slot, root;

    nt_path(&dos, "\\??\\MAILSLOT\\WT%lu_T1", GetCurrentProcessId());
    nt_path(&device, "\\Device\\MailSlot\\wt%lu_t1", GetCurrentProcessId());
    nt_path(&none, "\\Device\\MailSlot\\wt%lu_none", GetCurrentProcessId());
    row("T1");
    ok(!nt_slot(&slot, "t1", ACCESS, 0, &timeout), "create failed\n");
    status = try_send(&dos.attr, "dos");
    ok(!status, "open as \\\\??: %#lx\n", status);
    expect_read(slot, "dos");
    status = try_send(&device.attr, "device");
    ok(!status, "open as \\Device: %#lx\n", status);
    expect_read(slot, "device");
    status = try_send(&none.attr, "none");
    ok_row("O2", status == ST_OBJECT_NAME_NOT_FOUND, "missing slot: %#lx\n", status);
    row("T13");
    status = try_create(&device.attr, ACCESS, 0);
    ok(status == ST_OBJECT_NAME_COLLISION, "create as \\Device: %#lx\n", status);
    status = try_create(&dos.attr, ACCESS, 0);
    ok(status == ST_OBJECT_NAME_COLLISION, "create as \\??: %#lx\n", status);
    row("T11");
    status = try_create(&dos.attr, 0, 0);
    ok(status == ST_ACCESS_DENIED || status == ST_OBJECT_NAME_COLLISION, "access 0: %#lx\n",
       status);
    todo_wine_if(wine_before(10, 1))
        ok(status == ST_ACCESS_DENIED, "access 0, existing: %#lx\n", status);
    nt.close(slot);
    status = try_create(&device.attr, 0, 0);
    todo_wine_if(wine_before(10, 1))
        ok(status == ST_ACCESS_DENIED, "access 0, new: %#lx\n", status);
    row("T1");
    status = try_create(&device.attr, ACCESS, 0);
    ok(!status, "create as \\Device: %#lx\n", status);

    /* A name relative to the device is the same name. */
    nt_path(&none, "\\Device\\MailSlot\\");
    ok_row("T15", !nt.open_file(&root, GENERIC_READ, &none.attr, &io, 0, 0), "open device\n");
    ok(!nt_slot(&slot, "t1", ACCESS, 0, &timeout), "create failed\n");
    nt_path(&none, "wt%lu_T1", GetCurrentProcessId());
    none.attr.RootDirectory = root;
    status = try_create(&none.attr, ACCESS, 0);
    todo_wine
    {
        ok(status == ST_OBJECT_NAME_COLLISION || broken(status), "relative create: %#lx\n", status);
    }
    status = try_send(&none.attr, "relative");
    todo_wine ok(!status || broken(status), "relative open: %#lx\n", status);
    if (!status)
        expect_read(slot, "relative");
    nt.close(root);
    nt.close(slot);

    row("T16");
    nt_path(&none, "\\??\\UNC\\*\\MAILSLOT\\wt%lu_unc", GetCurrentProcessId());
    status = try_send(&none.attr, "unc");
    todo_wine ok(!status || broken(status), "\\??\\UNC: %#lx\n", status);
    nt_path(&none, "\\Device\\Mup\\*\\MAILSLOT\\wt%lu_unc", GetCurrentProcessId());
    status = try_send(&none.attr, "unc");
    todo_wine ok(!status || broken(status), "\\Device\\Mup: %#lx\n", status);
}

static void test_options(void)
{
    static const ULONG accesses[] = {GENERIC_READ, GENERIC_ALL,
                                     GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE};
    static const ULONG options[] = {0, 2, NT_SYNC_ALERT, NT_SYNC_NONALERT};
    static const ULONG bad_options[] = {1, 4, 8, 0x40, 0x1000, 0x200000};
    bool wine8 = wine_version() < 10;
    IO_STATUS_BLOCK io = io_untouched();
    LARGE_INTEGER timeout = {.QuadPart = 0};
    struct nt_name name;
    char buffer[8];
    NTSTATUS status;
    HANDLE slot;
    unsigned int i;

    nt_path(&name, "\\??\\MAILSLOT\\wt%lu_t12", GetCurrentProcessId());
    row("T12");
    for (i = 0; i < ARRAYSIZE(accesses); i++)
    {
        status = try_create(&name.attr, accesses[i], 0);
        ok(!status, "access %#lx: %#lx\n", accesses[i], status);
    }
    row("C2 C3");
    for (i = 0; i < ARRAYSIZE(options); i++)
    {
        status = nt.create_mailslot(&slot, ACCESS, &name.attr, &io, options[i], 0, 0, &timeout);
        ok(!status, "options %#lx: %#lx\n", options[i], status);
        todo_wine_if(wine8 && options[i] != NT_SYNC_NONALERT)
        {
            ok(nt_mode(slot) == options[i], "options %#lx: mode %#lx\n", options[i], nt_mode(slot));
        }
        nt.close(slot);
    }
    row("T14");
    for (i = 0; i < ARRAYSIZE(bad_options); i++)
    {
        status = try_create(&name.attr, ACCESS, bad_options[i]);
        todo_wine ok(status == ST_INVALID_PARAMETER || broken(true), "options %#lx: %#lx\n",
                     bad_options[i], status);
    }

    row("C14");
    io = io_untouched();
    status = nt.create_mailslot(&slot, ACCESS, &name.attr, &io, 0, 0, 0, &timeout);
    ok(!status, "create: %#lx\n", status);
    todo_wine ok((!io.Status && io.Information == 2) || broken(true), "IOSB %#lx, %#lx\n",
                 io.Status, (long)io.Information);
    nt.close(slot);

    row("T10");
    status = nt.create_mailslot(&slot, ACCESS, &name.attr, &io, 0, 0, 0, NULL);
    ok(!status || broken(status == ST_INVALID_PARAMETER), "timeout NULL: %#lx\n", status);
    io = io_untouched();
    status = nt.read_file(slot, NULL, NULL, NULL, &io, buffer, sizeof(buffer), NULL, NULL);
    todo_wine_if(wine8)
    {
        ok(status == ST_PENDING && io_is_untouched(&io), "read: %#lx, IOSB %#lx\n", status,
           io.Status);
    }
    nt.close(slot);

    row("R22");
    status =
        nt.create_mailslot(&slot, GENERIC_WRITE | SYNCHRONIZE, &name.attr, &io, 0, 0, 0, &timeout);
    ok(!status || broken(status), "GENERIC_WRITE only: %#lx\n", status);
    status = nt.read_file(slot, NULL, NULL, NULL, &io, buffer, sizeof(buffer), NULL, NULL);
    ok(status == ST_ACCESS_DENIED || broken(true), "read: %#lx\n", status);
    nt.close(slot);
}

static void test_device(void)
{
    static const char *const paths[] = {"\\??\\MAILSLOT\\", "\\Device\\MailSlot"};
    static const ULONG options[] = {0, NT_SYNC_ALERT};
    struct nt_name name;
    IO_STATUS_BLOCK io;
    NTSTATUS status;
    HANDLE device;
    unsigned int i, j;

    row("T15 F7");
    for (i = 0; i < ARRAYSIZE(paths); i++)
    {
        for (j = 0; j < ARRAYSIZE(options); j++)
        {
            nt_path(&name, "%s", paths[i]);
            status = nt.open_file(&device, SYNCHRONIZE, &name.attr, &io, 0, options[j]);
            ok(!status, "%s, options %#lx: %#lx\n", paths[i], options[j], status);
            ok(nt_mode(device) == options[j], "%s: mode %#lx instead of %#lx\n", paths[i],
               nt_mode(device), options[j]);
            nt.close(device);
        }
    }
}

static void expect_object(HANDLE handle, bool todo, bool old, const char *fmt, const char *leaf)
{
    struct object_name name = {0};
    struct nt_name expected;
    struct
    {
        UNICODE_STRING name;
        ULONG rest[64];
        WCHAR buffer[64];
    } type = {0};
    NTSTATUS status;

    nt_path(&expected, fmt, GetCurrentProcessId(), leaf);
    status = nt.query_object(handle, OBJECT_NAME, &name, sizeof(name), NULL);
    todo_wine_if(todo)
    {
        ok((!status && name.name.Length == expected.string.Length &&
            !_wcsnicmp(name.name.Buffer, expected.buffer, name.name.Length / sizeof(WCHAR))) ||
               broken(old),
           "%#lx, name %ls instead of %ls\n", status,
           !status && name.name.Buffer ? name.name.Buffer : L"none", expected.buffer);
    }
    row("T20");
    status = nt.query_object(handle, OBJECT_TYPE, &type, sizeof(type), NULL);
    ok(!status && type.name.Length == 8 && !memcmp(type.name.Buffer, L"File", 8), "%#lx\n", status);
}

static void test_objects(void)
{
    HANDLE slot = slot_create("t17", 0, 0), client = slot_client("t17"), device;

    row("T17");
    expect_object(slot, false, false, "\\Device\\Mailslot\\wt%lu_%s", "t17");
    row("T18");
    expect_object(client, true, true, "\\Device\\Mailslot\\wt%lu_%s", "t17");
    row("T19");
    device = path_open("\\\\.\\mailslot", 0, 0);
    expect_object(device, false, false, "\\Device\\Mailslot", "");
    close_handle(device);
    close_handle(client);
    close_handle(slot);
}

static void test_long_win32_name(void)
{
    WCHAR path[400];
    HANDLE slot, client;
    DWORD count;
    int used;

    row("N19");
    used = swprintf(path, 64, L"\\\\.\\mailslot\\wt%lu_", GetCurrentProcessId());
    while (used < 399)
        path[used++] = 'n';
    path[used] = 0;
    SetLastError(0xdeadbeef);
    slot = CreateMailslotW(path, 0, 0, NULL);
    todo_wine expect_handle(slot, "create of 399 characters");
    if (slot == INVALID_HANDLE_VALUE)
        return;
    client = CreateFileW(path, GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    expect_handle(client, "open of 399 characters");
    ok(WriteFile(client, "long", 4, &count, NULL), "error %lu\n", GetLastError());
    expect_read(slot, "long");
    close_handle(client);
    path[398] = 0;
    client = CreateFileW(path, GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    expect_no_handle(client, ERROR_FILE_NOT_FOUND, "one character less");
    close_handle(slot);
}

START_TEST(nt)
{
    nt_load();
    test_attributes();
    test_names();
    test_options();
    test_device();
    test_objects();
    test_long_win32_name();
}
