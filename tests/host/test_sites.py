# SPDX-License-Identifier: LGPL-2.1-or-later
"""Beyond one broadcast domain: a router between two LANs, static peers, WINS servers.

ALPHA is on both LANs and forwards: BETA and GAMMA are on the one side, DELTA is on the other.
"""
import contextlib

import samba
from lab import wait_for
from test_lan import FENCE, listen
from test_names import NOBODY, UNKNOWN, address, sent_to

WINS_TTL = 60  # s: mailslotd refreshes after half of it


@contextlib.contextmanager
def routed(router, *hosts):
    """Inside, the hosts of both LANs reach each other through the router; broadcasts do not."""
    with router.network(), open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as out:
        out.write("1")
    for host in hosts:
        for other in hosts:
            if address(host).rsplit(".", 1)[0] != address(other).rsplit(".", 1)[0]:
                host.route(other, router)
    try:
        yield
    finally:
        with router.network(), open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as out:
            out.write("0")


def test_peers(alpha, beta, gamma, delta):
    """Static peers get the group's messages by unicast, both ways; neighbours get them as before."""
    with routed(alpha, beta, gamma, delta), beta.configured(peers=address(delta)), \
            delta.configured(peers=f"{address(beta)}/LABGRP {NOBODY}/NOGROUP"), delta.watched() as capture:
        samba.wait_for_names(beta)
        servers = listen("peers", beta, gamma, delta)
        assert beta.send(r"\\*\mailslot\peers", "from beta") is None
        for server in servers.values():
            server.wait_message("from beta")
        assert delta.send(r"\\LABGRP\mailslot\peers", "from delta") is None
        for host in (beta, delta):
            servers[host].wait_message("from delta")
        # GAMMA is nobody's peer across the router: beta's message passes the router, gamma's does not.
        assert gamma.send(r"\\*\mailslot\peers", "from gamma") is None
        servers[beta].wait_message("from gamma")
        assert beta.send(r"\\*\mailslot\peers", FENCE) is None
        for server in servers.values():
            server.wait_message(FENCE)
        assert sent_to(servers[beta].messages) == ["from beta", "from delta", "from gamma"]
        assert sent_to(servers[gamma].messages) == ["from beta", "from gamma"]
        assert sent_to(servers[delta].messages) == ["from beta", "from delta"]
        rows = capture.rows('mailslot && data.data == "from beta"', "nbdgm.type", "ip.src", "ip.dst",
                            "nbdgm.destination_name", "ip.ttl")
        assert rows == [["17", address(beta), address(delta), "LABGRP<00>", "63"]], rows
        peers = {(p["address"], p["group"]) for p in delta.status()["network"]["peers"]}
        assert peers == {(address(beta), "LABGRP"), (NOBODY, "NOGROUP")}, peers


def test_peers_of_foreign_group(alpha, beta, alien, delta):
    """A peer can be given for a group that is not ours: there it is sent without a question."""
    with routed(alpha, beta, delta), beta.configured(peers=f"{address(delta)}/FARGRP"), \
            delta.configured(workgroup="FARGRP", allow_networks="local 10.77.0.0/24"):
        servers = listen("far", alien, delta)
        assert beta.send(r"\\FARGRP\mailslot\far", "to the far group") is None
        servers[delta].wait_message("to the far group")
        assert beta.send(r"\\LABGRP\mailslot\far", "to our own") is None
        assert beta.send(r"\\FARGRP\mailslot\far", FENCE) is None
        servers[delta].wait_message(FENCE)
        assert sent_to(servers[delta].messages) == ["to the far group"]
        assert servers[alien].messages == []


def test_stranger_across_the_router(alpha, beta, delta):
    """Without peers or permission nobody from another network reaches us: counted, logged once each."""
    with routed(alpha, beta, delta), beta.configured() as daemon:
        servers = listen("closed", beta)
        before = beta.counters()["drop_source"]
        for number in range(3):
            assert delta.send(rf"\\{address(beta)}\mailslot\closed", f"knock {number}") is None
        wait_for(lambda: beta.counters()["drop_source"] >= before + 3, "three datagrams to be denied")
        assert beta.send(r"\\BETA\mailslot\closed", FENCE) is None
        servers[beta].wait_message(FENCE)
        assert servers[beta].messages == [FENCE], servers[beta].messages
        lines = [line for line in daemon.errors if address(delta) in line]
        assert all("allow_networks" in line for line in lines), daemon.errors
        for what in ("may ask us for names", "may send to us"):
            assert sum(what in line for line in lines) == 1, daemon.errors
        assert len(lines) == 2, daemon.errors


def wins_server(lab):
    """nmbd as a WINS server on the first LAN; it stays until the end."""
    host = samba.neighbour(lab, "WINSRV", "WINSGRP")
    if not hasattr(host, "nmbd"):
        host.nmbd = samba.Nmbd(host, wins_support="yes", min_wins_ttl=str(WINS_TTL),
                               max_wins_ttl=str(WINS_TTL)).start()
    return host


def wins_lookup(asker, server, name):
    return samba.nmblookup(asker, "--recursion", "-U", address(server), name)


def registered(asker, server, host, name=None):
    name = name or f"{host.name}#00"
    wait_for(lambda: wins_lookup(asker, server, name).addresses == [address(host)],
             lambda: f"{name} to be known to WINS: {wins_lookup(asker, server, name).text}")


def test_wins(alpha, beta, delta):
    """A WINS server (Samba's) makes computers known across a router; refreshed, and released at exit."""
    server, asker = wins_server(beta.lab), samba.neighbour(beta.lab, "TORTURE")
    options = {"wins_servers": address(server), "allow_networks": "local 10.77.0.0/16"}
    server.route(delta, alpha)
    with routed(alpha, beta, delta), beta.watched() as capture, \
            beta.configured(node_type="H", names="ALIASW", **options), \
            delta.configured(node_type="P", **options):
        for host in (beta, delta):
            registered(asker, server, host)
        registered(asker, server, beta, "ALIASW#00")
        assert beta.status()["network"]["node_type"] == "H"
        assert delta.status()["network"]["node_type"] == "P"
        assert beta.status()["network"]["wins_servers"] == [
            {"address": address(server), "answers": True, "current": True}]
        servers = listen("wins", beta, delta)
        for source, target in ((delta, "BETA"), (delta, "ALIASW"), (beta, "DELTA")):
            assert source.send(rf"\\{target}\mailslot\wins", f"{source.name} to {target}") is None
        servers[beta].wait_message("DELTA to ALIASW")
        servers[delta].wait_message("BETA to DELTA")
        assert servers[beta].messages == ["DELTA to BETA", "DELTA to ALIASW"], servers[beta].messages
        assert servers[delta].messages == ["BETA to DELTA"], servers[delta].messages
        assert delta.send(r"\\NOSUCH\mailslot\wins", "to nobody") == UNKNOWN
        # A P node hears no broadcasts (RFC 1002 5.3.3).
        before = delta.counters()["drop_node"]
        assert alpha.send(r"\\*\mailslot\wins", "by broadcast") is None
        servers[beta].wait_message("by broadcast")
        wait_for(lambda: delta.counters()["drop_node"] > before, "the P node to drop a broadcast")
        assert servers[delta].messages == ["BETA to DELTA"], servers[delta].messages
        # Half of the time that the server granted is over: both are registered anew.
        for host in (beta, delta):
            server.nmbd.wait_log(rf"process_name_refresh_request: .*{host.name}<00>.*{address(host)}")
    for name in ("BETA#00", "ALIASW#00", "DELTA#00"):
        assert not wins_lookup(asker, server, name).answers, f"{name} was released"
    released = {row[0] for row in capture.rows(
        f"nbns.flags.opcode == 6 && nbns.flags.response == 0 && ip.dst == {address(server)}", "nbns.name")}
    assert any("ALIASW<00>" in name for name in released), released


def test_wins_failover(alpha, beta, gamma):
    """When the first WINS server is dead, the second one is used, for names and for questions."""
    server, asker = wins_server(beta.lab), samba.neighbour(beta.lab, "TORTURE")
    options = {"wins_servers": f"{NOBODY} {address(server)}", "node_type": "P"}
    with beta.configured(**options), gamma.configured(**options):
        for host in (beta, gamma):
            registered(asker, server, host)
        wait_for(lambda: beta.status()["network"]["wins_servers"] == [
            {"address": NOBODY, "answers": False, "current": False},
            {"address": address(server), "answers": True, "current": True}],
                 lambda: f"the failover to show: {beta.status()['network']['wins_servers']}")
        servers = listen("failover", gamma)
        assert beta.send(r"\\GAMMA\mailslot\failover", "by the second server") is None
        servers[gamma].wait_message("by the second server")
