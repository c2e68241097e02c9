/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/dns: DNS names as targets (semantics N18), without anybody waiting */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/netbios/dns.h"

#define MAX_ANSWERS 64

/*
 * The C library's lookup as the threads see it: names below .gate wait until a test lets them go
 * on, one at a time, then give what is written there; others go to the real one.
 */
static sem_t gate, left;
static atomic_uint n_inside;

static void wait_times(sem_t *semaphore, unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
    {
        while (sem_wait(semaphore) < 0 && errno == EINTR)
        {
        }
    }
}

static bool is_gated(const char *name)
{
    const char *end = strstr(name, ".gate");

    return end && (end[5] == 0 || strcmp(end + 5, ".") == 0);
}

/* "many.gate" has more addresses than are taken, "odd.gate" such that are no host's. */
static int gated_lookup(const char *name, struct addrinfo **ret_list)
{
    static const uint32_t odd[] = {INADDR_ANY, 0xffffffff, 0xe0000001, 0x0a000001, 0x0a000001};
    bool many = strcmp(name, "many.gate") == 0;
    size_t n = many ? 100 : strcmp(name, "odd.gate") == 0 ? 5 : 1;
    struct addrinfo *list = NULL;
    sigset_t mask;

    n_inside++;
    wait_times(&gate, 1);
    n_inside--;
    sem_post(&left);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    /* Signals are for the main thread: a thread that takes them gives another answer. */
    if (!sigismember(&mask, SIGTERM) || !sigismember(&mask, SIGCHLD))
    {
        return EAI_FAIL;
    }
    for (size_t i = 0; i < n; i++)
    {
        struct
        {
            struct addrinfo info;
            struct sockaddr_in address;
        } *item = calloc(1, sizeof(*item));

        if (!item)
        {
            abort(); /* an assertion would jump to the main thread's stack */
        }
        item->address.sin_family = AF_INET;
        item->address.sin_addr.s_addr = htonl(n == 5 ? odd[i] : 0x0a000001 + (uint32_t)(n - 1 - i));
        item->info.ai_family = AF_INET;
        item->info.ai_addrlen = sizeof(item->address);
        item->info.ai_addr = (struct sockaddr *)&item->address;
        /* Freed by the real freeaddrinfo(), item by item as here. */
        item->info.ai_next = list;
        list = &item->info;
    }
    *ret_list = list;
    return 0;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret_list)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    if (is_gated(name))
    {
        return gated_lookup(name, ret_list);
    }
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(name, service, hints, ret_list);
}

struct answer
{
    unsigned int called;
    size_t n;
    struct in_addr addresses[DNS_ADDRESSES_MAX];
};

struct fixture
{
    sd_event *event;
    struct dns *dns;
    struct answer answers[MAX_ANSWERS];
    /* What on_done_again() looks up, and what came of it. */
    struct answer *again;
    int again_result;
};

static void on_done(void *userdata, const struct in_addr *addresses, size_t n)
{
    struct answer *answer = userdata;

    answer->called++;
    answer->n = n;
    assert_true(n <= DNS_ADDRESSES_MAX);
    if (n > 0)
    {
        memcpy(answer->addresses, addresses, n * sizeof(*addresses));
    }
}

static void on_done_again(void *userdata, const struct in_addr *addresses, size_t n)
{
    struct fixture *f = userdata;

    on_done(&f->answers[0], addresses, n);
    f->again_result = dns_lookup(f->dns, 0, "again.gate", on_done, f->again);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    while (sem_trywait(&left) == 0)
    {
    }
    assert_true(sd_event_new(&f->event) >= 0);
    assert_int_equal(dns_new(&f->dns, f->event), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    dns_free(f->dns);
    sd_event_unref(f->event);
    free(f);
    return 0;
}

/* Runs the loop until this one has been called. */
static void wait_for(struct fixture *f, const struct answer *answer)
{
    while (answer->called == 0)
    {
        assert_true(sd_event_run(f->event, UINT64_MAX) >= 0);
    }
}

static void post_times(sem_t *semaphore, unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
    {
        sem_post(semaphore);
    }
}

/* Until so many threads are at the gate. */
static void wait_inside(unsigned int n)
{
    while (n_inside < n)
    {
        sched_yield();
    }
}

/* The host's own resolver, once, each address once (/etc/hosts often has it twice). */
static void test_localhost(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(dns_lookup(f->dns, 0, "localhost", on_done, &f->answers[0]), 0);
    assert_int_equal(f->answers[0].called, 0);
    wait_for(f, &f->answers[0]);
    assert_int_equal(f->answers[0].called, 1);
    assert_int_equal(f->answers[0].n, 1);
    assert_int_equal(ntohl(f->answers[0].addresses[0].s_addr), INADDR_LOOPBACK);
}

/* RFC 1035 2.3.4: labels of 1 to 63, 253 together; and nothing that is an address already. */
static void test_bad_names(void **state)
{
    struct fixture *f = *state;
    char label[65] = {}, size[256] = {};
    const char *const bad[] = {"",      ".",      "..",       "a..b", ".a",       "a b",
                               "a/b",   "a\nb",   "%s",       "a:1",  "\xc3\xa4", "1234",
                               "127.1", "0x7f.1", "10.1.2.3", label,  size};

    memset(label, 'a', 64);
    for (size_t i = 0; i < 254; i++)
    {
        size[i] = i % 2 ? '.' : 'a';
    }
    size[253] = 'a';
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
    {
        assert_int_equal(dns_lookup(f->dns, 0, bad[i], on_done, &f->answers[0]), DNS_BAD_NAME);
    }
    assert_true(sd_event_run(f->event, 0) >= 0);
    assert_int_equal(f->answers[0].called, 0);
}

/* The longest names that may be: a label of 63, and 253 together; a dot at the end. */
static void test_long_names(void **state)
{
    struct fixture *f = *state;
    char label[80] = {}, size[254] = {};
    const char *const good[] = {label, size, "host.gate.", "a-b_c.9.gate"};

    snprintf(label, sizeof(label), "%063d.gate", 0);
    for (size_t i = 0; i < 248; i++)
    {
        size[i] = i % 2 ? '.' : 'a';
    }
    memcpy(size + 247, "a.gate", sizeof("a.gate"));
    assert_int_equal(strlen(size), 253);
    post_times(&gate, 4);
    for (size_t i = 0; i < 4; i++)
    {
        assert_int_equal(dns_lookup(f->dns, 0, good[i], on_done, &f->answers[i]), 0);
        wait_for(f, &f->answers[i]);
        assert_int_equal(f->answers[i].n, 1);
    }
}

/* At most 16 addresses, IPv4. */
static void test_many_addresses(void **state)
{
    struct fixture *f = *state;

    sem_post(&gate);
    assert_int_equal(dns_lookup(f->dns, 0, "many.gate", on_done, &f->answers[0]), 0);
    wait_for(f, &f->answers[0]);
    assert_int_equal(f->answers[0].n, DNS_ADDRESSES_MAX);
    assert_int_equal(ntohl(f->answers[0].addresses[0].s_addr), 0x0a000001);
    assert_int_equal(ntohl(f->answers[0].addresses[15].s_addr), 0x0a000010);
}

/* wire.md 1.9: a hostile DNS server can not make us broadcast; an address is there once. */
static void test_odd_addresses(void **state)
{
    struct fixture *f = *state;

    sem_post(&gate);
    assert_int_equal(dns_lookup(f->dns, 0, "odd.gate", on_done, &f->answers[0]), 0);
    wait_for(f, &f->answers[0]);
    assert_int_equal(f->answers[0].n, 1);
    assert_int_equal(ntohl(f->answers[0].addresses[0].s_addr), 0x0a000001);
}

/* Bounded: one more than that is refused until one has ended. A lookup blocks nobody. */
static void test_limit(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < DNS_LOOKUPS_MAX; i++)
    {
        assert_int_equal(dns_lookup(f->dns, 0, "host.gate", on_done, &f->answers[i]), 0);
    }
    assert_int_equal(dns_lookup(f->dns, 0, "host.gate", on_done, &f->answers[DNS_LOOKUPS_MAX]),
                     -ENOBUFS);
    wait_inside(DNS_LOOKUPS_MAX);
    assert_true(sd_event_run(f->event, 0) >= 0);
    for (size_t i = 0; i <= DNS_LOOKUPS_MAX; i++)
    {
        assert_int_equal(f->answers[i].called, 0);
    }
    post_times(&gate, DNS_LOOKUPS_MAX);
    for (size_t i = 0; i < DNS_LOOKUPS_MAX; i++)
    {
        wait_for(f, &f->answers[i]);
    }
    sem_post(&gate);
    assert_int_equal(dns_lookup(f->dns, 0, "host.gate", on_done, &f->answers[DNS_LOOKUPS_MAX]), 0);
    wait_for(f, &f->answers[DNS_LOOKUPS_MAX]);
    for (size_t i = 0; i <= DNS_LOOKUPS_MAX; i++)
    {
        assert_int_equal(f->answers[i].called, 1);
        assert_int_equal(f->answers[i].n, 1);
    }
}

/* Issue 5, section 3: "one user can't … exhaust … another's": a user has a share, others go on. */
static void test_users(void **state)
{
    struct fixture *f = *state;
    struct answer *other = &f->answers[DNS_USER_MAX];

    _Static_assert(DNS_USER_MAX * 4 <= DNS_LOOKUPS_MAX, "a quarter");
    for (size_t i = 0; i < DNS_USER_MAX; i++)
    {
        assert_int_equal(dns_lookup(f->dns, 1000, "host.gate", on_done, &f->answers[i]), 0);
    }
    assert_int_equal(dns_lookup(f->dns, 1000, "host.gate", on_done, other), -ENOBUFS);
    assert_int_equal(dns_lookup(f->dns, 1001, "host.gate", on_done, other), 0);
    post_times(&gate, DNS_USER_MAX + 1);
    for (size_t i = 0; i <= DNS_USER_MAX; i++)
    {
        wait_for(f, &f->answers[i]);
    }
    /* What has ended counts no longer. */
    sem_post(&gate);
    other->called = 0;
    assert_int_equal(dns_lookup(f->dns, 1000, "host.gate", on_done, other), 0);
    wait_for(f, other);
}

/* done() may look up more. */
static void test_again(void **state)
{
    struct fixture *f = *state;

    f->again = &f->answers[1];
    post_times(&gate, 2);
    assert_int_equal(dns_lookup(f->dns, 0, "host.gate", on_done_again, f), 0);
    wait_for(f, &f->answers[1]);
    assert_int_equal(f->again_result, 0);
    assert_int_equal(f->answers[0].called, 1);
    assert_int_equal(f->answers[1].n, 1);
}

/* Freed while threads are inside the C library: everybody hears, and the threads end alone. */
static void test_free_while_open(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 1; i < DNS_LOOKUPS_MAX; i++)
    {
        assert_int_equal(dns_lookup(f->dns, 0, "host.gate", on_done, &f->answers[i]), 0);
    }
    f->again = &f->answers[DNS_LOOKUPS_MAX];
    assert_int_equal(dns_lookup(f->dns, 0, "host.gate", on_done_again, f), 0);
    wait_inside(DNS_LOOKUPS_MAX);
    dns_free(f->dns);
    f->dns = NULL;
    for (size_t i = 0; i < DNS_LOOKUPS_MAX; i++)
    {
        assert_int_equal(f->answers[i].called, 1);
        assert_int_equal(f->answers[i].n, 0);
    }
    assert_int_equal(f->again_result, -ESHUTDOWN);
    post_times(&gate, DNS_LOOKUPS_MAX);
    wait_times(&left, DNS_LOOKUPS_MAX);
    assert_true(sd_event_run(f->event, 0) >= 0);
    assert_int_equal(f->answers[1].called, 1);
}

/* The same while some have posted an answer that nobody has taken, some post, and some wait. */
static void test_free_while_posting(void **state)
{
    struct fixture *f = *state;

    for (unsigned int round = 0; round < 50; round++)
    {
        memset(f->answers, 0, sizeof(f->answers));
        for (size_t i = 0; i < DNS_LOOKUPS_MAX; i++)
        {
            assert_int_equal(dns_lookup(f->dns, 0, "host.gate", on_done, &f->answers[i]), 0);
        }
        post_times(&gate, 1 + round % DNS_LOOKUPS_MAX);
        wait_times(&left, 1 + round % DNS_LOOKUPS_MAX / 2);
        dns_free(f->dns);
        for (size_t i = 0; i < DNS_LOOKUPS_MAX; i++)
        {
            assert_int_equal(f->answers[i].called, 1);
        }
        post_times(&gate, DNS_LOOKUPS_MAX - (1 + round % DNS_LOOKUPS_MAX));
        wait_times(&left, DNS_LOOKUPS_MAX - (1 + round % DNS_LOOKUPS_MAX / 2));
        assert_int_equal(dns_new(&f->dns, f->event), 0);
    }
}

static void test_free_null(void **state)
{
    (void)state;
    assert_null(dns_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_localhost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_odd_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_users, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_free_while_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_free_while_posting, set_up, tear_down),
        cmocka_unit_test(test_free_null),
    };

    sem_init(&gate, 0, 0);
    sem_init(&left, 0, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
