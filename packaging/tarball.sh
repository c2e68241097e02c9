#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Packs a build into wine-mailslot-VERSION.tar.xz, which runs from any folder and needs no root.
#
# usage: tarball.sh BUILD OUT     (OUT: a folder; prints the path of the tarball)
#
# The same build packs to the same bytes: sorted, owned by root, of one time (SOURCE_DATE_EPOCH, by default
# that of the newest NEWS, README or source file of the tree that has been built).
set -eu

if [ $# != 2 ] || [ ! -f "$1/Makefile" ] || [ ! -d "$2" ]; then
    echo "usage: tarball.sh BUILD OUT" >&2
    exit 2
fi
top=$(dirname "$(dirname "$(readlink -f "$0")")")
build=$(readlink -f "$1")
out=$(readlink -f "$2")
version=$("$build/wine-mailslot" --version | sed 's/^wine-mailslot //')
name=wine-mailslot-$version
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/$name

if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git -c safe.directory="$top" -C "$top" log -1 --format=%ct 2>/dev/null) ||
        SOURCE_DATE_EPOCH=$(stat -c %Y "$top/configure.ac")
fi

mkdir -p "$root/bin" "$root/lib/wine-mailslot"
for program in mailslotd mailslotctl; do
    strip -o "$root/bin/$program" "$build/server-bridge/$program"
done
cp "$build/wine-mailslot" "$root/bin/"

# Each folder by itself is one for WINEDLLPATH; wine-mailslot has them together, below lib.
for arch in x86_64 i386; do
    mkdir -p "$root/$arch/$arch-windows" "$root/$arch/$arch-unix"
    # Not stripped: winemailslot.dll would lose the mark that makes it a builtin.
    cp "$build/dll/$arch-windows/kernel32.dll" "$build/dll/$arch-windows/winemailslot.dll" \
        "$build/dll/$arch-windows/wine-mailslot-session.exe" \
        "$build/dll/$arch-windows/wine-mailslot-probe.exe" "$root/$arch/$arch-windows/"
    strip --strip-unneeded -o "$root/$arch/$arch-unix/winemailslot.so" \
        "$build/dll/$arch-unix/winemailslot.so"
    ln -s "../../$arch/$arch-windows" "../../$arch/$arch-unix" "$root/lib/wine-mailslot/"
done

sed "s/@VERSION@/$version/g" "$top/packaging/tarball/README" >"$root/README"
cp "$top/COPYING" "$top/packaging/winetricks/mailslot.verb" "$root/"
cp "$top/packaging/tarball/setup.sh" "$root/setup.sh"
mkdir "$root/firewall"
cp "$top/packaging/firewall/ufw/mailslotd" "$root/firewall/ufw-mailslotd"
cp "$top/packaging/firewall/firewalld/mailslot.xml" "$root/firewall/firewalld-mailslot.xml"
for page in "$top"/man/*.[1-8]; do
    [ -f "$page" ] || continue
    section=${page##*.}
    [ "$section" != 3 ] || continue # the library is not here
    mkdir -p "$root/share/man/man$section"
    cp "$page" "$root/share/man/man$section/"
done

find "$root" -type d -exec chmod 755 {} +
find "$root" -type f -exec chmod 644 {} +
chmod 755 "$root"/bin/* "$root/setup.sh"
(
    cd "$work"
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
        --format=ustar -cf "$name.tar" "$name"
    # One thread: more would cut the stream by the number of processors.
    xz -9 -T1 "$name.tar"
)
mv "$work/$name.tar.xz" "$out/$name.tar.xz"
echo "$out/$name.tar.xz"
