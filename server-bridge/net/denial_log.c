/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which denials were logged already: each is said once */

/*
 * Somebody who is shut out tries again, a thousand times a second if he likes: the administrator
 * wants to read it once. What was said is remembered, and said again after an hour at the earliest.
 *
 * Sources and slots are what strangers say, so the memory has fixed rooms of few entries, and a
 * room can be filled on purpose: then one line says that there is more. Each kind of denial has a
 * room of its own: who forges addresses does not hide that a slot is shut, or somebody asks for
 * names. An entry is a digest and no text, with a secret in it, so that nobody can choose a key
 * that counts as said because its digest is another's.
 */

#include "net/denial_log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>

#define LOG_AGAIN_USEC UINT64_C(3600000000)

struct log_entry
{
    uint64_t digest;
    uint64_t logged_usec;
};

/* The lines of one kind of denial. */
struct log_room
{
    struct log_entry entries[DENIAL_LOG_KEYS_MAX];
    size_t n;
    bool full_logged;
    uint64_t full_usec; /* when that was */
};

struct denial_log
{
    uint64_t secret;
    struct log_room rooms[DENIALS];
};

/* FNV-1a from a secret start. Two denials with one digest cost a log line, no more. */
static uint64_t log_digest(uint64_t digest, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
    {
        digest = (digest ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
    }
    return digest;
}

static bool log_is_old(uint64_t logged_usec, uint64_t now_usec)
{
    return now_usec > logged_usec && now_usec - logged_usec >= LOG_AGAIN_USEC;
}

enum denial_log_worth denial_log_once(struct denial_log *log, enum denial kind, const void *key,
                                      size_t size, uint64_t now_usec)
{
    uint64_t digest = log_digest(log->secret, key, size);
    struct log_room *room = &log->rooms[kind];
    struct log_entry *free_entry = NULL;

    for (size_t i = 0; i < room->n; i++)
    {
        struct log_entry *entry = &room->entries[i];
        bool old = log_is_old(entry->logged_usec, now_usec);

        if (entry->digest == digest)
        {
            if (old)
            {
                entry->logged_usec = now_usec;
            }
            return old ? DENIAL_LOG_LINE : DENIAL_LOG_NOTHING;
        }
        if (old && !free_entry)
        {
            free_entry = entry;
        }
    }
    if (room->n < DENIAL_LOG_KEYS_MAX)
    {
        free_entry = &room->entries[room->n++];
    }
    if (free_entry)
    {
        *free_entry = (struct log_entry){digest, now_usec};
        return DENIAL_LOG_LINE;
    }
    if (room->full_logged && !log_is_old(room->full_usec, now_usec))
    {
        return DENIAL_LOG_NOTHING;
    }
    room->full_logged = true;
    room->full_usec = now_usec;
    return DENIAL_LOG_MORE;
}

const char *denial_log_more(enum denial kind)
{
#define MORE(what)                                                                                 \
    "more " what " than are named in the log within an hour: `mailslotctl stats` counts them all"
    static const char *const texts[] = {
        [DENIAL_INTERFACE] = MORE("interfaces are not listened to"),
        [DENIAL_SOURCE] = MORE("addresses may not send to us"),
        [DENIAL_RATE] = MORE("addresses send faster than source_rate allows"),
        [DENIAL_RECEIVE] = MORE("slots are shut to the network"),
        [DENIAL_SEND] = MORE("slots may not be sent to on the network"),
        [DENIAL_NAME_SOURCE] = MORE("addresses may not ask us for names"),
        [DENIAL_NAME_RATE] = MORE("addresses ask for names faster than source_rate allows"),
        [DENIAL_NAME_STATUS] = MORE("addresses ask for our list of names too often"),
    };
#undef MORE

    _Static_assert(sizeof(texts) / sizeof(texts[0]) == DENIALS, "every kind has its text");
    return texts[kind];
}

int denial_log_new(struct denial_log **ret_log)
{
    struct denial_log *log = calloc(1, sizeof(*log));

    if (!log)
    {
        return -ENOMEM;
    }
    if (getrandom(&log->secret, sizeof(log->secret), 0) != sizeof(log->secret))
    {
        free(log);
        return -EIO;
    }
    *ret_log = log;
    return 0;
}

struct denial_log *denial_log_free(struct denial_log *log)
{
    free(log);
    return NULL;
}
