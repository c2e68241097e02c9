/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stand-in for what Wine 10.5 and newer does when a session starts: makes \KnownDlls and
 * \KnownDlls32 with a section of kernel32.dll in them, so that wine-mailslot-session.exe can be
 * tested on older Wines, too.
 *
 * usage: make FILE   a section of FILE (a Windows path) in both folders, for the rest of the
 * session hold        opens the section of \KnownDlls, as a program does that starts, and keeps it
 * for a second show        prints, for each folder, "FOLDER SIZE CHECKSUM" of the section's file,
 * or "FOLDER none"
 */
#include <stdio.h>
#include <wchar.h>
#include <windows.h>
#include <winternl.h>

NTSTATUS NTAPI NtOpenSection(HANDLE *ret_section, ACCESS_MASK access,
                             OBJECT_ATTRIBUTES *attributes);
NTSTATUS NTAPI NtCreateSection(HANDLE *ret_section, ACCESS_MASK access,
                               OBJECT_ATTRIBUTES *attributes, LARGE_INTEGER *size, ULONG protect,
                               ULONG flags, HANDLE file);
NTSTATUS NTAPI NtQuerySection(HANDLE section, int what, void *ret_info, SIZE_T size,
                              SIZE_T *ret_size);
NTSTATUS NTAPI NtCreateDirectoryObject(HANDLE *ret_directory, ACCESS_MASK access,
                                       OBJECT_ATTRIBUTES *attributes);

static const WCHAR *const folders[] = {L"\\KnownDlls", L"\\KnownDlls32"};

/* SECTION_IMAGE_INFORMATION */
struct image
{
    void *entry_point;
    ULONG zero_bits;
    SIZE_T stack_reserved, stack_committed;
    ULONG subsystem;
    USHORT versions[4], characteristics, dll_characteristics, machine;
    BOOLEAN has_code;
    UCHAR flags;
    ULONG loader_flags, file_size, checksum;
};

static NTSTATUS known_make(const WCHAR *folder, HANDLE file)
{
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
    LARGE_INTEGER size = {.QuadPart = 0};
    HANDLE directory, section;
    NTSTATUS status;

    RtlInitUnicodeString(&name, folder);
    InitializeObjectAttributes(&attributes, &name, OBJ_PERMANENT | OBJ_OPENIF, NULL, NULL);
    status = NtCreateDirectoryObject(&directory, GENERIC_ALL, &attributes);
    if (status < 0)
        return status;
    RtlInitUnicodeString(&name, L"kernel32.dll");
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_PERMANENT, directory,
                               NULL);
    return NtCreateSection(&section, SECTION_QUERY | SECTION_MAP_READ | SECTION_MAP_EXECUTE,
                           &attributes, &size, PAGE_EXECUTE_READ, SEC_IMAGE, file);
}

static NTSTATUS known_open(const WCHAR *folder, HANDLE *ret_section)
{
    WCHAR path[64];
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;

    wcscpy(path, folder);
    wcscat(path, L"\\kernel32.dll");
    RtlInitUnicodeString(&name, path);
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return NtOpenSection(ret_section, SECTION_QUERY, &attributes);
}

static void known_show(const WCHAR *folder)
{
    struct image image;
    HANDLE section;

    if (known_open(folder, &section) ||
        NtQuerySection(section, 1 /* SectionImageInformation */, &image, sizeof image, NULL))
        printf("%ls none\n", folder);
    else
        printf("%ls %lu %lx\n", folder, image.file_size, image.checksum);
}

int wmain(int argc, WCHAR **argv)
{
    HANDLE file, section;
    NTSTATUS status;

    if (argc == 3 && !wcscmp(argv[1], L"make"))
    {
        file = CreateFileW(argv[2], GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                           OPEN_EXISTING, 0, NULL);
        for (int i = 0; i < 2; i++)
        {
            status = known_make(folders[i], file);
            if (status)
            {
                printf("%ls: status %08lx\n", folders[i], (unsigned long)status);
                return 1;
            }
        }
        return 0;
    }
    if (argc == 2 && !wcscmp(argv[1], L"hold"))
    {
        status = known_open(folders[0], &section);
        puts(status ? "nothing to hold" : "holding");
        fflush(stdout);
        Sleep(1000);
        return status != 0;
    }
    for (int i = 0; i < 2; i++)
        known_show(folders[i]);
    return 0;
}
