#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# wine-mailslot used in ways that nobody means: no home folder, two names of one prefix, a full disk, names that are
# none, options that do not fit. Nothing is done by halves, and what is said is true.
#
# usage: mistakes.sh BUILD [PART...]; prints "passed|failed|skipped NAME DETAIL" lines
# shellcheck disable=SC2016,SC2034,SC2154,SC2317 # conditions are evaluated later; variables of lib
set -uo pipefail

layer=mistakes
parts="home names disk libraries programs options wine"
. "$(dirname "$(readlink -f "$0")")/lib/plain_wine.sh"
[ $# = 1 ] || parts=${*:2}

no_links()
{
    [ -z "$(find "$home/one" -name 'winemailslot*')" ]
}

# Services and cron have no HOME. The user's own is then that of the system, where nothing may be left.
part_home()
{
    local before state

    fresh_prefix home
    before=$(snapshot "$prefix")
    if ! HOME=$(getent passwd "$(id -u)" | cut -d: -f6) || [ -e "$HOME/.local/state/wine-mailslot" ]; then
        HOME=$home
        echo "skipped $layer-no-home needs a home folder without wine-mailslot's list"
        return
    fi
    state=$HOME/.local/state/wine-mailslot
    HOME=$home
    said=$(env -u HOME -u XDG_STATE_HOME "$tool" install --prefix "$prefix" --app create_test.exe 2>&1)
    code=$?
    verdict '[ $code = 0 ] && [[ "$said" != *"line "* ]] && [ -s "$state/links" ]' no-home-install "$code: $said"
    said=$(env -u HOME -u XDG_STATE_HOME "$tool" uninstall --prefix "$prefix" 2>&1)
    code=$?
    verdict '[ $code = 0 ] && [[ "$said" != *"line "* ]] && no_links && [ ! -e "$state" ] &&
        [ "$before" = "$(snapshot "$prefix")" ]' no-home-uninstall "$code: $said"
}

# A prefix by another name is the same prefix.
part_names()
{
    local steam=$XDG_DATA_HOME/Steam/steamapps/compatdata/42 yml=$XDG_CONFIG_HOME/lutris/games

    fresh_prefix names
    ln -s "$prefix" "$folder/alias"
    tool install --prefix "$folder/alias" --app create_test.exe
    verdict '[[ "$said" == *"prefix $prefix (plain"* ]]' link-is-its-prefix "$said"
    tool uninstall --prefix "$prefix"
    verdict '[ $code = 0 ] && no_links' link-undone "$said"

    mkdir -p "$steam" "$yml"
    mv "$prefix" "$steam/pfx"
    printf '8.0-104\n' >"$steam/config_info"
    tool install --prefix "$steam/pfx//" --app create_test.exe
    verdict '[ $code = 0 ] && [[ "$said" == *"42/pfx (Proton"* ]]' slashes "$said"
    tool uninstall --prefix "$steam/pfx/."
    verdict '[ $code = 0 ] && no_links' slashes-undone "$said"

    fresh_prefix names
    rm "$folder/alias"
    mv "$prefix" "$home/real-game"
    ln -s "$home/real-game" "$home/chat-game"
    printf 'game:\n  prefix: "%s/"\n' "$home/chat-game" >"$yml/chat.yml"
    tool install --prefix "$home/real-game" --app create_test.exe
    verdict '[ $code = 0 ] && [[ "$said" == *"real-game (Lutris"* ]]' lutris-link "$said"
    (cd "$home/chat-game/drive_c/chat" && "$tool" install open_test.exe >"$folder/bare.said" 2>&1)
    said=$(cat "$folder/bare.said")
    verdict '[[ "$said" == *"prefix $home/real-game"* ]]' name-in-its-folder "$said"
    tool uninstall --prefix "$home/chat-game"
    verdict '[ $code = 0 ] && no_links' lutris-link-undone "$said"
}

# The record of what to undo is whole or not written at all; a full disk is said.
part_disk()
{
    local before record

    fresh_prefix disk
    before=$(snapshot "$prefix")
    tool install --prefix "$prefix" --app create_test.exe
    sed -i 's/^version.*/version\t0.0.9/' "$prefix/wine-mailslot.state"
    record=$(cat "$prefix/wine-mailslot.state")
    ln -s /dev/full "$prefix/wine-mailslot.state.new"
    tool install --prefix "$prefix" --app create_test.exe
    verdict '[ $code = 1 ] && [[ "$said" == *"cannot write $prefix/wine-mailslot.state: "*"free space"* ]] &&
        [ "$record" = "$(cat "$prefix/wine-mailslot.state")" ]' full-disk "$code: $said"
    rm -f "$prefix/wine-mailslot.state.new"
    tool uninstall --prefix "$prefix"
    verdict '[ $code = 0 ] && [ "$before" = "$(snapshot "$prefix")" ]' full-disk-undone \
        "$said $(diff <(echo "$before") <(snapshot "$prefix"))"

    ln -s /dev/full "$prefix/user.reg.new"
    tool install --prefix "$prefix" --app create_test.exe
    verdict '[ $code = 1 ] && [[ "$said" == *"cannot write $prefix/user.reg: "* ]]' full-disk-registry "$code: $said"
    rm -f "$prefix/user.reg.new"
    tool uninstall --prefix "$prefix"
    verdict '[ $code = 0 ] && [ "$before" = "$(snapshot "$prefix")" ]' full-disk-registry-undone \
        "$said $(diff <(echo "$before") <(snapshot "$prefix"))"

    if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
        said=$(unshare --mount sh -c 'mount --bind "$2" "$2" && mount -o remount,ro,bind "$2" &&
            "$1" install --prefix "$2" --app create_test.exe' sh "$tool" "$prefix" 2>&1)
        code=$?
        verdict '[ $code = 1 ] && [[ "$said" == "wine-mailslot: cannot write into $prefix"* && "$said" != *$'"'\\n'"'* ]]' \
            read-only "$code: $said"
    else
        echo "skipped $layer-read-only needs root"
    fi
}

# Libraries that are gone come back by the command that doctor names, and Wine starts again.
part_libraries()
{
    local before system dll

    fresh_prefix libraries
    before=$(snapshot "$prefix")
    system=$prefix/drive_c/windows/system32
    tool install --prefix "$prefix" --app create_test.exe
    rm "$system/kernel32.dll"
    tool status --prefix "$prefix"
    verdict '[ $code = 1 ] && [[ "$said" == *"64-bit: installed, but its kernel32.dll is missing"* ]]' \
        kernel32-missing-status "$said"
    cure 'kernel32.dll is missing' kernel32-missing
    rm "$system"/kernel32.dll*
    cure 'kernel32.dll is missing' kernel32-and-original-missing
    verdict 'uses_ours "$prefix" "$WINE" create_test.exe' kernel32-works 'create_test fails'
    fresh_prefix libraries
    before=$(snapshot "$prefix")
    tool install --prefix "$prefix" --app create_test.exe
    : >"$system/kernel32.dll"
    cure 'no Windows library' kernel32-empty
    # Of another maker: it does not become what uninstall puts back.
    cp "$system/ntdll.dll" "$folder/foreign.dll"
    printf 'no mark at all!!' | dd of="$folder/foreign.dll" bs=1 seek=64 conv=notrunc status=none
    cp "$folder/foreign.dll" "$system/kernel32.dll"
    cure 'is not ours' kernel32-foreign
    rm "$system/winemailslot.dll"
    cure 'winemailslot.dll is missing' layer-missing
    sed -i 's/"kernel32"="native,builtin"/"kernel32"="builtin"/' "$prefix/user.reg"
    cure "says 'builtin'" override-other
    tool uninstall --prefix "$prefix"
    # doctor has run a program in it: Wine writes the registry then, and looks for devices.
    verdict '[ $code = 0 ] && [ "$(grep -v "\.reg$\|dosdevices" <<<"$before")" = \
        "$(snapshot "$prefix" | grep -v "\.reg$\|dosdevices")" ]' \
        libraries-undone "$said $(diff <(echo "$before") <(snapshot "$prefix"))"
}

part_programs()
{
    local before name

    fresh_prefix programs
    before=$(snapshot "$prefix")
    for name in . .. $'a\tb.exe' $'a\nb.exe' 'x*.exe' 'a?.exe' 'a|b.exe' 'a:b.exe' '<.exe' '".exe'; do
        tool install --prefix "$prefix" --app "$name"
        verdict '[ $code = 2 ] && [[ "$said" == *"Windows has no files of such a name"* ]] &&
            [ "$before" = "$(snapshot "$prefix")" ]' "no-name-$(printf %q "$name" | tr -d '\\ ')" "$code: $said"
    done
    tool install --prefix "$prefix" /bin/ls
    verdict '[ $code = 1 ] && [[ "$said" == *"no Windows program"* ]] && [ "$before" = "$(snapshot "$prefix")" ]' \
        no-windows-program "$code: $said"
    tool install --prefix "$prefix" --app größe.exe --app Chat.exe
    tool install --prefix "$prefix" --app GRÖßE.EXE --app CHAT.EXE
    verdict '[ $code = 0 ] && [ "$(grep -c "^app" "$prefix/wine-mailslot.state")" = 2 ] &&
        [ "$(grep -c native,builtin "$prefix/user.reg")" = 2 ]' one-program-two-spellings "$said"
    tool uninstall --prefix "$prefix" chat.exe
    tool uninstall --prefix "$prefix" gRößE.exe
    verdict '[ $code = 0 ] && [ "$before" = "$(snapshot "$prefix")" ]' spellings-undone \
        "$said $(diff <(echo "$before") <(snapshot "$prefix"))"

    tool install --prefix "$prefix" "$prefix/drive_c/chat/open_test.exe"
    rm "$prefix/drive_c/chat/open_test.exe"
    tool uninstall "$prefix/drive_c/chat/open_test.exe"
    verdict '[ $code = 0 ] && [[ "$said" == *"nothing of wine-mailslot is left in $prefix"* ]]' program-is-gone \
        "$code: $said"
    tool install --prefix "$prefix" --app create_test.exe
    tool install --prefix "$prefix" --all
    tool uninstall --prefix "$prefix" create_test.exe
    verdict '[[ "$said" == *"still uses our mailslots"* ]] && uses_ours "$prefix" "$WINE" create_test.exe' \
        one-of-all "$said"
    tool uninstall --prefix "$prefix" create_test.exe
    verdict '[[ "$said" == *"every program of"*"uses our mailslots"* ]]' one-of-all-again "$said"
    tool uninstall --prefix "$prefix"
    verdict '[ $code = 0 ] && ! uses_ours "$prefix" "$WINE" create_test.exe' all-undone "$said"
}

part_options()
{
    local words said

    fresh_prefix options
    for words in 'status x' 'status --all' 'status --wine' 'doctor --all' 'doctor --wine' 'uninstall --all' \
        'uninstall --wine a.exe' "uninstall --wine --prefix=/tmp" 'install --wine a.exe' 'install --prefix= --app x' \
        'install --app' 'run' 'uninstall --bogus'; do
        # shellcheck disable=SC2086 # several words
        tool $words
        verdict '[ $code = 2 ] && [[ "$said" == *"see "*"--help"* ]]' "refused-${words//[ \/]/_}" "$code: $said"
    done
    tool install --prefix "$prefix" --help
    verdict '[ $code = 0 ] && [[ "$said" == Usage:* ]]' help-behind-options "$code: $said"
    mkdir -p "$folder/letters/empty"
    touch "$folder/letters/letter"
    for words in "$folder/letters" / "$folder/letters/letter"; do
        tool install --prefix "$words" --app x.exe
        verdict '[ $code = 1 ] && [[ "$said" != *wineboot* && "$said" == *"wine-mailslot status"* ]]' \
            "no-wine-let-loose-on-$(basename "$words")" "$said"
    done
    tool install --prefix "$folder/letters/empty" --app x.exe
    verdict '[ $code = 1 ] && [[ "$said" == *"WINEPREFIX=$folder/letters/empty "*"wineboot -i"* ]]' empty-folder "$said"
}

part_wine()
{
    local links

    fresh_prefix wine
    cp /bin/true "$folder/true" # in a folder of its own, where no Wine is near
    said=$(WINE=$folder/true "$tool" install --prefix "$prefix" --app create_test.exe 2>&1)
    code=$?
    verdict '[ $code = 1 ] && [[ "$said" == *"names no Wine"* ]] && [ ! -e "$prefix/wine-mailslot.state" ]' \
        no-wine "$code: $said"
    (cd "$home" && WINE=one/bin/wine "$tool" install --prefix "$prefix" --app create_test.exe >/dev/null 2>&1)
    said=$(unset WINE; cd / && "$tool" status --prefix "$prefix" 2>&1)
    verdict '[[ "$said" == *"$home/one/bin/wine"*"create_test.exe: active"* ]]' wine-by-relative-path "$said"
    tool uninstall --prefix "$prefix"

    tool install --wine
    if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
        chmod 755 "$folder"
        links=$(find "$home/one" -name 'winemailslot*')
        said=$(HOME=/nonexistent setpriv --reuid 65534 --clear-groups "$tool" uninstall --wine 2>&1)
        code=$?
        verdict '[ $code = 1 ] && [[ "$said" == *"may not write into"*"sudo env WINE="*" uninstall --wine" ]] &&
            [ -n "$links" ] && [ "$links" = "$(find "$home/one" -name "winemailslot*")" ]' wine-of-another "$code: $said"
        eval "${said##*sudo }" >"$folder/fix.out" 2>&1
        verdict no_links wine-of-another-cured "$(cat "$folder/fix.out")"
        chmod 700 "$folder"
    else
        echo "skipped $layer-wine-of-another needs root and setpriv"
        tool uninstall --wine
    fi
}

for part in $parts; do
    "part_$part"
done
exit 0
