/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trace_exercise.c - does a bit of everything, and says which handles and blocks it used */

/*
 * MAILSLOT_TRACE=1 prints a line for each decision; tests/wine/lib/trace_lines.sh compares them
 * with what is printed here as NAME=VALUE, spelled as the trace spells it. Each message has a
 * length of its own, so each line of a read or a write belongs to one step.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#define SLOT    "trace\\exercise"
#define PATIENT 20000 /* ms: for what certainly happens */

static void say_handle(const char *name, HANDLE handle)
{
    printf("%s=0x%lx\n", name, (DWORD)(ULONG_PTR)handle);
    fflush(stdout);
}

static void say_block(const char *name, const OVERLAPPED *ov)
{
    printf("%s=0x%0*llX\n", name, (int)(2 * sizeof(ov)), (unsigned long long)(ULONG_PTR)ov);
    fflush(stdout);
}

static void say_error(const char *name, BOOL done)
{
    printf("%s=%lu\n", name, done ? 0 : GetLastError());
    fflush(stdout);
}

static HANDLE open_path(const char *path)
{
    return CreateFileA(path, GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
}

/* Writes `size` letters. */
static BOOL write_size(HANDLE handle, DWORD size)
{
    static char letters[200];
    DWORD written;

    memset(letters, 'x', sizeof(letters));
    return WriteFile(handle, letters, size, &written, NULL);
}

static BOOL read_any(HANDLE slot, DWORD size)
{
    static char letters[200];
    DWORD count;

    return ReadFile(slot, letters, size, &count, NULL);
}

/* A read that waits, in the background, until it is ended by what `end` says. */
static void pend(HANDLE slot, HANDLE writer, const char *end, const char *name, DWORD size)
{
    static char buffer[200];
    OVERLAPPED *ov = calloc(1, sizeof(*ov));
    DWORD count;
    BOOL done;

    ov->hEvent = CreateEventA(NULL, TRUE, FALSE, NULL);
    say_block(name, ov);
    ReadFile(slot, buffer, size, NULL, ov);
    if (!strcmp(end, "write"))
        write_size(writer, 7);
    else if (!strcmp(end, "cancel"))
        CancelIo(slot);
    else if (!strcmp(end, "cancel it"))
        CancelIoEx(slot, ov);
    done = WaitForSingleObject(ov->hEvent, PATIENT) == WAIT_OBJECT_0 &&
           GetOverlappedResult(slot, ov, &count, FALSE);
    printf("%s_", name);
    say_error("error", done);
}

/* Asynchronous and synchronous reads in this process. */
static void exercise_reads(HANDLE slot, HANDLE writer)
{
    pend(slot, writer, "write", "io_completed", 100);
    pend(slot, writer, "cancel", "io_cancelled", 101);
    pend(slot, writer, "cancel it", "io_cancelled_ex", 102);
    say_error("cancel_none", CancelIoEx(slot, NULL));
    SetMailslotInfo(slot, 50);
    pend(slot, writer, "time", "io_timed_out", 103);
    say_error("timed_out", read_any(slot, 104));
    SetMailslotInfo(slot, 0);
    say_error("empty", read_any(slot, 105));
    write_size(writer, 8);
    say_error("too_small", read_any(slot, 1));
    say_error("read", read_any(slot, 106));
}

/* In a child, with a reader that it inherited and a writer that it takes from its parent. */
static int child(const char *reader_text, const char *writer_text, const char *parent_text)
{
    HANDLE reader = (HANDLE)(ULONG_PTR)strtoul(reader_text, NULL, 16);
    HANDLE writer = (HANDLE)(ULONG_PTR)strtoul(writer_text, NULL, 16);
    HANDLE parent = OpenProcess(PROCESS_DUP_HANDLE, FALSE, strtoul(parent_text, NULL, 16));

    printf("child=%04lx\n", GetCurrentProcessId());
    say_error("inherited_read", read_any(reader, 110));
    CloseHandle(reader);
    if (!DuplicateHandle(parent, writer, GetCurrentProcess(), &writer, 0, FALSE,
                         DUPLICATE_SAME_ACCESS))
        return 1;
    say_handle("duplicated", writer);
    say_error("duplicated_write", write_size(writer, 11));
    CloseHandle(writer);
    return 0;
}

static DWORD child_run(HANDLE slot, HANDLE writer)
{
    char self[MAX_PATH], command[MAX_PATH + 80];
    STARTUPINFOA start = {.cb = sizeof(start)};
    PROCESS_INFORMATION process;
    DWORD code = ~0u;

    GetModuleFileNameA(NULL, self, sizeof(self));
    snprintf(command, sizeof(command), "\"%s\" child %lx %lx %lx", self, (DWORD)(ULONG_PTR)slot,
             (DWORD)(ULONG_PTR)writer, GetCurrentProcessId());
    if (!CreateProcessA(self, command, NULL, NULL, TRUE, 0, NULL, NULL, &start, &process))
        return code;
    WaitForSingleObject(process.hProcess, PATIENT);
    GetExitCodeProcess(process.hProcess, &code);
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    return code;
}

static void exercise_child(HANDLE slot, HANDLE writer)
{
    write_size(writer, 10);
    printf("child_code=%lu\n", child_run(slot, writer));
    say_error("from_child", read_any(slot, 111));
}

/* Writes to a slot of another computer, of a group or of this computer by its name. */
static void exercise_remote(const char *name, const char *host, DWORD size)
{
    char path[100];
    HANDLE remote;

    snprintf(path, sizeof(path), "\\\\%s\\mailslot\\" SLOT, host);
    remote = open_path(path);
    say_handle(name, remote);
    printf("%s_", name);
    say_error("error", write_size(remote, size));
    CloseHandle(remote);
}

int main(int argc, char **argv)
{
    SECURITY_ATTRIBUTES inherit = {.nLength = sizeof(inherit), .bInheritHandle = TRUE};
    char host[MAX_COMPUTERNAME_LENGTH + 1];
    DWORD size = sizeof(host);
    HANDLE slot, writer;

    if (argc == 5 && !strcmp(argv[1], "child"))
        return child(argv[2], argv[3], argv[4]);
    printf("process=%04lx\n", GetCurrentProcessId());
    slot = CreateMailslotA("\\\\.\\mailslot\\" SLOT, 0, MAILSLOT_WAIT_FOREVER, &inherit);
    say_handle("slot", slot);
    writer = open_path("\\\\.\\mailslot\\" SLOT);
    say_handle("writer", writer);
    exercise_reads(slot, writer);
    exercise_child(slot, writer);

    say_error("nobody", open_path("\\\\.\\mailslot\\trace\\nobody") != INVALID_HANDLE_VALUE);
    say_error("no_slot", open_path("\\\\.\\mailslots\\trace") != INVALID_HANDLE_VALUE);
    say_error("pipe", open_path("\\\\.\\pipe\\trace") != INVALID_HANDLE_VALUE);
    exercise_remote("nowhere", "NOWHERE", 20);
    exercise_remote("group", "*", 21);
    SetMailslotInfo(slot, PATIENT);
    say_error("from_group", read_any(slot, 121));
    GetComputerNameA(host, &size);
    printf("host=%s\n", host);
    exercise_remote("own", host, 22);
    say_error("from_own", read_any(slot, 122));
    CloseHandle(writer);
    CloseHandle(slot);
    printf("done=1\n");
    return 0;
}
