#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# wine-mailslot install and uninstall.
# shellcheck disable=SC2034,SC2154 # variables of the other parts

# --- which programs, which prefix ---

# Sets, from the command line of command $1: option_prefix, option_all, option_wine, and apps, paths
# (arrays of names and of Unix paths, empty where unknown, one for each program).
parse_options() {
    local command=$1
    shift
    option_prefix='' option_all=no option_wine=no apps=() paths=()
    while [ $# -gt 0 ]; do
        case $1 in
        --prefix | --app)
            [ $# -ge 2 ] || usage_error "$command: $1 needs a value"
            if [ "$1" = --prefix ]; then
                option_prefix=$2
                [ -n "$2" ] || usage_error "$command: --prefix needs a folder"
            else
                add_program "$command" "$2"
            fi
            shift
            ;;
        --prefix=*)
            option_prefix=${1#*=}
            [ -n "$option_prefix" ] || usage_error "$command: --prefix needs a folder"
            ;;
        --app=*) add_program "$command" "${1#*=}" ;;
        --all) option_all=yes ;;
        --wine) option_wine=yes ;;
        --)
            shift
            break
            ;;
        --help | -h)
            usage
            exit 0
            ;;
        -*) usage_error "$command: unknown option '$1'" ;;
        *) add_program "$command" "$1" ;;
        esac
        shift
    done
    while [ $# -gt 0 ]; do
        add_program "$command" "$1"
        shift
    done
    parse_options_fit "$command"
}

# Whether command $1 takes what was said.
parse_options_fit() {
    case $1 in
    status) [ ${#apps[@]} = 0 ] || usage_error "status: takes no program, it tells of all: say --prefix" ;;
    uninstall) [ "$option_all" = no ] || usage_error "uninstall: without a program it undoes all; there is no --all" ;;
    esac
    case $1 in
    status | doctor)
        [ "$option_all$option_wine" = nono ] || usage_error "$1: takes neither --all nor --wine"
        ;;
    *)
        [ "$option_wine" = no ] || [ "${#apps[@]}$option_all$option_prefix" = 0no ] ||
            usage_error "$1 --wine is about Wine, not about programs or prefixes: run it by itself"
        ;;
    esac
}

# Adds program $2 of command $1: a name, a Unix path or a Windows path. What was removed can be uninstalled.
add_program() {
    local name=${2##*[/\\]} path=''
    case $name in
    '' | . | .. | *[[:cntrl:]]* | *[\<\>:\"\|?*]*)
        usage_error "$1: $(command_line "$2") is no program: Windows has no files of such a name" ;;
    esac
    case $2 in
    [A-Za-z]:*) path=$2 ;;
    */*)
        [ "$1" != install ] || [ -f "$2" ] || fail "there is no file $2"
        path=$(cd "$(dirname -- "$2")" 2>/dev/null && pwd)/$name
        ;;
    *)
        # In the folder of the program its name is enough.
        [ ! -f "$2" ] || [ -z "$(prefix_of_path "$2")" ] || path=$PWD/$name
        ;;
    esac
    if [ "$1" = install ] && [ -f "$path" ] && [ -r "$path" ] && [ -z "$(pe_arch "$path")" ]; then
        fail "$2 is no Windows program of 32 or 64 bit"
    fi
    apps+=("$name")
    paths+=("$path")
}

# Sets prefix: the one given, that of the environment, the one that the program lies in, Wine's own.
choose_prefix() {
    local path inside=''
    for path in "${paths[@]}"; do
        case $path in
        /*) inside=$(prefix_of_path "$path") ;;
        esac
        [ -z "$inside" ] || break
    done
    if [ -n "$option_prefix" ]; then
        prefix=$option_prefix
    elif [ -n "${WINEPREFIX:-}" ]; then
        prefix=$WINEPREFIX
        if [ -n "$inside" ] && [ ! "$inside" -ef "$(prefix_normal "$prefix")" ]; then
            usage_error "$path lies in the prefix $inside, but WINEPREFIX says $prefix:" \
                "say which one with --prefix"
        fi
    else
        prefix=${inside:-$HOME/.wine}
    fi
    case $prefix in
    /*) ;;
    *) prefix=$PWD/$prefix ;;
    esac
    prefix=$(prefix_normal "$prefix")
    export WINEPREFIX=$prefix
}

# Prints the Unix path of Windows path $1 (upper and lower case as given, or else as found).
unix_path() {
    local drive rest
    drive=$(tr '[:upper:]' '[:lower:]' <<<"${1%%:*}")
    rest=${1#?:}
    rest=$prefix/dosdevices/$drive:/${rest//\\//}
    if [ -e "$rest" ]; then
        echo "$rest"
    else
        find "$prefix/dosdevices/$drive:/" -maxdepth 6 -ipath "$(sed 's|//*|/|g; s/[][*?\\]/\\&/g' \
            <<<"$rest")" -print -quit 2>/dev/null
    fi
}

# Prints the Unix path of program number $1, if its file is known.
program_unix_path() {
    path_here "${paths[$1]}"
}

# Prints the Unix path of what $1 (a Unix path, a Windows path, or nothing) names.
path_here() {
    case $1 in
    /*) printf '%s\n' "$1" ;;
    ?*) unix_path "$1" ;;
    esac
}

# Prints the architecture of program number $1, if its file is known.
program_arch() {
    local path
    path=$(program_unix_path "$1")
    [ -z "$path" ] || pe_arch "$path"
}

# Refuses programs that this prefix cannot run at all.
programs_require_bitness() {
    local i arch
    for i in "${!apps[@]}"; do
        arch=$(program_arch "$i")
        if [ -n "$arch" ] && ! prefix_system_dirs | cut -f2 | grep -qx "$arch"; then
            fail "${apps[$i]} is a $(bits_of "$arch") program, and $prefix has no $(bits_of "$arch")" \
                "part. Nothing was done. This may help: $(bitness_advice "$arch")"
        fi
    done
}

# Prints the command that helps when the prefix, or its Wine, lacks architecture $1.
bitness_advice() {
    local boot
    boot=$(command_line env "WINEPREFIX=$prefix" "$WINE" wineboot -u)
    if [ "$1" = x86_64 ] && [ -z "$(wine_kernel32 x86_64)" ]; then
        echo "sudo apt-get install wine64 && $boot"
    elif [ "$1" = x86_64 ]; then
        command_line env "WINEPREFIX=$prefix-64" WINEARCH=win64 "$WINE" wineboot -i
    elif [ -z "$(wine_kernel32 i386)" ]; then
        echo "sudo dpkg --add-architecture i386 && sudo apt-get update &&" \
            "sudo apt-get install wine32:i386 && $boot"
    else
        echo "$boot"
    fi
}

# --- install ---

# Makes plain wine find our library for every bitness of the prefix; false if it does not.
wine_side_install() {
    local arch all=0
    while IFS= read -r arch <&3; do
        if [ -z "$(wine_side_found "$arch")" ] && ! wine_side_link "$arch"; then
            all=1
        fi
    done 3< <(prefix_system_dirs | cut -f2)
    return "$all"
}

# Says what to do about it, once.
wine_side_complain() {
    local arch
    while IFS= read -r arch; do
        if [ -z "$(wine_side_found "$arch")" ]; then
            say "not active yet: Wine does not find our $(bits_of "$arch") library, and only an" \
                "administrator may write into $(wine_side_home "$arch"). One of these helps:"
            say "  $(wine_side_advice "$arch")"
            say "  export WINEDLLPATH=$(command_line "$libdir")     (in ~/.profile; for Lutris," \
                "Bottles and Steam in their own environment settings)"
            say "  $(command_line env "WINEPREFIX=$prefix" "$own_name" run PROGRAM)     (instead of wine)"
            return
        fi
    done < <(prefix_system_dirs | cut -f2)
}

# Notes program number $1 and sets its override.
install_program() {
    local name arch before line
    name=$(installed_as "${apps[$1]}")
    name=${name:-${apps[$1]}}
    [ -n "${paths[$1]}" ] || paths[$1]=$(state_get app | registry_field "$name" | cut -f2)
    arch=$(program_arch "$1")
    before=$(override_get "$name")
    override_add "$name"
    line="$name	${arch:+$(bits_of "$arch")}	${paths[$1]}"
    beside_hide_all "$name" "$(program_unix_path "$1")" "$arch"
    if ! state_get app | grep -qxF -- "$line"; then
        state_drop "app	$name	"
        state_add app "$line"
    fi
    if override_is_ours "$before"; then
        say "$name${arch:+ ($(bits_of "$arch"))} was installed already"
    else
        say "$name${arch:+ ($(bits_of "$arch"))} will use our mailslots when started with $WINE"
    fi
    case $name in
    *.[Ee][Xx][Ee]) ;;
    *) say "note: Wine goes by the whole file name, and $name does not end in .exe" ;;
    esac
}

install_all() {
    if override_is_ours "$(override_get '')"; then
        say "all programs of this prefix were set to use our mailslots already"
    else
        say "all programs of this prefix will use our mailslots when started with $WINE"
    fi
    override_add ''
    state_set all yes
    beside_hide_all '' '' ''
}

install_usage() {
    usage_error "install: for which program? Say" \
        "'$own_name install PROGRAM.exe' (a path or a name): only that program uses our mailslots;" \
        "or '$own_name install --all': every program of the prefix does"
}

cmd_install() {
    local i
    parse_options install "$@"
    find_own_files
    if [ "$option_wine" = yes ]; then
        install_wine
        return
    fi
    [ ${#apps[@]} -gt 0 ] || [ "$option_all" = yes ] || install_usage
    [ ${#apps[@]} = 0 ] || [ "$option_all" = no ] ||
        usage_error "install: name programs, or say --all, not both"
    choose_prefix
    prefix_require
    prefix_require_own
    prefix_find_wine
    wine_require
    programs_require_bitness
    prefix_lock
    prefix_require_idle
    say "prefix $prefix ($(prefix_kind "$prefix"), Wine $(wine_version))"
    list_add prefixes "$prefix"
    prefix_prepare aloud
    state_set version "$version"
    state_set wine "$(command -v -- "$WINE")"
    for i in "${!apps[@]}"; do
        install_program "$i"
    done
    [ "$option_all" = no ] || install_all
    if ! wine_side_install; then
        wine_side_complain
        return 1
    fi
    say "undo it with: $(command_line "$own_name" uninstall --prefix "$prefix")"
}

# `install --wine`: only makes plain wine find our library.
install_wine() {
    local arch done_any=no
    find_wine
    wine_require
    wine_dirs=$(wine_dll_dirs)
    for arch in x86_64 i386; do
        [ -n "$(wine_side_home "$arch")" ] || continue
        if ! wine_side_link "$arch"; then
            fail "may not write into $(wine_side_home "$arch"): run this as its owner:" \
                "$(wine_side_sudo)"
        fi
        say "$WINE finds our $(bits_of "$arch") library in $(wine_side_home "$arch")"
        done_any=yes
    done
    [ "$done_any" = yes ] || fail "cannot find the libraries of $WINE: set WINE_MAILSLOT_WINEDLLDIR"
}

# --- uninstall ---

# Undoes the override of program $1 (empty: all programs). One that was there before us stays.
uninstall_override() {
    local who=${1:-every program} key
    override_remove "$1"
    if [ -n "$1" ]; then
        state_drop "app	$1	"
    else
        state_set all
    fi
    if override_is_ours "$(override_get "$1")"; then
        key=HKCU\\Software\\Wine${1:+\\AppDefaults\\$1}\\DllOverrides
        say "the override of $who was there before wine-mailslot, and stays. To remove it:" \
            "$(command_line env "WINEPREFIX=$prefix" "$WINE" reg delete "$key" /v kernel32 /f)"
    elif [ -n "$1" ] && [ -n "$(state_get all)" ]; then
        say "$1 is no longer set by itself, and still uses our mailslots: every program of the prefix does"
    elif [ -n "$1" ]; then
        say "$1 uses Wine's own mailslots again"
    else
        say "programs of this prefix use Wine's own mailslots again"
    fi
}

# The names of installed programs, one a line.
installed_apps() {
    state_get app | cut -f1
}

# Whether programs of the prefix are set to use ours also when started with plain wine.
prefix_has_installed() {
    [ -n "$(installed_apps)$(state_get all)" ]
}

# Print the architecture and the Unix path of installed program $1, if they are known.
installed_arch() {
    case $(state_get app | registry_field "$1" | cut -f1) in
    64-bit) echo x86_64 ;;
    32-bit) echo i386 ;;
    esac
}

installed_path() {
    path_here "$(state_get app | registry_field "$1" | cut -f2)"
}

# Prints the name that was installed and is $1 for Windows, which does not heed letter case.
installed_as() {
    installed_apps | LC_ALL=C.UTF-8 grep -ixF -- "$1" | head -n 1
}

# Undoes programs $@ only; false if none of them was installed.
uninstall_programs() {
    local name found any=1
    for name; do
        found=$(installed_as "$name")
        if [ -n "$found" ]; then
            uninstall_override "$found"
            any=0
        elif [ -n "$(state_get all)" ]; then
            say "$name was not installed by itself: every program of $prefix uses our mailslots. Undo that with:" \
                "$(command_line "$own_name" uninstall --prefix "$prefix")"
        else
            say "$name was not installed in $prefix"
        fi
    done
    return "$any"
}

uninstall_everything() {
    local name
    [ -z "$(state_get all)" ] || uninstall_override ''
    while IFS= read -r name <&4; do
        uninstall_override "$name"
    done 4< <(installed_apps)
    beside_restore
    prefix_restore
    rm -f -- "$(state_file)"
    prefix_forget
    say "nothing of wine-mailslot is left in $prefix"
}

# Takes the prefix, and those that somebody has removed with all that was in them, off the list; after
# the last one, our links in Wine's folders go, too.
prefix_forget() {
    local dir links
    list_remove prefixes "$prefix"
    while IFS= read -r dir; do
        if [ ! -d "$dir" ] || [ "$dir" -ef "$prefix" ]; then
            list_remove prefixes "$dir"
        fi
    done < <(list_print prefixes)
    if [ -z "$(list_print prefixes)" ]; then
        mapfile -t links < <(list_print links)
        wine_side_unlink "${links[@]}"
    fi
}

cmd_uninstall() {
    parse_options uninstall "$@"
    find_own_files
    if [ "$option_wine" = yes ]; then
        uninstall_wine
        return
    fi
    choose_prefix
    if [ ! -e "$prefix" ] && list_print prefixes | grep -qxF -- "$prefix"; then
        prefix_forget
        say "$prefix is gone, and so is what was in it"
        return
    fi
    prefix_require
    prefix_require_own
    prefix_find_wine
    if ! prefix_has_ours; then
        prefix_forget
        say "nothing of wine-mailslot is in $prefix"
        return
    fi
    prefix_lock
    prefix_require_idle
    say "prefix $prefix"
    if [ ${#apps[@]} -gt 0 ]; then
        uninstall_programs "${apps[@]}" || return 0
        beside_restore
        ! prefix_has_installed || return 0
        say "that was the last one"
    fi
    uninstall_everything
}

# `uninstall --wine`: Wine forgets our library.
uninstall_wine() {
    local arch file home links=()
    find_wine
    wine_dirs=$(wine_dll_dirs)
    for arch in x86_64 i386; do
        home=$(wine_side_home "$arch")
        [ -n "$home" ] || continue
        while IFS= read -r file; do
            [ ! -L "$home/$file" ] || links+=("$home/$file")
        done < <(wine_side_files "$arch")
    done
    for file in "${links[@]}"; do
        [ -w "${file%/*}" ] ||
            fail "may not write into ${file%/*}: run this as its owner: $(wine_side_sudo uninstall)"
    done
    if [ ${#links[@]} = 0 ]; then
        say "$WINE has no link to our library"
    fi
    wine_side_unlink "${links[@]}"
}
