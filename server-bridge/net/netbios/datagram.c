/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetBIOS datagrams: header and names around the user data */

#include "net/netbios/datagram.h"

#include <assert.h>
#include <string.h>

/* RFC 1002 4.4.1, big-endian. */
#define OFFSET_TYPE        0
#define OFFSET_FLAGS       1
#define OFFSET_ID          2
#define OFFSET_SOURCE_IP   4
#define OFFSET_SOURCE_PORT 8
#define OFFSET_LENGTH      10
#define OFFSET_OFFSET      12

#define FLAG_MORE      0x01
#define FLAG_FIRST     0x02
#define FLAG_NODE_MASK 0x0c

static uint16_t read_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void write_be16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

/* The labels stand behind the length byte and the 32 half-bytes. */
static bool in_scope(const uint8_t *name, size_t scope_size, const struct netbios_scope *scope)
{
    return netbios_scope_matches(scope, name + NETBIOS_NAME_ENCODED_SIZE - 1, scope_size);
}

int datagram_read(const void *bytes, size_t size, const struct netbios_scope *scope,
                  struct datagram *ret_datagram)
{
    const uint8_t *p = bytes;
    struct datagram d = {};
    size_t at = DATAGRAM_FIXED_SIZE, taken, scope_size;
    bool ours;

    if (size < DATAGRAM_FIXED_SIZE)
    {
        return DATAGRAM_SHORT;
    }
    if (p[OFFSET_TYPE] < DATAGRAM_DIRECT_UNIQUE || p[OFFSET_TYPE] > DATAGRAM_BROADCAST)
    {
        return DATAGRAM_BAD_TYPE;
    }
    if ((p[OFFSET_FLAGS] & (FLAG_FIRST | FLAG_MORE)) != FLAG_FIRST ||
        read_be16(p + OFFSET_OFFSET) != 0)
    {
        return DATAGRAM_FRAGMENT;
    }
    if (netbios_name_decode(p + at, size - at, &d.source, &scope_size, &taken))
    {
        return DATAGRAM_BAD_SOURCE_NAME;
    }
    ours = in_scope(p + at, scope_size, scope);
    at += taken;
    if (netbios_name_decode(p + at, size - at, &d.destination, &scope_size, &taken))
    {
        return DATAGRAM_BAD_DESTINATION_NAME;
    }
    ours = ours && in_scope(p + at, scope_size, scope);
    at += taken;
    if (!ours)
    {
        return DATAGRAM_OTHER_SCOPE;
    }
    d.type = p[OFFSET_TYPE];
    d.node = p[OFFSET_FLAGS] & FLAG_NODE_MASK;
    d.id = read_be16(p + OFFSET_ID);
    memcpy(&d.source_ip, p + OFFSET_SOURCE_IP, sizeof(d.source_ip));
    d.source_port = read_be16(p + OFFSET_SOURCE_PORT);
    d.user_data = p + at;
    d.user_data_size = size - at;
    *ret_datagram = d;
    return DATAGRAM_OK;
}

size_t datagram_write(const struct datagram *datagram, const struct netbios_scope *scope,
                      uint8_t ret_bytes[static DATAGRAM_SIZE_MAX])
{
    const struct datagram *d = datagram;
    uint8_t *p = ret_bytes;
    size_t at = DATAGRAM_FIXED_SIZE;

    assert(d->user_data_size <= DATAGRAM_USER_DATA_MAX);

    p[OFFSET_TYPE] = (uint8_t)d->type;
    p[OFFSET_FLAGS] = (uint8_t)(FLAG_FIRST | d->node);
    write_be16(p + OFFSET_ID, d->id);
    memcpy(p + OFFSET_SOURCE_IP, &d->source_ip, sizeof(d->source_ip));
    write_be16(p + OFFSET_SOURCE_PORT, d->source_port);
    write_be16(p + OFFSET_OFFSET, 0);
    at += netbios_name_encode(&d->source, scope, p + at);
    at += netbios_name_encode(&d->destination, scope, p + at);
    if (d->user_data)
    {
        memcpy(p + at, d->user_data, d->user_data_size);
    }
    at += d->user_data_size;
    /* The length leaves the 14 bytes of the header out. */
    write_be16(p + OFFSET_LENGTH, (uint16_t)(at - DATAGRAM_FIXED_SIZE));
    return at;
}
