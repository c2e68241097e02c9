/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libmailslot: mailslots for native Linux programs and for the Wine side. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C"
{
#endif

    /*
     * Functions return 0, a negative errno (the operation failed for a reason outside mailslots),
     * or one of these. Unless said otherwise every function may be called from any thread. Names
     * are UTF-8 without the \\.\mailslot\ in front, '\' between components, any letter case.
     */
    enum mailslot_result
    {
        MAILSLOT_OK = 0,
        MAILSLOT_EMPTY,            /* no message */
        MAILSLOT_FULL,             /* the slot's quota is used up; the message was not queued */
        MAILSLOT_TOO_LARGE,        /* larger than the slot's maximum or than a datagram may be */
        MAILSLOT_CLOSED,           /* the slot's last server handle is gone (rows L2, P8) */
        MAILSLOT_BUFFER_TOO_SMALL, /* the message stays queued (row R2) */
        MAILSLOT_EXISTS,           /* the name is taken (row C5) */
        MAILSLOT_NOT_FOUND,        /* no slot of this name (row O2) */
        MAILSLOT_BAD_NAME,
        MAILSLOT_LIMIT,      /* this process has as many slots or handles as it may have */
        MAILSLOT_UNRESOLVED, /* nobody answers to that computer or domain name (row Q3) */
        MAILSLOT_NOT_LEASE,  /* that descriptor is no mailslot */
        MAILSLOT_DENIED,     /* wrong end of the slot (rows X1, X3), or policy */
        MAILSLOT_NO_DAEMON,  /* mailslotd neither runs nor can be started */
        MAILSLOT_VERSION,    /* mailslotd is of another version */
        MAILSLOT_TIMEOUT,
        MAILSLOT_CANCELLED,
        MAILSLOT_BUSY, /* a program that has been stopped while it changes the slot */
        MAILSLOT_RESULTS
    };

    /* A plain sentence for a result or negative errno, for messages to people. Static string. */
    const char *mailslot_strerror(int result);

    enum mailslot_kind
    {
        MAILSLOT_SERVER = 1, /* made by mailslot_create: reads */
        MAILSLOT_WRITER = 2, /* opened by local name: writes */
        MAILSLOT_REMOTE = 3, /* opened by network name: writes */
    };

#define MAILSLOT_FOREVER UINT32_MAX
#define MAILSLOT_NONE    UINT32_MAX

#define MAILSLOT_API __attribute__((warn_unused_result))

    /* --- connection ------------------------------------------------------------------------------
     */

    struct mailslot_client; /* one per process; connects (and starts mailslotd) at first need */

    struct mailslot_client_options
    {
        const char *program; /* shown in `mailslotctl status`; NULL: the process's name */
        const char *daemon;  /* mailslotd's path; NULL: $MAILSLOTD, then the installed one */
        bool no_autostart;
    };

    /* Copies what it needs of options (NULL: all defaults). Does not connect yet. */
    MAILSLOT_API int mailslot_client_new(struct mailslot_client **ret,
                                         const struct mailslot_client_options *options);

    /* All its mailslots must have been freed. NULL is fine; returns NULL. */
    struct mailslot_client *mailslot_client_free(struct mailslot_client *client);

    /* Connects now. MAILSLOT_NO_DAEMON, MAILSLOT_VERSION. */
    MAILSLOT_API int mailslot_client_connect(struct mailslot_client *client);

    /* Why the last MAILSLOT_NO_DAEMON came, in plain words with the fix. Valid until the next call.
     */
    const char *mailslot_client_reason(struct mailslot_client *client);

    /* --- handles ---------------------------------------------------------------------------------
     */

    struct mailslot; /* one end of a slot */

    /*
     * Makes slot `name` and returns its server end. max_message: bytes, 0 = any (C7). read_timeout:
     * ms. *ret_lease is a descriptor that the caller owns: the slot lives until its last copy is
     * closed in every process (L1). Whoever holds a copy can mailslot_adopt() it. Pass NULL to
     * leave the lease with the mailslot, which then closes it in mailslot_free().
     */
    MAILSLOT_API int mailslot_create(struct mailslot_client *client, const char *name,
                                     size_t name_size, uint32_t max_message, uint32_t read_timeout,
                                     struct mailslot **ret, int *ret_lease);

    /*
     * Opens the local slot `name` for writing (O1). Lease as above. DENIED: another user's, and its
     * security does not let everybody write (S1). What is written to another user's slot goes
     * through mailslotd: at most MAILSLOT_FOREIGN_MAX bytes, larger ones are TOO_LARGE.
     */
#define MAILSLOT_FOREIGN_MAX 179968u
    MAILSLOT_API int mailslot_open(struct mailslot_client *client, const char *name,
                                   size_t name_size, struct mailslot **ret, int *ret_lease);

    /* Opens \\host\mailslot\name; host "*" is the own workgroup. Always succeeds (Q1). */
    MAILSLOT_API int mailslot_open_remote(struct mailslot_client *client, const char *host,
                                          size_t host_size, const char *name, size_t name_size,
                                          struct mailslot **ret, int *ret_lease);

    /* The mailslot behind a lease got from elsewhere; `lease` stays the caller's. NOT_LEASE. */
    MAILSLOT_API int mailslot_adopt(struct mailslot_client *client, int lease,
                                    struct mailslot **ret);

    /* Forgets this end. No other thread may be using it. NULL is fine; returns NULL. */
    struct mailslot *mailslot_free(struct mailslot *slot);

    /*
     * To be called after closing a lease outside of this library: makes mailslotd look at once, so
     * that a slot whose last handle is gone has disappeared when this returns (L1, L3, L4). 0: at
     * the leases of all programs, after one of them has ended.
     */
    MAILSLOT_API int mailslot_check(struct mailslot_client *client, uint64_t lease_id);

    struct mailslot_identity
    {
        enum mailslot_kind kind;
        uint64_t lease_id;
        uint64_t created; /* 100 ns since 1601-01-01 UTC */
        const char *host; /* UTF-8, "" for local ones; both belong to the mailslot */
        const char *name;
    };

    void mailslot_identify(const struct mailslot *slot, struct mailslot_identity *ret);

    /* --- messages --------------------------------------------------------------------------------
     */

    /*
     * Queues one message (a writer), or sends it (remote). Never waits for a reader (P1).
     * FULL, TOO_LARGE, CLOSED, UNRESOLVED, DENIED on a server end.
     */
    MAILSLOT_API int mailslot_write(struct mailslot *slot, const void *data, uint32_t size);

    /* Takes the next message without waiting. EMPTY, BUFFER_TOO_SMALL (*ret_size says how much). */
    MAILSLOT_API int mailslot_read(struct mailslot *slot, void *buffer, uint32_t capacity,
                                   uint32_t *ret_size);

    /* Like mailslot_read; after EMPTY, mailslot_fd() becomes readable with the next event. */
    MAILSLOT_API int mailslot_read_or_arm(struct mailslot *slot, void *buffer, uint32_t capacity,
                                          uint32_t *ret_size);

    /* The descriptor to poll for POLLIN. Stays the library's; do not read it. */
    int mailslot_fd(const struct mailslot *slot);

    struct mailslot_cancel; /* lets another thread end one blocked read */

    /*
     * Takes the next message, sleeping up to timeout ms for it. TIMEOUT, CLOSED, CANCELLED,
     * BUFFER_TOO_SMALL. cancel may be NULL.
     */
    MAILSLOT_API int mailslot_read_wait(struct mailslot *slot, void *buffer, uint32_t capacity,
                                        uint32_t timeout, struct mailslot_cancel *cancel,
                                        uint32_t *ret_size);

    MAILSLOT_API int mailslot_cancel_new(struct mailslot_cancel **ret);
    struct mailslot_cancel *mailslot_cancel_free(struct mailslot_cancel *cancel);
    void mailslot_cancel_now(struct mailslot_cancel *cancel);   /* also before the read sleeps */
    void mailslot_cancel_reset(struct mailslot_cancel *cancel); /* for the next read */

    /* Copies the start of the next message without taking it. EMPTY. *ret_size: its whole size. */
    MAILSLOT_API int mailslot_peek(struct mailslot *slot, void *buffer, uint32_t capacity,
                                   uint32_t *ret_size);

    /*
     * For who goes on after a fault in a buffer that was given to one of these (a signal handler
     * that jumps out): the message is not written, or not taken. In the same thread.
     */
    void mailslot_abandon(void);

    /*
     * For programs in which a signal's handler keeps a thread for long, as Wine suspends threads by
     * SIGUSR1: puts it off while the thread is in the few instructions during which others wait for
     * it. The handler (with SA_SIGINFO) must be there already.
     */
    void mailslot_defer_signal(int number);

    struct mailslot_info
    {
        uint32_t max_message;  /* as given to mailslot_create */
        uint32_t read_timeout; /* ms */
        uint32_t next_size;    /* MAILSLOT_NONE when empty */
        uint32_t count;        /* messages queued */
    };

    /* Server or writer end (I1-I3, I6). DENIED on a remote one and on another user's. */
    MAILSLOT_API int mailslot_info(struct mailslot *slot, struct mailslot_info *ret);

    /* For reads that start from now on, through any handle (I10, I11). */
    MAILSLOT_API int mailslot_set_read_timeout(struct mailslot *slot, uint32_t ms);

    /*
     * The slot's security descriptor, opaque here: set by its maker, the same for all who have the
     * slot open. *ret_size 0: none was set. TOO_LARGE beyond MAILSLOT_SECURITY_MAX bytes.
     */
#define MAILSLOT_SECURITY_MAX 65532
    MAILSLOT_API int mailslot_set_security(struct mailslot *slot, const void *data, uint32_t size);
    MAILSLOT_API int mailslot_security(struct mailslot *slot, void *buffer, uint32_t capacity,
                                       uint32_t *ret_size);

    /* --- without a handle ------------------------------------------------------------------------
     */

    /* One message to \\host\mailslot\name. host "." is this machine only. As mailslot_write. */
    MAILSLOT_API int mailslot_send(struct mailslot_client *client, const char *host,
                                   size_t host_size, const char *name, size_t name_size,
                                   const void *data, uint32_t size);

    /* mailslotd's status as JSON text (docs/json.md); the caller frees *ret. */
    MAILSLOT_API int mailslot_status(struct mailslot_client *client, char **ret);

    /*
     * Makes mailslotd read its configuration again. *ret_text is what it says about it, lines of
     * UTF-8 that the caller frees; also for -EINVAL: the configuration is wrong, and nothing has
     * changed. DENIED: not this user's daemon.
     */
    MAILSLOT_API int mailslot_reload(struct mailslot_client *client, char **ret_text);

    /* --- watching --------------------------------------------------------------------------------
     */

    enum mailslot_direction
    {
        MAILSLOT_DIRECTION_NONE,  /* no message: only says how many were lost */
        MAILSLOT_DIRECTION_IN,    /* from the network */
        MAILSLOT_DIRECTION_OUT,   /* to the network */
        MAILSLOT_DIRECTION_LOCAL, /* on this machine, through mailslotd */
    };

    /*
     * One message that passed mailslotd. Those that local programs write to each other's slots go
     * through shared memory and are not among them. Names and payload come from strangers: they may
     * hold anything, and names longer than 255 bytes are cut.
     */
    struct mailslot_record
    {
        uint64_t time; /* us since 1970 */
        uint64_t lost; /* how many were not told before this one, as nobody read in time */
        enum mailslot_direction direction;
        int result;         /* what became of it: enum mailslot_result or a negative errno */
        uint32_t address;   /* IPv4 of the sender, network byte order; 0: this machine */
        const char *source; /* the sender's NetBIOS name, or its program */
        const char *target; /* ".", "*", a computer or a domain */
        const char *slot;
        uint32_t size;         /* bytes of the message */
        const void *payload;   /* the first of them */
        uint32_t payload_size; /* at most 512 */
    };

    struct mailslot_monitor; /* for one thread at a time */

    /*
     * Watches the messages that pass mailslotd from now on: those of the own user's slots and
     * programs; root and the user of mailslotd see all. LIMIT: too many watch already.
     */
    MAILSLOT_API int mailslot_monitor_new(struct mailslot_client *client,
                                          struct mailslot_monitor **ret);
    struct mailslot_monitor *mailslot_monitor_free(struct mailslot_monitor *monitor);

    /* The descriptor to poll for POLLIN. Stays the library's. */
    int mailslot_monitor_fd(const struct mailslot_monitor *monitor);

    /*
     * The next record, after up to timeout ms. *ret belongs to the monitor and lasts until the next
     * call. TIMEOUT; CLOSED: mailslotd has ended.
     */
    MAILSLOT_API int mailslot_monitor_next(struct mailslot_monitor *monitor, uint32_t timeout,
                                           const struct mailslot_record **ret);

#ifdef __cplusplus
}
#endif
