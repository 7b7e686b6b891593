"""The packages in ``node_modules`` directories, and those that yarn reads from archives.

A package is a directory ``node_modules/NAME`` or ``node_modules/@SCOPE/NAME`` with a ``package.json`` that has a version,
https://docs.npmjs.com/cli/configuring-npm/package-json. pnpm has the files in ``node_modules/.pnpm``,
https://pnpm.io/symlinked-node-modules-structure. yarn with Plug'n'Play reads them from ``.yarn/cache``,
https://yarnpkg.com/features/pnp: each archive is a package, and its name says which. Some are also unpacked in
``.yarn/unplugged``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ocisize.inventory.npm_archives import ARCHIVE_END, PNP_LOADERS, is_archive, read_archives
from ocisize.inventory.npm_manifests import (
    FOR_DEVELOPMENT,
    FOR_USE,
    STORE,
    Manifest,
    find_development,
    names_in,
    read_manifest,
)
from ocisize.inventory.record import Ecosystem, PackageRecord
from ocisize.inventory.record_limits import Relations
from ocisize.inventory.text_fields import object_of, text_of
from ocisize.layer.kept_files import NPM_LOCK, PACKAGE_JSON
from ocisize.model.packages import NPM
from ocisize.packages.npm import NODE_MODULES, OTHER_TOOLS, NpmLock, package_root, read_lock, read_package_json
from ocisize.patterns import lazy_pattern
from ocisize.tar.paths import join
from ocisize.values import evolve

#: ends of the paths of files whose names say enough
NAMES_ALONE = (*PNP_LOADERS, ARCHIVE_END, *(b"/" + name for name in OTHER_TOOLS))
_LOCK_NAME = NPM_LOCK.rpartition(b"/")[2]
_GLOBAL = b"lib"  # name of the directory with the ``node_modules`` of ``npm install --global``
_PROJECT = lazy_pattern(rb"(?:(.*?)/)?node_modules/.*", re.DOTALL)  # group 1: what holds the outermost node_modules
_UNPLUGGED = lazy_pattern(rb"(?:(.*?)/)?\.yarn/unplugged/[^/]+", re.DOTALL)  # group 1: the project
_ASKING = (*FOR_USE, *FOR_DEVELOPMENT)
_AUTHOR = lazy_pattern(r"[^<(]*")


def is_npm_database(path: bytes) -> bool:
    """Whether a file says something of packages or of the project that needs them.

    >>> [is_npm_database(b"app/" + path) for path in (b"package.json", b"node_modules/.package-lock.json", b"index.js")]
    [True, True, False]
    """
    directory, _, name = path.rpartition(b"/")
    if name == PACKAGE_JSON or name in PNP_LOADERS:
        return True
    if name == _LOCK_NAME or name in OTHER_TOOLS:
        return directory == NODE_MODULES or directory.endswith(b"/" + NODE_MODULES)
    return is_archive(path)


def read_npm(files: Mapping[bytes, bytes]) -> Iterator[PackageRecord]:
    """The packages of all projects; ``place`` is the directory of the project.

    >>> files = {b"app/node_modules/ms/package.json": b'{"name": "ms", "version": "2.1.3", "license": "MIT"}'}
    >>> files[b"app/package.json"] = b'{"dependencies": {"ms": "^2"}}'
    >>> [(found.name, found.version, found.place, found.is_automatic) for found in read_npm(files)]
    [('ms', '2.1.3', b'app', False)]
    """
    relations = Relations()
    by_project: dict[bytes, list[Manifest]] = defaultdict(list)
    for path in sorted(files):
        root = path[: -len(PACKAGE_JSON) - 1] if path.endswith(b"/" + PACKAGE_JSON) else b""
        if package_root(root) is not None and (match := _PROJECT.fullmatch(root)) is not None:
            manifest = read_manifest(root, files[path], relations)
            if manifest.version:
                by_project[match[1] or b""].append(manifest)
    unplugged = {
        (match[1] or b"", manifest.directory_name, manifest.version): manifest
        for project in by_project
        if (match := _UNPLUGGED.fullmatch(project)) is not None
        for manifest in by_project[project]
    }
    archives = list(_read_archives(files, unplugged))
    for project, manifests in by_project.items():
        if not archives or _UNPLUGGED.fullmatch(project) is None:
            yield from _read_project(project, manifests, files)
    yield from archives
    relations.check()


def _read_project(project: bytes, manifests: list[Manifest], files: Mapping[bytes, bytes]) -> Iterator[PackageRecord]:
    lock_path = join(project, NPM_LOCK)
    lock = read_lock(project, files[lock_path]) if lock_path in files else None
    owners = _read_owners((project, *(sorted(lock.workspaces) if lock is not None else ())), files)
    asked = _names_asked(owners, _ASKING)
    asked_directories = {name for owner in owners for field in _ASKING for name, _ in names_in(owner, field)}
    if lock is not None and _is_current(lock, manifests, files):
        development = {path for path, package in lock.packages.items() if package.is_development}
    else:
        development = find_development(project, owners, manifests)
    for manifest in manifests:
        is_stored, is_top = STORE in manifest.root, package_root(manifest.root) == project
        is_asked = manifest.directory_name in (asked if is_stored else asked_directories) and (is_stored or is_top)
        if owners:
            is_automatic: bool | None = not is_asked
        else:
            is_automatic = not is_top if project.rpartition(b"/")[2] == _GLOBAL else None
        yield _make_record(manifest, project, is_automatic=is_automatic, is_development=manifest.root in development)


def _read_archives(
    files: Mapping[bytes, bytes], unplugged: Mapping[tuple[bytes, str, str], Manifest]
) -> Iterator[PackageRecord]:
    """The packages that yarn reads from archives; only the project says which of them it needs itself."""
    owners: dict[bytes, list[Mapping[str, Any]]] = {}
    asked: dict[bytes, tuple[set[str], set[str]]] = {}
    for record in read_archives(files):
        place, name = record.place, record.name
        if place not in owners:
            owners[place] = _read_owners([place], files)
            asked[place] = _names_asked(owners[place], FOR_USE), _names_asked(owners[place], FOR_DEVELOPMENT)
        if (manifest := unplugged.get((place, name, record.version))) is not None:
            requires = tuple(manifest.needed().values())
            record = evolve(record, directories=(manifest.root,), requires=requires)  # noqa: PLW2901
        used, developing = asked[place]
        if owners[place]:
            is_asked = name in used or name in developing
            record = evolve(record, is_automatic=not is_asked, is_development=name in developing and name not in used)  # noqa: PLW2901
        yield record


def _names_asked(owners: Iterable[Mapping[str, Any]], fields: Iterable[str]) -> set[str]:
    """The packages that a project and its workspaces name."""
    return {name for owner in owners for field in fields for _, names in names_in(owner, field) for name in names}


def _read_owners(directories: Iterable[bytes], files: Mapping[bytes, bytes]) -> list[Mapping[str, Any]]:
    """The ``package.json`` of a project and of its workspaces, as far as they are there."""
    paths = (join(directory, PACKAGE_JSON) for directory in directories)
    return [read_package_json(files[path]) for path in paths if path in files]


def _make_record(manifest: Manifest, project: bytes, *, is_automatic: bool | None, is_development: bool) -> PackageRecord:
    fields, directory_name = manifest.fields, manifest.directory_name
    name = text_of(fields.get("name")) or directory_name
    author = fields.get("author")
    written = text_of(author) or text_of(object_of(author).get("name"))
    return PackageRecord(
        ecosystem=NPM,
        name=name,
        version=manifest.version,
        database=join(manifest.root, PACKAGE_JSON),
        place=project,
        directories=(manifest.root,),
        vendor=(_AUTHOR.match(written) or [""])[0].strip(),
        licenses=tuple(_licenses(fields)),
        requires=tuple(manifest.needed().values()),
        recommends=tuple(manifest.optional().values()),
        provides=(directory_name,) if directory_name != name else (),
        is_automatic=is_automatic,
        is_development=is_development,
    )


def _licenses(fields: Mapping[str, Any]) -> Iterator[str]:
    """The licenses; old packages have a list of objects."""
    for value in (fields.get("license"), *fields["licenses"]):
        text = text_of(value) or text_of(object_of(value).get("type"))
        if text:
            yield text


def _is_current(lock: NpmLock, manifests: Iterable[Manifest], files: Mapping[bytes, bytes]) -> bool:
    """Whether npm was the last to change a ``node_modules``; other tools leave its lock as it was."""
    if any(join(lock.project, NODE_MODULES + b"/" + name) in files for name in OTHER_TOOLS):
        return False
    versions = {manifest.root: manifest.version for manifest in manifests}
    if any(
        versions[path] != package.version if path in versions else not package.is_optional
        for path, package in lock.packages.items()
    ):
        return False
    holders = {lock.project, *lock.workspaces, *lock.packages}
    return all(root in lock.packages or package_root(root) not in holders for root in versions)


ECOSYSTEM = Ecosystem("npm", is_npm_database, read_npm, NAMES_ALONE)
