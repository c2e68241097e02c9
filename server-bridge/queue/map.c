/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue's memfd and this process's mappings of it.
 *
 * The file has its full size from the start and is sealed against resizing, so that nobody can
 * make others fault; it is sparse, so that an idle slot costs two pages. A 32-bit program may hold
 * hundreds of slots, so each process maps only as much ring as is in use. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64 /* or fstat() fails on large inode numbers in 32-bit processes */
#endif

#include "queue/map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/ring.h"

#define MAP_SEALS        (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define MAP_SEALS_REFUSE (F_SEAL_WRITE | 0x0010 /* F_SEAL_FUTURE_WRITE */)

int queue_map_create(uint32_t quota, uint32_t max_message, uint32_t read_timeout, int *ret_memfd)
{
    struct queue_header header = {
        .magic = QUEUE_LAYOUT_MAGIC,
        .version = QUEUE_LAYOUT_VERSION,
        .header_size = QUEUE_LAYOUT_HEADER_SIZE,
        .quota = quota,
        .max_message = max_message,
        .read_timeout = read_timeout,
        .wake = QUEUE_LAYOUT_WAKE_IDLE,
        .state[0].cap = queue_ring_cap_first(quota),
    };
    ssize_t written;
    int fd, error;

    fd = memfd_create("mailslot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;

    if (ftruncate(fd, (off_t)QUEUE_LAYOUT_HEADER_SIZE + quota + QUEUE_LAYOUT_NOTES))
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

    if (header->magic != QUEUE_LAYOUT_MAGIC || header->version != QUEUE_LAYOUT_VERSION ||
        header->header_size != QUEUE_LAYOUT_HEADER_SIZE)
        return -EPROTO;
    if (quota < QUEUE_LAYOUT_PAGE || quota > QUEUE_LAYOUT_QUOTA_MAX ||
        quota % QUEUE_LAYOUT_PAGE != 0 ||
        size != (off_t)QUEUE_LAYOUT_HEADER_SIZE + quota + QUEUE_LAYOUT_NOTES)
        return -EPROTO;
    ret_map->quota = quota;
    ret_map->max_message = header->max_message;
    return 0;
}

int queue_map_init(struct queue_map *map, int memfd)
{
    struct queue_map new = {.memfd = memfd};
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
    if (stat.st_size < (off_t)(QUEUE_LAYOUT_HEADER_SIZE + QUEUE_LAYOUT_PAGE))
        return -EPROTO;

    address = mmap(NULL, QUEUE_LAYOUT_HEADER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
    if (address == MAP_FAILED)
        return -errno;
    new.header = address;
    r = map_check(new.header, stat.st_size, &new);
    if (r)
        goto error;

    new.mapped = queue_ring_cap_first(new.quota);
    address =
        mmap(NULL, new.mapped, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, QUEUE_LAYOUT_HEADER_SIZE);
    if (address == MAP_FAILED)
    {
        r = -errno;
        goto error;
    }
    new.ring = address;
    *map = new;
    return 0;

error:
    munmap(new.header, QUEUE_LAYOUT_HEADER_SIZE);
    return r;
}

void queue_map_deinit(struct queue_map *map)
{
    munmap(map->ring, map->mapped);
    munmap(map->header, QUEUE_LAYOUT_HEADER_SIZE);
    close(map->memfd);
}

int queue_map_fit(struct queue_map *map, uint32_t cap)
{
    void *ring;

    if (map->mapped == cap)
        return 0;
    ring = mremap(map->ring, map->mapped, cap, MREMAP_MAYMOVE);
    if (ring == MAP_FAILED)
        return -errno;
    map->ring = ring;
    __atomic_store_n(&map->mapped, cap, __ATOMIC_RELAXED);
    return 0;
}

int queue_map_notes(const struct queue_map *map, struct queue_note **ret)
{
    void *notes = mmap(NULL, QUEUE_LAYOUT_NOTES, PROT_READ | PROT_WRITE, MAP_SHARED, map->memfd,
                       (off_t)QUEUE_LAYOUT_HEADER_SIZE + map->quota);

    if (notes == MAP_FAILED)
        return -errno;
    *ret = notes;
    return 0;
}

void queue_map_unmap_notes(struct queue_note *notes)
{
    munmap(notes, QUEUE_LAYOUT_NOTES);
}

void queue_map_discard(const struct queue_map *map, uint32_t from, uint32_t to)
{
    int error = errno;

    /* Without it the memory stays allocated until the slot is gone: no reason to fail. */
    if (fallocate(map->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  (off_t)QUEUE_LAYOUT_HEADER_SIZE + from, to - from))
        errno = error;
}
