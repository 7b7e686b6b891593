"""The packages in ``node_modules`` directories, and those that yarn reads from archives.

A package is a directory ``node_modules/NAME`` or ``node_modules/@SCOPE/NAME`` with a ``package.json`` that has a version,
https://docs.npmjs.com/cli/configuring-npm/package-json. pnpm has the files in ``node_modules/.pnpm``,
https://pnpm.io/symlinked-node-modules-structure. yarn with Plug'n'Play reads them from ``.yarn/cache``,
https://yarnpkg.com/features/pnp: each archive is a package, and its name says which.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ocisize.inventory.npm_archives import ARCHIVE_END, PNP_LOADERS, is_archive, read_archives
from ocisize.inventory.record import Ecosystem, PackageRecord
from ocisize.inventory.text_fields import keys_of, object_of, text_of
from ocisize.layer.kept_files import NPM_LOCK, PACKAGE_JSON
from ocisize.model.packages import NPM
from ocisize.packages.npm import NODE_MODULES, OTHER_TOOLS, NpmLock, package_root, read_lock, read_package_json
from ocisize.patterns import lazy_pattern
from ocisize.tar.paths import join
from ocisize.values import frozen

_LOCK_NAME = NPM_LOCK.rpartition(b"/")[2]
_GLOBAL = b"lib"  # name of the directory with the ``node_modules`` of ``npm install --global``
_PROJECT = lazy_pattern(rb"(?:(.*?)/)?node_modules/.*", re.DOTALL)  # group 1: what holds the outermost node_modules
_STORE = b"/.pnpm/"
_FOR_USE = ("dependencies", "optionalDependencies", "peerDependencies")  # fields that name packages
_ASKING = (*_FOR_USE, "devDependencies")
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


@frozen
class _Manifest:
    """The ``package.json`` of an installed package."""

    root: bytes
    fields: Mapping[str, Any]

    @property
    def directory_name(self) -> str:
        """The name by which others require the package, which an alias makes another than its own."""
        return self.root.rpartition(NODE_MODULES + b"/")[2].decode(errors="backslashreplace")

    @property
    def version(self) -> str:
        return text_of(self.fields.get("version"))

    def optional(self) -> dict[str, None]:
        """The packages that it can do without."""
        return dict.fromkeys(keys_of(self.fields.get("optionalDependencies")))

    def needed(self) -> dict[str, None]:
        """The packages that it needs, or that npm installs for the packages that use it."""
        meta, optional = object_of(self.fields.get("peerDependenciesMeta")), self.optional()
        peers = (
            name for name in keys_of(self.fields.get("peerDependencies")) if not object_of(meta.get(name)).get("optional")
        )
        return {name: None for name in (*keys_of(self.fields.get("dependencies")), *peers) if name not in optional}


def read_npm(files: Mapping[bytes, bytes]) -> Iterator[PackageRecord]:
    """The packages of all projects; ``place`` is the directory of the project.

    >>> files = {b"app/node_modules/ms/package.json": b'{"name": "ms", "version": "2.1.3", "license": "MIT"}'}
    >>> files[b"app/package.json"] = b'{"dependencies": {"ms": "^2"}}'
    >>> [(found.name, found.version, found.place, found.is_automatic) for found in read_npm(files)]
    [('ms', '2.1.3', b'app', False)]
    """
    by_project: dict[bytes, list[_Manifest]] = defaultdict(list)
    for path in sorted(files):
        root = path[: -len(PACKAGE_JSON) - 1] if path.endswith(b"/" + PACKAGE_JSON) else b""
        if package_root(root) is not None and (match := _PROJECT.fullmatch(root)) is not None:
            manifest = _Manifest(root, read_package_json(files[path]))
            if manifest.version:
                by_project[match[1] or b""].append(manifest)
    for project, manifests in by_project.items():
        yield from _read_project(project, manifests, files)
    yield from read_archives(files)


def _read_project(project: bytes, manifests: list[_Manifest], files: Mapping[bytes, bytes]) -> Iterator[PackageRecord]:
    lock_path = join(project, NPM_LOCK)
    lock = read_lock(project, files[lock_path]) if lock_path in files else None
    own = [
        directory
        for directory in (project, *(lock.workspaces if lock is not None else ()))
        if _has_manifest(directory, files)
    ]
    owners = [read_package_json(files[join(directory, PACKAGE_JSON)]) for directory in own]
    asked = {name for fields in owners for key in _ASKING for name in keys_of(fields.get(key))}
    if lock is not None and _is_current(lock, manifests, files):
        development = {path for path, package in lock.packages.items() if package.is_development}
    else:
        development = _find_development(owners, manifests)
    modules = join(project, NODE_MODULES) + b"/"
    for manifest in manifests:
        is_top = manifest.root == modules + manifest.directory_name.encode() or _STORE in manifest.root
        if owners:
            is_automatic: bool | None = not (is_top and manifest.directory_name in asked)
        else:
            is_automatic = not is_top if project.rpartition(b"/")[2] == _GLOBAL else None
        yield _make_record(manifest, project, is_automatic=is_automatic, is_development=manifest.root in development)


def _has_manifest(directory: bytes, files: Mapping[bytes, bytes]) -> bool:
    return join(directory, PACKAGE_JSON) in files


def _make_record(manifest: _Manifest, project: bytes, *, is_automatic: bool | None, is_development: bool) -> PackageRecord:
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
        requires=tuple((needed,) for needed in manifest.needed()),
        recommends=tuple((optional,) for optional in manifest.optional()),
        provides=(directory_name,) if directory_name != name else (),
        is_automatic=is_automatic,
        is_development=is_development,
    )


def _licenses(fields: Mapping[str, Any]) -> Iterator[str]:
    """The licenses; old packages have a list of objects."""
    old = fields.get("licenses")
    for value in (fields.get("license"), *(old if isinstance(old, list) else ())):
        text = text_of(value) or text_of(object_of(value).get("type"))
        if text:
            yield text


def _is_current(lock: NpmLock, manifests: Iterable[_Manifest], files: Mapping[bytes, bytes]) -> bool:
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


def _find_development(owners: Iterable[Mapping[str, Any]], manifests: Iterable[_Manifest]) -> set[bytes]:
    """The roots of packages that a project reaches only by its ``devDependencies``, all versions of a name together."""
    needed: dict[str, set[str]] = defaultdict(set)
    for manifest in manifests:
        needed[manifest.directory_name].update(manifest.needed(), manifest.optional())
    for_use = _reach(needed, (name for fields in owners for key in _FOR_USE for name in keys_of(fields.get(key))))
    others = _reach(needed, (name for fields in owners for name in keys_of(fields.get("devDependencies")))) - for_use
    return {manifest.root for manifest in manifests if manifest.directory_name in others}


def _reach(needed: Mapping[str, Iterable[str]], names: Iterable[str]) -> set[str]:
    """Names of packages, with all that they need."""
    reached, waiting = set[str](), list(names)
    while waiting:
        name = waiting.pop()
        if name not in reached and name in needed:
            reached.add(name)
            waiting += needed[name]
    return reached


ECOSYSTEM = Ecosystem(
    "npm", is_npm_database, read_npm, (ARCHIVE_END, *(b"/" + name for name in (*OTHER_TOOLS, *PNP_LOADERS)))
)
