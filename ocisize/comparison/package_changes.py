"""The packages whose files differ between two images: the files that changed, added up by the package that owns them."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence

from ocisize.model.analysis import Analysis
from ocisize.model.causes import PackageChange
from ocisize.model.comparison import LayerChange
from ocisize.model.file_changes import FileChanges, FileColumns, column_of
from ocisize.packages.installed import PackageName, PackageOwners, find_owners
from ocisize.tar.filetable import IntArray
from ocisize.values import define


@define
class _Tally:
    """Files of one package in one layer."""

    count: int = 0
    size: int = 0
    compressed: int = 0


class _Side:
    """The changed files of one image, added up by layer and package."""

    def __init__(self, analysis: Analysis, stored: FileColumns, rows: IntArray) -> None:
        tables = [layer.files for layer in analysis.layers if layer.files is not None]
        changed = [row for row in rows if row >= 0]
        paths = column_of(stored.paths, changed)
        has_databases = any(table.contents for table in tables)
        self._owners = find_owners(paths, tables) if has_databases else PackageOwners({}, {})
        self._tallies: dict[int | None, dict[PackageName, _Tally]] = {}
        self.owned = {row for row, path in zip(changed, paths, strict=True) if path in self._owners.owners}
        self.has_downloads = stored.compressed_sizes is not None
        for row in self.owned:
            packages = self._tallies.setdefault(stored.layers[row], defaultdict(_Tally))
            tally = packages[self._owners.owners[stored.paths[row]]]
            tally.count += 1
            tally.size += stored.sizes[row]
            tally.compressed += stored.compressed_size(row) or 0

    def in_layer(self, index: int | None) -> dict[PackageName, _Tally]:
        """The packages of a layer; none if there is no layer."""
        return self._tallies.get(index, {})

    def version(self, package: PackageName) -> str | None:
        """The version of a package, None if the image does not have it or it is not known."""
        return self._owners.versions.get(package)


def find_package_changes(
    before: Analysis, after: Analysis, layers: Sequence[LayerChange], changes: FileChanges
) -> tuple[tuple[PackageChange, ...], FileChanges]:
    """Return the packages whose files differ, by layer, the largest change first; and the changes of all other files.

    None is found in an analysis without the databases of package managers, which ``Analyzer.keep_packages`` keeps.
    """
    old = _Side(before, changes.before, changes.before_rows)
    new = _Side(after, changes.after, changes.after_rows)
    if not old.owned and not new.owned:
        return (), changes
    found = [
        _change(layer, package, old, new)
        for layer in layers
        for package in {**old.in_layer(layer.before), **new.in_layer(layer.after)}
    ]
    found.sort(key=lambda change: (-abs(change.weight), change.manager, change.name))
    return tuple(found), _without(changes, old.owned, new.owned)


def _change(layer: LayerChange, package: PackageName, old: _Side, new: _Side) -> PackageChange:
    ours = old.in_layer(layer.before).get(package, _Tally())
    theirs = new.in_layer(layer.after).get(package, _Tally())
    known = old.has_downloads and new.has_downloads
    return PackageChange(
        manager=package.manager,
        name=package.name,
        before_version=old.version(package),
        after_version=new.version(package),
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
