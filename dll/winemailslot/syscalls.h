/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The system calls that the layer takes over, for C and for dispatch.S: name, and the bytes
 * of its arguments on i386. Each has a function layer_NAME somewhere in this folder. */
#pragma once

#define SYSCALLS(CALL)                                                                             \
    CALL(NtCancelIoFile, 8)                                                                        \
    CALL(NtCancelIoFileEx, 12)                                                                     \
    CALL(NtCancelSynchronousIoFile, 12)                                                            \
    CALL(NtClose, 4)                                                                               \
    CALL(NtCreateFile, 44)                                                                         \
    CALL(NtCreateMailslotFile, 32)                                                                 \
    CALL(NtDuplicateObject, 28)                                                                    \
    CALL(NtFlushBuffersFile, 8)                                                                    \
    CALL(NtDeviceIoControlFile, 40)                                                                \
    CALL(NtFsControlFile, 40)                                                                      \
    CALL(NtLockFile, 40)                                                                           \
    CALL(NtOpenFile, 24)                                                                           \
    CALL(NtQueryAttributesFile, 8)                                                                 \
    CALL(NtQueryFullAttributesFile, 8)                                                             \
    CALL(NtQueryInformationFile, 20)                                                               \
    CALL(NtQueryObject, 20)                                                                        \
    CALL(NtQuerySecurityObject, 20)                                                                \
    CALL(NtQueryVolumeInformationFile, 20)                                                         \
    CALL(NtReadFile, 36)                                                                           \
    CALL(NtSetInformationFile, 20)                                                                 \
    CALL(NtSetInformationProcess, 16)                                                              \
    CALL(NtSetSecurityObject, 12)                                                                  \
    CALL(NtSignalAndWaitForSingleObject, 16)                                                       \
    CALL(NtTerminateThread, 8)                                                                     \
    CALL(NtUnlockFile, 20)                                                                         \
    CALL(NtWaitForMultipleObjects, 20)                                                             \
    CALL(NtWaitForSingleObject, 12)                                                                \
    CALL(NtWriteFile, 36)

/* The one that win32u.dll makes, not ntdll.dll. */
#define SYSCALL_OF_WIN32U(CALL) CALL(NtUserMsgWaitForMultipleObjectsEx, 20)

/* ntdll's numbers are below this on every Wine (up to 300), those of win32u.dll start at 4096. */
#define SYSCALL_NUMBERS 1024

/* In the table of functions: a call that goes to Wine, and is counted. */
#define DISPATCH_COUNTED 1
