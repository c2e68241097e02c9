# SPDX-License-Identifier: LGPL-2.1-or-later
r"""Broadcasts between hosts: who gets a copy, how many, and what the cable sees."""
from lab import run, wait_for

# What every datagram of ours must be (wire.md 2.3).
GOOD = ('udp.srcport == 138 && udp.dstport == 138 && nbdgm.type == 17 && nbdgm.first == 1 && nbdgm.next == 0 '
        '&& nbdgm.pkt_offset == 0 && smb.cmd == 0x25 && smb.wct == 17 && smb.sc == 3 '
        '&& mailslot.opcode == 1 && mailslot.class == 2 && !_ws.malformed && !icmp')
# What can be on the cable beside: only names being claimed, so the rest of UDP and ICMP counts.
TRAFFIC = "(udp && udp.port != 137) || icmp"
FENCE = "fence"


def listen(slot, *hosts):
    return {host: host.listen(slot) for host in hosts}


def fence(sender, slot, servers):
    """A last message: what came before it on the same cable has arrived when it does."""
    code, _, error = sender.ctl("send", rf"\\*\mailslot\{slot}", FENCE)
    assert code == 0, error
    for server in servers.values():
        server.wait_message(FENCE)


def assert_messages(servers, *expected):
    for host, server in servers.items():
        assert server.messages == [*expected, FENCE], f"{host.name} got {server.messages}"


def assert_cable(capture, count):
    """So many datagrams went over the cable, all of them correct, and nothing else."""
    good, all_of_it = capture.rows(GOOD), capture.rows(TRAFFIC)
    assert len(good) == count, f"{len(good)} correct datagrams, not {count}"
    assert len(all_of_it) == count, f"{len(all_of_it)} datagrams in all, not {count}"


def test_two_hosts(alpha, beta):
    """Q1, D10: one write, one datagram, one copy for everybody, the sender included."""
    servers, capture = listen("two", alpha, beta), beta.capture()
    assert beta.send(r"\\*\mailslot\two", "from beta") is None
    fence(beta, "two", servers)
    assert_messages(servers, "from beta")
    assert_cable(capture, 2)
    row, = capture.rows('data.data == "from beta"', "nbdgm.source_name", "nbdgm.destination_name",
                        "nbdgm.src.ip", "ip.src", "ip.dst", "mailslot.name")
    assert row == ["BETA<00>", "LABGRP<00>", beta.interfaces[0]["address"],
                   beta.interfaces[0]["address"], "10.77.0.255", r"\MAILSLOT\two"], row


def test_three_hosts(alpha, beta, gamma):
    """N17: everybody gets each message of everybody once, in the order of its sender."""
    servers = listen("three", alpha, beta, gamma)
    captures = {host: host.capture() for host in servers}
    texts = [f"{host.name} {number}" for host in servers for number in (1, 2)]
    for host in servers:
        for number in (1, 2):
            assert host.send(r"\\*\mailslot\three", f"{host.name} {number}") is None
            # The next sender's message may overtake on no cable, but in another daemon.
            for server in servers.values():
                server.wait_message(f"{host.name} {number}")
    fence(gamma, "three", servers)
    assert_messages(servers, *texts)
    assert_cable(captures[beta], len(texts) + 1)


def test_burst(alpha, beta, gamma):
    """Q1: posted faster than they leave, messages are a datagram each on the cable, in their order."""
    count, size = 1500, 100
    server = beta.windows("bench_net.exe", "receive", r"\\.\mailslot\burst")
    server.wait_line("^ready$")
    capture, before = gamma.capture(), alpha.counters()
    sender = alpha.windows("bench_net.exe", "send", r"\\*\mailslot\burst", str(count), str(size))
    sender.wait_line(f"^sent={count} failed=0 ")
    server.wait_line(f"^received={count} end={count} disorder=0 ")
    after = alpha.counters()
    sent = after["sent_datagrams"] - before["sent_datagrams"]
    assert sent == count * len(alpha.interfaces), f"{sent} counted"
    assert after["send_failed"] == before["send_failed"]
    assert_cable(capture, count)
    rows = capture.rows(GOOD, "ip.src", "nbdgm.dgram_id", "udp.length", "mailslot.name")
    assert {(row[0], *row[2:]) for row in rows} == {
        (alpha.interfaces[0]["address"], rows[0][2], r"\MAILSLOT\burst")}
    assert len({row[1] for row in rows}) == count, "each datagram has an id of its own"
    capture.assert_clean()


def test_slow_cable(alpha, beta):
    """Q1: a program that writes faster than the cable carries is slowed down; its messages arrive."""
    count = 3000
    server = beta.windows("bench_net.exe", "receive", r"\\.\mailslot\slow")
    server.wait_line("^ready$")
    before = alpha.counters()
    for interface in alpha.interfaces:
        run(*alpha.inside("tc", "qdisc", "add", "dev", interface["name"], "root", "tbf",
                          "rate", "20mbit", "burst", "64k", "limit", "4m"))
    try:
        sender = alpha.windows("bench_net.exe", "send", r"\\*\mailslot\slow", str(count), "400")
        sender.wait_line(f"^sent={count} failed=0 ")
        server.wait_line(f"^received={count} end={count} disorder=0 ")
    finally:
        for interface in alpha.interfaces:
            run(*alpha.inside("tc", "qdisc", "del", "dev", interface["name"], "root"))
    assert alpha.counters()["send_failed"] == before["send_failed"]


def test_sender_without_slot(beta, gamma):
    """Q2, D10: a sender that has no such slot gets nothing and loses nothing."""
    servers = listen("absent", gamma)
    before = beta.counters()["local_undelivered"]
    assert beta.send(r"\\*\mailslot\absent", "not for me") is None
    assert beta.counters()["local_undelivered"] == before + 1
    fence(beta, "absent", servers)
    assert_messages(servers, "not for me")


def test_nobody_listens(beta, gamma):
    """Q2: a write to a slot that exists nowhere succeeds, and nobody answers."""
    capture, before = beta.capture(), gamma.counters()["drop_no_slot"]
    assert beta.send(r"\\*\mailslot\nobody", "hello?") is None
    wait_for(lambda: gamma.counters()["drop_no_slot"] == before + 1, "GAMMA to drop the message")
    assert_cable(capture, 1)


def test_workgroup(beta, gamma, alien):
    r"""N16, D3: \\OWNWORKGROUP is \\*; hosts of another workgroup hear it and drop it."""
    servers, capture = listen("group", beta, gamma), beta.capture()
    stranger, before = alien.listen("group"), alien.counters()
    assert beta.send(r"\\LABGRP\mailslot\group", "by name") is None
    assert beta.send(r"\\labgrp\mailslot\group", "in lower case") is None
    assert beta.send(r"\\*\mailslot\group", "by star") is None
    fence(beta, "group", servers)
    assert_messages(servers, "by name", "in lower case", "by star")
    assert_cable(capture, 4)
    assert capture.rows(GOOD, "nbdgm.destination_name") == [["LABGRP<00>"]] * 4
    wait_for(lambda: alien.counters()["drop_not_ours"] == before["drop_not_ours"] + 4,
             "ALIEN to drop four datagrams")
    code, _, error = alien.ctl("send", r"\\.\mailslot\group", FENCE)
    assert code == 0, error
    stranger.wait_message(FENCE)
    assert stranger.messages == [FENCE], stranger.messages


def test_names(beta, gamma):
    """D8, N2, N3: letter case does not matter, nested names pass as they are."""
    servers = listen(r"Dir\SubDir\Name", beta, gamma)
    for name in (r"Dir\SubDir\Name", r"dir\subdir\name", r"DIR\SUBDIR\NAME"):
        assert beta.send(rf"\\*\mailslot\{name}", name) is None
    assert beta.send(r"\\*\MAILSLOT\dir\subdir", "only half of the name") is None
    assert beta.send(r"\\*\mailslot\name", "only its end") is None
    fence(beta, r"dir\SUBDIR\name", servers)
    assert_messages(servers, r"Dir\x5cSubDir\x5cName", r"dir\x5csubdir\x5cname", r"DIR\x5cSUBDIR\x5cNAME")


def test_two_interfaces(alpha, beta, delta):
    """One datagram per interface, and still one copy for everybody, the sender included."""
    servers, capture = listen("wide", alpha, beta, delta), alpha.capture()
    assert alpha.send(r"\\*\mailslot\wide", "on both cables") is None
    fence(alpha, "wide", servers)
    assert_messages(servers, "on both cables")
    assert_cable(capture, 4)
    rows = capture.rows('data.data == "on both cables"', "ip.src", "ip.dst", "nbdgm.src.ip")
    assert sorted(rows) == [["10.77.0.1", "10.77.0.255", "10.77.0.1"],
                            ["10.77.1.1", "10.77.1.255", "10.77.1.1"]], rows


def test_size_limit(beta, gamma):
    """Q4, Z1: 424 bytes go, 425 fail with ERROR_BAD_NETPATH and do not reach the cable."""
    servers, capture = listen("sizes123", beta, gamma), beta.capture()
    assert beta.send(r"\\*\mailslot\sizes123", "a" * 424) is None
    assert beta.send(r"\\*\mailslot\sizes123", "b" * 425) == 53
    assert beta.send(r"\\LABGRP\mailslot\sizes123", "c" * 425) == 53
    fence(beta, "sizes123", servers)
    assert_messages(servers, "a" * 424)
    assert_cable(capture, 2)


def test_frame_limit(beta, gamma):
    """Z2, Z3: what fits beside the name: 432 - round_up_4(length), and never more than 424."""
    capture = gamma.capture()
    lengths = (4, 5, 8, 9, 12, 13, 16, 40)
    for length in lengths:
        slot, limit = "n" * length, min(424, 432 - (length + 3) // 4 * 4)
        servers = listen(slot, gamma)
        assert beta.send(rf"\\*\mailslot\{slot}", "x" * limit) is None, f"{limit} bytes, name of {length}"
        assert beta.send(rf"\\*\mailslot\{slot}", "x" * (limit + 1)) == 53, f"{limit} + 1, name of {length}"
        fence(beta, slot, servers)
        assert_messages(servers, "x" * limit)
        for server in servers.values():
            server.stop()
    assert_cable(capture, 2 * len(lengths))
    sizes = [int(row[0]) for row in capture.rows(GOOD, "nbdgm.dgram_len")]
    assert max(sizes) == 2 * 34 + 512, sizes
