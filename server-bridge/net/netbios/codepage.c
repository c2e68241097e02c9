/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slot and computer names: UTF-8 inside the daemon, OEM code page on the wire */

#include "net/netbios/codepage.h"

#include <errno.h>
#include <iconv.h>
#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

/* Part of every C library, where CP850 comes with a package of converters. */
#define CODEPAGE_BUILT_IN "US-ASCII"

struct codepage
{
    iconv_t to_oem;
    iconv_t to_utf8;
    char *name;
    char upper[256]; /* of each character that is one byte; the others stay as they are */
};

static int codepage_convert(iconv_t converter, const char *from, size_t size, char *ret_to,
                            size_t capacity, size_t *ret_size)
{
    char *in = (char *)from, *out = ret_to;
    size_t in_left = size, out_left = capacity;

    iconv(converter, NULL, NULL, NULL, NULL);
    /* A positive result counts characters that were only approximated. */
    errno = 0;
    if (iconv(converter, &in, &in_left, &out, &out_left) != 0 ||
        iconv(converter, NULL, NULL, &out, &out_left) == (size_t)-1)
    {
        return errno == E2BIG ? CODEPAGE_NO_SPACE : CODEPAGE_NOT_REPRESENTABLE;
    }
    *ret_size = capacity - out_left;
    return CODEPAGE_OK;
}

static bool codepage_covers_ascii(struct codepage *codepage)
{
    for (char c = 0x20; c < 0x7f; c++)
    {
        char oem[8], utf8[8];
        size_t size;

        if (codepage_convert(codepage->to_oem, &c, 1, oem, sizeof(oem), &size) || size != 1 ||
            oem[0] != c || codepage_convert(codepage->to_utf8, &c, 1, utf8, sizeof(utf8), &size) ||
            size != 1 || utf8[0] != c)
        {
            return false;
        }
    }
    return true;
}

/* Without a UTF-8 locale, or the C library's converters, ASCII is all that has capitals. */
static void codepage_learn_upper(struct codepage *codepage)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    iconv_t to_wide = iconv_open("WCHAR_T", codepage->name);
    iconv_t from_wide = iconv_open(codepage->name, "WCHAR_T");

    for (int i = 0; i < 256; i++)
    {
        char c = (char)i, capital;
        wchar_t wide;
        size_t size;

        codepage->upper[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
        if (i < 0x80 || locale == (locale_t)0 || to_wide == (iconv_t)-1 ||
            from_wide == (iconv_t)-1 ||
            codepage_convert(to_wide, &c, 1, (char *)&wide, sizeof(wide), &size) ||
            size != sizeof(wide))
        {
            continue;
        }
        wide = (wchar_t)towupper_l((wint_t)wide, locale);
        /* A dotless i has an ASCII capital, which Windows does not take for the same letter. */
        if (codepage_convert(from_wide, (char *)&wide, sizeof(wide), &capital, 1, &size) == 0 &&
            size == 1 && (unsigned char)capital >= 0x80)
        {
            codepage->upper[i] = capital;
        }
    }
    if (to_wide != (iconv_t)-1)
    {
        iconv_close(to_wide);
    }
    if (from_wide != (iconv_t)-1)
    {
        iconv_close(from_wide);
    }
    if (locale != (locale_t)0)
    {
        freelocale(locale);
    }
}

static int codepage_open(struct codepage **ret_codepage, const char *name)
{
    struct codepage *codepage;

    /* "//TRANSLIT" and its kind would approximate. */
    if (name[0] == 0 || strchr(name, '/'))
    {
        return -EINVAL;
    }
    codepage = malloc(sizeof(*codepage));
    if (!codepage)
    {
        return -ENOMEM;
    }
    codepage->to_oem = iconv_open(name, "UTF-8");
    codepage->to_utf8 = iconv_open("UTF-8", name);
    codepage->name = strdup(name);
    if (!codepage->name)
    {
        codepage_free(codepage);
        return -ENOMEM;
    }
    if (codepage->to_oem == (iconv_t)-1 || codepage->to_utf8 == (iconv_t)-1 ||
        !codepage_covers_ascii(codepage))
    {
        codepage_free(codepage);
        return -EINVAL;
    }
    codepage_learn_upper(codepage);
    *ret_codepage = codepage;
    return 0;
}

int codepage_new(struct codepage **ret_codepage, const char *name)
{
    int r;

    if (name)
    {
        return codepage_open(ret_codepage, name);
    }
    r = codepage_open(ret_codepage, CODEPAGE_DEFAULT);
    return r == -EINVAL ? codepage_open(ret_codepage, CODEPAGE_BUILT_IN) : r;
}

struct codepage *codepage_free(struct codepage *codepage)
{
    if (!codepage)
    {
        return NULL;
    }
    if (codepage->to_oem != (iconv_t)-1)
    {
        iconv_close(codepage->to_oem);
    }
    if (codepage->to_utf8 != (iconv_t)-1)
    {
        iconv_close(codepage->to_utf8);
    }
    free(codepage->name);
    free(codepage);
    return NULL;
}

const char *codepage_name(const struct codepage *codepage)
{
    return codepage->name;
}

/* Printable ASCII, which is the same in every code page that was let in: nearly every name. */
static bool is_plain(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
    {
        if (text[i] < 0x20 || text[i] > 0x7e)
        {
            return false;
        }
    }
    return true;
}

static int codepage_copy(const char *from, size_t size, char *ret_to, size_t capacity,
                         size_t *ret_size)
{
    if (size > capacity)
    {
        return CODEPAGE_NO_SPACE;
    }
    memcpy(ret_to, from, size);
    *ret_size = size;
    return CODEPAGE_OK;
}

int codepage_encode(struct codepage *codepage, const char *utf8, size_t size, char *ret_oem,
                    size_t capacity, size_t *ret_size)
{
    if (is_plain(utf8, size))
    {
        return codepage_copy(utf8, size, ret_oem, capacity, ret_size);
    }
    return codepage_convert(codepage->to_oem, utf8, size, ret_oem, capacity, ret_size);
}

int codepage_encode_upper(struct codepage *codepage, const char *utf8, size_t size, char *ret_oem,
                          size_t capacity, size_t *ret_size)
{
    size_t oem_size;
    int r = codepage_encode(codepage, utf8, size, ret_oem, capacity, &oem_size);

    if (r)
    {
        return r;
    }
    for (size_t i = 0; i < oem_size; i++)
    {
        ret_oem[i] = codepage->upper[(unsigned char)ret_oem[i]];
    }
    *ret_size = oem_size;
    return CODEPAGE_OK;
}

int codepage_decode(struct codepage *codepage, const char *oem, size_t size, char *ret_utf8,
                    size_t capacity, size_t *ret_size)
{
    if (is_plain(oem, size))
    {
        return codepage_copy(oem, size, ret_utf8, capacity, ret_size);
    }
    return codepage_convert(codepage->to_utf8, oem, size, ret_utf8, capacity, ret_size);
}
