/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* winetest.h - checks, todos, spec rows and child processes for the conformance tests */
#pragma once

/*
 * One test executable = one .c file that includes this header and defines START_TEST(name).
 *
 * Every check belongs to one or more rows of the fact sheet: row("R2 R4") sets the rows of the
 * checks that follow, ok_row("R2", …) those of one check. A check without a row is a failure.
 * Platforms (environment WINETEST_PLATFORM):
 *   wine     plain Wine: a todo that fails is counted as todo, one that succeeds is a failure
 *   windows  a todo is a plain check; broken(x) accepts a known other answer of some Windows
 *   shim     a todo is a plain check; broken() accepts nothing
 * Unset means windows, or shim where ntdll is Wine's.
 *
 * All functions here are for the main thread only; other threads hand their results over.
 * A watchdog (WINETEST_TIMEOUT seconds, 60) ends a hanging executable as a failure of its row.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#define WT_MAX_ROWS     128
#define WT_FORMAT(f, a) __attribute__((format(__MINGW_PRINTF_FORMAT, f, a), unused))

enum wt_platform
{
    WT_WINDOWS,
    WT_WINE,
    WT_SHIM,
};

/* Order = weight: the worst result of a row is what the report says. */
enum wt_result
{
    WT_SKIP,
    WT_PASS,
    WT_TODO,
    WT_FAIL,
};

struct wt_row
{
    char name[8];
    enum wt_result result;
};

static struct
{
    const char *test; /* name given to START_TEST */
    enum wt_platform platform;
    const char *report; /* file that gets the ROW lines, or NULL */
    char rows[64];      /* rows of the checks that follow */
    struct wt_row results[WT_MAX_ROWS];
    int row_count;
    int todo_depth;
    LONG tests, todos, failures, skips;
    volatile LONG extra_seconds; /* what the watchdog grants on top */
    int argc;
    char **argv;
} wt;

/* Major version of the Wine that runs us, 0 on Windows. */
static inline int wine_version(void)
{
    const char *(CDECL * get_version)(void);

    get_version = (void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), "wine_get_version");
    return get_version ? atoi(get_version()) : 0;
}

/* Whether a Wine older than this version runs us: false on Windows. */
static inline bool wine_before(int major, int minor)
{
    const char *(CDECL * get_version)(void);
    int theirs[2] = {0, 0};

    get_version = (void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), "wine_get_version");
    if (!get_version || sscanf(get_version(), "%d.%d", &theirs[0], &theirs[1]) < 1)
        return false;
    return theirs[0] < major || (theirs[0] == major && theirs[1] < minor);
}

static inline void wt_record(const char *rows, enum wt_result result)
{
    char name[8];
    int used;

    for (; sscanf(rows, " %7s%n", name, &used) == 1; rows += used)
    {
        int i;

        for (i = 0; i < wt.row_count && strcmp(wt.results[i].name, name); i++)
            ;
        if (i == WT_MAX_ROWS)
            return;
        if (i == wt.row_count)
        {
            strcpy(wt.results[i].name, name);
            wt.results[i].result = result;
            wt.row_count++;
        }
        if (wt.results[i].result < result)
            wt.results[i].result = result;
    }
}

static inline const char *wt_basename(const char *path)
{
    const char *p;

    for (p = path; *p; p++)
    {
        if (*p == '/' || *p == '\\')
            path = p + 1;
    }
    return path;
}

/* One check; returns cond. rows NULL = the rows set by row(). */
WT_FORMAT(5, 6)
static bool wt_check(const char *file, int line, const char *rows, bool cond, const char *fmt, ...)
{
    bool todo = wt.todo_depth > 0;
    const char *prefix = NULL;
    enum wt_result result = WT_PASS;
    va_list args;

    wt.tests++;
    if (!rows)
        rows = wt.rows;
    if (!*rows)
    {
        printf("%s:%d: Test failed: check without a row\n", wt_basename(file), line);
        wt.failures++;
    }
    if (todo && cond)
    {
        prefix = "Test succeeded inside todo block";
        result = WT_FAIL;
        wt.failures++;
    }
    else if (todo)
    {
        prefix = getenv("WINETEST_VERBOSE") ? "Test marked todo" : NULL;
        result = WT_TODO;
        wt.todos++;
    }
    else if (!cond)
    {
        prefix = "Test failed";
        result = WT_FAIL;
        wt.failures++;
    }
    wt_record(rows, result);
    if (prefix)
    {
        printf("%s:%d: %s [%s]: ", wt_basename(file), line, prefix, rows);
        va_start(args, fmt);
        vprintf(fmt, args);
        va_end(args);
        fflush(stdout);
    }
    return cond;
}

WT_FORMAT(4, 5)
static void wt_skip(const char *file, int line, bool on_windows_only, const char *fmt, ...)
{
    bool fails = on_windows_only && wt.platform != WT_WINDOWS;
    va_list args;

    if (fails)
    {
        wt.tests++;
        wt.failures++;
    }
    else
        wt.skips++;
    wt_record(wt.rows, fails ? WT_FAIL : WT_SKIP);
    printf("%s:%d: %s [%s]: ", wt_basename(file), line, fails ? "Test failed" : "Tests skipped",
           wt.rows);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    fflush(stdout);
}

WT_FORMAT(3, 4)
static void wt_trace(const char *file, int line, const char *fmt, ...)
{
    va_list args;

    printf("%s:%d: ", wt_basename(file), line);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    fflush(stdout);
}

static inline int wt_todo_begin(bool todo)
{
    todo = todo && wt.platform == WT_WINE;
    wt.todo_depth += todo;
    return todo;
}

/* The condition is evaluated before the arguments, so that GetLastError() is its error. */
#define wt_ok(rows, cond, ...)                                                                     \
    ({                                                                                             \
        bool wt_cond_ = (cond) != 0;                                                               \
        wt_check(__FILE__, __LINE__, rows, wt_cond_, __VA_ARGS__);                                 \
    })
#define ok(cond, ...)           wt_ok(NULL, cond, __VA_ARGS__)
#define ok_row(rows, cond, ...) wt_ok(rows, cond, __VA_ARGS__)
#define row(names)              ((void)snprintf(wt.rows, sizeof(wt.rows), "%s", names))
#define broken(cond)            (wt.platform == WT_WINDOWS && (cond))
#define trace(...)              wt_trace(__FILE__, __LINE__, __VA_ARGS__)
/* skip: the machine lacks something. win_skip: this Windows lacks it; a failure on any Wine. */
#define skip(...)     wt_skip(__FILE__, __LINE__, false, __VA_ARGS__)
#define win_skip(...) wt_skip(__FILE__, __LINE__, true, __VA_ARGS__)

/* The statement or block that follows is a known difference of plain Wine if cond holds there. */
#define todo_wine_if(cond)                                                                         \
    for (int wt_todo_ = wt_todo_begin(cond); wt_todo_ != 2; wt.todo_depth -= wt_todo_, wt_todo_ = 2)
#define todo_wine todo_wine_if(true)

/* The command line of this executable; a child started by winetest_start_child has argc > 1. */
static inline int winetest_main_argc(void)
{
    return wt.argc;
}

static inline char **winetest_main_argv(void)
{
    return wt.argv;
}

/*
 * Starts this executable again with the given arguments; inheritable handles are inherited.
 * Returns the process handle, to be given to winetest_wait_child, or NULL.
 */
static inline HANDLE winetest_start_child(const char *args)
{
    char path[MAX_PATH], line[MAX_PATH * 4];
    PROCESS_INFORMATION info = {0};
    STARTUPINFOA startup = {.cb = sizeof(startup)};

    GetModuleFileNameA(NULL, path, sizeof(path));
    snprintf(line, sizeof(line), "\"%s\" %s", path, args);
    if (!CreateProcessA(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &info))
        return NULL;
    CloseHandle(info.hThread);
    return info.hProcess;
}

/* Waits at most 20 s for a child and closes its handle. Returns its exit code, or -1. */
static inline int winetest_wait_child(HANDLE process)
{
    DWORD code = (DWORD)-1;

    if (!process)
        return -1;
    if (WaitForSingleObject(process, 20000) == WAIT_OBJECT_0)
        GetExitCodeProcess(process, &code);
    else
        TerminateProcess(process, 255);
    CloseHandle(process);
    return (int)code;
}

static inline int winetest_run_child(const char *args)
{
    return winetest_wait_child(winetest_start_child(args));
}

static inline void wt_write_report(void)
{
    static const char *const names[] = {"skip", "pass", "todo", "fail"};
    FILE *file;
    int i;

    if (!wt.report || !(file = fopen(wt.report, "a")))
        return;
    for (i = 0; i < wt.row_count; i++)
        fprintf(file, "%s %s.c %s\n", wt.results[i].name, wt.test, names[wt.results[i].result]);
    fclose(file);
}

/* Prints the closing line, appends the report, returns the exit status. */
static inline int wt_finish(void)
{
    printf("%04lx:%s: %ld tests executed (%ld marked as todo, %ld %s), %ld skipped.\n",
           (unsigned long)GetCurrentProcessId(), wt.test, wt.tests, wt.todos, wt.failures,
           wt.failures == 1 ? "failure" : "failures", wt.skips);
    fflush(stdout);
    wt_write_report();
    return wt.failures > 255 ? 255 : (int)wt.failures;
}

/* A hang or a crash is a failure of the rows that were being tested. */
static inline void wt_die(const char *what, unsigned long code)
{
    printf("%s: Test failed [%s]: %s %lx\n", wt.test, wt.rows, what, code);
    wt.tests++;
    wt.failures++;
    wt_record(wt.rows, WT_FAIL);
    wt_finish();
    TerminateProcess(GetCurrentProcess(), wt.failures > 255 ? 255 : (UINT)wt.failures);
}

/* For a test that is told to run long. */
static inline void winetest_extend(DWORD seconds)
{
    wt.extra_seconds = (LONG)seconds;
}

static inline DWORD WINAPI wt_watchdog(void *arg)
{
    Sleep((DWORD)(ULONG_PTR)arg * 1000);
    Sleep((DWORD)wt.extra_seconds * 1000);
    wt_die("hangs after seconds:", (unsigned long)(ULONG_PTR)arg);
    return 0;
}

static inline LONG WINAPI wt_crashed(EXCEPTION_POINTERS *info)
{
    wt_die("unhandled exception", info->ExceptionRecord->ExceptionCode);
    return EXCEPTION_EXECUTE_HANDLER;
}

static inline int wt_run(const char *name, void (*test)(void), int argc, char **argv)
{
    const char *platform = getenv("WINETEST_PLATFORM");
    const char *timeout = getenv("WINETEST_TIMEOUT");

    wt.test = name;
    wt.report = getenv("WINETEST_REPORT");
    if (argc > 2 && !strcmp(argv[1], "--report"))
    {
        wt.report = argv[2];
        argv[2] = argv[0];
        argv += 2;
        argc -= 2;
    }
    wt.argc = argc;
    wt.argv = argv;
    if (!platform)
        wt.platform = wine_version() ? WT_SHIM : WT_WINDOWS;
    else if (!strcmp(platform, "wine"))
        wt.platform = WT_WINE;
    else
        wt.platform = strcmp(platform, "shim") ? WT_WINDOWS : WT_SHIM;
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
    SetUnhandledExceptionFilter(wt_crashed);
    CloseHandle(CreateThread(NULL, 0, wt_watchdog,
                             (void *)(ULONG_PTR)(timeout ? atoi(timeout) : 60), 0, NULL));
    test();
    return wt_finish();
}

#define START_TEST(name)                                                                           \
    static void wt_test_##name(void);                                                              \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        return wt_run(#name, wt_test_##name, argc, argv);                                          \
    }                                                                                              \
    static void wt_test_##name(void)
