#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The Debians in which the packages are built and tried, in folders entered by chroot.
#
# Per suite two bases are kept: "build" has what debian/control asks for and lintian, "run" has Wine.
# Nothing is ever written to a base once it is made: a session sees it through an overlay, in mount and
# process namespaces of its own, and what it changed is in a folder that is deleted after it. So each
# session starts clean, costs no copy of a gigabyte, and leaves nothing mounted or running, whatever
# kills it.

set -euo pipefail

readonly RECIPE=3
readonly UNAVAILABLE=77
dir=${PACKAGE_CHROOTS:-/srv/wine-mailslot/chroots}
self=$(readlink -f "$0")
top=${self%/tests/package/chroot.sh}

usage()
{
    cat <<'END'
usage: chroot.sh make SUITE KIND              make a base if it is missing or its recipe has changed
       chroot.sh session SUITE KIND COMMAND…  run in a fresh copy of the base, its exit code is ours
SUITE: bookworm, trixie. KIND: build, run.
exit codes: 0 done, 1 failed, 2 wrong use, 77 cannot be had here (the reason is the last line on stderr)

environment: PACKAGE_CHROOTS  where the bases are (/srv/wine-mailslot/chroots)
             PACKAGE_MIRROR   Debian mirror (that of the machine's own apt sources)
             PACKAGE_IN       folder seen as /mnt/in, read-only
             PACKAGE_OUT      folder seen as /mnt/out
             PACKAGE_OFFLINE  if set, the session has no network but its own 127.0.0.1
END
}

say()
{
    echo "chroot.sh: $*" >&2
}

die()
{
    say "$@"
    exit 1
}

unavailable()
{
    say "$@"
    exit "$UNAVAILABLE"
}

mirror()
{
    local own

    if [ -n "${PACKAGE_MIRROR:-}" ]; then
        echo "$PACKAGE_MIRROR"
        return
    fi
    # shellcheck disable=SC2016 # apt's own variables
    own=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null |
        awk -v suite="$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" \
            '$2 == suite && $1 ~ /debian\/?$/ { sub("/$", "", $1); print $1; exit }') || own=
    [ -n "$own" ] || unavailable "no Debian mirror in the machine's apt sources (PACKAGE_MIRROR names one)"
    echo "$own"
}

# What has to change for a base to be made anew.
stamp_text()
{
    printf 'recipe %s: ' "$RECIPE"
    if [ "$2" = build ]; then
        sed -n '/^Build-Depends:/,/^[A-Z]/{/^Build-Depends:/p;/^ /p}' "$top/packaging/debian/control" |
            sha256sum | cut -c 1-16
    else
        echo wine
    fi
}

base_complete()
{
    [ "$(cat "$dir/pkg-$1-$2/.package-stamp" 2>/dev/null)" = "$(stamp_text "$1" "$2")" ]
}

# Arguments: root, command. In the namespace of the caller; the kernel ends the mounts with it.
enter()
{
    local root=$1
    shift

    mount -t proc proc "$root/proc"
    mount --rbind --make-rprivate /dev "$root/dev"
    if [ -n "${PACKAGE_IN:-}" ]; then
        mkdir -p "$root/mnt/in"
        mount --bind "$PACKAGE_IN" "$root/mnt/in"
        mount -o remount,bind,ro "$root/mnt/in"
    fi
    if [ -n "${PACKAGE_OUT:-}" ]; then
        mkdir -p "$root/mnt/out"
        mount --bind "$PACKAGE_OUT" "$root/mnt/out"
    fi
    # No test may reach the real network by a daemon that was started by accident.
    exec chroot "$root" /usr/bin/env -i HOME=/root USER=root LOGNAME=root TERM=dumb LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
        MAILSLOTD_NETWORK=no ${http_proxy:+http_proxy="$http_proxy"} "$@"
}

# Arguments: base, work folder, command
enter_overlay()
{
    local base=$1 work=$2
    shift 2

    [ -z "${PACKAGE_OFFLINE:-}" ] || ip link set lo up
    mount -t overlay overlay -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/work" "$work/root"
    enter "$work/root" "$@"
}

in_namespace()
{
    unshare --mount --propagation private --pid --fork --kill-child "$self" "$@"
}

# Never rm through a mount.
remove_tree()
{
    [ -e "$1" ] || return 0
    ! findmnt -rn -o TARGET | grep -q "^$(readlink -f "$1")/" || die "$1 has mounts"
    rm -rf --one-file-system "$1"
}

# Run inside of the base to be made. Arguments: suite, kind
# shellcheck disable=SC2016 # for the shell inside
readonly INSIDE='
    set -eu
    if [ "$2" = build ]; then
        apt-get -q update
        apt-get -qy --no-install-recommends install build-essential lintian systemd
        mkdir -p /tmp/needs/debian
        cp /srv/control /tmp/needs/debian/control
        apt-get -qy --no-install-recommends build-dep /tmp/needs
        rm -rf /tmp/needs
    else
        dpkg --add-architecture i386
        sed -i "s/ main$/ main contrib/" /etc/apt/sources.list
        apt-get -q update
        apt-get -qy --no-install-recommends install wine wine64 wine32:i386 systemd iproute2 \
            procps winetricks
    fi
    apt-get clean'

make_locked()
{
    local suite=$1 kind=$2 name=pkg-$1-$2 new from log

    ! base_complete "$suite" "$kind" || return 0
    command -v debootstrap >/dev/null || unavailable "debootstrap is not installed"
    [ -e "/usr/share/debootstrap/scripts/$suite" ] || unavailable "this debootstrap does not know $suite"
    from=$(mirror) || exit
    new=$dir/.$name.new
    log=$dir/$name.log
    say "making $name from $from (log: $log)"
    remove_tree "$new"
    if ! debootstrap --variant=minbase "$suite" "$new" "$from" >"$log" 2>&1; then
        unavailable "debootstrap $suite from $from failed, see $log"
    fi
    printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
    chmod 755 "$new/usr/sbin/policy-rc.d"
    echo force-unsafe-io >"$new/etc/dpkg/dpkg.cfg.d/package"
    # An archive as of some day has Release files whose date has passed.
    echo 'Acquire::Check-Valid-Until "false";' >"$new/etc/apt/apt.conf.d/package"
    cp /etc/resolv.conf "$new/etc/resolv.conf"
    cp "$top/packaging/debian/control" "$new/srv/control"
    PACKAGE_IN='' PACKAGE_OUT='' in_namespace --enter "$new" \
        sh -c "$INSIDE" sh "$suite" "$kind" >>"$log" 2>&1 </dev/null ||
        unavailable "installing in $name failed, see $log"
    stamp_text "$suite" "$kind" >"$new/.package-stamp"
    remove_tree "$dir/$name"
    mv "$new" "$dir/$name"
}

session()
{
    local base=$dir/pkg-$1-$2 rc=0 pid
    shift 2

    [ -e "$base/.package-stamp" ] || die "no ${base##*/}: chroot.sh make first"
    # What sessions that were killed have left
    for work in "$dir"/.pkg-session-*; do
        pid=${work##*/.pkg-session-}
        [ ! -d "$work" ] || kill -0 "${pid%%.*}" 2>/dev/null || rm -rf --one-file-system "$work"
    done
    # On the disk of the base, as a tree of an overlay must be no overlay itself.
    work=$(mktemp -d "$dir/.pkg-session-$$.XXXXXX")
    trap 'rm -rf --one-file-system "$work"' EXIT
    trap 'exit 1' INT TERM
    mkdir "$work/upper" "$work/work" "$work/root"
    flock --shared --close "$dir/.${base##*/}.lock" \
        unshare --mount --propagation private --pid --fork --kill-child ${PACKAGE_OFFLINE:+--net} \
        "$self" --enter-overlay "$base" "$work" "$@" || rc=$?
    exit "$rc"
}

check_names()
{
    case "$1 $2" in
    "bookworm build" | "bookworm run" | "trixie build" | "trixie run") ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
    [ "$(id -u)" = 0 ] || unavailable "needs root"
    unshare --mount --pid --fork --propagation private true 2>/dev/null ||
        unavailable "needs the right to make namespaces (CAP_SYS_ADMIN)"
}

main()
{
    local verb=${1-}
    shift || true

    case $verb in
    --enter) enter "$@" ;;
    --enter-overlay) enter_overlay "$@" ;;
    --make) make_locked "$@" ;;
    make)
        check_names "${1-}" "${2-}"
        mkdir -p "$dir"
        if ! base_complete "$1" "$2"; then
            flock --exclusive --close "$dir/.pkg-$1-$2.lock" "$self" --make "$1" "$2"
        fi
        ;;
    session)
        check_names "${1-}" "${2-}"
        [ $# -gt 2 ] || { usage >&2 && exit 2; }
        session "$@"
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
}

main "$@"
