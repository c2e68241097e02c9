/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slot names: which are valid, and which are the same. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Is this a name that a slot can have (N1, N2, and the safe choices for N9, N10)? Not empty, no
 * NUL, no empty component, at most CONTROL_NAME_MAX bytes.
 */
bool fold_valid(const char *name, size_t size);

/*
 * The key under which names are compared: upper-cased one code point at a time as NT does (N3,
 * D8), so the result may differ in length. UTF-8 in, UTF-8 out; bytes that are no UTF-8 stay as
 * they are. Returns a NUL-terminated string that the caller frees, or NULL when out of memory.
 */
char *fold_key(const char *name, size_t size);
