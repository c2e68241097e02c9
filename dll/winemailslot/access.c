/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a local client gets what it asks for (Y12). */
#include "winemailslot/access.h"

#include "client/mailslot.h"
#include "winemailslot/create.h"
#include "winemailslot/layer.h"
#include "winemailslot/security.h"
#include "winemailslot/unix.h"

#define ACCESS_DESCRIPTOR_MAX                                                                      \
    (MAILSLOT_SECURITY_MAX + 1024) /* what is missing comes from the token */

static bool access_has_descriptor(uint64_t slot)
{
    struct unix_io io = {.slot = slot, .result = MAILSLOT_DENIED};

    unix_call(UNIX_SECURITY, &io);
    return !io.result && io.done;
}

/* A token of the kind that NtAccessCheck takes. The caller closes it. */
static NTSTATUS access_token(HANDLE *ret)
{
    SECURITY_QUALITY_OF_SERVICE quality = {.Length = sizeof(quality),
                                           .ImpersonationLevel = SecurityIdentification};
    OBJECT_ATTRIBUTES attributes = {.Length = sizeof(attributes),
                                    .SecurityQualityOfService = &quality};
    HANDLE token;
    NTSTATUS status;

    status = NtOpenThreadToken(NT_CURRENT_THREAD, TOKEN_QUERY | TOKEN_DUPLICATE, TRUE, &token);
    if (status == STATUS_NO_TOKEN)
        status = NtOpenProcessToken(NT_CURRENT_PROCESS, TOKEN_QUERY | TOKEN_DUPLICATE, &token);
    if (status)
        return status;
    status = NtDuplicateToken(token, TOKEN_QUERY, &attributes, FALSE, TokenImpersonation, ret);
    NtClose(token);
    return status;
}

NTSTATUS access_check(uint64_t slot, ACCESS_MASK wanted, ACCESS_MASK *ret_granted)
{
    GENERIC_MAPPING mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE,
                               FILE_ALL_ACCESS};
    PRIVILEGE_SET privileges;
    ULONG privileges_size = sizeof(privileges);
    NTSTATUS status, verdict = STATUS_ACCESS_DENIED;
    void *descriptor;
    HANDLE token;

    *ret_granted = create_map_access(wanted);
    if (!wanted || !access_has_descriptor(slot)) /* O9 */
        return STATUS_SUCCESS;
    descriptor = layer_alloc(ACCESS_DESCRIPTOR_MAX);
    if (!descriptor)
        return STATUS_NO_MEMORY;
    status = security_descriptor(
        slot, OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
        descriptor, ACCESS_DESCRIPTOR_MAX, NULL);
    if (status == STATUS_SUCCESS)
        status = access_token(&token);
    if (status == STATUS_SUCCESS)
    {
        /* Generic rights stand for file rights here, MAXIMUM_ALLOWED for what there is besides. */
        ACCESS_MASK named = create_map_access(wanted & ~MAXIMUM_ALLOWED);

        status = NtAccessCheck(descriptor, token, named | (wanted & MAXIMUM_ALLOWED), &mapping,
                               &privileges, &privileges_size, ret_granted, &verdict);
        /* Wine takes those beside MAXIMUM_ALLOWED for a wish. */
        if (status == STATUS_SUCCESS && (*ret_granted & named) != named)
            verdict = STATUS_ACCESS_DENIED;
        NtClose(token);
    }
    layer_free(descriptor);
    return status ? status : verdict;
}
