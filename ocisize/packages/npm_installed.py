"""Which files of an image belong to development packages of npm, where a lock and the files beside it agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from ocisize.filesystem.directories import ImageRuns
from ocisize.filesystem.overlay import Overlay
from ocisize.layer.kept_files import NPM_LOCK, PACKAGE_JSON
from ocisize.packages.development import DevelopmentPackages
from ocisize.packages.npm import NODE_MODULES, OTHER_TOOLS, NpmLock, package_root, read_lock, read_package_json
from ocisize.tar.filetable import DIRECTORY, FileTable, IntArray, layer_value
from ocisize.tar.paths import join

_PART = NODE_MODULES + b"/"
_MAX_PATH = 4096  # bytes; no filesystem has longer paths
_MAX_DEPTH = 32  # packages within packages; deeper files belong to none
_TELLING_NAMES = frozenset((PACKAGE_JSON, *OTHER_TOOLS))


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
        self._owners = list(map(self._owner, runs.directories.paths))  # by directory: the development package of its files
        self.rows: dict[bytes, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))  # by project and layer
        self.sizes: dict[bytes, int] = defaultdict(int)
        self.present: set[bytes] = set()  # roots of packages that have a visible package.json
        self.changed: set[bytes] = set()  # projects that another tool has changed

    def add_layer(self, layer: int, table: FileTable, hidden_by: IntArray) -> None:
        """Record the files of a layer."""
        kinds, left_out = table.kinds, layer_value(table, find_long)
        for start, end, number in self._runs.tables[layer].spans(len(table)):
            if (owner := self._owners[number]) is not None:
                rows = [row for row in range(start, end) if kinds[row] != DIRECTORY and row not in left_out]
                self.rows[self._projects[owner]][layer] += rows
                self.sizes[owner] += sum(map(table.sizes.__getitem__, rows))
        for name in _TELLING_NAMES:
            for row, path in table.paths.select_with(b"/" + name + b"\0"):
                directory = path.rpartition(b"/")[0]
                is_file = kinds[row] != DIRECTORY and hidden_by[row] < 0 and row not in left_out
                if is_file and _PART in directory + b"/":
                    self._add_visible(path, directory, name)

    def _add_visible(self, path: bytes, directory: bytes, name: bytes) -> None:
        if path in self._markers:
            self.changed.add(self._markers[path])
        elif name == PACKAGE_JSON and (holder := package_root(directory)) is not None:
            self.present.add(directory)
            if directory not in self._projects and holder in self._holders:
                self.changed.add(self._holders[holder])

    def _owner(self, directory: bytes) -> bytes | None:
        """The development package that the files of a directory belong to: the innermost package must be one."""
        end = len(directory) if len(directory) <= _MAX_PATH else 0
        for _ in range(_MAX_DEPTH):
            start = directory.rfind(_PART, 0, end)
            if start < 0:
                break
            parts = directory[start + len(_PART) :].split(b"/", 2)
            root = directory[: start + len(_PART)] + b"/".join(parts[: 2 if parts[0][:1] == b"@" else 1])
            if root in self._projects:
                return root if root in self._development else None
            end = start
        return None


def find_long(table: FileTable) -> frozenset[int]:
    """The rows with paths that no filesystem has."""
    pieces = (piece for piece in table.paths.pieces() if max(map(len, piece[1])) > _MAX_PATH)
    return frozenset(row for first, paths in pieces for row, path in enumerate(paths, first) if len(path) > _MAX_PATH)
