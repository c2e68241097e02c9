# SPDX-License-Identifier: LGPL-2.1-or-later
"""mailslotctl monitor: what it says of messages that come from other hosts."""
import json
import re

import samba
from lab import wait_for
from test_names import address

BYTES = bytes(range(256)) + b"\xff" * 168  # 424, the most that goes to one computer
LINE = re.compile(r"(\d\d:\d\d:\d\d\.\d{3})  (\w+) +(\S+) \((\S+)\)  ->  \\\\(\S+?)\\mailslot\\(\S+)"
                  r"  (\d+) bytes?  (.*)")
DUMP = re.compile(r"  ([0-9a-f]{4})  ((?:[0-9a-f]{2} ){1,16}) +(.{1,16})")


def watch(host, *options):
    """A monitor that sees whatever happens from now on."""
    count = host.status()["monitors"]
    monitor = host.start(host.lab.program("server-bridge/mailslotctl"), "monitor", *options)
    wait_for(lambda: host.status()["monitors"] == count + 1, "the monitor to be there")
    return monitor


def incoming(monitor):
    """The documents of messages that came from the network."""
    found = [line for line in map(json.loads, list(monitor.lines)) if line["kind"] == "message"]
    return [line for line in found if line["direction"] == "in"]


def printed(monitor):
    """Of each printed message: direction, source, address, target, slot, size, result and bytes."""
    messages = []
    for line in list(monitor.lines):
        dump = DUMP.fullmatch(line)
        if dump:
            messages[-1][-1] += bytes.fromhex(dump[2])
        elif not line.startswith("#"):
            match = LINE.fullmatch(line)
            assert match, line
            messages.append([*match.groups()[1:], b""])
    return messages


def test_messages_of_others(beta, gamma, alien):
    """Direction "in": sender, address, target, slot, size, result and bytes of what other hosts have sent."""
    samba.wait_for_names(gamma)
    gamma.listen("seen")
    with_hex, without = watch(gamma, "--json", "--hex"), watch(gamma, "--json")
    dumped, text = watch(gamma, "--hex"), watch(gamma)
    long = beta.folder + "/long"
    with open(long, "wb") as out:
        out.write(BYTES)
    tool = beta.lab.program("server-bridge/mailslotctl")
    assert beta.send(r"\\GAMMA\mailslot\seen", "from a Windows program") is None
    wait_for(lambda: len(incoming(with_hex)) == 1, lambda: f"the first message: {with_hex.lines}")
    for host, command in ((beta, ("sh", "-c", f"{tool} send '\\\\*\\mailslot\\Seen' - <{long}")),
                          (beta, (tool, "send", r"\\GAMMA\mailslot\seen", "")),
                          (alien, (tool, "send", r"\\LABGRP\mailslot\unheard", "x"))):
        count = len(incoming(with_hex))
        code, _, error = host.run(*command)
        assert code == 0, error
        wait_for(lambda n=count: len(incoming(with_hex)) == n + 1, lambda: f"a message: {with_hex.lines}")
    expected = [("BETA", address(beta), "seen", b"from a Windows program", "delivered"),
                ("BETA", address(beta), "seen", BYTES, "delivered"),
                ("BETA", address(beta), "seen", b"", "delivered"),
                ("ALIEN", address(alien), "unheard", b"x", "no such slot")]
    fields = [(m["source"], m["address"], m["slot"].lower(), m["size"], m["result"], m["target"])
              for m in incoming(with_hex)]
    assert fields == [(source, ip, slot, len(data), result, ".")
                      for source, ip, slot, data, result in expected], fields
    assert [bytes.fromhex(m["hex"]) for m in incoming(with_hex)] == [e[3] for e in expected]
    # The same without the bytes; and for people.
    wait_for(lambda: len(incoming(without)) == 4, "the other monitor to say so, too")
    assert [{k: v for k, v in m.items() if k != "hex"} for m in incoming(with_hex)] == incoming(without)
    lines = [["in", source, ip, ".", slot, str(len(data)), result, data]
             for source, ip, slot, data, result in expected]
    wait_for(lambda: len(printed(dumped)) == 4 and printed(dumped)[-1][-1], "the dump of the last message")
    assert [[*m[:4], m[4].lower(), *m[5:]] for m in printed(dumped)] == lines, dumped.lines
    wait_for(lambda: len(printed(text)) == 4, "the lines for people")
    assert [[*m[:4], m[4].lower(), *m[5:]] for m in printed(text)] == [[*line[:-1], b""] for line in lines]


def test_directions(beta, gamma):
    """One broadcast: "out" and, for the own copy, "local" where it was written; "in" elsewhere, once each."""
    monitors = {host: watch(host, "--json") for host in (beta, gamma)}
    for host in monitors:
        host.listen("ways")

    def directions(host, size):
        found = [json.loads(line) for line in list(monitors[host].lines)]
        return sorted(m["direction"] for m in found if m["kind"] == "message" and m["size"] == size)

    for text in ("to all", "to all again"):
        assert beta.ctl("send", r"\\*\mailslot\ways", text)[0] == 0
    for host, expected in ((beta, ["local", "out"]), (gamma, ["in"])):
        wait_for(lambda h=host, e=expected: directions(h, 12) == e, lambda h=host: monitors[h].lines)
        # What came before has been told before.
        assert directions(host, 6) == expected, monitors[host].lines


def test_programs_are_named(beta):
    """Who reads a slot is named as the program is; what it was started with is nobody's business."""
    with beta.configured():
        server = beta.listen("named")
        status = beta.status()
        slot, = (each for each in status["slots"] if each["name"] == "named")
        assert slot["reader"]["program"] == "demo_server.exe", slot
        assert "demo_server.exe" in {each["program"] for each in status["clients"]}, status["clients"]
        _, out, _ = beta.ctl("slots")
        assert f"demo_server.exe ({slot['reader']['pid']})" in out and "1000000" not in out, out
        assert server.messages == []
