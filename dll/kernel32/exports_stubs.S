/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The code of our exports: jumps to the functions of Wine's kernel32, and what binds them
 *
 * A stub is the prologue that Windows' and Wine's own exports begin with, and a jump through its
 * slot: 14 bytes (i386: 12) of 16, so that other people's hooks have the instructions they look for
 * and room for a jump of their own. No register and no stack is touched on the way.
 *
 * Most slots are filled when the process starts (exports.c). Until then a slot leads to its entry in
 * exports_first, which calls exports_bind: the return address says which slot it was.
 */
#include "kernel32/exports_stubs.h"

#ifdef __i386__
#define SYMBOL(name) _##name
#define POINTER .long
#else
#define SYMBOL(name) name
#define POINTER .quad
#endif

    .macro stub name
#ifdef __i386__
    .globl _export_\name
_export_\name:
    .byte 0x8b, 0xff        /* mov %edi, %edi */
    .byte 0x55, 0x8b, 0xec  /* push %ebp; mov %esp, %ebp */
    popl %ebp
    jmp *_exports_slots + POINTER_SIZE * stub_index
#else
    .globl export_\name
export_\name:
    .byte 0x48, 0x8d, 0xa4, 0x24, 0, 0, 0, 0 /* lea 0(%rsp), %rsp */
    jmp *exports_slots + POINTER_SIZE * stub_index(%rip)
#endif
    .balign EXPORTS_STUB_SIZE, 0xcc
    .set stub_index, stub_index + 1
    .endm

    .text
    .set stub_index, 0
    .balign EXPORTS_STUB_SIZE, 0xcc
    .globl SYMBOL(exports_stubs)
SYMBOL(exports_stubs):
    .include "stubs.inc"
    .globl SYMBOL(exports_stubs_end)
SYMBOL(exports_stubs_end):

    .globl SYMBOL(exports_first)
SYMBOL(exports_first):
    .rept stub_index
    call SYMBOL(exports_bind)
    .endr

    .data
    .balign POINTER_SIZE
    .globl SYMBOL(exports_slots)
SYMBOL(exports_slots):
    .set stub_slot, 0
    .rept stub_index
    POINTER SYMBOL(exports_first) + EXPORTS_FIRST_SIZE * stub_slot
    .set stub_slot, stub_slot + 1
    .endr

    .text
    .balign 16
#ifdef __i386__
/* All registers are kept: some functions for 16-bit code take arguments in any of them. */
SYMBOL(exports_bind):
    pushfl
    pushal
    cld
    pushl 36(%esp) /* what the call in exports_first pushed */
    call SYMBOL(exports_resolve)
    addl $4, %esp
    movl %eax, 36(%esp)
    popal
    popfl
    ret /* to the function, which finds the stack as its caller left it */
#else
/* exports_resolve may raise an exception, which the unwind codes lead on to the caller. */
    .seh_proc exports_bind
exports_bind:
    popq %r11
    subq $0xb8, %rsp
    .seh_stackalloc 0xb8
    .seh_endprologue
    movq %rcx, 0x20(%rsp)
    movq %rdx, 0x28(%rsp)
    movq %r8, 0x30(%rsp)
    movq %r9, 0x38(%rsp)
    movq %rax, 0x40(%rsp)
    movq %r10, 0x48(%rsp)
    movaps %xmm0, 0x50(%rsp)
    movaps %xmm1, 0x60(%rsp)
    movaps %xmm2, 0x70(%rsp)
    movaps %xmm3, 0x80(%rsp)
    movaps %xmm4, 0x90(%rsp)
    movaps %xmm5, 0xa0(%rsp)
    movq %r11, %rcx
    call exports_resolve
    movq %rax, %r11
    movq 0x20(%rsp), %rcx
    movq 0x28(%rsp), %rdx
    movq 0x30(%rsp), %r8
    movq 0x38(%rsp), %r9
    movq 0x40(%rsp), %rax
    movq 0x48(%rsp), %r10
    movaps 0x50(%rsp), %xmm0
    movaps 0x60(%rsp), %xmm1
    movaps 0x70(%rsp), %xmm2
    movaps 0x80(%rsp), %xmm3
    movaps 0x90(%rsp), %xmm4
    movaps 0xa0(%rsp), %xmm5
    addq $0xb8, %rsp
    .byte 0x49, 0xff, 0xe3 /* rex.W jmp *%r11: the form that the unwinder knows as an epilogue */
    .seh_endproc
#endif
