/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* browse_list.c - prints the hosts and workgroups that announce themselves on the network */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static const char help_text[] =
    "usage: browse_list [SECONDS]\n"
    "\n"
    "Listens on \\\\.\\mailslot\\BROWSE and prints each host and workgroup that announces itself:\n"
    "its name, its version of the operating system, what it says it is, and its comment. A host\n"
    "is printed once, and again only if something about it has changed or it has said goodbye.\n"
    "\n"
    "SECONDS  how long to listen (default: until Ctrl+C). Hosts announce themselves every 1 to\n"
    "         12 minutes; \"browse_request announce\" on another host makes them do it at once.\n"
    "\n"
    "Ordinary announcements are meant for the local master browser, GROUP<1D>, those of a master\n"
    "browser for all who might become one, GROUP<1E>: this computer hears what goes to names of\n"
    "its own. Where Windows' own browser service runs, the mailslot is taken.\n"
    "\n"
    "Exit code: 0 if there was any announcement, 1 if none, 2 wrong usage, 3 no mailslot.\n";

/* Browser frames, [MS-BRWS] 2.2: all integers are little-endian. */
enum
{
    HOST_ANNOUNCEMENT = 1,    /* 2.2.1 */
    DOMAIN_ANNOUNCEMENT = 12, /* 2.2.7: a workgroup and its master browser */
    MASTER_ANNOUNCEMENT = 15, /* 2.2.10: a host that is a local master browser */

    OFFSET_NAME = 6,
    OFFSET_OS_MAJOR = 22,
    OFFSET_OS_MINOR = 23,
    OFFSET_TYPE = 24,
    OFFSET_COMMENT = 32, /* domain announcements: the name of the master browser */
    NAME_SIZE = 16,
    COMMENT_SIZE = 43,

    MESSAGE_MAX = 1024,
    HOSTS_MAX = 1024,
};

/* Server types, [MS-BRWS] 2.2. The others say nothing that a reader would want to know. */
static const struct
{
    DWORD bit;
    const char *word;
} type_words[] = {
    {0x00000001, "workstation"},
    {0x00000002, "server"},
    {0x00000004, "SQL server"},
    {0x00000008, "domain controller"},
    {0x00000010, "backup domain controller"},
    {0x00000020, "time source"},
    {0x00000040, "Apple server"},
    {0x00000080, "Novell server"},
    {0x00000100, "domain member"},
    {0x00000200, "print server"},
    {0x00000400, "dial-in server"},
    {0x00000800, "Unix"},
    {0x00001000, "Windows NT"},
    {0x00002000, "Windows for Workgroups"},
    {0x00008000, "NT server"},
    {0x00020000, "backup browser"},
    {0x00040000, "master browser"},
    {0x00080000, "domain master browser"},
    {0x00400000, "Windows 95"},
    {0x02000000, "terminal server"},
};

struct announcement
{
    BYTE command;
    BYTE os_major, os_minor;
    DWORD type;
    char name[NAME_SIZE + 1];
    char comment[COMMENT_SIZE + 1];
};

static struct announcement hosts[HOSTS_MAX];
static size_t n_hosts;

/* Copies text that may lack its end, without the spaces behind it. FALSE: there is none. */
static BOOL copy_text(char *out, size_t out_size, const BYTE *in, size_t in_size)
{
    size_t size = 0;

    while (size < in_size && size < out_size - 1 && in[size])
        size++;
    memset(out, 0, out_size);
    memcpy(out, in, size);
    while (size && out[size - 1] == ' ')
        out[--size] = 0;
    return size != 0;
}

/* Anybody on the network may have sent this: nothing in it is believed. */
static BOOL parse(struct announcement *ret, const BYTE *data, size_t size)
{
    if (size <= OFFSET_COMMENT)
        return FALSE;
    if (data[0] != HOST_ANNOUNCEMENT && data[0] != DOMAIN_ANNOUNCEMENT &&
        data[0] != MASTER_ANNOUNCEMENT)
        return FALSE;
    memset(ret, 0, sizeof(*ret));
    ret->command = data[0];
    ret->os_major = data[OFFSET_OS_MAJOR];
    ret->os_minor = data[OFFSET_OS_MINOR];
    ret->type = data[OFFSET_TYPE] | data[OFFSET_TYPE + 1] << 8 | data[OFFSET_TYPE + 2] << 16 |
                (DWORD)data[OFFSET_TYPE + 3] << 24;
    copy_text(ret->comment, sizeof(ret->comment), data + OFFSET_COMMENT, size - OFFSET_COMMENT);
    return copy_text(ret->name, sizeof(ret->name), data + OFFSET_NAME, NAME_SIZE);
}

/* A name may hold anything, also what a terminal would obey. */
static void print_text(const char *text)
{
    for (; *text; text++)
    {
        unsigned char c = (unsigned char)*text;

        if (c < ' ' || c > '~')
            printf("\\x%02x", c);
        else
            putchar(c);
    }
}

static void print(const struct announcement *a)
{
    const char *separator = "";
    size_t i;

    if (a->command == DOMAIN_ANNOUNCEMENT)
    {
        printf("workgroup ");
        print_text(a->name);
        printf(", master browser ");
        print_text(a->comment);
    }
    else
    {
        printf("host ");
        print_text(a->name);
        printf(", OS %u.%u, ", a->os_major, a->os_minor);
        for (i = 0; i < sizeof(type_words) / sizeof(*type_words); i++)
        {
            if (!(a->type & type_words[i].bit))
                continue;
            printf("%s%s", separator, type_words[i].word);
            separator = ", ";
        }
        if (!a->type)
            printf("goes away");
        else if (!*separator)
            printf("of unknown kind");
        if (*a->comment)
        {
            printf(": ");
            print_text(a->comment);
        }
    }
    putchar('\n');
    fflush(stdout);
}

/* Remembers it. FALSE: it is known, and nothing has changed. */
static BOOL is_news(const struct announcement *a)
{
    size_t i;

    for (i = 0; i < n_hosts; i++)
    {
        /* A workgroup may have the name of a host. */
        if (strcmp(hosts[i].name, a->name) ||
            (hosts[i].command == DOMAIN_ANNOUNCEMENT) != (a->command == DOMAIN_ANNOUNCEMENT))
            continue;
        if (hosts[i].type == a->type && hosts[i].os_major == a->os_major &&
            hosts[i].os_minor == a->os_minor && !strcmp(hosts[i].comment, a->comment))
            return FALSE;
        hosts[i] = *a;
        return TRUE;
    }
    /* Somebody invents names: those that are known are still watched. */
    if (n_hosts == HOSTS_MAX)
        return FALSE;
    hosts[n_hosts++] = *a;
    return TRUE;
}

static BOOL is_number(const char *text)
{
    return *text && strlen(text) < 7 && text[strspn(text, "0123456789")] == 0;
}

int main(int argc, char **argv)
{
    DWORD start = GetTickCount(), limit = MAILSLOT_WAIT_FOREVER, size;
    struct announcement announcement;
    BYTE data[MESSAGE_MAX];
    HANDLE slot;

    if (argc > 2 || (argc == 2 && !is_number(argv[1])))
    {
        BOOL asked = argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "/?"));

        fputs(help_text, asked ? stdout : stderr);
        return asked ? 0 : 2;
    }
    if (argc == 2)
        limit = (DWORD)atoi(argv[1]) * 1000;
    slot = CreateMailslotA("\\\\.\\mailslot\\BROWSE", MESSAGE_MAX, limit, NULL);
    if (slot == INVALID_HANDLE_VALUE)
    {
        fprintf(stderr, "cannot create \\\\.\\mailslot\\BROWSE, error %lu\n", GetLastError());
        return 3;
    }
    printf("listening for announcements\n");
    fflush(stdout);
    while (ReadFile(slot, data, sizeof(data), &size, NULL))
    {
        if (parse(&announcement, data, size) && is_news(&announcement))
            print(&announcement);
        if (limit == MAILSLOT_WAIT_FOREVER)
            continue;
        if (GetTickCount() - start >= limit)
            break;
        SetMailslotInfo(slot, limit - (GetTickCount() - start));
    }
    CloseHandle(slot);
    return n_hosts ? 0 : 1;
}
