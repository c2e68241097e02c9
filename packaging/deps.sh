#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing to build, run and test wine-mailslot on Debian 12. Silent if all is there.
#
# usage: deps.sh build|demo|test    (each needs what the one before needs, too)
set -eu

build='gcc libc6-dev gcc-multilib make autoconf automake pkg-config
    gcc-mingw-w64-x86-64 gcc-mingw-w64-i686 libsystemd-dev libinih-dev libjansson-dev uthash-dev'
demo='wine wine64 python3 iproute2 ethtool tshark util-linux'
test='libcmocka-dev clang-format-14 clang-tidy-14 clang-14 libclang-rt-14-dev shellcheck debootstrap
    procps xvfb imagemagick fonts-dejavu-core fonts-vlgothic fonts-wine fontconfig x11-utils libcap2-bin binutils man-db mandoc systemd strace samba samba-common-bin samba-testsuite python3-scapy'

case ${1:-} in
build) wanted=$build ;;
demo) wanted="$build $demo" ;;
test) wanted="$build $demo $test" ;;
*)
    echo "usage: deps.sh build|demo|test" >&2
    exit 2
    ;;
esac

missing=
for package in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "deps.sh: this is no Debian; install the like of:$missing" >&2
    exit 1
fi
root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "deps.sh: as root: apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    root=sudo
fi
# Samba is a neighbour for the tests, in namespaces of theirs: it must not serve this machine.
policy=/usr/sbin/policy-rc.d
case "$missing " in
*' samba '*)
    quiet=yes
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | $root tee $policy >/dev/null
        $root chmod 755 $policy
        trap '$root rm -f $policy' EXIT
    fi
    ;;
*) quiet= ;;
esac
log=$(mktemp "${TMPDIR:-/tmp}/wine-mailslot-apt.XXXXXX")
echo "Installing what is missing:$missing"
# shellcheck disable=SC2086 # a list
if ! { $root apt-get -q update && $root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qy install --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    echo "deps.sh: the installation failed; all of it is in $log" >&2
    exit 1
fi
rm -f "$log"
if [ -n "$quiet" ] && [ -d /run/systemd/system ]; then
    $root systemctl -q disable nmbd.service smbd.service >/dev/null 2>&1 || true
fi
