#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Host tests: Windows programs on several computers of a LAN (see lab.py), judged by tshark.

usage: run.py [-o RESULTS] BUILD [PATTERN]
Every function test_* of test_*.py gets a lab and its hosts; PATTERN selects by a part of the name.
RESULTS gets a line "result TAB test TAB detail" each. Exit code: 0 if nothing failed.
"""
import argparse
import importlib
import os
import sys
import time
import traceback

import lab as laboratory


def tests(pattern):
    folder = os.path.dirname(os.path.abspath(__file__))
    for name in sorted(os.listdir(folder)):
        if not name.startswith("test_") or not name.endswith(".py"):
            continue
        module = importlib.import_module(name[:-3])
        for attribute, function in list(vars(module).items()):
            if attribute.startswith("test_") and callable(function):
                label = f"{name[5:-3]}.{attribute[5:]}"
                if pattern in label:
                    yield label, function


def where(error):
    """The line of the test that failed, and why."""
    frame = [f for f in traceback.extract_tb(error.__traceback__) if "test_" in f.filename][-1:]
    place = f"{os.path.basename(frame[0].filename)}:{frame[0].lineno}: " if frame else ""
    return place + (" ".join(str(error).split()) or type(error).__name__)


def hosts_check(hosts):
    """What every test must leave behind: living daemons that keep nothing of it."""
    for host in hosts.values():
        if not host.daemon:
            continue
        assert host.daemon.alive(), f"the daemon of {host.name} ended: {host.daemon.errors}"
        host.programs_stop()
        laboratory.wait_for(lambda h=host: h.daemon_fds() <= h.baseline_fds,
                            lambda h=host: f"{h.name}'s daemon to close what it opened: "
                                           f"{h.daemon_fds()} descriptors, {h.baseline_fds} before")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", metavar="RESULTS")
    parser.add_argument("build")
    parser.add_argument("pattern", nargs="?", default="")
    options = parser.parse_args()
    out = open(options.o, "w", encoding="utf-8") if options.o else None
    counts = {"passed": 0, "failed": 0, "skipped": 0}

    def record(result, name, detail):
        counts[result] += 1
        print(f"{result:<8} {name:<34} {detail}", flush=True)
        if out:
            print(result, name, detail, sep="\t", file=out, flush=True)

    reason = laboratory.unavailable()
    if reason:
        record("skipped", "all", reason)
        return 0
    laboratory.end_on_signals()
    with laboratory.Lab(options.build) as lab:
        # ALPHA and BETA are on two LANs; ALIEN shares the cable but not the workgroup.
        hosts = {
            "alpha": lab.host("ALPHA", lans=("lan0", "lan1")),
            "beta": lab.host("BETA", lans=("lan0",)),
            "gamma": lab.host("GAMMA", lans=("lan0",)),
            "delta": lab.host("DELTA", lans=("lan1",)),
            "alien": lab.host("ALIEN", workgroup="OTHERGRP", lans=("lan0",)),
            # Named by bad_inputs.txt: HOSTA in LABGRP.
            "victim": lab.host("HOSTA", lans=("lan2",)),
        }
        for name, test in tests(options.pattern):
            wanted = test.__code__.co_varnames[:test.__code__.co_argcount]
            begin = time.monotonic()
            try:
                used = {host: hosts[host] for host in wanted}
                for host in used.values():
                    if not host.daemon:
                        host.daemon_start()
                test(**used)
                hosts_check(used)
                record("passed", name, f"{time.monotonic() - begin:.1f} s")
            except (AssertionError, laboratory.LabError) as error:
                record("failed", name, where(error))
                # The next test shall not inherit what this one broke.
                for host in hosts.values():
                    host.programs_stop()
                    if host.daemon:
                        host.daemon_stop()
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
