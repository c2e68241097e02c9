/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: NetBIOS names and scopes, encoded and as people write them (RFC 1002 4.1) */

#include "target.h"

#include "net/netbios/name.h"

/* Encoded with its scope, a name is decoded to the same. */
static void target_round_trip(const struct netbios_name *name, const struct netbios_scope *scope)
{
    uint8_t encoded[NETBIOS_NAME_ENCODED_MAX];
    size_t size = netbios_name_encode(name, scope, encoded), scope_size, taken;
    struct netbios_name again;

    TARGET_CHECK(size == NETBIOS_NAME_ENCODED_SIZE + scope->size && size <= sizeof(encoded));
    TARGET_CHECK(netbios_name_decode(encoded, size, &again, &scope_size, &taken) == 0);
    TARGET_CHECK(netbios_name_equal(&again, name));
    TARGET_CHECK(taken == size && scope_size == scope->size);
    TARGET_CHECK(netbios_scope_matches(scope, encoded + 33, scope_size));
    /* One byte less is none. */
    TARGET_CHECK(netbios_name_decode(encoded, size - 1, &again, &scope_size, &taken) ==
                 NETBIOS_NAME_BROKEN);
}

static void target_print(const struct netbios_name *name)
{
    char text[NETBIOS_NAME_PRINT_SIZE];

    TARGET_CHECK(netbios_name_length(name) <= NETBIOS_NAME_CHARS_MAX);
    memset(text, 'x', sizeof(text));
    netbios_name_print(name, text);
    TARGET_CHECK(memchr(text, 0, sizeof(text)));
    for (const char *c = text; *c; c++)
    {
        TARGET_CHECK(*c >= 0x20 && *c <= 0x7e && *c != '"');
    }
}

/* What stands on the wire comes out again byte for byte: there is one way to encode a name. */
static void target_decode(const uint8_t *bytes, size_t size)
{
    uint8_t encoded[NETBIOS_NAME_ENCODED_MAX];
    struct netbios_scope scope = {0};
    struct netbios_name name;
    size_t scope_size, taken;
    int r = netbios_name_decode(bytes, size, &name, &scope_size, &taken);

    TARGET_CHECK(r == NETBIOS_NAME_OK || r == NETBIOS_NAME_BROKEN);
    if (r)
    {
        return;
    }
    TARGET_CHECK(taken <= size && taken <= NETBIOS_SCOPE_MAX);
    TARGET_CHECK(taken == NETBIOS_NAME_ENCODED_SIZE + scope_size);
    TARGET_CHECK(scope_size <= NETBIOS_SCOPE_LABELS_MAX);
    memcpy(scope.labels, bytes + 33, scope_size);
    scope.size = scope_size;
    TARGET_CHECK(netbios_name_encode(&name, &scope, encoded) == taken);
    TARGET_CHECK(memcmp(encoded, bytes, taken) == 0);
    target_round_trip(&name, &scope);
    target_print(&name);
}

static void target_make(const uint8_t *bytes, size_t size)
{
    struct netbios_scope empty = {0};
    struct netbios_name name;
    int r = netbios_name_make(&name, (const char *)bytes, size, NETBIOS_SUFFIX_HOST);

    TARGET_CHECK(r == NETBIOS_NAME_OK || r == NETBIOS_NAME_INVALID);
    if (r)
    {
        return;
    }
    TARGET_CHECK(size >= 1 && size <= NETBIOS_NAME_CHARS_MAX);
    TARGET_CHECK(netbios_name_length(&name) == size);
    TARGET_CHECK(!netbios_name_is_wildcard(&name));
    TARGET_CHECK(!memchr(name.bytes, '\\', size) && !memchr(name.bytes, '/', size));
    target_round_trip(&name, &empty);
    target_print(&name);
}

static void target_scope(const uint8_t *bytes, size_t size)
{
    struct netbios_name name = netbios_name_wildcard();
    struct netbios_scope scope;
    char *text = malloc(size + 1);
    int r;

    TARGET_CHECK(text);
    memcpy(text, bytes, size);
    text[size] = 0;
    r = netbios_scope_make(&scope, text);
    TARGET_CHECK(r == NETBIOS_NAME_OK || r == NETBIOS_NAME_INVALID);
    if (!r)
    {
        /* Each dot becomes the length of the label behind it; the first label has one more. */
        TARGET_CHECK(scope.size == (*text ? strlen(text) + 1 : 0));
        target_round_trip(&name, &scope);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    target_decode(bytes, size);
    target_make(bytes, size);
    target_scope(bytes, size);
    return 0;
}
