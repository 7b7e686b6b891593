"""The records of an image's package managers in every layer: what the databases say that a container of layers 0 to N sees.

A database of a higher layer hides the one below it, so that each layer has its own list of packages. An ecosystem is read
again only for layers that change a file of it. A package of one version has one number in all layers, and is taken to list
the same files in all of them, so that each list is read once.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import is_
from typing import TypeAlias

from ocisize.inventory.ecosystems import ECOSYSTEMS, LazyEcosystem, find_contents, find_places, list_kept, select_records
from ocisize.inventory.kept_records import KeptRecords
from ocisize.inventory.record import DAMAGE, DatabaseError, Ecosystem, PackageRecord
from ocisize.logs import Logger
from ocisize.model.packages import ECOSYSTEMS as ECOSYSTEM_NAMES
from ocisize.model.packages import OF_SYSTEM, RUNTIME
from ocisize.model.system import System
from ocisize.tar.filetable import FileTable, IntArray
from ocisize.text import count_of
from ocisize.values import evolve, frozen

MAX_PACKAGES = 100_000  #: of an image, those of lower layers included; the largest known image has 6,000
MAX_READ_SIZE = 512 << 20  #: bytes of records that are read for lower layers; an image with twenty layers of apt reads 50 MB
_READ_SIZE_PER_FILE = 4096  # bytes that count for any file and any package besides its content, for the time that it takes
_MAX_WARNINGS = 20
_RANKS = {name: rank for rank, name in enumerate(ECOSYSTEM_NAMES)}
_log = Logger(__name__)


@frozen(eq=False)
class Databases:
    """The packages of an image by layer, as numbers; packages with lower numbers own a file before others."""

    records: Sequence[PackageRecord]  #: by number; of several equal records, that of the uppermost layer
    #: by layer: the numbers ("I") of the packages that its databases list, ascending; the same array if they list the same
    states: Sequence[IntArray]
    first_layers: Sequence[int]  #: by number: the lowest layer whose databases list the package
    #: by layer and row: the packages that a binary consists of, itself first
    in_binaries: Sequence[Mapping[int, Sequence[int]]]
    warnings: tuple[str, ...] = ()  #: databases that could not be read, in words

    @property
    def installed(self) -> IntArray:
        """The numbers of the packages that a container sees."""
        return self.states[-1] if self.states else array("I")


def read_databases(
    tables: Sequence[FileTable],
    hidden_by: Sequence[Sequence[int]],
    directories: Iterable[bytes],
    ecosystems: Sequence[LazyEcosystem] = ECOSYSTEMS,
    system: System | None = None,
    kept: KeptRecords | None = None,
) -> Databases:
    """Read the records of all layers.

    Args:
        tables: the file tables of the layers, base first, with the files that their scans kept.
        hidden_by: by layer and row: the index of the layer that hides it, -1 if it is visible.
        directories: those of the image.
        ecosystems: those whose records are read.
        system: that of the image, which has the runtimes that no package manager installed.
        kept: the records of the image that something else has read.

    """
    found, known = _Found(), KeptRecords() if kept is None else kept
    contents = list(map(find_contents, tables))
    paths_by_layer, places = list_kept(tables, contents), find_places(ecosystems, directories)
    states: list[list[Sequence[int]]] = [[] for _ in tables]
    for ecosystem in ecosystems:
        selected = select_records(ecosystem, tables, paths_by_layer, places)
        if selected is not None:
            parser, paths = selected
            read = _read_states(parser, _View(paths, hidden_by), contents, found, known)
            for state, numbers in zip(states, read, strict=True):
                state.append(numbers)
    if system is not None and system.runtimes:
        for state, numbers in zip(states, _find_runtimes(system, len(tables), found), strict=True):
            state.append(numbers)
    by_row: list[dict[int, Sequence[int]]] = [{} for _ in tables]
    if any(table.excerpts for table in tables):
        in_binaries, by_row = _read_excerpts(tables, hidden_by, found)
        for state, numbers in zip(states, in_binaries, strict=True):
            state.append(numbers)
    return found.databases(states, by_row)


_Place: TypeAlias = tuple[int, int]  # layer and row


class _View:
    """The files of one ecosystem that a container sees, while layers are added."""

    def __init__(self, paths: Sequence[Mapping[int, bytes]], hidden_by: Sequence[Sequence[int]]) -> None:
        """Note which layer shows and hides which file; ``paths`` has by layer the paths of the files by row."""
        self._added: list[dict[bytes, _Place]] = [{} for _ in paths]
        self._removed: list[dict[_Place, bytes]] = [{} for _ in paths]
        for layer, rows in enumerate(paths):
            for row, path in rows.items():
                hider = hidden_by[layer][row]
                if hider != layer:
                    self._added[layer][path] = (layer, row)
                    if hider >= 0:
                        self._removed[hider][layer, row] = path
        changed = [layer for layer in range(len(paths)) if self._added[layer] or self._removed[layer]]
        self.changed = frozenset(changed)  #: the layers that add or hide a file
        self.uppermost = changed[-1] if changed else 0  #: of these
        self._visible: dict[bytes, _Place] = {}

    def add(self, layer: int) -> None:
        """Add the next layer that changes a file."""
        for place, path in self._removed[layer].items():
            if self._visible.get(path) == place:
                del self._visible[path]
        self._visible.update(self._added[layer])

    @property
    def count(self) -> int:
        """Number of visible files."""
        return len(self._visible)

    def places(self) -> list[tuple[bytes, _Place]]:
        """The visible files with their layers and rows, sorted by path."""
        return sorted(self._visible.items())


def _read_states(
    parser: Ecosystem, view: _View, contents: Sequence[Mapping[int, bytes]], found: _Found, kept: KeptRecords
) -> list[Sequence[int]]:
    """The numbers of the packages of one ecosystem by layer; where nothing changes, it is the same object as below."""
    states: list[Sequence[int]] = []
    for layer in range(len(contents)):
        if layer in view.changed:
            view.add(layer)
            if layer == view.uppermost or found.may_read(view.count * _READ_SIZE_PER_FILE):
                files = {path: contents[place].get(row, b"") for path, (place, row) in view.places()}
                if layer == view.uppermost or found.may_read(sum(map(len, files.values()))):
                    states.append(found.read(parser.name, partial(kept.read, parser, files), layer))
                    continue
        states.append(states[-1] if states else ())
    return states


def _find_runtimes(system: System, layers: int, found: _Found) -> list[Sequence[int]]:
    """The numbers of the runtimes that no package manager installed, by layer."""
    from ocisize.inventory.runtime_records import find_runtime_records

    added: dict[int, list[int]] = {}
    for runtime in system.runtimes:
        records = partial(find_runtime_records, evolve(system, runtimes=(runtime,)))
        added.setdefault(runtime.layer, []).extend(found.read(RUNTIME, records, runtime.layer))
    states: list[Sequence[int]] = []
    for layer in range(layers):
        below = states[-1] if states else ()
        states.append(list(dict.fromkeys((*below, *added[layer]))) if added.get(layer) else below)
    return states


def _read_excerpts(
    tables: Sequence[FileTable], hidden_by: Sequence[Sequence[int]], found: _Found
) -> tuple[list[Sequence[int]], list[dict[int, Sequence[int]]]]:
    """The numbers of the packages that binaries name by layer, and those of each binary by layer and row."""
    from ocisize.inventory.excerpts import read_excerpt

    with_notes = not found.has_system  # all files of a package name it, for images without databases
    by_row: list[dict[int, Sequence[int]]] = []
    paths: list[dict[int, bytes]] = []
    for layer, table in enumerate(tables):
        rows = sorted(table.excerpts)
        paths.append(dict(zip(rows, table.paths.select(rows), strict=True)))
        by_row.append({
            row: found.read("excerpts", partial(read_excerpt, path, table.excerpts[row], with_notes=with_notes), layer)
            for row, path in paths[-1].items()
        })  # fmt: skip
    view, states = _View(paths, hidden_by), list[Sequence[int]]()
    for layer in range(len(tables)):
        if layer in view.changed:
            view.add(layer)
            if layer == view.uppermost or found.may_read(view.count * _READ_SIZE_PER_FILE):
                numbers = (number for _, (place, row) in view.places() for number in by_row[place][row])
                states.append(list(dict.fromkeys(numbers)))
                continue
        states.append(states[-1] if states else ())
    return states, by_row


class _Found:
    """The packages that were found, numbered in the order in which they were read."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str, str, bytes, str, bytes], int] = {}
        self._records: list[PackageRecord] = []
        self._first_layers: list[int] = []
        self._warnings: dict[str, None] = {}
        self._remaining = MAX_READ_SIZE

    def may_read(self, size: int) -> bool:
        """Whether as many bytes of records may be read for a layer that others lie upon; False is noted."""
        if size > self._remaining:
            self.warn("the package databases of lower layers are too large to read all of them")
            return False
        self._remaining -= size
        return True

    @property
    def has_system(self) -> bool:
        """Whether the database of a distribution lists a package."""
        return any(record.ecosystem in OF_SYSTEM for record in self._records)

    def warn(self, text: str) -> None:
        """Note what could not be read."""
        if len(self._warnings) < _MAX_WARNINGS:
            self._warnings[text] = None

    def read(self, name: str, records: Callable[[], Iterable[PackageRecord]], layer: int) -> list[int]:
        """The numbers of the packages that ``records`` returns, as far as it can read them."""
        numbers: dict[int, None] = {}
        try:
            for record in records():
                number = self._number(record, layer)
                if number is None:
                    self.warn(f"the image has more than {count_of(MAX_PACKAGES, 'package')}")
                    break
                if number not in numbers:
                    numbers[number] = None
                    self._records[number] = record
        except DAMAGE as error:
            _log.info("%s: %s", name, error)
            self.warn(str(error) if isinstance(error, DatabaseError) else f"damaged records of {name}")
        self._remaining -= _READ_SIZE_PER_FILE * len(numbers)
        return list(numbers)

    def _number(self, record: PackageRecord, layer: int) -> int | None:
        key = (record.ecosystem, record.name, record.version, record.place, record.architecture, record.database)
        number = self._numbers.get(key)
        if number is None and len(self._records) < MAX_PACKAGES:
            number = self._numbers[key] = len(self._records)
            self._records.append(record)
            self._first_layers.append(layer)
        return number

    def databases(
        self, states: Iterable[Sequence[Sequence[int]]], in_binaries: Iterable[Mapping[int, Sequence[int]]]
    ) -> Databases:
        """The packages, with the numbers of those of each ecosystem by layer."""
        records = self._records
        order = sorted(range(len(records)), key=lambda number: _precedence(records[number]))
        moved = {number: position for position, number in enumerate(order)}
        joined: list[IntArray] = []
        before: Sequence[Sequence[int]] | None = None
        for state in states:
            if before is not None and all(map(is_, state, before)):
                joined.append(joined[-1])
            else:
                joined.append(array("I", sorted(moved[number] for numbers in state for number in numbers)))
            before = state
        return Databases(
            records=[records[number] for number in order],
            states=joined,
            first_layers=[self._first_layers[number] for number in order],
            in_binaries=[
                {row: [moved[number] for number in numbers] for row, numbers in rows.items()} for rows in in_binaries
            ],
            warnings=tuple(self._warnings),
        )


def _precedence(record: PackageRecord) -> tuple[int, str, bytes, str, str, bytes]:
    """The order in which packages own a file that several of them list."""
    rank = _RANKS.get(record.ecosystem, len(_RANKS))
    return (rank, record.name, record.place, record.architecture, record.version, record.database)
