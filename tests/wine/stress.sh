#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A minute of random operations against a model, under the shim (winetest/stress.c).
#
# usage: stress.sh BUILD [SECONDS [SEED]]; prints one "passed|failed NAME DETAIL" line
# shellcheck disable=SC2317 # cleanup is called by trap
set -uo pipefail

build=$(readlink -f "$1")
seconds=${2:-60}
seed=${3:-$RANDOM}
folder=$(mktemp -d /tmp/wms-stress.XXXXXX)
export WINEDEBUG=-all WINEPREFIX=$folder/prefix WINETEST_PLATFORM=shim
export MAILSLOTD_SOCKET=$folder/run/socket MAILSLOTD_NETWORK=no
export XDG_CONFIG_HOME=$folder HOME=$folder
unset WINEARCH WINEDLLOVERRIDES WINEDLLPATH MAILSLOTD

cleanup()
{
    wineserver -k 2>/dev/null
    rm -rf --one-file-system "$folder"
}
trap cleanup EXIT
trap 'exit 1' INT TERM
mkdir -m 700 "$folder/run"

timeout $((seconds + 120)) "$build/wine-mailslot" run "$build/winetest/x86_64/stress_test.exe" \
    "$seconds" "$seed" </dev/null >"$folder/out" 2>&1
status=$?
tr -d '\r' <"$folder/out" >&2
if [ "$status" = 0 ]; then
    echo "passed stress-${seconds}s $(tr -d '\r' <"$folder/out" | grep -o '[0-9]* messages in.*' | tail -n 1)"
else
    echo "failed stress-${seconds}s exit code $status, seed $seed: $(tail -n 1 "$folder/out")"
fi
