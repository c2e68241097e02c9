#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The files copied beside a program, without wine-mailslot: what docs/install.md says of it, and that
# none of it can be left out. WINE names another Wine than that of the system.
#
# usage: dropin.sh BUILD; prints "passed|failed|skipped NAME DETAIL" lines
# shellcheck disable=SC2016,SC2317 # conditions are evaluated later; cleanup is called by trap
set -uo pipefail

build=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
chroots=${MATRIX_DIR:-/srv/wine-mailslot/chroots}
folder=$(mktemp -d /tmp/wms-dropin.XXXXXX)
app=$folder/chat
export WINEDEBUG=-all WINETEST_PLATFORM=shim WINEPREFIX=$folder/prefix HOME=$folder XDG_CONFIG_HOME=$folder
export MAILSLOTD_SOCKET=$folder/run/socket MAILSLOTD_NETWORK=no
unset WINEARCH WINEDLLOVERRIDES WINEDLLPATH MAILSLOTD
WINE=${WINE:-wine}
. "$here/../../packaging/wine-mailslot.d/versions.sh"
jobs=()

server()
{
    "$(dirname "$(command -v "$WINE")")/wineserver" "$@"
}

cleanup()
{
    local job

    for job in "${jobs[@]}"; do
        kill -KILL "$job" 2>/dev/null
    done
    server -k 2>/dev/null
    rm -rf --one-file-system "$folder" "${chroot_out:-$folder/none}"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# Arguments: condition (a command), name, detail when it fails
verdict()
{
    if eval "$1"; then
        echo "passed dropin-$2"
    else
        echo "failed dropin-$2 $(tr '\n' ' ' <<<"${3:-}" | cut -c1-400)"
    fi
}

# The files of docs/install.md. Arguments: folder, architecture, architecture of the Unix half,
# Wine's kernel32.dll (if it can be copied from here)
copy_files()
{
    mkdir -p "$1"
    cp "$build/dll/$2-windows/kernel32.dll" "$build/dll/$2-windows/winemailslot.dll" \
        "$build/dll/$3-unix/winemailslot.so" "$build/server-bridge/mailslotd" \
        "$build/dll/$2-windows/wine-mailslot-session.exe" "$1/"
    cp "$build/winetest/$2/create_test.exe" "$build/winetest/$2/demo_server.exe" "$1/"
    [ -z "${4:-}" ] || cp "$4" "$1/kernel32w.dll"
}

# Arguments: environment of the program. Sets said; true if it uses our mailslots.
ours()
{
    # Wine from 10.5 on wants to be asked in each session; an older one takes no notice.
    (cd "$app" && "$WINE" wine-mailslot-session.exe drop 2>&1 </dev/null) || return 1
    ours_without_session "$@"
}

ours_without_session()
{
    said=$(cd "$app" && env "$@" timeout 60 "$WINE" create_test.exe 2>&1 </dev/null)
    grep -q ' 0 failures)' <<<"$said"
}

# Prints the folder of this Wine's libraries for 64-bit Windows programs.
wine_windows()
{
    local folder

    for folder in "$(dirname "$(readlink -f "$(command -v "$WINE")")")/../lib/wine" \
        /usr/lib/x86_64-linux-gnu/wine; do
        if [ -f "$folder/x86_64-windows/kernel32.dll" ]; then
            readlink -f "$folder/x86_64-windows"
            return
        fi
    done
}

part_host()
{
    local wines override=WINEDLLOVERRIDES=kernel32=n,b path=WINEDLLPATH=$app pid i

    wines=$(wine_windows)/kernel32.dll
    copy_files "$app" x86_64 x86_64 "$wines"
    WINEDLLOVERRIDES='mscoree,mshtml=' "$WINE" wineboot -i >/dev/null 2>&1
    server -w
    if version_has_known_dlls "$(version_parse "$("$WINE" --version)")"; then
        verdict '! ours_without_session "$override" "$path"' needs-session "$said"
    else
        verdict 'ours_without_session "$override" "$path"' needs-no-session "$said"
    fi
    server -w
    verdict 'ours "$override" "$path"' both-variables "$said"
    verdict '! ours "$path"' needs-override "$said"
    verdict '! ours "$override" && [[ "$said" == *"winemailslot.so not found"* ]]' needs-dllpath "$said"
    verdict 'ours "$override" "WINEDLLPATH=$build/dll"' library-elsewhere "$said"
    # The key is as good as the variable.
    "$WINE" reg add 'HKCU\Software\Wine\AppDefaults\create_test.exe\DllOverrides' /v kernel32 \
        /d native,builtin /f >/dev/null 2>&1
    verdict 'ours "$path"' key-for-override "$said"
    "$WINE" reg delete 'HKCU\Software\Wine\AppDefaults\create_test.exe\DllOverrides' /v kernel32 /f >/dev/null 2>&1
    # A link does as well as a copy, and follows upgrades.
    ln -sf "$wines" "$app/kernel32w.dll"
    verdict 'ours "$override" "$path"' link-for-copy "$said"
    mv "$app/kernel32w.dll" "$folder/"
    verdict '! ours "$override" "$path" && [[ "$said" == *"could not load kernel32.dll"* ]]' needs-kernel32w "$said"
    mv "$folder/kernel32w.dll" "$app/"
    mv "$app/winemailslot.dll" "$folder/"
    verdict '! ours "$override" "$path" && [[ "$said" == *"winemailslot.dll not found"* ]]' needs-winemailslot "$said"
    mv "$folder/winemailslot.dll" "$app/"
    # Nothing was written into the prefix, and other programs know nothing of it.
    verdict '[ -z "$(find "$WINEPREFIX" -name "*mailslot*" -o -name kernel32w.dll)" ]' prefix-untouched ''

    # The daemon beside the program is started, too.
    kill "${jobs[0]}"
    rm -rf "$folder/run"
    mkdir -m 700 "$folder/run"
    (cd "$app" && env "$override" "$path" "$WINE" demo_server.exe dropin 1 60 >"$folder/out" 2>&1 </dev/null) &
    for ((i = 0; i < 200; i++)); do
        ! grep -q 'listening on' "$folder/out" || break
        sleep 0.1
    done
    pid=$("$build/server-bridge/mailslotctl" status --json 2>/dev/null | sed -n 's/^  "pid": \([0-9]*\),.*/\1/p')
    said=$(readlink "/proc/$pid/exe")
    verdict '[ "$said" = "$app/mailslotd" ]' daemon-beside "daemon ${pid:-none}: $said"
    server -k
    [ -z "$pid" ] || kill "$pid" 2>/dev/null
    wait 2>/dev/null
}

# Arguments: chroot, template, architecture, that of the Unix half, Wine's kernel32.dll in the chroot
other_wine()
{
    local name=$1-$3

    "$here/../matrix/chroot.sh" template "$1" "$2" >/dev/null 2>&1
    rm -rf --one-file-system "${chroot_out:?}"/*
    cp -a --reflink=auto "$chroots/$1/srv/template/$2" "$chroot_out/prefix"
    copy_files "$chroot_out/chat" "$3" "$4"
    said=$(MATRIX_BUILD='' MATRIX_RUN=$folder/run MATRIX_OUT=$chroot_out MATRIX_ENV='KERNEL32 WINETEST_PLATFORM' \
        KERNEL32=$5 WINEPREFIX=/mnt/out/prefix MAILSLOTD_SOCKET=/mnt/run/socket \
        "$here/../matrix/chroot.sh" run "$1" -- bash -c '
            PATH=$PATH:/usr/lib/x86_64-linux-gnu/wine
            cd /mnt/out/chat && cp "$KERNEL32" kernel32w.dll
            wine wine-mailslot-session.exe drop || exit
            WINEDLLPATH=$PWD WINEDLLOVERRIDES=kernel32=n,b wine create_test.exe; wineserver -w' 2>&1 </dev/null)
    verdict 'grep -q " 0 failures)" <<<"$said"' "$name" "$(tail -n 2 <<<"$said")"
}

part_others()
{
    if [ "$(id -u)" != 0 ] || [ ! -e "$chroots/trixie/.matrix-stamp" ] || [ ! -e "$chroots/sid/.matrix-stamp" ]; then
        echo "skipped dropin-other-wines needs root and the chroots of tests/matrix in $chroots"
        return
    fi
    chroot_out=$(mktemp -d "$chroots/.dropin.XXXXXX")
    [ ! -e "$chroots/bookworm/.matrix-stamp" ] ||
        other_wine bookworm win64 i386 i386 /usr/lib/i386-linux-gnu/wine/i386-windows/kernel32.dll
    other_wine trixie win64 x86_64 x86_64 /usr/lib/x86_64-linux-gnu/wine/x86_64-windows/kernel32.dll
    other_wine trixie win64 i386 i386 /usr/lib/i386-linux-gnu/wine/i386-windows/kernel32.dll
    other_wine sid wow64 i386 x86_64 /usr/lib/x86_64-linux-gnu/wine/i386-windows/kernel32.dll
}

if ! command -v "$WINE" >/dev/null || [ -z "$(wine_windows)" ]; then
    echo 'skipped dropin needs the wine package of Debian 12'
    exit 0
fi
mkdir -m 700 "$folder/run"
"$build/server-bridge/mailslotd" >"$folder/mailslotd.log" 2>&1 </dev/null &
jobs+=($!)
for ((i = 0; i < 50; i++)); do
    [ ! -S "$MAILSLOTD_SOCKET" ] || break
    sleep 0.1
done
part_others
part_host
exit 0
