/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One control packet (issue 2, section 2 "control"): what goes through, what does not, whose fds.
 */

#include "daemon_support.h"

static int pair[2];
static int fds_before;

static int setup(void **state)
{
    (void)state;
    fds_before = support_count_fds(getpid());
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

/* No test may leave a descriptor. */
static int teardown(void **state)
{
    (void)state;
    close(pair[0]);
    close(pair[1]);
    return support_count_fds(getpid()) != fds_before;
}

/* Sends raw bytes with `n_fds` copies of a descriptor, as anybody could. */
static void send_raw(const void *bytes, size_t size, int n_fds)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * 64)] = {0};
    struct iovec iov = {(void *)bytes, size};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    if (n_fds)
    {
        struct cmsghdr *c = (struct cmsghdr *)control;

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        for (int i = 0; i < n_fds; i++)
            memcpy(CMSG_DATA(c) + i * sizeof(int), &pair[0], sizeof(int));
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
    }
    assert_int_equal(sendmsg(pair[0], &message, 0), size);
}

static int receive(struct packet *packet)
{
    support_packet(packet);
    return packet_receive(pair[1], packet, MSG_DONTWAIT);
}

static void test_round_trip(void **state)
{
    static _Alignas(8) uint8_t bytes[256];
    struct control_create *create, got;
    struct packet packet;
    const uint8_t *extra;
    size_t size;
    int fd;

    (void)state;
    packet_init(&packet, bytes, sizeof(bytes));
    create = packet_start(&packet, CONTROL_CREATE, 77, -5, sizeof(*create));
    create->max_message = 424;
    assert_int_equal(packet_append(&packet, "name", 4), 0);
    packet_add_fd(&packet, pair[0]);
    packet_add_fd(&packet, pair[1]);
    assert_int_equal(packet_send(pair[0], &packet, 0), 0);

    assert_int_equal(receive(&packet), 0);
    assert_int_equal(packet_header(&packet)->type, CONTROL_CREATE);
    assert_int_equal(packet_header(&packet)->version, CONTROL_VERSION);
    assert_int_equal(packet_header(&packet)->serial, 77);
    assert_int_equal(packet_header(&packet)->result, -5);
    packet_body(&packet, &got, sizeof(got));
    assert_int_equal(got.max_message, 424);
    assert_int_equal(got.read_timeout, 0);
    extra = packet_extra(&packet, sizeof(got), &size);
    assert_int_equal(size, 4);
    assert_memory_equal(extra, "name", 4);

    assert_int_equal(packet.n_fds, 2);
    fd = packet_take_fd(&packet, 1);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(packet_take_fd(&packet, 1), -1);
    assert_int_equal(packet_take_fd(&packet, 2), -1);
    close(fd);
    packet_close_fds(&packet);
    assert_int_equal(packet_take_fd(&packet, 0), -1);
}

/* "a receiver takes missing bytes as zero" (control/protocol.h) */
static void test_short_body(void **state)
{
    struct control_header header = {CONTROL_MAGIC, CONTROL_VERSION, CONTROL_SEND, 1, 0};
    struct control_slot body;
    struct packet packet;
    size_t size = 99;
    uint8_t bytes[sizeof(header) + 3];

    (void)state;
    memcpy(bytes, &header, sizeof(header));
    memset(bytes + sizeof(header), 0xff, 3);
    send_raw(bytes, sizeof(bytes), 0);
    assert_int_equal(receive(&packet), 0);
    memset(&body, 0xaa, sizeof(body));
    packet_body(&packet, &body, sizeof(body));
    assert_int_equal(body.lease, 0xffffff);
    assert_int_equal(body.created, 0);
    packet_extra(&packet, sizeof(body), &size);
    assert_int_equal(size, 0);
}

static void test_append_limit(void **state)
{
    uint8_t bytes[sizeof(struct control_header) + 8];
    struct packet packet;

    (void)state;
    packet_init(&packet, bytes, sizeof(bytes));
    packet_start(&packet, CONTROL_OPEN, 0, 0, 0);
    assert_int_equal(packet_append(&packet, "12345", 5), 0);
    assert_int_equal(packet_append(&packet, "1234", 4), -EMSGSIZE);
    assert_int_equal(packet_append(&packet, "x", SIZE_MAX), -EMSGSIZE);
    assert_int_equal(packet.size, sizeof(struct control_header) + 5);
    assert_int_equal(packet_append(&packet, NULL, 0), 0);
    assert_int_equal(packet_append(&packet, "123", 3), 0);
}

static void test_malformed(void **state)
{
    struct control_header header = {CONTROL_MAGIC, CONTROL_VERSION, CONTROL_OPEN, 1, 0};
    struct packet packet;

    (void)state;
    /* Every size below a header, with and without descriptors */
    for (size_t size = 1; size < sizeof(header); size++)
        for (int n = 0; n <= CONTROL_FDS_MAX; n += CONTROL_FDS_MAX)
        {
            send_raw(&header, size, n);
            assert_int_equal(receive(&packet), -EPROTO);
            assert_int_equal(packet.n_fds, 0);
        }
    header.magic ^= 1;
    send_raw(&header, sizeof(header), 2);
    assert_int_equal(receive(&packet), -EPROTO);
    assert_int_equal(packet.n_fds, 0);
}

/* Larger than the receiver's buffer: refused whole, with its descriptors. */
static void test_truncated(void **state)
{
    static _Alignas(8) uint8_t big[4096], small[64];
    struct control_header header = {CONTROL_MAGIC, CONTROL_VERSION, CONTROL_OPEN, 1, 0};
    struct packet packet;

    (void)state;
    memcpy(big, &header, sizeof(header));
    send_raw(big, sizeof(big), 1);
    packet_init(&packet, small, sizeof(small));
    assert_int_equal(packet_receive(pair[1], &packet, MSG_DONTWAIT), -EPROTO);
    assert_int_equal(packet.n_fds, 0);
}

/* Lost descriptors are told apart from nonsense: the daemon can answer such a request. */
static void test_too_many_fds(void **state)
{
    struct control_header header = {CONTROL_MAGIC, CONTROL_VERSION, CONTROL_OPEN, 1, 0};
    struct packet packet;

    (void)state;
    for (int n = CONTROL_FDS_MAX + 1; n <= 64; n++)
    {
        send_raw(&header, sizeof(header), n);
        assert_int_equal(receive(&packet), -EMFILE);
        assert_int_equal(packet.n_fds, 0);
    }
    header.magic = 0;
    send_raw(&header, sizeof(header), 9);
    assert_int_equal(receive(&packet), -EPROTO);
}

/* A packet of no bytes looks like the end of the connection, but may carry descriptors. */
static void test_empty_with_fds(void **state)
{
    struct packet packet;

    (void)state;
    send_raw("", 0, CONTROL_FDS_MAX);
    assert_int_equal(receive(&packet), -EPIPE);
    assert_int_equal(packet.n_fds, 0);
}

static void test_end(void **state)
{
    struct control_header header = {CONTROL_MAGIC, CONTROL_VERSION, CONTROL_OPEN, 1, 0};
    struct packet packet;

    (void)state;
    assert_int_equal(receive(&packet), -EAGAIN);
    send_raw(&header, sizeof(header), 0);
    shutdown(pair[0], SHUT_WR);
    assert_int_equal(receive(&packet), 0);
    assert_int_equal(receive(&packet), -EPIPE);
    shutdown(pair[0], SHUT_RD);
    packet_start(&packet, CONTROL_OPEN, 0, 0, 0);
    assert_int_equal(packet_send(pair[1], &packet, 0), -EPIPE); /* and no SIGPIPE */
}

/* The largest packet that a client may build fits through a socket of default size. */
static void test_largest(void **state)
{
    static uint8_t filler[CONTROL_PACKET_MAX];
    struct packet packet;
    size_t size;

    (void)state;
    support_packet(&packet);
    packet_start(&packet, CONTROL_SEND, 0, 0, sizeof(struct control_send));
    size = CONTROL_PACKET_MAX - packet.size;
    assert_int_equal(packet_append(&packet, filler, size), 0);
    assert_int_equal(packet_append(&packet, filler, 1), -EMSGSIZE);
    assert_int_equal(packet_send(pair[0], &packet, MSG_DONTWAIT), 0);
    assert_int_equal(receive(&packet), 0);
    assert_int_equal(packet.size, CONTROL_PACKET_MAX);
}

/* control/address.h: one place for a user (S3), and who may own the folder. */
static void test_address(void **state)
{
    char folder[] = "/tmp/mailslot-test-XXXXXX", path[160], longer[300], expected[64];
    struct sockaddr_un address;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(expected, sizeof(expected), "/tmp/wine-mailslot-%u/socket", (unsigned int)geteuid());
    for (int i = 0; i < 3; i++) /* whatever the environment says */
    {
        if (i == 0)
            unsetenv("XDG_RUNTIME_DIR");
        else
            setenv("XDG_RUNTIME_DIR", i == 1 ? folder : "relative", 1);
        assert_int_equal(control_address_user(path, sizeof(path)), 0);
        assert_string_equal(path, expected);
    }
    assert_int_equal(control_address_user(longer, 20), -ENAMETOOLONG);

    snprintf(path, sizeof(path), "%s/wine-mailslot/socket", folder);
    assert_int_equal(control_address_secure_folder(path), 0);
    *strrchr(path, '/') = 0;
    chmod(path, 0777);
    strcat(path, "/socket");
    assert_int_equal(control_address_secure_folder(path), -EPERM);
    *strrchr(path, '/') = 0;
    rmdir(path);
    assert_int_equal(symlink("/tmp", path), 0); /* somebody else's trap */
    strcat(path, "/socket");
    assert_int_equal(control_address_secure_folder(path), -EPERM);
    *strrchr(path, '/') = 0;
    unlink(path);
    rmdir(folder);

    memset(longer, 'x', sizeof(longer));
    longer[0] = '/';
    longer[sizeof(address.sun_path)] = 0;
    assert_int_equal(control_address_fill(&address, longer), -ENAMETOOLONG);
    assert_int_equal(control_address_secure_folder("name"), -EINVAL);
    setenv("MAILSLOTD_SOCKET", "", 1);
    assert_null(control_address_forced());
    setenv("MAILSLOTD_SOCKET", "/x", 1);
    assert_string_equal(control_address_forced(), "/x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_short_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_append_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many_fds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_with_fds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_largest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_address, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
