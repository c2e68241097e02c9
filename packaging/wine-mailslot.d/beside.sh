#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# wine-mailslot: a file kernel32.dll beside a program.
# shellcheck disable=SC2154 # variables of the other parts
#
# Windows, plain Wine and Wine from 10.5 on never load it. An older Wine searches the program's folder first,
# and with our override takes the first file that it finds; no override can name only the one in
# system32. So such a file is renamed for as long as programs of its folder use ours.

readonly beside_suffix=.wine-mailslot-orig

# Whether this Wine would load such a file.
beside_matters() {
    local found
    found=$(wine_version)
    [ -z "$found" ] || version_before "$found" 10.5
}

# Prints the kernel32.dll files beside program $1 (empty: any) that it would load instead of ours. $2: its
# Unix path if known, else it is looked for on drive C; $3: its architecture if known.
beside_files() {
    local file
    beside_matters || return 0
    if [ -n "$2" ]; then
        find "$(dirname -- "$2")/" -maxdepth 1 -iname kernel32.dll 2>/dev/null
    else
        find "$prefix/drive_c/" -path "$prefix/drive_c/windows" -prune -o -iname kernel32.dll -print 2>/dev/null
    fi | while IFS= read -r file; do
        if ! is_ours "$file" && { [ -z "$3" ] || [ -z "$(pe_arch "$file")" ] || [ "$(pe_arch "$file")" = "$3" ]; } &&
            { [ -n "$2" ] || beside_has_program "${file%/*}" "$1"; }; then
            printf '%s\n' "$file"
        fi
    done
}

# Whether folder $1 has a program named $2 (empty: any).
beside_has_program() {
    local pattern
    pattern=$(sed 's/[][*?\\]/\\&/g' <<<"${2:-}")
    [ -n "$(find "$1/" -maxdepth 1 -iname "${pattern:-*.exe}" -print -quit 2>/dev/null)" ]
}

# Renames file $1, and notes it in the prefix's record.
beside_hide() {
    prefix_require_own
    state_get beside | grep -qxF -- "$1" || state_add beside "$1"
    if ! mv -f -- "$1" "$1$beside_suffix" 2>/dev/null; then
        state_drop "beside	$1"
        fail "$1 lies beside the program, and Wine $(wine_version) would load it instead of ours; it cannot be" \
            "renamed. Copy the program elsewhere, and use that:" \
            "$(command_line cp -r -- "${1%/*}" "$HOME/")"
    fi
    say "renamed $1, which Wine $(wine_version) would load instead of ours, to ${1##*/}$beside_suffix;" \
        "'uninstall' renames it back"
}

# Hides what lies beside program $1; arguments as those of beside_files.
beside_hide_all() {
    local file
    while IFS= read -r file <&5; do
        beside_hide "$file"
    done 5< <(beside_files "$@")
}

# Renames back what lies beside no program that uses ours any more.
beside_restore() {
    local file name needed
    while IFS= read -r file <&5; do
        needed=$(state_get all)
        while IFS= read -r name; do
            if [ -n "$name" ] && beside_has_program "${file%/*}" "$name"; then
                needed=yes
            fi
        done < <(installed_apps)
        if [ -z "$needed" ]; then
            state_drop "beside	$file"
            if [ -e "$file$beside_suffix" ] && [ ! -e "$file" ]; then
                mv -- "$file$beside_suffix" "$file" && say "renamed $file$beside_suffix back"
            fi
        fi
    done 5< <(state_get beside)
}
