#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The library as others get it: installed, found by pkg-config, the example compiled and run.
# shellcheck disable=SC2154,SC1091 # of support.sh
. "$(dirname "$0")/support.sh"

command -v pkg-config >/dev/null || exit 77
build=$(dirname "$tools")
root=$folder/root

# Only what belongs to the Unix side: the Windows side has tests of its own.
install_all()
{
    env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -C "$build" -s DESTDIR="$root" install-binPROGRAMS \
        install-mailslotlibDATA install-pkgconfigDATA install-includeHEADERS \
        install-bashcompletionDATA install-dist_examplesDATA >"$folder/install.log" 2>&1 ||
        { tail -n 5 "$folder/install.log" && false; }
}

# Arguments: variable of the makefile
make_variable()
{
    sed -n "s/^$1 = //p" "$build/Makefile"
}

verdict 'make install' install_all
[ "$failed" = 0 ] || exit 1
pc=$(find "$root" -name libmailslot.pc)
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$root
verdict 'pkg-config knows it' same "$(make_variable PACKAGE_VERSION)" "$(pkg-config --modversion libmailslot)"
header=$(find "$root" -name mailslot.h)
library=$(find "$root" -name libmailslot.a)
header_stands_alone()
{
    local words

    read -ra words <<<"$(make_variable CC)"
    echo '#include <mailslot.h>' | "${words[0]}" "$@" -Wall -Wextra -Werror -I"${header%/*}" -fsyntax-only -
}
verdict 'header stands alone' header_stands_alone -std=c99 -x c
if command -v c++ >/dev/null; then
    verdict 'header in C++' header_stands_alone -x c++
fi
verdict 'global names are those of the header' same '' \
    "$(nm -g --defined-only "$library" | awk 'NF == 3 && $3 !~ /^mailslot_/ { print $3 }')"
missing()
{
    grep -o '\bmailslot_[a-z_]*(' "$header" | tr -d '(' | sort -u |
        comm -23 - <(nm -g --defined-only "$library" | awk 'NF == 3 { print $3 }' | sort)
}
verdict 'all functions of the header are there' same '' "$(missing)"

# As the head of the example says, but for the sanitizers that the library may have been built with.
compile()
{
    # shellcheck disable=SC2046 # lists
    $(make_variable CC) -Wall -Wextra -Werror $(make_variable SANITIZER_FLAGS) -o "$folder/counter" \
        "$(find "$root" -name counter.c)" $(pkg-config --cflags --libs libmailslot)
}
verdict 'the example compiles' compile
cat >"$folder/own.c" <<'END'
#include <mailslot.h>
int queue_push(void) { return 1; }
int main(void)
{
    struct mailslot_client *client;
    return queue_push() != 1 || mailslot_client_new(&client, 0) || mailslot_client_free(client);
}
END
own_names()
{
    # shellcheck disable=SC2046 # lists
    $(make_variable CC) $(make_variable SANITIZER_FLAGS) -o "$folder/own" "$folder/own.c" \
        $(pkg-config --cflags --libs libmailslot) && "$folder/own"
}
verdict 'a program may have a queue_push() of its own' own_names

# --- it runs, with the installed tools, and starts the daemon itself ---

tools=$(dirname "$(find "$root" -name mailslotctl -path '*bin*')")
export MAILSLOTD=$tools/mailslotd MAILSLOTD_IDLE_TIMEOUT=1
"$folder/counter" serve counter 4 >"$folder/served" &
server=$!
jobs+=("$server")
verdict 'the example has its slot' soon has_slot counter
verdict 'from the example' "$folder/counter" send counter hello
verdict 'from mailslotctl' ctl send '\\.\mailslot\COUNTER' 'hello again'
verdict 'to the group' "$folder/counter" send -h '*' counter everybody
verdict 'nothing' "$folder/counter" send counter ''
verdict 'the example ends' wait "$server"
verdict 'and has counted' same "$(printf '%s\n' '1: 5 bytes: hello' '2: 11 bytes: hello again' \
    '3: 9 bytes: everybody' '4: 0 bytes: ')" "$(cat "$folder/served")"
verdict 'no slot any more' exits 1 "$folder/counter" send counter hello
verdict 'wrong usage' exits 2 "$folder/counter"
verdict 'the daemon ends' soon test ! -e "$MAILSLOTD_SOCKET"
verdict 'completion is where bash looks' test -s "$(find "$root" -path '*/bash-completion/completions/mailslotctl')"
exit "$failed"
