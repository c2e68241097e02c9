/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* security.c - who may do what with a handle, inheritance, and the security descriptor of a slot */
#include "nt.h"
#include "slots.h"

#include <aclapi.h>
#include <sddl.h>

/* Specific rights only, so that nothing needs to be mapped: 0x120089 = FILE_GENERIC_READ, 0x120116
 * = FILE_GENERIC_WRITE, 0x1f01ff = FILE_ALL_ACCESS. */
#define SDDL_ONE "D:(A;;0x1f01ff;;;WD)"
#define SDDL_TWO "D:(A;;0x120089;;;BA)(A;;0x120116;;;WD)(A;;0x1f01ff;;;SY)"

/* --- rights of handles --- */

static HANDLE copy_handle(HANDLE handle, DWORD access)
{
    HANDLE copy = NULL;

    if (!DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(), &copy, access, FALSE, 0))
        return NULL;
    return copy;
}

static void expect_write_error(HANDLE handle, DWORD error, const char *what)
{
    DWORD written = 0xdeadbeef, got;
    BOOL ret = WriteFile(handle, "x", 1, &written, NULL);

    got = GetLastError();
    ok(!ret && got == error, "%s: ret %d, error %lu instead of %lu\n", what, ret, got, error);
}

static void test_server_rights(void)
{
    static const DWORD weak[] = {SYNCHRONIZE, FILE_READ_ATTRIBUTES | SYNCHRONIZE,
                                 READ_CONTROL | SYNCHRONIZE};
    HANDLE slot = slot_create("rights", 0, 0), client = slot_client("rights"), copy;

    row("R22 L6");
    ok(send_text(client, "kept"), "write failed\n");
    for (unsigned int i = 0; i < ARRAYSIZE(weak); i++)
    {
        copy = copy_handle(slot, weak[i]);
        ok(copy != NULL, "DuplicateHandle %#lx: error %lu\n", weak[i], GetLastError());
        expect_read_error(copy, 16, ERROR_ACCESS_DENIED);
        expect_info(slot, 4, 1);
        close_handle(copy);
    }
    copy = copy_handle(slot, GENERIC_READ | SYNCHRONIZE);
    ok(copy != NULL, "DuplicateHandle: error %lu\n", GetLastError());
    expect_read(copy, "kept");
    close_handle(copy);

    /* More than the original has: refused, or granted in vain. */
    row("X3");
    SetLastError(0xdeadbeef);
    copy = copy_handle(slot, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE);
    if (!copy)
        ok(GetLastError() == ERROR_ACCESS_DENIED, "error %lu\n", GetLastError());
    else
    {
        DWORD written;

        ok(!WriteFile(copy, "x", 1, &written, NULL) &&
               (GetLastError() == ERROR_ACCESS_DENIED || GetLastError() == ERROR_INVALID_PARAMETER),
           "write on a server handle: error %lu\n", GetLastError());
        close_handle(copy);
    }
    expect_info(slot, NO_MESSAGE, 0);
    close_handle(client);
    close_handle(slot);
}

static void test_client_rights(void)
{
    HANDLE slot = slot_create("rights", 0, 0), client, copy;

    row("P9");
    client = path_open(slot_name("rights"), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE);
    if (expect_handle(client, "GENERIC_READ client"))
        expect_write_error(client, ERROR_ACCESS_DENIED, "GENERIC_READ client");
    close_handle(client);

    client = path_open(slot_name("rights"), GENERIC_READ | GENERIC_WRITE,
                       FILE_SHARE_READ | FILE_SHARE_WRITE);
    if (expect_handle(client, "client"))
    {
        row("P9 O15");
        copy = copy_handle(client, GENERIC_READ | SYNCHRONIZE);
        ok(copy != NULL, "DuplicateHandle: error %lu\n", GetLastError());
        expect_write_error(copy, ERROR_ACCESS_DENIED, "copy without write access");
        close_handle(copy);
        copy = copy_handle(client, SYNCHRONIZE);
        ok(copy != NULL, "DuplicateHandle: error %lu\n", GetLastError());
        expect_write_error(copy, ERROR_ACCESS_DENIED, "copy without any access");
        close_handle(copy);
        copy = copy_handle(client, GENERIC_WRITE | SYNCHRONIZE);
        ok(copy != NULL, "DuplicateHandle: error %lu\n", GetLastError());
        row("O15");
        ok(send_text(copy, "copy"), "write through a copy: error %lu\n", GetLastError());
        expect_info(slot, 4, 1);
        row("X1");
        expect_read_error(copy, 16, ERROR_ACCESS_DENIED);
        close_handle(copy);
        row("O15");
        expect_read(slot, "copy");
        ok(send_text(client, "self"), "write: error %lu\n", GetLastError());
        expect_read(slot, "self");
    }
    close_handle(client);
    close_handle(slot);
}

/* --- inheritance --- */

static int child_exit(const char *verb, HANDLE handle)
{
    char args[64];

    snprintf(args, sizeof(args), "%s %p", verb, (void *)handle);
    return winetest_run_child(args);
}

static void test_inherit(void)
{
    SECURITY_ATTRIBUTES inherit = {sizeof(inherit), NULL, TRUE};
    HANDLE slot, client;
    DWORD flags;

    row("C11");
    slot = CreateMailslotA(slot_name("inherit"), 0, 0, NULL);
    ok(GetHandleInformation(slot, &flags) && !(flags & HANDLE_FLAG_INHERIT), "flags %lx\n", flags);
    ok(child_exit("absent", slot) == 0, "child has a handle that is not inheritable\n");
    close_handle(slot);

    row("C12");
    inherit.bInheritHandle = FALSE;
    slot = CreateMailslotA(slot_name("inherit"), 0, 0, &inherit);
    ok(GetHandleInformation(slot, &flags) && !(flags & HANDLE_FLAG_INHERIT), "flags %lx\n", flags);
    ok(child_exit("absent", slot) == 0, "child has a handle that is not inheritable\n");
    close_handle(slot);

    inherit.bInheritHandle = TRUE;
    slot = CreateMailslotA(slot_name("inherit"), 0, 0, &inherit);
    client = slot_client("inherit");
    ok(send_text(client, "heir"), "write failed\n");
    todo_wine
    {
        ok(GetHandleInformation(slot, &flags) && (flags & HANDLE_FLAG_INHERIT), "flags %lx\n",
           flags);
        ok(child_exit("read", slot) == 0, "child does not read\n");
        expect_info(slot, NO_MESSAGE, 0);
    }
    close_handle(client);

    row("O15");
    slot_drain(slot);
    client = CreateFileA(slot_name("inherit"), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                         &inherit, OPEN_EXISTING, 0, NULL);
    ok(GetHandleInformation(client, &flags) && (flags & HANDLE_FLAG_INHERIT), "flags %lx\n", flags);
    ok(child_exit("write", client) == 0, "child does not write\n");
    expect_read(slot, "child");
    close_handle(client);
    client = slot_client("inherit");
    ok(child_exit("write", client) != 0, "child writes through a handle it has not\n");
    expect_info(slot, NO_MESSAGE, 0);
    close_handle(client);
    close_handle(slot);
}

/* --- the descriptor --- */

static PSECURITY_DESCRIPTOR from_sddl(const char *sddl)
{
    PSECURITY_DESCRIPTOR sd = NULL;

    if (!ConvertStringSecurityDescriptorToSecurityDescriptorA(sddl, SDDL_REVISION_1, &sd, NULL))
        return NULL;
    return sd;
}

static ACL *dacl_of(PSECURITY_DESCRIPTOR sd, BOOL *ret_present)
{
    BOOL defaulted;
    ACL *acl = NULL;

    *ret_present = FALSE;
    if (!GetSecurityDescriptorDacl(sd, ret_present, &acl, &defaulted) || !*ret_present)
        return NULL;
    return acl;
}

static bool same_dacl(PSECURITY_DESCRIPTOR one, PSECURITY_DESCRIPTOR two)
{
    BOOL present_one, present_two;
    ACL *a = dacl_of(one, &present_one), *b = dacl_of(two, &present_two);

    if (!a || !b)
        return present_one && present_two && a == b;
    if (a->AceCount != b->AceCount)
        return false;
    for (DWORD i = 0; i < a->AceCount; i++)
    {
        ACCESS_ALLOWED_ACE *x, *y;

        if (!GetAce(a, i, (void **)&x) || !GetAce(b, i, (void **)&y) ||
            x->Header.AceType != y->Header.AceType || x->Mask != y->Mask ||
            !EqualSid(&x->SidStart, &y->SidStart))
            return false;
    }
    return true;
}

/* The descriptor of a handle, to be freed, or NULL with the last error. */
static PSECURITY_DESCRIPTOR query_sd(HANDLE handle, SECURITY_INFORMATION info)
{
    PSECURITY_DESCRIPTOR sd;
    DWORD size = 0;

    if (GetKernelObjectSecurity(handle, info, NULL, 0, &size) ||
        GetLastError() != ERROR_INSUFFICIENT_BUFFER || !size)
        return NULL;
    sd = calloc(1, size);
    if (!GetKernelObjectSecurity(handle, info, sd, size, &size))
    {
        DWORD error = GetLastError();

        free(sd);
        SetLastError(error);
        return NULL;
    }
    return sd;
}

#define expect_dacl(handle, sddl) expect_dacl_(__LINE__, handle, sddl)
static void expect_dacl_(int line, HANDLE handle, const char *sddl)
{
    PSECURITY_DESCRIPTOR expected = from_sddl(sddl),
                         got = query_sd(handle, DACL_SECURITY_INFORMATION);

    wt_check(__FILE__, line, NULL, got && same_dacl(expected, got),
             "DACL %p is not %s, error %lu\n", (void *)got, sddl, GetLastError());
    free(got);
    LocalFree(expected);
}

static HANDLE create_with_sd(const char *leaf, PSECURITY_DESCRIPTOR sd)
{
    SECURITY_ATTRIBUTES sa = {sizeof(sa), sd, FALSE};

    return CreateMailslotA(slot_name(leaf), 0, 0, &sa);
}

static HANDLE create_with_sddl(const char *leaf, const char *sddl)
{
    PSECURITY_DESCRIPTOR sd = from_sddl(sddl);
    HANDLE slot = create_with_sd(leaf, sd);

    LocalFree(sd);
    return slot;
}

static bool set_dacl(HANDLE handle, const char *sddl)
{
    PSECURITY_DESCRIPTOR sd = from_sddl(sddl);
    bool ret = SetKernelObjectSecurity(handle, DACL_SECURITY_INFORMATION, sd);
    DWORD error = GetLastError();

    LocalFree(sd);
    SetLastError(error);
    return ret;
}

static void test_default_sd(void)
{
    HANDLE slot = slot_create("sd", 0, 0);
    PSECURITY_DESCRIPTOR sd;
    DWORD owner_size = 0;
    PSID owner = NULL, group = NULL;
    BOOL defaulted, present;
    char buffer[256];
    HANDLE token;

    row("S1 C11");
    sd = query_sd(slot, OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
                            DACL_SECURITY_INFORMATION);
    if (ok(sd != NULL, "error %lu\n", GetLastError()))
    {
        ok(IsValidSecurityDescriptor(sd), "descriptor is not valid\n");
        GetSecurityDescriptorOwner(sd, &owner, &defaulted);
        GetSecurityDescriptorGroup(sd, &group, &defaulted);
        dacl_of(sd, &present);
        todo_wine
        {
            ok(owner && IsValidSid(owner), "no owner\n");
            ok(group && IsValidSid(group), "no group\n");
            ok(present, "no DACL\n");
        }
        OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token);
        if (GetTokenInformation(token, TokenOwner, buffer, sizeof(buffer), &owner_size) && owner)
        {
            bool is_owner = EqualSid(owner, ((TOKEN_OWNER *)buffer)->Owner);

            GetTokenInformation(token, TokenUser, buffer, sizeof(buffer), &owner_size);
            ok(is_owner || EqualSid(owner, ((TOKEN_USER *)buffer)->User.Sid),
               "the owner is neither the token's owner nor its user\n");
        }
        CloseHandle(token);
    }
    free(sd);
    close_handle(slot);
}

static void test_query(void)
{
    NTSTATUS(NTAPI * query)(HANDLE, SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, ULONG, ULONG *);
    HANDLE slot = create_with_sddl("sd", SDDL_TWO), copy, client;
    PSECURITY_DESCRIPTOR sd = NULL, expected = from_sddl(SDDL_TWO);
    char buffer[512];
    ULONG size = 0;
    DWORD error;

    query = (void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), "NtQuerySecurityObject");
    row("S1");
    expect_handle(slot, "slot with a descriptor");
    expect_dacl(slot, SDDL_TWO);
    error = GetSecurityInfo(slot, SE_KERNEL_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, NULL,
                            NULL, &sd);
    ok(!error, "GetSecurityInfo: error %lu\n", error);
    ok(sd && same_dacl(sd, expected), "GetSecurityInfo: other DACL\n");
    LocalFree(sd);
    ok(query(slot, DACL_SECURITY_INFORMATION, NULL, 0, &size) == ST_BUFFER_TOO_SMALL && size,
       "size %lu\n", size);
    ok(query(slot, DACL_SECURITY_INFORMATION, buffer, size - 1, &size) == ST_BUFFER_TOO_SMALL,
       "one byte too few is enough\n");
    ok(!query(slot, DACL_SECURITY_INFORMATION, buffer, size, &size), "NtQuerySecurityObject\n");
    ok(same_dacl(buffer, expected), "NtQuerySecurityObject: other DACL\n");
    LocalFree(expected);

    /* All handles of a slot show the same descriptor. */
    copy = copy_handle(slot, GENERIC_READ | SYNCHRONIZE);
    client = path_open(slot_name("sd"), GENERIC_READ | GENERIC_WRITE,
                       FILE_SHARE_READ | FILE_SHARE_WRITE);
    expect_dacl(copy, SDDL_TWO);
    todo_wine
    {
        expect_dacl(client, SDDL_TWO);
    }
    close_handle(copy);
    close_handle(client);
    close_handle(slot);

    /* It dies with the slot. */
    slot = slot_create("sd", 0, 0);
    sd = query_sd(slot, DACL_SECURITY_INFORMATION);
    expected = from_sddl(SDDL_TWO);
    ok(sd && !same_dacl(sd, expected), "the descriptor of an earlier slot\n");
    free(sd);
    LocalFree(expected);
    close_handle(slot);
}

static void test_set(void)
{
    HANDLE slot = create_with_sddl("sd", SDDL_TWO), other = create_with_sddl("sd2", SDDL_TWO);
    HANDLE copy;

    /* C4: a slot's handle may change the DACL; V3: Wine 10's may not. */
    row("S1 C4");
    todo_wine
    {
        ok(set_dacl(slot, SDDL_ONE), "error %lu\n", GetLastError());
        expect_dacl(slot, SDDL_ONE);
    }
    expect_dacl(other, SDDL_TWO);
    if (set_dacl(slot, SDDL_ONE))
    {
        row("S1 L6");
        copy = copy_handle(slot, GENERIC_READ | SYNCHRONIZE);
        expect_dacl(copy, SDDL_ONE);
        close_handle(copy);
        SetHandleInformation(slot, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
        ok(child_exit("dacl", slot) == 0, "another process sees another descriptor\n");
    }
    close_handle(other);
    close_handle(slot);
}

static void test_special_sd(void)
{
    SECURITY_DESCRIPTOR null_dacl, wrong;
    PSECURITY_DESCRIPTOR sd;
    char sddl[2048] = "D:";
    HANDLE slot;
    BOOL present;
    ACL *acl;

    row("S1");
    InitializeSecurityDescriptor(&null_dacl, SECURITY_DESCRIPTOR_REVISION);
    SetSecurityDescriptorDacl(&null_dacl, TRUE, NULL, FALSE);
    slot = create_with_sd("sd", &null_dacl);
    if (expect_handle(slot, "NULL DACL"))
    {
        sd = query_sd(slot, DACL_SECURITY_INFORMATION);
        acl = sd ? dacl_of(sd, &present) : (ACL *)-1;
        ok(!acl, "NULL DACL became another: %p\n", (void *)acl);
        free(sd);
        close_handle(slot);
    }

    for (int i = 0; i < 50; i++)
        strcat(sddl, i % 2 ? "(A;;0x120089;;;WD)" : "(A;;0x1f01ff;;;SY)");
    slot = create_with_sddl("sd", sddl);
    if (expect_handle(slot, "many ACEs"))
    {
        expect_dacl(slot, sddl);
        close_handle(slot);
    }

    /* Refused, and no slot is left. */
    memset(&wrong, 0, sizeof(wrong));
    wrong.Revision = 77;
    slot = create_with_sd("sd", &wrong);
    ok(slot == INVALID_HANDLE_VALUE, "created with a descriptor of revision 77\n");
    close_handle(slot);
    slot = slot_create("sd", 0, 0);
    expect_handle(slot, "name after a refused descriptor");
    close_handle(slot);
}

static void test_sd_rights(void)
{
    HANDLE slot = create_with_sddl("sd", SDDL_TWO), copy;
    PSECURITY_DESCRIPTOR sd;
    DWORD size;
    PSID owner;
    BOOL defaulted;

    row("S1 C4");
    copy = copy_handle(slot, SYNCHRONIZE);
    ok(!GetKernelObjectSecurity(copy, DACL_SECURITY_INFORMATION, NULL, 0, &size) &&
           GetLastError() == ERROR_ACCESS_DENIED,
       "query without READ_CONTROL: error %lu\n", GetLastError());
    close_handle(copy);
    copy = copy_handle(slot, GENERIC_READ | SYNCHRONIZE);
    ok(!set_dacl(copy, SDDL_ONE) && GetLastError() == ERROR_ACCESS_DENIED,
       "set without WRITE_DAC: error %lu\n", GetLastError());
    close_handle(copy);
    sd = query_sd(slot, OWNER_SECURITY_INFORMATION);
    if (ok(sd && GetSecurityDescriptorOwner(sd, &owner, &defaulted), "no owner\n"))
        ok(!SetKernelObjectSecurity(slot, OWNER_SECURITY_INFORMATION, sd) &&
               GetLastError() == ERROR_ACCESS_DENIED,
           "set without WRITE_OWNER: error %lu\n", GetLastError());
    free(sd);
    ok(!GetKernelObjectSecurity(slot, SACL_SECURITY_INFORMATION, NULL, 0, &size) &&
           (GetLastError() == ERROR_ACCESS_DENIED || GetLastError() == ERROR_PRIVILEGE_NOT_HELD),
       "query of the SACL: error %lu\n", GetLastError());
    expect_dacl(slot, SDDL_TWO);
    close_handle(slot);
}

/* Exit code 0: the handle of the command line does what the verb says. */
static int child(char **argv)
{
    char buffer[16] = "";
    void *handle;
    DWORD count = 0;

    sscanf(argv[2], "%p", &handle);
    if (!strcmp(argv[1], "absent"))
        return GetMailslotInfo(handle, NULL, NULL, NULL, NULL);
    if (!strcmp(argv[1], "read"))
        return !ReadFile(handle, buffer, sizeof(buffer), &count, NULL) || count != 4 ||
               memcmp(buffer, "heir", 4);
    if (!strcmp(argv[1], "write"))
        return !send_text(handle, "child");
    row("S1");
    expect_dacl(handle, SDDL_ONE);
    return wt.failures != 0;
}

START_TEST(security)
{
    if (winetest_main_argc() > 2)
        ExitProcess((UINT)child(winetest_main_argv()));
    test_server_rights();
    test_client_rights();
    test_inherit();
    test_default_sd();
    test_query();
    test_set();
    test_special_sd();
    test_sd_rights();
}
