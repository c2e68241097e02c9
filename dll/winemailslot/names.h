/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which NT names mean mailslots, and what they say. */
#pragma once

#include "winemailslot/nt.h"

enum name_kind
{
    NAME_OTHER,  /* not a mailslot's name */
    NAME_DEVICE, /* the mailslot device itself (N10, O16) */
    NAME_LOCAL,  /* \??\MAILSLOT\name, \Device\MailSlot\name (T1) */
    NAME_REMOTE, /* \??\UNC\host\MAILSLOT\name, \Device\Mup\… (T16) */
};

struct name
{
    enum name_kind kind;
    char *host; /* UTF-8, in the same allocation as name */
    ULONG host_size;
    char *name; /* generalised UTF-8: lone surrogates are kept */
    ULONG name_size;
};

/*
 * Takes the object's name apart (the documented checks of the string itself are the caller's).
 * STATUS_NO_MEMORY, STATUS_ACCESS_VIOLATION. Text is allocated for LOCAL and REMOTE: name_free().
 */
NTSTATUS name_parse(const OBJECT_ATTRIBUTES *attributes, struct name *ret);
void name_free(struct name *name);

/* Whether attributes (not NULL) and the name in it are memory that can be read. */
bool name_readable(const OBJECT_ATTRIBUTES *attributes);

/* Generalised UTF-8 to UTF-16. Returns the units it takes; writes at most `capacity`. */
ULONG name_to_utf16(const char *text, ULONG size, WCHAR *units, ULONG capacity);
