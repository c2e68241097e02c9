# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the settings deny, and what strangers with sloppy programs may do anyway."""
import itertools
import random

from lab import wait_for
from test_hostile import good_for, stranger_beside
from test_lan import FENCE

DENIED = 5  # ERROR_ACCESS_DENIED
identifiers = itertools.count(random.randrange(0x1000, 0x2000))


def throw(victim, stranger, *texts, slot=b"WINEMS"):
    """Good datagrams for a slot of six letters, each with an id of its own."""
    sock = stranger.udp(port=138)
    for text in texts:
        datagram = good_for(victim, next(identifiers), text.encode().ljust(5))
        sock.sendto(datagram.replace(b"WINEMS", slot), (victim.interfaces[0]["address"], 138))
    sock.close()


def said(daemon, *words):
    """How often the daemon has logged a line with all these words."""
    return sum(all(word in line for word in words) for line in daemon.errors)


def test_receive_slots(victim):
    """A slot that the network may not reach: counted, logged once; others, and local writers, do."""
    stranger = stranger_beside(victim)
    with victim.configured(receive_slots="open* !opendo") as daemon, victim.watched() as capture:
        servers = {name: victim.listen(name) for name in ("WINEMS", "opendo", "opened")}
        throw(victim, stranger, "one", "two", slot=b"WINEMS")
        throw(victim, stranger, "three", slot=b"OPENDO")
        throw(victim, stranger, "four.", slot=b"OPENED")
        servers["opened"].wait_message("four.")
        assert victim.counters()["drop_slot_policy"] == 3
        assert said(daemon, "WINEMS", "receive_slots") == 1, daemon.errors
        assert said(daemon, "receive_slots") == 2, daemon.errors
        for host in (".", "*", "HOSTA"):
            assert victim.send(rf"\\{host}\mailslot\WINEMS", f"local, {host}") is None
        assert victim.send(r"\\.\mailslot\WINEMS", FENCE) is None
        servers["WINEMS"].wait_message(FENCE)
        assert servers["WINEMS"].messages == ["local, .", "local, *", "local, HOSTA", FENCE]
        assert servers["opendo"].messages == []
        mine = victim.interfaces[0]["address"]
        answers = capture.rows(f"nbdgm && ip.src == {mine} && ip.dst != 10.77.2.255")
        assert not answers, "the network is told nothing of that"


def test_send_slots(victim):
    """A slot that may not be sent to: the write fails, nothing leaves; local messages pass."""
    with victim.configured(send_slots="* !secret*") as daemon, victim.watched() as capture:
        server = victim.listen("secret1")
        for target in ("*", "LABGRP", "SOMEBODY"):
            assert victim.send(rf"\\{target}\mailslot\Secret1", "out") == DENIED
        assert victim.send(r"\\.\mailslot\secret1", "local") is None
        server.wait_message("local")
        assert server.messages == ["local"], server.messages
        assert victim.send(r"\\*\mailslot\public", "out") is None
        assert victim.counters()["send_refused"] == 3
        assert said(daemon, "ecret1", "send_slots") == 1, daemon.errors
        rows = capture.rows("mailslot", "mailslot.name")
        assert rows == [[r"\MAILSLOT\public"]], rows


def test_allow_networks(victim):
    """Only these networks: counted and logged once per source; a single address can be allowed."""
    stranger = stranger_beside(victim)
    source = stranger.interfaces[0]["address"]
    with victim.configured(allow_networks="10.99.0.0/16") as daemon:
        server = victim.listen("WINEMS")
        throw(victim, stranger, "one", "two", "three")
        wait_for(lambda: victim.counters()["drop_source"] == 3, lambda: f"three drops: {victim.counters()}")
        assert said(daemon, source, "allow_networks") == 1, daemon.errors
        assert server.messages == []
    with victim.configured(allow_networks=f"10.99.0.0/16 {source}") as daemon:
        server = victim.listen("WINEMS")
        throw(victim, stranger, "four.")
        server.wait_message("four.")
        assert said(daemon, "allow_networks") == 0, daemon.errors


def test_source_rate(victim):
    """One source sends too much: what is over its rate is counted and dropped, said once."""
    stranger = stranger_beside(victim)
    with victim.configured(source_rate="5") as daemon:
        server = victim.listen("WINEMS")
        throw(victim, stranger, *(["spam."] * 200))
        wait_for(lambda: victim.counters()["received"] >= 200, "200 datagrams to be looked at")
        counters = victim.counters()
        assert counters["drop_rate"] > 100, counters["drop_rate"]
        assert counters["delivered"] + counters["drop_rate"] == 200, counters
        assert counters["delivered"] >= 20, "four seconds' worth are let through"
        assert said(daemon, "source_rate") == 1, daemon.errors
        # Its own programs are not limited by that.
        for text in ("own", FENCE):
            assert victim.send(r"\\*\mailslot\WINEMS", text) is None
        server.wait_message(FENCE)
        assert len(server.messages) == counters["delivered"] + 2


def test_interface_setting(alpha, beta, delta):
    """Only the interfaces that are named: nothing leaves through the other one, nothing comes in."""
    with alpha.configured(interfaces=alpha.interfaces[1]["name"]):
        servers = {host: host.listen("inside") for host in (alpha, beta, delta)}
        assert beta.send(r"\\*\mailslot\inside", "from outside") is None
        servers[beta].wait_message("from outside")
        wait_for(lambda: alpha.counters()["drop_interface"] > 0, "ALPHA to drop it")
        assert alpha.send(r"\\*\mailslot\inside", "to the inside") is None
        servers[delta].wait_message("to the inside")
        assert beta.send(r"\\*\mailslot\inside", FENCE) is None
        servers[beta].wait_message(FENCE)
        assert servers[beta].messages == ["from outside", FENCE], servers[beta].messages
        assert servers[alpha].messages == ["to the inside"], servers[alpha].messages


def test_sloppy_peer(victim):
    """Datagrams as scapy and impacket build them are understood: types, alignment, wrong lengths."""
    # Slow to import, and only this test needs it.
    from scapy.layers.netbios import NBTDatagram
    stranger = stranger_beside(victim)
    source = stranger.interfaces[0]["address"]

    def smb(text, padding=b""):
        name = b"\\MAILSLOT\\SLOPPY\0" + padding
        offset = 69 + len(name)
        size, total = len(text).to_bytes(2, "little"), (len(name) + len(text)).to_bytes(2, "little")
        where = offset.to_bytes(2, "little")
        return (b"\xffSMB\x25" + bytes(27) + b"\x11\0\0" + size + bytes(16) + where + size + where
                + b"\3\0\1\0\1\0\2\0" + total + name + text)

    def datagram(text, destination="HOSTA", kind=0x11, length=None, padding=b"", raw_name=None):
        body = smb(text.encode(), padding)
        header = NBTDatagram(
            Type=kind, Flags=2, ID=random.randrange(0x10000), SourceIP=source, SourcePort=138,
            Length=68 + len(body) if length is None else length, SourceName=b"SCAPY", SUFFIX1=0x4141,
            DestinationName=destination.encode(), SUFFIX2=0x4141)
        octets = bytes(header)
        assert len(octets) == 82, "scapy builds the header that the test expects"
        if raw_name:
            octets = octets[:48] + raw_name
        return octets + body

    star = b"\x20CK" + b"AA" * 15 + b"\0"
    address, broadcast = victim.interfaces[0]["address"], victim.interfaces[0]["broadcast"]
    expected = []
    with victim.watched():
        server = victim.listen("sloppy")
        sock = stranger.udp(port=138)
        before = victim.counters()
        for text, to, options in (
                ("not aligned", address, {}),
                ("three zeros before it", address, {"padding": b"\0\0\0"}),
                ("unique", address, {"kind": 0x10}),
                ("type broadcast, our name", broadcast, {"kind": 0x12}),
                ("type broadcast, star", broadcast, {"kind": 0x12, "raw_name": star}),
                ("type group, star", broadcast, {"kind": 0x11, "raw_name": star}),
                ("group by unicast", address, {"destination": "LABGRP"}),
                ("group by broadcast", broadcast, {"destination": "LABGRP"}),
                ("length as impacket", address, {"length": 98}),
                ("length zero", address, {"length": 0}),
                ("length too large", address, {"length": 0x7fff})):
            sock.sendto(datagram(text, **options), (to, 138))
            expected.append(text)
        for options in ({"destination": "HOSTB"}, {"kind": 0x10, "destination": "NOTLABGRP"}):
            sock.sendto(datagram("not for us", **options), (address, 138))
        sock.sendto(datagram(FENCE), (address, 138))
        server.wait_message(FENCE)
        assert server.messages == [*expected, FENCE], server.messages
        assert victim.counters()["drop_not_ours"] == before["drop_not_ours"] + 2
        sock.close()
