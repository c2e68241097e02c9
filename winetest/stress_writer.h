/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stress_writer.h - the writing half of stress.c: random messages to all slots, in epochs */
#pragma once

#include "stress.h"

static const char *base; /* slot names begin with it, it is the section's name, too */
static DWORD seed;

static const char *stress_name(char *buffer, int slot)
{
    snprintf(buffer, MAX_PATH, "\\\\.\\mailslot\\%s\\%d", base, slot);
    return buffer;
}

struct writer
{
    WORD id;
    DWORD random;
    struct
    {
        HANDLE handle;
        bool overlapped;
        DWORD epoch, seq;
    } slot[SLOTS];
    BYTE data[MAX_MESSAGE];
};

static void writer_close(struct writer *writer, int slot)
{
    if (!writer->slot[slot].handle)
        return;
    CloseHandle(writer->slot[slot].handle);
    writer->slot[slot].handle = NULL;
    writer->slot[slot].epoch++;
    writer->slot[slot].seq = 0;
}

static bool writer_open(struct writer *writer, int slot)
{
    bool overlapped = one_in(&writer->random, 3);
    char name[MAX_PATH];
    HANDLE handle;

    handle = CreateFileA(stress_name(name, slot), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                         NULL, OPEN_EXISTING, overlapped ? FILE_FLAG_OVERLAPPED : 0, NULL);
    if (handle == INVALID_HANDLE_VALUE)
    {
        if (!renewable[slot] || GetLastError() != ERROR_FILE_NOT_FOUND)
            problem("slot %d: open: error %lu", slot, GetLastError());
        return false;
    }
    writer->slot[slot].handle = handle;
    writer->slot[slot].overlapped = overlapped;
    return true;
}

static bool writer_write(struct writer *writer, int slot, DWORD size)
{
    HANDLE handle = writer->slot[slot].handle, copy = NULL;
    OVERLAPPED ov = {0};
    DWORD written = 0;
    BOOL ret;

    if (one_in(&writer->random, 50) &&
        DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(), &copy, 0, FALSE,
                        DUPLICATE_SAME_ACCESS))
        handle = copy;
    if (writer->slot[slot].overlapped)
    {
        ov.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL);
        ret = WriteFile(handle, writer->data, size, NULL, &ov);
        if (ret || GetLastError() == ERROR_IO_PENDING)
            ret = GetOverlappedResult(handle, &ov, &written, TRUE);
    }
    else
        ret = WriteFile(handle, writer->data, size, &written, NULL);
    if (ret && written != size)
        problem("slot %d: wrote %lu of %lu bytes", slot, written, size);
    if (copy || ov.hEvent)
    {
        DWORD error = GetLastError();

        if (copy)
            CloseHandle(copy);
        if (ov.hEvent)
            CloseHandle(ov.hEvent);
        SetLastError(error);
    }
    return ret;
}

/* Sends one message; false if the slot is full or gone. */
static bool writer_send(struct writer *writer, int slot, DWORD size)
{
    DWORD count = 0;
    bool is_short = size < sizeof(struct header), too_large = slot == LIMIT_SLOT && size > LIMIT;

    /* Nobody promises room without end: a writer that is far ahead waits. */
    if (GetMailslotInfo(writer->slot[slot].handle, NULL, NULL, &count, NULL) && count > 150)
    {
        Sleep(1);
        return false;
    }
    message_make(writer->data, size, (WORD)slot, writer->id, writer->slot[slot].epoch,
                 writer->slot[slot].seq);
    if (writer_write(writer, slot, size))
    {
        if (too_large)
            problem("slot %d takes %lu bytes", slot, size);
        if (is_short)
            InterlockedIncrement(&shared->short_sent[slot]);
        else
            writer->slot[slot].seq++;
        return true;
    }
    if (too_large)
        return false;
    if (!renewable[slot])
        problem("slot %d: write of %lu bytes: error %lu", slot, size, GetLastError());
    writer_close(writer, slot);
    return false;
}

static void writer_last(struct writer *writer, int slot)
{
    if (slot != MULTI_SLOT)
    {
        writer_close(writer, slot);
        if (!writer_open(writer, slot))
        {
            problem("slot %d: last open: error %lu", slot, GetLastError());
            return;
        }
    }
    for (int i = 0; i < 20;)
    {
        i += writer_send(writer, slot, 200);
        if (!writer->slot[slot].handle)
        {
            problem("slot %d: last write failed", slot);
            return;
        }
    }
    shared->last[slot][writer->id].epoch = (LONG)writer->slot[slot].epoch;
    shared->last[slot][writer->id].count = (LONG)writer->slot[slot].seq;
}

static DWORD WINAPI writer_main(void *arg)
{
    struct writer *writer = calloc(1, sizeof(*writer));
    int slot;

    writer->id = (WORD)(ULONG_PTR)arg;
    writer->random = random_seed(seed, 100 + writer->id);
    while (shared->phase < PHASE_LAST)
    {
        slot = (int)(random_next(&writer->random) % SLOTS);
        if (!writer->slot[slot].handle && !writer_open(writer, slot))
            continue;
        for (DWORD burst = random_next(&writer->random) % 8;
             burst && shared->phase < PHASE_LAST &&
             writer_send(writer, slot, random_size(&writer->random));
             burst--)
            ;
        if (slot == MULTI_SLOT && writer->slot[slot].seq > MULTI_MAX - 64)
            break;
        if (slot != MULTI_SLOT && one_in(&writer->random, 40))
            writer_close(writer, slot);
        if (one_in(&writer->random, 30))
            Sleep(random_next(&writer->random) % 3);
    }
    while (shared->phase < PHASE_LAST)
        Sleep(10);
    for (slot = 0; slot < SLOTS; slot++)
    {
        if (!writer->slot[slot].handle)
            writer_open(writer, slot);
        writer_last(writer, slot);
        writer_close(writer, slot);
    }
    free(writer);
    return 0;
}
