/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* send and listen: messages from a shell to a slot, and back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/ctl.h"
#include "tools/name.h"
#include "tools/output.h"

static int exchange_read_input(char **ret, size_t *ret_size)
{
    char *data = malloc(CTL_MESSAGE_MAX + 1);
    size_t size;

    if (!data)
        return -ENOMEM;
    size = fread(data, 1, CTL_MESSAGE_MAX + 1, stdin);
    if (ferror(stdin) || size > CTL_MESSAGE_MAX)
    {
        free(data);
        return size > CTL_MESSAGE_MAX ? MAILSLOT_TOO_LARGE : -EIO;
    }
    *ret = data;
    *ret_size = size;
    return 0;
}

static int exchange_send_local(struct ctl *ctl, const struct name *name, const void *data,
                               size_t size)
{
    struct mailslot *slot;
    int r;

    r = mailslot_open(ctl->client, name->slot, name->slot_size, &slot, NULL);
    if (r)
        return r;
    r = mailslot_write(slot, data, size);
    mailslot_free(slot);
    return r;
}

int exchange_send_verb(struct ctl *ctl, int argc, char **argv)
{
    const char *data, *why;
    char *input = NULL;
    struct name name;
    size_t size;
    int r = 0;

    if (argc < 1 || argc > 2)
        return CTL_USAGE;
    if (name_parse(argv[0], &name, &why))
    {
        ctl_complain("%s: %s", argv[0], why);
        return CTL_USAGE;
    }
    data = argc == 2 ? argv[1] : "-";
    size = strlen(data);
    if (!strcmp(data, "-"))
    {
        r = exchange_read_input(&input, &size);
        if (r < 0)
            return ctl_fail(ctl, "standard input", r);
        data = input;
    }
    if (r == 0)
        r = name.host ? mailslot_send(ctl->client, name.host, name.host_size, name.slot,
                                      name.slot_size, data, size)
                      : exchange_send_local(ctl, &name, data, size);
    if (r == 0 && ctl->json &&
        !output_json(
            json_pack("{s:i, s:o, s:o, s:I}", "version", CTL_JSON_VERSION, "target",
                      name.host ? output_string(name.host, name.host_size) : json_string("."),
                      "slot", output_string(name.slot, name.slot_size), "size", (json_int_t)size),
            true))
        r = -EIO;
    free(input);
    if (r == MAILSLOT_DENIED)
    {
        ctl_complain("%s: refused: send_slots in mailslotd.conf leaves it out, or the slot's owner "
                     "lets no other user write",
                     argv[0]);
        return CTL_FAILED;
    }
    return r ? ctl_fail(ctl, argv[0], r) : CTL_DONE;
}

static uint64_t exchange_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * UINT64_C(1000000) + now.tv_nsec / 1000;
}

/* -EPIPE: nobody reads the output any more. */
static int exchange_show(struct ctl *ctl, const struct name *name, const char *data, uint32_t size)
{
    if (ctl->json)
    {
        json_t *document = json_pack("{s:i, s:o, s:o}", "version", CTL_JSON_VERSION, "time",
                                     output_time(exchange_now()), "slot",
                                     output_string(name->slot, name->slot_size));

        output_message(document, data, size);
        return output_json(document, true) ? 0 : -EPIPE;
    }
    if (ctl->raw)
        fwrite(data, 1, size, stdout);
    else if (ctl->hex)
    {
        printf("%u %s\n", size, size == 1 ? "byte" : "bytes");
        output_hex(stdout, data, size);
    }
    else
    {
        output_text(stdout, data, size);
        putchar('\n');
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -EPIPE;
}

int exchange_listen_verb(struct ctl *ctl, int argc, char **argv)
{
    struct mailslot *slot = NULL;
    struct name name;
    const char *why;
    uint32_t size;
    char *buffer;
    int r;

    if (argc != 1 || ctl->hex + ctl->raw + ctl->json > 1)
        return CTL_USAGE;
    if (name_parse(argv[0], &name, &why))
    {
        ctl_complain("%s: %s", argv[0], why);
        return CTL_USAGE;
    }
    if (name.host)
    {
        ctl_complain("%s: a slot can only be made on this machine; '%s%s' is one", argv[0],
                     strchr(name.slot, '\\') ? ".\\" : "", name.slot);
        return CTL_USAGE;
    }
    buffer = malloc(CTL_MESSAGE_MAX);
    if (!buffer)
        return ctl_fail(ctl, "listen", -ENOMEM);
    r = mailslot_create(ctl->client, name.slot, name.slot_size, CTL_MESSAGE_MAX, ctl->timeout,
                        &slot, NULL);
    for (uint32_t n = 0; r == 0 && (!ctl->count || n < ctl->count); n++)
    {
        r = mailslot_read_wait(slot, buffer, CTL_MESSAGE_MAX, ctl->timeout, NULL, &size);
        if (r == 0)
            r = exchange_show(ctl, &name, buffer, size);
    }
    mailslot_free(slot);
    free(buffer);
    return r ? ctl_fail(ctl, argv[0], r) : CTL_DONE;
}
