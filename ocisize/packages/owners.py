"""Which package manager owns a file, by its path. Only the package manager may move or link its files."""

from __future__ import annotations

import enum
import functools
import re

from ocisize.patterns import lazy_pattern

_FOLDERS = re.compile(rb"(?:^|/)(node_modules|site-packages|dist-packages|gems)/")
_SYSTEM = re.compile(rb"usr/(?!local/|src/)|lib(?:32|64|x32)?/|s?bin/|etc/|var/lib/")
_SKELETON = frozenset((b".bashrc", b".profile", b".bash_logout"))  # copied from /etc/skel
_HOME = lazy_pattern(rb"home/[^/]+|root")
_MAX_DIRECTORIES = 1 << 12  # cached: most files share their directory with others


class PackageManager(enum.IntEnum):
    """A package manager that installs files into its own directories."""

    NODE = 0  #: npm, yarn, pnpm
    PYTHON = 1
    RUBY = 2
    SYSTEM = 3  #: the package manager of the distribution


_KINDS = {
    b"node_modules": PackageManager.NODE,
    b"site-packages": PackageManager.PYTHON,
    b"dist-packages": PackageManager.PYTHON,
    b"gems": PackageManager.RUBY,
}
_FOLDERS_OF = {kind: tuple(name + b"/" for name, of in _KINDS.items() if of is kind) for kind in PackageManager}


def package_manager_of(path: bytes) -> PackageManager | None:
    """The package manager that owns a path; None if none does.

    >>> package_manager_of(b"usr/bin/env"), package_manager_of(b"srv/app/main.py")
    (<PackageManager.SYSTEM: 3>, None)
    """
    directory, _, name = path.rpartition(b"/")
    if name in _SKELETON and _HOME.fullmatch(directory):
        return PackageManager.SYSTEM
    return _kind_in(directory)


@functools.lru_cache(_MAX_DIRECTORIES)
def _kind_in(directory: bytes) -> PackageManager | None:
    inside = directory + b"/"
    if match := _FOLDERS.search(inside):
        return PackageManager.SYSTEM if inside.startswith(b"usr/lib/python3/") else _KINDS[match[1]]
    return PackageManager.SYSTEM if _SYSTEM.match(inside) else None


def installed_twice(kind: PackageManager, original: bytes, copy: bytes) -> tuple[bytes, bytes] | None:
    """The two directories in which a package is installed, for a file of the package and its copy; else None.

    Returns None for duplicates within one package, and for copies in packages with other names.

    >>> installed_twice(PackageManager.NODE, b"a/node_modules/x/index.js", b"b/node_modules/x/index.js")
    (b'a/node_modules', b'b/node_modules')
    """
    first, _, name = original.rpartition(b"/")
    second, _, other = copy.rpartition(b"/")
    return _installed_twice(kind, first, second) if name == other and first != second else None


@functools.lru_cache(_MAX_DIRECTORIES)
def _installed_twice(kind: PackageManager, first: bytes, second: bytes) -> tuple[bytes, bytes] | None:
    (one, below), (another, beside) = _parts(kind, first), _parts(kind, second)
    return (one, another) if below is not None and below == beside else None


def _parts(kind: PackageManager, directory: bytes) -> tuple[bytes, bytes | None]:
    """The outermost directory of packages in a path, and the rest of the path below the innermost one, if there is one."""
    path = directory + b"/"
    first, last = len(path), -1
    for folder in _FOLDERS_OF[kind]:
        if (index := path.find(folder)) >= 0:
            first = min(first, index + len(folder) - 1)
            last = max(last, path.rfind(folder) + len(folder))
    return path[:first], path[last:] if last >= 0 else None
