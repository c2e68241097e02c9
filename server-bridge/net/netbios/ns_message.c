/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of the NetBIOS name service */

/*
 * On paper these are DNS messages: four counted sections, and names with pointers into each other.
 * In use there are four forms only, and the reader knows these and no more:
 *
 *   query, status request           a question
 *   registration, refresh, release  a question, and an additional record for the question's name
 *   response                        an answer record
 *   negative response               as a response, but it may forget to count its record
 *
 * So there is one question and one record at most, each at a place that is known, and nothing loops
 * over what a sender counts. The only pointer that is ever valid is the one from the record back to
 * the question; it is compared as two fixed bytes, not followed. All sizes are checked against what
 * is left of the payload; bytes behind the last section are ignored.
 */

#include "net/netbios/ns_message.h"

#include <assert.h>
#include <string.h>

/* RFC 1002 4.2.1.1, big-endian. */
#define HEADER_SIZE       12
#define OFFSET_ID         0
#define OFFSET_FLAGS      2
#define OFFSET_QUESTIONS  4
#define OFFSET_ANSWERS    6
#define OFFSET_AUTHORITY  8
#define OFFSET_ADDITIONAL 10

#define FLAG_RESPONSE            0x8000
#define OPCODE_SHIFT             11
#define OPCODE_MASK              0x0f
#define FLAG_AUTHORITATIVE       0x0400
#define FLAG_TRUNCATED           0x0200
#define FLAG_RECURSION_DESIRED   0x0100
#define FLAG_RECURSION_AVAILABLE 0x0080
#define FLAG_BROADCAST           0x0010
#define RCODE_MASK               0x000f

/* RFC 1002 4.2.1.2 and 4.2.1.3: what follows the name of a question, and of a record. */
#define CLASS_IN             0x0001
#define QUESTION_FIXED_SIZE  4  /* type, class */
#define RECORD_FIXED_SIZE    10 /* type, class, TTL, size of the data */
#define RECORD_POINTER       0xc000
#define RECORD_POINTER_BYTES 2

/* Data of a record: NB 4.2.1.3, NBSTAT 4.2.18, WACK 4.2.16. */
#define ADDRESS_SIZE    6 /* NB_FLAGS, address */
#define NODE_NAME_SIZE  (NETBIOS_NAME_SIZE + 2)
#define STATISTICS_SIZE 46
#define WACK_SIZE       2
#define WACK_OF         (NS_REGISTRATION << OPCODE_SHIFT | FLAG_RECURSION_DESIRED)

/* NS_ADDRESSES_MAX holds with every scope, NS_NODE_NAMES_MAX without one. */
_Static_assert(HEADER_SIZE + NETBIOS_NAME_ENCODED_MAX + RECORD_FIXED_SIZE +
                       NS_ADDRESSES_MAX * ADDRESS_SIZE <=
                   NS_MESSAGE_SIZE_MAX,
               "a response with all addresses fits");
_Static_assert(HEADER_SIZE + NETBIOS_NAME_ENCODED_SIZE + RECORD_FIXED_SIZE + 1 +
                       NS_NODE_NAMES_MAX * NODE_NAME_SIZE + STATISTICS_SIZE <=
                   NS_MESSAGE_SIZE_MAX,
               "a node status with all names fits");

/* What is left to read. */
struct rest
{
    const uint8_t *p;
    size_t size;
};

static uint16_t read_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t read_be32(const uint8_t *p)
{
    return (uint32_t)read_be16(p) << 16 | read_be16(p + 2);
}

static uint8_t *write_be16(uint8_t *p, unsigned int value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
    return p + 2;
}

static uint8_t *write_be32(uint8_t *p, uint32_t value)
{
    return write_be16(write_be16(p, value >> 16), value & 0xffff);
}

static void skip(struct rest *rest, size_t size)
{
    rest->p += size;
    rest->size -= size;
}

static bool is_claim(enum ns_opcode opcode)
{
    return opcode == NS_REGISTRATION || opcode == NS_RELEASE || opcode == NS_REFRESH ||
           opcode == NS_REFRESH_ALTERNATIVE || opcode == NS_MULTIHOMED;
}

static int read_name(struct rest *rest, const struct netbios_scope *scope,
                     struct netbios_name *ret_name)
{
    size_t scope_size, taken;

    if (netbios_name_decode(rest->p, rest->size, ret_name, &scope_size, &taken))
    {
        return NS_MESSAGE_BAD_NAME;
    }
    if (!netbios_scope_matches(scope, rest->p + NETBIOS_NAME_ENCODED_SIZE - 1, scope_size))
    {
        return NS_MESSAGE_OTHER_SCOPE;
    }
    skip(rest, taken);
    return NS_MESSAGE_OK;
}

static int read_question(struct rest *rest, const struct netbios_scope *scope, struct ns_message *m)
{
    int result = read_name(rest, scope, &m->name);

    if (result)
    {
        return result;
    }
    if (rest->size < QUESTION_FIXED_SIZE)
    {
        return NS_MESSAGE_SHORT;
    }
    m->type = read_be16(rest->p);
    if ((m->type != NS_TYPE_NB && (m->type != NS_TYPE_NBSTAT || m->opcode != NS_QUERY)) ||
        read_be16(rest->p + 2) != CLASS_IN)
    {
        return NS_MESSAGE_BAD_RECORD;
    }
    skip(rest, QUESTION_FIXED_SIZE);
    return NS_MESSAGE_OK;
}

static int read_addresses(const uint8_t *data, size_t size, struct ns_message *m)
{
    /* A refusal need not say whom it is about. */
    if (size % ADDRESS_SIZE != 0 || (size == 0 && (!m->response || m->rcode == NS_RCODE_OK)))
    {
        return NS_MESSAGE_BAD_RECORD;
    }
    for (; size > 0 && m->n_addresses < NS_ADDRESSES_MAX; size -= ADDRESS_SIZE)
    {
        struct ns_address *address = &m->addresses[m->n_addresses++];

        address->flags = read_be16(data);
        memcpy(&address->address, data + 2, sizeof(address->address));
        data += ADDRESS_SIZE;
    }
    return NS_MESSAGE_OK;
}

/* The statistics are of no use to us, and not all senders give all of them. */
static int read_node_names(const uint8_t *data, size_t size, struct ns_message *m)
{
    size_t n;

    if (size == 0)
    {
        return m->rcode == NS_RCODE_OK ? NS_MESSAGE_BAD_RECORD : NS_MESSAGE_OK;
    }
    n = *data++;
    if (n * NODE_NAME_SIZE > size - 1)
    {
        return NS_MESSAGE_BAD_RECORD;
    }
    for (; n > 0 && m->n_node_names < NS_NODE_NAMES_MAX; n--)
    {
        struct ns_node_name *node_name = &m->node_names[m->n_node_names++];

        memcpy(node_name->name.bytes, data, NETBIOS_NAME_SIZE);
        node_name->flags = read_be16(data + NETBIOS_NAME_SIZE);
        data += NODE_NAME_SIZE;
    }
    return NS_MESSAGE_OK;
}

static int read_record_data(const uint8_t *data, size_t size, struct ns_message *m)
{
    if (m->opcode == NS_WACK)
    {
        return m->type == NS_TYPE_NB || m->type == NS_TYPE_NULL ? NS_MESSAGE_OK
                                                                : NS_MESSAGE_BAD_RECORD;
    }
    if (m->type == NS_TYPE_NB)
    {
        return read_addresses(data, size, m);
    }
    if (m->type == NS_TYPE_NBSTAT && m->response && m->opcode == NS_QUERY)
    {
        return read_node_names(data, size, m);
    }
    if (m->type == NS_TYPE_NULL && m->response && m->rcode != NS_RCODE_OK)
    {
        return NS_MESSAGE_OK;
    }
    return NS_MESSAGE_BAD_RECORD;
}

static int read_record(struct rest *rest, const struct netbios_scope *scope, bool after_question,
                       struct ns_message *m)
{
    size_t size;

    if (after_question && rest->size >= RECORD_POINTER_BYTES &&
        read_be16(rest->p) == (RECORD_POINTER | HEADER_SIZE))
    {
        skip(rest, RECORD_POINTER_BYTES);
    }
    else
    {
        struct netbios_name name;
        int result = read_name(rest, scope, &name);

        if (result)
        {
            return result;
        }
        if (after_question && !netbios_name_equal(&name, &m->name))
        {
            return NS_MESSAGE_BAD_NAME;
        }
        m->name = name;
    }
    if (rest->size < RECORD_FIXED_SIZE)
    {
        return NS_MESSAGE_SHORT;
    }
    m->type = read_be16(rest->p);
    m->ttl = read_be32(rest->p + 4);
    size = read_be16(rest->p + 8);
    if (read_be16(rest->p + 2) != CLASS_IN)
    {
        return NS_MESSAGE_BAD_RECORD;
    }
    skip(rest, RECORD_FIXED_SIZE);
    if (size > rest->size)
    {
        return NS_MESSAGE_SHORT;
    }
    return read_record_data(rest->p, size, m);
}

static int read_flags(uint16_t flags, struct ns_message *m)
{
    m->response = flags & FLAG_RESPONSE;
    m->opcode = flags >> OPCODE_SHIFT & OPCODE_MASK;
    m->authoritative = flags & FLAG_AUTHORITATIVE;
    m->truncated = flags & FLAG_TRUNCATED;
    m->recursion_desired = flags & FLAG_RECURSION_DESIRED;
    m->recursion_available = flags & FLAG_RECURSION_AVAILABLE;
    m->broadcast = flags & FLAG_BROADCAST;
    m->rcode = flags & RCODE_MASK;
    if (m->opcode != NS_QUERY && !is_claim(m->opcode) && (m->opcode != NS_WACK || !m->response))
    {
        return NS_MESSAGE_BAD_OPCODE;
    }
    return NS_MESSAGE_OK;
}

static bool counts_fit(const uint8_t *header, const struct ns_message *m)
{
    uint16_t questions = read_be16(header + OFFSET_QUESTIONS);
    uint16_t answers = read_be16(header + OFFSET_ANSWERS);
    uint16_t additional = read_be16(header + OFFSET_ADDITIONAL);

    if (read_be16(header + OFFSET_AUTHORITY) != 0)
    {
        return false; /* a redirection, for one */
    }
    if (!m->response)
    {
        return questions == 1 && answers == 0 && additional == (is_claim(m->opcode) ? 1 : 0);
    }
    /* Some repeat the question. The RFC's own negative response has a record, but counts none. */
    return questions <= 1 && additional == 0 &&
           (answers == 1 || (answers == 0 && m->rcode != NS_RCODE_OK));
}

int ns_message_read(const void *bytes, size_t size, const struct netbios_scope *scope,
                    struct ns_message *ret_message)
{
    const uint8_t *header = bytes;
    struct rest rest = {bytes, size};
    struct ns_message m = {};
    bool question, record;
    int result;

    if (size < HEADER_SIZE)
    {
        return NS_MESSAGE_SHORT;
    }
    m.id = read_be16(header + OFFSET_ID);
    result = read_flags(read_be16(header + OFFSET_FLAGS), &m);
    if (result)
    {
        return result;
    }
    if (!counts_fit(header, &m))
    {
        return NS_MESSAGE_BAD_COUNTS;
    }
    question = read_be16(header + OFFSET_QUESTIONS) == 1;
    /* A negative response that counts nothing at all has its record nevertheless. */
    record = read_be16(header + OFFSET_ANSWERS) == 1 ||
             read_be16(header + OFFSET_ADDITIONAL) == 1 || !question;
    skip(&rest, HEADER_SIZE);
    if (question)
    {
        result = read_question(&rest, scope, &m);
    }
    if (!result && record)
    {
        result = read_record(&rest, scope, question, &m);
    }
    if (!result)
    {
        *ret_message = m;
    }
    return result;
}

static unsigned int flags_of(const struct ns_message *m)
{
    return (m->response ? FLAG_RESPONSE : 0u) | (unsigned int)m->opcode << OPCODE_SHIFT |
           (m->authoritative ? FLAG_AUTHORITATIVE : 0u) | (m->truncated ? FLAG_TRUNCATED : 0u) |
           (m->recursion_desired ? FLAG_RECURSION_DESIRED : 0u) |
           (m->recursion_available ? FLAG_RECURSION_AVAILABLE : 0u) |
           (m->broadcast ? FLAG_BROADCAST : 0u) | (unsigned int)m->rcode;
}

static uint8_t *write_addresses(uint8_t *p, const struct ns_message *m, size_t n)
{
    for (size_t i = 0; i < n; i++)
    {
        p = write_be16(p, m->addresses[i].flags);
        memcpy(p, &m->addresses[i].address, sizeof(m->addresses[i].address));
        p += sizeof(m->addresses[i].address);
    }
    return p;
}

/* With a long scope not all names may fit; those at the end are left out. */
static uint8_t *write_node_names(uint8_t *p, const struct ns_message *m, size_t space)
{
    size_t n = (space - 1 - STATISTICS_SIZE) / NODE_NAME_SIZE;

    n = n > m->n_node_names ? m->n_node_names : n;
    *p++ = (uint8_t)n;
    for (size_t i = 0; i < n; i++)
    {
        memcpy(p, m->node_names[i].name.bytes, NETBIOS_NAME_SIZE);
        p = write_be16(p + NETBIOS_NAME_SIZE, m->node_names[i].flags);
    }
    /* All zero: nothing of ours leaks out, and nobody needs the figures (wire.md 1.9). */
    memset(p, 0, STATISTICS_SIZE);
    return p + STATISTICS_SIZE;
}

/* What stands behind the record's name. */
static uint8_t *write_record(uint8_t *p, const struct ns_message *m, const uint8_t *end)
{
    uint8_t *size, *data;

    p = write_be16(p, m->type);
    p = write_be16(p, CLASS_IN);
    p = write_be32(p, m->ttl);
    size = p;
    data = p += 2;
    if (!m->response)
    {
        p = write_addresses(p, m, 1);
    }
    else if (m->opcode == NS_WACK)
    {
        p = write_be16(p, WACK_OF);
    }
    else if (m->type == NS_TYPE_NBSTAT)
    {
        p = write_node_names(p, m, (size_t)(end - p));
    }
    else if (m->type == NS_TYPE_NB)
    {
        p = write_addresses(p, m, m->n_addresses);
    }
    write_be16(size, (unsigned int)(p - data));
    return p;
}

size_t ns_message_write(const struct ns_message *message, const struct netbios_scope *scope,
                        uint8_t ret_bytes[static NS_MESSAGE_SIZE_MAX])
{
    const struct ns_message *m = message;
    const uint8_t *end = ret_bytes + NS_MESSAGE_SIZE_MAX;
    bool claim = !m->response && is_claim(m->opcode);
    uint8_t *p = ret_bytes + HEADER_SIZE;

    assert(m->n_addresses <= NS_ADDRESSES_MAX && m->n_node_names <= NS_NODE_NAMES_MAX);
    assert(!claim || m->n_addresses >= 1);

    write_be16(ret_bytes + OFFSET_ID, m->id);
    write_be16(ret_bytes + OFFSET_FLAGS, flags_of(m));
    write_be16(ret_bytes + OFFSET_QUESTIONS, m->response ? 0 : 1);
    write_be16(ret_bytes + OFFSET_ANSWERS, m->response ? 1 : 0);
    write_be16(ret_bytes + OFFSET_AUTHORITY, 0);
    write_be16(ret_bytes + OFFSET_ADDITIONAL, claim ? 1 : 0);
    p += netbios_name_encode(&m->name, scope, p);
    if (!m->response)
    {
        p = write_be16(p, m->type);
        p = write_be16(p, CLASS_IN);
    }
    if (claim)
    {
        p = write_be16(p, RECORD_POINTER | HEADER_SIZE);
    }
    if (claim || m->response)
    {
        p = write_record(p, m, end);
    }
    return (size_t)(p - ret_bytes);
}
