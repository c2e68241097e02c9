#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares JSON documents with docs/json.md: every documented field is there, every field is documented.

usage: documented.py DOCS SECTION    documents on standard input, one or, each in its line, several"""

import json
import re
import sys

TYPES = {
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
    "any": lambda value: True,
}


def documented(path, section):
    """Field -> (kinds, optional, all fields below are integers)."""
    rows, inside = {}, False
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("## "):
                inside = line[3:].strip() == section
            row = re.match(r"\| `([^`]+)` \| ([^|]+) \|", line)
            if inside and row:
                kind, *marks = [word.strip() for word in row[2].split(",")]
                integers = kind == "object of integers"
                kinds = ["object"] if integers else kind.split(" or ")
                assert set(kinds) <= set(TYPES) and marks in ([], ["optional"]), line
                rows[row[1]] = kinds, bool(marks), integers
    return rows


def walk(value, path, found):
    """All values below `value`, under the field's name."""
    if isinstance(value, dict):
        for key, below in value.items():
            name = f"{path}.{key}" if path else key
            found.append((name, below))
            walk(below, name, found)
    elif isinstance(value, list):
        for below in value:
            walk(below, path + "[]", found)


def row_of(name, rows):
    """The row that describes the field, or None."""
    parts = name.split(".")
    for i in range(len(parts), 0, -1):
        above = ".".join(parts[:i])
        if i == len(parts) and above in rows:
            return above
        if i < len(parts) and (above + ".*" in rows):
            return above + ".*"
        if i < len(parts) and above in rows and rows[above][2]:
            return above
    return None


def check(document, rows, seen):
    """Wrong fields of one document; enters into `seen` what is there."""
    found, errors = [], []
    walk(document, "", found)
    names = {name for name, _ in found}
    for name, value in found:
        row = row_of(name, rows)
        if not row:
            errors.append(f"{name} is not documented")
            continue
        seen.add(row)
        kinds = ["integer"] if rows[row][2] and row != name else rows[row][0]
        if not any(TYPES[kind](value) for kind in kinds):
            errors.append(f"{name} is {value!r}, not {' or '.join(kinds)}")
    for name, (_, optional, _) in rows.items():
        if not optional and "." not in name and name not in names:
            errors.append(f"{name} is missing")
    return errors


def main():
    rows = documented(sys.argv[1], sys.argv[2])
    text, seen, errors = sys.stdin.read(), set(), []
    if not rows:
        sys.exit(f"{sys.argv[1]} has no section {sys.argv[2]}")
    assert text.isascii(), "a document is not in ASCII"
    documents = [json.loads(text)] if text.startswith("{\n") else [
        json.loads(line) for line in text.splitlines()]
    for document in documents:
        errors += check(document, rows, seen)
    errors += [f"{name} is in no document" for name, (_, optional, _) in rows.items()
               if name not in seen and not optional]
    for error in errors:
        print(f"  {sys.argv[2]}: {error}")
    sys.exit(1 if errors or not documents else 0)


main()
