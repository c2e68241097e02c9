/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* demo_client.c - writes one message to a mailslot path, local or remote */
#include <stdio.h>
#include <string.h>
#include <windows.h>

static int fail(const char *what, const char *path)
{
    DWORD error = GetLastError();
    char text[256] = "unknown error\n";

    FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, error, 0, text,
                   sizeof(text), NULL);
    fprintf(stderr, "cannot %s %s: error %lu: %s\n", what, path, error, text);
    return 1;
}

int main(int argc, char **argv)
{
    HANDLE client;
    DWORD size, written;

    if (argc != 3)
    {
        fprintf(stderr, "usage: demo_client \\\\HOST\\mailslot\\NAME TEXT   (HOST: . or * or a "
                        "domain or computer)\n");
        return 2;
    }
    client = CreateFileA(argv[1], GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                         FILE_ATTRIBUTE_NORMAL, NULL);
    if (client == INVALID_HANDLE_VALUE)
        return fail("open", argv[1]);
    size = (DWORD)strlen(argv[2]);
    if (!WriteFile(client, argv[2], size, &written, NULL))
        return fail("write to", argv[1]);
    printf("wrote %lu bytes to %s\n", written, argv[1]);
    CloseHandle(client);
    return 0;
}
