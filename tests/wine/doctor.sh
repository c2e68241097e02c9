#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# wine-mailslot doctor: what is broken on purpose is found, and cured by the command that it names.
#
# usage: doctor.sh BUILD [PART...]; prints "passed|failed|skipped NAME DETAIL" lines
# shellcheck disable=SC2016,SC2034,SC2154,SC2317 # conditions are evaluated later; variables of lib
set -uo pipefail

layer=doctor
parts="doctor machine hung ports"
. "$(dirname "$(readlink -f "$0")")/lib/plain_wine.sh"
[ $# = 1 ] || parts=${*:2}

part_doctor()
{
    local system saved

    fresh_prefix doctor
    tool install --prefix "$prefix" --app create_test.exe
    system=$prefix/drive_c/windows/system32
    tool doctor --prefix "$prefix"
    verdict '[ $code = 0 ] && ! grep -q ^problem <<<"$said"' nothing-wrong "$said"
    cp "$build/dll/i386-windows/kernel32.dll" "$system/kernel32.dll"
    tool doctor --prefix "$prefix"
    verdict '[ $code = 1 ]' exit-code "$code"
    cure 'wrong bitness' wrong-bitness
    printf 'no mark at all!!' | dd of="$system/winemailslot.dll" bs=1 seek=64 conv=notrunc status=none
    cure 'no builtin mark' missing-mark
    ln -sfn /nonexistent/kernel32.dll "$system/kernel32w.dll"
    tool status --prefix "$prefix"
    verdict '[ $code = 1 ] && [[ "$said" == *"not active: "*"broken"* ]]' status-says-why "$said"
    cure 'is broken' broken-link
    rm "$system/kernel32w.dll"
    cure 'is missing' missing-link
    printf x >>"$system/kernel32.dll"
    cure 'of another version' other-version-of-dll
    WINEPREFIX=$prefix "$WINE" reg delete 'HKCU\Software\Wine\AppDefaults\create_test.exe\DllOverrides' \
        /v kernel32 /f >/dev/null 2>&1
    WINEPREFIX=$prefix wineserver -w
    cure 'override is missing' missing-override
    rm "$home"/one/lib/x86_64-linux-gnu/wine/x86_64-unix/winemailslot.so
    cure 'does not find our 64-bit library' wine-finds-library
    verdict 'uses_ours "$prefix" "$WINE" create_test.exe' cured-works 'create_test fails'
    tool doctor --prefix "$prefix" open_test.exe
    verdict '[[ "$said" == *"open_test.exe is not set"* ]]' program-not-set "$said"
    saved=$prefix prefix="$folder/prefix of new"
    cure 'does not exist' not-a-prefix
    tool uninstall --prefix "$saved"
    doctor_for_sudo
}

# sudo does not search the folders that the user does.
doctor_for_sudo()
{
    relocated_tree "$home/apps"
    fresh_prefix sudo
    tool install --prefix "$prefix" --app create_test.exe
    said=$(PATH=$home/apps/bin:$PATH WINE_MAILSLOT_WINEDLLDIR=/nonexistent \
        wine-mailslot doctor --prefix "$prefix" 2>&1 </dev/null)
    verdict '[[ "$said" == *"sudo env WINE=/"*" $home/apps/bin/wine-mailslot install --wine"* ]]' sudo-path "$said"
    tool uninstall --prefix "$prefix"
}

# Stands in for programs of this machine. Arguments: name, lines of a shell script
stand_in()
{
    mkdir -p "$folder/bin"
    printf '#!/bin/sh\n%s\n' "$2" >"$folder/bin/$1"
    chmod +x "$folder/bin/$1"
}

# A daemon status. Arguments: version, process, JSON of the network
daemon_says()
{
    printf '{\n  "version": 1,\n  "program_version": "%s",\n  "pid": %d,\n  "network": %s\n}\n' \
        "$@" >"$folder/status.json"
}

# The daemon of the system: another user's process, that only systemctl reaches.
machine_system_daemon()
{
    local pid=1

    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid 65534 --clear-groups sleep 600 &
        pid=$!
        jobs+=("$pid")
        while [ "$(stat -c %u "/proc/$pid")" = 0 ]; do sleep 0.1; done
    fi
    stand_in tee "cat >$folder/tee.in; echo \"\$@\" >$folder/tee.arguments"
    stand_in systemctl "case \"\$*\" in
        'reload mailslotd') grep -q computer_name $folder/tee.in && sed -i s/refused/held/ $folder/status.json ;;
        'restart mailslotd') sed -i s/9.9/$version/ $folder/status.json ;;
        *) exit 1 ;; esac"
    daemon_says 9.9 "$pid" "$own"
    cure 'of another version, 9.9' system-daemon-other-version
    verdict '[ -e "/proc/$pid" ]' system-daemon-lives 'it was killed'
    daemon_says "$version" "$pid" '{ "mode": "own sockets", "computer": "DESK", "workgroup": "W",
        "names": [ { "name": "DESK", "suffix": 0, "state": "refused" } ] }'
    cure 'has the name DESK' system-daemon-name-conflict
    verdict '[[ "$(cat "$folder/tee.arguments")" == "-a "*/mailslotd.conf ]]' system-daemon-file \
        "$(cat "$folder/tee.arguments")"
    rm "$folder/bin/tee" "$folder/bin/systemctl"
}

# A daemon that is stopped.
part_hung()
{
    local daemon=${jobs[0]} begin=$SECONDS

    fresh_prefix hung
    kill -STOP "$daemon"
    said=$(timeout -k 1 60 "$tool" doctor --prefix "$prefix" 2>&1 </dev/null)
    code=$?
    kill -CONT "$daemon"
    verdict '[ $code = 1 ] && [[ "$said" == *"the daemon (process $daemon) does not answer"*"fix: kill -KILL $daemon"* ]]' \
        daemon-hangs "$code after $((SECONDS - begin)) s: $said"
    # One that blocks SIGTERM must not hold us up either.
    mkdir -p "$folder/bin"
    stand_in mailslotctl "trap '' TERM; sleep 300"
    said=$(MAILSLOTCTL=$folder/bin/mailslotctl timeout -k 1 60 "$tool" doctor --prefix "$prefix" 2>&1 </dev/null)
    code=$?
    verdict '[ $code = 1 ] && [[ "$said" == *"does not answer"* ]]' daemon-asked-in-vain "$code: $said"
    tool doctor --prefix "$prefix"
    verdict '[[ "$said" == *"the daemon runs (process $daemon"* ]]' daemon-goes-on "$said"
}

# What doctor finds around the prefix.
part_machine()
{
    local own version pid path=$PATH

    export PATH=$folder/bin:$PATH
    fresh_prefix machine
    version=$("$tool" --version | sed 's/.* //')
    own='{ "mode": "own sockets", "computer": "DESK", "workgroup": "WORKGROUP", "names": [] }'
    stand_in mailslotctl "case \$1 in
        reload) $build/server-bridge/mailslotctl check-config $XDG_CONFIG_HOME/mailslotd.conf &&
            grep -qx 'computer_name = OTHERNAME\\|interfaces =' $XDG_CONFIG_HOME/mailslotd.conf &&
            sed -i '/reason/d; s/refused/held/' $folder/status.json ;;
        status) test -f $folder/status.json && test -e /proc/\$(sed -n 's/.*\"pid\": \\([0-9]*\\).*/\\1/p' $folder/status.json) \
            && cat $folder/status.json || exit 3 ;; esac"

    export MAILSLOTD=/nonexistent/mailslotd MAILSLOTCTL=$folder/bin/mailslotctl
    cure 'the daemon is down' daemon-down
    unset MAILSLOTD
    sleep 60 &
    pid=$!
    jobs+=("$pid")
    daemon_says 9.9 "$pid" "$own"
    cure 'of another version, 9.9' daemon-other-version
    sleep 600 &
    pid=$!
    jobs+=("$pid")
    daemon_says "$version" "$pid" "$own"
    tool doctor --prefix "$prefix"
    verdict '[ $code = 0 ] && [[ "$said" == *"on the network (own sockets) as DESK"* ]]' on-network "$said"
    daemon_says "$version" "$pid" '{ "mode": "local only", "reason": "UDP port 138: Permission denied",
        "fix": "touch '"$folder"'/permitted; rm '"$folder"'/status.json", "names": [] }'
    cure 'not on the network: UDP port 138: Permission denied' daemon-says-why
    daemon_says "$version" "$pid" '{ "mode": "own sockets", "computer": "DESK", "workgroup": "W",
        "names": [ { "name": "DESK", "suffix": 0, "state": "refused" }, { "name": "W", "state": "held" } ] }'
    mkdir -p "$XDG_CONFIG_HOME"
    printf 'node_type = B' >"$XDG_CONFIG_HOME/mailslotd.conf" # an editor that ends no last line
    cure 'has the name DESK' name-conflict
    rm "$XDG_CONFIG_HOME/mailslotd.conf"
    daemon_says "$version" "$pid" '{ "mode": "own sockets", "computer": "DESK", "workgroup": "W", "names": [],
        "reason": "no network interface is used: '"'interfaces = eht0'"' in the configuration fits none" }'
    cure "interfaces = eht0' in the configuration" interfaces
    daemon_says "$version" "$pid" '{ "mode": "own sockets", "computer": "DESK", "workgroup": "W", "names": [],
        "reason": "no network interface is up with an IPv4 address; there are: eth0 (no carrier)" }'
    tool doctor --prefix "$prefix"
    verdict '[ $code = 0 ] && [[ "$said" == *"note     nothing goes to the network"*"(no carrier)"* ]]' no-cable "$said"
    daemon_says "$version" "$pid" '{ "mode": "own sockets", "computer": "DESK", "workgroup": "W", "names": [],
        "reason": "no network interface that the setting '"'interfaces'"' names is up with an IPv4 address" }'
    tool doctor --prefix "$prefix"
    verdict '[ $code = 0 ] && [[ "$said" == *"note     nothing goes to the network"* && "$said" != *"interfaces ="* ]]' \
        no-cable-named "$said"
    machine_system_daemon
    rm "$folder/status.json"

    cp "$(command -v sleep)" "$folder/bin/nmbd"
    "$folder/bin/nmbd" 600 &
    pid=$!
    jobs+=("$pid")
    stand_in systemctl "case \"\$*\" in 'stop nmbd') kill $pid; sleep 0.2 ;; *) exit 1 ;; esac"
    tool doctor --prefix "$prefix"
    verdict '[[ "$said" == *"ok       Samba"*"side by side"* && "$said" != *"stop nmbd"* ]]' samba "$said"
    daemon_says "$version" "$$" '{ "mode": "local only", "reason": "the nmbd here hands on nothing", "names": [] }'
    cure 'is in the way of the daemon' samba-in-the-way
    rm "$folder/status.json"
    if unshare --net true 2>/dev/null; then
        unshare --net "$folder/bin/nmbd" 600 &
        pid=$!
        jobs+=("$pid")
        while [ -e "/proc/$pid" ] && [ "$(cat "/proc/$pid/comm")" != nmbd ]; do sleep 0.1; done
        tool doctor --prefix "$prefix"
        verdict '[[ "$said" != *"Samba"*"(process $pid)"* ]]' samba-of-a-container "$said"
    fi
    stand_in ufw "case \$1 in
        status) echo 'Status: active'; cat $folder/ufw.rules 2>/dev/null || true ;;
        allow) echo \"\$2 ALLOW Anywhere\" >>$folder/ufw.rules ;; esac"
    cure 'the firewall ufw is on' firewall
    rm "$folder/bin/ufw" "$folder/bin/systemctl"
    printf 'table %s {\n\tchain %s {\n\t\ttype filter hook %s priority 0; policy %s;\n\t}\n}\n' \
        'ip6 six' input input drop 'inet other' out output drop 'ip mine' incoming input drop >"$folder/nft.rules"
    stand_in nft "case \"\$*\" in
        'list ruleset') test -e $folder/nft.rules && cat $folder/nft.rules ;;
        'insert rule ip mine incoming udp dport 137-138 accept') echo udp dport 137-138 accept >>$folder/nft.rules ;;
        *) exit 1 ;; esac"
    cure 'the firewall nftables is on' firewall-nft
    # As nft prints it: everything may come in by the policy, and nothing by the last rule.
    printf 'table inet f {\n\tchain %s {\n\t\ttype filter hook input priority filter; policy accept;\n\t\t%s\n\t\t%s\n\t}\n}\n' \
        one 'ct state established,related accept' 'tcp dport 22 drop' >"$folder/nft.rules"
    tool doctor --prefix "$prefix"
    verdict '[[ "$said" == *"ok       no firewall seen that keeps"* ]]' firewall-nft-open "$said"
    printf 'table ip mine {\n\tchain incoming {\n\t\ttype filter hook input priority filter; policy accept;\n\t\t%s\n\t\t%s\n\t}\n}\n' \
        'iif "lo" accept' 'counter packets 7 bytes 300 log prefix "out: " reject with icmpx admin-prohibited comment "rest"' \
        >"$folder/nft.rules"
    cure 'the firewall nftables is on' firewall-nft-last-rule
    rm "$folder/nft.rules"
    tool doctor --prefix "$prefix"
    verdict '[ $code = 0 ] && [[ "$said" == *"note     cannot see the firewall"*"sudo nft list ruleset"* &&
        "$said" != *"no firewall seen"* ]]' firewall-not-permitted "$said"
    rm "$folder/bin/nft"

    stand_in old-wine '[ "$1" = --version ] && echo wine-5.0 || exec '"$WINE"' "$@"'
    said=$(WINE=$folder/bin/old-wine "$tool" doctor --prefix "$prefix" 2>&1)
    verdict '[ $? = 1 ] && [[ "$said" == *"problem  Wine 5.0"*"too old"*"fix: env WINE="* ]]' wine-too-old "$said"
    stand_in new-wine '[ "$1" = --version ] && echo wine-12.3 || exec '"$WINE"' "$@"'
    said=$(WINE=$folder/bin/new-wine "$tool" doctor --prefix "$prefix" 2>&1)
    verdict '[ $? = 0 ] && [[ "$said" == *"note     Wine 12.3"*"too new"* ]]' wine-too-new "$said"
    unset MAILSLOTCTL
    PATH=$path
}

# Ports that are taken, and that are not permitted; in a network of our own, so as root.
part_ports()
{
    local fix port unprivileged prefix=$folder/template MAILSLOTCTL=/bin/false

    export MAILSLOTCTL
    if [ "$(id -u)" != 0 ] || ! unshare --net true 2>/dev/null || ! command -v python3 >/dev/null; then
        echo 'skipped doctor-ports needs root and python3'
        return
    fi
    for port in 137 138; do
        said=$(unset MAILSLOTD_NETWORK
            unshare --net /bin/bash -c '
                /usr/bin/python3 -c "import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((\"0.0.0.0\", int(sys.argv[1])))
print(1, flush=True)
time.sleep(60)" "$3" >"$2" &
                while [ ! -s "$2" ]; do sleep 0.1; done
                said=$("$0" doctor --prefix "$1"); echo "$said"
                echo WHO; eval "$(sed -n "s/.*fix: sudo \(ss .*\)/\1/p" <<<"$said")"
                kill $!; wait $! 2>/dev/null; rm "$2"; echo AFTER; "$0" doctor --prefix "$1"' \
                "$tool" "$prefix" "$folder/python.out" "$port" 2>&1)
        verdict '[[ "${said%WHO*}" == *"problem  UDP port $port is taken"* && "${said#*WHO}" == *python3*AFTER* ]] &&
            [[ "${said#*AFTER}" == *"ok       UDP ports 137 and 138 may be used"* ]]' "port-$port-taken" "$said"
    done
    if ! command -v setpriv >/dev/null || ! PATH=$PATH:/sbin:/usr/sbin command -v setcap >/dev/null; then
        echo 'skipped doctor-ports-permitted needs setpriv and setcap'
        return
    fi
    relocated_tree "$folder/caps"
    chmod 755 "$folder"
    unprivileged='unset MAILSLOTD_NETWORK; HOME=/nonexistent unshare --net setpriv --reuid 65534 --clear-groups \
        "$folder/caps/bin/wine-mailslot" doctor --prefix "$prefix" 2>&1'
    said=$(eval "$unprivileged")
    fix=$(grep -A1 'are not permitted' <<<"$said" | sed -n 's/^ *fix: sudo //p')
    (PATH=$PATH:/sbin:/usr/sbin && eval "$fix")
    verdict '[[ "$said" == *"problem  UDP ports 137 and 138 are not permitted"* ]] && [ -n "$fix" ] &&
        [[ "$(eval "$unprivileged")" == *"ok       UDP ports 137 and 138 may be used"* ]]' \
        ports-permitted "$said; then $(eval "$unprivileged" | grep UDP)"
    chmod 700 "$folder"
}

for part in $parts; do
    "part_$part"
done
exit 0
