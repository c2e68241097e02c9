/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Control protocol between mailslotd and its clients: this header is its documentation. */
#pragma once

#include <stdint.h>

#include "client/mailslot.h"

/*
 * Transport: AF_UNIX SOCK_SEQPACKET. One packet is one message: a header, the fixed body of its
 * type, then `extra` bytes (a name, message data) that fill the rest of the packet. File
 * descriptors travel as SCM_RIGHTS with the packet. A client sends a request and gets exactly one
 * reply with the same serial (none at all to CONTROL_POST); the daemon never sends anything
 * unasked. Fields are in host byte order (both sides are on one machine) and have the same layout
 * in 32- and 64-bit processes. Bodies only ever grow at their end: a receiver takes missing bytes
 * as zero.
 */
#define CONTROL_MAGIC   0x544f4c53u
#define CONTROL_VERSION 2

#define CONTROL_NAME_MAX   98304u  /* bytes of a slot name: 32,767 UTF-16 units as UTF-8 */
#define CONTROL_PACKET_MAX 180000u /* bytes of one packet; the kernel allows about 208 KiB */
#define CONTROL_FDS_MAX    4
#define CONTROL_HOST_MAX   255 /* bytes of a remote computer, domain or DNS name */

enum control_type
{
    CONTROL_HELLO = 1, /* who I am; must come first. Reply: struct control_welcome */
    CONTROL_CREATE,    /* new slot. Reply: struct control_slot + lease, memfd, wake fd */
    CONTROL_OPEN,    /* writer on a local slot. Reply as CREATE, but without memfd and wake fd when
                        the slot is another user's: then it is written by SEND with the lease */
    CONTROL_REMOTE,  /* writer on a remote name. Reply: struct control_slot + lease */
    CONTROL_ADOPT,   /* fd: a lease got from elsewhere. Reply: struct control_slot + memfd, wake fd
                        (remote, or of another user: none) */
    CONTROL_CHECK,   /* look at this lease now: is its last handle gone? 0: at all leases on local
                        slots. No body in the reply */
    CONTROL_SEND,    /* one message to a writer's or remote lease, or by target and name.
                        Reply: struct control_sent; or the result CONTROL_PENDING and a socket */
    CONTROL_STATUS,  /* Reply: memfd with the status as JSON */
    CONTROL_POST,    /* as SEND with a lease, when a SEND has said that it will do. No reply */
    CONTROL_MONITOR, /* Reply: a SEQPACKET socket; a struct control_record comes through it for
                        each message that passes the daemon, until either end is closed */
    CONTROL_RELOAD,  /* read the configuration again. Reply: struct control_reloaded */
    CONTROL_TYPES
};

/* In replies beside enum mailslot_result and negative errnos: the name must be looked up. The
 * result will come as one int32_t through the socket that comes with the reply; its end without:
 * the daemon died. */
#define CONTROL_PENDING 1000

/* What a client of version 1 understands as "another version". */
#define CONTROL_VERSION_1_REFUSED 10

struct control_header
{
    uint32_t magic;
    uint16_t version;
    uint16_t type;
    uint32_t serial;
    int32_t result; /* in replies: enum mailslot_result or a negative errno */
};

struct control_hello /* extra: program name for the status, UTF-8 */
{
    uint32_t pid; /* as the client sees itself; only shown */
    uint32_t reserved;
};

struct control_welcome
{
    uint32_t daemon_pid;
    uint32_t reserved;
};

struct control_create /* extra: name, UTF-8 without \\.\mailslot\ */
{
    uint32_t max_message;  /* bytes, 0 = any */
    uint32_t read_timeout; /* ms, UINT32_MAX = for ever */
};

struct control_remote /* extra: host, then slot name */
{
    uint32_t host_size;
};

struct control_slot /* extra: name (CREATE, OPEN, ADOPT); host and name (REMOTE, ADOPT) */
{
    uint64_t lease; /* random id, valid across daemon restarts */
    uint64_t slot;  /* random id of the slot; 0 for a remote lease */
    uint32_t kind;  /* enum mailslot_kind */
    uint32_t host_size;
    uint64_t inode;   /* of the lease, to know it again in another process */
    uint64_t created; /* 100 ns since 1601-01-01 UTC: what GetFileTime shows */
};

struct control_lease
{
    uint64_t lease;
};

struct control_send /* extra: with lease 0: host and name, then data; else data alone */
{
    uint64_t lease;
    uint32_t host_size;
    uint32_t name_size;
};

struct control_sent
{
    uint32_t quiet_ms;   /* for so long, messages to this lease of no more than quiet_size bytes */
    uint32_t quiet_size; /* can only end as this one did: they need not wait for a reply */
};

#define CONTROL_RECORD_NAME_MAX    255 /* bytes of each name in a record; longer ones are cut */
#define CONTROL_RECORD_PAYLOAD_MAX 512

struct control_record /* extra: source, target, slot, then the start of the message */
{
    uint64_t time;      /* us since 1970 */
    uint64_t lost;      /* records that this reader was too slow for, just before this one */
    uint32_t direction; /* enum mailslot_direction */
    int32_t result;     /* enum mailslot_result or a negative errno */
    uint32_t address;   /* IPv4 of the sender, network byte order; 0: this machine */
    uint32_t size;      /* bytes of the whole message */
    uint16_t source_size;
    uint16_t target_size;
    uint16_t slot_size;
    uint16_t payload_size;
};

struct control_reloaded /* extra: what there is to say about it, lines of UTF-8 */
{
    uint32_t refused; /* 1: the configuration is wrong, and nothing has changed */
    uint32_t reserved;
};

_Static_assert(sizeof(struct control_header) == 16, "wire layout");
_Static_assert(sizeof(struct control_slot) == 40, "wire layout");
_Static_assert(sizeof(struct control_send) == 16, "wire layout");
_Static_assert(sizeof(struct control_record) == 40, "wire layout");
_Static_assert(sizeof(struct control_reloaded) == 8, "wire layout");
