/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* udp_pair.c - the bare pair that mailslotd is compared with: one sendto loop, one recvfrom loop */

/*
 * What is sent is what mailslotd sends: a mailslot message in a whole NetBIOS datagram, by
 * broadcast. The message begins with its number, from 0 on, in four bytes; so both this receiver
 * and a Windows program behind mailslotd know what was lost. The number also stands in the
 * datagram's id, as much of it as there is room for.
 */

#include "net/netbios/datagram.h"
#include "net/netbios/transaction.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define PORT 138

#define NANOSECONDS 1000000000

/* A sender with a rate sleeps so long at a time: it shall leave the processor to the others. */
#define STEP_NSEC 200000

/* As large as mailslotd's (net/netbios/socket.c). */
#define RECEIVE_BUFFER_SIZE (4 * 1024 * 1024)

/* So long the receiver waits for the first datagram, and for another one. */
#define FIRST_SECONDS 20
#define SILENCE_USEC  500000

/* RFC 1002 4.4.1 */
#define OFFSET_ID 2

static uint64_t now_nsec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
}

static uint32_t parse_number(const char *text, uint32_t minimum, uint32_t maximum)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (*end || end == text || number < minimum || number > maximum)
    {
        errx(2, "%s is no number from %" PRIu32 " to %" PRIu32, text, minimum, maximum);
    }
    return (uint32_t)number;
}

static int open_socket(uint16_t port)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1, size = RECEIVE_BUFFER_SIZE;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
        bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0)
    {
        err(1, "socket");
    }
    return fd;
}

static void make_name(struct netbios_name *ret_name, const char *text)
{
    if (netbios_name_make(ret_name, text, strlen(text), NETBIOS_SUFFIX_HOST))
    {
        errx(2, "%s is no NetBIOS name", text);
    }
}

/* A datagram whose last data_size bytes are the message. */
static size_t make_datagram(const char *group, const char *slot, size_t data_size,
                            uint8_t ret_bytes[static DATAGRAM_SIZE_MAX])
{
    const struct netbios_scope scope = {};
    const uint8_t data[TRANSACTION_DATA_MAX] = {};
    uint8_t smb[TRANSACTION_SIZE_MAX];
    struct transaction transaction = {slot, strlen(slot), data, data_size};
    struct datagram datagram = {
        .type = DATAGRAM_DIRECT_GROUP,
        .source_port = PORT,
        .user_data = smb,
    };
    int r = transaction_write(&transaction, smb, &datagram.user_data_size);

    if (r)
    {
        errx(2, "the message does not fit a datagram (%d)", r);
    }
    make_name(&datagram.source, "BARE");
    make_name(&datagram.destination, group);
    return datagram_write(&datagram, &scope, ret_bytes);
}

static void sleep_until(uint64_t nsec)
{
    struct timespec until = {
        .tv_sec = (time_t)(nsec / NANOSECONDS),
        .tv_nsec = (long)(nsec % NANOSECONDS),
    };

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* rate 0: as fast as it goes. */
static void send_all(const char *to, uint32_t count, uint32_t rate, uint8_t *bytes, size_t size,
                     size_t data_size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    uint64_t start, wakeup;
    uint32_t failed = 0;
    int fd = open_socket(0);

    if (inet_pton(AF_INET, to, &address.sin_addr) != 1)
    {
        errx(2, "%s is no address", to);
    }
    start = wakeup = now_nsec();
    for (uint32_t i = 0; i < count; i++)
    {
        while (rate && (now_nsec() - start) * rate / NANOSECONDS < i)
        {
            wakeup += STEP_NSEC;
            sleep_until(wakeup);
        }
        bytes[OFFSET_ID] = (uint8_t)(i >> 8);
        bytes[OFFSET_ID + 1] = (uint8_t)i;
        memcpy(bytes + size - data_size, &i, sizeof(i));
        if (sendto(fd, bytes, size, 0, (struct sockaddr *)&address, sizeof(address)) < 0)
        {
            failed++;
        }
    }
    printf("sent=%" PRIu32 " failed=%" PRIu32 " seconds=%.6f\n", count - failed, failed,
           (double)(now_nsec() - start) / NANOSECONDS);
}

static void receive_all(uint32_t data_size)
{
    struct timeval patience = {.tv_sec = FIRST_SECONDS};
    uint32_t count = 0, end = 0, number, disorder = 0;
    uint64_t first = 0, last = 0;
    uint8_t bytes[65536];
    int fd = open_socket(PORT);

    printf("ready\n");
    fflush(stdout);
    for (;;)
    {
        struct sockaddr_in from;
        socklen_t from_size = sizeof(from);
        ssize_t size;

        if (count < 2)
        {
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
            patience = (struct timeval){.tv_usec = SILENCE_USEC};
        }
        size = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &from_size);
        if (size < 0 && errno == EINTR)
        {
            continue;
        }
        if (size < 0)
        {
            break;
        }
        if (size < (ssize_t)(DATAGRAM_OVERHEAD + data_size))
        {
            continue; /* something that the other host says for itself */
        }
        last = now_nsec();
        first = count++ ? first : last;
        memcpy(&number, bytes + size - data_size, sizeof(number));
        disorder += number < end;
        end = number >= end ? number + 1 : end;
    }
    printf("received=%" PRIu32 " end=%" PRIu32 " disorder=%" PRIu32 " seconds=%.6f\n", count, end,
           disorder, (double)(last - first) / NANOSECONDS);
}

int main(int argc, char **argv)
{
    uint8_t bytes[DATAGRAM_SIZE_MAX];
    uint32_t data_size;

    if (argc == 3 && strcmp(argv[1], "receive") == 0)
    {
        receive_all(parse_number(argv[2], sizeof(uint32_t), TRANSACTION_DATA_MAX));
        return 0;
    }
    if (argc == 8 && strcmp(argv[1], "send") == 0)
    {
        data_size = parse_number(argv[7], sizeof(uint32_t), TRANSACTION_DATA_MAX);
        send_all(argv[2], parse_number(argv[5], 1, 1u << 30), parse_number(argv[6], 0, 1u << 30),
                 bytes, make_datagram(argv[3], argv[4], data_size, bytes), data_size);
        return 0;
    }
    fprintf(stderr, "usage: udp_pair send BROADCAST-ADDRESS GROUP SLOT COUNT RATE SIZE\n"
                    "       udp_pair receive SIZE\n");
    return 2;
}
