/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DNS names as targets: looked up without anybody waiting */

/*
 * The C library's lookup blocks for as long as it likes, and it alone knows what the host is
 * configured to ask. So each lookup has a thread that does nothing else, and nobody can stop it.
 * The two sides share as little as possible: a lookup belongs to its thread until it is posted to
 * the mailbox, and to the event loop afterwards. A dns that goes away does not wait; it marks what
 * is still on its way as abandoned, and the thread throws that away itself. The mailbox lives as
 * long as any thread can reach it.
 */

#include "net/netbios/dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

struct dns_mailbox
{
    pthread_mutex_t lock; /* for all below, and `abandoned` of lookups */
    size_t n_references;
    struct dns_lookup *posted; /* utlist by next_posted */
    int wake_fd;               /* eventfd */
};

struct dns_waiter
{
    dns_done_fn done;
    void *userdata;
};

struct dns_lookup
{
    struct dns_mailbox *mailbox; /* the thread's reference */
    char name[DNS_NAME_MAX + 1];
    struct in_addr addresses[DNS_ADDRESSES_MAX];
    size_t n;
    bool posted;
    bool abandoned;
    struct dns_lookup *next_posted;
    /* The thread does not touch what follows. */
    uint32_t user;
    struct dns_waiter waiter;
    struct dns_lookup *prev, *next;
};

struct dns
{
    struct dns_mailbox *mailbox;
    sd_event_source *source;
    struct dns_lookup *open; /* utlist */
    size_t n_open;
    bool closing;
};

static int mailbox_new(struct dns_mailbox **ret_mailbox)
{
    struct dns_mailbox *mailbox = calloc(1, sizeof(*mailbox));

    if (!mailbox)
    {
        return -ENOMEM;
    }
    mailbox->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (mailbox->wake_fd < 0)
    {
        int error = errno;

        free(mailbox);
        return -error;
    }
    pthread_mutex_init(&mailbox->lock, NULL);
    mailbox->n_references = 1;
    *ret_mailbox = mailbox;
    return 0;
}

static struct dns_mailbox *mailbox_ref(struct dns_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    mailbox->n_references++;
    pthread_mutex_unlock(&mailbox->lock);
    return mailbox;
}

static void mailbox_unref(struct dns_mailbox *mailbox)
{
    bool last;

    pthread_mutex_lock(&mailbox->lock);
    last = --mailbox->n_references == 0;
    pthread_mutex_unlock(&mailbox->lock);
    if (last)
    {
        pthread_mutex_destroy(&mailbox->lock);
        close(mailbox->wake_fd);
        free(mailbox);
    }
}

static void lookup_add(struct dns_lookup *lookup, struct in_addr address)
{
    uint32_t host = ntohl(address.s_addr);

    if (host == INADDR_ANY || host == INADDR_BROADCAST || IN_MULTICAST(host))
    {
        return;
    }
    for (size_t i = 0; i < lookup->n; i++)
    {
        if (lookup->addresses[i].s_addr == address.s_addr)
        {
            return;
        }
    }
    if (lookup->n < DNS_ADDRESSES_MAX)
    {
        lookup->addresses[lookup->n++] = address;
    }
}

static void *lookup_thread(void *argument)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM};
    struct dns_lookup *lookup = argument;
    struct dns_mailbox *mailbox = lookup->mailbox;
    struct addrinfo *list = NULL;
    bool abandoned;

    if (getaddrinfo(lookup->name, NULL, &hints, &list) == 0)
    {
        for (const struct addrinfo *item = list; item; item = item->ai_next)
        {
            struct sockaddr_in address;

            if (item->ai_family == AF_INET && item->ai_addrlen >= sizeof(address))
            {
                memcpy(&address, item->ai_addr, sizeof(address));
                lookup_add(lookup, address.sin_addr);
            }
        }
        freeaddrinfo(list);
    }
    pthread_mutex_lock(&mailbox->lock);
    abandoned = lookup->abandoned;
    if (!abandoned)
    {
        lookup->posted = true;
        LL_APPEND2(mailbox->posted, lookup, next_posted);
        (void)eventfd_write(mailbox->wake_fd, 1);
    }
    pthread_mutex_unlock(&mailbox->lock);
    if (abandoned)
    {
        free(lookup);
    }
    mailbox_unref(mailbox);
    return NULL;
}

/*
 * Nobody joins the thread, and signals are for the main one: it inherits the mask that is set here
 * for a moment.
 */
static int lookup_start(struct dns_lookup *lookup)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    int error = pthread_attr_init(&attributes);

    if (error)
    {
        return -error;
    }
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attributes, lookup_thread, lookup);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return -error;
}

/* Takes the lookup out of the list, and tells. */
static void dns_end(struct dns *dns, struct dns_lookup *lookup)
{
    DL_DELETE(dns->open, lookup);
    dns->n_open--;
    lookup->waiter.done(lookup->waiter.userdata, lookup->addresses, lookup->n);
    free(lookup);
}

static int dns_on_posted(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct dns *dns = userdata;
    struct dns_mailbox *mailbox = dns->mailbox;
    eventfd_t count;

    (void)source;
    (void)revents;
    (void)eventfd_read(fd, &count);
    for (;;)
    {
        struct dns_lookup *lookup;

        pthread_mutex_lock(&mailbox->lock);
        lookup = mailbox->posted;
        if (lookup)
        {
            LL_DELETE2(mailbox->posted, lookup, next_posted);
        }
        pthread_mutex_unlock(&mailbox->lock);
        if (!lookup)
        {
            return 0;
        }
        dns_end(dns, lookup);
    }
}

int dns_new(struct dns **ret_dns, sd_event *event)
{
    struct dns *dns = calloc(1, sizeof(*dns));
    int r;

    if (!dns)
    {
        return -ENOMEM;
    }
    r = mailbox_new(&dns->mailbox);
    if (dns->mailbox)
    {
        r = sd_event_add_io(event, &dns->source, dns->mailbox->wake_fd, EPOLLIN, dns_on_posted,
                            dns);
    }
    if (r < 0)
    {
        dns_free(dns);
        return r;
    }
    *ret_dns = dns;
    return 0;
}

/*
 * Leaves the open lookups to their threads, all at once: none may be posted behind one that is
 * freed. Returns how many there were, and whom to tell.
 */
static size_t dns_abandon(struct dns *dns, struct dns_waiter ret_waiters[DNS_LOOKUPS_MAX])
{
    struct dns_lookup *lookup, *next;
    size_t n = 0;

    pthread_mutex_lock(&dns->mailbox->lock);
    dns->mailbox->posted = NULL;
    DL_FOREACH_SAFE(dns->open, lookup, next)
    {
        ret_waiters[n++] = lookup->waiter;
        lookup->abandoned = true;
        if (lookup->posted)
        {
            free(lookup);
        }
    }
    dns->open = NULL;
    pthread_mutex_unlock(&dns->mailbox->lock);
    return n;
}

struct dns *dns_free(struct dns *dns)
{
    if (!dns)
    {
        return NULL;
    }
    dns->closing = true;
    sd_event_source_disable_unref(dns->source);
    if (dns->mailbox)
    {
        struct dns_waiter waiters[DNS_LOOKUPS_MAX];
        size_t n = dns_abandon(dns, waiters);

        for (size_t i = 0; i < n; i++)
        {
            waiters[i].done(waiters[i].userdata, NULL, 0);
        }
        mailbox_unref(dns->mailbox);
    }
    free(dns);
    return NULL;
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static bool name_is_valid(const char *name)
{
    size_t size = strnlen(name, DNS_NAME_MAX + 1), label = 0;
    struct in_addr address;

    if (size == 0 || size > DNS_NAME_MAX)
    {
        return false;
    }
    for (const char *p = name; *p; p++)
    {
        if (*p == '.')
        {
            if (label == 0)
            {
                return false;
            }
            label = 0;
        }
        else if (!is_name_character(*p) || ++label > DNS_LABEL_MAX)
        {
            return false;
        }
    }
    /* getaddrinfo() would take "1234" or "0x7f.1" for an address. */
    return inet_aton(name, &address) == 0;
}

static bool dns_has_room(const struct dns *dns, uint32_t user)
{
    const struct dns_lookup *lookup;
    size_t n = 0;

    DL_FOREACH(dns->open, lookup)
    {
        n += lookup->user == user;
    }
    return dns->n_open < DNS_LOOKUPS_MAX && (user == 0 || n < DNS_USER_MAX);
}

int dns_lookup(struct dns *dns, uint32_t user, const char *name, dns_done_fn done, void *userdata)
{
    struct dns_lookup *lookup;
    int r;

    if (dns->closing)
    {
        return -ESHUTDOWN;
    }
    if (!name_is_valid(name))
    {
        return DNS_BAD_NAME;
    }
    if (!dns_has_room(dns, user))
    {
        return -ENOBUFS;
    }
    lookup = calloc(1, sizeof(*lookup));
    if (!lookup)
    {
        return -ENOMEM;
    }
    strncpy(lookup->name, name, sizeof(lookup->name) - 1);
    lookup->user = user;
    lookup->waiter = (struct dns_waiter){done, userdata};
    lookup->mailbox = mailbox_ref(dns->mailbox);
    r = lookup_start(lookup);
    if (r < 0)
    {
        mailbox_unref(dns->mailbox);
        free(lookup);
        return r;
    }
    /* The thread may be through by now, but only we take what it has posted. */
    DL_APPEND(dns->open, lookup);
    dns->n_open++;
    return 0;
}
