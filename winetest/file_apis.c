/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file_apis.c - the other Win32 file calls on slot handles (rows F1, F10, F11, F14) */
#include "slots.h"

static void test_type(HANDLE slot, HANDLE client)
{
    DWORD type;

    row("F1");
    SetLastError(0xdeadbeef);
    type = GetFileType(slot);
    todo_wine_if(wine_version() < 10) ok(type == FILE_TYPE_UNKNOWN, "server type %lu\n", type);
    todo_wine ok(GetLastError() == NO_ERROR, "server error %lu\n", GetLastError());
    SetLastError(0xdeadbeef);
    type = GetFileType(client);
    todo_wine_if(wine_version() < 10) ok(type == FILE_TYPE_UNKNOWN, "client type %lu\n", type);
    todo_wine ok(GetLastError() == NO_ERROR, "client error %lu\n", GetLastError());
}

static void test_handle_information(HANDLE handle, const char *what)
{
    DWORD flags = 0xdeadbeef;

    row("F14");
    ok(GetHandleInformation(handle, &flags) && !flags, "%s: flags %#lx\n", what, flags);
    ok(SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT), "%s: error %lu\n",
       what, GetLastError());
    ok(GetHandleInformation(handle, &flags) && flags == HANDLE_FLAG_INHERIT, "%s: flags %#lx\n",
       what, flags);
    ok(SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0), "%s: error %lu\n", what,
       GetLastError());
    ok(SetHandleInformation(handle, HANDLE_FLAG_PROTECT_FROM_CLOSE, HANDLE_FLAG_PROTECT_FROM_CLOSE),
       "%s: error %lu\n", what, GetLastError());
    ok(GetHandleInformation(handle, &flags) && flags == HANDLE_FLAG_PROTECT_FROM_CLOSE,
       "%s: flags %#lx\n", what, flags);
    ok(!CloseHandle(handle), "%s: closed a protected handle\n", what);
    ok(SetHandleInformation(handle, HANDLE_FLAG_PROTECT_FROM_CLOSE, 0), "%s: error %lu\n", what,
       GetLastError());
    ok(GetHandleInformation(handle, &flags) && !flags, "%s: flags %#lx\n", what, flags);
}

static void test_times(HANDLE slot)
{
    FILETIME created = {0}, accessed = {0}, written = {0}, now;
    ULARGE_INTEGER a, b;

    row("F10");
    GetSystemTimeAsFileTime(&now);
    todo_wine
    {
        ok(GetFileTime(slot, &created, &accessed, &written), "error %lu\n", GetLastError());
        a.LowPart = created.dwLowDateTime;
        a.HighPart = created.dwHighDateTime;
        b.LowPart = now.dwLowDateTime;
        b.HighPart = now.dwHighDateTime;
        ok(a.QuadPart && a.QuadPart <= b.QuadPart + 10000000, "creation time %lx:%lx\n",
           created.dwHighDateTime, created.dwLowDateTime);
    }
    /* Without FILE_WRITE_ATTRIBUTES the documented call may still be refused. */
    todo_wine_if(wine_version() >= 10)
    {
        ok(SetFileTime(slot, &now, NULL, NULL) || GetLastError() == ERROR_ACCESS_DENIED,
           "error %lu\n", GetLastError());
    }
}

/* Programs must not use these; the safe choice is that they fail and leave the queue alone. */
static void expect_unsupported(bool todo, BOOL ret, const char *what)
{
    DWORD error = GetLastError();

    todo_wine_if(todo)
    {
        ok((!ret && (error == ERROR_INVALID_PARAMETER || error == ERROR_NOT_SUPPORTED ||
                     error == ERROR_ACCESS_DENIED)) ||
               broken(true),
           "%s: ret %d, error %lu\n", what, ret, error);
    }
    SetLastError(0xdeadbeef);
}

static void test_unsupported(HANDLE slot, HANDLE client)
{
    BY_HANDLE_FILE_INFORMATION info;
    bool wine10 = wine_version() >= 10;
    DWORD count = 0;

    row("F11");
    ok(send_text(client, "kept"), "write failed\n");
    SetLastError(0xdeadbeef);
    expect_unsupported(true, GetFileSize(slot, NULL) != INVALID_FILE_SIZE, "GetFileSize");
    expect_unsupported(wine10, GetFileInformationByHandle(slot, &info), "GetFileInformation");
    expect_unsupported(wine10, FlushFileBuffers(slot), "FlushFileBuffers");
    expect_unsupported(false, PeekNamedPipe(slot, NULL, 0, NULL, &count, NULL), "PeekNamedPipe");
    expect_unsupported(true, SetFilePointer(slot, 0, NULL, FILE_BEGIN) != INVALID_SET_FILE_POINTER,
                       "SetFilePointer");
    expect_unsupported(true, LockFile(slot, 0, 0, 1, 0), "LockFile");
    expect_unsupported(true, SetEndOfFile(slot), "SetEndOfFile");
    expect_info(slot, 4, 1);
    expect_read(slot, "kept");
}

START_TEST(file_apis)
{
    HANDLE slot = slot_create("f", 0, 0), client = slot_client("f");

    test_type(slot, client);
    test_handle_information(slot, "server");
    test_handle_information(client, "client");
    test_times(slot);
    test_unsupported(slot, client);
    close_handle(client);
    close_handle(slot);
}
