/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* netlogon_responder.c - tells who asks by mailslot which host is a domain's primary controller */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static const char help_text[] =
    "usage: netlogon_responder DOMAIN PDCNAME [ANSWERS]\n"
    "\n"
    "Answers the question \"which host is the primary domain controller?\", which computers send "
    "to\n"
    "\\\\DOMAIN\\mailslot\\NET\\NETLOGON: it is PDCNAME. ANSWERS: end after so many (default: "
    "never).\n"
    "\n"
    "This computer has to be a member of the group DOMAIN<1C>, the domain's controllers. The "
    "answer\n"
    "goes to the mailslot that the question names, on the computer that it names.\n";

/* [MS-ADTS] 6.3.1: operation codes, and what ends every message. */
enum
{
    QUERY_PRIMARY = 7,
    RESPONSE_PRIMARY = 12,
    COMPUTER_MAX = 15, /* a NetBIOS name */
    SLOT_MAX = 200,
    MESSAGE_MAX = 1024,
};
static const BYTE trailer[] = {1,    0,    0,    0,
                               0xff, 0xff, 0xff, 0xff}; /* version, token LM, token NT */
static const char slot_prefix[] = "\\MAILSLOT\\";

struct question
{
    char computer[COMPUTER_MAX + 1];
    char slot[SLOT_MAX + 1]; /* without \MAILSLOT\ */
};

/*
 * The next text of a message, terminated; NULL if it has no end, is empty, too long, or holds
 * what has no place in a path.
 */
static const char *next_text(const BYTE *data, size_t size, size_t *offset, size_t max)
{
    const char *text = (const char *)data + *offset;
    const void *end = *offset < size ? memchr(text, 0, size - *offset) : NULL;
    size_t length, i;

    if (!end)
        return NULL;
    length = (size_t)((const char *)end - text);
    if (!length || length > max)
        return NULL;
    for (i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '/' || text[i] == '*' || text[i] == ':')
            return NULL;
    *offset += length + 1;
    return text;
}

/*
 * 07 00, the computer's name, the name of the slot that waits for the answer, and more that does
 * not matter here ([MS-ADTS] 6.3.1.4). Everything comes from anybody.
 */
static BOOL parse(struct question *ret, const BYTE *data, size_t size)
{
    size_t offset = 2, prefix = sizeof(slot_prefix) - 1;
    const char *computer, *slot;

    if (size < 2 || data[0] != QUERY_PRIMARY || data[1] != 0)
        return FALSE;
    computer = next_text(data, size, &offset, COMPUTER_MAX);
    slot = computer ? next_text(data, size, &offset, prefix + SLOT_MAX) : NULL;
    /* "." would be this computer. */
    if (!slot || strchr(computer, '\\') || *computer == '.')
        return FALSE;
    if (_strnicmp(slot, slot_prefix, prefix) || !slot[prefix] || slot[prefix] == '\\')
        return FALSE;
    strcpy(ret->computer, computer);
    strcpy(ret->slot, slot + prefix);
    return TRUE;
}

/* Appends UTF-16 with its zero. The names were checked to be ASCII. */
static size_t put_wide(BYTE *out, size_t offset, const char *text)
{
    do
    {
        out[offset++] = (BYTE)*text;
        out[offset++] = 0;
    } while (*text++);
    return offset;
}

/*
 * 0c 00, the controller in ASCII, zeros to an even offset, the controller and the domain in
 * UTF-16, zeros to a multiple of four, the trailer. Returns the size.
 */
static size_t make_answer(BYTE out[MESSAGE_MAX], const char *domain, const char *controller)
{
    size_t offset = 2;

    memset(out, 0, MESSAGE_MAX);
    out[0] = RESPONSE_PRIMARY;
    memcpy(out + offset, controller, strlen(controller));
    offset += strlen(controller) + 1;
    offset += offset % 2;
    offset = put_wide(out, offset, controller);
    offset = put_wide(out, offset, domain);
    offset = (offset + 3) / 4 * 4;
    memcpy(out + offset, trailer, sizeof(trailer));
    return offset + sizeof(trailer);
}

static BOOL answer(const struct question *question, const BYTE *data, size_t size)
{
    char path[COMPUTER_MAX + SLOT_MAX + 20];
    HANDLE handle;
    DWORD written;
    BOOL ret;

    snprintf(path, sizeof(path), "\\\\%s\\mailslot\\%s", question->computer, question->slot);
    handle = CreateFileA(path, GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                         FILE_ATTRIBUTE_NORMAL, NULL);
    ret = handle != INVALID_HANDLE_VALUE && WriteFile(handle, data, (DWORD)size, &written, NULL);
    if (ret)
        printf("answered %s\n", path);
    else
        printf("no way to %s, error %lu\n", path, GetLastError());
    fflush(stdout);
    if (handle != INVALID_HANDLE_VALUE)
        CloseHandle(handle);
    return ret;
}

static BOOL is_name(const char *text)
{
    size_t i;

    for (i = 0; text[i]; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return FALSE;
    return i && i <= COMPUTER_MAX;
}

int main(int argc, char **argv)
{
    int wanted = argc > 3 ? atoi(argv[3]) : 0, done = 0;
    BYTE message[MESSAGE_MAX], reply[MESSAGE_MAX];
    struct question question;
    size_t reply_size;
    HANDLE slot;
    DWORD size;

    if (argc < 3 || argc > 4 || !is_name(argv[1]) || !is_name(argv[2]))
    {
        BOOL asked = argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "/?"));

        fputs(help_text, asked ? stdout : stderr);
        return asked ? 0 : 2;
    }
    slot =
        CreateMailslotA("\\\\.\\mailslot\\NET\\NETLOGON", MESSAGE_MAX, MAILSLOT_WAIT_FOREVER, NULL);
    if (slot == INVALID_HANDLE_VALUE)
    {
        fprintf(stderr, "cannot create \\\\.\\mailslot\\NET\\NETLOGON, error %lu\n",
                GetLastError());
        return 3;
    }
    reply_size = make_answer(reply, argv[1], argv[2]);
    printf("answering for %s: %s\n", argv[1], argv[2]);
    fflush(stdout);
    while ((!wanted || done < wanted) && ReadFile(slot, message, sizeof(message), &size, NULL))
    {
        /* Looking a computer up may take seconds; meanwhile questions wait in the slot. */
        if (parse(&question, message, size) && answer(&question, reply, reply_size))
            done++;
    }
    CloseHandle(slot);
    return 0;
}
