#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes docs/conformance.md of a run of tests/matrix/run.sh -o REPORT_DIR.

    make-table.py REPORT_DIR > docs/conformance.md     the table
    make-table.py --check REPORT_DIR                   says what is wrong; exit code 1 if it is
    make-table.py --check                              the same of rows and tests, without results

A result is the worst one of all test files: pass, todo (plain Wine is known to differ), fail, skip.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
COLUMNS = [('Wine 8.0', 'A-wine'), ('Wine 10.0', 'B-wine'), ('A', 'A-shim'), ('A32', 'A32-shim'),
           ('B', 'B-shim'), ('C', 'C-shim'), ('D64', 'D64-shim'), ('D32', 'D32-shim')]
WEIGHT = {'skip': 0, 'pass': 1, 'todo': 2, 'fail': 3}
ROW = re.compile(r'\b[A-Z]\d{1,2}\b')
# Tests that do not report rows but name them in their text.
NAMING = ['tests/unit/*.c', 'tests/fault/*.c', 'tests/host/*.py', 'tests/invisible/*', 'tests/wine/*.sh']


class Row:
    def __init__(self, line):
        self.name, self.confidence, self.text, note = line.split('|', 3)
        self.kind, _, self.note = note.partition(' ')
        self.tests = set()
        self.results = {}

    def covered(self):
        return bool(self.tests or self.results)


def read_rows():
    rows = {}
    for line in (HERE / 'rows.txt').read_text().splitlines():
        if line and not line.startswith('#'):
            row = Row(line)
            if row.name in rows:
                sys.exit(f'rows.txt: {row.name} stands there twice')
            rows[row.name] = row
    return rows


def calls_of(text):
    """The rows in row("..."), ok_row("...", ...) of a winetest."""
    for literal in re.findall(r'\b(?:ok_)?row\(\s*"([^"]*)"', text):
        yield from literal.split()


def names_in_tables(text):
    """The rows in string literals that hold nothing else, as in tables of cases."""
    for literal in re.findall(r'"([A-Z]\d{1,2}(?: [A-Z]\d{1,2})*)"', text):
        yield from literal.split()


def add_tests(rows, wrong):
    for path in sorted((TOP / 'winetest').glob('*.[ch]')):
        if path.name in ('winetest.h', 'slots.h', 'nt.h', 'image.h', 'reuse.h'):
            continue
        text = path.read_text()
        for name in set(names_in_tables(text)) & set(rows):
            rows[name].tests.add(f'winetest/{path.name}')
        for name in calls_of(text):
            if name in rows:
                rows[name].tests.add(f'winetest/{path.name}')
            else:
                wrong.append(f'winetest/{path.name} tests the unknown row {name}')
    for pattern in NAMING:
        for path in sorted(TOP.glob(pattern)):
            if not path.is_file():
                continue
            for name in set(ROW.findall(path.read_text(errors='replace'))) & set(rows):
                rows[name].tests.add(str(path.relative_to(TOP)))
    for row in rows.values():
        if row.kind == 'test':
            row.tests.add(row.note)
            if not (TOP / row.note).is_file():
                wrong.append(f'{row.name}: no file {row.note}')


def add_results(rows, report, wrong):
    for _, folder in COLUMNS:
        files = sorted((report / folder).glob('*.rows'))
        if not files:
            wrong.append(f'no results of {folder}')
        for path in files:
            for line in path.read_text().split('\n'):
                if not line.strip():
                    continue
                name, test, result = line.split()
                if name not in rows:
                    wrong.append(f'{folder}: {test} reports the unknown row {name}')
                    continue
                row = rows[name]
                row.tests.add(f'winetest/{test}')
                old = row.results.get(folder, 'skip')
                row.results[folder] = max(old, result, key=WEIGHT.get)
                if result == 'fail':
                    wrong.append(f'{folder}: {test} fails {name}')


def check_executables(report, wrong):
    """A test that crashed before it reported anything shows in the table of run.sh only."""
    table = report / 'results.tsv'
    if not table.is_file():
        wrong.append(f'no {table}: the run did not end')
        return
    for line in table.read_text().splitlines():
        config, mode, test, result, reason = line.split('\t', 4)
        if result == 'failed':
            wrong.append(f'{config}-{mode}: {test} failed: {reason[:120]}')


def check_rows(rows, with_results, wrong):
    for row in rows.values():
        if row.kind == 'see':
            for name in row.note.split():
                if name not in rows or not rows[name].covered():
                    wrong.append(f'{row.name} refers to {name}, which is not tested')
        elif row.kind == 'none' and not row.note:
            wrong.append(f'{row.name} has neither a test nor a reason')
        elif row.kind not in ('', 'none', 'test', 'see'):
            wrong.append(f'{row.name}: what is "{row.kind}"?')
        elif not row.kind and not row.covered():
            wrong.append(f'{row.name} has neither a test nor a reason')
        # A row that was tested by winetests must have a result everywhere.
        if with_results and any(t.startswith('winetest/') for t in row.tests):
            for _, folder in COLUMNS:
                if folder.endswith('shim') and folder not in row.results:
                    wrong.append(f'{row.name} has no result of {folder}')


def order(name):
    return 'NTCORXPILFSQZDEVY'.index(name[0]), int(name[1:])


def print_table(rows, out):
    def escape(text):
        return text.replace('\\', '\\\\').replace('|', '\\|').replace('*', '\\*')

    print('<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->\n'
          '<!-- Made by tests/conformance/make-table.py of a run of tests/matrix/run.sh. -->\n'
          '# Conformance\n\n'
          'Every row of the fact sheet on Windows mailslots, its tests, and what came out.\n\n'
          '- Wine 8.0, Wine 10.0: plain Wine. A to D: with wine-mailslot, on A Wine 8.0, A32 the same 32 bit, B Wine 10.0,\n'
          '  C Wine 10.0 32 bit, D64 and D32 Wine 10.0 with the new WoW64 (tests/matrix/README.md).\n'
          '- pass; **todo** = known difference of plain Wine; **fail**; skip = cannot be tried there;\n'
          '  – = the test has nothing to do with Wine or the row was not reached.\n'
          '- Sure: H = documented by Microsoft or tested on Windows, M = inferred, L = weak,\n'
          '  U = unknown, the safe choice is tested.\n', file=out)
    counts = {folder: {} for _, folder in COLUMNS}
    head = ['Row', 'Sure', 'What', 'Test'] + [title for title, _ in COLUMNS]
    lines = ['| ' + ' | '.join(head) + ' |', '|---' * len(head) + '|']
    for name in sorted(rows, key=order):
        row = rows[name]
        tests = ', '.join(t.removeprefix('winetest/') for t in sorted(row.tests))
        if row.kind == 'see':
            tests = 'see ' + row.note + (f' ({tests})' if tests else '')
        elif row.kind == 'none':
            tests = 'none: ' + row.note
        cells = []
        for _, folder in COLUMNS:
            result = row.results.get(folder)
            if result:
                counts[folder][result] = counts[folder].get(result, 0) + 1
            cells.append(f'**{result}**' if result in ('todo', 'fail') else result or '–')
        cells = [name, row.confidence, escape(row.text), escape(tests)] + cells
        lines.append('| ' + ' | '.join(cells) + ' |')
    print('| Result | ' + ' | '.join(title for title, _ in COLUMNS) + ' |', file=out)
    print('|---' * (len(COLUMNS) + 1) + '|', file=out)
    for result in ('pass', 'todo', 'fail', 'skip'):
        cells = [str(counts[folder].get(result, 0)) for _, folder in COLUMNS]
        print(f'| {result} | ' + ' | '.join(cells) + ' |', file=out)
    print(f'\n{len(rows)} rows.\n', file=out)
    print('\n'.join(lines), file=out)


def main():
    args = sys.argv[1:]
    check = '--check' in args
    args = [a for a in args if a != '--check']
    if len(args) > 1 or (not args and not check):
        sys.exit(__doc__)
    rows, wrong = read_rows(), []
    add_tests(rows, wrong)
    if args:
        add_results(rows, pathlib.Path(args[0]), wrong)
        check_executables(pathlib.Path(args[0]), wrong)
    check_rows(rows, bool(args), wrong)
    if not check:
        print_table(rows, sys.stdout)
    for line in wrong:
        print(f'make-table.py: {line}', file=sys.stderr)
    sys.exit(1 if check and wrong else 0)


main()
