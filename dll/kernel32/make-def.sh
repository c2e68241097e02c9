#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# make-def.sh - write the linker's export definition of our kernel32.dll to standard output
#
# Usage: make-def.sh i386|x86_64 [EXPORTS.TXT]
# All exports are forwards to Wine's own kernel32 under its second name, except those listed here.
set -eu

arch=$1
list=${2:-$(dirname "$0")/exports.txt}

# name, bytes of stdcall arguments on i386 (- = the symbol carries no decoration)
own='
BaseThreadInitThunk -
CreateMailslotA 16
CreateMailslotW 16
GetFileType 4
GetMailslotInfo 20
SetMailslotInfo 8
'

echo "LIBRARY kernel32.dll"
echo "EXPORTS"
echo "$own" | while read -r name bytes; do
    if [ -z "$name" ]; then
        continue
    elif [ "$arch" = i386 ] && [ "$bytes" != - ]; then
        echo "$name = $name@$bytes"
    else
        echo "$name"
    fi
done

echo "$own" | awk -v arch="$arch" '
    FNR == NR {
        if (NF)
            own[$1] = 1
        next
    }
    /^#/ || NF == 0 { next }
    /^@/ {
        n = substr($1, 2)
        if (arch == "i386")
            printf "ordinal%d = \"kernel32w.#%d\" @%d NONAME\n", n, n, n
        next
    }
    !($1 in own) { printf "%s = kernel32w.%s\n", $1, $1 }' - "$list"
