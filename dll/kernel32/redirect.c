/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Import redirection: lets the NT layer see the file calls of every module of the process
 *
 * Every file operation of a Windows program, whatever API it starts from, reaches ntdll through
 * an import slot of some module: kernelbase's for CreateFile and ReadFile, the program's own if it
 * calls NtReadFile. A slot that holds the address of an ntdll function which the layer also
 * exports gets the layer's address instead. Slots are compared by value, not by name: that is
 * right for imports by ordinal, for forwards and for bound imports alike, and a slot that already
 * holds something else (a hook of another tool) stays as it is.
 *
 * Our DllMain runs when the loader has resolved the imports of the program and of all modules that
 * it names, so one walk over the loader's list catches these. Slots of modules that come later are
 * rewritten when the loader announces the module, which is after its imports were resolved and
 * before its DllMain. What is asked for by name at run time, as delay imports do, comes through
 * kernelbase's import of LdrGetProcedureAddress. Seeing a module twice does no harm.
 *
 * The layer's own imports stay untouched: through them it calls the real ntdll.
 */
#include "kernel32/redirect.h"

#include "kernel32/pe_image.h"

#define REDIRECT_MAX 64

extern IMAGE_DOS_HEADER __ImageBase; /* this module, by the linker */

struct redirect_entry
{
    ULONG_PTR from;
    void *to;
};

static struct redirect_entry redirect_table[REDIRECT_MAX]; /* sorted by from; fixed once started */
static unsigned redirect_count;
static HMODULE redirect_layer;
static HMODULE redirect_ntdll;
static HMODULE redirect_wine_kernel32; /* kernel32w.dll, where most exports of ours lead */
static BOOL redirect_started;

static NTSTATUS(NTAPI *redirect_real_get)(HMODULE, const ANSI_STRING *, ULONG, void **);
static NTSTATUS(NTAPI *redirect_real_get_ex)(HMODULE, const ANSI_STRING *, ULONG, void **, ULONG);

BOOL redirect_active(void)
{
    return redirect_started;
}

/* Returns the replacement of an ntdll function, or NULL. */
static void *redirect_find(ULONG_PTR value)
{
    unsigned low = 0, high = redirect_count;

    if (value < redirect_table[0].from || value > redirect_table[high - 1].from)
        return NULL;
    while (low < high)
    {
        unsigned middle = (low + high) / 2;

        if (redirect_table[middle].from == value)
            return redirect_table[middle].to;
        if (redirect_table[middle].from < value)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/*
 * Whether a lookup by name in our kernel32 must fail, as this Wine lacks the function. Asked at
 * Wine's kernel32, since Wine complains on standard error of a forward that leads nowhere; and
 * programs do try for functions that only newer versions have.
 */
static BOOL redirect_lacks(HMODULE module, const ANSI_STRING *name, NTSTATUS *ret_status)
{
    NTSTATUS status;
    void *address;

    if (module != (HMODULE)&__ImageBase || !name || !redirect_wine_kernel32)
        return FALSE;
    status = redirect_real_get(redirect_wine_kernel32, name, 0, &address);
    if (!status)
        return FALSE;
    *ret_status = status;
    return TRUE;
}

static NTSTATUS NTAPI redirect_get(HMODULE module, const ANSI_STRING *name, ULONG ordinal,
                                   void **ret_address)
{
    NTSTATUS status;

    if (redirect_lacks(module, name, &status))
        return status;
    status = redirect_real_get(module, name, ordinal, ret_address);
    if (!status)
    {
        void *to = redirect_find((ULONG_PTR)*ret_address);
        if (to)
            *ret_address = to;
    }
    return status;
}

static NTSTATUS NTAPI redirect_get_ex(HMODULE module, const ANSI_STRING *name, ULONG ordinal,
                                      void **ret_address, ULONG flags)
{
    NTSTATUS status;

    if (redirect_real_get && redirect_lacks(module, name, &status))
        return status;
    status = redirect_real_get_ex(module, name, ordinal, ret_address, flags);
    if (!status)
    {
        void *to = redirect_find((ULONG_PTR)*ret_address);
        if (to)
            *ret_address = to;
    }
    return status;
}

static int redirect_add(void *from, void *to)
{
    unsigned i = redirect_count;

    if (redirect_count == REDIRECT_MAX)
        return REDIRECT_NOTHING;
    for (; i > 0 && redirect_table[i - 1].from >= (ULONG_PTR)from; i--)
    {
        if (redirect_table[i - 1].from == (ULONG_PTR)from)
            return 0;
    }
    for (unsigned k = redirect_count; k > i; k--)
        redirect_table[k] = redirect_table[k - 1];
    redirect_table[i] = (struct redirect_entry){.from = (ULONG_PTR)from, .to = to};
    redirect_count++;
    return 0;
}

static void *redirect_proc(HMODULE module, const char *text)
{
    ANSI_STRING name;
    void *address;

    RtlInitAnsiString(&name, text);
    return LdrGetProcedureAddress(module, &name, 0, &address) ? NULL : address;
}

/* Rewrites one null-terminated array of import slots; opens its pages at the first match only. */
static void redirect_slots(const struct pe_image *image, ULONG rva)
{
    ULONG characteristics, old_protect = 0;
    ULONG_PTR *slot = pe_image_at(image, rva, sizeof *slot, &characteristics);
    ULONG count = pe_image_extent(image, rva) / sizeof *slot;
    void *start = NULL;
    SIZE_T size = 0;

    if (!slot || (rva & (sizeof *slot - 1)))
        return;
    for (ULONG i = 0; i < count && slot[i]; i++)
    {
        void *to = redirect_find(slot[i]);

        if (!to)
            continue;
        if (!start)
        {
            ULONG end = i;
            while (end < count && slot[end])
                end++;
            start = &slot[i];
            size = (end - i) * sizeof *slot;
            /* Old compilers put import slots among code that other threads may be running. */
            ULONG protect =
                characteristics & IMAGE_SCN_MEM_EXECUTE ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE;
            if (NtProtectVirtualMemory(NT_CURRENT_PROCESS, &start, &size, protect, &old_protect))
                return;
        }
        __atomic_store_n(&slot[i], (ULONG_PTR)to, __ATOMIC_RELEASE);
    }
    if (start)
        NtProtectVirtualMemory(NT_CURRENT_PROCESS, &start, &size, old_protect, &old_protect);
}

static void redirect_module(void *base, ULONG size)
{
    const IMAGE_DATA_DIRECTORY *imports;
    struct pe_image image;

    if (base == (void *)redirect_layer || base == (void *)redirect_ntdll)
        return;
    if (pe_image_open(&image, base, size))
        return;
    imports = pe_image_directory(&image, IMAGE_DIRECTORY_ENTRY_IMPORT);
    if (!imports)
        return;

    /* The directory's size is often wrong; an empty descriptor ends the list, as for the loader. */
    for (ULONG rva = imports->VirtualAddress;; rva += sizeof(IMAGE_IMPORT_DESCRIPTOR))
    {
        const IMAGE_IMPORT_DESCRIPTOR *import = pe_image_at(&image, rva, sizeof *import, NULL);

        if (!import || !import->Name || !import->FirstThunk)
            return;
        redirect_slots(&image, import->FirstThunk);
    }
}

static void CALLBACK redirect_notify(ULONG reason, const struct nt_dll_loaded *data, void *context)
{
    (void)context;
    if (reason == NT_DLL_LOADED)
        redirect_module(data->base, data->size);
}

/* Fills the table from the names that both export. Zw names are ntdll's other names of the same. */
static int redirect_collect(HMODULE layer)
{
    const IMAGE_DATA_DIRECTORY *directory;
    const IMAGE_EXPORT_DIRECTORY *exports;
    const IMAGE_NT_HEADERS *nt;
    const ULONG *names;
    struct pe_image image;
    int r;

    /* Our own layer, mapped by the loader a moment ago: its size field is what was mapped. */
    nt = (const void *)((const char *)layer + ((const IMAGE_DOS_HEADER *)layer)->e_lfanew);
    if (pe_image_open(&image, layer, nt->OptionalHeader.SizeOfImage))
        return REDIRECT_NOTHING;
    directory = pe_image_directory(&image, IMAGE_DIRECTORY_ENTRY_EXPORT);
    if (!directory)
        return REDIRECT_NOTHING;
    exports = pe_image_at(&image, directory->VirtualAddress, sizeof *exports, NULL);
    if (!exports || exports->NumberOfNames > image.size / sizeof *names)
        return REDIRECT_NOTHING;
    names =
        pe_image_at(&image, exports->AddressOfNames, exports->NumberOfNames * sizeof *names, NULL);
    if (!names)
        return REDIRECT_NOTHING;

    for (ULONG i = 0; i < exports->NumberOfNames; i++)
    {
        const char *name = pe_image_at(&image, names[i], 1, NULL);
        void *to = name ? redirect_proc(layer, name) : NULL;
        void *from = to ? redirect_proc(redirect_ntdll, name) : NULL;
        char zw[64] = "Zw";
        unsigned k;

        if (!from)
            continue;
        if ((r = redirect_add(from, to)))
            return r;
        if (name[0] != 'N' || name[1] != 't')
            continue;
        for (k = 2; name[k] && k < sizeof zw - 1; k++)
            zw[k] = name[k];
        if (!name[k] && (from = redirect_proc(redirect_ntdll, zw)) && (r = redirect_add(from, to)))
            return r;
    }
    return redirect_count ? 0 : REDIRECT_NOTHING;
}

static int redirect_collect_lookups(void)
{
    int r;

    redirect_real_get = redirect_proc(redirect_ntdll, "LdrGetProcedureAddress");
    if (redirect_real_get && (r = redirect_add(redirect_real_get, redirect_get)))
        return r;
    redirect_real_get_ex = redirect_proc(redirect_ntdll, "LdrGetProcedureAddressEx");
    if (redirect_real_get_ex && (r = redirect_add(redirect_real_get_ex, redirect_get_ex)))
        return r;
    return 0;
}

int redirect_start(HMODULE layer)
{
    UNICODE_STRING ntdll_name, kernel32_name;
    void *cookie;
    int r;

    RtlInitUnicodeString(&ntdll_name, L"ntdll.dll");
    if (LdrGetDllHandle(NULL, 0, &ntdll_name, &redirect_ntdll))
        return REDIRECT_NOTHING;
    RtlInitUnicodeString(&kernel32_name, L"kernel32w.dll");
    if (LdrGetDllHandle(NULL, 0, &kernel32_name, &redirect_wine_kernel32))
        redirect_wine_kernel32 = NULL;
    redirect_layer = layer;
    if ((r = redirect_collect(layer)) || (r = redirect_collect_lookups()))
        return r;
    if (LdrRegisterDllNotification(0, redirect_notify, NULL, &cookie))
        return REDIRECT_NO_NOTIFY;
    redirect_started = TRUE;

    struct nt_ldr_data *ldr = (struct nt_ldr_data *)RtlGetCurrentPeb()->Ldr;
    for (LIST_ENTRY *link = ldr->in_load_order.Flink; link != &ldr->in_load_order;
         link = link->Flink)
    {
        struct nt_ldr_module *module = CONTAINING_RECORD(link, struct nt_ldr_module, in_load_order);
        redirect_module(module->base, module->size);
    }
    return 0;
}
