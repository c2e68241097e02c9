#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# refresh-exports.sh - merge the exports of the given Wines' kernel32.dll into exports.txt
#
# Usage: refresh-exports.sh WINE_DLL_DIR...
# A WINE_DLL_DIR holds i386-windows and/or x86_64-windows (/usr/lib/x86_64-linux-gnu/wine), or is
# one of these folders. Names are only ever added: a forward to a name that an older Wine lacks
# resolves to nothing there, a missing name breaks the program that imports it.
set -eu

list=$(dirname "$0")/exports.txt
objdump=${OBJDUMP:-x86_64-w64-mingw32-objdump}

if [ $# -eq 0 ]; then
    echo "usage: $0 WINE_DLL_DIR..." >&2
    exit 2
fi

# Prints the named exports, and as "@N" the exports that have only an ordinal.
kernel32_exports() {
    "$objdump" -p "$1" | awk '
        /^Export Address Table --/ { table = 1; base = $NF }
        /^\[Ordinal\/Name Pointer\] Table/ { table = 2 }
        /^The / { table = 0 }
        table && match($0, /^[ \t]*\[ *[0-9]+\]/) {
            # Old and new binutils agree on the first bracket (ordinal - base) and the last field.
            ordinal = $0
            gsub(/^[ \t]*\[ *|\].*/, "", ordinal)
            ordinal += base
            if (table == 1 && / RVA/)
                used[ordinal] = 1
            if (table == 2) {
                named[ordinal] = 1
                print $NF
            }
        }
        END {
            for (o in used)
                if (!(o in named))
                    print "@" o
        }'
}

tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
if [ -f "$list" ]; then
    grep -v '^#' "$list" > "$tmp" || true
fi

found=0
for dir in "$@"; do
    for dll in "$dir/kernel32.dll" "$dir/x86_64-windows/kernel32.dll" \
        "$dir/i386-windows/kernel32.dll"; do
        if [ -f "$dll" ]; then
            kernel32_exports "$dll" >> "$tmp"
            found=1
        fi
    done
done
if [ "$found" = 0 ]; then
    echo "$0: no kernel32.dll in: $*" >&2
    exit 1
fi

{
    echo '# SPDX-License-Identifier: LGPL-2.1-or-later'
    echo '# Exports of kernel32.dll, all Wine versions and both architectures together; a line'
    echo '# "@N" is an i386 export that has an ordinal only. Made by refresh-exports.sh.'
    LC_ALL=C sort -u "$tmp"
} > "$list.new"
mv "$list.new" "$list"
echo "$list: $(grep -vc '^#' "$list") exports"
