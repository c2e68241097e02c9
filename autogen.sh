#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes ./configure.
set -e
cd "$(dirname "$0")"
for tool in autoconf automake aclocal pkg-config; do
    command -v "$tool" >/dev/null || {
        echo "$tool is missing; install it with: sudo apt-get install autoconf automake pkg-config" >&2
        exit 1
    }
done
mkdir -p build-aux
exec autoreconf --install --force
