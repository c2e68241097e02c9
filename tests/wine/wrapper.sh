#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# wine-mailslot from outside: what programs under it share, and what it leaves alone.
#
# usage: wrapper.sh BUILD; prints "passed|failed|skipped NAME DETAIL" lines
# shellcheck disable=SC2016,SC2317 # conditions are evaluated later; cleanup is called by trap
set -uo pipefail

build=$(readlink -f "$1")
folder=$(mktemp -d /tmp/wms-wrapper.XXXXXX)
programs=$build/winetest
export WINEDEBUG=-all MAILSLOTD_SOCKET=$folder/run/socket MAILSLOTD_NETWORK=no
export XDG_CONFIG_HOME=$folder HOME=$folder
unset WINEARCH WINEDLLOVERRIDES WINEDLLPATH MAILSLOTD
jobs=()

cleanup()
{
    local job

    for job in "${jobs[@]}"; do
        kill -KILL "$job" 2>/dev/null
    done
    WINEPREFIX=$folder/one wineserver -k 2>/dev/null
    WINEPREFIX=$folder/two wineserver -k 2>/dev/null
    # The daemon that the programs started says its process id itself.
    job=$("$build/server-bridge/mailslotctl" status --json 2>/dev/null |
        sed -n 's/^  "pid": \([0-9]*\),.*/\1/p')
    [ -z "$job" ] || kill "$job" 2>/dev/null
    rm -rf --one-file-system "$folder"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# Arguments: condition (a command), name, detail when it fails
verdict()
{
    if eval "$1"; then
        echo "passed wrapper-$2"
    else
        echo "failed wrapper-$2 $3"
    fi
}

# Arguments: prefix, program of winetest, arguments
under_shim()
{
    local prefix=$1 program=$2
    shift 2
    WINEPREFIX=$folder/$prefix "$build/wine-mailslot" run "$programs/$program" "$@" </dev/null
}

under_wine()
{
    local prefix=$1 program=$2
    shift 2
    WINEPREFIX=$folder/$prefix wine "$programs/$program" "$@" </dev/null
}

# Arguments: prefix, slot; sets out. Returns when the server listens.
serve()
{
    local i

    out=$folder/$1-$2.out
    under_shim "$1" x86_64/demo_server.exe "$2" 2 30 >"$out" 2>&1 &
    jobs+=($!)
    for ((i = 0; i < 300; i++)); do
        ! grep -q 'listening on' "$out" || return 0
        sleep 0.1
    done
}

if ! command -v wine >/dev/null; then
    echo 'skipped wrapper wine is not installed'
    exit 0
fi
mkdir -m 700 "$folder/run"
for prefix in one two; do
    WINEPREFIX=$folder/$prefix WINEDLLOVERRIDES='mscoree,mshtml=' wineboot -i >/dev/null 2>&1
    WINEPREFIX=$folder/$prefix wineserver -w
done
cp -p "$folder/one/drive_c/windows/system32/kernel32.dll" "$folder/kernel32.before"

# A program that uses no mailslot never starts the daemon.
under_shim one x86_64/bench.exe noop >/dev/null 2>&1
verdict '[ ! -e "$MAILSLOTD_SOCKET" ]' no-daemon-unless-needed "bench.exe noop made $MAILSLOTD_SOCKET"

# One namespace for all prefixes of a user, and for Linux programs; the daemon starts by itself.
serve one meet
under_shim two x86_64/demo_client.exe '\\.\mailslot\meet' 'other prefix' >/dev/null 2>&1
"$build/server-bridge/mailslotctl" send meet 'from Linux' 2>/dev/null
wait "${jobs[-1]}"
verdict 'grep -q "message 1 (12 bytes): other prefix" "$out"' two-prefixes "$(tail -n 1 "$out")"
verdict 'grep -q "message 2 (10 bytes): from Linux" "$out"' from-linux "$(tail -n 1 "$out")"

# Plain wine in the same prefix has Wine's own mailslots: the two do not see each other.
serve one apart
said=$(under_wine one x86_64/demo_client.exe '\\.\mailslot\apart' 'plain wine' 2>&1)
verdict '[[ "$said" == *"error 2"* ]]' plain-wine-apart "$said"
cmp -s "$folder/kernel32.before" "$folder/one/drive_c/windows/system32/kernel32.dll.wine-mailslot-orig"
verdict "[ $? = 0 ]" original-kept 'kernel32.dll.wine-mailslot-orig is not what was there'

# An update of wine-mailslot replaces our library, and still keeps Wine's.
mkdir "$folder/newer"
cp -r "$build"/dll/*-windows "$build"/dll/*-unix "$folder/newer/"
printf x >>"$folder/newer/x86_64-windows/kernel32.dll"
(export WINE_MAILSLOT_LIBDIR=$folder/newer; under_shim one x86_64/bench.exe noop) >/dev/null 2>&1
cmp -s "$folder/newer/x86_64-windows/kernel32.dll" "$folder/one/drive_c/windows/system32/kernel32.dll" &&
    cmp -s "$folder/kernel32.before" "$folder/one/drive_c/windows/system32/kernel32.dll.wine-mailslot-orig"
verdict "[ $? = 0 ]" update-keeps-original 'kernel32.dll.wine-mailslot-orig is not what was there'

# What is no prefix stays what it is.
mkdir "$folder/letters"
touch "$folder/letters/one"
said=$(under_shim letters x86_64/bench.exe noop 2>&1)
verdict '[[ "$said" == *"no Wine prefix"* ]] && [ "$(ls -A "$folder/letters")" = one ]' other-folder-refused "$said"

# No daemon to be had: one line on standard error, and Wine's own mailslots.
said=$(export MAILSLOTD=/nonexistent MAILSLOTD_SOCKET=$folder/none/socket
    under_shim two x86_64/demo_server.exe alone 1 1 2>&1 >/dev/null | grep -a mailslot)
verdict '[ "$(grep -c . <<<"$said")" = 1 ] && [[ "$said" == *"own mailslots"* ]]' \
    no-daemon-one-line "standard error: $said"
exit 0
