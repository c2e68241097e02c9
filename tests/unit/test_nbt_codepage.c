/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netbios/codepage (semantics N20) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/netbios/codepage.h"

#include <errno.h>
#include <string.h>

static int set_up(void **state)
{
    struct codepage *codepage;

    if (codepage_new(&codepage, "CP850"))
    {
        return -1;
    }
    *state = codepage;
    return 0;
}

static int tear_down(void **state)
{
    codepage_free(*state);
    return 0;
}

static void test_convert(void **state)
{
    char text[64];
    size_t size;

    /* é is 0x82 and ß 0xe1 in CP850. */
    assert_int_equal(codepage_encode(*state, "a\xc3\xa9\xc3\x9f", 5, text, sizeof(text), &size),
                     CODEPAGE_OK);
    assert_int_equal(size, 3);
    assert_memory_equal(text, "a\x82\xe1", 3);
    assert_int_equal(codepage_decode(*state, "a\x82\xe1", 3, text, sizeof(text), &size),
                     CODEPAGE_OK);
    assert_int_equal(size, 5);
    assert_memory_equal(text, "a\xc3\xa9\xc3\x9f", 5);
    assert_int_equal(codepage_encode(*state, "", 0, text, sizeof(text), &size), CODEPAGE_OK);
    assert_int_equal(size, 0);
}

/* wire.md 1.2: names of computers and groups are capital letters on the wire, as Samba has them. */
static void test_upper(void **state)
{
    static const struct
    {
        const char *utf8, *oem;
    } rows[] = {
        {"host", "HOST"},
        {"m\xc3\xbcller", "M\x9aLLER"}, /* ü, Ü */
        {"M\xc3\x9cLLER", "M\x9aLLER"},
        {"\xc3\xa9\xc3\xb1\xc3\xa5", "\x90\xa5\x8f"}, /* é ñ å */
        {"\xc3\x9f\xc3\xbf", "\xe1\x98"},             /* ß has none, ÿ none in CP850 */
        {"\xc4\xb1", "\xd5"},                         /* a dotless i is no I */
    };
    char text[64];
    size_t size;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        assert_int_equal(codepage_encode_upper(*state, rows[i].utf8, strlen(rows[i].utf8), text,
                                               sizeof(text), &size),
                         CODEPAGE_OK);
        assert_int_equal(size, strlen(rows[i].oem));
        assert_memory_equal(text, rows[i].oem, size);
    }
    assert_int_equal(codepage_encode_upper(*state, "\xd0\x9f", 2, text, sizeof(text), &size),
                     CODEPAGE_NOT_REPRESENTABLE);
    assert_int_equal(codepage_encode_upper(*state, "abc", 3, text, 2, &size), CODEPAGE_NO_SPACE);
}

/* Cyrillic, a lone surrogate (WTF-8), broken UTF-8: an error, and the next conversion works. */
static void test_not_representable(void **state)
{
    static const char *const bad[] = {"\xd0\x9f", "a\xed\xa0\x80", "\xff", "\xc3"};
    char text[64];
    size_t size;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    {
        assert_int_equal(codepage_encode(*state, bad[i], strlen(bad[i]), text, sizeof(text), &size),
                         CODEPAGE_NOT_REPRESENTABLE);
        assert_int_equal(codepage_encode(*state, "ok", 2, text, sizeof(text), &size), CODEPAGE_OK);
        assert_int_equal(size, 2);
    }
}

/* Every byte but NUL that a peer can send comes back unchanged. */
static void test_all_bytes(void **state)
{
    char bytes[255], utf8[3 * 255], back[255];
    size_t size, back_size;

    for (int i = 0; i < 255; i++)
    {
        bytes[i] = (char)(i + 1);
    }
    assert_int_equal(codepage_decode(*state, bytes, 255, utf8, sizeof(utf8), &size), CODEPAGE_OK);
    assert_int_equal(codepage_encode(*state, utf8, size, back, sizeof(back), &back_size),
                     CODEPAGE_OK);
    assert_int_equal(back_size, 255);
    assert_memory_equal(back, bytes, 255);
}

static void test_no_space(void **state)
{
    char text[4];
    size_t size;

    assert_int_equal(codepage_encode(*state, "abcde", 5, text, 4, &size), CODEPAGE_NO_SPACE);
    assert_int_equal(codepage_encode(*state, "abcd", 4, text, 4, &size), CODEPAGE_OK);
    assert_int_equal(codepage_decode(*state, "abc\x82", 4, text, 4, &size), CODEPAGE_NO_SPACE);
}

static void test_settings(void **state)
{
    static const char *const bad[] = {"", "NO-SUCH", "UTF-16LE", "EBCDIC-US", "CP850//TRANSLIT"};
    struct codepage *codepage = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    {
        assert_int_equal(codepage_new(&codepage, bad[i]), -EINVAL);
        assert_null(codepage);
    }
    assert_int_equal(codepage_new(&codepage, NULL), 0);
    assert_string_equal(codepage_name(codepage), "CP850");
    codepage_free(codepage);
    assert_null(codepage_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convert),   cmocka_unit_test(test_not_representable),
        cmocka_unit_test(test_upper),     cmocka_unit_test(test_not_representable),
        cmocka_unit_test(test_all_bytes), cmocka_unit_test(test_no_space),
        cmocka_unit_test(test_settings),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
