#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Wine's own tests of kernel32 and ntdll say the same with and without the shim (row Y16).

    wine_tests.py [-k FOLDER] BUILD_DIR [DLL:TEST...]   prints PASS, FAIL or SKIP lines, one a test
                                                        program; exit code 1 if one failed

Each program runs in two prefixes at the same time: plain Wine in one, wine-mailslot run in the other.
Compared are its result lines: each failed check, each todo and its outcome, each skip, how it ended and
how many checks it made. What differs by chance is taken out: numbers, addresses, quoted names, order.
Where the two still differ, both run again, up to three times: the program is right if one run with the
shim is like one without. How many checks were made counts only where plain Wine always makes as many.

One difference is wanted: a check that Wine marks as todo and that succeeds with the shim, if it is about
mailslots. That is found in the test's source. -k keeps the output of all runs.
"""

import argparse
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import wine_tests_make

TRIES = 3
SECONDS = 180
HANGS = (124, 137)  # what timeout says
ABOVE = 14  # lines above a check that are looked at for what it is about
# What else may succeed with the shim that is todo in Wine, by the words of the check, and why.
WANTED = {'NtAreMappedFilesTheSame': 'our kernel32.dll is mapped from its file, as on Windows'}
# Where the number of checks depends on what is there, and why that differs with the shim.
OTHER_COUNTS = {
    'kernel32:loader': 'checks each section of kernel32.dll: ours has others',
    'kernel32:process': 'checks each environment variable, of which wine-mailslot run sets four, and each '
                        'module that is loaded into a debugged process: two more',
}
LINE = re.compile(r'^(?:[0-9a-f]{4}:)?([a-z0-9_]+\.c:\d+): (Test [a-z ]+|Tests skipped)[:(]?(.*)$')
CLOSING = re.compile(r'^(?:[0-9a-f]{4}:)?(\w+):\s*(\d+) tests executed \((\d+) marked as todo, '
                     r'(?:\d+ as flaky, )?(\d+) failures?\), (\d+) skipped')


class Result:
    """What one run of a program said, without what differs by chance."""

    def __init__(self, text, code):
        self.lines = collections.Counter()
        # The program's own closing line: the last one, as those before are of its children.
        self.executed = self.todo = self.failures = None
        self.code = code
        for line in text.replace('\r', '').splitlines():
            closing, check = CLOSING.match(line), LINE.match(line)
            if closing:
                self.executed, self.todo, self.failures = (int(closing[i]) for i in (2, 3, 4))
            elif check:
                self.lines[f'{check[1]}: {check[2]}: {plain_words(check[3])}'] += 1
        self.ended = self.executed is not None

    def usable(self):
        """Whether there is anything to compare with."""
        return bool(self.lines or self.ended) and self.code not in HANGS

    def checks(self, kind):
        return {line.split(': ')[0] for line in self.lines if f': {kind}: ' in line}

    def without(self, places, bettered):
        """Lines, and counts in words, without some checks: todos, or bettered ones (failures)."""
        lines = collections.Counter({line: count for line, count in self.lines.items()
                                     if line.split(': ')[0] not in places})
        if not self.ended:
            lines[f'breaks off, exit code {self.code}'] += 1
            return lines
        less = len(places)
        todo, failures, code = self.todo, self.failures, self.code
        if bettered:
            failures, code = failures - less, code - less
        else:
            todo -= less
        lines[f'exit code {code}, {failures} failures, {todo} todo'] += 1
        return lines


def plain_words(text):
    text = re.sub(r'L?"[^"]*"', 'S', text)
    return re.sub(r'(?:0x)?[0-9a-fA-F]*\d[0-9a-fA-F]*', 'N', text).strip()


def is_wanted(sources, place):
    """Whether the check at FILE:LINE is one that the shim may better."""
    name, number = place.split(':')
    lines = (sources / name).read_text(errors='replace').splitlines()[:int(number)]
    start = max((i for i, line in enumerate(lines) if re.match(r'^\w.*\(', line)), default=0)
    near = '\n'.join([lines[start], *lines[max(start, len(lines) - ABOVE):]]).lower()
    return 'mailslot' in near or any(word in lines[-1] for word in WANTED)


class Judge:
    """Compares the results of one program."""

    def __init__(self, sources, program):
        self.sources = sources
        self.other_counts = program in OTHER_COUNTS

    def sets(self, plain, shim):
        """What is to be compared, and how many checks the shim betters, as it should."""
        better = plain.checks('Test marked todo') & shim.checks('Test succeeded inside todo block')
        better = {place for place in better if is_wanted(self.sources, place)}
        return plain.without(better, False), shim.without(better, True), better

    def same(self, plain, shim, counts_vary):
        one, two, better = self.sets(plain, shim)
        any_count = bool(better) or counts_vary or self.other_counts
        return one == two and (any_count or plain.executed == shim.executed)

    def difference(self, plain, shim):
        """A few words on what differs."""
        one, two, _ = self.sets(plain, shim)
        words = [f'plain only: {line}' for line in one - two]
        words += [f'shim only: {line}' for line in two - one]
        if not words:
            words = [f'{plain.executed} and {shim.executed} checks']
        return f'{len(words)} differences: ' + ' | '.join(words[-6:])


class Side:
    """One of the two prefixes with its way to run programs."""

    def __init__(self, name, prefix, command, environment):
        self.name, self.prefix, self.command = name, prefix, command
        self.environment = {**environment, 'WINEPREFIX': str(prefix)}

    def start(self, program, test, log):
        folder = self.prefix / 'drive_c' / 'wine-tests'
        return subprocess.Popen(['timeout', '-k', '5', str(SECONDS), *self.command,
                                 f'C:\\wine-tests\\{program}', test], cwd=folder,
                                env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                                stderr=subprocess.DEVNULL)

    def end(self):
        for option in ('-k', '-w'):
            subprocess.run(['timeout', '20', 'wineserver', option], env=self.environment,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


class Comparison:
    def __init__(self, programs, keep):
        self.programs, self.keep = programs, keep
        self.counts = collections.Counter()

    def say(self, verdict, name, detail=''):
        self.counts[verdict] += 1
        print(f'{verdict} {name}{": " if detail else ""}{detail}', flush=True)

    def run_both(self, sides, dll, test, number):
        """One run of a program in each prefix at the same time; the results in that order."""
        logs = [self.keep / f'{dll}-{test}.{side.name}.{number}' for side in sides]
        children = []
        for side, log in zip(sides, logs):
            with open(log, 'wb') as file:
                children.append(side.start(f'{dll}_test.exe', test, file))
        codes = [child.wait() for child in children]
        return [Result(log.read_text(errors='replace'), code) for log, code in zip(logs, codes)]

    def compare(self, sides, dll, test):
        name = f'wine-tests {dll}:{test}'
        judge = Judge(self.programs / dll, f'{dll}:{test}')
        runs = ([], [])
        for number in range(1, TRIES + 1):
            for results, result in zip(runs, self.run_both(sides, dll, test, number)):
                results.append(result)
            vary = len({result.executed for result in runs[0]}) > 1
            for plain in runs[0]:
                for shim in runs[1]:
                    if plain.usable() and judge.same(plain, shim, vary):
                        detail = f'equal at run {number}' if number > 1 else ''
                        self.say('PASS', name, detail)
                        return
        if not any(plain.usable() for plain in runs[0]):
            self.say('FAIL', name, f'on plain Wine it does not run, or not to its end in {SECONDS} s: '
                     f'exit code {runs[0][-1].code}')
        else:
            self.say('FAIL', name, f'{TRIES} runs: {judge.difference(runs[0][-1], runs[1][-1])}')


def daemon_start(build, folder, environment):
    """A daemon of this run's own; in no network, as nothing here is sent."""
    log = open(folder / 'mailslotd.log', 'wb')
    child = subprocess.Popen([build / 'server-bridge' / 'mailslotd'], env=environment,
                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    for _ in range(50):
        if (folder / 'socket').exists():
            break
        time.sleep(0.1)
    return child


def prefixes_make(folder, programs, environment):
    """Two equal prefixes, plain and shim, with the programs in them."""
    plain, shim = folder / 'plain', folder / 'shim'
    first = {**environment, 'WINEPREFIX': str(plain), 'WINEDLLOVERRIDES': 'mscoree,mshtml='}
    for command in (['wineboot', '-i'], ['wineserver', '-w']):
        subprocess.run(['timeout', '120', *command], env=first, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    target = plain / 'drive_c' / 'wine-tests'
    target.mkdir(parents=True)
    for program in programs:
        shutil.copy(program, target)
    subprocess.run(['cp', '-a', '--reflink=auto', plain, shim], check=True)
    return plain, shim


def our_kernel32(side, wanted):
    """Whether the mailslots of a side are those of the platform wanted, wine or shim."""
    run = subprocess.run(['timeout', '60', *side.command, 'C:\\wine-tests\\create_test.exe'],
                         env={**side.environment, 'WINETEST_PLATFORM': wanted}, text=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, errors='replace',
                         stderr=subprocess.DEVNULL, check=False)
    todo = 0 if wanted == 'shim' else '[1-9][0-9]*'
    return bool(re.search(rf'[1-9]\d* tests executed \({todo} marked as todo, 0 failures', run.stdout))


def compare_all(comparison, build, folder, tests):
    # No window system on either side, whatever this machine has.
    environment = {key: value for key, value in os.environ.items()
                   if key not in ('DISPLAY', 'WAYLAND_DISPLAY') and not key.startswith('WINE')}
    environment.update(WINEDEBUG='-all', MAILSLOTD_SOCKET=f'{folder}/socket', MAILSLOTD_NETWORK='no',
                       MAILSLOTD_SMB_CONF='none', TMPDIR=str(folder))
    programs = [*comparison.programs.glob('*_test.exe'), build / 'winetest/x86_64/create_test.exe']
    daemon = daemon_start(build, folder, environment)
    plain, shim = prefixes_make(folder, programs, environment)
    sides = [Side('plain', plain, ['wine'], environment),
             Side('shim', shim, [str(build / 'wine-mailslot'), 'run'], environment)]
    try:
        for side, wanted in zip(sides, ('wine', 'shim')):
            if not our_kernel32(side, wanted):
                comparison.say('FAIL', f'wine-tests {side.name}', 'its mailslots are not those of '
                               f'{wanted}: nothing to compare')
                return
        for dll, test in tests:
            comparison.compare(sides, dll, test)
    finally:
        for side in sides:
            side.end()
        daemon.terminate()
        daemon.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('-k', dest='keep', type=pathlib.Path)
    parser.add_argument('build', type=pathlib.Path)
    parser.add_argument('tests', nargs='*', metavar='DLL:TEST')
    args = parser.parse_args()
    every = [f'{dll}:{name}' for dll, names in wine_tests_make.PROGRAMS.items() for name in names]
    if set(args.tests) - set(every):
        parser.error('tests are: ' + ' '.join(every))
    with tempfile.TemporaryDirectory(prefix='wms-wine-tests.') as name:
        folder = pathlib.Path(name)
        keep = args.keep or folder / 'logs'
        keep.mkdir(parents=True, exist_ok=True)
        comparison = Comparison(None, keep)
        try:
            if not shutil.which('wine'):
                raise wine_tests_make.Unavailable('wine is not installed')
            comparison.programs = wine_tests_make.get()
        except wine_tests_make.Unavailable as reason:
            comparison.say('SKIP', 'wine-tests', str(reason))
            return 0
        compare_all(comparison, args.build.resolve(), folder,
                    [test.split(':') for test in args.tests or every])
        return 1 if comparison.counts['FAIL'] else 0


if __name__ == '__main__':
    sys.exit(main())
