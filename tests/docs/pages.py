# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the pages say, compared with the programs and the header."""
import re
import shutil
import subprocess


def output(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}).stdout


def differences(what, page, program):
    missing, extra = sorted(program - page), sorted(page - program)
    problems = [f"{what} not in the page: {' '.join(missing)}"] if missing else []
    return problems + ([f"only in the page: {' '.join(extra)}"] if extra else [])


def lint(man):
    problems = []
    for page in sorted(man.glob("*.[1-8]")):
        if shutil.which("mandoc"):
            said = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(page)],
                                  capture_output=True, text=True).stdout
        else:
            said = subprocess.run(["man", "--warnings", "-l", str(page)], capture_output=True, text=True,
                                  env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}).stderr
        problems += said.splitlines()
    return problems


def conf(man, programs):
    """mailslotd.conf(5): names and defaults as mailslotd prints them."""
    printed = dict(re.findall(r"^#([a-z_]+) =[ ]?(.*)$", output(programs["mailslotd"], "--print-config"),
                              re.M))
    page = dict(re.findall(r"^\.It Cm ([a-z_]+) No \[(.*)\]$", (man / "mailslotd.conf.5").read_text(), re.M))
    page = {key: "" if value.startswith("the ") else value for key, value in page.items()}
    problems = differences("options", set(page), set(printed))
    problems += [f"{key}: the page says [{page[key]}], mailslotd [{printed[key]}]"
                 for key in page if key in printed and page[key] != printed[key]]
    helped = set(re.findall(r"^  --([a-z-]+) {2,}", output(programs["mailslotd"], "--help"), re.M))
    helped = {key.replace("-", "_") for key in helped}
    problems += [f"{key} is not in mailslotd --help" for key in sorted(set(printed) - helped)]
    return problems if printed else ["mailslotd --print-config prints no options"]


def flags(page):
    """The long options of a man page."""
    return set(re.findall(r"(?:\.It|\.Op)? ?Fl -([a-z]+(?:-[a-z]+)*)", page))


def mailslotd(man, programs):
    text = output(programs["mailslotd"], "--help")
    own = set(re.findall(r"--([a-z-]+)", text.split("Each of these")[0]))
    listed = set(re.findall(r"^\.It Fl -([a-z-]+)", (man / "mailslotd.8").read_text(), re.M))
    return differences("options", listed, own)


def mailslotctl(man, programs):
    page = (man / "mailslotctl.1").read_text()
    verbs = set(re.findall(r"^  ([a-z-]+) ", output(programs["mailslotctl"], "--help"), re.M))
    options = {"help", "version"}
    for verb in verbs:
        options |= set(re.findall(r"^  --([a-z]+)", output(programs["mailslotctl"], verb, "--help"), re.M))
    listed = set(re.findall(r"^\.It Cm ([a-z-]+)$", page.split(".Sh OPTIONS")[0], re.M))
    return differences("verbs", listed, verbs) + \
        differences("options", set(re.findall(r"^\.It Fl -([a-z]+)", page, re.M)), options)


def wine_mailslot(man, programs):
    page = (man / "wine-mailslot.1").read_text()
    text = output("/bin/bash", programs["wine-mailslot"], "--help")
    verbs = set(re.findall(r"^(?:Usage:|      ) wine-mailslot ([a-z]+) ", text, re.M))
    variables = set(re.findall(r"^  ([A-Z_, ]+?)  ", text.split("Environment:")[-1], re.M))
    variables = {name for line in variables for name in line.split(", ")}
    problems = differences("commands", set(re.findall(r"^\.It Cm ([a-z]+)$", page, re.M)), verbs)
    problems += differences("options", set(re.findall(r"^\.It Fl -([a-z]+)", page, re.M)),
                            set(re.findall(r"--([a-z]+)", text)))
    documented = {name for line in re.findall(r"^\.It Ev (.*)$", page, re.M) for name in line.split(" , ")}
    return problems + [f"variable {name} is not in the page" for name in sorted(variables - documented)]


def library(man, header):
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    functions = set(re.findall(r"\b(mailslot_[a-z_]+)\(", text))
    codes = set(re.findall(r"^\s+(MAILSLOT_[A-Z_]+)(?: = 0)?,", text.split("};")[0], re.M)) - {"MAILSLOT_OK"}
    page = (man / "libmailslot.3").read_text()
    described = page.split(".Sh DESCRIPTION")[1]
    named = set(re.findall(r"^\.Nm (mailslot_[a-z_]+)", page, re.M))
    return differences("functions", set(re.findall(r"^\.Fo (mailslot_[a-z_]+)", page, re.M)), functions) + \
        differences("names", named, functions) + \
        [f"{name} is not described" for name in sorted(functions)
         if not re.search(rf"^\.Fn {name}\b", described, re.M)] + \
        differences("codes", set(re.findall(r"^\.It Dv (MAILSLOT_[A-Z_]+)", page, re.M)),
                    codes - {"MAILSLOT_RESULTS"})


def anchor(heading):
    return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")


def links(top, pages):
    problems = []
    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, part = target.partition("#")
            other = (page.parent / name).resolve() if name else page
            if not other.exists():
                problems.append(f"{page.relative_to(top)}: {target} is not there")
            elif part and part not in {anchor(line) for line in
                                       re.findall(r"^#+ (.*)$", other.read_text(), re.M)}:
                problems.append(f"{page.relative_to(top)}: {target}: no such heading")
    return problems


def numbers(docs):
    """compatibility.md says how many rows pass: those of the table; security.md how many bad packets there are."""
    table = (docs / "conformance.md").read_text()
    rows = {row[0]: row[1].split(" | ") for row in re.findall(r"^\| (pass|todo) \| (.*) \|$", table, re.M)}
    said = " ".join((docs / "compatibility.md").read_text().split())
    wanted = [f"{rows['pass'][2]} rows", f"Wine 8.0 fails {rows['todo'][0]} of", f"Wine 10.0 {rows['todo'][1]}."]
    problems = [f"conformance.md says: {text}" for text in wanted if text not in said]
    bad = len((docs.parent / "tests/data/bad_inputs.txt").read_text().splitlines())
    if f"the {bad} packets of `tests/data/bad_inputs.txt`" not in (docs / "security.md").read_text():
        problems.append(f"bad_inputs.txt has {bad} packets, security.md says otherwise")
    return problems
