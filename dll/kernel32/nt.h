/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The part of ntdll that kernel32 uses and that mingw's headers do not (fully) declare */
#pragma once

#include <windows.h>

/*
 * mingw says BOOL, but functions that return BOOLEAN set the lowest byte of the register only, and
 * Wine's do leave rubbish above it (semantics Y13).
 */
#define RtlDosPathNameToNtPathName_U nt_wrong_RtlDosPathNameToNtPathName_U
#include <winternl.h>
#undef RtlDosPathNameToNtPathName_U

#define NT_FILE_MAILSLOT_QUERY 26
#define NT_FILE_MAILSLOT_SET   27
#define NT_CURRENT_PROCESS     ((HANDLE)(LONG_PTR)-1)

/* FILE_MAILSLOT_QUERY_INFORMATION, [MS-FSCC] 2.4.29; read_timeout as it is set, 2.4.30 */
struct nt_mailslot_query
{
    ULONG max_message_size;
    ULONG quota;
    ULONG next_message_size;
    ULONG message_count;
    LONGLONG read_timeout;
};

/* The documented head of a loader list entry (PEB_LDR_DATA.InLoadOrderModuleList) */
struct nt_ldr_module
{
    LIST_ENTRY in_load_order;
    LIST_ENTRY in_memory_order;
    LIST_ENTRY in_initialization_order;
    void *base;
    void *entry_point;
    ULONG size;
    UNICODE_STRING full_name;
    UNICODE_STRING base_name;
};

struct nt_ldr_data
{
    ULONG length;
    ULONG initialized;
    void *ss_handle;
    LIST_ENTRY in_load_order;
};

/* RTL_USER_PROCESS_PARAMETERS up to the standard handles */
struct nt_process_params
{
    ULONG head[4];
    HANDLE console;
    ULONG console_flags;
    HANDLE std_in;
    HANDLE std_out;
    HANDLE std_err;
};

PEB *NTAPI RtlGetCurrentPeb(void);
NTSTATUS NTAPI LdrLoadDll(const WCHAR *path, ULONG flags, const UNICODE_STRING *name,
                          HMODULE *ret_module);
NTSTATUS NTAPI LdrGetDllHandle(const WCHAR *path, ULONG flags, const UNICODE_STRING *name,
                               HMODULE *ret_module);
NTSTATUS NTAPI LdrGetProcedureAddress(HMODULE module, const ANSI_STRING *name, ULONG ordinal,
                                      void **ret_address);
NTSTATUS NTAPI LdrFindEntryForAddress(const void *address, void **ret_module);
NTSTATUS NTAPI NtProtectVirtualMemory(HANDLE process, void **address, SIZE_T *size, ULONG protect,
                                      ULONG *ret_old);
NTSTATUS NTAPI NtCreateMailslotFile(HANDLE *ret_handle, ULONG access, OBJECT_ATTRIBUTES *attr,
                                    IO_STATUS_BLOCK *io, ULONG options, ULONG quota,
                                    ULONG max_message_size, LARGE_INTEGER *timeout);
NTSTATUS NTAPI NtWriteFile(HANDLE file, HANDLE event, PIO_APC_ROUTINE apc, void *apc_context,
                           IO_STATUS_BLOCK *io, const void *buffer, ULONG length,
                           LARGE_INTEGER *offset, ULONG *key);
BOOLEAN NTAPI RtlCreateUnicodeStringFromAsciiz(UNICODE_STRING *ret_string, const char *ansi);
BOOLEAN NTAPI RtlDosPathNameToNtPathName_U(const WCHAR *dos_path, UNICODE_STRING *ret_nt_path,
                                           WCHAR **ret_file_part, void *ret_current_folder);
void NTAPI RtlRaiseException(EXCEPTION_RECORD *record);
void NTAPI RtlSetLastWin32Error(ULONG error);
