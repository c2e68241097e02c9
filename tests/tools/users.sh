#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Several users at one mailslotd: a monitor shows nobody what is another's (issue 5, section 2).
# shellcheck disable=SC2154,SC1091 # of support.sh
. "$(dirname "$0")/support.sh"

readonly ALICE=64101 BOB=64102
export ASAN_OPTIONS=detect_leaks=0 # needs more rights than these users have

as()
{
    setpriv --reuid="$1" --regid="$1" --clear-groups timeout 60 "$folder/mailslotctl" "${@:2}"
}

# They may not be let into the folder of the build.
cp "$tools/mailslotctl" "$folder"
chmod 711 "$folder"
if ! as "$ALICE" --version >/dev/null 2>&1; then
    echo 'only root can be several users'
    exit 77
fi
daemon_start
chmod 666 "$MAILSLOTD_SOCKET"

as "$ALICE" listen secret >"$folder/listened" &
alice=$!
verdict 'slot of alice' soon has_slot secret
watchers()
{
    ctl status --json | grep -q "\"monitors\": $1,"
}
as "$ALICE" monitor --json --hex --timeout 5 >"$folder/alice" &
as "$BOB" monitor --json --hex --timeout 5 >"$folder/bob" &
start "$folder/root" monitor --json --hex --timeout 5
verdict 'three watch' soon watchers 3
ctl send '*/secret' 'for alice'
as "$BOB" send '*/nowhere' 'from bob'
verdict 'nobody watches any more' soon watchers 0
# "for alice" and "from bob" in hexadecimal
verdict 'alice sees what her slot gets' grep -q '"slot":"secret".*"hex":"666f7220616c696365"' "$folder/alice"
verdict 'alice sees nothing of others' same 1 "$(grep -c '"kind":"message"' "$folder/alice")"
verdict 'bob sees what he sends' grep -q '"direction":"out".*"hex":"66726f6d20626f62"' "$folder/bob"
verdict 'bob sees nothing of others' same 1 "$(grep -c '"kind":"message"' "$folder/bob")"
verdict 'root sees all' same 4 "$(grep -c '"kind":"message"' "$folder/root")"
verdict 'bob learns nothing by counts' same 0 "$(grep -c '"kind":"local"' "$folder/bob")"

# --- guests may not take all monitors, nor one of them those of the others ---

for ((i = 0; i < 4; i++)); do
    as "$ALICE" monitor --timeout 20 >/dev/null 2>"$folder/alice.$i" &
    watching+=($!)
    as "$BOB" monitor --timeout 20 >/dev/null 2>"$folder/bob.$i" &
    watching+=($!)
done
verdict 'three each' soon watchers 6
refused()
{
    [ "$(cat "$folder/$1".? | grep -c 'too many watch already')" = 1 ]
}
verdict 'a fourth of alice is refused' soon refused alice
verdict 'a fourth of bob is refused' soon refused bob
verdict 'root still may' exits 0 ctl monitor --timeout 0.1
kill "$alice" "${watching[@]}" 2>/dev/null
wait "$alice" "${watching[@]}" 2>/dev/null
exit "$failed"
