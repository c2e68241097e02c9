/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The part of the NT interface that the layer implements and that mingw's headers lack. */
#pragma once

#include <windows.h>
#include <winternl.h>
#include <ntstatus.h>

#include <stdbool.h>
#include <stdint.h>

#ifndef STATUS_SUCCESS
#define STATUS_SUCCESS ((NTSTATUS)0)
#endif

/* FILE_INFORMATION_CLASS, FS_INFORMATION_CLASS, OBJECT_INFORMATION_CLASS values ([MS-FSCC] 2.4) */
#define NT_FILE_BASIC                      4
#define NT_FILE_STANDARD                   5
#define NT_FILE_ACCESS                     8
#define NT_FILE_NAME                       9
#define NT_FILE_POSITION                   14
#define NT_FILE_MODE                       16
#define NT_FILE_MAILSLOT_QUERY             26
#define NT_FILE_MAILSLOT_SET               27
#define NT_FILE_COMPLETION                 30
#define NT_FILE_IO_COMPLETION_NOTIFICATION 41
#define NT_FILE_REPLACE_COMPLETION         61
#define NT_FILE_CLASSES                    77 /* the first number that no Windows up to 10 knows */

#define NT_VOLUME_DEVICE 4

#define NT_OBJECT_BASIC 0
#define NT_OBJECT_NAME  1
#define NT_OBJECT_TYPE  2

#define NT_FILE_DEVICE_MAILSLOT 0x0c
#define NT_FSCTL_MAILSLOT_PEEK  0x000c4003
#define NT_SYNCHRONOUS_OPTIONS  (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT)
#define NT_MAILSLOT_OPTIONS     0x32 /* row T14 */
#define NT_SKIP_ON_SUCCESS      1    /* FILE_SKIP_COMPLETION_PORT_ON_SUCCESS */
#define NT_SKIP_SET_EVENT       2    /* FILE_SKIP_SET_EVENT_ON_HANDLE */

struct nt_mailslot_query /* [MS-FSCC] 2.4.29 */
{
    ULONG max_message;
    ULONG quota;
    ULONG next_size;
    ULONG count;
    LARGE_INTEGER read_timeout;
};

struct nt_name_info
{
    ULONG length; /* bytes */
    WCHAR name[1];
};

struct nt_basic_info
{
    LARGE_INTEGER creation, access, write, change;
    ULONG attributes;
};

struct nt_completion_info
{
    HANDLE port;
    ULONG_PTR key;
};

struct nt_device_info
{
    ULONG type;
    ULONG characteristics;
};

struct nt_object_basic_info
{
    ULONG attributes;
    ACCESS_MASK access;
    ULONG handle_count;
    ULONG pointer_count;
    ULONG reserved[10];
};

struct nt_object_name_info
{
    UNICODE_STRING name; /* the buffer follows */
};

typedef void(NTAPI *nt_apc_fn)(ULONG_PTR, ULONG_PTR, ULONG_PTR);
typedef NTSTATUS(NTAPI *nt_thread_fn)(void *);

NTSTATUS NTAPI NtCreateMailslotFile(HANDLE *, ULONG, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, ULONG,
                                    ULONG, ULONG, LARGE_INTEGER *);
NTSTATUS NTAPI NtReadFile(HANDLE, HANDLE, PIO_APC_ROUTINE, void *, IO_STATUS_BLOCK *, void *, ULONG,
                          LARGE_INTEGER *, ULONG *);
NTSTATUS NTAPI NtWriteFile(HANDLE, HANDLE, PIO_APC_ROUTINE, void *, IO_STATUS_BLOCK *, const void *,
                           ULONG, LARGE_INTEGER *, ULONG *);
NTSTATUS NTAPI NtFlushBuffersFile(HANDLE, IO_STATUS_BLOCK *);
NTSTATUS NTAPI NtLockFile(HANDLE, HANDLE, PIO_APC_ROUTINE, void *, IO_STATUS_BLOCK *,
                          LARGE_INTEGER *, LARGE_INTEGER *, ULONG *, BOOLEAN, BOOLEAN);
NTSTATUS NTAPI NtUnlockFile(HANDLE, IO_STATUS_BLOCK *, LARGE_INTEGER *, LARGE_INTEGER *, ULONG *);
NTSTATUS NTAPI NtFsControlFile(HANDLE, HANDLE, PIO_APC_ROUTINE, void *, IO_STATUS_BLOCK *, ULONG,
                               void *, ULONG, void *, ULONG);
NTSTATUS NTAPI NtDuplicateObject(HANDLE, HANDLE, HANDLE, HANDLE *, ACCESS_MASK, ULONG, ULONG);
NTSTATUS NTAPI NtQuerySecurityObject(HANDLE, ULONG, void *, ULONG, ULONG *);
NTSTATUS NTAPI NtSetSecurityObject(HANDLE, ULONG, void *);
NTSTATUS NTAPI NtAccessCheck(void *, HANDLE, ACCESS_MASK, GENERIC_MAPPING *, PRIVILEGE_SET *,
                             ULONG *, ACCESS_MASK *, NTSTATUS *);
NTSTATUS NTAPI NtOpenThreadToken(HANDLE, ACCESS_MASK, BOOLEAN, HANDLE *);
NTSTATUS NTAPI NtDuplicateToken(HANDLE, ACCESS_MASK, OBJECT_ATTRIBUTES *, BOOLEAN, TOKEN_TYPE,
                                HANDLE *);
NTSTATUS NTAPI NtOpenProcessToken(HANDLE, ACCESS_MASK, HANDLE *);
NTSTATUS NTAPI NtQueryInformationToken(HANDLE, TOKEN_INFORMATION_CLASS, void *, ULONG, ULONG *);
NTSTATUS NTAPI RtlCreateSecurityDescriptor(void *, ULONG);
NTSTATUS NTAPI RtlGetOwnerSecurityDescriptor(void *, PSID *, BOOLEAN *);
NTSTATUS NTAPI RtlSetOwnerSecurityDescriptor(void *, PSID, BOOLEAN);
NTSTATUS NTAPI RtlGetGroupSecurityDescriptor(void *, PSID *, BOOLEAN *);
NTSTATUS NTAPI RtlSetGroupSecurityDescriptor(void *, PSID, BOOLEAN);
NTSTATUS NTAPI RtlGetDaclSecurityDescriptor(void *, BOOLEAN *, ACL **, BOOLEAN *);
NTSTATUS NTAPI RtlSetDaclSecurityDescriptor(void *, BOOLEAN, ACL *, BOOLEAN);
NTSTATUS NTAPI RtlGetSaclSecurityDescriptor(void *, BOOLEAN *, ACL **, BOOLEAN *);
NTSTATUS NTAPI RtlSetSaclSecurityDescriptor(void *, BOOLEAN, ACL *, BOOLEAN);
NTSTATUS NTAPI RtlAbsoluteToSelfRelativeSD(void *, void *, ULONG *);
ULONG NTAPI RtlLengthSecurityDescriptor(void *);
NTSTATUS NTAPI NtCancelIoFile(HANDLE, IO_STATUS_BLOCK *);
NTSTATUS NTAPI NtCancelIoFileEx(HANDLE, IO_STATUS_BLOCK *, IO_STATUS_BLOCK *);
NTSTATUS NTAPI NtCancelSynchronousIoFile(HANDLE, IO_STATUS_BLOCK *, IO_STATUS_BLOCK *);
NTSTATUS NTAPI NtQueryAttributesFile(const OBJECT_ATTRIBUTES *, void *);
NTSTATUS NTAPI NtQueryFullAttributesFile(const OBJECT_ATTRIBUTES *, void *);
NTSTATUS NTAPI NtWaitForMultipleObjects(ULONG, const HANDLE *, ULONG, BOOLEAN,
                                        const LARGE_INTEGER *);
NTSTATUS NTAPI NtSignalAndWaitForSingleObject(HANDLE, HANDLE, BOOLEAN, const LARGE_INTEGER *);
ULONG NTAPI NtUserMsgWaitForMultipleObjectsEx(ULONG, const HANDLE *, ULONG, ULONG, ULONG);
NTSTATUS NTAPI NtCreateEvent(HANDLE *, ACCESS_MASK, const OBJECT_ATTRIBUTES *, ULONG, BOOLEAN);
NTSTATUS NTAPI NtSetEvent(HANDLE, LONG *);
NTSTATUS NTAPI NtResetEvent(HANDLE, LONG *);
NTSTATUS NTAPI NtSetIoCompletion(HANDLE, ULONG_PTR, ULONG_PTR, NTSTATUS, SIZE_T);
NTSTATUS NTAPI NtQueueApcThread(HANDLE, nt_apc_fn, ULONG_PTR, ULONG_PTR, ULONG_PTR);
NTSTATUS NTAPI NtOpenThread(HANDLE *, ACCESS_MASK, const OBJECT_ATTRIBUTES *, const CLIENT_ID *);
NTSTATUS NTAPI NtCreateThreadEx(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, HANDLE, nt_thread_fn,
                                void *, ULONG, SIZE_T, SIZE_T, SIZE_T, void *);
NTSTATUS NTAPI NtTerminateThread(HANDLE, NTSTATUS);
NTSTATUS NTAPI NtQueryVirtualMemory(HANDLE, const void *, ULONG, void *, SIZE_T, SIZE_T *);
NTSTATUS NTAPI NtQuerySystemTime(LARGE_INTEGER *);
NTSTATUS NTAPI NtQueryPerformanceCounter(LARGE_INTEGER *, LARGE_INTEGER *);
NTSTATUS NTAPI LdrGetProcedureAddress(HMODULE, const ANSI_STRING *, ULONG, void **);
NTSTATUS NTAPI RtlQueryEnvironmentVariable_U(const WCHAR *, const UNICODE_STRING *,
                                             UNICODE_STRING *);
NTSTATUS NTAPI LdrGetDllHandle(const WCHAR *, ULONG, const UNICODE_STRING *, HMODULE *);
PEB *NTAPI RtlGetCurrentPeb(void);
void NTAPI RtlExitUserThread(ULONG);
NTSTATUS NTAPI NtYieldExecution(void);
NTSTATUS NTAPI NtDelayExecution(BOOLEAN, const LARGE_INTEGER *);
void *NTAPI RtlAllocateHeap(HANDLE, ULONG, SIZE_T);
BOOLEAN NTAPI RtlFreeHeap(HANDLE, ULONG, void *);
void NTAPI RtlAcquireSRWLockExclusive(RTL_SRWLOCK *);
void NTAPI RtlReleaseSRWLockExclusive(RTL_SRWLOCK *);
BOOLEAN NTAPI RtlTryAcquireSRWLockExclusive(RTL_SRWLOCK *);
BOOLEAN NTAPI RtlDllShutdownInProgress(void);
NTSTATUS NTAPI NtYieldExecution(void);

#define NT_NOTIFICATION_EVENT 0 /* stays set until it is reset */

#define NT_CURRENT_PROCESS ((HANDLE)(LONG_PTR)-1)
#define NT_CURRENT_THREAD  ((HANDLE)(LONG_PTR)-2)

/* CLIENT_ID of the TEB, in the documented place of both architectures. */
static inline ULONG_PTR nt_process_id(void)
{
    return ((ULONG_PTR *)NtCurrentTeb())[8];
}

static inline ULONG nt_thread_id(void)
{
    return (ULONG)((ULONG_PTR *)NtCurrentTeb())[9];
}
