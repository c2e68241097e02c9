/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slot names as people write them. */
#include "tools/name.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "tools/ctl.h"

#define NAME_HOST_MAX 253 /* of a DNS name; NetBIOS names are shorter */

static const char name_mailslot[] = "\\mailslot\\";

/* \\HOST\mailslot\NAME */
static bool name_parse_long(const char *text, struct name *ret)
{
    const char *rest = strchr(text + 2, '\\');

    if (!rest || strncasecmp(rest, name_mailslot, sizeof(name_mailslot) - 1) != 0)
        return false;
    ret->host = text + 2;
    ret->host_size = rest - ret->host;
    ret->slot = rest + sizeof(name_mailslot) - 1;
    return true;
}

int name_parse(char *text, struct name *ret, const char **ret_why)
{
    struct name name = {.slot = text};
    const char *slash;

    for (char *c = text; *c; c++)
        if (*c == '/')
            *c = '\\';
    if (text[0] == '\\' && text[1] == '\\')
    {
        if (!name_parse_long(text, &name))
        {
            *ret_why = "a full name is \\\\HOST\\mailslot\\NAME";
            return CTL_USAGE;
        }
    }
    else if (text[0] == '\\')
    {
        *ret_why = "the shell has taken backslashes away: put the name into single quotes, or "
                   "write HOST/NAME";
        return CTL_USAGE;
    }
    else if ((slash = strchr(text, '\\')))
    {
        name.host = text;
        name.host_size = slash - text;
        name.slot = slash + 1;
    }
    if (name.host && name.host_size == 1 && (name.host[0] == '.' || name.host[0] == '?'))
        name.host = NULL;
    name.slot_size = strlen(name.slot);
    if (!name.slot_size || (name.host && !name.host_size))
    {
        *ret_why = "a part of the name is empty";
        return CTL_USAGE;
    }
    if (name.host && name.host_size > NAME_HOST_MAX)
    {
        *ret_why = "the name of the computer is too long: 253 characters at most";
        return CTL_USAGE;
    }
    *ret = name;
    return CTL_DONE;
}
