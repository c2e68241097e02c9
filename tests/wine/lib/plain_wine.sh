#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tests of install and doctor share: Wines and prefixes of their own, started with plain wine.
#
# The Wines are private copies (links, but for what Wine derives its folders from), so that nothing
# is written into this machine's own; the trees lie in a home folder made for the test.
# shellcheck disable=SC2016,SC2034,SC2154,SC2317 # conditions are evaluated later; cleanup is called by trap

build=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
folder=$(mktemp -d /tmp/wms-install.XXXXXX)
home=$folder/home
tool=$build/wine-mailslot
export WINEDEBUG=-all WINETEST_PLATFORM=shim MAILSLOTD_SOCKET=$folder/run/socket MAILSLOTD_NETWORK=no
export HOME=$home XDG_CONFIG_HOME=$home/.config XDG_DATA_HOME=$home/.local/share
export XDG_STATE_HOME=$home/.local/state
unset WINEARCH WINEPREFIX WINEDLLOVERRIDES WINEDLLPATH MAILSLOTD MAILSLOTCTL WINE WINELOADER WINESERVER
jobs=()

cleanup()
{
    local job prefix

    for job in "${jobs[@]}"; do
        kill -KILL "$job" 2>/dev/null
    done
    for prefix in "$folder"/prefix\ of\ * "$folder"/*/*/pfx; do
        [ ! -d "$prefix" ] || WINEPREFIX=$prefix wineserver -k 2>/dev/null
    done
    job=$("$build/server-bridge/mailslotctl" status --json 2>/dev/null |
        sed -n 's/^  "pid": \([0-9]*\),.*/\1/p')
    [ -z "$job" ] || kill "$job" 2>/dev/null
    rm -rf --one-file-system "$folder" "${chroot_out:-$folder/none}"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# Arguments: condition (a command), name, detail when it fails
verdict()
{
    if eval "$1"; then
        echo "passed $layer-$2"
    else
        echo "failed $layer-$2 $(tr '\n' ' ' <<<"${3:-}" | cut -c1-400)"
    fi
}

# Runs the tool; sets said (all it printed) and code.
tool()
{
    said=$("$tool" "$@" 2>&1 </dev/null)
    code=$?
}

# --- Wines and prefixes ---

# Arguments: name. A Wine of its own in $home/NAME, with bin/wine and bin/wineserver.
private_wine()
{
    local to=$home/$1 libraries=/usr/lib/x86_64-linux-gnu/wine

    mkdir -p "$to/lib/x86_64-linux-gnu" "$to/lib/wine" "$to/share" "$to/bin"
    cp -as "$libraries" "$to/lib/x86_64-linux-gnu/"
    cp -as /usr/share/wine "$to/share/"
    cp --remove-destination "$libraries/x86_64-unix/ntdll.so" "$to/lib/x86_64-linux-gnu/wine/x86_64-unix/"
    cp --remove-destination "$libraries/x86_64-windows/kernel32.dll" \
        "$to/lib/x86_64-linux-gnu/wine/x86_64-windows/"
    cp /usr/lib/wine/wine64 /usr/lib/wine/wineserver64 "$to/lib/wine/"
    rm -f "$to"/lib/x86_64-linux-gnu/wine/*/winemailslot.*
    cat >"$to/bin/wine" <<END
#!/bin/sh
export WINELOADER=$to/lib/wine/wine64 WINESERVER=$to/lib/wine/wineserver64
exec "\$WINELOADER" "\$@"
END
    printf '#!/bin/sh\nexec %s "$@"\n' "$to/lib/wine/wineserver64" >"$to/bin/wineserver"
    chmod +x "$to/bin/wine" "$to/bin/wineserver"
}

# Arguments: name. A fresh prefix with three programs; sets prefix.
fresh_prefix()
{
    prefix="$folder/prefix of $1"
    rm -rf --one-file-system "$prefix"
    cp -a --reflink=auto "$folder/template" "$prefix"
}

# Arguments: prefix, wine, program. Whether the program, started with plain wine, uses our mailslots.
uses_ours()
{
    local out

    out=$(cd "$1/drive_c/chat" && WINEPREFIX=$1 timeout 60 "$2" "C:\\chat\\$3" 2>&1 </dev/null)
    WINEPREFIX=$1 wineserver -w
    grep -q ' 0 failures)' <<<"$out"
}

# Prints what is in a prefix: kind, mode, date (not of folders and the registry) and contents.
snapshot()
{
    (
        cd "$1" || exit
        find . -type d -printf '%p %y %m\n' -o -name '*.reg' -printf '%p %y %m\n' -o \
            -printf '%p %y %m %s %T@ %l\n' | sort
        # The rest are libraries of Wine, which their size and date tell apart.
        find . -type f \( -name '*.reg' -o -name '*kernel*' -o -name '*mailslot*' -o -name '*.exe' \) \
            -print0 | sort -z | xargs -0 sha256sum
    )
}

# The same, without what Wine changes whenever it runs.
snapshot_after_wine()
{
    (
        cd "$1" || exit
        find . -type d -printf '%p %y %m\n' -o -type f -printf '%p %y %m\n' -o -printf '%p %y %l\n' | sort
        find . -type f \( -name '*kernel*' -o -name '*mailslot*' -o -name '*.exe' \) \
            -print0 | sort -z | xargs -0 sha256sum
        # Wine looks for devices whenever it starts, and what it notes of them in System differs.
        sed 's/^\(\[.*\]\) [0-9]*$/\1/; /^#time=/d' user.reg system.reg |
            awk '/^\[/ { skip = index($0, "[System\\\\") == 1 } !skip'
    )
}

# Arguments: folder. An installed tree that was moved there.
relocated_tree()
{
    mkdir -p "$1/bin" "$1/lib/wine-mailslot"
    cp "$build/wine-mailslot" "$build/server-bridge/mailslotd" "$build/server-bridge/mailslotctl" "$1/bin/"
    cp -r "$build"/dll/*-windows "$build"/dll/*-unix "$1/lib/wine-mailslot/"
}

# --- doctor ---

# Arguments: words of the line, name. Runs doctor on the broken prefix, the command that it names, and
# doctor again, which must not find another problem instead.
cure()
{
    local fix first

    tool doctor --prefix "$prefix"
    first=$said
    fix=$(grep -F -A1 -- "$1" <<<"$said" | sed -n 's/^ *\(fix\|if so\): //p' | head -n 1)
    if ! grep -qF -- "$1" <<<"$first" || [ -z "$fix" ]; then
        echo "failed $layer-$2 not found: $(grep -v '^ok' <<<"$first" | tr '\n' ' ')"
        return
    fi
    # sudo is for people; here it is either root or a stand-in.
    eval "${fix//sudo /}" >"$folder/fix.out" 2>&1 </dev/null
    tool doctor --prefix "$prefix"
    verdict '! grep -qF -- "$1" <<<"$said" && grep -q ^ok <<<"$said" &&
        [ -z "$(grep ^problem <<<"$said" | grep -vxF -f <(grep ^problem <<<"$first"))" ]' "$2" "after '$fix': $(cat "$folder/fix.out") $said"
}

# --- what all start with ---

if ! command -v wine >/dev/null || [ ! -x /usr/lib/wine/wine64 ]; then
    echo "skipped $layer needs the wine and wine64 packages of Debian 12"
    exit 0
fi
mkdir -p "$home" "$XDG_STATE_HOME"
mkdir -m 700 "$folder/run"
private_wine one
private_wine two
export WINE=$home/one/bin/wine
WINEPREFIX=$folder/template WINEDLLOVERRIDES='mscoree,mshtml=' "$WINE" wineboot -i >/dev/null 2>&1
WINEPREFIX=$folder/template wineserver -w
mkdir "$folder/template/drive_c/chat"
cp "$build"/winetest/x86_64/{create_test,open_test,demo_server}.exe "$folder/template/drive_c/chat/"
cp "$build"/winetest/x86_64/create_test.exe "$folder/template/drive_c/chat/copy_test.exe"
"$build/server-bridge/mailslotd" >"$folder/mailslotd.log" 2>&1 </dev/null &
jobs+=($!)
for ((i = 0; i < 50; i++)); do
    [ ! -S "$MAILSLOTD_SOCKET" ] || break
    sleep 0.1
done
