#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Gets the test programs of the installed Wine: its own kernel32 and ntdll tests, 64 bit.

    wine_tests_make.py [FOLDER]     prints the folder that has them; exit code 77: cannot be had here,
                                    the reason is the last line on standard error

The sources come from the Debian source package of exactly the Wine that is installed, by apt, from
the places that the machine's own apt sources name. Only the test programs are compiled, by mingw with
Wine's headers: that needs no configure, no flex and no bison, and takes half a minute. What was made is
kept, in a folder named after the package's version, the compiler and the recipe; the sources of the
tests are kept beside it, as the comparison looks at them. None of it is part of this project.
"""

import concurrent.futures
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

GCC = 'x86_64-w64-mingw32-gcc'
DLLTOOL = 'x86_64-w64-mingw32-dlltool'
KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
PROGRAMS = {
    'kernel32': ['process', 'thread', 'sync', 'file', 'pipe', 'loader', 'virtual', 'module'],
    'ntdll': ['file', 'pipe', 'om', 'sync', 'virtual', 'threadpool'],
}
FLAGS = ['-O1', '-w', '-D__WINESRC__', '-D_MSVCR_VER=0', '-Iinclude', '-Iinclude/msvcrt']
LIBRARIES = ['-luser32', '-ladvapi32', '-lole32', '-lntdll']
# Tests look for these two in their own process, where Wine's build links them.
KEPT = 'void *kept[] __attribute__((used)) = { MessageBeep, RegCloseKey };'


class Unavailable(Exception):
    """Says why the programs cannot be had on this machine."""


def output(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options).stdout


def package_version():
    """The version of the source package of the Wine that is installed."""
    try:
        return output('dpkg-query', '-W', '-f', '${source:Package} ${source:Version}',
                      'wine64').split()
    except (OSError, subprocess.CalledProcessError):
        raise Unavailable("the Wine of this machine is not Debian's package wine64") from None


def key(version):
    recipe = pathlib.Path(__file__).read_bytes() + output(GCC, '--version').encode()
    return f'{version}-{hashlib.sha256(recipe).hexdigest()[:12]}'


def apt_options(folder):
    """apt with lists and cache of its own, for the sources of what the machine has packages of."""
    targets = output('apt-get', 'indextargets', '--format', '$(REPO_URI) $(RELEASE) $(COMPONENT)',
                     'Created-By: Packages')
    signed = f'[signed-by={KEYRING}] ' if os.path.exists(KEYRING) else ''
    lines = {f'deb-src {signed}{line}' for line in targets.splitlines() if '/debian' in line}
    if not lines:
        raise Unavailable('the apt sources of this machine name no Debian mirror')
    (folder / 'sources.list').write_text('\n'.join(sorted(lines)) + '\n')
    for name in ('lists/partial', 'parts', 'cache/archives/partial'):
        (folder / name).mkdir(parents=True)
    options = [f'Dir::Etc::sourcelist={folder}/sources.list',
               f'Dir::Etc::sourceparts={folder}/parts', f'Dir::State::lists={folder}/lists',
               f'Dir::Cache={folder}/cache', 'Acquire::Check-Valid-Until=false',
               'Acquire::Retries=2']
    if os.getuid() == 0:
        options.append('APT::Sandbox::User=root')
    return [word for option in options for word in ('-o', option)]


def fetch(folder, package, version):
    """Unpacks headers and tests of the source package into the folder's subfolder source."""
    options, update = apt_options(folder), ''
    try:
        # Other sources may be out of reach; what matters is whether the package is found.
        update = subprocess.run(['apt-get', *options, '-q', 'update'], timeout=90, check=False,
                                text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT).stdout
        output('apt-get', *options, '-q', 'source', '--download-only', '--tar-only',
               f'{package}={version}', cwd=folder, timeout=180)
    except subprocess.CalledProcessError as error:
        lines = [line for line in update.splitlines() if line[:2] in ('W:', 'E:')]
        lines += error.stdout.strip().splitlines()[-1:]
        raise Unavailable(f'apt cannot fetch the sources of {package} {version}: '
                          + ''.join(lines[:1])) from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f'the sources of {package} {version} do not come') from None
    tarball = next(folder.glob('*.orig.tar.*'))
    source = folder / 'source'
    source.mkdir()
    output('tar', '-xf', tarball, '-C', source, '--strip-components=1', '--wildcards',
           '*/include', '*/dlls/kernel32/tests', '*/dlls/ntdll/tests')
    return source


def compile_one(source, dll, name):
    target = source / f'{dll}-{name}.o'
    output(GCC, '-c', *FLAGS, f'-Idlls/{dll}/tests', '-o', target, f'dlls/{dll}/tests/{name}.c',
           cwd=source)
    return target


def link(source, dll, objects):
    """The list of tests is what Wine's build makes of its makefile."""
    names = PROGRAMS[dll]
    lines = [f'#include <{header}>' for header in
             ('stdio.h', 'windef.h', 'winbase.h', 'wincon.h', 'winreg.h', 'winuser.h')]
    lines += ['#define STANDALONE', '#include "wine/test.h"', KEPT]
    lines += [f'extern void func_{name}(void);' for name in names]
    lines += ['const struct test winetest_testlist[] = {']
    lines += [f'    {{ "{name}", func_{name} }},' for name in names] + ['    { 0, 0 } };']
    (source / f'{dll}-list.c').write_text('\n'.join(lines) + '\n')
    # What mingw's import library of ntdll does not know.
    (source / 'wine.def').write_text('LIBRARY ntdll.dll\nEXPORTS\n__wine_dbg_strdup\n')
    output(DLLTOOL, '-d', 'wine.def', '-l', 'libwinedbg.a', cwd=source)
    output(GCC, *FLAGS, '-s', '-o', f'{dll}_test.exe', f'{dll}-list.c', *objects, '-L.', *LIBRARIES,
           '-lwinedbg', cwd=source)


def build(source, target):
    jobs = [(dll, name) for dll, names in PROGRAMS.items() for name in names]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(lambda job: compile_one(source, *job), jobs))
    target.mkdir()
    for dll in PROGRAMS:
        link(source, dll, [o for o, job in zip(objects, jobs) if job[0] == dll])
        shutil.move(source / f'{dll}_test.exe', target)
        (target / dll).mkdir()
        for name in PROGRAMS[dll]:
            shutil.copy(source / f'dlls/{dll}/tests/{name}.c', target / dll)


def cache_folder():
    if os.access('/srv/wine-mailslot', os.W_OK) or os.access('/srv', os.W_OK):
        return pathlib.Path('/srv/wine-mailslot/wine-tests')
    home = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return pathlib.Path(home, 'wine-mailslot', 'wine-tests')


def get(cache=None):
    """The folder with kernel32_test.exe, ntdll_test.exe and their sources; made if missing."""
    for tool in (GCC, DLLTOOL, 'apt-get', 'tar', 'xz'):
        if not shutil.which(tool):
            raise Unavailable(f'{tool} is not installed')
    package, version = package_version()
    cache = cache or cache_folder()
    target = cache / key(version)
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as name:
        folder = pathlib.Path(name)
        source = fetch(folder, package, version)
        try:
            build(source, folder / 'made')
        except subprocess.CalledProcessError as error:
            raise Unavailable(f'the tests of {package} {version} do not compile here: '
                              + error.stdout.strip().splitlines()[0]) from None
        # Whoever made the same at the same time was as right.
        if not target.is_dir():
            (folder / 'made').rename(target)
    return target


if __name__ == '__main__':
    try:
        print(get(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None))
    except Unavailable as reason:
        sys.stderr.write(f'wine_tests_make.py: {reason}\n')
        sys.exit(77)
