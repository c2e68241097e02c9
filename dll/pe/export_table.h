/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bounds-checked view of the export directory of a loaded module */
#pragma once

#include <windows.h>

struct export_table
{
    unsigned char *base;
    ULONG size;       /* bytes mapped, as the loader says */
    ULONG start, end; /* of the directory, from base; what points there is a forward */
    IMAGE_EXPORT_DIRECTORY *directory;
    ULONG *functions; /* from base; 0 = none */
    ULONG function_count;
    ULONG *names;     /* from base, sorted by name */
    USHORT *ordinals; /* indexes into functions, one for each name */
    ULONG name_count;
};

enum
{
    EXPORT_TABLE_STRANGE = 1, /* no export directory, or one that reaches beyond the module */
};

/*
 * Fills *ret_table from the module at base; size in bytes is what the loader mapped. Copies
 * nothing: the module must outlive *ret_table. Returns 0 or EXPORT_TABLE_STRANGE. Any thread.
 * Source: Microsoft PE/COFF specification, "The .edata Section".
 */
int export_table_open(struct export_table *ret_table, void *base, ULONG size)
    __attribute__((warn_unused_result));

/* Returns the text at rva, or NULL if it does not end within the module. Any thread. */
const char *export_table_text(const struct export_table *table, ULONG rva);

/*
 * Returns the address of function number index, or NULL. NULL comes with the forward's text
 * ("NTDLL.RtlX") in *ret_forward if it is one, else with NULL there. Any thread.
 */
void *export_table_function(const struct export_table *table, ULONG index,
                            const char **ret_forward);

/* Whether function number index is there, as code or as a forward. Any thread. */
BOOL export_table_has(const struct export_table *table, ULONG index);

/* Searches a name; *ret_index is that of its function. Any thread. */
BOOL export_table_find(const struct export_table *table, const char *name, ULONG *ret_index);

/* Compares as the linkers that sorted the names do: byte by byte. Returns <0, 0 or >0. */
int export_table_compare(const char *a, const char *b);
