#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs every winetest executable of a build on every kind of Wine, plain and with the shim.
#
# mailslotd runs on the host also for programs in a chroot, which reach it by a socket in a folder
# mounted there: it is a host binary, and one build is what is tested everywhere. As root it gets a
# network of its own with one broadcast interface, so no test depends on, or reaches, the real one.
#
# Each configuration and mode has a fresh prefix, a fresh wineserver and a fresh daemon; the tests
# of one share them, as programs on a desktop do.

set -euo pipefail

readonly KNOWN='A A32 B C C32 D64 D32'
here=$(dirname "$(readlink -f "$0")")
chroots=${MATRIX_DIR:-/srv/wine-mailslot/chroots}
configs='A A32 B C D64 D32'
modes='wine shim'
out=
seconds=60
jobs=1
unavailable=skipped

usage()
{
    cat <<END
usage: run.sh [-c 'CONFIG...'] [-m 'MODE...'] [-o OUT] [-t SECONDS] [-j N] [-r] BUILD_DIR
  -c  A    the machine's own Wine, x86_64        D64  sid (new WoW64), x86_64
      A32  bookworm, i386 in a 64-bit prefix     D32  sid (new WoW64), i386
      B    trixie, x86_64                        C    trixie, i386 in a 64-bit prefix
                                                 C32  trixie, i386 in a 32-bit prefix
      (default: $configs)
  -m  wine: plain Wine; shim: BUILD_DIR/wine-mailslot run (default: $modes)
  -o  folder for logs and reports (default: BUILD_DIR/matrix)
  -t  time for each executable (default: $seconds)
  -j  configurations at a time (default: $jobs)
  -r  a configuration that cannot be made here is failed, not skipped
exit codes: 0 nothing failed, 1 something failed, 2 wrong use or nothing to run
END
}

# Sets place, cpu and prefix_arch of a configuration.
config_describe()
{
    case $1 in
    A) place=host cpu=x86_64 prefix_arch=win64 ;;
    A32) place=bookworm cpu=i386 prefix_arch=win64 ;;
    B) place=trixie cpu=x86_64 prefix_arch=win64 ;;
    C) place=trixie cpu=i386 prefix_arch=win64 ;;
    C32) place=trixie cpu=i386 prefix_arch=win32 ;;
    D64) place=sid cpu=x86_64 prefix_arch=wow64 ;;
    D32) place=sid cpu=i386 prefix_arch=wow64 ;;
    esac
}

# Arguments: test, result, reason. Called by run_config, whose variables it uses.
record()
{
    printf '%s\t%s\t%s\t%s\t%s\n' "$config" "$mode" "$1" "$2" "$3" >>"$out/.$config.results"
}

# Runs a command on the Wine of the configuration.
in_place()
{
    if [ "$place" = host ]; then
        "$@"
    else
        MATRIX_BUILD=$build MATRIX_RUN=$sockets MATRIX_OUT=$folder MATRIX_ENV='' \
            "$here/chroot.sh" run "$place" -- "$@"
    fi
}

# Kept for the two modes of configuration A only: it is a gigabyte, made in 12 s.
host_template()
{
    local new=$out/.template.new overrides='mscoree,mshtml='

    [ ! -d "$out/.template" ] || return 0
    rm -rf --one-file-system "$new"
    WINEPREFIX=$new WINEDLLOVERRIDES=$overrides wineboot -i && WINEPREFIX=$new wineserver -w &&
        mv "$new" "$out/.template"
}

# What a run that was killed left behind.
stale_prefixes_remove()
{
    local old pid

    for old in "$1"/prefix-*; do
        pid=${old##*/prefix-}
        kill -0 "${pid%%-*}" 2>/dev/null || rm -rf --one-file-system "$old"
    done
}

# Sets prefix (as the programs see it) and prefix_here (as we see it).
prefix_make()
{
    if [ "$place" = host ]; then
        prefix=$out/.prefix-$config-$mode prefix_here=$prefix
        host_template >"$out/A.template.log" 2>&1 || return 1
        rm -rf --one-file-system "$prefix"
        cp -a --reflink=auto "$out/.template" "$prefix" || return 1
    else
        # The name holds our process id, as two runs may use one chroot.
        prefix=/srv/prefix-$$-$config-$mode prefix_here=$chroots/$place$prefix
        stale_prefixes_remove "$chroots/$place/srv"
        "$here/chroot.sh" template "$place" "$prefix_arch" "$prefix" >/dev/null || return 1
    fi
    export WINEPREFIX=$prefix
    # The programs run in a folder of their own that they can write to.
    mkdir -p "$prefix_here/drive_c/winetest" && cp "${tests[@]}" "$prefix_here/drive_c/winetest/"
}

server_kill()
{
    # shellcheck disable=SC2016 # for the shell inside; sid has its wineserver here only
    in_place sh -c 'PATH=$PATH:/usr/lib/x86_64-linux-gnu/wine; wineserver -k' \
        >/dev/null 2>&1 || true
}

# Sets daemon to its process id.
daemon_start()
{
    local wrap=() i

    if [ "$(id -u)" = 0 ] && command -v ip >/dev/null && unshare --net true 2>/dev/null; then
        # shellcheck disable=SC2016 # for the shell inside
        wrap=(unshare --net sh -c '
            ip link set lo up
            ip link add matrix0 type veth peer name matrix1
            ip addr add 10.99.0.1/24 brd + dev matrix0
            ip link set matrix0 up
            ip link set matrix1 up
            exec "$@"' sh)
    fi
    MAILSLOTD_SOCKET=$sockets/socket "${wrap[@]}" "$build/server-bridge/mailslotd" \
        </dev/null >"$folder/mailslotd.log" 2>&1 &
    daemon=$!
    for ((i = 0; i < 50; i++)); do
        [ ! -S "$sockets/socket" ] || return 0
        kill -0 "$daemon" 2>/dev/null || break
        sleep 0.1
    done
    return 1
}

daemon_stop()
{
    [ -n "$daemon" ] || return 0
    kill "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
    daemon=
}

# A run counts as passed only by its closing line: exit code 0 alone may be a crash half-way.
judge()
{
    local name=$1 rc=$2 log=$3 closing reason counts=() executed todo failures skips

    closing=$(grep -aE '[0-9]+ tests executed \([0-9]+ marked as todo, [0-9]+ failure' "$log" |
        tail -n 1) || closing=
    reason=$(grep -aE 'Test failed|Todo succeeded|Test succeeded inside todo' "$log" |
        head -n 1) || reason=
    if [ "$rc" = 124 ] || [ "$rc" = 137 ]; then
        record "$name" failed "ended after $seconds s${reason:+; $reason}"
        return
    fi
    if [ -z "$closing" ]; then
        record "$name" failed "exit code $rc, no closing line: $(tail -n 1 "$log")"
        return
    fi
    read -ra counts <<<"$(sed -E 's/^.*[^0-9]([0-9]+) tests executed \(([0-9]+) [^,]*, ([0-9]+) failures?\)(, ([0-9]+) skipped)?.*/\1 \2 \3 \5/' <<<"$closing")"
    executed=${counts[0]} todo=${counts[1]} failures=${counts[2]} skips=${counts[3]:-0}
    if [ "$rc" != 0 ] || [ "$failures" != 0 ]; then
        record "$name" failed "$failures of $executed, exit code $rc${reason:+; $reason}"
    elif [ "$mode" = shim ] && grep -aqi "wine's own mailslots" "$log"; then
        record "$name" failed "shim not in use; $(grep -ai "wine's own mailslots" "$log" | head -n 1)"
    elif [ "$executed" = 0 ]; then
        reason=$(grep -aE 'Tests skipped' "$log" | head -n 1) || reason='no test executed'
        record "$name" skipped "$reason"
    else
        record "$name" passed "$executed tests, $todo todo, $skips skipped"
    fi
}

# Wine 10 on i386 describes its way back from a unix call wrongly for a few instructions: the unwinder
# crashes if a thread is killed there, with plain Wine, too: by TerminateThread, or when a process ends.
# And once in some thousand starts Wine 8 finds the place of its shared data taken, and runs nothing.
# That says nothing of the test.
crashed_in_wine()
{
    ! grep -aq 'failed to map the shared user data' "$3" || return 0
    [ "$place" = trixie ] && [ "$cpu" = i386 ] || return 1
    [ "$2" != 139 ] || return 0
    [ "$1" = terminate_test ] && [ "$2" != 0 ] && [ "$2" != 124 ] && [ "$2" != 137 ] &&
        ! grep -aq 'tests executed (' "$3"
}

run_test()
{
    local name=$1 log=$folder/$1.log try rc=0

    for try in 1 2 3; do
        run_once "$name" "$log"
        crashed_in_wine "$name" "$rc" "$log" || break
        echo "matrix: $config $mode: $name crashed in Wine itself, run $try of 3" >&2
    done
    judge "${name%_test}" "$rc" "$log"
    # What a killed test leaves behind would hold its slots.
    if [ "$rc" = 124 ] || [ "$rc" = 137 ]; then
        server_kill
    fi
}

# Sets rc.
run_once()
{
    local name=$1 log=$2 rows command=(wine)

    rc=0
    [ "$mode" = wine ] || command=("$([ "$place" = host ] && echo "$build" || echo /mnt/build)/wine-mailslot" run)
    [ "$place" = host ] && rows=Z:$folder/$name.rows || rows=Z:/mnt/out/$name.rows
    rm -f "$folder/$name.rows"
    # The watchdog inside is first, as it knows which row hangs. The job has a process group of its
    # own (set -m) that timeout stays in (--foreground), so that all of it can be ended at once.
    set -m
    WINETEST_PLATFORM=$mode WINETEST_REPORT=$rows \
        WINETEST_TIMEOUT=$((seconds > 10 ? seconds - 5 : seconds)) \
        in_place env -C "$prefix/drive_c/winetest" timeout --foreground -k 5 "$seconds" \
        "${command[@]}" "$prefix/drive_c/winetest/$name.exe" </dev/null >"$log.raw" 2>&1 &
    child=$!
    set +m
    wait "$child" || rc=$?
    child=
    tr -d '\r' <"$log.raw" >"$log"
    rm -f "$log.raw"
}

# The trace of a 32-bit program, judged line by line.
run_trace()
{
    local name=trace verdicts wrong rc=0

    in_place env -C "$prefix/drive_c/winetest" MAILSLOT_TRACE=1 timeout --foreground -k 5 "$seconds" \
        /mnt/build/wine-mailslot run "$prefix/drive_c/winetest/trace_exercise.exe" \
        </dev/null >"$folder/trace.out" 2>"$folder/trace.log" || rc=$?
    verdicts=$("$here/../wine/lib/trace_lines.sh" "$folder/trace.out" "$folder/trace.log" trace)
    wrong=$(grep -v '^passed ' <<<"$verdicts" | head -n 1) || wrong=
    if [ "$rc" != 0 ] || [ -n "$wrong" ] || [ -z "$verdicts" ]; then
        record "$name" failed "exit code $rc; $wrong"
    else
        record "$name" passed "$(grep -c . <<<"$verdicts") lines"
    fi
}

# The chat demo, under an X server; what it prints becomes tests.
run_chat()
{
    local result name detail seen=0

    # A desktop that was made without a screen has none for its life.
    server_kill
    while read -r result name detail; do
        case $result in
        passed | failed | skipped)
            seen=$((seen + 1))
            record "$name" "$result" "$detail"
            ;;
        esac
    done < <(MATRIX_BUILD=$build MATRIX_RUN=$sockets MATRIX_OUT=$folder timeout -k 10 120 \
        "$here/chat.py" "$place" "$folder/chat.png" </dev/null 2>"$folder/chat.log")
    [ "$seen" != 0 ] || record chat failed "nothing was tried, see $folder/chat.log"
    server_kill
}

# What has run on no other Wine: 32-bit programs beside winetest, in the chroots.
run_programs()
{
    local programs=("$build/winetest/$cpu"/{trace_exercise,chat}.exe)

    if ! cp "${programs[@]}" "$prefix_here/drive_c/winetest/"; then
        record programs failed "${programs[*]}: not in the build"
        return
    fi
    run_trace
    run_chat
}

config_cleanup()
{
    trap '' INT TERM
    if [ -n "$mode_process" ]; then
        kill "$mode_process" 2>/dev/null || true
        wait "$mode_process" || true
    fi
    [ -z "$child" ] || kill -KILL -- "-$child" 2>/dev/null || true
    [ -z "$prefix" ] || server_kill
    daemon_stop
    [ -z "$prefix_here" ] || rm -rf --one-file-system "$prefix_here"
    [ -z "$sockets" ] || rm -rf --one-file-system "$sockets"
    prefix='' prefix_here='' sockets=''
}

# Records one result for all tests of the mode.
record_all()
{
    local test

    for test in "${tests[@]}"; do
        record "$(basename "$test" _test.exe)" "$@"
    done
}

run_mode()
{
    local test reason

    folder=$out/$config-$mode
    mkdir -p "$folder"
    sockets=$(mktemp -d /tmp/wms-matrix.XXXXXX)
    export WINEDEBUG=${WINEDEBUG:--all}
    echo "matrix: $config $mode: ${#tests[@]} executables" >&2
    if [ "$mode" = shim ]; then
        for test in wine-mailslot server-bridge/mailslotd; do
            if [ ! -x "$build/$test" ]; then
                record_all failed "no $test in $build"
                return
            fi
        done
        if ! daemon_start; then
            reason=$(tail -n 1 "$folder/mailslotd.log")
            record_all failed "mailslotd does not start: ${reason:-it says nothing}"
            return
        fi
        if [ "$place" = host ]; then
            export MAILSLOTD_SOCKET=$sockets/socket
        else
            export MAILSLOTD_SOCKET=/mnt/run/socket
        fi
    fi
    if ! prefix_make; then
        record_all failed "no prefix: see $chroots/$place.template.log or $out/A.template.log"
        return
    fi
    for test in "${tests[@]}"; do
        run_test "$(basename "$test" .exe)"
    done
    if [ "$mode" = shim ] && [ "$cpu" = i386 ] && [ "$place" != host ]; then
        run_programs
    fi
    if [ "$mode" = shim ] && ! kill -0 "$daemon" 2>/dev/null; then
        record mailslotd failed "ended during the tests, see $folder/mailslotd.log"
    fi
}

# In a subshell of its own.
run_config()
{
    local config=$1 mode=- place cpu prefix_arch folder=$out tests=() rc=0 reason
    prefix='' prefix_here='' sockets='' daemon='' child='' mode_process=''

    config_describe "$config"
    [ "$place" != host ] || rm -rf --one-file-system "$out/.template"
    trap config_cleanup EXIT
    trap 'exit 1' INT TERM
    shopt -s nullglob
    tests=("$build/winetest/$cpu"/*_test.exe)
    if [ ${#tests[@]} = 0 ]; then
        record all skipped "no winetest/$cpu/*_test.exe in the build"
        return
    fi
    if [ "$place" = host ]; then
        if ! command -v wine >/dev/null; then
            record all skipped "no wine on this machine"
            return
        fi
    else
        "$here/chroot.sh" make "$place" 2>"$out/$config.make.log" || rc=$?
        reason=$(tail -n 1 "$out/$config.make.log")
        case $rc in
        0) ;;
        77)
            record all "$unavailable" "${reason#chroot.sh: }"
            return
            ;;
        *)
            record all failed "${reason#chroot.sh: }"
            return
            ;;
        esac
    fi
    for mode in $modes; do
        (
            trap config_cleanup EXIT
            trap 'exit 1' INT TERM
            mode_process=
            run_mode
        ) &
        mode_process=$!
        # Waited for, not run in the foreground, or a signal would have no effect until its end.
        wait "$mode_process"
        mode_process=
    done
    [ "$place" != host ] || rm -rf --one-file-system "$out/.template"
}

# Prints the table and the closing line; false if anything failed.
report()
{
    for config in $configs; do
        cat "$out/.$config.results"
        rm -f "$out/.$config.results"
    done >"$out/results.tsv"
    echo
    awk -F '\t' '
        BEGIN { printf "%-6s %-5s %-16s %-8s %s\n", "config", "mode", "test", "result", "reason" }
        {
            count[$4]++
            printf "%-6s %-5s %-16s %-8s %s\n", $1, $2, $3, $4, substr($5, 1, 160)
        }
        END {
            printf "\n%d passed, %d failed, %d skipped\n", count["passed"], count["failed"], count["skipped"]
            exit count["failed"] > 0
        }' "$out/results.tsv"
}

main()
{
    local option config mode rc pids=()

    while getopts c:m:o:t:j:rh option; do
        case $option in
        c) configs=$OPTARG ;;
        m) modes=$OPTARG ;;
        o) out=$OPTARG ;;
        t) seconds=$OPTARG ;;
        j) jobs=$OPTARG ;;
        r) unavailable=failed ;;
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
    [ $# = 1 ] || { usage >&2 && exit 2; }
    for config in $configs; do
        case " $KNOWN " in
        *" $config "*) ;;
        *) usage >&2 && exit 2 ;;
        esac
    done
    for mode in $modes; do
        case $mode in
        wine | shim) ;;
        *) usage >&2 && exit 2 ;;
        esac
    done
    [ -d "$1" ] || { echo "run.sh: no folder $1" >&2 && exit 2; }
    build=$(readlink -f "$1")
    compgen -G "$build/winetest/*/*_test.exe" >/dev/null ||
        { echo "run.sh: no winetest/{x86_64,i386}/*_test.exe in $build" >&2 && exit 2; }
    out=${out:-$build/matrix}
    mkdir -p "$out"
    out=$(readlink -f "$out")

    unset WINEARCH WINEDLLOVERRIDES WINEDLLPATH WINELOADER WINESERVER MAILSLOTD_SOCKET
    trap '[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null; wait; rm -rf --one-file-system "$out/.template"; exit 1' INT TERM
    for config in $configs; do
        while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
            wait -n || true
        done
        : >"$out/.$config.results"
        (run_config "$config") &
        pids+=($!)
    done
    # A configuration that ends without a word must not look like one with nothing to say.
    for config in $configs; do
        rc=0
        wait "${pids[0]}" || rc=$?
        pids=("${pids[@]:1}")
        if [ "$rc" != 0 ] || [ ! -s "$out/.$config.results" ]; then
            mode=- record all failed "run.sh itself broke off, exit code $rc"
        fi
    done
    report
}

main "$@"
