/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: a datagram of UDP 138, all the way to a slot (RFC 1002 4.4.1, wire.md 1.9) */

#include "target.h"

#include <arpa/inet.h>
#include <stdbool.h>

#include "net/netbios/datagram.h"
#include "net/netbios/netbios.h"

/* The input, while it is looked at, and what became of it. */
struct target
{
    const uint8_t *bytes;
    size_t size;
    unsigned int delivered, finished;
    struct net_counters counters;
};

static bool target_inside(const struct target *target, const uint8_t *part, size_t size)
{
    return part >= target->bytes && part <= target->bytes + target->size &&
           size <= (size_t)(target->bytes + target->size - part);
}

/* --- the datagram alone ------------------------------------------------------------------------
 */

static void target_round_trip(const struct datagram *datagram, const struct netbios_scope *scope)
{
    uint8_t bytes[DATAGRAM_SIZE_MAX];
    struct datagram again;
    size_t size;

    if (datagram->user_data_size > DATAGRAM_USER_DATA_MAX)
    {
        return; /* we never send as much */
    }
    size = datagram_write(datagram, scope, bytes);
    TARGET_CHECK(size <= sizeof(bytes));
    TARGET_CHECK(datagram_read(bytes, size, scope, &again) == DATAGRAM_OK);
    TARGET_CHECK(again.type == datagram->type && again.node == datagram->node);
    TARGET_CHECK(again.id == datagram->id && again.source_port == datagram->source_port);
    TARGET_CHECK(again.source_ip.s_addr == datagram->source_ip.s_addr);
    TARGET_CHECK(netbios_name_equal(&again.source, &datagram->source));
    TARGET_CHECK(netbios_name_equal(&again.destination, &datagram->destination));
    TARGET_CHECK(again.user_data_size == datagram->user_data_size);
    TARGET_CHECK(memcmp(again.user_data, datagram->user_data, again.user_data_size) == 0);
}

static int target_read(const struct target *target, const struct netbios_scope *scope)
{
    static const struct datagram UNTOUCHED = {.id = 4711};
    struct datagram datagram = UNTOUCHED;
    int r = datagram_read(target->bytes, target->size, scope, &datagram);

    TARGET_CHECK(r >= DATAGRAM_OK && r <= DATAGRAM_OTHER_SCOPE);
    if (r)
    {
        TARGET_CHECK(datagram.id == UNTOUCHED.id && !datagram.user_data);
        return r;
    }
    /* Every byte belongs to the header, to one of the names, or to the user data. */
    TARGET_CHECK(target_inside(target, datagram.user_data, datagram.user_data_size));
    TARGET_CHECK(datagram.user_data_size + DATAGRAM_OVERHEAD + 2 * scope->size == target->size);
    TARGET_CHECK(datagram.type >= DATAGRAM_DIRECT_UNIQUE && datagram.type <= DATAGRAM_BROADCAST);
    target_round_trip(&datagram, scope);
    return r;
}

/* --- through all checks ------------------------------------------------------------------------
 */

static enum net_counter target_on_deliver(void *userdata, const struct net_message *message)
{
    struct target *target = userdata;

    TARGET_CHECK(message->from_network);
    TARGET_CHECK(message->slot_size > 0 && !memchr(message->slot, 0, message->slot_size));
    TARGET_CHECK(target_inside(target, message->data, message->size));
    TARGET_CHECK(strlen(message->source_name) < NETBIOS_NAME_PRINT_SIZE);
    target->delivered++;
    return NET_COUNTER_DELIVERED;
}

static void target_on_finish(void *userdata, const struct net_request *request, int result,
                             bool here, const struct net_sender *sender)
{
    struct target *target = userdata;

    (void)request;
    (void)result;
    (void)here;
    (void)sender;
    target->finished++;
}

static void target_on_log(void *userdata, const char *text)
{
    (void)userdata;
    TARGET_CHECK(strlen(text) < 1024);
}

static enum net_counter target_arrive(struct target *target, struct netbios *netbios,
                                      const char *from, uint64_t now_usec)
{
    struct datagram_arrival arrival = {
        .from = {.sin_family = AF_INET, .sin_port = htons(138)},
        .interface_index = 1,
    };
    struct net_counters before = target->counters;
    unsigned int delivered = target->delivered;
    enum net_counter end;

    TARGET_CHECK(inet_pton(AF_INET, from, &arrival.from.sin_addr) == 1);
    end = netbios_receive(netbios, target->bytes, target->size, &arrival, now_usec);
    /* Each exit has its counter, and only that moves. */
    for (int i = 0; i < NET_COUNTER_COUNT; i++)
    {
        TARGET_CHECK(target->counters.values[i] - before.values[i] ==
                     (uint64_t)((i == NET_COUNTER_RECEIVED) + (i == (int)end)));
    }
    TARGET_CHECK(target->delivered - delivered == (end == NET_COUNTER_DELIVERED ? 1 : 0));
    return end;
}

static void target_receive(struct target *target, const char *scope)
{
    static const char *const ALL[] = {"all"};
    const struct policy_config allow = {.networks = ALL, .n_networks = 1};
    struct net_config config = NET_CONFIG_DEFAULT;
    struct transport_sink sink = {
        .userdata = target,
        .deliver = target_on_deliver,
        .finish = target_on_finish,
        .log = target_on_log,
        .counters = &target->counters,
    };
    struct netbios *netbios = NULL;
    const char *invalid = NULL;
    enum net_counter end;
    sd_event *event = NULL;

    config.computer = "HOSTA";
    config.workgroup = "LABGRP";
    config.scope = scope;
    config.disabled = true;
    TARGET_CHECK(sd_event_new(&event) >= 0);
    TARGET_CHECK(policy_new(&sink.policy, &allow, &invalid) == 0);
    TARGET_CHECK(netbios_new(&netbios, event, &config, &sink, &invalid) >= 0);
    end = target_arrive(target, netbios, "192.0.2.1", 1000000);
    if (end == NET_COUNTER_DELIVERED)
    {
        /* The same again is a duplicate; from somebody else it is another one. */
        TARGET_CHECK(target_arrive(target, netbios, "192.0.2.1", 1000001) ==
                     NET_COUNTER_DROP_DUPLICATE);
        TARGET_CHECK(target_arrive(target, netbios, "192.0.2.2", 1000002) == NET_COUNTER_DELIVERED);
    }
    else
    {
        TARGET_CHECK(target_arrive(target, netbios, "192.0.2.1", 1000001) == end);
    }
    netbios_transport.free(netbios);
    policy_free(sink.policy);
    sd_event_unref(event);
    TARGET_CHECK(target->finished == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const SCOPES[] = {"", "LAB"};

    for (size_t i = 0; i < sizeof(SCOPES) / sizeof(SCOPES[0]); i++)
    {
        struct target target = {.bytes = bytes, .size = size};
        struct netbios_scope scope;

        TARGET_CHECK(netbios_scope_make(&scope, SCOPES[i]) == 0);
        /* Making a transport takes long: for those only that come past the first check. */
        if (target_read(&target, &scope) == DATAGRAM_OK)
        {
            target_receive(&target, SCOPES[i]);
        }
    }
    return 0;
}
