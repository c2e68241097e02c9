/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stubs.c - ntdll's system call stubs keep address, shape and number, and can be copied (Y3) */
#include "image.h"
#include "nt.h"
#include "slots.h"

#define STUB_SIZE 32

static const char *const names[] = {
    "NtCreateFile",
    "NtOpenFile",
    "NtReadFile",
    "NtWriteFile",
    "NtClose",
    "NtQueryInformationFile",
    "NtSetInformationFile",
    "NtQueryVolumeInformationFile",
    "NtFsControlFile",
    "NtDeviceIoControlFile",
    "NtCancelIoFile",
    "NtCancelIoFileEx",
    "NtDuplicateObject",
    "NtQueryObject",
    "NtCreateMailslotFile",
    "NtFlushBuffersFile",
    "NtQuerySecurityObject",
    "NtSetSecurityObject",
    "NtWaitForSingleObject",
    "NtWaitForMultipleObjects",
    "NtQueryAttributesFile",
    "NtReadFileScatter",
    "NtWriteFileGather",
    "NtLockFile",
};

/* What no mailslot needs: the reference. */
#define UNTOUCHED "NtCreateSemaphore"

#ifdef _WIN64
#define NUMBER_AT 4 /* 4c 8b d1  b8 N */
#else
#define NUMBER_AT 1 /* b8 N */
#endif

static DWORD stub_number(const BYTE *stub)
{
    DWORD number;

    memcpy(&number, stub + NUMBER_AT, sizeof(number));
    return number;
}

static void test_addresses(const char *when)
{
    NTSTATUS(NTAPI * find)(HMODULE, ANSI_STRING *, ULONG, void **);
    HMODULE ntdll = GetModuleHandleA("ntdll.dll");

    row("Y3");
    find = image_export(ntdll, "LdrGetProcedureAddress");
    for (unsigned int i = 0; i < ARRAYSIZE(names); i++)
    {
        ANSI_STRING string = {(USHORT)strlen(names[i]), (USHORT)strlen(names[i]), (char *)names[i]};
        void *by_hand = image_export(ntdll, names[i]), *by_loader = NULL;
        void *address = (void *)GetProcAddress(ntdll, names[i]);

        if (!by_hand)
        {
            ok(!address, "%s %s: not in the directory, yet found\n", when, names[i]);
            continue;
        }
        ok(image_has(ntdll, address), "%s %s: %p is not in ntdll at %p\n", when, names[i], address,
           (void *)ntdll);
        ok(address == by_hand, "%s %s: %p, by hand %p\n", when, names[i], address, by_hand);
        ok(!find(ntdll, &string, 0, &by_loader) && by_loader == by_hand,
           "%s %s: LdrGetProcedureAddress %p, by hand %p\n", when, names[i], by_loader, by_hand);
    }
}

/* The number is where everybody looks, and no two stubs have the same. */
static void test_shape(const char *when)
{
    HMODULE ntdll = GetModuleHandleA("ntdll.dll");
    const BYTE *reference = image_export(ntdll, UNTOUCHED);
    DWORD numbers[ARRAYSIZE(names)];
    unsigned int count = 0;

    row("Y3");
    for (unsigned int i = 0; i < ARRAYSIZE(names); i++)
    {
        const BYTE *stub = (const BYTE *)GetProcAddress(ntdll, names[i]);

        if (!stub)
            continue;
        ok(!memcmp(stub, reference, NUMBER_AT), "%s %s: begins with %02x %02x %02x %02x\n", when,
           names[i], stub[0], stub[1], stub[2], stub[3]);
        ok(stub_number(stub) < 0x4000, "%s %s: number %#lx\n", when, names[i], stub_number(stub));
        for (unsigned int k = 0; k < count; k++)
            ok(numbers[k] != stub_number(stub), "%s %s: another's number\n", when, names[i]);
        numbers[count++] = stub_number(stub);
    }
}

static void *copied(const char *name)
{
    void *copy =
        image_copy((void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), name), STUB_SIZE, 0);

    ok(copy != NULL, "VirtualAlloc: error %lu\n", GetLastError());
    return copy;
}

/* Copies of the stubs do what the stubs do, with objects that are no slots. */
static void test_copies(const char *when)
{
    NTSTATUS(NTAPI * read_file)
    (HANDLE, HANDLE, void *, void *, IO_STATUS_BLOCK *, void *, ULONG, LARGE_INTEGER *, ULONG *);
    NTSTATUS(NTAPI * write_file)
    (HANDLE, HANDLE, void *, void *, IO_STATUS_BLOCK *, const void *, ULONG, LARGE_INTEGER *,
     ULONG *);
    NTSTATUS(NTAPI * query)(HANDLE, IO_STATUS_BLOCK *, void *, ULONG, int);
    NTSTATUS(NTAPI * close)(HANDLE);
    IO_STATUS_BLOCK io = io_untouched();
    FILE_STANDARD_INFORMATION standard = {0};
    char path[MAX_PATH], folder[MAX_PATH], buffer[8] = "";
    LARGE_INTEGER start = {0};
    HANDLE file, event;
    NTSTATUS status;

    row("Y3");
    close = copied("NtClose");
    read_file = copied("NtReadFile");
    write_file = copied("NtWriteFile");
    query = copied("NtQueryInformationFile");
    event = CreateEventA(NULL, TRUE, FALSE, NULL);
    status = close(event);
    ok(!status, "%s: NtClose: %#lx\n", when, status);
    ok(WaitForSingleObject(event, 0) == WAIT_FAILED, "%s: the handle is still there\n", when);

    GetTempPathA(sizeof(folder), folder);
    GetTempFileNameA(folder, "wt", 0, path);
    file = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS,
                       FILE_FLAG_DELETE_ON_CLOSE, NULL);
    expect_handle(file, "file");
    status = write_file(file, NULL, NULL, NULL, &io, "copied", 6, &start, NULL);
    ok(!status && io.Information == 6, "%s: NtWriteFile: %#lx\n", when, status);
    status = read_file(file, NULL, NULL, NULL, &io, buffer, 6, &start, NULL);
    ok(!status && !strcmp(buffer, "copied"), "%s: NtReadFile: %#lx, %s\n", when, status, buffer);
    status = query(file, &io, &standard, sizeof(standard), 5);
    ok(!status && standard.EndOfFile.QuadPart == 6, "%s: NtQueryInformationFile: %#lx\n", when,
       status);
    status = close(file);
    ok(!status, "%s: NtClose: %#lx\n", when, status);
    VirtualFree(close, 0, MEM_RELEASE);
    VirtualFree(read_file, 0, MEM_RELEASE);
    VirtualFree(write_file, 0, MEM_RELEASE);
    VirtualFree(query, 0, MEM_RELEASE);
}

/* Copies of the stubs on slots: a copy is one more way to call, of the same queue. */
static void test_copies_on_slots(void)
{
    NTSTATUS(NTAPI * write_file)
    (HANDLE, HANDLE, void *, void *, IO_STATUS_BLOCK *, const void *, ULONG, LARGE_INTEGER *,
     ULONG *);
    NTSTATUS(NTAPI * read_file)
    (HANDLE, HANDLE, void *, void *, IO_STATUS_BLOCK *, void *, ULONG, LARGE_INTEGER *, ULONG *);
    HANDLE slot = slot_create("copied", 0, 0), client = slot_client("copied");
    IO_STATUS_BLOCK io = io_untouched();
    NTSTATUS(NTAPI * close)(HANDLE);
    char buffer[16] = "";
    NTSTATUS status;

    row("Y3 Y2");
    close = copied("NtClose");
    read_file = copied("NtReadFile");
    write_file = copied("NtWriteFile");
    status = write_file(client, NULL, NULL, NULL, &io, "copied", 6, NULL, NULL);
    ok(!status && io.Information == 6, "NtWriteFile: %#lx\n", status);
    expect_read(slot, "copied");
    ok(send_text(client, "again"), "write: error %lu\n", GetLastError());
    status = read_file(slot, NULL, NULL, NULL, &io, buffer, sizeof(buffer), NULL, NULL);
    ok(!status && io.Information == 5 && !memcmp(buffer, "again", 5), "NtReadFile: %#lx\n", status);
    ok(!close(client), "NtClose of the client\n");
    ok(!close(slot), "NtClose of the slot\n");
    expect_no_handle(slot_client("copied"), ERROR_FILE_NOT_FOUND, "open after NtClose");
}

START_TEST(stubs)
{
    test_addresses("before");
    test_shape("before");
    test_copies("before");
    test_copies_on_slots();
    test_addresses("after");
    test_shape("after");
    test_copies("after");
}
