/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bad_memory.c - system calls with arguments that point nowhere return a status (Y2) */
#include "nt.h"
#include "slots.h"

/*
 * To a system call a pointer into nowhere is an argument like any other, also when no mailslot has
 * to do with it: it returns ACCESS_VIOLATION and raises no exception. A program that crashes here
 * prints no line of the check.
 */

#define NOWHERE ((void *)0x10)

static NTSTATUS(NTAPI *wait_several)(ULONG, const HANDLE *, int, BOOLEAN, LARGE_INTEGER *);
static NTSTATUS(NTAPI *set_security)(HANDLE, ULONG, void *);

static void expect_fault(NTSTATUS status, const char *what)
{
    ok(status == ST_ACCESS_VIOLATION, "%s: status %#lx\n", what, status);
}

static NTSTATUS create_file(OBJECT_ATTRIBUTES *attr)
{
    IO_STATUS_BLOCK io;
    HANDLE handle;

    return nt.create_file(&handle, GENERIC_READ | SYNCHRONIZE, attr, &io, NULL, 0, FILE_SHARE_READ,
                          1 /* FILE_OPEN */, NT_SYNC_NONALERT, NULL, 0);
}

static NTSTATUS open_file(OBJECT_ATTRIBUTES *attr)
{
    IO_STATUS_BLOCK io;
    HANDLE handle;

    return nt.open_file(&handle, GENERIC_READ | SYNCHRONIZE, attr, &io, FILE_SHARE_READ,
                        NT_SYNC_NONALERT);
}

static NTSTATUS create_slot(OBJECT_ATTRIBUTES *attr)
{
    LARGE_INTEGER timeout = {.QuadPart = 0};
    IO_STATUS_BLOCK io;
    HANDLE handle;

    return nt.create_mailslot(&handle, GENERIC_READ | SYNCHRONIZE, attr, &io, 0, 0, 0, &timeout);
}

static void test_names(void)
{
    static NTSTATUS (*const calls[])(OBJECT_ATTRIBUTES *) = {create_file, open_file, create_slot};
    static const char *const names[] = {"NtCreateFile", "NtOpenFile", "NtCreateMailslotFile"};
    char *pages = VirtualAlloc(NULL, 0x2000, MEM_RESERVE, PAGE_NOACCESS);
    UNICODE_STRING string = {.Length = 20, .MaximumLength = 20, .Buffer = NOWHERE};
    OBJECT_ATTRIBUTES attr = {.Length = sizeof(attr), .ObjectName = NOWHERE};

    row("Y2");
    VirtualAlloc(pages, 0x1000, MEM_COMMIT, PAGE_READWRITE);
    for (unsigned int i = 0; i < ARRAYSIZE(calls); i++)
    {
        trace("%s\n", names[i]);
        expect_fault(calls[i](NOWHERE), "no attributes there");
        attr.ObjectName = NOWHERE;
        expect_fault(calls[i](&attr), "no name there");
        attr.ObjectName = &string;
        string.Buffer = NOWHERE;
        expect_fault(calls[i](&attr), "no text there");
        string.Buffer = (WCHAR *)(pages + 0x1000) - 5;
        memcpy(string.Buffer, L"\\??\\m", 10);
        expect_fault(calls[i](&attr), "half of the text there");
    }
    VirtualFree(pages, 0, MEM_RELEASE);
}

static void test_create(void)
{
    SECURITY_DESCRIPTOR sd;
    struct nt_name name;
    IO_STATUS_BLOCK io;
    HANDLE slot = NULL;

    row("Y2");
    nt_path(&name, "\\??\\MAILSLOT\\wt%lu_nowhere", GetCurrentProcessId());
    expect_fault(
        nt.create_mailslot(&slot, GENERIC_READ | SYNCHRONIZE, &name.attr, &io, 0, 0, 0, NOWHERE),
        "no timeout there");
    name.attr.SecurityDescriptor = NOWHERE;
    expect_fault(
        nt.create_mailslot(&slot, GENERIC_READ | SYNCHRONIZE, &name.attr, &io, 0, 0, 0, NULL),
        "no descriptor there");
    InitializeSecurityDescriptor(&sd, SECURITY_DESCRIPTOR_REVISION);
    sd.Owner = NOWHERE;
    name.attr.SecurityDescriptor = &sd;
    expect_fault(
        nt.create_mailslot(&slot, GENERIC_READ | SYNCHRONIZE, &name.attr, &io, 0, 0, 0, NULL),
        "no owner there");
    expect_no_handle(slot_client("nowhere"), ERROR_FILE_NOT_FOUND, "a slot was made all the same");
    slot = slot_create("nowhere", 0, 0);
    expect_fault(set_security(slot, DACL_SECURITY_INFORMATION, NOWHERE), "none to set there");
    close_handle(slot);
}

static void test_waits(void)
{
    HANDLE slot = slot_create("wait", 0, 0);
    HANDLE *pages = VirtualAlloc(NULL, 0x2000, MEM_RESERVE, PAGE_NOACCESS), *handles;
    LARGE_INTEGER now = {.QuadPart = 0};

    row("Y10");
    VirtualAlloc(pages, 0x1000, MEM_COMMIT, PAGE_READWRITE);
    expect_fault(wait_several(2, NOWHERE, 1, FALSE, &now), "no handles there");
    handles = (HANDLE *)((char *)pages + 0x1000) - 2;
    handles[0] = handles[1] = slot;
    expect_fault(wait_several(3, handles, 1, FALSE, &now), "two of three handles there");
    ok(wait_several(2, handles, 1, FALSE, &now) == WAIT_OBJECT_0, "both there\n");
    close_handle(slot);
    VirtualFree(pages, 0, MEM_RELEASE);
}

START_TEST(bad_memory)
{
    HMODULE ntdll = GetModuleHandleA("ntdll.dll");

    nt_load();
    wait_several = (void *)GetProcAddress(ntdll, "NtWaitForMultipleObjects");
    set_security = (void *)GetProcAddress(ntdll, "NtSetSecurityObject");
    test_names();
    test_create();
    test_waits();
}
