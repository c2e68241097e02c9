/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may send what to whom: source networks, slots, how often */

/*
 * Mailslots have no authentication: a sender's name is what it says, and on a LAN even its address
 * may be forged. So nothing here proves who somebody is. It keeps strangers from other networks
 * out, shuts the slots that the network has no business with, and bounds what one address can cost.
 */

#include "net/policy.h"

#include "net/denial_log.h"
#include "net/source_rate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ALLOWED_MAX 256 /* single addresses: static peers, WINS servers */
#define STATUS_RATE 10  /* node status answers are five times the question (wire.md 1.9) */
/* Bytes; a 512-byte frame holds at most 424 characters (wire.md 1.4). */
#define SLOT_NAME_MAX 1536

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

struct policy
{
    struct networks networks;
    struct patterns receive, send;
    locale_t locale; /* UTF-8, whatever the environment says; 0: there is none here */
    struct in_addr allowed[ALLOWED_MAX];
    size_t n_allowed;
    struct source_rate *datagrams, *status;
    struct denial_log *denials;
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

bool policy_rate(struct policy *policy, struct in_addr source, uint64_t now_usec)
{
    return source_rate_take(policy->datagrams, source, now_usec);
}

bool policy_status_rate(struct policy *policy, struct in_addr source, uint64_t now_usec)
{
    return source_rate_take(policy->status, source, now_usec);
}

/* --- all of it ------------------------------------------------------------------------------- */

static int policy_init(struct policy *policy, const struct policy_config *config,
                       const char **ret_invalid)
{
    const char *invalid = "allow_networks";
    int r;

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
        r = source_rate_new(&policy->datagrams, config->source_rate);
    }
    if (r == 0)
    {
        r = source_rate_new(&policy->status, STATUS_RATE);
    }
    if (r == 0)
    {
        r = denial_log_new(&policy->denials);
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
    source_rate_free(policy->datagrams);
    source_rate_free(policy->status);
    patterns_deinit(&policy->receive);
    patterns_deinit(&policy->send);
    denial_log_free(policy->denials);
    free(policy->networks.list);
    if (policy->locale)
    {
        freelocale(policy->locale);
    }
    free(policy);
    return NULL;
}

struct denial_log *policy_denials(struct policy *policy)
{
    return policy->denials;
}
