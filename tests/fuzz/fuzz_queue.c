/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: the queue in shared memory, while somebody else writes into it */

/*
 * The input is a list of commands: the queue's operations, and bytes that an enemy puts anywhere
 * into header, ring and notes. Until the first of those the queue must do what queue.h says
 * exactly, which a model of it checks. From then on: known codes, sizes that fit, no lock kept, no
 * byte outside the mappings (guard.c), and an end.
 */

#include "guard.h"
#include "target.h"

#include <errno.h>
#include <stddef.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "queue/layout.h"
#include "queue/queue.h"

#define COMMANDS_MAX 256
#define MESSAGE_MAX  8192

enum command
{
    COMMAND_WRITE_HEADER,
    COMMAND_WRITE_RING,
    COMMAND_WRITE_NOTES,
    COMMAND_PUSH,
    COMMAND_POP,
    COMMAND_POP_OR_ARM,
    COMMAND_PEEK,
    COMMAND_INFO,
    COMMAND_SET_NOTE,
    COMMAND_NOTE,
    COMMAND_CLOSE,
    COMMAND_STIR,
    COMMAND_SWITCH, /* the next operations are those of the other program */
    COMMAND_REMAP,  /* the other program maps the queue as it is now */
    COMMANDS
};

static const uint32_t QUOTAS[] = {4096, 65536, 200 * 1024, 600 * 1024};

struct target
{
    int memfd;
    struct queue *queues[2]; /* ours, and another program's */
    unsigned int current;
    uint32_t quota, max_message;
    bool spoiled, closed;
    /* The model, true until the queue is spoiled. */
    uint32_t sizes[COMMANDS_MAX];
    unsigned int first, last; /* messages [first, last) are queued */
    uint64_t used;
    uint32_t note_size;
};

static int target_known(int r)
{
    TARGET_CHECK((r >= 0 && r < MAILSLOT_RESULTS) || r == -ENOMEM || r == -EIO);
    return r;
}

static uint64_t target_need(uint32_t size)
{
    return 8 + ((uint64_t)size + 7) / 8 * 8;
}

/* Message number n is made of its number. */
static void target_check_bytes(const uint8_t *bytes, uint32_t size, unsigned int n)
{
    for (uint32_t i = 0; i < size; i++)
    {
        TARGET_CHECK(bytes[i] == (uint8_t)(n + i * 7));
    }
}

static void target_write(struct target *target, struct target_input *input, uint32_t start,
                         uint32_t length)
{
    uint32_t offset = target_number(input, 3) % length;
    size_t size = target_number(input, 1) % 64;

    size = size > input->size ? input->size : size;
    size = size > length - offset ? length - offset : size;
    TARGET_CHECK(pwrite(target->memfd, target_take(input, size), size, (off_t)start + offset) ==
                 (ssize_t)size);
    target->spoiled = true;
}

static void target_push(struct target *target, struct queue *queue, uint32_t size)
{
    uint8_t *bytes = malloc(size ? size : 1); /* exact, for ASan */
    int r, expected = 0;

    TARGET_CHECK(bytes);
    for (uint32_t i = 0; i < size; i++)
    {
        bytes[i] = (uint8_t)(target->last + i * 7);
    }
    r = target_known(queue_push(queue, bytes, size));
    free(bytes);
    if (target->spoiled)
    {
        return;
    }
    if (target->closed)
    {
        expected = MAILSLOT_CLOSED;
    }
    else if (target->max_message && size > target->max_message)
    {
        expected = MAILSLOT_TOO_LARGE;
    }
    else if (target->used + target_need(size) > target->quota && target->used)
    {
        expected = MAILSLOT_FULL;
    }
    TARGET_CHECK(r == expected);
    if (!r)
    {
        target->sizes[target->last++] = size;
        target->used += target_need(size);
    }
}

static void target_pop(struct target *target, struct queue *queue, uint32_t capacity,
                       enum command command)
{
    uint8_t *bytes = malloc(capacity ? capacity : 1);
    uint32_t size = 4711, count = 4711, oldest = target->sizes[target->first];
    int r, expected = 0;

    TARGET_CHECK(bytes);
    if (command == COMMAND_PEEK)
    {
        r = queue_peek(queue, bytes, capacity, &size, &count);
    }
    else
    {
        r = command == COMMAND_POP ? queue_pop(queue, bytes, capacity, &size)
                                   : queue_pop_or_arm(queue, bytes, capacity, &size);
        TARGET_CHECK(r || size <= capacity);
        TARGET_CHECK(r != MAILSLOT_BUFFER_TOO_SMALL || size > capacity);
    }
    target_known(r);
    TARGET_CHECK(r == 0 || r == MAILSLOT_BUFFER_TOO_SMALL || size == 4711);
    if (!target->spoiled)
    {
        if (target->closed)
        {
            expected = MAILSLOT_CLOSED;
        }
        else if (target->first == target->last)
        {
            expected = MAILSLOT_EMPTY;
        }
        else if (command != COMMAND_PEEK && oldest > capacity)
        {
            expected = MAILSLOT_BUFFER_TOO_SMALL;
        }
        TARGET_CHECK(r == expected);
        TARGET_CHECK(size == (r == 0 || r == MAILSLOT_BUFFER_TOO_SMALL ? oldest : 4711));
        if (!r)
        {
            target_check_bytes(bytes, size < capacity ? size : capacity, target->first);
            TARGET_CHECK(command != COMMAND_PEEK || count == target->last - target->first);
            if (command != COMMAND_PEEK)
            {
                target->first++;
                target->used -= target_need(size);
            }
        }
    }
    free(bytes);
}

static void target_info(struct target *target, struct queue *queue)
{
    struct queue_info info;

    if (target_known(queue_info(queue, &info)))
    {
        TARGET_CHECK(target->spoiled);
        return;
    }
    TARGET_CHECK(info.quota == target->quota || queue != target->queues[0]);
    if (!target->spoiled)
    {
        bool any = target->first < target->last && !target->closed;

        TARGET_CHECK(info.closed == target->closed);
        TARGET_CHECK(info.count == (target->closed ? 0 : target->last - target->first));
        TARGET_CHECK(info.bytes == (target->closed ? 0 : target->used));
        TARGET_CHECK(info.next_size == (any ? target->sizes[target->first] : QUEUE_NO_MESSAGE));
        TARGET_CHECK(info.pushed == target->last && info.popped == target->first);
    }
}

static void target_note(struct target *target, struct queue *queue, struct target_input *input,
                        bool set)
{
    uint32_t size = target_number(input, 2) + target_number(input, 1) % 2 * 65000u, got = 4711;
    uint8_t *bytes = calloc(1, size ? size : 1);
    int r;

    TARGET_CHECK(bytes);
    if (set)
    {
        r = target_known(queue_set_note(queue, bytes, size));
        TARGET_CHECK((r == MAILSLOT_TOO_LARGE) == (size > QUEUE_NOTE_MAX));
        target->note_size = r ? target->note_size : size;
    }
    else
    {
        r = target_known(queue_note(queue, bytes, size, &got));
        TARGET_CHECK(r || got <= QUEUE_NOTE_MAX);
        TARGET_CHECK(r || target->spoiled || got == target->note_size);
    }
    TARGET_CHECK(target->spoiled || target->closed || r == 0 || r == MAILSLOT_TOO_LARGE);
    free(bytes);
}

static void target_remap(struct target *target)
{
    struct queue *queue = target->queues[0], *other = NULL;
    int wake_fd = dup(queue_fd(queue));
    int r = queue_map(&other, target->memfd, wake_fd);

    TARGET_CHECK(r == 0 || (target->spoiled && (r == -EPROTO || r == MAILSLOT_VERSION)));
    if (r)
    {
        close(wake_fd);
        return;
    }
    queue_set_impatient(other);
    queue_free(target->queues[1]);
    target->queues[1] = other;
}

static uint32_t target_lock(const struct target *target)
{
    uint32_t word = 0;

    TARGET_CHECK(pread(target->memfd, &word, sizeof(word), offsetof(struct queue_header, lock)) ==
                 sizeof(word));
    return word & 0x3fffffffu;
}

static void target_command(struct target *target, enum command command, struct target_input *input)
{
    struct queue *queue = target->queues[target->current];
    uint32_t held = target_lock(target);

    switch (command)
    {
    case COMMAND_WRITE_HEADER:
        target_write(target, input, 0, QUEUE_LAYOUT_HEADER_SIZE);
        return;
    case COMMAND_WRITE_RING:
        target_write(target, input, QUEUE_LAYOUT_POOL, 2 * target->quota);
        return;
    case COMMAND_WRITE_NOTES:
        target_write(target, input, QUEUE_LAYOUT_HEADER_SIZE, 2 * QUEUE_LAYOUT_NOTE_SIZE);
        return;
    case COMMAND_PUSH:
        target_push(target, queue, target_number(input, 2) % (MESSAGE_MAX + 1));
        break;
    case COMMAND_POP:
    case COMMAND_POP_OR_ARM:
    case COMMAND_PEEK:
        target_pop(target, queue, target_number(input, 2) % (MESSAGE_MAX + 1), command);
        break;
    case COMMAND_INFO:
        target_info(target, queue);
        break;
    case COMMAND_SET_NOTE:
    case COMMAND_NOTE:
        target_note(target, queue, input, command == COMMAND_SET_NOTE);
        break;
    case COMMAND_CLOSE:
        queue_close(queue);
        target->closed = true;
        break;
    case COMMAND_STIR:
        queue_stir(queue);
        break;
    case COMMAND_SWITCH:
        target->current = !target->current;
        break;
    case COMMAND_REMAP:
        target_remap(target);
        break;
    case COMMANDS:
        break;
    }
    /* Nobody has the lock between the operations, except by the enemy's hand. */
    TARGET_CHECK(target_lock(target) == 0 || target_lock(target) == held);
}

/* The first byte: quota and greatest message; one not to begin with an empty queue. */
static void target_init(struct target *target, struct target_input *input)
{
    uint32_t choice = target_number(input, 1);
    struct queue_config config = {
        .quota = QUOTAS[choice % 4],
        .max_message = choice & 4 ? 1000 : 0,
        .read_timeout = QUEUE_TIMEOUT_FOREVER,
    };

    memset(target, 0, sizeof(*target));
    target->quota = config.quota;
    target->max_message = config.max_message;
    for (unsigned int i = 0; i < 2; i++)
    {
        int wake_fd;

        if (i == 0)
        {
            TARGET_CHECK(queue_create(&config, &target->memfd, &wake_fd) == 0);
        }
        else
        {
            wake_fd = dup(queue_fd(target->queues[0]));
        }
        TARGET_CHECK(queue_map(&target->queues[i], target->memfd, wake_fd) == 0);
        queue_set_impatient(target->queues[i]);
    }
    for (uint32_t n = choice >> 3; n > 0; n--)
    {
        target_push(target, target->queues[0], n * 37);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct target_input input = {bytes, size};
    struct target target;
    int lowest = dup(STDERR_FILENO), after;

    close(lowest);
    target_init(&target, &input);
    for (unsigned int n = 0; n < COMMANDS_MAX - 32 && input.size; n++)
    {
        target_command(&target, target_number(&input, 1) % COMMANDS, &input);
    }
    queue_free(target.queues[0]);
    queue_free(target.queues[1]);
    close(target.memfd);
    TARGET_CHECK(guard_count() == 0);
    after = dup(STDERR_FILENO);
    TARGET_CHECK(after == lowest); /* no descriptor was left open */
    close(after);
    return 0;
}
