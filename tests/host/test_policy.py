# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the settings deny, and what strangers with sloppy programs may do anyway."""
import itertools
import random
import socket
import struct

import samba
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


def ask(host, asker, kind, times=1):
    """Questions for all names of the host (wire.md 1.7), as nmblookup asks them: NB or NBSTAT."""
    sock = asker.udp(port=1137)
    for _ in range(times):
        question = next(identifiers).to_bytes(2, "big") + bytes.fromhex("0000 0001 0000 0000 0000")
        question += b"\x20CK" + b"AA" * 15 + b"\0" + kind.to_bytes(2, "big") + b"\0\1"
        sock.sendto(question, (host.interfaces[0]["address"], 137))
    sock.close()


def test_name_service(victim):
    """Questions for names that are denied, by their source or rate: counted, and said once for each."""
    stranger = stranger_beside(victim)
    source = stranger.interfaces[0]["address"]
    with victim.configured(allow_networks="10.99.0.0/16") as daemon:
        samba.wait_for_names(victim)
        ask(victim, stranger, 0x20, 3)
        ask(victim, stranger, 0x21, 3)
        wait_for(lambda: victim.counters()["name_drop_source"] == 6, lambda: f"six drops: {victim.counters()}")
        assert said(daemon, source, "names", "allow_networks") == 1, daemon.errors
    with victim.configured(source_rate="5") as daemon:
        samba.wait_for_names(victim)
        ask(victim, stranger, 0x20, 100)
        wait_for(lambda: victim.counters()["name_drop_rate"] > 50, lambda: f"drops: {victim.counters()}")
        assert said(daemon, source, "names", "source_rate") == 1, daemon.errors
    with victim.configured() as daemon:
        samba.wait_for_names(victim)
        ask(victim, stranger, 0x21, 100)
        wait_for(lambda: victim.counters()["name_drop_rate"] > 20, lambda: f"drops: {victim.counters()}")
        assert said(daemon, source, "list of names") == 1, daemon.errors


def test_forged_sources(victim):
    """Forged addresses fill the log's room for addresses, and that is said; not that for slots."""
    stranger = stranger_beside(victim)
    forged = [f"10.77.{9 + n // 250}.{1 + n % 250}" for n in range(80)]
    with victim.configured(receive_slots="!shut*") as daemon:
        with stranger.network():
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        mine = victim.interfaces[0]["address"]
        for source in forged:
            payload = good_for(victim, next(identifiers))
            udp = struct.pack(">HHHH", 138, 138, 8 + len(payload), 0) + payload
            head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                               socket.inet_aton(source), socket.inet_aton(mine))
            raw.sendto(head + udp, (mine, 0))
        raw.close()
        wait_for(lambda: victim.counters()["drop_source"] == 80, lambda: f"80 drops: {victim.counters()}")
        assert said(daemon, "allow_networks") == 64, daemon.errors
        assert said(daemon, "more addresses", "mailslotctl stats") == 1, daemon.errors
        throw(victim, stranger, "after", slot=b"SHUTUP")
        wait_for(lambda: victim.counters()["drop_slot_policy"] == 1, lambda: f"a drop: {victim.counters()}")
        assert said(daemon, "receive_slots") == 1, daemon.errors


def test_source_rate_beside_nmbd(victim):
    """Beside nmbd each broadcast comes three times; it is one message for source_rate."""
    stranger = stranger_beside(victim)
    nmbd = samba.Nmbd(victim)
    with victim.configured(nmbd_socket=nmbd.socket, source_rate="5") as daemon:
        nmbd.start()
        nmbd.wait_names()
        wait_for(lambda: victim.status()["network"]["mode"] == "beside nmbd", "the daemon to see nmbd")
        server = victim.listen("WINEMS")
        sock = stranger.udp(port=138)
        for number in range(15):  # 45 with the copies; four seconds' worth are 20
            datagram = good_for(victim, next(identifiers), f"{number:5}".encode())
            sock.sendto(datagram, (victim.interfaces[0]["broadcast"], 138))
        sock.close()
        wait_for(lambda: len(server.messages) == 15, lambda: f"15 messages: {server.messages}")
        wait_for(lambda: victim.counters()["drop_duplicate"] == 30, lambda: f"30 copies: {victim.counters()}")
        assert victim.counters()["drop_rate"] == 0, victim.counters()
        assert said(daemon, "source_rate") == 0, daemon.errors


def test_node_without_wins(victim):
    """A node type that asks WINS servers, and none is set: said at the start, in status, or refused."""
    with victim.configured(node_type="H") as daemon:
        assert said(daemon, "node_type", "wins_servers", "works as B") == 1, daemon.errors
        _, out, _ = victim.ctl("status")
        assert "node type H: " in out and "wins_servers" in out, out
    victim.options = {"node_type": "P"}
    code, _, err = victim.run(victim.lab.program("server-bridge/mailslotd"))
    victim.options = {}
    assert code != 0 and "node_type" in err and "set wins_servers" in err, (code, err)


def test_interface_setting(alpha, beta, delta):
    """Only the interfaces that are named: nothing leaves through the other one, nothing comes in."""
    with alpha.configured(interfaces=alpha.interfaces[1]["name"]) as daemon:
        servers = {host: host.listen("inside") for host in (alpha, beta, delta)}
        assert beta.send(r"\\*\mailslot\inside", "from outside") is None
        servers[beta].wait_message("from outside")
        wait_for(lambda: alpha.counters()["drop_interface"] > 0, "ALPHA to drop it")
        assert said(daemon, alpha.interfaces[0]["name"], "interfaces") == 1, daemon.errors
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
