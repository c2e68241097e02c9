/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All of bad_inputs.txt over a real socket: no crash, no reply, only the good ones delivered */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/net.h"

#include "nbt_vectors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* wire.md 1.9 "Recommended acceptance" and semantics D7 say that these are good, and why. */
static const struct
{
    const char *name;
    const char *slot;
    int size; /* of the data */
    const char *why;
} DELIVERED[] = {
    {"good", "WINEMS", 5, "nothing wrong"},
    {"max-udp", "WINEMS", 60000, "any size that is consistent (1.4)"},
    {"flags-02", "WINEMS", 5, "F=1, M=0; B node"},
    {"flags-0e", "WINEMS", 5, "F=1, M=0; H node"},
    {"dgmlen-1", "WINEMS", 5, "DGM_LENGTH is advisory (1.1)"},
    {"dgmlen-44", "WINEMS", 5, "DGM_LENGTH is advisory"},
    {"dgmlen-7fff", "WINEMS", 5, "DGM_LENGTH is advisory"},
    {"srcip-zero", "WINEMS", 5, "SOURCE_IP is never used"},
    {"srcip-loopback", "WINEMS", 5, "SOURCE_IP is never used"},
    {"srcip-self", "WINEMS", 5, "SOURCE_IP is never used"},
    {"star-src", "WINEMS", 5, "a source name only has to decode"},
    {"smb-status-nonzero", "WINEMS", 5, "SMB header ignored but for magic and command (1.3)"},
    {"smb-reply-flag", "WINEMS", 5, "SMB header ignored"},
    {"smb-tid-uid-ffff", "WINEMS", 5, "SMB header ignored"},
    {"paramcount-ffff", "WINEMS", 5, "parameters ignored"},
    {"dataoffset-56", "WINEMS", 5, "data right behind the name's NUL: the unpadded place"},
    {"dataoffset-58", "WINEMS", 5, "the padded place"},
    {"priority-ffff", "WINEMS", 5, "priority ignored (D7)"},
    {"class-1", "WINEMS", 5, "class ignored (D7)"},
    {"class-ffff", "WINEMS", 5, "class ignored (D7)"},
    {"bytecount-1", "WINEMS", 5, "ByteCount ignored (D7)"},
    {"bytecount-11", "WINEMS", 5, "ByteCount ignored (D7)"},
    {"timeout-ffffffff", "WINEMS", 5, "timeout ignored (D7)"},
    {"slot-lower", "winems", 5, "case-insensitive (D8)"},
    {"slot-slash", "a/b/../../c", 5, "a name is not a path: the sink has no such slot"},
    {"slot-trail", "x\\", 5, "likewise"},
    {"slot-space", " x ", 5, "likewise"},
    {"slot-star", "*", 5, "likewise"},
    {"slot-dos", "CON", 5, "likewise"},
    {"slot-long255", NULL, 5, "likewise; 245 letters n"},
    {"slot-fmt", "%s%n%x", 5, "likewise"},
    {"slot-hi", "\xc3\xa9\xc3\x9f", 5, "CP850 bytes 82 e1 (N20)"},
    {"payload-0", "WINEMS", 0, "empty messages exist"},
    {"payload-400", "WINEMS", 400, "consistent"},
    {"payload-407", "WINEMS", 407, "consistent"},
    {"payload-424", "WINEMS", 424, "consistent"},
    {"payload-426", "WINEMS", 426, "consistent, more than a Windows frame holds"},
    {"payload-444", "WINEMS", 444, "likewise"},
    {"payload-1000", "WINEMS", 1000, "likewise"},
    {"nopad", "WINEMS", 5, "three of four senders do not pad (1.3)"},
    {"good-after", "WINEMS", 5, "the last line: still alive"},
};

struct arrived
{
    unsigned int n;
    char slot[1024];
    size_t size;
    bool from_network;
    struct in_addr source;
};

static int on_deliver(void *userdata, const struct net_message *message)
{
    struct arrived *arrived = userdata;

    arrived->n++;
    assert_true(message->slot_size < sizeof(arrived->slot));
    memcpy(arrived->slot, message->slot, message->slot_size);
    arrived->slot[message->slot_size] = 0;
    arrived->size = message->size;
    arrived->from_network = message->from_network;
    arrived->source = message->source;
    return NET_DELIVER_OK;
}

static int bind_loopback(uint32_t address, struct sockaddr_in *ret_bound)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    socklen_t size = sizeof(*ret_bound);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_return_code(bind(fd, (struct sockaddr *)&a, sizeof(a)), errno);
    assert_return_code(getsockname(fd, (struct sockaddr *)ret_bound, &size), errno);
    return fd;
}

/* The file gives only the beginning of the largest one: 60000 bytes of data instead of "hello". */
static void complete_max_udp(const struct vector *good)
{
    assert_string_equal(vector.name, "max-udp");
    assert_memory_equal(vector.bytes + 12, good->bytes + 12, vector.size - 12);
    memcpy(vector.bytes + 12, good->bytes + 12, good->size - 12);
    memset(vector.bytes + 82 + 88, 'm', 60000);
    vector.size = 82 + 88 + 60000;
    vector.bytes[82 + 35] = vector.bytes[82 + 55] = 60000 & 0xff;
    vector.bytes[82 + 36] = vector.bytes[82 + 56] = 60000 >> 8;
}

static uint64_t count_drops(struct net *net)
{
    static struct net_status status;
    uint64_t n = 0;

    net_status(net, &status);
    for (int i = NET_COUNTER_DROP_INTERFACE; i <= NET_COUNTER_DROP_FAILED; i++)
    {
        n += status.counters.values[i];
    }
    assert_int_equal(status.counters.values[NET_COUNTER_RECEIVED],
                     n + status.counters.values[NET_COUNTER_DELIVERED]);
    return n;
}

static void check_arrival(const struct arrived *arrived, struct in_addr source, size_t *at)
{
    if (arrived->n == 0)
    {
        return;
    }
    assert_true(*at < sizeof(DELIVERED) / sizeof(DELIVERED[0]));
    assert_string_equal(vector.name, DELIVERED[*at].name);
    if (DELIVERED[*at].slot)
    {
        assert_string_equal(arrived->slot, DELIVERED[*at].slot);
    }
    assert_int_equal(arrived->size, DELIVERED[*at].size);
    assert_true(arrived->from_network);
    assert_int_equal(arrived->source.s_addr, source.s_addr);
    ++*at;
}

static const char *const LOOPBACK[] = {"lo"};

static void test_bad_inputs(void **state)
{
    static struct vector good;
    struct net_config config = NET_CONFIG_DEFAULT;
    struct arrived arrived;
    struct net_sink sink = {.userdata = &arrived, .deliver = on_deliver};
    FILE *f = vector_open("bad_inputs.txt");
    struct sockaddr_in to, from;
    size_t delivered = 0, n = 0;
    sd_event *event;
    struct net *net;

    (void)state;
    assert_int_equal(sd_event_new(&event), 0);
    config.computer = "HOSTA";
    config.workgroup = "LABGRP";
    config.no_name_service = true;
    config.nmbd_socket = "";
    config.interfaces = LOOPBACK;
    config.n_interfaces = 1;
    config.datagram_fd = bind_loopback(INADDR_LOOPBACK, &to);
    assert_int_equal(net_new(&net, event, &config, &sink, NULL), 0);
    while (vector_read(f, true, &vector))
    {
        /* All have the same id: every one comes from an address of its own, or it is a duplicate.
         */
        int fd = bind_loopback(0x7f010000 + (uint32_t)n, &from);
        uint64_t drops = count_drops(net);
        char reply;

        if (n == 0)
        {
            good = vector;
        }
        if (vector.abbreviated)
        {
            complete_max_udp(&good);
        }
        arrived = (struct arrived){};
        assert_int_equal(
            sendto(fd, vector.bytes, vector.size, 0, (struct sockaddr *)&to, sizeof(to)),
            vector.size);
        for (int i = 0; i < 100 && arrived.n + (count_drops(net) - drops) == 0; i++)
        {
            assert_return_code(sd_event_run(event, 5000000), 0);
        }
        assert_int_equal(arrived.n + (count_drops(net) - drops), 1);
        check_arrival(&arrived, from.sin_addr, &delivered);
        /* The loopback network is synchronous: a reply would be there by now. */
        assert_int_equal(recv(fd, &reply, 1, MSG_DONTWAIT), -1);
        assert_int_equal(errno, EAGAIN);
        close(fd);
        n++;
    }
    assert_int_equal(n, 126);
    assert_int_equal(delivered, sizeof(DELIVERED) / sizeof(DELIVERED[0]));
    fclose(f);
    net_free(net);
    sd_event_unref(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bad_inputs)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
