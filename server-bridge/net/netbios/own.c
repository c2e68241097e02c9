/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The NetBIOS names that are ours */

#include "net/netbios/own.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define COMPUTER_FALLBACK "LOCALHOST"

_Static_assert(OWN_COMPUTER_SIZE == 16, "the size in the header's prototype");
_Static_assert(OWN_NAMES_MAX >= 2, "computer and workgroup are always there");

void own_computer_from_host(const char *host, char ret_computer[static 16])
{
    size_t size = strcspn(host, ".");
    struct netbios_name name;

    if (size > NETBIOS_NAME_CHARS_MAX)
    {
        size = NETBIOS_NAME_CHARS_MAX;
        /* Half a character of UTF-8 could not be converted. */
        while (size > 0 && ((unsigned char)host[size] & 0xc0) == 0x80)
        {
            size--;
        }
    }
    if (memchr(host, '#', size) || netbios_name_make(&name, host, size, NETBIOS_SUFFIX_HOST))
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

/*
 * What Windows lets nobody call a computer or a domain, and a comment behind the name, which was
 * not meant to be one's name: nobody would ever reach that.
 */
static bool own_is_allowed(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
    {
        if (strchr("\"\\/:*?<>|", text[i]) || (text[i] == '#' && i > 0 && text[i - 1] == ' '))
        {
            return false;
        }
    }
    return true;
}

/* Any failure is OWN_BAD_NAMES, for the caller to translate. */
static int own_make(struct netbios_name *ret_name, struct codepage *codepage, const char *text,
                    size_t text_size, uint8_t suffix)
{
    char oem[NETBIOS_NAME_CHARS_MAX];
    size_t size;

    if (!own_is_allowed(text, text_size) ||
        codepage_encode_upper(codepage, text, text_size, oem, sizeof(oem), &size) ||
        netbios_name_make(ret_name, oem, size, suffix))
    {
        return OWN_BAD_NAMES;
    }
    return OWN_OK;
}

int own_parse(struct netbios_name *ret_name, struct codepage *codepage, const char *text)
{
    const char *hash = strrchr(text, '#');

    if (!hash)
    {
        return own_make(ret_name, codepage, text, strlen(text), NETBIOS_SUFFIX_HOST);
    }
    if (!isxdigit((unsigned char)hash[1]) || !isxdigit((unsigned char)hash[2]) || hash[3])
    {
        return OWN_BAD_NAMES;
    }
    return own_make(ret_name, codepage, text, (size_t)(hash - text),
                    (uint8_t)strtoul(hash + 1, NULL, 16));
}

/* False: there is no room, or the name is there as the other kind; nobody can be both. */
static bool own_add(struct own_names *own, const struct netbios_name *name, bool group)
{
    const struct own_name *known = own_find(own, name);

    if (known)
    {
        return known->group == group;
    }
    if (own->n == OWN_NAMES_MAX)
    {
        return false;
    }
    own->list[own->n++] = (struct own_name){.name = *name, .group = group};
    return true;
}

static bool own_add_all(struct own_names *own, struct codepage *codepage, const char *const *texts,
                        size_t n, bool group)
{
    struct netbios_name name;

    for (size_t i = 0; i < n; i++)
    {
        if (own_parse(&name, codepage, texts[i]) || !own_add(own, &name, group))
        {
            return false;
        }
    }
    return true;
}

int own_init(struct own_names *ret_own, struct codepage *codepage, const struct own_config *config)
{
    struct own_names own = {.n = 2};

    /* NAME#20 is how further names are given; here the type is not to be chosen. */
    if (strchr(config->computer, '#') ||
        own_make(&own.list[OWN_COMPUTER].name, codepage, config->computer, strlen(config->computer),
                 NETBIOS_SUFFIX_HOST))
    {
        return OWN_BAD_COMPUTER;
    }
    if (strchr(config->workgroup, '#') ||
        own_make(&own.list[OWN_WORKGROUP].name, codepage, config->workgroup,
                 strlen(config->workgroup), NETBIOS_SUFFIX_HOST))
    {
        return OWN_BAD_WORKGROUP;
    }
    own.list[OWN_WORKGROUP].group = true;
    if (netbios_name_equal(&own.list[OWN_COMPUTER].name, &own.list[OWN_WORKGROUP].name))
    {
        return OWN_BAD_WORKGROUP;
    }
    if (!own_add_all(&own, codepage, config->names, config->n_names, false))
    {
        return OWN_BAD_NAMES;
    }
    if (!own_add_all(&own, codepage, config->groups, config->n_groups, true))
    {
        return OWN_BAD_GROUPS;
    }
    *ret_own = own;
    return OWN_OK;
}

struct own_name *own_find(struct own_names *own, const struct netbios_name *name)
{
    for (size_t i = 0; i < own->n; i++)
    {
        if (netbios_name_equal(&own->list[i].name, name))
        {
            return &own->list[i];
        }
    }
    return NULL;
}

bool own_is_destination(const struct own_names *own, const struct datagram *datagram)
{
    if (datagram->type == DATAGRAM_BROADCAST || netbios_name_is_wildcard(&datagram->destination))
    {
        return true;
    }
    for (size_t i = 0; i < own->n; i++)
    {
        if (own->list[i].state != OWN_REFUSED &&
            netbios_name_equal(&datagram->destination, &own->list[i].name))
        {
            return true;
        }
    }
    return false;
}
