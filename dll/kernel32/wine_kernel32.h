/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wine's own versions of the functions that we replace, through the second name kernel32w.dll */
#pragma once

#include <windows.h>

#ifdef __i386__
#define WINE_KERNEL32_SLOT(name) __asm__("__imp__" #name)
#else
#define WINE_KERNEL32_SLOT(name) __asm__("__imp_" #name)
#endif

extern __typeof__(CreateMailslotA) *const wine_CreateMailslotA WINE_KERNEL32_SLOT(CreateMailslotA);
extern __typeof__(CreateMailslotW) *const wine_CreateMailslotW WINE_KERNEL32_SLOT(CreateMailslotW);
extern __typeof__(GetFileType) *const wine_GetFileType WINE_KERNEL32_SLOT(GetFileType);
extern __typeof__(GetMailslotInfo) *const wine_GetMailslotInfo WINE_KERNEL32_SLOT(GetMailslotInfo);
extern __typeof__(SetMailslotInfo) *const wine_SetMailslotInfo WINE_KERNEL32_SLOT(SetMailslotInfo);
