/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stress.h - messages that tell who sent them, and the model of a slot that stress.c reads against
 */
#pragma once

#include "slots.h"

/*
 * A writer numbers its messages. One opening of a slot by a writer is an epoch: all of its messages
 * belong to the slot that was opened, even if a new slot of that name exists by now (L5). A reader
 * hence knows for each message whether it is the next one of its writer: anything lost, doubled,
 * reordered, torn or delivered to another slot shows at once. Messages too short for a header are
 * only counted.
 *
 * What all processes share lies in one section. Whatever thread sees a problem puts it there.
 */

#define SLOTS       6
#define WRITERS     6
#define MAX_MESSAGE 65536
#define MULTI_SLOT  1         /* several readers, also in another process */
#define LIMIT_SLOT  4         /* has a largest message size */
#define LIMIT       1000      /* bytes */
#define MULTI_MAX   (1 << 20) /* messages of one writer to MULTI_SLOT */
#define PROBLEMS    24

enum phase
{
    PHASE_RUN,    /* anything goes */
    PHASE_SETTLE, /* readers make no new slots any more */
    PHASE_LAST,   /* writers send their last messages and end */
    PHASE_DRAIN,  /* readers read what is left and end */
};

struct header
{
    DWORD check;
    WORD slot, writer;
    DWORD size, epoch, seq;
};

struct shared
{
    volatile LONG phase, problems, settled;
    char problem[PROBLEMS][200];
    struct
    {
        volatile LONG epoch, count; /* what the writer sent last */
    } last[SLOTS][WRITERS];
    volatile LONG short_sent[SLOTS], short_read[SLOTS], read[SLOTS];
    volatile LONG seen[WRITERS][MULTI_MAX / 32]; /* messages read from MULTI_SLOT */
};

static struct shared *shared;

static const bool renewable[SLOTS] = {[2] = true, [3] = true};

/* For any thread. */
WT_FORMAT(1, 2)
static void problem(const char *fmt, ...)
{
    LONG index = InterlockedIncrement(&shared->problems) - 1;
    va_list args;

    if (index >= PROBLEMS)
        return;
    va_start(args, fmt);
    vsnprintf(shared->problem[index], sizeof(shared->problem[index]), fmt, args);
    va_end(args);
}

/* xorshift32; the state is not 0. */
static inline DWORD random_next(DWORD *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static inline bool one_in(DWORD *state, DWORD n)
{
    return random_next(state) % n == 0;
}

static inline DWORD random_seed(DWORD seed, DWORD actor)
{
    DWORD state = (seed ^ (actor * 0x9e3779b9u)) | 1;

    for (int i = 0; i < 8; i++)
        random_next(&state);
    return state;
}

static inline DWORD checksum(const BYTE *data, DWORD size)
{
    DWORD sum = 2166136261u, i;

    for (i = 0; i + 4 <= size; i += 4)
    {
        DWORD word;

        memcpy(&word, data + i, 4);
        sum = (sum ^ word) * 16777619u;
        sum ^= sum >> 15;
    }
    for (; i < size; i++)
        sum = (sum ^ data[i]) * 16777619u;
    return sum;
}

static inline DWORD random_size(DWORD *state)
{
    DWORD kind = random_next(state) % 100;

    if (kind < 10)
        return random_next(state) % sizeof(struct header);
    if (kind < 75)
        return sizeof(struct header) + random_next(state) % 400;
    if (kind < 98)
        return sizeof(struct header) + random_next(state) % 4096;
    if (kind == 98)
        return MAX_MESSAGE;
    return sizeof(struct header) + random_next(state) % (MAX_MESSAGE - sizeof(struct header));
}

/* Fills a message of the given size. */
static inline void message_make(BYTE *data, DWORD size, WORD slot, WORD writer, DWORD epoch,
                                DWORD seq)
{
    struct header header = {0, slot, writer, size, epoch, seq};
    DWORD state = random_seed(seq ^ (epoch << 16), writer * SLOTS + slot + 1), i;

    if (size < sizeof(header))
    {
        for (i = 0; i < size; i++)
            data[i] = (BYTE)(size * 7 + i);
        return;
    }
    for (i = sizeof(header); i + 4 <= size; i += 4)
    {
        random_next(&state);
        memcpy(data + i, &state, 4);
    }
    for (; i < size; i++)
        data[i] = (BYTE)(state >> (i % 4 * 8));
    memcpy(data, &header, sizeof(header));
    header.check = checksum(data + 4, size - 4);
    memcpy(data, &header, sizeof(header));
}

/* What one reader knows of each writer; a new slot of the name begins with zeros. */
struct model
{
    int slot;
    struct
    {
        bool known;
        DWORD epoch, next;
    } writer[WRITERS];
};

static inline void model_take_order(struct model *model, const struct header *header)
{
    bool multi = model->slot == MULTI_SLOT;
    DWORD epoch = model->writer[header->writer].epoch, next = model->writer[header->writer].next;
    bool known = model->writer[header->writer].known;

    model->writer[header->writer].known = true;
    model->writer[header->writer].epoch = header->epoch;
    model->writer[header->writer].next = header->seq + 1;
    if (multi)
    {
        LONG bit = 1l << (header->seq % 32);

        if (header->seq >= MULTI_MAX ||
            (InterlockedOr(&shared->seen[header->writer][header->seq / 32], bit) & bit))
            problem("slot %d: message %lu of writer %d came twice", model->slot, header->seq,
                    header->writer);
        if (known && header->seq < next)
            problem("slot %d: message %lu of writer %d after %lu", model->slot, header->seq,
                    header->writer, next - 1);
        return;
    }
    if (known && header->epoch < epoch)
        problem("slot %d: writer %d: epoch %lu after %lu", model->slot, header->writer,
                header->epoch, epoch);
    if (!known || header->epoch != epoch)
        next = 0;
    if (header->seq != next)
        problem("slot %d: writer %d, epoch %lu: message %lu instead of %lu", model->slot,
                header->writer, header->epoch, header->seq, next);
}

/* Checks a message that was read. */
static inline void model_take(struct model *model, const BYTE *data, DWORD size)
{
    struct header header;
    DWORD i;

    InterlockedIncrement(&shared->read[model->slot]);
    if (size < sizeof(header))
    {
        for (i = 0; i < size; i++)
        {
            if (data[i] != (BYTE)(size * 7 + i))
                break;
        }
        if (i < size)
            problem("slot %d: short message of %lu bytes is wrong at %lu", model->slot, size, i);
        InterlockedIncrement(&shared->short_read[model->slot]);
        return;
    }
    memcpy(&header, data, sizeof(header));
    if (header.size != size || header.writer >= WRITERS ||
        header.check != checksum(data + 4, size - 4))
        problem("slot %d: torn message: %lu bytes, header says %lu from writer %u", model->slot,
                size, header.size, header.writer);
    else if (header.slot != model->slot)
        problem("slot %d: got a message for slot %u", model->slot, header.slot);
    else
        model_take_order(model, &header);
}

/* When everything has been read: is the last message of each writer there? */
static inline void model_finish(const struct model *model)
{
    for (int i = 0; i < WRITERS; i++)
    {
        LONG count = shared->last[model->slot][i].count;

        if (!model->writer[i].known ||
            model->writer[i].epoch != (DWORD)shared->last[model->slot][i].epoch ||
            model->writer[i].next != (DWORD)count)
            problem("slot %d: writer %d sent %ld in epoch %ld; read %lu in epoch %lu", model->slot,
                    i, count, shared->last[model->slot][i].epoch, model->writer[i].next,
                    model->writer[i].epoch);
    }
}
