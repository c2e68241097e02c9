#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# wine-mailslot: what only a program in the prefix can do: bring our kernel32.dll into a running
# session, find a program as Windows does, and look what a program of some name gets.
# shellcheck disable=SC2154 # variables of the other parts
#
# The programs are ours (dll/session) and lie beside our libraries.

# Arguments: what to do. Runs wine-mailslot-session.exe in the prefix, on Wine's own kernel32.
session_run() {
    local program limit=()
    program=$libdir/$(prefix_arch)-windows/wine-mailslot-session.exe
    if [ ! -f "$program" ]; then
        echo "$program is missing: $(reinstall_command)"
        return 1
    fi
    ! command -v timeout >/dev/null || limit=(timeout -k 1 60)
    WINEPREFIX=$prefix WINEDEBUG=${WINEDEBUG:--all} \
        WINEDLLOVERRIDES="${WINEDLLOVERRIDES:+$WINEDLLOVERRIDES;}kernel32=b" \
        "${limit[@]}" "$WINE" "$program" "$@" 2>&1 </dev/null 9<&-
}

# Makes the session that runs in the prefix take kernel32.dll from where it lies now. One that starts later
# does so by itself, and so does a Wine before 10.5.
session_refresh() {
    local said
    if ! version_has_known_dlls "$(wine_version)" || [ -z "$(prefix_server)" ]; then
        return 0
    fi
    if ! said=$(session_run put); then
        fail "the session that runs in $prefix keeps Wine's own kernel32 (${said##*$'\n'}), and programs" \
            "would use Wine's own mailslots. End its programs, and try again:" \
            "$(command_line env "WINEPREFIX=$prefix" "$(wineserver_command)" -k)"
    fi
}

# --- the program of `run` ---

# Prints the Unix path of program $1, or nothing if only Windows can find it.
session_program_path() {
    local name path
    case $1 in
    [A-Za-z]:*)
        path=$(unix_path "$1")
        [ ! -f "$path" ] || printf '%s\n' "$path"
        return
        ;;
    /*) path=$1 ;;
    \\*) return ;;
    *) path=$PWD/${1//\\//} ;;
    esac
    for name in "$path" "$path.exe" "$prefix/drive_c/windows/system32/$1" \
        "$prefix/drive_c/windows/system32/$1.exe" "$prefix/drive_c/windows/$1" \
        "$prefix/drive_c/windows/$1.exe"; do
        if [ -f "$name" ]; then
            printf '%s\n' "$name"
            return
        fi
    done
}

# Refuses program $1 if there is none, or none that this Wine can run; sets program_path.
session_require_program() {
    local arch whose=''
    program_path=$(session_program_path "$1")
    if [ -z "$program_path" ]; then
        case $1 in
        */*) fail "there is no program $1" ;;
        esac
        session_run find "$1" >/dev/null
        [ $? != 1 ] || fail "there is no program $1: neither here nor where Windows looks for programs"
        return
    fi
    arch=$(pe_arch "$program_path")
    [ -n "$arch" ] || return 0
    if [ -z "$(wine_kernel32 "$arch")" ]; then
        whose=$WINE
    elif ! prefix_system_dirs | cut -f2 | grep -qx "$arch"; then
        whose=$prefix
    fi
    [ -z "$whose" ] || fail "$1 is a $(bits_of "$arch") program, and $whose has no $(bits_of "$arch") part." \
        "This may help: $(bitness_advice "$arch")"
}

# --- the probe ---

# Runs a copy of our probe that is called as program $1, of architecture $2, with $3 (or nothing) as the
# kernel32.dll beside it, by plain wine. Prints what is wrong, or nothing; false if it did not run.
probe_run() {
    local folder said limit=() name=${1:-wine-mailslot-probe.exe}
    folder=$(mktemp -d "${TMPDIR:-/tmp}/wine-mailslot.XXXXXX") || return 1
    if ! cp -- "$libdir/$2-windows/wine-mailslot-probe.exe" "$folder/$name" ||
        { [ -n "$3" ] && ! ln -s -- "$3" "$folder/kernel32.dll"; }; then
        rm -rf -- "$folder"
        return 1
    fi
    ! command -v timeout >/dev/null || limit=(timeout -k 1 60)
    # It must not start a daemon; whether one runs is another question.
    said=$(cd "$folder" && WINEPREFIX=$prefix WINEDEBUG=-all MAILSLOTD=/nonexistent \
        "${limit[@]}" "$WINE" "$folder/$name" 2>"$folder/errors" </dev/null 9<&-)
    said=${said%$'\r'}
    case $said in
    'kernel32 ours, layer yes, '*)
        grep -a '^wine-mailslot: .*own mailslots' "$folder/errors" | grep -av 'could not be started' |
            sed 's/^wine-mailslot: //; s/ (status .*//; s/: this program .*//; q'
        ;;
    'kernel32 ours, '*) echo "our kernel32 came, but winemailslot.dll did not" ;;
    'kernel32 wine, '*)
        echo "a $(bits_of "$2") program of that name, just tried, gets Wine's own kernel32"
        ;;
    *)
        tr -d '\r' <"$folder/errors" | tail -n 1
        rm -rf -- "$folder"
        return 1
        ;;
    esac
    rm -rf -- "$folder"
}

# Prints "ARCH tab PROBLEM" for each bitness of program $1 (empty: any program) in which it does not get our
# mailslots; $2: its architecture if known, else all of the prefix.
probe_program() {
    local arch problem beside
    while IFS= read -r arch <&3; do
        [ -z "$2" ] || [ "$arch" = "$2" ] || continue
        beside=$(beside_files "$1" "$(installed_path "$1")" "$arch" | head -n 1)
        if ! problem=$(probe_run "$1" "$arch" "$beside"); then
            problem="no $(bits_of "$arch") program could be tried${problem:+: $problem}"
        fi
        [ -z "$problem" ] || printf '%s\t%s\n' "$arch" "$problem"
    done 3< <(prefix_system_dirs | cut -f2)
}

# Prints the command that may help a program that does not get what it is set to get.
probe_advice() {
    if version_has_known_dlls "$(wine_version)" && [ "$1" = running ]; then
        command_line env "WINEPREFIX=$prefix" "WINE=$WINE" "$own_name" run cmd /c exit
    else
        repair_command
    fi
}
