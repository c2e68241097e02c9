/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may send what to whom: source networks, slots, how often */

/*
 * Mailslots have no authentication: a sender's name is what it says, and on a LAN even its address
 * may be forged. So nothing here proves who somebody is. It keeps strangers from other networks
 * out, shuts the slots that the network has no business with, and bounds what one address can cost.
 *
 * The watched senders are a fixed set of entries that are always in the hash table and always in a
 * list ordered by their last datagram. A new sender takes the entry at the quiet end, so a flood of
 * forged addresses costs neither memory nor time, and a forgotten sender that comes back begins
 * with a full bucket: forging can give somebody a rate too high, but never shut anybody out. The
 * key holds a number that nobody outside knows, so that collisions can not be chosen either.
 */

/* Entries are all entered when the table is made: running out of memory is noticed there. */
#define HASH_NONFATAL_OOM          1
#define uthash_nonfatal_oom(entry) ((entry)->lost = true)

#include "net/policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <uthash.h>
#include <utlist.h>

#define ALLOWED_MAX 256 /* single addresses: static peers, WINS servers */
#define SLOT_NAME_MAX                                                                              \
    1536                  /* bytes; a 512-byte frame holds at most 424 characters (wire.md 1.4)    \
                           */
#define STATUS_RATE    10 /* node status answers are five times the question (wire.md 1.9) */
#define LOG_AGAIN_USEC UINT64_C(3600000000)
#define SECOND_USEC    UINT64_C(1000000)

struct network
{
    struct in_addr address; /* host bits are 0 */
    struct in_addr mask;
};

struct networks
{
    bool local, all;
    struct network *list;
    size_t n;
};

struct patterns
{
    char **list;
    size_t n;
    bool any_positive;
};

struct source
{
    uint64_t key;    /* see source_key() */
    uint64_t tokens; /* datagrams in millionths */
    uint64_t filled_usec;
    bool lost; /* not in the hash table: out of memory */
    UT_hash_handle hh;
    struct source *prev, *next;
};

struct sources
{
    uint32_t rate;
    uint64_t secret;
    struct source *by_key;
    struct source *quiet; /* utlist, the one that was quiet longest first */
    struct source entries[POLICY_SOURCES_MAX];
};

struct log_entry
{
    uint64_t digest;
    uint64_t logged_usec;
};

/* The lines of one kind of denial. */
struct log_room
{
    struct log_entry entries[POLICY_LOG_KEYS_MAX];
    size_t n;
    bool full_logged;
    uint64_t full_usec; /* when that was */
};

struct policy
{
    struct networks networks;
    struct patterns receive, send;
    locale_t locale; /* UTF-8, whatever the environment says; 0: there is none here */
    struct in_addr allowed[ALLOWED_MAX];
    size_t n_allowed;
    struct sources datagrams, status;
    uint64_t log_secret;
    struct log_room logged[POLICY_DENIALS];
};

/* --- networks -------------------------------------------------------------------------------- */

/* "10.1.0.0/16" or "10.1.2.3". Host bits do not matter: people copy their own address. */
static int network_parse(struct network *ret_network, const char *text)
{
    const char *slash = strchr(text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen(text);
    char address[INET_ADDRSTRLEN];
    struct network network;
    unsigned int bits = 32;

    if (size >= sizeof(address))
    {
        return -EINVAL;
    }
    memcpy(address, text, size);
    address[size] = 0;
    if (inet_pton(AF_INET, address, &network.address) != 1)
    {
        return -EINVAL;
    }
    if (slash)
    {
        size_t digits = strspn(slash + 1, "0123456789");

        if (digits < 1 || digits > 2 || slash[1 + digits])
        {
            return -EINVAL;
        }
        bits = (unsigned int)strtoul(slash + 1, NULL, 10);
        if (bits > 32)
        {
            return -EINVAL;
        }
    }
    network.mask.s_addr = bits ? htonl(UINT32_MAX << (32 - bits)) : 0;
    network.address.s_addr &= network.mask.s_addr;
    *ret_network = network;
    return 0;
}

static int networks_init(struct networks *networks, const char *const *texts, size_t n)
{
    networks->local = n == 0;
    networks->list = calloc(n + 1, sizeof(*networks->list));
    if (!networks->list)
    {
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++)
    {
        if (strcasecmp(texts[i], "local") == 0)
        {
            networks->local = true;
        }
        else if (strcasecmp(texts[i], "all") == 0)
        {
            networks->all = true;
        }
        else if (strcasecmp(texts[i], "none") == 0)
        {
            /* Beside anything else it would be a contradiction. */
            if (n != 1)
            {
                return -EINVAL;
            }
        }
        else
        {
            int r = network_parse(&networks->list[networks->n], texts[i]);

            if (r < 0)
            {
                return r;
            }
            networks->n++;
        }
    }
    return 0;
}

int policy_allow(struct policy *policy, struct in_addr address)
{
    for (size_t i = 0; i < policy->n_allowed; i++)
    {
        if (policy->allowed[i].s_addr == address.s_addr)
        {
            return 0;
        }
    }
    if (policy->n_allowed == ALLOWED_MAX)
    {
        return -ENOBUFS;
    }
    policy->allowed[policy->n_allowed++] = address;
    return 0;
}

bool policy_source(const struct policy *policy, struct in_addr source, bool local)
{
    const struct networks *networks = &policy->networks;

    /* Linux lets it in with a broadcast; but here it means "this host", and is no one's address. */
    if (source.s_addr == INADDR_ANY)
    {
        return false;
    }
    if (networks->all || (networks->local && local))
    {
        return true;
    }
    for (size_t i = 0; i < networks->n; i++)
    {
        if ((source.s_addr & networks->list[i].mask.s_addr) == networks->list[i].address.s_addr)
        {
            return true;
        }
    }
    for (size_t i = 0; i < policy->n_allowed; i++)
    {
        if (policy->allowed[i].s_addr == source.s_addr)
        {
            return true;
        }
    }
    return false;
}

/* --- slots ----------------------------------------------------------------------------------- */

static int patterns_init(struct patterns *patterns, const char *const *texts, size_t n)
{
    patterns->list = calloc(n + 1, sizeof(*patterns->list));
    if (!patterns->list)
    {
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++)
    {
        bool negative = texts[i][0] == '!';

        if (!texts[i][negative])
        {
            return -EINVAL;
        }
        patterns->list[i] = strdup(texts[i]);
        if (!patterns->list[i])
        {
            return -ENOMEM;
        }
        patterns->n++;
        patterns->any_positive |= !negative;
    }
    return 0;
}

static void patterns_deinit(struct patterns *patterns)
{
    for (size_t i = 0; i < patterns->n; i++)
    {
        free(patterns->list[i]);
    }
    free(patterns->list);
}

/* name NULL: too long to be compared. 0, FNM_NOMATCH, or another number: can not be said. */
static int pattern_match(const char *pattern, const char *name)
{
    if (strcmp(pattern, "*") == 0)
    {
        return 0;
    }
    /* A backslash separates the parts of a slot's name, it quotes nothing. */
    return name ? fnmatch(pattern, name, FNM_CASEFOLD | FNM_NOESCAPE) : -1;
}

/* What can not be compared is not what a list names, and may be what it takes away. */
static bool patterns_allow(const struct patterns *patterns, const char *name)
{
    bool allowed = !patterns->any_positive;

    for (size_t i = 0; i < patterns->n; i++)
    {
        const char *pattern = patterns->list[i];

        if (*pattern != '!')
        {
            allowed = allowed || pattern_match(pattern, name) == 0;
        }
        else if (pattern_match(pattern + 1, name) != FNM_NOMATCH)
        {
            return false;
        }
    }
    return allowed;
}

static bool policy_slot(const struct policy *policy, const struct patterns *patterns,
                        const char *slot, size_t size)
{
    char name[SLOT_NAME_MAX + 1];
    locale_t before;
    bool allowed;

    if (patterns->n == 0)
    {
        return true;
    }
    if (size > SLOT_NAME_MAX)
    {
        return patterns_allow(patterns, NULL);
    }
    memcpy(name, slot, size);
    name[size] = 0;
    /* 0 only asks for the present one. */
    before = uselocale(policy->locale);
    allowed = patterns_allow(patterns, name);
    uselocale(before);
    return allowed;
}

bool policy_receive(const struct policy *policy, const char *slot, size_t size)
{
    return policy_slot(policy, &policy->receive, slot, size);
}

bool policy_send(const struct policy *policy, const char *slot, size_t size)
{
    return policy_slot(policy, &policy->send, slot, size);
}

/* --- rates ----------------------------------------------------------------------------------- */

/* An address, or a larger number for an entry that no sender has taken yet. */
static uint64_t source_key(const struct sources *sources, uint64_t number)
{
    return number ^ sources->secret;
}

static int sources_init(struct sources *sources, uint32_t rate, uint64_t secret)
{
    sources->rate = rate;
    sources->secret = secret;
    for (size_t i = 0; i < POLICY_SOURCES_MAX; i++)
    {
        struct source *source = &sources->entries[i];

        source->key = source_key(sources, UINT64_C(1) << 32 | i);
        HASH_ADD(hh, sources->by_key, key, sizeof(source->key), source);
        if (source->lost)
        {
            return -ENOMEM;
        }
        DL_APPEND(sources->quiet, source);
    }
    /* From now on the number of entries stays the same, and so shall the table. */
    sources->by_key->hh.tbl->noexpand = 1;
    return 0;
}

static void sources_deinit(struct sources *sources)
{
    HASH_CLEAR(hh, sources->by_key);
}

/* The sender's entry, now the last of the list. */
static struct source *sources_get(struct sources *sources, struct in_addr address,
                                  uint64_t now_usec)
{
    uint64_t key = source_key(sources, address.s_addr);
    struct source *source;

    HASH_FIND(hh, sources->by_key, &key, sizeof(key), source);
    if (!source)
    {
        source = sources->quiet;
        HASH_DELETE(hh, sources->by_key, source);
        source->key = key;
        source->tokens = sources->rate * SECOND_USEC * POLICY_BURST_SECONDS;
        source->filled_usec = now_usec;
        HASH_ADD(hh, sources->by_key, key, sizeof(source->key), source);
    }
    DL_DELETE(sources->quiet, source);
    DL_APPEND(sources->quiet, source);
    return source;
}

static bool sources_take(struct sources *sources, struct in_addr address, uint64_t now_usec)
{
    uint64_t full = sources->rate * SECOND_USEC * POLICY_BURST_SECONDS;
    struct source *source;
    uint64_t passed;

    if (sources->rate == 0)
    {
        return true;
    }
    source = sources_get(sources, address, now_usec);
    /* A clock that went back refills nothing. */
    passed = now_usec > source->filled_usec ? now_usec - source->filled_usec : 0;
    source->filled_usec = now_usec;
    if (passed >= POLICY_BURST_SECONDS * SECOND_USEC ||
        full - source->tokens <= passed * sources->rate)
    {
        source->tokens = full;
    }
    else
    {
        source->tokens += passed * sources->rate;
    }
    if (source->tokens < SECOND_USEC)
    {
        return false;
    }
    source->tokens -= SECOND_USEC;
    return true;
}

bool policy_rate(struct policy *policy, struct in_addr source, uint64_t now_usec)
{
    return sources_take(&policy->datagrams, source, now_usec);
}

bool policy_status_rate(struct policy *policy, struct in_addr source, uint64_t now_usec)
{
    return sources_take(&policy->status, source, now_usec);
}

/* --- what is logged -------------------------------------------------------------------------- */

/* FNV-1a from a secret start. Two denials with one digest cost a log line, no more. */
static uint64_t log_digest(uint64_t digest, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
    {
        digest = (digest ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
    }
    return digest;
}

static bool log_is_old(uint64_t logged_usec, uint64_t now_usec)
{
    return now_usec > logged_usec && now_usec - logged_usec >= LOG_AGAIN_USEC;
}

/*
 * Sources and slots are what strangers say, so a room can be filled on purpose. It is of one kind
 * only: who forges addresses does not hide that a slot is shut, or somebody asks for names.
 */
enum policy_log policy_log_once(struct policy *policy, enum policy_denial kind, const void *key,
                                size_t size, uint64_t now_usec)
{
    uint64_t digest = log_digest(policy->log_secret, key, size);
    struct log_room *room = &policy->logged[kind];
    struct log_entry *free_entry = NULL;

    for (size_t i = 0; i < room->n; i++)
    {
        struct log_entry *entry = &room->entries[i];
        bool old = log_is_old(entry->logged_usec, now_usec);

        if (entry->digest == digest)
        {
            if (old)
            {
                entry->logged_usec = now_usec;
            }
            return old ? POLICY_LOG_LINE : POLICY_LOG_NOTHING;
        }
        if (old && !free_entry)
        {
            free_entry = entry;
        }
    }
    if (room->n < POLICY_LOG_KEYS_MAX)
    {
        free_entry = &room->entries[room->n++];
    }
    if (free_entry)
    {
        *free_entry = (struct log_entry){digest, now_usec};
        return POLICY_LOG_LINE;
    }
    if (room->full_logged && !log_is_old(room->full_usec, now_usec))
    {
        return POLICY_LOG_NOTHING;
    }
    room->full_logged = true;
    room->full_usec = now_usec;
    return POLICY_LOG_MORE;
}

const char *policy_log_more(enum policy_denial kind)
{
#define MORE(what)                                                                                 \
    "more " what " than are named in the log within an hour: `mailslotctl stats` counts them all"
    static const char *const texts[] = {
        [POLICY_DENIED_INTERFACE] = MORE("interfaces are not listened to"),
        [POLICY_DENIED_SOURCE] = MORE("addresses may not send to us"),
        [POLICY_DENIED_RATE] = MORE("addresses send faster than source_rate allows"),
        [POLICY_DENIED_RECEIVE] = MORE("slots are shut to the network"),
        [POLICY_DENIED_SEND] = MORE("slots may not be sent to on the network"),
        [POLICY_DENIED_NAME_SOURCE] = MORE("addresses may not ask us for names"),
        [POLICY_DENIED_NAME_RATE] = MORE("addresses ask for names faster than source_rate allows"),
        [POLICY_DENIED_NAME_STATUS] = MORE("addresses ask for our list of names too often"),
    };
#undef MORE

    _Static_assert(sizeof(texts) / sizeof(texts[0]) == POLICY_DENIALS, "every kind has its text");
    return texts[kind];
}

/* --- all of it ------------------------------------------------------------------------------- */

static int policy_init(struct policy *policy, const struct policy_config *config,
                       const char **ret_invalid)
{
    const char *invalid = "allow_networks";
    uint64_t secrets[3];
    int r;

    if (getrandom(secrets, sizeof(secrets), 0) != sizeof(secrets))
    {
        return -EIO;
    }
    policy->log_secret = secrets[2];
    policy->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    r = networks_init(&policy->networks, config->networks, config->n_networks);
    if (r == 0)
    {
        invalid = "receive_slots";
        r = patterns_init(&policy->receive, config->receive_slots, config->n_receive_slots);
    }
    if (r == 0)
    {
        invalid = "send_slots";
        r = patterns_init(&policy->send, config->send_slots, config->n_send_slots);
    }
    if (r == -EINVAL && ret_invalid)
    {
        *ret_invalid = invalid;
    }
    if (r == 0)
    {
        r = sources_init(&policy->datagrams, config->source_rate, secrets[0]);
    }
    if (r == 0)
    {
        r = sources_init(&policy->status, STATUS_RATE, secrets[1]);
    }
    return r;
}

int policy_new(struct policy **ret_policy, const struct policy_config *config,
               const char **ret_invalid)
{
    struct policy *policy = calloc(1, sizeof(*policy));
    int r;

    if (!policy)
    {
        return -ENOMEM;
    }
    r = policy_init(policy, config, ret_invalid);
    if (r < 0)
    {
        policy_free(policy);
        return r;
    }
    *ret_policy = policy;
    return 0;
}

struct policy *policy_free(struct policy *policy)
{
    if (!policy)
    {
        return NULL;
    }
    sources_deinit(&policy->datagrams);
    sources_deinit(&policy->status);
    patterns_deinit(&policy->receive);
    patterns_deinit(&policy->send);
    free(policy->networks.list);
    if (policy->locale)
    {
        freelocale(policy->locale);
    }
    free(policy);
    return NULL;
}
