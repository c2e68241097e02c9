/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wine-mailslot-probe.exe: what a program of this name sees, on one line of standard output.
 *
 * "wine-mailslot status" and "doctor" run copies of it that are called as the program in question,
 * as Wine goes by the name. It makes a slot, so that all parts are loaded, and looks who is there
 * then: Wine's own kernel32 under its second name shows that ours stands before it. What the layer
 * has to complain of comes on standard error, from itself.
 *
 * It prints "kernel32 ours|wine, layer yes|no, file PATH".
 */
#include <stdio.h>
#include <windows.h>

int main(void)
{
    WCHAR path[1024] = L"?";
    char name[64], utf8[3 * 1024] = "?";
    HANDLE slot;

    snprintf(name, sizeof name, "\\\\.\\mailslot\\wine-mailslot-probe\\%lu", GetCurrentProcessId());
    slot = CreateMailslotA(name, 0, 0, NULL);
    if (slot != INVALID_HANDLE_VALUE)
        CloseHandle(slot);
    GetModuleFileNameW(GetModuleHandleW(L"kernel32.dll"), path, 1024);
    WideCharToMultiByte(CP_UTF8, 0, path, -1, utf8, sizeof utf8, NULL, NULL);
    printf("kernel32 %s, layer %s, file %s\n", GetModuleHandleW(L"kernel32w.dll") ? "ours" : "wine",
           GetModuleHandleW(L"winemailslot.dll") ? "yes" : "no", utf8);
    return 0;
}
