/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bounds-checked view of the export directory of a loaded module
 *
 * The loader's own lookups may only be used with its lock, which a program may hold while it waits
 * for a thread that calls a function of kernel32 for the first time. This one takes no lock.
 */
#include "pe/export_table.h"

static void *export_table_at(const struct export_table *table, ULONG rva, ULONG count, ULONG each)
{
    if (rva > table->size || count > (table->size - rva) / each || rva % (each > 4 ? 4 : each))
        return NULL;
    return table->base + rva;
}

int export_table_open(struct export_table *ret_table, void *base, ULONG size)
{
    struct export_table table = {.base = base, .size = size};
    const IMAGE_DOS_HEADER *dos = base;
    const IMAGE_DATA_DIRECTORY *data;
    const IMAGE_NT_HEADERS *nt;

    if (!base || size < 0x1000 || dos->e_magic != IMAGE_DOS_SIGNATURE || dos->e_lfanew < 0)
        return EXPORT_TABLE_STRANGE;
    nt = export_table_at(&table, dos->e_lfanew, 1, sizeof *nt);
    if (!nt || nt->Signature != IMAGE_NT_SIGNATURE ||
        nt->OptionalHeader.NumberOfRvaAndSizes <= IMAGE_DIRECTORY_ENTRY_EXPORT)
        return EXPORT_TABLE_STRANGE;
    data = &nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXPORT];
    table.directory = export_table_at(&table, data->VirtualAddress, 1, sizeof *table.directory);
    if (!data->VirtualAddress || !table.directory || data->Size > size - data->VirtualAddress)
        return EXPORT_TABLE_STRANGE;
    table.start = data->VirtualAddress;
    table.end = data->VirtualAddress + data->Size;
    table.function_count = table.directory->NumberOfFunctions;
    table.name_count = table.directory->NumberOfNames;
    table.functions = export_table_at(&table, table.directory->AddressOfFunctions,
                                      table.function_count, sizeof *table.functions);
    table.names = export_table_at(&table, table.directory->AddressOfNames, table.name_count,
                                  sizeof *table.names);
    table.ordinals = export_table_at(&table, table.directory->AddressOfNameOrdinals,
                                     table.name_count, sizeof *table.ordinals);
    if (!table.functions || !table.names || !table.ordinals)
        return EXPORT_TABLE_STRANGE;
    *ret_table = table;
    return 0;
}

const char *export_table_text(const struct export_table *table, ULONG rva)
{
    for (ULONG i = rva; i < table->size; i++)
    {
        if (!table->base[i])
            return (const char *)table->base + rva;
    }
    return NULL;
}

void *export_table_function(const struct export_table *table, ULONG index, const char **ret_forward)
{
    ULONG rva;

    *ret_forward = NULL;
    if (index >= table->function_count)
        return NULL;
    rva = table->functions[index];
    if (!rva || rva >= table->size)
        return NULL;
    if (rva < table->start || rva >= table->end)
        return table->base + rva;
    *ret_forward = export_table_text(table, rva);
    return NULL;
}

BOOL export_table_has(const struct export_table *table, ULONG index)
{
    return index < table->function_count && table->functions[index];
}

int export_table_compare(const char *a, const char *b)
{
    while (*a && *a == *b)
    {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

BOOL export_table_find(const struct export_table *table, const char *name, ULONG *ret_index)
{
    ULONG low = 0, high = table->name_count;

    while (low < high)
    {
        ULONG middle = low + (high - low) / 2;
        const char *other = export_table_text(table, table->names[middle]);
        int order = other ? export_table_compare(other, name) : 1;

        if (!order)
        {
            *ret_index = table->ordinals[middle];
            return TRUE;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return FALSE;
}
