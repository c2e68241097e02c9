# SPDX-License-Identifier: LGPL-2.1-or-later
r"""Names: Samba's programs ask for ours, and messages to \\COMPUTER and \\DOMAIN find their way."""
import samba
from lab import wait_for
from test_lan import FENCE, listen

UNKNOWN = 53  # ERROR_BAD_NETPATH
NOBODY = "10.77.0.250"  # nobody has this address


def address(host):
    return host.interfaces[0]["address"]


def sent_to(messages):
    """Without the marker behind them."""
    assert messages[-1:] == [FENCE], messages
    return messages[:-1]


def test_nmblookup(beta, gamma):
    """nmblookup finds what mailslotd has registered, in every way that it can ask (wire.md 2.5)."""
    asker = samba.neighbour(beta.lab, "TORTURE")
    with beta.configured(names="BETA#20 ALIASB LABGRP#1d"), beta.watched() as capture:
        samba.wait_for_names(beta)
        samba.wait_for_names(gamma)
        mine = address(beta)
        for name, said in (("BETA", "BETA<00>"), ("beta", "beta<00>"), ("BETA#20", "BETA<20>"),
                           ("ALIASB", "ALIASB<00>")):
            found = samba.nmblookup(asker, name)
            assert found.code == 0 and set(found.answers) == {(mine, said)}, found.text
        # Every member of a group answers, a host on two cables with both addresses.
        members = sorted(i["address"] for host in beta.lab.hosts for i in host.interfaces
                         if host.daemon and host.workgroup == "LABGRP" and "10.77.0." in address(host))
        found = samba.nmblookup(asker, "LABGRP#00")
        assert found.addresses == members and len(members) >= 2, (found.text, members)
        found = samba.nmblookup(asker, "-M", "LABGRP")
        assert (mine, "LABGRP<1d>") in found.answers, found.text
        found = samba.nmblookup(asker, "-U", mine, "BETA#00")
        assert found.answers == [(mine, "BETA<00>")], found.text
        expected = [(name, name == "LABGRP<00>", "B", "ACTIVE")
                    for name in ("BETA<00>", "LABGRP<00>", "BETA<20>", "ALIASB<00>", "LABGRP<1d>")]
        for how in (("-S", "BETA"), ("-A", mine)):
            found = samba.nmblookup(asker, *how)
            assert sorted(found.names) == sorted(expected), found.text
        # "*" is answered as the computer's name (wire.md 2.5), by broadcast and directly.
        assert (mine, "*<00>") in samba.nmblookup(asker, "*").answers
        assert samba.nmblookup(asker, "-U", mine, "*").addresses == [mine]
        # Silence for a name that nobody has, and one with another suffix; by broadcast and directly.
        for how in (("NOSUCH",), ("GAMMA#20",), ("-U", mine, "NOSUCH"), ("-M", "--", "-")):
            found = samba.nmblookup(asker, *how)
            assert found.code == 1 and not found.answers, found.text
        assert capture.rows("nbns.flags.response == 1 && ip.src == " + mine), "the capture saw the answers"


def test_capitals(beta, gamma):
    """wire.md 1.2: a name is found however its letters are written, those beyond ASCII, too."""
    asker = samba.neighbour(beta.lab, "TORTURE")
    with beta.configured(names="m\u00fcller b\u00fcro#1d"), beta.watched():
        samba.wait_for_names(beta)
        for name in ("m\u00fcller", "M\u00dcLLER", "B\u00fcro#1d"):
            found = samba.nmblookup(asker, name)
            assert found.addresses == [address(beta)], found.text
        server = beta.listen("capitals")
        for name in ("M\u00fcller", "M\u00dcLLER"):
            code, _, error = gamma.ctl("send", rf"\\{name}\mailslot\capitals", name.upper())
            assert code == 0, error
        assert gamma.send(r"\\BETA\mailslot\capitals", FENCE) is None
        server.wait_message(FENCE)
        assert len(sent_to(server.messages)) == 2, server.messages


def test_released(beta):
    """At its end the daemon gives its names up on the cable, and nobody answers for them."""
    asker = samba.neighbour(beta.lab, "TORTURE")
    with beta.watched() as capture:
        with beta.configured(names="LEAVING"):
            samba.wait_for_names(beta)
            assert samba.nmblookup(asker, "LEAVING").addresses == [address(beta)]
        assert samba.nmblookup(asker, "LEAVING").code == 1
        released = {row[0] for row in capture.rows(
            "nbns.flags.opcode == 6 && nbns.flags.response == 0", "nbns.name")}
        for name in ("BETA<00>", "LABGRP<00>", "LEAVING<00>"):
            assert any(name in entry for entry in released), (name, released)


def test_smbtorture(beta):
    """Samba's own tests of a name server's manners: registration, refresh, many questions."""
    asker = samba.neighbour(beta.lab, "TORTURE")
    with beta.configured(names="BETA#20", source_rate="0"), beta.watched():
        samba.wait_for_names(beta)
        for test in ("nbt.register.register_own", "nbt.register.refresh_own"):
            samba.smbtorture(asker, "BETA", test, "LABGRP")
        assert beta.counters()["name_defended"] > 0
    # Some 100,000 questions: no capture of that.
    with beta.configured(names="BETA#20", source_rate="0"):
        samba.wait_for_names(beta)
        samba.smbtorture(asker, "BETA", "nbt.bench.namequery", "LABGRP", "--timelimit=3")


def test_netlogon(beta):
    """smbtorture asks for the domain's controller, a Windows program answers: all layers, judged by Samba."""
    asker = samba.neighbour(beta.lab, "TORTURE")
    with beta.configured(names="BETA#20", groups="LABGRP#1c"), beta.watched() as capture:
        samba.wait_for_names(beta)
        responder = beta.windows("netlogon_responder.exe", "LABGRP", "BETA")
        responder.wait_line("answering for LABGRP")
        samba.smbtorture(asker, "BETA", "nbt.dgram.netlogon", "LABGRP")
        # Its TORTURE_TEST is registered nowhere: the datagram told where it is (wire.md 1.8).
        assert beta.counters()["reply_fallback"] > 0
        assert [line for line in responder.lines if r"answered \\TORTURE_TEST\mailslot\NET\GETDC" in line]
        rows = capture.rows(
            f'mailslot && ip.src == {address(beta)} && nbdgm.destination_name == "TORTURE_TEST<00>"',
            "nbdgm.type", "udp.dstport", "nbdgm.source_name")
        assert rows and set(map(tuple, rows)) == {("16", "138", "BETA<00>")}, rows


def test_who_gets_what(beta, gamma, alien):
    """D2-D4, N15-N17: three hosts, two workgroups; every message reaches exactly those it must."""
    for host in (beta, gamma, alien):
        samba.wait_for_names(host)
    servers = listen("who", beta, gamma, alien)
    with gamma.watched() as capture:
        for target, text in (("GAMMA", "to gamma"), ("gamma", "to gamma again"), ("ALIEN", "to alien"),
                             ("LABGRP", "to labgrp"), ("OTHERGRP", "to othergrp"), ("OtherGrp", "again"),
                             ("*", "to all")):
            assert beta.send(rf"\\{target}\mailslot\who", text) is None, target
        for target, text in (("BETA", "alien to beta"), ("LABGRP", "alien to labgrp"), ("*", "alien to all")):
            # beta's marker must not overtake alien's.
            assert alien.send(rf"\\{target}\mailslot\who", text) is None, target
            expecting = {"BETA": beta, "LABGRP": gamma, "*": alien}[target]
            servers[expecting].wait_message(text)
        for group in ("LABGRP", "OTHERGRP"):
            assert beta.send(rf"\\{group}\mailslot\who", FENCE) is None
        for server in servers.values():
            server.wait_message(FENCE)
        assert sent_to(servers[beta].messages) == ["to labgrp", "to all", "alien to beta", "alien to labgrp"]
        assert sent_to(servers[gamma].messages) == [
            "to gamma", "to gamma again", "to labgrp", "to all", "alien to labgrp"]
        assert sent_to(servers[alien].messages) == ["to alien", "to othergrp", "again", "alien to all"]
        rows = capture.rows('mailslot && data.data == "to gamma"', "nbdgm.type", "ip.src", "ip.dst",
                            "nbdgm.source_name", "nbdgm.destination_name")
        assert rows == [["16", address(beta), address(gamma), "BETA<00>", "GAMMA<00>"]], rows


def test_scope(beta, gamma, alien):
    """RFC 1001 14.2: hosts of one scope hear each other and nobody else; Samba's nmblookup agrees."""
    asker = samba.neighbour(beta.lab, "TORTURE")
    scope = "research.lab"
    with gamma.watched() as capture, beta.configured(scope=scope), gamma.configured(scope=scope), \
            alien.configured():
        # The new daemon of alien knows no addresses from before.
        samba.wait_for_names(beta)
        samba.wait_for_names(alien)
        samba.wait_for_names(gamma)
        assert samba.nmblookup(asker, f"--netbios-scope={scope}", "BETA").addresses == [address(beta)]
        assert samba.nmblookup(asker, "BETA").code == 1
        servers = listen("scope", beta, gamma, alien)
        before = alien.counters()["drop_scope"], gamma.counters()["drop_scope"]
        for target in ("*", "GAMMA", "LABGRP"):
            assert beta.send(rf"\\{target}\mailslot\scope", f"to {target}") is None
        assert beta.send(r"\\ALIEN\mailslot\scope", "not in our scope") == UNKNOWN
        assert alien.send(r"\\GAMMA\mailslot\scope", "from another scope") == UNKNOWN
        assert alien.send(r"\\*\mailslot\scope", "from another scope") is None
        assert beta.send(r"\\*\mailslot\scope", "f" * 420) is None
        assert beta.send(r"\\*\mailslot\scope", FENCE) is None
        for host in (beta, gamma):
            servers[host].wait_message(FENCE)
        assert sent_to(servers[gamma].messages) == ["to *", "to GAMMA", "to LABGRP", "f" * 420]
        assert sent_to(servers[beta].messages) == ["to *", "to LABGRP", "f" * 420]
        servers[alien].wait_message("from another scope")
        assert servers[alien].messages == ["from another scope"], servers[alien].messages
        assert alien.counters()["drop_scope"] >= before[0] + 4
        assert gamma.counters()["drop_scope"] > before[1]
        rows = capture.rows(f"mailslot && ip.src == {address(beta)}", "nbdgm.destination_name")
        assert rows and all(row[0].endswith(f".{scope.upper()}") or row[0].endswith(f".{scope}")
                            for row in rows), rows


def test_no_name_service(beta, gamma):
    """Without the name service port 137 is left alone: no claims, no answers; messages pass."""
    asker = samba.neighbour(beta.lab, "TORTURE")
    with gamma.watched() as capture, beta.configured(name_service="no"):
        samba.wait_for_names(gamma)
        status = beta.status()["network"]
        assert not status["name_service"] and status["name_service_reason"], status
        beta.udp(port=137).close()
        assert samba.nmblookup(asker, "BETA").code == 1
        servers = listen("nameless", beta, gamma)
        assert beta.send(r"\\GAMMA\mailslot\nameless", "to gamma") is None
        assert gamma.send(r"\\*\mailslot\nameless", "to all") is None
        servers[beta].wait_message("to all")
        assert beta.send(r"\\*\mailslot\nameless", FENCE) is None
        for server in servers.values():
            server.wait_message(FENCE)
        assert sent_to(servers[gamma].messages) == ["to gamma", "to all"], servers[gamma].messages
        assert sent_to(servers[beta].messages) == ["to all"], servers[beta].messages
        assert not capture.rows(f"nbns && ip.src == {address(beta)} && udp.srcport == 137")


def test_unicast_size(beta, gamma):
    """Z1: 424 bytes to a computer go, more fail at once."""
    samba.wait_for_names(gamma)
    servers = listen("sizes", gamma)
    assert beta.send(r"\\GAMMA\mailslot\sizes", "a" * 424) is None
    assert beta.send(r"\\GAMMA\mailslot\sizes", "b" * 425) == UNKNOWN
    assert beta.send(r"\\GAMMA\mailslot\sizes", FENCE) is None
    servers[gamma].wait_message(FENCE)
    assert sent_to(servers[gamma].messages) == ["a" * 424], servers[gamma].messages


def test_own_name(beta, gamma):
    r"""Q6, D10: \\OWNCOMPUTER, an own alias and an own address stay here, and arrive once."""
    with beta.configured(names="ALIASB"):
        samba.wait_for_names(beta)
        servers = listen("own", beta, gamma)
        with gamma.watched() as capture:
            for target in ("BETA", "beta", "ALIASB", address(beta), "127.0.0.1"):
                assert beta.send(rf"\\{target}\mailslot\own", f"by {target}") is None
            assert beta.send(r"\\*\mailslot\own", FENCE) is None
            for server in servers.values():
                server.wait_message(FENCE)
            assert sent_to(servers[beta].messages) == [
                "by BETA", "by beta", "by ALIASB", f"by {address(beta)}", "by 127.0.0.1"]
            assert sent_to(servers[gamma].messages) == []
            # Only the marker was on the cable.
            assert len(capture.rows("mailslot")) == 1
    # A slot that does not exist here is no error either (Q2).
    assert gamma.send(r"\\GAMMA\mailslot\nowhere", "lost") is None


def test_unresolvable(beta, gamma):
    """Q3: error 53 after the questions; meanwhile other programs' messages pass."""
    assert beta.send(r"\\NOSUCH\mailslot\x", "to nobody") == UNKNOWN
    # With a WINS server that is dead the questions take 5 s, time enough to overtake.
    with beta.configured(wins_servers=NOBODY, node_type="H"):
        server = gamma.listen("passing")
        before = beta.counters()["queries"]
        blocked = beta.windows("demo_client.exe", r"\\NOSUCH\mailslot\passing", "to nobody")
        wait_for(lambda: beta.counters()["queries"] > before, "the question for NOSUCH")
        assert beta.ctl("send", r"\\*\mailslot\passing", "overtakes")[0] == 0
        server.wait_message("overtakes")
        assert blocked.alive(), blocked.lines + blocked.errors
        assert beta.send(r"\\*\mailslot\passing", "so does this") is None
        server.wait_message("so does this")
        blocked.wait_line(f"error {UNKNOWN}")
        assert server.messages == ["overtakes", "so does this"], server.messages


def test_many_unresolvable(beta):
    """Many programs ask for what does not exist at the same time: each gets its answer."""
    tool = beta.lab.program("server-bridge/mailslotctl")
    clients = [beta.start(tool, "send", rf"\\NONE{i % 3}\mailslot\x", "?") for i in range(12)]
    for client in clients:
        assert wait_for(lambda c=client: None if c.alive() else [c.process.returncode], "an end") == [1]


def test_address_target(beta, gamma):
    r"""N18, beyond Windows: \\IPv4 address\mailslot\x reaches the host that has it."""
    samba.wait_for_names(gamma)
    servers = listen("address", beta, gamma)
    with gamma.watched() as capture:
        assert beta.send(rf"\\{address(gamma)}\mailslot\address", "by address") is None
        assert beta.send(r"\\*\mailslot\address", FENCE) is None
        for server in servers.values():
            server.wait_message(FENCE)
        assert sent_to(servers[gamma].messages) == ["by address"]
        assert sent_to(servers[beta].messages) == []
        rows = capture.rows('mailslot && data.data == "by address"', "nbdgm.type", "nbdgm.destination_name")
        assert rows == [["16", "GAMMA<00>"]], rows


def test_dns_target(beta, gamma):
    r"""Beyond Windows: \\host.domain\mailslot\x, long and short, asks the system's resolver."""
    samba.wait_for_names(gamma)
    beta.etc("hosts", f"127.0.0.1 localhost\n{address(gamma)} gamma.research.lab.example gamma.lab\n")
    beta.etc("resolv.conf", "")
    with beta.configured():
        servers = listen("dns", gamma)
        for target in ("gamma.research.lab.example", "gamma.lab"):
            assert beta.send(rf"\\{target}\mailslot\dns", f"by {target}") is None, target
        assert beta.send(r"\\unknown.research.lab.example\mailslot\dns", "to nobody") == UNKNOWN
        assert beta.send(r"\\*\mailslot\dns", FENCE) is None
        servers[gamma].wait_message(FENCE)
        assert sent_to(servers[gamma].messages) == ["by gamma.research.lab.example", "by gamma.lab"]


def test_dns_nonsense(beta, gamma):
    """wire.md 1.9: who answers for DNS can not make us send to everybody; loopback addresses are this host."""
    samba.wait_for_names(gamma)
    nonsense = {"zero": "0.0.0.0", "this": "0.1.2.3", "group": "224.0.0.1", "last-group": "239.255.255.255",
                "everybody": "255.255.255.255", "subnet": beta.interfaces[0]["broadcast"]}
    here = {"local": "127.0.0.1", "debian": "127.0.1.1", "ourselves": address(beta)}
    # A name with several addresses: the one that is a host's counts.
    mixed = ("0.0.0.0", "224.0.0.1", address(gamma))
    beta.etc("hosts", "127.0.0.1 localhost\n" + "".join(
        f"{ip} {name}.research.lab.example\n" for name, ip in (
            *nonsense.items(), *here.items(), *(("mixed", ip) for ip in mixed))))
    beta.etc("resolv.conf", "")
    with beta.watched() as capture, beta.configured():
        servers = listen("nonsense", beta, gamma)
        before = beta.counters()["sent_datagrams"]
        for name in nonsense:
            target = rf"\\{name}.research.lab.example\mailslot\nonsense"
            assert beta.send(target, f"to {name}") == UNKNOWN, name
        assert beta.counters()["sent_datagrams"] == before
        for name in (*here, "mixed"):
            target = rf"\\{name}.research.lab.example\mailslot\nonsense"
            assert beta.send(target, f"to {name}") is None, name
        assert beta.send(r"\\*\mailslot\nonsense", FENCE) is None
        for server in servers.values():
            server.wait_message(FENCE)
        assert sent_to(servers[beta].messages) == [f"to {name}" for name in here]
        assert sent_to(servers[gamma].messages) == ["to mixed"]
        rows = capture.rows(f"mailslot && ip.src == {address(beta)}", "ip.dst", "data.data")
        assert [row[0] for row in rows] == [address(gamma), beta.interfaces[0]["broadcast"]], rows
