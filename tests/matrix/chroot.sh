#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The other Wines of the test matrix: Debian bookworm, trixie and sid in folders entered by chroot.
#
# Every entry happens in a mount namespace of its own. The kernel takes the mounts away with the
# last process in it, so none is left behind, whatever kills us, and any number of entries at once
# do not see each other's /mnt. Only `mount` makes mounts that stay, and `umount` ends those.
#
# A chroot is built under another name and renamed when complete, so a folder of the right name
# is never half of one; the stamp in it names the recipe, so a changed recipe makes it anew.

set -euo pipefail

readonly RECIPE=1
readonly UNAVAILABLE=77
readonly TEMPLATES=/srv/template
# sid has its wineserver here only. It is no part of PATH in `run`: programs must do without.
readonly SERVER_FOLDER=/usr/lib/x86_64-linux-gnu/wine
dir=${MATRIX_DIR:-/srv/wine-mailslot/chroots}
self=$(readlink -f "$0")

usage()
{
    cat <<'END'
usage: chroot.sh make NAME|all             make what is missing or broken (NAME: bookworm, trixie or sid);
                                           prints nothing when all is there
       chroot.sh run NAME -- COMMAND...    run in the chroot, its exit code is ours
       chroot.sh template NAME ARCH [COPY] make the prefix template (win64, win32 or wow64) if missing,
                                           copy it to COPY (a path in the chroot) and print the path
       chroot.sh mount NAME                mount /proc, /dev (and /mnt/*) for use from outside, until umount
       chroot.sh umount NAME
       chroot.sh clean [NAME]              remove the chroots; refuses while something runs in them

exit codes: 0 done, 1 failed, 2 wrong use, 77 cannot be had here (the reason is the last line on stderr)

environment: MATRIX_DIR     where the chroots are (/srv/wine-mailslot/chroots)
             MATRIX_MIRROR  Debian mirror (that of the machine's own apt sources)
             MATRIX_BUILD   folder seen as /mnt/build, read-only
             MATRIX_RUN     folder seen as /mnt/run: the daemon's socket
             MATRIX_OUT     folder seen as /mnt/out: reports
             MATRIX_X11     folder seen as /tmp/.X11-unix: the sockets of X servers
             MATRIX_ENV     names of further variables that pass; WINE*, WINETEST_* and MAILSLOT* always do
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

check_name()
{
    case ${1-} in
    bookworm | trixie | sid) ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
}

need_root()
{
    [ "$(id -u)" = 0 ] || unavailable "needs root"
    unshare --mount --propagation private true 2>/dev/null ||
        unavailable "needs the right to make a mount namespace (CAP_SYS_ADMIN)"
}

# Held shared while a command runs and exclusively while the folder changes; the commands themselves
# do not inherit it, or a wineserver that lingers would hold it.
with_lock()
{
    local kind=$1 name=$2 rc=0
    shift 2

    mkdir -p "$dir"
    flock --"$kind" --close "$dir/.$name.lock" "$@" || rc=$?
    return "$rc"
}

mirror()
{
    local own

    if [ -n "${MATRIX_MIRROR:-}" ]; then
        echo "$MATRIX_MIRROR"
        return
    fi
    # shellcheck disable=SC2016 # apt's own variables
    own=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null |
        awk -v suite="$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" \
            '$2 == suite && $1 ~ /debian\/?$/ { sub("/$", "", $1); print $1; exit }') || own=
    [ -n "$own" ] || unavailable "no Debian mirror in the machine's apt sources (MATRIX_MIRROR names one)"
    echo "$own"
}

# In the namespace of the caller.
mount_into()
{
    local root=$1 spec from

    # /proc's own mounts (binfmt_misc) are of no use inside and would have to be unmounted one by one.
    mountpoint -q "$root/proc" || mount --bind /proc "$root/proc"
    mountpoint -q "$root/dev" || mount --rbind --make-rprivate /dev "$root/dev"
    for spec in build run out x11; do
        case $spec in
        build) from=${MATRIX_BUILD:-} ;;
        run) from=${MATRIX_RUN:-} ;;
        out) from=${MATRIX_OUT:-} ;;
        x11) from=${MATRIX_X11:-} ;;
        esac
        [ -n "$from" ] || continue
        [ -d "$from" ] || die "$from is no folder"
        if [ "$spec" = x11 ]; then
            mkdir -p "$root/tmp/.X11-unix"
            mount --bind "$from" "$root/tmp/.X11-unix"
            continue
        fi
        mkdir -p "$root/mnt/$spec"
        mount --bind "$from" "$root/mnt/$spec"
    done
    # A read-only bind takes two steps: the first mount ignores the flag.
    [ -z "${MATRIX_BUILD:-}" ] || mount -o remount,bind,ro "$root/mnt/build"
}

# Arguments: root folder, command. Runs in a namespace made for it.
enter()
{
    local root=$1 name pass=()
    shift

    mount_into "$root"
    for name in $(compgen -e); do
        case " ${MATRIX_ENV:-} " in
        *" $name "*)
            pass+=("$name=${!name}")
            continue
            ;;
        esac
        case $name in
        WINE* | MAILSLOT*) pass+=("$name=${!name}") ;;
        esac
    done
    exec chroot "$root" /usr/bin/env -i HOME=/root USER=root LOGNAME=root TERM=dumb LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${pass[@]}" "$@"
}

in_namespace()
{
    unshare --mount --propagation private "$self" --enter "$@"
}

packages()
{
    case $1 in
    bookworm | trixie) echo wine wine64 wine32:i386 ;;
    sid) echo wine wine64 ;;
    esac
}

stamp_text()
{
    echo "recipe $RECIPE: $1: $(packages "$1")"
}

complete()
{
    local name=$1

    [ "$(head -n 1 "$dir/$name/.matrix-stamp" 2>/dev/null)" = "$(stamp_text "$name")" ] &&
        in_namespace "$dir/$name" wine --version >/dev/null 2>&1
}

users_of()
{
    local root proc link

    root=$(readlink -f "$1") || return 0
    for proc in /proc/[0-9]*; do
        link=$(readlink "$proc/root" 2>/dev/null) || continue
        [ "$link" = "$root" ] && echo "${proc#/proc/}"
    done
    return 0
}

# Never rm through a mount: /dev and the build tree are behind them.
remove_tree()
{
    local root=$1 users

    [ -e "$root" ] || return 0
    users=$(users_of "$root" | tr '\n' ' ')
    [ -z "$users" ] || die "$root is in use by process $users"
    if findmnt -rn -o TARGET | grep -q "^$(readlink -f "$root")/"; then
        die "$root has mounts; chroot.sh umount first"
    fi
    rm -rf --one-file-system "$root"
}

make_locked()
{
    local name=$1 new="$dir/.$1.new" from list log="$dir/$1.log"

    ! complete "$name" || return 0
    command -v debootstrap >/dev/null || unavailable "debootstrap is not installed"
    from=$(mirror)
    [ -e "/usr/share/debootstrap/scripts/$name" ] || unavailable "this debootstrap does not know $name"
    say "making $name from $from (log: $log)"
    remove_tree "$new"
    : >"$log"
    if ! debootstrap --variant=minbase "$name" "$new" "$from" >>"$log" 2>&1; then
        grep -E '^[EW]:' "$log" | tail -n 3 >&2 || true
        unavailable "debootstrap $name from $from failed, see $log"
    fi

    # Nothing may start a service, and a folder that is thrown away when broken needs no fsync.
    printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
    chmod 755 "$new/usr/sbin/policy-rc.d"
    echo force-unsafe-io >"$new/etc/dpkg/dpkg.cfg.d/matrix"
    # An archive as of some day, or a copy of it, has Release files whose date has passed.
    echo 'Acquire::Check-Valid-Until "false";' >"$new/etc/apt/apt.conf.d/matrix"
    cp /etc/resolv.conf "$new/etc/resolv.conf"
    read -ra list <<<"$(packages "$name")"
    # shellcheck disable=SC2016 # for the shell inside
    if ! MATRIX_BUILD='' MATRIX_RUN='' MATRIX_OUT='' \
        MATRIX_ENV='http_proxy https_proxy DEBIAN_FRONTEND' DEBIAN_FRONTEND=noninteractive \
        in_namespace "$new" sh -ec '
            [ "$1" = sid ] || dpkg --add-architecture i386
            shift
            apt-get -q update
            apt-get -qy --no-install-recommends install "$@"
            apt-get clean
            rm -rf /var/lib/apt/lists/*' sh "$name" "${list[@]}" >>"$log" 2>&1; then
        grep -E '^E:' "$log" | tail -n 3 >&2 || true
        unavailable "installing ${list[*]} in $name failed, see $log"
    fi
    stamp_text "$name" >"$new/.matrix-stamp"
    in_namespace "$new" dpkg-query -W wine >>"$new/.matrix-stamp"
    remove_tree "$dir/$name"
    mv "$new" "$dir/$name"
    complete "$name" || die "$name was made but its wine does not run, see $log"
    say "$name is ready: $(tail -n 1 "$dir/$name/.matrix-stamp")"
}

# The template is renamed into place when its wineserver has written everything, so a copy is never
# of a prefix in the making.
template_locked()
{
    local name=$1 arch=$2 winearch=win64

    [ ! -e "$dir/$name$TEMPLATES/$arch/.matrix-complete" ] || return 0
    [ "$arch" != win32 ] || winearch=win32
    say "making the $arch prefix template of $name"
    # No Gecko, no Mono: neither is there to install, and the dialogue would wait for ever.
    # shellcheck disable=SC2016 # for the shell inside
    MATRIX_BUILD='' MATRIX_RUN='' MATRIX_OUT='' WINEPREFIX=$TEMPLATES/.$arch.new WINEARCH=$winearch \
        WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml=' \
        in_namespace "$dir/$name" sh -ec '
            rm -rf "$WINEPREFIX" "$1"
            mkdir -p "$WINEPREFIX"
            wineboot -i
            PATH=$PATH:'"$SERVER_FOLDER"' wineserver -w
            touch "$WINEPREFIX/.matrix-complete"
            mv "$WINEPREFIX" "$1"' sh "$TEMPLATES/$arch" >"$dir/$name.template.log" 2>&1 ||
        die "wineboot in $name failed, see $dir/$name.template.log"
}

check_arch()
{
    case "$1/${2-}" in
    bookworm/win64 | trixie/win64 | trixie/win32 | sid/wow64) ;;
    *)
        say "no template ${2:-(none)} for $1: bookworm has win64, trixie win64 and win32, sid wow64"
        exit 2
        ;;
    esac
}

umount_from()
{
    local root

    root=$(readlink -f "$1")
    findmnt -rn -o TARGET | grep "^$root/" | sort -r | while read -r spot; do
        umount "$spot" || umount -l "$spot"
    done || true
}

main()
{
    local verb=${1-} name rc=0
    shift || true

    case $verb in
    --enter)
        enter "$@"
        ;;
    --complete)
        complete "$1"
        ;;
    --make)
        make_locked "$1"
        ;;
    --template)
        template_locked "$1" "$2"
        ;;
    --copy)
        mkdir -p "$(dirname "$dir/$1$3")"
        rm -rf --one-file-system "${dir:?}/$1$3"
        cp -a --reflink=auto "$dir/$1$TEMPLATES/$2" "$dir/$1$3"
        ;;
    --remove)
        remove_tree "$1"
        ;;
    make)
        need_root
        [ "${1-}" != all ] || set -- bookworm trixie sid
        [ $# -gt 0 ] || set -- ''
        for name; do
            check_name "$name"
            # The look needs no exclusive lock, which would wait for everything that runs there.
            if with_lock shared "$name" "$self" --complete "$name"; then
                continue
            fi
            with_lock exclusive "$name" "$self" --make "$name" || rc=$?
        done
        exit "$rc"
        ;;
    run)
        check_name "${1-}"
        name=$1
        shift
        [ "${1-}" != -- ] || shift
        [ $# -gt 0 ] || { usage >&2 && exit 2; }
        need_root
        [ -e "$dir/$name/.matrix-stamp" ] || die "no $name in $dir: chroot.sh make $name"
        with_lock shared "$name" unshare --mount --propagation private "$self" --enter "$dir/$name" "$@"
        ;;
    template)
        check_name "${1-}"
        check_arch "$1" "${2-}"
        need_root
        [ -e "$dir/$1/.matrix-stamp" ] || die "no $1 in $dir: chroot.sh make $1"
        with_lock shared "$1" flock --exclusive --close "$dir/.$1.$2.lock" \
            "$self" --template "$1" "$2"
        [ -z "${3-}" ] || with_lock shared "$1" "$self" --copy "$1" "$2" "$3"
        echo "${3:-$TEMPLATES/$2}"
        ;;
    mount)
        check_name "${1-}"
        need_root
        umount_from "$dir/$1"
        mount_into "$dir/$1"
        ;;
    umount)
        check_name "${1-}"
        need_root
        umount_from "$dir/$1"
        ;;
    clean)
        need_root
        [ $# -gt 0 ] || set -- bookworm trixie sid
        for name; do
            check_name "$name"
            umount_from "$dir/$name"
            with_lock exclusive "$name" "$self" --remove "$dir/$name"
            with_lock exclusive "$name" "$self" --remove "$dir/.$name.new"
        done
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
}

main "$@"
