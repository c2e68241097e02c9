#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""./quickstart demo: Windows programs exchange messages on one computer, then between two.

usage: demo.py BUILD; the exit code is 0 only if every message arrived, and arrived once
"""
import sys
import time

import lab as laboratory

SLOT = "demo"
LOCAL = rf"\\.\mailslot\{SLOT}"
EVERYONE = rf"\\*\mailslot\{SLOT}"
HELLO = "Hello from a Windows program"
BROADCAST = "Hello, everybody in the workgroup"
DATAGRAM = "udp.dstport == 138 && mailslot.name && !_ws.malformed"


def title(text):
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def say(what, result=""):
    print(f"  {what:<46}{result}".rstrip(), flush=True)


class Verdict:
    def __init__(self):
        self.expected = self.arrived = 0
        self.problems = []

    def server(self, server, where, text):
        """Prints what the server got, which must be the text and nothing else."""
        self.expected += 1
        try:
            server.wait_message(text)
        except laboratory.LabError as error:
            self.problems.append(f"{where or 'one computer'}: {error}")
        time.sleep(0.3)  # a second copy would be a failure, too: time for it to come
        for line in [line for line in server.lines if line.startswith("message ")]:
            say(f"the server{where and ' on ' + where} prints", line)
        if server.messages == [text]:
            self.arrived += 1
        elif text in server.messages:
            self.problems.append(f"{where or 'one computer'}: more than one message arrived")

    def write(self, host, path, text):
        error = host.send(path, text)
        if error:
            self.problems.append(f"{host.name}: the write to {path} failed with Windows error {error}")


def on_one_computer(verdict, host):
    title("1. On one computer")
    server = host.listen(SLOT)
    say("a Windows server creates", LOCAL)
    verdict.write(host, LOCAL, HELLO)
    say("a Windows client writes to", f'{LOCAL}   "{HELLO}"')
    verdict.server(server, "", HELLO)
    server.stop()


def between_two(verdict, alpha, beta):
    title("2. Between two computers of one workgroup")
    servers = {}
    for host in (alpha, beta):
        address = host.interfaces[0]["address"]
        say(f"{host.name} ({address}) and its Windows server on", LOCAL)
        servers[host] = host.listen(SLOT)
    capture = alpha.capture()
    verdict.write(alpha, EVERYONE, BROADCAST)
    say("a Windows client on ALPHA writes to", f'{EVERYONE}   "{BROADCAST}"')
    for host, server in servers.items():
        verdict.server(server, host.name, BROADCAST)
    error = alpha.send(EVERYONE, BROADCAST, plain=True)
    say("for comparison, the same under plain Wine", f"error {error}" if error else "no error")
    return capture


def on_the_cable(verdict, capture):
    title("3. What went over the cable, as tshark decodes it")
    for line in capture.decode(DATAGRAM, "nbdgm,mailslot,data").splitlines():
        # Frame and Ethernet say nothing here: the cable is a pair of virtual interfaces.
        if line.strip() and not line.startswith(("Frame ", "Ethernet ")):
            print(f"  {line}")
    count = len(capture.rows(DATAGRAM))
    if count != 1:
        verdict.problems.append(f"{count} datagrams went over the cable, not one")


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    reason = laboratory.unavailable()
    if reason:
        print(f"demo: {reason}", file=sys.stderr)
        return 1
    laboratory.end_on_signals()
    verdict = Verdict()
    version = laboratory.run(laboratory.WINE, "--version").split()[0]
    print(f"Mailslots for Windows programs under an unmodified {version}.")
    print("Making two computers (network namespaces, each with a Wine prefix) ...", flush=True)
    try:
        with laboratory.Lab(sys.argv[1], autostart=True) as lab:
            alpha, beta = lab.host("ALPHA", "WORKGROUP"), lab.host("BETA", "WORKGROUP")
            on_one_computer(verdict, alpha)
            on_the_cable(verdict, between_two(verdict, alpha, beta))
    except laboratory.LabError as error:
        verdict.problems.append(str(error))
    print()
    for problem in verdict.problems:
        print(f"FAILED: {problem}")
    if not verdict.problems:
        print(f"The demo works: {verdict.arrived} of {verdict.expected} messages arrived, each once.")
    return 1 if verdict.problems else 0


if __name__ == "__main__":
    sys.exit(main())
