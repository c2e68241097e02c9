# SPDX-License-Identifier: LGPL-2.1-or-later
"""Samba's nmbd as a neighbour, as a rival for names, and beside us on one host."""
import re
import signal

import samba
from lab import wait_for
from test_lan import FENCE, listen
from test_names import address, sent_to


def name_state(host, name):
    """What the daemon says of one of its names: state, and who refused it."""
    for entry in host.status()["network"]["names"]:
        if entry["name"] == name:
            return entry["state"], entry["refused_by"]
    return None


def mode(host):
    return host.status()["network"]["mode"]


def master(lab):
    """nmbd as the master browser of a workgroup of its own: takes 20 s, so it begins early and stays."""
    host = samba.neighbour(lab, "MASTER", "MASTERGRP")
    if not hasattr(host, "nmbd"):
        host.nmbd = samba.Nmbd(host, local_master="yes", preferred_master="yes", os_level="65").start()
    return host


def test_browse_list(beta):
    """A Windows program lists the hosts that announce themselves: nmbd, as it comes and goes."""
    master(beta.lab)
    with beta.configured(names="LABGRP#1d", groups="LABGRP#1e"), beta.watched():
        samba.wait_for_names(beta)
        browser = beta.windows("browse_list.exe")
        browser.wait_line("listening")
        host = samba.neighbour(beta.lab, "SAMBA")
        nmbd = samba.Nmbd(host).start()
        browser.wait_line("^host SAMBA, OS 6.1, .*workstation, server.*: lab SAMBA$")
        nmbd.wait_names()
        # The same once more is no news; the answer to a request of another program is.
        browser.stop()
        asker = beta.windows("browse_request.exe", "announce", "LABGRP", "60")
        asker.wait_line("^host SAMBA$")
        asker.stop()
        browser = beta.windows("browse_list.exe")
        browser.wait_line("listening")
        nmbd.stop()
        browser.wait_line("^host SAMBA, OS 6.1, goes away")


def test_browse_requests(beta):
    """The round trips with a master browser, by Windows programs: announcements, backup list."""
    server = master(beta.lab)
    with beta.configured(workgroup="MASTERGRP", groups="MASTERGRP#1e"), beta.watched() as capture:
        server.nmbd.wait_log("is now a local master browser")
        samba.wait_for_names(beta)
        asker = beta.windows("browse_request.exe", "announce", "*", "60")
        asker.wait_line("^master browser MASTER$")
        asker.stop()
        browser = beta.windows("browse_list.exe")
        browser.wait_line("listening")
        # browse_request.exe would need the mailslot that browse_list.exe has.
        code, _, error = beta.run("sh", "-c", r"""printf '\2\1BETA\0' | "$0" send '*/BROWSE'""",
                                  beta.lab.program("server-bridge/mailslotctl"))
        assert code == 0, error
        browser.wait_line("^host MASTER, .*master browser.*: lab MASTER$")
        browser.stop()
        # nmbd answers this one only if it was sent to <1D>, the master browser's own name.
        asker = beta.windows("browse_request.exe", "backup", "MASTERGRP#1d", "30")
        asker.wait_line("^browser MASTER$")
        assert asker.process.wait(60) == 0
        rows = capture.rows("browser.command == 0x0a", "nbdgm.type", "ip.dst", "nbdgm.destination_name")
        assert rows and rows[0] == ["16", address(beta), "BETA<00>"], rows


def test_defence(beta):
    """nmbd wants our name and is refused; we want nmbd's and are refused, and say by whom."""
    host, asker = samba.neighbour(beta.lab, "SAMBA"), samba.neighbour(beta.lab, "TORTURE")
    with beta.configured(names="BETA#20 BETA#03"), beta.watched() as capture:
        samba.wait_for_names(beta)
        nmbd = samba.Nmbd(host, netbios_name="BETA").start()
        nmbd.wait_log("(?i)(reject|conflict|denied|fail).*BETA<|BETA<.*(reject|conflict|denied|fail)")
        for name in ("BETA#00", "BETA#20"):
            found = samba.nmblookup(asker, name)
            assert found.addresses == [address(beta)], found.text
        rows = capture.rows(
            f"nbns.flags.response == 1 && nbns.flags.opcode == 5 && ip.src == {address(beta)}",
            "ip.dst", "nbns.flags.rcode")
        assert rows and set(map(tuple, rows)) == {(address(host), "6")}, rows
        assert name_state(beta, "BETA<00>") == ("held", None)
        assert beta.counters()["name_defended"] > 0
        nmbd.stop()
    nmbd = samba.Nmbd(host).start()
    nmbd.wait_names()
    with beta.configured(names="SAMBA SAMBA#55 LABGRP#77", groups="LABGRP#1e"), beta.watched():
        samba.wait_for_names(beta)
        assert name_state(beta, "SAMBA<00>") == ("refused", address(host))
        for name in ("BETA<00>", "LABGRP<00>", "LABGRP<1e>", "SAMBA<55>", "LABGRP<77>"):
            assert name_state(beta, name) == ("held", None), (name, beta.status()["network"]["names"])
        assert beta.counters()["name_refused"] == 1
        found = samba.nmblookup(asker, "SAMBA#00")
        assert found.addresses == [address(host)], found.text
        code, out, _ = beta.ctl("status")
        assert code == 0 and re.search(rf"SAMBA<00>.*refused by {re.escape(address(host))}", out), out
    nmbd.stop()


def round_trip(ours, sender, nmbd, asker, slot):
    """Broadcast and unicast arrive once each, both ways; nmbd, if there is one, answers as before."""
    server = ours.listen(slot)
    for target in ("*", ours.name, "LABGRP"):
        assert sender.send(rf"\\{target}\mailslot\{slot}", f"to {target}") is None
    assert sender.send(rf"\\{ours.name}\mailslot\{slot}", FENCE) is None
    server.wait_message(FENCE)
    # The way of unicasts through nmbd may be the longer one, so each has its marker.
    assert sender.send(rf"\\*\mailslot\{slot}", "end") is None
    assert sender.send(rf"\\{ours.name}\mailslot\{slot}", "end of the other way") is None
    server.wait_message("end")
    server.wait_message("end of the other way")
    assert sorted(server.messages) == sorted(
        ["to *", f"to {ours.name}", "to LABGRP", FENCE, "end", "end of the other way"]), server.messages
    server.stop()
    # The other direction.
    server = sender.listen(slot)
    assert ours.send(rf"\\{sender.name}\mailslot\{slot}", "back to one") is None
    assert ours.send(rf"\\*\mailslot\{slot}", "back to all") is None
    assert ours.send(rf"\\{sender.name}\mailslot\{slot}", FENCE) is None
    server.wait_message(FENCE)
    assert sent_to(server.messages) == ["back to one", "back to all"], server.messages
    server.stop()
    if nmbd:
        for name in (f"{ours.name}#00", f"{ours.name}#20", f"{ours.name}#03"):
            found = samba.nmblookup(asker, name)
            assert found.addresses == [address(ours)], found.text
        found = samba.nmblookup(asker, "-S", ours.name)
        assert (f"{ours.name}<20>", False, "B", "ACTIVE") in found.names, found.text


def test_beside_nmbd(beta, gamma):
    """One host, nmbd and mailslotd, started in either order; nmbd restarts, is killed, and loses nothing."""
    asker = samba.neighbour(beta.lab, "TORTURE")
    nmbd = samba.Nmbd(gamma)
    with gamma.configured(nmbd_socket=nmbd.socket, names="EXTRA") as daemon, \
            beta.configured(names="LABGRP#1d"), beta.watched():
        # The daemon is first: nmbd gets the ports all the same, and then the names.
        samba.wait_for_names(gamma)
        assert mode(gamma) == "own sockets"
        round_trip(gamma, beta, None, asker, "alone")
        nmbd.start()
        nmbd.wait_names()
        wait_for(lambda: mode(gamma) == "beside nmbd", "the daemon to see nmbd")
        round_trip(gamma, beta, nmbd, asker, "beside")
        status = gamma.status()["network"]
        assert not status["name_service"] and "nmbd" in status["name_service_reason"], status
        assert gamma.counters()["nmbd_received"] > 0
        # What nmbd does not know of is not said to be its.
        assert [name_state(gamma, name)[0] for name in ("GAMMA<00>", "EXTRA<00>")] == ["nmbd's", "left to nmbd"]
        assert any("EXTRA" in line and "netbios aliases" in line for line in daemon.errors), daemon.errors
        code, out, _ = gamma.ctl("status")
        assert code == 0 and "beside nmbd" in out, out
        request = beta.windows("browse_request.exe", "announce", "*", "60")
        request.wait_line("^host GAMMA$")
        request.stop()
        # It goes, in good order and without: the daemon takes over.
        for signum, slot in ((signal.SIGTERM, "left"), (signal.SIGKILL, "killed")):
            nmbd.stop(signum)
            wait_for(lambda: mode(gamma) == "own sockets", "the daemon to take over")
            samba.wait_for_names(gamma)
            assert name_state(gamma, "GAMMA<00>") == ("held", None)
            round_trip(gamma, beta, None, asker, slot)
            nmbd.start()
            nmbd.wait_names()
            wait_for(lambda: mode(gamma) == "beside nmbd", "the daemon to see nmbd again")
        # The daemon is second.
        gamma.daemon_stop()
        gamma.daemon_start()
        wait_for(lambda: mode(gamma) == "beside nmbd", "the daemon to see the nmbd that was there")
        round_trip(gamma, beta, nmbd, asker, "second")
        assert nmbd.program.alive()
