/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chat.exe of the documentation: makes a slot, greets all computers, reads its own greeting. */
#include <stdio.h>
#include <windows.h>

int main(void)
{
    static const char greeting[] = "Hello from Windows";
    HANDLE slot = CreateMailslotA("\\\\.\\mailslot\\talk", 0, 5000, NULL);
    HANDLE all = CreateFileW(L"\\\\*\\mailslot\\talk", GENERIC_WRITE, FILE_SHARE_READ, NULL,
                             OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    char text[424];
    DWORD size;

    if (slot == INVALID_HANDLE_VALUE || all == INVALID_HANDLE_VALUE ||
        !WriteFile(all, greeting, sizeof(greeting) - 1, &size, NULL) ||
        !ReadFile(slot, text, sizeof(text), &size, NULL))
    {
        fprintf(stderr, "chat: error %lu\n", GetLastError());
        return 1;
    }
    printf("%.*s\n", (int)size, text);
    return 0;
}
