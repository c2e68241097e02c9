/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of net/denial_log (issue 4, section 4: "Denied → counted, logged once") */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/denial_log.h"

#include <stdbool.h>
#include <string.h>

#define SECOND UINT64_C(1000000)
#define HOUR   (3600 * SECOND)

static struct denial_log *make(void)
{
    struct denial_log *log = NULL;

    assert_int_equal(denial_log_new(&log), 0);
    return log;
}

static bool logs(struct denial_log *log, enum denial kind, const char *key, uint64_t now)
{
    return denial_log_once(log, kind, key, strlen(key), now) == DENIAL_LOG_LINE;
}

static void test_log_once(void **state)
{
    struct denial_log *log = make();

    (void)state;
    assert_true(logs(log, DENIAL_RECEIVE, "a", 0));
    assert_false(logs(log, DENIAL_RECEIVE, "a", 0));
    assert_false(logs(log, DENIAL_RECEIVE, "a", HOUR - 1));
    /* Each kind and each key once. */
    assert_true(logs(log, DENIAL_SEND, "a", HOUR - 1));
    assert_true(logs(log, DENIAL_RECEIVE, "ab", HOUR - 1));
    assert_true(logs(log, DENIAL_RECEIVE, "", HOUR - 1));
    /* The hour counts from the line, not from the last denial. */
    assert_true(logs(log, DENIAL_RECEIVE, "a", HOUR));
    assert_false(logs(log, DENIAL_RECEIVE, "a", HOUR + 1));
    /* A clock that goes back says nothing twice. */
    assert_false(logs(log, DENIAL_SEND, "a", 5));
    denial_log_free(log);
}

/* How many lines for one kind and so many keys, and how often that there are more. */
static size_t flood(struct denial_log *log, enum denial kind, uint64_t now, size_t *ret_more)
{
    size_t lines = 0;

    *ret_more = 0;
    for (uint32_t i = 0; i < 100000; i++)
    {
        switch (denial_log_once(log, kind, &i, sizeof(i), now))
        {
        case DENIAL_LOG_NOTHING:
            break;
        case DENIAL_LOG_LINE:
            /* Not behind the line that says that there are more. */
            assert_int_equal(*ret_more, 0);
            lines++;
            break;
        case DENIAL_LOG_MORE:
            ++*ret_more;
            break;
        }
    }
    return lines;
}

static void test_log_bounded(void **state)
{
    struct denial_log *log = make();
    size_t more;

    (void)state;
    assert_int_equal(flood(log, DENIAL_SOURCE, SECOND, &more), DENIAL_LOG_KEYS_MAX);
    assert_int_equal(more, 1);
    assert_int_equal(flood(log, DENIAL_SOURCE, HOUR, &more), 0);
    assert_int_equal(more, 0);
    assert_int_equal(flood(log, DENIAL_SOURCE, SECOND + HOUR, &more), DENIAL_LOG_KEYS_MAX);
    assert_int_equal(more, 1);
    denial_log_free(log);
}

/* Issue 4, section 4: "logged once", whatever is denied beside it: sources can be forged. */
static void test_log_kinds(void **state)
{
    struct denial_log *log = make();
    size_t more;

    (void)state;
    for (enum denial forged = 0; forged < DENIALS; forged++)
    {
        const char *text = denial_log_more(forged);

        assert_int_equal(flood(log, forged, forged * 2 * HOUR, &more), DENIAL_LOG_KEYS_MAX);
        assert_non_null(strstr(text, "mailslotctl stats"));
        for (enum denial kind = 0; kind < DENIALS; kind++)
        {
            assert_int_equal(logs(log, kind, "key", forged * 2 * HOUR), kind != forged);
            assert_true(kind == forged || strcmp(text, denial_log_more(kind)) != 0);
        }
    }
    denial_log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_once),
        cmocka_unit_test(test_log_bounded),
        cmocka_unit_test(test_log_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
