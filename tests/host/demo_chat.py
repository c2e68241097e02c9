#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The LAN chat (winetest/demo-chat) on two computers, seen on one screen.

usage: demo_chat.py [-o PICTURE] BUILD
Prints "passed|failed|skipped NAME DETAIL" lines. PICTURE (docs/images/chat.png) is the screen as it
was after both had spoken; without -o it is only looked at. Exit code: 0 if nothing failed.

The screen is an X server without a display card. Programs reach it by its socket file, which is
the same from all network namespaces; the LAN between the two computers is theirs alone.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

import lab as laboratory

WIDTH, HEIGHT, MARGIN = 960, 330, 10
SAY = {
    "alpha": ("Jörg", "Grüße aus dem Büro: der Kaffee ist fertig"),
    "beta": ("Анна", "Спасибо, иду! And so are the others."),
}
JAPANESE = "了解しました。すぐ行きます"
PRIVATE = "Only you and I see this one"
PLAIN = "The backup is done"
BUTTONS = "/usr/share/wine/fonts/marlett.ttf"  # of fonts-wine: the signs on the buttons of a title bar
COLOURS_MIN = 20  # a picture of two windows with text has many more than this; an empty one has one


def unavailable():
    for program in ("Xvfb", "import", "identify"):
        if not shutil.which(program):
            return f"{program} is not installed"
    return laboratory.unavailable()


class Screen:
    """An X server on a display number of its own choice."""

    def __init__(self):
        reading, writing = os.pipe()
        self.process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{WIDTH}x{HEIGHT}x24",
             "-nolisten", "tcp", "-noreset", "-wr"], pass_fds=[writing], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(writing)
        with os.fdopen(reading) as answer:
            number = answer.readline().strip()
        if not number:
            raise laboratory.LabError("Xvfb did not start")
        self.display = f":{number}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)

    def picture(self, path):
        laboratory.run("import", "-display", self.display, "-window", "root", "-strip", path)


def own_name(host):
    """Makes the host's programs see its name, not the machine's: chat.exe shows it."""
    inside = host.inside
    host.inside = lambda *command: inside(
        "unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', host.name, *command)


class Chat:
    def __init__(self, host, nick, column):
        self.host, self.nick = host, nick
        width = (WIDTH - 3 * MARGIN) // 2
        place = f"{MARGIN + column * (width + MARGIN)},{MARGIN},{width},{HEIGHT - 2 * MARGIN}"
        host.prefix_make()
        # There is no window manager: Wine draws the title bars itself, as of a window in front.
        self.registry(r"HKCU\Software\Wine\X11 Driver", "Managed", "N")
        for name, colour in (("InactiveTitle", "0 70 130"), ("GradientInactiveTitle", "60 130 190"),
                             ("InactiveTitleText", "255 255 255")):
            self.registry(r"HKCU\Control Panel\Colors", name, colour)
        if os.path.exists(BUTTONS):
            self.registry(r"HKLM\Software\Microsoft\Windows NT\CurrentVersion\Fonts", "Marlett (TrueType)",
                          "Z:" + BUTTONS.replace("/", "\\"))
        self.window = host.windows("chat.exe", nick, "--place", place)
        laboratory.wait_for(self.text, f"the window of {nick}")

    def registry(self, key, name, value):
        code, _, error = self.host.run(laboratory.WINE, "reg", "add", key, "/v", name, "/d", value, "/f")
        if code:
            raise laboratory.LabError(f"reg add {name}: {error}")

    def control(self, *arguments):
        program = self.host.windows("chat.exe", *arguments)
        code = program.process.wait(laboratory.PATIENCE)
        program.stop()
        return code, "\n".join(program.lines)

    def type(self, text):
        code, _ = self.control("--type", text)
        if code:
            raise laboratory.LabError(f"nothing could be typed into the window of {self.nick}")

    def text(self):
        """What the window shows, as another program of the prefix reads it; empty: no window."""
        return self.control("--dump")[1]

    def shows(self, text):
        """Waits for the text; how often the window shows it a moment later."""
        laboratory.wait_for(lambda: text in self.text(),
                            lambda: f"'{text}' in the window of {self.nick}: {self.text()}")
        time.sleep(0.3)  # a second copy would be a failure: time for it to come
        return self.text().count(text)


class Results:
    def __init__(self):
        self.failed = 0

    def record(self, good, name, detail=""):
        self.failed += not good
        print(f"{'passed' if good else 'failed'} chat-{name} {detail}".rstrip(), flush=True)

    @staticmethod
    def skip(name, reason):
        print(f"skipped chat-{name} {reason}", flush=True)


def monitor_start(host):
    """mailslotctl monitor, or None where there is none."""
    code, out, _ = host.ctl("--help")
    if code or "monitor" not in out:
        return None
    monitor = host.start(host.lab.program("server-bridge/mailslotctl"), "monitor")
    time.sleep(0.5)
    return monitor if monitor.alive() else None


def has_font_for(text):
    """Whether a font of this machine has the text's first character."""
    out = subprocess.run(["fc-list", f":charset={ord(text[0]):x}"], capture_output=True, text=True)
    return bool(out.stdout.strip())


def titles(results, screen, chats):
    """What the X server says, not our own programs."""
    for name, chat in chats.items():
        if not shutil.which("xwininfo"):
            results.skip(f"title-{name}", "xwininfo is not installed (Debian: x11-utils)")
            continue
        tree = laboratory.run("xwininfo", "-display", screen.display, "-root", "-tree")
        title = f"LAN chat \u2013 {chat.nick} on {chat.host.name}"
        found = [line.strip() for line in tree.splitlines() if "LAN chat" in line]
        good = any(title in line for line in found)
        results.record(good, f"title-{name}", title if good else f"{title}; seen: {found}")


def exchange(results, chats):
    """Both speak; each line must be in both windows, once."""
    lines = {name: said for name, (_, said) in SAY.items()}
    for name, chat in chats.items():
        chat.type(lines[name])
        for other in chats.values():
            count = other.shows(lines[name])
            results.record(count == 1, f"{name}-seen-by-{other.host.name.lower()}", f"{count} times")


def japanese(results, chats):
    """After the picture: Wine's own font shows boxes; the text that is read back is what counts."""
    if has_font_for(JAPANESE):
        chats["alpha"].type(JAPANESE)
        count = chats["beta"].shows(JAPANESE)
        results.record(count == 1, "japanese", f"{count} times")
    else:
        results.skip("japanese", "no font for it on this machine")


def private(results, chats):
    """/to COMPUTER: a name that the name service must find."""
    chats["beta"].type(f"/to ALPHA {PRIVATE}")
    count = chats["alpha"].shows(PRIVATE)
    results.record(count == 1, "to-one-computer", f"{count} times")


def nobody(results, chats):
    chats["alpha"].type("/to NOBODY hello?")
    laboratory.wait_for(lambda: "not sent to NOBODY, error 53" in chats["alpha"].text(),
                        lambda: f"error 53 in {chats['alpha'].text()}")
    results.record(True, "to-nobody")


def from_linux(results, chats):
    code, _, error = chats["alpha"].host.ctl("send", r"\\*\mailslot\wmschat", PLAIN)
    if code:
        results.record(False, "from-linux", error)
        return
    for chat in chats.values():
        count = chat.shows(f"(no chat program): {PLAIN}")
        results.record(count == 1, f"from-linux-{chat.host.name.lower()}", f"{count} times")


def hostile(results, chats):
    """Rubbish from the cable is shown as dots, is no line of its own, and the chat goes on."""
    host, target = chats["beta"].host, chats["alpha"]
    head = "wmschat1\t0000000000000001\t"
    for payload in (head + "M\x1b[2J\tX\t*\tone\r\n00:00  Fake (X): two\u202etfel",
                    head + "L" * 300 + "\tX\t*\tlong", "wmschat1\t\t\t\t\t", "\x7f" * 400):
        host.ctl("send", r"\\*\mailslot\wmschat", payload)
    with host.udp() as sock:  # no datagram of a mailslot at all
        sock.sendto(b"\xff" * 300, (host.interfaces[0]["broadcast"], 138))
    count = target.shows("M·[2J (X): one··00:00  Fake (X): two·tfel")
    results.record(count == 1, "hostile-characters", f"{count} times")
    count = target.shows("L" * 15 + " (X): long")
    results.record(count == 1, "hostile-nick", f"{count} times")
    target.type("still here")
    count = chats["beta"].shows("still here")
    results.record(count == 1, "hostile-survived", f"{count} times")


def long_line(results, chats):
    """A line longer than a datagram comes in parts, whole."""
    words = " ".join(f"слово{number}" for number in range(60))
    chats["alpha"].type(words)
    chats["beta"].shows("слово59")
    parts = [line.split("): ", 1)[1] for line in chats["beta"].text().splitlines()
             if "слово" in line]
    results.record("".join(parts) == words and len(parts) > 1, "long-line", f"{len(parts)} parts")


def look(results, screen, path):
    screen.picture(path)
    colours = int(laboratory.run("identify", "-format", "%k", path))
    size = laboratory.run("identify", "-format", "%wx%h", path)
    results.record(colours >= COLOURS_MIN and size == f"{WIDTH}x{HEIGHT}", "picture",
                   f"{size}, {colours} colours")


def demo(results, screen, build, picture):
    with laboratory.Lab(build, autostart=True) as lab:
        hosts = {name: lab.host(name.upper(), "WORKGROUP") for name in SAY}
        for host in hosts.values():
            own_name(host)
            host.daemon_start()
        chats = {name: Chat(hosts[name], SAY[name][0], column) for column, name in enumerate(SAY)}
        titles(results, screen, chats)
        monitor = monitor_start(hosts["beta"])
        exchange(results, chats)
        private(results, chats)
        from_linux(results, chats)
        look(results, screen, picture)
        japanese(results, chats)
        if monitor:
            lines = "\n".join(monitor.lines)
            results.record("wmschat" in lines, "monitor", f"{len(monitor.lines)} lines")
        else:
            results.skip("monitor", "this build's mailslotctl has no monitor")
        nobody(results, chats)
        hostile(results, chats)
        long_line(results, chats)
        for name, chat in chats.items():
            chat.control("--close")
            code = chat.window.process.wait(laboratory.PATIENCE)
            results.record(code == 0, f"close-{name}", f"exit code {code}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", metavar="PICTURE")
    parser.add_argument("build")
    options = parser.parse_args()
    results = Results()
    reason = unavailable()
    if reason:
        results.skip("all", reason)
        return 0
    laboratory.end_on_signals()
    os.environ["LC_ALL"] = "C.UTF-8"  # Wine reads its command line by it
    with tempfile.TemporaryDirectory(prefix="wms-chat.") as folder, Screen() as screen:
        os.environ["DISPLAY"] = screen.display
        picture = os.path.join(folder, "chat.png")
        try:
            demo(results, screen, options.build, picture)
        except laboratory.LabError as error:
            results.record(False, "all", " ".join(str(error).split()))
        if options.o and os.path.exists(picture):
            os.makedirs(os.path.dirname(os.path.abspath(options.o)), exist_ok=True)
            shutil.copyfile(picture, options.o)
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
