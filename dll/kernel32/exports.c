/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exports: jumps to Wine's kernel32, under exactly the names that it has
 *
 * Our list of exports is longer than that of any Wine, because the imports of the program are
 * resolved before any code of ours runs: what is not in the list cannot be imported. When our
 * DllMain runs, one walk over our names and those of Wine's kernel32, both sorted, does two things.
 *
 * A name that both have gets the address of Wine's function in its slot, through which our stub
 * jumps (exports_stubs.S). That costs a store for each name, and no search; to search at the first
 * call of each would cost more, even for a program that calls few. What is a forward in Wine's
 * kernel32 waits for its first call, since it may lead into a module that is not loaded.
 *
 * A name that Wine's kernel32 lacks is taken out of our table of names: GetProcAddress then fails
 * as on plain Wine, as does everybody who walks the table. Who imported such a name has the
 * address of our stub, and calling it raises the exception by which Wine says "unimplemented".
 * The names taken out stay behind the end of the table, where exports_resolve() finds them.
 */
#include "kernel32/exports.h"

#include "pe/export_table.h"
#include "kernel32/exports_stubs.h"

#define EXPORTS_WINE_STUB    0x80000100 /* Wine's exception for a function that it lacks */
#define EXPORTS_MAX_FORWARDS 4

extern IMAGE_DOS_HEADER __ImageBase; /* this module, by the linker */
extern void *const exports_wine_thunk
#ifdef __i386__
    __asm__("__imp__BaseThreadInitThunk");
#else
    __asm__("__imp_BaseThreadInitThunk");
#endif

struct exports_module
{
    void *base;
    ULONG size;
};

/* Written by exports_attach() only, before any other thread runs. */
static struct export_table exports_own; /* with all names, also those taken out */
static struct exports_module exports_wine, exports_ntdll, exports_kernelbase;

void *exports_resolve(const unsigned char *after) __attribute__((used));

static BOOL exports_is_named(const struct nt_ldr_module *module, const char *name)
{
    ULONG length = module->base_name.Length / sizeof(WCHAR), i = 0;

    while (name[i] && i < length && (module->base_name.Buffer[i] | 0x20) == (WCHAR)name[i])
        i++;
    return !name[i] && i == length;
}

/* Wine's kernel32 is known by an address that we import from it: its name differs by version. */
static void exports_find_modules(void)
{
    const struct nt_ldr_data *ldr = (const void *)RtlGetCurrentPeb()->Ldr;

    for (const LIST_ENTRY *link = ldr->in_load_order.Flink; link != &ldr->in_load_order;
         link = link->Flink)
    {
        const struct nt_ldr_module *module =
            CONTAINING_RECORD(link, struct nt_ldr_module, in_load_order);
        const struct exports_module found = {.base = module->base, .size = module->size};

        if (exports_is_named(module, "ntdll.dll"))
            exports_ntdll = found;
        else if (exports_is_named(module, "kernelbase.dll"))
            exports_kernelbase = found;
        else if ((ULONG_PTR)exports_wine_thunk - (ULONG_PTR)module->base < module->size)
            exports_wine = found;
        else if (module->base == (void *)&__ImageBase &&
                 export_table_open(&exports_own, found.base, found.size))
            exports_own = (struct export_table){0};
    }
}

static void exports_bind_function(ULONG own_index, const struct export_table *wine, ULONG index)
{
    const unsigned char *stub = exports_own.base + exports_own.functions[own_index];
    const char *forward;
    void *address;

    if (stub < exports_stubs || stub >= exports_stubs_end) /* a forward, or a function of ours */
        return;
    address = export_table_function(wine, index, &forward);
    if (address)
        exports_slots[(stub - exports_stubs) / EXPORTS_STUB_SIZE] = address;
}

static void exports_swap_names(ULONG a, ULONG b)
{
    ULONG name = exports_own.names[a];
    USHORT ordinal = exports_own.ordinals[a];

    exports_own.names[a] = exports_own.names[b];
    exports_own.ordinals[a] = exports_own.ordinals[b];
    exports_own.names[b] = name;
    exports_own.ordinals[b] = ordinal;
}

/* Binds, and moves the names that wine has to the front, in their order. Returns how many. */
static ULONG exports_merge(const struct export_table *wine, BOOL may_change)
{
    ULONG kept = 0, theirs = 0;

    for (ULONG ours = 0; ours < exports_own.name_count; ours++)
    {
        const char *name = (const char *)exports_own.base + exports_own.names[ours];
        const char *other = NULL;
        int order = 1;

        while (theirs < wine->name_count)
        {
            other = export_table_text(wine, wine->names[theirs]);
            order = other ? export_table_compare(other, name) : -1;
            if (order >= 0)
                break;
            theirs++;
        }
        if (order)
            continue;
        exports_bind_function(exports_own.ordinals[ours], wine, wine->ordinals[theirs]);
        if (may_change && kept != ours)
            exports_swap_names(kept, ours);
        /* A name without function: FT_Thunk of i386, at which a copy protection looks. */
        if (may_change && !export_table_has(wine, wine->ordinals[theirs]))
            exports_own.functions[exports_own.ordinals[kept]] = 0;
        kept++;
    }
    return kept;
}

void exports_attach(void)
{
    struct export_table wine;
    ULONG old_protect, kept;
    BOOL opened;
    void *start;
    SIZE_T size;

    exports_find_modules();
    if (!exports_own.base || export_table_open(&wine, exports_wine.base, exports_wine.size))
        return;
    /* The linker puts the directory and its tables into one section, which may only be read. */
    start = exports_own.directory;
    size = exports_own.end - exports_own.start;
    opened =
        !NtProtectVirtualMemory(NT_CURRENT_PROCESS, &start, &size, PAGE_READWRITE, &old_protect);
    kept = exports_merge(&wine, opened);
    if (!opened)
        return;
    exports_own.directory->NumberOfNames = kept;
    NtProtectVirtualMemory(NT_CURRENT_PROCESS, &start, &size, old_protect, &old_protect);
}

/* Where a forward leads, if that is a module that every process has; *ret_name is the name there.
 */
static const struct exports_module *exports_forward(const char *forward, const char **ret_name)
{
    static const struct
    {
        const char *prefix;
        const struct exports_module *module;
    } known[] = {{"ntdll.", &exports_ntdll}, {"kernelbase.", &exports_kernelbase}};

    for (unsigned int i = 0; i < sizeof known / sizeof *known; i++)
    {
        const char *prefix = known[i].prefix;
        ULONG length = 0;

        while (prefix[length] && (forward[length] | 0x20) == (prefix[length] | 0x20))
            length++;
        *ret_name = forward + length;
        if (!prefix[length])
            return known[i].module;
    }
    return NULL;
}

/* Returns the function of that name in Wine's kernel32, or NULL if it lacks it. */
static void *exports_find(const char *name)
{
    const struct exports_module *module = &exports_wine;
    const char *forward, *asked = name;
    struct export_table table;
    ANSI_STRING string;
    void *address;
    ULONG index;

    for (int i = 0; module && i < EXPORTS_MAX_FORWARDS; i++)
    {
        if (export_table_open(&table, module->base, module->size) ||
            !export_table_find(&table, asked, &index))
            return NULL;
        address = export_table_function(&table, index, &forward);
        if (address || !forward)
            return address;
        module = exports_forward(forward, &asked);
    }
    /* Into another module, which may have to be loaded: that needs the loader and its lock. */
    RtlInitAnsiString(&string, name);
    return LdrGetProcedureAddress(exports_wine.base, &string, 0, &address) ? NULL : address;
}

/* The name of the export whose code is this stub. */
static const char *exports_name(const unsigned char *stub)
{
    const ULONG rva = stub - exports_own.base;

    for (ULONG i = 0; i < exports_own.name_count; i++)
    {
        if (exports_own.functions[exports_own.ordinals[i]] == rva)
            return (const char *)exports_own.base + exports_own.names[i];
    }
    return "?";
}

static void __attribute__((noreturn)) exports_raise(const char *name)
{
    EXCEPTION_RECORD record = {
        .ExceptionCode = EXPORTS_WINE_STUB,
        .ExceptionFlags = EXCEPTION_NONCONTINUABLE,
        .NumberParameters = 2,
        .ExceptionInformation = {(ULONG_PTR) "KERNEL32.dll", (ULONG_PTR)name},
    };

    for (;;)
        RtlRaiseException(&record);
}

/*
 * Called by exports_bind for a slot that is not filled yet; after is the end of the slot's entry in
 * exports_first. Returns the function that was called, or raises an exception. Any thread, without
 * the loader lock, unless the function is a forward into a module of its own.
 */
void *exports_resolve(const unsigned char *after)
{
    const ULONG index = (after - exports_first) / EXPORTS_FIRST_SIZE - 1;
    const char *name = exports_name(exports_stubs + index * EXPORTS_STUB_SIZE);
    void *address = exports_find(name);

    if (!address)
        exports_raise(name);
    __atomic_store_n(&exports_slots[index], address, __ATOMIC_RELEASE);
    return address;
}
