/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue's memfd and this process's mappings of it.
 *
 * The file has its full size from the start and is sealed against resizing, so that nobody can
 * make others fault; it is sparse, so that an idle slot costs two pages. A 32-bit program may hold
 * hundreds of slots, so each process maps only as much as is in use.
 *
 * Messages are copied without a lock, so a mapping must not move while somebody uses it. A larger
 * one is therefore made beside the smaller ones, as a copy of the first that reaches further, and
 * larger ones go only when no thread is in one. The first level never goes, and needs no counting.
 * No descriptor is needed after queue_map_init(). */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64 /* or fstat() fails on large inode numbers in 32-bit processes */
#endif

#include "queue/map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/mailslot.h"
#include "queue/pages.h"

#define MAP_SEALS        (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define MAP_SEALS_REFUSE (F_SEAL_WRITE | 0x0010 /* F_SEAL_FUTURE_WRITE */)

/* The mapping above its first level that this thread is using, once or twice at the same time */
static __thread struct
{
    struct queue_map *map;
    uint32_t times;
} map_thread __attribute__((tls_model("initial-exec")));

static off_t map_file_size(uint32_t quota)
{
    return QUEUE_LAYOUT_POOL + (off_t)pages_of_pool(quota) * QUEUE_LAYOUT_PAGE;
}

int queue_map_create(uint32_t quota, uint32_t max_message, uint32_t read_timeout, int *ret_memfd)
{
    struct queue_header header = {
        .magic = QUEUE_LAYOUT_MAGIC,
        .version = QUEUE_LAYOUT_VERSION,
        .header_size = QUEUE_LAYOUT_HEADER_SIZE,
        .quota = quota,
        .max_message = max_message,
        .read_timeout = read_timeout,
    };
    ssize_t written;
    int fd, error;

    pages_rewind(&header.state[0]);
    fd = memfd_create("mailslot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;

    if (ftruncate(fd, map_file_size(quota)))
        goto error;
    written = pwrite(fd, &header, sizeof(header), 0);
    if (written != (ssize_t)sizeof(header))
    {
        if (written >= 0)
            errno = ENOSPC;
        goto error;
    }
    if (fcntl(fd, F_ADD_SEALS, MAP_SEALS))
        goto error;
    *ret_memfd = fd;
    return 0;

error:
    error = -errno;
    close(fd);
    return error;
}

static int map_check(const volatile struct queue_header *header, off_t size,
                     struct queue_map *ret_map)
{
    uint32_t quota = header->quota;

    if (header->magic != QUEUE_LAYOUT_MAGIC)
        return -EPROTO;
    if (header->version != QUEUE_LAYOUT_VERSION)
        return MAILSLOT_VERSION;
    if (header->header_size != QUEUE_LAYOUT_HEADER_SIZE || quota < QUEUE_LAYOUT_PAGE ||
        quota > QUEUE_LAYOUT_QUOTA_MAX || quota % QUEUE_LAYOUT_PAGE != 0 ||
        size != map_file_size(quota))
        return -EPROTO;
    ret_map->quota = quota;
    ret_map->pages = pages_of_pool(quota);
    ret_map->max_message = header->max_message;
    return 0;
}

int queue_map_init(struct queue_map *map, int memfd)
{
    struct queue_map new = {0};
    struct stat stat;
    void *address;
    int seals, r;

    seals = fcntl(memfd, F_GET_SEALS);
    if (seals < 0)
        return -errno;
    if ((seals & MAP_SEALS) != MAP_SEALS || seals & MAP_SEALS_REFUSE)
        return -EINVAL;
    if (fstat(memfd, &stat))
        return -errno;
    if (stat.st_size < (off_t)QUEUE_LAYOUT_HEADER_SIZE)
        return -EPROTO;

    address = mmap(NULL, QUEUE_LAYOUT_HEADER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
    if (address == MAP_FAILED)
        return -errno;
    new.header = address;
    r = map_check(new.header, stat.st_size, &new);
    if (r)
        goto error;

    address = mmap(NULL, QUEUE_LAYOUT_FIRST_PAGES * QUEUE_LAYOUT_PAGE, PROT_READ | PROT_WRITE,
                   MAP_SHARED, memfd, QUEUE_LAYOUT_POOL);
    if (address == MAP_FAILED)
    {
        r = -errno;
        goto error;
    }
    new.levels[0] = address;
    *map = new;
    return 0;

error:
    munmap(new.header, QUEUE_LAYOUT_HEADER_SIZE);
    return r;
}

static size_t map_level_size(const struct queue_map *map, int level)
{
    uint64_t pages = (uint64_t)QUEUE_LAYOUT_FIRST_PAGES << level;

    return (size_t)(pages < map->pages ? pages : map->pages) * QUEUE_LAYOUT_PAGE;
}

void queue_map_deinit(struct queue_map *map)
{
    for (int level = 0; level < QUEUE_MAP_LEVELS; level++)
        if (map->levels[level])
            munmap(map->levels[level], map_level_size(map, level));
    munmap(map->header, QUEUE_LAYOUT_HEADER_SIZE);
}

/* Unmaps the levels from 1 up to `end`. The caller is one of `own` users, or there must be none. */
static void map_shrink(struct queue_map *map, int end, uint32_t own)
{
    for (int level = 1; level < end; level++)
    {
        uint8_t *none = NULL, *pool;

        if (!__atomic_load_n(&map->levels[level], __ATOMIC_RELAXED) ||
            __atomic_load_n(&map->users, __ATOMIC_SEQ_CST) != own)
            continue;
        pool = __atomic_exchange_n(&map->levels[level], NULL, __ATOMIC_SEQ_CST);
        if (!pool)
            continue;
        /* Who came in before that may have seen it, and is counted. If another has made a new one
         * meanwhile, this one is lost: nobody would know when it is unused. */
        if (__atomic_load_n(&map->users, __ATOMIC_SEQ_CST) == own)
            munmap(pool, map_level_size(map, level));
        else
            (void)__atomic_compare_exchange_n(&map->levels[level], &none, pool, false,
                                              __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
}

/* A mapping that nobody else can see yet */
static int map_add_level(struct queue_map *map, int level, uint8_t **ret)
{
    uint8_t *none = NULL;
    size_t size = map_level_size(map, level);
    /* From a length of 0: another mapping of the same file, and the old one stays. */
    void *address = mremap(map->levels[0], 0, size, MREMAP_MAYMOVE);

    if (address == MAP_FAILED)
        return -ENOMEM;
    if (__atomic_compare_exchange_n(&map->levels[level], &none, address, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
    {
        none = address;
        __atomic_store_n(&map->grown, true, __ATOMIC_RELAXED);
    }
    else /* another thread was faster */
        munmap(address, size);
    *ret = none;
    /* Smaller ones are of no use any more, unless another thread is in one. */
    map_shrink(map, level, map_thread.times);
    return 0;
}

int map_enter_level(struct queue_map *map, uint32_t pages, uint8_t **ret)
{
    int level = 0, r = 0;

    while ((uint64_t)QUEUE_LAYOUT_FIRST_PAGES << level < pages)
        level++;
    /* First counted, then looked: map_shrink() does it the other way round. */
    __atomic_fetch_add(&map->users, 1, __ATOMIC_SEQ_CST);
    map_thread.map = map;
    map_thread.times++;
    *ret = __atomic_load_n(&map->levels[level], __ATOMIC_SEQ_CST);
    if (!*ret)
        r = map_add_level(map, level, ret);
    if (r)
        queue_map_leave(map, pages);
    return r;
}

void map_leave_level(struct queue_map *map, uint32_t pages)
{
    if (pages > QUEUE_LAYOUT_FIRST_PAGES)
    {
        __atomic_fetch_sub(&map->users, 1, __ATOMIC_SEQ_CST);
        map_thread.times--;
    }
    else if (!__atomic_load_n(&map->users, __ATOMIC_RELAXED))
    {
        __atomic_store_n(&map->grown, false, __ATOMIC_RELAXED);
        map_shrink(map, QUEUE_MAP_LEVELS, 0);
        for (int level = 1; level < QUEUE_MAP_LEVELS; level++)
            if (__atomic_load_n(&map->levels[level], __ATOMIC_RELAXED))
                __atomic_store_n(&map->grown, true, __ATOMIC_RELAXED);
    }
}

void queue_map_abandon(void)
{
    if (map_thread.times)
        __atomic_fetch_sub(&map_thread.map->users, map_thread.times, __ATOMIC_SEQ_CST);
    map_thread.times = 0;
}

int queue_map_notes(const struct queue_map *map, struct queue_note **ret)
{
    uint8_t *notes = mremap(map->header, 0, QUEUE_LAYOUT_POOL, MREMAP_MAYMOVE);

    if (notes == MAP_FAILED)
        return -errno;
    *ret = (struct queue_note *)(notes + QUEUE_LAYOUT_HEADER_SIZE);
    return 0;
}

void queue_map_unmap_notes(struct queue_note *notes)
{
    munmap((uint8_t *)notes - QUEUE_LAYOUT_HEADER_SIZE, QUEUE_LAYOUT_POOL);
}

void queue_map_discard(uint8_t *pool, uint32_t from, uint32_t to)
{
    int error = errno;

    /* Without it the memory stays allocated until the slot is gone: no reason to fail. */
    if (from < to && madvise(pool + (size_t)from * QUEUE_LAYOUT_PAGE,
                             (size_t)(to - from) * QUEUE_LAYOUT_PAGE, MADV_REMOVE))
        errno = error;
}
