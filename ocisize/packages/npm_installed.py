"""Which files of an image belong to development packages of npm, where a lock and the files beside it agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress, islice

from ocisize.filesystem.directories import ImageRuns
from ocisize.filesystem.overlay import Overlay
from ocisize.filesystem.path_search import find_rows
from ocisize.layer.kept_files import NPM_LOCK, PACKAGE_JSON
from ocisize.packages.development import DevelopmentPackages
from ocisize.packages.npm import NODE_MODULES, OTHER_TOOLS, NpmLock, package_root, read_lock, read_package_json
from ocisize.tar.filetable import DIRECTORY, FileTable, IntArray, layer_value
from ocisize.tar.paths import join

_PART = NODE_MODULES + b"/"
_MAX_PATH = 4096  # bytes; no filesystem has longer paths
_MANIFEST_END = b"/" + PACKAGE_JSON
_IS_FILE = bytes(kind != DIRECTORY for kind in range(256))


def find_npm_development(tables: Sequence[FileTable], overlay: Overlay, runs: ImageRuns) -> list[DevelopmentPackages]:
    """The projects whose visible lock is current and names development packages, in the order of their directories.

    A lock is current if each package that it names is there in the same version (one that an installation may lack can be
    missing), there is no package beside them, and no other tool has left its own state in ``node_modules``.

    Args:
        tables: the file tables of all layers, with the files that scans keep.
        overlay: which rows are visible.
        runs: the directories of the tables.

    """
    found = dict(_visible_locks(tables, overlay))
    locks = [lock for path, content in sorted(found.items()) if (lock := _development_lock(path, content)) is not None]
    if not locks:
        return []
    contents = dict(_visible_manifests(tables, overlay))
    survey = _Survey(locks, runs)
    for layer, table in enumerate(tables):
        if table.paths.contain(_PART):
            survey.add_layer(layer, table, overlay.hidden_by[layer])
    return [
        _development_of(lock, survey, contents.get(join(lock.project, PACKAGE_JSON), b""))
        for lock in locks
        if lock.project not in survey.changed and _has_all_packages(lock, survey.present, contents)
    ]


def _development_of(lock: NpmLock, survey: _Survey, manifest: bytes) -> DevelopmentPackages:
    packages = {path: package for path, package in lock.packages.items() if package.is_development}
    scripts = read_package_json(manifest).get("scripts")
    return DevelopmentPackages(
        directory=join(lock.project, NODE_MODULES),
        package_count=len(lock.packages),
        names={path: package.name for path, package in packages.items()},
        programs=frozenset(program for package in packages.values() for program in package.programs),
        rows={layer: rows for layer, rows in sorted(survey.rows[lock.project].items()) if rows},
        sizes={path: survey.sizes[path] for path in packages},
        scripts={name: text for name, text in scripts.items() if isinstance(text, str)} if isinstance(scripts, dict) else {},
    )


def _visible_locks(tables: Sequence[FileTable], overlay: Overlay) -> Iterator[tuple[bytes, bytes]]:
    """The visible locks by path; few paths are looked at, since most images have no development packages."""
    for table, hidden_by in zip(tables, overlay.hidden_by, strict=True):
        for row, path in layer_value(table, find_locks) if table.contents else ():
            if row in table.contents and hidden_by[row] < 0:
                yield path, table.contents[row]


def find_locks(table: FileTable) -> list[tuple[int, bytes]]:
    """The rows of a layer that have the path of a lock, with their paths."""
    return list(table.paths.select_with(NPM_LOCK + b"\0"))


def _visible_manifests(tables: Sequence[FileTable], overlay: Overlay) -> Iterator[tuple[bytes, bytes]]:
    """The kept files that are visible, by path: each ``package.json`` among them."""
    for table, hidden_by in zip(tables, overlay.hidden_by, strict=True):
        rows = [row for row in sorted(table.contents) if hidden_by[row] < 0]
        yield from zip(table.paths.select(rows), (table.contents[row] for row in rows), strict=True)


def _development_lock(path: bytes, content: bytes) -> NpmLock | None:
    """The lock at a path if it is one of a project, not of a package, and names development packages."""
    project = path[: -len(NPM_LOCK)].rstrip(b"/")
    if not path.endswith(NPM_LOCK) or _PART in project + b"/":
        return None
    if b'"dev"' not in content and b"\\u" not in content:
        return None  # no package has the flag, however it is written: to read the document takes 100 times as long
    lock = read_lock(project, content)
    return lock if lock is not None and any(package.is_development for package in lock.packages.values()) else None


def _has_all_packages(lock: NpmLock, present: set[bytes], contents: Mapping[bytes, bytes]) -> bool:
    for path, package in lock.packages.items():
        if path not in present:
            if not package.is_optional:
                return False
        elif read_package_json(contents.get(join(path, PACKAGE_JSON), b"")).get("version") != package.version:
            return False
    return True


class _Survey:
    """What the layers hold of the packages that some locks name."""

    def __init__(self, locks: Sequence[NpmLock], runs: ImageRuns) -> None:
        self._runs = runs
        self._projects: dict[bytes, bytes] = {}  # by the path of a package's root
        self._development: set[bytes] = set()
        self._holders: dict[bytes, bytes] = {}  # what may hold packages of a project: itself, its workspaces and packages
        for lock in locks:
            for path in (lock.project, *lock.workspaces, *lock.packages):
                self._holders.setdefault(path, lock.project)
            for path, package in lock.packages.items():
                if self._projects.setdefault(path, lock.project) == lock.project and package.is_development:
                    self._development.add(path)
        self._markers = {join(lock.project, _PART + name): lock.project for lock in locks for name in OTHER_TOOLS}
        self._owners = self._find_owners()  # by directory: the development package of its files
        self.rows: dict[bytes, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))  # by project and layer
        self.sizes: dict[bytes, int] = defaultdict(int)
        self.present: set[bytes] = set()  # roots of packages that have a visible package.json
        self.changed: set[bytes] = set()  # projects that another tool has changed

    def add_layer(self, layer: int, table: FileTable, hidden_by: IntArray) -> None:
        """Record the files of a layer."""
        runs, is_file = self._runs.tables[layer], bytearray(table.kinds.translate(_IS_FILE))
        for row in layer_value(table, find_long):
            is_file[row] = 0
        for start, end, number in compress(runs.spans(len(table)), map(self._owners.__contains__, runs.directories)):
            owner = self._owners[number]
            self.rows[self._projects[owner]][layer] += compress(range(start, end), is_file[start:end])
            self.sizes[owner] += sum(compress(table.sizes[start:end], is_file[start:end]))
        for row, path in find_rows(self._markers.keys(), table, layer, self._runs):
            if is_file[row] and hidden_by[row] < 0:
                self.changed.add(self._markers[path])
        for row, path in table.paths.select_with(_MANIFEST_END + b"\0"):
            if is_file[row] and hidden_by[row] < 0:
                self._add_package(path[: -len(_MANIFEST_END)])

    def _add_package(self, directory: bytes) -> None:
        """Record a directory with a visible package.json."""
        if (holder := package_root(directory)) is not None:
            self.present.add(directory)
            if directory not in self._projects and holder in self._holders:
                self.changed.add(self._holders[holder])

    def _find_owners(self) -> dict[int, bytes]:
        """By the number of a directory, the development package of its files: the innermost package must be one."""
        directories = self._runs.directories
        packages: list[bytes | None] = [None]  # by directory, the innermost package that a lock names
        for path, parent in zip(islice(directories.paths, 1, None), islice(directories.parents, 1, None), strict=True):
            packages.append(path if path in self._projects else packages[parent])  # parents come first
        return {
            number: package
            for number, package in enumerate(packages)
            if package in self._development and len(directories.paths[number]) <= _MAX_PATH
        }


def find_long(table: FileTable) -> frozenset[int]:
    """The rows with paths that no filesystem has."""
    if not _has_long(table.paths.columns()[0]):
        return frozenset()
    pieces = (piece for piece in table.paths.pieces() if max(map(len, piece[1])) > _MAX_PATH)
    return frozenset(row for first, paths in pieces for row, path in enumerate(paths, first) if len(path) > _MAX_PATH)


def _has_long(joined: bytes) -> bool:
    """Whether one of some paths, with a NUL behind each, is too long: a tenth of the time of a look at each path."""
    start = 0  # of a path
    while start + _MAX_PATH < len(joined):
        end = joined.rfind(0, start, start + _MAX_PATH + 1)
        if end < 0:
            return True
        start = end + 1
    return False
