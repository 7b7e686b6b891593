"""The inventory of an image: the bytes of each package and of the files that none owns, made of the owners of all rows."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress, islice
from operator import ne
from typing import TypeAlias, TypedDict

from ocisize.inventory.main_directory import find_main_directory
from ocisize.inventory.owners import Ownership
from ocisize.inventory.purl import purl_of
from ocisize.inventory.reasons import Why, find_reasons, group_records
from ocisize.inventory.record import PackageRecord
from ocisize.inventory.unowned import UnownedKind
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.build_step import StepKind
from ocisize.model.packages import Inventory, Package, PackageReason, Unowned, UnownedFiles
from ocisize.model.sizes import paid_layers, sum_known, uppermost_layers, weight_of
from ocisize.model.system import System
from ocisize.sizes.directories import sum_runs
from ocisize.sizes.rows import GroupTotals, add_figures, file_flags, require_table
from ocisize.tar.excerpt_rows import find_excerpt_rows
from ocisize.tar.filetable import FileTable, IntArray
from ocisize.text import decode_name

MAX_UNOWNED = 30  #: named groups of one kind of files without a package; the others of the kind are one group
#: steps that bring a system with its packages, which no command of theirs named
_WITHOUT_COMMANDS = (StepKind.ROOT_FILESYSTEM, StepKind.ADD, StepKind.COPY)
_Why: TypeAlias = tuple[PackageReason, tuple[str, ...], int | None]
_UNKNOWN: _Why = (PackageReason.UNKNOWN, (), None)


class _Sizes(TypedDict):
    content_size: int
    wasted_size: int
    compressed_size: int | None
    wasted_compressed_size: int | None
    file_count: int


def make_inventory(ownership: Ownership, layers: Sequence[LayerAnalysis], system: System) -> Inventory:
    """Sum the rows of each owner.

    Args:
        ownership: the owners of all rows.
        layers: the layers, base first, with their file tables; ValueError for layers without.
        system: that of the image, for the URLs of packages.

    """
    sums = _Sums(ownership, layers)
    return Inventory(
        packages=tuple(_make_packages(ownership, sums, layers, system)),
        unowned=tuple(_make_unowned(ownership, sums)),
        overhead_size=sums.overhead_size,
        warnings=(*(ownership.warnings or _warn_of_unread(system)), *_warn_of_tables_of_contents(layers)),
    )


def _warn_of_unread(system: System) -> tuple[str, ...]:
    """A warning if the image has a package manager whose database was not kept: then nothing could fail to read it."""
    if system.package_manager is None or system.packages is not None:
        return ()
    return (f"the database of {system.package_manager} is not in the image, or too large",)


def _warn_of_tables_of_contents(layers: Sequence[LayerAnalysis]) -> list[str]:
    """A warning for each layer whose executables and jars were not read."""
    return [
        f"layer {layer.index} was read from its table of contents: packages in its executables and jars are unknown"
        for layer in layers
        if layer.toc is not None and find_excerpt_rows(require_table(layer))
    ]


class _Sums:
    """The figures of all owners, by their numbers."""

    def __init__(self, ownership: Ownership, layers: Sequence[LayerAnalysis]) -> None:
        count = len(ownership.records) + len(ownership.unowned)
        self.known = all(require_table(layer).compressed_sizes is not None for layer in layers)
        self._totals = GroupTotals(self.known, *(array("q", bytes(8 * count)) for _ in range(5)))

        self._layers: list[dict[int, int]] = [{} for _ in range(count)]  # by owner: bytes by layer
        # Of files without a package whose name is no path: by owner, the bytes of content directly in each directory
        self._directories: dict[int, defaultdict[bytes, int]] = {
            number: defaultdict(int)
            for number, unowned in enumerate(ownership.unowned, len(ownership.records))
            if not unowned.name.startswith("/")
        }
        uppermost = uppermost_layers(layers)
        for layer, numbers in zip(layers, ownership.rows, strict=True):
            # Owners of a repeated blob may differ by layer: the uppermost layer decides about its waste, so also about this
            self._add(layer, numbers, downloads=self.known and uppermost[layer.digest] is layer)
        paid = [layer for layer, pays in zip(layers, paid_layers(layers), strict=True) if pays]
        self.overhead_size = sum_known(require_table(layer).overhead for layer in paid) if self.known else None

    def _add(self, layer: LayerAnalysis, numbers: IntArray, *, downloads: bool) -> None:
        table, totals = require_table(layer), self._totals
        # Rows of one owner mostly follow each other, and the sums of such runs are made in C
        starts = [0, *compress(range(1, len(numbers)), map(ne, islice(numbers, 1, None), numbers))] if numbers else []
        owners, bounds = list(map(numbers.__getitem__, starts)), [*starts, len(numbers)]
        content: defaultdict[int, int] = defaultdict(int)
        for number, size in zip(owners, sum_runs(table.sizes, bounds), strict=True):
            content[number] += size
        for number, size in content.items():
            totals.content[number] += size
            self._layers[number][layer.index] = size
        add_figures(totals.files, owners, sum_runs(file_flags(table), bounds))
        self._add_directories(table, owners, bounds)
        shares = table.compressed_sizes if downloads else None
        if shares is not None:
            add_figures(totals.compressed, owners, sum_runs(shares, bounds))
        if layer.wasted_size and layer.hidden_by is not None:
            for row in compress(range(len(numbers)), map((-1).__lt__, layer.hidden_by)):
                if table.sizes[row]:
                    totals.wasted[numbers[row]] += table.sizes[row]
                    if shares is not None:
                        totals.wasted_compressed[numbers[row]] += shares[row]

    def _add_directories(self, table: FileTable, owners: Sequence[int], bounds: Sequence[int]) -> None:
        rows: defaultdict[int, list[int]] = defaultdict(list)
        for owner, start, end in zip(owners, bounds, bounds[1:], strict=False):
            if owner in self._directories:
                rows[owner] += range(start, end)
        for owner, own in rows.items():
            sizes = self._directories[owner]
            for row, path in zip(own, table.paths.select(own), strict=True):
                sizes[path[: path.rfind(b"/") + 1]] += table.sizes[row]

    def path(self, groups: Mapping[int, UnownedKind]) -> str:
        """The ``UnownedFiles.path`` of kinds by number."""
        sizes: defaultdict[bytes, int] = defaultdict(int)
        for number, kind in groups.items():
            place = kind.name[1:].encode("utf-8", "surrogateescape") + b"/"
            for directory, size in self._directories.get(number, {place: self.content((number,))}).items():
                sizes[directory] += size
        return "/" + decode_name(find_main_directory(sizes)[:-1])

    def has_rows(self, numbers: Iterable[int]) -> bool:
        """Whether any row belongs to some owners."""
        return any(self._layers[number] for number in numbers)

    def content(self, numbers: Iterable[int]) -> int:
        """Bytes of content of some owners."""
        return sum(self._totals.content[number] for number in numbers)

    def sizes(self, numbers: Sequence[int]) -> _Sizes:
        """The figures of some owners together, as the fields of ``OwnedSizes``."""
        content, wasted, compressed, wasted_compressed, files = (
            sum(map(column.__getitem__, numbers)) for column in self._totals.columns
        )
        return {
            "content_size": content,
            "wasted_size": wasted,
            "compressed_size": compressed if self.known else None,
            "wasted_compressed_size": wasted_compressed if self.known else None,
            "file_count": files,
        }

    def main_layer(self, numbers: Iterable[int]) -> int | None:
        """The layer that has most bytes of some owners, the lowest of several; None if they have no rows."""
        by_layer: defaultdict[int, int] = defaultdict(int)
        for number in numbers:
            for layer, size in self._layers[number].items():
                by_layer[layer] += size
        return min(by_layer, key=lambda layer: (-by_layer[layer], layer), default=None)


def _make_packages(ownership: Ownership, sums: _Sums, layers: Sequence[LayerAnalysis], system: System) -> list[Package]:
    """The packages, the largest first. Those of lower layers without files are left out."""
    records, installed = ownership.records, ownership.installed
    groups = [
        sorted(numbers, key=lambda number: number not in installed)  # the installed ones describe the package
        for numbers in group_records(range(len(records)), records).values()
        if not installed.isdisjoint(numbers) or sums.has_rows(numbers)
    ]
    present = [numbers for numbers in groups if numbers[0] in installed]
    bases = {layer.index for layer in layers if layer.build_step.kind in _WITHOUT_COMMANDS}
    in_base = {place for place, numbers in enumerate(present) if ownership.first_layers[numbers[0]] in bases}
    reasons = find_reasons(
        [[records[number] for number in numbers if number in installed] for numbers in present],
        [sums.content(numbers) for numbers in present],
        in_base,
    )
    why = {numbers[0]: reason for numbers, reason in zip(present, reasons, strict=True)}
    packages = [_make_package(ownership, numbers, sums, why.get(numbers[0]), system) for numbers in groups]
    return sorted(packages, key=_package_order)


def _package_order(package: Package) -> tuple[int, str, str, str, str, str]:
    weight = weight_of(package.compressed_size, package.content_size)
    return (-weight, package.ecosystem, package.name, package.version, package.place, package.architecture)


def _make_package(ownership: Ownership, numbers: Sequence[int], sums: _Sums, why: Why | None, system: System) -> Package:
    record: PackageRecord = ownership.records[numbers[0]]
    layer = sums.main_layer(numbers)
    owners = {owner for number in numbers for owner in ownership.owned_by.get(number, ())}.difference(numbers)
    reason, needed_by, exclusive_size = why if why is not None else _UNKNOWN
    return Package(
        **sums.sizes(numbers),
        ecosystem=record.ecosystem,
        name=record.name,
        version=record.version,
        purl=purl_of(record, system),
        place=decode_name(record.place),
        database=decode_name(record.database),
        layer=min(ownership.first_layers[number] for number in numbers) if layer is None else layer,
        installed=numbers[0] in ownership.installed,
        reason=reason,
        needed_by=needed_by,
        exclusive_size=exclusive_size,
        architecture=record.architecture,
        source=record.source,
        source_version=record.source_version,
        vendor=record.vendor,
        licenses=record.licenses,
        owned_by=tuple(sorted({ownership.records[owner].name for owner in owners})),
    )


def _make_unowned(ownership: Ownership, sums: _Sums) -> list[UnownedFiles]:
    """The files without a package by kind and name; the smaller groups of a kind, and empty ones, are one without a name."""
    first = len(ownership.records)
    by_kind: defaultdict[Unowned, list[int]] = defaultdict(list)
    for number, unowned in enumerate(ownership.unowned, first):
        if sums.has_rows((number,)):
            by_kind[unowned.kind].append(number)
    found = []
    for kind, numbers in by_kind.items():
        numbers.sort(key=lambda number: (-sums.content((number,)), ownership.unowned[number - first].name))
        named = sum(sums.content((number,)) > 0 for number in numbers[:MAX_UNOWNED])
        groups = [(ownership.unowned[number - first], [number]) for number in numbers[:named]]
        if len(numbers) > named:
            groups.append((UnownedKind(kind, ""), numbers[named:]))
        found += [
            UnownedFiles(
                **sums.sizes(own),
                kind=kind,
                name=name,
                layer=sums.main_layer(own) or 0,
                path=sums.path({number: ownership.unowned[number - first] for number in own}),
            )
            for (_, name), own in groups
        ]
    return sorted(
        found, key=lambda files: (-weight_of(files.compressed_size, files.content_size), files.kind.value, files.name)
    )
