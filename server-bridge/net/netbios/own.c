/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The NetBIOS names that are ours */

#include "net/netbios/own.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COMPUTER_FALLBACK "LOCALHOST"

_Static_assert(OWN_COMPUTER_SIZE == 16, "the size in the header's prototype");

void own_computer_from_host(const char *host, char ret_computer[static 16])
{
    size_t size = strcspn(host, ".");
    struct netbios_name name;

    if (size > NETBIOS_NAME_CHARS_MAX)
    {
        size = NETBIOS_NAME_CHARS_MAX;
    }
    if (netbios_name_make(&name, host, size, NETBIOS_SUFFIX_HOST))
    {
        host = COMPUTER_FALLBACK;
        size = strlen(COMPUTER_FALLBACK);
    }
    for (size_t i = 0; i < size; i++)
    {
        ret_computer[i] = host[i] >= 'a' && host[i] <= 'z' ? (char)(host[i] - 'a' + 'A') : host[i];
    }
    ret_computer[size] = 0;
}

/* Any failure is OWN_BAD_EXTRA, for the caller to translate. */
static int own_make(struct netbios_name *ret_name, struct codepage *codepage, const char *text,
                    size_t text_size, uint8_t suffix)
{
    char oem[NETBIOS_NAME_CHARS_MAX];
    size_t size;

    if (codepage_encode(codepage, text, text_size, oem, sizeof(oem), &size) ||
        netbios_name_make(ret_name, oem, size, suffix))
    {
        return OWN_BAD_EXTRA;
    }
    return OWN_OK;
}

static int own_make_extra(struct netbios_name *ret_name, struct codepage *codepage,
                          const char *text)
{
    const char *hash = strrchr(text, '#');
    uint8_t suffix = NETBIOS_SUFFIX_HOST;

    if (!hash)
    {
        return own_make(ret_name, codepage, text, strlen(text), suffix);
    }
    if (!isxdigit((unsigned char)hash[1]) || !isxdigit((unsigned char)hash[2]) || hash[3])
    {
        return OWN_BAD_EXTRA;
    }
    suffix = (uint8_t)strtoul(hash + 1, NULL, 16);
    return own_make(ret_name, codepage, text, (size_t)(hash - text), suffix);
}

int own_init(struct own_names *ret_own, struct codepage *codepage, const char *computer,
             const char *workgroup, const char *const *extra, size_t n_extra)
{
    struct own_names own = {.n_extra = n_extra};

    if (own_make(&own.computer, codepage, computer, strlen(computer), NETBIOS_SUFFIX_HOST))
    {
        return OWN_BAD_COMPUTER;
    }
    if (own_make(&own.workgroup, codepage, workgroup, strlen(workgroup), NETBIOS_SUFFIX_HOST))
    {
        return OWN_BAD_WORKGROUP;
    }
    own.extra = calloc(n_extra + 1, sizeof(*own.extra));
    if (!own.extra)
    {
        return -ENOMEM;
    }
    for (size_t i = 0; i < n_extra; i++)
    {
        if (own_make_extra(&own.extra[i], codepage, extra[i]))
        {
            free(own.extra);
            return OWN_BAD_EXTRA;
        }
    }
    *ret_own = own;
    return OWN_OK;
}

void own_deinit(struct own_names *own)
{
    free(own->extra);
    *own = (struct own_names){};
}

bool own_is_destination(const struct own_names *own, const struct datagram *datagram)
{
    if (datagram->type == DATAGRAM_BROADCAST || netbios_name_is_wildcard(&datagram->destination) ||
        netbios_name_equal(&datagram->destination, &own->computer) ||
        netbios_name_equal(&datagram->destination, &own->workgroup))
    {
        return true;
    }
    for (size_t i = 0; i < own->n_extra; i++)
    {
        if (netbios_name_equal(&datagram->destination, &own->extra[i]))
        {
            return true;
        }
    }
    return false;
}
