# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host with several interfaces: it answers from the address that was asked, and sends from each its own.

ALPHA is on both LANs. TWIN is on the first LAN twice.
"""
import contextlib
import os
import socket

import samba
from lab import PREFIX, LabError, run, wait_for
from test_lan import FENCE, listen
from test_names import address, sent_to

STATUS_REQUEST = bytes.fromhex("77770000000100000000000020434b") + b"A" * 30 + bytes.fromhex("0000210001")
ANSWER_TIME = 5  # s; an answer takes milliseconds


def router(lab, *hosts):
    """A host on both LANs that forwards, has no mailslotd, and is the way to hosts' other LANs."""
    host = samba.neighbour(lab, "ROUTER", "NOGROUP", ("lan0", "lan1"))
    forward(host, True)
    return host


def forward(host, on):
    with host.network(), open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as out:
        out.write("1" if on else "0")


@contextlib.contextmanager
def any_source(*hosts):
    """Inside, the hosts take what comes in on another interface than the answer leaves from."""
    for host in hosts:
        with host.network():
            for name in ["all", *(i["name"] for i in host.interfaces)]:
                with open(f"/proc/sys/net/ipv4/conf/{name}/rp_filter", "w", encoding="ascii") as out:
                    out.write("0")
    yield


def other_subnet(asker, gateway, target):
    """The way to one address, through the router on the asker's LAN."""
    asker.ip("route", "replace", f"{target}/32", "via", address(gateway))


def asked(asker, target, request=STATUS_REQUEST):
    """What comes back to a program that takes answers from the address that it has asked only."""
    sock = asker.udp(address(asker))
    with sock:
        sock.connect((target, 137))
        sock.settimeout(ANSWER_TIME)
        sock.send(request)
        try:
            return sock.recv(65536)
        except socket.timeout as error:
            raise LabError(f"no answer from {target} to {address(asker)}") from error


def twin(lab):
    return samba.neighbour(lab, "TWIN", "TWINGRP", ("lan0", "lan0"))


def test_asked_through_a_router(alpha):
    """Node status and queries sent to the far address of a host on two LANs: answered from that address."""
    lab = alpha.lab
    asker, gateway = samba.neighbour(lab, "TORTURE"), router(lab)
    near, far = (i["address"] for i in alpha.interfaces)
    other_subnet(asker, gateway, far)
    samba.wait_for_names(alpha)
    with any_source(alpha, asker, gateway), asker.watched() as capture:
        for target in (near, far):
            assert b"ALPHA          \0" in asked(asker, target), target
            found = samba.nmblookup(asker, "-A", target)
            assert ("ALPHA<00>", False, "B", "ACTIVE") in found.names, found.text
            found = samba.nmblookup(asker, "-U", target, "ALPHA#00")
            assert found.addresses == [near, far], found.text
        pairs = {tuple(row) for row in capture.rows(
            f"nbns.flags.response == 1 && ip.dst == {address(asker)}", "ip.src", "udp.srcport")}
        assert pairs == {(near, "137"), (far, "137")}, pairs
        # As many answers from each address as questions to it
        for target in (near, far):
            questions = capture.rows(f"nbns.flags.response == 0 && ip.dst == {target}")
            answers = capture.rows(f"nbns.flags.response == 1 && ip.src == {target}")
            assert len(questions) == len(answers) == 3, (target, questions, answers)


def test_defends_from_asked_address(alpha):
    """A claim for our name that was sent to the far address is refused from there (RFC 1002 5.1.1.5)."""
    lab = alpha.lab
    asker, gateway = samba.neighbour(lab, "TORTURE"), router(lab)
    far = alpha.interfaces[1]["address"]
    other_subnet(asker, gateway, far)
    samba.wait_for_names(alpha)
    name = b"".join(bytes((0x41 + (c >> 4), 0x41 + (c & 15))) for c in b"ALPHA".ljust(15) + b"\0")
    claim = (bytes.fromhex("7778290000010000000000012" + "0") + name + bytes.fromhex("0000200001c00c00200001")
             + bytes(4) + bytes.fromhex("00060000") + socket.inet_aton(address(asker)))
    with any_source(alpha, asker, gateway):
        answer = asked(asker, far, claim)
    assert answer[:4].hex() == "7778ad86", answer.hex()


def test_twice_on_one_lan(beta):
    """Two interfaces in one subnet: each answers for its own address, and names it in what it sends."""
    lab = beta.lab
    asker, host = samba.neighbour(lab, "TORTURE"), twin(lab)
    mine = [i["address"] for i in host.interfaces]
    with any_source(host), host.configured(), beta.watched() as capture:
        samba.wait_for_names(host)
        for target in mine:
            assert b"TWIN           \0" in asked(asker, target), target
            found = samba.nmblookup(asker, "-A", target)
            assert ("TWIN<00>", False, "B", "ACTIVE") in found.names, found.text
            found = samba.nmblookup(asker, "-U", target, "TWIN#00")
            assert found.addresses == sorted(mine), found.text
        servers = listen("homes", beta)
        # Messages to one host, first with the routes as they come, then the other way round.
        assert host.ctl("send", r"\\BETA\mailslot\homes", "to beta")[0] == 0
        subnet = f"{mine[0].rsplit('.', 1)[0]}.0/24"
        host.ip("route", "del", subnet, "dev", "eth0")
        host.ip("route", "add", subnet, "dev", "eth0", "src", mine[0], "metric", "100")
        try:
            assert host.ctl("send", r"\\BETA\mailslot\homes", "to beta again")[0] == 0
            # A broadcast leaves on each interface, from its address.
            assert host.ctl("send", r"\\LABGRP\mailslot\homes", "to all")[0] == 0
            servers[beta].wait_message("to all")
        finally:
            host.ip("route", "del", subnet, "dev", "eth0")
            host.ip("route", "prepend", subnet, "dev", "eth0", "src", mine[0])
        assert beta.send(r"\\BETA\mailslot\homes", FENCE) is None
        servers[beta].wait_message(FENCE)
        messages = sent_to(servers[beta].messages)
        assert messages[:2] == ["to beta", "to beta again"], messages
        # One copy for each interface (semantics D9).
        assert messages[2:] == ["to all"] * 2, messages
        rows = capture.rows(f"mailslot && ip.src != {address(beta)}", "ip.src", "nbdgm.src.ip", "ip.dst",
                            "data.data")
        assert all(row[0] == row[1] for row in rows), rows
        sources = {text: sorted(row[0] for row in rows if bytes.fromhex(row[3]).decode() == text)
                   for text in ("to beta", "to beta again", "to all")}
        assert sources == {"to beta": mine[:1], "to beta again": mine[1:], "to all": sorted(mine)}, sources


def test_own_programs_ask(alpha):
    """With a choice of interfaces, programs of this host get answers from the chosen addresses, only."""
    near, far = (i["address"] for i in alpha.interfaces)
    with alpha.configured(interfaces="eth0") as daemon:
        samba.wait_for_names(alpha)
        before = alpha.counters()["name_status_answered"]
        assert b"ALPHA          \0" in asked(alpha, near)
        found = samba.nmblookup(alpha, "-A", near)
        assert ("ALPHA<00>", False, "B", "ACTIVE") in found.names, found.text
        assert alpha.counters()["name_status_answered"] == before + 2
        # The address that was not chosen is not answered for, nor is one of loopback.
        dropped = alpha.counters()["name_drop_source"]
        for target in (far, "127.0.0.1"):
            sock = alpha.udp(target if target != far else near)
            with sock:
                sock.sendto(STATUS_REQUEST, (target, 137))
        wait_for(lambda: alpha.counters()["name_drop_source"] >= dropped + 2, "two questions to be dropped")
        assert alpha.counters()["name_status_answered"] == before + 2
        assert daemon.alive()


def test_carrier(beta):
    """Without a carrier nobody can be asked: no name is held; when the cable is back they are claimed."""
    switch = f"{PREFIX}{os.getpid()}-switch"
    port = f"lan0-{address(beta).rsplit('.', 1)[1]}"
    with beta.configured():
        samba.wait_for_names(beta)
        run("ip", "-n", switch, "link", "set", port, "down")
        try:
            wait_for(lambda: not beta.status()["network"]["interfaces"], "the interface to be left")
            assert {name["state"] for name in beta.status()["network"]["names"]} == {"unclaimed"}
        finally:
            capture = beta.capture()
            run("ip", "-n", switch, "link", "set", port, "up")
        wait_for(lambda: beta.status()["network"]["interfaces"], "the interface to come back")
        samba.wait_for_names(beta)
        assert {name["state"] for name in beta.status()["network"]["names"]} == {"held"}
        claims = capture.rows(f"nbns.flags.opcode == 5 && nbns.flags.response == 0 && ip.src == {address(beta)}",
                              "nbns.name")
        assert len(claims) == 8, claims  # three requests and the demand, for computer and workgroup


def told(daemon):
    """How often the log of a daemon said that no interface is in use, and how often as a warning."""
    lines = [line for line in daemon.errors if "no network interface" in line]
    return len(lines), sum("warning: " in line for line in lines)


def test_no_interface(beta):
    """Issue 5, section 2: a setting that fits no interface is told; a cable that is out is no fault of it."""
    name = beta.interfaces[0]["name"]
    with beta.configured(interfaces="eht0") as daemon:
        network = beta.status()["network"]
        assert "'interfaces = eht0' in the configuration fits none" in network["reason"], network
        assert name in network["reason"] and "interfaces" in network["fix"], network
        assert not network["interfaces"] and told(daemon) == (1, 1), daemon.errors
    with beta.configured(interfaces="10.77.0.0/24") as daemon:
        network = beta.status()["network"]
        assert [i["name"] for i in network["interfaces"]] == [name] and "reason" not in network, network
        for times in (1, 2):
            beta.ip("link", "set", name, "down")
            try:
                wait_for(lambda: "reason" in beta.status()["network"], "BETA's daemon to see no interface")
                network = beta.status()["network"]
                assert f"{name} (down)" in network["reason"] and "fix" not in network, network
                assert "'interfaces =" not in network["reason"], network
            finally:
                beta.ip("link", "set", name, "up")
            wait_for(lambda: "reason" not in beta.status()["network"], "the interface to come back")
            wait_for(lambda times=times: told(daemon) == (times, 0), lambda: f"one line each time: {daemon.errors}")


def test_point_to_point(beta, gamma):
    """A tunnel has no broadcast: peers beyond it are reached, and it can be named in `interfaces`."""
    ends = {beta: "10.93.0.1", gamma: "10.93.0.2"}
    run("ip", "-n", beta.netns, "link", "add", "ptp0", "type", "veth", "peer", "name", "ptp0", "netns", gamma.netns)
    try:
        for host, peer in ((beta, gamma), (gamma, beta)):
            host.ip("addr", "add", ends[host], "peer", ends[peer], "dev", "ptp0")
            host.ip("link", "set", "ptp0", "up")
        with beta.configured(interfaces="eth0 ptp0", peers=ends[gamma]), \
                gamma.configured(interfaces="ptp0", peers=ends[beta]):
            servers = listen("tunnel", beta, gamma)
            # The kernel takes up to a second to say that the cable is there.
            for host in (beta, gamma):
                wait_for(lambda host=host: "ptp0" in {i["name"] for i in host.status()["network"]["interfaces"]},
                         f"{host.name} to have ptp0")
            listed = {each["name"]: each["broadcast"] for each in beta.status()["network"]["interfaces"]}
            assert listed == {"eth0": beta.interfaces[0]["broadcast"], "ptp0": None}, listed
            _, out, _ = beta.ctl("status")
            assert "without broadcast" in out, out
            for host in (beta, gamma):
                assert host.send(r"\\*\mailslot\tunnel", f"from {host.name}") is None
                for server in servers.values():
                    server.wait_message(f"from {host.name}")
            assert gamma.send(r"\\*\mailslot\tunnel", FENCE) is None
            for server in servers.values():
                server.wait_message(FENCE)
                assert sent_to(server.messages) == ["from BETA", "from GAMMA"], server.messages
    finally:
        beta.ip("link", "del", "ptp0")
