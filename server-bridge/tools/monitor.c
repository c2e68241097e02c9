/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* monitor: messages that pass the daemon, as they pass. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uthash.h>

#include "tools/ctl.h"
#include "tools/output.h"

/*
 * Programs of this machine write to each other through shared memory, and nobody sees it. But each
 * slot counts what was written to it. Once a second the counts are compared: what was written, less
 * what the daemon delivered and told us of, was written locally. A record that comes while a count
 * is on its way makes the difference too small for a moment, never too large; so only what goes
 * beyond the largest difference so far is new. After lost records the counting starts anew.
 */

#define MONITOR_TICK_MS 1000

struct monitor_slot
{
    char *name;
    long long written;   /* when last looked */
    long long base;      /* written before we came */
    long long delivered; /* by the daemon, since then */
    long long shown;     /* local ones */
    int missed;          /* looks at the daemon that did not find it */
    UT_hash_handle hh;
};

struct monitor
{
    struct ctl *ctl;
    struct mailslot_monitor *records;
    struct monitor_slot *slots;
    uint32_t shown; /* messages */
    bool anew;      /* records were lost */
};

static const char *monitor_direction(enum mailslot_direction direction)
{
    static const char *const words[] = {
        [MAILSLOT_DIRECTION_NONE] = "none",
        [MAILSLOT_DIRECTION_IN] = "in",
        [MAILSLOT_DIRECTION_OUT] = "out",
        [MAILSLOT_DIRECTION_LOCAL] = "local",
    };

    return words[direction];
}

static const char *monitor_result(const struct mailslot_record *record)
{
    switch (record->result)
    {
    case MAILSLOT_OK:
        return record->direction == MAILSLOT_DIRECTION_OUT ? "sent" : "delivered";
    case MAILSLOT_NOT_FOUND:
    case MAILSLOT_CLOSED:
        return "no such slot";
    case MAILSLOT_FULL:
        return "slot full";
    case MAILSLOT_TOO_LARGE:
        return "too large";
    case MAILSLOT_DENIED:
        return "refused";
    case MAILSLOT_UNRESOLVED:
        return "no such computer";
    case MAILSLOT_BAD_NAME:
        return "bad name";
    default:
        return "failed";
    }
}

static struct monitor_slot *monitor_slot(struct monitor *monitor, const char *name)
{
    struct monitor_slot *slot;

    HASH_FIND_STR(monitor->slots, name, slot);
    if (slot)
        return slot;
    slot = calloc(1, sizeof(*slot));
    if (!slot)
        return NULL;
    slot->name = strdup(name);
    if (!slot->name)
    {
        free(slot);
        return NULL;
    }
    slot->written = -1;
    HASH_ADD_KEYPTR(hh, monitor->slots, slot->name, strlen(slot->name), slot);
    return slot;
}

/* Those that were not found so often; all with -1. One that was made just now is not found once. */
static void monitor_forget(struct monitor *monitor, int missed)
{
    struct monitor_slot *slot, *next;

    HASH_ITER(hh, monitor->slots, slot, next)
    {
        if (slot->missed <= missed)
            continue;
        /* The analyzer loses its way in this macro. */
        HASH_DEL(monitor->slots, slot); // NOLINT(clang-analyzer-unix.Malloc)
        free(slot->name);
        free(slot);
    }
}

/* --- records ------------------------------------------------------------------------------------
 */

static void monitor_print_time(uint64_t usec)
{
    time_t seconds = (time_t)(usec / 1000000);
    char text[32];
    struct tm tm;

    if (localtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%H:%M:%S", &tm))
        printf("%s.%03u", text, (unsigned int)(usec % 1000000 / 1000));
}

static const char *monitor_address(const struct mailslot_record *record,
                                   char ret[static INET_ADDRSTRLEN])
{
    struct in_addr address = {record->address};

    if (!record->address || !inet_ntop(AF_INET, &address, ret, INET_ADDRSTRLEN))
        *ret = 0;
    return ret;
}

static bool monitor_print_record(struct ctl *ctl, const struct mailslot_record *record)
{
    char address[INET_ADDRSTRLEN];

    monitor_print_time(record->time);
    printf("  %-5s  ", monitor_direction(record->direction));
    output_text(stdout, record->source, strlen(record->source));
    if (*monitor_address(record, address))
        printf(" (%s)", address);
    fputs("  ->  \\\\", stdout);
    output_text(stdout, record->target, strlen(record->target));
    fputs("\\mailslot\\", stdout);
    output_text(stdout, record->slot, strlen(record->slot));
    printf("  %u %s  %s\n", record->size, record->size == 1 ? "byte" : "bytes",
           monitor_result(record));
    if (ctl->hex)
    {
        output_hex(stdout, record->payload, record->payload_size);
        if (record->payload_size < record->size)
            printf("  ... and %u bytes more\n", record->size - record->payload_size);
    }
    return fflush(stdout) == 0;
}

static bool monitor_print_record_json(struct ctl *ctl, const struct mailslot_record *record)
{
    char address[INET_ADDRSTRLEN];
    json_t *document =
        json_pack("{s:i, s:s, s:o, s:s, s:o, s:s?, s:o, s:o, s:I, s:s}", "version",
                  CTL_JSON_VERSION, "kind", "message", "time", output_time(record->time),
                  "direction", monitor_direction(record->direction), "source",
                  output_string(record->source, strlen(record->source)), "address",
                  *monitor_address(record, address) ? address : NULL, "target",
                  output_string(record->target, strlen(record->target)), "slot",
                  output_string(record->slot, strlen(record->slot)), "size",
                  (json_int_t)record->size, "result", monitor_result(record));

    if (ctl->hex)
        json_object_set_new(document, "hex",
                            output_hex_string(record->payload, record->payload_size));
    return output_json(document, true);
}

static bool monitor_print_lost(struct ctl *ctl, uint64_t lost)
{
    if (ctl->json)
        return output_json(json_pack("{s:i, s:s, s:I}", "version", CTL_JSON_VERSION, "kind", "lost",
                                     "messages", (json_int_t)lost),
                           true);
    printf("... %llu messages not shown: they came faster than they could be printed\n",
           (unsigned long long)lost);
    return fflush(stdout) == 0;
}

static int monitor_show(struct monitor *monitor, const struct mailslot_record *record)
{
    struct ctl *ctl = monitor->ctl;
    bool done = true;

    if (record->lost)
    {
        done = monitor_print_lost(ctl, record->lost);
        monitor->anew = true;
    }
    if (record->direction != MAILSLOT_DIRECTION_NONE)
    {
        struct monitor_slot *slot = NULL;

        done &=
            ctl->json ? monitor_print_record_json(ctl, record) : monitor_print_record(ctl, record);
        monitor->shown++;
        /* A sent message is in no slot of ours; its own copy has a record of its own. */
        if (record->result == MAILSLOT_OK && record->direction != MAILSLOT_DIRECTION_OUT)
            slot = monitor_slot(monitor, record->slot);
        if (slot)
        {
            slot->delivered++;
            slot->missed = 0;
        }
    }
    return done ? 0 : -EPIPE;
}

/* --- what local programs write ------------------------------------------------------------------
 */

static bool monitor_print_local(struct ctl *ctl, const char *name, long long messages)
{
    if (ctl->json)
        return output_json(json_pack("{s:i, s:s, s:o, s:I}", "version", CTL_JSON_VERSION, "kind",
                                     "local", "slot", output_string(name, strlen(name)), "messages",
                                     (json_int_t)messages),
                           true);
    output_text(stdout, name, strlen(name));
    printf(": %lld local %s\n", messages, messages == 1 ? "message" : "messages");
    return fflush(stdout) == 0;
}

/* One slot, and what it says that was written to it. `first`: nobody has watched until now. */
static bool monitor_count(struct monitor *monitor, const char *name, long long written, bool first)
{
    struct monitor_slot *slot = monitor_slot(monitor, name);
    bool done = true;
    long long local;

    if (!slot)
        return true;
    /* Another slot of the same name, which is new. */
    if (written < slot->written)
        slot->base = slot->delivered = slot->shown = 0;
    if (first || monitor->anew)
    {
        slot->base = written;
        slot->delivered = slot->shown = 0;
    }
    slot->written = written;
    slot->missed = 0;
    local = written - slot->base - slot->delivered;
    if (local > slot->shown)
    {
        done = monitor_print_local(monitor->ctl, name, local - slot->shown);
        slot->shown = local;
    }
    return done;
}

static int monitor_tick(struct monitor *monitor, bool first)
{
    json_t *root, *entry;
    struct monitor_slot *slot, *next;
    bool done = true;
    char *text;
    size_t i;
    int r;

    r = mailslot_status(monitor->ctl->client, &text);
    if (r)
        return r;
    root = json_loads(text, 0, NULL);
    free(text);
    /* What was delivered before this answer has its record in the socket already. */
    for (const struct mailslot_record *record; r == 0 && !first;)
    {
        r = mailslot_monitor_next(monitor->records, 0, &record);
        if (r == 0)
            r = monitor_show(monitor, record);
    }
    HASH_ITER(hh, monitor->slots, slot, next)
    slot->missed++;
    json_array_foreach(json_object_get(root, "slots"), i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "name"));

        if (name)
            done &= monitor_count(monitor, name,
                                  json_integer_value(json_object_get(entry, "written")), first);
    }
    monitor_forget(monitor, 2);
    monitor->anew = false;
    json_decref(root);
    if (!done)
        return -EPIPE;
    return r == MAILSLOT_TIMEOUT ? 0 : r;
}

/* --- the verb -----------------------------------------------------------------------------------
 */

static int64_t monitor_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static int monitor_run(struct monitor *monitor)
{
    const struct ctl *ctl = monitor->ctl;
    int64_t now = monitor_clock(), tick = now + MONITOR_TICK_MS;
    int64_t end = ctl->timeout == MAILSLOT_FOREVER ? INT64_MAX : now + ctl->timeout;
    const struct mailslot_record *record;
    int r = 0;

    while (r == 0 && (!ctl->count || monitor->shown < ctl->count))
    {
        int64_t next = tick < end ? tick : end;

        now = monitor_clock();
        if (now >= next)
        {
            r = monitor_tick(monitor, false);
            if (r == 0 && now >= end)
                return MAILSLOT_TIMEOUT;
            tick = monitor_clock() + MONITOR_TICK_MS;
            continue;
        }
        r = mailslot_monitor_next(monitor->records, (uint32_t)(next - now), &record);
        if (r == 0)
            r = monitor_show(monitor, record);
        else if (r == MAILSLOT_TIMEOUT)
            r = 0;
    }
    return r;
}

int monitor_verb(struct ctl *ctl, int argc, char **argv)
{
    struct monitor monitor = {.ctl = ctl};
    int r;

    (void)argv;
    if (argc)
        return CTL_USAGE;
    r = mailslot_monitor_new(ctl->client, &monitor.records);
    if (r == MAILSLOT_LIMIT)
    {
        ctl_complain("monitor: too many watch already; end another mailslotctl monitor");
        return CTL_FAILED;
    }
    if (r == 0 && !ctl->json)
    {
        puts("# Messages from and to the network, and others that pass mailslotd. What local "
             "programs write\n# to each other goes through shared memory: it is only counted.");
        if (fflush(stdout))
            r = -EPIPE;
    }
    if (r == 0)
        r = monitor_tick(&monitor, true);
    if (r == 0)
        r = monitor_run(&monitor);
    mailslot_monitor_free(monitor.records);
    monitor_forget(&monitor, -1);
    if (r == MAILSLOT_CLOSED)
    {
        ctl_complain("monitor: mailslotd has ended");
        return CTL_NO_DAEMON;
    }
    /* With --timeout, to have seen everything until then is what was asked for. */
    if (r == MAILSLOT_TIMEOUT && !ctl->count)
        return CTL_DONE;
    return r ? ctl_fail(ctl, "monitor", r) : CTL_DONE;
}
