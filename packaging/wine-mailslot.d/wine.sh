#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# wine-mailslot: where Wine is, and whether it finds our library when it is started by itself.
# shellcheck disable=SC2034,SC2154 # variables of the other parts
#
# winemailslot.dll has a Unix half, and Wine looks for that half in two places only: its own library
# folder and those that the environment variable WINEDLLPATH names. Plain `wine` knows nothing of
# WINEDLLPATH, so `install` puts two links into Wine's own folder where it may write there.

# --- own files ---

# Arguments: candidates. Prints the first folder that has our Windows libraries in it.
first_library_folder() {
    local folder
    for folder; do
        if [ -d "$folder/x86_64-windows" ] || [ -d "$folder/i386-windows" ]; then
            (cd "$folder" && pwd)
            return
        fi
    done
}

# Sets libdir, MAILSLOTD and MAILSLOTCTL: from the environment, the build tree, the folder that this
# script lies in or beside (wherever that was moved to), or where it was built for.
find_own_files() {
    local self self_dir tools
    self=$(readlink -f -- "${BASH_SOURCE[-1]}") || self=$0
    self_dir=${self%/*}
    if [ -n "${WINE_MAILSLOT_LIBDIR:-}" ]; then
        libdir=$(first_library_folder "$WINE_MAILSLOT_LIBDIR")
        libdir=${libdir:-$WINE_MAILSLOT_LIBDIR}
    else
        libdir=$(first_library_folder "$self_dir/dll" "$self_dir" \
            "$self_dir/../lib/wine-mailslot" "$self_dir"/../lib*/wine-mailslot \
            "$self_dir"/../lib/*/wine-mailslot "$pkglibdir")
    fi
    if [ ! -d "$libdir" ]; then
        fail "no libraries in ${libdir:-$pkglibdir}: build or install wine-mailslot," \
            "or set WINE_MAILSLOT_LIBDIR"
    fi
    for tools in "$self_dir/server-bridge" "$libdir/../server-bridge" "$self_dir" \
        "$libdir/../../bin" "$libdir/../../../bin" "$bindir"; do
        if [ -x "$tools/mailslotd" ]; then
            tools=$(cd "$tools" && pwd)
            break
        fi
    done
    own_daemon=$tools/mailslotd
    MAILSLOTD=${MAILSLOTD:-$own_daemon}
    MAILSLOTCTL=${MAILSLOTCTL:-$tools/mailslotctl}
    own_name=$self own_path=$self
    if [ "$(readlink -f -- "$(command -v wine-mailslot)")" = "$self" ]; then
        own_name=wine-mailslot
    fi
}

# Prints its arguments as one command that a shell takes as it is.
command_line() {
    local word line=
    for word; do
        case $word in
        '' | *[!A-Za-z0-9_@%+=:,./-]*) word="'${word//\'/\'\\\'\'}'" ;;
        esac
        line="$line${line:+ }$word"
    done
    printf '%s\n' "$line"
}

# The same for a command of ours, with the Wine that was asked about.
own_command() {
    if [ -n "$given_wine" ]; then
        command_line env "WINE=$WINE" "$own_name" "$@"
    else
        command_line "$own_name" "$@"
    fi
}

# Prints what brings our own files back.
reinstall_command() {
    local self
    self=$(readlink -f -- "${BASH_SOURCE[-1]}")
    if [ -f "${self%/*}/Makefile" ]; then
        command_line make -C "${self%/*}"
    elif dpkg-query -S "$self" >/dev/null 2>&1; then
        echo 'sudo apt-get install --reinstall wine-mailslot mailslotd'
    else
        echo "make install    (in the folder where wine-mailslot was built)"
    fi
}

# --- Wine ---

# Sets WINE to the command that the user, the prefix's manager or our own record names.
find_wine() {
    WINE=${WINE:-wine}
    case $WINE in
    /*) ;;
    */*) WINE=$PWD/$WINE ;; # it is remembered, and used from other folders
    esac
    if ! command -v -- "$WINE" >/dev/null; then
        fail "no command '$WINE': install wine, or set WINE to the wine command of your choice"
    fi
}

# Other commands than Wine's say nothing of the kind; what they are good for, `run` shows by itself.
wine_require() {
    case $("$WINE" --version 2>/dev/null </dev/null) in
    *[Ww]ine*) ;;
    *) fail "'$WINE --version' names no Wine: set WINE to the wine command of your choice. Nothing was done." ;;
    esac
}

# Prints "8.0" and the like, or nothing.
wine_version() {
    version_parse "$("$WINE" --version 2>/dev/null </dev/null)"
}

# Prints the folders of the same Wine that have the other bitness, given one: Debian's multiarch
# folders, lib and lib64.
wine_other_dirs() {
    echo "$1" | sed -n \
        -e 's|/x86_64-linux-gnu/|/i386-linux-gnu/|p' \
        -e 's|/i386-linux-gnu/|/x86_64-linux-gnu/|p' \
        -e 's|/lib64/|/lib/|p' \
        -e 's|/lib64/|/lib32/|p' \
        -e 's|/lib/\(wine[^/]*\)$|/lib64/\1|p' \
        -e 's|/lib/\(wine[^/]*\)$|/lib32/\1|p' \
        -e 's|/lib32/|/lib64/|p' \
        -e 's|/lib32/|/lib/|p'
}

# Prints the folders that may hold Wine's ARCH-windows, best first. Asking the dynamic linker which
# ntdll.so this command loads follows every wrapper script and costs 4 ms; the rest is for loaders
# that cannot be asked (static ones, other C libraries).
wine_dll_dirs() {
    local ntdll base loader_dir lib
    if [ -n "${WINE_MAILSLOT_WINEDLLDIR:-}" ]; then
        echo "$WINE_MAILSLOT_WINEDLLDIR"
        return
    fi
    ntdll=$(LD_DEBUG=files "$WINE" --version 2>&1 </dev/null |
        sed -n '/ntdll\.so/{s|^.*[ =]\(/.*/ntdll\.so\).*|\1|p;q;}')
    if [ -n "$ntdll" ]; then
        base=$(readlink -f -- "${ntdll%/*}/..")
        echo "$base"
        wine_other_dirs "$base"
        return
    fi
    loader_dir=$(readlink -f -- "$(command -v -- "$WINE")")
    loader_dir=${loader_dir%/*}
    for lib in lib lib64 lib32 lib/x86_64-linux-gnu lib/i386-linux-gnu; do
        echo "$loader_dir/../$lib/wine"
    done
    # Loaders that lie in LIB/wine (Debian) or in the dll folder itself
    echo "$loader_dir/../x86_64-linux-gnu/wine"
    echo "$loader_dir/../i386-linux-gnu/wine"
    echo "$loader_dir"
    echo "$loader_dir/.."
}

# Prints Wine's folder that has file $1 (as ARCH-windows/kernel32.dll) in it; wine_dirs is set.
wine_dir_with() {
    local dir
    while IFS= read -r dir; do
        if [ -f "$dir/$1" ]; then
            echo "$dir"
            return
        fi
    done <<<"$wine_dirs"
}

# Prints Wine's own kernel32.dll for architecture $1.
wine_kernel32() {
    local dir
    dir=$(wine_dir_with "$1-windows/kernel32.dll")
    [ -z "$dir" ] || echo "$dir/$1-windows/kernel32.dll"
}

# Prints x86_64, i386 or nothing: what kind of PE file $1 is.
pe_arch() {
    local offset
    offset=$(od -An -tu4 -j60 -N4 -- "$1" 2>/dev/null | tr -d ' ')
    case $offset in
    '' | ??????*) return ;;
    esac
    case $(od -An -tx1 -j"$((offset + 4))" -N2 -- "$1" 2>/dev/null | tr -d ' ') in
    6486) echo x86_64 ;;
    4c01) echo i386 ;;
    esac
}

bits_of() {
    case $1 in
    x86_64) echo 64-bit ;;
    *) echo 32-bit ;;
    esac
}

# --- our library in Wine's own folder ---

# Prints the two files, below a library folder, that Wine wants for programs of architecture $1. A
# Wine without 32-bit Unix libraries (new WoW64) runs 32-bit programs on the 64-bit ones.
wine_side_files() {
    local unix=$1
    if [ "$1" = i386 ] && [ -z "$(wine_dir_with i386-unix/ntdll.so)" ] &&
        [ -n "$(wine_dir_with x86_64-unix/ntdll.so)" ]; then
        unix=x86_64
    fi
    echo "$1-windows/winemailslot.dll"
    echo "$unix-unix/winemailslot.so"
}

# Prints where plain wine finds our library for architecture $1: a folder of its own, or one of
# WINEDLLPATH. Wine looks for the Unix half only where it found the Windows half.
wine_side_found() {
    local dir files
    mapfile -t files < <(wine_side_files "$1")
    while IFS= read -r dir; do
        if [ -n "$dir" ] && [ -f "$dir/${files[0]}" ] && [ -f "$dir/${files[1]}" ]; then
            echo "$dir"
            return
        fi
    done < <(printf '%s\n' "$wine_dirs"; tr ':' '\n' <<<"${WINEDLLPATH:-}")
}

# Prints Wine's folder where the library for architecture $1 belongs.
wine_side_home() {
    wine_dir_with "$1-windows/kernel32.dll"
}

# Links our library for architecture $1 into Wine's folder. 0: is there; 1: may not write there.
# What was linked is noted, so that the last uninstall can take it away.
wine_side_link() {
    local home file made=()
    home=$(wine_side_home "$1")
    [ -n "$home" ] || return 1
    while IFS= read -r file; do
        if [ -f "$home/$file" ] && [ ! -L "$home/$file" ]; then
            continue # a package's own
        fi
        if [ "$(readlink -- "$home/$file")" != "$libdir/$file" ]; then
            [ -w "$home/${file%/*}" ] || return 1
            list_add links "$home/$file"
            if ! put_link "$libdir/$file" "$home/$file"; then
                list_remove links "$home/$file"
                return 1
            fi
            made+=("$home/$file")
        fi
    done < <(wine_side_files "$1")
    if [ ${#made[@]} -gt 0 ]; then
        say "told $WINE where our $(bits_of "$1") library is: linked it into $home"
    fi
}

# Takes away links $@, if they are still ours.
wine_side_unlink() {
    local link
    for link; do
        case $link:$(readlink -- "$link") in
        */winemailslot.dll:*/winemailslot.dll | */winemailslot.so:*/winemailslot.so)
            rm -f -- "$link" && say "removed the link $link" && list_remove links "$link"
            ;;
        *)
            list_remove links "$link"
            ;;
        esac
    done
}

# Prints the command by which an administrator makes Wine find our library, or $1 (uninstall) forget it.
# sudo has its own PATH.
# shellcheck disable=SC2120 # install.sh passes one
wine_side_sudo() {
    local path
    path=$(command -v -- "$WINE")
    echo "sudo $(command_line env "WINE=${path:-$WINE}" "$own_path" "${1:-install}" --wine)"
}

# Prints what a user can do about plain wine not finding our library for architecture $1.
wine_side_advice() {
    if [ -w "$(wine_side_home "$1")" ]; then
        command_line env "WINE=$WINE" "$own_name" install --wine
    else
        wine_side_sudo
    fi
}
