/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* probe.c - uses much of kernel32 except mailslots and prints what it sees, the same at every run
 *
 * tests/invisible/run compares its output with and without our kernel32. So nothing that changes
 * from run to run is printed: no addresses, handles, process ids, times; and what goes on at the
 * same time is printed afterwards, in a fixed order.
 *
 * usage: probe.exe [NAMES]   NAMES: a file with one exported name of kernel32 a line
 */
#define _WIN32_WINNT 0x0601
#include <winsock2.h>

#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static char probe_path[MAX_PATH];
static const char probe_file[] = "probe.tmp";

static void show(const char *what, long long value)
{
    printf("%s: %lld\n", what, value);
}

/* Prints a result and, if it is FALSE, the error. */
static void show_call(const char *what, BOOL ok)
{
    DWORD error = GetLastError();

    if (ok)
        printf("%s: ok\n", what);
    else
        printf("%s: error %lu\n", what, error);
}

static LONG thread_sum;

static DWORD WINAPI thread_adds(void *event)
{
    InterlockedAdd(&thread_sum, 7);
    return WaitForSingleObject(event, 10000) + 40;
}

static void CALLBACK work_adds(TP_CALLBACK_INSTANCE *instance, void *context, TP_WORK *work)
{
    (void)instance;
    (void)work;
    InterlockedIncrement(context);
}

static void probe_threads(void)
{
    HANDLE event = CreateEventA(NULL, TRUE, FALSE, "probe-event"), threads[8], timer, mutex;
    LARGE_INTEGER due = {.QuadPart = -10000};
    LONG count = 0;
    DWORD code;

    for (int i = 0; i < 8; i++)
        threads[i] = CreateThread(NULL, 0, thread_adds, event, 0, NULL);
    show("wait before", WaitForMultipleObjects(8, threads, TRUE, 10));
    SetEvent(event);
    show("wait after", WaitForMultipleObjects(8, threads, TRUE, 10000));
    for (int i = 0; i < 8; i++)
    {
        GetExitCodeThread(threads[i], &code);
        show("thread", code);
        CloseHandle(threads[i]);
    }
    show("sum", thread_sum);
    CreateEventA(NULL, TRUE, FALSE, "probe-event");
    show("event exists", GetLastError());
    CloseHandle(event);
    mutex = CreateMutexA(NULL, TRUE, NULL);
    show_call("mutex", ReleaseMutex(mutex));
    show_call("mutex twice", ReleaseMutex(mutex));
    CloseHandle(mutex);
    timer = CreateWaitableTimerA(NULL, FALSE, NULL);
    show_call("timer", SetWaitableTimer(timer, &due, 0, NULL, NULL, FALSE));
    show("timer wait", WaitForSingleObject(timer, 10000));
    CloseHandle(timer);

    TP_WORK *work = CreateThreadpoolWork(work_adds, &count, NULL);
    for (int i = 0; i < 100; i++)
        SubmitThreadpoolWork(work);
    WaitForThreadpoolWorkCallbacks(work, FALSE);
    CloseThreadpoolWork(work);
    show("pool", count);
    SetLastError(0);
    show_call("close twice", CloseHandle(event));
    show_call("close null", CloseHandle(NULL));
}

static void probe_pipes(void)
{
    HANDLE read_end, write_end, server, client;
    OVERLAPPED connect = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)}, reading = connect;
    char buffer[64] = "";
    DWORD n = 0, flags = 0, mode = PIPE_READMODE_MESSAGE;

    show_call("CreatePipe", CreatePipe(&read_end, &write_end, NULL, 0));
    show("pipe type", GetFileType(read_end));
    show_call("pipe write", WriteFile(write_end, "anonymous", 9, &n, NULL));
    show_call("pipe peek", PeekNamedPipe(read_end, NULL, 0, NULL, &n, NULL));
    show("pipe waits", n);
    show_call("pipe read", ReadFile(read_end, buffer, sizeof buffer, &n, NULL));
    printf("%.*s\n", (int)n, buffer);
    CloseHandle(write_end);
    show_call("pipe end", ReadFile(read_end, buffer, sizeof buffer, &n, NULL));
    CloseHandle(read_end);

    server = CreateNamedPipeA("\\\\.\\pipe\\wms-probe", PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
                              PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 2, 1024, 1024, 0, NULL);
    show_call("named pipe", server != INVALID_HANDLE_VALUE);
    show_call("connect", ConnectNamedPipe(server, &connect));
    client = CreateFileA("\\\\.\\pipe\\wms-probe", GENERIC_READ | GENERIC_WRITE, 0, NULL,
                         OPEN_EXISTING, 0, NULL);
    show_call("client", client != INVALID_HANDLE_VALUE);
    show_call("connected", GetOverlappedResult(server, &connect, &n, TRUE));
    show_call("message mode", SetNamedPipeHandleState(client, &mode, NULL, NULL));
    show_call("read pends", ReadFile(server, buffer, 4, &n, &reading));
    show_call("client write", WriteFile(client, "overlapped", 10, &n, NULL));
    show_call("read part", GetOverlappedResult(server, &reading, &n, TRUE));
    show("part", n);
    show_call("read rest", ReadFile(server, buffer + 4, sizeof buffer - 4, NULL, &reading));
    show_call("rest done", GetOverlappedResult(server, &reading, &n, TRUE));
    printf("%.10s\n", buffer);
    show_call("read to cancel", ReadFile(server, buffer, 4, &n, &reading));
    show_call("cancel", CancelIo(server));
    show_call("cancelled", GetOverlappedResult(server, &reading, &n, TRUE));
    show_call("info", GetNamedPipeInfo(client, &flags, NULL, NULL, NULL));
    show("flags", flags);
    show("named pipe type", GetFileType(client));
    CloseHandle(client);
    show_call("after close", ReadFile(server, buffer, 4, NULL, &reading));
    CloseHandle(server);
    CloseHandle(connect.hEvent);
}

static void probe_sockets(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    int size = sizeof address;
    SOCKET listener, a, b;
    char buffer[32] = "";
    WSADATA data;

    show("WSAStartup", WSAStartup(MAKEWORD(2, 2), &data));
    listener = socket(AF_INET, SOCK_STREAM, 0);
    show("bind", bind(listener, (struct sockaddr *)&address, size));
    show("listen", listen(listener, 1));
    getsockname(listener, (struct sockaddr *)&address, &size);
    a = socket(AF_INET, SOCK_STREAM, 0);
    show("connect", connect(a, (struct sockaddr *)&address, size));
    b = accept(listener, NULL, NULL);
    show("send", send(a, "socket", 6, 0));
    show("recv", recv(b, buffer, sizeof buffer, 0));
    puts(buffer);
    /* Sockets are files, too. */
    OVERLAPPED o = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};
    DWORD n = 0;
    show("socket type", GetFileType((HANDLE)a));
    show_call("socket ReadFile", ReadFile((HANDLE)a, buffer, sizeof buffer, NULL, &o));
    show("send back", send(b, "back", 4, 0));
    show_call("socket result", GetOverlappedResult((HANDLE)a, &o, &n, TRUE));
    printf("%.*s\n", (int)n, buffer);
    show_call("socket WriteFile",
              WriteFile((HANDLE)a, "file", 4, &n, &o) || GetLastError() == ERROR_IO_PENDING);
    show("recv", recv(b, buffer, sizeof buffer, 0));
    closesocket(a);
    show("recv end", recv(b, buffer, sizeof buffer, 0));
    closesocket(b);
    closesocket(listener);
    CloseHandle(o.hEvent);
    WSACleanup();
}

static DWORD apc_error, apc_count;

static void CALLBACK apc_done(DWORD error, DWORD count, OVERLAPPED *o)
{
    (void)o;
    apc_error = error;
    apc_count += count;
}

static void probe_disk(void)
{
    HANDLE file, port, mapping;
    OVERLAPPED o = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)}, *done = NULL;
    char block[8192], *view;
    ULONG_PTR key = 0;
    FILETIME time = {.dwLowDateTime = 0xd53e8000, .dwHighDateTime = 0x19db1de}, times[3];
    BY_HANDLE_FILE_INFORMATION info;
    WIN32_FIND_DATAA found;
    DWORD n = 0;

    memset(block, 'x', sizeof block);
    file = CreateFileA(probe_file, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ, NULL,
                       CREATE_ALWAYS, FILE_FLAG_OVERLAPPED, NULL);
    show_call("create", file != INVALID_HANDLE_VALUE);
    show("file type", GetFileType(file));
    port = CreateIoCompletionPort(file, NULL, 77, 0);
    show_call("port", port != NULL);
    show_call("write",
              WriteFile(file, block, sizeof block, NULL, &o) || GetLastError() == ERROR_IO_PENDING);
    show_call("packet", GetQueuedCompletionStatus(port, &n, &key, &done, 10000));
    printf("%lu bytes, key %d, right one %d\n", n, (int)key, done == &o);
    o.Offset = 8190;
    show_call("read", ReadFile(file, block, 10, NULL, &o) || GetLastError() == ERROR_IO_PENDING);
    show_call("event", GetOverlappedResult(file, &o, &n, TRUE));
    show("bytes", n);
    show_call("packet", GetQueuedCompletionStatus(port, &n, &key, &done, 10000));
    o.Offset = 10000;
    show_call("read at end", ReadFile(file, block, 10, &n, &o));
    show_call("no packet", GetQueuedCompletionStatus(port, &n, &key, &done, 0));
    CloseHandle(file);
    CloseHandle(port);

    file = CreateFileA(probe_file, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                       NULL, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, NULL);
    o.Offset = 0;
    show_call("WriteFileEx", WriteFileEx(file, "apc", 3, &o, apc_done));
    show("alerted", SleepEx(10000, TRUE));
    show_call("ReadFileEx", ReadFileEx(file, block, 5, &o, apc_done));
    show("alerted", SleepEx(10000, TRUE));
    printf("apc %lu %lu %.5s\n", apc_error, apc_count, block);
    CloseHandle(file);

    file = CreateFileA(probe_file, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                       NULL, OPEN_EXISTING, 0, NULL);
    show_call("LockFile", LockFile(file, 0, 0, 10, 0));
    HANDLE other = CreateFileA(probe_file, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                               OPEN_EXISTING, 0, NULL);
    show_call("read locked", ReadFile(other, block, 5, &n, NULL));
    show_call("UnlockFile", UnlockFile(file, 0, 0, 10, 0));
    show_call("unlock twice", UnlockFile(file, 0, 0, 10, 0));
    show_call("write read-only", WriteFile(other, block, 5, &n, NULL));
    CloseHandle(other);
    show_call("SetFileTime", SetFileTime(file, NULL, &time, &time));
    show_call("GetFileTime", GetFileTime(file, &times[0], &times[1], &times[2]));
    show("time", times[2].dwHighDateTime);
    show("seek", SetFilePointer(file, 100, NULL, FILE_BEGIN));
    show_call("SetEndOfFile", SetEndOfFile(file));
    show_call("info", GetFileInformationByHandle(file, &info));
    printf("size %lu, links %lu, attributes %lx\n", info.nFileSizeLow, info.nNumberOfLinks,
           info.dwFileAttributes);
    show_call("Flush", FlushFileBuffers(file));
    mapping = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 65536, NULL);
    show_call("mapping", mapping != NULL);
    view = MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0);
    show_call("view", view != NULL);
    printf("%.5s %d\n", view, view[60000]);
    view[60000] = 'z';
    UnmapViewOfFile(view);
    CloseHandle(mapping);
    show("size", GetFileSize(file, NULL));
    CloseHandle(file);
    show_call("CopyFile", CopyFileA(probe_file, "probe.copy", TRUE));
    show_call("CopyFile again", CopyFileA(probe_file, "probe.copy", TRUE));
    show_call("MoveFileEx", MoveFileExA("probe.copy", "probe.moved", 0));
    HANDLE find = FindFirstFileA("probe.m*", &found);
    printf("%s %lu\n", found.cFileName, found.nFileSizeLow);
    show_call("FindNextFile", FindNextFileA(find, &found));
    FindClose(find);
    show("attributes", GetFileAttributesA("probe.moved"));
    show_call("DeleteFile", DeleteFileA("probe.moved"));
    show_call("DeleteFile again", DeleteFileA("probe.moved"));
    show_call("no such", CreateFileA("nosuch\\x", GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL) !=
                             INVALID_HANDLE_VALUE);
    DeleteFileA(probe_file);
    CloseHandle(o.hEvent);
}

static void probe_child(void)
{
    SECURITY_ATTRIBUTES inherit = {.nLength = sizeof inherit, .bInheritHandle = TRUE};
    STARTUPINFOA start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION process;
    HANDLE read_end, write_end, in_read, in_write;
    char command[MAX_PATH + 64], buffer[256];
    DWORD n, code = 0;

    CreatePipe(&read_end, &write_end, &inherit, 0);
    CreatePipe(&in_read, &in_write, &inherit, 0);
    SetHandleInformation(in_write, HANDLE_FLAG_INHERIT, 0);
    start.hStdInput = in_read;
    start.hStdOutput = write_end;
    start.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    snprintf(command, sizeof command, "\"%s\" --child %lu", probe_path,
             (unsigned long)(ULONG_PTR)write_end);
    show_call("CreateProcess",
              CreateProcessA(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &start, &process));
    CloseHandle(write_end);
    CloseHandle(in_read);
    WriteFile(in_write, "to the child", 12, &n, NULL);
    CloseHandle(in_write);
    while (ReadFile(read_end, buffer, sizeof buffer, &n, NULL) && n)
        printf("child: %.*s\n", (int)n, buffer);
    show("child waits", WaitForSingleObject(process.hProcess, 20000));
    GetExitCodeProcess(process.hProcess, &code);
    show("child code", code);
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    CloseHandle(read_end);
}

/* The child: says on the inherited handle what came on its standard input. */
static int child_main(const char *handle)
{
    HANDLE out = (HANDLE)(ULONG_PTR)strtoul(handle, NULL, 10);
    char buffer[64], text[128];
    DWORD n = 0, length;

    ReadFile(GetStdHandle(STD_INPUT_HANDLE), buffer, sizeof buffer, &n, NULL);
    length = snprintf(text, sizeof text, "got '%.*s', types %lu %lu", (int)n, buffer,
                      GetFileType(GetStdHandle(STD_INPUT_HANDLE)), GetFileType(out));
    WriteFile(out, text, length, &n, NULL);
    return 42;
}

static volatile LONG handled;

static LONG CALLBACK vectored(EXCEPTION_POINTERS *pointers)
{
    if (pointers->ExceptionRecord->ExceptionCode != 0xE0001234)
        return EXCEPTION_CONTINUE_SEARCH;
    handled += pointers->ExceptionRecord->NumberParameters;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void probe_rest(void)
{
    static const char *const devices[] = {"NUL", "CONIN$", "\\\\.\\C:", "."};
    ULONG_PTR arguments[2] = {1, 2};
    void *handler = AddVectoredExceptionHandler(1, vectored);
    char module[MAX_PATH] = "", text[64];
    HANDLE copy, device;
    DWORD n = 0;

    RaiseException(0xE0001234, 0, 2, arguments);
    show("exception", handled);
    RemoveVectoredExceptionHandler(handler);
    show_call("bad buffer", ReadFile(GetStdHandle(STD_INPUT_HANDLE), (void *)8, 1, &n, NULL));
    show_call("bad handle", ReadFile((HANDLE)0x7f00, text, 1, &n, NULL));
    for (int i = 0; i < 4; i++)
    {
        device = CreateFileA(devices[i], GENERIC_READ, 3, NULL, OPEN_EXISTING,
                             FILE_FLAG_BACKUP_SEMANTICS, NULL);
        printf("%s: %d type %lu\n", devices[i], device != INVALID_HANDLE_VALUE,
               GetFileType(device));
        CloseHandle(device);
    }
    show("type of a process", GetFileType(GetCurrentProcess()));
    show("stdin type", GetFileType(GetStdHandle(STD_INPUT_HANDLE)));
    show_call("DuplicateHandle",
              DuplicateHandle(GetCurrentProcess(), GetStdHandle(STD_OUTPUT_HANDLE),
                              GetCurrentProcess(), &copy, 0, TRUE, DUPLICATE_SAME_ACCESS));
    fflush(stdout);
    show_call("write to the copy", WriteFile(copy, "copy\n", 5, &n, NULL));
    show_call("information", GetHandleInformation(copy, &n));
    show("inherit", n);
    CloseHandle(copy);
    GetModuleFileNameA(GetModuleHandleA("kernel32.dll"), module, sizeof module);
    puts(module);
    GetEnvironmentVariableA("PROBE_VARIABLE", text, sizeof text);
    puts(text);
    FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM, NULL, 5, 0, module, sizeof module, NULL);
    puts(module);
    HMODULE late = LoadLibraryA("version.dll");
    show_call("LoadLibrary", late != NULL);
    show_call("GetProcAddress", GetProcAddress(late, "GetFileVersionInfoA") != NULL);
    show_call("FreeLibrary", FreeLibrary(late));
    show_call("no library", LoadLibraryA("nosuch.dll") != NULL);
}

static void probe_exports(const char *path)
{
    HMODULE kernel32 = LoadLibraryA("kernel32.dll");
    FILE *names = fopen(path, "r");
    char name[256];
    int found = 0;

    if (!names)
        return;
    while (fgets(name, sizeof name, names))
    {
        name[strcspn(name, " \r\n")] = 0;
        if (!name[0] || name[0] == '#' || name[0] == '@')
            continue;
        if (GetProcAddress(kernel32, name))
            found++;
        else
            printf("no %s: error %lu\n", name, GetLastError());
    }
    show("exports", found);
    fclose(names);
}

/* For counting instructions: 1-byte reads of a disk file. */
static int reads_main(int loops)
{
    HANDLE file = CreateFileA(probe_path, GENERIC_READ, 1, NULL, OPEN_EXISTING, 0, NULL);
    DWORD n;
    char byte;

    while (loops-- > 0)
    {
        SetFilePointer(file, 0, NULL, FILE_BEGIN);
        if (!ReadFile(file, &byte, 1, &n, NULL) || n != 1)
            return 1;
    }
    CloseHandle(file);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--child"))
        return child_main(argv[2]);
    GetModuleFileNameA(NULL, probe_path, sizeof probe_path);
    if (argc == 3 && !strcmp(argv[1], "--reads"))
        return reads_main(atoi(argv[2]));
    setvbuf(stdout, NULL, _IOFBF, 65536);
    probe_threads();
    probe_pipes();
    probe_sockets();
    probe_disk();
    probe_child();
    probe_rest();
    if (argc > 1)
        probe_exports(argv[1]);
    fflush(stdout);
    return 3;
}
