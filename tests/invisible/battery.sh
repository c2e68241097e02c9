#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs Wine's own tools and the probe in the current prefix; called by run, on the host or in a chroot.
#
# usage: battery.sh HERE OUT SYSTEM ARCH
#   HERE     folder of the probes and the export list
#   OUT      folder that gets one file a program: its output, its complaints, its exit status
#   SYSTEM   system32 or syswow64: whose tools
#   ARCH     x86_64 or i386: which probe
# At the end a mailslot program runs, whose daemon (a script that makes HERE/marker) tells whether
# our kernel32 was in use: OUT/.proof is there if it was, OUT/.early if it was asked for before.
# What must differ from run to run is taken out of the files: thread numbers of Wine's messages,
# dates, times and free space of dir; and whose forward it is that leads to a 16-bit library.
set -u

here=$1 out=$2 system=C:\\windows\\$3 arch=$4
PATH=$PATH:/usr/lib/x86_64-linux-gnu/wine
PROBE_VARIABLE='fixed value'
export PROBE_VARIABLE PATH
# Not: that there is no screen, which whoever starts the desktop says, at no certain time.
# And no fixme, as they tell addresses.
export WINEDEBUG=fixme-all,-winediag,-systray,-vulkan
mkdir -p "$out" && cd "$WINEPREFIX/drive_c" || exit 1
rm -rf battery && mkdir battery && cd battery || exit 1

normalise() {
    tr -d '\r' <"$1" | sed -E \
        -e 's/^([0-9a-f]{4}:)+//' \
        -e '/^error: XDG_RUNTIME_DIR/d' \
        -e '/krnl386/s/kernel32w/kernel32/g' \
        -e 's/[0-9]{1,4}[-\/][0-9]{1,2}[-\/][0-9]{1,4} +[0-9]{1,2}:[0-9]{2}([ap]| [AP]M)?/DATE/' \
        -e 's/ +[0-9,]+ bytes free/ N bytes free/'
}

# Arguments: name, program of the system folder, its arguments
run() {
    name=$1 program=$2
    shift 2
    case $program in
    *\\*) ;;
    *) program=$system\\$program.exe ;;
    esac
    # Once in some thousand starts Wine 8 finds the place of its shared data taken, and runs nothing.
    for try in 1 2 3; do
        timeout -k 5 60 wine "$program" "$@" <"${input:-/dev/null}" >"$out/.stdout" 2>"$out/.stderr"
        status=$?
        grep -q 'failed to map the shared user data' "$out/.stderr" || break
        echo "battery: $name: Wine did not start, try $try of 3" >&2
    done
    {
        echo "== standard output"
        normalise "$out/.stdout"
        echo "== standard error"
        normalise "$out/.stderr"
        echo "== exit status $status"
    } >"$out/$name"
    rm -f "$out/.stdout" "$out/.stderr"
}

printf 'one\r\ntwo\r\nthree\r\n' >lines.txt
printf 'from a file' >input.txt
cat >batch.cmd <<'END'
@echo off
set COUNT=0
for %%i in (a b c) do call :step %%i
echo count %COUNT%
if exist lines.txt (echo there) else echo missing
type nosuch.txt 2>errors.txt
type errors.txt
echo redirected >out.txt
echo appended >>out.txt
type out.txt
copy lines.txt + input.txt both.txt
fc /? >nul 2>&1
sort /? >nul 2>&1
exit /b 7
:step
set /a COUNT=COUNT+1
echo step %1
goto :eof
END

# The first program starts the desktop and gets its messages.
wine cmd /c exit </dev/null >/dev/null 2>&1
run cmd-dir cmd /c dir
run cmd-dir-system cmd /c 'dir /b C:\windows\system32\n*.dll'
run cmd-set cmd /c 'set PROBE_'
run cmd-type cmd /c 'type lines.txt'
run cmd-copy cmd /c 'copy lines.txt copied.txt && type copied.txt && del copied.txt && dir /b'
run cmd-for cmd /c 'for %i in (1 2 3) do @echo item %i'
run cmd-pipe cmd /c 'type lines.txt | more'
run cmd-redirect cmd /c 'echo hello > r.txt & type < r.txt r.txt & echo more >> r.txt & type r.txt'
run cmd-batch cmd /c batch.cmd
run cmd-missing cmd /c nosuchprogram
run cmd-exit cmd /c 'exit 9'
input=lines.txt run cmd-stdin cmd /c 'set /p X= & echo done'
run reg-add reg add 'HKCU\Software\WmsBattery' /v Value /t REG_SZ /d data /f
run reg-query reg query 'HKCU\Software\WmsBattery'
run reg-export reg export 'HKCU\Software\WmsBattery' exported.reg /y
run reg-delete reg delete 'HKCU\Software\WmsBattery' /f
run reg-missing reg query 'HKCU\Software\WmsBattery'
run msiexec-help msiexec '/?'
run winedbg-help winedbg --help
run net-help net help
run net-use net use
run hostname hostname
run xcopy xcopy lines.txt copied.txt '/?'
run attrib attrib lines.txt
run where where cmd
run systeminfo systeminfo '/?'
# shellcheck disable=SC1003 # a backslash before a quote is just one
run wmic 'C:\windows\'"$3"'\wbem\wmic.exe' os get Caption
run probe "C:\\battery-programs\\probe-$arch.exe" 'C:\battery-programs\exports.txt'
input=input.txt run probe-from-a-file "C:\\battery-programs\\probe-$arch.exe"
# Between two pipes, as in a shell.
printf 'through a pipe' | timeout -k 5 60 wine "C:\\battery-programs\\probe-$arch.exe" 2>&1 | cat >"$out/.pipe"
{
    echo "== standard output"
    normalise "$out/.pipe"
    echo "== exit status of a pipe"
} >"$out/probe-between-pipes"
rm -f "$out/.pipe"
if [ -f "$here/packed-$arch.exe" ]; then
    run probe-packed "C:\\battery-programs\\packed-$arch.exe" 'C:\battery-programs\exports.txt'
fi
if [ -n "${BATTERY_WINEBOOT:-}" ]; then
    run wineboot-update wineboot -u
fi
cd .. && rm -rf battery
[ ! -e "$here/marker" ] || mv "$here/marker" "$out/.early"
timeout 30 wine "C:\\battery-programs\\demo_client-$arch.exe" '\\.\mailslot\nobody' x \
    </dev/null >/dev/null 2>&1
[ ! -e "$here/marker" ] || mv "$here/marker" "$out/.proof"
exit 0
