"""npm's lock of an installed ``node_modules``: which packages it names, and whether the files beside it agree.

npm writes ``node_modules/.package-lock.json`` whenever it changes the directory; other tools leave the file as it was, so it
may be stale. Format: https://docs.npmjs.com/cli/configuring-npm/package-lock-json#hidden-lockfiles.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ocisize.errors import DocumentError
from ocisize.oci.strict_json import load_json
from ocisize.patterns import lazy_pattern
from ocisize.tar.paths import clean_name, join
from ocisize.values import frozen

NODE_MODULES = b"node_modules"
_PART = NODE_MODULES + b"/"
#: files that yarn 1, yarn 2 and later, and pnpm write into a ``node_modules``: npm was not the last to change it
OTHER_TOOLS = (b".yarn-integrity", b".yarn-state.yml", b".modules.yaml")
_VERSIONS = (2, 3)  # of the format of locks
_ROOT = lazy_pattern(rb"(?:(.*)/)?node_modules/((?:@[^/]+/)?[^/@.][^/]*)", re.DOTALL)  # of a package; group 1: what holds it


@frozen
class LockedPackage:
    """A package that a lock names, at its own path. Names are as the lock has them."""

    name: str  #: of its directory, with the scope
    version: str
    is_development: bool  #: only packages for development need it
    is_optional: bool  #: an installation without it is complete
    programs: tuple[str, ...] = ()  #: that npm links in ``node_modules/.bin``


@frozen
class NpmLock:
    """The packages of one project, as npm installed them last."""

    project: bytes  #: directory that holds ``node_modules``; ``b""`` is the root
    packages: Mapping[bytes, LockedPackage]  #: by the path of the package's root
    workspaces: frozenset[bytes]  #: directories of the project's own packages, which may hold a ``node_modules``


def read_lock(project: bytes, content: bytes) -> NpmLock | None:
    """The lock of a project; None for another version of the format, or a document that npm does not write.

    Args:
        project: the directory that holds ``node_modules``, as file tables have paths.
        content: the text of ``node_modules/.package-lock.json``.

    >>> text = b'{"lockfileVersion": 3, "packages": {"node_modules/jest": {"version": "29.7.0", "dev": true}}}'
    >>> lock = read_lock(b"app", text)
    >>> [(path, package.version, package.is_development) for path, package in lock.packages.items()]
    [(b'app/node_modules/jest', '29.7.0', True)]
    >>> read_lock(b"app", b"[]") is None
    True

    """
    try:
        return _read_packages(project, load_json(content, "the lock"))
    except (DocumentError, TypeError, UnicodeEncodeError):
        return None


def _read_packages(project: bytes, document: Any) -> NpmLock:
    """Read the document. Raises TypeError for what npm does not write."""
    table = _expect(document, dict).get("packages")
    if type(document.get("lockfileVersion")) is not int or document["lockfileVersion"] not in _VERSIONS:
        raise TypeError("another version")
    packages: dict[bytes, LockedPackage] = {}
    workspaces: set[bytes] = set()
    for key, value in _expect(table, dict).items():
        place, fields = key.encode(), _expect(value, dict)
        if not place or place.startswith(b"../"):
            continue  # the project itself, and packages outside of it that it links to
        if clean_name(place) != place:
            raise TypeError("a path that is not clean")
        path, root = join(project, place), _ROOT.fullmatch(place)
        if root is None:
            workspaces.add(path)
        elif not _flag(fields, "link"):
            packages[path] = LockedPackage(
                root[2].decode(),
                _expect(fields.get("version", ""), str),
                _flag(fields, "dev"),
                _flag(fields, "optional") or _flag(fields, "devOptional"),
                _programs(root[2].decode(), fields.get("bin", {})),
            )
    return NpmLock(project, packages, frozenset(workspaces))


def _expect(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}")
    return value


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    return bool(_expect(fields.get(name, False), bool))


def _programs(name: str, value: Any) -> tuple[str, ...]:
    """The programs of a package: ``bin`` is an object, or the path of a program with the package's own name."""
    if type(value) is str:
        return (name.rpartition("/")[2],)
    return tuple(_expect(value, dict))


def package_root(path: bytes) -> bytes | None:
    """What holds the package whose root directory has this path: a project, a workspace or a package; else None.

    >>> package_root(b"app/node_modules/@babel/core"), package_root(b"app/node_modules/jest/build")
    (b'app', None)
    """
    match = _ROOT.fullmatch(path)
    return None if match is None else match[1] or b""


def package_place(path: bytes) -> tuple[bytes, bytes] | None:
    """The outermost ``node_modules`` above the package whose root directory has this path, and its name; else None.

    >>> package_place(b"app/node_modules/a/node_modules/@b/c"), package_place(b"app/src")
    ((b'app/node_modules', b'@b/c'), None)
    """
    match = _ROOT.fullmatch(path)
    if match is None:
        return None
    if path.startswith(_PART):
        return NODE_MODULES, match[2]
    return path[: path.find(b"/" + _PART) + len(_PART)], match[2]


def read_package_json(content: bytes) -> Mapping[str, Any]:
    """The object of a ``package.json``; empty if it is none. Of a name that is there twice the last value counts.

    >>> read_package_json(b'{"version": "1.0.0"}'), read_package_json(b"[1]"), read_package_json(b"[" * 100_000)
    ({'version': '1.0.0'}, {}, {})
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
