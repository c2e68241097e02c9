# SPDX-License-Identifier: LGPL-2.1-or-later
"""Samba's programs as neighbours: nmbd, nmblookup and smbtorture, isolated on a host of the lab.

Everything they keep lies in the host's folder, and they see only the host's network (wire.md 2.1).
Nothing of the machine's own Samba is used, and none is started.
"""
import os
import re
import shutil
import signal
import subprocess

from lab import PATIENCE, LabError, wait_for

PROGRAMS = ("nmbd", "nmblookup", "smbtorture")
FOLDERS = ("lock", "state", "cache", "private", "pid", "ncalrpc", "sock", "log")


def conf(host, kind, options):
    """An smb.conf with everything in a folder of its own. Returns its path."""
    for program in PROGRAMS:
        if not shutil.which(program):
            raise LabError(f"{program} is not installed: see packaging/deps.sh")
    folder = os.path.join(host.folder, kind)
    for name in FOLDERS:
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    os.chmod(os.path.join(folder, "sock"), 0o755)
    settings = {
        "netbios name": host.name, "workgroup": host.workgroup, "server string": f"lab {host.name}",
        "interfaces": " ".join(f"{i['address']}/24" for i in host.interfaces),
        "bind interfaces only": "yes", "load printers": "no",
        "lock directory": f"{folder}/lock", "state directory": f"{folder}/state",
        "cache directory": f"{folder}/cache", "private dir": f"{folder}/private",
        "pid directory": f"{folder}/pid", "ncalrpc dir": f"{folder}/ncalrpc",
        "nmbd:socket dir": f"{folder}/sock", "log file": f"{folder}/log/%m.log",
        "local master": "no",
    } | {name.replace("_", " "): value for name, value in options.items()}
    path = os.path.join(folder, "smb.conf")
    with open(path, "w", encoding="ascii") as out:
        out.write("[global]\n" + "".join(f" {name} = {value}\n" for name, value in settings.items()))
    return path


class Nmbd:
    """An nmbd on a host; options of smb.conf with _ for blanks: wins_support="yes"."""

    def __init__(self, host, **options):
        self.host, self.conf = host, conf(host, "nmbd", options)
        self.name = options.get("netbios_name", host.name)
        # Where it hands on what it does not want itself
        self.socket = os.path.join(host.folder, "nmbd", "sock", "unexpected")
        self.program = None

    def start(self):
        self.program = self.host.start("nmbd", "--foreground", "--no-process-group", "--debug-stdout",
                                       "-d3", "-s", self.conf)
        self.wait_log("Broadcast sockets opened")
        return self

    def stop(self, signum=signal.SIGTERM):
        return self.program.stop(signum)

    def wait_log(self, pattern):
        self.program.wait_line(pattern)

    def wait_names(self):
        """It claims its names for four seconds, and answers for them when it has them."""
        for interface in self.host.interfaces:
            self.wait_log(f"Added netbios name {self.name}<00> .* to subnet {interface['address']}")


def neighbour(lab, name, workgroup="LABGRP", lans=("lan0",)):
    """A host without Windows programs, made when it is first named."""
    for host in lab.hosts:
        if host.name == name:
            return host
    return lab.host(name, workgroup, lans)


class Lookup:
    """What an nmblookup has said."""

    ANSWER = re.compile(r"(\d+\.\d+\.\d+\.\d+) (\S.*)<([0-9a-f]{2})>")
    NODE = re.compile(r"\t(.{15}) <([0-9a-f]{2})> - +(<GROUP> )?([A-Z]) <([A-Z]+)>")

    def __init__(self, code, text):
        self.code, self.text = code, text
        self.answers = [(m[1], f"{m[2]}<{m[3]}>") for m in map(self.ANSWER.fullmatch, text.splitlines()) if m]
        self.addresses = sorted({address for address, _ in self.answers})
        # Of a node status: name, whether it is a group, node type, state
        self.names = [(f"{m[1].rstrip()}<{m[2]}>", bool(m[3]), m[4], m[5])
                      for m in map(self.NODE.match, text.splitlines()) if m]


def nmblookup(host, *arguments):
    code, out, err = host.run("nmblookup", "-s", conf(host, "client", {}), *arguments)
    return Lookup(code, out + "\n" + err)


def smbtorture(host, target, test, workgroup, *options):
    """Raises unless the test passes."""
    path = conf(host, "torture", {"workgroup": workgroup})
    # It writes its data base into the current folder, and must not find the machine's settings.
    command = host.inside("smbtorture", "-d0", "-s", path, f"//{target}/ipc$", "-U%", *options, test)
    try:
        result = subprocess.run(command, cwd=os.path.dirname(path), env=host.env, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as error:
        raise LabError(f"no end of smbtorture {test}") from error
    said = result.stdout + result.stderr
    if result.returncode or not re.search(r"^success: ", said, re.MULTILINE):
        raise LabError(f"smbtorture {test}: exit code {result.returncode}: {said.strip()}")
    return said


def wait_for_names(host):
    """Until the host's daemon has got all its names; claiming them takes a second."""
    def held():
        names = host.status()["network"]["names"]
        return names if names and all(n["state"] not in ("unclaimed", "claiming") for n in names) else None
    return wait_for(held, lambda: f"{host.name} to have its names: {host.status()['network'].get('names')}")
