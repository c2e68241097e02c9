/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How system calls of the whole process reach the layer.
 *
 * Every file operation of a Windows program, whatever API it starts from, ends in a stub of ntdll:
 * a few bytes that load the number of the system call and call Wine's dispatcher. The stubs read
 * the dispatcher's address from one place: on x86_64 from memory at 7ffe1000, which each process
 * has for itself; on i386 from a variable in the data of ntdll.dll, and win32u.dll has one of its
 * own. Our dispatch_enter (dispatch.S) goes into that place. For a number in dispatch_table it
 * calls the layer's function; everything else goes on to Wine's dispatcher.
 *
 * So there is one place for all callers: imports, GetProcAddress, code that walks ntdll's exports
 * by hand, copies of stubs, Wine's own thread pool inside ntdll. No byte of code changes: whoever
 * reads, compares, copies or hooks a stub finds Wine's, and no thread can meet half of a change.
 *
 * For the layer itself the names of these functions lead past all that: dispatch.S defines them as
 * system calls made with the same number, straight to Wine's dispatcher. */
#include "winemailslot/dispatch.h"

#include "pe/export_table.h"
#include "winemailslot/syscalls.h"

#define DISPATCH_PROCESS_INSTRUMENTATION 40 /* PROCESSINFOCLASS */
#define DISPATCH_DLL_LOADED              1  /* LDR_DLL_NOTIFICATION_REASON_LOADED */

/* For dispatch.S */
extern void dispatch_enter(void);
void *dispatch_table[SYSCALL_NUMBERS]; /* by number: the layer's function, or NULL */
void *volatile dispatch_real;          /* Wine's dispatcher */
volatile LONG dispatch_made;

#define DISPATCH_NUMBER(name, bytes) ULONG dispatch_number_##name = (ULONG)-1;
SYSCALLS(DISPATCH_NUMBER)
SYSCALL_OF_WIN32U(DISPATCH_NUMBER)

#define DISPATCH_DECLARE(name, bytes) extern __typeof__(name) layer_##name;
SYSCALLS(DISPATCH_DECLARE)
SYSCALL_OF_WIN32U(DISPATCH_DECLARE)

/* Of dispatch_table: a call that goes to Wine is NULL, or DISPATCH_COUNTED: see dispatch_made. */
static const struct dispatch_call
{
    const char *name;
    ULONG *number;
    void *function;
} dispatch_calls[] = {
#define DISPATCH_CALL(name, bytes) {#name, &dispatch_number_##name, (void *)layer_##name},
    SYSCALLS(DISPATCH_CALL)};

static void *volatile *dispatch_place; /* where ntdll's stubs read the dispatcher's address */

/* LDR_DLL_LOADED_NOTIFICATION_DATA */
struct dispatch_loaded
{
    ULONG flags;
    const UNICODE_STRING *full_name;
    const UNICODE_STRING *base_name;
    void *base;
    ULONG size;
};

struct dispatch_module /* the beginning of LDR_DATA_TABLE_ENTRY */
{
    LIST_ENTRY links[3];
    void *base;
    void *entry_point;
    ULONG size;
    UNICODE_STRING full_name;
    UNICODE_STRING base_name;
};

NTSTATUS NTAPI LdrEnumerateLoadedModules(void *reserved,
                                         void(CALLBACK *look)(const struct dispatch_module *,
                                                              void *, BOOLEAN *),
                                         void *context);
NTSTATUS NTAPI LdrRegisterDllNotification(
    ULONG flags, void(CALLBACK *notify)(ULONG, const struct dispatch_loaded *, void *),
    void *context, void **ret_cookie);

static void *dispatch_stub(const struct export_table *module, const char *name)
{
    const char *forward;
    ULONG index;

    return export_table_find(module, name, &index) ? export_table_function(module, index, &forward)
                                                   : NULL;
}

static bool dispatch_open(struct export_table *ret, HMODULE module)
{
    const IMAGE_NT_HEADERS *headers =
        (const void *)((const char *)module + ((const IMAGE_DOS_HEADER *)module)->e_lfanew);

    return !export_table_open(ret, module, headers->OptionalHeader.SizeOfImage);
}

void *dispatch_export(HMODULE module, const char *name)
{
    struct export_table table;

    return dispatch_open(&table, module) ? dispatch_stub(&table, name) : NULL;
}

/* Whether bytes are as in the text: two hexadecimal digits each, "..": any. */
static bool dispatch_matches(const unsigned char *bytes, const char *text)
{
    for (; *text; text += 2, bytes++)
    {
        unsigned int value = 0;

        if (*text == '.')
            continue;
        for (int i = 0; i < 2; i++)
            value = value * 16 + (text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);
        if (*bytes != value)
            return false;
    }
    return true;
}

/* Every byte of a stub is compared: a stub of another shape may not do what ours relies on. */
#ifdef __x86_64__

/* mov r10,rcx; mov eax,N; test byte [7ffe0308],1; jne 1f; syscall; ret; 1: jmp 2f; ret;
 * 2: call [7ffe1000]; ret. The flag that is tested says that the call is made. */
#define DISPATCH_STUB_SIZE   32
#define DISPATCH_STUB_HEAD   "4c8bd1b8........"
#define DISPATCH_STUB_REST   "f604250803fe7f0175030f05c3eb01c3ff14250010fe7fc3"
#define DISPATCH_STUB_NUMBER 4

static bool dispatch_find_place(const unsigned char *stub, void *volatile **ret_place)
{
    (void)stub;
    *ret_place = (void *volatile *)0x7ffe1000;
    return *(volatile unsigned char *)0x7ffe0308 & 1;
}

#else

/* mov eax,N; mov edx,1f; call edx; ret n. 1: jmp [place] */
#define DISPATCH_STUB_SIZE   16
#define DISPATCH_STUB_HEAD   "b8........"
#define DISPATCH_STUB_REST   "ba........ffd2c2..00"
#define DISPATCH_STUB_NUMBER 1
#define DISPATCH_STUB_NEAR   0x1000000 /* the jump is in the same module */

static bool dispatch_find_place(const unsigned char *stub, void *volatile **ret_place)
{
    const unsigned char *jump = *(const unsigned char *const *)(stub + 6);

    if ((SIZE_T)(jump - stub + DISPATCH_STUB_NEAR) > 2 * DISPATCH_STUB_NEAR ||
        !dispatch_matches(jump, "ff25........"))
        return false;
    *ret_place = *(void *volatile *const *)(jump + 2);
    return true;
}

#endif

static bool dispatch_is_whole(const unsigned char *stub)
{
    return dispatch_matches(stub, DISPATCH_STUB_HEAD DISPATCH_STUB_REST);
}

static ULONG dispatch_number(const unsigned char *stub)
{
    return *(const ULONG *)(stub + DISPATCH_STUB_NUMBER);
}

/*
 * Somebody may have put a jump over the beginning of a stub before we came; the call arrives here
 * all the same, by way of what they kept of it. Stubs lie in the order of their numbers, so that
 * the neighbours of such a one tell its number.
 */
static bool dispatch_parse(const unsigned char *stub, ULONG *ret_number, void *volatile **ret_place)
{
    const unsigned char *before = stub - DISPATCH_STUB_SIZE, *after = stub + DISPATCH_STUB_SIZE;

    if (dispatch_is_whole(stub))
    {
        *ret_number = dispatch_number(stub);
        return dispatch_find_place(stub, ret_place);
    }
    if (!dispatch_is_whole(before) || !dispatch_is_whole(after) ||
        dispatch_number(after) != dispatch_number(before) + 2)
        return false;
    *ret_number = dispatch_number(before) + 1;
    return dispatch_find_place(before, ret_place);
}

/* Calls that make handles are those whose names say so: NtCreateEvent, NtOpenSection, ... */
static bool dispatch_makes_handle(const char *name)
{
    static const char *const prefixes[] = {"NtCreate", "NtOpen", "NtDuplicate"};

    for (ULONG i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
    {
        ULONG k = 0;

        while (prefixes[i][k] && prefixes[i][k] == name[k])
            k++;
        if (!prefixes[i][k])
            return true;
    }
    return false;
}

static void dispatch_count_makers(const struct export_table *ntdll)
{
    for (ULONG i = 0; i < ntdll->name_count; i++)
    {
        const char *name = export_table_text(ntdll, ntdll->names[i]), *forward;
        const unsigned char *stub;
        void *volatile *place;
        ULONG number;

        if (!name || !dispatch_makes_handle(name))
            continue;
        stub = export_table_function(ntdll, ntdll->ordinals[i], &forward);
        if (stub && dispatch_parse(stub, &number, &place) && number < SYSCALL_NUMBERS &&
            !dispatch_table[number])
            dispatch_table[number] = (void *)DISPATCH_COUNTED;
    }
}

NTSTATUS dispatch_prepare(HMODULE module)
{
    struct export_table ntdll;

    if (!dispatch_open(&ntdll, module))
        return STATUS_ENTRYPOINT_NOT_FOUND;
    for (ULONG i = 0; i < sizeof(dispatch_calls) / sizeof(*dispatch_calls); i++)
    {
        const struct dispatch_call *call = &dispatch_calls[i];
        const unsigned char *stub = dispatch_stub(&ntdll, call->name);
        void *volatile *place;

        if (!stub || !dispatch_parse(stub, call->number, &place) ||
            *call->number >= SYSCALL_NUMBERS || (dispatch_place && place != dispatch_place))
            return STATUS_ENTRYPOINT_NOT_FOUND;
        dispatch_place = place;
        dispatch_table[*call->number] = call->function;
    }
    dispatch_count_makers(&ntdll);
    dispatch_real = *dispatch_place;
    return STATUS_SUCCESS;
}

void dispatch_install(void)
{
    InterlockedExchangePointer((void **)dispatch_place, (void *)dispatch_enter);
}

/*
 * Wine 11 puts another dispatcher into the place while a program has an instrumentation callback,
 * and its first one afterwards. Ours stays in front of both.
 */
NTSTATUS NTAPI layer_NtSetInformationProcess(HANDLE process, PROCESSINFOCLASS class, void *info,
                                             ULONG size)
{
    NTSTATUS status = NtSetInformationProcess(process, class, info, size);
    void *now = *dispatch_place;

    if ((ULONG) class == DISPATCH_PROCESS_INSTRUMENTATION && now != (void *)dispatch_enter)
    {
        dispatch_real = now;
        InterlockedExchangePointer((void **)dispatch_place, (void *)dispatch_enter);
    }
    return status;
}

/* --- win32u ---------------------------------------------------------------------------------- */

static void *volatile *volatile dispatch_win32u_place; /* NULL: not loaded */

static void dispatch_look_at_win32u(HMODULE module)
{
    const unsigned char *stub = NULL;
    struct export_table win32u;
    void *volatile *place;
    ULONG number;

    if (dispatch_open(&win32u, module))
        stub = dispatch_stub(&win32u, "NtUserMsgWaitForMultipleObjectsEx");
    if (!stub || !dispatch_parse(stub, &number, &place))
        return;
    dispatch_number_NtUserMsgWaitForMultipleObjectsEx = number;
    dispatch_win32u_place = place;
    dispatch_want_message_waits();
}

/* On i386 the module has a place of its own. Some Wines fill it after they told of the module. */
void dispatch_want_message_waits(void)
{
    void *volatile *place = dispatch_win32u_place;
    void *real = dispatch_real;

    if (place && *place == real)
        InterlockedCompareExchangePointer((void **)place, (void *)dispatch_enter, real);
}

static bool dispatch_is_win32u(const UNICODE_STRING *name)
{
    static const char win32u[] = "win32u.dll";
    ULONG i;

    for (i = 0; win32u[i] && i < name->Length / sizeof(WCHAR); i++)
        if ((name->Buffer[i] >= 'A' && name->Buffer[i] <= 'Z' ? name->Buffer[i] | 0x20
                                                              : name->Buffer[i]) != win32u[i])
            return false;
    return !win32u[i] && i == name->Length / sizeof(WCHAR);
}

static void CALLBACK dispatch_notify(ULONG reason, const struct dispatch_loaded *loaded,
                                     void *context)
{
    (void)context;
    if (reason == DISPATCH_DLL_LOADED && dispatch_is_win32u(loaded->base_name))
        dispatch_look_at_win32u(loaded->base);
}

static void CALLBACK dispatch_look_at(const struct dispatch_module *module, void *context,
                                      BOOLEAN *ret_stop)
{
    (void)context;
    *ret_stop = dispatch_is_win32u(&module->base_name);
    if (*ret_stop)
        dispatch_look_at_win32u(module->base);
}

/* When the first read pends it is too late: the thread that holds the loader's lock may wait for
 * the one that reads. */
void dispatch_find_message_waits(void)
{
    void *cookie;

    LdrRegisterDllNotification(0, dispatch_notify, NULL, &cookie);
    LdrEnumerateLoadedModules(NULL, dispatch_look_at, NULL);
}
