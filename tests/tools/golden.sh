#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What mailslotctl prints for people, word for word. UPDATE_GOLDEN=1 writes the files anew.
# shellcheck disable=SC2154,SC1091 # of support.sh
. "$(dirname "$0")/support.sh"

ctl --help | golden help.txt
verdict 'help' test $? = 0
for verb in status slots names peers stats monitor send listen reload check-config; do
    ctl "$verb" --help
    echo
done | golden help-verbs.txt
verdict 'help of the verbs' test $? = 0
{ ctl status 2>&1 || true; } | golden no-daemon.txt
verdict 'no daemon' test $? = 0

# --- a daemon without network ---

MAILSLOTD_NETWORK=no daemon_start
start /dev/null listen 'news'
verdict 'slot' soon has_slot news
start /dev/null listen $'./t\344glich/\033[2J'
verdict 'slot with a hostile name' soon has_slot 't\xe4glich\\x1b[2J'
ctl send news one && ctl send news two
read_all() { ctl slots | grep -qE '  news +0 +2 '; }
verdict 'messages are read' soon read_all
ctl status | golden status-local.txt
verdict 'status, local only' test $? = 0
ctl slots | golden slots.txt
verdict 'slots' test $? = 0
end_jobs

# --- one on a loopback ---

if [ "$TOOLS_INSIDE" != network ]; then
    echo 'this machine makes no network namespaces: the rest is left out'
    exit "$failed"
fi
daemon_start --names 'EXTRA OTHER' --peers '127.0.0.77 127.0.0.78/SALES' --name-service no
start /dev/null listen news
verdict 'slot on the network' soon has_slot news
start "$folder/monitored" monitor --hex --count 6 --timeout 30
monitor=$!
watched() { ctl status --json | grep -q '"monitors": 1'; }
verdict 'monitor' soon watched
ctl send '*/nowhere' "$(printf 'to all\033')"
ctl send '127.0.0.1/nowhere' 'to me'
ctl send '*/NEWS' 'x'
verdict 'monitor ends by itself' wait "$monitor"
golden monitor.txt <"$folder/monitored"
verdict 'monitor, word for word' test $? = 0
ctl status | golden status.txt
verdict 'status' test $? = 0
ctl names | golden names.txt
verdict 'names' test $? = 0
ctl peers | golden peers.txt
verdict 'peers' test $? = 0
ctl stats | sed -E 's/ +[0-9]+$/ N/' | golden stats.txt
verdict 'stats' test $? = 0
# Counters differ from run to run; the version of the document does not.
counters() { sed -E '/^  "version":/!s/("[a-z_]+": )[0-9]+(,?)$/\1N\2/'; }
ctl status --json | counters | golden status.json
verdict 'status as JSON' test $? = 0

# --- the documents of the other verbs ---

# Arguments: verb, words for it
document()
{
    ctl "$@" --json | sed -E 's/("[a-z_]+": )[0-9]{2,}(,?)$/\1N\2/' | golden "$1.json"
    verdict "$1 as JSON" test $? = 0
}
document slots
document names
document peers
ctl stats --json | counters | golden stats.json
verdict 'stats as JSON' test $? = 0
document send news 'one more'
start "$folder/listened" listen --json --count 2 --timeout 30 other
listener=$!
verdict 'another slot' soon has_slot other
start "$folder/watched" monitor --json --hex --count 2 --timeout 30
monitor=$!
verdict 'another monitor' soon watched
ctl send other "$(printf 'text \303\204')" && printf '\377\0' | ctl send other -
wait "$listener"
ctl send '*/nowhere' 'to all'
ctl send '127.0.0.1/nowhere' 'to me'
wait "$monitor"
golden listen.json <"$folder/listened"
verdict 'listen as JSON' test $? = 0
grep -v '"kind":"local"' "$folder/watched" | golden monitor.json
verdict 'monitor as JSON' test $? = 0
printf 'bogus = 1\nworkgroup = NEW\n' >"$folder/mailslotd.conf"
document reload
document check-config "$folder/mailslotd.conf"
printf 'workgroup =\n' >"$folder/mailslotd.conf"
verdict 'a bad file' exits 1 ctl check-config --json "$folder/mailslotd.conf"
verdict 'a bad file as JSON' golden check-config-bad.json <"$folder/out"
exit "$failed"
