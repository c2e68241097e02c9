/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MAILSLOT_TRACE=1: what the layer decides, a line each, on the Unix standard error. */
#include "winemailslot/trace.h"

#include <stdarg.h>

#include "client/mailslot.h"
#include "winemailslot/unix.h"

/*
 * A graphical program has no standard error on the Windows side, so a line is made here, whole, in
 * memory of the calling thread, and handed to the Unix library, which writes it with one write(2):
 * lines of threads and processes that share a terminal or a pipe do not mix. No lock is taken and
 * no memory asked for, so a thread may be ended at any place, and any caller may hold any lock.
 *
 * Names come from the program or from the network: what is not printable ASCII is shown as \xNN,
 * and in quotes a backslash is doubled, so that the text says exactly which bytes there are.
 */

#define TRACE_LINE 1024 /* below PIPE_BUF, so that a line stays in one piece */
#define TRACE_NAME 300  /* of the text of one name; longer ones end in "..." */

struct trace_status
{
    NTSTATUS status;
    const char *text;
};

/* What the layer itself can answer; Wine's own answers are shown as numbers. */
#define TRACE_STATUS(name)                                                                         \
    {                                                                                              \
        name, #name                                                                                \
    }

static const struct trace_status trace_statuses[] = {
    TRACE_STATUS(STATUS_SUCCESS),
    TRACE_STATUS(STATUS_PENDING),
    TRACE_STATUS(STATUS_ACCESS_DENIED),
    TRACE_STATUS(STATUS_ACCESS_VIOLATION),
    TRACE_STATUS(STATUS_BAD_NETWORK_PATH),
    TRACE_STATUS(STATUS_BUFFER_TOO_SMALL),
    TRACE_STATUS(STATUS_CANCELLED),
    TRACE_STATUS(STATUS_DEVICE_NOT_CONNECTED),
    TRACE_STATUS(STATUS_FILE_FORCED_CLOSED),
    TRACE_STATUS(STATUS_INSUFFICIENT_RESOURCES),
    TRACE_STATUS(STATUS_INVALID_HANDLE),
    TRACE_STATUS(STATUS_INVALID_PARAMETER),
    TRACE_STATUS(STATUS_IO_TIMEOUT),
    TRACE_STATUS(STATUS_NO_MEMORY),
    TRACE_STATUS(STATUS_NOT_FOUND),
    TRACE_STATUS(STATUS_OBJECT_NAME_COLLISION),
    TRACE_STATUS(STATUS_OBJECT_NAME_INVALID),
    TRACE_STATUS(STATUS_OBJECT_NAME_NOT_FOUND),
    TRACE_STATUS(STATUS_OBJECT_PATH_SYNTAX_BAD),
    TRACE_STATUS(STATUS_OBJECT_TYPE_MISMATCH),
    TRACE_STATUS(STATUS_QUOTA_EXCEEDED),
    TRACE_STATUS(STATUS_REVISION_MISMATCH),
    TRACE_STATUS(STATUS_UNEXPECTED_IO_ERROR),
};

bool trace_on;

/* ntdll's; mingw's import library does not have it. */
static int(CDECL *trace_format)(char *text, SIZE_T size, const char *format, va_list arguments);

static __attribute__((format(ms_printf, 3, 4))) void trace_print(char *text, SIZE_T size,
                                                                 const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = trace_format(text, size, format, arguments);
    va_end(arguments);
    if (length < 0 || (SIZE_T)length >= size) /* cut, and perhaps without an end */
        text[size - 1] = 0;
}

static void trace_write(const char *text)
{
    char line[TRACE_LINE];
    struct unix_trace arguments = {.text = UNIX_ADDRESS(line)};
    ULONG length = 0;

    trace_print(line, sizeof(line) - 1, "mailslot-trace: %04lx:%04lx %s", (ULONG)nt_process_id(),
                nt_thread_id(), text);
    while (line[length])
        length++;
    line[length++] = '\n';
    arguments.size = length;
    unix_call(UNIX_TRACE, &arguments);
}

/* `exact`: a backslash is doubled, as in quotes. */
static void trace_escape(char *out, ULONG capacity, const char *bytes, ULONG size, bool exact)
{
    static const char digits[] = "0123456789abcdef";
    ULONG n = 0;

    for (ULONG i = 0; i < size; i++)
    {
        unsigned char c = (unsigned char)bytes[i];

        if (n + 8 > capacity) /* the longest escape, the dots and the end */
        {
            for (int k = 0; k < 3; k++)
                out[n++] = '.';
            break;
        }
        if (c < ' ' || c > '~' || (exact && c == '"'))
        {
            out[n++] = '\\';
            out[n++] = 'x';
            out[n++] = digits[c >> 4];
            out[n++] = digits[c & 15];
            continue;
        }
        if (exact && c == '\\')
            out[n++] = '\\';
        out[n++] = (char)c;
    }
    out[n] = 0;
}

static void trace_status(char *out, ULONG capacity, NTSTATUS status)
{
    for (ULONG i = 0; i < sizeof(trace_statuses) / sizeof(*trace_statuses); i++)
    {
        if (trace_statuses[i].status != status)
            continue;
        trace_print(out, capacity, status < 0 ? "%s (0x%08lx)" : "%s", trace_statuses[i].text,
                    (ULONG)status);
        return;
    }
    trace_print(out, capacity, "status 0x%08lx", (ULONG)status);
}

static ULONG trace_handle(HANDLE handle)
{
    return (ULONG)(ULONG_PTR)handle;
}

/* What the name means, as names.c says; which computers a group has is the daemon's to know. */
static void trace_meaning(char *out, ULONG capacity, const struct name *name)
{
    char slot[TRACE_NAME], host[TRACE_NAME];

    trace_escape(slot, sizeof(slot), name->name, name->name_size, true);
    trace_escape(host, sizeof(host), name->host, name->host_size, true);
    if (name->kind == NAME_LOCAL)
        trace_print(out, capacity, "local slot \"%s\"", slot);
    else if (name->kind == NAME_REMOTE && name->host_size == 1 && name->host[0] == '*')
        trace_print(out, capacity, "slot \"%s\" of the own workgroup", slot);
    else if (name->kind == NAME_REMOTE)
        trace_print(out, capacity, "slot \"%s\" of computer or group \"%s\"", slot, host);
    else
        trace_print(out, capacity, name->kind == NAME_DEVICE ? "the mailslot device" : "no slot");
}

void trace_write_name(const char *verb, const struct name *name, NTSTATUS status, HANDLE handle)
{
    char text[TRACE_LINE], path[TRACE_NAME] = "", meaning[2 * TRACE_NAME + 50] = "no usable name",
                           result[80], host[TRACE_NAME] = ".";

    if (name)
        trace_meaning(meaning, sizeof(meaning), name);
    if (name && (name->kind == NAME_LOCAL || name->kind == NAME_REMOTE))
    {
        char slot[TRACE_NAME / 2];

        if (name->kind == NAME_REMOTE)
            trace_escape(host, sizeof(host) / 2, name->host, name->host_size, false);
        trace_escape(slot, sizeof(slot), name->name, name->name_size, false);
        trace_print(path, sizeof(path), " \\\\%s\\mailslot\\%s", host, slot);
    }
    trace_status(result, sizeof(result), status);
    if (status == STATUS_SUCCESS)
        trace_print(text, sizeof(text), "%s%s -> %s, handle 0x%lx", verb, path, meaning,
                    trace_handle(handle));
    else
        trace_print(text, sizeof(text), "%s%s -> %s: %s", verb, path, meaning, result);
    trace_write(text);
}

/* Whether "mailslot" is in the name, in letters of any size. */
static bool trace_may_be_meant(const WCHAR *units, ULONG count)
{
    static const char word[] = "mailslot";
    ULONG n = 0;

    for (ULONG i = 0; i < count && word[n]; i++)
    {
        WCHAR unit = units[i] >= 'A' && units[i] <= 'Z' ? units[i] + 'a' - 'A' : units[i];

        n = unit == word[n] ? n + 1 : unit == word[0];
    }
    return !word[n];
}

/* Of the many names that a program opens, only those that somebody may take for a slot's. */
void trace_write_other(const OBJECT_ATTRIBUTES *attributes)
{
    char text[TRACE_LINE], bytes[TRACE_NAME], name[TRACE_NAME];
    const UNICODE_STRING *object = attributes ? attributes->ObjectName : NULL;
    ULONG count = object && object->Buffer ? object->Length / sizeof(WCHAR) : 0, size = 0;

    if (!trace_may_be_meant(object ? object->Buffer : NULL, count))
        return;
    /* A unit becomes at most three bytes; what is cut here is cut again, with dots, below. */
    for (ULONG i = 0; i < count && size + 4 < sizeof(bytes); i++)
    {
        WCHAR unit = object->Buffer[i];

        if (unit >= 0x800)
            bytes[size++] = (char)(0xe0 | unit >> 12);
        if (unit >= 0x80)
            bytes[size++] = (char)((unit >= 0x800 ? 0x80 : 0xc0) | (unit >> 6 & 0x3f));
        bytes[size++] = (char)(unit >= 0x80 ? 0x80 | (unit & 0x3f) : unit);
    }
    trace_escape(name, sizeof(name), bytes, size, false);
    trace_print(text, sizeof(text), "open %s -> no slot: Wine's", name);
    trace_write(text);
}

void trace_write_cancel(HANDLE handle, NTSTATUS status)
{
    char text[TRACE_LINE], result[80];

    trace_status(result, sizeof(result), status);
    trace_print(text, sizeof(text), "cancel reads of handle 0x%lx -> %s", trace_handle(handle),
                result);
    trace_write(text);
}

void trace_write_adopt(HANDLE handle, const struct file *file, NTSTATUS status, int result)
{
    static const char *const kinds[] = {"reader", "reader", "writer", "remote writer", "device"};
    char text[TRACE_LINE], name[TRACE_NAME], bytes[TRACE_NAME], why[80];
    struct unix_identify identify = {.name = UNIX_ADDRESS(bytes), .capacity = sizeof(bytes)};

    if (file && file->slot)
    {
        identify.slot = file->slot;
        unix_call(UNIX_IDENTIFY, &identify);
        trace_escape(name, sizeof(name), bytes,
                     identify.name_size < sizeof(bytes) ? identify.name_size : sizeof(bytes), true);
        trace_print(text, sizeof(text), "look at handle 0x%lx -> adopted: %s of slot \"%s\"",
                    trace_handle(handle), kinds[file->kind], name);
    }
    else if (file)
        trace_print(text, sizeof(text),
                    "look at handle 0x%lx -> adopted: writer of a slot that is gone",
                    trace_handle(handle));
    else if (status)
    {
        trace_status(why, sizeof(why), status);
        trace_print(text, sizeof(text), "look at handle 0x%lx -> not adopted: %s",
                    trace_handle(handle), why);
    }
    else if (result == MAILSLOT_NOT_LEASE || result == MAILSLOT_OK)
        trace_print(text, sizeof(text), "look at handle 0x%lx -> not adopted: no mailslot",
                    trace_handle(handle));
    else
        trace_print(text, sizeof(text), "look at handle 0x%lx -> not adopted: result %d",
                    trace_handle(handle), result);
    trace_write(text);
}

void trace_write_io(const char *verb, HANDLE handle, ULONG size, NTSTATUS status, ULONG bytes,
                    const IO_STATUS_BLOCK *io)
{
    char text[TRACE_LINE], result[80], more[80] = "";

    trace_status(result, sizeof(result), status);
    if (status == STATUS_PENDING)
        trace_print(more, sizeof(more), ", io 0x%p", (const void *)io);
    else if (status == STATUS_SUCCESS)
        trace_print(more, sizeof(more), ", %lu bytes", bytes);
    trace_print(text, sizeof(text), "%s handle 0x%lx, size %lu -> %s%s", verb, trace_handle(handle),
                size, result, more);
    trace_write(text);
}

void trace_write_pended(NTSTATUS status, ULONG_PTR bytes, const IO_STATUS_BLOCK *io)
{
    char text[TRACE_LINE], result[80];

    trace_status(result, sizeof(result), status);
    trace_print(text, sizeof(text), "pended read, io 0x%p -> %s, %lu bytes", (const void *)io,
                result, (ULONG)bytes);
    trace_write(text);
}

void trace_write_close(HANDLE handle, const struct file *file)
{
    char text[TRACE_LINE];

    trace_print(text, sizeof(text), "close handle 0x%lx%s", trace_handle(handle),
                file->handles == 1 ? ", the last one here" : "");
    trace_write(text);
}

void trace_write_duplicate(HANDLE source, HANDLE handle)
{
    char text[TRACE_LINE];

    trace_print(text, sizeof(text), "duplicate handle 0x%lx -> handle 0x%lx", trace_handle(source),
                trace_handle(handle));
    trace_write(text);
}

void trace_write_give_up(const char *reason)
{
    char text[TRACE_LINE], why[TRACE_NAME];
    ULONG length = 0;

    while (reason[length])
        length++;
    trace_escape(why, sizeof(why), reason, length, false);
    trace_print(text, sizeof(text), "given up -> Wine's own mailslots from now on: %s", why);
    trace_write(text);
}

/* The Windows environment, so that `set MAILSLOT_TRACE=1` in a batch file works, too. */
void trace_start(HMODULE ntdll)
{
    UNICODE_STRING name, value;
    WCHAR text[16] = {0};
    ANSI_STRING symbol;
    void *found;

    RtlInitUnicodeString(&name, L"MAILSLOT_TRACE");
    value.Buffer = text;
    value.Length = 0;
    value.MaximumLength = sizeof(text);
    if (RtlQueryEnvironmentVariable_U(NULL, &name, &value) || !value.Length ||
        (value.Length == sizeof(WCHAR) && text[0] == '0'))
        return;
    RtlInitAnsiString(&symbol, "_vsnprintf");
    if (LdrGetProcedureAddress(ntdll, &symbol, 0, &found))
        return;
    trace_format = found;
    if (!layer_ready())
        return;
    trace_on = true;
    trace_write("attached: mailslots of this process are wine-mailslot's");
}
