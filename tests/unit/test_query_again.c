/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/query: limits, and callbacks that ask again (wire.md 1.9: bounded tables) */

#include <errno.h>
#include <stdio.h>

#include "query_support.h"

/* Several questions for one name are one; so many may wait, the next is refused. */
static void test_coalescing(void **state)
{
    struct fixture *f = *state;
    struct asked asked[QUERIES_WAITERS_MAX] = {};
    struct netbios_name name = name_of("HOST");
    struct ns_message answer;

    start(f, NODE_B, 0);
    for (size_t i = 0; i < QUERIES_WAITERS_MAX; i++)
    {
        ask(f, "HOST", &asked[i]);
    }
    assert_int_equal(queries_name(f->queries, 0, &name, -1, f->now, on_done, &f->a), -ENOBUFS);
    assert_int_equal(f->n_sent, 1);
    assert_int_equal(counted(f, NET_COUNTER_QUERIES), 1);
    answer = answer_to(f, 0, "10.77.0.9");
    assert_true(respond(f, &answer, "10.77.0.9"));
    for (size_t i = 0; i < QUERIES_WAITERS_MAX; i++)
    {
        assert_unique(&asked[i], "10.77.0.9");
    }
    assert_int_equal(f->a.called, 0);
}

/* So many questions at a time; names and addresses do not take each other's room. */
static void test_limit(void **state)
{
    struct fixture *f = *state;
    struct asked asked = {}, addresses = {};
    struct netbios_name name;
    char chars[16];

    start(f, NODE_B, 0);
    for (unsigned int i = 0; i < QUERIES_MAX; i++)
    {
        snprintf(chars, sizeof(chars), "N%u", i);
        ask(f, chars, &asked);
        snprintf(chars, sizeof(chars), "10.77.%u.%u", 3 + i / 256, i % 256);
        ask_address(f, chars, &addresses);
    }
    name = name_of("ONE-TOO-MANY");
    assert_int_equal(queries_name(f->queries, 0, &name, -1, f->now, on_done, &f->a), -ENOBUFS);
    assert_int_equal(queries_address(f->queries, 0, ip("10.77.2.1"), f->now, on_name, &f->a),
                     -ENOBUFS);
    /* One more for an open question is no further question. */
    ask(f, "N0", &asked);
    step(f);
    step(f);
    step(f);
    assert_int_equal(asked.called, QUERIES_MAX + 1);
    assert_int_equal(addresses.called, QUERIES_MAX);
    assert_true(is_idle(f));
    ask(f, "ONE-TOO-MANY", &f->a);
    assert_int_equal(f->a.called, 0);
}

/* Issue 5, section 3: one user takes neither all questions nor all places behind one of them. */
static void test_users(void **state)
{
    struct fixture *f = *state;
    struct asked asked = {}, other = {}, addresses = {};
    struct netbios_name name;
    char chars[16];

    start(f, NODE_B, 0);
    for (unsigned int i = 0; i < QUERIES_USER_MAX; i++)
    {
        snprintf(chars, sizeof(chars), "N%u", i);
        name = name_of(chars);
        assert_int_equal(queries_name(f->queries, 1000, &name, -1, f->now, on_done, &asked), 0);
        snprintf(chars, sizeof(chars), "10.77.1.%u", i);
        assert_int_equal(queries_address(f->queries, 1000, ip(chars), f->now, on_name, &addresses),
                         0);
    }
    name = name_of("MORE");
    assert_int_equal(queries_name(f->queries, 1000, &name, -1, f->now, on_done, &asked), -ENOBUFS);
    assert_int_equal(queries_address(f->queries, 1000, ip("10.77.2.1"), f->now, on_name, &asked),
                     -ENOBUFS);
    assert_int_equal(queries_name(f->queries, 1001, &name, -1, f->now, on_done, &other), 0);
    assert_int_equal(queries_address(f->queries, 1001, ip("10.77.2.1"), f->now, on_name, &other),
                     0);
    for (unsigned int i = 0; i < QUERIES_WAITERS_USER_MAX; i++)
    {
        assert_int_equal(queries_name(f->queries, 1002, &name, -1, f->now, on_done, &asked), 0);
    }
    assert_int_equal(queries_name(f->queries, 1002, &name, -1, f->now, on_done, &asked), -ENOBUFS);
    assert_int_equal(queries_name(f->queries, 1003, &name, -1, f->now, on_done, &other), 0);
    step(f);
    step(f);
    step(f);
    assert_int_equal(asked.called, QUERIES_USER_MAX + QUERIES_WAITERS_USER_MAX);
    assert_int_equal(addresses.called, QUERIES_USER_MAX);
    assert_int_equal(other.called, 3);
    assert_true(is_idle(f));
}

/* The same: what one user asked for does not make us forget what another one did. */
static void test_users_addresses(void **state)
{
    struct fixture *f = *state;
    struct asked asked = {}, flood = {};
    char chars[16];

    start(f, NODE_B, 0);
    assert_int_equal(queries_address(f->queries, 1001, ip("10.77.0.7"), f->now, on_name, &asked),
                     0);
    step(f);
    step(f);
    step(f);
    assert_int_equal(asked.called, 1);
    for (unsigned int i = 0; i < 3 * QUERIES_USER_MAX; i++)
    {
        snprintf(chars, sizeof(chars), "10.77.%u.%u", 1 + i / 256, i % 256);
        assert_int_equal(queries_address(f->queries, 1000, ip(chars), f->now, on_name, &flood), 0);
        if ((i + 1) % QUERIES_USER_MAX == 0)
        {
            step(f);
            step(f);
            step(f);
            assert_int_equal(flood.called, i + 1);
        }
    }
    /* Known: the answer comes before it returns. */
    assert_int_equal(queries_address(f->queries, 1001, ip("10.77.0.7"), f->now, on_name, &asked),
                     0);
    assert_int_equal(asked.called, 2);
    assert_true(is_idle(f));
}

/* Asks for the same name again, `left` times. */
static void on_done_again(void *userdata, const struct resolution *resolution)
{
    struct fixture *f = userdata;
    struct netbios_name name = name_of("HOST");

    on_done(&f->a, resolution);
    if (f->left > 0)
    {
        f->left--;
        f->result = queries_name(f->queries, 0, &name, -1, f->now, on_done_again, f);
    }
}

/* done() asks again when nobody was found: a new question, which one tick does not run through. */
static void test_again_after_failure(void **state)
{
    struct fixture *f = *state;
    struct netbios_name name = name_of("HOST");

    start(f, NODE_B, 0);
    f->left = 2;
    for (size_t i = 0; i < 2; i++)
    {
        assert_int_equal(queries_name(f->queries, 0, &name, -1, f->now, on_done_again, f), 0);
    }
    f->now += SECOND;
    (void)queries_tick(f->queries, f->now);
    f->now += SECOND;
    (void)queries_tick(f->queries, f->now);
    f->now += SECOND;
    (void)queries_tick(f->queries, f->now);
    /* Both have asked again; together that is one question more. */
    assert_int_equal(f->a.called, 2);
    assert_int_equal(f->left, 0);
    assert_int_equal(f->result, 0);
    assert_int_equal(counted(f, NET_COUNTER_QUERIES), 2);
    assert_int_equal(f->n_sent, 4);
    assert_int_not_equal(f->sent[3].message.id, f->sent[2].message.id);
    assert_int_equal(step(f), 250 * MS);
}

/* The same where nobody can be asked: no recursion, no endless tick. */
static void test_again_with_nobody_to_ask(void **state)
{
    struct fixture *f = *state;
    struct netbios_name name = name_of("HOST");

    start(f, NODE_P, 0);
    f->left = UINT32_MAX;
    assert_int_equal(queries_name(f->queries, 0, &name, -1, f->now, on_done_again, f), 0);
    for (unsigned int i = 1; i <= 10; i++)
    {
        assert_int_equal(queries_tick(f->queries, f->now), f->now);
        assert_int_equal(f->a.called, i);
    }
    f->left = 0;
    assert_int_equal(queries_tick(f->queries, f->now), NS_NEVER);
}

static void on_done_again_and_tick(void *userdata, const struct resolution *resolution)
{
    struct fixture *f = userdata;
    struct netbios_name name = name_of("HOST");

    on_done(&f->a, resolution);
    if (f->left > 0)
    {
        f->left--;
        f->result = queries_name(f->queries, 0, &name, -1, f->now, on_done_again_and_tick, f);
        assert_int_equal(queries_tick(f->queries, f->now), f->now);
    }
}

/* As a caller does that sets its timer after each question: still no recursion. */
static void test_again_with_tick(void **state)
{
    struct fixture *f = *state;
    struct netbios_name name = name_of("HOST");

    start(f, NODE_P, 0);
    f->left = 5;
    assert_int_equal(queries_name(f->queries, 0, &name, -1, f->now, on_done_again_and_tick, f), 0);
    for (unsigned int i = 1; i <= 5; i++)
    {
        assert_int_equal(queries_tick(f->queries, f->now), f->now);
        assert_int_equal(f->a.called, i);
    }
    assert_int_equal(queries_tick(f->queries, f->now), NS_NEVER);
    assert_int_equal(f->a.called, 6);
}

/* done() asks for what has just been found: answered inside, from the cache. */
static void test_again_after_success(void **state)
{
    struct fixture *f = *state;
    struct netbios_name name = name_of("HOST");
    struct ns_message answer;

    start(f, NODE_B, 0);
    f->left = 3;
    assert_int_equal(queries_name(f->queries, 0, &name, -1, f->now, on_done_again, f), 0);
    ask(f, "HOST", &f->b);
    answer = answer_to(f, 0, "10.77.0.9");
    assert_true(respond(f, &answer, "10.77.0.9"));
    assert_int_equal(f->a.called, 4);
    assert_unique(&f->b, "10.77.0.9");
    assert_int_equal(f->n_sent, 1);
}

/* Calls everything that it may call. */
static void on_done_everything(void *userdata, const struct resolution *resolution)
{
    struct fixture *f = userdata;
    struct netbios_name other = name_of("OTHER");
    struct ns_message answer = answer_to(f, 0, "10.77.0.66");

    on_done(&f->a, resolution);
    queries_flush(f->queries);
    f->result = queries_name(f->queries, 0, &other, -1, f->now, on_done, &f->b);
    /* Its own question is over. */
    assert_false(respond(f, &answer, "10.77.0.66"));
    assert_int_equal(queries_address(f->queries, 0, ip("10.77.0.5"), f->now, on_name, &f->b), 0);
    assert_int_equal(queries_tick(f->queries, f->now), f->now + 250 * MS);
}

static void test_done_calls_everything(void **state)
{
    struct fixture *f = *state;
    struct netbios_name name = name_of("HOST");
    struct ns_message answer;

    start(f, NODE_B, 0);
    assert_int_equal(queries_name(f->queries, 0, &name, -1, f->now, on_done_everything, f), 0);
    answer = answer_to(f, 0, "10.77.0.9");
    assert_true(respond(f, &answer, "10.77.0.9"));
    assert_unique(&f->a, "10.77.0.9");
    assert_int_equal(f->result, 0);
    assert_int_equal(f->n_sent, 3);
    assert_int_equal(f->b.called, 0);
}

/* Nobody waits forever: what is open when all ends hears of it, and can not ask again. */
static void test_free_while_open(void **state)
{
    struct fixture *f = *state;
    struct netbios_name name = name_of("HOST");
    struct asked address = {};

    start(f, NODE_H, 1);
    f->left = 1;
    assert_int_equal(queries_name(f->queries, 0, &name, -1, f->now, on_done_again, f), 0);
    ask(f, "OTHER", &f->b);
    ask_address(f, "10.77.0.9", &address);
    f->queries = queries_free(f->queries);
    assert_null(f->queries);
    assert_nobody(&f->a);
    assert_nobody(&f->b);
    assert_nobody(&address);
    assert_int_equal(f->result, -ESHUTDOWN);
    assert_null(queries_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_coalescing),
        TEST(test_limit),
        TEST(test_users),
        TEST(test_users_addresses),
        TEST(test_again_after_failure),
        TEST(test_again_with_nobody_to_ask),
        TEST(test_again_with_tick),
        TEST(test_again_after_success),
        TEST(test_done_calls_everything),
        TEST(test_free_while_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
