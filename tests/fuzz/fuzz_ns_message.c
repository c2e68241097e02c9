/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: messages of the NetBIOS name service (RFC 1002 4.2, wire.md 1.7) */

#include "target.h"

#include <stdbool.h>

#include "net/netbios/ns_message.h"

static bool target_is_claim(const struct ns_message *message)
{
    return !message->response && message->opcode != NS_QUERY;
}

static void target_check_equal(const struct ns_message *a, const struct ns_message *b)
{
    TARGET_CHECK(a->id == b->id && a->response == b->response && a->opcode == b->opcode);
    TARGET_CHECK(a->authoritative == b->authoritative && a->truncated == b->truncated);
    TARGET_CHECK(a->recursion_desired == b->recursion_desired);
    TARGET_CHECK(a->recursion_available == b->recursion_available);
    TARGET_CHECK(a->broadcast == b->broadcast && a->rcode == b->rcode);
    TARGET_CHECK(netbios_name_equal(&a->name, &b->name));
    TARGET_CHECK(a->type == b->type);
    /* A request is about one address: we never write more. */
    TARGET_CHECK(target_is_claim(a) ? b->n_addresses == 1 : a->n_addresses == b->n_addresses);
    for (size_t i = 0; i < b->n_addresses; i++)
    {
        TARGET_CHECK(a->addresses[i].flags == b->addresses[i].flags);
        TARGET_CHECK(a->addresses[i].address.s_addr == b->addresses[i].address.s_addr);
    }
    for (size_t i = 0; i < b->n_node_names; i++)
    {
        TARGET_CHECK(netbios_name_equal(&a->node_names[i].name, &b->node_names[i].name));
        TARGET_CHECK(a->node_names[i].flags == b->node_names[i].flags);
    }
}

/* What was read is the same after writing and reading it; `ttl` is that of the record, if any. */
static void target_round_trip(const struct ns_message *message, const struct netbios_scope *scope)
{
    uint8_t bytes[NS_MESSAGE_SIZE_MAX];
    struct ns_message again;
    size_t size = ns_message_write(message, scope, bytes);

    TARGET_CHECK(size <= sizeof(bytes));
    TARGET_CHECK(ns_message_read(bytes, size, scope, &again) == NS_MESSAGE_OK);
    target_check_equal(message, &again);
    TARGET_CHECK((!message->response && !target_is_claim(message)) || again.ttl == message->ttl);
    /* Those that do not fit beside a long scope are left out. */
    TARGET_CHECK(again.n_node_names == message->n_node_names ||
                 (scope->size && again.n_node_names < message->n_node_names));
}

static void target_read(const uint8_t *bytes, size_t size, const struct netbios_scope *scope)
{
    static const struct ns_message UNTOUCHED = {.id = 4711};
    struct ns_message message = UNTOUCHED;
    int r = ns_message_read(bytes, size, scope, &message);

    TARGET_CHECK(r >= NS_MESSAGE_OK && r <= NS_MESSAGE_OTHER_SCOPE);
    if (r)
    {
        TARGET_CHECK(message.id == UNTOUCHED.id && message.n_addresses == 0);
        return;
    }
    TARGET_CHECK(message.n_addresses <= NS_ADDRESSES_MAX);
    TARGET_CHECK(message.n_node_names <= NS_NODE_NAMES_MAX);
    TARGET_CHECK((unsigned int)message.rcode <= 15);
    TARGET_CHECK(!target_is_claim(&message) || message.n_addresses >= 1);
    TARGET_CHECK(message.opcode != NS_WACK || message.response);
    target_round_trip(&message, scope);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const SCOPES[] = {"", "LAB", "a.b.c"};

    for (size_t i = 0; i < sizeof(SCOPES) / sizeof(SCOPES[0]); i++)
    {
        struct netbios_scope scope;

        TARGET_CHECK(netbios_scope_make(&scope, SCOPES[i]) == 0);
        target_read(bytes, size, &scope);
    }
    return 0;
}
