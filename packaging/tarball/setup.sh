#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Puts the unpacked wine-mailslot into ~/.local, or another folder, and takes it away again.
set -eu

usage() {
    cat <<END
usage: ./setup.sh install [FOLDER]     copy the commands to FOLDER/bin, the rest below FOLDER
       ./setup.sh uninstall [FOLDER]   remove exactly what install put there
       ./setup.sh check                say what this computer lacks, if anything
FOLDER is \$HOME/.local unless named. Install again to update.
END
}

say() {
    printf 'setup.sh: %s\n' "$*" >&2
}

fail() {
    say "$@"
    exit 1
}

here=$(dirname "$(readlink -f "$0")")

# Prints what is to be installed: path in this folder, path below FOLDER; a tab between.
files() {
    (
        cd "$here"
        for file in bin/*; do
            printf '%s\t%s\n' "$file" "$file"
        done
        for file in x86_64/*/* i386/*/*; do
            printf '%s\t%s\n' "$file" "lib/wine-mailslot/${file#*/}"
        done
        for file in README COPYING firewall/*; do
            printf '%s\t%s\n' "$file" "share/doc/wine-mailslot/$file"
        done
        printf '%s\t%s\n' mailslot.verb share/wine-mailslot/mailslot.verb
        printf '%s\t%s\n' setup.sh lib/wine-mailslot/setup.sh
        for file in share/man/*/*; do
            [ ! -f "$file" ] || printf '%s\t%s\n' "$file" "$file"
        done
    )
}

tab=$(printf '\t')
readonly LIST=lib/wine-mailslot/installed-files

cmd_install() {
    [ -d "$here/x86_64" ] || fail "install: run the setup.sh of the unpacked tarball"
    case $folder/ in
    "$here"/*) fail "install: $folder is in the tarball's own folder, which works where it is" ;;
    esac
    # Nobody else's file is overwritten: what is there must be on the list of an earlier install.
    files | while IFS=$tab read -r _ to; do
        if [ -e "$folder/$to" ] && ! grep -qxF -- "$to" "$folder/$LIST" 2>/dev/null; then
            fail "$folder/$to is there and not from an earlier install: move it away"
        fi
    done || exit
    mkdir -p "$folder/lib/wine-mailslot"
    # What a former version had and this one has not goes; the list comes before the files, so
    # that an install that breaks off can be undone.
    files | cut -f 2 >"$folder/$LIST.new"
    if [ -f "$folder/$LIST" ]; then
        grep -vxFf "$folder/$LIST.new" "$folder/$LIST" | while IFS= read -r to; do
            remove_file "$to"
        done
    fi
    mv -f "$folder/$LIST.new" "$folder/$LIST"
    files | while IFS=$tab read -r from to; do
        mkdir -p "$folder/$(dirname "$to")"
        # Renamed into place: a program that runs keeps the file that it has.
        cp "$here/$from" "$folder/$to.new"
        mv -f "$folder/$to.new" "$folder/$to"
    done
    say "installed to $folder"
    case :$PATH: in
    *:"$folder/bin":*) ;;
    *) say "note: $folder/bin is not in your PATH" ;;
    esac
}

# Removes a file of ours and the folders that are empty then, but never FOLDER itself.
remove_file() {
    rm -f -- "$folder/$1"
    parent=$(dirname "$1")
    while [ "$parent" != . ] && rmdir -- "$folder/$parent" 2>/dev/null; do
        parent=$(dirname "$parent")
    done
}

cmd_uninstall() {
    [ -f "$folder/$LIST" ] || fail "uninstall: nothing was installed to $folder by setup.sh"
    while IFS= read -r to; do
        case /$to/ in
        */../* | //*) fail "$folder/$LIST is damaged: $to" ;;
        esac
        remove_file "$to"
    done <"$folder/$LIST"
    remove_file "$LIST"
    say "removed from $folder"
}

cmd_check() {
    bad=0
    for program in mailslotd mailslotctl; do
        missing=$(ldd "$here/bin/$program" 2>&1 | grep -E 'not found|not a dynamic') || continue
        bad=1
        say "$program lacks:"
        echo "$missing" >&2
        say "on Debian and Ubuntu: apt install libsystemd0 libjansson4 libinih1"
    done
    if ! command -v "${WINE:-wine}" >/dev/null; then
        bad=1
        say "there is no command ${WINE:-wine}: install Wine, or set WINE"
    fi
    [ "$bad" != 0 ] || say "all is there"
    exit "$bad"
}

folder=${2:-${HOME:?}/.local}
case $folder in
/*) ;;
*) folder=$PWD/$folder ;;
esac
case $#:${1:-} in
[12]:install) cmd_install ;;
[12]:uninstall) cmd_uninstall ;;
1:check) cmd_check ;;
1:--help | 1:-h) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
