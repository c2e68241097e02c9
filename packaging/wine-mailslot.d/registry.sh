#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# wine-mailslot: the override "kernel32"="native,builtin" in the text of a prefix's user.reg.
# shellcheck disable=SC2034,SC2154 # variables of the other parts
#
# The text is edited while no Wine server runs, not the registry through `wine reg`: a key that Wine
# has made stays behind as an empty one when its value is deleted, and every write of Wine changes
# time stamps. What was there before is kept in the prefix's record, key by key, so that the way back
# works also after Wine has written the file anew in between. Wine writes a key by itself only if it
# has values or no subkeys; so a key that was empty and then got a subkey must be put back.

# --- the text of a registry file ---

# One pass over the text of user.reg; the operation and its operands are in the environment:
#   get KEY         prints the line of our value
#   kind KEY        prints none, leaf (no values, no subkeys; its lines follow, tabs between),
#                   implicit (not written, but has subkeys) or values
#   set KEY LINE    prints the file with LINE as the value (FRESH: lines that open a new key)
#   unset KEY LINE  prints the file without our value, or with LINE in its place
#   drop KEY        prints the file without KEY if that has no values (FORCE: though it has subkeys)
#   add KEY FRESH   prints the file with KEY as an empty key
# shellcheck disable=SC2016 # awk's own variables
registry_program='
function plain(text) { text = tolower(text); gsub(/\\\\/, "\001", text); return text }
function is_ours(line) { return index(tolower(line), "\"kernel32\"=") == 1 }
function put_key(text,    i) {
    for (i = 1; i <= n && name[i] <= key; i++);
    at = i; fresh = text
}
BEGIN { op = ENVIRON["op"]; key = plain(ENVIRON["key"]); line = ENVIRON["line"]
        opening = ENVIRON["fresh"]; gsub(/\t/, "\n", opening) }
/^\[/ {
    text = $0; sub(/\][^]]*$/, "", text)
    name[++n] = plain(substr(text, 2)); before[n] = blank; blank = ""; count[n] = 1; row[n, 1] = $0
    next
}
$0 == "" { blank = blank "\n"; next }
n == 0 { head = head blank $0 "\n"; blank = ""; next }
{ row[n, ++count[n]] = blank $0; blank = ""; if (substr($0, 1, 1) != "#") values[n]++ }
END {
    for (i = 1; i <= n; i++) {
        if (name[i] == key) me = i
        if (index(name[i], key "\001") == 1) subkeys++
    }
    if (op == "get") {
        for (j = 1; me && j <= count[me]; j++) if (is_ours(row[me, j])) print row[me, j]
        exit
    }
    if (op == "kind") {
        if (!me) print (subkeys ? "implicit" : "none")
        else if (values[me] || subkeys) print "values"
        else {
            printf "leaf"
            for (j = 1; j <= count[me]; j++) printf "\t%s", row[me, j]
            print ""
        }
        exit
    }
    if (op == "set" && !me) put_key(opening "\n" line)
    if (op == "add" && !me && !subkeys) put_key(opening)
    gone = (op == "drop" && me && !values[me] && (!subkeys || ENVIRON["force"] != "")) ? me : 0
    printf "%s", head
    for (i = 1; i <= n + 1; i++) {
        if (i == at) printf "\n%s\n", fresh
        if (i > n) break
        if (i == gone) continue
        printf "%s", before[i]
        done = !(i == me && op == "set")
        for (j = 1; j <= count[i]; j++) {
            text = row[i, j]
            if (i == me && (op == "set" || op == "unset") && is_ours(text)) {
                if (op == "set" || line != "") print line
                done = 1
                continue
            }
            if (!done && j > 1 && text !~ /^[#@ ]/ && tolower(text) > "\"kernel32\"") {
                if (!has_ours(i)) { print line; done = 1 }
            }
            print text
        }
        if (!done) print line
    }
    printf "%s", blank
}
function has_ours(i,    j) {
    for (j = 1; j <= count[i]; j++) if (is_ours(row[i, j])) return 1
    return 0
}'

# Arguments: operation, key, line. Prints. The C locale, as a registry holds bytes of any kind.
registry_do() {
    LC_ALL=C op=$1 key=$2 line=${3:-} awk "$registry_program" "$prefix/user.reg"
}

# The same, into the file; a rename, so that nobody sees half of it.
registry_edit() {
    local file=$prefix/user.reg
    if { registry_do "$@" >"$file.new"; } 2>/dev/null && [ -s "$file.new" ] &&
        chmod --reference="$file" "$file.new"; then
        cmp -s "$file" "$file.new" || { mv -f -- "$file.new" "$file" && return; }
        rm -f -- "$file.new"
    else
        rm -f -- "$file.new"
        fail "cannot write $file: check its permissions and the free space"
    fi
}

# Prints program name $1 as a registry file spells it: quotes brackets, and what is no ASCII.
registry_spelling() {
    local unit text='' pending='' character units
    mapfile -t units < <(printf '%s' "$1" | iconv -f UTF-8 -t UTF-16LE 2>/dev/null |
        od -An -v -tu2 -w2 | tr -d ' ')
    for unit in "${units[@]}"; do
        if [ "$unit" -gt 126 ] || [ "$unit" -lt 32 ]; then
            text=$text$pending
            printf -v pending '\\x%x' "$unit"
            continue
        fi
        # shellcheck disable=SC2059 # the format is made here
        printf -v character "\\$(printf '%03o' "$unit")"
        # A hexadecimal digit behind would be taken as part of the number, unless that has four.
        if [ -n "$pending" ]; then
            case $character in
            [0-9a-fA-F]) printf -v pending '\\x%04x' "$((16#${pending#\\x}))" ;;
            esac
            text=$text$pending pending=''
        fi
        case $character in
        '[' | ']' | '\') text="$text\\$character" ;;
        *) text=$text$character ;;
        esac
    done
    printf '%s\n' "$text$pending"
}

# --- the override ---

# For 32-bit programs HKCU\Software is this key as soon as it exists; Wine's loader goes by that, too. It is
# never made by us, as their settings of before would be out of their sight then.
readonly wow_node='Software\\Wow6432Node'
readonly wow_overrides=$wow_node'\\Wine\\DllOverrides'

# Prints the key for program $1, or for all programs if that is empty, below key $2.
override_key() {
    if [ -n "$1" ]; then
        printf '%s\n' "$2\\\\Wine\\\\AppDefaults\\\\$(registry_spelling "$1")\\\\DllOverrides"
    else
        printf '%s\n' "$2\\\\Wine\\\\DllOverrides"
    fi
}

# Prints the keys that programs look at, one a line: that of everybody, and that of 32-bit programs if
# they have one of their own.
override_keys() {
    override_key "$1" Software
    if [ "$(prefix_arch)" != i386 ] && [ "$(registry_do kind "$wow_node")" != none ]; then
        override_key "$1" "$wow_node"
    fi
}

override_is_redirected() {
    case $1 in
    "$wow_node"\\*) return 0 ;;
    esac
    return 1
}

# Prints key $1 and those above it, down to the last one that every prefix has; and before them the key
# that Wine makes for 32-bit programs, empty, as soon as there is one to make it in.
override_levels() {
    local key=$1 last='Software\\Wine'
    if override_is_redirected "$key"; then
        last=Software
        [ "$key" = "$wow_overrides" ] || printf '%s\n' "$wow_overrides"
    fi
    while [ "$key" != "$last" ]; do
        printf '%s\n' "$key"
        key=${key%\\\\*}
    done
}

# Prints how our value is set in key $1: native,builtin or what else; or nothing.
override_value() {
    registry_do get "$1" | sed 's/^[^=]*=//; s/^"\(.*\)"$/\1/'
}

# The same for program $1 (or for all), as 64-bit programs see it.
override_get() {
    override_value "$(override_key "$1" Software)"
}

# Whether value $1 makes Wine take our kernel32.dll.
override_is_ours() {
    case ${1// /} in
    native | native,builtin | n | n,b) return 0 ;;
    esac
    return 1
}

# Makes the override for program $1 (or all), and notes how to undo it.
override_add() {
    local key
    while IFS= read -r key <&6; do
        override_add_key "$key"
    done 6< <(override_keys "$1")
}

override_add_key() {
    local key=$1 old level kind now
    old=$(registry_do get "$key")
    [ "$old" != '"kernel32"="native,builtin"' ] || return 0
    if ! state_get undo | grep -qxF -- "value	$key	$old" &&
        ! state_get undo | grep -qF -- "value	$key	"; then
        state_add undo "value	$key	$old"
        while IFS= read -r level; do
            kind=$(registry_do kind "$level")
            state_get undo | grep -qF -- "key	$level	" || state_add undo "key	$level	$kind"
        done < <(override_levels "$key")
    fi
    now=$(date +%s)
    fresh="[$key] $now	#time=$(printf '%x' $(((now + 11644473600) * 10000000)))" \
        registry_edit set "$key" '"kernel32"="native,builtin"'
}

# Undoes the override for program $1 (or all).
override_remove() {
    override_remove_key "$(override_key "$1" Software)"
    override_remove_key "$(override_key "$1" "$wow_node")"
}

override_remove_key() {
    local key=$1 level kind fresh
    state_get undo | grep -qF -- "value	$key	" || return 0
    registry_edit unset "$key" "$(state_get undo | sed -n "s/^value	//p" | registry_field "$key")"
    while IFS= read -r level; do
        kind=$(state_get undo | sed -n "s/^key	//p" | registry_field "$level")
        case $kind in
        none) registry_edit drop "$level" ;;
        implicit) force=yes registry_edit drop "$level" ;;
        leaf*) fresh=${kind#leaf	} registry_edit add "$level" ;;
        esac
    done < <(override_levels "$key")
    state_drop "undo	value	$key	"
    override_forget_levels "$key"
}

# Drops what is noted of the keys above $1 that no other override needs.
override_forget_levels() {
    local level used
    while IFS= read -r level; do
        used=$level
        [ "$level" != "$wow_overrides" ] || used=$wow_node
        if ! state_get undo | sed -n 's/^value	//p' | cut -f1 | key=$used awk '
            index($0, ENVIRON["key"] "\\\\") == 1 || $0 == ENVIRON["key"] { found = 1 }
            END { exit !found }'; then
            state_drop "undo	key	$level	"
        fi
    done < <(override_levels "$1")
}

# Of lines "KEY tab REST" prints the REST of key $1.
registry_field() {
    key=$1 awk 'index($0, ENVIRON["key"] "\t") == 1 { print substr($0, length(ENVIRON["key"]) + 2); exit }'
}
