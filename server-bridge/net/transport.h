/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon's core and every transport exchange: messages, results, counters */
#pragma once

#include "net/policy.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All strings are UTF-8 (slot names WTF-8: a Windows name may hold lone surrogates). */

/* A message that arrived, or the local copy of one that was sent. Valid during the call only. */
struct net_message
{
    const char *slot; /* without \MAILSLOT\, any case, not terminated, any bytes but NUL */
    size_t slot_size;
    const void *data;
    size_t size;
    const char *source_name; /* what the sender calls itself: not proven; escape it in logs */
    struct in_addr source;   /* where it came from; 0.0.0.0 for this host */
    bool from_network;
};

/* A message to send. Borrowed only during net_send(): a transport that has to wait copies it. */
struct net_request
{
    const char *target; /* "*", a computer or a domain, terminated */
    const char *slot;   /* without \MAILSLOT\ */
    size_t slot_size;
    const void *data; /* may be NULL if size is 0 */
    size_t size;
    /*
     * Whose it is: of everything bounded that the messages of all users share, those of one may
     * only take a part. 0: nobody that must be held back.
     */
    uint32_t user;
};

/* What becomes of a message to send. NET_OK is not a proof of delivery (semantics Q2). */
enum net_result
{
    NET_OK,
    NET_TOO_LARGE,         /* more than 424 bytes (Z1, Q4) */
    NET_FRAME_TOO_LARGE,   /* name and data exceed the 512-byte frame (Z2, Z4) */
    NET_UNRESOLVED,        /* no such computer or domain (Q3) */
    NET_BAD_TARGET,        /* can not be a name at all */
    NET_BAD_SLOT,          /* empty slot name, or a NUL in it */
    NET_NOT_REPRESENTABLE, /* the slot name has characters that the code page lacks (N20) */
    NET_FORBIDDEN,         /* the policy says that this slot is not sent to */
};

/* What became of a delivered message, said by the sink; other positive values count as DENIED. */
enum net_deliver_result
{
    NET_DELIVER_OK,
    NET_DELIVER_NO_SLOT,   /* (MS-MAIL 3.2.5.1: silently discarded) */
    NET_DELIVER_FULL,      /* quota */
    NET_DELIVER_TOO_LARGE, /* larger than the slot's maximum (Z7) */
    NET_DELIVER_DENIED,    /* policy */
};

/* Everything that can become of a datagram, and a few sums. Names: net_counter_name(). */
enum net_counter
{
    NET_COUNTER_RECEIVED, /* datagrams, good or bad */
    NET_COUNTER_DELIVERED,
    NET_COUNTER_DROP_INTERFACE, /* came in where we are told not to listen */
    NET_COUNTER_DROP_TRUNCATED,
    NET_COUNTER_DROP_SHORT,
    NET_COUNTER_DROP_TYPE,
    NET_COUNTER_DROP_FRAGMENT,
    NET_COUNTER_DROP_SOURCE_NAME,
    NET_COUNTER_DROP_DESTINATION_NAME,
    NET_COUNTER_DROP_SCOPE,
    NET_COUNTER_DROP_NOT_OURS, /* well-formed, for a name that is not ours */
    NET_COUNTER_DROP_SMB_SHORT,
    NET_COUNTER_DROP_SMB_MAGIC,
    NET_COUNTER_DROP_SMB_COMMAND,
    NET_COUNTER_DROP_WORD_COUNT,
    NET_COUNTER_DROP_SETUP,
    NET_COUNTER_DROP_OPCODE,
    NET_COUNTER_DROP_SLOT_BOUND,
    NET_COUNTER_DROP_DATA_BOUND,
    NET_COUNTER_DROP_DATA_COUNT,
    NET_COUNTER_DROP_NOT_MAILSLOT,
    NET_COUNTER_DROP_SLOT_TOO_LONG,
    NET_COUNTER_DROP_CODEPAGE,
    NET_COUNTER_DROP_OWN_COPY,  /* our own broadcast, heard by ourselves */
    NET_COUNTER_DROP_DUPLICATE, /* same source, type and id within 2 s */
    NET_COUNTER_DROP_NO_SLOT,
    NET_COUNTER_DROP_FULL,
    NET_COUNTER_DROP_TOO_LARGE,
    NET_COUNTER_DROP_DENIED,
    NET_COUNTER_DROP_SOURCE,      /* not from a network that may reach us */
    NET_COUNTER_DROP_RATE,        /* more than one source may send */
    NET_COUNTER_DROP_SLOT_POLICY, /* a slot that the network may not reach */
    NET_COUNTER_DROP_NODE,        /* a broadcast, and we are a P node (RFC 1002 5.3.3) */
    NET_COUNTER_DROP_FAILED,      /* the sink reported an errno */
    NET_COUNTER_RECEIVE_FAILED,   /* recvmsg */
    NET_COUNTER_INTERFACE_FAILED, /* the list of interfaces could not be read */
    NET_COUNTER_NMBD_RECEIVED,    /* datagrams that nmbd handed on */
    NET_COUNTER_SENT,             /* messages accepted for sending */
    NET_COUNTER_SENT_DATAGRAMS,
    NET_COUNTER_SENT_NOWHERE,      /* group messages that left on no interface */
    NET_COUNTER_SEND_FAILED,       /* datagrams that the kernel refused */
    NET_COUNTER_SEND_REFUSED,      /* messages that ended with a code other than NET_OK */
    NET_COUNTER_LOCAL_DELIVERED,   /* own copies of sent messages */
    NET_COUNTER_LOCAL_UNDELIVERED, /* no such slot here, full, … */
    NET_COUNTER_SENT_UNICAST,      /* datagrams to one address: computers, peers, group members */
    NET_COUNTER_REPLY_FALLBACK,    /* targets found only among the recent senders */
    NET_COUNTER_NAME_RECEIVED,     /* messages of the name service, good or bad */
    NET_COUNTER_NAME_DROP_BROKEN,
    NET_COUNTER_NAME_DROP_SCOPE,
    NET_COUNTER_NAME_DROP_SOURCE,      /* not from a network that may ask */
    NET_COUNTER_NAME_DROP_RATE,        /* more than one source may ask */
    NET_COUNTER_NAME_DROP_UNSOLICITED, /* an answer to no question of ours */
    NET_COUNTER_NAME_UNANSWERED,       /* questions for names that are not ours: silence */
    NET_COUNTER_NAME_ANSWERED,
    NET_COUNTER_NAME_STATUS_ANSWERED,
    NET_COUNTER_NAME_DEFENDED,
    NET_COUNTER_NAME_REFUSED, /* own names that somebody else has */
    NET_COUNTER_NAME_SENT,
    NET_COUNTER_NAME_SEND_FAILED,
    NET_COUNTER_QUERIES, /* questions of ours */
    NET_COUNTER_QUERIES_RESOLVED,
    NET_COUNTER_QUERIES_FAILED,
    NET_COUNTER_COUNT,
};

struct net_counters
{
    uint64_t values[NET_COUNTER_COUNT];
};

/* A stable name like "drop_no_slot", for status and tests. */
const char *net_counter_name(enum net_counter counter);

/*
 * The result of a send: NET_OK or another code of enum net_result, or a negative errno. May be
 * called before net_send() returns. Must not free the net.
 */
typedef void (*net_done_fn)(void *userdata, int result);

/* Who waits for the end of a send; handed through by the transport. */
struct net_sender
{
    net_done_fn done;
    void *userdata;
};

/* What a transport gets from net.c. The pointers outlive it. */
struct transport_sink
{
    void *userdata;
    /* Counts nothing: returns the counter of what became of the message. */
    enum net_counter (*deliver)(void *userdata, const struct net_message *message);
    /*
     * A send has ended. `here` says that this host is among those that the message was for; its
     * copy is the sink's to deliver (semantics D10, Q6). The request may be a copy.
     */
    void (*finish)(void *userdata, const struct net_request *request, int result, bool here,
                   const struct net_sender *sender);
    void (*log)(void *userdata, const char *text);
    void (*warn)(void *userdata, const char *text); /* of what keeps us off; NULL: as log */
    struct net_counters *counters;
    struct policy *policy;
};

struct net_status;

/*
 * What net.c asks of a transport. One that needs other hosts, a broker say, implements these
 * and is made in net_new(); nothing above net/ changes.
 */
struct transport_ops
{
    /*
     * Calls sink.finish exactly once, now or later, if it returns 0; never if it returns a negative
     * errno. Sizes and names are checked before anybody gets a copy.
     */
    int (*send)(void *transport, const struct net_request *request,
                const struct net_sender *sender);
    void (*hold)(void *transport); /* see net_hold() */
    void (*release)(void *transport);
    void (*status)(void *transport, struct net_status *ret_status); /* all but the counters */
    void *(*free)(void *transport); /* open sends end with NET_UNRESOLVED; returns NULL */
};
