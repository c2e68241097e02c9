/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wine-mailslot-session.exe: makes a running session of Wine look for kernel32.dll where ours is.
 *
 * Wine 10.5 and newer does as Windows does: when the session of a prefix starts, it makes a section
 * of kernel32.dll and others in the object folders \KnownDlls and \KnownDlls32, from the files that
 * system32 and syswow64 have then. Every program takes kernel32 from there before any folder is
 * searched. So a file that comes later is not seen. An older Wine has no such folders, and here is
 * nothing to do.
 *
 * "put" replaces the sections of kernel32.dll by ones of the files that are in system32 and
 * syswow64 now: what Wine itself would make if the session started now. "drop" takes them away:
 * programs then search the folders, their own first, as with Wine before 10.5. Neither disturbs a
 * program that runs, and nothing of it outlives the session.
 *
 * usage: put | drop | find NAME; exit code 0: done (or nothing to do), 1: failed, with a line on
 * standard error; 2: wrong use. find: 0 if Windows finds program NAME in its folders or below App
 * Paths, else 1
 */
#include <stdbool.h>
#include <stdio.h>
#include <wchar.h>
#include <windows.h>
#include <winternl.h>

#define SESSION_PATIENCE              200 /* times 10 ms: another program holds the old section open */
#define SESSION_STATUS_NOT_FOUND      ((NTSTATUS)0xC0000034L) /* OBJECT_NAME_NOT_FOUND */
#define SESSION_STATUS_PATH_NOT_FOUND ((NTSTATUS)0xC000003AL) /* OBJECT_PATH_NOT_FOUND */
#define SESSION_STATUS_COLLISION      ((NTSTATUS)0xC0000035L) /* OBJECT_NAME_COLLISION */
#define SESSION_STATUS_EXISTS         ((NTSTATUS)0x40000000L) /* OBJECT_NAME_EXISTS */
#define SESSION_DIRECTORY_QUERY       1
#define SESSION_SECTION_IMAGE         1 /* SectionImageInformation */

NTSTATUS NTAPI NtOpenSection(HANDLE *ret_section, ACCESS_MASK access,
                             OBJECT_ATTRIBUTES *attributes);
NTSTATUS NTAPI NtCreateSection(HANDLE *ret_section, ACCESS_MASK access,
                               OBJECT_ATTRIBUTES *attributes, LARGE_INTEGER *size, ULONG protect,
                               ULONG flags, HANDLE file);
NTSTATUS NTAPI NtQuerySection(HANDLE section, int what, void *ret_info, SIZE_T size,
                              SIZE_T *ret_size);
NTSTATUS NTAPI NtOpenDirectoryObject(HANDLE *ret_directory, ACCESS_MASK access,
                                     OBJECT_ATTRIBUTES *attributes);
NTSTATUS NTAPI NtMakeTemporaryObject(HANDLE object);

/* SECTION_IMAGE_INFORMATION, which is documented, but missing in mingw's headers. */
struct session_image
{
    void *entry_point;
    ULONG zero_bits;
    SIZE_T stack_reserved, stack_committed;
    ULONG subsystem;
    USHORT subsystem_minor, subsystem_major, system_major, system_minor;
    USHORT characteristics, dll_characteristics, machine;
    BOOLEAN has_code;
    UCHAR flags;
    ULONG loader_flags, file_size, checksum;
};

/* The two places, and the folders of the files in them. */
static const struct session_place
{
    const WCHAR *directory, *folder;
} session_places[] = {
    {L"\\KnownDlls", L"system32"},
    {L"\\KnownDlls32", L"syswow64"},
};

static int session_fail(const WCHAR *what, NTSTATUS status)
{
    fwprintf(stderr, L"%ls: status %08lx\n", what, (unsigned long)status);
    return 1;
}

/* Opens object folder PATH. Returns NULL if there is none, as before Wine 10.5. */
static HANDLE session_open_directory(const WCHAR *path)
{
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
    HANDLE directory;

    RtlInitUnicodeString(&name, path);
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return NtOpenDirectoryObject(&directory, SESSION_DIRECTORY_QUERY | 2 | 4, &attributes)
               ? NULL
               : directory;
}

/* Opens the section of kernel32.dll in the folder. The caller closes *ret_section. */
static NTSTATUS session_open(HANDLE directory, ACCESS_MASK access, HANDLE *ret_section)
{
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;

    RtlInitUnicodeString(&name, L"kernel32.dll");
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, directory, NULL);
    return NtOpenSection(ret_section, access, &attributes);
}

/*
 * Makes a section of kernel32.dll in a folder of Windows: one without a name, or one that stays in
 * the object folder until the session ends. The caller closes *ret_section.
 */
static NTSTATUS session_create(HANDLE directory, const WCHAR *folder, HANDLE *ret_section)
{
    WCHAR path[2 * MAX_PATH] = L"\\??\\", windows[MAX_PATH];
    UNICODE_STRING file_name, name;
    OBJECT_ATTRIBUTES attributes;
    LARGE_INTEGER size = {.QuadPart = 0};
    IO_STATUS_BLOCK io;
    HANDLE file;
    NTSTATUS status;

    GetSystemWindowsDirectoryW(windows, MAX_PATH);
    wcscat(path, windows);
    wcscat(path, L"\\");
    wcscat(path, folder);
    wcscat(path, L"\\kernel32.dll");
    RtlInitUnicodeString(&file_name, path);
    InitializeObjectAttributes(&attributes, &file_name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    status = NtOpenFile(&file, GENERIC_READ | SYNCHRONIZE, &attributes, &io,
                        FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                        FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE);
    if (status)
        return status;
    RtlInitUnicodeString(&name, L"kernel32.dll");
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_PERMANENT, directory,
                               NULL);
    status = NtCreateSection(
        ret_section,
        STANDARD_RIGHTS_REQUIRED | SECTION_QUERY | SECTION_MAP_READ | SECTION_MAP_EXECUTE,
        directory ? &attributes : NULL, &size, PAGE_EXECUTE_READ, SEC_IMAGE, file);
    NtClose(file);
    return status;
}

/* Whether two sections are of files that do not differ in size, checksum and entry point. */
static bool session_same(HANDLE one, HANDLE two)
{
    struct session_image a, b;

    return !NtQuerySection(one, SESSION_SECTION_IMAGE, &a, sizeof a, NULL) &&
           !NtQuerySection(two, SESSION_SECTION_IMAGE, &b, sizeof b, NULL) &&
           a.entry_point == b.entry_point && a.file_size == b.file_size &&
           a.checksum == b.checksum && a.machine == b.machine;
}

/* Whether the section in the object folder is that of the file of now. */
static bool session_is_current(HANDLE directory, const WCHAR *folder)
{
    HANDLE known, file;
    bool same = false;

    if (session_open(directory, SECTION_QUERY, &known))
        return false;
    if (!session_create(NULL, folder, &file))
    {
        same = session_same(known, file);
        NtClose(file);
    }
    NtClose(known);
    return same;
}

/* Takes the section out of the folder; the name goes with the last handle to it. */
static NTSTATUS session_drop(HANDLE directory)
{
    HANDLE section;
    NTSTATUS status = session_open(directory, DELETE, &section);

    if (status == SESSION_STATUS_NOT_FOUND)
        return 0;
    if (status)
        return status;
    status = NtMakeTemporaryObject(section);
    NtClose(section);
    return status;
}

static NTSTATUS session_put(HANDLE directory, const WCHAR *folder)
{
    HANDLE section;
    NTSTATUS status;

    for (int i = 0;; i++)
    {
        status = session_drop(directory);
        if (status)
            return status;
        status = session_create(directory, folder, &section);
        if (!status)
        {
            NtClose(section);
            return 0;
        }
        if (status == SESSION_STATUS_EXISTS)
            NtClose(section);
        else if (status != SESSION_STATUS_COLLISION)
            return status;
        if (i == SESSION_PATIENCE)
            return SESSION_STATUS_COLLISION;
        Sleep(10);
    }
}

static int session_change(bool put)
{
    for (size_t i = 0; i < sizeof session_places / sizeof *session_places; i++)
    {
        const struct session_place *place = &session_places[i];
        HANDLE directory = session_open_directory(place->directory);
        NTSTATUS status = 0;

        if (!directory)
            continue;
        if (!put)
            status = session_drop(directory);
        else if (!session_is_current(directory, place->folder))
            status = session_put(directory, place->folder);
        NtClose(directory);
        /* Wine has the second folder also where it has no 32-bit part. */
        if (i > 0 &&
            (status == SESSION_STATUS_NOT_FOUND || status == SESSION_STATUS_PATH_NOT_FOUND))
            continue;
        if (status)
            return session_fail(place->directory, status);
    }
    return 0;
}

/* Whether Windows finds the program: as CreateProcess does, or below App Paths as "start" does. */
static int session_find(const WCHAR *name)
{
    WCHAR path[1024], key[1024] = L"Software\\Microsoft\\Windows\\CurrentVersion\\App Paths\\";
    const WCHAR *ext = wcschr(name, L'.') ? NULL : L".exe";
    HKEY roots[] = {HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE}, opened;

    if (SearchPathW(NULL, name, ext, 1024, path, NULL) ||
        SearchPathW(NULL, name, L".exe", 1024, path, NULL))
        return 0;
    if (wcslen(key) + wcslen(name) + 5 > sizeof key / sizeof *key)
        return 1;
    wcscat(key, name);
    if (ext)
        wcscat(key, ext);
    for (int i = 0; i < 2; i++)
    {
        if (!RegOpenKeyExW(roots[i], key, 0, KEY_READ, &opened))
        {
            RegCloseKey(opened);
            return 0;
        }
    }
    return 1;
}

int wmain(int argc, WCHAR **argv)
{
    if (argc == 3 && !wcscmp(argv[1], L"find"))
        return session_find(argv[2]);
    if (argc == 2 && !wcscmp(argv[1], L"put"))
        return session_change(true);
    if (argc == 2 && !wcscmp(argv[1], L"drop"))
        return session_change(false);
    fwprintf(stderr, L"usage: wine-mailslot-session.exe put | drop | find NAME\n");
    return 2;
}
