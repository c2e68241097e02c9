/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of net/netbios: who is not heard, and what is logged of it (issue 4, section 4;
 * wire.md 1.9) */

#include "net_support.h"

#include "net/netbios/datagram.h"
#include "net/netbios/netbios.h"
#include "net/netbios/ns_message.h"
#include "net/netbios/state.h"
#include "net/netbios/transaction.h"

#include <stdio.h>
#include <string.h>

static sd_event *event;

static int set_up(void **state)
{
    (void)state;
    return sd_event_new(&event) < 0;
}

static int tear_down(void **state)
{
    (void)state;
    event = sd_event_unref(event);
    return 0;
}

/* How many lines, and the last one. */
static unsigned int n_lines;
static char line[512];

static void on_log(void *userdata, const char *text)
{
    (void)userdata;
    n_lines++;
    snprintf(line, sizeof(line), "%s", text);
}

static enum net_counter on_message(void *userdata, const struct net_message *message)
{
    (void)userdata;
    (void)message;
    return NET_COUNTER_DELIVERED;
}

/* wire.md 1.9: SOURCE_IP broadcast, multicast, zero: no host, and replies would reach many. */
static void test_source_of_nobody(void **state)
{
    static const char *const sources[] = {"127.255.255.255", "255.255.255.255", "224.0.0.1",
                                          "0.0.0.0"};
    static const char *const all[] = {"all"};
    struct policy_config networks = {.networks = all, .n_networks = 1};
    struct net_config config = settings(LOOPBACK);
    struct transaction t = {"x", 1, (const uint8_t *)"m", 1};
    struct datagram d = {.type = DATAGRAM_BROADCAST};
    struct datagram_arrival arrival = {.from = {.sin_family = AF_INET}};
    uint8_t smb[TRANSACTION_SIZE_MAX], bytes[DATAGRAM_SIZE_MAX];
    struct net_counters counters = {};
    struct transport_sink up = {.deliver = on_message, .log = on_log, .counters = &counters};
    struct netbios *netbios = NULL;
    size_t size;

    (void)state;
    d.source = d.destination = netbios_name_wildcard();
    d.user_data = smb;
    assert_int_equal(transaction_write(&t, smb, &d.user_data_size), TRANSACTION_OK);
    size = datagram_write(&d, &no_scope, bytes);
    assert_int_equal(policy_new(&up.policy, &networks, NULL), 0);
    config.disabled = true;
    assert_int_equal(netbios_new(&netbios, event, &config, &up, NULL), 0);
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
    {
        arrival.from.sin_addr.s_addr = inet_addr(sources[i]);
        assert_int_equal(netbios_receive(netbios, bytes, size, &arrival, 1),
                         NET_COUNTER_DROP_SOURCE);
    }
    arrival.from.sin_addr.s_addr = inet_addr("127.0.0.9");
    assert_int_equal(netbios_receive(netbios, bytes, size, &arrival, 1), NET_COUNTER_DELIVERED);
    netbios_transport.free(netbios);
    policy_free(up.policy);
}

static void ask(struct netbios *netbios, const char *from, enum ns_type type)
{
    struct ns_message message = {.opcode = NS_QUERY, .name = netbios_name_wildcard(), .type = type};
    struct datagram_arrival arrival = {
        .from = {.sin_family = AF_INET, .sin_addr = {inet_addr(from)}, .sin_port = htons(39137)}};
    uint8_t bytes[NS_MESSAGE_SIZE_MAX];
    size_t size = ns_message_write(&message, &no_scope, bytes);

    name_service_receive(netbios, bytes, size, &arrival);
}

/* Issue 4, section 4: "Denied → counted, logged once", for requests of the name service. */
static void test_names_denied(void **state)
{
    struct policy_config settings_of_policy = {.source_rate = 5};
    struct net_config config = settings(LOOPBACK);
    struct net_counters counters = {};
    struct transport_sink up = {.deliver = on_message, .log = on_log, .counters = &counters};
    const uint64_t *dropped_rate = &counters.values[NET_COUNTER_NAME_DROP_RATE];
    struct netbios *netbios = NULL;

    (void)state;
    assert_int_equal(policy_new(&up.policy, &settings_of_policy, NULL), 0);
    config.no_name_service = false;
    config.name_fd = bind_any(&config.peer_name_port);
    config.peer_name_port = 39137;
    assert_int_equal(netbios_new(&netbios, event, &config, &up, NULL), 0);
    n_lines = 0;
    for (int i = 0; i < 3; i++)
    {
        ask(netbios, "10.99.0.9", NS_TYPE_NB);
        ask(netbios, "10.99.0.10", NS_TYPE_NBSTAT);
    }
    assert_int_equal(counters.values[NET_COUNTER_NAME_DROP_SOURCE], 6);
    assert_int_equal(n_lines, 2);
    assert_non_null(strstr(line, "10.99.0.10"));
    assert_non_null(strstr(line, "allow_networks"));
    for (int i = 0; i < 100; i++)
    {
        ask(netbios, "127.0.0.9", NS_TYPE_NB);
    }
    assert_true(*dropped_rate > 0);
    assert_int_equal(n_lines, 3);
    assert_non_null(strstr(line, "127.0.0.9"));
    assert_non_null(strstr(line, "source_rate"));
    netbios_transport.free(netbios);
    policy_free(up.policy);
}

/* The same for node status requests, which have a rate of their own. */
static void test_status_denied(void **state)
{
    struct policy_config settings_of_policy = {.source_rate = 0};
    struct net_config config = settings(LOOPBACK);
    struct net_counters counters = {};
    struct transport_sink up = {.deliver = on_message, .log = on_log, .counters = &counters};
    struct netbios *netbios = NULL;

    (void)state;
    assert_int_equal(policy_new(&up.policy, &settings_of_policy, NULL), 0);
    config.no_name_service = false;
    config.name_fd = bind_any(&config.peer_name_port);
    config.peer_name_port = 39137;
    assert_int_equal(netbios_new(&netbios, event, &config, &up, NULL), 0);
    n_lines = 0;
    for (int i = 0; i < 200; i++)
    {
        ask(netbios, "127.0.0.9", NS_TYPE_NBSTAT);
    }
    assert_true(counters.values[NET_COUNTER_NAME_DROP_RATE] > 0);
    assert_int_equal(n_lines, 1);
    assert_non_null(strstr(line, "127.0.0.9"));
    netbios_transport.free(netbios);
    policy_free(up.policy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_source_of_nobody),
        TEST(test_names_denied),
        TEST(test_status_denied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
