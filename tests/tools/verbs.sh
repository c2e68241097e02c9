#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each verb of mailslotctl: exit status, names in all forms, messages byte for byte.
# shellcheck disable=SC2154,SC1091 # of support.sh
. "$(dirname "$0")/support.sh"

# --- no daemon: looking starts none (issue 5, section 2) ---

for verb in status slots names peers stats monitor reload; do
    verdict "$verb without daemon" exits 3 ctl "$verb"
    verdict "$verb says what to do" grep -q 'start it with: mailslotd' "$folder/err"
    verdict "$verb prints nothing" test ! -s "$folder/out"
    verdict "$verb --json without daemon" exits 3 ctl "$verb" --json
    verdict "$verb --json prints nothing" test ! -s "$folder/out"
done
verdict 'none was started' test ! -e "$folder/socket"

# --- wrong usage ---

verdict 'no verb' exits 2 ctl
verdict 'unknown verb' exits 2 ctl bogus
verdict 'unknown option' exits 2 ctl status --bogus
verdict 'option of another verb' exits 2 ctl status --raw
verdict 'argument too many' exits 2 ctl slots x
verdict 'no name' exits 2 ctl send
verdict 'text too many' exits 2 ctl send x y z
verdict 'no file' exits 2 ctl check-config
verdict 'count that is none' exits 2 ctl listen --count x y
verdict 'timeout that is none' exits 2 ctl listen --timeout nan y
verdict 'two forms of output' exits 2 ctl listen --hex --raw y
for name in '' '\x' '\\*\x' '\\*\mailslot\' '*/' '/x' './'; do
    verdict "bad name '$name'" exits 2 ctl send "$name" text
done
verdict 'eaten backslashes are explained' exits 2 ctl send '\*\mailslotx' text
verdict 'eaten backslashes are explained' grep -q 'single quotes' "$folder/err"
verdict 'a slot elsewhere' exits 2 ctl listen HOST/x
verdict 'has the name here' grep -qF "; 'x' is one" "$folder/err"
verdict 'a slot elsewhere, of two parts' exits 2 ctl listen '\\HOST\mailslot\a\b'
verdict 'has the name here, too' grep -qF "; '.\a\b' is one" "$folder/err"
verdict 'computer with a long name' exits 2 ctl send "$(printf 'H%.0s' {1..300})/x" text
verdict 'is said' grep -q 'name of the computer is too long' "$folder/err"
for verb in monitor 'listen y'; do
    for count in 0.4 1.5 1.0 -1 -0 +1 ' 1' 1e0 0x1 10000000000 nan ''; do
        # shellcheck disable=SC2086 # several words
        verdict "$verb, count '$count'" exits 2 ctl $verb --timeout 0 --count "$count"
        verdict 'is said' grep -qF -- "--count takes a whole number of 9 digits at most, not '$count'" "$folder/err"
    done
done
for timeout in -1 1e7 inf 1x ''; do
    verdict "timeout '$timeout'" exits 2 ctl listen --timeout "$timeout" y
    verdict 'is said' grep -qF -- '--timeout takes seconds' "$folder/err"
done
for verb in 'status x' 'slots x' 'names x' 'peers x' 'stats x' 'monitor x' send listen 'reload x' check-config; do
    # shellcheck disable=SC2086 # several words
    verdict "$verb --json, wrong usage" exits 2 ctl $verb --json
    verdict 'prints nothing' test ! -s "$folder/out"
done
verdict 'still none was started' test ! -e "$folder/socket"
for verb in status slots names peers stats monitor send listen reload check-config; do
    verdict "$verb --help" exits 0 ctl "$verb" --help
    verdict "$verb -h" grep -q "^Usage: mailslotctl $verb" "$folder/out"
done
verdict 'version' exits 0 ctl --version
startless() { MAILSLOTD=/nonexistent/mailslotd ctl "$@"; }
for verb in send listen; do
    verdict "$verb: the daemon cannot be started" exits 3 startless "$verb" --json x
    verdict 'prints nothing' test ! -s "$folder/out"
done

# --- standard output that takes nothing (the last two also while the daemon runs, below) ---

closed() { ctl "$@" >&-; }
full() { ctl "$@" >/dev/full; }
# Arguments: closed or full, those of mailslotctl. It must fail, and say so in one line.
unprintable() { exits 1 "$@" && grep -q '^mailslotctl: ' "$folder/err" && same 1 "$(wc -l <"$folder/err")"; }

for how in closed full; do
    verdict "version, $how" unprintable "$how" --version
    verdict 'is said' grep -q 'could be printed' "$folder/err"
    verdict "help, $how" unprintable "$how" --help
    for verb in status slots names peers stats monitor send listen reload check-config; do
        verdict "$verb --help, $how" unprintable "$how" "$verb" --help
    done
    verdict "check-config, $how" unprintable "$how" check-config /dev/null
    verdict "check-config --json, $how" unprintable "$how" check-config --json /dev/null
done

# --- names: one slot, written in all ways ---

daemon_start --peers 127.0.0.77
start "$folder/listened" listen --count 9 --timeout 30 './Dir/Room'
listener=$!
verdict 'listen makes the slot' soon has_slot 'Dir\Room'
verdict 'a second slot' exits 1 ctl listen dir-that-is-another --timeout 0
verdict 'taken name' exits 1 ctl listen './dir/room'
verdict 'taken name is said' grep -q 'exists already' "$folder/err"
for name in '\\.\mailslot\Dir\Room' '\\.\MAILSLOT\dir\room' '//./mailslot/dir/room' './dir/room' \
    '.\dir\room' '\\?\mailslot\dir\room' '//.\mailslot/dir\ROOM'; do
    verdict "name $name" exits 0 ctl send "$name" "$name"
done
verdict 'group, short' exits 0 ctl send '*/dir/room' '*/dir/room'
verdict 'group, long' exits 0 ctl send '\\*\mailslot\dir\room' '\\*\mailslot\dir\room'
verdict 'listen ends by itself' wait "$listener"
same "$(printf '%s\n' '\\.\mailslot\Dir\Room' '\\.\MAILSLOT\dir\room' '//./mailslot/dir/room' \
    './dir/room' '.\dir\room' '\\?\mailslot\dir\room' '//.\mailslot/dir\ROOM' '*/dir/room' \
    '\\*\mailslot\dir\room')" "$(cat "$folder/listened")"
verdict 'all came, in order' test $? = 0
verdict 'and the slot is gone' exits 1 ctl send ./dir/room x
verdict 'no such slot is said' grep -q 'no slot of this name' "$folder/err"

watched() { ctl status --json | grep -q '"monitors": 1'; }
# Each has something to say:
printf 'bogus = 1\n' >"$folder/mailslotd.conf"
start /dev/null listen kept
verdict 'a slot that stays' soon has_slot kept
for how in closed full; do
    for verb in status slots names peers stats reload; do
        verdict "$verb, $how" unprintable "$how" "$verb"
        verdict "$verb --json, $how" unprintable "$how" "$verb" --json
    done
    verdict "monitor, $how" unprintable "$how" monitor --timeout 0.2
    verdict "monitor without an end, $how" unprintable "$how" monitor
    verdict "send --json, $how" unprintable "$how" send --json '*/nobody' x
    verdict "send prints nothing, $how" exits 0 "$how" send '*/nobody' x
    for form in '' --json --hex --raw; do
        # shellcheck disable=SC2086 # none or one
        unprintable "$how" listen $form --count 1 --timeout 30 box &
        listener=$!
        soon has_slot box && ctl send box text
        verdict "listen $form, $how" wait "$listener"
    done
    unprintable "$how" monitor --json --count 1 --timeout 30 &
    listener=$!
    soon watched && ctl send '*/nobody' x
    verdict "monitor --json, $how" wait "$listener"
done
rm "$folder/mailslotd.conf"
kill "${jobs[-1]}"
verdict 'and nothing of it went to mailslotd' same 0 "$(ctl stats | sed -n 's/^ *protocol.errors *//p')"
verdict 'monitor, too few came' exits 1 ctl monitor --count 1 --timeout 0.2
verdict 'is said, too' grep -q 'no message came in time' "$folder/err"
verdict 'monitor, nothing asked for' exits 0 ctl monitor --timeout 0.2
closed_input() { "$@" <&-; }
verdict 'closed standard input' exits 1 closed_input ctl send '*/nobody'
verdict 'it is what is complained of' grep -q '^mailslotctl: standard input: ' "$folder/err"
verdict 'standard input that no one needs' exits 0 closed_input ctl send '*/nobody' text

# --- messages ---

# Arguments: options of listen, command that writes the messages
exchange()
{
    local options=$1
    shift

    # shellcheck disable=SC2086 # a list
    start "$folder/got" listen $options --timeout 30 box
    soon has_slot box && "$@" && wait "${jobs[-1]}"
}

send_empty() { ctl send box ''; }
send_binary() { ctl send box - <"$folder/binary"; }
send_implied() { ctl send box <"$folder/binary"; }
send_hostile() { ctl send box "$(printf 'a\033[31m\302\233\342\200\256z\377 \303\204')"; }
send_dash() { ctl send box -- --json; }
send_two() { ctl send box one && ctl send box two; }

for ((i = 0; i < 256; i++)); do
    # shellcheck disable=SC2059 # made here
    printf "\\x$(printf %02x "$i")"
done >"$folder/binary"
verdict 'exchange from standard input' exchange '--count 1 --raw' send_binary
verdict 'raw is byte-exact' cmp "$folder/binary" "$folder/got"
verdict 'exchange from implied standard input' exchange '--count 1 --raw' send_implied
verdict 'raw is byte-exact again' cmp "$folder/binary" "$folder/got"
verdict 'exchange of two' exchange '--count 2 --raw' send_two
verdict 'raw has nothing between' same onetwo "$(cat "$folder/got")"
verdict 'exchange of nothing' exchange '--count 1 --json' send_empty
verdict 'empty message' grep -q '"size":0,"text":"","hex":""' "$folder/got"
verdict 'exchange of an option' exchange '--count 1' send_dash
verdict 'text that looks like an option' same --json "$(cat "$folder/got")"
verdict 'exchange of terminal commands' exchange '--count 1' send_hostile
verdict 'they are shown, not obeyed' \
    same 'a\x1b[31m\xc2\x9b\xe2\x80\xaez\xff Ä' "$(cat "$folder/got")"
verdict 'hexadecimal' exchange '--count 1 --hex' send_binary
verdict 'hexadecimal text' golden listen-hex.txt <"$folder/got"

verdict 'nobody writes' exits 1 ctl listen --timeout 0.1 quiet
verdict 'that is said' grep -q 'no message came in time' "$folder/err"
head -c 1048577 /dev/zero >"$folder/large"
verdict 'too much for one message' exits 1 ctl send box - <"$folder/large"
verdict 'too large is said' grep -q 'too large' "$folder/err"
if [ "$TOOLS_INSIDE" = network ]; then
    verdict 'unknown computer' exits 1 ctl send NOBODY/box text
fi
verdict 'too large for the network' exits 1 ctl send '*/box' "$(head -c 500 "$folder/large" | tr '\0' x)"

# --- configuration ---

printf 'workgroup = OTHER\nnames = A B\n' >"$folder/good.conf"
printf '[x]\nbogus = 1\n' >"$folder/unknown.conf"
printf 'workgroup = OTHER\n\nslot_quota = little\nname_port = 0\n' >"$folder/bad.conf"
printf '# a list\npeers = 10.0.0.1 nonsense\n' >"$folder/net.conf"
verdict 'good file' exits 0 ctl check-config "$folder/good.conf"
verdict 'unknown option' exits 0 ctl check-config "$folder/unknown.conf"
verdict 'is warned of' grep -q "^warning: .*unknown.conf:2: .*bogus" "$folder/err"
verdict 'bad file' exits 1 ctl check-config "$folder/bad.conf"
verdict 'all errors have lines' same 2 "$(grep -cE '^/.*bad.conf:(3: slot_quota|4: name_port)' "$folder/err")"
verdict 'what only the net understands' exits 1 ctl check-config "$folder/net.conf"
verdict 'has its line, too' grep -q 'net.conf:2: .*nonsense' "$folder/err"
printf '[global]\nwins server = 10.0.0.1\n' >"$folder/smb.conf"
printf 'node_type = P\nsmb_conf = %s\n' "$folder/smb.conf" >"$folder/node.conf"
verdict 'P with WINS from smb.conf' exits 0 ctl check-config "$folder/node.conf"
printf '# P\nnode_type = P\nsmb_conf = none\n' >"$folder/node.conf"
verdict 'P without WINS' exits 1 ctl check-config "$folder/node.conf"
verdict 'has its line and the fix' grep -q 'node.conf:2: node_type: .*set wins_servers' "$folder/err"
verdict 'missing file' exits 1 ctl check-config "$folder/none.conf"
verdict 'folder' exits 1 ctl check-config "$folder"
verdict 'is named' grep -qF "$folder: Is a directory" "$folder/err"
verdict 'folder, as JSON' exits 1 ctl check-config --json "$folder"
verdict 'is not valid' grep -q '"valid": false' "$folder/out"
verdict 'folder, of the daemon' exits 1 "$MAILSLOTD" --config "$folder" --check-config
verdict 'is named, too' grep -qF "$folder: Is a directory" "$folder/err"
verdict 'no file with an end' exits 1 ctl check-config /dev/zero
verdict 'no file' exits 0 ctl check-config /dev/null
verdict 'a command' exits 0 ctl check-config <(cat "$folder/good.conf")
piped() { ctl check-config --json /dev/stdin < <(cat "$folder/bad.conf"); }
verdict 'a pipe' exits 1 piped
verdict 'has lines, and the name that was given' same 2 \
    "$(grep -cE '"text": "/dev/stdin:(3: slot_quota|4: name_port)' "$folder/out")"
redirected() { ctl check-config /dev/stdin <"$folder/bad.conf"; }
verdict 'standard input' exits 1 redirected
verdict 'a pipe without an end' exits 1 ctl check-config <(yes '# and so on')
verdict 'its size is said' grep -q '^/dev/fd/[0-9]*: is larger than 1 MB' "$folder/err"
verdict 'an empty pipe' exits 0 ctl check-config <(true)
verdict 'reload' exits 0 ctl reload

# --- a daemon that hangs: whoever waits for it can be ended ---

hung=$(ctl status | sed -n 's/^mailslotd .*, pid \([0-9]*\),.*/\1/p')
kill -STOP "$hung"
for signal in INT TERM HUP; do
    verdict "SIG$signal while the daemon hangs" exits 124 timeout -k 5 -s "$signal" 1 "$tools/mailslotctl" status
done
kill -CONT "$hung"
verdict 'the daemon goes on' exits 0 ctl status
cp "$folder/bad.conf" "$folder/mailslotd.conf"
verdict 'reload of a bad file' exits 1 ctl reload
verdict 'goes on with the old' exits 0 ctl status
rm "$folder/mailslotd.conf"
start "$folder/watched" monitor --timeout 30
watcher=$!
verdict 'monitor' soon watched
end_jobs_but_watcher() { kill "$daemon" && wait "$daemon"; daemon=''; }
end_jobs_but_watcher
wait "$watcher" 2>/dev/null
verdict 'monitor when mailslotd ends' same 3 $?
verdict 'is said on standard error only' same 2 "$(grep -c '^#' "$folder/watched")"
verdict 'nothing else is there' same 2 "$(wc -l <"$folder/watched")"
end_jobs
verdict 'check-config needs no daemon' exits 0 ctl check-config "$folder/good.conf"

# --- send and listen start one, as Windows programs do ---

MAILSLOTD_IDLE_TIMEOUT=1 ctl listen --timeout 0.1 first 2>/dev/null
verdict 'listen started a daemon' exits 0 ctl status

verdict 'which ends by itself' soon test ! -e "$folder/socket"

# --- without a network: mailslotctl(1), send ---

MAILSLOTD_NETWORK=no daemon_start
verdict 'to all, where nobody is' exits 0 ctl send '*/nowhere' x
verdict 'to the own workgroup, where nobody is' exits 0 ctl send TEAM/nowhere x
verdict 'to another' exits 1 ctl send OTHERS/nowhere x
exit "$failed"
