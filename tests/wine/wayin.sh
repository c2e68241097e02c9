#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The way in: programs that are there or not, a kernel32.dll beside the program, the redirected registry of 32-bit
# programs, sessions that keep kernel32.dll (Wine from 10.5 on; what they do is made by known_dlls.exe
# where the Wine is older), and the table of versions.
#
# usage: wayin.sh BUILD [PART...]; prints "passed|failed|skipped NAME DETAIL" lines
# shellcheck disable=SC2016,SC2034,SC2154,SC2317 # conditions are evaluated later; variables of lib
set -uo pipefail

layer=wayin
parts="versions fixes program beside probe session redirected"
. "$(dirname "$(readlink -f "$0")")/lib/plain_wine.sh"
[ $# = 1 ] || parts=${*:2}
chroots=${MATRIX_DIR:-/srv/wine-mailslot/chroots}

# --- versions ---

# Every version is in one row of the table, and the Wines that can be had here, too.
part_versions()
{
    local major minor row said='' names='' chroot

    . "$here/../../packaging/wine-mailslot.d/versions.sh"
    for major in 0 1 5 7 8 9 10 11 12 13 100; do
        for minor in 0 1 4 5 9 10 17 18 21 40; do
            row=$(version_row "$(version_parse "wine-$major.$minor (Staging)")")
            IFS='	' read -r _ name level what <<<"$row"
            case $major.$minor:$name in
            [0-7].*:'7 and older' | 8.*:8.0 | 9.*:9.x | 10.[0-4]:10.0-10.4 | 10.[5-9]:10.5-10.17 | 10.1[0-7]:10.5-10.17 | \
                10.*:10.18-11.x | 11.*:10.18-11.x | 12.*:newer | 13.*:newer | 100.*:newer) ;;
            *) said="$said wine-$major.$minor is in '$name'" ;;
            esac
            [ -n "$level" ] && [ -n "$what" ] || said="$said wine-$major.$minor: '$row'"
        done
    done
    verdict '[ -z "$said" ]' versions-rows "$said"
    verdict 'version_before 10.0 10.18 && version_before 9.22 10.0 && ! version_before 10.18 10.5 &&
        ! version_before 10.5 10.5' versions-compared ''
    verdict '[ "$(version_parse wine-11.0-rc3) $(version_parse "wine-10.12-33-gabcdef0 (TkG)")" = "11.0 10.12" ] &&
        [ -z "$(version_parse "Proton 9")" ]' versions-spelled ''
    said=$("$WINE" --version)
    for chroot in "$chroots"/*/.matrix-stamp; do
        [ ! -e "$chroot" ] || said="$said
$("$here/../matrix/chroot.sh" run "$(basename "${chroot%/*}")" -- wine --version 2>/dev/null)"
    done
    while IFS= read -r row; do
        [ -n "$row" ] || continue
        verdict '[ -n "$(version_parse "$row")" ] && [ -n "$(version_row "$(version_parse "$row")")" ]' \
            "versions-$(tr -c 'a-z0-9.\n' - <<<"$row")" "no row for '$row'"
    done <<<"$said"
}

# Arguments: version, name. Makes a wine command that is ours, but for what it says of itself.
wine_that_says()
{
    mkdir -p "$folder/bin"
    printf '#!/bin/sh\n[ "$1" != --version ] || { %s --version >/dev/null; echo wine-%s; exit; }\nexec %s "$@"\n' \
        "$WINE" "$1" "$WINE" >"$folder/bin/$2"
    chmod +x "$folder/bin/$2"
}

# A fix is for the Wine that was asked about; what is said of each range.
part_fixes()
{
    local version words

    fresh_prefix fixes
    tool install --prefix "$prefix" --app create_test.exe
    while read -r version words; do
        wine_that_says "$version" other-wine
        said=$(WINE=$folder/bin/other-wine "$tool" doctor --prefix "$prefix" 2>&1 </dev/null)
        verdict '[[ "$said" == *$words* ]]' "fixes-wine-$version" "$said"
    done <<'END'
8.0 ok       Wine 8.0
9.21 note     Wine 9.21
10.4 ok       Wine 10.4
10.12 note     Wine 10.12
10.18 ok       Wine 10.18
11.10 ok       Wine 11.10
12.0 note     Wine 12.0
END
    rm "$prefix/drive_c/windows/system32/winemailslot.dll"
    said=$(WINE=$folder/bin/other-wine "$tool" doctor --prefix "$prefix" 2>&1 </dev/null)
    verdict '[[ "$said" == *"fix: env WINE=$folder/bin/other-wine "*" install --prefix "* ]]' fixes-name-the-wine "$said"
    said=$(unset WINE; "$tool" doctor --prefix "$prefix" 2>&1 </dev/null)
    verdict '[[ "$said" == *"fix: "*" install --prefix "* && "$said" != *"fix: env WINE="* ]]' fixes-own-wine "$said"
    rm -rf --one-file-system "$prefix"
}

# --- programs ---

run()
{
    said=$(cd "$prefix/drive_c/chat" && WINEPREFIX=$prefix timeout 60 "$tool" run "$@" 2>&1 </dev/null)
    code=$?
}

# One sentence of ours, and no other exit code than 1.
refused()
{
    [ "$code" = 1 ] && [ "$(grep -c . <<<"$said")" = 1 ] && [[ "$said" == "wine-mailslot: "* ]]
}

part_program()
{
    local word

    fresh_prefix program
    for word in nosuch.exe nosuch ./nosuch.exe /none/nosuch.exe 'C:\chat\nosuch.exe' 'sub\nosuch.exe' 'Q:\nosuch.exe'; do
        run "$word"
        verdict 'refused && [[ "$said" == *"there is no program $word"* ]]' \
            "program-missing-$(tr -c 'A-Za-z.\n' _ <<<"$word")" "$code: $said"
    done
    mkdir "$prefix/drive_c/chat/Sub"
    cp "$build/winetest/x86_64/create_test.exe" "$prefix/drive_c/chat/Sub/"
    for word in create_test.exe create_test ./create_test.exe 'c:\CHAT\create_test.exe' 'Sub\create_test.exe' \
        "$prefix/drive_c/chat/Sub/create_test.exe" 'C:\chat\sub\CREATE_TEST.exe'; do
        run "$word"
        verdict 'grep -q " 0 failures)" <<<"$said" && [ "$code" = 0 ]' \
            "program-found-$(basename "$word" | tr -c 'A-Za-z.\n' _)-${#word}" "$code: $said"
    done
    # Windows' own, by name, and through the search path of the registry.
    run cmd /c echo found
    verdict '[ $code = 0 ] && [[ "$said" == found* ]]' program-of-windows "$code: $said"
    run cmd.exe /c exit 7
    verdict '[ $code = 7 ]' program-exit-code "$code: $said"
    cp "$build/winetest/i386/create_test.exe" "$prefix/drive_c/chat/small.exe"
    if [ ! -e "$prefix/drive_c/windows/syswow64/kernel32.dll" ]; then
        run small.exe
        verdict 'refused && [[ "$said" == *"small.exe is a 32-bit program"*"no 32-bit part"*wine32* ]]' \
            program-wrong-bitness "$code: $said"
    else
        echo "skipped $layer-program-wrong-bitness this Wine has a 32-bit part"
    fi
    rm -rf --one-file-system "$prefix"
}

# --- a kernel32.dll beside the program (row Y6) ---

# A library of another purpose under that name.
foreign_dll()
{
    printf '%s\n' '#include <windows.h>' 'BOOL WINAPI DllMain(HINSTANCE h, DWORD r, void *p)' \
        '{ return h && (r || p || !p); }' '__declspec(dllexport) int answer(void) { return 42; }' >"$folder/foreign.c"
    x86_64-w64-mingw32-gcc -shared -s -o "$folder/foreign.dll" "$folder/foreign.c"
}

part_beside()
{
    local beside kind

    if ! command -v x86_64-w64-mingw32-gcc >/dev/null || ! foreign_dll; then
        echo "skipped $layer-beside needs mingw-w64"
        return
    fi
    fresh_prefix beside
    beside=$prefix/drive_c/chat/Kernel32.DLL
    # Another maker's, Wine's own as a copy, and no library at all.
    for kind in "$folder/foreign.dll" "$prefix/drive_c/windows/system32/kernel32.dll" /etc/passwd; do
        cp -L "$kind" "$beside"
        run create_test.exe
        verdict 'grep -q " 0 failures)" <<<"$said"' "beside-run-$(basename "$kind")" "$code: $said"
        tool uninstall --prefix "$prefix"
        verdict 'cmp -s "$kind" "$beside" && [ -z "$(find "$prefix" -name "*mailslot*")" ]' \
            "beside-run-undone-$(basename "$kind")" "$said $(ls "${beside%/*}")"
    done
    cp "$folder/foreign.dll" "$beside"
    tool install --prefix "$prefix" "$prefix/drive_c/chat/create_test.exe"
    verdict '[ $code = 0 ] && uses_ours "$prefix" "$WINE" create_test.exe' beside-install "$said"
    tool status --prefix "$prefix"
    verdict '[ $code = 0 ] && [[ "$said" == *"create_test.exe (64-bit): active"* ]]' beside-status "$said"
    # An update of the program brings it again.
    cp "$folder/foreign.dll" "$beside"
    tool status --prefix "$prefix"
    verdict '[ $code = 1 ] && [[ "$said" == *"not active: $beside lies beside create_test.exe"* ]]' beside-again-status "$said"
    cure 'lies beside create_test.exe' beside-again
    verdict 'uses_ours "$prefix" "$WINE" create_test.exe' beside-again-works 'create_test fails'
    # Known by name only; and another program of the folder still needs it away.
    tool install --prefix "$prefix" --app copy_test.exe
    cp "$folder/foreign.dll" "$beside"
    cure 'lies beside copy_test.exe' beside-by-name
    tool uninstall --prefix "$prefix" create_test.exe
    verdict '[ ! -e "$beside" ] && uses_ours "$prefix" "$WINE" copy_test.exe' beside-still-needed "$said"
    tool uninstall --prefix "$prefix"
    verdict 'cmp -s "$folder/foreign.dll" "$beside"' beside-undone "$said"
    tool install --prefix "$prefix" --all
    verdict '[ $code = 0 ] && uses_ours "$prefix" "$WINE" copy_test.exe' beside-all "$said"
    tool uninstall --prefix "$prefix"
    verdict 'cmp -s "$folder/foreign.dll" "$beside" && ! uses_ours "$prefix" "$WINE" copy_test.exe' beside-all-undone "$said"
    beside_read_only
    # Of the other bitness: Wine itself passes it by.
    cp "$build/dll/i386-windows/winemailslot.dll" "$beside"
    run create_test.exe
    verdict 'grep -q " 0 failures)" <<<"$said" && [ -e "$beside" ] && [[ "$said" != *renamed* ]]' beside-other-bitness "$said"
    rm -rf --one-file-system "$prefix"
}

# On a disk that cannot be written to: said, with a command that helps.
beside_read_only()
{
    if [ "$(id -u)" != 0 ] || ! unshare --mount true 2>/dev/null; then
        echo "skipped $layer-beside-read-only needs root"
        return
    fi
    said=$(WINEPREFIX=$prefix unshare --mount sh -c 'mount --bind "$2" "$2" && mount -o remount,ro,bind "$2" &&
        "$1" run "$2/create_test.exe"' sh "$tool" "$prefix/drive_c/chat" 2>&1 </dev/null)
    code=$?
    verdict 'refused && [[ "$said" == *"cannot be renamed"*": cp -r "* ]]' beside-read-only "$code: $said"
    eval "${said##*: }"
    said=$(WINEPREFIX=$prefix "$tool" run "$HOME/chat/create_test.exe" 2>&1 </dev/null)
    verdict 'grep -q " 0 failures)" <<<"$said"' beside-read-only-cured "$said"
}

# --- what status says is what a program sees ---

part_probe()
{
    local key

    fresh_prefix probe
    tool install --prefix "$prefix" --app create_test.exe
    # Seen by no file that is looked at: winecfg's way of saying it for a path, which comes first.
    WINEPREFIX=$prefix "$WINE" reg add 'HKCU\Software\Wine\AppDefaults\create_test.exe\DllOverrides' \
        /v '*winemailslot' /d '' /f >/dev/null 2>&1
    WINEPREFIX=$prefix "$WINE" reg add 'HKCU\Software\Wine\AppDefaults\create_test.exe\DllOverrides' \
        /v winemailslot /d '' /f >/dev/null 2>&1
    WINEPREFIX=$prefix wineserver -w
    tool status --prefix "$prefix"
    verdict '[ $code = 1 ] && [[ "$said" == *"create_test.exe: not active: "*"winemailslot.dll"* ]]' probe-status "$said"
    tool doctor --prefix "$prefix"
    verdict '[ $code = 1 ] && [[ "$said" == *"problem  create_test.exe does not get our mailslots"* ]]' probe-doctor "$said"
    verdict '[ -z "$(find /tmp -maxdepth 1 -name "wine-mailslot.??????" -user "$(id -u)" -mmin -1 2>/dev/null)" ]' \
        probe-leaves-nothing "$(ls -d /tmp/wine-mailslot.* 2>/dev/null)"
    tool uninstall --prefix "$prefix"
    rm -rf --one-file-system "$prefix"
}

# --- sessions that keep kernel32.dll ---

# Arguments: what known_dlls.exe is to do. Runs it in the session of the prefix.
known_dlls()
{
    WINEPREFIX=$prefix "$WINE" "$folder/known_dlls.exe" "$@" 2>/dev/null </dev/null | tr -d '\r'
}

# The session says what it keeps: size and checksum of the file.
part_session()
{
    local session=$build/dll/x86_64-windows/wine-mailslot-session.exe holder ours other i

    if ! command -v x86_64-w64-mingw32-gcc >/dev/null ||
        ! x86_64-w64-mingw32-gcc -O2 -municode -o "$folder/known_dlls.exe" "$here/known_dlls.c" -lntdll; then
        echo "skipped $layer-session needs mingw-w64"
        return
    fi
    fresh_prefix session
    # A Wine that says it is newer, so that run takes that way; the session is kept by a program.
    wine_that_says 10.12 newer-wine
    serve session
    ours=$(stat -c %s "$build/dll/x86_64-windows/kernel32.dll")
    other=$(stat -L -c %s "$prefix/drive_c/windows/system32/kernelbase.dll")
    if version_is_older; then
        said=$(known_dlls make 'C:\windows\system32\kernelbase.dll')
        verdict '[[ "$(known_dlls show)" == "\\KnownDlls $other "* ]]' session-made "$said $(known_dlls show)"
    fi
    said=$(WINE=$folder/bin/newer-wine WINEPREFIX=$prefix "$tool" run "$prefix/drive_c/chat/create_test.exe" 2>&1 </dev/null)
    verdict 'grep -q " 0 failures)" <<<"$said" && [[ "$(known_dlls show)" == "\\KnownDlls $ours "* ]]' session-run \
        "$said $(known_dlls show)"
    verdict 'kill -0 "${jobs[-1]}" && [ -n "$(known_dlls show)" ]' session-disturbs-nobody 'demo_server has ended'
    # Again, and while another program holds it open.
    WINEPREFIX=$prefix "$WINE" "$session" put
    code=$?
    verdict '[ $code = 0 ] && [[ "$(known_dlls show)" == "\\KnownDlls $ours "* ]]' session-put-again "$code: $(known_dlls show)"
    WINEPREFIX=$prefix "$WINE" "$folder/known_dlls.exe" hold >"$folder/hold.out" 2>/dev/null </dev/null &
    holder=$!
    for ((i = 0; i < 100; i++)); do
        ! grep -qs holding "$folder/hold.out" || break
        sleep 0.05
    done
    printf x >>"$prefix/drive_c/windows/system32/kernel32.dll"
    WINEPREFIX=$prefix "$WINE" "$session" put
    code=$?
    verdict '[ $code = 0 ] && [[ "$(known_dlls show)" == "\\KnownDlls $((ours + 1)) "* ]]' session-put-while-held "$code: $(known_dlls show)"
    wait "$holder"
    verdict 'grep -q holding "$folder/hold.out"' session-was-held "$(cat "$folder/hold.out")"
    WINEPREFIX=$prefix "$WINE" "$session" drop
    code=$?
    verdict '[ $code = 0 ] && [[ "$(known_dlls show)" == "\\KnownDlls none"* ]]' session-drop "$(known_dlls show)"
    # What cannot be brought in is said.
    said=$(WINE=$folder/bin/newer-wine WINEPREFIX=$prefix WINE_MAILSLOT_LIBDIR=$(libraries_without_session) \
        "$tool" run "$prefix/drive_c/chat/create_test.exe" 2>&1 </dev/null)
    code=$?
    verdict 'refused && [[ "$said" == *"keeps Wine"*"wineserver -k" ]]' session-cannot "$code: $said"
    WINEPREFIX=$prefix wineserver -k
    tool uninstall --prefix "$prefix"
    rm -rf --one-file-system "$prefix"
}

# Prints a folder with our libraries, but without the program that changes a session.
libraries_without_session()
{
    mkdir -p "$folder/without"
    cp -r "$build"/dll/*-windows "$build"/dll/*-unix "$folder/without/"
    rm -f "$folder"/without/*/wine-mailslot-session.exe
    printf '%s\n' "$folder/without"
}

version_is_older()
{
    local version

    version=$("$WINE" --version)
    case $version in
    wine-[0-9].* | wine-10.[0-4] | wine-10.[0-4][!0-9]*) return 0 ;;
    esac
    return 1
}

# Arguments: slot. Starts demo_server in the prefix with plain wine, returns when it listens.
serve()
{
    local i

    WINEPREFIX=$prefix "$WINE" "$prefix/drive_c/chat/demo_server.exe" "$1" 1 60 >"$folder/$1.out" 2>&1 </dev/null &
    jobs+=($!)
    for ((i = 0; i < 200; i++)); do
        ! grep -q 'listening on' "$folder/$1.out" || break
        sleep 0.1
    done
}

# --- 32-bit programs ---

# Arguments: chroot, template. The registry that a 32-bit program sees, with and without a key of its own.
redirected()
{
    local name

    rm -rf --one-file-system "${chroot_out:?}"/*
    "$here/../matrix/chroot.sh" template "$1" "$2" >/dev/null 2>&1
    cp -a --reflink=auto "$chroots/$1/srv/template/$2" "$chroot_out/prefix"
    mkdir "$chroot_out/prefix/drive_c/chat" "$chroot_out/home"
    cp "$build/winetest/x86_64/create_test.exe" "$chroot_out/prefix/drive_c/chat/"
    cp "$build/winetest/i386/create_test.exe" "$chroot_out/prefix/drive_c/chat/small.exe"
    said=$(WINETEST_PLATFORM=shim MATRIX_BUILD=$build MATRIX_RUN=$folder/run MATRIX_OUT=$chroot_out MATRIX_ENV='' \
        MAILSLOTD_SOCKET=/mnt/run/socket WINEDLLPATH=/mnt/build/dll "$here/../matrix/chroot.sh" run "$1" -- bash -c '
            PATH=$PATH:/usr/lib/x86_64-linux-gnu/wine
            unset WINE
            export WINEPREFIX=/mnt/out/prefix HOME=/mnt/out/home WINEDEBUG=-all
            tool=/mnt/build/wine-mailslot
            ours() { wine "C:\\chat\\$1" 2>&1 </dev/null | grep -q " 0 failures)"; local r=$?; wineserver -w; return $r; }
            key() { wine reg "$1" "HKCU\\Software\\Wow6432Node\\Other" /v x /d y /f >/dev/null 2>&1; wineserver -w; }
            gone() { wine reg delete "HKCU\\Software\\Wow6432Node" /f >/dev/null 2>&1; wineserver -w; }
            plain() { sed "s/^\(\[.*\]\) [0-9]*$/\1/; /^#time=/d" $WINEPREFIX/user.reg; }
            key add
            plain >/tmp/before
            $tool install $WINEPREFIX/drive_c/chat/{create_test,small}.exe
            ours create_test.exe && ours small.exe && echo WITH-KEY
            [ $($tool status --prefix $WINEPREFIX | grep -c ": active") = 2 ] && echo STATUS-WITH-KEY
            $tool uninstall
            plain | diff /tmp/before - && ! ours small.exe && echo UNDONE
            $tool install $WINEPREFIX/drive_c/chat/{create_test,small}.exe
            gone
            ours create_test.exe && ours small.exe && echo KEY-GONE
            ! grep -q Wow6432 $WINEPREFIX/user.reg && $tool install $WINEPREFIX/drive_c/chat/small.exe &&
                ! grep -q Wow6432 $WINEPREFIX/user.reg && echo NEVER-MADE
            key add
            $tool status --prefix $WINEPREFIX
            $tool status --prefix $WINEPREFIX | grep -q "small.exe (32-bit): not active: .*Wow6432Node" &&
                $tool status --prefix $WINEPREFIX | grep -q "create_test.exe (64-bit): active" && echo STATUS-NEW-KEY
            eval "$($tool doctor --prefix $WINEPREFIX | grep -A1 "Wow6432Node" | sed -n "s/^ *fix: //p")"
            ours create_test.exe && ours small.exe && echo NEW-KEY-CURED
            WINE= $tool run C:\\chat\\small.exe | grep -q " 0 failures)" && echo RUN' 2>&1)
    for name in WITH-KEY STATUS-WITH-KEY UNDONE KEY-GONE NEVER-MADE STATUS-NEW-KEY NEW-KEY-CURED RUN; do
        verdict 'grep -qx "$name" <<<"$said"' "redirected-$1-$(tr '[:upper:]' '[:lower:]' <<<"$name")" "$said"
    done
}

part_redirected()
{
    local chroot template some=no

    while read -r chroot template; do
        if [ "$(id -u)" = 0 ] && [ -e "$chroots/$chroot/.matrix-stamp" ]; then
            [ -n "${chroot_out:-}" ] || chroot_out=$(mktemp -d "$chroots/.wayin.XXXXXX")
            redirected "$chroot" "$template"
        else
            echo "skipped $layer-redirected-$chroot needs root and the chroot of tests/matrix in $chroots"
        fi
    done <<'END'
bookworm win64
trixie win64
sid wow64
END
}

for part in $parts; do
    "part_$part"
done
exit 0
