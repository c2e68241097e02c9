/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is true once a wait for a program has ended (Y9).
 *
 * The daemon learns that an owner has ended when Wine's server closes its handles, a moment later.
 * Nobody sees that moment but who waits for the owner's process, or its last thread: so whoever has
 * done that asks the daemon to look at once. To find out what kind of object it is takes a request
 * to Wine's server, which also makes sure that the server has done with the owner; for other
 * objects that is remembered, until this process makes new handles. */
#include "winemailslot/ended.h"

#include "winemailslot/dispatch.h"
#include "winemailslot/file.h"

#define ENDED_REMEMBERED 16

/* Handles that are neither process nor thread, and dispatch_made when that was seen. */
static struct
{
    volatile LONG made;
    HANDLE volatile handle;
} ended_others[ENDED_REMEMBERED];

static bool ended_is_program(HANDLE handle)
{
    static const WCHAR *const kinds[] = {L"Process", L"Thread"};
    union
    {
        UNICODE_STRING name; /* of PUBLIC_OBJECT_TYPE_INFORMATION; its text lies behind */
        ULONG_PTR room[64];
    } type;

    if (NtQueryObject(handle, NT_OBJECT_TYPE, &type, sizeof(type), NULL))
        return false;
    for (int i = 0; i < 2; i++)
    {
        ULONG length = 0;

        while (kinds[i][length] && length < type.name.Length / sizeof(WCHAR) &&
               type.name.Buffer[length] == kinds[i][length])
            length++;
        if (!kinds[i][length] && length == type.name.Length / sizeof(WCHAR))
            return true;
    }
    return false;
}

void ended_wait(HANDLE handle)
{
    ULONG place = ((ULONG_PTR)handle >> 2) % ENDED_REMEMBERED;
    LONG made = dispatch_made;

    if (!file_any() || (ended_others[place].handle == handle && ended_others[place].made == made))
        return;
    if (ended_is_program(handle))
    {
        file_check_all();
        return;
    }
    ended_others[place].handle = NULL;
    ended_others[place].made = made;
    ended_others[place].handle = handle;
}
