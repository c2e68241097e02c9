#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# wine-mailslot status and doctor.
# shellcheck disable=SC2034,SC2154 # variables of the other parts

# --- status ---

# Prints the programs of the prefix that have our library loaded now: "NAME (process N)".
running_programs() {
    local file pid theirs
    for file in $(grep -lsF winemailslot.so /proc/[0-9]*/maps 2>/dev/null); do
        pid=${file#/proc/}
        pid=${pid%/maps}
        theirs=$(tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | sed -n 's/^WINEPREFIX=//p' | head -n 1)
        if [ "${theirs:-$HOME/.wine}" -ef "$prefix" ]; then
            echo "$(cat "/proc/$pid/comm") (process $pid)"
        fi
    done
}

status_bitness() {
    local dir arch theirs
    while IFS='	' read -r dir arch; do
        if ! system_dir_has_ours "$dir"; then
            echo "  $(bits_of "$arch"): not installed"
        elif [ ! -e "$dir/kernel32.dll" ]; then
            echo "  $(bits_of "$arch"): installed, but its kernel32.dll is missing"
        elif cmp -s "$libdir/$arch-windows/kernel32.dll" "$dir/kernel32.dll"; then
            echo "  $(bits_of "$arch"): installed, version $version"
        else
            theirs=$(state_get version)
            echo "  $(bits_of "$arch"): installed, another version${theirs:+ (of wine-mailslot $theirs)}"
        fi
    done < <(prefix_system_dirs)
}

# Prints whether a program is active. Arguments: name (empty: all), how it is called, architecture.
status_program() {
    local problem
    problem=$(report_first_problem "$3")
    if ! override_is_ours "$(override_get "$1")"; then
        echo "  $2: not active: the override is missing. Fix: $(repair_command)"
        return 1
    elif [ -n "$problem" ]; then
        echo "  $2: not active: ${texts[$problem]}. Fix: ${fixes[$problem]}"
        return 1
    fi
    echo "  $2: active"
}

# The installed programs of the prefix, one a line, and whether they are active.
status_programs() {
    local line name bits code=0
    report_clear
    check_wine
    check_system_dirs
    if ! prefix_has_installed; then
        echo "  active for what '$own_name run' starts; no program is set to use it with plain wine"
        return 0
    fi
    check_installed
    while IFS= read -r line; do
        name=${line%%	*}
        bits=$(cut -f2 <<<"$line")
        status_program "$name" "$name${bits:+ ($bits)}" "$(installed_arch "$name")" || code=1
    done < <(state_get app)
    if [ -n "$(state_get all)" ]; then
        status_program '' 'every program' '' || code=1
    fi
    return "$code"
}

# One prefix. False if something is installed in it that is not active.
status_prefix() {
    local code=0
    export WINEPREFIX=$prefix
    if ! prefix_has_ours; then
        echo "$prefix ($(prefix_kind "$prefix")): not installed"
        return
    fi
    prefix_find_wine
    echo "$prefix ($(prefix_kind "$prefix"), Wine $(wine_version), $WINE)"
    status_bitness
    status_programs || code=1
    running_programs | sed 's/^/  running with it now: /'
    return "$code"
}

cmd_status() {
    local all code=0
    parse_options status "$@"
    find_own_files
    echo "wine-mailslot $version, libraries in $libdir"
    if [ -n "$option_prefix" ]; then
        choose_prefix
        prefix_require
        status_prefix
        return
    fi
    mapfile -t all < <(prefixes_all)
    if [ ${#all[@]} = 0 ]; then
        echo "no prefix found; say which one with --prefix"
    fi
    for prefix in "${all[@]}"; do
        (status_prefix) || code=1
    done
    return "$code"
}

# --- doctor ---

# Prints what the checks found. False if there was a problem.
doctor_print() {
    local i code=0
    for i in "${!levels[@]}"; do
        printf '%-8s %s\n' "${levels[$i]}" "${texts[$i]}"
        case ${levels[$i]} in
        problem)
            code=1
            printf '         fix: %s\n' "${fixes[$i]}"
            ;;
        note) [ -z "${fixes[$i]}" ] || printf '         if so: %s\n' "${fixes[$i]}" ;;
        esac
    done
    return "$code"
}

doctor_prefix() {
    local why
    if prefix_is_being_made; then
        prefix_find_wine
        prefix_wait 30 || :
    fi
    why=$(prefix_why_not "$prefix")
    if [ -n "$why" ]; then
        report problem "$why" "$(prefix_advice "$prefix" "${given_wine:-wine}" command)"
        return
    fi
    report ok "prefix $prefix ($(prefix_kind "$prefix"))"
    prefix_find_wine
    if [ -n "$(prefix_server)" ]; then
        report note "programs are running in it: what they have just changed in its registry is not seen yet" \
            "$(command_line env "WINEPREFIX=$prefix" "$(wineserver_command)" -k)"
    fi
    if prefix_has_ours; then
        check_prefix
    else
        check_wine
        [ ${#apps[@]} -gt 0 ] || report note "nothing is installed in this prefix: programs need '$own_name run'" \
            "$(own_command install --prefix "$prefix" --app PROGRAM.exe)"
    fi
    check_programs
}

cmd_doctor() {
    parse_options doctor "$@"
    find_own_files
    choose_prefix
    report_clear
    doctor_prefix
    check_machine
    doctor_print
}
