/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of net/policy and net/source_rate: rates (issue 4, section 4; wire.md 1.9) */

#include "policy_support.h"

#include "net/source_rate.h"

#include <malloc.h>

#define SECOND UINT64_C(1000000)
#define HOUR   (3600 * SECOND)
#define RATE   100
#define BURST  (RATE * SOURCE_RATE_BURST_SECONDS)

static struct policy *with_rate(uint32_t rate)
{
    return make(&(struct policy_config){.source_rate = rate});
}

static size_t taken(struct policy *policy, struct in_addr source, size_t n, uint64_t now)
{
    size_t count = 0;

    while (n--)
    {
        count += policy_rate(policy, source, now);
    }
    return count;
}

static void test_rate(void **state)
{
    struct policy *policy = with_rate(RATE);
    struct in_addr a = numbered(1), b = numbered(2);

    (void)state;
    assert_int_equal(taken(policy, a, BURST + 50, 10 * SECOND), BURST);
    /* Another source has a bucket of its own. */
    assert_int_equal(taken(policy, b, BURST + 50, 10 * SECOND), BURST);
    /* Refilled at the rate, in however small steps it is asked for. */
    assert_int_equal(taken(policy, a, 500, 11 * SECOND), RATE);
    for (int i = 1; i < 10; i++)
    {
        assert_false(policy_rate(policy, a, 11 * SECOND + SECOND / RATE * i / 10));
    }
    assert_true(policy_rate(policy, a, 11 * SECOND + SECOND / RATE));
    assert_false(policy_rate(policy, a, 11 * SECOND + SECOND / RATE));
    /* Never more than the burst; a clock that goes back gives nothing and takes nothing. */
    assert_int_equal(taken(policy, a, 5000, 1000 * HOUR), BURST);
    assert_false(policy_rate(policy, a, 0));
    assert_int_equal(taken(policy, a, 500, SECOND), RATE);
    policy_free(policy);
}

static void test_rate_extremes(void **state)
{
    struct policy *policy = with_rate(0);

    (void)state;
    assert_int_equal(taken(policy, numbered(1), 100000, 5), 100000);
    policy_free(policy);
    policy = with_rate(UINT32_MAX);
    assert_int_equal(taken(policy, numbered(1), 100000, 5), 100000);
    assert_true(policy_rate(policy, numbered(1), UINT64_MAX));
    policy_free(policy);
    policy = with_rate(1);
    assert_int_equal(taken(policy, numbered(1), 10, 5), SOURCE_RATE_BURST_SECONDS);
    assert_false(policy_rate(policy, numbered(1), 4 + SECOND));
    assert_true(policy_rate(policy, numbered(1), 5 + SECOND));
    policy_free(policy);
}

/*
 * Wire.md 1.9, bounded tables: forged addresses cost no memory; a legitimate source that goes on
 * sending meanwhile is remembered, limited as ever, and gets its full rate.
 */
static void test_rate_flood(void **state)
{
    struct policy *policy = with_rate(RATE);
    struct in_addr legitimate = address("192.0.2.1"), loud = address("192.0.2.2");
    uint64_t now = 10 * SECOND;
    size_t loud_taken = 0, before;

    (void)state;
    before = mallinfo2().uordblks;
    for (uint32_t i = 0; i < 100000; i++)
    {
        assert_true(policy_rate(policy, numbered(i), now));
        if (i % 1000 == 0)
        {
            now += SECOND / RATE;
            assert_true(policy_rate(policy, legitimate, now));
        }
        if (i % 10 == 0)
        {
            loud_taken += policy_rate(policy, loud, now);
        }
    }
    /* 10,000 wishes; the bucket was full at the first of the 100 times that the clock moved. */
    assert_int_equal(loud_taken, BURST + RATE - 1);
    /* (Sanitizers report 0 both times.) */
    assert_int_equal(mallinfo2().uordblks, before);
    /* A source that was forgotten is as good as new, one that is in the table is not. */
    assert_int_equal(taken(policy, numbered(99999), BURST + 1, now), BURST - 1);
    assert_int_equal(taken(policy, numbered(0), BURST + 1, now), BURST);
    policy_free(policy);
}

/* Exactly the one that was quiet longest is forgotten. */
static void test_rate_replacement(void **state)
{
    struct policy *policy = with_rate(1);

    (void)state;
    for (uint32_t i = 0; i < SOURCE_RATE_SOURCES_MAX; i++)
    {
        assert_int_equal(taken(policy, numbered(i), 9, i), SOURCE_RATE_BURST_SECONDS);
    }
    /* 0 speaks again, so 1 is the quiet one now. */
    assert_false(policy_rate(policy, numbered(0), 5000));
    assert_true(policy_rate(policy, numbered(5000), 5000));
    assert_false(policy_rate(policy, numbered(0), 5000));
    for (uint32_t i = 2; i < SOURCE_RATE_SOURCES_MAX; i++)
    {
        assert_false(policy_rate(policy, numbered(i), 5000));
    }
    assert_true(policy_rate(policy, numbered(1), 5000));
    policy_free(policy);
}

/* Node status: ten a second, whatever source_rate says, and not counted with the datagrams. */
static void test_status_rate(void **state)
{
    struct policy *policy = with_rate(0);
    size_t n = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
    {
        n += policy_status_rate(policy, numbered(1), 10 * SECOND);
    }
    assert_int_equal(n, 10 * SOURCE_RATE_BURST_SECONDS);
    n = 0;
    for (int i = 0; i < 1000; i++)
    {
        n += policy_status_rate(policy, numbered(1), 11 * SECOND);
    }
    assert_int_equal(n, 10);
    policy_free(policy);
    policy = with_rate(1);
    assert_int_equal(taken(policy, numbered(1), 9, 0), SOURCE_RATE_BURST_SECONDS);
    assert_true(policy_status_rate(policy, numbered(1), 0));
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate),        cmocka_unit_test(test_rate_extremes),
        cmocka_unit_test(test_rate_flood),  cmocka_unit_test(test_rate_replacement),
        cmocka_unit_test(test_status_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
