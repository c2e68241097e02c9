# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon as a service of the host: sockets and signals as systemd does them (issue 5, section 3).

There is no systemd in a namespace of the lab, so its part is played here, by the book: sockets as
sd_listen_fds(3) describes them, a notification socket as sd_notify(3), an unprivileged user without
a single capability. The units themselves are read by systemd's own tools.
"""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import samba
from lab import LabError, run, wait_for

UID = 61234
CONTROL_BACKLOG = 64
SO_RCVBUFFORCE = 33
RECEIVE_BUFFER = 4 << 20  # as mailslotd.socket has it
UNITS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packaging", "systemd")
EXPOSURE_MAX = 20  # tenths; avahi's unit of Debian 12 has 29


class Service:
    """mailslotd on a host, with control socket and UDP ports from outside, and no rights."""

    def __init__(self, host, config, udp=True, **env):
        self.host = host
        self.folder = os.path.join(host.folder, "service")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.config = os.path.join(self.folder, "mailslotd.conf")
        self.socket_path = os.path.join(self.folder, "socket")
        self.configure(config)
        # The build may be in a folder that is closed to others.
        program = os.path.join(self.folder, "mailslotd")
        shutil.copy2(host.lab.program("server-bridge/mailslotd"), program)
        self.sockets = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)]
        self.sockets[0].bind(self.socket_path)
        os.chmod(self.socket_path, 0o666)
        self.sockets[0].listen(CONTROL_BACKLOG)
        with host.network():
            for port in (138, 137) if udp else ():
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
                sock.bind(("0.0.0.0", port))
                self.sockets.append(sock)
            self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.notify.bind(f"\0{host.netns}-notify")
        self.notify.setblocking(False)
        self.notes = []
        self.program = self._start(program, env)

    def _start(self, program, env):
        copies = [os.dup(sock.fileno()) for sock in self.sockets]
        high = [50 + i for i in range(len(copies))]
        for copy, fd in zip(copies, high):
            os.dup2(copy, fd, inheritable=True)
            os.close(copy)
        script = "".join(f"exec {3 + i}<&{fd} {fd}<&-; " for i, fd in enumerate(high))
        command = self.host.inside(
            "setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--bounding-set=-all",
            "--inh-caps=-all", "--no-new-privs", "bash", "-c",
            script + 'LISTEN_PID=$$ exec "$@"', "-", program, "--config", self.config)
        own = {k: v for k, v in os.environ.items() if not k.startswith(("WINE", "MAILSLOT", "XDG_"))}
        own |= {"LISTEN_FDS": str(len(high)), "NOTIFY_SOCKET": f"@{self.host.netns}-notify"} | env
        # Not with lab.Program, which would not hand on the sockets.
        self.errors_path = os.path.join(self.folder, "errors")
        with open(self.errors_path, "w", encoding="utf-8") as errors:
            process = subprocess.Popen(command, env=own, stdin=subprocess.DEVNULL, stdout=errors,
                                       stderr=errors, pass_fds=high, start_new_session=True)
        for fd in high:
            os.close(fd)
        return process

    def configure(self, text):
        with open(self.config, "w", encoding="ascii") as out:
            out.write(text)

    @property
    def errors(self):
        with open(self.errors_path, encoding="utf-8") as file:
            return file.read()

    def wait_note(self, pattern):
        """Until a notification matches; it and those before are taken off the list."""
        def found():
            with contextlib.suppress(BlockingIOError):
                while True:
                    self.notes.append(self.notify.recv(4096).decode())
            for i, note in enumerate(self.notes):
                match = re.search(pattern, note, re.MULTILINE)
                if match:
                    del self.notes[:i + 1]
                    return match
            if self.program.poll() is not None:
                raise LabError(f"ended with {self.program.returncode}: {self.errors}")
            return None
        return wait_for(found, lambda: f"'{pattern}' in {self.notes}")

    def capabilities(self):
        with open(f"/proc/{self.program.pid}/status", encoding="ascii") as file:
            return dict(re.findall(r"^(Cap\w+|Uid):\s+(\S+)", file.read(), re.MULTILINE))

    def ctl(self, *arguments):
        return self.host.run(self.host.lab.program("server-bridge/mailslotctl"), *arguments,
                             MAILSLOTD_SOCKET=self.socket_path)

    def reload(self):
        """As mailslotctl reload: exit code, and what it said."""
        code, out, err = self.ctl("reload")
        return code, out + err

    def stop(self):
        if self.program.poll() is None:
            self.program.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.program.wait(10)
        if self.program.poll() is None:
            self.program.kill()
        code = self.program.wait()
        for sock in self.sockets + [self.notify]:
            sock.close()
        return code


@contextlib.contextmanager
def service(host, config, **options):
    """Inside, the host is served by such a daemon instead of its own."""
    if host.daemon:
        host.daemon_stop()
    path = host.socket_path
    serving = Service(host, config, **options)
    host.socket_path = serving.socket_path
    try:
        yield serving
    finally:
        host.programs_stop()
        serving.stop()
        host.socket_path = path


def tool(name):
    if not shutil.which(name):
        raise LabError(f"{name} is not installed: see packaging/deps.sh")
    return name


CONFIG = "smb_conf = none\ncomputer_name = FRONTDESK\nworkgroup = LABGRP\nnmbd_socket = none\n"


def names(host):
    return {name["name"]: name["state"] for name in host.status()["network"]["names"]}


def test_activation(alpha, beta):
    """Names held and messages both ways, as a user with no capability at all."""
    with service(alpha, CONFIG) as serving:
        serving.wait_note("^READY=1")
        state = serving.capabilities()
        assert state["Uid"] == str(UID), state
        assert all(int(state[c], 16) == 0 for c in ("CapEff", "CapPrm", "CapBnd", "CapInh")), state
        assert alpha.status()["network"]["mode"] == "own sockets"
        wait_for(lambda: set(names(alpha).values()) == {"held"}, lambda: f"names: {names(alpha)}")
        assert "FRONTDESK<00>" in names(alpha)
        # The room that it may not ask for itself is still there (socket(7): told twice as large).
        for sock in serving.sockets[1:]:
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= 2 * RECEIVE_BUFFER

        listener = alpha.start(alpha.lab.program("server-bridge/mailslotctl"), "listen", "desk")
        wait_for(lambda: alpha.status()["slots"], "the slot")
        assert beta.ctl("send", r"\\FRONTDESK\mailslot\desk", "by name")[0] == 0
        listener.wait_line("by name")
        assert beta.ctl("send", r"\\LABGRP\mailslot\desk", "to the group")[0] == 0
        listener.wait_line("to the group")
        serving.wait_note(r"^STATUS=1 slot, \d programs?, own sockets as FRONTDESK in LABGRP$")
        assert serving.stop() == 0
        serving.notes.clear()
        # The socket is not ours to remove: the next daemon gets it again.
        assert os.path.exists(serving.socket_path)


def test_first_client_starts(alpha):
    """systemd's own tool holds the socket: the daemon starts with the first program, and again."""
    alpha.daemon_stop()
    path = os.path.join(alpha.folder, "activated")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    activator = alpha.start(tool("systemd-socket-activate"), "--seqpacket", "--listen", path,
                            alpha.lab.program("server-bridge/mailslotd"), "--network", "no",
                            "--idle-timeout", "1", "--smb-conf", "none")
    wait_for(lambda: os.path.exists(path), "the socket")
    out = alpha.run(alpha.lab.program("server-bridge/mailslotctl"), "status", MAILSLOTD_SOCKET=path)
    assert out[0] == 0, out
    activator.wait_line(f"serving mailslots of this machine only on {path}")
    # It becomes the daemon (exec); nobody needs it any more, and it leaves the socket where it is.
    wait_for(lambda: not activator.alive(), "its end after a second without programs")
    assert activator.stop() == 0
    assert os.path.exists(path)


def test_notifications(alpha):
    """READY, STATUS, RELOADING with a time and READY again, STOPPING."""
    with service(alpha, CONFIG) as serving:
        serving.wait_note(r"^STATUS=0 slots, 0 programs, own sockets as FRONTDESK in LABGRP$")
        serving.wait_note("^READY=1")
        serving.configure(CONFIG.replace("FRONTDESK", "BACKDOOR"))
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        serving.program.send_signal(signal.SIGHUP)
        note = serving.wait_note(r"^RELOADING=1\nMONOTONIC_USEC=(\d+)$")
        assert before <= int(note[1]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        serving.wait_note("^READY=1")
        serving.wait_note("^STATUS=.* as BACKDOOR in LABGRP$")
        serving.program.send_signal(signal.SIGTERM)
        wait_for(lambda: serving.program.poll() is not None, "its end")
        with contextlib.suppress(BlockingIOError):
            while True:
                serving.notes.append(serving.notify.recv(4096).decode())
        assert any(re.search("^STOPPING=1", n, re.MULTILINE) for n in serving.notes), serving.notes
        assert serving.program.returncode == 0


def test_watchdog(alpha):
    with service(alpha, CONFIG, WATCHDOG_USEC="2000000") as serving:
        serving.wait_note("^READY=1")
        for _ in range(2):
            serving.wait_note("^WATCHDOG=1")


def test_reload_keeps_ports(alpha, beta):
    """Another workgroup and name on the ports that could not be opened again; the slot stays."""
    with service(alpha, CONFIG) as serving:
        serving.wait_note("^READY=1")
        listener = alpha.start(alpha.lab.program("server-bridge/mailslotctl"), "listen", "desk")
        wait_for(lambda: alpha.status()["slots"], "the slot")
        slots = alpha.status()["slots"]

        serving.configure(CONFIG.replace("FRONTDESK", "BACKDOOR").replace("LABGRP", "SALES"))
        code, said = serving.reload()
        assert code == 0 and "workgroup = SALES" in said, (code, said)
        wait_for(lambda: names(alpha) == {"BACKDOOR<00>": "held", "SALES<00>": "held"},
                 lambda: f"new names: {names(alpha)}")
        assert alpha.status()["network"]["mode"] == "own sockets"
        assert [s["name"] for s in alpha.status()["slots"]] == [s["name"] for s in slots]
        assert beta.ctl("send", r"\\BACKDOOR\mailslot\desk", "new name")[0] == 0
        listener.wait_line("new name")

        # A bad file changes nothing, and says why; the port can not change while it runs.
        serving.configure(CONFIG + "peers = nobody\n")
        code, said = serving.reload()
        assert code == 1, (code, said)
        assert f"{serving.config}:5: peers: 'nobody'" in said and "old settings stay" in said, said
        assert names(alpha) == {"BACKDOOR<00>": "held", "SALES<00>": "held"}
        serving.configure(CONFIG.replace("FRONTDESK", "BACKDOOR").replace("LABGRP", "SALES") +
                          "datagram_port = 1138\n")
        code, said = serving.reload()
        assert code == 0 and re.search("datagram_port = 1138 needs a restart", said), (code, said)
        assert beta.ctl("send", r"\\BACKDOOR\mailslot\desk", "same port")[0] == 0
        listener.wait_line("same port")
        assert listener.alive()


def test_beside_nmbd(alpha, beta):
    """systemd's sockets on 0.0.0.0 take nothing from nmbd, whichever came first; names stay its."""
    nmbd = samba.Nmbd(alpha)
    config = CONFIG.replace("FRONTDESK", "ALPHA").replace("nmbd_socket = none",
                                                          f"nmbd_socket = {nmbd.socket}")
    alpha.daemon_stop()
    nmbd.start()
    nmbd.wait_names()
    with service(alpha, config) as serving:
        serving.wait_note("^READY=1")
        wait_for(lambda: alpha.status()["network"]["mode"] == "beside nmbd",
                 lambda: alpha.status()["network"]["mode"])
        own = alpha.interfaces[0]["address"]
        # nmbd answers to its address, and to broadcasts.
        assert samba.nmblookup(beta, "-A", own).names, "nmbd does not answer"
        assert own in samba.nmblookup(beta, "ALPHA").addresses
        listener = alpha.start(alpha.lab.program("server-bridge/mailslotctl"), "listen", "desk")
        wait_for(lambda: alpha.status()["slots"], "the slot")
        assert beta.ctl("send", r"\\ALPHA\mailslot\desk", "through nmbd")[0] == 0
        listener.wait_line("through nmbd")
        assert beta.ctl("send", r"\\LABGRP\mailslot\desk", "to the group")[0] == 0
        listener.wait_line("to the group")
        # It still is so after a reload: the sockets are the same, the net is not.
        serving.configure(config + "peers = 10.99.0.1\n")
        assert serving.reload()[0] == 0
        wait_for(lambda: alpha.status()["network"]["mode"] == "beside nmbd",
                 lambda: alpha.status()["network"]["mode"])
        assert beta.ctl("send", r"\\LABGRP\mailslot\desk", "to the group again")[0] == 0
        listener.wait_line("to the group again")


def test_without_systemd(alpha, beta):
    """The start line of packaging/systemd/README.md: one capability, a socket for all users."""
    alpha.daemon_stop()
    tools = os.path.join(alpha.folder, "tools")
    os.makedirs(tools, exist_ok=True)
    for name in ("mailslotd", "mailslotctl"):
        shutil.copy2(alpha.lab.program(f"server-bridge/{name}"), tools)
    # A /run of its own: ip-netns(8) gives every command a mount namespace.
    daemon = alpha.start("sh", "-c", f"""
        mount -t tmpfs tmpfs /run
        install -d -o {UID} -g {UID} -m 755 /run/mailslotd
        exec setpriv --reuid={UID} --regid={UID} --clear-groups --no-new-privs \\
            --bounding-set=-all,+net_bind_service --inh-caps=-all,+net_bind_service \\
            --ambient-caps=+net_bind_service \\
            {tools}/mailslotd --socket /run/mailslotd/socket""", MAILSLOTD_SOCKET="")
    daemon.wait_line("serving mailslots on /run/mailslotd/socket and, as ALPHA")

    def other(*arguments):
        """A program of another user, who asks for nothing special: it finds the system's daemon."""
        return subprocess.Popen(
            ["nsenter", f"--target={daemon.process.pid}", "--mount", "--net", "setpriv",
             f"--reuid={UID + 1}", f"--regid={UID + 1}", "--clear-groups", f"{tools}/mailslotctl",
             *arguments], env={"PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    out, err = other("status").communicate(timeout=30)
    assert "ALPHA" in out, out + err
    listener = other("listen", "desk", "--count", "1", "--timeout", "30000")
    try:
        wait_for(lambda: "desk" in other("slots").communicate(timeout=30)[0], "the slot")
        assert beta.ctl("send", r"\\ALPHA\mailslot\desk", "from the network")[0] == 0
        out, err = listener.communicate(timeout=30)
        assert "from the network" in out, out + err
    finally:
        listener.kill()
        listener.wait()


def test_control_socket_only(alpha):
    """Without the UDP sockets (a drop-in of the admin) it says what is missing, and serves."""
    with service(alpha, CONFIG, udp=False) as serving:
        serving.wait_note("^STATUS=.*this machine only: no permission")
        assert alpha.ctl("send", "nowhere", "x")[0] == 1
        assert "to be on the network" in serving.errors


def test_smb_conf(alpha):
    """Workgroup, name, WINS and interfaces as Samba has them: the subnet stands for our address."""
    path = os.path.join(alpha.folder, "lab-smb.conf")
    with open(path, "w", encoding="ascii") as out:
        out.write("[global]\n netbios name = SAMBANAME\n workgroup = SAMBAGRP\n"
                  f" wins server = {alpha.interfaces[0]['address']}\n"
                  f" interfaces = lo {alpha.interfaces[1]['address'].rsplit('.', 1)[0]}.0/24\n")
    with service(alpha, f"smb_conf = {path}\nnmbd_socket = none\n") as serving:
        serving.wait_note("^STATUS=.* as SAMBANAME in SAMBAGRP$")
        network = alpha.status()["network"]
        assert [i["name"] for i in network["interfaces"]] == ["eth1"], network["interfaces"]
        assert network["node_type"] == "H", network


def test_bad_config(alpha):
    """Refused at start, with file and line, and exit code 2: RestartPreventExitStatus."""
    with service(alpha, CONFIG + "\nwins_servers = 10.0.0.1 elsewhere\n") as serving:
        wait_for(lambda: serving.program.poll() is not None, "its end")
        assert serving.program.returncode == 2
        assert f"{serving.config}:6: wins_servers: 'elsewhere'" in serving.errors, serving.errors
        assert not serving.notes


def test_journal(alpha):
    """Where standard error is the journal, lines have a level and no name."""
    alpha.daemon_stop()
    log = os.path.join(alpha.folder, "journal")
    with open(log, "w+", encoding="utf-8") as out:
        st = os.fstat(out.fileno())
        process = subprocess.Popen(
            alpha.inside(alpha.lab.program("server-bridge/mailslotd"), "--smb-conf", "none",
                         "--network", "no"),
            env=alpha.env | {"JOURNAL_STREAM": f"{st.st_dev}:{st.st_ino}"}, stdin=subprocess.DEVNULL,
            stdout=out, stderr=out)
        try:
            wait_for(lambda: os.path.getsize(log), "a line")
        finally:
            process.terminate()
            process.wait()
        out.seek(0)
        assert re.match("<5>serving mailslots", out.read())


def test_units(alpha):
    """systemd finds nothing wrong with the units, and little that the service could do."""
    folder = os.path.join(alpha.folder, "units")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    programs = os.path.join(folder, "bin")
    os.makedirs(programs)
    for name in ("mailslotd", "mailslotctl"):
        shutil.copy2(alpha.lab.program(f"server-bridge/{name}"), programs)
    with open(os.path.join(UNITS, "mailslotd.service.in"), encoding="utf-8") as file:
        text = file.read().replace("@bindir@", programs)
    with open(os.path.join(folder, "mailslotd.service"), "w", encoding="utf-8") as out:
        out.write(text)
    shutil.copy2(os.path.join(UNITS, "mailslotd.socket"), folder)
    tool("systemd-analyze")
    units = [os.path.join(folder, f"mailslotd.{kind}") for kind in ("service", "socket")]
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True,
                            text=True, check=False)
    ours = [line for line in result.stderr.splitlines() if "mailslotd" in line]
    assert not ours, ours
    run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", units[0])
    out = subprocess.run(["systemd-sysusers", "--dry-run", os.path.join(UNITS, "mailslotd.sysusers")],
                         capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
