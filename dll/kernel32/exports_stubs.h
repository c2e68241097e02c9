/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What exports_stubs.S and exports.c both know of the stubs */
#pragma once

#define EXPORTS_STUB_SIZE  16
#define EXPORTS_FIRST_SIZE 5 /* a call instruction */

#ifdef __i386__
#define POINTER_SIZE 4
#else
#define POINTER_SIZE 8
#endif

#ifndef __ASSEMBLER__
extern const unsigned char exports_stubs[], exports_stubs_end[]; /* one after the other */
extern const unsigned char exports_first[];
extern void *exports_slots[];
#endif
