/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bad_names.c - names that cannot be made into a name of NT are refused, without harm (Y13) */
#include "slots.h"

/* RtlDosPathNameToNtPathName_U of plain Wine refuses them all; Windows may convert some. */
static const char *const names[] = {
    "C:\\nodir\\nul", "C:\\nodir\\aux.txt", "Z:\\nodir\\com1", "x\\aux", "x\\nul", " ", "   ", "",
};

static void expect_refused(HANDLE slot, const char *name, const char *function)
{
    DWORD error = GetLastError();

    ok(slot == INVALID_HANDLE_VALUE, "%s of \"%.40s\": handle %p\n", function, name, (void *)slot);
    ok(error == ERROR_PATH_NOT_FOUND || broken(error == ERROR_INVALID_NAME),
       "%s of \"%.40s\": error %lu instead of 3\n", function, name, error);
    close_handle(slot);
}

static void test_names(void)
{
    WCHAR wide[64];

    row("Y13");
    for (unsigned int i = 0; i < ARRAYSIZE(names); i++)
    {
        int k;

        for (k = 0; names[i][k]; k++)
            wide[k] = (WCHAR)names[i][k];
        wide[k] = 0;
        SetLastError(0xdeadbeef);
        expect_refused(CreateMailslotA(names[i], 0, 0, NULL), names[i], "CreateMailslotA");
        SetLastError(0xdeadbeef);
        expect_refused(CreateMailslotW(wide, 0, 0, NULL), names[i], "CreateMailslotW");
    }
}

/* Names that do not fit into a counted string: 32,767 characters with what NT puts before them. */
static void test_long_names(void)
{
    static const unsigned int lengths[] = {32753, 32754, 32760, 32767, 32768, 39000};
    static const char prefix[] = "\\\\.\\mailslot\\";
    static char name[40000];
    static WCHAR wide[40000];

    row("Y13");
    for (unsigned int i = 0; i < ARRAYSIZE(lengths); i++)
    {
        strcpy(name, prefix);
        memset(name + strlen(prefix), 'n', lengths[i]);
        name[strlen(prefix) + lengths[i]] = 0;
        for (unsigned int k = 0; k <= strlen(prefix) + lengths[i]; k++)
            wide[k] = (WCHAR)name[k];
        SetLastError(0xdeadbeef);
        expect_refused(CreateMailslotA(name, 0, 0, NULL), name, "CreateMailslotA");
        SetLastError(0xdeadbeef);
        expect_refused(CreateMailslotW(wide, 0, 0, NULL), name, "CreateMailslotW");
    }
}

START_TEST(bad_names)
{
    HANDLE slot;

    test_names();
    test_long_names();
    row("Y13 C1");
    slot = slot_create("good", 0, 0);
    expect_handle(slot, "a good name afterwards");
    close_handle(slot);
}
