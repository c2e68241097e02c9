/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way in and the way out of the layer: see dispatch.c. */
#include "winemailslot/syscalls.h"

#ifdef __x86_64__

/* From a stub of ntdll: eax is the number, the stub's return address lies above the caller's. What
 * a system call may change, rcx and r11, is free. A call of the layer's drops the stub's frame, so
 * that the layer's function has been called by the program. */
    .text
    .globl dispatch_enter
    .seh_proc dispatch_enter
dispatch_enter:
    .seh_endprologue
    cmpl    $SYSCALL_NUMBERS, %eax
    jae     1f
    leaq    dispatch_table(%rip), %r11
    movq    (%r11,%rax,8), %r11
    cmpq    $DISPATCH_COUNTED, %r11
    jbe     3f
    addq    $8, %rsp
    jmp     *%r11
3:  jne     2f
    lock
    incl    dispatch_made(%rip)
    jmp     2f
1:  cmpl    dispatch_number_NtUserMsgWaitForMultipleObjectsEx(%rip), %eax
    jne     2f
    addq    $8, %rsp
    jmp     layer_NtUserMsgWaitForMultipleObjectsEx
2:  jmp     *dispatch_real(%rip)
    .seh_endproc

/* What ntdll's stub does, past our own dispatch_enter. Wine's dispatcher returns to 11 bytes before
 * its return address, where a stub has the end of its other branch: so has this. */
    .macro real name, bytes
    .globl  \name
    .seh_proc \name
\name:
    .seh_endprologue
    movq    %rcx, %r10
    movl    dispatch_number_\name(%rip), %eax
    jmp     1f
0:  ret
    .fill   4, 1, 0xcc
1:  call    *dispatch_real(%rip)
2:  ret
    .if     2b - 0b - 11
    .error  "the return is not where Wine's dispatcher looks for it"
    .endif
    .seh_endproc
    .endm

#else

/* As above; edx is free, as it held our own address. */
    .text
    .globl _dispatch_enter
_dispatch_enter:
    cmpl    $SYSCALL_NUMBERS, %eax
    jae     1f
    movl    _dispatch_table(,%eax,4), %edx
    cmpl    $DISPATCH_COUNTED, %edx
    jbe     3f
    addl    $4, %esp
    jmp     *%edx
3:  jne     2f
    lock
    incl    _dispatch_made
    jmp     2f
1:  cmpl    _dispatch_number_NtUserMsgWaitForMultipleObjectsEx, %eax
    jne     2f
    addl    $4, %esp
    jmp     _layer_NtUserMsgWaitForMultipleObjectsEx@20
2:  jmp     *_dispatch_real

    .macro real name, bytes
    .globl  _\name\()@\bytes
_\name\()@\bytes:
    movl    _dispatch_number_\name, %eax
    call    *_dispatch_real
    ret     $\bytes
    .endm

#endif

#define REAL(name, bytes) real name, bytes;
SYSCALLS(REAL)
SYSCALL_OF_WIN32U(REAL)
