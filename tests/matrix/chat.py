#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The chat demo (winetest/demo-chat) on another Wine: driven, read back, and looked at.

usage: chat.py PLACE PICTURE    (chroot of chroot.sh; run.sh sets the MATRIX_* and WINE* variables)
Prints "passed|failed|skipped chat-NAME DETAIL" lines. Exit code: 0 if nothing failed.

The X server is this machine's and is seen in the chroot by its socket. One computer is enough: what
a second chat and a Linux program say comes to the first one's window by way of the mailslot.
"""
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "host"))
import demo_chat  # pylint: disable=wrong-import-position
import lab as laboratory  # pylint: disable=wrong-import-position

PATIENCE = 40  # s: for what certainly happens
NICK, OTHER = "Jörg", "Анна"
TYPED = "Grüße aus dem Büro"
SAID = "Спасибо, иду!"
PLAIN = "The backup is done"


class Failure(Exception):
    pass


class Chat:
    def __init__(self, place):
        self.command = [os.path.join(HERE, "chroot.sh"), "run", place, "--",
                        "/mnt/build/wine-mailslot", "run",
                        os.environ["WINEPREFIX"] + "/drive_c/winetest/chat.exe"]
        self.running = []

    def start(self, *arguments, **options):
        """In a session of its own, which end() ends."""
        process = subprocess.Popen([*self.command, *arguments], stdin=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True, **options)
        self.running.append(process)
        return process

    def control(self, *arguments):
        """What the program prints, or None if it could not do it."""
        process = self.start(*arguments, stdout=subprocess.PIPE)
        try:
            out = process.communicate(timeout=PATIENCE)[0]
        except subprocess.TimeoutExpired:
            raise Failure(f"chat.exe {arguments[0]} does not end") from None
        return None if process.returncode else out.decode("utf-8", "replace").replace("\r", "")

    def text(self):
        return self.control("--dump") or ""

    def wait_for(self, text):
        """Waits until the window shows the text; how often it does a moment later."""
        end = time.monotonic() + PATIENCE
        while text not in self.text():
            if time.monotonic() > end:
                raise Failure(f"'{text}' never came: {self.text()}")
            time.sleep(0.1)
        time.sleep(0.3)
        return self.text().count(text)

    def end(self):
        for process in self.running:
            if process.poll() is None:
                os.killpg(process.pid, 9)
                process.wait()


def title(results, screen):
    if not shutil.which("xwininfo"):
        results.skip("title", "xwininfo is not installed (Debian: x11-utils)")
        return
    tree = laboratory.run("xwininfo", "-display", screen.display, "-root", "-tree")
    found = [line.strip() for line in tree.splitlines() if "LAN chat" in line]
    results.record(any(f"LAN chat \u2013 {NICK} on " in line for line in found), "title", f"{found}")


def picture(results, screen, path):
    if not shutil.which("import") or not shutil.which("identify"):
        results.skip("picture", "ImageMagick is not installed")
        return
    screen.picture(path)
    colours = int(laboratory.run("identify", "-format", "%k", path))
    results.record(colours >= demo_chat.COLOURS_MIN, "picture", f"{colours} colours")


def bitness(results):
    """What runs must be what was meant: a 32-bit program."""
    path = os.path.join(os.environ["MATRIX_BUILD"], "winetest", "i386", "chat.exe")
    with open(path, "rb") as file:
        data = file.read(1024)
    machine = data[int.from_bytes(data[0x3c:0x40], "little") + 4:][:2]
    results.record(machine == b"\x4c\x01", "is-32-bit", machine.hex())


def exchange(results, screen, chat, path):
    window = chat.start(NICK, "--place", "10,10,460,310", stdout=subprocess.DEVNULL)
    chat.wait_for("Enter sends to everybody")
    title(results, screen)
    if chat.control("--type", TYPED) is None:
        raise Failure("nothing could be typed into the window")
    count = chat.wait_for(f"{NICK} (")
    results.record(count == 1 and f": {TYPED}" in chat.text(), "typed", f"{count} times")
    chat.start(OTHER, "--say", SAID, "--autoclose", "2", "--place", "480,10,460,310",
               stdout=subprocess.DEVNULL).wait(PATIENCE)
    count = chat.wait_for(f": {SAID}")
    results.record(count == 1 and f"{OTHER} (" in chat.text(), "from-another", f"{count} times")
    laboratory.run(os.path.join(os.environ["MATRIX_BUILD"], "server-bridge", "mailslotctl"), "send",
                   r"\\.\mailslot\wmschat", PLAIN,
                   env={**os.environ, "MAILSLOTD_SOCKET": os.environ["MATRIX_RUN"] + "/socket"})
    count = chat.wait_for(f"(no chat program): {PLAIN}")
    results.record(count == 1, "from-linux", f"{count} times")
    picture(results, screen, path)
    chat.control("--close")
    code = window.wait(PATIENCE)
    results.record(code == 0, "close", f"exit code {code}")


def main():
    place, path = sys.argv[1:]
    results = demo_chat.Results()
    if not shutil.which("Xvfb"):
        results.skip("all", "Xvfb is not installed")
        return 0
    laboratory.end_on_signals()
    with demo_chat.Screen() as screen:
        os.environ["DISPLAY"] = screen.display
        os.environ["MATRIX_ENV"] = "DISPLAY"
        os.environ["MATRIX_X11"] = "/tmp/.X11-unix"
        chat = Chat(place)
        try:
            bitness(results)
            exchange(results, screen, chat, path)
        except (Failure, laboratory.LabError, subprocess.TimeoutExpired) as error:
            results.record(False, "all", " ".join(str(error).split()))
        finally:
            chat.end()
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
