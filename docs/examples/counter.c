/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A server that counts, and its client: libmailslot in a program of one's own. */

/*
 * Build:   cc -Wall -o counter counter.c $(pkg-config --cflags --libs libmailslot)
 * Server:  ./counter serve counter 3       makes the slot, prints what comes, ends after 3
 * Client:  ./counter send counter hello    as a Windows program writes to \\.\mailslot\counter
 *          ./counter send -h '*' counter hello    to everybody in the workgroup
 *
 * The functions start mailslotd if it does not run. They return 0, a negative errno, or a code of
 * enum mailslot_result; what the caller does not expect goes to mailslot_strerror().
 */
#include <mailslot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(struct mailslot_client *client, const char *what, int result)
{
    const char *why =
        result == MAILSLOT_NO_DAEMON ? mailslot_client_reason(client) : mailslot_strerror(result);

    fprintf(stderr, "%s: %s\n", what, why);
    return EXIT_FAILURE;
}

static int serve(struct mailslot_client *client, const char *name, int messages)
{
    struct mailslot *slot;
    char text[400];
    uint32_t size;
    int r;

    /* Up to 400 bytes a message. The slot is there until mailslot_free(), or until we end. */
    r = mailslot_create(client, name, strlen(name), sizeof(text), MAILSLOT_FOREVER, &slot, NULL);
    if (r)
        return fail(client, name, r);
    for (int i = 1; i <= messages; i++)
    {
        r = mailslot_read_wait(slot, text, sizeof(text), MAILSLOT_FOREVER, NULL, &size);
        if (r)
            break;
        /* A message is bytes, not a string: there need not be a 0 at its end. */
        printf("%d: %u bytes: %.*s\n", i, size, (int)size, text);
        fflush(stdout);
    }
    mailslot_free(slot);
    return r ? fail(client, name, r) : EXIT_SUCCESS;
}

static int send_local(struct mailslot_client *client, const char *name, const char *text)
{
    struct mailslot *slot;
    int r;

    /* Who sends more than one message keeps the slot open. */
    r = mailslot_open(client, name, strlen(name), &slot, NULL);
    if (r == 0)
    {
        r = mailslot_write(slot, text, strlen(text));
        mailslot_free(slot);
    }
    return r ? fail(client, name, r) : EXIT_SUCCESS;
}

static int send_remote(struct mailslot_client *client, const char *host, const char *name,
                       const char *text)
{
    int r = mailslot_send(client, host, strlen(host), name, strlen(name), text, strlen(text));

    return r ? fail(client, host, r) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct mailslot_client *client;
    int status = 2;

    if (mailslot_client_new(&client, NULL))
        return EXIT_FAILURE;
    if (argc == 4 && !strcmp(argv[1], "serve"))
        status = serve(client, argv[2], atoi(argv[3]));
    else if (argc == 4 && !strcmp(argv[1], "send"))
        status = send_local(client, argv[2], argv[3]);
    else if (argc == 6 && !strcmp(argv[1], "send") && !strcmp(argv[2], "-h"))
        status = send_remote(client, argv[3], argv[4], argv[5]);
    else
        fputs("usage: counter serve NAME MESSAGES | send [-h HOST] NAME TEXT\n", stderr);
    mailslot_client_free(client);
    return status;
}
