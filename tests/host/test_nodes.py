# SPDX-License-Identifier: LGPL-2.1-or-later
r"""Node types on the cable: whom M, P and H nodes tell their names, whom they ask; groups that WINS lists.

ROUTER joins the two LANs and passes no broadcasts. Samba's nmbd is the WINS server, on the first LAN.
BETA is a B node: only its neighbours know it. DELTA, beyond the router, is a P node: only WINS knows it.
"""
import contextlib
import os
import re
import signal
import socket

import samba
from lab import wait_for
from test_homes import router
from test_lan import FENCE, listen
from test_names import UNKNOWN, address, sent_to
from test_sites import registered, routed, wins_lookup

ALL_SITES = "local 10.77.0.0/16"
TTL = 60  # s: mailslotd refreshes after half of it
CLAIM, RELEASE, QUERY = "5", "6", "0"
NODE_FLAGS = {"B": 0, "P": 1, "M": 2, "H": 3}  # ONT of NB_FLAGS (wire.md 1.7)


class Wins:
    """An nmbd with `wins support`, which knows no names of earlier tests."""

    def __init__(self, lab, name):
        self.host = samba.neighbour(lab, name, "WINSGRP")
        self.nmbd = samba.Nmbd(self.host, wins_support="yes", min_wins_ttl=str(TTL), max_wins_ttl=str(TTL))
        for file in ("wins.dat", "wins.tdb"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(self._path(file))
        self.nmbd.start()

    def _path(self, file):
        return os.path.join(self.host.folder, "nmbd", "state", file)

    def names(self):
        """Ends it. Returns what it has written into its wins.dat: addresses and flags of each name."""
        self.nmbd.stop()
        with open(self._path("wins.dat"), encoding="ascii") as lines:
            found = (re.fullmatch(r'"(.+)" \d+ ((?:[\d.]+ )+)([0-9a-f]+)R\n', line) for line in lines)
            return {m[1]: (m[2].split(), int(m[3], 16)) for m in found if m}


@contextlib.contextmanager
def wins(lab, *names):
    servers = []
    try:
        for name in names or ("NODESRV",):
            servers.append(Wins(lab, name))
        yield servers if len(servers) > 1 else servers[0]
    finally:
        for server in servers:
            server.nmbd.stop()


def expect(capture, host, opcode, name, places):
    """Where the host's requests of this kind for this name went to, in order."""
    rows = capture.rows(f"nbns.flags.response == 0 && nbns.flags.opcode == {opcode} && !icmp && "
                        f"ip.src == {address(host)} && nbns.name contains \"{name}\"", "ip.dst")
    assert [row[0] for row in rows] == places, (opcode, name, rows)


def observe(kind, beta, gamma, delta):
    """GAMMA lives as a node of this kind: claims its names, writes to BETA, DELTA and nobody, and ends."""
    lab = gamma.lab
    asker, gateway = samba.neighbour(lab, "TORTURE"), router(lab)
    samba.wait_for_names(beta)
    # The B node that it is else says goodbye before we listen.
    gamma.daemon_stop()
    with wins(lab) as server, routed(gateway, gamma, delta, server.host), gamma.watched() as capture:
        options = {"wins_servers": address(server.host), "allow_networks": ALL_SITES}
        with delta.configured(node_type="P", **options), gamma.configured(node_type=kind, **options):
            samba.wait_for_names(gamma)
            for host in (gamma, delta):
                registered(asker, server.host, host)
            assert not wins_lookup(asker, server.host, "BETA#00").answers
            assert gamma.status()["network"]["node_type"] == kind
            found = samba.nmblookup(asker, "-A", address(gamma))
            assert ("GAMMA<00>", False, kind, "ACTIVE") in found.names, found.text
            # Neighbours find all but a P node by broadcast.
            found = samba.nmblookup(asker, "GAMMA")
            assert found.addresses == ([] if kind == "P" else [address(gamma)]), found.text
            servers = listen("nodes", beta, gamma, delta)
            assert gamma.send(r"\\DELTA\mailslot\nodes", "to delta") is None
            assert gamma.send(r"\\BETA\mailslot\nodes", "to beta") == (UNKNOWN if kind == "P" else None)
            assert gamma.send(r"\\NOSUCH\mailslot\nodes", "to nobody") == UNKNOWN
            assert delta.send(r"\\GAMMA\mailslot\nodes", "to gamma") is None
            servers[gamma].wait_message("to gamma")
            assert gamma.send(r"\\DELTA\mailslot\nodes", FENCE) is None
            assert beta.send(r"\\BETA\mailslot\nodes", FENCE) is None
            assert delta.send(r"\\GAMMA\mailslot\nodes", FENCE) is None
            if kind != "P":
                servers[beta].wait_message("to beta")
            for each in servers.values():
                each.wait_message(FENCE)
            assert sent_to(servers[delta].messages) == ["to delta"]
            assert sorted(servers[beta].messages) == [FENCE] + ([] if kind == "P" else ["to beta"])
            assert sent_to(servers[gamma].messages) == ["to gamma"]
            # What WINS has written down: our address, and our node type in the flags (0x04: active).
            names = server.names()
            addresses, flags = names["GAMMA#00"]
            assert addresses == [address(gamma)], names
            assert flags & 0x60 == NODE_FLAGS[kind] << 5 and flags & 4, names
            assert names["LABGRP#00"][1] & 0x80 and "BETA#00" not in names, names
        # A WINS server that has gone holds up nobody's end.
    everybody, server = gamma.interfaces[0]["broadcast"], address(server.host)
    rows = capture.rows(f"nbns.flags.response == 0 && nbns.flags.opcode == {CLAIM} && "
                        f"ip.src == {address(gamma)}", "nbns.nb_flags.ont")
    assert rows and {int(row[0], 0) for row in rows} == {NODE_FLAGS[kind]}, rows
    return capture, everybody, server


def test_m_node(beta, gamma, delta):
    """wire.md 1.6: an M node claims by broadcast, then with WINS; asks its neighbours, then WINS."""
    capture, everybody, server = observe("M", beta, gamma, delta)
    for name in ("GAMMA<00>", "LABGRP<00>"):
        expect(capture, gamma, CLAIM, name, [everybody] * 4 + [server])
        expect(capture, gamma, RELEASE, name, [everybody, server])
    expect(capture, gamma, QUERY, "DELTA<00>", [everybody] * 3 + [server])
    expect(capture, gamma, QUERY, "BETA<00>", [everybody])
    expect(capture, gamma, QUERY, "NOSUCH<00>", [everybody] * 3 + [server])


def test_h_node(beta, gamma, delta):
    """The same for an H node: WINS first, its neighbours after it."""
    capture, everybody, server = observe("H", beta, gamma, delta)
    for name in ("GAMMA<00>", "LABGRP<00>"):
        # While the server answers, it alone is told.
        expect(capture, gamma, CLAIM, name, [server])
        expect(capture, gamma, RELEASE, name, [everybody, server])
    expect(capture, gamma, QUERY, "DELTA<00>", [server])
    expect(capture, gamma, QUERY, "BETA<00>", [server, everybody])
    expect(capture, gamma, QUERY, "NOSUCH<00>", [server] + [everybody] * 3)


def test_p_node(beta, gamma, delta):
    """RFC 1001 10.2: a P node talks to WINS only. Nothing of its name service is a broadcast."""
    capture, _, server = observe("P", beta, gamma, delta)
    for name in ("GAMMA<00>", "LABGRP<00>"):
        expect(capture, gamma, CLAIM, name, [server])
        expect(capture, gamma, RELEASE, name, [server])
    for name in ("DELTA<00>", "BETA<00>", "NOSUCH<00>"):
        expect(capture, gamma, QUERY, name, [server])
    names = f"nbns && ip.src == {address(gamma)}"
    assert capture.rows(names), "the capture saw its name service"
    assert not capture.rows(f"{names} && (eth.dst.ig == 1 || ip.dst == {gamma.interfaces[0]['broadcast']})")
    # Nor does it answer questions by broadcast: the asker's "GAMMA" above was one.
    asked = capture.rows("nbns.flags.broadcast == 1 && nbns.flags.response == 0 && nbns.name contains \"GAMMA<00>\"",
                         "ip.src")
    assert asked, "somebody asked by broadcast"


def test_multihomed(alpha):
    """RFC 1002 5.1.2.1: WINS asks the first address before it takes the second, and lists what is there."""
    lab = alpha.lab
    asker, second = samba.neighbour(lab, "TORTURE"), alpha.interfaces[1]
    both = sorted(each["address"] for each in alpha.interfaces)

    def listed(server, *addresses):
        wait_for(lambda: wins_lookup(asker, server.host, "ALPHA#00").addresses == list(addresses),
                 lambda: f"WINS to list {addresses}: {wins_lookup(asker, server.host, 'ALPHA#00').text}")

    with wins(lab) as server:
        with alpha.configured(node_type="H", wins_servers=address(server.host)):
            samba.wait_for_names(alpha)
            names = {each["name"]: each["state"] for each in alpha.status()["network"]["names"]}
            assert names == {"ALPHA<00>": "held", "LABGRP<00>": "held"}, names
            listed(server, *both)
            alpha.ip("link", "set", second["name"], "down")
            try:
                listed(server, address(alpha))
            finally:
                alpha.ip("link", "set", second["name"], "up")
            listed(server, *both)
        listed(server)


# --- internet groups -------------------------------------------------------------------------------

GROUP, SUFFIX = "DOMGRP", 0x1C
LISTED_MAX = 25  # WINS keeps so many addresses of a <1C> group (wire.md 1.5)


def encoded(name, suffix):
    raw = name.encode("ascii").ljust(15) + bytes([suffix])
    return b"\x20" + b"".join(bytes((0x41 + (c >> 4), 0x41 + (c & 15))) for c in raw) + b"\0"


def register_member(host, server, member, number):
    """As a P node with this address would (wire.md 1.7: 2900, group flag, no broadcast)."""
    request = (number.to_bytes(2, "big") + bytes.fromhex("29000001000000000001") + encoded(GROUP, SUFFIX)
               + bytes.fromhex("00200001c00c00200001") + (3600).to_bytes(4, "big") + bytes.fromhex("0006a000")
               + socket.inet_aton(member))
    with host.udp(address(host)) as sock:
        sock.settimeout(10)
        sock.sendto(request, (address(server), 137))
        answer = sock.recv(576)
    assert answer[:2] == request[:2] and answer[3] & 0xF == 0, answer.hex()


@contextlib.contextmanager
def crowd(lab, server, size):
    """Members without mailslotd that the server lists: so many addresses of one host."""
    host = samba.neighbour(lab, "CROWD", "NOGROUP")
    addresses = [f"10.77.0.{150 + i}" for i in range(size)]
    for number, member in enumerate(addresses):
        host.ip("addr", "add", f"{member}/32", "dev", host.interfaces[0]["name"])
        register_member(host, server, member, 0x4000 + number)
    try:
        yield addresses
    finally:
        for member in addresses:
            host.ip("addr", "del", f"{member}/32", "dev", host.interfaces[0]["name"])


def datagrams(capture, host, text):
    """Type, destination name and address of each datagram of the host with this text."""
    return capture.rows(f'mailslot && !icmp && ip.src == {address(host)} && data.data == "{text}"', "nbdgm.type",
                        "nbdgm.destination_name", "ip.dst")


def test_internet_group(beta, gamma, delta, alien):
    r"""wire.md 1.5: \\DOMAIN#1c goes to each address that WINS lists, once; a member gets its own copy once."""
    lab = beta.lab
    asker, gateway = samba.neighbour(lab, "TORTURE"), router(lab)
    target = rf"\\{GROUP}#1c\mailslot\domain"
    with wins(lab) as server, routed(gateway, beta, gamma, alien, delta, server.host), \
            contextlib.ExitStack() as stack:
        options = {"wins_servers": address(server.host), "allow_networks": ALL_SITES}
        members = {beta: "H", gamma: "P", delta: "P"}
        for host, kind in members.items():
            stack.enter_context(host.configured(node_type=kind, groups=f"{GROUP}#1c", **options))
        stack.enter_context(alien.configured(node_type="P", **options))
        for host in (*members, alien):
            samba.wait_for_names(host)
        three = sorted(map(address, members))
        wait_for(lambda: wins_lookup(asker, server.host, f"{GROUP}#1c").addresses == three,
                 lambda: f"three members: {wins_lookup(asker, server.host, f'{GROUP}#1c').text}")
        others = stack.enter_context(crowd(lab, server.host, LISTED_MAX - len(members)))
        listed = sorted(three + others)
        assert wins_lookup(asker, server.host, f"{GROUP}#1c").addresses == listed
        servers = listen("domain", beta, gamma, delta, alien)
        captures = {host: host.capture() for host in (beta, gamma, alien)}
        for host in captures:
            assert host.send(target, f"from {host.name}") is None
            for member in members:
                servers[member].wait_message(f"from {host.name}")
        assert alien.send(target, FENCE) is None
        for member in members:
            servers[member].wait_message(FENCE)
            assert sent_to(servers[member].messages) == ["from BETA", "from GAMMA", "from ALIEN"], member.name
        # Who is no member gets nothing.
        assert servers[alien].messages == [], servers[alien].messages
        for host, capture in captures.items():
            rows = datagrams(capture, host, f"from {host.name}")
            assert {tuple(row[:2]) for row in rows} == {("17", f"{GROUP}<1c>")}, rows
            expected = [member for member in listed if member != address(host)]
            assert sorted(row[2] for row in rows) == expected, (host.name, rows)
            capture.assert_clean()
        addresses, flags = server.names()[f"{GROUP}#1c"]
        assert sorted(addresses) == listed and flags & 0x80, (addresses, flags)


def test_server_dies(beta, gamma):
    """The WINS server in use dies: questions and names go to the next one (MS-NBTE 3.1.8)."""
    lab = gamma.lab
    asker = samba.neighbour(lab, "TORTURE")
    with wins(lab, "NODESRV", "NODESRV2") as (first, second):
        both = f"{address(first.host)} {address(second.host)}"
        with gamma.configured(node_type="P", wins_servers=both), \
                beta.configured(node_type="P", wins_servers=address(second.host), names="BETATWO"):
            registered(asker, first.host, gamma)
            registered(asker, second.host, beta)
            assert not wins_lookup(asker, second.host, "GAMMA#00").answers
            assert [w["current"] for w in gamma.status()["network"]["wins_servers"]] == [True, False]
            server = beta.listen("dies")
            first.nmbd.stop(signal.SIGKILL)
            assert gamma.send(r"\\BETA\mailslot\dies", "by the second server") is None
            server.wait_message("by the second server")
            # The next question does not go to the dead one first.
            with gamma.watched() as capture:
                assert gamma.send(r"\\BETATWO\mailslot\dies", "asked at once") is None
                server.wait_message("asked at once")
                asked = capture.rows(f'nbns.flags.response == 0 && ip.src == {address(gamma)} && '
                                     'nbns.name contains "BETATWO"', "ip.dst")
            assert {row[0] for row in asked} == {address(second.host)}, asked
            # With the next refresh the names move, too.
            registered(asker, second.host, gamma)
            wait_for(lambda: gamma.status()["network"]["wins_servers"] == [
                {"address": address(first.host), "answers": False, "current": False},
                {"address": address(second.host), "answers": True, "current": True}],
                     lambda: f"the failover to show: {gamma.status()['network']['wins_servers']}")
            assert server.messages == ["by the second server", "asked at once"], server.messages
