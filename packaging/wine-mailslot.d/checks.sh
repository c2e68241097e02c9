#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# wine-mailslot: what can be wrong in a prefix, and the command that fixes it.
# shellcheck disable=SC2034,SC2154 # variables of the other parts
#
# Each check calls report; `doctor` shows all of them, `status` takes the first problem as the
# reason why something is not active.

# Arguments: ok, note or problem; what; the command that fixes it (or helps). What concerns programs
# of one bitness only is reported with that in report_arch.
report_arch=''
report() {
    levels+=("$1")
    archs+=("$report_arch")
    texts+=("$2")
    fixes+=("${3:-}")
}

report_clear() {
    levels=() archs=() texts=() fixes=()
}

# Prints the number of the first problem of a program of architecture $1 (empty: any), or nothing.
report_first_problem() {
    local i
    for i in "${!levels[@]}"; do
        if [ "${levels[$i]}" = problem ] &&
            { [ -z "$1" ] || [ -z "${archs[$i]}" ] || [ "${archs[$i]}" = "$1" ]; }; then
            echo "$i"
            return
        fi
    done
}

# Prints the install command that makes the prefix what it was meant to be; or that of `run`.
repair_command() {
    local name words=(install --prefix "$prefix")
    while IFS= read -r name; do
        words+=(--app "$name")
    done < <(installed_apps)
    if [ -n "$(state_get all)" ]; then
        words=(install --prefix "$prefix" --all)
    elif [ -z "$(installed_apps)" ]; then
        command_line env "WINEPREFIX=$prefix" "WINE=$WINE" "$own_name" run cmd /c exit
        return
    fi
    own_command "${words[@]}"
}

check_wine() {
    local found name level what
    found=$(wine_version)
    if [ -z "$found" ]; then
        report note "$WINE does not tell its version; tested are 8.0 and 10.0, and 11.10 was tried"
        return
    fi
    IFS='	' read -r _ name level what <<<"$(version_row "$found")"
    case $level in
    old)
        report problem "Wine $found ($WINE) is too old ($name): $what" \
            "env WINE=/path/to/newer/wine $(command_line "$own_name" doctor --prefix "$prefix")"
        ;;
    untried)
        report note "Wine $found ($WINE) belongs to $name: $what" \
            "env WINE=/path/to/tested/wine $(command_line "$own_name" doctor --prefix "$prefix")"
        ;;
    *) report ok "Wine $found ($WINE) belongs to $name: $what" ;;
    esac
}

# kernel32.dll in system folder $1 for architecture $2.
check_kernel32() {
    local arch
    arch=$(pe_arch "$1/kernel32.dll")
    if [ -z "$arch" ]; then
        report problem "$1/kernel32.dll is missing or no Windows library" "$(repair_command)"
    elif [ "$arch" != "$2" ]; then
        report problem "$1/kernel32.dll is for $(bits_of "$arch") programs: wrong bitness" \
            "$(repair_command)"
    elif ! is_ours "$1/kernel32.dll"; then
        report problem "$1/kernel32.dll is not ours: something has replaced it" "$(repair_command)"
    elif ! cmp -s "$libdir/$2-windows/kernel32.dll" "$1/kernel32.dll"; then
        report problem "$1/kernel32.dll is of another version of wine-mailslot than $version" \
            "$(repair_command)"
    else
        return 0
    fi
    return 1
}

# winemailslot.dll in system folder $1 for architecture $2.
check_layer() {
    local file=$libdir/$2-windows/winemailslot.dll fix
    if [ ! -f "$file" ] || [ ! -f "$libdir/$2-windows/kernel32.dll" ]; then
        report problem "$libdir/$2-windows has not all of our libraries" "$(reinstall_command)"
    elif ! has_builtin_mark "$file"; then
        fix="printf 'Wine builtin DLL\\0' | dd of=$(command_line "$file") bs=1 seek=64 conv=notrunc status=none"
        has_builtin_mark "$1/winemailslot.dll" || fix="$fix && $(repair_command)" # that is a copy of it
        report problem "$file has lost its builtin mark (a strip does that): it cannot have its Unix half" "$fix"
    elif [ ! -f "$1/winemailslot.dll" ]; then
        report problem "$1/winemailslot.dll is missing" "$(repair_command)"
    elif ! has_builtin_mark "$1/winemailslot.dll"; then
        report problem "$1/winemailslot.dll has no builtin mark: it cannot have its Unix half" \
            "$(repair_command)"
    elif ! cmp -s "$file" "$1/winemailslot.dll"; then
        report problem "$1/winemailslot.dll is of another version or bitness" "$(repair_command)"
    else
        return 0
    fi
    return 1
}

# kernel32w.dll in system folder $1 for architecture $2: the way to Wine's own kernel32.
check_link() {
    local to theirs
    to=$(readlink -- "$1/kernel32w.dll")
    theirs=$(wine_kernel32 "$2")
    if [ -z "$theirs" ]; then
        report problem "cannot find the $(bits_of "$2") kernel32.dll of $WINE" \
            "$(bitness_advice "$2")"
    elif [ ! -e "$1/kernel32w.dll" ] && [ -z "$to" ]; then
        report problem "the link $1/kernel32w.dll to Wine's own kernel32 is missing" "$(repair_command)"
    elif [ ! -e "$1/kernel32w.dll" ]; then
        report problem "the link to Wine's own kernel32 is broken: $1/kernel32w.dll leads to $to, which is not there" \
            "$(repair_command)"
    elif [ ! "$1/kernel32w.dll" -ef "$theirs" ]; then
        report problem "$1/kernel32w.dll leads to another Wine: $(readlink -f -- "$1/kernel32w.dll")" \
            "$(repair_command)"
    else
        return 0
    fi
    return 1
}

check_system_dirs() {
    local dir arch
    while IFS='	' read -r dir arch; do
        report_arch=$arch
        if check_layer "$dir" "$arch" && check_link "$dir" "$arch" && check_kernel32 "$dir" "$arch"; then
            report ok "$(bits_of "$arch") libraries are in $dir"
        fi
    done < <(prefix_system_dirs)
    report_arch=''
}

# Whether plain wine finds our Unix half; only what is started with plain wine needs that.
check_wine_side() {
    local arch
    while IFS= read -r arch; do
        report_arch=$arch
        if [ -n "$(wine_side_found "$arch")" ]; then
            report ok "Wine finds our $(bits_of "$arch") library in $(wine_side_found "$arch")"
        else
            report problem "$WINE does not find our $(bits_of "$arch") library by itself" \
                "$(wine_side_advice "$arch")"
        fi
    done < <(prefix_system_dirs | cut -f2)
    report_arch=''
}

# The override of program $1 (empty: of all), in each place that programs look at.
check_override() {
    local key value good=yes
    while IFS= read -r key; do
        value=$(override_value "$key")
        report_arch=''
        if override_is_redirected "$key"; then
            report_arch=i386
            [ "$(installed_arch "$1")" != x86_64 ] || continue
        fi
        if override_is_ours "$value"; then
            continue
        elif [ -n "$report_arch" ]; then
            report problem "${1:-every program} has no override below HKCU\\${wow_node//\\\\/\\}, where 32-bit programs look since that key is there" \
                "$(repair_command)"
        elif [ -z "$value" ]; then
            report problem "the override is missing: ${1:-every program} would use Wine's own mailslots" \
                "$(repair_command)"
        else
            report problem "the override of ${1:-every program} says '$value': Wine's own mailslots are used" \
                "$(repair_command)"
        fi
        good=no
    done < <(override_keys "$1")
    report_arch=''
    [ "$good" = no ] || report ok "${1:-every program} is set to use our mailslots"
}

# A kernel32.dll beside program $1 (empty: any), which Wine would load instead of ours.
check_beside() {
    local file
    while IFS= read -r file; do
        report_arch=$(pe_arch "$file")
        report problem "$file lies beside ${1:-a program}, and Wine $(wine_version) loads it instead of ours" \
            "$(repair_command)"
    done < <(beside_files "$1" "$(installed_path "$1")" "$(installed_arch "$1")")
    report_arch=''
}

# What program $1 (empty: any) gets when it is started with plain wine. Tried only if nothing is known to be wrong.
check_probe() {
    local arch problem
    while IFS='	' read -r arch problem; do
        report_arch=$arch
        report problem "${1:-a program} does not get our mailslots: $problem" "$(probe_advice "$session_before")"
    done < <(probe_program "$1" "$(installed_arch "$1")")
    report_arch=''
}

# All about the programs that are set to use ours. session_before says whether the prefix was in use.
check_installed() {
    local name names
    mapfile -t names < <(installed_apps)
    [ -z "$(state_get all)" ] || names+=('')
    for name in "${names[@]}"; do
        check_override "$name"
        check_beside "$name"
    done
    check_wine_side
    session_before=''
    [ -z "$(prefix_server)" ] || session_before=running
    for name in "${names[@]}"; do
        if [ -z "$(report_first_problem "$(installed_arch "$name")")" ]; then
            check_probe "$name"
            [ -n "$(report_first_problem "$(installed_arch "$name")")" ] ||
                report ok "${name:-a program}, just tried, gets our mailslots"
        fi
    done
    # The session that we have started ends as if we had not been here.
    [ -n "$session_before" ] || prefix_wait 2>/dev/null || :
}

# Programs $@ (numbers) of the command line: set, and of a bitness that the prefix has?
check_programs() {
    local i arch
    for i in "${!apps[@]}"; do
        arch=$(program_arch "$i")
        if [ -n "$arch" ] && ! prefix_system_dirs | cut -f2 | grep -qx "$arch"; then
            report problem "${apps[$i]} is a $(bits_of "$arch") program, which $prefix cannot run: wrong bitness" \
                "$(bitness_advice "$arch")"
        elif [ -z "$(installed_as "${apps[$i]}")" ] && [ -z "$(state_get all)" ]; then
            report problem "${apps[$i]} is not set to use our mailslots: the override is missing" \
                "$(own_command install --prefix "$prefix" --app "${apps[$i]}")"
        fi
    done
}

# All of a prefix that something is installed in.
check_prefix() {
    check_wine
    check_system_dirs
    if prefix_has_installed; then
        check_installed
    fi
}
