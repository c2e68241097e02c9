#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# MAILSLOT_TRACE=1: a line for each decision of the Windows side; without it not a byte.
#
# usage: trace.sh BUILD; prints "passed|failed|skipped NAME DETAIL" lines
# shellcheck disable=SC2317 # cleanup is called by trap
set -uo pipefail

build=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
folder=$(mktemp -d /tmp/wms-trace.XXXXXX)
export WINEDEBUG=-all WINEPREFIX=$folder/prefix
export MAILSLOTD_SOCKET=$folder/run/socket MAILSLOTD_NETWORK=no
export XDG_CONFIG_HOME=$folder HOME=$folder
unset WINEARCH WINEDLLOVERRIDES WINEDLLPATH MAILSLOTD MAILSLOT_TRACE
server=

cleanup()
{
    local daemon

    [ -z "$server" ] || kill -KILL "$server" 2>/dev/null
    wineserver -k 2>/dev/null
    daemon=$("$build/server-bridge/mailslotctl" status --json 2>/dev/null |
        sed -n 's/^  "pid": \([0-9]*\),.*/\1/p')
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null
    rm -rf --one-file-system "$folder"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# Arguments: file with standard error, program of winetest, its arguments. Sets code.
run()
{
    local errors=$1 program=$2
    shift 2
    timeout 60 "$build/wine-mailslot" run "$build/winetest/$program" "$@" \
        </dev/null >"$folder/out" 2>"$folder/$errors"
    code=$?
}

# Arguments: name, file with standard error, extended regular expression of a whole line
line()
{
    if grep -aEq "^mailslot-trace: [0-9a-f]{4}:[0-9a-f]{4} $3\$" "$folder/$2"; then
        echo "passed trace-$1"
    else
        echo "failed trace-$1 no line '$3' in: $(tail -n 6 "$folder/$2" | tr '\n' '|')"
    fi
}

# Arguments: slot, file with standard error. Returns when the server listens.
serve()
{
    local i

    timeout 60 "$build/wine-mailslot" run "$build/winetest/x86_64/demo_server.exe" "$1" 1 30 \
        </dev/null >"$folder/served" 2>"$folder/$2" &
    server=$!
    for ((i = 0; i < 300; i++)); do
        ! grep -q 'listening on' "$folder/served" || return 0
        sleep 0.1
    done
}

if ! command -v wine >/dev/null; then
    echo 'skipped trace wine is not installed'
    exit 0
fi
mkdir -m 700 "$folder/run"
WINEDLLOVERRIDES='mscoree,mshtml=' wineboot -i >/dev/null 2>&1
wineserver -w

# The regular expressions name what this prints: \\.\mailslot\NAME
local='\\\\\.\\mailslot\\'
handle='handle 0x[0-9a-f]+'

# One message, its two ends traced, in text that a terminal could take amiss.
export MAILSLOT_TRACE=1
serve 'tr"ace' server
run client x86_64/demo_client.exe '\\.\mailslot\tr"ace' 'hello'
wait "$server"
server=
line attached server 'attached: .*'
line create server "create ${local}tr\"ace -> local slot \"tr\\\\x22ace\", $handle"
line read server "read $handle, size 5 -> STATUS_SUCCESS, 5 bytes"
line close server "close $handle, the last one here"
line open-local client "open ${local}tr\"ace -> local slot \"tr\\\\x22ace\", $handle"
line write client "write $handle, size 5 -> STATUS_SUCCESS, 5 bytes"

# Names that lead nowhere, or to the network.
run nobody x86_64/demo_client.exe '\\.\mailslot\nobody' 'hello'
line open-failed nobody "open ${local}nobody -> local slot \"nobody\": STATUS_OBJECT_NAME_NOT_FOUND \(0xc0000034\)"
run group x86_64/demo_client.exe '\\*\mailslot\all' 'hello'
line open-group group "open \\\\\\\\\*\\\\mailslot\\\\all -> slot \"all\" of the own workgroup, $handle"
run remote x86_64/demo_client.exe '\\NOWHERE\mailslot\all' 'hello'
line open-remote remote "open \\\\\\\\NOWHERE\\\\mailslot\\\\all -> slot \"all\" of computer or group \"NOWHERE\", $handle"
line write-failed remote "write $handle, size 5 -> STATUS_BAD_NETWORK_PATH \(0xc00000be\)"
run control x86_64/demo_client.exe "$(printf '\\\\.\\mailslot\\a\033[2J\303\244')" 'hello'
line escaped control "open ${local}a\\\\x1b\[2J\\\\xc3\\\\xa4 -> .*"

# A handle of unknown origin is looked at, once. (The standard handles of any program are such.)
line look client "look at $handle -> not adopted: no mailslot"

# Everything else: reads that wait and how they end, handles of other processes, computers, groups.
run exercise x86_64/trace_exercise.exe
"$here/lib/trace_lines.sh" "$folder/out" "$folder/exercise" trace-all

# Without a daemon and without a way to start one.
MAILSLOTD=$folder/none MAILSLOTD_SOCKET=$folder/run/none run alone x86_64/demo_client.exe '\\.\mailslot\x' 'hello'
line give-up alone 'given up -> Wine.s own mailslots from now on: .+'

# Results of a program are the same with and without, and without there is not a byte.
run on x86_64/info_test.exe
traced="$code $(tail -n 1 "$folder/out" | sed 's/^[0-9a-f]*://')"
for value in '' 0 unset; do
    export MAILSLOT_TRACE=$value
    [ "$value" != unset ] || unset MAILSLOT_TRACE
    run off x86_64/info_test.exe
    plain="$code $(tail -n 1 "$folder/out" | sed 's/^[0-9a-f]*://')"
    if [ -s "$folder/off" ]; then
        echo "failed trace-off-${value:-empty} $(head -n 1 "$folder/off")"
    elif [ "$plain" != "$traced" ]; then
        echo "failed trace-off-${value:-empty} with: $traced; without: $plain"
    else
        echo "passed trace-off-${value:-empty}"
    fi
done
exit 0
