#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Judges the trace of winetest/trace_exercise.c: each line, exactly, and that there is one of it.
#
# usage: trace_lines.sh OUT ERR NAME    what the program printed on both ways; prints
# "passed|failed NAME-LINE DETAIL" lines. The program says which handles it had, and its results.
# shellcheck disable=SC2154 # the program's variables
set -uo pipefail

out=$1 name=$3
# Without the thread, which is the program's own or one that waits for it.
trace=$(tr -d '\r' <"$2" | sed -n 's/^mailslot-trace: \([0-9a-f]\{4\}\):[0-9a-f]\{4\} /\1 /p')
while IFS='=' read -r key value; do
    case $key in
    [a-z]*) declare "$key=$value" ;;
    esac
done < <(tr -d '\r' <"$out" | grep -aE '^[a-z_]+=[0-9A-Za-z_-]+$')

# Arguments: name, process, text of the line
line()
{
    local count

    count=$(grep -acFx -- "$2 $3" <<<"$trace")
    if [ "$count" = 1 ]; then
        echo "passed $name-$1"
    else
        echo "failed $name-$1 $count lines '$2 $3' in: $(grep -a "^$2 " <<<"$trace" | tr '\n' '|')"
    fi
}

# Arguments: name, value, expected value
result()
{
    if [ "$2" = "$3" ]; then
        echo "passed $name-$1"
    else
        echo "failed $name-$1 $2, not $3"
    fi
}

if [ "${done:-}" != 1 ]; then
    echo "failed $name trace_exercise did not end well: $(tr '\n' ' ' <"$out") $(tail -n 3 "$2" | tr '\n' ' ')"
    exit 0
fi
p=$process
path='\\.\mailslot\trace\exercise'
quoted='slot "trace\\exercise"'

line create "$p" "create $path -> local $quoted, handle $slot"
line open-local "$p" "open $path -> local $quoted, handle $writer"

line pending "$p" "read handle $slot, size 100 -> STATUS_PENDING, io $io_completed"
line write "$p" "write handle $writer, size 7 -> STATUS_SUCCESS, 7 bytes"
line pended "$p" "pended read, io $io_completed -> STATUS_SUCCESS, 7 bytes"
result pended-result "$io_completed_error" 0
line cancelled "$p" "pended read, io $io_cancelled -> STATUS_CANCELLED (0xc0000120), 0 bytes"
result cancelled-result "$io_cancelled_error" 995
line cancelled-one "$p" "pended read, io $io_cancelled_ex -> STATUS_CANCELLED (0xc0000120), 0 bytes"
line cancel-none "$p" "cancel reads of handle $slot -> STATUS_NOT_FOUND (0xc0000225)"
result cancels "$(grep -acFx "$p cancel reads of handle $slot -> STATUS_SUCCESS" <<<"$trace")" 2
line pending-timed "$p" "read handle $slot, size 103 -> STATUS_PENDING, io $io_timed_out"
line pended-timed-out "$p" "pended read, io $io_timed_out -> STATUS_IO_TIMEOUT (0xc00000b5), 0 bytes"
line timed-out "$p" "read handle $slot, size 104 -> STATUS_IO_TIMEOUT (0xc00000b5)"
result timed-out-result "$timed_out" 121
line empty "$p" "read handle $slot, size 105 -> STATUS_IO_TIMEOUT (0xc00000b5)"
line too-small "$p" "read handle $slot, size 1 -> STATUS_BUFFER_TOO_SMALL (0xc0000023)"
line read "$p" "read handle $slot, size 106 -> STATUS_SUCCESS, 8 bytes"

line inherited "$child" "look at handle $slot -> adopted: reader of $quoted"
line inherited-read "$child" "read handle $slot, size 110 -> STATUS_SUCCESS, 10 bytes"
line duplicated "$child" "look at handle $duplicated -> adopted: writer of $quoted"
line duplicated-write "$child" "write handle $duplicated, size 11 -> STATUS_SUCCESS, 11 bytes"
result child-closes "$(grep -acE "^$child close handle ($slot|$duplicated), the last one here$" <<<"$trace")" 2
line from-child "$p" "read handle $slot, size 111 -> STATUS_SUCCESS, 11 bytes"

line nobody "$p" 'open \\.\mailslot\trace\nobody -> local slot "trace\\nobody": STATUS_OBJECT_NAME_NOT_FOUND (0xc0000034)'
line no-slot "$p" 'open \??\mailslots\trace -> no slot: Wine'"'s"
result pipe-not-traced "$(grep -acF 'pipe\trace' <<<"$trace")" 0
line computer "$p" 'open \\NOWHERE\mailslot\trace\exercise -> '"$quoted of computer or group \"NOWHERE\", handle $nowhere"
line refused "$p" "write handle $nowhere, size 20 -> STATUS_BAD_NETWORK_PATH (0xc00000be)"
result refused-result "$nowhere_error" 53
line group "$p" 'open \\*\mailslot\trace\exercise -> '"$quoted of the own workgroup, handle $group"
line group-write "$p" "write handle $group, size 21 -> STATUS_SUCCESS, 21 bytes"
line group-read "$p" "read handle $slot, size 121 -> STATUS_SUCCESS, 21 bytes"
line host "$p" "open \\\\$host\\mailslot\\trace\\exercise -> $quoted of computer or group \"$host\", handle $own"
line host-write "$p" "write handle $own, size 22 -> STATUS_SUCCESS, 22 bytes"
line host-read "$p" "read handle $slot, size 122 -> STATUS_SUCCESS, 22 bytes"
line close-writer "$p" "close handle $writer, the last one here"
line close "$p" "close handle $slot, the last one here"
exit 0
