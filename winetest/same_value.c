/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* same_value.c - DuplicateHandle in one process with CLOSE_SOURCE keeps the handle's value (Y4) */
/* Must come before windows.h. */
#include <winsock2.h>

#include "reuse.h"
#include "slots.h"

/* Arguments: where the handle is and goes, as a handle of the own process. */
static HANDLE moved(HANDLE handle, HANDLE source, HANDLE target)
{
    HANDLE result = NULL;

    ok(DuplicateHandle(source, handle, target, &result, 0, FALSE,
                       DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE),
       "error %lu\n", GetLastError());
    return result;
}

static void test_kind(enum reuse_kind kind)
{
    HANDLE self = GetCurrentProcess(), real, copy;
    struct reuse_object object = {.kind = kind};
    const char *wrong;

    real = OpenProcess(PROCESS_DUP_HANDLE, FALSE, GetCurrentProcessId());
    object.first = reuse_one(kind, &object.second);
    copy = moved(object.first, self, self);
    ok(copy == object.first, "%s: %p became %p\n", reuse_names[kind], (void *)object.first,
       (void *)copy);
    object.first = copy;
    copy = moved(object.first, real, real);
    ok(copy == object.first, "%s, real handle: %p became %p\n", reuse_names[kind],
       (void *)object.first, (void *)copy);
    object.first = copy;
    if (object.second)
    {
        copy = moved(object.second, self, self);
        ok(copy == object.second, "%s, other end: %p became %p\n", reuse_names[kind],
           (void *)object.second, (void *)copy);
        object.second = copy;
    }
    wrong = reuse_try(&object);
    ok(!wrong, "%s: %s\n", reuse_names[kind], wrong);
    reuse_end(&object);
    CloseHandle(real);
}

/* A slot with messages queued, then closed: what moved was all there was of it. */
static void test_slot(void)
{
    HANDLE slot = slot_create("same", 0, 0), client = slot_client("same"), self;

    self = GetCurrentProcess();
    ok(send_text(client, "one"), "write: error %lu\n", GetLastError());
    slot = moved(slot, self, self);
    client = moved(client, self, self);
    ok(send_text(client, "two"), "write: error %lu\n", GetLastError());
    expect_read(slot, "one");
    expect_read(slot, "two");
    close_handle(client);
    close_handle(slot);
    expect_no_handle(slot_client("same"), ERROR_FILE_NOT_FOUND, "open after close");
}

START_TEST(same_value)
{
    reuse_start();
    row("Y4");
    for (int kind = 0; kind < REUSE_KINDS; kind++)
        test_kind(kind);
    row("Y4 L1");
    test_slot();
}
