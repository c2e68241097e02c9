/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nt_file.c - native queries and settings on slot handles (rows F2-F9, F12, I14, I15) */
#include "nt.h"
#include "slots.h"

static HANDLE slot, client, device;

static void expect_name(HANDLE handle, const char *what, bool old)
{
    struct nt_name expected;
    struct name_info info;
    IO_STATUS_BLOCK io;
    NTSTATUS status;
    ULONG length;

    nt_path(&expected, "\\wt%lu_file", GetCurrentProcessId());
    length = expected.string.Length;
    memset(&info, 0xcc, sizeof(info));
    status = nt.query_file(handle, &io, &info, sizeof(info), CLASS_NAME);
    todo_wine
    {
        ok((!status && info.length == length && !memcmp(info.name, expected.buffer, length)) ||
               broken(old && status == ST_INVALID_PARAMETER),
           "%s: %#lx, length %lu\n", what, status, info.length);
    }
    memset(&info, 0xcc, sizeof(info));
    status = nt.query_file(handle, &io, &info, sizeof(ULONG) + 4, CLASS_NAME);
    todo_wine
    {
        ok((status == ST_BUFFER_OVERFLOW && info.length == length &&
            !memcmp(info.name, expected.buffer, 4)) ||
               broken(old && status == ST_INVALID_PARAMETER),
           "%s, short: %#lx, length %lu\n", what, status, info.length);
    }
    ok(info.name[2] == 0xcccc, "%s, short: wrote past the buffer\n", what);
    status = nt.query_file(handle, &io, &info, 0, CLASS_NAME);
    ok(status == ST_INFO_LENGTH_MISMATCH, "%s, 0 bytes: %#lx\n", what, status);
}

static void test_names(void)
{
    struct name_info info;
    IO_STATUS_BLOCK io;
    NTSTATUS status;

    row("F2");
    expect_name(slot, "server", false);
    row("F3");
    expect_name(client, "client", true);
    row("F4");
    status = nt.query_file(device, &io, &info, sizeof(info), CLASS_NAME);
    todo_wine ok(status == ST_INVALID_PARAMETER, "device: %#lx\n", status);
}

static void test_classes(void)
{
    const struct
    {
        const char *what;
        HANDLE handle;
    } handles[] = {{"server", slot}, {"client", client}, {"device", device}};
    unsigned int i;

    for (i = 0; i < ARRAYSIZE(handles); i++)
    {
        IO_STATUS_BLOCK io;
        ULONG value[64] = {0};
        NTSTATUS status;

        row("F5");
        status = nt.query_file(handles[i].handle, &io, value, sizeof(ULONG), CLASS_ACCESS);
        ok(!status && io.Information == sizeof(ULONG), "%s access: %#lx\n", handles[i].what,
           status);
        status =
            nt.query_file(handles[i].handle, &io, value, sizeof(ULONG), CLASS_COMPLETION_NOTIFY);
        ok(!status || broken(status == ST_INVALID_INFO_CLASS), "%s notification: %#lx\n",
           handles[i].what, status);
        row("F6");
        status = nt.query_file(handles[i].handle, &io, value, sizeof(value), (int)0xdeadbeef);
        ok(status == ST_INVALID_INFO_CLASS || status == ST_NOT_IMPLEMENTED, "%s: %#lx\n",
           handles[i].what, status);
        row("F9");
        memset(value, 0, sizeof(value));
        status = nt.query_volume(handles[i].handle, &io, value, 8, CLASS_FS_DEVICE);
        todo_wine ok(!status && value[0] == 0x0c, "%s: %#lx, device type %#lx\n", handles[i].what,
                     status, value[0]);
    }
    row("F8");
    todo_wine ok(nt_mode(slot) == 0, "mode %#lx\n", nt_mode(slot));
    ok(nt_mode(client) == NT_SYNC_NONALERT, "client mode %#lx\n", nt_mode(client));
}

/* Nothing is known for sure but that a peek consumes nothing. */
static void test_peek(void)
{
    struct
    {
        ULONG available, messages, length;
        char data[64];
    } peek;
    IO_STATUS_BLOCK io;
    NTSTATUS status;

    row("F12");
    ok(send_text(client, "peeked"), "write failed\n");
    memset(&peek, 0, sizeof(peek));
    status = nt.fs_control(slot, NULL, NULL, NULL, &io, FSCTL_MAILSLOT_PEEK_CODE, &peek,
                           sizeof(peek), &peek, sizeof(peek));
    ok(status == ST_NOT_SUPPORTED || status == ST_INVALID_PARAMETER ||
           (!status && peek.messages == 1 && peek.length == 6) || broken(true),
       "peek: %#lx, messages %lu, length %lu\n", status, peek.messages, peek.length);
    expect_info(slot, 6, 1);
    expect_read(slot, "peeked");
}

/* The documents disagree whether the value or a pointer to it is passed: Windows may refuse. */
static void test_timeout_encoding(void)
{
    static const struct
    {
        LONGLONG set;
        DWORD ms;
        bool wine_fails;
    } tests[] = {
        {0, 0, false},
        {-10000, 1, false},
        {-12340000, 1234, false},
        {-1, FOREVER, true},
        {-36000000000LL, 3600000, false},
    };
    unsigned int i;

    for (i = 0; i < ARRAYSIZE(tests); i++)
    {
        LARGE_INTEGER value = {.QuadPart = tests[i].set};
        DWORD ms = 0xdeadbeef;
        IO_STATUS_BLOCK io;
        NTSTATUS status;

        row("I14");
        status = nt.set_file(slot, &io, &value, sizeof(value), CLASS_MAILSLOT_SET);
        ok(!status || broken(true), "set %ld: %#lx\n", (long)tests[i].set, status);
        if (status)
            continue;
        row("I15");
        ok(GetMailslotInfo(slot, NULL, NULL, NULL, &ms), "error %lu\n", GetLastError());
        todo_wine_if(tests[i].wine_fails)
        {
            ok(ms == tests[i].ms || broken(true), "set %ld: %lu ms\n", (long)tests[i].set, ms);
        }
    }
    row("I14");
    {
        LARGE_INTEGER value = {.QuadPart = 0};
        IO_STATUS_BLOCK io;
        NTSTATUS status = nt.set_file(slot, &io, &value, 4, CLASS_MAILSLOT_SET);

        todo_wine ok(NT_ERROR(status), "set with 4 bytes: %#lx\n", status);
    }
}

/* For ever, set natively, must be so for reads. */
static void test_forever(void)
{
    LARGE_INTEGER value = {.QuadPart = -1};
    bool wine8 = wine_version() < 10;
    IO_STATUS_BLOCK io, read = io_untouched();
    LONGLONG timeout = 0;
    char buffer[8];
    NTSTATUS status;
    HANDLE handle;

    row("I14");
    ok(!nt_slot(&handle, "forever", GENERIC_READ | SYNCHRONIZE, 0, &timeout), "create failed\n");
    if (!nt.set_file(handle, &io, &value, sizeof(value), CLASS_MAILSLOT_SET) || !broken(true))
    {
        status = nt.read_file(handle, NULL, NULL, NULL, &read, buffer, 8, NULL, NULL);
        todo_wine_if(wine8) ok(status == ST_PENDING, "read: %#lx\n", status);
        if (status == ST_PENDING)
        {
            ok(WaitForSingleObject(handle, 300) == WAIT_TIMEOUT, "read ended: %#lx\n", read.Status);
            row("R17");
            ok(!nt.cancel(handle, &io), "NtCancelIoFile failed\n");
            ok(WaitForSingleObject(handle, 5000) == WAIT_OBJECT_0, "read is not cancelled\n");
            ok(read.Status == ST_CANCELLED, "status %#lx\n", read.Status);
        }
    }
    nt.close(handle);

    /* An empty slot with timeout 0 answers inline and leaves the caller's block alone (R4). */
    row("R4");
    ok(!nt_slot(&handle, "zero", GENERIC_READ | SYNCHRONIZE, 0, &timeout), "create failed\n");
    read = io_untouched();
    status = nt.read_file(handle, NULL, NULL, NULL, &read, buffer, 8, NULL, NULL);
    todo_wine_if(!wine8) ok(status == ST_IO_TIMEOUT, "read: %#lx\n", status);
    if (status == ST_IO_TIMEOUT)
        ok(io_is_untouched(&read), "IOSB %#lx\n", read.Status);
    row("R2");
    {
        struct nt_name name;
        HANDLE writer;

        nt_path(&name, "\\??\\MAILSLOT\\wt%lu_zero", GetCurrentProcessId());
        ok(!nt.open_file(&writer, GENERIC_WRITE | SYNCHRONIZE, &name.attr, &io, FILE_SHARE_READ,
                         NT_SYNC_NONALERT),
           "open failed\n");
        Sleep(50);
        ok(send_text(writer, "hello"), "write failed\n");
        read = io_untouched();
        status = nt.read_file(handle, NULL, NULL, NULL, &read, buffer, 4, NULL, NULL);
        todo_wine_if(wine8)
        {
            ok(status == ST_BUFFER_TOO_SMALL && io_is_untouched(&read), "%#lx, IOSB %#lx\n", status,
               read.Status);
        }
        nt.close(writer);
    }
    nt.close(handle);
}

/* A system call answers for memory that is not there; it neither crashes nor does half of its work.
 */
static void test_bad_memory(void)
{
    const NTSTATUS fault = ST_ACCESS_VIOLATION;
    void *top = (void *)~(ULONG_PTR)0xff; /* a range from here leaves the address space */
    OBJECT_ATTRIBUTES attr = {.Length = sizeof(attr)};
    UNICODE_STRING name = {.Length = 8, .MaximumLength = 8};
    IO_STATUS_BLOCK io = io_untouched();
    struct nt_name path;
    char buffer[64];
    HANDLE handle;
    NTSTATUS status;

    row("T9");
    if (!slot_is_async())
        return; /* plain Wine has its own ways */
    expect_info(slot, NO_MESSAGE, 0);
    status = nt.write_file(client, NULL, NULL, NULL, NULL, "x", 1, NULL, NULL);
    ok(status == fault, "write, no status block: %#lx\n", status);
    status = nt.write_file(client, NULL, NULL, NULL, &io, top, 4096, NULL, NULL);
    ok(status == fault && io_is_untouched(&io), "write, bad buffer: %#lx\n", status);
    expect_info(slot, NO_MESSAGE, 0);
    ok(send_text(client, "kept"), "write failed\n");
    status = nt.read_file(slot, NULL, NULL, NULL, NULL, buffer, sizeof(buffer), NULL, NULL);
    ok(status == fault, "read, no status block: %#lx\n", status);
    status = nt.read_file(slot, NULL, NULL, NULL, &io, NULL, sizeof(buffer), NULL, NULL);
    ok(status == fault && io_is_untouched(&io), "read, no buffer: %#lx\n", status);
    status = nt.read_file(slot, NULL, NULL, NULL, &io, top, 4096, NULL, NULL);
    ok(status == fault && io_is_untouched(&io), "read, bad buffer: %#lx\n", status);
    status = nt.read_file(slot, (HANDLE)(ULONG_PTR)0xdeadbee0, NULL, NULL, &io, buffer,
                          sizeof(buffer), NULL, NULL);
    ok(status == ST_INVALID_HANDLE && io_is_untouched(&io), "read, bad event: %#lx\n", status);
    status = nt.query_file(slot, NULL, buffer, sizeof(buffer), CLASS_MAILSLOT_QUERY);
    ok(status == fault, "query, no status block: %#lx\n", status);
    status = nt.query_file(slot, &io, NULL, sizeof(buffer), CLASS_MAILSLOT_QUERY);
    ok(status == fault, "query, no buffer: %#lx\n", status);
    status = nt.set_file(slot, &io, NULL, sizeof(LARGE_INTEGER), CLASS_MAILSLOT_SET);
    ok(status == fault, "set, no buffer: %#lx\n", status);
    status = nt.query_volume(slot, &io, NULL, 8, CLASS_FS_DEVICE);
    ok(status == fault, "volume, no buffer: %#lx\n", status);
    status = nt.query_object(slot, OBJECT_NAME, NULL, 512, NULL);
    ok(status == fault, "object, no buffer: %#lx\n", status);
    status = nt.cancel(slot, NULL);
    ok(status == fault, "cancel, no status block: %#lx\n", status);
    expect_read(slot, "kept");

    nt_path(&path, "\\??\\MAILSLOT\\wt%lu_file", GetCurrentProcessId());
    status = nt.open_file(&handle, GENERIC_WRITE, &path.attr, NULL, 0, 0);
    ok(status == fault, "open, no status block: %#lx\n", status);
    status = nt.open_file(NULL, GENERIC_WRITE, &path.attr, &io, 0, 0);
    ok(status == fault, "open, no handle: %#lx\n", status);
    attr.ObjectName = &name;
    status = nt.open_file(&handle, GENERIC_WRITE, &attr, &io, 0, 0);
    ok(status < 0, "open, no name buffer: %#lx\n", status);
}

/* A copy of the device's handle stays one, whatever handles are made afterwards. */
static void test_device_copy(void)
{
    HANDLE copy = NULL, event;
    ULONG value[2] = {0};
    IO_STATUS_BLOCK io;
    NTSTATUS status;

    row("F9");
    ok(DuplicateHandle(GetCurrentProcess(), device, GetCurrentProcess(), &copy, 0, FALSE,
                       DUPLICATE_SAME_ACCESS),
       "error %lu\n", GetLastError());
    event = CreateEventA(NULL, FALSE, FALSE, NULL);
    status = nt.query_volume(copy, &io, value, sizeof(value), CLASS_FS_DEVICE);
    todo_wine ok(!status && value[0] == 0x0c, "%#lx, device type %#lx\n", status, value[0]);
    close_handle(event);
    close_handle(copy);
}

START_TEST(nt_file)
{
    nt_load();
    slot = slot_create("file", 0, 0);
    client = slot_client("file");
    device = path_open("\\\\.\\mailslot", 0, 0);
    test_names();
    test_classes();
    test_peek();
    test_timeout_encoding();
    test_forever();
    test_bad_memory();
    test_device_copy();
    close_handle(device);
    close_handle(client);
    close_handle(slot);
}
