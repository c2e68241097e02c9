/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls from winemailslot.dll into winemailslot.so: the one header of both sides. */
#pragma once

#include <stdint.h>

/*
 * The structs hold no pointers and are packed: a 32-bit program calls the same 64-bit library
 * (new WoW64) or a 32-bit one (classic) without any conversion. Addresses are 64 bits wide. They
 * are append-only; a change of what is there raises the version, which both sides compare at
 * attach.
 *
 * `result` is enum mailslot_result or a negative errno. A call itself returns 0, or the NTSTATUS
 * with which Wine ends a call that touched memory that is not there.
 */
#define UNIXCALLS_VERSION 4

enum unix_call
{
    UNIX_ATTACH,
    UNIX_CREATE,
    UNIX_OPEN,
    UNIX_REMOTE,
    UNIX_ADOPT,
    UNIX_IDENTIFY,
    UNIX_CLOSE_FD,
    UNIX_FREE,
    UNIX_CHECK,
    UNIX_READ,
    UNIX_WRITE,
    UNIX_PEEK,
    UNIX_INFO,
    UNIX_SET_TIMEOUT,
    UNIX_SECURITY,
    UNIX_SET_SECURITY,
    UNIX_CANCEL_NEW,
    UNIX_CANCEL,
    UNIX_CANCEL_RESET,
    UNIX_WATCH,
    UNIX_UNWATCH,
    UNIX_WAIT,
    UNIX_WAKE,
    UNIX_REASON,
    UNIX_PROBE,
    UNIX_TRACE,
    UNIX_INODE,
    UNIX_ABANDON, /* no arguments: the call before it ended in a fault */
    UNIX_CALLS
};

#pragma pack(push, 1)

struct unix_attach
{
    uint32_t version;
    int32_t result;
};

struct unix_open /* CREATE, OPEN, REMOTE */
{
    uint64_t host; /* REMOTE: UTF-8 */
    uint64_t name; /* UTF-8 */
    uint32_t host_size;
    uint32_t name_size;
    uint32_t max_message;  /* CREATE */
    uint32_t read_timeout; /* CREATE: ms */
    int32_t result;
    int32_t lease; /* out: descriptor, the caller's */
    uint64_t slot; /* out */
    uint64_t lease_id;
    uint64_t created;
};

struct unix_adopt
{
    int32_t fd; /* stays open */
    int32_t result;
    uint64_t slot; /* out */
    uint64_t lease_id;
    uint64_t created;
    uint32_t kind; /* enum mailslot_kind */
    uint32_t name_size;
};

struct unix_identify
{
    uint64_t slot;
    uint64_t name; /* buffer for the UTF-8 name */
    uint32_t capacity;
    uint32_t name_size; /* out: whole size */
};

struct unix_fd
{
    int32_t fd;
};

struct unix_slot /* FREE */
{
    uint64_t slot;
};

struct unix_check
{
    uint64_t lease_id;
    int32_t result;
};

enum unix_read_flags
{
    UNIX_READ_ARM = 1, /* an empty slot will make UNIX_WAIT report it */
    UNIX_READ_WAIT = 2,
};

struct unix_io /* READ, WRITE, PEEK, SECURITY, SET_SECURITY */
{
    uint64_t slot;
    uint64_t buffer;
    uint64_t cancel;  /* READ_WAIT: from CANCEL_NEW, or 0 */
    uint32_t size;    /* of the buffer, or of the message */
    uint32_t timeout; /* READ_WAIT: ms */
    uint32_t flags;
    int32_t result;
    uint32_t done;         /* out: bytes */
    uint64_t status_block; /* READ, WRITE: must be writable, too */
    uint32_t status_size;  /* 0: there is none */
};

struct unix_info
{
    uint64_t slot;
    int32_t result;
    uint32_t max_message;
    uint32_t read_timeout;
    uint32_t next_size;
    uint32_t count;
};

struct unix_set_timeout
{
    uint64_t slot;
    uint32_t read_timeout;
    int32_t result;
};

struct unix_cancel
{
    uint64_t cancel;
    int32_t result;
};

struct unix_watch /* WATCH, UNWATCH */
{
    uint64_t slot;
    uint64_t token; /* handed back by UNIX_WAIT */
    int32_t result;
};

#define UNIX_WAIT_TOKENS 32

struct unix_wait
{
    uint32_t timeout; /* ms, UINT32_MAX = for ever */
    uint32_t count;   /* out */
    uint64_t tokens[UNIX_WAIT_TOKENS];
};

struct unix_reason
{
    uint64_t text; /* buffer */
    uint32_t capacity;
    int32_t result; /* of the call to be explained */
};

struct unix_probe /* does nothing, but fails if memory is not there or cannot be written */
{
    uint64_t first;
    uint64_t second;
    uint32_t first_size;
    uint32_t second_size;
    uint32_t second_is_input; /* need only be readable */
};

struct unix_trace /* to the Unix standard error, in one piece */
{
    uint64_t text;
    uint32_t size;
};

struct unix_inode
{
    int32_t fd;     /* stays open */
    uint64_t inode; /* out; 0: it cannot be told */
};

#pragma pack(pop)
