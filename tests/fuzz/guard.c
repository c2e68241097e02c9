/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared mappings between two pages that nobody may touch: finds what ASan does not see */

/*
 * ASan knows nothing of memory that comes from mmap. A program that has this file in it uses these
 * functions instead of libc's; other mappings than shared ones of a file are made as ever.
 */

#include "guard.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GUARD_SIZE 4096u
#define GUARD_MAX  64

static struct guarded
{
    uint8_t *address; /* NULL: unused */
    size_t size;
} guarded[GUARD_MAX];

static size_t guard_round_up(size_t size)
{
    return (size + GUARD_SIZE - 1) / GUARD_SIZE * GUARD_SIZE;
}

static struct guarded *guard_find(const void *address)
{
    for (size_t i = 0; i < GUARD_MAX; i++)
    {
        if (guarded[i].address == address)
        {
            return &guarded[i];
        }
    }
    return NULL;
}

/* Address space for `size` bytes between two guards. NULL: there is none. */
static uint8_t *guard_reserve(size_t size)
{
    long address = syscall(SYS_mmap, NULL, size + 2L * GUARD_SIZE, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);

    return address == -1 ? NULL : (uint8_t *)address + GUARD_SIZE;
}

static int guard_unmap(struct guarded *entry)
{
    uint8_t *start = entry->address - GUARD_SIZE;

    entry->address = NULL;
    return (int)syscall(SYS_munmap, start, entry->size + 2L * GUARD_SIZE);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    struct guarded *entry = guard_find(NULL);

    if (!address && (flags & MAP_SHARED) && fd >= 0 && entry)
    {
        size_t rounded = guard_round_up(size);
        uint8_t *place = guard_reserve(rounded);
        long mapped = -1;

        if (place)
        {
            mapped = syscall(SYS_mmap, place, size, protection, flags | MAP_FIXED, fd, offset);
            *entry = (struct guarded){place, rounded};
            if (mapped == -1)
            {
                int error = errno;

                guard_unmap(entry);
                errno = error;
            }
        }
        return (void *)mapped;
    }
    return (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}

/* What a file with _FILE_OFFSET_BITS calls. */
void *mmap64(void *address, size_t size, int protection, int flags, int fd, off64_t offset)
{
    return mmap(address, size, protection, flags, fd, offset);
}

int munmap(void *address, size_t size)
{
    struct guarded *entry = address ? guard_find(address) : NULL;

    return entry ? guard_unmap(entry) : (int)syscall(SYS_munmap, address, size);
}

void *mremap(void *address, size_t old_size, size_t size, int flags, ...)
{
    struct guarded *entry = address ? guard_find(address) : NULL;
    void *wanted = NULL;
    uint8_t *place;

    if (flags & MREMAP_FIXED)
    {
        va_list arguments;

        va_start(arguments, flags);
        wanted = va_arg(arguments, void *);
        va_end(arguments);
    }
    if (!entry)
    {
        return (void *)syscall(SYS_mremap, address, old_size, size, flags, wanted);
    }
    place = guard_reserve(guard_round_up(size));
    if (!place)
    {
        return MAP_FAILED;
    }
    if (syscall(SYS_mremap, address, old_size, size, MREMAP_MAYMOVE | MREMAP_FIXED, place) == -1)
    {
        int error = errno;

        syscall(SYS_munmap, place - GUARD_SIZE, guard_round_up(size) + 2L * GUARD_SIZE);
        errno = error;
        return MAP_FAILED;
    }
    if (old_size)
        guard_unmap(entry);
    else /* another mapping of the same memory */
        entry = guard_find(NULL);
    if (entry)
        *entry = (struct guarded){place, guard_round_up(size)};
    return place;
}

unsigned int guard_count(void)
{
    unsigned int n = 0;

    for (size_t i = 0; i < GUARD_MAX; i++)
    {
        n += guarded[i].address != NULL;
    }
    return n;
}
