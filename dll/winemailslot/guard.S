/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls a function that may touch memory that is not there: see guard.c. */

    .text
#ifdef __x86_64__

/* NTSTATUS guard_call(NTSTATUS (*function)(void *), void *argument) */
    .globl guard_call
    .seh_proc guard_call
guard_call:
    .seh_handler guard_fault, @except
    subq    $0x28, %rsp
    .seh_stackalloc 0x28
    .seh_endprologue
    movq    %rcx, %rax
    movq    %rdx, %rcx
    call    *%rax
    .globl guard_end /* where guard_fault leads, with the frame as it is here */
guard_end:
    nop
    addq    $0x28, %rsp
    ret
    .seh_endproc

#else

/* What a function may not change is kept in the frame, from where guard_end restores it. */
    .globl _guard_call
_guard_call:
    pushl   %ebp
    pushl   %ebx
    pushl   %esi
    pushl   %edi
    movl    20(%esp), %eax
    movl    24(%esp), %ecx
    pushl   $_guard_fault
    pushl   %fs:0
    movl    %esp, %fs:0
    pushl   %ecx
    call    *%eax
    addl    $4, %esp
    .globl _guard_end
_guard_end:
    popl    %fs:0
    addl    $4, %esp
    popl    %edi
    popl    %esi
    popl    %ebx
    popl    %ebp
    ret

#endif
