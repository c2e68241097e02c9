#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# make bench: what mailslot calls cost under plain Wine and under the shim, measured in turns.
#
# Both sides have a prefix of their own with its wineserver kept running, and the same executable.
# They take turns, so that a machine that gets slower or faster in between does it to both; which
# one is first alternates. A figure is the median of the rounds, each itself a median (bench.c).

set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
cases='write_read write read info pingpong burst foreign_read'
place=host
rounds=3
starts=21

usage()
{
    cat <<END
usage: bench.sh [-r ROUNDS] [-s STARTS] [-c 'CASE...'] BUILD [PLACE]
  PLACE  host: this machine's Wine (default); trixie or sid: that of tests/matrix/chroot.sh (root)
  -r     rounds of each case (default: $rounds)
  -s     rounds of the case startup, 0 to leave it out (default: $starts)
  -c     cases (default: $cases)
Prints "bench CASE wine_us=U shim_us=U ratio=R" for each; a ratio above 1 means the shim is faster.
With the case startup it prints "bench syscalls wine=N shim=N extra=N": how many system calls the start
and end of a program without mailslots make, if strace is installed.
END
}

# Runs a command on the Wine of the place.
in_place()
{
    if [ "$place" = host ]; then
        "$@"
    else
        MATRIX_BUILD=$build MATRIX_RUN=$folder/run MATRIX_OUT=$folder MATRIX_ENV='' \
            "$here/../matrix/chroot.sh" run "$place" -- "$@"
    fi
}

# Every entry into a chroot costs more than a program's start: the loops below run inside of one.
# shellcheck disable=SC2016 # for the shell inside
wineserver_path='PATH=$PATH:/usr/lib/x86_64-linux-gnu/wine'

# shellcheck disable=SC2317 # called by trap
cleanup()
{
    local side

    trap '' INT TERM
    for side in wine shim; do
        in_place env WINEPREFIX="$inside/$side" sh -c "$wineserver_path; wineserver -k" \
            >/dev/null 2>&1 || true
    done
    if [ -n "$daemon" ]; then
        kill "$daemon" 2>/dev/null || true
        wait "$daemon" 2>/dev/null || true
    fi
    [ "$place" = host ] || rm -rf --one-file-system "${chroots:?}/$place$inside"
    rm -rf --one-file-system "$folder"
}

# How to run strace at the place, into tracer; empty, and why in no_tracer, if that cannot be. A chroot
# has none: ours goes in, with its libraries and its loader.
tracer_prepare()
{
    local strace libraries loader

    tracer='' no_tracer=''
    if ! strace=$(command -v strace); then
        no_tracer='strace is not installed'
    elif [ "$place" = host ]; then
        tracer=$strace
    else
        mkdir -p "$folder/strace"
        libraries=$(ldd "$strace" | grep -o '/[^ ]*')
        loader=$(grep '/ld-' <<<"$libraries")
        # shellcheck disable=SC2086 # a list
        cp -L "$strace" $libraries "$folder/strace/"
        tracer="/mnt/out/strace/$(basename "$loader") --library-path /mnt/out/strace /mnt/out/strace/strace"
    fi
    # shellcheck disable=SC2086 # the words of a command
    if [ -n "$tracer" ] && ! in_place $tracer -f -c -o /dev/null true 2>/dev/null; then
        tracer='' no_tracer='strace cannot trace here'
    fi
}

prepare()
{
    local side

    mkdir -p "$folder/run"
    chmod 700 "$folder/run"
    for side in wine shim; do
        if [ "$place" = host ]; then
            [ "$side" = wine ] || { cp -a --reflink=auto "$inside/wine" "$inside/shim" && break; }
            WINEPREFIX=$inside/wine WINEDLLOVERRIDES='mscoree,mshtml=' wineboot -i &&
                WINEPREFIX=$inside/wine wineserver -w
        else
            "$here/../matrix/chroot.sh" template "$place" \
                "$([ "$place" = sid ] && echo wow64 || echo win64)" "$inside/$side" >/dev/null
        fi
    done
    for side in wine shim; do
        cp "$build/winetest/x86_64/bench.exe" "$outside/$side/drive_c/bench.exe"
    done
    # Network or not makes no difference to what is measured: nothing here is sent.
    MAILSLOTD_SOCKET=$folder/run/socket MAILSLOTD_NETWORK=no "$build/server-bridge/mailslotd" \
        </dev/null >"$logs/mailslotd.log" 2>&1 &
    daemon=$!
    # Puts the shim's files in its prefix.
    WINEPREFIX=$inside/shim in_place "$tree/wine-mailslot" run "$inside/shim/drive_c/bench.exe" noop
    # Its server would end when it idles: the one that measuring starts does not, on both sides.
    in_place env WINEPREFIX="$inside/shim" sh -c "$wineserver_path; wineserver -k; wineserver -w"
}

# All measuring is in this shell, on the Wine of the place. It prints SIDE CASE MICROSECONDS lines.
measure()
{
    cat <<'END'
PATH=$PATH:/usr/lib/x86_64-linux-gnu/wine
export WINEDEBUG=-all
side_run() { # SIDE CASE
    if [ "$1" = shim ]; then
        WINEPREFIX=$inside/shim WINEDLLOVERRIDES=kernel32=n,b WINEDLLPATH=$tree/dll \
            $trace wine "$inside/shim/drive_c/bench.exe" "$2"
    else
        WINEPREFIX=$inside/wine $trace wine "$inside/wine/drive_c/bench.exe" "$2"
    fi 2>>"$log" </dev/null | tr -d '\r'
}
trace=
order() { # ROUND
    if [ $(($1 % 2)) = 0 ]; then echo 'wine shim'; else echo 'shim wine'; fi
}
for side in wine shim; do
    WINEPREFIX=$inside/$side wineserver -p
    side_run $side noop >/dev/null
done
round=0
while [ $round -lt "$rounds" ]; do
    for case in $cases; do
        for side in $(order $round); do
            echo "$side $(side_run $side "$case")"
        done
    done
    round=$((round + 1))
done
round=0
while [ $round -lt "$starts" ]; do
    for side in $(order $round); do
        begin=$(date +%s%N)
        side_run $side noop >/dev/null
        end=$(date +%s%N)
        echo "$side startup $(((end - begin) / 1000))"
    done
    round=$((round + 1))
done
# Of the program and all that it starts; the wineserver and the services run already.
round=0
while [ -n "$tracer" ] && [ "$starts" -gt 0 ] && [ $round -lt 3 ]; do
    for side in $(order $round); do
        trace="$tracer -f -c -o $inside/calls"
        side_run $side noop >/dev/null
        trace=
        echo "$side syscalls $(awk '$NF == "total" { print $4 }' "$inside/calls")"
        rm -f "$inside/calls"
    done
    round=$((round + 1))
done
END
}

report()
{
    sort -k1,2 -k3,3n "$1" | awk -v cases="$cases startup" -v no_tracer="$no_tracer" '
        NF == 3 { values[$1, $2, ++count[$1, $2]] = $3 }
        function median(side, name) {
            return values[side, name, int((count[side, name] + 1) / 2)]
        }
        END {
            n = split(cases, list, " ")
            for (i = 1; i <= n; i++) {
                wine = median("wine", list[i])
                shim = median("shim", list[i])
                if (wine && shim)
                    printf "bench %-12s wine_us=%.3f shim_us=%.3f ratio=%.2f\n", list[i], wine, shim, wine / shim
                else if (wine || shim || list[i] != "startup") {
                    printf "bench %-12s failed: wine %s, shim %s\n", list[i], wine ? wine : "no figure", \
                        shim ? shim : "no figure"
                    bad = 1
                }
            }
            wine = median("wine", "syscalls")
            shim = median("shim", "syscalls")
            if (wine && shim)
                printf "bench %-12s wine=%d shim=%d extra=%d\n", "syscalls", wine, shim, shim - wine
            else if (no_tracer)
                printf "bench %-12s skipped: %s\n", "syscalls", no_tracer
            else if (wine || shim || median("wine", "startup")) {
                printf "bench %-12s failed: wine %s, shim %s\n", "syscalls", wine ? wine : "no figure", \
                    shim ? shim : "no figure"
                bad = 1
            }
            exit bad
        }'
}

main()
{
    local option

    while getopts r:s:c:h option; do
        case $option in
        r) rounds=$OPTARG ;;
        s) starts=$OPTARG ;;
        c) cases=$OPTARG ;;
        h)
            usage
            exit 0
            ;;
        *)
            usage >&2
            exit 2
            ;;
        esac
    done
    shift $((OPTIND - 1))
    if [ $# -lt 1 ] || [ $# -gt 2 ]; then
        usage >&2
        exit 2
    fi
    build=$(readlink -f "$1") place=${2:-host} daemon=
    chroots=${MATRIX_DIR:-/srv/wine-mailslot/chroots} logs=$build/test-logs/bench
    folder=$(mktemp -d /tmp/wms-bench.XXXXXX)
    # What the programs see, and where that is for us.
    case $place in
    host)
        inside=$folder outside=$folder tree=$build socket=$folder/run/socket
        ;;
    trixie | sid)
        "$here/../matrix/chroot.sh" make "$place"
        inside=/srv/$(basename "$folder") outside=$chroots/$place/srv/$(basename "$folder")
        tree=/mnt/build socket=/mnt/run/socket
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
    unset WINEARCH WINEDLLOVERRIDES WINEDLLPATH WINELOADER WINESERVER WINEPREFIX
    export WINEDEBUG=-all MAILSLOTD_SOCKET=$socket
    trap cleanup EXIT
    trap 'exit 1' INT TERM
    mkdir -p "$logs"
    prepare >"$logs.prepare.log" 2>&1 || { tail -n 5 "$logs.prepare.log" >&2 && exit 1; }
    tracer_prepare
    echo "bench on $(in_place wine --version 2>/dev/null), median of $rounds rounds (startup: $starts)"
    measure >"$folder/measure.sh"
    in_place env inside="$inside" tree="$tree" cases="$cases" rounds="$rounds" starts="$starts" \
        tracer="$tracer" log=/dev/null MAILSLOTD="$tree/server-bridge/mailslotd" \
        timeout -k 5 300 sh "$([ "$place" = host ] && echo "$folder" || echo /mnt/out)/measure.sh" \
        >"$folder/figures" || echo "bench: broke off, exit code $?" >&2
    cp "$folder/figures" "$logs/figures.$place"
    report "$folder/figures"
}

main "$@"
