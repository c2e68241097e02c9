/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* crt.c - slots as plain files: C runtime, CopyFile, cmd, a child's stdout (rows O12, O15) */
#include "slots.h"

static void test_fopen(HANDLE slot)
{
    static const char *const modes[] = {"wb", "w", "ab", "r+b"};
    unsigned int i;

    row("O12");
    for (i = 0; i < ARRAYSIZE(modes); i++)
    {
        FILE *file = fopen(slot_name("crt"), modes[i]);

        ok(file || broken(true), "fopen %s failed, error %lu\n", modes[i], GetLastError());
        if (!file)
            continue;
        ok(fwrite("one", 1, 3, file) == 3, "fwrite failed\n");
        ok(!fflush(file), "fflush failed\n");
        expect_read(slot, "one");
        ok(fwrite("two", 1, 3, file) == 3 && fwrite("three", 1, 5, file) == 5, "fwrite\n");
        ok(!fclose(file), "fclose failed\n");
        expect_read(slot, "twothree");
        expect_read_error(slot, 10, ERROR_SEM_TIMEOUT);
    }
}

/* Makes a temporary file that contains text. */
static void make_file(char path[MAX_PATH], const char *text)
{
    char folder[MAX_PATH];
    FILE *file;

    GetTempPathA(sizeof(folder), folder);
    GetTempFileNameA(folder, "wmt", 0, path);
    file = fopen(path, "wb");
    fputs(text, file);
    fclose(file);
}

static void test_copy(HANDLE slot)
{
    char path[MAX_PATH], line[MAX_PATH * 3];

    row("O12");
    make_file(path, "copied file");
    SetLastError(0xdeadbeef);
    ok(CopyFileA(path, slot_name("crt"), FALSE) || broken(true), "CopyFile: error %lu\n",
       GetLastError());
    expect_read(slot, "copied file");
    slot_drain(slot);
    snprintf(line, sizeof(line), "cmd /c copy /b /y \"%s\" %s >nul 2>&1", path, slot_name("crt"));
    system(line);
    expect_read(slot, "copied file");
    slot_drain(slot);
    DeleteFileA(path);
    snprintf(line, sizeof(line), "cmd /c echo hello> %s", slot_name("crt"));
    system(line);
    {
        char text[64] = "";
        DWORD size = 0, count;

        while (size < sizeof(text) - 1 &&
               ReadFile(slot, text + size, sizeof(text) - 1 - size, &count, NULL))
            size += count;
        ok(!strcmp(text, "hello\r\n"), "echo sent \"%s\"\n", text);
    }
}

static void test_stdout(HANDLE slot)
{
    SECURITY_ATTRIBUTES sa = {sizeof(sa), NULL, TRUE};
    STARTUPINFOA startup = {.cb = sizeof(startup), .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION info = {0};
    char line[MAX_PATH + 16];

    row("O15");
    startup.hStdOutput =
        CreateFileA(slot_name("crt"), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &sa,
                    OPEN_EXISTING, 0, NULL);
    startup.hStdError = startup.hStdOutput;
    snprintf(line, sizeof(line), "\"%s\" child stdout", winetest_main_argv()[0]);
    ok(CreateProcessA(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &info), "error %lu\n",
       GetLastError());
    close_handle(info.hThread);
    ok(winetest_wait_child(info.hProcess) == 0, "child failed\n");
    expect_read(slot, "by handle");
    close_handle(startup.hStdOutput);
}

START_TEST(crt)
{
    HANDLE slot;

    if (winetest_main_argc() > 2)
    {
        ExitProcess(!send_text(GetStdHandle(STD_OUTPUT_HANDLE), "by handle"));
    }
    slot = slot_create("crt", 0, 0);
    test_fopen(slot);
    test_copy(slot);
    test_stdout(slot);
    close_handle(slot);
}
