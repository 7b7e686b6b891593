"""The packages whose files differ between two images: the files that changed, added up by the package that owns them."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import compress

from ocisize.filesystem.directories import find_runs
from ocisize.filesystem.visibility import overlay_of
from ocisize.inventory.owners import Ownership, assign_owners
from ocisize.inventory.record import PackageRecord
from ocisize.model.analysis import Analysis
from ocisize.model.causes import PackageChange
from ocisize.model.comparison import LayerChange
from ocisize.model.file_changes import FileChanges, FileColumns, column_of
from ocisize.tar.filetable import IntArray
from ocisize.tuples import NamedTuple
from ocisize.values import define, field


class _PackageName(NamedTuple):
    """A package of any version, wherever it is installed."""

    ecosystem: str
    name: str


@define
class _Tally:
    """Files of one package in one layer."""

    count: int = 0
    size: int = 0
    compressed: int = 0
    versions: set[str] = field(factory=set)


class _Side:
    """The changed files of one image, added up by layer and package."""

    def __init__(self, analysis: Analysis, stored: FileColumns, rows: IntArray) -> None:
        """``stored`` are the files of some layers of the image, of which ``rows`` changed; -1 is none."""
        self.has_downloads = stored.compressed_sizes is not None
        self.owned: set[int] = set()  #: the changed rows that belong to a package
        self._tallies: dict[int | None, dict[_PackageName, _Tally]] = {}
        self._versions: dict[_PackageName, set[str]] = defaultdict(set)
        ownership = find_ownership(analysis)
        if ownership is None:
            return
        for number in ownership.installed:
            record = ownership.records[number]
            self._versions[_name(record)].add(record.version)
        self._add_up(stored, rows, _list_owners(analysis, stored, ownership), ownership.records)

    def _add_up(self, stored: FileColumns, rows: IntArray, owners: IntArray, records: Sequence[PackageRecord]) -> None:
        for row in rows:
            if row < 0 or owners[row] >= len(records):
                continue
            record = records[owners[row]]
            self.owned.add(row)
            tally = self._tallies.setdefault(stored.layers[row], defaultdict(_Tally))[_name(record)]
            tally.count += 1
            tally.size += stored.sizes[row]
            tally.compressed += stored.compressed_size(row) or 0
            tally.versions.add(record.version)

    def in_layer(self, index: int | None) -> dict[_PackageName, _Tally]:
        """The packages of a layer; none if there is no layer."""
        return self._tallies.get(index, {})

    def version(self, package: _PackageName, index: int | None) -> str | None:
        """The version of a package in a layer, or else in the image; None if it has none, or several."""
        tally = self.in_layer(index).get(package)
        versions = tally.versions if tally is not None else self._versions.get(package, ())
        return next(iter(versions)) or None if len(versions) == 1 else None


def _name(record: PackageRecord) -> _PackageName:
    return _PackageName(record.ecosystem, record.name)


def find_ownership(analysis: Analysis) -> Ownership | None:
    """Return the owners of all rows; None of an analysis without file tables or databases of package managers."""
    tables = [layer.files for layer in analysis.layers if layer.files is not None]
    if len(tables) < len(analysis.layers) or not any(table.contents or table.excerpts for table in tables):
        return None
    steps = [layer.build_step for layer in analysis.layers]
    return assign_owners(tables, overlay_of(analysis).hidden_by, find_runs(tables), steps, system=analysis.system)


def _list_owners(analysis: Analysis, stored: FileColumns, ownership: Ownership) -> IntArray:
    """The number of the owner of each stored file: those rows of file tables that have content."""
    owners = array("I")
    for index in dict.fromkeys(stored.layers):
        table = analysis.layers[index].files
        if table is not None:
            owners.extend(compress(ownership.rows[index], table.sizes))
    return owners


def find_package_changes(
    before: Analysis, after: Analysis, layers: Sequence[LayerChange], changes: FileChanges
) -> tuple[tuple[PackageChange, ...], FileChanges]:
    """Return the packages whose files differ, by layer, the largest change first; and the changes of all other files.

    None is found in an analysis without the databases of package managers, which ``Analyzer.keep_packages`` keeps.
    """
    if not len(changes):
        return (), changes
    old = _Side(before, changes.before, changes.before_rows)
    new = _Side(after, changes.after, changes.after_rows)
    if not old.owned and not new.owned:
        return (), changes
    found = list(_list_changes(layers, old, new))
    found.sort(key=lambda change: (-abs(change.weight), change.ecosystem, change.name))
    return tuple(found), _without(changes, old.owned, new.owned)


def _list_changes(layers: Sequence[LayerChange], old: _Side, new: _Side) -> Iterator[PackageChange]:
    for layer in layers:
        for package in {**old.in_layer(layer.before), **new.in_layer(layer.after)}:
            yield _change(layer, package, old, new)


def _change(layer: LayerChange, package: _PackageName, old: _Side, new: _Side) -> PackageChange:
    ours = old.in_layer(layer.before).get(package, _Tally())
    theirs = new.in_layer(layer.after).get(package, _Tally())
    known = old.has_downloads and new.has_downloads
    return PackageChange(
        ecosystem=package.ecosystem,
        name=package.name,
        before_version=old.version(package, layer.before),
        after_version=new.version(package, layer.after),
        before=layer.before,
        after=layer.after,
        file_count=max(ours.count, theirs.count),
        before_size=ours.size,
        after_size=theirs.size,
        before_compressed_size=ours.compressed if known else None,
        after_compressed_size=theirs.compressed if known else None,
    )


def _without(changes: FileChanges, owned_before: set[int], owned_after: set[int]) -> FileChanges:
    """The changes of files that no package owns, in AFTER or else in BEFORE."""
    pairs = zip(changes.before_rows, changes.after_rows, strict=True)
    kept = [
        position
        for position, (old, new) in enumerate(pairs)
        if new not in owned_after and (new >= 0 or old not in owned_before)
    ]
    return FileChanges(
        changes.before,
        changes.after,
        bytes(column_of(changes.kinds, kept)),
        array("q", column_of(changes.before_rows, kept)),
        array("q", column_of(changes.after_rows, kept)),
    )
