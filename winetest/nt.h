/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nt.h - the native calls and information classes that the tests use, found at run time */
#pragma once

#include "winetest.h"
#include <winternl.h>

#define ST(x)                     ((NTSTATUS)(x))
#define ST_SUCCESS                ST(0)
#define ST_PENDING                ST(0x103)
#define ST_BUFFER_OVERFLOW        ST(0x80000005)
#define ST_HANDLES_CLOSED         ST(0x8000000a)
#define ST_NOT_IMPLEMENTED        ST(0xc0000002)
#define ST_INVALID_INFO_CLASS     ST(0xc0000003)
#define ST_INFO_LENGTH_MISMATCH   ST(0xc0000004)
#define ST_ACCESS_VIOLATION       ST(0xc0000005)
#define ST_INVALID_HANDLE         ST(0xc0000008)
#define ST_INVALID_PARAMETER      ST(0xc000000d)
#define ST_INVALID_DEVICE_REQUEST ST(0xc0000010)
#define ST_ACCESS_DENIED          ST(0xc0000022)
#define ST_BUFFER_TOO_SMALL       ST(0xc0000023)
#define ST_OBJECT_NAME_INVALID    ST(0xc0000033)
#define ST_OBJECT_NAME_NOT_FOUND  ST(0xc0000034)
#define ST_OBJECT_NAME_COLLISION  ST(0xc0000035)
#define ST_OBJECT_PATH_SYNTAX_BAD ST(0xc000003b)
#define ST_IO_TIMEOUT             ST(0xc00000b5)
#define ST_FILE_FORCED_CLOSED     ST(0xc00000b6)
#define ST_NOT_SUPPORTED          ST(0xc00000bb)
#define ST_CANCELLED              ST(0xc0000120)
#define NT_SYNC_ALERT             0x10
#define NT_SYNC_NONALERT          0x20
#define NT_FOREVER                ((LONGLONG)0x8000000000000000ULL)
#define FSCTL_MAILSLOT_PEEK_CODE  0x000c4003
#define CLASS_ACCESS              8
#define CLASS_NAME                9
#define CLASS_MODE                16
#define CLASS_MAILSLOT_QUERY      26
#define CLASS_MAILSLOT_SET        27
#define CLASS_COMPLETION_NOTIFY   41
#define CLASS_FS_DEVICE           4
#define OBJECT_BASIC              0
#define OBJECT_NAME               1
#define OBJECT_TYPE               2

struct mailslot_query
{
    ULONG max_size, quota, next_size, count;
    LARGE_INTEGER timeout;
};

struct name_info
{
    ULONG length; /* bytes */
    WCHAR name[256];
};

struct object_basic
{
    ULONG attributes;
    ACCESS_MASK access;
    ULONG handles, pointers, reserved[10];
};

struct object_name
{
    UNICODE_STRING name;
    WCHAR buffer[512];
};

static struct
{
    NTSTATUS(NTAPI *create_mailslot)
    (HANDLE *, ULONG, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, ULONG, ULONG, ULONG, LARGE_INTEGER *);
    NTSTATUS(NTAPI *create_file)
    (HANDLE *, ULONG, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, LARGE_INTEGER *, ULONG, ULONG, ULONG,
     ULONG, void *, ULONG);
    NTSTATUS(NTAPI *open_file)
    (HANDLE *, ULONG, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, ULONG, ULONG);
    NTSTATUS(NTAPI *read_file)
    (HANDLE, HANDLE, void *, void *, IO_STATUS_BLOCK *, void *, ULONG, LARGE_INTEGER *, ULONG *);
    NTSTATUS(NTAPI *write_file)
    (HANDLE, HANDLE, void *, void *, IO_STATUS_BLOCK *, const void *, ULONG, LARGE_INTEGER *,
     ULONG *);
    NTSTATUS(NTAPI *query_file)(HANDLE, IO_STATUS_BLOCK *, void *, ULONG, int);
    NTSTATUS(NTAPI *set_file)(HANDLE, IO_STATUS_BLOCK *, void *, ULONG, int);
    NTSTATUS(NTAPI *query_volume)(HANDLE, IO_STATUS_BLOCK *, void *, ULONG, int);
    NTSTATUS(NTAPI *query_object)(HANDLE, int, void *, ULONG, ULONG *);
    NTSTATUS(NTAPI *fs_control)
    (HANDLE, HANDLE, void *, void *, IO_STATUS_BLOCK *, ULONG, void *, ULONG, void *, ULONG);
    NTSTATUS(NTAPI *cancel)(HANDLE, IO_STATUS_BLOCK *);
    NTSTATUS(NTAPI *close)(HANDLE);
} nt;

/* Fills nt by a search of the test's own; find returns NULL for what it does not find. */
static inline void nt_load_with(void *(*find)(HMODULE module, const char *name))
{
    HMODULE ntdll = GetModuleHandleA("ntdll.dll");

    nt.create_mailslot = find(ntdll, "NtCreateMailslotFile");
    nt.create_file = find(ntdll, "NtCreateFile");
    nt.open_file = find(ntdll, "NtOpenFile");
    nt.read_file = find(ntdll, "NtReadFile");
    nt.write_file = find(ntdll, "NtWriteFile");
    nt.query_file = find(ntdll, "NtQueryInformationFile");
    nt.set_file = find(ntdll, "NtSetInformationFile");
    nt.query_volume = find(ntdll, "NtQueryVolumeInformationFile");
    nt.query_object = find(ntdll, "NtQueryObject");
    nt.fs_control = find(ntdll, "NtFsControlFile");
    nt.cancel = find(ntdll, "NtCancelIoFile");
    nt.close = find(ntdll, "NtClose");
}

static inline void *nt_find(HMODULE module, const char *name)
{
    return (void *)GetProcAddress(module, name);
}

/* Must be called once before the others. */
static inline void nt_load(void)
{
    nt_load_with(nt_find);
}

/* A name as NT wants it: attr points into name, all of it lives in the caller's struct. */
struct nt_name
{
    WCHAR buffer[256];
    UNICODE_STRING string;
    OBJECT_ATTRIBUTES attr;
};

/* Fills name with a printf-made, case-insensitive NT path below 256 characters. */
WT_FORMAT(2, 3)
static OBJECT_ATTRIBUTES *nt_path(struct nt_name *name, const char *fmt, ...)
{
    char text[256];
    va_list args;
    int i;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    memset(name, 0, sizeof(*name));
    for (i = 0; text[i]; i++)
        name->buffer[i] = (unsigned char)text[i];
    name->string.Buffer = name->buffer;
    name->string.Length = (USHORT)(i * sizeof(WCHAR));
    name->string.MaximumLength = name->string.Length + sizeof(WCHAR);
    name->attr.Length = sizeof(name->attr);
    name->attr.ObjectName = &name->string;
    name->attr.Attributes = OBJ_CASE_INSENSITIVE;
    return &name->attr;
}

/* NtCreateMailslotFile of "\??\MAILSLOT\wt<pid>_leaf"; timeout in 100 ns or NULL. */
static inline NTSTATUS nt_slot(HANDLE *ret_slot, const char *leaf, ULONG access, ULONG options,
                               LONGLONG *timeout)
{
    LARGE_INTEGER when = {.QuadPart = timeout ? *timeout : 0};
    struct nt_name name;
    IO_STATUS_BLOCK io;

    *ret_slot = NULL;
    nt_path(&name, "\\??\\MAILSLOT\\wt%lu_%s", GetCurrentProcessId(), leaf);
    return nt.create_mailslot(ret_slot, access, &name.attr, &io, options, 0, 0,
                              timeout ? &when : NULL);
}

/* The FileModeInformation of a handle, or ~0. */
static inline ULONG nt_mode(HANDLE handle)
{
    IO_STATUS_BLOCK io;
    ULONG mode = ~0u;

    return nt.query_file(handle, &io, &mode, sizeof(mode), CLASS_MODE) ? ~0u : mode;
}

/* The status a system call would leave: prefilled so that "untouched" can be seen. */
static inline IO_STATUS_BLOCK io_untouched(void)
{
    IO_STATUS_BLOCK io = {{.Status = ST(0xdeadbabe)}, 0xdeadbeef};

    return io;
}

static inline bool io_is_untouched(const IO_STATUS_BLOCK *io)
{
    return io->Status == ST(0xdeadbabe) && io->Information == 0xdeadbeef;
}
