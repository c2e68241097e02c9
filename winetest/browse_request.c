/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* browse_request.c - asks the hosts of a workgroup to announce themselves, or for their browsers */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static const char help_text[] =
    "usage: browse_request announce|backup [TARGET [SECONDS]]\n"
    "\n"
    "announce  asks all hosts to announce themselves at once, and prints who does\n"
    "backup    asks the master browser which hosts keep the list of all hosts, prints its answer\n"
    "\n"
    "TARGET    a workgroup, a domain or a computer; * (default): the own workgroup. Master "
    "browsers\n"
    "          may want the request for backups at their own name, GROUP#1D, where the system can\n"
    "          address that.\n"
    "SECONDS   how long to wait for answers (default: 5)\n"
    "\n"
    "The answers arrive at \\\\.\\mailslot\\BROWSE, which this program makes for itself. "
    "Announcements\n"
    "are heard only as far as they are meant for names of this computer: see browse_list --help.\n"
    "\n"
    "Exit code: 0 there was an answer, 1 there was none, 2 wrong usage, 3 no mailslot or "
    "network.\n";

/* Browser frames, [MS-BRWS] 2.2 */
enum
{
    HOST_ANNOUNCEMENT = 1,     /* 2.2.1 */
    ANNOUNCEMENT_REQUEST = 2,  /* 2.2.2 */
    BACKUP_LIST_REQUEST = 9,   /* 2.2.4 */
    BACKUP_LIST_RESPONSE = 10, /* 2.2.5 */
    DOMAIN_ANNOUNCEMENT = 12,  /* 2.2.7 */
    MASTER_ANNOUNCEMENT = 15,  /* 2.2.10 */

    OFFSET_NAME = 6,
    ANNOUNCEMENT_MIN = 33,
    NAME_SIZE = 16,
    BACKUPS_WANTED = 4,
    OFFSET_BACKUPS = 6, /* behind command, count and the token of the request */

    MESSAGE_MAX = 1024,
    ANSWERS_MAX = 256,
};

struct answer
{
    BYTE command;
    char name[NAME_SIZE + 1];
};

/* Text that may lack its end. Returns its length. */
static size_t copy_text(char *out, size_t out_size, const BYTE *in, size_t in_size)
{
    size_t size = 0;

    while (size < in_size && size < out_size - 1 && in[size])
        size++;
    memset(out, 0, out_size);
    memcpy(out, in, size);
    return size;
}

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

static BOOL send_request(const char *target, const BYTE *data, DWORD size)
{
    char path[300];
    HANDLE handle;
    DWORD written;
    BOOL ret;

    snprintf(path, sizeof(path), "\\\\%s\\mailslot\\BROWSE", target);
    handle = CreateFileA(path, GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                         FILE_ATTRIBUTE_NORMAL, NULL);
    ret = handle != INVALID_HANDLE_VALUE && WriteFile(handle, data, size, &written, NULL);
    if (!ret)
        fprintf(stderr, "cannot write to %s, error %lu\n", path, GetLastError());
    if (handle != INVALID_HANDLE_VALUE)
        CloseHandle(handle);
    return ret;
}

/* Who announces itself; each of them once. TRUE: it is an announcement. */
static BOOL print_announcement(const BYTE *data, size_t size)
{
    static struct answer known[ANSWERS_MAX];
    static size_t n_known;
    struct answer answer;
    size_t i;

    if (size < ANNOUNCEMENT_MIN ||
        (data[0] != HOST_ANNOUNCEMENT && data[0] != DOMAIN_ANNOUNCEMENT &&
         data[0] != MASTER_ANNOUNCEMENT))
        return FALSE;
    answer.command = data[0];
    if (!copy_text(answer.name, sizeof(answer.name), data + OFFSET_NAME, NAME_SIZE))
        return FALSE;
    for (i = 0; i < n_known; i++)
        if (known[i].command == answer.command && !strcmp(known[i].name, answer.name))
            return TRUE;
    if (n_known == ANSWERS_MAX)
        return TRUE;
    known[n_known++] = answer;
    printf("%s ", answer.command == HOST_ANNOUNCEMENT     ? "host"
                  : answer.command == DOMAIN_ANNOUNCEMENT ? "workgroup"
                                                          : "master browser");
    print_text(answer.name);
    putchar('\n');
    fflush(stdout);
    return TRUE;
}

/* The answer to the request with this token: names one behind the other, each with its zero. */
static BOOL print_backups(const BYTE *data, size_t size, const BYTE token[4])
{
    size_t offset = OFFSET_BACKUPS, count, length;
    char name[NAME_SIZE + 1];

    if (size < OFFSET_BACKUPS || data[0] != BACKUP_LIST_RESPONSE || memcmp(data + 2, token, 4))
        return FALSE;
    for (count = data[1]; count && offset < size; count--)
    {
        length = copy_text(name, sizeof(name), data + offset, size - offset);
        if (!length)
            break;
        printf("browser ");
        print_text(name);
        putchar('\n');
        offset += length + 1;
    }
    fflush(stdout);
    return TRUE;
}

static BOOL is_number(const char *text)
{
    return *text && strlen(text) < 7 && text[strspn(text, "0123456789")] == 0;
}

int main(int argc, char **argv)
{
    const char *target = argc > 2 ? argv[2] : "*";
    DWORD start, limit = 5000, size = 0, passed;
    BOOL backup, answered = FALSE;
    BYTE data[MESSAGE_MAX], token[4];
    char computer[MAX_COMPUTERNAME_LENGTH + 1] = "UNKNOWN";
    HANDLE slot;

    if (argc < 2 || argc > 4 || (strcmp(argv[1], "announce") && strcmp(argv[1], "backup")) ||
        !*target || strlen(target) > 255 || strpbrk(target, "\\/") ||
        (argc == 4 && !is_number(argv[3])))
    {
        BOOL asked = argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "/?"));

        fputs(help_text, asked ? stdout : stderr);
        return asked ? 0 : 2;
    }
    backup = !strcmp(argv[1], "backup");
    if (argc == 4)
        limit = (DWORD)atoi(argv[3]) * 1000;
    slot = CreateMailslotA("\\\\.\\mailslot\\BROWSE", MESSAGE_MAX, limit, NULL);
    if (slot == INVALID_HANDLE_VALUE)
    {
        fprintf(stderr, "cannot create \\\\.\\mailslot\\BROWSE, error %lu\n", GetLastError());
        return 3;
    }
    start = GetTickCount();
    /* A number that only this request has, so that old answers are not taken for ours. */
    passed = start ^ GetCurrentProcessId() << 16;
    memcpy(token, &passed, sizeof(token));
    if (backup)
    {
        data[size++] = BACKUP_LIST_REQUEST;
        data[size++] = BACKUPS_WANTED;
        memcpy(data + size, token, sizeof(token));
        size += sizeof(token);
    }
    else
    {
        DWORD length = sizeof(computer);

        GetComputerNameA(computer, &length);
        data[size++] = ANNOUNCEMENT_REQUEST;
        data[size++] = 1;
        memcpy(data + size, computer, strlen(computer) + 1);
        size += (DWORD)strlen(computer) + 1;
    }
    if (!send_request(target, data, size))
        return 3;
    while ((passed = GetTickCount() - start) < limit)
    {
        SetMailslotInfo(slot, limit - passed);
        if (!ReadFile(slot, data, sizeof(data), &size, NULL))
            break;
        if (backup ? print_backups(data, size, token) : print_announcement(data, size))
            answered = TRUE;
        if (backup && answered)
            break;
    }
    CloseHandle(slot);
    return answered ? 0 : 1;
}
