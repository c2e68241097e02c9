#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# wine-mailslot: checks of the daemon and of the way to the network.
# shellcheck disable=SC2034,SC2154 # variables of the other parts

readonly name_port=137 datagram_port=138

# Prints the text or number of the first field $1 of the daemon's status.
status_field() {
    tr '\n' ' ' <<<"$daemon_status" |
        grep -oE "\"$1\": *(\"([^\"\\\\]|\\\\.)*\"|-?[0-9]+)" | head -n 1 |
        sed 's/^"[^"]*": *//; s/^"\(.*\)"$/\1/; s/\\\(["\\]\)/\1/g'
}

# Prints the names of the network that are not ours, as others refuse them.
status_refused_names() {
    tr '\n' ' ' <<<"$daemon_status" | grep -oE '\{[^{}]*"state": *"(refused|conflict)[^{}]*\}' |
        sed -n 's/.*"name": *"\([^"]*\)".*/\1/p'
}

# Sets daemon_status; empty if no daemon runs. False if one does not answer: mailslotctl may not heed
# the first signal while it waits (124), and then gets KILL (137).
daemon_ask() {
    local code
    daemon_status=$(timeout -k 1 10 "$MAILSLOTCTL" status --json 2>/dev/null </dev/null)
    code=$?
    [ "$code" = 0 ] || daemon_status=
    [ "$code" != 124 ] && [ "$code" != 137 ]
}

# Prints the daemon's process as far as we may know it: who holds the socket, or goes by its name.
daemon_process() {
    local path inode file pid
    for path in ${MAILSLOTD_SOCKET:+"$MAILSLOTD_SOCKET"} "/tmp/wine-mailslot-$(id -u)/socket" \
        "/run/user/$(id -u)/wine-mailslot/socket" /run/mailslotd/socket; do
        inode=$(path=$path awk '$4 == "00010000" && $8 == ENVIRON["path"] { print $7; exit }' /proc/net/unix)
        [ -n "$inode" ] || continue
        while IFS= read -r file; do
            pid=${file#/proc/}
            pid=${pid%%/*}
            if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = mailslotd ]; then
                echo "$pid"
                return
            fi
        done < <(find /proc/[0-9]*/fd -lname "socket:\\[$inode\\]" 2>/dev/null)
    done
    process_named mailslotd
}

# Whether process $1 is ours; what we cannot see is not.
process_is_own() {
    [ -n "$1" ] && [ "$(stat -c %u "/proc/$1" 2>/dev/null)" = "$(id -u)" ]
}

# Prints what ends daemon $1, with signal option $2: the system's is a service, and comes back.
daemon_end_command() {
    if process_is_own "$1"; then
        echo "kill${2:+ $2} $1"
    else
        echo 'sudo systemctl restart mailslotd'
    fi
}

# Prints what adds line $2 to the file that daemon $1 reads, and makes it read that.
daemon_setting_command() {
    local conf=${XDG_CONFIG_HOME:-$HOME/.config}/mailslotd.conf
    if process_is_own "$1"; then
        echo "mkdir -p $(command_line "${conf%/*}") && printf '\\n$2\\n' >>$(command_line "$conf") && $(command_line "$MAILSLOTCTL" reload)"
    else
        echo "printf '\\n$2\\n' | sudo tee -a $(command_line "$sysconfdir/mailslotd.conf") && sudo systemctl reload mailslotd"
    fi
}

# Prints the first process of name $1 that is on our network (containers have their own). Another
# user's ns/net may not be read, but its list of sockets is the same file as ours if that is the same.
process_named() {
    local file
    for file in $(grep -lsx -- "$1" /proc/[0-9]*/comm 2>/dev/null); do
        file=${file%/comm}
        if [ "$file/net/udp" -ef /proc/self/net/udp ]; then
            echo "${file##*/}"
            return
        fi
    done
}

check_daemon_file() {
    local found
    found=$("$MAILSLOTD" --version 2>/dev/null </dev/null | grep -oE '[0-9]+(\.[0-9]+)+[^ ]*' | head -n 1)
    if [ ! -x "$MAILSLOTD" ]; then
        if [ "$MAILSLOTD" != "$own_daemon" ]; then
            report problem "the daemon is down and cannot be started: MAILSLOTD names $MAILSLOTD, which is not there" \
                "unset MAILSLOTD"
        else
            report problem "the daemon is down and cannot be started: there is no $MAILSLOTD" \
                "$(reinstall_command)"
        fi
    elif [ -z "$found" ]; then
        report problem "the daemon is down and cannot be started: $MAILSLOTD does not run here" \
            "$(command_line "$MAILSLOTD" --version)"
    elif [ "$found" != "$version" ]; then
        report problem "$MAILSLOTD is of version $found, and this is $version" \
            "$(reinstall_command)"
    elif systemctl is-enabled --quiet mailslotd.socket 2>/dev/null; then
        report problem "the daemon is down, and it is a service of this computer" \
            "sudo systemctl start mailslotd.socket"
    else
        report ok "the daemon does not run now; the first program that needs it starts it"
    fi
}

check_daemon() {
    local found pid
    if ! daemon_ask; then
        pid=$(daemon_process)
        report problem "the daemon${pid:+ (process $pid)} does not answer" "$(daemon_end_command "$pid" -KILL)"
        return
    fi
    if [ -z "$daemon_status" ]; then
        check_daemon_file
        return
    fi
    found=$(status_field program_version)
    pid=$(status_field pid)
    if [ "$found" != "$version" ]; then
        report problem "the daemon that runs (process $pid) is of another version, $found, and this is $version" \
            "$(daemon_end_command "$pid")"
    else
        report ok "the daemon runs (process $pid, version $found)"
    fi
}

# The network as the daemon that runs sees it.
check_network_running() {
    local mode reason fix name
    mode=$(status_field mode) reason=$(status_field reason) fix=$(status_field fix)
    case $mode in
    'local only')
        if [ -n "$fix" ]; then
            report problem "not on the network: $reason" "$fix"
        else
            report note "not on the network: ${reason:-the daemon does not say why}"
        fi
        ;;
    *)
        case $reason in
        '') report ok "on the network ($mode) as $(status_field computer) in $(status_field workgroup)" ;;
        *"'interfaces ="*)
            report problem "nothing goes to the network: $reason" \
                "$(daemon_setting_command "$(status_field pid)" 'interfaces =')"
            ;;
        *) report note "nothing goes to the network: $reason" ;;
        esac
        ;;
    esac
    while IFS= read -r name; do
        report problem "name conflict: another computer of the network has the name $name" \
            "$(daemon_setting_command "$(status_field pid)" 'computer_name = OTHERNAME')"
    done < <(status_refused_names)
}

# Whether UDP port $1 is held by somebody.
port_taken() {
    awk -v port="$(printf ':%04X' "$1")" 'index($2, port) == 9 { found = 1 } END { exit !found }' \
        /proc/net/udp
}

# Whether a daemon started by this user may have the ports.
ports_permitted() {
    [ "$(id -u)" = 0 ] ||
        [ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start 2>/dev/null || echo 1024)" -le "$name_port" ] ||
        PATH=$PATH:/sbin:/usr/sbin getcap "$MAILSLOTD" 2>/dev/null | grep -q cap_net_bind_service
}

# The network as a daemon would find it.
check_network_ahead() {
    local port
    if [ "${MAILSLOTD_NETWORK:-yes}" = no ]; then
        report note "not on the network: MAILSLOTD_NETWORK=no" "unset MAILSLOTD_NETWORK"
        return
    fi
    if ! ports_permitted; then
        report problem "UDP ports $name_port and $datagram_port are not permitted to your programs: this computer only" \
            "sudo setcap cap_net_bind_service=+ep $(command_line "$MAILSLOTD")"
        return
    fi
    for port in "$name_port" "$datagram_port"; do
        if port_taken "$port" && [ -z "$(process_named nmbd)" ]; then
            report problem "UDP port $port is taken by another program" \
                "sudo ss -ulpn 'sport = :$port'"
            return
        fi
    done
    report ok "UDP ports $name_port and $datagram_port may be used"
}

check_samba() {
    local pid
    pid=$(process_named nmbd)
    [ -n "$pid" ] || return
    case $(status_field mode):$(status_field reason) in
    'local only:'*nmbd*)
        report note "Samba's nmbd (process $pid) is in the way of the daemon" "sudo systemctl stop nmbd"
        ;;
    *) report ok "Samba's nmbd runs here, too (process $pid): both run side by side" ;;
    esac
}

# Of nft's rules prints, "FAMILY TABLE CHAIN", the chains that drop what comes in over IPv4: by their policy, or
# by a rule without a condition.
firewall_input_chains() {
    awk '$1 == "table" { table = $2 " " $3; known = $2 == "inet" || $2 == "ip" }
        $1 == "chain" { chain = table " " $2; input = said = 0 }
        known && / hook input / { input = 1 }
        { drops = / hook input .*policy drop/ }
        input && NF {
            rule = $0
            sub(/ comment "[^"]*"$/, "", rule)
            sub(/^[ \t]*(counter( packets [0-9]+ bytes [0-9]+)? ?)?(log( (prefix "[^"]*"|level [a-z]+|flags [a-z ,]+))* )?/, "", rule)
            drops = drops || rule ~ /^(drop|reject( with .*)?)$/
        }
        drops && input && !said { print chain; said = 1 }' <<<"$1"
}

# Prints the command that lets our ports into chains $1.
firewall_nft_command() {
    local chain words command=
    while IFS= read -r chain; do
        read -ra words <<<"$chain"
        command="$command${command:+ && }sudo $(command_line nft insert rule "${words[@]}" \
            udp dport "$name_port-$datagram_port" accept)"
    done <<<"$1"
    echo "$command"
}

# A firewall that is on and names none of our ports. It may let them in all the same: a note.
check_firewall() {
    local rules='' chains PATH=$PATH:/sbin:/usr/sbin
    if command -v ufw >/dev/null &&
        { rules=$(ufw status 2>/dev/null) || grep -qs '^ENABLED=yes' /etc/ufw/ufw.conf; } &&
        ! grep -q 'inactive' <<<"$rules"; then
        check_firewall_rules ufw "$rules" "sudo ufw allow $name_port:$datagram_port/udp"
    elif command -v firewall-cmd >/dev/null && firewall-cmd --state >/dev/null 2>&1; then
        check_firewall_rules firewalld "$(firewall-cmd --list-all 2>/dev/null)" \
            "sudo firewall-cmd --permanent --add-port=$name_port-$datagram_port/udp && sudo firewall-cmd --reload"
    elif command -v nft >/dev/null && ! rules=$(nft list ruleset 2>/dev/null); then
        report note "cannot see the firewall's rules; look with: sudo nft list ruleset"
    elif chains=$(firewall_input_chains "$rules") && [ -n "$chains" ]; then
        check_firewall_rules nftables "$rules" "$(firewall_nft_command "$chains")"
    else
        report ok "no firewall seen that keeps UDP ports $name_port and $datagram_port out"
    fi
}

# Arguments: firewall, its rules, the command that opens the ports.
check_firewall_rules() {
    if grep -qiE '\b(138|137[:-]138|samba|netbios)\b' <<<"$2"; then
        report ok "the firewall $1 lets UDP port $datagram_port in"
    else
        report note "the firewall $1 is on: it may keep messages from the network out" "$3"
    fi
}

check_machine() {
    check_daemon
    if [ -n "$daemon_status" ]; then
        check_network_running
    else
        check_network_ahead
    fi
    check_samba
    check_firewall
}
