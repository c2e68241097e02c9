/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hooks.c - jumps that other people put over the first bytes of functions see every call (Y15) */
#include "hook.h"
#include "nt.h"
#include "slots.h"

/*
 * Overlays, recorders and protectors replace the first bytes of system functions by a jump to
 * theirs, which calls on through a copy of those bytes. They may come before the first mailslot of
 * the program or after it; either way the hook must see the calls and the slot must get them.
 */

static struct hook hook_create, hook_read, hook_nt_read, hook_nt_write;
static volatile LONG creates, reads, nt_reads, nt_writes;

static HANDLE WINAPI my_create(const char *name, DWORD access, DWORD share, SECURITY_ATTRIBUTES *sa,
                               DWORD disposition, DWORD flags, HANDLE template)
{
    HANDLE(WINAPI * original)
    (const char *, DWORD, DWORD, SECURITY_ATTRIBUTES *, DWORD, DWORD, HANDLE) =
        hook_create.original;

    InterlockedIncrement(&creates);
    return original(name, access, share, sa, disposition, flags, template);
}

static BOOL WINAPI my_read(HANDLE handle, void *buffer, DWORD size, DWORD *count, OVERLAPPED *ov)
{
    BOOL(WINAPI * original)(HANDLE, void *, DWORD, DWORD *, OVERLAPPED *) = hook_read.original;

    InterlockedIncrement(&reads);
    return original(handle, buffer, size, count, ov);
}

static NTSTATUS NTAPI my_nt_read(HANDLE handle, HANDLE event, void *apc, void *user,
                                 IO_STATUS_BLOCK *io, void *buffer, ULONG size, LARGE_INTEGER *at,
                                 ULONG *key)
{
    NTSTATUS(NTAPI * original)
    (HANDLE, HANDLE, void *, void *, IO_STATUS_BLOCK *, void *, ULONG, LARGE_INTEGER *, ULONG *) =
        hook_nt_read.original;

    InterlockedIncrement(&nt_reads);
    return original(handle, event, apc, user, io, buffer, size, at, key);
}

static NTSTATUS NTAPI my_nt_write(HANDLE handle, HANDLE event, void *apc, void *user,
                                  IO_STATUS_BLOCK *io, const void *buffer, ULONG size,
                                  LARGE_INTEGER *at, ULONG *key)
{
    NTSTATUS(NTAPI * original)
    (HANDLE, HANDLE, void *, void *, IO_STATUS_BLOCK *, const void *, ULONG, LARGE_INTEGER *,
     ULONG *) = hook_nt_write.original;

    InterlockedIncrement(&nt_writes);
    return original(handle, event, apc, user, io, buffer, size, at, key);
}

static const struct
{
    const char *module, *name;
    struct hook *hook;
    void *mine;
    volatile LONG *calls;
} hooked[] = {
    {"kernel32.dll", "CreateFileA", &hook_create, my_create, &creates},
    {"kernelbase.dll", "ReadFile", &hook_read, my_read, &reads},
    {"ntdll.dll", "NtReadFile", &hook_nt_read, my_nt_read, &nt_reads},
    {"ntdll.dll", "NtWriteFile", &hook_nt_write, my_nt_write, &nt_writes},
};

/* A message there and back. With hooks, the calls must have gone through them. */
static void use_slot(const char *leaf, const char *when)
{
    HANDLE slot = slot_create(leaf, 0, 0), client = slot_client(leaf);

    for (unsigned int i = 0; i < ARRAYSIZE(hooked); i++)
        InterlockedExchange(hooked[i].calls, 0);
    close_handle(client);
    client = slot_client(leaf);
    ok(send_text(client, leaf), "%s: write: error %lu\n", when, GetLastError());
    expect_read(slot, leaf);
    expect_read_error(slot, 16, ERROR_SEM_TIMEOUT);
    for (unsigned int i = 0; i < ARRAYSIZE(hooked); i++)
    {
        LONG calls = *hooked[i].calls;

        if (hooked[i].hook->target)
            ok(calls > 0, "%s: the hook of %s was not called\n", when, hooked[i].name);
        else
            ok(!calls, "%s: %s without a hook: called %ld times\n", when, hooked[i].name, calls);
    }
    close_handle(client);
    close_handle(slot);
}

/* Arguments: the length of the jump, and whether a mailslot was used before. */
static void test_hooks(unsigned int length, bool after)
{
    char when[64];
    int set = 0;

    row("Y15");
    if (after)
        use_slot("before", "before the hooks");
    for (unsigned int i = 0; i < ARRAYSIZE(hooked); i++)
    {
        void *target = (void *)GetProcAddress(GetModuleHandleA(hooked[i].module), hooked[i].name);

        if (hook_set(hooked[i].hook, target, hooked[i].mine, length))
            set++;
        else
            skip("%s begins with instructions that this test cannot move: %s\n", hooked[i].name,
                 hook_bytes(target));
    }
    snprintf(when, sizeof(when), "%d hooks of %u bytes, %s the first mailslot", set, length,
             after ? "after" : "before");
    use_slot("hooked", when);
    for (unsigned int i = 0; i < ARRAYSIZE(hooked); i++)
        hook_remove(hooked[i].hook);
    snprintf(when, sizeof(when), "without the hooks of %u bytes", length);
    use_slot("free", when);
}

START_TEST(hooks)
{
    static const char *const cases[] = {"5 before", "5 after", "14 before", "14 after"};
    unsigned int count = sizeof(void *) == 8 ? 4 : 2;
    char **argv = winetest_main_argv();

    if (winetest_main_argc() > 2)
    {
        test_hooks((unsigned int)atoi(argv[1]), !strcmp(argv[2], "after"));
        return;
    }
    row("Y15");
    /* Each in a process of its own, as "before" can be only once in one. */
    for (unsigned int i = 0; i < count; i++)
    {
        int code = winetest_run_child(cases[i]);

        ok(code == 0, "hooks of %s bytes: %d failures or crash\n", cases[i], code);
    }
}
