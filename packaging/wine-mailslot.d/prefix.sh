#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# wine-mailslot: prefixes: what is one, who manages it, which Wine it belongs to, does it run.
# shellcheck disable=SC2034,SC2154 # variables of the other parts

# --- what is a prefix ---

# Prints the prefix itself for what users give: Steam's folder of a game has it in pfx, and there is one
# name only, as lists and managers go by it.
prefix_normal() {
    local dir=$1
    if [ -d "$dir/pfx/drive_c" ] && [ ! -d "$dir/drive_c" ]; then
        dir=$dir/pfx
    fi
    readlink -m -- "$dir"
}

# Says why $1 is no prefix; says nothing if it is one.
prefix_why_not() {
    if [ ! -e "$1" ]; then
        echo "$1 does not exist"
    elif [ ! -d "$1/drive_c/windows/system32" ] || [ ! -d "$1/dosdevices" ]; then
        echo "$1 is no Wine prefix: it has no drive_c/windows/system32 and dosdevices"
    elif [ ! -f "$1/system.reg" ] || [ ! -f "$1/user.reg" ]; then
        echo "$1 is no complete Wine prefix: it has no system.reg and user.reg"
    fi
}

# Wine writes the registry when its server ends, user.reg last; a prefix just made has none until then, and what
# 'wineboot -i' started works on for some seconds after it.
prefix_is_being_made() {
    [ -d "$prefix/dosdevices" ] && [ -d "$prefix/drive_c/windows/system32" ] && [ ! -f "$prefix/user.reg" ]
}

# For every command but `run`: never makes a prefix.
prefix_require() {
    local why
    if prefix_is_being_made; then
        prefix_find_wine
        prefix_require_idle 30
    fi
    why=$(prefix_why_not "$prefix")
    if [ -n "$why" ]; then
        fail "$why. Nothing was done. $(prefix_advice "$prefix" "${WINE:-wine}")"
    fi
}

# Prints, as one sentence, what helps if $1 is no prefix: Wine $2 makes one of nothing, and completes one, but
# must not be let loose on any other folder. With a third argument, the command alone.
prefix_advice() {
    if [ ! -e "$1" ] || [ -d "$1/dosdevices" ] || { [ -d "$1" ] && [ -z "$(ls -A -- "$1" 2>&1)" ]; }; then
        [ $# -gt 2 ] || printf 'A prefix is made by: '
        command_line env "WINEPREFIX=$1" "$2" wineboot -i
    else
        [ $# -gt 2 ] || printf 'Name one with --prefix; those that can be found are shown by: '
        command_line "$own_name" status
    fi
}

# Prints the prefix that Unix path $1 lies in.
prefix_of_path() {
    local dir
    dir=$(cd "$(dirname -- "$1")" 2>/dev/null && pwd) || dir=$(readlink -m -- "$(dirname -- "$1")")
    while [ -n "$dir" ]; do
        if [ "${dir##*/}" = drive_c ] && [ -d "${dir%/*}/dosdevices" ]; then
            echo "${dir%/*}"
            return
        fi
        dir=${dir%/*}
    done
}

# --- does it run ---

# Prints the process of the Wine server of the prefix. Its working folder is named after the device
# and inode of the prefix, whichever Wine it belongs to and wherever that keeps its sockets; but while
# it writes the registry, its working folder is the prefix.
prefix_server() {
    local name link pid real
    name=$(stat -L -c 'server-%D %i' -- "$prefix" 2>/dev/null) || return
    name=$(printf '%s-%x' "${name% *}" "${name#* }")
    real=$(readlink -f -- "$prefix")
    while IFS='	' read -r pid link; do
        case $link in
        */"$name") ;;
        "$real") grep -qs '^wineserver' "/proc/$pid/comm" || continue ;;
        *) continue ;;
        esac
        echo "$pid"
        return
    done < <(find /proc/[0-9]*/cwd -maxdepth 0 -printf '%h\t%l\n' 2>/dev/null | sed 's|^/proc/||')
}

# Waits up to $1 seconds (12) for the Wine server to end, as it does when the last program has ended.
# The server that is asked itself (-w) is this Wine's only, and it is the last to be believed: it
# knows about one that ends while we look.
prefix_wait() {
    local i server pid='' patience=$((${1:-12} * 5))
    for ((i = 0; i < patience; i++)); do
        pid=$(prefix_server)
        [ -n "$pid" ] || break
        [ "$i" != 15 ] || say "waiting for the programs in $prefix to end"
        sleep 0.2
    done
    [ -z "$pid" ] || return 1
    server=$(wineserver_command)
    if command -v timeout >/dev/null && command -v -- "$server" >/dev/null; then
        WINEPREFIX=$prefix timeout -k 1 10 "$server" -w >/dev/null 2>&1 </dev/null
        [ $? != 124 ] || return 1
    fi
}

# The registry is Wine's as long as its server runs: it would overwrite what others write. Waits up
# to $1 seconds.
prefix_require_idle() {
    local server
    if ! prefix_wait "$@"; then
        server=$(prefix_server)
        fail "programs are running in $prefix (its Wine server is process ${server:-unknown})." \
            "Nothing was done. End them, and try again:" \
            "$(command_line env "WINEPREFIX=$prefix" "$(wineserver_command)" -k)"
    fi
}

# Prints the wineserver that belongs to WINE: some Wines have it beside their libraries only.
wineserver_command() {
    local path dir
    path=$(command -v -- "$WINE")
    if [ -x "${path%/*}/wineserver" ]; then
        echo "${path%/*}/wineserver"
        return
    fi
    while IFS= read -r dir; do
        if [ -x "$dir/wineserver" ]; then
            echo "$dir/wineserver"
            return
        fi
    done < <(wine_dll_dirs)
    echo wineserver
}

# One change of a prefix at a time.
prefix_lock() {
    exec 9<"$prefix"
    if command -v flock >/dev/null && ! flock -w 60 9; then
        fail "another wine-mailslot is busy with $prefix: try again when it is done"
    fi
}

# --- who manages it ---

# Prints the manager of prefix $1, for people.
prefix_kind() {
    if [ -f "$1/../config_info" ] && [ "${1##*/}" = pfx ]; then
        echo Proton
    elif [ -f "$1/bottle.yml" ]; then
        echo Bottles
    elif [ -n "$(lutris_file "$1")" ]; then
        echo Lutris
    else
        echo plain
    fi
}

# Prints the files in which Lutris, a package or a Flatpak, describes its games.
lutris_files() {
    local file
    for file in "${XDG_CONFIG_HOME:-$HOME/.config}"/lutris/games/*.yml \
        "${XDG_DATA_HOME:-$HOME/.local/share}"/lutris/games/*.yml \
        "$HOME"/.var/app/net.lutris.Lutris/config/lutris/games/*.yml \
        "$HOME"/.var/app/net.lutris.Lutris/data/lutris/games/*.yml; do
        [ ! -f "$file" ] || printf '%s\n' "$file"
    done
}

# Prints the prefixes that a description of Lutris names.
lutris_prefixes() {
    sed -n "s/^ *prefix: *//p" "$1" 2>/dev/null | tr -d "\"'" | sed 's/ *$//'
}

# Prints Lutris's description of the game whose prefix is $1.
lutris_file() {
    local file dir
    while IFS= read -r file; do
        while IFS= read -r dir; do
            if [ "$dir" -ef "$1" ]; then
                echo "$file"
                return
            fi
        done < <(lutris_prefixes "$file")
    done < <(lutris_files)
}

# Prints the first argument that is a command.
first_command() {
    local file
    for file; do
        if [ -f "$file" ] && [ -x "$file" ]; then
            echo "$file"
            return
        fi
    done
}

# Prints the wine command that the manager of prefix $1 uses for it; nothing for plain prefixes.
prefix_managed_wine() {
    local name file data
    case $(prefix_kind "$1") in
    Proton)
        # The lines after the first are paths in the Proton that made it: .../files/share/...
        name=$(sed -n 's#/\(files\|dist\)/.*#/\1#p' "$1/../config_info" | head -n 1)
        [ -z "$name" ] || first_command "$name/bin/wine" "$name/bin/wine64"
        ;;
    Bottles)
        name=$(sed -n 's/^Runner: *//p' "$1/bottle.yml" | tr -d "\"'" | head -n 1)
        data=$(readlink -f -- "$1/../..")
        [ -z "$name" ] || first_command "$data/runners/$name/bin/wine" "$data/runners/$name/files/bin/wine" \
            "$data/runners/$name/bin/wine64"
        ;;
    Lutris)
        file=$(lutris_file "$1")
        name=$(sed -n 's/^ *version: *//p' "$file" | tr -d "\"'" | head -n 1)
        for data in "${XDG_DATA_HOME:-$HOME/.local/share}/lutris" \
            "$HOME/.var/app/net.lutris.Lutris/data/lutris"; do
            [ -z "$name" ] || first_command "$data/runners/wine/$name/bin/wine" "$data/runners/wine/$name/files/bin/wine"
        done | head -n 1
        ;;
    esac
}

# Sets WINE and wine_dirs for the prefix. The user's own WINE comes first.
prefix_find_wine() {
    if [ -z "$given_wine" ]; then
        WINE=$(prefix_managed_wine "$prefix")
        if [ -z "$WINE" ]; then
            WINE=$(first_command "$(state_get wine)")
        fi
    fi
    find_wine
    wine_dirs=$(wine_dll_dirs)
}

# Prints all prefixes that can be found: those we know, Wine's default one, and the managers'.
prefixes_all() {
    local dir data=${XDG_DATA_HOME:-$HOME/.local/share}
    {
        list_print prefixes
        printf '%s\n' "${WINEPREFIX:-}" "$HOME/.wine"
        for dir in "$data"/wineprefixes/* "$HOME"/Games/* "$data"/lutris/prefixes/* \
            "$data"/bottles/bottles/* \
            "$HOME"/.var/app/com.usebottles.bottles/data/bottles/bottles/* \
            "$HOME"/.steam/steam/steamapps/compatdata/*/pfx \
            "$data"/Steam/steamapps/compatdata/*/pfx \
            "$HOME"/.var/app/com.valvesoftware.Steam/data/Steam/steamapps/compatdata/*/pfx; do
            printf '%s\n' "$dir"
        done
        while IFS= read -r dir; do
            lutris_prefixes "$dir"
        done < <(lutris_files)
    } | while IFS= read -r dir; do
        if [ -n "$dir" ] && [ -d "$dir/drive_c/windows/system32" ]; then
            readlink -f -- "$dir"
        fi
    done | awk '!seen[$0]++'
}

# --- what we remember ---

# Lists in the user's state folder: "prefixes" that something was installed in, "links" that were
# made in Wine's folders. Arguments: list, lines.
list_file() {
    echo "${XDG_STATE_HOME:-$HOME/.local/state}/wine-mailslot/$1"
}

list_print() {
    cat -- "$(list_file "$1")" 2>/dev/null
}

list_add() {
    local file line
    file=$(list_file "$1")
    shift
    for line; do
        if ! grep -qxsF -- "$line" "$file" &&
            ! { mkdir -p -- "${file%/*}" && printf '%s\n' "$line" >>"$file"; } 2>/dev/null; then
            fail "cannot write $file: check its permissions and the free space"
        fi
    done
}

list_remove() {
    local file
    file=$(list_file "$1")
    [ -f "$file" ] || return 0
    grep -vxF -- "$2" "$file" >"$file.new"
    mv -f -- "$file.new" "$file"
    [ -s "$file" ] || rm -f -- "$file"
    rmdir -- "${file%/*}" 2>/dev/null
    return 0
}

# The record of one prefix lies in it: lines of KEY, a tab, and a value. Keys: version, wine, app
# (NAME, a tab, bitness if known), all, and what registry.sh keeps.
state_file() {
    echo "$prefix/wine-mailslot.state"
}

# Prints the values of key $1.
state_get() {
    sed -n "s/^$1	//p" "$(state_file)" 2>/dev/null
}

# Replaces all lines of key $1 by one with value $2, or by none.
state_set() {
    local file
    file=$(state_file)
    [ $# -lt 2 ] || [ "$(state_get "$1")" != "$2" ] || return 0
    {
        grep -v "^$1	" "$file" 2>/dev/null
        [ $# -lt 2 ] || printf '%s\t%s\n' "$1" "$2"
    } | state_write || exit 1
}

state_add() {
    {
        cat -- "$(state_file)" 2>/dev/null
        printf '%s\t%s\n' "$1" "$2"
    } | state_write || exit 1
}

# Removes the lines that begin with $1.
state_drop() {
    local file
    file=$(state_file)
    text=$1 awk 'index($0, ENVIRON["text"]) != 1' "$file" | state_write || exit 1
}

# Makes what comes in the record, whole or not at all: without it there is no way back.
state_write() {
    local file
    file=$(state_file)
    if { cat >"$file.new" && mv -f -- "$file.new" "$file"; } 2>/dev/null; then
        return
    fi
    rm -f -- "$file.new"
    fail "cannot write $file: check its permissions and the free space"
}
