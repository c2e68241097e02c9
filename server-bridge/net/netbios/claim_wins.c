/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names at WINS servers
 *
 * Every name is registered once for each address, with a record of its own. A record asks one
 * server after the other, beginning with the current one, three times each. When all are silent it
 * waits a minute and begins with the first again. The current server changes only when it was
 * silent and another one answered. From then on one record tries the first server every ten
 * minutes; when that answers, all records move back to it.
 */

#include "net/netbios/claim_wins.h"

#define SECOND UINT64_C(1000000)

/* MS-NBTE 3.1.2 and NameSrvQueryTimeout of Windows; RFC 1002 6 has 5 s. */
#define WINS_RETRY (SECOND * 3 / 2)
#define WINS_TRIES 3

#define WINS_SILENT_RETRY    (60 * SECOND)
#define WINS_PREFERRED_RETRY (600 * SECOND)

/* RFC 1002 4.2.16: the TTL of a WACK is how long to wait. A large one would silence us. */
#define WINS_WACK_MAX 60

/* wire.md 1.7: 3 days are asked for; what the server grants is what counts, within limits. */
#define WINS_TTL              0x3f480
#define WINS_REFRESH_MIN      (30 * SECOND)
#define WINS_REFRESH_MAX      (20 * 3600 * SECOND)
#define WINS_REFRESH_INFINITE (24 * 3600 * SECOND) /* TTL 0: for ever */

void wins_init(struct wins *ret_wins, const struct ns_config *config, const struct ns_link *link)
{
    *ret_wins = (struct wins){.config = *config, .link = *link, .preferred_due = NS_NEVER};
    if (!node_asks_wins(config->node))
    {
        ret_wins->config.n_wins = 0;
    }
    else if (config->n_wins > NS_WINS_MAX)
    {
        ret_wins->config.n_wins = NS_WINS_MAX;
    }
}

static void wins_ask(struct wins_record *record, size_t server, uint64_t now_usec)
{
    record->state = WINS_ASKING;
    record->refresh = false;
    record->trial = false;
    record->waited = false;
    record->sent = 0;
    record->server = (uint8_t)server;
    record->id = ns_random_id();
    record->due = now_usec;
}

void wins_register(const struct wins *wins, struct wins_record *record, uint64_t now_usec)
{
    wins_ask(record, wins->current, now_usec);
    record->silent = 0;
}

void wins_try_preferred(struct wins *wins, struct wins_record *record, uint64_t now_usec)
{
    wins->preferred_due = now_usec + WINS_PREFERRED_RETRY;
    if (!record)
    {
        return;
    }
    record->home = record->server;
    record->home_due = record->due;
    wins_ask(record, 0, now_usec);
    record->trial = true;
}

static void wins_send(const struct wins *wins, const struct wins_record *record,
                      const struct wins_subject *subject, enum ns_opcode opcode)
{
    struct ns_message message = {
        .id = record->id,
        .opcode = opcode,
        .recursion_desired = opcode == NS_REGISTRATION || opcode == NS_MULTIHOMED,
        .name = subject->name->name,
        .type = NS_TYPE_NB,
        .ttl = opcode == NS_RELEASE ? 0 : WINS_TTL,
        .n_addresses = 1,
    };

    message.addresses[0].address = subject->address;
    message.addresses[0].flags =
        node_ns_flags(wins->config.node) | (subject->name->group ? NS_FLAG_GROUP : 0);
    wins->link.unicast(wins->link.userdata, wins->config.wins[record->server], 0, &message);
}

/* True: that was the last server. */
static bool wins_silent(struct wins *wins, struct wins_record *record, uint64_t now_usec)
{
    if (wins->config.n_wins > 0)
    {
        wins->answers[record->server] = false;
    }
    if (record->trial)
    {
        record->state = WINS_REGISTERED;
        record->trial = false;
        record->server = record->home;
        record->due = record->home_due;
        return false;
    }
    record->silent++;
    if (record->silent < wins->config.n_wins)
    {
        wins_ask(record, (record->server + 1U) % wins->config.n_wins, now_usec);
        return false;
    }
    wins->current = 0;
    wins->preferred_due = NS_NEVER;
    record->state = WINS_WAITING;
    record->due = now_usec + WINS_SILENT_RETRY;
    return true;
}

bool wins_tick(struct wins *wins, struct wins_record *record, const struct wins_subject *subject,
               uint64_t now_usec)
{
    while (wins_due(record) <= now_usec)
    {
        if (record->state != WINS_ASKING)
        {
            /* A server that does not know the name yet is asked to register it. */
            bool refresh = record->state == WINS_REGISTERED && record->server == wins->current;

            wins_register(wins, record, now_usec);
            record->refresh = refresh;
        }
        if (record->sent < WINS_TRIES && wins->config.n_wins > 0)
        {
            record->sent++;
            record->due = now_usec + WINS_RETRY;
            wins_send(wins, record, subject,
                      record->refresh                                ? NS_REFRESH
                      : subject->multihomed && !subject->name->group ? NS_MULTIHOMED
                                                                     : NS_REGISTRATION);
        }
        else if (wins_silent(wins, record, now_usec))
        {
            return true;
        }
    }
    return false;
}

uint64_t wins_due(const struct wins_record *record)
{
    return record->state == WINS_IDLE || record->state == WINS_RELEASED ? NS_NEVER : record->due;
}

void wins_answered(struct wins *wins, size_t server, uint64_t now_usec)
{
    if (server != wins->current && (server == 0 || !wins->answers[wins->current]))
    {
        wins->current = server;
        wins->preferred_due = server == 0 ? NS_NEVER : now_usec + WINS_PREFERRED_RETRY;
    }
    wins->answers[server] = true;
}

static uint64_t wins_refresh_delay(uint32_t ttl)
{
    uint64_t delay = ttl * SECOND / 2;

    if (ttl == 0)
    {
        return WINS_REFRESH_INFINITE;
    }
    return delay < WINS_REFRESH_MIN   ? WINS_REFRESH_MIN
           : delay > WINS_REFRESH_MAX ? WINS_REFRESH_MAX
                                      : delay;
}

static enum wins_answer wins_take(struct wins *wins, struct wins_record *record,
                                  const struct ns_message *message, uint64_t now_usec)
{
    bool preferred = record->trial;

    switch (message->rcode)
    {
    case NS_RCODE_OK:
        break;
    case NS_RCODE_FORMAT:
    case NS_RCODE_SERVER:
    case NS_RCODE_UNSUPPORTED:
        /* The server can not; that says nothing about the name. On with the next one. */
        record->sent = WINS_TRIES;
        record->due = now_usec;
        return WINS_ANSWER_TAKEN;
    default:
        wins_answered(wins, record->server, now_usec);
        record->state = WINS_IDLE; /* nothing there to be released */
        return WINS_ANSWER_REFUSED;
    }
    wins_answered(wins, record->server, now_usec);
    if (!message->recursion_available && !record->refresh)
    {
        /*
         * RFC 1002 4.2.7: we are to ask the owner by ourselves. wire.md 1.7 knows no server that
         * says so: Windows and nmbd tell us to wait (WACK), and ask the owner themselves. It is
         * taken as a refusal, which is safe: a name with an owner is not taken from him, and if he
         * has gone, a later try will get it.
         */
        return WINS_ANSWER_REFUSED;
    }
    record->state = WINS_REGISTERED;
    record->trial = false;
    record->due = now_usec + wins_refresh_delay(message->ttl);
    return preferred ? WINS_ANSWER_PREFERRED : WINS_ANSWER_GRANTED;
}

enum wins_answer wins_response(struct wins *wins, struct wins_record *record,
                               const struct ns_message *message, const struct ns_arrival *arrival,
                               uint64_t now_usec)
{
    bool release = message->opcode == NS_RELEASE;

    if (record->state != (release ? WINS_RELEASED : WINS_ASKING) || message->id != record->id ||
        arrival->from.s_addr != wins->config.wins[record->server].s_addr ||
        (!release && record->sent == 0))
    {
        return WINS_ANSWER_NONE;
    }
    if (release)
    {
        record->state = WINS_IDLE;
        return WINS_ANSWER_TAKEN;
    }
    if (message->opcode == NS_WACK)
    {
        if (!record->waited)
        {
            record->waited = true;
            record->due += SECOND * (message->ttl < WINS_WACK_MAX ? message->ttl : WINS_WACK_MAX);
        }
        return WINS_ANSWER_TAKEN;
    }
    return wins_take(wins, record, message, now_usec);
}

void wins_release(struct wins *wins, struct wins_record *record, const struct wins_subject *subject)
{
    bool registered = record->state == WINS_REGISTERED;

    if (record->state == WINS_ASKING && (record->refresh || record->trial))
    {
        registered = true;
        record->server = record->trial ? record->home : record->server;
    }
    record->state = WINS_IDLE;
    if (registered)
    {
        record->id = ns_random_id();
        record->state = WINS_RELEASED;
        wins_send(wins, record, subject, NS_RELEASE);
    }
}
