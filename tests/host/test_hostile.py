# SPDX-License-Identifier: LGPL-2.1-or-later
"""What others may put on the cable: copies, rubbish, and more of it."""
import os
import random

import samba
from lab import wait_for

BAD_INPUTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "bad_inputs.txt")
# Of bad_inputs.txt, what a receiver must take for the slot WINEMS (wire.md 1.9, semantics D7): by
# name the size of its data. tests/unit/test_net_bad_inputs.c says why, for each.
DELIVERED = dict.fromkeys((
    "good", "flags-02", "flags-0e", "dgmlen-1", "dgmlen-44", "dgmlen-7fff", "srcip-zero",
    "srcip-loopback", "srcip-self", "star-src", "smb-status-nonzero", "smb-reply-flag",
    "smb-tid-uid-ffff", "paramcount-ffff", "dataoffset-56", "dataoffset-58", "priority-ffff",
    "class-1", "class-ffff", "bytecount-1", "bytecount-11", "timeout-ffffffff", "slot-lower", "nopad",
    "good-after"), 5) | {"payload-0": 0, "payload-400": 400, "payload-407": 407, "payload-424": 424,
                         "payload-426": 426, "payload-444": 444, "payload-1000": 1000}


def vectors():
    with open(BAD_INPUTS, encoding="ascii") as lines:
        for line in lines:
            port, name, digits = line.rstrip("\n").split(" ", 2)
            # One is abbreviated in the file ("..."): what there is of it is one more broken one.
            yield int(port), name, bytes.fromhex(digits.split(".")[0])


def with_id(datagram, number):
    """All in the file have one id, so they would be copies of each other."""
    return datagram[:2] + number.to_bytes(2, "big") + datagram[4:] if len(datagram) >= 4 else datagram


def good_for(host, number, text=b"hello"):
    for _, name, datagram in vectors():
        if name == "good":
            return with_id(datagram, number)[:-len(text)] + text
    raise AssertionError("no good one in bad_inputs.txt")


def sizes(server):
    return [int(match[1]) for match in map(server.MESSAGE.fullmatch, list(server.lines)) if match]


def stranger_beside(host):
    """A stranger on the host's cable, without any mailslot program."""
    for other in host.lab.hosts:
        if other.name == "STRANGER":
            return other
    return host.lab.host("STRANGER", lans=("lan2",))


def test_bad_inputs(victim):
    """No crash, no reply but to proper questions, only the good ones delivered; then one more arrives."""
    stranger = stranger_beside(victim)
    samba.wait_for_names(victim)
    server, address = victim.listen("WINEMS"), victim.interfaces[0]["address"]
    capture, before = victim.capture(), victim.counters()
    sock = stranger.udp(port=138)
    sent = 0
    for number, (port, name, datagram) in enumerate(vectors()):
        sock.sendto(with_id(datagram, number) if port == 138 else datagram, (address, port))
        sent += port == 138
    sock.sendto(good_for(victim, 0x7001, b"after"), (address, 138))
    server.wait_message("after")
    wait_for(lambda: victim.counters()["received"] == before["received"] + sent + 1,
             "the daemon to have looked at all of them")
    expected = [DELIVERED[name] for port, name, _ in vectors() if name in DELIVERED] + [5]
    assert sizes(server) == expected, sizes(server)
    assert victim.daemon.alive()
    after = victim.counters()
    drops = sum(after[c] - before[c] for c in after if c.startswith("drop_"))
    assert after["delivered"] - before["delivered"] + drops == sent + 1, "every datagram is accounted for"
    replies = capture.rows(f"udp && udp.srcport != 137 && ip.src == {address} && !icmp", "udp.length")
    assert not replies, f"{len(replies)} datagrams were sent in answer: {replies[:3]}"
    # Of the name service's, "ns-good" and "ns-opcode-0" are proper questions for a name of ours.
    asked = f"ip.src == {address} && ip.dst == {stranger.interfaces[0]['address']} && udp.srcport == 137"
    answers = capture.rows(asked, "nbns.flags.response", "nbns.flags.rcode", "nbns.addr")
    assert len(answers) == 2 and all(row[0] in ("1", "True") and row[2] == address for row in answers), answers
    sock.close()


def test_duplicates(victim):
    """The same datagram twice is one message (source, type, id); another id is another message."""
    stranger = stranger_beside(victim)
    server, address = victim.listen("WINEMS"), victim.interfaces[0]["address"]
    before = victim.counters()["drop_duplicate"]
    first = random.randrange(0x1000, 0x6000)
    sock = stranger.udp(port=138)
    for number, text in ((first, b"one.."), (first, b"one.."), (first + 1, b"two.."), (first, b"one.."),
                         (first + 2, b"fence")):
        sock.sendto(good_for(victim, number, text), (address, 138))
    server.wait_message("fence")
    assert server.messages == ["one..", "two..", "fence"], server.messages
    assert victim.counters()["drop_duplicate"] == before + 2
    sock.close()


def test_duplicate_broken_first(victim):
    """A broken datagram does not make a good one with its id disappear."""
    stranger = stranger_beside(victim)
    server, address = victim.listen("WINEMS"), victim.interfaces[0]["address"]
    number = random.randrange(0x6000, 0x6fff)
    sock = stranger.udp(port=138)
    sock.sendto(good_for(victim, number)[:120], (address, 138))
    sock.sendto(good_for(victim, number, b"whole"), (address, 138))
    server.wait_message("whole")
    assert server.messages == ["whole"], server.messages
    sock.close()


def test_flood(victim):
    """20,000 datagrams at once, good and bad: bounded memory, and afterwards all is well."""
    stranger = stranger_beside(victim)
    server, address = victim.listen("WINEMS"), victim.interfaces[0]["address"]

    def resident():
        with open(f"/proc/{victim.daemon.process.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before = resident()
    sock = stranger.udp(port=138)
    template = bytearray(good_for(victim, 0))
    for number in range(20000):
        template[2:4] = number.to_bytes(2, "big")
        sock.sendto(template[:100] if number % 3 == 0 else template, (address, 138))
    wait_for(lambda: sock.sendto(good_for(victim, random.randrange(0x8000, 0xffff), b"after"),
                                 (address, 138)) and "after" in server.messages, "a message after the flood")
    assert resident() < before + (24 << 20), f"{before} bytes before, {resident()} after"
    sock.close()
