/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Import redirection: lets the NT layer see the file calls of every module of the process */
#pragma once

#include "kernel32/nt.h"

enum
{
    REDIRECT_NOTHING = 1, /* the layer exports no function that ntdll has, or too many */
    REDIRECT_NO_NOTIFY,   /* ntdll refused to tell us of modules that are loaded later */
};

/*
 * Redirects every import of a function that both layer and ntdll export, in all modules loaded
 * now or later, and what LdrGetProcedureAddress (so GetProcAddress) finds. layer and ntdll
 * themselves are left alone. Call once, with the loader lock held (from DllMain). It cannot be
 * undone; layer must stay loaded. Returns 0 or a positive code, then nothing is redirected.
 * Source: docs of the idea in redirect.c.
 */
int redirect_start(HMODULE layer) __attribute__((warn_unused_result));

/* Whether redirect_start() succeeded in this process. Any thread. */
BOOL redirect_active(void);
