# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon in trouble: no right to the port, port taken, killed, cable pulled."""
import os
import re
import shutil
import signal

from lab import wait_for
from test_lan import FENCE, assert_messages, fence, listen

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
NO_PORTS = ("setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service")


def said(host):
    """The one line why there is no network, and the command that fixes it."""
    host.daemon.wait_line("to be on the network: ")
    lines = host.daemon.errors
    why = [line for line in lines if "serving mailslots of this machine only" in line]
    fix = [line.split("to be on the network: ")[1] for line in lines if "to be on the network" in line]
    assert len(why) == len(fix) == 1 and len(lines) == 2, lines
    return why[0], fix[0]


def restart_after_kill(host, slot):
    """A client that does nothing but wait comes back within a second or so."""
    host.daemon_stop(signal.SIGKILL)
    host.daemon_start()
    wait_for(lambda: any(s["name"].lower() == slot for s in host.status()["slots"]),
             f"{host.name}'s slot to be known to the new daemon")


def test_not_permitted(beta, gamma):
    """As an ordinary user: says so once, serves local slots; its own advice makes it work."""
    beta.daemon_stop()
    server = gamma.listen("permit")
    folder, tools = os.path.dirname(beta.socket_path), os.path.join(beta.folder, "tools")
    # The build may be in a folder that is closed to others.
    os.makedirs(tools, exist_ok=True)
    for name in ("mailslotd", "mailslotctl"):
        shutil.copy2(beta.lab.program(f"server-bridge/{name}"), tools)
    shutil.rmtree(folder)
    os.mkdir(folder, 0o700)
    os.chown(folder, 65534, 65534)
    try:
        beta.daemon = beta.start(*NOBODY, f"{tools}/mailslotd")
        why, fix = said(beta)
        assert "no permission" in why and "138" in why, why
        listener = beta.start(*NOBODY, f"{tools}/mailslotctl", "listen", "permit")
        wait_for(lambda: beta.run(*NOBODY, f"{tools}/mailslotctl", "send", "permit", "local")[0] == 0,
                 "a local message")
        listener.wait_line("^local$")
        listener.stop()
        # The advice is a command for root, and an alternative in brackets.
        command = re.match(r"sudo (sysctl \S+)", fix)
        assert command, fix
        code, _, error = beta.run("sh", "-c", command[1])
        assert code == 0, error
        beta.daemon.stop()
        beta.daemon = beta.start(*NOBODY, f"{tools}/mailslotd")
        beta.daemon.wait_line("on the network .UDP 138")
        code, _, error = beta.run(*NOBODY, f"{tools}/mailslotctl", "send", "*/permit", "now it works")
        assert code == 0, error
        server.wait_message("now it works")
    finally:
        beta.daemon_stop()
        shutil.rmtree(folder)
        os.mkdir(folder, 0o700)
        beta.run("sysctl", "-q", "net.ipv4.ip_unprivileged_port_start=1024")


def test_local_without_port(beta):
    """The same with Windows programs: local slots work, a broadcast reaches the own slot (Q2, D10)."""
    beta.daemon_stop()
    beta.daemon_start(*NO_PORTS)
    assert "no permission" in said(beta)[0]
    server = beta.listen("offline")
    assert beta.send(r"\\.\mailslot\offline", "local") is None
    assert beta.send(r"\\*\mailslot\offline", "to all, which is me") is None
    assert beta.send(r"\\.\mailslot\offline", FENCE) is None
    server.wait_message(FENCE)
    assert server.messages == ["local", "to all, which is me", FENCE], server.messages
    server.stop()
    beta.daemon_stop()


def test_port_in_use(beta):
    """Another program has the port: says so once, with a command that shows which; local works."""
    beta.daemon_stop()
    taken = beta.udp(port=138)
    try:
        beta.daemon_start()
        why, fix = said(beta)
        assert "in use" in why and "138" in why, why
        code, out, error = beta.run("sh", "-c", fix.replace("sudo ", ""))
        assert code == 0 and ":138" in out, (fix, out, error)
        server = beta.listen("taken")
        assert beta.send(r"\\.\mailslot\taken", "local") is None
        server.wait_message("local")
        server.stop()
    finally:
        taken.close()
        beta.daemon_stop()


def test_killed(beta, gamma):
    """kill -9 and a new daemon in the midst of traffic: the Windows programs notice nothing."""
    servers = listen("killed", beta, gamma)
    assert gamma.send(r"\\*\mailslot\killed", "before") is None
    for server in servers.values():
        server.wait_message("before")
    # The receiver's daemon ...
    restart_after_kill(gamma, "killed")
    assert beta.send(r"\\*\mailslot\killed", "to the new daemon") is None
    for server in servers.values():
        server.wait_message("to the new daemon")
    # ... and the sender's.
    restart_after_kill(beta, "killed")
    assert beta.send(r"\\*\mailslot\killed", "from the new daemon") is None
    servers[gamma].wait_message("from the new daemon")
    servers[beta].wait_message("from the new daemon")
    fence(beta, "killed", servers)
    assert_messages(servers, "before", "to the new daemon", "from the new daemon")


def test_interface_down_and_up(beta, gamma):
    """No cable is no error for the program (Q2); when it is back, so are the messages."""
    servers = listen("cable", beta, gamma)
    name, address = beta.interfaces[0]["name"], beta.interfaces[0]["address"]
    beta.ip("link", "set", name, "down")
    wait_for(lambda: not beta.status()["network"]["interfaces"], "BETA's daemon to see no interface")
    assert beta.send(r"\\*\mailslot\cable", "nobody hears this") is None
    servers[beta].wait_message("nobody hears this")
    beta.ip("link", "set", name, "up")
    wait_for(lambda: beta.status()["network"]["interfaces"], "BETA's daemon to see its interface again")
    assert beta.send(r"\\*\mailslot\cable", "back again") is None
    servers[gamma].wait_message("back again")
    # Another address on the same cable, as DHCP may give.
    beta.ip("addr", "del", f"{address}/24", "dev", name)
    beta.ip("addr", "add", "10.77.0.200/24", "brd", "+", "dev", name)
    try:
        wait_for(lambda: [i["address"] for i in beta.status()["network"]["interfaces"]] == ["10.77.0.200"],
                 "BETA's daemon to see its new address")
        capture = gamma.capture()
        assert beta.send(r"\\*\mailslot\cable", "with a new address") is None
        fence(beta, "cable", servers)
        rows = capture.rows("mailslot.name", "ip.src", "nbdgm.src.ip")
        assert rows == [["10.77.0.200", "10.77.0.200"]] * 2, rows
        # The names are claimed anew, and found there (wire.md 1.7).
        wait_for(lambda: all(n["state"] == "held" for n in beta.status()["network"]["names"]),
                 "BETA to hold its names at the new address")
        assert gamma.send(r"\\BETA\mailslot\cable", "found at the new address") is None
        servers[beta].wait_message("found at the new address")
    finally:
        beta.ip("addr", "del", "10.77.0.200/24", "dev", name)
        beta.ip("addr", "add", f"{address}/24", "brd", "+", "dev", name)
    assert servers[gamma].messages == ["back again", "with a new address", FENCE]
    assert servers[beta].messages == ["nobody hears this", "back again", "with a new address", FENCE,
                                      "found at the new address"]
    wait_for(lambda: [i["address"] for i in beta.status()["network"]["interfaces"]] == [address],
             "BETA's daemon to see its old address")
