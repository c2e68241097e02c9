/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dacl.c - the slot's own DACL decides whether a client of this machine gets in (Y12) */
#include "nt.h"
#include "slots.h"

#include <sddl.h>

static const struct
{
    const char *sddl;
    bool read, write; /* whether GENERIC_READ, GENERIC_WRITE are granted */
} cases[] = {
    {"D:", false, false},
    {"D:(A;;GR;;;WD)", true, false},
    {"D:(D;;0x2;;;WD)(A;;GA;;;WD)", true, false},
    {"D:(D;;GA;;;WD)", false, false},
    {"D:(D;;0x1;;;WD)(A;;GA;;;WD)", false, true},
    {"D:(A;;GRGW;;;WD)", true, true},
    {"D:(A;;GA;;;WD)", true, true},
    {"D:(A;;0x1f01ff;;;WD)", true, true},
};

static PSECURITY_DESCRIPTOR from_sddl(const char *sddl)
{
    PSECURITY_DESCRIPTOR sd = NULL;

    ok(ConvertStringSecurityDescriptorToSecurityDescriptorA(sddl, SDDL_REVISION_1, &sd, NULL),
       "%s: error %lu\n", sddl, GetLastError());
    return sd;
}

static HANDLE open_client(DWORD access)
{
    SetLastError(0xdeadbeef);
    return path_open(slot_name("dacl"), access, FILE_SHARE_READ | FILE_SHARE_WRITE);
}

/* Arguments: the DACL, an access and its name, whether it is granted. */
static void expect_open(const char *sddl, DWORD access, const char *name, bool granted)
{
    HANDLE client = open_client(access);
    DWORD error = GetLastError();

    if (granted)
        ok(client != INVALID_HANDLE_VALUE, "%s, %s: error %lu\n", sddl, name, error);
    else
        todo_wine ok(client == INVALID_HANDLE_VALUE && error == ERROR_ACCESS_DENIED,
                     "%s, %s: handle %p, error %lu instead of 5\n", sddl, name, (void *)client,
                     error);
    if (client != INVALID_HANDLE_VALUE && granted && (access & GENERIC_WRITE))
        ok(send_text(client, "let in"), "%s: write: error %lu\n", sddl, GetLastError());
    close_handle(client);
}

/* The same by the native call and from another process. */
static void expect_elsewhere(const char *sddl, bool granted)
{
    struct nt_name name;
    HANDLE client = NULL;
    IO_STATUS_BLOCK io;
    NTSTATUS status;
    char args[96];
    int code;

    nt_path(&name, "\\??\\MAILSLOT\\wt%lu_dacl", GetCurrentProcessId());
    status = nt.open_file(&client, FILE_WRITE_DATA | SYNCHRONIZE, &name.attr, &io,
                          FILE_SHARE_READ | FILE_SHARE_WRITE, NT_SYNC_NONALERT);
    snprintf(args, sizeof(args), "open %s", slot_name("dacl"));
    code = winetest_run_child(args);
    todo_wine_if(!granted)
    {
        ok(status == (granted ? ST_SUCCESS : ST_ACCESS_DENIED), "%s: NtOpenFile %#lx\n", sddl,
           status);
        ok(code == (granted ? 0 : ERROR_ACCESS_DENIED), "%s: another process: error %d\n", sddl,
           code);
    }
    if (!status)
        nt.close(client);
}

static void test_create(void)
{
    row("Y12");
    for (unsigned int i = 0; i < ARRAYSIZE(cases); i++)
    {
        PSECURITY_DESCRIPTOR sd = from_sddl(cases[i].sddl);
        SECURITY_ATTRIBUTES attributes = {sizeof(attributes), sd, FALSE};
        HANDLE slot = CreateMailslotA(slot_name("dacl"), 0, 0, &attributes);

        /* Plain Wine asks the DACL whether its own creator may have the slot. */
        todo_wine_if(!cases[i].read) expect_handle(slot, cases[i].sddl);
        if (slot == INVALID_HANDLE_VALUE)
        {
            LocalFree(sd);
            continue;
        }
        expect_open(cases[i].sddl, GENERIC_WRITE, "GENERIC_WRITE", cases[i].write);
        expect_open(cases[i].sddl, GENERIC_READ, "GENERIC_READ", cases[i].read);
        expect_open(cases[i].sddl, GENERIC_READ | GENERIC_WRITE, "GENERIC_READ | GENERIC_WRITE",
                    cases[i].read && cases[i].write);
        if (i == 0 || cases[i].write)
            expect_elsewhere(cases[i].sddl, cases[i].write);
        /* Whoever made it has it, whatever the DACL says. */
        slot_drain(slot);
        expect_info(slot, NO_MESSAGE, 0);
        close_handle(slot);
        LocalFree(sd);
    }
}

/* MAXIMUM_ALLOWED: whatever there is, but at least the rights that stand beside it. */
static void test_maximum(void)
{
    row("Y12");
    for (unsigned int i = 0; i < ARRAYSIZE(cases); i++)
    {
        PSECURITY_DESCRIPTOR sd = from_sddl(cases[i].sddl);
        SECURITY_ATTRIBUTES attributes = {sizeof(attributes), sd, FALSE};
        HANDLE slot = CreateMailslotA(slot_name("dacl"), 0, 0, &attributes);

        if (slot != INVALID_HANDLE_VALUE) /* as above */
            expect_open(cases[i].sddl, MAXIMUM_ALLOWED | GENERIC_WRITE,
                        "MAXIMUM_ALLOWED | GENERIC_WRITE", cases[i].write);
        if (slot != INVALID_HANDLE_VALUE)
            close_handle(slot);
        LocalFree(sd);
    }
}

static bool set_dacl(HANDLE slot, const char *sddl)
{
    PSECURITY_DESCRIPTOR sd = from_sddl(sddl);
    BOOL ret = SetKernelObjectSecurity(slot, DACL_SECURITY_INFORMATION, sd);

    LocalFree(sd);
    return ret;
}

/* Changed while the slot lives: for whoever opens from then on. */
static void test_change(void)
{
    HANDLE slot = slot_create("dacl", 0, 0), before;

    row("Y12");
    before = open_client(GENERIC_WRITE);
    expect_handle(before, "before the change");
    for (unsigned int i = 0; i < ARRAYSIZE(cases); i++)
    {
        bool set = set_dacl(slot, cases[i].sddl);

        /* V3: the handles of Wine before 8 and after 9 lack WRITE_DAC; C4 tests it. */
        todo_wine_if(!set) ok(set, "SetKernelObjectSecurity: error %lu\n", GetLastError());
        if (!set)
            break;
        expect_open(cases[i].sddl, GENERIC_WRITE, "changed, GENERIC_WRITE", cases[i].write);
        expect_open(cases[i].sddl, GENERIC_READ, "changed, GENERIC_READ", cases[i].read);
        ok(send_text(before, "old"), "%s: the old client: error %lu\n", cases[i].sddl,
           GetLastError());
    }
    close_handle(before);
    close_handle(slot);
}

/* A DACL is the slot's, not the name's. */
static void test_next_slot(void)
{
    PSECURITY_DESCRIPTOR sd = from_sddl("D:");
    SECURITY_ATTRIBUTES attributes = {sizeof(attributes), sd, FALSE};
    HANDLE slot = CreateMailslotA(slot_name("dacl"), 0, 0, &attributes);

    row("Y12");
    close_handle(slot);
    expect_no_handle(open_client(GENERIC_WRITE), ERROR_FILE_NOT_FOUND, "no slot any more");
    slot = slot_create("dacl", 0, 0);
    expect_open("the default", GENERIC_WRITE, "GENERIC_WRITE", true);
    close_handle(slot);
    LocalFree(sd);
}

static int child_open(const char *path)
{
    HANDLE client = path_open(path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE);

    return client == INVALID_HANDLE_VALUE ? (int)GetLastError() : 0;
}

START_TEST(dacl)
{
    if (winetest_main_argc() > 2)
        ExitProcess((UINT)child_open(winetest_main_argv()[2]));
    nt_load();
    test_create();
    test_maximum();
    test_change();
    test_next_slot();
}
