/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* winemailslot.so: the entry table that Wine looks up, over the client library. */
#include "unixlib/unixcalls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/mailslot.h"

/*
 * Everything here runs on the threads of a Windows program. A fault in memory that it names makes
 * Wine end the call with STATUS_ACCESS_VIOLATION, wherever that was. Most are found by touching the
 * memory before anything is done. One that comes later, as another thread frees the memory, meets
 * the library while it copies and holds no lock; the other side then calls UNIX_ABANDON.
 */

typedef int32_t (*unix_entry)(void *);

#define AT(type, address) ((type *)(uintptr_t)(address))
#define SLOT(address)     AT(struct mailslot, address)

/* How much of a reader's buffer is touched before the size of the message is known. */
#define UNIXLIB_PROBE_FIRST 65536u

static pthread_mutex_t unixlib_lock = PTHREAD_MUTEX_INITIALIZER;
static struct mailslot_client *unixlib_client;
static int unixlib_epoll = -1, unixlib_wake = -1;

static uintptr_t unixlib_page_of(uintptr_t address)
{
    return address & ~(uintptr_t)4095;
}

/* Reads (and with `write` rewrites) one byte of each page. */
static void unixlib_probe(uint64_t address, uint32_t size, int write)
{
    uintptr_t at = address, end = at + size;

    if (end < at) /* beyond the end of memory: there is a fault on the way */
        end = UINTPTR_MAX;
    while (at < end)
    {
        volatile uint8_t *byte = (volatile uint8_t *)at;
        uint8_t value = *byte;

        /* An exchange with itself: another thread's value is never overwritten. */
        if (write)
            __atomic_compare_exchange_n((uint8_t *)at, &value, value, 0, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED);
        at = unixlib_page_of(at) + 4096;
    }
}

/*
 * Wine lays the program's own arguments over those of its loader, where the C library still looks
 * for the name of the program. The first one is the program as it was named, by a path of either
 * kind.
 */
static const char *unixlib_program(char *buffer, size_t capacity)
{
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, buffer, capacity) : -1;
    const char *name = buffer;

    if (fd >= 0)
        close(fd);
    /* Not the whole of it, or nothing: the library's guess would be a piece of an argument. */
    if (size <= 0 || !memchr(buffer, 0, (size_t)size))
        return "a Windows program";
    for (const char *p = buffer; *p; p++)
        if (*p == '/' || *p == '\\')
            name = p + 1;
    return *name ? name : "a Windows program";
}

static int unixlib_get_client(struct mailslot_client **ret)
{
    int r = 0;

    *ret = __atomic_load_n(&unixlib_client, __ATOMIC_ACQUIRE);
    if (*ret)
        return 0;
    pthread_mutex_lock(&unixlib_lock);
    if (!unixlib_client)
    {
        char path[4096];
        const struct mailslot_client_options options = {
            .program = unixlib_program(path, sizeof(path)),
        };
        struct mailslot_client *client;

        r = mailslot_client_new(&client, &options);
        if (r == 0)
            __atomic_store_n(&unixlib_client, client, __ATOMIC_RELEASE);
    }
    *ret = unixlib_client;
    pthread_mutex_unlock(&unixlib_lock);
    return r;
}

static int32_t unix_attach(void *arguments)
{
    struct unix_attach *a = arguments;

    a->result = a->version == UNIXCALLS_VERSION ? 0 : MAILSLOT_VERSION;
    mailslot_defer_signal(SIGUSR1); /* SuspendThread */
    return 0;
}

static void unixlib_identify(struct mailslot *slot, uint64_t *ret_lease_id, uint64_t *ret_created)
{
    struct mailslot_identity identity;

    mailslot_identify(slot, &identity);
    *ret_lease_id = identity.lease_id;
    *ret_created = identity.created;
}

static int32_t unixlib_open(struct unix_open *a, enum unix_call call)
{
    struct mailslot_client *client;
    const char *host = AT(const char, a->host), *name = AT(const char, a->name);
    struct mailslot *slot;
    int lease;

    a->result = unixlib_get_client(&client);
    if (a->result)
        return 0;
    unixlib_probe(a->host, a->host_size, 0);
    unixlib_probe(a->name, a->name_size, 0);
    if (call == UNIX_CREATE)
        a->result = mailslot_create(client, name, a->name_size, a->max_message, a->read_timeout,
                                    &slot, &lease);
    else if (call == UNIX_OPEN)
        a->result = mailslot_open(client, name, a->name_size, &slot, &lease);
    else
        a->result =
            mailslot_open_remote(client, host, a->host_size, name, a->name_size, &slot, &lease);
    if (a->result)
        return 0;
    a->slot = (uintptr_t)slot;
    a->lease = lease;
    unixlib_identify(slot, &a->lease_id, &a->created);
    return 0;
}

static int32_t unix_create(void *arguments)
{
    return unixlib_open(arguments, UNIX_CREATE);
}

static int32_t unix_open(void *arguments)
{
    return unixlib_open(arguments, UNIX_OPEN);
}

static int32_t unix_remote(void *arguments)
{
    return unixlib_open(arguments, UNIX_REMOTE);
}

static int32_t unix_adopt(void *arguments)
{
    struct unix_adopt *a = arguments;
    struct mailslot_identity identity;
    struct mailslot_client *client;
    struct mailslot *slot;

    /* Wine's dup() lacks it: a process started just now would keep the lease. */
    (void)fcntl(a->fd, F_SETFD, FD_CLOEXEC);
    a->result = unixlib_get_client(&client);
    if (a->result == 0)
        a->result = mailslot_adopt(client, a->fd, &slot);
    if (a->result)
        return 0;
    mailslot_identify(slot, &identity);
    a->slot = (uintptr_t)slot;
    a->lease_id = identity.lease_id;
    a->created = identity.created;
    a->kind = identity.kind;
    a->name_size = strlen(identity.name);
    return 0;
}

static int32_t unix_identify(void *arguments)
{
    struct unix_identify *a = arguments;
    struct mailslot_identity identity;

    mailslot_identify(SLOT(a->slot), &identity);
    a->name_size = strlen(identity.name);
    memcpy(AT(char, a->name), identity.name,
           a->name_size < a->capacity ? a->name_size : a->capacity);
    return 0;
}

static int32_t unix_close_fd(void *arguments)
{
    close(((struct unix_fd *)arguments)->fd);
    return 0;
}

static int32_t unix_free(void *arguments)
{
    mailslot_free(SLOT(((struct unix_slot *)arguments)->slot));
    return 0;
}

static int32_t unix_check(void *arguments)
{
    struct unix_check *a = arguments;

    a->result = unixlib_client ? mailslot_check(unixlib_client, a->lease_id) : 0;
    return 0;
}

static int unixlib_read_once(struct unix_io *a, uint32_t capacity)
{
    struct mailslot *slot = SLOT(a->slot);
    void *buffer = AT(void, a->buffer);

    if (a->flags & UNIX_READ_WAIT)
        return mailslot_read_wait(slot, buffer, capacity, a->timeout,
                                  AT(struct mailslot_cancel, a->cancel), &a->done);
    if (a->flags & UNIX_READ_ARM)
        return mailslot_read_or_arm(slot, buffer, capacity, &a->done);
    return mailslot_read(slot, buffer, capacity, &a->done);
}

static int32_t unix_read(void *arguments)
{
    struct unix_io *a = arguments;
    uint32_t capacity = a->size < UNIXLIB_PROBE_FIRST ? a->size : UNIXLIB_PROBE_FIRST;

    a->done = 0;
    unixlib_probe(a->status_block, a->status_size, 1);
    for (;;)
    {
        unixlib_probe(a->buffer, capacity, 1);
        a->result = unixlib_read_once(a, capacity);
        if (a->result != MAILSLOT_BUFFER_TOO_SMALL || a->done <= capacity || a->done > a->size)
            return 0;
        capacity = a->done;
    }
}

static int32_t unix_write(void *arguments)
{
    struct unix_io *a = arguments;

    unixlib_probe(a->status_block, a->status_size, 1);
    unixlib_probe(a->buffer, a->size, 0);
    a->result = mailslot_write(SLOT(a->slot), AT(const void, a->buffer), a->size);
    return 0;
}

static int32_t unix_peek(void *arguments)
{
    struct unix_io *a = arguments;

    unixlib_probe(a->buffer, a->size, 1);
    a->result = mailslot_peek(SLOT(a->slot), AT(void, a->buffer), a->size, &a->done);
    return 0;
}

static int32_t unix_info(void *arguments)
{
    struct unix_info *a = arguments;
    struct mailslot_info info;

    a->result = mailslot_info(SLOT(a->slot), &info);
    if (a->result)
        return 0;
    a->max_message = info.max_message;
    a->read_timeout = info.read_timeout;
    a->next_size = info.next_size;
    a->count = info.count;
    return 0;
}

static int32_t unix_set_timeout(void *arguments)
{
    struct unix_set_timeout *a = arguments;

    a->result = mailslot_set_read_timeout(SLOT(a->slot), a->read_timeout);
    return 0;
}

static int32_t unix_security(void *arguments)
{
    struct unix_io *a = arguments;

    unixlib_probe(a->buffer, a->size, 1);
    a->result = mailslot_security(SLOT(a->slot), AT(void, a->buffer), a->size, &a->done);
    return 0;
}

static int32_t unix_set_security(void *arguments)
{
    struct unix_io *a = arguments;

    unixlib_probe(a->buffer, a->size, 0);
    a->result = mailslot_set_security(SLOT(a->slot), AT(const void, a->buffer), a->size);
    return 0;
}

static int32_t unix_cancel_new(void *arguments)
{
    struct unix_cancel *a = arguments;
    struct mailslot_cancel *cancel;

    a->result = mailslot_cancel_new(&cancel);
    if (a->result == 0)
        a->cancel = (uintptr_t)cancel;
    return 0;
}

static int32_t unix_cancel(void *arguments)
{
    mailslot_cancel_now(AT(struct mailslot_cancel, ((struct unix_cancel *)arguments)->cancel));
    return 0;
}

static int32_t unix_cancel_reset(void *arguments)
{
    mailslot_cancel_reset(AT(struct mailslot_cancel, ((struct unix_cancel *)arguments)->cancel));
    return 0;
}

/* --- the waiting thread ---------------------------------------------------------------------- */

static int unixlib_open_epoll(void)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0};
    int r = 0;

    if (__atomic_load_n(&unixlib_wake, __ATOMIC_ACQUIRE) >= 0)
        return 0;
    pthread_mutex_lock(&unixlib_lock);
    if (unixlib_wake < 0)
    {
        int epoll = epoll_create1(EPOLL_CLOEXEC), wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

        if (epoll < 0 || wake < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event) < 0)
        {
            r = -errno;
            if (epoll >= 0)
                close(epoll);
            if (wake >= 0)
                close(wake);
        }
        else
        {
            unixlib_epoll = epoll;
            __atomic_store_n(&unixlib_wake, wake, __ATOMIC_RELEASE);
        }
    }
    pthread_mutex_unlock(&unixlib_lock);
    return r;
}

static int32_t unix_watch(void *arguments)
{
    struct unix_watch *a = arguments;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = a->token};

    a->result = unixlib_open_epoll();
    if (a->result == 0 &&
        epoll_ctl(unixlib_epoll, EPOLL_CTL_ADD, mailslot_fd(SLOT(a->slot)), &event) < 0 &&
        errno != EEXIST)
        a->result = -errno;
    return 0;
}

static int32_t unix_unwatch(void *arguments)
{
    struct unix_watch *a = arguments;

    epoll_ctl(unixlib_epoll, EPOLL_CTL_DEL, mailslot_fd(SLOT(a->slot)), NULL);
    a->result = 0;
    return 0;
}

static int32_t unix_wait(void *arguments)
{
    struct unix_wait *a = arguments;
    struct epoll_event events[UNIX_WAIT_TOKENS];
    int timeout = a->timeout > INT32_MAX ? -1 : (int)a->timeout;
    int n = unixlib_open_epoll();

    a->count = 0;
    if (n < 0)
        return 0;
    n = epoll_wait(unixlib_epoll, events, UNIX_WAIT_TOKENS, timeout);
    for (int i = 0; i < n; i++)
    {
        eventfd_t value;

        if (events[i].data.u64)
            a->tokens[a->count++] = events[i].data.u64;
        else
            (void)eventfd_read(unixlib_wake, &value);
    }
    return 0;
}

static int32_t unix_wake(void *arguments)
{
    (void)arguments;
    if (unixlib_open_epoll() == 0)
        (void)eventfd_write(unixlib_wake, 1);
    return 0;
}

static int32_t unix_reason(void *arguments)
{
    struct unix_reason *a = arguments;
    const char *text = mailslot_strerror(a->result);

    if ((a->result == MAILSLOT_NO_DAEMON || a->result == MAILSLOT_VERSION) && unixlib_client)
        text = mailslot_client_reason(unixlib_client);
    snprintf(AT(char, a->text), a->capacity, "%s", text);
    return 0;
}

static int32_t unix_probe(void *arguments)
{
    struct unix_probe *a = arguments;

    unixlib_probe(a->first, a->first_size, 1);
    unixlib_probe(a->second, a->second_size, !a->second_is_input);
    return 0;
}

/* Whether it can be written is of no consequence to the program that is traced. */
static int32_t unix_trace(void *arguments)
{
    struct unix_trace *a = arguments;
    ssize_t n;

    do
        n = write(STDERR_FILENO, AT(const void, a->text), a->size);
    while (n < 0 && errno == EINTR);
    return 0;
}

static int32_t unix_inode(void *arguments)
{
    struct unix_inode *a = arguments;
    struct stat st;

    a->inode = fstat(a->fd, &st) ? 0 : st.st_ino;
    return 0;
}

/* The last call of this thread has ended in a fault. */
static int32_t unix_abandon(void *arguments)
{
    (void)arguments;
    mailslot_abandon();
    return 0;
}

#define UNIXLIB_TABLE                                                                              \
    {                                                                                              \
        [UNIX_ATTACH] = unix_attach, [UNIX_CREATE] = unix_create, [UNIX_OPEN] = unix_open,         \
        [UNIX_REMOTE] = unix_remote, [UNIX_ADOPT] = unix_adopt, [UNIX_IDENTIFY] = unix_identify,   \
        [UNIX_CLOSE_FD] = unix_close_fd, [UNIX_FREE] = unix_free, [UNIX_CHECK] = unix_check,       \
        [UNIX_READ] = unix_read, [UNIX_WRITE] = unix_write, [UNIX_PEEK] = unix_peek,               \
        [UNIX_INFO] = unix_info, [UNIX_SET_TIMEOUT] = unix_set_timeout,                            \
        [UNIX_SECURITY] = unix_security, [UNIX_SET_SECURITY] = unix_set_security,                  \
        [UNIX_CANCEL_NEW] = unix_cancel_new, [UNIX_CANCEL] = unix_cancel,                          \
        [UNIX_CANCEL_RESET] = unix_cancel_reset, [UNIX_WATCH] = unix_watch,                        \
        [UNIX_UNWATCH] = unix_unwatch, [UNIX_WAIT] = unix_wait, [UNIX_WAKE] = unix_wake,           \
        [UNIX_REASON] = unix_reason, [UNIX_PROBE] = unix_probe, [UNIX_TRACE] = unix_trace,         \
        [UNIX_INODE] = unix_inode, [UNIX_ABANDON] = unix_abandon,                                  \
    }

#define UNIXLIB_EXPORT __attribute__((visibility("default")))

/* The names are Wine's; the second table serves 32-bit programs on new WoW64. */
UNIXLIB_EXPORT extern const unix_entry __wine_unix_call_funcs[];
UNIXLIB_EXPORT extern const unix_entry __wine_unix_call_wow64_funcs[];

const unix_entry __wine_unix_call_funcs[] = UNIXLIB_TABLE;
const unix_entry __wine_unix_call_wow64_funcs[] = UNIXLIB_TABLE;

_Static_assert(sizeof(__wine_unix_call_funcs) / sizeof(unix_entry) == UNIX_CALLS, "every call");
