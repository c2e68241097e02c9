/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slot names: which are valid (N1, N2, N9, N10), which are the same (N3, D8, C5). */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/protocol.h"
#include "daemon/fold.h"

static bool same_sized(const char *a, size_t a_size, const char *b, size_t b_size)
{
    char *one = fold_key(a, a_size), *two = fold_key(b, b_size);
    bool same = !strcmp(one, two);

    free(one);
    free(two);
    return same;
}

static bool same(const char *a, const char *b)
{
    return same_sized(a, strlen(a), b, strlen(b));
}

static bool valid(const char *name)
{
    return fold_valid(name, strlen(name));
}

/* N1, N2: any depth, any characters */
static void test_valid(void **state)
{
    (void)state;
    assert_true(valid("x"));
    assert_true(valid("dir\\dir2\\name"));
    assert_true(valid("a b.c/d:*?\"<>|"));
    assert_true(valid("\x01\x7f"));
    assert_true(valid(".."));
    assert_true(valid("\xff\xfe"));
}

/* N9, N10: the safe choices of semantics 7.2 */
static void test_invalid(void **state)
{
    (void)state;
    assert_false(valid(""));
    assert_false(valid("\\"));
    assert_false(valid("\\a"));
    assert_false(valid("a\\"));
    assert_false(valid("a\\\\b"));
    assert_false(fold_valid("a\0b", 3));
    assert_false(fold_valid("a\0", 2));
    assert_true(fold_valid("a\\b\\", 3)); /* only the size counts, not what follows */
}

static void test_length(void **state)
{
    char *name = malloc(CONTROL_NAME_MAX + 1), *key;

    (void)state;
    memset(name, 'q', CONTROL_NAME_MAX + 1);
    assert_true(fold_valid(name, CONTROL_NAME_MAX));
    assert_false(fold_valid(name, CONTROL_NAME_MAX + 1));
    key = fold_key(name, CONTROL_NAME_MAX);
    assert_int_equal(strlen(key), CONTROL_NAME_MAX);
    assert_int_equal(key[CONTROL_NAME_MAX - 1], 'Q');
    free(key);
    /* U+0250 grows from two bytes to three (U+2C6F): the worst case must fit. */
    for (size_t i = 0; i + 1 < CONTROL_NAME_MAX; i += 2)
        memcpy(name + i, "\xc9\x90", 2);
    key = fold_key(name, CONTROL_NAME_MAX);
    assert_true(strlen(key) <= CONTROL_NAME_MAX * 3);
    free(key);
    free(name);
}

/* N3, D8 */
static void test_case_ascii(void **state)
{
    char lower[] = "?", upper[] = "?";

    (void)state;
    for (int c = 1; c < 128; c++)
    {
        *lower = c;
        *upper = c >= 'a' && c <= 'z' ? c - 32 : c;
        assert_true(same(lower, upper));
        if (c < 127)
        {
            *upper = c + 1;
            assert_false(same(lower, upper));
        }
    }
    assert_true(same("Net\\NetLogon", "NET\\NETLOGON"));
    assert_false(same("a[", "a{")); /* 32 apart, but no letters */
    assert_false(same("a@", "a`"));
    assert_false(same("ab", "abc"));
    assert_false(same("a\\b", "a/b"));
}

/* N3: letters beyond ASCII, whatever the locale of the daemon */
static void test_case_unicode(void **state)
{
    (void)state;
    assert_true(same("\u00e4\u00f6\u00fc", "\u00c4\u00d6\u00dc"));
    assert_true(same("\u00ff", "\u0178")); /* y with two dots */
    assert_true(same("\u03b1\u03c9", "\u0391\u03a9"));
    assert_true(same("\u0436", "\u0416"));
    assert_true(same("\u0561", "\u0531"));
    assert_false(same("\u00e4", "a"));
    assert_false(same("\u00df", "ss")); /* one code point at a time: sharp s stays itself */
    assert_false(same("\u00df", "SS"));
    assert_false(same("\u00d7", "\u00f7")); /* times and divide are no letters */
}

/* No letter beyond ASCII may meet an ASCII one: dotless i, long s, Kelvin sign */
static void test_no_ascii_alias(void **state)
{
    (void)state;
    assert_false(same("\u0131", "i"));
    assert_false(same("\u0131", "I"));
    assert_false(same("\u0130", "i"));
    assert_false(same("\u017f", "s"));
    assert_false(same("\u017f", "S"));
    assert_false(same("\u212a", "k"));
}

/* NT folds UTF-16 units one by one: what needs two has no case. */
static void test_beyond_bmp(void **state)
{
    (void)state;
    assert_false(same("\U00010428", "\U00010400"));
    assert_true(same("\U0001f4ec", "\U0001f4ec"));
    assert_false(same("\U0001f4ec", "\U0001f4ed"));
    /* The same as the Windows side could send them: two surrogates of three bytes each */
    assert_false(same("\xed\xa0\x81\xed\xb0\xa8", "\xed\xa0\x81\xed\xb0\x80"));
}

/* Windows names may hold lone surrogates: each is itself and nothing else. */
static void test_surrogates(void **state)
{
    (void)state;
    assert_true(same("\xed\xa0\x80", "\xed\xa0\x80"));
    assert_false(same("\xed\xa0\x80", "\xed\xb0\x80"));
    assert_true(same("a\xed\xa0\x80z", "A\xed\xa0\x80Z"));
}

static void test_invalid_utf8(void **state)
{
    static const char *const names[] = {
        "\x80",             /* a tail alone */
        "\xc3",             /* a head alone */
        "\xc3z",            /* a head and a letter */
        "\xe2\x82",         /* cut */
        "\xe2\x82z",        /**/
        "\xc0\xaf",         /* overlong '/' */
        "\xc1\xa1",         /* overlong 'a' */
        "\xe0\x80\xaf",     /* overlong */
        "\xf5\x80\x80\x80", /* beyond Unicode */
        "\xff",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
    {
        char *key = fold_key(names[i], strlen(names[i]));

        assert_int_equal(key[0], names[i][0]);
        free(key);
        for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
            assert_int_equal(same(names[i], names[k]), i == k);
    }
    assert_false(same("\xc1\xa1", "a"));
    assert_false(same("\xc0\xaf", "/"));
    assert_true(same("\xc3z", "\xc3Z"));
    /* The byte after the size must not be read as a tail. */
    assert_false(same_sized("\xc3\xa4", 1, "\xc3\x84", 2));
    assert_true(same_sized("\xc3\xa4", 1, "\xc3\x84", 1));
}

/* Folding twice changes nothing more: keys are fit for comparison with each other. */
static void test_stable(void **state)
{
    (void)state;
    for (uint32_t point = 0x80; point < 0x10000; point++)
    {
        char name[4] = {0};
        char *once, *twice;

        if (point < 0x800)
        {
            name[0] = 0xc0 | point >> 6;
            name[1] = 0x80 | (point & 0x3f);
        }
        else
        {
            name[0] = 0xe0 | point >> 12;
            name[1] = 0x80 | (point >> 6 & 0x3f);
            name[2] = 0x80 | (point & 0x3f);
        }
        once = fold_key(name, strlen(name));
        twice = fold_key(once, strlen(once));
        assert_string_equal(once, twice);
        assert_true((uint8_t)once[0] >= 0x80);
        free(once);
        free(twice);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_length),       cmocka_unit_test(test_case_ascii),
        cmocka_unit_test(test_case_unicode), cmocka_unit_test(test_no_ascii_alias),
        cmocka_unit_test(test_beyond_bmp),   cmocka_unit_test(test_surrogates),
        cmocka_unit_test(test_invalid_utf8), cmocka_unit_test(test_stable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
