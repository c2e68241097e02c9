#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Where settings come from, the system's file among them (issue 5, section 3: /etc, then the user's, then
# environment, then command line), and files that cannot be read.
# shellcheck disable=SC2154,SC1091 # of support.sh
. "$(dirname "$0")/support.sh"

system=$("$MAILSLOTD" --help | sed -n 's/.*read this instead of \(\/[^ ]*\/mailslotd.conf\).*/\1/p')
if [ -z "${SETTINGS_INSIDE:-}" ]; then
    if [ -z "$system" ] || [ ! -d "${system%/*}" ] || ! unshare --mount true 2>/dev/null ||
        ! command -v setpriv >/dev/null; then
        echo "needs root, setpriv, and the folder of the system's settings, ${system:-which is not known}"
        exit 77
    fi
    SETTINGS_INSIDE=yes unshare --mount "$0"
    exit
fi
mount -t tmpfs settings "${system%/*}" || exit
unset MAILSLOTD_COMPUTER_NAME MAILSLOTD_WORKGROUP
user=$XDG_CONFIG_HOME/mailslotd.conf

# What daemon says of its name and its group. Arguments: options
effective()
{
    daemon_start "$@" >/dev/null
    ctl status --json | sed -n 's/^    "\(computer\|workgroup\)": "\(.*\)",$/\2/p' | xargs
    end_jobs
}

printf 'computer_name = SYSTEM\nworkgroup = GROUP\n' >"$system"
verdict 'the file of the system' same 'SYSTEM GROUP' "$(effective)"
printf 'workgroup = USER\n' >"$user"
verdict 'the file of the user over that of the system' same 'SYSTEM USER' "$(effective)"
verdict 'the environment over both' same 'SYSTEM ENVIRON' "$(MAILSLOTD_WORKGROUP=ENVIRON effective)"
verdict 'the command line over all' same 'SYSTEM COMMAND' \
    "$(MAILSLOTD_WORKGROUP=ENVIRON effective --workgroup COMMAND)"
verdict 'or one file instead of them' same 'ONLY SYSTEM2' \
    "$(printf 'computer_name = ONLY\nworkgroup = SYSTEM2\n' >"$folder/only" && effective --config "$folder/only")"

# A computer without an interface is not on the network, whatever its sockets say.
if [ "$TOOLS_INSIDE" = network ]; then
    unset MAILSLOTD_INTERFACES
    : >"$folder/daemon.log"
    printf 'interfaces = eht0\n' >"$folder/only"
    daemon_start --config "$folder/only"
    fits_none="'interfaces = eht0' in the configuration fits none"
    verdict 'no interface' grep -qF "why: no network interface is used: $fits_none" < <(ctl status)
    verdict 'no interface, as JSON' grep -qF "$fits_none" < <(ctl status --json)
    verdict 'no interface, in the log' same 1 "$(grep -cF "$fits_none" "$folder/daemon.log")"
    printf 'interfaces = lo\n' >"$folder/only"
    verdict 'corrected' exits 0 ctl reload
    verdict 'is used' grep -q '^ *lo ' < <(ctl status)
    printf 'interfaces = lo\ncomputer_name = müller\n' >"$folder/only"
    verdict 'a name with an umlaut' exits 0 ctl reload
    verdict 'is shown as it is' grep -q '^  MÜLLER<00>' < <(ctl names)
    verdict 'and no longer told' test -z "$(ctl status | grep -F 'fits none')"
    end_jobs
fi

# What may not be read may hold restrictions: it is not passed over.
as_nobody()
{
    setpriv --reuid=65534 --clear-groups "$folder/mailslotd" --check-config
}
cp "$MAILSLOTD" "$folder"
chmod 711 "$folder"
verdict 'readable' exits 0 as_nobody
chmod 600 "$system"
verdict 'not readable' exits 1 as_nobody
verdict 'and said' grep -qF "$system: Permission denied" "$folder/err"
daemon_start
rm "$system" && mkfifo "$system"
verdict 'a pipe at reload' exits 1 ctl reload
verdict 'is said' grep -qF "$system: is no ordinary file" "$folder/err" "$folder/out"
verdict 'and the daemon goes on' exits 0 ctl status
rm "$system"
chmod 600 "$user"
verdict 'not readable: that of the user' exits 0 as_nobody
verdict 'is said to be ignored' grep -qF "$user: Permission denied (ignored)" "$folder/err" "$folder/out"
exit "$failed"
