#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What mailslotctl prints as JSON is what docs/json.md says, field by field.
# shellcheck disable=SC2154,SC1091 # of support.sh
. "$(dirname "$0")/support.sh"

command -v python3 >/dev/null || exit 77

# Arguments: section of docs/json.md, command
documented()
{
    local section=$1
    shift

    verdict "$section as documented" python3 "$tests/documented.py" "$top/docs/json.md" "$section" < <("$@")
}

daemon_start --peers 127.0.0.77 --wins-servers 127.0.0.5
start "$folder/listened" listen --json --count 4 --timeout 60 box
listener=$!
verdict 'slot' soon has_slot box
start "$folder/monitored" monitor --json --hex --timeout 4
monitor=$!
watched() { ctl status --json | grep -q '"monitors": 1'; }
verdict 'monitor' soon watched

documented send ctl send --json box 'local'
printf '\xff\x00' | ctl send box -
if [ "$TOOLS_INSIDE" = network ]; then
    ctl send '127.0.0.1/box' 'through mailslotd'
else
    ctl send '*/box' 'through mailslotd'
fi
documented status ctl status --json
documented slots ctl slots --json
documented names ctl names --json
documented peers ctl peers --json
documented stats ctl stats --json
documented reload ctl reload --json
verdict 'monitor ends after its time' wait "$monitor"
ctl send box 'the last'
wait "$listener"
documented listen cat "$folder/listened"
documented monitor grep '"kind":"message"' "$folder/monitored"
documented 'monitor local' grep '"kind":"local"' "$folder/monitored"
# Of one that is stopped, mailslotd drops what has no room.
start "$folder/stopped" monitor --json
stopped=$!
verdict 'a second monitor' soon watched
sleeper=$(pgrep -P "$stopped" mailslotctl)
kill -STOP "$sleeper"
for ((i = 0; i < 40; i++)); do
    senders=()
    for ((k = 0; k < 25; k++)); do
        ctl send '*/nowhere' "$i $k" &
        senders+=($!)
    done
    wait "${senders[@]}"
done
kill -CONT "$sleeper"
lost() { grep -q '"kind":"lost"' "$folder/stopped"; }
verdict 'messages were lost' soon lost
kill "$stopped" && wait "$stopped"
documented 'monitor lost' grep '"kind":"lost"' "$folder/stopped"
printf 'bogus = 1\nworkgroup =\n' >"$folder/bad.conf"
documented check-config ctl check-config --json "$folder/bad.conf"

# --- values, not only types ---

verdict 'text and bytes of a message' \
    grep -q '"slot":"box","size":5,"text":"local","hex":"6c6f63616c"}' "$folder/listened"
verdict 'bytes that are no text' grep -q '"size":2,"text":null,"hex":"ff00"}' "$folder/listened"
verdict 'message through the daemon' grep -q '"direction":"local".*"slot":"box","size":17,"result":"delivered"' \
    "$folder/monitored"
local_messages()
{
    python3 -c 'import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
print(sum(line["messages"] for line in lines if line["kind"] == "local" and line["slot"] == "box"))' \
        "$folder/monitored"
}
verdict 'local ones are counted, once each' same 2 "$(local_messages)"
end_jobs
verdict 'nothing on standard output without daemon' exits 3 ctl status --json
verdict 'nothing on standard output without daemon' test ! -s "$folder/out"
exit "$failed"
