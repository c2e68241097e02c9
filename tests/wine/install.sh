#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# wine-mailslot install, uninstall and status on real prefixes, used with plain wine.
#
# usage: install.sh BUILD [PART...]; prints "passed|failed|skipped NAME DETAIL" lines
# shellcheck disable=SC2016,SC2034,SC2154,SC2317 # conditions are evaluated later; variables of lib
set -uo pipefail

layer=install
parts="usage fresh files registry programs running relocated wines managers upgrade"
. "$(dirname "$(readlink -f "$0")")/lib/plain_wine.sh"
[ $# = 1 ] || parts=${*:2}

# --- the parts ---

part_usage()
{
    local command before program

    tool install
    verdict '[ $code = 2 ] && [[ "$said" == *"install PROGRAM.exe"* && "$said" == *"--all"* ]]' \
        which-program "$code: $said"
    tool install --all chat.exe
    verdict '[ $code = 2 ]' all-and-program "$code: $said"
    tool install --bogus chat.exe
    verdict '[ $code = 2 ]' unknown-option "$code: $said"
    mkdir "$folder/plain-folder"
    touch "$folder/plain-folder/letter"
    before=$(ls -lA --time-style=full-iso "$folder/plain-folder")
    for command in install uninstall status doctor; do
        program=chat.exe
        [ "$command" != status ] || program=
        # shellcheck disable=SC2086 # or none
        tool "$command" --prefix "$folder/none" $program
        verdict '[ $code = 1 ] && [[ "$said" == *"does not exist"* && "$said" == *"wineboot -i"* ]] &&
            [ ! -e "$folder/none" ]' "$command-no-prefix" "$code: $said"
        # shellcheck disable=SC2086 # or none
        tool "$command" --prefix "$folder/plain-folder" $program
        verdict '[ $code = 1 ] && [[ "$said" == *"no Wine prefix"* ]] &&
            [ "$before" = "$(ls -lA --time-style=full-iso "$folder/plain-folder")" ]' \
            "$command-other-folder" "$code: $said"
    done
    # What is installed knows no folder of the machine that built it.
    said=$(grep -lF -e "$build" -e "${here%/tests/wine}" "$tool" "$build"/dll/*-windows/*.dll 2>&1)
    verdict '[ -z "$said" ]' no-build-path "$said"
    # Nothing of this may have left anything in the home folder.
    verdict '[ ! -e "$XDG_STATE_HOME/wine-mailslot" ]' usage-leaves-nothing "$(find "$XDG_STATE_HOME")"
}

# A prefix just made has no registry until Wine's server ends, which is when it writes that.
part_fresh()
{
    local busy writer begin

    # Used by a program that goes on: refused, in words, and not for ever.
    fresh_prefix busy
    serve fresh
    busy=$prefix
    rm -f "$busy/user.reg"
    "$tool" install --prefix "$busy" --app create_test.exe >"$folder/busy.said" 2>&1 </dev/null &
    writer=$!

    # While the registry is written, the server's folder is the prefix; nothing else says that it runs.
    fresh_prefix saving
    mkdir "$folder/saved"
    mv "$prefix"/*.reg "$folder/saved/"
    cp "$(readlink -f /bin/bash)" "$folder/wineserver"
    (cd "$prefix" && exec "$folder/wineserver" -c 'sleep 4; cp -p ../saved/*.reg .; :') &
    jobs+=($!)
    sleep 0.5
    tool install --prefix "$prefix" --app create_test.exe
    verdict '[ $code = 0 ] && grep -q native,builtin "$prefix/user.reg"' fresh-while-saving "$code: $said"

    # The whole of it.
    prefix="$folder/prefix of booted"
    WINEPREFIX=$prefix WINEDLLOVERRIDES='mscoree,mshtml=' "$WINE" wineboot -i >/dev/null 2>&1
    tool install --prefix "$prefix" --app create_test.exe
    WINEPREFIX=$prefix wineserver -w
    verdict '[ $code = 0 ] && grep -q native,builtin "$prefix/user.reg"' fresh-after-wineboot "$code: $said"

    begin=$SECONDS
    wait "$writer"
    code=$? said=$(cat "$folder/busy.said")
    verdict '[ $code = 1 ] && [[ "$said" == *"programs are running"*"try again: "*"-k" ]] &&
        [ $((SECONDS - begin)) -lt 60 ] && [ ! -e "$busy/drive_c/windows/system32/kernel32w.dll" ]' \
        fresh-in-use "$code: $said"
    WINEPREFIX=$busy wineserver -k
    rm -rf --one-file-system "$folder/prefix of busy" "$folder/prefix of saving" "$folder/prefix of booted"
}

# Byte for byte, with nothing and with everything run in between.
part_files()
{
    local before once

    fresh_prefix files
    before=$(snapshot "$prefix")
    tool install --prefix "$prefix" --app create_test.exe
    verdict '[ $code = 0 ] && [[ "$said" == *"$prefix"* && "$said" == *create_test.exe* ]]' says-what "$said"
    once=$(snapshot "$prefix")
    tool install --prefix "$prefix" --app create_test.exe
    verdict '[ $code = 0 ] && [ "$once" = "$(snapshot "$prefix")" ]' idempotent \
        "$(diff <(echo "$once") <(snapshot "$prefix"))"
    tool install --prefix "$prefix" --app open_test.exe
    tool install --prefix "$prefix" --all
    tool uninstall --prefix "$prefix"
    verdict '[ $code = 0 ] && [ "$before" = "$(snapshot "$prefix")" ]' uninstall-byte-for-byte \
        "$said $(diff <(echo "$before") <(snapshot "$prefix"))"
    tool uninstall --prefix "$prefix"
    verdict '[ $code = 0 ] && [ "$before" = "$(snapshot "$prefix")" ]' uninstall-twice "$said"
    verdict '[ -z "$(find "$home/one" -name "winemailslot*")" ] && [ ! -e "$XDG_STATE_HOME/wine-mailslot" ]' \
        uninstall-leaves-no-links "$(find "$home/one" -name 'winemailslot*')"
    files_prefix_gone

    # Another prefix does the same without us in it.
    tool install --prefix "$prefix" --app create_test.exe
    verdict 'uses_ours "$prefix" "$WINE" create_test.exe' plain-wine-uses-it 'create_test fails'
    verdict '! uses_ours "$prefix" "$WINE" copy_test.exe' other-programs-do-not 'copy_test has our mailslots'
    WINEPREFIX=$prefix "$WINE" wineboot -u >/dev/null 2>&1
    WINEPREFIX=$prefix wineserver -w
    verdict 'uses_ours "$prefix" "$WINE" create_test.exe' survives-wineboot-u 'create_test fails'
    tool uninstall --prefix "$prefix"
    verdict '! uses_ours "$prefix" "$WINE" create_test.exe' plain-wine-after-uninstall 'still in use'
    fresh_prefix control
    uses_ours "$prefix" "$WINE" create_test.exe
    WINEPREFIX=$prefix "$WINE" wineboot -u >/dev/null 2>&1
    WINEPREFIX=$prefix wineserver -w
    verdict '[ "$(snapshot_after_wine "$folder/prefix of files")" = "$(snapshot_after_wine "$prefix")" ]' \
        uninstall-after-use "$(diff <(snapshot_after_wine "$folder/prefix of files") \
            <(snapshot_after_wine "$prefix"))"
    rm -rf --one-file-system "$folder/prefix of control"

    # What `run` leaves goes the same way.
    fresh_prefix files
    before=$(snapshot "$prefix")
    WINEPREFIX=$prefix "$tool" run cmd /c exit >/dev/null 2>&1
    WINEPREFIX=$prefix wineserver -w
    verdict '[ "$(grep -c "wine-mailslot: " "$prefix/drive_c/windows/system32/kernel32.dll")" != 0 ]' \
        run-puts-files 'kernel32.dll is not ours'
    tool uninstall --prefix "$prefix"
    verdict '[ "$(grep -v "\.reg$\|wineserver$\|dosdevices" <<<"$before")" = \
        "$(snapshot "$prefix" | grep -v "\.reg$\|wineserver$\|dosdevices")" ]' uninstall-after-run "$said"
}

# A prefix that was removed by hand does not keep our links alive.
files_prefix_gone()
{
    local saved=$prefix gone

    fresh_prefix gone
    gone=$prefix prefix=$saved
    tool install --prefix "$gone" --app create_test.exe
    tool install --prefix "$prefix" --app create_test.exe
    rm -rf --one-file-system "$gone"
    tool uninstall --prefix "$prefix"
    verdict '[ $code = 0 ] && [ -z "$(find "$home/one" -name "winemailslot*")" ] &&
        [ ! -e "$XDG_STATE_HOME/wine-mailslot" ]' prefix-gone "$said"
    prefix=$gone
    fresh_prefix gone
    tool install --prefix "$prefix" --app create_test.exe
    rm -rf --one-file-system "$prefix"
    tool uninstall --prefix "$prefix"
    verdict '[ $code = 0 ] && [ -z "$(find "$home/one" -name "winemailslot*")" ]' only-prefix-gone "$said"
    prefix=$saved
}

# What the registry had before comes back, whatever it was.
part_registry()
{
    local before after app name='Büro[1] Straße.exe'

    fresh_prefix registry
    # As Wine itself writes keys: one that is empty, one with our value otherwise, one with another.
    WINEPREFIX=$prefix "$WINE" reg add 'HKCU\Software\Wine\AppDefaults\old.exe\DllOverrides' \
        /v kernel32 /d builtin /f >/dev/null 2>&1
    WINEPREFIX=$prefix "$WINE" reg add 'HKCU\Software\Wine\AppDefaults\chat.exe\DllOverrides' \
        /v riched20 /d native /f >/dev/null 2>&1
    WINEPREFIX=$prefix "$WINE" reg add 'HKCU\Software\Wine\AppDefaults\empty.exe' /f >/dev/null 2>&1
    WINEPREFIX=$prefix "$WINE" reg add "HKCU\\Software\\Wine\\AppDefaults\\$name" /v Version /d win7 /f \
        >/dev/null 2>&1
    WINEPREFIX=$prefix wineserver -w
    before=$(sed 's/^\(\[.*\]\) [0-9]*$/\1/; /^#time=/d' "$prefix/user.reg")
    for app in old.exe chat.exe empty.exe "$name" new.exe; do
        tool install --prefix "$prefix" --app "$app"
    done
    verdict '[ "$(grep -c "^\"kernel32\"=\"native,builtin\"" "$prefix/user.reg")" = 5 ]' five-overrides \
        "$(grep -A6 AppDefaults "$prefix/user.reg")"
    # Wine must see the same programs as we do, and write them its way.
    said=$(WINEPREFIX=$prefix "$WINE" reg query "HKCU\\Software\\Wine\\AppDefaults\\$name\\DllOverrides" 2>&1)
    WINEPREFIX=$prefix "$WINE" reg add 'HKCU\Software\Wine\AppDefaults\x.exe' /f >/dev/null 2>&1
    WINEPREFIX=$prefix "$WINE" reg delete 'HKCU\Software\Wine\AppDefaults\x.exe' /f >/dev/null 2>&1
    WINEPREFIX=$prefix wineserver -w
    verdict '[[ "$said" == *native,builtin* ]]' name-is-wines "$said"
    tool status --prefix "$prefix"
    verdict '[ $code = 0 ] && [ "$(grep -c ": active" <<<"$said")" = 5 ]' five-active "$said"
    tool uninstall --prefix "$prefix" --app chat.exe
    verdict '[ "$(grep -c "^\"kernel32\"=\"native,builtin\"" "$prefix/user.reg")" = 4 ] &&
        grep -q "^\"riched20\"=\"native\"" "$prefix/user.reg"' one-of-five "$said"
    tool uninstall --prefix "$prefix"
    # Wine has written in between, so its time stamps differ; the rest may not.
    after=$(sed 's/^\(\[.*\]\) [0-9]*$/\1/; /^#time=/d' "$prefix/user.reg")
    verdict '[ "$before" = "$after" ] && grep -q "^\"kernel32\"=\"builtin\"" <<<"$after" &&
        grep -qF "[Software\\\\Wine\\\\AppDefaults\\\\empty.exe]" <<<"$after"' registry-as-before \
        "$(diff <(echo "$before") <(echo "$after"))"
    registry_set_before
}

# What the user has set himself as we would: it stays, and uninstall says so.
registry_set_before()
{
    WINEPREFIX=$prefix "$WINE" reg add 'HKCU\Software\Wine\AppDefaults\chat.exe\DllOverrides' \
        /v kernel32 /d native,builtin /f >/dev/null 2>&1
    WINEPREFIX=$prefix wineserver -w
    tool install --prefix "$prefix" --app chat.exe
    tool uninstall --prefix "$prefix"
    verdict '[ $code = 0 ] && [[ "$said" == *"was there before"*"stays"* && "$said" != *"chat.exe uses Wine"* ]] &&
        grep -q native,builtin "$prefix/user.reg"' override-stays "$said"
    eval "$(sed -n 's/.*To remove it: //p' <<<"$said")" >/dev/null 2>&1
    WINEPREFIX=$prefix wineserver -w
    verdict '! grep -q native,builtin "$prefix/user.reg"' override-removed "$said"
}

# Programs named by path, and each bitness by itself.
part_programs()
{
    fresh_prefix programs
    tool install "$prefix/drive_c/chat/create_test.exe"
    verdict '[ $code = 0 ] && [[ "$said" == *"create_test.exe (64-bit)"* && "$said" == *"$prefix"* ]]' \
        prefix-of-program "$code: $said"
    tool install --prefix "$prefix" 'C:\CHAT\open_test.exe'
    verdict '[ $code = 0 ] && [[ "$said" == *"open_test.exe (64-bit)"* ]]' windows-path "$said"
    said=$(WINEPREFIX=$folder "$tool" install "$prefix/drive_c/chat/create_test.exe" 2>&1)
    verdict '[ $? != 0 ] && [[ "$said" == *--prefix* ]]' two-prefixes-named "$said"
    cp "$build/winetest/i386/create_test.exe" "$prefix/drive_c/chat/small.exe"
    if [ ! -e "$prefix/drive_c/windows/syswow64/kernel32.dll" ]; then
        tool install "$prefix/drive_c/chat/small.exe"
        verdict '[ $code = 1 ] && [[ "$said" == *"32-bit program"* ]] && ! grep -q small.exe "$prefix/user.reg"' \
            wrong-bitness-refused "$said"
        tool doctor --prefix "$prefix" "$prefix/drive_c/chat/small.exe"
        verdict '[ $code = 1 ] && [[ "$said" == *"wrong bitness"* && "$said" == *"fix: "*wine32* ]]' \
            doctor-wrong-bitness-program "$said"
        said=$(sed -n '/small.exe.*wrong bitness/{n;s/^ *fix: //p}' <<<"$said")
        verdict '[[ "$said" == "sudo "*" && env "*WINEPREFIX=*" wineboot -u" ]] && bash -n <<<"$said"' \
            doctor-wrong-bitness-command "$said"
    fi
    tool status
    verdict '[[ "$said" == *"$prefix"* && "$said" == *"create_test.exe (64-bit): active"* ]]' \
        status-finds-it "$said"
    tool uninstall --prefix "$prefix"
}

# Arguments: slot. Starts demo_server in the prefix with plain wine, returns when it listens; sets out.
serve()
{
    local i

    out=$folder/$1.out
    WINEPREFIX=$prefix "$WINE" "$prefix/drive_c/chat/demo_server.exe" "$1" 1 60 >"$out" 2>&1 </dev/null &
    jobs+=($!)
    for ((i = 0; i < 200; i++)); do
        ! grep -q 'listening on' "$out" || break
        sleep 0.1
    done
}

part_running()
{
    local out

    fresh_prefix running
    tool install --prefix "$prefix" --app demo_server.exe
    serve busy
    tool status --prefix "$prefix"
    verdict '[[ "$said" == *"running with it now: demo_server"* ]]' status-running "$said $(cat "$out")"
    tool uninstall --prefix "$prefix"
    verdict '[ $code = 1 ] && [[ "$said" == *"wineserver -k"* ]]' refuses-while-running "$code: $said"
    verdict 'grep -q native,builtin "$prefix/user.reg"' refusal-changes-nothing ''
    eval "${said##*try again: }"
    tool uninstall --prefix "$prefix"
    verdict '[ $code = 0 ]' after-wineserver-k "$said"
}

# --- other places ---

# A tree in the home folder, and a Wine that nobody may write to: WINEDLLPATH.
part_relocated()
{
    local tool=$home/apps/wm/bin/wine-mailslot saved=$WINE mark

    relocated_tree "$home/apps/wm"
    fresh_prefix relocated
    mark=$home/apps/wm/lib/wine-mailslot/x86_64-windows/winemailslot.dll
    printf 'no mark at all!!' | dd of="$mark" bs=1 seek=64 conv=notrunc status=none
    said=$("$tool" install --prefix "$prefix" --app create_test.exe 2>&1)
    cure 'has lost its builtin mark' library-lost-its-mark
    tool uninstall --prefix "$prefix"
    export WINEDLLPATH=$home/apps/wm/lib/wine-mailslot
    tool install --prefix "$prefix" --app create_test.exe
    tool install --prefix "$prefix" --app demo_server.exe
    verdict '[ $code = 0 ] && [ -z "$(find "$home/one" -name "winemailslot*")" ]' dllpath-needs-no-links "$said"
    tool status --prefix "$prefix"
    verdict '[ $code = 0 ] && [[ "$said" == *"$home/apps/wm/lib"* && "$said" == *": active"* ]]' \
        relocated-status "$said"
    # No daemon of ours runs at this socket: it must be started, and be that of the same tree.
    (
        mkdir -m 700 "$folder/run2"
        export MAILSLOTD_SOCKET=$folder/run2/socket
        verdict 'uses_ours "$prefix" "$WINE" create_test.exe' relocated-plain-wine 'create_test fails'
        serve autostart
        pid=$("$home/apps/wm/bin/mailslotctl" status --json 2>/dev/null | sed -n 's/^  "pid": \([0-9]*\),.*/\1/p')
        said=$(readlink "/proc/$pid/exe")
        verdict '[ "$said" = "$home/apps/wm/bin/mailslotd" ]' relocated-daemon "daemon ${pid:-none}: $said"
        WINEPREFIX=$prefix wineserver -k
        [ -z "$pid" ] || kill "$pid"
        wait
    )
    unset WINEDLLPATH
    tool status --prefix "$prefix"
    verdict '[ $code = 1 ] && [[ "$said" == *"not active: "*"does not find our"* ]]' without-dllpath "$said"
    tool uninstall --prefix "$prefix"
    WINE=$saved
}

# Two Wines on one machine.
part_wines()
{
    local before

    fresh_prefix two
    fresh_prefix one
    WINE=$home/one/bin/wine tool install --prefix "$folder/prefix of one" --app create_test.exe
    WINE=$home/two/bin/wine tool install --prefix "$folder/prefix of two" --app create_test.exe
    verdict 'uses_ours "$folder/prefix of one" "$home/one/bin/wine" create_test.exe &&
        uses_ours "$folder/prefix of two" "$home/two/bin/wine" create_test.exe' two-wines 'create_test fails'
    verdict '[[ "$(readlink "$folder"/"prefix of two"/drive_c/windows/system32/kernel32w.dll)" == "$home"/two/* ]]' \
        each-its-own "$(readlink "$folder"/"prefix of two"/drive_c/windows/system32/kernel32w.dll)"
    # Without WINE, each prefix's own one is remembered.
    said=$(unset WINE; "$tool" status 2>&1)
    verdict '[[ "$said" == *"prefix of one (plain, Wine "*"$home/one/bin/wine"* &&
        "$said" == *"prefix of two (plain, Wine "*"$home/two/bin/wine"* ]] && ! grep -q "not active" <<<"$said"' \
        wine-remembered "$said"
    prefix="$folder/prefix of one"
    export WINE=$home/two/bin/wine
    cure 'leads to another Wine' other-wine
    verdict 'uses_ours "$prefix" "$WINE" create_test.exe' moved-to-other-wine 'create_test fails'
    export WINE=$home/one/bin/wine
    for prefix in "$folder/prefix of one" "$folder/prefix of two"; do
        tool uninstall --prefix "$prefix"
    done
    verdict '[ -z "$(find "$home/one" "$home/two" -name "winemailslot*")" ]' two-wines-no-links \
        "$(find "$home/one" "$home/two" -name 'winemailslot*')"
    tool install --wine
    verdict '[ $code = 0 ] && [ -f "$home/one/lib/x86_64-linux-gnu/wine/x86_64-unix/winemailslot.so" ]' \
        only-wine "$said"
    # A Wine that knows us copies our library into every prefix that it makes or updates: that stays.
    fresh_prefix linked
    WINEPREFIX=$prefix "$WINE" wineboot -u >/dev/null 2>&1
    WINEPREFIX=$prefix wineserver -w
    before=$(snapshot "$prefix")
    tool install --prefix "$prefix" --all
    verdict 'uses_ours "$prefix" "$WINE" create_test.exe && uses_ours "$prefix" "$WINE" copy_test.exe' \
        all-programs "$said"
    tool uninstall --prefix "$prefix"
    verdict '[[ "$before" == *system32/winemailslot.dll* ]] &&
        [ "$(grep -v "\.reg$\|dosdevices" <<<"$before")" = \
            "$(snapshot "$prefix" | grep -v "\.reg$\|dosdevices")" ]' linked-wine-as-before \
        "$(diff <(echo "$before") <(snapshot "$prefix"))"
    tool uninstall --wine
    verdict '[ $code = 0 ] && [ -z "$(find "$home/one" -name "winemailslot*")" ]' only-wine-undone "$said"
}

# Prefixes of Proton, Bottles and Lutris, with their own Wines; the copies are moved to their places.
part_managers()
{
    local steam=$XDG_DATA_HOME/Steam/steamapps bottles=$XDG_DATA_HOME/bottles
    local lutris=$XDG_DATA_HOME/lutris proton kind

    unset WINE
    proton=$steam/common/Proton\ 8.0/files
    mkdir -p "$steam/compatdata/42" "$bottles/bottles" "$bottles/runners" "$lutris/runners/wine" \
        "$XDG_CONFIG_HOME/lutris/games" "${proton%/*}"
    for kind in "$proton" "$bottles/runners/soda-8.0-1" "$lutris/runners/wine/wine-ge-8-26-x86_64"; do
        mkdir -p "$kind/bin"
        printf '#!/bin/sh\nexec %s/one/bin/wine "$@"\n' "$home" >"$kind/bin/wine"
        chmod +x "$kind/bin/wine"
    done
    fresh_prefix proton && mv "$prefix" "$steam/compatdata/42/pfx"
    printf '8.0-104\n%s/share/fonts/\n%s/lib64/\n' "$proton" "$proton" >"$steam/compatdata/42/config_info"
    fresh_prefix bottle && mv "$prefix" "$bottles/bottles/Old-Chat"
    printf 'Name: Old-Chat\nRunner: soda-8.0-1\nArch: win64\n' >"$bottles/bottles/Old-Chat/bottle.yml"
    fresh_prefix lutris && mv "$prefix" "$home/chat-game"
    printf 'game:\n  exe: drive_c/chat/create_test.exe\n  prefix: %s\nwine:\n  version: wine-ge-8-26-x86_64\n' \
        "$home/chat-game" >"$XDG_CONFIG_HOME/lutris/games/chat-1.yml"

    mkdir -p "$home/.var/app/net.lutris.Lutris/config/lutris/games"
    fresh_prefix flatpak && mv "$prefix" "$home/flat-game"
    printf 'game:\n  prefix: %s\n' "$home/flat-game" \
        >"$home/.var/app/net.lutris.Lutris/config/lutris/games/flat-1.yml"
    tool status
    verdict '[[ "$said" == *"flat-game (Lutris): not installed"* ]]' flatpak-found "$said"
    verdict '[ $code = 0 ] && [[ "$said" == *"42/pfx (Proton): not installed"* &&
        "$said" == *"Old-Chat (Bottles): not installed"* && "$said" == *"chat-game (Lutris): not installed"* ]]' \
        managers-found "$said"
    export WINEDLLPATH=$build/dll
    manager proton "$steam/compatdata/42" "$steam/compatdata/42/pfx" "$proton/bin/wine"
    manager bottles "$bottles/bottles/Old-Chat" "$bottles/bottles/Old-Chat" "$bottles/runners/soda-8.0-1/bin/wine"
    manager lutris "$home/chat-game" "$home/chat-game" "$lutris/runners/wine/wine-ge-8-26-x86_64/bin/wine"
    unset WINEDLLPATH
    export WINE=$home/one/bin/wine
}

# Arguments: name, folder that the user gives, prefix in it, its Wine
manager()
{
    local in=$3 its=$4

    tool install --prefix "$2" --app create_test.exe
    verdict '[ $code = 0 ] && [[ "$said" == *"$its"* ]] && uses_ours "$in" "$its" create_test.exe' "$1" "$said"
    tool uninstall --prefix "$2"
    verdict '[ $code = 0 ] && [ -z "$(find "$in/" -name "*mailslot*")" ]' "$1-undone" "$said"
}

# --- Wine 8.0, then 10.0 ---

# Arguments: name, chroot, script for the shell inside (sees the prefix at /mnt/out/prefix)
in_chroot()
{
    WINETEST_PLATFORM=shim MATRIX_BUILD=$build MATRIX_RUN=$folder/run MATRIX_OUT=$chroot_out MATRIX_ENV='' \
        MAILSLOTD_SOCKET=/mnt/run/socket "$here/../matrix/chroot.sh" run "$1" -- bash -c '
            PATH=$PATH:/usr/lib/x86_64-linux-gnu/wine
            unset WINE
            export WINEPREFIX=/mnt/out/prefix HOME=/mnt/out/home
            ours() { wine "C:\\chat\\$1" 2>&1 </dev/null | grep -q " 0 failures)"; local r=$?; wineserver -w; return $r; }
            # Wine in a writable layer that goes with this mount namespace
            private() {
                local i=0 d
                for d in /usr/lib/x86_64-linux-gnu/wine /usr/lib/i386-linux-gnu/wine; do
                    [ -d $d ] || continue
                    i=$((i + 1)); mkdir -p /mnt/out/up$i /mnt/out/work$i
                    mount -t overlay overlay -o lowerdir=$d,upperdir=/mnt/out/up$i,workdir=/mnt/out/work$i $d || return
                done
            }
            '"$2" 2>&1
}

part_upgrade()
{
    local chroots=${MATRIX_DIR:-/srv/wine-mailslot/chroots} name

    if [ "$(id -u)" != 0 ] || [ ! -e "$chroots/trixie/.matrix-stamp" ] || [ ! -e "$chroots/sid/.matrix-stamp" ]; then
        echo "skipped install-upgrade needs root and the chroots of tests/matrix in $chroots"
        return
    fi
    chroot_out=$(mktemp -d "$chroots/.install.XXXXXX")
    fresh_prefix upgrade
    export WINEDLLPATH=$build/dll
    WINE=/usr/bin/wine tool install --prefix "$prefix" --app create_test.exe
    verdict 'uses_ours "$prefix" /usr/bin/wine create_test.exe' upgrade-before "$said"
    unset WINEDLLPATH
    mv "$prefix" "$chroot_out/prefix"
    said=$(in_chroot trixie '
        export WINEDLLPATH=/mnt/build/dll
        ours create_test.exe && echo UPGRADED-$(wine --version)
        ours copy_test.exe || echo OTHERS-NOT
        /mnt/build/wine-mailslot status --prefix $WINEPREFIX
        /mnt/build/wine-mailslot install --prefix $WINEPREFIX create_test.exe && ours create_test.exe && echo AGAIN
        /mnt/build/wine-mailslot uninstall && ! ours create_test.exe && echo UNDONE
        cmp $WINEPREFIX/drive_c/windows/system32/kernel32.dll /usr/lib/x86_64-linux-gnu/wine/x86_64-windows/kernel32.dll &&
            ! find $WINEPREFIX/ -name "*mailslot*" | grep . && echo CLEAN')
    for name in UPGRADED-wine-10 OTHERS-NOT AGAIN UNDONE CLEAN; do
        verdict '[[ "$said" == *$name* ]]' "upgrade-8-to-10-$(tr '[:upper:]' '[:lower:]' <<<"${name%-wine*}")" "$said"
    done
    other_wine trixie win64
    other_wine sid wow64
}

# Arguments: chroot, template. Both bitnesses of another Wine, found without WINEDLLPATH.
other_wine()
{
    rm -rf --one-file-system "${chroot_out:?}"/*
    "$here/../matrix/chroot.sh" template "$1" "$2" >/dev/null 2>&1
    cp -a --reflink=auto "${MATRIX_DIR:-/srv/wine-mailslot/chroots}/$1/srv/template/$2" "$chroot_out/prefix"
    mkdir "$chroot_out/prefix/drive_c/chat" "$chroot_out/home"
    cp "$build/winetest/x86_64/create_test.exe" "$chroot_out/prefix/drive_c/chat/"
    cp "$build/winetest/i386/create_test.exe" "$chroot_out/prefix/drive_c/chat/small.exe"
    said=$(in_chroot "$1" '
        private || { echo NO-OVERLAY; exit; }
        /mnt/build/wine-mailslot install "$WINEPREFIX/drive_c/chat/create_test.exe" "$WINEPREFIX/drive_c/chat/small.exe"
        /mnt/build/wine-mailslot status
        ours create_test.exe && echo BITS-64; ours small.exe && echo BITS-32
        wine wineboot -u; wineserver -w
        ours create_test.exe && ours small.exe && echo WINEBOOT-U
        /mnt/build/wine-mailslot uninstall && ! ours create_test.exe && ! ours small.exe &&
            ! find $WINEPREFIX/ /usr/lib/*/wine/ -name "*mailslot*" | grep . && echo UNDONE')
    if [[ "$said" == *NO-OVERLAY* ]]; then
        echo "skipped install-$1 no overlay file system: $said"
        return
    fi
    for name in BITS-64 BITS-32 WINEBOOT-U UNDONE; do
        verdict '[[ "$said" == *$name* ]]' "$1-$(tr '[:upper:]' '[:lower:]' <<<"$name")" "$said"
    done
}

for part in $parts; do
    "part_$part"
done
exit 0
