"""The ecosystems whose records are read. A parser is imported only if an image has a file that may be one of its records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib import import_module
from itertools import compress

from ocisize.inventory.record import Ecosystem
from ocisize.layer.kept_files import (
    APK_DATABASES,
    APK_WORLD,
    APT_STATES,
    COMPOSER_INSTALLED,
    COMPOSER_JSON,
    CONDA_FOLDER,
    DEPS_JSON,
    DNF_HISTORY,
    DNF_REASONS,
    EGG_INFO,
    NPM_LOCK,
    PACKAGE_JSON,
    PACMAN_FOLDER,
    RPM_DATABASES,
    RPM_MANIFEST,
    ZYPP_AUTOMATIC,
)
from ocisize.tar.filetable import HARD_LINK, FileTable
from ocisize.tar.kept_paths import kept_paths
from ocisize.tar.paths import clean_name
from ocisize.tuples import NamedTuple

_OF_NPM = (b".pnp.cjs", b".pnp.js", b".zip", b"/.yarn-integrity", b"/.yarn-state.yml", b"/.modules.yaml")
_PLACES_OF_NPM = (*[b".yarn"] * 3, *[b"node_modules"] * 2, b".pnpm")


class LazyEcosystem(NamedTuple):
    """An ecosystem, as far as it is known without its parser.

    The paths of its records have one of the beginnings, ends and parts: a path that has none of them is no record, and of
    the others ``Ecosystem.is_database`` decides.
    """

    module: str  #: of ``ocisize.inventory``, that has the parser
    constant: str  #: of the module, whose value is the ``Ecosystem``
    beginnings: tuple[bytes, ...] = ()  #: of the paths of kept files
    ends: tuple[bytes, ...] = ()  #: of the paths of kept files
    parts: tuple[bytes, ...] = ()  #: of the paths of kept files
    names: tuple[bytes, ...] = ()  #: ends of the paths of files whose names alone are records, and which are not kept
    #: for each of ``names`` the end of the path of some directory: images without it are not searched for the name
    places: tuple[bytes, ...] = ()

    def may_have(self, path: bytes) -> bool:
        """Whether a kept file may be one of the records.

        >>> LazyEcosystem("apk_records", "APK", (b"lib/apk/",)).may_have(b"lib/apk/db/installed")
        True
        """
        return path.startswith(self.beginnings) or path.endswith(self.ends) or any(map(path.__contains__, self.parts))

    def select(self, paths: Mapping[int, bytes]) -> dict[int, bytes]:
        """Those of some kept files by row that may be records."""
        if self.parts:
            return {row: path for row, path in paths.items() if self.may_have(path)}
        beginnings, ends = self.beginnings, self.ends
        return {row: path for row, path in paths.items() if path.startswith(beginnings) or path.endswith(ends)}

    def load(self) -> Ecosystem:
        """Import the parser."""
        ecosystem: Ecosystem = getattr(import_module(f"ocisize.inventory.{self.module}"), self.constant)
        return ecosystem


#: in any order: ``model.packages.ECOSYSTEMS`` has the order in which they own files
ECOSYSTEMS: tuple[LazyEcosystem, ...] = (
    LazyEcosystem("dpkg_records", "DPKG", (b"var/lib/dpkg/", APT_STATES)),
    LazyEcosystem(
        "apk_records", "APK", (*APK_DATABASES, APK_WORLD), names=(b"lib/apk/db/installed.adb",), places=(b"lib/apk/db",)
    ),
    LazyEcosystem("rpm.records", "RPM", (*RPM_DATABASES, RPM_MANIFEST, DNF_HISTORY, DNF_REASONS, ZYPP_AUTOMATIC)),
    LazyEcosystem("pacman_records", "PACMAN", (PACMAN_FOLDER,)),
    LazyEcosystem("conda_records", "ECOSYSTEM", parts=(CONDA_FOLDER + b"/",)),
    LazyEcosystem("python_records", "ECOSYSTEM", ends=(EGG_INFO,), parts=(b"-info/", b"-INFO/")),
    LazyEcosystem("npm_records", "ECOSYSTEM", ends=(PACKAGE_JSON, NPM_LOCK), names=_OF_NPM, places=_PLACES_OF_NPM),
    LazyEcosystem(
        "gem_records", "ECOSYSTEM", names=(b".gemspec", b"/gem.build_complete"), places=(b"specifications", b"extensions")
    ),
    LazyEcosystem("composer_records", "ECOSYSTEM", ends=(COMPOSER_INSTALLED, COMPOSER_JSON)),
    LazyEcosystem("dotnet_records", "ECOSYSTEM", ends=(DEPS_JSON,)),
)


def find_contents(table: FileTable) -> Mapping[int, bytes]:
    """The files that the scan of a layer kept, by row, with the hard links to them, which uv and conda make."""
    links = [row for row in table.links if table.kinds[row] == HARD_LINK] if table.contents else []
    if not links:
        return table.contents
    by_path = {path: row for row, path in kept_paths(table).items()}
    targets = ((row, by_path.get(clean_name(table.links[row]))) for row in links)
    linked = {row: table.contents[target] for row, target in targets if target is not None}
    return {**table.contents, **linked} if linked else table.contents


def paths_of_contents(table: FileTable, contents: Mapping[int, bytes]) -> dict[int, bytes]:
    """The paths of what ``find_contents`` returns for a table, by row, ascending."""
    if contents is table.contents:
        return kept_paths(table)
    rows = sorted(contents)
    return dict(zip(rows, table.paths.select(rows), strict=True))


def list_kept(tables: Iterable[FileTable], contents: Iterable[Mapping[int, bytes]]) -> list[dict[int, bytes]]:
    """The paths of kept files by layer and row; ``contents`` has by layer what ``find_contents`` returns."""
    return list(map(paths_of_contents, tables, contents))


def find_places(ecosystems: Iterable[LazyEcosystem], directories: Iterable[bytes]) -> frozenset[bytes]:
    """Those ends of directories in ``LazyEcosystem.places`` that an image has."""
    ends = tuple({place for ecosystem in ecosystems for place in ecosystem.places})
    return frozenset(place for path in directories if path.endswith(ends) for place in ends if path.endswith(place))


def select_records(
    ecosystem: LazyEcosystem,
    tables: Sequence[FileTable],
    kept: Sequence[Mapping[int, bytes]],
    places: Collection[bytes],
) -> tuple[Ecosystem, list[dict[int, bytes]]] | None:
    """The parser of an ecosystem and, by layer, the paths of its records by row; None if no layer has any.

    ``kept`` is what ``list_kept`` returns for the tables, and ``places`` what ``find_places`` does.
    """
    candidates = list(map(ecosystem.select, kept))
    for name in compress(ecosystem.names, map(places.__contains__, ecosystem.places)):
        for table, paths in zip(tables, candidates, strict=True):
            paths.update(table.paths.select_with(name + b"\0"))
    if not any(candidates):
        return None
    parser = ecosystem.load()
    selected = [{row: path for row, path in paths.items() if parser.is_database(path)} for paths in candidates]
    return (parser, selected) if any(selected) else None
