# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tests of mailslotctl share: a private daemon, verdicts, golden texts. To be sourced.
# shellcheck shell=bash
set -uo pipefail

tests=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
top=$(dirname "$(dirname "$tests")")
: "${MAILSLOTD:=$top/build/server-bridge/mailslotd}"
tools=$(dirname "$MAILSLOTD")
export MAILSLOTD

# On a network that has only a loopback of its own, if the machine lets us; else without network.
if [ -z "${TOOLS_INSIDE:-}" ]; then
    for how in -n -rn; do
        if unshare "$how" sh -c 'ip link set lo up' 2>/dev/null; then
            TOOLS_INSIDE=network exec unshare "$how" "$0" "$@"
        fi
    done
    export TOOLS_INSIDE=alone
fi
[ "$TOOLS_INSIDE" != network ] || ip link set lo up

folder=$(mktemp -d /tmp/mailslot-tools-XXXXXX)
chmod 700 "$folder"
# Nothing of the user's or the machine's configuration counts.
export HOME=$folder XDG_CONFIG_HOME=$folder MAILSLOTD_SOCKET=$folder/socket TZ=UTC LC_ALL=C.UTF-8
export MAILSLOTD_SMB_CONF=none MAILSLOTD_NMBD_SOCKET=none
export MAILSLOTD_COMPUTER_NAME=GOLDEN MAILSLOTD_WORKGROUP=TEAM
export MAILSLOTD_DATAGRAM_PORT=11138 MAILSLOTD_NAME_PORT=11137 MAILSLOTD_INTERFACES=lo
export MAILSLOTD_ALLOW_NETWORKS=all
if [ "$TOOLS_INSIDE" = network ]; then
    unset MAILSLOTD_NETWORK
else
    export MAILSLOTD_NETWORK=no
fi

jobs=()
daemon=''
failed=0

# Programs first: one that still has a slot would start another daemon.
end_jobs()
{
    local job

    for job in "${jobs[@]}"; do
        [ "$job" = "$daemon" ] || { kill "$job" && wait "$job"; } 2>/dev/null
    done
    jobs=()
    [ -z "$daemon" ] || { kill "$daemon" && wait "$daemon"; } 2>/dev/null
    daemon=''
}

cleanup()
{
    end_jobs
    rm -rf --one-file-system "$folder"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

ctl()
{
    timeout 60 "$tools/mailslotctl" "$@"
}

# In the background: argument: file for its output, then those of mailslotctl. $! is its process.
start()
{
    local out=$1
    shift

    # Not ctl: a signal to it would end the shell around mailslotctl only.
    timeout 60 "$tools/mailslotctl" "$@" >"$out" &
    jobs+=($!)
}

# Arguments: name, a command that must succeed
verdict()
{
    local name=$1
    shift

    # shellcheck disable=SC2034 # `failed` is for those who source this
    # The same lines as cmocka's: tests/run counts them.
    if "$@"; then
        echo "[       OK ] $name"
    else
        echo "[  FAILED  ] $name"
        failed=1
    fi
}

# Arguments: what should be, what is
same()
{
    [ "$1" = "$2" ] && return
    printf '  expected: %q\n  got:      %q\n' "$1" "$2"
    return 1
}

# Arguments: exit status, command. Its output is in $folder/out and $folder/err.
exits()
{
    local expected=$1 got
    shift

    "$@" >"$folder/out" 2>"$folder/err"
    got=$?
    [ "$got" = "$expected" ] && return
    echo "  exit status $got instead of $expected: $*"
    sed 's/^/  | /' "$folder/err"
    return 1
}

# Arguments: a command that will succeed soon
soon()
{
    local i

    for ((i = 0; i < 300; i++)); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    echo "  never came true: $*"
    return 1
}

has_slot()
{
    ctl slots | grep -qF -- "  $1 "
}

daemon_start()
{
    "$MAILSLOTD" "$@" 2>>"$folder/daemon.log" &
    daemon=$!
    soon ctl status
}

# Arguments: name of a golden file. The text on standard input must be the same, but for numbers that
# no two runs have in common. UPDATE_GOLDEN=1 writes the file.
golden()
{
    local file=$tests/golden/$1

    sed -E -e "s|$folder|FOLDER|g" \
        -e 's/pid [0-9]+, up .*/pid PID, up TIME/' -e 's/pid [0-9]+,/pid PID,/' \
        -e 's/\(([0-9]{2,})\)$/(PID)/' -e 's/("pid": )[0-9]+/\1PID/' \
        -e 's/("uptime_seconds": )[0-9]+/\1TIME/' -e 's/("program_version": )"[^"]*"/\1"VERSION"/' \
        -e 's/mailslotd [0-9]+\.[0-9.]+/mailslotd VERSION/' \
        -e 's/^[0-9:]{8}\.[0-9]{3} /TIME /' -e 's/"time":"[^"]*"/"time":"TIME"/' >"$folder/golden"
    [ -z "${UPDATE_GOLDEN:-}" ] || cp "$folder/golden" "$file"
    diff -u "$file" "$folder/golden"
}
