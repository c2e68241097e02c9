#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Bash is asked what it would offer after "mailslotctl".
# shellcheck disable=SC2154,SC1091 # of support.sh
. "$(dirname "$0")/support.sh"

. "$top/packaging/mailslotctl.bash-completion"
PATH=$tools:$PATH

# Arguments: the words of the command line, the last is to be completed. Prints the offers.
offers()
{
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMPREPLY=()
    _mailslotctl 2>/dev/null
    echo "${COMPREPLY[*]}"
}

verbs=$(ctl --help | sed -n 's/^  \([a-z-]*\) .*/\1/p' | sort | xargs)
verdict 'registered' grep -q -- '-F _mailslotctl mailslotctl' <(complete -p mailslotctl)
verdict 'all verbs' same "$verbs" \
    "$(offers mailslotctl '' | tr ' ' '\n' | grep -v '^--' | sort | xargs)"
verdict 'start of a verb' same 'status stats' "$(offers mailslotctl sta)"
for verb in $verbs; do
    wanted=$(ctl "$verb" --help | sed -n 's/^  \(--[a-z]*\).*/\1/p' | sort | xargs)
    verdict "options of $verb" same "$wanted" \
        "$(offers mailslotctl "$verb" -- | tr ' ' '\n' | grep -v -e --help | sort | xargs)"
done
verdict 'no daemon, no names' same '' "$(offers mailslotctl send '')"
verdict 'and none is started' test ! -e "$folder/socket"
daemon_start
for name in Chat ./chess/one 'two words'; do
    start /dev/null listen "$name"
done
verdict 'slots' soon has_slot Chat
verdict 'slots' soon has_slot 'two words'
verdict 'names of slots' same Chat "$(offers mailslotctl send C)"
verdict 'names of two parts' same ./chess/one "$(offers mailslotctl send ./)"
verdict 'names after options' same Chat "$(offers mailslotctl send --json C)"
verdict 'names after options of any verb' same Chat "$(offers mailslotctl --json send C)"
verdict 'not after the name' same '' "$(offers mailslotctl send Chat '')"
verdict 'nor with options' same '' "$(offers mailslotctl send --json Chat '')"
verdict 'not as numbers' same '' "$(offers mailslotctl listen --count '')"
cd "$folder" || exit
touch settings.conf
verdict 'files' same settings.conf "$(offers mailslotctl check-config set)"
exit "$failed"
