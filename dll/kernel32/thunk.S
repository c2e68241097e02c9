/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BaseThreadInitThunk: where ntdll starts every thread of a Windows program
 *
 * Wine 10 looks this export up without following forwards, so it must be code. A jump through the
 * import slot disturbs no argument: i386 passes them in ecx, edx and on the stack.
 */
    .text
#ifdef __i386__
    .globl _BaseThreadInitThunk
_BaseThreadInitThunk:
    jmp *__imp__BaseThreadInitThunk
#else
    .globl BaseThreadInitThunk
BaseThreadInitThunk:
    jmp *__imp_BaseThreadInitThunk(%rip)
#endif
