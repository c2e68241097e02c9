# SPDX-License-Identifier: LGPL-2.1-or-later
"""A LAN in one machine: hosts with Windows programs, cables, and an ear on each cable.

A host is a network namespace with a Wine prefix and a mailslotd of its own, so it behaves as a
computer of its own; a LAN is a bridge in one more namespace. Nothing of it touches the machine's
real network. What went over a cable is kept as a capture file, and tshark is the judge of it.

Everything is named after this process, and ended by its process id when the lab is left, however
it is left; what a killed run left behind is removed by the next one.
"""
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

PREFIX = "wms"
PATIENCE = 60  # s: for what certainly happens; only a failure takes so long
# The Wine of the hosts, as for wine-mailslot itself.
WINE = os.environ.get("WINE", "wine")
WINESERVER = os.path.join(os.path.dirname(shutil.which(WINE) or WINE), "wineserver")
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
LINKTYPE_ETHERNET = 1
libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    pass


def unavailable():
    """Why there can be no lab on this machine, or None."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    for program in ("ip", "ethtool", WINE, "tshark", "unshare"):
        if not shutil.which(program):
            return f"{program} is not installed"
    if subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode:
        return "needs the right to make network namespaces"
    return None


def run(*command, **options):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)
    if result.returncode:
        raise LabError(f"{' '.join(command)}: {result.stderr.strip() or result.returncode}")
    return result.stdout


def wait_for(condition, what):
    """Looks until the condition is true; returns its value."""
    end = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise LabError(f"waited {PATIENCE} s for {what() if callable(what) else what}")
        time.sleep(0.02)


class Program:
    """A running program; its output is read as it comes, so it never blocks."""

    def __init__(self, command, env):
        self.lines, self.errors = [], []
        self.process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, errors="replace", start_new_session=True)
        self.readers = [threading.Thread(target=self._read, args=pair, daemon=True) for pair in
                        ((self.process.stdout, self.lines), (self.process.stderr, self.errors))]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def _read(stream, lines):
        with stream:
            for line in stream:
                lines.append(line.rstrip("\r\n"))

    def alive(self):
        return self.process.poll() is None

    def stop(self, signum=signal.SIGTERM):
        if self.alive():
            self.process.send_signal(signum)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait()
        for reader in self.readers:
            reader.join(5)
        return code

    def wait_line(self, pattern):
        def found():
            lines = self.lines + self.errors
            if any(re.search(pattern, line) for line in lines):
                return True
            if not self.alive():
                raise LabError(f"ended before it said '{pattern}', but: {' | '.join(lines)}")
            return False
        wait_for(found, lambda: f"'{pattern}' in {self.lines + self.errors}")


class Server(Program):
    """demo_server.exe: the messages are what a Windows program read."""

    MESSAGE = re.compile(r"message \d+ \((\d+) bytes\): (.*)")

    @property
    def messages(self):
        return [match[2] for match in map(self.MESSAGE.fullmatch, list(self.lines)) if match]

    def wait_message(self, text):
        wait_for(lambda: text in self.messages,
                 lambda: f"the message '{text[:40]}'; there are {[m[:40] for m in self.messages]}")


class Capture:
    """All frames of some interfaces, from now on: the sockets hear from the moment they exist."""

    def __init__(self, path):
        self.path, self.sockets, self.written = path, [], False

    def add(self, sock, interface):
        sock.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        sock.bind((interface, ETH_P_ALL))
        sock.setblocking(False)
        self.sockets.append(sock)

    def stop(self):
        """Writes the capture file. Frames of one interface stay in order."""
        if self.written:
            return
        with open(self.path, "wb") as out:
            out.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_ETHERNET))
            for sock in self.sockets:
                with contextlib.suppress(BlockingIOError):
                    while True:
                        frame = sock.recv(65536)
                        out.write(struct.pack("=IIII", 0, 0, len(frame), len(frame)) + frame)
                sock.close()
        self.written = True

    def _tshark(self, *options):
        self.stop()
        return run("tshark", "-n", "-r", self.path, *options)

    def rows(self, display_filter, *fields):
        """The fields of each frame that the display filter lets through."""
        options = [option for field in fields or ("frame.number",) for option in ("-e", field)]
        out = self._tshark("-Y", display_filter, "-T", "fields", "-E", "separator=|", *options)
        return [line.split("|") for line in out.splitlines()]

    def assert_clean(self):
        """tshark finds nothing malformed, not even what has nothing to do with the test."""
        broken = self.rows("_ws.malformed", "frame.number", "ip.src", "ip.dst", "frame.protocols")
        assert not broken, f"malformed: {broken}"

    def decode(self, display_filter, layers):
        return self._tshark("-Y", display_filter, "-O", layers)


class Host:
    """A computer on one or more LANs."""

    def __init__(self, lab, name, workgroup, lans):
        self.lab, self.name, self.workgroup = lab, name, workgroup
        self.netns = f"{PREFIX}{os.getpid()}-{name.lower()}"
        self.folder = os.path.join(lab.folder, name.lower())
        self.prefix = os.path.join(self.folder, "prefix")
        self.socket_path = os.path.join(self.folder, "run", "socket")
        self.daemon, self.baseline_fds = None, None
        self.options = {}
        self.autostart = lab.autostart
        os.makedirs(os.path.dirname(self.socket_path), 0o700)
        self.interfaces, self.programs = [], []
        lab.netns_add(self.netns)
        for lan in lans:
            self.interfaces.append(lab.plug(self, lan))

    @property
    def env(self):
        keep = {k: v for k, v in os.environ.items()
                if k == "WINE" or not k.startswith(("WINE", "MAILSLOT", "XDG_"))}
        return keep | {
            "WINEPREFIX": self.prefix, "WINEDEBUG": "-all", "HOME": self.folder,
            "MAILSLOTD": self.lab.program("server-bridge/mailslotd") if self.autostart else "/none",
            "MAILSLOTD_SOCKET": self.socket_path, "MAILSLOTD_SMB_CONF": "none",
            "MAILSLOTD_COMPUTER_NAME": self.name, "MAILSLOTD_WORKGROUP": self.workgroup,
        } | {f"MAILSLOTD_{name.upper()}": value for name, value in self.options.items()}

    def inside(self, *command):
        return ["ip", "netns", "exec", self.netns, *command]

    def start(self, *command, kind=Program, **env):
        program = kind(self.inside(*command), self.env | env)
        self.programs.append(program)
        return program

    def run(self, *command, **env):
        """Exit code, standard output and standard error of a command on this host."""
        program = self.start(*command, **env)
        try:
            code = program.process.wait(PATIENCE)
        except subprocess.TimeoutExpired as error:
            program.stop(signal.SIGKILL)
            raise LabError(f"no end of {' '.join(command)}") from error
        program.stop()
        return code, "\n".join(program.lines), "\n".join(program.errors)

    # --- the daemon ---

    def daemon_start(self, *wrapper):
        self.daemon = self.start(*wrapper, self.lab.program("server-bridge/mailslotd"))
        self.daemon.wait_line("serving mailslots")
        self.baseline_fds = self.daemon_fds()
        return self.daemon

    def daemon_fds(self):
        """How many descriptors it has open, without the event loop's timers: made once, when needed."""
        folder = f"/proc/{self.daemon.process.pid}/fd"
        count = 0
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                count += os.readlink(f"{folder}/{name}") != "anon_inode:[timerfd]"
        return count

    def daemon_stop(self, signum=signal.SIGTERM):
        code = self.daemon.stop(signum)
        self.daemon = None
        return code

    @contextlib.contextmanager
    def configured(self, **options):
        """Inside, the host has a new daemon with these settings: names="HOST#20"."""
        if self.daemon:
            self.programs_stop()
            self.daemon_stop()
        self.options = options
        try:
            yield self.daemon_start()
            if self.daemon and not self.daemon.alive():
                raise LabError(f"the daemon of {self.name} ended: {self.daemon.errors}")
        finally:
            self.programs_stop()
            if self.daemon:
                self.daemon_stop()
            self.options = {}

    def ctl(self, *arguments):
        return self.run(self.lab.program("server-bridge/mailslotctl"), *arguments)

    def status(self):
        code, out, err = self.ctl("status", "--json")
        if code:
            raise LabError(f"{self.name}: mailslotctl status: {err}")
        return json.loads(out)

    def counters(self):
        return self.status()["network"]["counters"]

    # --- Windows programs ---

    def windows(self, program, *arguments, kind=Program, plain=False):
        """plain: with Wine's own mailslots."""
        self.prefix_make()
        how = [WINE] if plain else [self.lab.program("wine-mailslot"), "run"]
        return self.start(*how, self.lab.program(f"winetest/x86_64/{program}"), *arguments, kind=kind)

    def prefix_make(self):
        if not os.path.isdir(self.prefix):
            self.lab.prefix_copy(self.prefix)
            # The server stays until the end, with its services inside this namespace. They keep
            # their output open.
            for command in ((WINESERVER, "-p"), (WINE, "cmd", "/c", "exit")):
                subprocess.run(self.inside(*command), env=self.env, check=False, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listen(self, slot):
        r"""A Windows server on \\.\mailslot\SLOT, ready to receive."""
        server = self.windows("demo_server.exe", slot, "1000000", "3600", kind=Server)
        server.wait_line("listening on")
        return server

    def send(self, path, text, plain=False):
        """A Windows client writes one message. None, or the Windows error of what failed."""
        client = self.windows("demo_client.exe", path, text, plain=plain)
        try:
            code = client.process.wait(PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{self.name}: no end of a write to {path}") from error
        client.stop()
        said = "\n".join(client.lines + client.errors)
        error = re.search(r"error (\d+)", said)
        if code and not error:
            raise LabError(f"{self.name}: demo_client {path}: exit code {code}: {said}")
        return int(error[1]) if code else None

    def programs_stop(self):
        for program in self.programs:
            if program is not self.daemon:
                program.stop()
        self.programs = [self.daemon] if self.daemon else []

    # --- the network ---

    @contextlib.contextmanager
    def network(self):
        """Inside, this thread makes its sockets in the host's namespace."""
        with open("/proc/thread-self/ns/net", "rb") as own, \
                open(f"/run/netns/{self.netns}", "rb") as there:
            if libc.setns(there.fileno(), CLONE_NEWNET):
                raise LabError(f"setns: {os.strerror(ctypes.get_errno())}")
            try:
                yield
            finally:
                if libc.setns(own.fileno(), CLONE_NEWNET):
                    os._exit(1)  # nothing may go on in the wrong network

    def udp(self, address="0.0.0.0", port=0):
        with self.network():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.bind((address, port))
        return sock

    def capture(self):
        self.lab.captures += 1
        capture = Capture(os.path.join(self.lab.folder, f"{self.lab.captures}.pcap"))
        for interface in self.interfaces:
            with self.network():
                sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            capture.add(sock, interface["name"])
        return capture

    @contextlib.contextmanager
    def watched(self):
        """A capture of what happens inside, in which nothing may be malformed."""
        capture = self.capture()
        yield capture
        capture.assert_clean()

    def ip(self, *arguments):
        return run("ip", "-n", self.netns, *arguments)

    def etc(self, name, text):
        """What programs that are started from now on see as /etc/NAME (ip-netns(8))."""
        os.makedirs(f"/etc/netns/{self.netns}", exist_ok=True)
        with open(f"/etc/netns/{self.netns}/{name}", "w", encoding="ascii") as out:
            out.write(text)

    def route(self, other, router):
        """Makes the way to another host's first LAN lead through a router on ours."""
        mine, theirs = (h.interfaces[0]["address"].rsplit(".", 1)[0] for h in (self, other))
        gateway, = (i["address"] for i in router.interfaces if i["address"].rsplit(".", 1)[0] == mine)
        self.ip("route", "replace", f"{theirs}.0/24", "via", gateway)


class Lab(contextlib.AbstractContextManager):
    def __init__(self, build, autostart=False):
        """autostart: whether programs start a daemon where none runs, as they normally do."""
        self.autostart = autostart
        self.build = os.path.abspath(build)
        self.hosts, self.namespaces = [], []
        self.lans, self.captures = {}, 0
        self.folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self._remove_stale()

    def program(self, path):
        full = os.path.join(self.build, path)
        if not os.path.exists(full):
            raise LabError(f"{full} is missing: run make")
        return full

    def host(self, name, workgroup="LABGRP", lans=("lan0",)):
        host = Host(self, name, workgroup, lans)
        self.hosts.append(host)
        return host

    # --- namespaces and cables ---

    def netns_add(self, name):
        run("ip", "netns", "add", name)
        self.namespaces.append(name)
        # IPv6 would chat on the cable; ports below 1024 are root's, whatever the machine's rule.
        run("ip", "netns", "exec", name, "sh", "-c",
            "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; "
            "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6; "
            "echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start; ip link set lo up")

    def plug(self, host, lan):
        """Connects the host to a LAN, which is made when it is first named."""
        switch = f"{PREFIX}{os.getpid()}-switch"
        if switch not in self.namespaces:
            self.netns_add(switch)
        if lan not in self.lans:
            run("ip", "-n", switch, "link", "add", lan, "type", "bridge")
            run("ip", "-n", switch, "link", "set", lan, "up")
            self.lans[lan] = 0
        self.lans[lan] += 1
        number = list(self.lans).index(lan)
        name = f"eth{len(host.interfaces)}"
        address = f"10.77.{number}.{self.lans[lan]}"
        port = f"{lan}-{self.lans[lan]}"
        run("ip", "-n", host.netns, "link", "add", name, "type", "veth", "peer", "name", port,
            "netns", switch)
        run("ip", "-n", switch, "link", "set", port, "master", lan, "up")
        host.ip("addr", "add", f"{address}/24", "brd", "+", "dev", name)
        # As most network cards: what is handed over in one piece is cut up before it is on the cable.
        run(*host.inside("ethtool", "-K", name, "tx-udp-segmentation", "off"))
        host.ip("link", "set", name, "up")
        return {"name": name, "address": address, "broadcast": f"10.77.{number}.255"}

    # --- prefixes ---

    def prefix_copy(self, prefix):
        """A fresh prefix: links to one template's files, and its registry as a real copy."""
        template = os.path.join(self.folder, "template")
        if not os.path.isdir(template):
            env = {k: v for k, v in os.environ.items() if k == "WINE" or not k.startswith("WINE")} | {
                "WINEPREFIX": template, "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml="}
            run(WINE, "wineboot", "-i", env=env)
            run(WINESERVER, "-w", env=env)
        run("cp", "-al", template, prefix)
        # wineserver writes into a file that has several names.
        for name in os.listdir(prefix):
            path = os.path.join(prefix, name)
            if os.path.isfile(path):
                shutil.copy2(path, path + ".new")
                os.replace(path + ".new", path)

    # --- the end ---

    def __exit__(self, *_):
        for host in self.hosts:
            if os.path.isdir(host.prefix):
                with contextlib.suppress(OSError, subprocess.SubprocessError):
                    subprocess.run(host.inside(WINESERVER, "-k"), env=host.env, timeout=20,
                                   stdin=subprocess.DEVNULL, capture_output=True)
        for host in self.hosts:
            host.programs_stop()
            if host.daemon:
                host.daemon_stop()
        # A daemon that a program started has a session of its own, but no other network.
        for name in self.namespaces:
            out = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout
            for pid in out.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        template = os.path.join(self.folder, "template")
        if os.path.isdir(template):
            subprocess.run([WINESERVER, "-k"], env=os.environ | {"WINEPREFIX": template},
                           capture_output=True)
        for name in self.namespaces:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
            shutil.rmtree(f"/etc/netns/{name}", ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _remove_stale():
        for folder, remove in (("/run/netns", lambda name: subprocess.run(
                ["ip", "netns", "del", name], capture_output=True)),
                               ("/etc/netns", lambda name: shutil.rmtree(f"/etc/netns/{name}")),
                               ("/tmp", lambda name: shutil.rmtree(f"/tmp/{name}", ignore_errors=True))):
            for name in os.listdir(folder) if os.path.isdir(folder) else []:
                owner = re.match(PREFIX + r"(\d+)-", name)
                if owner and not os.path.exists(f"/proc/{owner[1]}"):
                    remove(name)


def end_on_signals():
    """Ctrl-C and SIGTERM leave the lab by its door."""
    def leave(signum, _):
        for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(again, signal.SIG_IGN)
        raise SystemExit(128 + signum)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, leave)
