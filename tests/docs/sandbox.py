# SPDX-License-Identifier: LGPL-2.1-or-later
"""A computer to try the documentation on: nothing of it reaches the real one, or its network.

It is a mount namespace in which /usr, /etc, /run, /tmp and /home are layers over the real ones that are
thrown away, and a network namespace with one cable. At the other end of the cable is FRONTDESK, a
computer with a mailslotd, that sends a message to everybody now and then. sudo runs its command.
"""
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

PAGE_SECONDS = 100
USER_HOME = "/home/user"


class SandboxError(Exception):
    pass


def wait_for(condition, what):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise SandboxError(f"waited 30 s for {what}")


def sh(text, **options):
    result = subprocess.run(["bash", "-euc", text], stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, **options)
    if result.returncode:
        raise SandboxError(f"{text.strip().splitlines()[0]}: {result.stderr.strip()[-300:]}")
    return result.stdout


def enter():
    """Called once, in a process that unshare(1) has given namespaces of its own."""
    sh("""mount --make-rprivate /
          mkdir -p /mnt && mount -t tmpfs sandbox /mnt
          for top in usr etc; do
              mkdir -p /mnt/$top/up /mnt/$top/work
              mount -t overlay -o lowerdir=/$top,upperdir=/mnt/$top/up,workdir=/mnt/$top/work layer /$top
          done
          for top in run home; do mount -t tmpfs -o mode=755 layer /$top; done
          ip link set lo up""")


def install(stage, folder):
    """What make install has put into `stage`, and the other things of a computer of the pages."""
    sh(f"""cp -a {stage}/. /
           ln -sfn /usr/local/lib/wine-mailslot /usr/lib/wine-mailslot
           ln -sfn /usr/local/bin/mailslotd /usr/bin/mailslotd
           rm -rf /etc/samba/smb.conf /usr/local/etc/mailslotd.conf /etc/mailslotd.conf
           install -d -m 755 /etc/sysctl.d
           printf '#!/bin/sh\\nexec "$@"\\n' >/usr/local/bin/sudo
           chmod 755 /usr/local/bin/sudo
           mkdir -p {USER_HOME} {folder}/front""")


def environment():
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("MAILSLOT", "WINE", "XDG_"))}
    env.update(HOME=USER_HOME, PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               WINEDLLOVERRIDES="mscoree,mshtml=", LC_ALL="C.UTF-8", MAKEFLAGS=f"-j{os.cpu_count()}",
               PKG_CONFIG_PATH="/usr/local/lib/pkgconfig")
    return env


class Frontdesk:
    """The other computer."""

    def __init__(self, folder, env):
        self.folder = folder
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "1000"])
        env = dict(env, MAILSLOTD_SOCKET=f"{folder}/front/run/socket", HOME=f"{folder}/front")
        os.makedirs(f"{folder}/front/run", mode=0o700)
        wait_for(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != os.readlink("/proc/self/ns/net"),
                 "another network namespace")
        inside = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]
        sh(f"""ip link add eth0 type veth peer name eth0 netns {self.holder.pid}
               ip addr add 10.77.0.1/24 brd + dev eth0
               ip link set eth0 up
               {' '.join(inside)} ip addr add 10.77.0.2/24 brd + dev eth0
               {' '.join(inside)} ip link set eth0 up""")
        log = open(f"{folder}/front/log", "w")
        quiet = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "env": env}
        self.daemon = subprocess.Popen(inside + ["mailslotd", "--computer-name", "FRONTDESK",
                                                 "--smb-conf", "none"], **quiet)
        # Else the others would start a daemon, under another name.
        wait_for(lambda: os.path.exists(env["MAILSLOTD_SOCKET"]), "the daemon of FRONTDESK")
        self.reader = subprocess.Popen(inside + ["mailslotctl", "listen", "chat"], **quiet)
        self.sender = subprocess.Popen(inside + ["bash", "-c", """while sleep 0.7; do
            mailslotctl send '*/orders' 'one coffee'; mailslotctl send '*/chat' 'it is cold'
            done"""], **quiet)

    def heard(self):
        return Path(f"{self.folder}/front/log").read_text()

    def stop(self):
        for process in (self.sender, self.reader, self.daemon, self.holder):
            process.kill()
            process.wait()


class Computer:
    def __init__(self, folder, env):
        self.folder, self.env = Path(folder), env

    def prepare(self, chat):
        """A prefix with the program of the pages; made once, then the floor of a new layer each time."""
        sh(f"""wine wineboot -i; wineserver -w
               mkdir -p ~/.wine/drive_c/Chat
               cp {chat} ~/.wine/drive_c/Chat/chat.exe
               mv ~/.wine {self.folder}/template""", env=dict(self.env, WINEDEBUG="-all"))

    def begin(self, page):
        """A fresh home, and a daemon as the system service is one."""
        layers = f"/mnt/{page}"
        sh(f"""! mountpoint -q ~/.wine || umount ~/.wine
               rm -rf ~ && mkdir -p ~/work ~/.wine {layers}/up {layers}/work
               mount -t overlay -o lowerdir={self.folder}/template,upperdir={layers}/up,workdir={layers}/work \
                   layer ~/.wine
               cp ~/.wine/drive_c/Chat/chat.exe ~/work/
               mkdir -p ~/work/examples ~/Games && ln -s ~/.wine ~/work/DIR
               ln -s ~/.wine ~/Games/old-chat
               cp {self.folder}/counter.c ~/work/ 2>/dev/null || true
               mkdir -p ~/.config && echo '# mine' >~/.config/mailslotd.conf
               mkdir -p /run/mailslotd""", env=self.env)
        log = open(self.folder / f"{page}.daemon.log", "w")
        daemon = subprocess.Popen(["mailslotd", "--socket", "/run/mailslotd/socket"], env=self.env,
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: os.path.exists("/run/mailslotd/socket"), f"mailslotd: see {log.name}")
        return daemon

    @staticmethod
    def _line(number, mode, command, logs):
        if mode == "forever":
            body = f"cat >{logs}/{number}.sh <<'END-OF-COMMAND'\n{command}\nEND-OF-COMMAND\n" \
                   f"timeout -s INT 2 bash {logs}/{number}.sh"
        else:
            body = command
        return f"echo begin {number} >&9\n{{ {body}\n}} </dev/null >{logs}/{number} 2>&1\n" \
               f"echo end {number} $? >&9\n"

    def sources(self, top, build):
        """{name of commands.FOLDERS: folder}: the sources with the objects of the build that is tested, the build
        in them, and the sources by themselves."""
        folders = {"sources": self.folder / "sources", "build": self.folder / "sources/build",
                   "tree": self.folder / "tree"}
        sh(f"""mkdir -p {' '.join(map(str, folders.values()))} && cd {top}
               for copy in {folders['sources']} {folders['tree']}; do
                   tar -c --exclude=./build --exclude=./.git . | tar -xC $copy
               done
               cd {build}
               tar -c --exclude=./test-logs --exclude=./sanitizer --exclude=./fuzz --exclude='./wine-mailslot-[0-9]*' \
                   . | tar -xC {folders['build']}""")
        return folders

    def run(self, page, commands, seconds=PAGE_SECONDS):
        """Runs [(mode, command)] one after the other in one shell. Returns {number: (status, output)}."""
        logs = self.folder / page
        logs.mkdir()
        script = logs / "script"
        script.write_text("cd ~/work\n" + "".join(
            self._line(number, mode, command, logs) for number, (mode, command) in enumerate(commands)))
        daemon = self.begin(page)
        with open(logs / "marks", "w") as marks:
            shell = subprocess.Popen(["bash", "-c", f"exec 9>{logs}/marks; . {script}"], env=self.env,
                                     stdin=subprocess.DEVNULL, stdout=marks, stderr=marks,
                                     start_new_session=True)
        try:
            shell.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
        subprocess.run(["wineserver", "-k"], env=self.env, stdin=subprocess.DEVNULL, capture_output=True)
        daemon.terminate()
        daemon.wait()
        results = {}
        for mark in (logs / "marks").read_text().splitlines():
            word = mark.split()
            if word and word[0] == "end":
                results[int(word[1])] = (int(word[2]), (logs / word[1]).read_text(errors="replace"))
            elif word and word[0] == "begin":
                results[int(word[1])] = (None, "it did not end")
        return results


def chat_program(source, out):
    compiler = shutil.which("x86_64-w64-mingw32-gcc")
    if not compiler:
        return False
    sh(f"{compiler} -Wall -Werror -o {out} {source}")
    return True
