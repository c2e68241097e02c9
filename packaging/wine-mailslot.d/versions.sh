#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# wine-mailslot: what is known of which Wine.
#
# A version is two numbers: 10.18 is newer than 10.5. Each row of the table begins where the one before
# ends, and the last has no end, so that no Wine is in none.

# FIRST tab NAME tab LEVEL tab WHAT: the first version of a range, its name, the level that doctor
# reports it with, and what is known. Levels: old (cannot work), tried, untried.
readonly wine_ranges='0.0	7 and older	old	it lacks what we need, which 8.0 has
8.0	8.0	tried	tested with 8.0
9.0	9.x	untried	not tested; 8.0 and 10.0, the ones before and after it, are
10.0	10.0-10.4	tried	tested with 10.0
10.5	10.5-10.17	untried	not tested; it keeps kernel32.dll for a whole session, which run and install see to
10.18	10.18-11.x	tried	tried with 11.10; it keeps kernel32.dll for a whole session, which run and install see to
12.0	newer	untried	too new to have been tested: it may work'

# Whether version $1 is older than $2.
version_before() {
    local one=${1%%.*} two=${2%%.*}
    [ "$one" -lt "$two" ] || { [ "$one" -eq "$two" ] && [ "${1#*.}" -lt "${2#*.}" ]; }
}

# Takes what `wine --version` says; prints "8.0" and the like, or nothing. A release candidate counts as
# the version that it became.
version_parse() {
    sed -n 's/^wine-\([0-9]\{1,4\}\)\.\([0-9]\{1,4\}\).*/\1.\2/p;q' <<<"$1"
}

# Prints the row of version $1.
version_row() {
    local row found=''
    while IFS= read -r row; do
        version_before "$1" "${row%%	*}" || found=$row
    done <<<"$wine_ranges"
    printf '%s\n' "$found"
}

# Whether a Wine of version $1 (empty: unknown) makes \KnownDlls when a session starts.
version_has_known_dlls() {
    [ -z "$1" ] || ! version_before "$1" 10.5
}
