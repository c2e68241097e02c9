/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arguments of system calls that point nowhere.
 *
 * To a system call a bad pointer is an argument like any other: it returns ACCESS_VIOLATION. The
 * layer runs in the program's place, where touching such memory raises an exception. So what a
 * caller hands over is read under a handler of ours (guard.S), which costs nothing until then, and
 * needs neither a system call nor the Unix library. */
#include "winemailslot/guard.h"

#define GUARD_PAGE 4096

extern const char guard_end[]; /* guard.S */

int guard_fault(EXCEPTION_RECORD *record, void *frame, CONTEXT *context, void *dispatcher)
    __attribute__((used));

/* The handler of guard_call()'s frame. */
int guard_fault(EXCEPTION_RECORD *record, void *frame, CONTEXT *context, void *dispatcher)
{
    (void)dispatcher;
    if ((record->ExceptionFlags & (EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND)) ||
        (NTSTATUS)record->ExceptionCode != STATUS_ACCESS_VIOLATION)
        return ExceptionContinueSearch;
#ifdef __x86_64__
    (void)context;
    RtlUnwind(frame, (void *)guard_end, record, (void *)(ULONG_PTR)(ULONG)STATUS_ACCESS_VIOLATION);
    return ExceptionContinueSearch; /* not reached */
#else
    context->Eax = (ULONG)STATUS_ACCESS_VIOLATION;
    context->Esp = (ULONG)frame;
    context->Eip = (ULONG)guard_end;
    return ExceptionContinueExecution;
#endif
}

struct guard_range
{
    const volatile char *start;
    SIZE_T size;
};

static NTSTATUS guard_touch(void *argument)
{
    const struct guard_range *range = argument;

    for (SIZE_T i = 0; i < range->size; i += GUARD_PAGE)
        (void)range->start[i];
    (void)range->start[range->size - 1];
    return STATUS_SUCCESS;
}

bool guard_readable(const void *start, SIZE_T size)
{
    struct guard_range range = {start, size};

    return !size || guard_call(guard_touch, &range) == STATUS_SUCCESS;
}
