#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The Debians in which the packages are built and tried, in folders entered by chroot.
#
# Per suite two bases are kept: "build" has what debian/control asks for and lintian, "run" has Wine. A third
# one, "boot", is "run" with an init, firewalls and Samba: its sessions are computers with systemd as PID 1.
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
SUITE: bookworm, trixie. KIND: build, run, boot (a booted computer without a network; COMMAND is its last
service, whose output comes when it has ended).
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
    if [ "$2" = boot ]; then
        echo "wine, booted"
    elif [ "$2" = build ]; then
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

# Arguments: root. In the namespace of the caller; the kernel ends the mounts with it.
mount_folders()
{
    local root=$1

    if [ -n "${PACKAGE_IN:-}" ]; then
        mkdir -p "$root/mnt/in"
        mount --bind "$PACKAGE_IN" "$root/mnt/in"
        mount -o remount,bind,ro "$root/mnt/in"
    fi
    if [ -n "${PACKAGE_OUT:-}" ]; then
        mkdir -p "$root/mnt/out"
        mount --bind "$PACKAGE_OUT" "$root/mnt/out"
    fi
}

# Arguments: root, command
enter()
{
    local root=$1
    shift

    mount -t proc proc "$root/proc"
    mount --rbind --make-rprivate /dev "$root/dev"
    mount_folders "$root"
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

# Arguments: root. Devices of its own, and nothing of the kernel that is not its own may be written.
mount_computer()
{
    local root=$1 device

    mount -t proc proc "$root/proc"
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
    mount -o remount,bind,ro "$root/proc/sys"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=755,nosuid dev "$root/dev"
    for device in null zero full random urandom tty; do
        touch "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
    mount -t tmpfs -o mode=755 run "$root/run"
    mount_folders "$root"
}

# Arguments: base, work folder, command. systemd as a container has it: it ends with the command, with its exit code.
enter_boot()
{
    local base=$1 work=$2 root=$2/root
    shift 2

    mount -t overlay overlay -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/work" "$root"
    mount_computer "$root"
    ip link set lo up
    echo frontdesk >"$root/etc/hostname"
    echo 127.0.1.1 frontdesk >>"$root/etc/hosts"
    : >"$root/etc/machine-id"
    cat >"$root/etc/systemd/system/package-test.service" <<END
[Unit]
Requires=basic.target dbus.socket
After=basic.target dbus.socket
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
Environment=HOME=/root LANG=C.UTF-8
StandardOutput=file:/mnt/out/service.lines
StandardError=file:/mnt/out/service.log
TimeoutStartSec=400
ExecStart=$*
END
    mkdir -p "$root/.outside"
    cd "$root"
    pivot_root . .outside
    umount -l .outside
    rmdir .outside
    exec env -i container=package-test PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        setpriv --bounding-set=-sys_time,-sys_module,-sys_boot,-sys_rawio,-mac_admin,-mac_override \
        /lib/systemd/systemd --system --unit=package-test.service
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
    if [ "$2" = boot ]; then
        apt-get -q update
        apt-get -qy --no-install-recommends install systemd-sysv dbus sudo ufw firewalld nftables samba \
            libinih1 libjansson4
        rm -f /usr/sbin/policy-rc.d
        useradd --create-home --shell /bin/bash user
        echo "user ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/user
    elif [ "$2" = build ]; then
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

# Arguments: suite, folder to be made, log
bootstrap()
{
    local suite=$1 new=$2 log=$3 from

    command -v debootstrap >/dev/null || unavailable "debootstrap is not installed"
    [ -e "/usr/share/debootstrap/scripts/$suite" ] || unavailable "this debootstrap does not know $suite"
    from=$(mirror) || exit
    say "making ${new##*/.} from $from (log: $log)"
    if ! debootstrap --variant=minbase "$suite" "$new" "$from" >"$log" 2>&1; then
        unavailable "debootstrap $suite from $from failed, see $log"
    fi
    printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
    chmod 755 "$new/usr/sbin/policy-rc.d"
    echo force-unsafe-io >"$new/etc/dpkg/dpkg.cfg.d/package"
    # An archive as of some day has Release files whose date has passed.
    echo 'Acquire::Check-Valid-Until "false";' >"$new/etc/apt/apt.conf.d/package"
}

make_locked()
{
    local suite=$1 kind=$2 name=pkg-$1-$2 new log

    ! base_complete "$suite" "$kind" || return 0
    new=$dir/.$name.new
    log=$dir/$name.log
    remove_tree "$new"
    if [ "$kind" = boot ]; then
        say "making $name from pkg-$suite-run (log: $log)"
        cp -a --reflink=auto "$dir/pkg-$suite-run" "$new"
    else
        bootstrap "$suite" "$new" "$log"
    fi
    # Of this machine, today.
    cp /etc/resolv.conf "$new/etc/resolv.conf"
    cp "$top/packaging/debian/control" "$new/srv/control"
    PACKAGE_IN='' PACKAGE_OUT='' in_namespace --enter "$new" \
        sh -c "$INSIDE" sh "$suite" "$kind" >>"$log" 2>&1 </dev/null ||
        unavailable "installing in $name failed, see $log"
    stamp_text "$suite" "$kind" >"$new/.package-stamp"
    remove_tree "$dir/$name"
    mv "$new" "$dir/$name"
}

# A cgroup that the systemd of a booted session may take as the root of its own; its tree is removed after it.
cgroup_make()
{
    local tree

    tree=$(findmnt -rn -t cgroup2 -o TARGET | head -n 1)
    [ -n "$tree" ] || unavailable "no cgroup2 file system is mounted here, which systemd needs"
    cgroup=$tree/wms-package-$$
    mkdir "$cgroup" 2>/dev/null || unavailable "no cgroup can be made in $tree, which systemd needs"
    # shellcheck disable=SC2016 # for the shell inside
    sh -c 'echo $$ >"$1/cgroup.procs" && exec unshare --mount --propagation private --uts --ipc --net --cgroup \
        mount -t cgroup2 cgroup2 /mnt' sh "$cgroup" 2>/dev/null ||
        unavailable "a cgroup of its own cannot be given to systemd here"
}

cgroup_remove()
{
    [ -n "$cgroup" ] || return 0
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        ! find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || return 0
        sleep 0.2
    done
}

# Arguments: base, command
session_boot()
{
    local base=$1 rc=0
    shift

    cgroup_make
    # shellcheck disable=SC2016 # for the shell inside
    flock --shared --close "$dir/.${base##*/}.lock" \
        sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$cgroup" \
        timeout -s KILL 500 unshare --mount --propagation private --pid --fork --kill-child --uts --ipc --net \
        --cgroup "$self" --enter-boot "$base" "$work" "$@" || rc=$?
    [ -z "${PACKAGE_OUT:-}" ] || [ ! -f "$PACKAGE_OUT/service.lines" ] || cat "$PACKAGE_OUT/service.lines"
    return "$rc"
}

session()
{
    local base=$dir/pkg-$1-$2 kind=$2 rc=0 pid
    cgroup=
    shift 2

    [ -e "$base/.package-stamp" ] || die "no ${base##*/}: chroot.sh make first"
    # What sessions that were killed have left
    for work in "$dir"/.pkg-session-*; do
        pid=${work##*/.pkg-session-}
        [ ! -d "$work" ] || kill -0 "${pid%%.*}" 2>/dev/null || rm -rf --one-file-system "$work"
    done
    # On the disk of the base, as a tree of an overlay must be no overlay itself.
    work=$(mktemp -d "$dir/.pkg-session-$$.XXXXXX")
    trap 'cgroup_remove; rm -rf --one-file-system "$work"' EXIT
    trap 'exit 1' INT TERM
    mkdir "$work/upper" "$work/work" "$work/root"
    if [ "$kind" = boot ]; then
        session_boot "$base" "$@" || rc=$?
        exit "$rc"
    fi
    flock --shared --close "$dir/.${base##*/}.lock" \
        unshare --mount --propagation private --pid --fork --kill-child ${PACKAGE_OFFLINE:+--net} \
        "$self" --enter-overlay "$base" "$work" "$@" || rc=$?
    exit "$rc"
}

check_names()
{
    case "$1 $2" in
    "bookworm build" | "bookworm run" | "trixie build" | "trixie run" | "bookworm boot") ;;
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
    --enter-boot) enter_boot "$@" ;;
    --make) make_locked "$@" ;;
    make)
        check_names "${1-}" "${2-}"
        mkdir -p "$dir"
        if ! base_complete "$1" "$2"; then
            [ "$2" != boot ] || "$self" make "$1" run
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
