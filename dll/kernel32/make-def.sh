#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# make-def.sh - write what the linker needs to know of the exports of our kernel32.dll
#
# Usage: make-def.sh i386|x86_64 [EXPORTS.TXT]    the export definition
#        make-def.sh stubs [EXPORTS.TXT]          the list of stubs for exports_stubs.S
# The kinds of exports are described in exports.txt.
set -eu

what=$1
list=${2:-$(dirname "$0")/exports.txt}

awk -v what="$what" '
    BEGIN {
        if (what != "stubs")
            print "LIBRARY kernel32.dll\nEXPORTS"
    }
    /^#/ || NF == 0 { next }
    what == "stubs" {
        if (NF == 1 && !/^@/)
            print "    stub " $1
        next
    }
    /^@/ {
        if (what == "i386")
            printf "ordinal%d = \"kernel32w.#%d\" @%d NONAME\n", substr($1, 2), substr($1, 2), \
                substr($1, 2)
        next
    }
    $2 == "own" { print $1 (what == "i386" ? " = " $1 "@" $3 : ""); next }
    $2 == "forward" { printf "%s = \"%s.%s\"\n", $1, NF == 3 ? $3 : "kernel32w", $1; next }
    { printf "%s = export_%s\n", $1, $1 }' "$list"
