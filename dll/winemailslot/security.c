/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Security descriptors of slots: kept with the slot and given back (S1, C11). */
#include "winemailslot/security.h"

#include "client/mailslot.h"
#include "winemailslot/guard.h"
#include "winemailslot/handles.h"
#include "winemailslot/status.h"
#include "winemailslot/unix.h"

/*
 * The descriptor lives beside the slot's queue, in self-relative form, so that every process that
 * has the slot open sees the same one. A slot that was made without has that of its user's token,
 * which is looked up when somebody asks: nearly nobody does.
 */
#define SECURITY_TOKEN_SIZE 1024

struct security
{
    SECURITY_DESCRIPTOR absolute; /* points into the two below */
    union
    {
        uint8_t bytes[MAILSLOT_SECURITY_MAX];
        ULONG_PTR align;
    } stored;
    union
    {
        uint8_t bytes[SECURITY_TOKEN_SIZE];
        ULONG_PTR align;
    } token[3];
};

/* Copies the parts that `info` names from one descriptor to an absolute one. */
static NTSTATUS security_take(SECURITY_DESCRIPTOR *to, void *from, ULONG info)
{
    BOOLEAN present, defaulted;
    NTSTATUS status = STATUS_SUCCESS;
    PSID sid;
    ACL *acl;

    if (info & OWNER_SECURITY_INFORMATION)
    {
        status = RtlGetOwnerSecurityDescriptor(from, &sid, &defaulted);
        if (status == STATUS_SUCCESS && sid)
            status = RtlSetOwnerSecurityDescriptor(to, sid, defaulted);
    }
    if (status == STATUS_SUCCESS && (info & GROUP_SECURITY_INFORMATION))
    {
        status = RtlGetGroupSecurityDescriptor(from, &sid, &defaulted);
        if (status == STATUS_SUCCESS && sid)
            status = RtlSetGroupSecurityDescriptor(to, sid, defaulted);
    }
    if (status == STATUS_SUCCESS && (info & DACL_SECURITY_INFORMATION))
    {
        status = RtlGetDaclSecurityDescriptor(from, &present, &acl, &defaulted);
        if (status == STATUS_SUCCESS && present)
            status = RtlSetDaclSecurityDescriptor(to, TRUE, acl, defaulted);
    }
    if (status == STATUS_SUCCESS && (info & SACL_SECURITY_INFORMATION))
    {
        status = RtlGetSaclSecurityDescriptor(from, &present, &acl, &defaulted);
        if (status == STATUS_SUCCESS && present)
            status = RtlSetSaclSecurityDescriptor(to, TRUE, acl, defaulted);
    }
    return status;
}

struct security_taking
{
    SECURITY_DESCRIPTOR *to;
    void *from;
    ULONG info;
};

static NTSTATUS security_take_caller_now(void *argument)
{
    const struct security_taking *taking = argument;

    return security_take(taking->to, taking->from, taking->info);
}

/* The same from a caller's descriptor, which may point nowhere. */
static NTSTATUS security_take_caller(SECURITY_DESCRIPTOR *to, void *from, ULONG info)
{
    struct security_taking taking = {to, from, info};

    return guard_call(security_take_caller_now, &taking);
}

/* What an object made by this process has unless told otherwise. */
static NTSTATUS security_default(struct security *security)
{
    static const TOKEN_INFORMATION_CLASS classes[] = {TokenOwner, TokenPrimaryGroup,
                                                      TokenDefaultDacl};
    SECURITY_DESCRIPTOR *absolute = &security->absolute;
    NTSTATUS status;
    HANDLE token;
    ULONG size;

    status = NtOpenProcessToken(NT_CURRENT_PROCESS, TOKEN_QUERY, &token);
    if (status)
        return status;
    for (int i = 0; i < 3 && status == STATUS_SUCCESS; i++)
        status = NtQueryInformationToken(token, classes[i], security->token[i].bytes,
                                         SECURITY_TOKEN_SIZE, &size);
    NtClose(token);
    if (status == STATUS_SUCCESS)
        status = RtlSetOwnerSecurityDescriptor(
            absolute, ((TOKEN_OWNER *)security->token[0].bytes)->Owner, FALSE);
    if (status == STATUS_SUCCESS)
        status = RtlSetGroupSecurityDescriptor(
            absolute, ((TOKEN_PRIMARY_GROUP *)security->token[1].bytes)->PrimaryGroup, FALSE);
    if (status == STATUS_SUCCESS)
        status = RtlSetDaclSecurityDescriptor(
            absolute, TRUE, ((TOKEN_DEFAULT_DACL *)security->token[2].bytes)->DefaultDacl, FALSE);
    return status;
}

static bool security_valid_sid(const uint8_t *bytes, ULONG size, ULONG at)
{
    const SID *sid = (const SID *)(bytes + at);

    if (!at)
        return true;
    if (at % sizeof(ULONG) || at < sizeof(SECURITY_DESCRIPTOR_RELATIVE) || at > size ||
        size - at < FIELD_OFFSET(SID, SubAuthority))
        return false;
    return sid->Revision == SID_REVISION && sid->SubAuthorityCount <= SID_MAX_SUB_AUTHORITIES &&
           size - at >= FIELD_OFFSET(SID, SubAuthority) + sid->SubAuthorityCount * sizeof(DWORD);
}

static bool security_valid_acl(const uint8_t *bytes, ULONG size, ULONG at)
{
    const ACL *acl = (const ACL *)(bytes + at);
    ULONG end, next = at + sizeof(*acl);

    if (!at)
        return true;
    if (at % sizeof(ULONG) || at < sizeof(SECURITY_DESCRIPTOR_RELATIVE) || at > size ||
        size - at < sizeof(*acl) || acl->AclSize < sizeof(*acl) || size - at < acl->AclSize)
        return false;
    end = at + acl->AclSize;
    for (ULONG i = 0; i < acl->AceCount; i++)
    {
        const ACE_HEADER *ace = (const ACE_HEADER *)(bytes + next);

        if (end - next < sizeof(*ace) || ace->AceSize < sizeof(*ace) || end - next < ace->AceSize)
            return false;
        next += ace->AceSize;
    }
    return true;
}

/* RtlValidRelativeSecurityDescriptor of Wine 10 finds none valid, so this is our own. */
static bool security_valid(const uint8_t *bytes, ULONG size)
{
    const SECURITY_DESCRIPTOR_RELATIVE *descriptor = (const void *)bytes;

    return size >= sizeof(*descriptor) && descriptor->Revision == SECURITY_DESCRIPTOR_REVISION &&
           (descriptor->Control & SE_SELF_RELATIVE) &&
           security_valid_sid(bytes, size, descriptor->Owner) &&
           security_valid_sid(bytes, size, descriptor->Group) &&
           security_valid_acl(bytes, size, descriptor->Sacl) &&
           security_valid_acl(bytes, size, descriptor->Dacl);
}

/* The whole descriptor of a slot, as an absolute one. */
static NTSTATUS security_load(uint64_t slot, struct security *security)
{
    struct unix_io io = {.slot = slot,
                         .buffer = UNIX_ADDRESS(security->stored.bytes),
                         .size = sizeof(security->stored.bytes),
                         .result = MAILSLOT_DENIED};
    NTSTATUS status;

    status = RtlCreateSecurityDescriptor(&security->absolute, SECURITY_DESCRIPTOR_REVISION);
    if (status)
        return status;
    /* What is missing in the creator's descriptor comes from the default. */
    status = security_default(security);
    if (status)
        return status;
    unix_call(UNIX_SECURITY, &io);
    if (io.result)
        return status_from_result(io.result);
    /* Shared memory may hold anything. */
    if (!io.done || io.done > sizeof(security->stored.bytes) ||
        !security_valid(security->stored.bytes, io.done))
        return STATUS_SUCCESS;
    return security_take(&security->absolute, security->stored.bytes,
                         OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
                             DACL_SECURITY_INFORMATION | SACL_SECURITY_INFORMATION);
}

struct security_packing
{
    SECURITY_DESCRIPTOR *absolute;
    void *relative;
    ULONG size;
};

static NTSTATUS security_pack(void *argument)
{
    struct security_packing *packing = argument;

    return RtlAbsoluteToSelfRelativeSD(packing->absolute, packing->relative, &packing->size);
}

/* The SIDs and lists of the descriptor may be the caller's. */
static NTSTATUS security_store(uint64_t slot, SECURITY_DESCRIPTOR *absolute)
{
    struct unix_io io = {.slot = slot, .result = MAILSLOT_DENIED};
    void *relative = layer_alloc(MAILSLOT_SECURITY_MAX);
    struct security_packing packing = {absolute, relative, MAILSLOT_SECURITY_MAX};
    NTSTATUS status;

    if (!relative)
        return STATUS_NO_MEMORY;
    status = guard_call(security_pack, &packing);
    if (status == STATUS_SUCCESS)
    {
        io.buffer = UNIX_ADDRESS(relative);
        io.size = RtlLengthSecurityDescriptor(relative);
        unix_call(UNIX_SET_SECURITY, &io);
        status = status_from_result(io.result);
    }
    else if (status == STATUS_BUFFER_TOO_SMALL)
        status = STATUS_QUOTA_EXCEEDED;
    layer_free(relative);
    return status;
}

NTSTATUS security_keep(uint64_t slot, void *descriptor)
{
    SECURITY_DESCRIPTOR absolute;
    NTSTATUS status;

    if (!descriptor)
        return STATUS_SUCCESS;
    status = RtlCreateSecurityDescriptor(&absolute, SECURITY_DESCRIPTOR_REVISION);
    if (status == STATUS_SUCCESS)
        status = security_take_caller(&absolute, descriptor,
                                      OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
                                          DACL_SECURITY_INFORMATION | SACL_SECURITY_INFORMATION);
    return status == STATUS_SUCCESS ? security_store(slot, &absolute) : status;
}

NTSTATUS security_descriptor(uint64_t slot, ULONG info, void *out, ULONG size, ULONG *ret_size)
{
    struct security *security = layer_alloc(sizeof(*security));
    SECURITY_DESCRIPTOR wanted;
    NTSTATUS status;
    ULONG needed = size;

    if (!security)
        return STATUS_NO_MEMORY;
    status = security_load(slot, security);
    if (status == STATUS_SUCCESS)
        status = RtlCreateSecurityDescriptor(&wanted, SECURITY_DESCRIPTOR_REVISION);
    if (status == STATUS_SUCCESS)
        status = security_take(&wanted, &security->absolute, info);
    if (status == STATUS_SUCCESS)
    {
        status = RtlAbsoluteToSelfRelativeSD(&wanted, out, &needed);
        if (ret_size)
            *ret_size = status == STATUS_SUCCESS ? RtlLengthSecurityDescriptor(out) : needed;
    }
    layer_free(security);
    return status;
}

NTSTATUS NTAPI layer_NtQuerySecurityObject(HANDLE handle, ULONG info, void *out, ULONG size,
                                           ULONG *ret_size)
{
    ACCESS_MASK needed = info & SACL_SECURITY_INFORMATION ? ACCESS_SYSTEM_SECURITY : 0;
    struct handle_view view;
    NTSTATUS status;

    if (!handles_find(handle, &view))
        return NtQuerySecurityObject(handle, info, out, size, ret_size);
    if (info & ~SACL_SECURITY_INFORMATION)
        needed |= READ_CONTROL;
    if (!view.file->slot) /* remote, device: what Wine says of the handle itself */
        status = NtQuerySecurityObject(handle, info, out, size, ret_size);
    else if ((view.access & needed) != needed)
        status = STATUS_ACCESS_DENIED;
    else
        status = security_descriptor(view.file->slot, info, out, size, ret_size);
    file_put(view.file);
    return status;
}

static NTSTATUS security_set(struct file *file, ULONG info, void *descriptor)
{
    struct security *security = layer_alloc(sizeof(*security));
    NTSTATUS status;

    if (!security)
        return STATUS_NO_MEMORY;
    status = security_load(file->slot, security);
    if (status == STATUS_SUCCESS)
        status = security_take_caller(&security->absolute, descriptor, info);
    if (status == STATUS_SUCCESS)
        status = security_store(file->slot, &security->absolute);
    layer_free(security);
    return status;
}

NTSTATUS NTAPI layer_NtSetSecurityObject(HANDLE handle, ULONG info, void *descriptor)
{
    ACCESS_MASK needed = 0;
    struct handle_view view;
    NTSTATUS status;

    if (!handles_find(handle, &view))
        return NtSetSecurityObject(handle, info, descriptor);
    if (info & (OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION))
        needed |= WRITE_OWNER;
    if (info & DACL_SECURITY_INFORMATION)
        needed |= WRITE_DAC;
    if (info & SACL_SECURITY_INFORMATION)
        needed |= ACCESS_SYSTEM_SECURITY;
    if (!view.file->slot)
        status = NtSetSecurityObject(handle, info, descriptor);
    else if ((view.access & needed) != needed)
        status = STATUS_ACCESS_DENIED;
    else
        status = security_set(view.file, info, descriptor);
    file_put(view.file);
    return status;
}
