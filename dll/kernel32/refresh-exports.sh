#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# refresh-exports.sh - merge the exports of other kernel32.dlls into exports.txt
#
# Usage: refresh-exports.sh FILE_OR_FOLDER...
# Each is a Wine's DLL folder that holds i386-windows and/or x86_64-windows
# (/usr/lib/x86_64-linux-gnu/wine), one of these folders, a kernel32.dll, or an import library
# (/usr/x86_64-w64-mingw32/lib/libkernel32.a: all that Windows is known to export).
#
# Names are only ever added. A new name is code; a name is a forward only as long as no Wine is seen
# to have code there: where Wine has code, a program must find code.
set -eu

list=$(dirname "$0")/exports.txt
objdump=${OBJDUMP:-x86_64-w64-mingw32-objdump}
nm=${NM:-x86_64-w64-mingw32-nm}

if [ $# -eq 0 ]; then
    echo "usage: $0 FILE_OR_FOLDER..." >&2
    exit 2
fi

# Prints "NAME code" or "NAME forward", and as "@N" the exports that have only an ordinal.
dll_exports() {
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
                used[ordinal] = / Forwarder RVA/ ? "forward" : "code"
            if (table == 2) {
                named[ordinal] = 1
                print $NF, used[ordinal]
            }
        }
        END {
            for (o in used)
                if (!(o in named))
                    print "@" o
        }'
}

# Prints "NAME known". The import slots are __imp_NAME, on i386 __imp__NAME@BYTES.
library_exports() {
    prefix=__imp_
    if "$objdump" -a "$1" | grep -q 'file format pe-i386'; then
        prefix=__imp__
    fi
    "$nm" "$1" 2>/dev/null | awk -v prefix="$prefix" '
        index($NF, prefix) == 1 {
            name = substr($NF, length(prefix) + 1)
            sub(/@[0-9]+$/, "", name)
            print name, "known"
        }'
}

tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
found=0
for place in "$@"; do
    for file in "$place" "$place/kernel32.dll" "$place/x86_64-windows/kernel32.dll" \
        "$place/i386-windows/kernel32.dll"; do
        [ -f "$file" ] || continue
        found=1
        case $file in
        *.a) library_exports "$file" >>"$tmp" ;;
        *) dll_exports "$file" >>"$tmp" ;;
        esac
    done
done
if [ "$found" = 0 ]; then
    echo "$0: no kernel32.dll and no import library in: $*" >&2
    exit 1
fi

{
    sed -n '/^#/p' "$list"
    awk '
        /^#/ || NF == 0 { next }
        FNR == NR { kind[$1] = substr($0, length($1) + 1); next }
        !($1 in kind) || ($2 == "code" && kind[$1] ~ /^ forward/) { kind[$1] = "" }
        END { for (name in kind) print name kind[name] }' "$list" "$tmp" | LC_ALL=C sort
} >"$list.new"
mv "$list.new" "$list"
echo "$list: $(grep -vc '^#' "$list") exports"
