/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names at WINS servers, for claim.c: registered, refreshed, moved (RFC 1002 5.1.2, 5.1.4) */
#pragma once

#include "net/netbios/ns_link.h"
#include "net/netbios/own.h"

/* The servers. A plain value; `link` is borrowed. */
struct wins
{
    struct ns_config config;
    struct ns_link link;
    bool answers[NS_WINS_MAX];
    size_t current;         /* asked first */
    uint64_t preferred_due; /* when the first server gets another chance, or NS_NEVER */
};

enum wins_state
{
    WINS_IDLE,       /* nothing asked */
    WINS_ASKING,     /* a registration or refresh is open */
    WINS_REGISTERED, /* until the refresh at `due` */
    WINS_WAITING,    /* every server was silent; asked again at `due` */
    WINS_RELEASED,   /* given up; the answer may still come */
};

/* One name with one address. All zero at first. */
struct wins_record
{
    enum wins_state state;
    bool refresh;   /* asking: a refresh, not a registration */
    bool trial;     /* asking: whether the first server is back; if not, go back to home */
    bool waited;    /* asking: a WACK has prolonged this request */
    uint8_t sent;   /* asking: so often to this server */
    uint8_t silent; /* asking: so many servers did not answer */
    uint8_t server; /* asked, or registered there */
    uint8_t home;   /* trial: registered there */
    uint16_t id;
    uint64_t due;
    uint64_t home_due;
};

/* What a record is about. */
struct wins_subject
{
    const struct own_name *name;
    struct in_addr address;
    bool multihomed; /* this host has several addresses */
};

/* Codes of wins_response(). */
enum wins_answer
{
    WINS_ANSWER_NONE,  /* to no open question of this record: nothing has changed */
    WINS_ANSWER_TAKEN, /* it is, but there is no decision yet */
    WINS_ANSWER_GRANTED,
    WINS_ANSWER_PREFERRED, /* granted, and the first server is back */
    WINS_ANSWER_REFUSED,
};

void wins_init(struct wins *ret_wins, const struct ns_config *config, const struct ns_link *link);

/* Has the name registered, beginning with the current server, at the next wins_tick(). */
void wins_register(const struct wins *wins, struct wins_record *record, uint64_t now_usec);

/*
 * Asks the first server whether it is back, with a registered record; its registration stays when
 * there is no answer. NULL: there is no such record, so the next chance is ten minutes later.
 */
void wins_try_preferred(struct wins *wins, struct wins_record *record, uint64_t now_usec);

/* Does what is due. True: every server was silent in turn, just now. */
bool wins_tick(struct wins *wins, struct wins_record *record, const struct wins_subject *subject,
               uint64_t now_usec) __attribute__((warn_unused_result));

/* A server has answered: becomes the current one if that is silent, or if it is the first. */
void wins_answered(struct wins *wins, size_t server, uint64_t now_usec);

/* When wins_tick() has something to do, or NS_NEVER. */
uint64_t wins_due(const struct wins_record *record);

/* Id and sender are checked here; that it is about the record's name, by the caller. */
enum wins_answer wins_response(struct wins *wins, struct wins_record *record,
                               const struct ns_message *message, const struct ns_arrival *arrival,
                               uint64_t now_usec) __attribute__((warn_unused_result));

/* Sends one release, if it is registered. */
void wins_release(struct wins *wins, struct wins_record *record,
                  const struct wins_subject *subject);
