#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""make bench: messages per second from and to a Windows program, beside a bare pair of UDP sockets.

usage: net.py [-r ROUNDS] [-n COUNT] [-s SIZE...] [-u UDP_PAIR] BUILD

Two hosts on one cable (a veth pair between two network namespaces, see ../host/lab.py); needs root.
  bare         udp_pair send --- cable --- udp_pair receive
  net_send     Windows program, mailslotd --- cable --- udp_pair receive
  net_receive  udp_pair send --- cable --- mailslotd, Windows program
Everybody sends as fast as he can, and messages are counted at the far end. Two more runs send at half
the rate of the bare pair as many messages as fit a slot's quota: net_half to a program that reads
them, net_quota to one that does not look before all are there. There none may be lost.
The first three take turns in each round; a figure is the median of the rounds.
Exit code: 0 if all ratios are at least 0.5 and nothing was lost where nothing may be lost.
"""
import argparse
import os
import re
import statistics
import sys

sys.dont_write_bytecode = True  # the sources may be read-only
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../host"))
import lab as laboratory  # pylint: disable=wrong-import-position

SLOT = "bench"
GROUP = "LABGRP"
BROADCAST = "10.78.0.255"
WANTED = 0.5
PRIORITY = -15
QUOTA = 16 << 20  # slot_quota's default
# With the limit it would be the limit that is measured.
OPTIONS = {"source_rate": "0", "nmbd_socket": "none"}
RECORD = 8  # what a message takes in the queue beside its bytes, rounded up to 8 (queue/ring.c)


class Bench:
    def __init__(self, lab, udp_pair, count):
        self.lab, self.udp_pair, self.count = lab, udp_pair, count
        self.near, self.far = (lab.host(name, GROUP, lans=()) for name in ("NEAR", "FAR"))
        laboratory.run("ip", "-n", self.near.netns, "link", "add", "eth0", "type", "veth",
                       "peer", "name", "eth0", "netns", self.far.netns)
        for number, host in enumerate((self.near, self.far), 1):
            host.ip("addr", "add", f"10.78.0.{number}/24", "brd", "+", "dev", "eth0")
            host.ip("link", "set", "eth0", "up")

    def bare_sender(self, size, count, rate=0):
        return self.near.start(self.udp_pair, "send", BROADCAST, GROUP, SLOT, str(count), str(rate),
                               str(size))

    def bare_receiver(self, size):
        return self.far.start(self.udp_pair, "receive", str(size))

    def measure(self, start_receiver, start_sender):
        """What both ends say: a dictionary of their figures, and the messages per second."""
        receiver = start_receiver()
        receiver.wait_line("^ready$")
        sender = start_sender()
        figures = {}
        for program in (sender, receiver):
            program.process.wait(laboratory.PATIENCE)
            code = program.stop()
            if code:
                raise laboratory.LabError(f"exit code {code}: {program.errors}")
            for name, value in re.findall(r"(\w+)=([\d.]+)", " ".join(program.lines)):
                figures[name] = float(value) if "." in value else int(value)
        for host in (self.near, self.far):
            host.programs = [host.daemon] if host.daemon else []
        # "seconds" is the receiver's: it came last.
        figures["rate"] = figures["received"] / max(figures["seconds"], 1e-6)
        figures["lost"] = figures["sent"] - figures["received"]
        return figures

    # Only the side that is measured has a daemon: the bare pair uses its port.

    def bare(self, size):
        return self.measure(lambda: self.bare_receiver(size),
                            lambda: self.bare_sender(size, self.count))

    def net_send(self, size):
        with self.near.configured(**OPTIONS):
            return self.measure(
                lambda: self.bare_receiver(size),
                lambda: self.near.windows("bench_net.exe", "send", rf"\\*\mailslot\{SLOT}",
                                          str(self.count), str(size)))

    def net_receive(self, size, count=None, rate=0, how="receive"):
        with self.far.configured(**OPTIONS):
            before = self.far.counters()
            figures = self.measure(
                lambda: self.far.windows("bench_net.exe", how, rf"\\.\mailslot\{SLOT}"),
                lambda: self.bare_sender(size, count or self.count, rate))
            after = self.far.counters()
        figures["drops"] = {name: after[name] - before[name] for name in after
                            if name.startswith("drop") and after[name] != before[name]}
        figures["delivered"] = after["delivered"] - before["delivered"]
        return figures


def say(text):
    print(text, flush=True)


def compare(bench, size, rounds):
    """Prints a line for each of the three. The bare pair's rate, and whether the others keep up."""
    runs = {"bare": [], "net_send": [], "net_receive": []}
    names = list(runs)
    for number in range(rounds):
        for name in names[number % 3:] + names[:number % 3]:
            runs[name].append(getattr(bench, name)(size))
    median = {name: statistics.median(run["rate"] for run in list_) for name, list_ in runs.items()}
    good = True
    for name, list_ in runs.items():
        # Broadcasts know no way back: who sends faster than others read loses some.
        sent, lost = (sum(run[key] for run in list_) for key in ("sent", "lost"))
        ratio = median[name] / median["bare"]
        good = good and ratio >= WANTED
        say(f"bench {name:<11} size={size} per_s={median[name]:.0f} ratio={ratio:.2f} "
            f"lost={100 * lost / sent:.1f}% rounds="
            + ",".join(f"{run['rate'] / 1000:.0f}k" for run in list_))
    return median["bare"], good


def check_loss(bench, size, rate):
    """Half the bare rate, a quota full of messages: none may be lost."""
    count = QUOTA // (RECORD + (size + 7) // 8 * 8)
    good = True
    for name, how in (("net_half", "receive"), ("net_quota", "pile_up")):
        run = bench.net_receive(size, count, int(rate), how)
        intact = run["received"] == run["sent"] == run["end"] == run["delivered"] == count
        good = good and intact and run["disorder"] == 0 and not run["drops"]
        say(f"bench {name:<11} size={size} rate={rate:.0f} sent={run['sent']} "
            f"read={run['received']} lost={run['lost']} disorder={run['disorder']} "
            f"delivered={run['delivered']} dropped={run['drops'] or 0}")
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-r", type=int, default=5, metavar="ROUNDS")
    parser.add_argument("-n", type=int, default=200000, metavar="COUNT")
    parser.add_argument("-s", type=int, nargs="+", default=[100, 424], metavar="SIZE")
    parser.add_argument("-u", metavar="UDP_PAIR")
    parser.add_argument("build")
    options = parser.parse_args()
    udp_pair = os.path.abspath(options.u or os.path.join(options.build, "tests/bench/udp_pair"))
    reason = laboratory.unavailable()
    if reason:
        say(f"bench net_send, net_receive left out: {reason}")
        return 0
    laboratory.end_on_signals()
    # Of both sides alike: what else runs on this machine shall not be measured.
    os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    good = True
    with laboratory.Lab(options.build) as lab:
        bench = Bench(lab, udp_pair, options.n)
        say(f"bench of the network, median of {options.r} rounds of {options.n} messages; "
            "MAILSLOTD_SOURCE_RATE=0 (normally 20000 a second from one machine)")
        for host in (bench.near, bench.far):
            host.prefix_make()
        for size in options.s:
            rate, fast = compare(bench, size, options.r)
            good = check_loss(bench, size, rate / 2) and fast and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
