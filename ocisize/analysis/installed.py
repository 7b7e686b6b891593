"""Which files package managers own, by their paths: nobody but them may move or link these."""

from __future__ import annotations

import enum
import re

_FOLDERS = re.compile(rb"(?:^|/)(node_modules|site-packages|dist-packages|gems)/")
_SYSTEM = re.compile(
    rb"usr/(?!local/|src/)|lib(?:32|64|x32)?/|s?bin/|etc/|var/lib/"
    rb"|(?:home/[^/]+|root)/\.(?:bashrc|profile|bash_logout)$"  # copies of what is in /etc/skel
)


class Kind(enum.IntEnum):
    """Whose files they are."""

    NODE = 0  #: npm's and its like
    PYTHON = 1
    RUBY = 2
    SYSTEM = 3  #: the distribution's


_KINDS = {b"node_modules": Kind.NODE, b"site-packages": Kind.PYTHON, b"dist-packages": Kind.PYTHON, b"gems": Kind.RUBY}
_FOLDERS_OF = {kind: tuple(name + b"/" for name, of in _KINDS.items() if of is kind) for kind in Kind}


def kind_of(path: bytes) -> Kind | None:
    """Which package manager owns a path, None where none does."""
    if found := _FOLDERS.search(path):
        return Kind.SYSTEM if path.startswith(b"usr/lib/python3/") else _KINDS[found[1]]
    return Kind.SYSTEM if _SYSTEM.match(path) else None


def installed_twice(kind: Kind, original: bytes, copy: bytes) -> tuple[bytes, bytes] | None:
    """The two folders in which a package stands that two equal files belong to; None where it is not one package twice.

    Copies within a package are its own affair, and so are those that packages bring along under names of their own.
    """
    first, second = _parts(kind, original), _parts(kind, copy)
    if first is None or second is None or first[1:] != second[1:] or original == copy:
        return None
    return first[0], second[0]


def _parts(kind: Kind, path: bytes) -> tuple[bytes, bytes] | None:
    """A path's outermost folder of packages, and what stands below the innermost one."""
    first, last = len(path), -1
    for folder in _FOLDERS_OF[kind]:
        if (at := path.find(folder)) >= 0:
            first = min(first, at + len(folder) - 1)
            last = max(last, path.rfind(folder) + len(folder))
    return (path[:first], path[last:]) if last >= 0 else None
