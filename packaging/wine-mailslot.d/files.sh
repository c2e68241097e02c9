#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# wine-mailslot: our libraries in the system folders of a prefix, and the way back.
# shellcheck disable=SC2034,SC2154 # variables of the other parts
#
# Programs without an override keep using Wine's kernel32: its built-in rule for this library beats
# the file in system32. So the files alone change nothing, and `run` leaves them for the next time.

# Prints x86_64 or i386: what kind of prefix it is. Its ntdll.dll says so before the registry does,
# which Wine writes only when its server ends.
prefix_arch() {
    local arch
    arch=$(pe_arch "$prefix/drive_c/windows/system32/ntdll.dll")
    if [ -z "$arch" ] && grep -qm1 '^#arch=win32' "$prefix/system.reg" 2>/dev/null; then
        arch=i386
    fi
    echo "${arch:-x86_64}"
}

# Prints the bitness folders of the prefix, "FOLDER tab ARCH".
prefix_system_dirs() {
    local windows=$prefix/drive_c/windows
    if [ "$(prefix_arch)" = i386 ]; then
        printf '%s\ti386\n' "$windows/system32"
        return
    fi
    printf '%s\tx86_64\n' "$windows/system32"
    if [ -e "$windows/syswow64/kernel32.dll" ] || [ -e "$windows/syswow64/ntdll.dll" ]; then
        printf '%s\ti386\n' "$windows/syswow64"
    fi
}

is_ours() {
    grep -qaF 'wine-mailslot: ' -- "$1" 2>/dev/null
}

# A library is Wine's own, with a Unix half, if it bears this mark.
has_builtin_mark() {
    [ "$(tail -c +65 -- "$1" 2>/dev/null | head -c 16)" = 'Wine builtin DLL' ]
}

# Whether Wine has put it there: a library of its own, or what stands for one.
is_of_wine() {
    case $(tail -c +65 -- "$1" 2>/dev/null | head -c 20 | tr -d '\0') in
    'Wine builtin DLL'* | 'Wine placeholder DLL'*) return 0 ;;
    esac
    return 1
}

# Puts file $1 at $2 if something else is there. A rename, so that a program that starts at the
# same moment sees the old file or the new one.
put_copy() {
    if [ ! -L "$2" ] && cmp -s -- "$1" "$2"; then
        return 0
    fi
    cp -- "$1" "$2.new.$$" && chmod 644 "$2.new.$$" && mv -f -- "$2.new.$$" "$2"
}

put_link() {
    if [ "$(readlink -- "$2")" = "$1" ]; then
        return 0
    fi
    ln -s -- "$1" "$2.new.$$" && mv -f -- "$2.new.$$" "$2"
}

# Keeps what system folder $1 had before us, as it is (date and all), for the way back. A Wine that
# knows our library has put a winemailslot.dll there by itself: that was there before us only if
# nothing of ours was in the prefix (prefix_is_fresh), as an update may add a folder later. What lies in our
# place now becomes the original only if Wine has put it there (wineboot -u does), or if there is none.
keep_originals() {
    local dll
    if ! is_ours "$1/kernel32.dll" &&
        { is_of_wine "$1/kernel32.dll" || ! system_dir_has_original "$1"; }; then
        cp -pPf -- "$1/kernel32.dll" "$1/kernel32.dll.wine-mailslot-orig.$$" || return 1
        if [ "$prefix_is_fresh" = yes ]; then
            for dll in winemailslot.dll kernel32w.dll; do
                if [ -e "$1/$dll" ] || [ -L "$1/$dll" ]; then
                    mv -f -- "$1/$dll" "$1/$dll.wine-mailslot-orig" || return 1
                fi
            done
        fi
        mv -f -- "$1/kernel32.dll.wine-mailslot-orig.$$" "$1/kernel32.dll.wine-mailslot-orig"
    fi
}

system_dir_has_original() {
    [ -e "$1/kernel32.dll.wine-mailslot-orig" ] || [ -L "$1/kernel32.dll.wine-mailslot-orig" ]
}

# Whether system folder $1 of the prefix has all it needs for architecture $2.
system_dir_ready() {
    [ ! -L "$1/kernel32.dll" ] && cmp -s -- "$libdir/$2-windows/kernel32.dll" "$1/kernel32.dll" &&
        cmp -s -- "$libdir/$2-windows/winemailslot.dll" "$1/winemailslot.dll" &&
        [ "$(readlink -- "$1/kernel32w.dll")" = "$(wine_kernel32 "$2")" ]
}

# Makes system folder $1 of the prefix ready for architecture $2.
system_dir_prepare() {
    local theirs dll
    theirs=$(wine_kernel32 "$2")
    if [ -z "$theirs" ]; then
        say "cannot find Wine's own $2-windows/kernel32.dll. Looked in:"
        echo "$wine_dirs" | sed 's/^/  /' >&2
        fail "set WINE_MAILSLOT_WINEDLLDIR to the folder that has $2-windows in it"
    fi
    for dll in kernel32.dll winemailslot.dll; do
        if [ ! -f "$libdir/$2-windows/$dll" ]; then
            fail "$libdir/$2-windows/$dll is missing: build or install wine-mailslot for $2"
        fi
    done
    # Wine cannot start without it, so 'wineboot -u' does not bring it back.
    if [ ! -f "$1/kernel32.dll" ] && ! system_dir_has_original "$1"; then
        put_copy "$theirs" "$1/kernel32.dll" ||
            fail "cannot write into $1: check its permissions and the free space"
    fi
    # The replacement comes last: it needs the other two. winemailslot.dll is a copy, as
    # 'wineboot -u' writes it anew, through a link if it finds one.
    if keep_originals "$1" && put_link "$theirs" "$1/kernel32w.dll" &&
        put_copy "$libdir/$2-windows/winemailslot.dll" "$1/winemailslot.dll" &&
        put_copy "$libdir/$2-windows/kernel32.dll" "$1/kernel32.dll"; then
        return 0
    fi
    fail "cannot write into $1: check its permissions and the free space"
}

prefix_require_own() {
    if [ -z "$(find "$prefix/." -prune -user "$(id -u)")" ]; then
        fail "$prefix belongs to another user: run wine-mailslot as that user"
    fi
    [ -w "$prefix" ] || fail "cannot write into $prefix: check its permissions. Nothing was done."
}

# Makes the prefix ready for programs of each bitness that it has. With an argument, says so.
prefix_prepare() {
    local dir arch ready=yes
    while IFS='	' read -r dir arch; do
        system_dir_ready "$dir" "$arch" || ready=no
    done < <(prefix_system_dirs)
    if [ "$ready" = no ]; then
        prefix_require_own
        prefix_lock
        prefix_is_fresh=yes
        ! prefix_has_ours || prefix_is_fresh=no
        while IFS='	' read -r dir arch <&3; do
            if ! system_dir_ready "$dir" "$arch"; then
                system_dir_prepare "$dir" "$arch"
                [ $# = 0 ] || say "put our $(bits_of "$arch") libraries into $dir"
            fi
        done 3< <(prefix_system_dirs)
    fi
}

# Whether Wine itself has updated the prefix since the original in system folder $1 was kept: then
# the libraries that Wine keeps there as copies are those of Wine now, and the kept one is not.
original_is_outdated() {
    local theirs
    theirs=$(wine_kernel32 "$2")
    [ -n "$theirs" ] && [ ! -L "$1/kernel32.dll.wine-mailslot-orig" ] &&
        ! cmp -s -- "$theirs" "$1/kernel32.dll.wine-mailslot-orig" &&
        cmp -s -- "${theirs%/*}/kernelbase.dll" "$1/kernelbase.dll"
}

# Puts back what system folder $1 (architecture $2) had before us.
system_dir_restore() {
    local dll
    if original_is_outdated "$1" "$2"; then
        say "Wine has updated $prefix since: $1/kernel32.dll becomes that of this Wine"
        cp -- "$(wine_kernel32 "$2")" "$1/kernel32.dll.wine-mailslot-orig"
    fi
    if ! system_dir_has_original "$1" && is_ours "$1/kernel32.dll"; then
        say "what was in $1 before is gone: kernel32.dll becomes that of this Wine"
        cp -- "$(wine_kernel32 "$2")" "$1/kernel32.dll.wine-mailslot-orig" || return 1
    fi
    if ! is_ours "$1/kernel32.dll" && [ -e "$1/kernel32.dll" ]; then
        rm -f -- "$1/kernel32.dll.wine-mailslot-orig" # somebody else has put another there
    fi
    for dll in kernel32.dll winemailslot.dll kernel32w.dll; do
        if [ -e "$1/$dll.wine-mailslot-orig" ] || [ -L "$1/$dll.wine-mailslot-orig" ]; then
            mv -f -- "$1/$dll.wine-mailslot-orig" "$1/$dll" || return 1
        elif [ "$dll" != kernel32.dll ]; then
            rm -f -- "$1/$dll" || return 1
        fi
    done
}

# Whether system folder $1 has anything of ours.
system_dir_has_ours() {
    is_ours "$1/kernel32.dll" || system_dir_has_original "$1"
}

# Whether anything of ours is in the prefix.
prefix_has_ours() {
    local dir
    [ ! -f "$(state_file)" ] || return 0
    while IFS= read -r dir; do
        ! system_dir_has_ours "$dir" || return 0
    done < <(prefix_system_dirs | cut -f1)
    return 1
}

# Puts back all system folders.
prefix_restore() {
    local dir arch
    while IFS='	' read -r dir arch <&3; do
        if system_dir_has_ours "$dir"; then
            system_dir_restore "$dir" "$arch" ||
                fail "cannot write into $dir: check its permissions and the free space"
            say "put back what was in $dir before"
        fi
    done 3< <(prefix_system_dirs)
}
