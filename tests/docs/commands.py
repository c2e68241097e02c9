# SPDX-License-Identifier: LGPL-2.1-or-later
"""The commands that people are told to type: those of the pages in Markdown and of the man pages.

In Markdown a fenced block says what it is: sh (commands), ini, c, json, text (none), powershell and bat
(commands of Windows). A block that is only indented holds commands. A block that does not say what it
is, is refused: nothing may slip by. In a man page they are the .Dl lines of EXAMPLES.

usage: commands.py PLACE   prints, as a script, the commands that commands.list says are run in PLACE
"""
import fnmatch
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
PLACES = ("service", "build", "tarball")
FOLDERS = ("sources", "build", "tree")
NO_COMMANDS = ("ARCHITECTURE.md", "conformance.md")

SHELL, WINDOWS, OTHER = ("sh",), ("powershell", "bat"), ("ini", "c", "json", "text")


class PageError(Exception):
    pass


class WindowsCommand(str):
    """A line for cmd.exe or PowerShell."""


def blocks_of(text):
    """Yields (number of the first line, kind, lines)."""
    kind, begin, lines, indented = None, 0, [], False
    before = ""
    for number, line in enumerate(text.split("\n") + [""], 1):
        fence = re.match(r"```(.*)$", line)
        if kind and fence:
            yield begin, kind, lines
            kind = None
        elif kind:
            lines.append(line)
        elif fence:
            kind, begin, lines = fence[1].strip() or "nothing", number + 1, []
        elif indented and (line.startswith("    ") or not line.strip()):
            lines.append(line[4:])
        elif indented:
            yield begin, "sh", lines
            indented = False
        elif line.startswith("    ") and not before.strip():
            indented, begin, lines = True, number, [line[4:]]
        before = line
    if indented:
        yield begin, "sh", lines


def whole(text):
    """Whether a shell takes this as it is, and does not want more lines."""
    result = subprocess.run(["bash", "-n"], input=text + "\n", capture_output=True, text=True)
    return result.returncode == 0 and "here-document" not in result.stderr and not text.endswith("\\")


def split(lines, where):
    """Yields one command after the other; it may have several lines."""
    command = ""
    for line in lines:
        command = f"{command}\n{line}" if command else line
        if not command.strip() or command.lstrip().startswith("#") and "\n" not in command:
            command = ""
        elif whole(command):
            yield command
            command = ""
    if command:
        raise PageError(f"{where}: this is no whole command: {command}")


def of_markdown(path):
    for line, kind, lines in blocks_of(path.read_text()):
        where = f"{path.name}:{line}"
        if kind in SHELL:
            yield from split(lines, where)
        elif kind in WINDOWS:
            yield from (WindowsCommand(line) for line in lines if line.strip())
        elif kind not in OTHER:
            raise PageError(f"{where}: a block of kind '{kind}': say {', '.join(SHELL + WINDOWS + OTHER)}")


def of_man_page(path):
    examples = path.read_text().split("\n.Sh EXAMPLES\n")
    if len(examples) == 2:
        for line in examples[1].split("\n.Sh ")[0].split("\n"):
            if line.startswith(".Dl "):
                yield line[4:].replace("\\e", "\\").replace("\\&", "").replace("\\-", "-")


def plain(command):
    """In one line, without comment."""
    return re.sub(r"\s+#\s.*$", "", " ".join(command.split()))


def pages():
    """Yields (name, path, commands) of all pages; the name is that of the file, or says which README it is."""
    names = {TOP / "docs/README.md": "docs-index", TOP / "packaging/systemd/README.md": "systemd-README",
             TOP / "packaging/tarball/README": "tarball-README"}
    texts = [TOP / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    texts += sorted(path for path in (TOP / "docs").glob("*.md") if path.name not in NO_COMMANDS)
    texts += sorted(path for folder in (TOP / "packaging").iterdir() if folder.is_dir()
                    for path in folder.glob("*README*"))
    sources = [(path, of_markdown) for path in texts]
    sources += [(path, of_man_page) for path in sorted((TOP / "man").glob("*.[1-8]"))]
    for path, extract in sources:
        yield names.get(path, path.name), path, list(extract(path))


class List:
    """commands.list: what is not run as it stands, and why."""

    def __init__(self, path=HERE / "commands.list"):
        self.entries, self.used = [], set()
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = re.split(r"\t+", line)
            mode = re.fullmatch(rf"skip|as|forever|ci|exit [0-9]+|in ({'|'.join(PLACES)})|"
                                rf"from ({'|'.join(FOLDERS)})", fields[0])
            if len(fields) != 3 or not mode or len(fields[2]) < 5:
                raise PageError(f"{path.name}:{number}: MODE tab PATTERN tab REASON")
            self.entries.append(tuple(fields))

    def find(self, command):
        """(mode, reason), or ("run", "")."""
        text = plain(command)
        for number, (mode, pattern, reason) in enumerate(self.entries):
            if fnmatch.fnmatchcase(text, pattern.replace("[", "[[]")):
                self.used.add(number)
                return mode, reason
        return "run", ""

    def unused(self):
        return [entry[1] for number, entry in enumerate(self.entries) if number not in self.used]


def of_place(place):
    """[(page, command)] of the commands that are run in that place."""
    listed = List()
    return [(name, command) for name, _, found in pages() for command in found
            if listed.find(command)[0] == f"in {place}"]


if __name__ == "__main__":
    if sys.argv[1:] not in [[place] for place in PLACES]:
        sys.exit(f"usage: commands.py {'|'.join(PLACES)}")
    chosen = of_place(sys.argv[1])
    print("\n".join(command for _, command in chosen))
    sys.exit(not chosen)
