/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sync_options.c - NtCreateMailslotFile refuses synchronous handles that nobody can wait on (Y14)
 */
#include "nt.h"
#include "slots.h"

#define READ_WITHOUT_WAIT (FILE_READ_DATA | FILE_READ_ATTRIBUTES | READ_CONTROL)

static const struct
{
    const char *what;
    ULONG access, options;
    bool refused;
} cases[] = {
    {"alertable without SYNCHRONIZE", READ_WITHOUT_WAIT, NT_SYNC_ALERT, true},
    {"not alertable without SYNCHRONIZE", READ_WITHOUT_WAIT, NT_SYNC_NONALERT, true},
    {"both without SYNCHRONIZE", READ_WITHOUT_WAIT, NT_SYNC_ALERT | NT_SYNC_NONALERT, true},
    {"both", READ_WITHOUT_WAIT | SYNCHRONIZE, NT_SYNC_ALERT | NT_SYNC_NONALERT, true},
    {"both, GENERIC_READ", GENERIC_READ | SYNCHRONIZE, NT_SYNC_ALERT | NT_SYNC_NONALERT, true},
    {"alertable", READ_WITHOUT_WAIT | SYNCHRONIZE, NT_SYNC_ALERT, false},
    {"not alertable", READ_WITHOUT_WAIT | SYNCHRONIZE, NT_SYNC_NONALERT, false},
    {"asynchronous without SYNCHRONIZE", READ_WITHOUT_WAIT, 0, false},
};

START_TEST(sync_options)
{
    LONGLONG no_wait = 0;

    nt_load();
    row("Y14");
    for (unsigned int i = 0; i < ARRAYSIZE(cases); i++)
    {
        HANDLE slot;
        NTSTATUS status = nt_slot(&slot, "options", cases[i].access, cases[i].options, &no_wait),
                 again;

        todo_wine_if(cases[i].refused)
            ok(status == (cases[i].refused ? ST_INVALID_PARAMETER : ST_SUCCESS), "%s: %#lx\n",
               cases[i].what, status);
        if (slot)
            nt.close(slot);
        /* What was refused has left no slot. */
        again = nt_slot(&slot, "options", GENERIC_READ | SYNCHRONIZE, NT_SYNC_NONALERT, &no_wait);
        ok(!again, "after %s: %#lx\n", cases[i].what, again);
        if (slot)
            nt.close(slot);
    }
}
