"""Which package each row of an image's layers belongs to, by the databases of package managers.

A visible row belongs to the package that lists it in the databases of the whole image, or else in those of its own layer,
as where a later step deletes the databases. A hidden row goes by the databases of its own layer, so that a package which a
higher layer upgrades keeps its files and is wasted. In one set of databases, a file belongs, in this order, to the package
that lists its path, those of distributions first; to the one whose lists and scripts it is one of; to the owner of the
source, if it is bytecode; and to the package that owns the innermost of its directories.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, compress, repeat

from ocisize.filesystem.directories import ImageRuns
from ocisize.filesystem.path_search import find_rows
from ocisize.inventory.databases import Databases, read_databases
from ocisize.inventory.ecosystems import ECOSYSTEMS, LazyEcosystem
from ocisize.inventory.kept_records import KeptRecords
from ocisize.inventory.links import RealDirectories, find_links
from ocisize.inventory.listed import INFO_DIRECTORY, Listed, source_of
from ocisize.inventory.listed_rows import ListedRows
from ocisize.inventory.lower_view import LowerView
from ocisize.inventory.path_batches import ListMeter
from ocisize.inventory.record import PackageRecord
from ocisize.inventory.unowned import UnownedKind, UnownedPlaces
from ocisize.model.build_step import BuildStep, StepKind
from ocisize.model.packages import OF_SYSTEM
from ocisize.model.system import System
from ocisize.tar.filetable import HARD_LINK, FileTable, IntArray
from ocisize.tar.paths import clean_name
from ocisize.values import frozen

_TOO_MANY_FILES = "the package databases list far more files than the image has; not all of them were read"
_FILES_PER_ROW, _MIN_FILES = 4, 100_000  # that databases may list in the directories of an image


@frozen(eq=False)
class Ownership:
    """The owner of each row: the number of a package, or behind those the number of a kind of files without a package."""

    records: Sequence[PackageRecord]  #: the packages by number, those of lower layers included
    unowned: Sequence[UnownedKind]  #: the kinds of other files; the first one has the number ``len(records)``
    rows: Sequence[IntArray]  #: by layer and row ("I"): the number of the owner
    installed: frozenset[int]  #: the numbers of the packages that a container sees in the databases
    first_layers: Sequence[int]  #: by number: the lowest layer whose databases list the package
    owned_by: Mapping[int, tuple[int, ...]]  #: by number: other packages that own files or the database of the package
    warnings: tuple[str, ...] = ()  #: databases that could not be read, in words
    listed: ListedRows | None = None  #: if checks may ask for the rows, and all lists were read

    def package_at(self, layer: int, row: int) -> PackageRecord | None:
        """The package that a row belongs to; None if none owns it."""
        number = self.rows[layer][row]
        return self.records[number] if number < len(self.records) else None


def assign_owners(
    tables: Sequence[FileTable],
    hidden_by: Sequence[IntArray],
    runs: ImageRuns,
    steps: Sequence[BuildStep],
    ecosystems: Sequence[LazyEcosystem] = ECOSYSTEMS,
    system: System | None = None,
    kept: KeptRecords | None = None,
) -> Ownership:
    """Find the owner of each row of an image.

    Args:
        tables: the file tables of the layers, base first, with the files that scans keep.
        hidden_by: by layer and row: the index of the layer that hides it, -1 if it is visible.
        runs: the runs of the tables.
        steps: the build steps of the layers.
        ecosystems: those whose databases are read.
        system: that of the image, which has the runtimes that no package manager installed.
        kept: the records of the image that something else has read.

    """
    kept = KeptRecords() if kept is None else kept
    databases = read_databases(tables, hidden_by, runs.directories.paths, ecosystems, system, kept)
    search = _Search(tables, hidden_by, runs, steps, databases, kept)
    search.map_visible()
    search.map_lower_states()
    search.map_binaries()
    search.map_hard_links()
    return search.ownership()


class _Search:
    """The owners of all rows while they are looked for, one rule after the other."""

    def __init__(
        self,
        tables: Sequence[FileTable],
        hidden_by: Sequence[IntArray],
        runs: ImageRuns,
        steps: Sequence[BuildStep],
        databases: Databases,
        kept: KeptRecords,
    ) -> None:
        self._tables, self._hidden_by, self._runs, self._databases = tables, hidden_by, runs, databases
        self._directories = runs.directories
        self._count = len(databases.records)
        self._places = UnownedPlaces(runs.directories)
        self._is_copied = _find_copied(steps, databases)
        self._real = RealDirectories(find_links(tables, hidden_by) if self._count else {})
        rows = chain.from_iterable(binaries.values() for binaries in databases.in_binaries)
        self._of_binaries = frozenset(chain.from_iterable(rows))  # which own their files after all others
        self._kept, self._meter = kept, ListMeter()
        self._listed = Listed(databases.records, self._with_lists(databases.installed), kept, self._meter)
        self._rows: list[IntArray] = []
        self._listed_rows: list[IntArray] = []

    def _with_lists(self, numbers: Iterable[int]) -> list[int]:
        """Those of some packages that are not parts of a binary."""
        return [number for number in numbers if number not in self._of_binaries]

    def map_visible(self) -> None:
        """Map all rows by the databases of the whole image."""
        listed, rows = self._listed, sum(map(len, self._tables))
        listed.read_all(self._real, self._directories.numbers.keys(), _FILES_PER_ROW * rows + _MIN_FILES)
        directory_owners = self._find_directory_owners(listed)
        info = self._directories.numbers.get(INFO_DIRECTORY)
        defaults_of = {copied: self._make_defaults(directory_owners, copied=copied) for copied in set(self._is_copied)}
        for layer, table in enumerate(self._tables):
            defaults = defaults_of[self._is_copied[layer]]
            special = self._files_by_directory(layer)
            numbers, listing = array("I"), array("I")
            for piece in self._runs.pieces(table, layer):
                spans = list(piece.spans())
                of_directories = chain.from_iterable(
                    repeat(defaults[directory], end - start) for start, end, directory in spans
                )
                of_files = list(map(listed.files.get, piece.paths, repeat(self._count)))
                listing.extend(of_files)
                found = [
                    of_directory if of_file == self._count else of_file
                    for of_file, of_directory in zip(of_files, of_directories, strict=True)
                ]
                for start, end, directory in spans:
                    if directory == info:
                        self._map_names(piece.paths, range(start, end), found, listed.owner_in_info)
                    elif directory in special and directory_owners[directory] < 0:
                        self._map_names(piece.paths, range(start, end), found, special[directory].get)
                numbers.extend(found)
            self._rows.append(numbers)
            self._listed_rows.append(listing)
            for row, path in table.paths.select_with(b".pyc\0") if listed.files else ():
                if path not in listed.files and (owner := listed.files.get(source_of(path))) is not None:
                    numbers[row] = owner

    def _map_names(
        self, paths: Sequence[bytes], rows: Iterable[int], numbers: list[int], owner_of: Callable[[bytes], int | None]
    ) -> None:
        """Give rows that no package lists the owners of their names, where there are."""
        for row in rows:
            if numbers[row] >= self._count:
                owner = owner_of(paths[row].rpartition(b"/")[2])
                if owner is not None:
                    numbers[row] = owner

    def _find_directory_owners(self, listed: Listed) -> list[int]:
        """By number of a directory, the package that owns it or the innermost directory above it; -1 if there is none."""
        if not listed.directories:
            return [-1] * len(self._directories)
        owners: list[int] = []
        parents = self._directories.parents
        for number, own in enumerate(map(listed.directories.get, self._directories.paths)):
            inherited = owners[parents[number]] if number else -1
            owners.append(inherited if own is None else own)
        return owners

    def _make_defaults(self, directory_owners: Sequence[int], *, copied: bool) -> list[int]:
        """By number of a directory, the owner of its files that no package lists."""
        kinds = self._unowned_numbers(copied=copied)
        return [
            kinds[kind] if owner < 0 else owner
            for owner, kind in zip(directory_owners, self._places.by_directory, strict=True)
        ]

    def _unowned_numbers(self, *, copied: bool) -> list[int]:
        """By index of a kind of places, its number; ``copied`` for a layer whose files were copied from elsewhere."""
        kinds = self._places.copied if copied else range(len(self._places.copied))
        return [self._count + kind for kind in kinds]

    def _files_by_directory(self, layer: int) -> dict[int, dict[bytes, int]]:
        """By number of a directory, the numbers of the kinds of single files by name."""
        numbers = self._unowned_numbers(copied=self._is_copied[layer])
        return {
            directory: {name: numbers[kind] for name, kind in files.items()}
            for directory, files in self._places.files.items()
        }

    def map_lower_states(self) -> None:
        """Map rows by the databases of their own layers where these are not those of the whole image."""
        states = self._databases.states
        start = 0
        for layer in range(1, len(states) + 1):
            if layer == len(states) or states[layer] is not states[start]:
                if states[start] is not states[-1] and states[start] != states[-1]:
                    self._map_state(range(start, layer), states[start])
                start = layer

    def _map_state(self, layers: range, state: IntArray) -> None:
        """Map the rows of layers that have the same databases, which are not those of the whole image."""
        installed = frozenset(self._databases.installed)
        listing = [number for number in self._with_lists(state) if number not in self._listed.dropped]
        lost = [number for number in listing if number not in installed]
        rows = {layer: self._rows_to_map(layer, bool(lost)) for layer in layers}
        if not any(rows.values()):
            return
        paths = {layer: list(self._tables[layer].paths.select(own)) for layer, own in rows.items()}
        listed = Listed(self._databases.records, listing, self._kept, self._meter)
        packages, whole = frozenset(state), self._listed.files
        wanted = {name for own in paths.values() for path in own for name in (path, source_of(path))}
        listed.read_some(self._real, wanted, lost)
        # Files that a package of the whole image took over from others, which may be there still
        taken = [path for path in wanted if path in whole and whole[path] not in packages and path not in listed.files]
        if taken:
            listed.read_some(self._real, taken, sorted(packages.intersection(self._with_lists(installed))))
        view = LowerView(self._listed, listed, packages, frozenset(lost), self._directories)
        for layer in layers:
            numbers, hiders = self._rows[layer], self._hidden_by[layer]
            kinds, special = self._unowned_numbers(copied=self._is_copied[layer]), self._files_by_directory(layer)
            for row, path in zip(rows[layer], paths[layer], strict=True):
                directory, _, name = path.rpartition(b"/")
                place = self._directories.numbers[directory]
                owner = view.lost_owner(path, place) if hiders[row] < 0 else view.owner(path, place)
                if owner is None and hiders[row] >= 0:
                    default = kinds[self._places.by_directory[place]]
                    owner = special[place].get(name, default) if place in special else default
                if owner is not None:
                    numbers[row] = owner

    def _rows_to_map(self, layer: int, has_lost: bool) -> list[int]:  # noqa: FBT001
        """The hidden rows of a layer, and if packages of its databases are gone, also those without an owner."""
        hiders, numbers = self._hidden_by[layer], self._rows[layer]
        rows = list(compress(range(len(hiders)), map((-1).__lt__, hiders)))
        if not has_lost:
            return rows
        return sorted({*rows, *compress(range(len(numbers)), map(self._count.__le__, numbers))})

    def map_binaries(self) -> None:
        """Map binaries that no package owns to the packages that they are made of."""
        records = self._databases.records
        for numbers, binaries in zip(self._rows, self._databases.in_binaries, strict=True):
            for row, packages in binaries.items():
                own = next((package for package in packages if any(True for _ in records[package].list_files())), None)
                if numbers[row] >= self._count:
                    numbers[row] = numbers[row] if own is None else own
                elif numbers[row] not in packages:
                    for package in packages:
                        self._listed.shared.setdefault(package, {})[numbers[row]] = None

    def map_hard_links(self) -> None:
        """Map files without an owner that packages own by hard links in the same layer, as a store of pnpm has them."""
        for layer, (table, numbers) in enumerate(zip(self._tables, self._rows, strict=True)):
            links = {
                clean_name(target): numbers[row]
                for row, target in sorted(table.links.items(), reverse=True)
                if table.kinds[row] == HARD_LINK and numbers[row] < self._count
            }
            for row, path in find_rows(links.keys(), table, layer, self._runs) if links else ():
                if numbers[row] >= self._count and table.sizes[row]:
                    numbers[row] = links[path]

    def ownership(self) -> Ownership:
        """All that was found."""
        databases, listing = self._databases, None
        if self._kept.has_all_lists and self._meter.remaining >= 0:
            numbers, contested = self._with_lists(databases.installed), self._listed.contested
            listing = ListedRows(databases.records, numbers, self._listed_rows, contested)
        return Ownership(
            records=databases.records,
            unowned=self._places.kinds,
            rows=tuple(self._rows),
            installed=frozenset(databases.installed).difference(self._listed.dropped),
            first_layers=databases.first_layers,
            owned_by={number: tuple(sorted(owners)) for number, owners in self._listed.shared.items()},
            warnings=(*databases.warnings, *([_TOO_MANY_FILES] if self._meter.remaining < 0 else [])),
            listed=listing,
        )


def _find_copied(steps: Sequence[BuildStep], databases: Databases) -> list[bool]:
    """By layer, whether its step copied files that were made elsewhere, and no system with its databases."""
    with_system = {
        layer
        for record, layer in zip(databases.records, databases.first_layers, strict=True)
        if record.ecosystem in OF_SYSTEM
    }
    copies = (StepKind.COPY, StepKind.ADD)
    return [step.kind in copies and layer not in with_system for layer, step in enumerate(steps)]
