/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exports: jumps to Wine's kernel32, under exactly the names that it has */
#pragma once

#include "kernel32/nt.h"

/*
 * Leads our exports to the functions of Wine's kernel32, and hides the names that it lacks. Call
 * once, before anything else of DllMain. What cannot be bound now is bound when it is first called.
 * Source: semantics Y1, Y5, Y7; the idea is described in exports.c.
 */
void exports_attach(void);
